"""What a team publishes, for those who do not run its code: its contract files, and what its dbt project implies.

A dbt project is read as it was parsed last; parsing is for whoever has dbt (`project`). Nothing here needs it.
"""

from headgate.contract import Contract, load_contracts
from headgate.environment import Settings
from headgate.orchestration.dbt.contracts import find_contracts
from headgate.orchestration.dbt.project import FOLDER, find_parsed
from headgate.team import Team


def is_parsed(team: Team, settings: Settings) -> bool:
    """Whether all that a team publishes is known: it has no dbt project, or one that was parsed as its files are now."""
    folder = team.folder / FOLDER
    return not (folder / "dbt_project.yml").is_file() or find_parsed(folder, team.name, settings) is not None


def published_contracts(team: Team, settings: Settings) -> dict[str, Contract]:
    """The contract of every table that a team publishes, by table; without those of a dbt project that was not parsed.

    Raises:
        ContractError: a contract file is malformed.
        DbtError: a public model says too little of itself for a contract.
    """
    contracts = load_contracts(team.contracts_folder)
    project = find_parsed(team.folder / FOLDER, team.name, settings)
    if project is not None:
        contracts |= find_contracts(team, project)
    return dict(sorted(contracts.items()))
