"""What must hold between teams before anything runs: every table a team consumes is published, in a version it accepts.

Reads manifests and contracts only; no team's code is imported and no database asked. A dbt project may be parsed.
"""

import contextlib

from headgate.contract import Contract, is_compatible, load_contracts
from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.orchestration.dbt.errors import DbtError
from headgate.team import Team, list_teams
from headgate_control.environments import environment_python
from headgate_control.published import ParsingError, parse_project


class PreflightError(HeadgateError):
    """A team consumes what is not there for it."""


def check_consumption(settings: Settings) -> None:
    """Checks every team's `consumes` against the contracts of the owners.

    A table that only a dbt project could publish, and nobody can tell because the project does not parse or its
    environment is not made yet, is let pass: loading the owner's code says what is wrong, and reading checks once more.

    Raises:
        PreflightError: the owner does not exist, the table is private or unknown, or its version is not accepted.
        ContractError, TeamError: a contract or manifest is malformed.
    """
    teams = {team.name: team for team in list_teams(settings.root)}
    contracts = {name: load_contracts(team.contracts_folder) for name, team in teams.items()}
    for team in teams.values():
        for table, accepted in team.consumes.items():
            owner, name = table.split(".")
            if owner in teams and name not in contracts[owner]:
                implied = _contracts_of_models(settings, teams[owner])
                if implied is None:
                    continue
                contracts[owner] |= implied
            _check_table(team, table, accepted, teams, contracts)


def _contracts_of_models(settings: Settings, team: Team) -> dict[str, Contract] | None:
    """What the team's dbt project publishes; None when that cannot be told."""
    from headgate.orchestration.dbt.published import is_parsed, published_contracts

    with contextlib.suppress(DbtError, ParsingError):
        if not is_parsed(team, settings):
            if not environment_python(settings, team.name).exists():
                return None
            parse_project(settings, team.name, team.folder)
        return published_contracts(team, settings)
    return None


def _check_table(
    team: Team, table: str, accepted: str, teams: dict[str, Team], contracts: dict[str, dict[str, Contract]]
) -> None:
    owner, name = table.split(".")
    where = f"{team.folder / 'pyproject.toml'}, [tool.headgate.consumes]"
    if owner not in teams:
        raise PreflightError(
            f"team {team.name} consumes {table}, but there is no team {owner}",
            where=where,
            next_step=f"correct the name; there are {', '.join(sorted(teams))}",
        )
    contract = contracts[owner].get(name)
    if contract is None:
        published = ", ".join(sorted(contracts[owner])) or "nothing"
        raise PreflightError(
            f"team {team.name} consumes {table}, which team {owner} does not publish: it is private or does not exist",
            where=where,
            next_step=f"read one of what {owner} publishes ({published}), or ask {owner} to publish it with a contract",
        )
    if not is_compatible(contract.version, accepted):
        raise PreflightError(
            f"team {team.name} accepts {table} in versions {accepted}, and {owner} publishes {contract.version}",
            where=where,
            next_step=f"adapt {team.name} to version {contract.version} and widen the range",
        )
