"""One dbt command on the team's lake: profile, zones, scratch folder, and dbt's events while it works."""

import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from headgate.lake.session import LakeSession, private_zone
from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.process import Event, run_dbt
from headgate.orchestration.dbt.profile import PROFILE, write_profile
from headgate.orchestration.dbt.project import DbtProject
from headgate.orchestration.dbt.sources import read_zones
from headgate.orchestration.dbt.translation import Translation


@contextmanager
def invoke(
    translation: Translation,
    project: DbtProject,
    session: LakeSession,
    args: Sequence[str],
    nodes: Iterable[Node],
) -> Iterator[tuple[Generator[Event], Path]]:
    """Runs dbt on the lake; yields its events, and the folder for what it leaves, which is gone afterwards.

    Args:
        translation: the project in Dagster's words.
        project: the project.
        session: the run's session; the zones that dbt reads are attached to it as well.
        args: dbt's command and options, without profile and target.
        nodes: what is built or tested.
    """
    scratch = Path(tempfile.mkdtemp(prefix="dbt-"))
    try:
        team = translation.team.name
        reads = read_zones(translation, nodes)
        for zone in (private_zone(team), *reads):
            session.attach(zone)
        variables = write_profile(scratch, team, settings=session.settings, reads=reads)
        with closing(
            run_dbt(
                project.folder,
                [*args, "--profile", PROFILE, "--target", session.settings.environment.value],
                profiles=scratch,
                scratch=scratch,
                manifest=project.parsed,
                variables=variables,
            )
        ) as events:
            yield events, scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
