"""What a deployment is told: made from the teams, complete, and each container with its own secrets alone."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile import lineage, read_stages
from repository import ROOT

from headgate.team import Team, list_teams
from headgate_control.cli import main
from headgate_control.deployment.compose import compose, find_owners
from headgate_control.deployment.dagster_cloud import dagster_cloud
from headgate_control.deployment.naming import Images, host_part
from headgate_control.deployment.variables import environment_file
from headgate_control.rollout import RolloutError
from headgate_control.team_admin.example import SEED
from headgate_control.team_admin.rendering import Plan, render

TEAMS = list_teams(ROOT)
NAMES = [team.name for team in TEAMS]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return compose(TEAMS, Images(registry="registry.example/acme", tag="abc"))


def read_variables(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, value in pairs}


def run(command: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    assert main(["deployment", *command]) == 0
    return yaml.safe_load(capsys.readouterr().out)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the real teams, for others to come and go."""
    root = tmp_path / "repository"
    for folder in ("teams", "libs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (root / "headgate").write_text("", encoding="utf-8")
    monkeypatch.setenv("HEADGATE_ROOT", str(root))
    monkeypatch.setenv("HEADGATE_HOME", str(tmp_path / "home"))
    return root


def test_a_new_team_is_in_every_deployment_and_a_removed_one_in_none(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = run(["compose"], capsys), run(["dagster-cloud"], capsys)
    folder = root / "teams" / "field_sales"
    for name, text in render(Plan("field_sales", SEED, with_ml=True)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")

    composed, located = run(["compose"], capsys), run(["dagster-cloud"], capsys)
    service = composed["services"]["code-field-sales"]
    assert service["image"] == "headgate-field-sales:latest"
    assert service["build"]["args"] == {"TEAM": "field_sales"}
    assert "HEADGATE_PASSWORD_FIELD_SALES" in composed["services"]["prepare"]["environment"]
    assert {"state-field_sales", "lake-field_sales"} <= composed["volumes"].keys()
    servers = yaml.safe_load(composed["configs"]["workspace"]["content"])["load_from"]
    entry = {"host": "code-field-sales", "port": 4000, "location_name": "field_sales"}
    assert {"grpc_server": entry} in servers
    assert "field_sales" in [location["location_name"] for location in located["locations"]]
    assert main(["deployment", "env"]) == 0
    assert read_variables(capsys.readouterr().out)["HEADGATE_PASSWORD_FIELD_SALES"]

    shutil.rmtree(folder)
    assert (run(["compose"], capsys), run(["dagster-cloud"], capsys)) == before


def test_the_compose_file_names_only_what_is_there(document: dict[str, Any]) -> None:
    services, stages = document["services"], read_stages()
    assert len(services) == 4 + len(TEAMS)
    images = {service["image"] for service in services.values() if "build" in service} | {"postgres:18"}
    for service in services.values():
        assert service["image"] in images
        assert service.get("depends_on", {}).keys() <= services.keys()
        assert {config["source"] for config in service.get("configs", [])} <= document["configs"].keys()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0] if isinstance(volume, str) else volume["source"]
            assert source in document["volumes"]
        if build := service.get("build"):
            assert (ROOT / "deploy" / build["context"] / build["dockerfile"]).is_file()
            arguments = {text.split("=")[0] for one in lineage(build["target"]) for text in one.of("ARG")}
            assert build["target"] in stages and build.get("args", {}).keys() <= arguments
    used = set(re.findall(r"\$\{(\w+)", yaml.safe_dump(document)))
    assert used == read_variables(environment_file(TEAMS)).keys()


def test_folders_that_are_mounted_exist_in_the_image_with_its_user_as_owner(document: dict[str, Any]) -> None:
    """A new volume takes the owner of the folder below it; without one it would be root's."""
    commands = " ".join(text for one in lineage("code") for text in one.of("RUN"))
    for team in NAMES:
        for volume in document["services"][f"code-{host_part(team)}"]["volumes"]:
            if isinstance(volume, str):
                place = volume.split(":")[1].replace(f"/lake/{team}", "/lake/$TEAM")
                assert re.search(rf"mkdir[^&]*{re.escape(place)}", commands), place


def test_a_container_is_told_its_own_secrets_alone(document: dict[str, Any]) -> None:
    for team in TEAMS:
        environment = document["services"][f"code-{host_part(team.name)}"]["environment"]
        told = set(re.findall(r"\$\{(\w+)", yaml.safe_dump(environment)))
        own = {f"HEADGATE_PASSWORD_{team.name.upper()}", "HEADGATE_PASSWORD_DAGSTER", "HEADGATE_MASKING_KEY"}
        assert told == own | set(team.secrets)
    knowing = [
        name for name, service in document["services"].items() if "HEADGATE_ADMIN_PASSWORD" in yaml.safe_dump(service)
    ]
    assert knowing == ["postgres", "prepare"]


def test_a_team_sees_what_it_reads_and_cannot_write_it(document: dict[str, Any]) -> None:
    for team in TEAMS:
        mounts = [
            one for one in document["services"][f"code-{host_part(team.name)}"]["volumes"] if isinstance(one, dict)
        ]
        sources = {one["source"] for one in mounts}
        assert all(one["read_only"] for one in mounts) and f"lake-{team.name}" not in sources
        assert {f"lake-{table.split('.')[0]}" for table in team.consumes} <= sources
        assert not [source for source in sources if source.startswith("state-")]
    assert "analytics" in find_owners(next(team for team in TEAMS if team.name == "ml"))


def test_nothing_listens_beyond_this_machine(document: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in document["services"].items() if "ports" in service}
    assert ports == {"web": ["127.0.0.1:3000:3000"]}


def test_owners_come_before_their_consumers(document: dict[str, Any]) -> None:
    assert "code-analytics" in document["services"]["code-ml"]["depends_on"]
    located = [one["location_name"] for one in dagster_cloud(TEAMS, Images())["locations"]]
    assert sorted(located) == NAMES and located.index("analytics") < located.index("ml")


def test_a_circle_has_no_order() -> None:
    teams = [
        Team(name=name, folder=ROOT / "nowhere", description="", owner="team:x", consumes={f"{other}.t": ">=1"})
        for name, other in (("a", "b"), ("b", "a"))
    ]
    for make in (compose, dagster_cloud):
        with pytest.raises(RolloutError, match="a, b consume each other"):
            make(teams, Images())


def test_a_branch_deployment_works_on_its_branch_and_holds_no_secret() -> None:
    branch = dagster_cloud(TEAMS, Images("registry.example/acme/", "abc"), branch="try_1")
    main_ = dagster_cloud(TEAMS, Images("registry.example/acme/", "abc"))
    for team, one, other in zip(NAMES, branch["locations"], main_["locations"], strict=True):
        assert one["image"] == other["image"] == f"registry.example/acme/headgate-{host_part(team)}:abc"
        assert one["code_source"] == {"module_name": f"{team}.definitions"}
        context = one["container_context"]["k8s"]
        assert "HEADGATE_BRANCH=try_1" in context["env_vars"] and "HEADGATE_ENVIRONMENT=branch" in context["env_vars"]
        assert context["env_secrets"] == [f"headgate-{host_part(team)}"]
        assert "HEADGATE_ENVIRONMENT=prod" in other["container_context"]["k8s"]["env_vars"]
    assert "PASSWORD" not in yaml.safe_dump(branch)


def test_passwords_are_new_each_time_and_no_two_are_alike() -> None:
    first, second = (read_variables(environment_file(TEAMS)) for _ in range(2))
    generated = {name: value for name, value in first.items() if name.startswith("HEADGATE_")}
    assert min(map(len, generated.values())) >= 32 and len(set(generated.values())) == len(generated)
    assert not set(generated.values()) & set(second.values())
    assert {name for name, value in first.items() if not value} == {name for team in TEAMS for name in team.secrets}


@pytest.mark.parametrize("arguments", [["compose", "--branch", "x"], ["dagster-cloud", "--branch", "../x"], ["helm"]])
def test_what_cannot_be_made_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deployment", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err
