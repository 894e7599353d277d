"""Where this process runs (dev, branch, prod) and the settings and secrets it was given.

What belongs here: reading settings from the environment. What does not: starting anything, connecting to anything,
or a default for a secret. Nothing is read at import.
"""

import os
import re
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from headgate.errors import HeadgateError

BRANCH_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class SettingsError(HeadgateError):
    """A setting is missing or malformed."""


class Environment(StrEnum):
    DEV = "dev"
    BRANCH = "branch"
    PROD = "prod"


class Settings(BaseSettings):
    """Everything a process of the platform is told by its environment. Secrets are `SecretStr`: they never print."""

    model_config = SettingsConfigDict(env_prefix="HEADGATE_", extra="ignore")

    environment: Environment = Environment.DEV
    branch: str | None = None
    """Name of a branch of the lake (`headgate branch create NAME`); given, the environment is `branch`."""
    root: Path = Field(default_factory=lambda: find_root(Path.cwd()))
    home: Path | None = None
    catalog_url: str | None = None
    """PostgreSQL server and database of the lake's catalog, without credentials."""
    catalog_password: SecretStr | None = None
    """Password of this team's own role."""
    masking_key: SecretStr | None = None
    code_version: str = "unknown"
    """The commit that the team's code is at; publications name it."""
    data_path: str | None = None
    """Folder or object-store prefix that holds one folder a zone."""
    demonstration: bool = False
    """Switches on what only runs for somebody to watch."""
    monitoring: bool | None = None
    """Whether each team's `monitoring` schedule is on when nobody has switched it; by default in prod alone."""

    @model_validator(mode="after")
    def _check_branch(self) -> "Settings":
        if self.branch is not None:
            if not BRANCH_NAME.fullmatch(self.branch):
                raise ValueError("a branch is named by lower-case letters, digits and _, at most 40 characters")
            self.environment = Environment.BRANCH
        elif self.environment is Environment.BRANCH:
            raise ValueError("environment branch needs HEADGATE_BRANCH, the branch's name")
        return self

    @property
    def lake_name(self) -> str:
        """Which lake: `dev`, `prod`, or `branch_<name>`; names its database and its folder."""
        return f"branch_{self.branch}" if self.branch else self.environment.value

    @property
    def is_monitored(self) -> bool:
        """Whether published tables are validated on a schedule here."""
        return self.environment is Environment.PROD if self.monitoring is None else self.monitoring

    @property
    def state_folder(self) -> Path:
        return (self.home or self.root / ".headgate").absolute()

    @property
    def lake_path(self) -> str:
        return self.data_path or str(self.state_folder / "lake" / self.lake_name)


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: a variable holds something that is not of its type.
    """
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors()[0]
        # A check over several settings has no place of its own; the only one is the branch's.
        variable = "HEADGATE_" + ("_".join(str(part) for part in problem["loc"]) or "branch").upper()
        raise SettingsError(
            f"{variable} is not usable: {problem['msg'].removeprefix('Value error, ')}",
            where="environment variables",
            next_step=f"set {variable} to a valid value, or unset it for the default",
        ) from None


def find_root(start: Path) -> Path:
    """The repository's folder: the nearest one above `start` that holds `teams/` and the `headgate` script.

    An installed deployment without the repository has neither: then it is `start` itself.
    """
    if named := os.environ.get("HEADGATE_ROOT"):
        return Path(named)
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / "teams").is_dir() and (folder / "headgate").is_file():
            return folder
    return start.absolute()


def read_secret(name: str, *, purpose: str) -> SecretStr:
    """A secret from the environment, asked for when it is used and not before.

    Raises:
        SettingsError: it is not set; the message names the variable and how to set it.
    """
    value = os.environ.get(name)
    if not value:
        raise SettingsError(
            f"the secret {name} is not set, and {purpose} needs it",
            where="environment variables of this process",
            next_step=f"export {name}=… or add it to the git-ignored .env file, then run again",
        )
    return SecretStr(value)
