"""Pages of activities, what they hold, and the documents behind them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from acme.strava.world import RIDES, RUNS, SWIMS

from .conftest import ACTIVITIES, TODAY, Club


def epoch(activity: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(activity["start_date"]).timestamp())


def test_every_activity_is_on_one_page(club: Club) -> None:
    found = [activity["id"] for athlete in range(3) for activity in club.activities(athlete=athlete, per_page=37)]
    assert len(found) == len(set(found)) == ACTIVITIES
    assert set(found) == club.ledger.ids()
    assert set(club.ledger.served().values()) == {1}


def test_thirty_on_a_page_newest_first(club: Club) -> None:
    first, second = (club.get("/athlete/activities", page=page).json() for page in (1, 2))
    assert len(first) == len(second) == 30
    starts = [epoch(activity) for activity in first + second]
    assert starts == sorted(starts, reverse=True)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"per_page": 201}, "per_page"),
        ({"per_page": 0}, "per_page"),
        ({"page": 0}, "page"),
        ({"after": "soon"}, "after"),
    ],
)
def test_wrong_parameters_are_refused(club: Club, parameters: dict[str, Any], field: str) -> None:
    answer = club.get("/athlete/activities", **parameters)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_after_and_before_leave_their_second_out(club: Club) -> None:
    everything = sorted(club.activities(), key=epoch)
    low, high = epoch(everything[50]), epoch(everything[90])
    found = club.activities(after=low, before=high, per_page=10)
    assert [activity["id"] for activity in found] == [activity["id"] for activity in everything[51:90]]
    assert club.get("/athlete/activities", after=high, before=low).json() == []
    before = club.activities(before=high)
    assert [epoch(activity) for activity in before] == [epoch(activity) for activity in reversed(everything[:90])]


def test_local_time_is_utc_plus_offset_with_a_false_z(club: Club) -> None:
    winters: set[bool] = set()
    for athlete in range(3):
        for activity in club.activities(athlete=athlete):
            assert activity["start_date"].endswith("Z") and activity["start_date_local"].endswith("Z")
            told, _, zone = activity["timezone"].partition(") ")
            local = datetime.fromtimestamp(epoch(activity), ZoneInfo(zone))
            assert local.strftime("%Y-%m-%dT%H:%M:%SZ") == activity["start_date_local"]
            assert local.utcoffset() == timedelta(seconds=activity["utc_offset"])
            hours, minutes = told.removeprefix("(GMT").split(":")
            standard = local.utcoffset() - local.dst()  # type: ignore[operator]
            assert standard == timedelta(hours=int(hours), minutes=int(hours[0] + minutes))
            winters.add(bool(local.dst()))
            assert epoch(activity) < datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC).timestamp()
    assert winters == {True, False}


def test_numbers_hang_together(club: Club) -> None:
    kinds: dict[str, int] = {}
    for athlete in range(3):
        for activity in club.activities(athlete=athlete):
            kinds[activity["sport_type"]] = kinds.get(activity["sport_type"], 0) + 1
            assert activity["elapsed_time"] >= activity["moving_time"] >= 60
            if activity["distance"]:
                assert activity["average_speed"] == pytest.approx(
                    activity["distance"] / activity["moving_time"], abs=5e-4
                )
            if "kilojoules" in activity:
                work = activity["average_watts"] * activity["moving_time"] / 1_000
                assert activity["kilojoules"] == pytest.approx(work, abs=0.0501)
                assert ("max_watts" in activity) == activity["device_watts"]
            assert activity["has_heartrate"] == ("average_heartrate" in activity)
            if activity["trainer"] or activity["manual"]:
                assert activity["start_latlng"] == [] and activity["map"]["summary_polyline"] == ""
    assert {"Ride", "VirtualRide", "Run", "Swim"} <= set(kinds)
    assert kinds["Ride"] > kinds["Run"] > kinds["Swim"]


def test_some_rides_have_no_kilojoules_and_flags_are_there(club: Club) -> None:
    everything = [activity for athlete in range(3) for activity in club.activities(athlete=athlete)]
    rides = [activity for activity in everything if activity["type"] == "Ride"]
    without = [activity for activity in rides if "kilojoules" not in activity]
    assert 0 < len(without) < len(rides) / 3
    for flag in ("commute", "trainer", "manual", "private"):
        assert 0 < sum(activity[flag] for activity in everything) < len(everything) / 2, flag
    measured = {activity.get("device_watts") for activity in rides}
    assert measured == {True, False, None}


def test_a_detailed_run_has_laps_and_efforts_that_add_up(club: Club) -> None:
    run = next(
        activity for activity in club.activities() if activity["sport_type"] == "Run" and activity["distance"] > 5_100
    )
    detail = club.get(f"/activities/{run['id']}").json()
    assert {name: detail[name] for name in ("distance", "moving_time", "name")} == {
        name: run[name] for name in ("distance", "moving_time", "name")
    }
    assert (detail["resource_state"], detail["calories"] > 0) == (3, True)
    assert len(detail["laps"]) == -(-run["distance"] // 1_000)
    assert detail["laps"] == club.get(f"/activities/{run['id']}/laps").json()
    for parts in (detail["laps"], detail["splits_metric"], detail["splits_standard"]):
        assert sum(part["moving_time"] for part in parts) == run["moving_time"]
        assert sum(part["elapsed_time"] for part in parts) == run["elapsed_time"]
        assert sum(part["distance"] for part in parts) == pytest.approx(run["distance"], abs=0.05)
    efforts = {effort["name"]: effort["moving_time"] for effort in detail["best_efforts"]}
    assert set(efforts) >= {"400m", "1/2 mile", "1K", "1 mile", "2 mile", "5K"} and "Marathon" not in efforts
    assert list(efforts.values()) == sorted(efforts.values())
    assert efforts["5K"] <= run["moving_time"]


def test_streams_lead_to_the_same_totals(club: Club) -> None:
    ride = next(
        a for a in club.activities() if a.get("device_watts") and a["sport_type"] == "Ride" and not a["trainer"]
    )
    path = f"/activities/{ride['id']}/streams"
    found = club.get(path, keys="time,distance,watts,latlng,altitude", key_by_type="true").json()
    assert set(found) == {"time", "distance", "watts", "latlng", "altitude"}
    lengths = {len(stream["data"]) for stream in found.values()}
    assert len(lengths) == 1
    assert found["time"]["data"][-1] == ride["moving_time"]
    assert found["distance"]["data"][-1] == ride["distance"]
    watts = found["watts"]["data"]
    assert sum(watts) / len(watts) == pytest.approx(ride["average_watts"], rel=0.01)
    listed = club.get(path, keys="time", resolution="low").json()
    assert [stream["type"] for stream in listed] == ["time", "distance"] and len(listed[0]["data"]) == 100
    assert club.get(path, keys="pulse").status_code == 400
    manual = next(a for a in club.activities() if a["manual"])
    assert club.get(f"/activities/{manual['id']}/streams", keys="time").status_code == 404


def test_totals_are_those_of_the_public_activities(club: Club) -> None:
    today = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
    stats = club.get(f"/athletes/{club.athlete_id()}/stats").json()
    public = [activity for activity in club.activities() if activity["visibility"] == "everyone"]
    for sport, types in {"ride": RIDES, "run": RUNS, "swim": SWIMS}.items():
        own = [activity for activity in public if activity["sport_type"] in types]
        ranges = {
            "all": own,
            "recent": [a for a in own if epoch(a) >= (today - timedelta(days=28)).timestamp()],
            "ytd": [a for a in own if a["start_date_local"].startswith("2026")],
        }
        for name, chosen in ranges.items():
            totals = stats[f"{name}_{sport}_totals"]
            assert totals["count"] == len(chosen)
            assert totals["distance"] == pytest.approx(sum(a["distance"] for a in chosen), abs=0.1)
            assert totals["moving_time"] == sum(a["moving_time"] for a in chosen)
            assert totals["elapsed_time"] == sum(a["elapsed_time"] for a in chosen)
            assert totals["elevation_gain"] == pytest.approx(sum(a["total_elevation_gain"] for a in chosen), abs=0.1)
    assert (
        stats["all_ride_totals"]["count"] > stats["ytd_ride_totals"]["count"] > stats["recent_ride_totals"]["count"] > 0
    )
    rides = [activity["distance"] for activity in public if activity["sport_type"] in RIDES]
    assert stats["biggest_ride_distance"] == max(rides)


def test_gear_has_ridden_what_its_activities_have(club: Club) -> None:
    athlete = club.get("/athlete").json()
    assert athlete["resource_state"] == 3 and athlete["weight"] > 40
    everything = club.activities()
    for gear in [*athlete["bikes"], *athlete["shoes"]]:
        ridden = sum(activity["distance"] for activity in everything if activity["gear_id"] == gear["id"])
        detail = club.get(f"/gear/{gear['id']}").json()
        assert detail["distance"] == gear["distance"] == pytest.approx(ridden, abs=0.1)
        assert detail["brand_name"] in detail["name"]
    assert club.get(f"/gear/{athlete['bikes'][0]['id']}", athlete=1).status_code == 404  # somebody else's


def test_zones_follow_each_other(club: Club) -> None:
    zones = club.get("/athlete/zones").json()
    beats = zones["heart_rate"]["zones"]
    assert len(beats) == 5 and beats[0]["min"] == 0 and beats[-1]["max"] == -1
    assert [zone["max"] for zone in beats[:-1]] == [zone["min"] for zone in beats[1:]]
    assert len(zones["power"]["zones"]) == 7  # the first athlete has a power meter


def test_starred_segments_are_at_home_and_on_pages(club: Club) -> None:
    starred = club.get("/segments/starred").json()
    assert 3 <= len(starred) <= 6 and {segment["city"] for segment in starred} == {club.get("/athlete").json()["city"]}
    pages = [club.get("/segments/starred", page=page, per_page=2).json() for page in (1, 2, 3, 4)]
    assert [segment for page in pages for segment in page] == starred
    for segment in starred:
        assert segment["average_grade"] == pytest.approx(
            (segment["elevation_high"] - segment["elevation_low"]) / segment["distance"] * 100, abs=0.06
        )
        detail = club.get(f"/segments/{segment['id']}").json()
        assert segment | {"resource_state": 3} == {name: detail[name] for name in segment}
    assert not {s["id"] for s in starred} & {s["id"] for s in club.get("/segments/starred", athlete=1).json()}


def test_what_is_not_there_is_not_found(club: Club) -> None:
    missing = {"/activities/17": "Activity", "/gear/b1": "Gear", "/segments/1": "Segment", "/nothing": "resource"}
    for path, resource in missing.items():
        answer = club.get(path)
        assert (answer.status_code, answer.json()["errors"][0]["resource"]) == (404, resource)
    other = club.activities(athlete=1)[0]["id"]
    assert club.get(f"/activities/{other}", athlete=0).status_code == 404
