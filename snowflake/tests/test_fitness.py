"""Team fitness's dbt project on the Snowflake target: built once on the imitation; what that cannot run is compiled and read."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from headgate_snowflake.imitation import Imitation, run_imitation

TEAM = Path(__file__).resolve().parents[2] / "teams" / "fitness"
EXAMPLE = TEAM / "tests" / "example"
SCHEMA = "headgate_branch_trial.fitness_private"

pytestmark = pytest.mark.services


@dataclass(frozen=True)
class Account:
    """The imitation with the worked example landed in it, and a folder for what dbt writes."""

    imitation: Imitation
    folder: Path

    def dbt(self, *arguments: str, target: str = "branch") -> "subprocess.CompletedProcess[str]":
        places = {
            "--project-dir": TEAM / "dbt",
            "--profiles-dir": self.folder,
            "--target-path": self.folder / "target",
            "--log-path": self.folder,
        }
        return subprocess.run(
            [str(Path(sys.executable).with_name("dbt")), *arguments, "--target", target]
            + [str(part) for place in places.items() for part in place],
            env={**self.imitation.environment("fitness"), "HEADGATE_BRANCH": "trial", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def read(self, query: str) -> list[dict[str, Any]]:
        with self.imitation.connect() as connection:
            cursor = connection.cursor()
            rows = cursor.execute(query).fetchall()
            columns = [column.name.lower() for column in cursor.description]
        return [dict(zip(columns, map(as_text, row), strict=True)) for row in rows]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Built: every model, and every data test; unit tests need temporary tables, which the imitation lacks."""
    folder = tmp_path_factory.mktemp("dbt")
    with run_imitation() as imitation:
        imitation.write_profiles(folder)
        with imitation.connect() as connection:
            cursor = connection.cursor()
            database = SCHEMA.split(".")[0]
            statements = (EXAMPLE / "raw.sql").read_text(encoding="utf-8").split(";\n")
            for statement in (
                f"create database {database}",
                f"create schema {SCHEMA}",
                f"use schema {SCHEMA}",
                *statements,
            ):
                if statement.strip():
                    cursor.execute(statement)
        account = Account(imitation, folder)
        built = account.dbt(
            "build", "--exclude-resource-type", "unit_test", "--vars", '{"headgate_as_of": "2026-11-20"}'
        )
        assert built.returncode == 0, built.stdout
        yield account


def expected(name: str) -> list[dict[str, Any]]:
    with (EXAMPLE / name).open(encoding="utf-8", newline="") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def as_text(value: Any) -> str | None:
    """A value as the example's files write it: numbers to six places."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:.6f}".rstrip("0").rstrip(".") if value else "0"


def test_activities_are_those_of_the_other_target(account: Account) -> None:
    columns = ", ".join(expected("activities.csv")[0])
    measures = f"select activity_id, distance_miles, moving_minutes, average_speed_mph from {SCHEMA}.fct_activities"
    found = account.read(
        f"select {columns} from {SCHEMA}.dim_activities join ({measures}) using (activity_id) order by activity_id"
    )
    assert found == expected("activities.csv")


def test_weekly_totals_are_those_of_the_other_target(account: Account) -> None:
    found = account.read(f"select * from {SCHEMA}.sport_type_weekly_totals order by athlete_id, week_start, sport_type")
    assert found == expected("weekly_totals.csv")


def test_every_data_test_passed_on_rows(account: Account) -> None:
    results = json.loads((account.folder / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    tests = [result for result in results if result["unique_id"].startswith("test.")]
    assert len(tests) > 30
    assert {result["status"] for result in tests} == {"pass"}


def test_a_later_run_merges_what_changed(account: Account) -> None:
    """The imitation cannot run it: a view beside the table is refused. The statements are right all the same."""
    sql = account.dbt("compile", "--select", "src_activities", "--output", "json", "--quiet")
    assert sql.returncode == 0, sql.stdout
    compiled = json.loads(sql.stdout)["compiled"].lower()
    assert f"left join {SCHEMA}.src_activities as known on activities.activity_id = known.activity_id" in compiled
    assert "where known.activity_id is null or known.loaded_at <> activities.loaded_at" in compiled
    merge = """
        {%- set columns = [api.Column('activity_id', 'number'), api.Column('distance_miles', 'double')] -%}
        {{ adapter.dispatch('get_incremental_merge_sql', 'dbt')({
            'target_relation': ref('src_activities'), 'temp_relation': ref('stg_activities'),
            'unique_key': 'activity_id', 'dest_columns': columns, 'incremental_predicates': none}) }}
    """
    statement = " ".join(account.dbt("compile", "--inline", merge, "--quiet").stdout.lower().split())
    assert f"merge into {SCHEMA}.src_activities as dbt_internal_dest" in statement, statement
    assert "dbt_internal_source.activity_id = dbt_internal_dest.activity_id" in statement, statement
    assert "when matched then update set" in statement and "when not matched then insert" in statement


def test_macros_are_right_whatever_the_session_says(account: Account) -> None:
    """Weeks, zones and types that depend on the account's parameters are not used."""
    files = (account.folder / "target" / "compiled").rglob("*.sql")
    compiled = {file.name: file.read_text(encoding="utf-8").lower() for file in files if "models" in file.parts}
    activities = compiled["src_activities.sql"]
    for function in ("dayofweekiso(", "weekiso(", "yearofweekiso(", "to_timestamp_ntz("):
        assert function in activities
    for name, sql in compiled.items():
        for forbidden in (
            "week(",
            "dayofweek(",
            "date_trunc('week'",
            "convert_timezone(",
            "make_timestamp",
            "current_",
        ):
            assert forbidden not in sql, f"{name}: {forbidden}"


@pytest.mark.parametrize(("target", "database"), [("dev", "headgate_dev"), ("prod", "headgate_prod")])
def test_the_environment_is_the_database(account: Account, target: str, database: str) -> None:
    wanted = (
        "--select",
        "fct_activities",
        "--resource-type",
        "model",
        "--output",
        "json",
        "--output-keys",
        "database schema",
    )
    listed = account.dbt("ls", *wanted, target=target)
    place = json.loads(listed.stdout.strip().splitlines()[-1])
    assert place == {"database": database, "schema": "fitness_private"}
