"""The variables of a compose file: passwords, the masking key, and what the teams' manifests list as secrets."""

import secrets
from collections.abc import Sequence

from headgate.team import Team
from headgate_control.deployment.naming import password_variable
from headgate_control.zone_names import login_roles

ADMIN_PASSWORD = "HEADGATE_ADMIN_PASSWORD"
MASKING_KEY = "HEADGATE_MASKING_KEY"


def generated_variables(teams: Sequence[Team]) -> list[str]:
    """Variables that nobody outside needs to know: a random value will do, as long as it stays the same."""
    return [ADMIN_PASSWORD, MASKING_KEY, *(password_variable(role) for role in login_roles(teams))]


def given_variables(teams: Sequence[Team]) -> list[str]:
    """Secrets of sources: only their owners know them."""
    return sorted({name for team in teams for name in team.secrets})


def environment_file(teams: Sequence[Team]) -> str:
    """An `.env` beside the compose file, with new random passwords and a place for every secret of a source."""
    lines = [
        "# Keep this file: PostgreSQL and hashed personal values depend on it. Readable by its owner only (chmod 600)."
    ]
    lines += [f"{name}={secrets.token_urlsafe(24)}" for name in generated_variables(teams)]
    if given := given_variables(teams):
        lines += [
            "# Secrets that the teams' manifests list; what is left empty counts as not set.",
            *(f"{name}=" for name in given),
        ]
    return "\n".join(lines) + "\n"
