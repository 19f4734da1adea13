"""How requests reach a site: paced, timed out, tried again with patience, and believed only when the reply is whole."""

from __future__ import annotations

import json
import logging
import random
import re
import time as clock
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

from trendcli.core.errors import RetryableError, SourceUnreachable
from trendcli.core.files import exclusive_lock
from trendcli.core.version import __version__

MAX_TRIES = 5
# waits before a further try, in request intervals: 30, 60, 120, 300, 900 s at arXiv's 3 s
RETRY_WAIT_INTERVALS = (10, 20, 40, 100, 300)
TIMEOUTS_S = (10, 180)
RETRY_STATUSES = {406, 408, 429, 500, 502, 503, 504}
REDIRECT_STATUSES = {301, 302, 303, 307, 308}
# the next step, where nothing but time helps
RETRY_ADVICE = "try later, by the same command"

log = logging.getLogger(__name__)


class InvalidResponse(Exception):
    """A reply that must not be believed."""


class Transport(HTTPAdapter):
    """Carries the requests of a session, each in its turn of `pace`.

    A reply is handed on only after `check(body, url)` has taken it, which raises Faulty for one that is not whole.
    """

    site_name = "arXiv"
    stored_message = "What had come is stored"

    def __init__(self, pace: Pace, contact: str, check_response: Callable[[bytes, str], None]) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self.pace, self.check_response = pace, check_response
        self.user_agent = f"trendcli/{__version__}{f' ({contact})' if contact else ''}"
        self.has_connected = False
        self.request_count = 0

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """The reply to a request; TryLater where there is none to be had that can be believed."""
        request.headers["User-Agent"] = self.user_agent
        kwargs["timeout"] = TIMEOUTS_S
        for attempt in range(1, MAX_TRIES + 1):
            with self.pace.take_turn(request.url or ""):
                response, problem, wait = self._try_once(request, attempt, *args, **kwargs)
                if response is not None:
                    return response
                log.info("%s: %s (try %d of %d)", request.url, problem, attempt, MAX_TRIES)
                # also after the last try, so that the next run does not ask at once what this one gave up
                self.pace.hold_site(request.url or "", wait)
        raise RetryableError(
            f"{self.site_name} did not answer as it should, {MAX_TRIES} times in a row: {problem}. "
            f"{self.stored_message}; {RETRY_ADVICE}."
        )

    def _try_once(
        self, request: requests.PreparedRequest, attempt: int, *args: Any, **kwargs: Any
    ) -> tuple[requests.Response | None, str, float]:
        """One try: the reply; or what is wrong with it, and how many seconds to wait."""
        self.request_count += 1
        url = request.url or ""
        try:
            response = super().send(request, *args, **kwargs)
            response.content  # noqa: B018 - read it here, where a cut connection can be tried again
        except requests.exceptions.RequestException as error:
            problem = _describe_error(error)
            if self.has_connected or not isinstance(error, requests.exceptions.ConnectionError):
                return None, problem, self._retry_wait_s(attempt)
            if attempt == 2:
                raise SourceUnreachable(
                    f"Cannot reach {urlsplit(url).netloc}: {problem}. Nothing was changed in the store; {RETRY_ADVICE}."
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
        return None, problem, max(self.requested_wait_s(response), self._retry_wait_s(attempt))

    def check_status(self, response: requests.Response, attempt: int) -> None:
        """Raise for a reply after which it is no use to ask again: a refusal, or a question that cannot be read."""
        if response.status_code == 403:
            self.pace.block_site(response.url)
            raise SourceUnreachable(
                f"{self.site_name} refuses this machine (403). Nothing more is asked of it for 24 hours. "
                f"{self.stored_message}; {RETRY_ADVICE}."
            )
        if response.status_code != 200 and response.status_code not in RETRY_STATUSES:
            raise RetryableError(
                f"{self.site_name} cannot answer the query: {_describe_status(response)} {self.stored_message}."
            )

    def requested_wait_s(self, response: requests.Response) -> float:
        """Seconds that a reply asks for."""
        return parse_retry_after(response.headers.get("Retry-After"))

    def _retry_wait_s(self, attempt: int) -> float:
        return self.pace.interval_s * RETRY_WAIT_INTERVALS[attempt - 1] * random.uniform(1.0, 1.1)


def build_session(
    pace: Pace, contact: str, check_response: Callable[[bytes, str], None]
) -> tuple[requests.Session, Transport]:
    """A session all of whose requests go through one Transport."""
    transport, made = Transport(pace, contact, check_response), requests.Session()
    made.mount("https://", transport)
    made.mount("http://", transport)
    return made, transport


def parse_retry_after(header: str | None) -> float:
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


def _describe_error(error: requests.exceptions.RequestException) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut in the middle"
    found = re.search(r"\[Errno -?\d+\] ([^'\")]+)|(Name or service not known|getaddrinfo failed)", str(error))
    return (found[1] or found[2]) if found else "no connection"


def _describe_status(response: requests.Response) -> str:
    found = re.search(rb"<summary[^>]*>([^<]*)</summary>", response.content)
    return (
        f"{found[1].decode(errors='replace').strip()} (status {response.status_code})."
        if found
        else f"status {response.status_code}."
    )


DAY_S = 86_400.0


# a clock that was set back must not make anybody wait for ever
MAX_WAIT_S = 3_600.0


log = logging.getLogger(__name__)


def site_of_url(url: str) -> str:
    """What counts as one site: 'arxiv.org' for all of its hosts; an address of numbers with its port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return parts.netloc if host == "localhost" else ".".join(host.split(".")[-2:])
    return parts.netloc


class Pace:
    """Turns to send a request, `interval_s` seconds from the end of one to the start of the next.

    `folder` keeps the pace across processes; where it is None or cannot be written, only this process keeps it.
    """

    def __init__(self, folder: Path | None, interval_s: float, sleep: Callable[[float], None] = clock.sleep) -> None:
        self.folder, self.interval_s, self.sleep = folder, interval_s, sleep
        self._states_by_site: dict[str, dict[str, float]] = {}

    @contextmanager
    def take_turn(self, url: str) -> Iterator[None]:
        """Wait for a turn at the site of a URL and hold it during the block; Unreachable in the day after a 403."""
        site = site_of_url(url)
        with self._lock_site(site):
            state = self._read_state(site)
            self._check_not_blocked(site, state.get("stopped", 0.0))
            waited = state.get("next", 0.0)
            if waited > clock.time():
                self.sleep(min(waited - clock.time(), MAX_WAIT_S))
            try:
                yield
            finally:
                state = self._read_state(site)
                held = state["next"] if state.get("next", waited) != waited else 0.0
                self._write_state(site, {**state, "next": max(held, clock.time() + self.interval_s)})

    def seconds_until_turn(self, url: str) -> float:
        """Seconds until the next turn at the site of a URL; 0 where a clock that was set back would make it days."""
        seconds = self._read_state(site_of_url(url)).get("next", 0.0) - clock.time()
        return seconds if 0 < seconds <= DAY_S else 0.0

    def hold_site(self, url: str, seconds: float) -> None:
        """Nobody asks the site of a URL for that long; call it within a turn."""
        self._set_deadline(url, "next", seconds)

    def block_site(self, url: str) -> None:
        """Nobody asks the site of a URL for a day; call it within a turn."""
        self._set_deadline(url, "stopped", DAY_S)

    def _set_deadline(self, url: str, key: str, seconds: float) -> None:
        site = site_of_url(url)
        self._write_state(site, {**self._read_state(site), key: clock.time() + seconds})

    def _check_not_blocked(self, site: str, blocked_until: float) -> None:
        if clock.time() < blocked_until <= clock.time() + DAY_S:
            where = f" (kept in {self._state_path(site)})" if self.folder else ""
            raise SourceUnreachable(
                f"{site} refused this machine (403), so nothing is asked of it before "
                f"{datetime.fromtimestamp(blocked_until, UTC):%Y-%m-%d %H:%M} UTC{where}. What had come is stored."
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
                    log.info("the pace is kept in this process alone: %s", error)
            yield

    def _read_state(self, site: str) -> dict[str, float]:
        if self.folder is not None:
            try:
                value: Any = json.loads(self._state_path(site).read_text(encoding="utf-8"))
                return {key: float(value[key]) for key in ("next", "stopped") if key in value}
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
            log.info("the pace is kept in this process alone: %s", error)
