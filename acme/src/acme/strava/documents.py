"""An activity, an athlete, a bike as the API shows them: the field names and shapes of its public description.

What belongs here: turning rows into documents. What does not: laps and streams (`tracks`), totals (`stats`), who may see
what (`server`). Lengths are metres, times seconds, speeds metres a second; `start_date` is UTC, `start_date_local` is
local time with a Z that it should not have, as the real one.
"""

import json
from datetime import UTC, datetime
from typing import Any

from acme.strava.athletes import SHOE, gear_id
from acme.strava.schedule import standard_offset
from acme.strava.store import Row, Store
from acme.strava.tracks import best_efforts, laps, polyline, splits
from acme.strava.world import ACTIVITY_TYPES

_FLAGS = ("trainer", "commute", "manual")
_MEASURED = (
    *("average_cadence", "average_temp", "average_watts", "weighted_average_watts", "max_watts", "kilojoules"),
    *("average_heartrate", "max_heartrate", "suffer_score", "elev_high", "elev_low"),
)
_DETAIL_EFFORTS = ("Run", "TrailRun")


def summary_activity(row: Row) -> dict[str, Any]:
    """A SummaryActivity. What a device did not measure is left out, as the service does: no key, not null."""
    place = [row["start_latitude"], row["start_longitude"]] if row["start_latitude"] is not None else []
    document = {
        "resource_state": 2,
        "athlete": {"id": row["athlete_id"], "resource_state": 1},
        "name": row["name"],
        "distance": row["distance"],
        "moving_time": row["moving_time"],
        "elapsed_time": row["elapsed_time"],
        "total_elevation_gain": row["total_elevation_gain"],
        "type": ACTIVITY_TYPES.get(row["sport_type"], row["sport_type"]),
        "sport_type": row["sport_type"],
        "id": row["id"],
        "start_date": utc_text(row["start_at"]),
        "start_date_local": utc_text(row["start_at"] + row["utc_offset"]),
        "timezone": timezone_text(row["zone"]),
        "utc_offset": float(row["utc_offset"]),
        "location_city": None,
        "location_state": None,
        "location_country": None,
        "achievement_count": row["achievement_count"],
        "kudos_count": row["kudos_count"],
        "comment_count": 0,
        "athlete_count": 1,
        "photo_count": 0,
        "map": {"id": f"a{row['id']}", "summary_polyline": polyline(row, 16), "resource_state": 2},
        **{name: bool(row[name]) for name in _FLAGS},
        "private": row["visibility"] == "only_me",
        "visibility": row["visibility"],
        "flagged": False,
        "gear_id": row["gear_id"],
        "start_latlng": place,
        "end_latlng": place,
        "average_speed": row["average_speed"],
        "max_speed": row["max_speed"],
        "has_heartrate": row["average_heartrate"] is not None,
        "heartrate_opt_out": False,
        "display_hide_heartrate_option": False,
        "upload_id": row["upload_id"],
        "upload_id_str": None if row["upload_id"] is None else str(row["upload_id"]),
        "external_id": None if row["upload_id"] is None else f"{row['upload_id']}.fit",
        "from_accepted_tag": False,
        "pr_count": row["pr_count"],
        "total_photo_count": 0,
        "has_kudoed": False,
        "workout_type": None,
    }
    document |= {name: row[name] for name in _MEASURED if row[name] is not None}
    if row["device_watts"] is not None:
        document["device_watts"] = bool(row["device_watts"])
    return document


def detailed_activity(store: Store, row: Row) -> dict[str, Any]:
    """A DetailedActivity: the summary, and laps, splits, efforts, gear."""
    gear = store.row("select profile from gear where id = ?", [row["gear_id"]])
    document = summary_activity(row) | {
        "resource_state": 3,
        "description": row["description"],
        "calories": row["calories"],
        "device_name": row["device_name"],
        "hide_from_home": False,
        "embed_token": f"{row['id']:040x}",
        "segment_efforts": [],
        "splits_metric": splits(row, 1_000.0),
        "splits_standard": splits(row, 1_609.344),
        "laps": laps(row),
        "photos": {"primary": None, "count": 0},
        "segment_leaderboard_opt_out": False,
    }
    document["map"] = {**document["map"], "polyline": polyline(row, 64), "resource_state": 3}
    if gear:
        document["gear"] = summary_gear(store, _profile(gear))
    if row["sport_type"] in _DETAIL_EFFORTS:
        document["best_efforts"] = best_efforts(row)
    return document


