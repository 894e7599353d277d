"""Inside an activity: laps, splits, best efforts, its way on the map, and streams.

Nothing of this is kept: it is drawn from the activity's id whenever it is asked for, the same each time, and adds up to
the activity's own distance, times and power.
"""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from acme.strava.store import Row
from acme.strava.world import RIDES, Stream
from acme.world import Floats

STREAM_TYPES = (
    *("time", "distance", "latlng", "altitude", "velocity_smooth", "heartrate"),
    *("cadence", "watts", "temp", "moving", "grade_smooth"),
)
RESOLUTIONS = {"low": 100, "medium": 1_000, "high": 10_000}
_LAP_M = {"Swim": 400.0}
_EFFORTS = (
    ("400m", 400),
    ("1/2 mile", 805),
    ("1K", 1_000),
    ("1 mile", 1_609),
    ("2 mile", 3_219),
    ("5K", 5_000),
    ("10K", 10_000),
    ("15K", 15_000),
    ("10 mile", 16_090),
    ("20K", 20_000),
    ("Half-Marathon", 21_097),
    ("30K", 30_000),
    ("Marathon", 42_195),
)


def laps(row: Row) -> list[dict[str, Any]]:
    """Laps of 5 km on a bike, 1 km on foot, 400 m in the water; the last one is what is left."""
    length = _LAP_M.get(row["sport_type"], 5_000.0 if row["sport_type"] in RIDES else 1_000.0)
    parts = _parts(row, length)
    found = []
    start = 0
    for number, part in enumerate(parts, 1):
        lap = {
            "id": row["id"] * 1_000 + number,
            "resource_state": 2,
            "name": f"Lap {number}",
            "activity": {"id": row["id"], "resource_state": 1},
            "athlete": {"id": row["athlete_id"], "resource_state": 1},
            "elapsed_time": part["elapsed_time"],
            "moving_time": part["moving_time"],
            "start_date": _text(row["start_at"] + start),
            "start_date_local": _text(row["start_at"] + row["utc_offset"] + start),
            "distance": part["distance"],
            "average_speed": part["average_speed"],
            "max_speed": row["max_speed"],
            "lap_index": number,
            "split": number,
            "start_index": start,
            "end_index": start + part["elapsed_time"],
            "total_elevation_gain": part["climb"],
        }
        for name in ("average_watts", "average_heartrate", "max_heartrate", "average_cadence"):
            if row[name] is not None:
                lap[name] = row[name]
        if row["device_watts"] is not None:
            lap["device_watts"] = bool(row["device_watts"])
        found.append(lap)
        start += part["elapsed_time"]
    return found


def splits(row: Row, length_m: float) -> list[dict[str, Any]]:
    """Splits of a kilometre or a mile."""
    return [
        {
            "distance": part["distance"],
            "elapsed_time": part["elapsed_time"],
            "moving_time": part["moving_time"],
            "elevation_difference": part["climb"],
            "split": number,
            "average_speed": part["average_speed"],
            "pace_zone": 0,
        }
        for number, part in enumerate(_parts(row, length_m), 1)
    ]


def best_efforts(row: Row) -> list[dict[str, Any]]:
    """The fastest stretch of each usual length that a run holds."""
    if not row["distance"] or not row["moving_time"] or row["moving_time"] < 0:
        return []
    found = []
    for number, (name, length) in enumerate(_EFFORTS, 1):
        if length > row["distance"]:
            break
        # The shorter, the faster than the whole.
        seconds = round(row["moving_time"] * length / row["distance"] * (1 - 0.12 * (1 - length / row["distance"])))
        found.append(
            {
                "id": row["id"] * 100 + number,
                "resource_state": 2,
                "name": name,
                "activity": {"id": row["id"], "resource_state": 1},
                "athlete": {"id": row["athlete_id"], "resource_state": 1},
                "elapsed_time": seconds,
                "moving_time": seconds,
                "start_date": _text(row["start_at"]),
                "start_date_local": _text(row["start_at"] + row["utc_offset"]),
                "distance": length,
                "start_index": 0,
                "end_index": seconds,
                "pr_rank": None,
                "achievements": [],
            }
        )
    return found


def polyline(row: Row, points: int) -> str | None:
    """The way on the map in Google's encoding; empty where there is none."""
    if row["start_latitude"] is None or not row["distance"] or row["distance"] < 0:
        return ""
    latitude, longitude = _loop(row, np.linspace(0, 1, points))
    return _encode(np.round(np.column_stack([latitude, longitude]) * 1e5).astype(np.int64))


