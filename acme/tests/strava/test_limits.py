"""Requests are counted in a quarter of an hour and a day; beyond the limit comes 429."""

from collections.abc import Callable
from pathlib import Path

import httpx

from acme.strava.growth import configure

from .conftest import Club

LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Usage", "X-ReadRateLimit-Limit", "X-ReadRateLimit-Usage")


def headers(answer: httpx.Response) -> tuple[str, ...]:
    return tuple(answer.headers[name] for name in LIMITS)


def test_headers_count_and_the_quarter_of_an_hour_ends(club: Club) -> None:
    configure(club.folder, {"limits": [5, 1_000], "read_limits": [3, 500]})
    club.clock.at += 100
    for used in (1, 2, 3):
        answer = club.get("/athlete/activities", per_page=1)
        assert answer.status_code == 200
        assert headers(answer) == ("5,1000", f"{used},{used}", "3,500", f"{used},{used}")
    refused = club.get("/athlete/activities", per_page=1)
    assert refused.status_code == 429
    assert refused.json() == {
        "message": "Rate Limit Exceeded",
        "errors": [{"resource": "Application", "field": "rate limit", "code": "exceeded"}],
    }
    assert headers(refused) == ("5,1000", "4,4", "3,500", "4,4")  # it counts too
    assert club.get("/athlete", athlete=1).status_code == 429  # the application's, not an athlete's

    club.clock.at += 799  # a second before the quarter ends
    assert club.get("/athlete").status_code == 429
    club.clock.at += 1
    answer = club.get("/athlete")
    assert (answer.status_code, headers(answer)[1]) == (200, "1,7")
    assert club.ledger.statuses()[429] == 3


def test_a_day_ends_at_midnight_utc(club: Club) -> None:
    configure(club.folder, {"read_limits": [100, 2]})
    assert [club.get("/athlete").status_code for _ in range(3)] == [200, 200, 429]
    club.clock.at += 3_600
    assert club.get("/athlete").status_code == 429
    club.clock.at += 11 * 3_600
    club.tokens = {}
    club.credentials["STRAVA_REFRESH_TOKENS"] = ",".join(club.refresh_tokens[1:])
    assert club.get("/athlete").status_code == 200


def test_windows_can_be_short_and_survive_a_restart(club: Club, serve: Callable[..., Club]) -> None:
    configure(club.folder, {"window_s": 2, "limits": [2, 1_000]})
    assert [club.get("/athlete").status_code for _ in range(3)] == [200, 200, 429]
    again = serve(club.folder, club.clock)
    assert again.get("/athlete", token=club.tokens[0]).status_code == 429
    club.clock.at += 2
    assert again.get("/athlete", token=club.tokens[0]).status_code == 200


def test_asking_for_tokens_is_not_counted(club: Club, folder: Path) -> None:
    configure(folder, {"limits": [1, 1_000]})
    for _ in range(3):
        assert club.refresh(club.refresh_tokens[0]).status_code == 200
    assert club.get("/athlete").status_code == 200
