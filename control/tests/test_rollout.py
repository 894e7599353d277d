"""The order in which teams are rolled out."""

from pathlib import Path

import pytest

from headgate.team import Team
from headgate_control.rollout import RolloutError, rollout_stages


def team(name: str, *consumed: str) -> Team:
    return Team(
        name=name, folder=Path(name), description="", owner=f"team:{name}", consumes=dict.fromkeys(consumed, ">=1")
    )


def test_owners_come_before_consumers_and_strangers_side_by_side() -> None:
    teams = [
        team("bi", "ml.scores", "analytics.orders"),
        team("ml", "analytics.orders"),
        team("analytics"),
        team("ops"),
    ]
    assert rollout_stages(teams) == [["analytics", "ops"], ["ml"], ["bi"]]


def test_a_circle_names_its_teams() -> None:
    with pytest.raises(RolloutError, match="a, b consume each other"):
        rollout_stages([team("a", "b.t"), team("b", "a.t"), team("c")])
