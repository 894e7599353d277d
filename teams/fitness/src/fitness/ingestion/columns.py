"""The columns that dbt and everybody after it relies on: their types, and what they mean.

What the API sends beside these is landed as it comes. A type that is not said here is that of the first value seen, and
JSON may write a whole number without a point: 0 metres for whoever never swam, 456419.7 for the next athlete.
"""

from typing import Any

_TEXT: dict[str, str] = {
    "name": "Title, as the athlete wrote it",
    "sport_type": "Kind of sport, fine: Ride, GravelRide, TrailRun",
    "type": "Kind of sport, coarse: Ride, Run, Swim",
    "start_date_local": "Local start as the API sends it; its Z is wrong, local time is start_date + utc_offset",
    "timezone": "Time zone as the API writes it: (GMT+01:00) Europe/Amsterdam",
    "gear_id": "The bicycle or shoes",
    "visibility": "Who may see it",
    "map__summary_polyline": "The track, encoded, coarse",
}
_WHOLE: dict[str, str] = {
    "athlete__id": "Whose it is",
    "moving_time": "Seconds in motion",
    "elapsed_time": "Seconds from start to end",
}
_NUMBER: dict[str, str] = {
    "distance": "Metres",
    "total_elevation_gain": "Metres climbed",
    "utc_offset": "Seconds to add to UTC for local time",
    "average_speed": "Metres a second",
    "max_speed": "Metres a second",
    "average_heartrate": "Beats a minute",
    "max_heartrate": "Beats a minute",
    "average_watts": "Watts; estimated unless device_watts",
    "weighted_average_watts": "Watts, weighted as the service does",
    "max_watts": "Watts",
    "kilojoules": "Energy of the ride",
    "average_cadence": "Turns or steps a minute",
    "average_temp": "Degrees Celsius",
    "elev_high": "Highest point in metres",
    "elev_low": "Lowest point in metres",
    "suffer_score": "The service's measure of effort",
}
_FLAG: dict[str, str] = {
    "device_watts": "Whether watts were measured",
    "trainer": "Ridden indoors",
    "commute": "On the way to work",
    "manual": "Entered by hand",
    "private": "Seen by the athlete alone",
}
_JSON: dict[str, str] = {
    "start_latlng": "Latitude and longitude of the start",
    "end_latlng": "Latitude and longitude of the end",
}


_TOTALS: dict[str, tuple[str, str]] = {
    "count": ("bigint", "Activities"),
    "distance": ("double", "Metres"),
    "moving_time": ("bigint", "Seconds in motion"),
    "elapsed_time": ("bigint", "Seconds from start to end"),
    "elevation_gain": ("double", "Metres climbed"),
    "achievement_count": ("bigint", "Achievements"),
}

ATHLETE_KEY: dict[str, Any] = {"athlete_id": {"data_type": "bigint", "description": "The athlete"}}


def athlete_columns() -> dict[str, Any]:
    """dlt's column hints for `athletes`."""
    return {
        "id": {"data_type": "bigint", "description": "The athlete"},
        "weight": {"data_type": "double", "description": "Kilograms"},
    }


def detail_columns() -> dict[str, Any]:
    """dlt's column hints for `activity_details`."""
    return {
        "id": {"data_type": "bigint", "description": "Strava's number of the activity"},
        "start_date": {"data_type": "timestamp", "description": "Start in UTC"},
        "calories": {"data_type": "double", "description": "Kilocalories, as the service estimates them"},
        **ATHLETE_KEY,
    }


def detail_part_hints() -> dict[str, Any]:
    """dlt's hints for the tables below `activity_details`, by the list they come from."""
    lap = {
        "distance": "Metres",
        "total_elevation_gain": "Metres climbed",
        **{
            name: text
            for name, text in _NUMBER.items()
            if name.startswith(("average_", "max_")) and name != "average_temp"
        },
    }
    return {"laps": {"columns": _doubles(lap)}, "best_efforts": {"columns": _doubles({"distance": "Metres"})}}


def segment_columns() -> dict[str, Any]:
    """dlt's column hints for `starred_segments`."""
    measured = {
        "distance": "Metres",
        "average_grade": "Per cent",
        "maximum_grade": "Per cent",
        "elevation_high": "Highest point in metres",
        "elevation_low": "Lowest point in metres",
    }
    return {
        "id": {"data_type": "bigint", "description": "Strava's number of the segment"},
        **_doubles(measured),
        **{name: {"data_type": "json", "description": text} for name, text in _JSON.items()},
        **ATHLETE_KEY,
    }


def stats_columns() -> dict[str, Any]:
    """dlt's column hints for `athlete_stats`."""
    columns = {
        **ATHLETE_KEY,
        "biggest_ride_distance": {"data_type": "double", "description": "Metres of the longest ride"},
        "biggest_climb_elevation_gain": {"data_type": "double", "description": "Metres of the biggest climb"},
    }
    for span in ("recent", "ytd", "all"):
        for sport in ("ride", "run", "swim"):
            for name, (kind, text) in _TOTALS.items():
                if name != "achievement_count" or span == "recent":  # the service counts them for these weeks alone
                    columns[f"{span}_{sport}_totals__{name}"] = {"data_type": kind, "description": text}
    return columns


def activity_columns() -> dict[str, Any]:
    """dlt's column hints for `activities`."""
    columns: dict[str, Any] = {
        "id": {"data_type": "bigint", "description": "Strava's number of the activity"},
        "start_date": {"data_type": "timestamp", "description": "Start in UTC"},
    }
    kinds = {"text": _TEXT, "bigint": _WHOLE, "double": _NUMBER, "bool": _FLAG, "json": _JSON}
    for kind, described in kinds.items():
        columns |= {name: {"data_type": kind, "description": text} for name, text in described.items()}
    return columns


def _doubles(described: dict[str, str]) -> dict[str, Any]:
    # dlt adds the name itself, but not below the first table.
    return {name: {"name": name, "data_type": "double", "description": text} for name, text in described.items()}
