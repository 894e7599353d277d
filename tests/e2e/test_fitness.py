"""From an API that misbehaves to published tables, in an environment of its own: by settings alone, and by the command line."""

import csv
from collections.abc import Iterator

import pytest

from .installation import Installation, Result

PROD = {"HEADGATE_ENVIRONMENT": "prod"}
PUBLISH = ("--select", "+fitness.fct_activities")
DOUBTS = {"no_distance": 3, "negative_time": 2, "from_1970": 1, "from_future": 2}
SOUND = {"duplicate_name": 2, "day_of_25_hours": 2, "day_of_23_hours": 2}
RULES = {
    "distance_m__no_distance": 3,
    "moving_time_s__no_time": 2,
    "started_at__too_early": 1,
    "started_at__in_future": 2,
}


def count(platform: Installation, sql: str, **variables: str) -> int:
    answer = platform.run("query", sql, "--format", "csv", variables=variables)
    assert answer.code == 0, answer.text
    return int(answer.out.splitlines()[1])


@pytest.fixture(scope="module")
def doubtful(platform: Installation, first_build: Result) -> Iterator[list[int]]:
    """A club in which devices went wrong; the ids of all activities, by the ledger."""
    for kind, number in (DOUBTS | SOUND).items():
        platform.acme("strava", "fault", "inject", kind, "--count", str(number))
    yield platform.acme("strava", "ledger", "--ids")["ids"]
    platform.acme("strava", "fault", "clear")


@pytest.fixture(scope="module")
def in_prod(platform: Installation, doubtful: list[int]) -> Result:
    return platform.build(*PUBLISH, variables=PROD)


def test_doubtful_activities_are_published_counted_and_told(
    platform: Installation, doubtful: list[int], in_prod: Result
) -> None:
    assert in_prod.code == 0, in_prod.text
    assert in_prod.rows["fitness.fct_activities"] == len(doubtful)
    assert in_prod.assets["fitness.fct_activities"] == "warned"
    [told] = [line for line in in_prod.out.splitlines() if line.startswith("fitness.fct_activities: warnings from ")]
    assert told == f"fitness.fct_activities: warnings from {', '.join(sorted(RULES))}"
    listed = platform.run("warnings", "fitness.fct_activities", "--format", "csv", variables=PROD)
    found = {row["rule"]: int(row["failed_rows"]) for row in csv.DictReader(listed.out.splitlines())}
    assert {rule: found[rule] for rule in RULES} == RULES, listed.text
    doubts = count(platform, "select count(*) filter (where is_doubtful) from fitness.fct_activities", **PROD)
    assert doubts == sum(DOUBTS.values())


def test_the_other_environment_knows_nothing_of_it(
    platform: Installation, first_build: Result, in_prod: Result
) -> None:
    assert count(platform, "select count(*) from fitness.fct_activities") == first_build.rows["fitness.fct_activities"]
    assert count(platform, "select count(*) filter (where is_doubtful) from fitness.fct_activities") == 0


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("html", (), "the source sent a web page where data should be"),
        ("server_error", ("--skip", "6"), "the source is down or does not recover"),
    ],
)
def test_an_api_that_fails_half_way_leaves_what_is_published(
    platform: Installation, in_prod: Result, kind: str, options: tuple[str, ...], words: str
) -> None:
    published = "select count(*), sum(distance_m) as metres, max(activity_id) as newest from fitness.fct_activities"
    before = platform.run("query", published, variables=PROD).out
    snapshots = platform.run("history", "fitness.fct_activities", variables=PROD).out
    platform.acme("strava", "fault", "inject", kind, "--count", "40", "--path", "activities", *options)
    try:
        failed = platform.build(*PUBLISH, variables=PROD)
    finally:
        platform.acme("strava", "fault", "clear", kind)
    assert failed.code == 1
    assert "what was landed and published stays as it is" in failed.error(words)
    assert failed.assets["fitness.activities"] == "failed" and failed.assets["fitness.fct_activities"] == "skipped"
    assert platform.run("query", published, variables=PROD).out == before
    assert platform.run("history", "fitness.fct_activities", variables=PROD).out == snapshots
