"""`dagster_cloud.yaml`: the code locations as Dagster+ wants them, for its production or for a branch deployment."""

from collections.abc import Sequence
from typing import Any

from headgate.environment import Environment
from headgate.team import Team
from headgate_control.deployment.naming import Images, host_part
from headgate_control.rollout import rollout_stages


def dagster_cloud(teams: Sequence[Team], images: Images, *, branch: str | None = None) -> dict[str, Any]:
    """The document: locations in the order of their roll-out, owners before consumers.

    Args:
        teams: all teams.
        images: where each team's image is.
        branch: name of a branch of the lake that a branch deployment works on; None for production.

    Raises:
        RolloutError: teams consume each other in a circle.
    """
    by_name = {team.name: team for team in teams}
    order = [name for stage in rollout_stages(teams) for name in stage]
    return {"locations": [_location(by_name[name], images, branch) for name in order]}


def _location(team: Team, images: Images, branch: str | None) -> dict[str, Any]:
    environment = Environment.BRANCH if branch else Environment.PROD
    settings = {"HEADGATE_ENVIRONMENT": environment.value, "HEADGATE_CODE_VERSION": images.tag}
    if branch:
        settings["HEADGATE_BRANCH"] = branch
    return {
        "location_name": team.name,
        "image": images.of_team(team.name),
        "code_source": {"module_name": team.definitions_module},
        "working_directory": f"/app/teams/{team.name}",
        "container_context": {
            "k8s": {
                "env_vars": [f"{name}={value}" for name, value in settings.items()],
                # Each team's own: its role's password, the catalog's address, what its manifest lists as secrets.
                "env_secrets": [secret_name(team.name)],
            }
        },
    }


def secret_name(team: str) -> str:
    """The Kubernetes Secret that holds a team's variables; no other team's location is given it."""
    return f"headgate-{host_part(team)}"
