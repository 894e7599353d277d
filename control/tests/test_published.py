"""What a dbt project publishes is taken for published: by consumers' checks, new teams and whoever asks for a contract."""

import json
from pathlib import Path
from typing import Any

import pytest

from headgate.environment import Settings
from headgate.orchestration.dbt.manifest import slim
from headgate.orchestration.dbt.project import _fingerprint
from headgate.team import list_teams, read_team
from headgate_control.preflight import PreflightError, check_consumption
from headgate_control.published import find_contract, read_contracts
from headgate_control.team_admin.example import ExampleError, example_from
from headgate_control.team_admin.removing import find_consumers

MANIFEST = '[project]\nname = "{name}"\n[tool.headgate]\nowner = "team:{name}"\n[tool.headgate.consumes]\n{consumes}\n'
DAY = {"name": "day", "description": "The day, UTC.", "data_type": "date", "constraints": [{"type": "not_null"}]}
MODEL: dict[str, Any] = {
    "unique_id": "model.shop.days",
    "name": "days",
    "resource_type": "model",
    "access": "public",
    "original_file_path": "models/days.sql",
    "patch_path": "shop://models/days.yml",
    "description": "Days counted. Grain is one row a day.",
    "columns": {"day": DAY},
    "config": {"materialized": "table", "contract": {"enforced": True}, "meta": {"headgate": {"version": "2.1.0"}}},
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Team shop has a dbt project with one public model; team billing consumes it. Nobody has an environment."""
    settings = Settings(root=tmp_path / "root", home=tmp_path / "home")
    for name, consumes in (("shop", ""), ("billing", '"shop.days" = ">=1,<2"')):
        folder = settings.root / "teams" / name
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(MANIFEST.format(name=name, consumes=consumes), encoding="utf-8")
    project = settings.root / "teams" / "shop" / "dbt"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: shop\n", encoding="utf-8")
    read_team.cache_clear()
    return settings


def parse(settings: Settings) -> None:
    """Leaves what parsing the project leaves: dbt's manifest, slim."""
    project = settings.root / "teams" / "shop" / "dbt"
    state = settings.state_folder / "dbt" / "shop" / f"{_fingerprint(project, settings)}-1"
    state.mkdir(parents=True)
    manifest = {"nodes": {MODEL["unique_id"]: MODEL}, "metadata": {"project_name": "shop"}}
    (state / "graph.json").write_text(json.dumps(slim(manifest)), encoding="utf-8")


def test_a_version_that_is_not_accepted_is_refused_before_anything_runs(settings: Settings) -> None:
    check_consumption(settings)  # not parsed, and nobody to do it: reading the table will tell
    parse(settings)
    with pytest.raises(PreflightError, match=r"accepts shop\.days in versions >=1,<2, and shop publishes 2\.1\.0"):
        check_consumption(settings)
    manifest = settings.root / "teams" / "billing" / "pyproject.toml"
    manifest.write_text(MANIFEST.format(name="billing", consumes='"shop.weeks" = ">=1"'), encoding="utf-8")
    read_team.cache_clear()
    with pytest.raises(PreflightError, match=r"consumes shop\.weeks, which team shop does not publish") as caught:
        check_consumption(settings)
    assert "(days)" in caught.value.next_step


def test_a_new_team_begins_with_a_model_as_with_any_table(settings: Settings) -> None:
    parse(settings)
    example = example_from("shop.days", settings)
    assert (example.source_name, example.key, example.accepted) == ("shop.days", "day", ">=2.1,<3")
    with pytest.raises(ExampleError, match="team shop does not publish 'weeks'") as caught:
        example_from("shop.weeks", settings)
    assert "shop.days" in caught.value.next_step


def test_its_consumers_keep_the_team(settings: Settings) -> None:
    assert find_consumers(settings.root, "shop") == ["billing consumes shop.days"]


def test_its_contract_is_found_by_its_name_and_says_where_it_is_from(settings: Settings) -> None:
    parse(settings)
    [shop] = [team for team in list_teams(settings.root) if team.name == "shop"]
    contract = find_contract(settings, shop, "days")
    assert contract is not None and read_contracts(settings, shop) == {"days": contract}
    assert contract.path == shop.folder / "dbt" / "models" / "days.yml"
    assert find_contract(settings, shop, "weeks") is None
