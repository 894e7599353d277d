"""Paging through activities by start time instead of page numbers.

While somebody reads, activities are added and deleted. Page numbers then shift: a row is skipped or comes twice. Here each
request asks for what started after the last row of the page before, so nothing that stays where it is can be skipped.
"""

from datetime import datetime
from typing import Any

from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import Request, Response

from headgate.sources.errors import UNCHANGED, SourceError


class StartTimePaginator(BasePaginator):
    """Reads on until a page brings nothing new: Strava may send a page short of `per_page` that is not the last."""

    def __init__(self) -> None:
        super().__init__()
        self._after = 0
        self._page = 1
        self._seen: set[Any] = set()

    def init_request(self, request: Request) -> None:
        self._has_next_page = True
        assert isinstance(request.params, dict)
        self._after = int(request.params["after"])
        self._page = 1
        self._seen = set()

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        rows = data or []
        if not all(isinstance(row, dict) and "id" in row for row in rows):
            raise SourceError(
                "the source sent something else than a list of activities",
                where=f"GET {response.url.split('?')[0]}",
                next_step=f"check STRAVA_BASE_URL; {UNCHANGED}",
            )
        ids = {row["id"] for row in rows}
        self._has_next_page = bool(ids - self._seen)
        self._seen = ids
        starts = [start_of(row) for row in rows]
        known = [start for start in starts if start is not None]
        # A second less, as others may have started in the same one. It is on this page again, and merged by its id.
        after = int(known[-1]) - 1 if known and known == sorted(known) else 0
        if after > self._after:
            self._after, self._page = after, 1
        else:
            self._page += 1

    def update_request(self, request: Request) -> None:
        assert isinstance(request.params, dict)
        request.params.update(after=self._after, page=self._page)


def start_of(row: dict[str, Any]) -> float | None:
    """When an activity started, in epoch seconds; None when it does not say so."""
    try:
        return datetime.fromisoformat(str(row["start_date"])).timestamp()
    except (KeyError, ValueError):
        return None
