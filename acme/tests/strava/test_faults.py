"""Every fault strikes exactly as often as asked for, and clearing takes it back."""

from collections import Counter
from typing import Any

import httpx
import pytest

from acme.errors import AcmeError
from acme.strava.faults import KINDS, clear, inject
from acme.strava.store import Store
from acme.strava.world import DOUBTFUL_ID_START

from .conftest import Club

LIST = "/athlete/activities"


def statuses(club: Club, number: int, path: str = LIST) -> list[int]:
    return [club.get(path).status_code for _ in range(number)]


@pytest.mark.parametrize(("kind", "status"), [("unauthorized", 401), ("not_found", 404), ("rate_limited", 429)])
def test_refusals(club: Club, kind: str, status: int) -> None:
    club.athlete_id()
    assert inject(club.folder, kind, count=2)["count"] == 2
    assert statuses(club, 4) == [status, status, 200, 200]
    told = [request for request in club.ledger.requests() if request["fault"] == kind]
    assert [(request["status"], request["ids"], request["is_complete"]) for request in told] == [
        (status, [], False)
    ] * 2


def test_a_refusal_by_limit_says_so_in_its_headers(club: Club) -> None:
    inject(club.folder, "rate_limited")
    answer = club.get(LIST)
    used, limit = (int(answer.headers[f"X-RateLimit-{name}"].split(",")[0]) for name in ("Usage", "Limit"))
    assert used > limit
    assert answer.json()["errors"][0]["code"] == "exceeded"


def test_server_errors_after_some_good_answers_on_one_path(club: Club) -> None:
    inject(club.folder, "server_error", count=3, skip=2, path=LIST)
    assert statuses(club, 3, "/athlete") == [200] * 3
    found = statuses(club, 6)
    assert found[:2] == [200, 200] and found[5:] == [200]
    assert sorted(found[2:5]) == [500, 502, 503]


def test_html_where_json_should_be(club: Club) -> None:
    inject(club.folder, "html")
    answer = club.get(LIST)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert len(club.get(LIST).json()) == 30


def test_truncated_json(club: Club) -> None:
    inject(club.folder, "truncated_json")
    answer = club.get(LIST)
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match="Expecting|Unterminated"):
        answer.json()
    assert not club.ledger.served()  # nobody can have read it whole
    (request,) = [request for request in club.ledger.requests() if request["fault"]]
    assert len(request["ids"]) == 30


def test_a_connection_that_breaks(club: Club) -> None:
    inject(club.folder, "broken_connection")
    with pytest.raises(httpx.RemoteProtocolError):
        club.get(LIST)
    assert len(club.get(LIST).json()) == 30


def test_an_answer_that_does_not_come_holds_up_nobody_else(club: Club) -> None:
    club.athlete_id(0)
    club.athlete_id(1)
    inject(club.folder, "timeout", seconds=3)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(club.url + LIST, headers={"Authorization": f"Bearer {club.tokens[0]}"}, timeout=0.2)
    assert club.get(LIST, athlete=1).status_code == 200
    assert [request["status"] for request in club.ledger.requests() if request["fault"]] == [None]


def test_tokens_are_struck_only_by_name(club: Club) -> None:
    inject(club.folder, "server_error")
    assert club.refresh(club.refresh_tokens[0]).status_code == 200
    clear(club.folder)
    inject(club.folder, "broken_connection", path="/oauth/token")
    with pytest.raises(httpx.RemoteProtocolError):
        club.refresh(club.refresh_tokens[1])
    # The pair was given and never arrived: the old token still gives it.
    assert club.refresh(club.refresh_tokens[1]).status_code == 200


def test_a_page_that_comes_twice(club: Club) -> None:
    expected = club.activities(per_page=50)
    inject(club.folder, "duplicate_page")
    first, second, again = (club.get(LIST, per_page=50, page=page).json() for page in (1, 2, 2))
    assert second == first
    assert again == expected[50:100]


def test_a_page_that_shifts_because_something_was_uploaded(club: Club) -> None:
    before = club.ledger.ids()
    first = club.get(LIST, per_page=50).json()
    inject(club.folder, "shifting_page")
    second = club.get(LIST, per_page=50, page=2).json()
    assert second[0]["id"] == first[-1]["id"]
    (new,) = club.ledger.ids() - before
    assert club.get(LIST, per_page=1).json()[0]["id"] == new
    everything = [activity["id"] for athlete in range(3) for activity in club.activities(athlete=athlete)]
    assert set(everything) == before | {new} and len(everything) == len(before) + 1


def test_a_page_that_shrinks_because_something_was_deleted(club: Club) -> None:
    expected = [activity["id"] for activity in club.activities(per_page=50)]
    club.get(LIST, per_page=50)
    inject(club.folder, "shrinking_page")
    second = club.get(LIST, per_page=50, page=2).json()
    assert second[0]["id"] == expected[51]  # the one at the border was on no page
    assert club.ledger.ids(athlete_id=club.athlete_id()) == set(expected[1:])


