"""The pages that teams write (`headgate.pages`), read-only at `/pages/<team>/<name>.html` beside Dagster's web app.

What belongs here: which files are served, and what a page may do in the browser. What does not: who may ask
(`gateway_guard`), what is on a page.

A page comes from the same host as the web app, but is no part of it: its policy gives it an origin of its own (`sandbox`), so
that its scripts can neither read the app nor launch a run; it runs only the scripts that lie beside it, and asks nobody else.
"""

import os
import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from headgate.environment import Settings
from headgate.pages import pages_folder
from headgate_control.gateway_guard import PAGES_PREFIX, Application, Receive, Refusal, Scope, Send, refuse

_FILE = re.compile(r"[a-z][a-z0-9_]*/(?:[a-z][a-z0-9_-]*\.html|(?:plotly|page)-[0-9a-z.-]+\.js)")

_POLICY = "; ".join(
    [
        "default-src 'none'",
        # No script of the page's own text. Plotly needs no eval, but sets styles.
        "script-src 'self'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "worker-src blob:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "sandbox allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox",
    ]
)
_OF_PAGES = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": _POLICY,
    "x-frame-options": "DENY",
    "cache-control": "no-cache",
}
# A name that holds its version never changes its content. To the sandboxed page this host is another site.
_OF_SCRIPTS = {
    "content-type": "text/javascript; charset=utf-8",
    "cross-origin-resource-policy": "cross-origin",
    "cache-control": "max-age=31536000, immutable",
}


class _Pages(StaticFiles):
    """Files of a folder, never what a link in it points to."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = os.path.realpath(folder)
        super().__init__(directory=self._folder)

    def get_path(self, scope: Scope) -> str:
        path = str(scope["path"]).removeprefix(PAGES_PREFIX)
        if not _FILE.fullmatch(path):
            raise HTTPException(404)
        return path

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        found, status = super().lookup_path(path)
        return (found, status) if found == os.path.join(self._folder, path) else ("", None)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_OF_PAGES if path.endswith(".html") else _OF_SCRIPTS)
        return response


def add_pages(application: Application, settings: Settings) -> Application:
    """Answer `GET /pages/…` with what teams wrote; nothing is listed, and all else there is not found."""
    pages = _Pages(pages_folder(settings))

    async def with_pages(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not f"{scope['path']}/".startswith(PAGES_PREFIX):
            await application(scope, receive, send)
            return
        try:
            await pages(scope, receive, send)
        except HTTPException as error:
            await refuse(scope, send, _refusal(scope, error.status_code))

    return with_pages


def _refusal(scope: Scope, status: int) -> Refusal:
    where = f"{scope['method']} {scope['path']}"
    if status == 405:
        return Refusal("pages are only read", where=where, next_step="send GET", status=405)
    return Refusal(
        "there is no such page",
        where=where,
        next_step="open the link `page` of the asset that writes it, or build that asset first",
        status=404,
    )
