"""`headgate warnings` on rows: counts a person can work out, in every format."""

import csv
import io
import json

import pytest

from headgate.contract import load_contract
from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.lake.gate import publish
from headgate.lake.publication import RunInfo
from headgate_control import databases
from headgate_control.commands.warnings import Format, draw_sparkline, warnings
from headgate_control.lake_access import open_lake

TABLE = "analytics.product_catalog"
RULE = "retail_price__above_cost"


def publish_products(settings: Settings, doubtful: int, *, run: str) -> None:
    """Ten products, of which so many are sold below cost."""
    contract = load_contract(settings.root / "teams" / "analytics" / "contracts" / "product_catalog.odcs.yaml")
    query = (
        "select concat('product ', i) as product, 'c' as category, cast(2.00 as decimal(12,2)) as cost, "
        f"cast(case when i < {doubtful} then 1.00 else 3.00 end as decimal(12,2)) as retail_price, 's' as supplier "
        "from range(10) as r(i)"
    )
    with open_lake(settings, team="analytics") as session:
        publish(session, contract, query, RunInfo(run))


@pytest.mark.services
def test_warnings_are_listed_charted_and_exported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("headgate_control.commands.warnings.read_settings", lambda: settings)
    databases.start(settings, ["postgres"])
    for number, doubtful in enumerate([1, 1, 4]):
        publish_products(settings, doubtful, run=str(number))
    capsys.readouterr()

    warnings()
    [line] = [line.split() for line in capsys.readouterr().out.splitlines() if RULE in line]
    assert line[0] == TABLE and line[4:] == ["4", "10", "40.00%", "+30.00", "pp", "▃▃█", "warns"]

    warnings(TABLE)
    chart = capsys.readouterr().out.partition(f"{TABLE} {RULE}, share of rows")[2].splitlines()
    assert [row.partition("█")[2].strip("█▌▊▋▍▎▏▉ ") for row in chart[1:4]] == [
        "1 of 10 (10.00%)", "1 of 10 (10.00%)", "4 of 10 (40.00%)"
    ]  # fmt: skip
    assert chart[3].count("█") == 40 and chart[1].count("█") == 10

    warnings(TABLE, format=Format.JSON)
    counts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ours = [
        (row["run_id"], row["failed_rows"], row["row_count"], row["share"]) for row in counts if row["rule"] == RULE
    ]
    assert ours == [("0", 1, 10, 0.1), ("1", 1, 10, 0.1), ("2", 4, 10, 0.4)]
    warnings(TABLE, format=Format.CSV)
    written = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["failed_rows"] for row in written if row["rule"] == RULE] == ["1", "1", "4"]

    with pytest.raises(HeadgateError, match=r"analytics\.nope is not a published table"):
        warnings("analytics.nope")
    with pytest.raises(HeadgateError, match="there is no team 'nobody'"):
        warnings("nobody.nope")


def test_a_sparkline_goes_from_nothing_to_the_highest() -> None:
    assert draw_sparkline([0, 1, 2, 7]) == "▁▂▃█"
    assert draw_sparkline([0, 0]) == "▁▁" and draw_sparkline([]) == ""
