"""HTTP for all sources: requests are paced per site, time out, are retried, and only complete responses are accepted.

`Pace` decides when a request may be sent, `Transport` sends it and judges the response.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from trendcli.core import __version__
from trendcli.core.errors import RetryableError, SourceUnreachable
from trendcli.core.files import exclusive_lock

MAX_TRIES = 5
# waits before each further try, in request intervals: 30, 60, 120, 300, 900 s at arXiv's 3 s
RETRY_WAIT_INTERVALS = (10, 20, 40, 100, 300)
# seconds to connect, and to wait for the next bytes
TIMEOUTS_S = (10, 180)
# statuses that may pass by themselves
RETRY_STATUSES = {406, 408, 429, 500, 502, 503, 504}
REDIRECT_STATUSES = {301, 302, 303, 307, 308}
# seconds that no request is sent to a site after it answered 403
DAY_S = 86_400.0
# longest wait for a turn, in seconds: a clock that was set back must not make anybody wait for ever
MAX_WAIT_S = 3_600.0
# the next step where nothing but time helps
RETRY_ADVICE = "rerun the same command later"

log = logging.getLogger(__name__)


class InvalidResponse(Exception):
    """A response that cannot be trusted; the message is a noun phrase that gives the reason."""


class Pace:
    """Turns to send requests: at least `interval_s` seconds from the end of one to the start of the next, per site.

    `folder` holds one state file a site, so that all processes of a user keep one pace; where it is None or cannot be
    written, only this process keeps it.
    """

    def __init__(self, folder: Path | None, interval_s: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self.folder, self.interval_s, self.sleep = folder, interval_s, sleep
        self._states_by_site: dict[str, dict[str, float]] = {}

    @contextmanager
    def take_turn(self, url: str) -> Iterator[None]:
        """Wait for a turn at the site of a URL and hold it during the block.

        Raises SourceUnreachable within a day after the site answered 403.
        """
        site = site_of_url(url)
        with self._lock_site(site):
            state = self._read_state(site)
            self._check_not_blocked(site, state.get("stopped", 0.0))
            turn_at = state.get("next", 0.0)
            if turn_at > time.time():
                self.sleep(min(turn_at - time.time(), MAX_WAIT_S))
            try:
                yield
            finally:
                state = self._read_state(site)
                # set by hold_site within the turn
                held_until = state["next"] if state.get("next", turn_at) != turn_at else 0.0
                self._write_state(site, {**state, "next": max(held_until, time.time() + self.interval_s)})

    def seconds_until_turn(self, url: str) -> float:
        """Return the seconds until the next turn at the site of a URL; 0 where a clock set back would make it days."""
        seconds = self._read_state(site_of_url(url)).get("next", 0.0) - time.time()
        return seconds if 0 < seconds <= DAY_S else 0.0

    def hold_site(self, url: str, seconds: float) -> None:
        """Let no process send a request to the site of a URL for some seconds; call it within a turn."""
        self._set_deadline(url, "next", seconds)

    def block_site(self, url: str) -> None:
        """Let requests to the site of a URL fail for a day; call it within a turn."""
        self._set_deadline(url, "stopped", DAY_S)

    def _set_deadline(self, url: str, key: str, seconds: float) -> None:
        site = site_of_url(url)
        self._write_state(site, {**self._read_state(site), key: time.time() + seconds})

    def _check_not_blocked(self, site: str, blocked_until: float) -> None:
        if time.time() < blocked_until <= time.time() + DAY_S:
            where = f" (recorded in {self._state_path(site)})" if self.folder else ""
            raise SourceUnreachable(
                f"{site} refused requests from this machine (status 403), so none are sent before "
                f"{datetime.fromtimestamp(blocked_until, UTC):%Y-%m-%d %H:%M} UTC{where}. "
                "Everything received so far is stored.",
                status=403,
            )

    def _state_path(self, site: str) -> Path:
        return (self.folder or Path()) / f"{site.replace(':', '_')}.json"

    @contextmanager
    def _lock_site(self, site: str) -> Iterator[None]:
        with ExitStack() as stack:
            if self.folder is not None:
                try:
                    stack.enter_context(exclusive_lock(self._state_path(site).with_suffix(".lock")))
                except OSError as error:
                    log.info("request pacing is limited to this process: %s", error)
            yield

    def _read_state(self, site: str) -> dict[str, float]:
        """Return the deadlines of a site, in seconds since 1970: 'next' turn, 'stopped' until."""
        if self.folder is not None:
            try:
                state: Any = json.loads(self._state_path(site).read_text(encoding="utf-8"))
                return {key: float(state[key]) for key in ("next", "stopped") if key in state}
            except (OSError, ValueError, TypeError):
                pass
        return self._states_by_site.get(site, {})

    def _write_state(self, site: str, state: dict[str, float]) -> None:
        self._states_by_site[site] = state
        if self.folder is None:
            return
        try:
            # in place: half of it, after a crash, reads as no state, and the pace starts anew
            self._state_path(site).write_text(json.dumps(state), encoding="utf-8")
        except OSError as error:
            log.info("request pacing is limited to this process: %s", error)


def site_of_url(url: str) -> str:
    """Return what counts as one site: 'arxiv.org' for all of its hosts; localhost or an IP address with its port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return parts.netloc if host == "localhost" else ".".join(host.split(".")[-2:])
    return parts.netloc


