"""How `headgate query` shows rows: what is cut off a number makes it another number."""

import duckdb
import pytest

from headgate_control.commands.query import _print_table

SQL = "select 'Alpine Speaker' as product, 2213456.78::decimal(18, 2) as total_cost, null::int as rank from range(2)"


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    _print_table(duckdb.connect().execute(SQL), ["product", "total_cost", "rank"])
    return capsys.readouterr().out.splitlines()


def test_a_table_that_is_piped_is_as_wide_as_it_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert printed(capsys)[3:5] == ["│ Alpine Speaker │ 2213456.78 │      │"] * 2


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        ("80", ["│ Alpine Speaker │ 2213456.78 │      │"]),
        ("30", ["-- row 2", "product     Alpine Speaker", "total_cost  2213456.78", "rank"]),
    ],
)
def test_a_narrow_terminal_shows_one_value_below_another(
    columns: str, lines: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"COLUMNS": columns, "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    assert [line.rstrip() for line in printed(capsys) if "┏" not in line and "└" not in line][-len(lines) :] == lines
