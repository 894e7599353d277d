"""Where the file drops are that a team reads: somebody's own, or those that ACME plays.

What belongs here: the variable and the places. What does not: making ACME's files (`acme`, which calls project `acme`).
"""

import os
from collections.abc import Iterable
from pathlib import Path

from headgate.environment import Settings
from headgate.team import Team

DROPS_URL = "DROPS_URL"
"""What a team that reads file drops declares as a secret: a folder, or a URL that may hold credentials."""


def reads_stand_in_drops(teams: Iterable[Team]) -> bool:
    """Whether some team reads file drops, and nobody said where they are."""
    return not os.environ.get(DROPS_URL) and any(DROPS_URL in team.secrets for team in teams)


def subscriptions_folder(settings: Settings) -> Path:
    """ACME's world of subscriptions, with its ledger."""
    return settings.state_folder / "acme" / "subscriptions"


def drops_place(settings: Settings) -> str:
    """Where ACME drops its files: ACME_DROPS, else a folder beside the world."""
    return os.environ.get("ACME_DROPS") or str(settings.state_folder / "acme" / "drops")
