"""Names and places that images, containers and files of a deployment share."""

from dataclasses import dataclass
from pathlib import PurePosixPath

HOME = PurePosixPath("/var/lib/headgate")
"""HEADGATE_HOME in every image."""
LAKE = HOME / "lake"
RUN_LOGS = HOME / "logs" / "runs"
CODE_PORT = 4000
WEB_PORT = 3000


@dataclass(frozen=True)
class Images:
    """Which images a deployment runs.

    Args:
        registry: what stands before an image's name, without the last slash; empty for images of this machine.
        tag: of all images, the commit for one.
    """

    registry: str = ""
    tag: str = "latest"

    def of_team(self, team: str) -> str:
        return self._named(f"headgate-{host_part(team)}")

    @property
    def control(self) -> str:
        return self._named("headgate-control")

    def _named(self, name: str) -> str:
        return f"{self.registry.rstrip('/')}/{name}:{self.tag}" if self.registry else f"{name}:{self.tag}"


def host_part(team: str) -> str:
    """The team in names of hosts and images, which have no underscore."""
    return team.replace("_", "-")


def code_host(team: str) -> str:
    return f"code-{host_part(team)}"


def password_variable(role: str) -> str:
    return f"HEADGATE_PASSWORD_{role.upper()}"
