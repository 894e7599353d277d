"""In which order the teams' code is rolled out: owners before their consumers, as their manifests say."""

from collections.abc import Iterable

from headgate.errors import HeadgateError
from headgate.team import Team


class RolloutError(HeadgateError):
    """Teams consume each other in a circle, so there is no order."""


def rollout_stages(teams: Iterable[Team]) -> list[list[str]]:
    """Names of teams by stage; the teams of one stage may be rolled out side by side.

    Raises:
        RolloutError: a circle.
    """
    waiting = {team.name: {table.split(".")[0] for table in team.consumes} - {team.name} for team in teams}
    stages: list[list[str]] = []
    while waiting:
        stage = sorted(name for name, owners in waiting.items() if not owners & waiting.keys())
        if not stage:
            raise RolloutError(
                f"teams {', '.join(sorted(waiting))} consume each other in a circle",
                where="[tool.headgate.consumes] of their manifests",
                next_step="break the circle: let one of them read from a team before both",
            )
        stages.append(stage)
        for name in stage:
            del waiting[name]
    return stages
