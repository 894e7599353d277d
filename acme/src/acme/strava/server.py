"""The HTTP server: Strava's API v3 as it is publicly described, over the state of one world.

What belongs here: addresses, parameters, permissions, limits, and noting each request. What does not: the documents'
shapes (`documents`, `tracks`, `stats`, `segments`), tokens (`tokens`), what goes wrong on request (`trouble`).

One thread serves everything: answers take milliseconds, and a fault that waits does not hold up the others.
"""

import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from acme.strava import tokens, trouble
from acme.strava.documents import (
    athlete_document,
    detailed_activity,
    detailed_gear,
    summary_activity,
    zones_document,
)
from acme.strava.limits import count_request
from acme.strava.segments import detailed_segment, starred_segments
from acme.strava.stats import activity_stats
from acme.strava.store import Row, Store
from acme.strava.tokens import Caller, Refusal
from acme.strava.tracks import RESOLUTIONS, STREAM_TYPES, laps, streams

MOST_PER_PAGE, USUAL_PER_PAGE = 200, 30
_PREFIX = "/api/v3"


@dataclass
class Answer:
    """What is sent when nothing goes wrong on request, and which activities are in it."""

    document: Any
    status: int = 200
    ids: list[int] = field(default_factory=list)


Handler = Callable[["Call"], Answer]


@dataclass
class Call:
    """One request with what its handler needs."""

    request: Request
    store: Store
    folder: Path
    caller: Caller

    def number(self, name: str, usual: int | None, *, least: int | None = None) -> int | None:
        """A whole number among the parameters.

        Raises:
            Refusal: it is none.
        """
        text = self.request.query_params.get(name)
        if text is None or text == "":
            return usual
        try:
            value = int(float(text))
        except (ValueError, OverflowError):
            raise Refusal(400, "Bad Request", "Application", name, "invalid") from None
        if least is not None and value < least:
            raise Refusal(400, "Bad Request", "Application", name, "invalid")
        return value


def make_app(folder: Path, *, now: Callable[[], float] = time.time) -> Starlette:
    """The application over a world's folder.

    Args:
        now: epoch seconds, for tokens and limits.
    """
    store = Store(folder)

    def guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await _serve(request, store, folder, handler, now())

        return endpoint

    async def token(request: Request) -> Response:
        form = _form(dict(request.query_params), await request.body())
        try:
            answer = Answer(tokens.refresh(store, form, now()))
        except Refusal as refusal:
            answer = Answer(refusal.document(), refusal.status)
        return await trouble.respond(store, folder, request, None, answer.document, answer.status, [], {})

    async def ready(request: Request) -> Response:
        """Who this is: a starter tells its own server from another one on the same port."""
        return JSONResponse({"service": "acme strava", "client_id": store.setting("client_id")})

    async def missing(request: Request, error: Exception) -> Response:
        return JSONResponse(Refusal(404, "Record Not Found", "resource", "path", "invalid").document(), 404)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette):  # type: ignore[no-untyped-def]
        yield
        store.close()

    reads: dict[str, Handler] = {
        "/athlete": _athlete,
        "/athlete/activities": _activities,
        "/athlete/zones": _zones,
        "/athletes/{id:int}/stats": _stats,
        "/activities/{id:int}": _activity,
        "/activities/{id:int}/laps": _laps,
        "/activities/{id:int}/streams": _streams,
        "/activities/{id:int}/streams/{keys}": _streams,
        "/gear/{gear_id}": _gear,
        "/segments/starred": _starred,
        "/segments/{id:int}": _segment,
    }
    routes = [Route(_PREFIX + path, guarded(handler), methods=["GET"]) for path, handler in reads.items()]
    routes += [Route(path, token, methods=["POST"]) for path in (f"{_PREFIX}/oauth/token", "/oauth/token")]
    routes += [Route("/", ready)]
    return Starlette(routes=routes, exception_handlers={404: missing}, lifespan=lifespan)


def _form(query: dict[str, str], body: bytes) -> dict[str, str]:
    """Parameters of a token request: from the address, a form or JSON, as the service takes them."""
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError):
        if isinstance(document := json.loads(text), dict):
            return query | {str(name): str(value) for name, value in document.items()}
    return query | dict(parse_qsl(text))


async def _serve(request: Request, store: Store, folder: Path, handler: Handler, now: float) -> Response:
    caller: Caller | None = None
    headers: dict[str, str] = {}
    try:
        caller = tokens.find_caller(store, _bearer(request), now)
        usage = count_request(store, now, is_read=True)
        headers = usage.headers()
        if usage.is_exceeded:
            raise Refusal(429, "Rate Limit Exceeded", "Application", "rate limit", "exceeded")
        trouble.change_world(store, folder, request, caller.athlete_id)
        answer = handler(Call(request, store, folder, caller))
    except Refusal as refusal:
        answer = Answer(refusal.document(), refusal.status)
    athlete_id = caller.athlete_id if caller else None
    return await trouble.respond(
        store, folder, request, athlete_id, answer.document, answer.status, answer.ids, headers
    )


