"""What goes wrong on request while serving, and the noting of every request.

What belongs here: faults of the transport and of paging, each used up request by request. What does not: faults in the
data (`faults`, which also injects these).

A fault strikes a request that would have been answered well, so a number of faults is a number of broken answers.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from acme.strava.growth import add_one_now
from acme.strava.ledger import append_lines, ledger_folder
from acme.strava.recording import recorded
from acme.strava.store import Row, Store
from acme.strava.tokens import Refusal
from acme.strava.world import DOUBTFUL_ID_START

ANSWERS = (
    "unauthorized",
    "not_found",
    "server_error",
    "rate_limited",
    "html",
    "truncated_json",
    "broken_connection",
    "timeout",
)
"""Instead of the answer."""
PAGING = ("duplicate_page", "shifting_page", "shrinking_page")
"""For requests of the second or a later page of activities."""
SHAPES = ("new_field", "changed_type")
"""In every activity, until cleared."""

_LISTING = "/athlete/activities"
_SERVER_ERRORS = (500, 502, 503)
_PAGE = "<!DOCTYPE html><html><head><title>Strava</title></head><body><h1>We'll be right back</h1></body></html>"
_HIDDEN = ("access_token", "refresh_token", "client_secret", "code")


async def respond(
    store: Store,
    folder: Path,
    request: Request,
    athlete_id: int | None,
    document: Any,
    status: int,
    ids: list[int],
    headers: dict[str, str],
) -> Response:
    """The answer, or what a fault makes of it. It is noted before it leaves: what somebody received is in the ledger."""

    def note(sent: int | None, fault: str | None = None) -> None:
        is_complete = fault is None
        _note(folder, request, athlete_id, sent, ids if is_complete or fault in _CUT else [], is_complete, fault)

    fault = _take(store, ANSWERS, request) if status == 200 else None
    if fault is None:
        note(status)
        return JSONResponse(document, status, headers)
    kind = fault["kind"]
    if kind == "timeout":
        note(None, kind)
        await asyncio.sleep(json.loads(fault["options"])["seconds"])
        return HTMLResponse("<html><body><h1>504 Gateway Time-out</h1></body></html>", 504)
    if kind in _REFUSALS:
        refusal = _REFUSALS[kind]
        note(refusal.status, kind)
        if kind == "rate_limited":
            headers = {name: _used_up(name, headers) for name in headers}
        return JSONResponse(refusal.document(), refusal.status, headers)
    if kind == "server_error":
        code = _SERVER_ERRORS[fault["remaining"] % len(_SERVER_ERRORS)]
        note(code, kind)
        return JSONResponse({"message": "Internal Server Error", "errors": []}, code, headers)
    note(200, kind)
    if kind == "html":
        return HTMLResponse(_PAGE, 200, headers)
    body = JSONResponse(document).body
    half = bytes(body[: max(1, len(body) // 2)])
    if kind == "truncated_json":
        return Response(half, 200, headers, media_type="application/json")
    return _Broken(half, len(body), headers)


def change_world(store: Store, folder: Path, request: Request, athlete_id: int) -> None:
    """Pages that shift: the athlete uploads or deletes an activity while somebody reads on."""
    if not _is_later_page(request):
        return
    if _take(store, ["shifting_page"], request):
        add_one_now(store, folder, athlete_id, "shifting_page")
    if _take(store, ["shrinking_page"], request):
        _delete_listed(store, folder, request, athlete_id)


def stale_page(store: Store, request: Request, page: int) -> int:
    """The page to answer with: the one before, when a cache serves it once more."""
    return page - 1 if _is_later_page(request) and _take(store, ["duplicate_page"], request) else page


def reshaper(store: Store) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What a change of the source's schema does to each activity."""
    active = {row["kind"] for row in store.rows("select kind from faults where not is_cleared")} & set(SHAPES)

    def reshape(document: dict[str, Any]) -> dict[str, Any]:
        if "new_field" in active:
            document["surface"] = {"paved_share": round(document["id"] % 101 / 100, 2), "source": "map"}
        if "changed_type" in active:
            document["average_speed"] = f"{document['average_speed']} m/s"
        return document

    return reshape


def _take(store: Store, kinds: Iterable[str], request: Request) -> Row | None:
    """The fault that strikes this request, used up by one; faults wait for their turn in the order they were injected."""
    wanted = set(kinds)
    path = request.url.path
    # Reading first: a request without a fault writes nothing.
    if not any(_strikes(fault, wanted, path) for fault in store.rows(_ACTIVE)):
        return None
    with store.change():
        for fault in store.rows(_ACTIVE):
            if not _strikes(fault, wanted, path):
                continue
            column = "skip" if fault["skip"] else "remaining"
            store.execute(f"update faults set {column} = {column} - 1 where number = ?", [fault["number"]])
            return None if fault["skip"] else fault
    return None


_ACTIVE = "select * from faults where not is_cleared and remaining > 0 order by number"


def _strikes(fault: Row, kinds: set[str], path: str) -> bool:
    if fault["kind"] not in kinds or fault["path"] not in path:
        return False
    # Tokens have to be asked for by name: a pull that cannot even begin is another case.
    return "oauth" not in path or "oauth" in fault["path"]


def _is_later_page(request: Request) -> bool:
    page = request.query_params.get("page", "1")
    return request.url.path.endswith(_LISTING) and page.isdigit() and int(page) > 1


def _delete_listed(store: Store, folder: Path, request: Request, athlete_id: int) -> None:
    """Delete what the first page began with."""
    after = request.query_params.get("after")
    row = store.row(
        "select id from activities where athlete_id = :athlete and id < :doubtful and start_at > :after"
        f" order by start_at {'asc' if after else 'desc'} limit 1",
        {
            "athlete": athlete_id,
            "doubtful": DOUBTFUL_ID_START,
            "after": int(after) if after and after.isdigit() else -1,
        },
    )
    if row:
        with recorded(store, folder) as recorder:
            recorder.delete(row["id"], "shrinking_page")


def _used_up(name: str, headers: dict[str, str]) -> str:
    if not name.endswith("Usage"):
        return headers[name]
    limit = int(headers[name.replace("Usage", "Limit")].split(",")[0])
    used, day = (int(part) for part in headers[name].split(","))
    return f"{max(used, limit + 1)},{day}"


def _note(
    folder: Path,
    request: Request,
    athlete_id: int | None,
    status: int | None,
    ids: list[int],
    complete: bool,
    fault: str | None,
) -> None:
    line = {
        "at": round(time.time(), 3),
        "athlete_id": athlete_id,
        "method": request.method,
        "path": request.url.path,
        "query": {name: value for name, value in request.query_params.items() if name not in _HIDDEN},
        "status": status,
        "ids": ids,
        "is_complete": complete,
        "fault": fault,
    }
    append_lines(ledger_folder(folder) / "requests.jsonl", [line])


_CUT = ("truncated_json", "broken_connection")
_REFUSALS = {
    "unauthorized": Refusal(401, "Authorization Error", "Athlete", "access_token", "invalid"),
    "not_found": Refusal(404, "Resource Not Found", "Activity", "id", "not found"),
    "rate_limited": Refusal(429, "Rate Limit Exceeded", "Application", "rate limit", "exceeded"),
}


class _Broken(Response):
    """An answer whose second half never comes: the server then closes the connection."""

    def __init__(self, half: bytes, promised: int, headers: dict[str, str]) -> None:
        super().__init__(half, 200, {**headers, "content-length": str(promised)}, media_type="application/json")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
