"""The lake as a Dagster resource: one session for a run, opened when first used."""

from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from headgate.environment import read_settings
from headgate.lake.session import LakeSession


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Gives assets and the I/O manager the team's session. Settings are read when a run starts, never at import."""

    team: str
    files: str | None = None
    """The folder of the team's dbt project: its views over files are read as they were made, by paths from there."""

    _session: LakeSession | None = PrivateAttr(default=None)
    _input_snapshots: dict[str, int] = PrivateAttr(default_factory=dict)

    @property
    def session(self) -> LakeSession:
        if self._session is None:
            self._session = LakeSession(read_settings(), self.team, files=Path(self.files) if self.files else None)
        return self._session

    @property
    def input_snapshots(self) -> dict[str, int]:
        """`team.table` → snapshot of its zone, for every published table read in this run."""
        return self._input_snapshots

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
