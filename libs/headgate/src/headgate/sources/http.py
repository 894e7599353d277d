"""HTTP for sources: a session that keeps to a server's limits, tries again what may pass, and counts what it did.

What belongs here: what is true of every HTTP source. What does not: one service's headers, logins and paging (its team).
Needs `requests`, which the extra `dlt` brings.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from headgate.sources.errors import UNCHANGED, SourceError

_LONGEST_PAUSE_SECONDS = 30.0


@dataclass
class Traffic:
    """What was asked of a server in one pull."""

    requests: int = 0
    """Every request sent, also those that failed."""
    pages: int = 0
    """Answers that brought data."""
    bytes: int = 0
    """Bodies as they came over the line, before they are unpacked."""
    retries: int = 0
    waits: int = 0
    """How often a rate limit was waited out."""
    waited_seconds: float = 0.0


def retry_after_seconds(response: requests.Response) -> float | None:
    """What `Retry-After` asks for, in seconds or as a date; None without that header."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


class PoliteAdapter(HTTPAdapter):
    """Sends a request until it has a whole JSON answer, or an answer that trying again would not change.

    Retried with back-off: no connection, time-out, lost connection, 5xx, a body that breaks off. Waited out: 429. Given
    back as they are: all other answers. HTML in place of JSON is refused at once.
    """

    def __init__(
        self,
        traffic: Traffic,
        *,
        attempts: int,
        timeout_seconds: float,
        longest_wait_seconds: float,
        wait_seconds: Callable[[requests.Response], float | None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self.traffic = traffic
        self.attempts = attempts
        self.timeout_seconds = timeout_seconds
        self.longest_wait_seconds = longest_wait_seconds
        self.wait_seconds = wait_seconds
        self.sleep = sleep

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """One answer.

        Raises:
            SourceError: the server cannot be reached or does not recover, asks for too long a wait, or speaks no JSON.
        """
        options["timeout"] = options.get("timeout") or self.timeout_seconds
        problem = ""
        failures = 0
        while failures < self.attempts:
            if failures:
                self.traffic.retries += 1
                self.sleep(random.uniform(0.5, 1.0) * min(0.5 * 2**failures, _LONGEST_PAUSE_SECONDS))
            self.traffic.requests += 1
            try:
                response = super().send(request, *args, **options)
                # Reading the body belongs to the attempt: that is where a connection breaks.
                body = response.content
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                problem = _name_problem(error)
                failures += 1
                continue
            self.traffic.bytes += int(response.headers.get("Content-Length") or len(body))
            if response.status_code == 429:
                self._wait(response)
                continue
            if response.status_code >= 500:
                problem = f"it answers {response.status_code}"
            elif not response.ok:
                return response
            elif _is_html(response):
                raise SourceError(
                    "the source sent a web page where data should be",
                    where=_place(request),
                    next_step=f"check its address and that no proxy or login page answers in its place; {UNCHANGED}",
                )
            else:
                try:
                    response.json()
                except ValueError:
                    problem = f"its JSON breaks off after {len(body)} bytes"
                else:
                    self.traffic.pages += 1
                    return response
            failures += 1
        raise SourceError(
            f"the source is down or does not recover: {problem}, {self.attempts} times in a row",
            where=_place(request),
            next_step=f"check that it is up, then run again; {UNCHANGED}",
        )

    def _wait(self, response: requests.Response) -> None:
        """Waits as long as a limit asks for; over all, no longer than is stated."""
        asked = self.wait_seconds(response)
        seconds = 60.0 if asked is None else asked
        if self.traffic.waited_seconds + seconds > self.longest_wait_seconds:
            raise SourceError(
                f"the source's limit of requests is used up, and opens again in {seconds:.0f} s; after "
                f"{self.traffic.waited_seconds:.0f} s that is longer than a run waits ({self.longest_wait_seconds:.0f} s)",
                where=_place(response.request),
                next_step=f"run again when it has opened; {UNCHANGED}",
            )
        self.traffic.waits += 1
        self.traffic.waited_seconds += seconds
        self.sleep(seconds)


def open_http_session(
    traffic: Traffic | None = None,
    *,
    attempts: int = 5,
    timeout_seconds: float = 30.0,
    longest_wait_seconds: float = 960.0,
    wait_seconds: Callable[[requests.Response], float | None] = retry_after_seconds,
) -> requests.Session:
    """A session for dlt's `rest_api` (`client: {session: …}`) or `RESTClient`.

    Args:
        traffic: counts what is sent.
        attempts: how often one request is sent before the source counts as down.
        timeout_seconds: for connecting and for each read.
        longest_wait_seconds: how long rate limits are waited out in all.
        wait_seconds: how long a 429 asks to wait; None when it does not say (then a minute).
    """
    session = requests.Session()
    adapter = PoliteAdapter(
        traffic or Traffic(),
        attempts=attempts,
        timeout_seconds=timeout_seconds,
        longest_wait_seconds=longest_wait_seconds,
        wait_seconds=wait_seconds,
    )
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _is_html(response: requests.Response) -> bool:
    kind = response.headers.get("Content-Type", "")
    return "html" in kind or response.content[:64].lstrip().lower().startswith((b"<!doctype", b"<html"))


def _name_problem(error: Exception) -> str:
    if isinstance(error, requests.ReadTimeout):
        return "it does not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "its answer breaks off"
    if isinstance(error, requests.ConnectTimeout):
        return "it does not take the connection in time"
    return "no connection, or it was lost"


def _place(request: requests.PreparedRequest) -> str:
    """Method and address, without the query, which can hold secrets."""
    url = urlsplit(str(request.url))
    host = url.hostname or ""
    return f"{request.method} {url.scheme}://{host}{f':{url.port}' if url.port else ''}{url.path}"
