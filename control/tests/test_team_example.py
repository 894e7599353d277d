"""Which column of a table a new team counts by."""

from pathlib import Path

import pytest

from headgate.contract import Column, Contract
from headgate.environment import Settings
from headgate_control.team_admin.example import ExampleError, choose_column, example_from

ROOT = Path(__file__).resolve().parents[2]


def contract_of(*columns: Column, key: tuple[str, ...] = ()) -> Contract:
    return Contract(
        path=Path("x.odcs.yaml"),
        id="t.x",
        team="t",
        table="x",
        version="1.0.0",
        status="active",
        title="x",
        description="",
        owner=None,
        columns=columns,
        rules=(),
        primary_key=key,
    )


ID = Column(name="id", logical_type="integer", sql_type="BIGINT", required=True)
EMAIL = Column(name="email", logical_type="string", sql_type="VARCHAR", required=True, classification="personal")
PRICE = Column(name="price", logical_type="number", sql_type="DECIMAL(12,2)", required=True)
KIND = Column(name="kind", logical_type="string", sql_type="VARCHAR", required=True)
CHANGED = Column(name="changed_at", logical_type="timestamp", sql_type="TIMESTAMP WITH TIME ZONE", required=True)
ENDED = Column(name="ended", logical_type="date", sql_type="DATE")
BEGAN = Column(name="began", logical_type="date", sql_type="DATE", required=True)


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ((ID, EMAIL, PRICE, KIND, CHANGED, ENDED, BEGAN), "began"),
        ((ID, KIND, CHANGED, ENDED), "ended"),
        ((ID, KIND, CHANGED), "changed_at"),
        ((ID, EMAIL, PRICE, KIND), "kind"),
        ((ID, EMAIL, PRICE), "id"),
        ((EMAIL, PRICE), None),
    ],
)
def test_the_column_to_count_by(columns: tuple[Column, ...], chosen: str | None) -> None:
    column = choose_column(contract_of(*columns, key=("id",)))
    assert (column.name if column else None) == chosen


def test_a_table_without_such_a_column_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from headgate_control.team_admin import example

    monkeypatch.setattr(example, "_find_contract", lambda table, settings: contract_of(EMAIL, PRICE))
    with pytest.raises(ExampleError, match=r"no column of t\.x can be counted by"):
        example_from("t.x", Settings(root=ROOT))