def streams(row: Row, keys: list[str], resolution: str) -> dict[str, Any]:
    """A StreamSet by type. Watts average to the activity's, distances end at its distance, seconds at its moving time."""
    seconds = max(0, row["moving_time"] or 0)
    count = min(RESOLUTIONS[resolution], seconds + 1)
    at = np.linspace(0, 1, count)
    values: dict[str, list[Any]] = {"time": np.round(at * seconds).astype(int).tolist()}
    rng = np.random.Generator(np.random.PCG64([Stream.TRACKS, row["id"]]))
    wave = _wave(rng, at)
    done = np.cumsum(1 + 0.25 * wave)
    done = (done - done[0]) / max(done[-1] - done[0], 1e-9)
    values["distance"] = np.round(done * (row["distance"] or 0), 1).tolist()
    values["velocity_smooth"] = np.round((row["average_speed"] or 0) * (1 + 0.25 * wave), 1).tolist()
    values["moving"] = [True] * count
    if row["start_latitude"] is not None:
        latitude, longitude = _loop(row, done)
        values["latlng"] = np.round(np.column_stack([latitude, longitude]), 6).tolist()
        half = ((row["elev_high"] or 0) - (row["elev_low"] or 0)) / 2
        altitude = (row["elev_low"] or 0) + half * (1 - np.cos(2 * np.pi * done * 2))
        values["altitude"] = np.round(altitude, 1).tolist()
        step = np.maximum(np.gradient(done * (row["distance"] or 1)), 0.5) if count > 1 else np.ones(1)
        rise = np.gradient(altitude) if count > 1 else np.zeros(1)
        values["grade_smooth"] = np.round(np.clip(rise / step * 100, -30, 30), 1).tolist()
    for name, column, spread in (("heartrate", "average_heartrate", 0.08), ("cadence", "average_cadence", 0.1)):
        if row[column] is not None:
            values[name] = np.round(row[column] * (1 + spread * wave)).astype(int).tolist()
    if row["device_watts"]:
        shape = np.clip(1 + 0.5 * wave + rng.normal(0, 0.15, count), 0, None)
        values["watts"] = np.round(row["average_watts"] * shape / shape.mean()).astype(int).tolist()
    if row["average_temp"] is not None:
        values["temp"] = [row["average_temp"]] * count
    series = "distance" if row["distance"] else "time"
    return {
        key: {"data": values[key], "series_type": series, "original_size": seconds + 1, "resolution": resolution}
        for key in STREAM_TYPES
        if key in values and (key in keys or key == series)
    }


def _parts(row: Row, length_m: float) -> list[dict[str, Any]]:
    """The activity cut into pieces of a length: their distances and times add up to the activity's, exactly."""
    distance, moving, elapsed = row["distance"] or 0.0, row["moving_time"] or 0, row["elapsed_time"] or 0
    count = max(1, int(np.ceil(distance / length_m))) if distance > 0 else 1
    ends = np.minimum(np.arange(1, count + 1) * length_m, distance) if distance > 0 else np.array([distance])
    share = ends / distance if distance > 0 else np.ones(1)
    pace = np.cumsum(1 + 0.06 * _wave(np.random.Generator(np.random.PCG64([Stream.TRACKS, row["id"]])), share))
    time_share = share if count < 3 else (pace * np.diff(share, prepend=0).mean() + share * 9) / 10
    time_share = np.clip(time_share / time_share[-1], 0, 1)
    metres = np.diff(np.round(ends, 1), prepend=0)
    seconds = np.diff(np.round(time_share * moving), prepend=0)
    lasted = np.diff(np.round(time_share * elapsed), prepend=0)
    climbs = np.diff(np.round(share * (row["total_elevation_gain"] or 0), 1), prepend=0)
    return [
        {
            "distance": round(float(m), 1),
            "moving_time": int(s),
            "elapsed_time": int(e),
            "climb": round(float(c), 1),
            "average_speed": round(float(m / s), 2) if s > 0 else 0.0,
        }
        for m, s, e, c in zip(metres, seconds, lasted, climbs, strict=True)
    ]


def _wave(rng: np.random.Generator, at: Floats) -> Floats:
    """Something smooth between -1 and 1 with a mean near 0."""
    phase, pace = rng.uniform(0, 2 * np.pi, 3), rng.uniform(2, 9, 3)
    return np.mean([np.sin(2 * np.pi * k * at + p) for k, p in zip(pace, phase, strict=True)], axis=0)


def _loop(row: Row, share: Floats) -> tuple[Floats, Floats]:
    """A loop of about the activity's length that begins and ends at its start."""
    rng = np.random.Generator(np.random.PCG64([Stream.TRACKS, row["id"], 1]))
    radius = (row["distance"] or 0) / (2 * np.pi) / 111_320
    heading, wobble = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.25)
    angle = heading + 2 * np.pi * share
    reach = radius * (1 + wobble * np.sin(3 * (angle - heading)))
    latitude = row["start_latitude"] + reach * np.sin(angle) - radius * np.sin(heading)
    stretch = np.cos(np.radians(row["start_latitude"]))
    longitude = row["start_longitude"] + (reach * np.cos(angle) - radius * np.cos(heading)) / stretch
    return latitude, longitude


def _encode(points: np.ndarray) -> str:
    """Google's encoded polyline: differences in 1e-5 degrees, zigzag, five bits a character, low bits first."""
    text = []
    for value in np.diff(points, axis=0, prepend=0).reshape(-1).tolist():
        left = value * 2 if value >= 0 else -value * 2 - 1
        while left >= 32:
            text.append(chr((left & 31 | 32) + 63))
            left >>= 5
        text.append(chr(left + 63))
    return "".join(text)


def _text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