def test_edits_and_deletions_are_taken_back(club: Club) -> None:
    before = club.ledger.activities()
    edits = inject(club.folder, "edit", count=4)["ids"]
    gone = inject(club.folder, "delete", count=3, athlete_id=club.athlete_id(1))["ids"]
    after = club.ledger.activities()
    assert set(before) - set(after) == set(gone) and len(gone) == 3
    changed = {number for number, row in after.items() if row != before[number]}
    assert changed == set(edits) - set(gone) and len(edits) == 4
    served = {activity["id"] for athlete in range(3) for activity in club.activities(athlete=athlete)}
    assert served == set(after)
    clear(club.folder)
    assert club.ledger.activities() == before
    assert Counter(change["kind"] for change in club.ledger.changes())["undone"] == 7


def doubtful(club: Club) -> list[dict[str, Any]]:
    return [a for athlete in range(3) for a in club.activities(athlete=athlete) if a["id"] >= DOUBTFUL_ID_START]


@pytest.mark.parametrize(
    "kind",
    [
        "no_distance",
        "negative_time",
        "from_1970",
        "from_future",
        "duplicate_name",
        "day_of_25_hours",
        "day_of_23_hours",
    ],
)
def test_doubtful_activities(club: Club, kind: str) -> None:
    clean = club.ledger.activities()
    ids = inject(club.folder, kind, count=4)["ids"]
    rows = doubtful(club)
    assert sorted(row["id"] for row in rows) == sorted(ids) and len(set(ids)) == 4
    for row in rows:
        utc, local = row["start_date"], row["start_date_local"]
        assert {
            "no_distance": row["distance"] is None,
            "negative_time": row["moving_time"] < 0 and row["elapsed_time"] < 0,
            "from_1970": utc.startswith("1970-01-01"),
            "from_future": utc.startswith("2099-01-01"),
            "duplicate_name": row["name"] == "The very same ride",
            "day_of_25_hours": local[11:13] in ("00", "01", "02"),
            "day_of_23_hours": row["elapsed_time"] == 5_400,
        }[kind], row
    if kind == "day_of_25_hours":
        # Two activities an hour apart began at the same time of the clock.
        assert len({row["start_date"] for row in rows}) == 4
        assert sorted(Counter(row["start_date_local"] for row in rows).values()) == [2, 2]
        assert len({row["utc_offset"] for row in rows}) == 2
    assert club.ledger.ids(doubtful=False) == set(clean)
    for athlete in range(3):
        detail = club.get(f"/athletes/{club.athlete_id(athlete)}/stats", athlete=athlete)
        assert detail.status_code == 200
    for row in rows:
        athlete = [club.athlete_id(number) for number in range(3)].index(row["athlete"]["id"])
        assert club.get(f"/activities/{row['id']}", athlete=athlete).status_code == 200
    clear(club.folder, kind=kind)
    assert club.ledger.activities() == clean
    assert doubtful(club) == []


def test_the_source_changes_its_schema(club: Club) -> None:
    plain = club.get(LIST, per_page=3).json()
    inject(club.folder, "new_field")
    inject(club.folder, "changed_type")
    changed = club.get(LIST, per_page=3).json()
    for row, before in zip(changed, plain, strict=True):
        assert row["average_speed"] == f"{before['average_speed']} m/s"
        assert set(row) - set(before) == {"surface"} and 0 <= row["surface"]["paved_share"] <= 1
    clear(club.folder)
    assert club.get(LIST, per_page=3).json() == plain


def test_faults_wait_for_their_turn_and_unused_ones_are_told(club: Club) -> None:
    inject(club.folder, "not_found")
    inject(club.folder, "unauthorized", count=5)
    assert statuses(club, 3) == [404, 401, 401]
    told = {fault["kind"]: fault["remaining"] for fault in clear(club.folder)}
    assert told == {"not_found": 0, "unauthorized": 3}
    assert statuses(club, 1) == [200]


@pytest.mark.parametrize(
    ("kind", "options", "what"),
    [
        ("gremlin", {}, "There is no fault 'gremlin'"),
        ("edit", {"count": 0}, "0 faults"),
        ("delete", {"count": 5_000}, "5000 activities were asked for"),
        ("edit", {"athlete_id": 1}, "There is no athlete 1"),
    ],
)
def test_what_cannot_be_injected_changes_nothing(club: Club, kind: str, options: dict[str, int], what: str) -> None:
    before = club.ledger.activities()
    with pytest.raises(AcmeError, match=what):
        inject(club.folder, kind, **options)
    assert club.ledger.activities() == before
    store = Store(club.folder)
    assert store.rows("select * from faults") == []
    store.close()


def test_every_kind_can_be_injected_and_cleared(club: Club) -> None:
    before = club.ledger.activities()
    for kind in KINDS:
        inject(club.folder, kind)
    assert {fault["kind"] for fault in clear(club.folder)} == set(KINDS)
    assert club.ledger.activities() == before
