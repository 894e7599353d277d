"""A world of ACME's subscriptions, and a lake with runs of the team's code location, for tests."""

import json
import os
import subprocess
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from headgate.lake.session import LakeSession
from headgate.testing import Catalog

ROOT = Path(__file__).parents[3]
TEAM = "consumption_datamart"
TODAY = "2026-11-02"
"""The clocks of Europe went back on 25 October, those of America on 1 November: both inside the dense days."""
SIZE = ("--customers", "12", "--days", "11", "--dense-days", "9", "--dense-minutes", "60", "--seed", "7")
LAKE_TABLES = (
    "customer_register",
    "sku_register",
    "deployment_register",
    "invoice_order_lines",
    "cloud_deployment_heartbeats",
)


def acme_python() -> Path:
    """The interpreter of ACME's environment."""
    home = Path(os.environ.get("HEADGATE_TEST_HOME") or ROOT / ".headgate")
    python = home / "envs" / "acme" / "bin" / "python"
    assert python.exists(), f"run `./headgate test teams/{TEAM}`: it makes ACME's environment"
    return python


@dataclass
class Acme:
    """A world of subscriptions, its files and its ledger; a program of another environment."""

    folder: Path
    bucket: str = ""
    """Where its files are instead of in `drops`."""
    forgotten: tuple[tuple[str, str], ...] = ()
    """Sources and days that the ledger knows and nobody can find any more."""

    @property
    def drops(self) -> Path:
        return self.folder / "drops"

    @property
    def url(self) -> str:
        return self.bucket or str(self.drops)

    @property
    def world(self) -> Path:
        return self.folder / "world"

    def call(self, *arguments: str) -> Any:
        return json.loads(self._run("-m", "acme", "drops", *arguments))

    def inject(self, kind: str, *options: str) -> Any:
        return self.call("fault", "inject", kind, *options)

    def inject_all(self, *faults: tuple[str, str, str, int]) -> None:
        """Faults as kind, source, day, count; one process for all of them."""
        code = "import sys, json; from datetime import date; from pathlib import Path\n"
        code += "from acme.drops.faults import inject; from acme.drops.lake import Lake\n"
        code += "folder, lake, faults = Path(sys.argv[1]), Lake(sys.argv[2]), json.loads(sys.argv[3])\n"
        code += "for kind, source, day, count in faults:\n"
        code += "    inject(folder, lake, kind, source=source, day=date.fromisoformat(day), count=count)\n"
        self._run("-c", code, str(self.world), self.url, json.dumps(faults))

    def _run(self, *arguments: str) -> str:
        environment = {**os.environ, "ACME_SUBSCRIPTIONS": str(self.world), "ACME_DROPS": self.url}
        command = [str(acme_python()), "-P", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def deliveries(self) -> list[dict[str, Any]]:
        """The ledger's records, in order: what every delivery holds, and whether it can be loaded."""
        files = sorted((self.world / "ledger" / "deliveries").glob("*.jsonl"))
        found = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
        return [one for one in found if (one["source"], one["day"]) not in self.forgotten]

    def current(self) -> dict[tuple[str, date], dict[str, Any]]:
        """The newest delivery of each source and day that can be loaded."""
        return {(one["source"], date.fromisoformat(one["day"])): one for one in self.deliveries() if one["is_loadable"]}

    def forget(self, source: str, day: str) -> "Acme":
        """The world as it is for who comes after the marker of a day was taken away."""
        return replace(self, forgotten=(*self.forgotten, (source, day)))

    def day_folder(self, source: str, day: date) -> Path:
        return self.drops / source / f"{day:%Y/%m/%d}"


@dataclass
class Lake:
    """An empty lake, with the drops of a world in this process's environment."""

    catalog: Catalog
    home: Path
    instance: dg.DagsterInstance

    def query(self, sql: str) -> list[Any]:
        with self.session() as session:
            return session.connection.execute(sql).fetchall()

    def session(self) -> LakeSession:
        session = LakeSession(self.catalog.settings(TEAM, self.home), TEAM)
        session.attach(TEAM)
        session.attach(f"{TEAM}_private")
        session.connection.execute(f"use {TEAM}")
        return session

    def run(
        self,
        *tables: str,
        partition: str | None = None,
        days: tuple[str, str] | None = None,
        full_refresh: bool = False,
    ) -> dg.ExecuteInProcessResult:
        """A run of the code location: of what is due, of a day, of a range of days, or of everything."""
        from consumption_datamart.definitions import defs

        tags = {"headgate/as_of": TODAY, "headgate/full_refresh": str(full_refresh).lower()}
        if days:
            tags |= {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[1]}
        return defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey([TEAM, table]) for table in tables or LAKE_TABLES],
            partition_key=partition,
            tags=tags,
            raise_on_error=False,
        )
