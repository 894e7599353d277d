"""The product that a new team begins with: a count of rows, by a column that suits it.

What belongs here: choosing that column from a contract. What does not: writing files (`rendering`).
"""

import keyword
from dataclasses import dataclass

from headgate.contract import Column, Contract
from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.team import TEAM_NAME, read_team
from headgate_control.published import find_contract, read_contracts

_LONGEST_PRODUCT = 55
"""A table's name has at most 63 characters, and `_levels` is to fit behind it."""

_TAKEN_PARAMETERS = {"context", "config", "lake"}

_SAMPLES = {
    "DATE": ("date '2026-01-05'", "date '2026-01-06'"),
    "TIMESTAMP": ("timestamp '2026-01-05 10:00:00'", "timestamp '2026-01-06 23:59:59'"),
    "TIMESTAMP WITH TIME ZONE": ("timestamptz '2026-01-05 10:00:00+00'", "timestamptz '2026-01-06 23:59:59+00'"),
    "VARCHAR": ("'first'", "'second'"),
    "BOOLEAN": ("false", "true"),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), ("1", "2")),
}
"""Types that can be counted by, each with two values for the team's test, as SQL."""

_PYTHON_SAMPLES = {
    "DATE": ("date(2026, 1, 5)", "date(2026, 1, 6)"),
    "VARCHAR": ('"first"', '"second"'),
    "BOOLEAN": ("False", "True"),
}


class ExampleError(HeadgateError):
    """No example can be made from the table that was named."""


@dataclass(frozen=True)
class Example:
    """A published count of the rows of one table by one of its columns.

    Args:
        source: the table whose rows are counted, without its team.
        source_team: who publishes it; None when it is the new team's own seed.
        accepted: the versions of the source's contract that the team accepts.
        column: the source's column to count by.
        key: what the product calls it.
        source_type: DuckDB's name of the column's type.
        sql_type: the same of the product's key.
        logical_type: the contract's name of that.
        may_be_null: rows without a value are left out of the count.
    """

    source: str
    source_team: str | None
    accepted: str
    column: str
    key: str
    source_type: str
    sql_type: str
    logical_type: str
    may_be_null: bool

    @property
    def product(self) -> str:
        return f"{self.source}_by_{self.key}"[:_LONGEST_PRODUCT].rstrip("_")

    @property
    def levels(self) -> str:
        """Name of the learnt product of `--with-ml`."""
        return f"{self.product}_levels"

    @property
    def source_name(self) -> str:
        return f"{self.source_team}.{self.source}" if self.source_team else self.source

    @property
    def count(self) -> str:
        """Name of the product's other column."""
        return "counted_rows" if self.key == "row_count" else "row_count"

    @property
    def takes_day(self) -> bool:
        """Whether the key is the day of a point in time."""
        return self.source_type.startswith("TIMESTAMP")

    @property
    def samples(self) -> tuple[str, str]:
        return _SAMPLES[self.source_type]

    @property
    def python_samples(self) -> tuple[str, str]:
        return _PYTHON_SAMPLES.get(self.sql_type, ("1", "2"))


SEED = Example(
    source="visits",
    source_team=None,
    accepted="",
    column="day",
    key="day",
    source_type="DATE",
    sql_type="DATE",
    logical_type="date",
    may_be_null=False,
)
"""Counts a small file that comes with the new team."""


def example_from(table: str, settings: Settings) -> Example:
    """An example computed from a published table, in the version that is published.

    Raises:
        ExampleError: there is no such table, or none of its columns can be counted by.
        ContractError: its contract is malformed.
        ParsingError: it may be a dbt model, and its project cannot be parsed.
    """
    contract = _find_contract(table, settings)
    column = choose_column(contract)
    if column is None:
        raise ExampleError(
            f"no column of {table} can be counted by",
            where=str(contract.path),
            next_step="name a table with a date, a category or a number that is not personal",
        )
    takes_day = column.sql_type.startswith("TIMESTAMP")
    major, minor, _ = contract.version.split(".")
    return Example(
        source=contract.table,
        source_team=contract.team,
        accepted=f">={major}.{minor},<{int(major) + 1}",
        column=column.name,
        key="day" if takes_day else column.name,
        source_type=column.sql_type,
        sql_type="DATE" if takes_day else column.sql_type,
        logical_type="date" if takes_day else column.logical_type,
        may_be_null=not column.required,
    )


def choose_column(contract: Contract) -> Column | None:
    """The column to count by: a date, a point in time, a category, a key to another table, any other, the key itself.

    In that order; among equals, one that is always there goes first. Personal data is never counted by.
    """
    foreign = {name for rule in contract.rules if rule.references for name in rule.columns}
    listed = {name for rule in contract.rules if rule.allowed_values for name in rule.columns}
    unique = {column.name for column in contract.columns if column.unique} | (
        set(contract.primary_key) if len(contract.primary_key) == 1 else set()
    )

    def rank(column: Column) -> tuple[int, bool]:
        tests = (
            column.sql_type == "DATE",
            column.sql_type.startswith("TIMESTAMP"),
            column.name in listed,
            column.name in foreign and column.name not in unique,
            column.name not in unique,
        )
        return next((place for place, holds in enumerate(tests) if holds), len(tests)), not column.required

    usable = [
        column
        for column in contract.columns
        if column.sql_type in _SAMPLES and not column.classification and not keyword.iskeyword(column.name)
    ]
    return min(usable, key=rank, default=None)


def _find_contract(table: str, settings: Settings) -> Contract:
    owner, _, name = table.partition(".")
    folder = settings.root / "teams" / owner
    if not TEAM_NAME.fullmatch(owner) or not (folder / "pyproject.toml").is_file():
        teams = sorted(path.parent.name for path in (settings.root / "teams").glob("[!.]*/pyproject.toml"))
        raise ExampleError(
            f"no team publishes {table!r}",
            where="--from-table",
            next_step=f"write it as team.table; there are teams {', '.join(teams) or 'none yet'}",
        )
    team = read_team(folder)
    contract = find_contract(settings, team, name)
    if contract is None:
        known = [f"{owner}.{published}" for published in read_contracts(settings, team)]
        raise ExampleError(
            f"team {owner} does not publish {name!r}",
            where=f"--from-table {table}",
            next_step=f"choose one of {', '.join(known) or 'another team'}",
        )
    if name in _TAKEN_PARAMETERS or keyword.iskeyword(name):
        raise ExampleError(
            f"{name} cannot be the name of an asset's parameter",
            where=f"--from-table {table}",
            next_step="name another table",
        )
    return contract
