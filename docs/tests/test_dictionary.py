"""The data dictionary: a page for every published table, with everything its contract says."""

import html
import json
import re
from pathlib import Path

import pytest

from headgate.contract import Contract, load_contracts
from headgate.environment import read_settings
from headgate.orchestration.dbt.manifest import slim
from headgate.orchestration.dbt.project import _fingerprint
from headgate.team import list_teams
from headgate_docs.dictionary import write_dictionary
from headgate_docs.pages import ROOT
from headgate_docs.site import Site

CONTRACTS = [contract for team in list_teams(ROOT) for contract in load_contracts(team.contracts_folder).values()]

_CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: shop.sales
name: sales
version: 1.2.3
status: active
schema:
  - name: sales
    description: Sold | counted. Grain is one row a sale.
    properties:
      - name: sale_id
        logicalType: integer
        description: The sale's *number*.
        primaryKey: true
        examples: [7]
      - name: buyer
        logicalType: string
        description: Who bought.
        classification: personal
        examples: [Jane Doe]
        customProperties:
          - property: masking
            value: mask
team:
  name: shop
"""


def _plain(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_there_are_tables_to_look_at() -> None:
    assert "analytics.order_data" in {contract.qualified_table for contract in CONTRACTS}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.qualified_table)
def test_a_table_has_a_page_with_every_column_and_rule(site: Site, contract: Contract) -> None:
    page = _plain(site.read(f"dictionary/{contract.team}/{contract.table}.html"))
    assert contract.version in page
    for column in contract.columns:
        assert f" {column.name} {column.sql_type} {'no' if column.required else 'yes'} " in page
    for rule in contract.rules:
        assert f" {rule.name} {rule.severity} " in page
    for level in contract.service_levels:
        assert f" {level.property} {level.value} {level.unit} " in page


def test_consumers_are_named_with_the_versions_they_accept(site: Site) -> None:
    page = _plain(site.read("dictionary/analytics/order_data.html"))
    [accepted] = [team.consumes["analytics.order_data"] for team in list_teams(ROOT) if team.name == "ml"]
    assert f"team ml accepts versions {accepted}" in page


def test_allowed_values_are_listed(site: Site) -> None:
    page = _plain(site.read("dictionary/analytics/customer_data.html"))
    assert "(allowed: premium , basic )" in page


def test_a_page_shows_a_contract_as_it_is_written_and_no_personal_example(tmp_path: Path) -> None:
    _make_team(tmp_path)
    write_dictionary(root=tmp_path, folder=tmp_path / "dictionary")
    page = (tmp_path / "dictionary" / "shop" / "sales.md").read_text(encoding="utf-8")
    assert "Sold \\| counted." in page
    assert "| grain | one row a sale |" in page
    assert "| `sale_id` | `BIGINT` | no |  | The sale's \\*number\\*. For example `7`. |" in page
    assert "| `buyer` | `VARCHAR` | yes | personal, published as a mask | Who bought. |" in page
    assert "Jane Doe" not in page


def test_the_page_of_a_table_that_is_gone_is_removed(tmp_path: Path) -> None:
    contract = _make_team(tmp_path)
    before = write_dictionary(root=tmp_path, folder=tmp_path / "dictionary")
    contract.unlink()
    after = write_dictionary(root=tmp_path, folder=tmp_path / "dictionary")
    assert {path.name for path in before} == {"index.md", "sales.md"}
    assert {path.name for path in after} == {"index.md"} == {p.name for p in (tmp_path / "dictionary").rglob("*.md")}


_GROUP = """
version: 2
models:
  - name: days
    description: Days counted. Grain is one row a day.
    access: public
"""


def test_a_public_model_of_dbt_is_a_table_like_others_once_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_HOME", str(tmp_path / "home"))
    _make_team(tmp_path)
    project = tmp_path / "teams" / "shop" / "dbt"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: shop\n", encoding="utf-8")
    (project / "models" / "days.yml").write_text(_GROUP, encoding="utf-8")
    write_dictionary(root=tmp_path, folder=tmp_path / "dictionary")
    index = (tmp_path / "dictionary" / "index.md").read_text(encoding="utf-8")
    assert "was not parsed yet" in index and "days" not in index

    # What parsing leaves: dbt's manifest, slim.
    settings = read_settings().model_copy(update={"root": tmp_path})
    state = settings.state_folder / "dbt" / "shop" / f"{_fingerprint(project, settings)}-1"
    state.mkdir(parents=True)
    day = {"name": "day", "description": "The day, UTC.", "data_type": "date", "constraints": [{"type": "not_null"}]}
    model = {
        **{"unique_id": "model.shop.days", "name": "days", "resource_type": "model", "access": "public"},
        **{"original_file_path": "models/days.sql", "patch_path": "shop://models/days.yml"},
        **{"description": "Days counted. Grain is one row a day.", "columns": {"day": day}},
        "config": {"materialized": "table", "contract": {"enforced": True}},
    }
    manifest = {"nodes": {model["unique_id"]: model}, "metadata": {"project_name": "shop"}}
    (state / "graph.json").write_text(json.dumps(slim(manifest)), encoding="utf-8")
    write_dictionary(root=tmp_path, folder=tmp_path / "dictionary")
    index = (tmp_path / "dictionary" / "index.md").read_text(encoding="utf-8")
    assert "[days](shop/days.md) | `1.0.0` | Days counted." in index and "[sales](shop/sales.md)" in index
    page = (tmp_path / "dictionary" / "shop" / "days.md").read_text(encoding="utf-8")
    assert "| `day` | `DATE` | no |  | The day, UTC. |" in page
    assert "version `1.0.0`, active, `teams/shop/dbt/models/days.yml`" in page
    assert "| `day__not_null` | error | `day` |" in page


def _make_team(root: Path) -> Path:
    team = root / "teams" / "shop"
    (team / "contracts").mkdir(parents=True)
    manifest = '[project]\nname = "shop"\n[tool.headgate]\nowner = "team:shop"\n'
    (team / "pyproject.toml").write_text(manifest, encoding="utf-8")
    contract = team / "contracts" / "sales.odcs.yaml"
    contract.write_text(_CONTRACT, encoding="utf-8")
    return contract