def athlete_document(store: Store, profile: Row, *, is_detailed: bool) -> dict[str, Any]:
    """The athlete: with `profile:read_all` also weight, power and gear."""
    document = {
        "id": profile["id"],
        "username": profile["username"],
        "resource_state": 3 if is_detailed else 2,
        **{name: profile[name] for name in ("firstname", "lastname", "city", "state", "country", "sex")},
        "premium": True,
        "summit": True,
        "created_at": profile["created_at"],
        "updated_at": profile["updated_at"],
        "badge_type_id": 1,
        "profile_medium": "avatar/athlete/medium.png",
        "profile": "avatar/athlete/large.png",
        "friend": None,
        "follower": None,
    }
    if not is_detailed:
        return document
    owned = [
        _profile(row)
        for row in store.rows("select profile from gear where athlete_id = ? order by id", [profile["id"]])
    ]
    return document | {
        "follower_count": 12,
        "friend_count": 15,
        "mutual_friend_count": 0,
        "athlete_type": 1,
        "date_preference": "%m/%d/%Y" if profile["measurement_preference"] == "feet" else "%d/%m/%Y",
        "measurement_preference": profile["measurement_preference"],
        "weight": profile["weight"],
        "ftp": profile["ftp"],
        "clubs": [],
        "bikes": [summary_gear(store, gear) for gear in owned if gear["id"].startswith("b")],
        "shoes": [summary_gear(store, gear) for gear in owned if gear["id"] == gear_id(profile["id"], SHOE)],
    }


def zones_document(profile: Row) -> dict[str, Any]:
    """Heart-rate zones by share of the highest rate, power zones by share of the hour's power; -1 has no end."""
    beats = [round(profile["heart_rate_max"] * share) for share in (0.6, 0.78, 0.87, 0.97)]
    watts = [round(profile["threshold_w"] * share) for share in (0.55, 0.75, 0.9, 1.05, 1.2, 1.5)]
    document: dict[str, Any] = {
        "heart_rate": {
            "custom_zones": False,
            "zones": [{"min": low, "max": high} for low, high in zip([0, *beats], [*beats, -1], strict=True)],
        }
    }
    if profile["ftp"]:
        lows = [0, *(value + 1 for value in watts)]
        document["power"] = {"zones": [{"min": a, "max": b} for a, b in zip(lows, [*watts, -1], strict=True)]}
    return document


def summary_gear(store: Store, gear: Row) -> dict[str, Any]:
    """A SummaryGear; its distance is the sum over its activities, in metres."""
    ridden = store.row("select coalesce(sum(distance), 0) as m from activities where gear_id = ?", [gear["id"]])
    return {
        "id": gear["id"],
        "primary": bool(gear["is_primary"]),
        "name": gear["name"],
        "nickname": "",
        "resource_state": 2,
        "retired": False,
        "distance": round(ridden["m"], 1) if ridden else 0,
    }


def detailed_gear(store: Store, row: Row) -> dict[str, Any]:
    gear = _profile(row)
    document = summary_gear(store, gear) | {
        "resource_state": 3,
        **{name: gear[name] for name in ("brand_name", "model_name", "description")},
    }
    return document | ({"frame_type": gear["frame_type"]} if gear["frame_type"] else {})


def utc_text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def timezone_text(zone: str) -> str:
    """As the service writes it: the offset of standard time, whatever the season."""
    offset = standard_offset(zone)
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"(GMT{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}) {zone}"


def _profile(row: Row) -> Row:
    profile: Row = json.loads(row["profile"])
    return profile
