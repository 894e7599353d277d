"""What teams publish, as their contracts say: files, and what follows from the public models of a dbt project.

What belongs here: having a dbt project parsed, in its team's environment, as the control plane has no dbt. What does not:
what a project publishes (`headgate.orchestration.dbt.published`).
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from headgate import contract
from headgate.contract import Contract
from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.team import Team
from headgate_control.environments import environment_python, require_environments
from headgate_control.projects import choose_projects
from headgate_control.provision import base_variables


class ParsingError(HeadgateError):
    """A team's dbt project cannot be parsed, or a model cannot be what it says."""


def read_contracts(settings: Settings, team: Team) -> dict[str, Contract]:
    """The contract of every table that a team publishes, by table.

    A dbt project whose files have changed is parsed for it: some seconds, and the team's environment is made if it is not
    there.

    Raises:
        ContractError, DbtError: a contract, written or derived, is malformed.
        ParsingError: dbt cannot parse the project.
        ProjectEnvironmentError: the team's environment cannot be made.
    """
    from headgate.orchestration.dbt.published import is_parsed, published_contracts

    if not is_parsed(team, settings):
        require_environments(settings, choose_projects(settings.root, [team.name]))
        parse_project(settings, team.name, team.folder)
    return published_contracts(team, settings)


def find_contract(settings: Settings, team: Team, table: str) -> Contract | None:
    """The contract of one table of a team; None when it publishes none of that name.

    Raises:
        As `read_contracts`; dbt is asked only when the team wrote no contract of that name.
    """
    return contract.find_contract(team.contracts_folder, table) or read_contracts(settings, team).get(table)


def parse_project(settings: Settings, name: str, folder: Path) -> dict[str, Any]:
    """Has the team's environment parse its dbt project, and says what it becomes.

    Returns:
        `counts`: kind of node → number; `published`: the tables that the gate publishes.

    Raises:
        ParsingError: with dbt's own reason.
    """
    variables = {
        **base_variables(),
        "HEADGATE_ROOT": str(settings.root),
        "HEADGATE_HOME": str(settings.state_folder),
        "HEADGATE_ENVIRONMENT": settings.environment.value,
        **({"HEADGATE_BRANCH": settings.branch} if settings.branch else {}),
    }
    command = [str(environment_python(settings, name)), "-P", "-m", "headgate.orchestration.dbt", str(folder)]
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _refusal(done.stderr, folder)
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


def _refusal(printed: str, folder: Path) -> ParsingError:
    """The three lines that the team's environment printed."""
    lines = printed.strip().splitlines()
    found = [number for number, line in enumerate(lines) if line.startswith("  where: ")]
    if not found or found[0] == 0:
        return ParsingError(
            lines[-1] if lines else "it gives no reason", where=str(folder), next_step="mend the project"
        )
    return ParsingError(
        lines[found[0] - 1],
        where=lines[found[0]].removeprefix("  where: "),
        next_step=lines[found[0] + 1].removeprefix("  next:  "),
    )
