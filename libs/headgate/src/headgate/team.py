"""Who a team is: `[tool.headgate]` in its pyproject.toml. Nothing here imports a team's code."""

import re
import tomllib
from functools import cache
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from headgate.errors import HeadgateError

TEAM_NAME = re.compile(r"[a-z][a-z0-9_]{0,38}")
"""A team's name is a Python package, a PostgreSQL role and an SQL schema: lower-case ASCII, at most 39 characters,
so that `<team>_private` and its relations stay below PostgreSQL's 63."""


class TeamError(HeadgateError):
    """A team's manifest is missing, malformed, or names what does not exist."""


class Team(BaseModel):
    """A team's manifest and where the team lives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    folder: Path
    description: str
    owner: str
    """Dagster's owner format: `team:<name>` or an e-mail address."""
    secrets: tuple[str, ...] = ()
    """Environment variables that this team's processes are given, and no other team's."""
    consumes: dict[str, str] = {}
    """Published table `team.table` → accepted contract versions (`>=1,<2`)."""

    @field_validator("consumes")
    @classmethod
    def _check_consumes(cls, consumes: dict[str, str]) -> dict[str, str]:
        for table, versions in consumes.items():
            if table.count(".") != 1:
                raise ValueError(f"{table!r} is not of the form team.table")
            try:
                SpecifierSet(versions)
            except InvalidSpecifier:
                raise ValueError(f"{versions!r} is not a version range like >=1,<2") from None
        return consumes

    @property
    def contracts_folder(self) -> Path:
        return self.folder / "contracts"

    @property
    def definitions_module(self) -> str:
        return f"{self.name}.definitions"


@cache
def read_team(folder: Path) -> Team:
    """The team whose manifest is `folder/pyproject.toml`.

    Raises:
        TeamError: no manifest, not TOML, or a wrong key or value, with the file.
    """
    path = folder / "pyproject.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TeamError(
            f"{folder.name} has no manifest", where=str(path), next_step="create it with [project] and [tool.headgate]"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TeamError(f"the manifest is not TOML: {error}", where=str(path), next_step="mend that line") from None
    manifest = document.get("tool", {}).get("headgate")
    if manifest is None:
        raise TeamError(
            f"{folder.name} is not a team: its manifest has no [tool.headgate]",
            where=str(path),
            next_step='add [tool.headgate] with at least owner = "team:…"',
        )
    project = document.get("project", {})
    name = project.get("name", folder.name)
    if name != folder.name or not TEAM_NAME.fullmatch(name):
        raise TeamError(
            f"the team is named {name!r} in a folder named {folder.name!r}",
            where=str(path),
            next_step="use one name for both: lower-case letters, digits and _, at most 39 characters",
        )
    try:
        return Team.model_validate(
            {"name": name, "folder": folder, "description": project.get("description", ""), **manifest}
        )
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise TeamError(
            f"[tool.headgate] {key}: {problem['msg']}", where=str(path), next_step=f"mend {key} in the manifest"
        ) from None


def find_team(module_file: Path) -> Team:
    """The team that a source file belongs to: the nearest folder above it whose pyproject.toml has `[tool.headgate]`."""
    for folder in module_file.absolute().parents:
        path = folder / "pyproject.toml"
        if path.is_file() and "[tool.headgate" in path.read_text(encoding="utf-8"):
            return read_team(folder)
    raise TeamError(
        "this code belongs to no team",
        where=str(module_file),
        next_step="keep a team's code under teams/<team>/ beside a pyproject.toml with [tool.headgate]",
    )


def list_teams(root: Path) -> list[Team]:
    """Every team under `root/teams`, by name. A folder without a manifest is no team, nor is a hidden one (half made)."""
    folders = sorted(path.parent for path in (root / "teams").glob("*/pyproject.toml"))
    return [read_team(folder) for folder in folders if not folder.name.startswith(".")]
