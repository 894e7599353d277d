"""The compose file: PostgreSQL, one container a code location, web app and daemon.

What one team may see of another is in its mounts: its own zones, and read-only the published zones of those it reads.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from headgate.contract import load_contracts
from headgate.environment import Environment
from headgate.team import Team
from headgate_control.deployment.naming import (
    CODE_PORT,
    HOME,
    LAKE,
    RUN_LOGS,
    WEB_PORT,
    Images,
    code_host,
    password_variable,
)
from headgate_control.deployment.variables import ADMIN_PASSWORD, MASKING_KEY
from headgate_control.instance import PASSWORD_VARIABLE, instance_text
from headgate_control.rollout import rollout_stages
from headgate_control.zone_names import DAGSTER_ROLE, lake_database, login_roles

POSTGRES_IMAGE = "postgres:18"
KINDS = ("state", "lake")
"""Volumes of a team: what nobody else sees, its private zone too, and its published zone."""

_SERVER = "postgres:5432"
_DAGSTER_URL = f"postgresql://{DAGSTER_ROLE}@{_SERVER}/dagster"
_DOCKERFILE = "deploy/Dockerfile"
_WORKSPACE = str(HOME / "workspace" / "workspace.yaml")


def compose(teams: Sequence[Team], images: Images) -> dict[str, Any]:
    """The document, to be kept in `deploy/`: paths in it are relative to that folder.

    Raises:
        RolloutError: teams consume each other in a circle.
        ContractError: a team's contract cannot be read, so nobody can tell what it refers to.
    """
    order = [name for stage in rollout_stages(teams) for name in stage]
    by_name = {team.name: team for team in teams}
    owners = {team.name: find_owners(team) & by_name.keys() for team in teams}
    return {
        "name": "headgate",
        "services": {
            "postgres": _postgres(),
            "prepare": _prepare(teams, images),
            **{code_host(name): _code(by_name[name], owners[name], images) for name in order},
            "web": _platform(images, ["web", "--port", str(WEB_PORT)])
            | {"ports": [f"127.0.0.1:{WEB_PORT}:{WEB_PORT}"]},
            "daemon": _platform(images, ["daemon"]),
        },
        "configs": {
            "dagster": {"content": instance_text(_DAGSTER_URL, compute_logs=Path(RUN_LOGS))},
            "workspace": {"content": yaml.safe_dump(workspace(order), sort_keys=False)},
        },
        "volumes": {
            name: {} for name in ["postgres", "run-logs", *(f"{kind}-{team}" for team in order for kind in KINDS)]
        },
    }


def find_owners(team: Team) -> set[str]:
    """The teams whose published tables a team reads: those it consumes, and those its contracts refer to."""
    tables = list(team.consumes)
    for contract in load_contracts(team.contracts_folder).values():
        tables += [rule.references.table for rule in contract.rules if rule.references]
    return {table.split(".")[0] for table in tables if "." in table} - {team.name}


def workspace(names: Iterable[str]) -> dict[str, Any]:
    """Dagster's workspace: one gRPC server a team."""
    servers = [{"host": code_host(name), "port": CODE_PORT, "location_name": name} for name in names]
    return {"load_from": [{"grpc_server": server} for server in servers]}


def _postgres() -> dict[str, Any]:
    return {
        "image": POSTGRES_IMAGE,
        "environment": {"POSTGRES_PASSWORD": _required(ADMIN_PASSWORD)},
        "volumes": ["postgres:/var/lib/postgresql"],
        "healthcheck": {"test": ["CMD", "pg_isready", "-U", "postgres"], "interval": "2s", "retries": 60},
        "restart": "unless-stopped",
    }


def _prepare(teams: Sequence[Team], images: Images) -> dict[str, Any]:
    """Makes roles, zones and Dagster's tables, and ends. The only container that is told the superuser's password."""
    passwords = {name: _required(name) for name in map(password_variable, login_roles(teams))}
    return {
        "image": images.control,
        "build": _build("control"),
        "command": ["python", "-m", "headgate_control.container", "prepare"],
        "environment": {
            **_place(),
            "HEADGATE_ADMIN_URL": f"postgresql://postgres@{_SERVER}/postgres",
            "PGPASSWORD": _required(ADMIN_PASSWORD),
            "HEADGATE_DAGSTER_URL": _DAGSTER_URL,
            PASSWORD_VARIABLE: _required(password_variable(DAGSTER_ROLE)),
            **passwords,
        },
        "configs": [_config("dagster")],
        "depends_on": {"postgres": {"condition": "service_healthy"}},
    }


def _code(team: Team, owners: set[str], images: Images) -> dict[str, Any]:
    read_only = [
        # nocopy: the owner's container makes the folder, with the owner's rights
        {
            "type": "volume",
            "source": f"lake-{owner}",
            "target": str(LAKE / owner),
            "read_only": True,
            "volume": {"nocopy": True},
        }
        for owner in sorted(owners)
    ]
    return {
        "image": images.of_team(team.name),
        "build": {**_build("code"), "args": {"TEAM": team.name}},
        "environment": {
            **_place(),
            "HEADGATE_CATALOG_PASSWORD": _required(password_variable(team.name)),
            "HEADGATE_DATA_PATH": str(LAKE),
            MASKING_KEY: _required(MASKING_KEY),
            "HEADGATE_CODE_VERSION": images.tag,
            PASSWORD_VARIABLE: _required(password_variable(DAGSTER_ROLE)),
            **{name: f"${{{name}:-}}" for name in team.secrets},
        },
        "configs": [_config("dagster")],
        "volumes": [
            f"state-{team.name}:{HOME}",
            f"lake-{team.name}:{LAKE / team.name}",
            f"run-logs:{RUN_LOGS}",
            *read_only,
        ],
        # Owners before consumers: in this order `up` replaces containers.
        "depends_on": {"prepare": {"condition": "service_completed_successfully"}}
        | {code_host(owner): {"condition": "service_started"} for owner in sorted(owners)},
        "restart": "unless-stopped",
    }


def _platform(images: Images, arguments: list[str]) -> dict[str, Any]:
    """Web app or daemon. Neither waits for code locations: one that does not load must not stop the others."""
    return {
        "image": images.control,
        "command": ["python", "-m", "headgate_control.container", *arguments, "--workspace", _WORKSPACE],
        "environment": {PASSWORD_VARIABLE: _required(password_variable(DAGSTER_ROLE))},
        "configs": [_config("dagster"), _config("workspace")],
        "volumes": [f"run-logs:{RUN_LOGS}"],
        "depends_on": {"prepare": {"condition": "service_completed_successfully"}},
        "restart": "unless-stopped",
    }


def _build(target: str) -> dict[str, Any]:
    return {"context": "..", "dockerfile": _DOCKERFILE, "target": target}


def _place() -> dict[str, str]:
    lake = Environment.PROD.value
    return {"HEADGATE_ENVIRONMENT": lake, "HEADGATE_CATALOG_URL": f"postgresql://{_SERVER}/{lake_database(lake)}"}


def _config(name: str) -> dict[str, str]:
    return {"source": name, "target": str(HOME / name / f"{name}.yaml")}


def _required(variable: str) -> str:
    return f"${{{variable}:?set it in deploy/.env}}"
