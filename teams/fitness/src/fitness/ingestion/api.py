"""Strava's API as dlt's declarative REST source: what is read of an account, and under which names it lands."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor
from typing import Any

import dlt
import requests
from dlt.extract.resource import DltResource
from dlt.extract.source import DltSource
from dlt.sources.rest_api import rest_api_resources

from fitness.ingestion.accounts import Account
from fitness.ingestion.columns import (
    ATHLETE_KEY,
    activity_columns,
    athlete_columns,
    detail_columns,
    detail_part_hints,
    segment_columns,
    stats_columns,
)
from fitness.ingestion.credentials import BASE_URL
from fitness.ingestion.paging import StartTimePaginator
from headgate.sources.errors import UNCHANGED, SourceError

ROWS_PER_PAGE = 200
"""The most that the API gives."""
SCHEMA_CONTRACT = {"tables": "evolve", "columns": "evolve", "data_type": "discard_value"}
"""New fields are let in; a value of another type than the column's is kept aside, and the row goes on without it."""


@dataclass(frozen=True)
class Interval:
    """Start times to read, `start` inside, `end` not; None has no limit."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def parameters(self) -> dict[str, int]:
        """As the API wants it: epoch seconds, both left out of what is given."""
        bounds = {"after": 0 if self.start is None else floor(self.start.timestamp()) - 1}
        if self.end is not None:
            bounds["before"] = ceil(self.end.timestamp())
        return bounds


def reads_details() -> bool:
    """Whether an activity's details are read too, with laps and best efforts: one request more for each activity."""
    return os.environ.get("STRAVA_DETAILS", "") == "1"


def activities_of(account: Account | None, interval: Interval) -> DltSource:
    """An account's activities of an interval; without an account only what there is to read."""
    endpoint = {
        "path": "athlete/activities",
        "params": {"per_page": ROWS_PER_PAGE, **interval.parameters},
        "paginator": StartTimePaginator(),
        "data_selector": "$",
    }
    resources: list[dict[str, Any]] = [
        {
            "name": "activities",
            "endpoint": endpoint,
            "primary_key": "id",
            "write_disposition": "merge",
            "columns": activity_columns(),
            "schema_contract": SCHEMA_CONTRACT,
            "processing_steps": [{"map": _checked_owner(account)}],
        }
    ]
    if reads_details():
        resources.append(
            {
                "name": "activity_details",
                "endpoint": dict(DETAILS),
                "primary_key": "id",
                "write_disposition": "merge",
                "columns": detail_columns(),
                "nested_hints": detail_part_hints(),
                "schema_contract": SCHEMA_CONTRACT,
                "processing_steps": [{"map": _without_summary}],
            }
        )

    @dlt.source(name="strava_activities")
    def strava() -> Sequence[DltResource]:
        return rest_api_resources(_configure(account, resources))

    return strava()


DETAILS: dict[str, Any] = {
    "path": "activities/{resources.activities.id}",
    "paginator": "single_page",
    "data_selector": "$",
    # Deleted since it was listed.
    "response_actions": [{"status_code": 404, "action": "ignore"}],
}
DETAIL_PARTS = ("calories", "description", "device_name", "laps", "best_efforts")
"""What is kept of an activity's details beside its id, owner and start: the rest is in the list already. Lists land as child
tables, `activity_details__laps`."""

PROFILE: dict[str, dict[str, Any]] = {
    "athletes": {"path": "athlete"},
    "athlete_stats": {"path": "athletes/{athlete_id}/stats"},
    # Without the scope profile:read_all there are none, and 401 says so.
    "athlete_zones": {"path": "athlete/zones", "response_actions": [{"status_code": 401, "action": "ignore"}]},
    "gear": {"path": "gear/{resources.owned_gear.id}"},
    "starred_segments": {
        "path": "segments/starred",
        "params": {"per_page": ROWS_PER_PAGE},
        "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
    },
}
"""What is read of each athlete beside activities, and replaced at each run: table → endpoint, as dlt's `rest_api` writes them.
Take out what is not wanted; an endpoint put in is a table, and an asset, with nothing else to be done."""


def profile_of(account: Account | None) -> DltSource:
    """An account's athlete, totals, zones and gear; without an account only what there is to read."""
    athlete_id = account.athlete_id if account else 0
    resources: list[dict[str, Any]] = []
    if "gear" in PROFILE:
        owned: dict[str, Any] = {"path": "athlete", "paginator": "single_page", "data_selector": "$"}
        steps = [{"yield_map": _owned_gear}]
        resources.append({"name": "owned_gear", "endpoint": owned, "selected": False, "processing_steps": steps})
    for table, endpoint in PROFILE.items():
        path = endpoint["path"].replace("{athlete_id}", str(athlete_id))
        resources.append(
            {
                "name": table,
                "endpoint": {"paginator": "single_page", "data_selector": "$", **endpoint, "path": path},
                "write_disposition": "replace",
                "columns": _COLUMNS.get(table, ATHLETE_KEY),
                "processing_steps": [{"map": _checked_athlete(account) if table == "athletes" else _owned_by(account)}],
            }
        )

    @dlt.source(name="strava_profile")
    def strava() -> Sequence[DltResource]:
        return rest_api_resources(_configure(account, resources))

    return strava()


_COLUMNS: dict[str, Any] = {
    "athletes": athlete_columns(),
    "athlete_stats": stats_columns(),
    "starred_segments": segment_columns(),
    "gear": {
        "id": {"data_type": "text", "description": "The bicycle or shoes"},
        "distance": {"data_type": "double", "description": "Metres"},
        **ATHLETE_KEY,
    },
}


def _configure(account: Account | None, resources: list[dict[str, Any]]) -> Any:
    session = account.session if account else requests.Session()
    base_url = account.base_url if account else BASE_URL
    return {"client": {"base_url": f"{base_url}/", "session": session}, "resources": resources}


def _without_summary(detail: dict[str, Any]) -> dict[str, Any]:
    kept = ("id", "start_date", *DETAIL_PARTS)
    return {"athlete_id": (detail.get("athlete") or {}).get("id"), **{k: detail[k] for k in kept if k in detail}}


def _owned_gear(athlete: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """As one list: dlt takes what it is given as a page of the resource that depends on it."""
    yield [{"id": gear["id"]} for kind in ("bikes", "shoes") for gear in athlete.get(kind) or []]


def _owned_by(account: Account | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    athlete_id = account.athlete_id if account else 0
    return lambda row: {**row, "athlete_id": athlete_id}


def _checked_athlete(account: Account | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: _check_owner(row, row.get("id"), account)


def _checked_owner(account: Account | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: _check_owner(row, (row.get("athlete") or {}).get("id"), account)


def _check_owner(row: dict[str, Any], owner: Any, account: Account | None) -> dict[str, Any]:
    if account is not None and owner != account.athlete_id:
        raise SourceError(
            f"the token of athlete {account.athlete_id} brought data of athlete {owner}",
            where=account.base_url,
            next_step=f"check whose refresh tokens STRAVA_REFRESH_TOKENS holds; {UNCHANGED}",
        )
    return row
