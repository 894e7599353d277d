"""What the gateway lets through to Dagster's web app: its own pages and local tools, nothing that another page sends.

Dagster's web server runs a mutation for anybody who can make a browser send `GET /graphql?query=mutation{…}`, on
localhost too. The guard is pure ASGI: it looks at scope and headers only, before a body is read.

- Host must be a name this gateway was given: a foreign page cannot reach it by rebinding its own name to 127.0.0.1.
- Origin, where a browser sends one, must be such a name too, for requests and for websockets.
- What changes state is a POST with the media type application/json, which no page can send elsewhere without asking
  first; `/graphql` takes nothing else. The type is compared whole: Dagster itself accepts
  `text/plain; x=application/json`, which a page may send without asking.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from headgate.errors import HeadgateError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PAGES_PREFIX = "/pages/"
"""Where teams' pages are. They are sandboxed: to the browser, a script that one of them loads is asked for by another site."""

_READING = frozenset({"GET", "HEAD"})

# Nobody frames the UI but itself; what Dagster sets already is left as it is.
_ADDED_HEADERS = {
    b"x-frame-options": b"SAMEORIGIN",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}


class Refusal(HeadgateError):
    """A request that the gateway does not pass on.

    Args:
        status: the HTTP status it is answered with.
    """

    def __init__(self, what: str, *, where: str, next_step: str, status: int) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.status = status


def allowed_hosts(port: int, names: Iterable[str] = ()) -> frozenset[str]:
    """The values of the Host header that mean this gateway.

    Args:
        port: where it listens.
        names: further names or `name:port` under which a proxy in front is reached.
    """
    hosts = {f"{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]")}
    for name in names:
        hosts |= {name.lower(), name.lower() if ":" in name else f"{name.lower()}:{port}"}
    return frozenset(hosts)


class Guard:
    """Pure-ASGI middleware that refuses what another site's page could send.

    Args:
        application: the app behind it.
        hosts: from `allowed_hosts`.
    """

    def __init__(self, application: Application, hosts: frozenset[str]) -> None:
        self._application = application
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        try:
            check_request(scope, self._hosts)
        except Refusal as refusal:
            await refuse(scope, send, refusal)
            return
        await self._application(scope, receive, _with_headers(send) if scope["type"] == "http" else send)


def check_request(scope: Scope, hosts: frozenset[str]) -> None:
    """Raises:
    Refusal: the request may come from a foreign page, or is of a kind that could.
    """
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    where = f"{scope.get('method', 'websocket')} {scope['path']}"
    named = _values(headers, b"host")
    if len(named) != 1 or named[0].lower() not in hosts:
        raise Refusal(
            f"this platform is not called {named[0]!r}" if named else "the request names no host",
            where=where,
            next_step="open the address that `headgate status` prints, or start with --allow-host NAME",
            status=421,
        )
    for origin in _values(headers, b"origin"):
        if not _is_own(origin, hosts):
            raise Refusal(
                f"the request comes from a page of {origin}",
                where=where,
                next_step="use the platform's own pages; a proxy's name is added with --allow-host NAME",
                status=403,
            )
    if scope["type"] == "websocket":
        return
    _check_fetch(scope, headers, where)
    _check_method(scope, headers, where)


def _check_fetch(scope: Scope, headers: list[tuple[bytes, bytes]], where: str) -> None:
    """Browsers say themselves where a request comes from; following a link from elsewhere to a page is fine."""
    site = _values(headers, b"sec-fetch-site")
    if not site or site[0] in ("same-origin", "none"):
        return
    purpose = (_values(headers, b"sec-fetch-mode"), _values(headers, b"sec-fetch-dest"))
    if scope["method"] in _READING and purpose == (["navigate"], ["document"]):
        return
    is_shared_script = scope["path"].startswith(PAGES_PREFIX) and scope["path"].endswith(".js")
    if scope["method"] in _READING and purpose == (["no-cors"], ["script"]) and is_shared_script:
        return
    raise Refusal(
        "another site's page asked for this",
        where=where,
        next_step="open the page itself: links to it work, embedding it does not",
        status=403,
    )


def _check_method(scope: Scope, headers: list[tuple[bytes, bytes]], where: str) -> None:
    method, path = scope["method"], scope["path"]
    if method in _READING and path.rstrip("/") != "/graphql":
        return
    if method != "POST":
        raise Refusal(
            f"{method} is not answered here",
            where=where,
            next_step="send GraphQL as a POST with the content type application/json",
            status=405,
        )
    types = _values(headers, b"content-type")
    if len(types) != 1 or types[0].split(";")[0].strip().lower() != "application/json":
        raise Refusal(
            f"a POST of type {types[0]!r} is not answered here" if types else "the POST names no content type",
            where=where,
            next_step="send JSON with the content type application/json",
            status=415,
        )


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in headers if key.lower() == name]


def _is_own(origin: str, hosts: frozenset[str]) -> bool:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc in hosts and not parts.path


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer with the refusal's three lines as plain text."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    if refusal.status == 405:
        headers.append((b"allow", b"POST" if scope["path"].startswith("/graphql") else b"GET, HEAD, POST"))
    prefix = "http"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        prefix = "websocket.http"
    await send({"type": f"{prefix}.response.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{prefix}.response.body", "body": f"{refusal}\n".encode()})


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            present = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in _ADDED_HEADERS.items() if name not in present]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_headers