class Transport(HTTPAdapter):
    """Sends the requests of a session, each in its turn of `pace`, and retries them.

    A response is handed on only after `check_response(body, url)`, which raises InvalidResponse for an incomplete one.
    Subclasses name their site and say in `stored_message` what a failure leaves in the store.
    """

    site_name = "arXiv"
    stored_message = "Everything received so far is stored"

    def __init__(self, pace: Pace, contact: str, check_response: Callable[[bytes, str], None]) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self.pace, self.check_response = pace, check_response
        self.user_agent = f"trendcli/{__version__}{f' ({contact})' if contact else ''}"
        self.has_connected = False
        self.request_count = 0

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Return a response that can be believed; raises RetryableError after MAX_TRIES without one.

        The `status` of that error is that of the last response, None where none came.
        """
        request.headers["User-Agent"] = self.user_agent
        kwargs["timeout"] = TIMEOUTS_S
        for attempt in range(1, MAX_TRIES + 1):
            with self.pace.take_turn(request.url or ""):
                response, problem, wait_s = self._try_once(request, attempt, *args, **kwargs)
                if response is not None and not problem:
                    return response
                log.info("%s: %s (try %d of %d)", request.url, problem, attempt, MAX_TRIES)
                # also after the last try, so that the next run does not repeat at once what this one gave up
                self.pace.hold_site(request.url or "", wait_s)
        raise RetryableError(
            f"{self.site_name} sent no usable response in {MAX_TRIES} tries: {problem}. "
            f"{self.stored_message}; {RETRY_ADVICE}.",
            status=response.status_code if response is not None else None,
        )

    def _try_once(
        self, request: requests.PreparedRequest, attempt: int, *args: Any, **kwargs: Any
    ) -> tuple[requests.Response | None, str, float]:
        """Return the response (None: none came), what is wrong ('': nothing), and the seconds to wait."""
        self.request_count += 1
        url = request.url or ""
        try:
            response = super().send(request, *args, **kwargs)
            response.content  # noqa: B018 - read it here, where a cut connection can be retried
        except requests.exceptions.RequestException as error:
            problem = _describe_error(error)
            if self.has_connected or not isinstance(error, requests.exceptions.ConnectionError):
                return None, problem, self._retry_wait_s(attempt)
            if attempt == 2:
                raise SourceUnreachable(
                    f"Cannot reach {urlsplit(url).netloc}: {problem}. The store is unchanged; {RETRY_ADVICE}."
                ) from None
            return None, problem, self.pace.interval_s
        self.has_connected = True
        status = response.status_code
        if status in REDIRECT_STATUSES:
            return response, "", 0.0
        self.check_status(response, attempt)
        problem = f"status {status}"
        if status == 200:
            try:
                self.check_response(response.content, url)
            except InvalidResponse as error:
                problem = str(error)
            else:
                log.info("%s: %d bytes", url, len(response.content))
                return response, "", 0.0
        return response, problem, max(self.requested_wait_s(response), self._retry_wait_s(attempt))

    def check_status(self, response: requests.Response, attempt: int) -> None:
        """Raise where retrying is no use: SourceUnreachable after a refusal, RetryableError after a bad query."""
        status = response.status_code
        if status == 403:
            self.pace.block_site(response.url)
            raise SourceUnreachable(
                f"{self.site_name} refuses requests from this machine (status 403). No more are sent for 24 hours. "
                f"{self.stored_message}; {RETRY_ADVICE}.",
                status=status,
            )
        if status != 200 and status not in RETRY_STATUSES:
            raise RetryableError(
                f"{self.site_name} rejected the query: {_describe_status(response)}. {self.stored_message}.",
                status=status,
            )

    def requested_wait_s(self, response: requests.Response) -> float:
        """Return the seconds that a response asks the client to wait."""
        return parse_retry_after(response.headers.get("Retry-After"))

    def _retry_wait_s(self, attempt: int) -> float:
        return self.pace.interval_s * RETRY_WAIT_INTERVALS[attempt - 1] * random.uniform(1.0, 1.1)


def build_session(
    pace: Pace, contact: str, check_response: Callable[[bytes, str], None]
) -> tuple[requests.Session, Transport]:
    """Build a session and the Transport that sends all of its requests."""
    transport, session = Transport(pace, contact, check_response), requests.Session()
    session.mount("https://", transport)
    session.mount("http://", transport)
    return session, transport


def parse_retry_after(header: str | None) -> float:
    """Return the seconds of a Retry-After header, which holds a number or a date; 0 where it is missing or invalid."""
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


def _describe_error(error: requests.exceptions.RequestException) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "timed out"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut during the response"
    match = re.search(r"\[Errno -?\d+\] ([^'\")]+)|(Name or service not known|getaddrinfo failed)", str(error))
    return (match[1] or match[2]) if match else "no connection"


def _describe_status(response: requests.Response) -> str:
    """Return the status of an error, with the summary of its Atom entry where there is one."""
    summary = re.search(rb"<summary[^>]*>([^<]*)</summary>", response.content)
    status = f"status {response.status_code}"
    return f"{summary[1].decode(errors='replace').strip()} ({status})" if summary else status