def _bearer(request: Request) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else request.query_params.get("access_token")


def _athlete(call: Call) -> Answer:
    profile = call.store.athlete(call.caller.athlete_id)
    return Answer(athlete_document(call.store, profile, is_detailed="profile:read_all" in call.caller.scope))


def _activities(call: Call) -> Answer:
    """Newest first; from `after` on in the order of time. `after` and `before` are epoch seconds, both left out."""
    call.caller.require("activity:read")
    after, before = call.number("after", None), call.number("before", None)
    page, size = _page(call)
    page = trouble.stale_page(call.store, call.request, page)
    direction = "desc" if after is None else "asc"
    rows = call.store.rows(
        "select * from activities where athlete_id = :athlete and (:all or visibility <> 'only_me')"
        " and (:after is null or start_at > :after) and (:before is null or start_at < :before)"
        f" order by start_at {direction}, id {direction} limit :size offset :skip",
        {
            "athlete": call.caller.athlete_id,
            "all": call.caller.sees_private,
            "after": after,
            "before": before,
            "size": size,
            "skip": min((page - 1) * size, 2**62),
        },
    )
    reshape = trouble.reshaper(call.store)
    return Answer([reshape(summary_activity(row)) for row in rows], ids=[row["id"] for row in rows])


def _activity(call: Call) -> Answer:
    row = _own_activity(call)
    return Answer(trouble.reshaper(call.store)(detailed_activity(call.store, row)), ids=[row["id"]])


def _laps(call: Call) -> Answer:
    return Answer(laps(_own_activity(call)))


def _streams(call: Call) -> Answer:
    row = _own_activity(call)
    text = call.request.path_params.get("keys") or call.request.query_params.get("keys", "")
    keys = [key for key in text.split(",") if key]
    resolution = call.request.query_params.get("resolution", "high")
    if not keys or not set(keys) <= set(STREAM_TYPES):
        raise Refusal(400, "Bad Request", "Stream", "keys", "invalid")
    if resolution not in RESOLUTIONS:
        raise Refusal(400, "Bad Request", "Stream", "resolution", "invalid")
    if row["manual"]:
        raise Refusal(404, "Resource Not Found", "Stream", "id", "not found")
    found = streams(row, keys, resolution)
    if call.request.query_params.get("key_by_type", "false").lower() in ("true", "1"):
        return Answer(found)
    return Answer([{"type": key, **stream} for key, stream in found.items()])


def _stats(call: Call) -> Answer:
    call.caller.require("activity:read")
    if call.request.path_params["id"] != call.caller.athlete_id:
        raise Refusal(403, "Forbidden", "Athlete", "id", "invalid")
    return Answer(activity_stats(call.store, call.caller.athlete_id))


def _zones(call: Call) -> Answer:
    if "profile:read_all" not in call.caller.scope:
        raise Refusal(401, "Authorization Error", "AccessToken", "profile:read_permission", "missing")
    return Answer(zones_document(call.store.athlete(call.caller.athlete_id)))


def _gear(call: Call) -> Answer:
    """Somebody else's is not found either."""
    row = call.store.row(
        "select profile from gear where id = ? and athlete_id = ?",
        [call.request.path_params["gear_id"], call.caller.athlete_id],
    )
    if row is None:
        raise Refusal(404, "Resource Not Found", "Gear", "id", "not found")
    return Answer(detailed_gear(call.store, row))


def _starred(call: Call) -> Answer:
    page, size = _page(call)
    found = starred_segments(call.store.athlete(call.caller.athlete_id))
    return Answer(found[(page - 1) * size : page * size])


def _segment(call: Call) -> Answer:
    found = detailed_segment(call.request.path_params["id"])
    if found is None:
        raise Refusal(404, "Resource Not Found", "Segment", "id", "not found")
    return Answer(found)


def _page(call: Call) -> tuple[int, int]:
    """Which page is asked for, and of how many rows."""
    page, size = call.number("page", 1, least=1), call.number("per_page", USUAL_PER_PAGE, least=1)
    assert page is not None and size is not None
    if size > MOST_PER_PAGE:
        raise Refusal(400, "Bad Request", "Application", "per_page", "limit exceeded")
    return page, size


def _own_activity(call: Call) -> Row:
    """An activity of the caller's that the token may see; all others are not found."""
    call.caller.require("activity:read")
    row = call.store.activity(call.request.path_params["id"])
    is_hidden = row is not None and row["visibility"] == "only_me" and not call.caller.sees_private
    if row is None or row["athlete_id"] != call.caller.athlete_id or is_hidden:
        raise Refusal(404, "Resource Not Found", "Activity", "id", "not found")
    return row
