"""A server that speaks as Snowflake does, on DuckDB: for tests, never for data.

What belongs here: starting it, and what `profiles.yml` needs to reach it. What it cannot do is in the README of this folder.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from fakesnow import server as serve  # its first call puts a module in the place of this name

PROFILES = Path(__file__).resolve().parents[2] / "profiles.yml"
_SECRET = "DBT_ENV_SECRET_SNOWFLAKE_PASSWORD"


@dataclass(frozen=True)
class Imitation:
    """A server that is running.

    Args:
        arguments: what `snowflake.connector.connect` takes.
    """

    arguments: dict[str, Any]

    def connect(self) -> Any:
        """A connection of the real driver. A statement that is refused is tried again for at most two seconds."""
        import snowflake.connector

        return snowflake.connector.connect(**{**self.arguments, "network_timeout": 2})

    def write_profiles(self, folder: Path) -> None:
        """`profiles.yml` as it is, and where this server listens: the one thing that a real account does not need."""
        profiles = yaml.safe_load(PROFILES.read_text(encoding="utf-8"))
        for output in profiles["headgate"]["outputs"].values():
            output |= {key: self.arguments[key] for key in ("host", "port", "protocol")}
        (folder / "profiles.yml").write_text(yaml.safe_dump(profiles, sort_keys=False), encoding="utf-8")

    def environment(self, team: str) -> dict[str, str]:
        """The variables that `profiles.yml` reads."""
        return {
            **os.environ,
            "HEADGATE_TEAM": team,
            "SNOWFLAKE_ACCOUNT": str(self.arguments["account"]),
            "SNOWFLAKE_USER": str(self.arguments["user"]),
            "SNOWFLAKE_WAREHOUSE": "any",
            "SNOWFLAKE_ROLE": "any",
            _SECRET: str(self.arguments["password"]),
        }


@contextmanager
def run_imitation() -> Iterator[Imitation]:
    """An empty server for as long as the block takes."""
    with serve() as arguments:
        yield Imitation(arguments)
