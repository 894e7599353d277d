"""dbt commands on the team's lake: profile, zones, scratch folder, and dbt's events while it works."""

import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from headgate.environment import read_settings
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
    commands: Sequence[Sequence[str]],
    nodes: Iterable[Node],
) -> Iterator[tuple[Generator[Event], Path]]:
    """Runs dbt on the lake; yields its events, and the folder for what it leaves, which is gone afterwards.

    Args:
        translation: the project in Dagster's words.
        project: the project.
        commands: dbt's commands with their options, without profile and target; they run one after the other.
        nodes: what is built or tested.
    """
    scratch = Path(tempfile.mkdtemp(prefix="dbt-"))
    try:
        team = translation.team.name
        settings = read_settings()
        variables = write_profile(scratch, team, settings=settings, reads=read_zones(translation, nodes))
        with closing(
            run_dbt(
                project.folder,
                [[*command, "--profile", PROFILE, "--target", settings.environment.value] for command in commands],
                profiles=scratch,
                scratch=scratch,
                manifest=project.parsed,
                variables=variables,
            )
        ) as events:
            yield events, scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
