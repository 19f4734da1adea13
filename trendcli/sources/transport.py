"""How requests reach arXiv: paced, timed out, tried again with patience, and believed only when the reply is whole."""

from __future__ import annotations

import logging
import re
import time as clock
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from trendcli.errors import TryLater

TRIES = 5
# waits before a further try, in request intervals: 30, 60, 120, 300 s at arXiv's 3 s
PATIENCE = (10, 20, 40, 100)
TIMEOUT = (10, 180)
RETRIED = {406, 408, 429, 500, 502, 503, 504}

log = logging.getLogger(__name__)


class Faulty(Exception):
    """A reply that must not be believed."""


class Transport(HTTPAdapter):
    """Carries the requests of a session: at most one at a time, `interval_s` seconds apart.

    A reply is handed on only after `check(body, url)` has taken it, which raises Faulty for one that is not whole.
    """

    def __init__(
        self, interval_s: float, agent: str, check: Callable[[bytes, str], None], sleep: Callable[[float], None]
    ) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self.interval_s, self.agent, self.check, self.sleep = interval_s, agent, check, sleep
        self.last = 0.0
        self.reached = False

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """The reply to a request; TryLater where there is none to be had that can be believed."""
        request.headers["User-Agent"] = self.agent
        kwargs["timeout"] = TIMEOUT
        for attempt in range(1, TRIES + 1):
            self._pace()
            at_least = 0.0
            try:
                response = super().send(request, *args, **kwargs)
                response.content  # noqa: B018 - read it here, where a cut connection can be tried again
                if response.status_code == 200:
                    self.check(response.content, request.url or "")
                    self.reached = True
                    log.info("%s: %d bytes", request.url, len(response.content))
                    return response
                problem = f"status {response.status_code}"
                at_least = _retry_after(response.headers.get("Retry-After"))
                if response.status_code == 403:
                    raise TryLater(
                        "arXiv refuses this address (403). Send nothing for 24 hours, then try again; "
                        "what had come is stored."
                    )
                if response.status_code not in RETRIED:
                    raise TryLater(f"arXiv cannot answer the query: {_said(response)} What had come is stored.")
            except Faulty as error:
                problem = str(error)
            except requests.exceptions.RequestException as error:
                problem = _reason(error)
                if isinstance(error, requests.exceptions.ConnectionError) and not self.reached and attempt == 2:
                    raise TryLater(
                        f"Cannot reach {urlsplit(request.url or '').netloc}: {problem}. Nothing was changed."
                    ) from None
            finally:
                self.last = clock.monotonic()
            log.info("%s: %s (try %d of %d)", request.url, problem, attempt, TRIES)
            if attempt < TRIES:
                self.sleep(max(at_least, self.interval_s * PATIENCE[attempt - 1]))
        raise TryLater(
            f"arXiv did not answer as it should, {TRIES} times in a row: {problem}. What had come is stored; try later."
        )

    def _pace(self) -> None:
        wait = self.last + self.interval_s - clock.monotonic()
        if self.last and wait > 0:
            self.sleep(wait)


def _retry_after(header: str | None) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date; 0 where there is none."""
    if not header:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _reason(error: requests.exceptions.RequestException) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut in the middle"
    found = re.search(r"\[Errno -?\d+\] ([^'\")]+)|(Name or service not known|getaddrinfo failed)", str(error))
    return (found[1] or found[2]) if found else "no connection"


def _said(response: requests.Response) -> str:
    found = re.search(rb"<summary[^>]*>([^<]*)</summary>", response.content)
    return (
        f"{found[1].decode(errors='replace').strip()} (status {response.status_code})."
        if found
        else f"status {response.status_code}."
    )
