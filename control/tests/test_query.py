"""How `headgate query` shows rows: what is cut off a number makes it another number; and which files it reads."""

from pathlib import Path

import duckdb
import pytest

from headgate.environment import Settings
from headgate_control import databases
from headgate_control.commands.query import Format, QueryError, _print_table, query
from headgate_control.lake_access import open_lake

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


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A team whose dbt project holds a file of prices, and made a view of it."""
    team = tmp_path / "teams" / "shop"
    (team / "dbt" / "data").mkdir(parents=True)
    (team / "pyproject.toml").write_text('[project]\nname = "shop"\n[tool.headgate]\nowner = "team:shop"\n')
    (team / "dbt" / "data" / "prices.csv").write_text("product,price\npen,3\nink,7\n")
    settings = Settings(root=tmp_path, home=tmp_path / "home")
    databases.start(settings, ["postgres"])
    with open_lake(settings, team="shop") as session, monkeypatch.context() as patch:
        patch.chdir(team / "dbt")  # as dbt does
        session.attach("shop_private")
        session.connection.execute("create view shop_private.prices as select * from read_csv('data/prices.csv')")
    monkeypatch.setattr("headgate_control.commands.query.read_settings", lambda: settings)
    return settings


@pytest.mark.services
def test_a_view_over_a_file_of_the_dbt_project_is_read_and_no_other_file(
    shop: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.csv").write_text("a\n1\n")
    try:
        query("select sum(price) as total from shop_private.prices", Format.CSV, Path("total.csv"), "shop")
        assert (tmp_path / "total.csv").read_text().split() == ["total", "10"]
        for path in (tmp_path / "secret.csv", "../../../secret.csv"):
            with pytest.raises(QueryError, match="file system operations are disabled"):
                query(f"select * from read_csv('{path}')", Format.CSV, None, "shop")
    finally:
        databases.stop(shop)
