"""The pace of requests: turns per site, shared by all processes of a user, and the longest wait for one."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trendcli.core.errors import RetryableError, SourceUnreachable
from trendcli.core.files import exclusive_lock
from trendcli.sources.reply import ReplyLimits

# seconds that no request is sent to a site after it answered 403, and the longest pause that is remembered
DAY_S = 86_400.0
# longest wait for a turn, in seconds: twice the longest between two tries at arXiv's pace. Beyond it a command stops
MAX_WAIT_S = 600.0
# longer waits, in seconds, are announced
SILENT_WAIT_S = 10.0

log = logging.getLogger(__name__)

# by the clock: when a pause began, and when it ends
_Pause = tuple[float, float]
_NO_PAUSE = (0.0, 0.0)


class TurnTooFar(Exception):
    """The next turn at a site is in `wait_s` seconds, which exceeds the longest wait."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s


class Pace:
    """Turns to send requests: at least `interval_s` seconds from the end of one to the start of the next, per site.

    `folder` holds one state file a site, so that all processes of a user keep one pace; where it is None or cannot be
    written, only this process keeps it. `say_wait` is given a sentence before a wait of more than SILENT_WAIT_S.
    `limits` are those of each reply.
    """

    def __init__(
        self,
        folder: Path | None,
        interval_s: float,
        sleep: Callable[[float], None] = time.sleep,
        limits: ReplyLimits | None = None,
        say_wait: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.folder, self.interval_s, self.sleep = folder, interval_s, sleep
        self.limits, self.say_wait = limits or ReplyLimits(), say_wait
        self._states_by_site: dict[str, dict[str, _Pause]] = {}

    @contextmanager
    def take_turn(self, url: str, max_wait_s: float = MAX_WAIT_S) -> Iterator[None]:
        """Wait for a turn at the site of a URL and hold it during the block.

        Raises SourceUnreachable within a day after the site answered 403, and TurnTooFar where the turn is further away
        than `max_wait_s` and the interval.
        """
        site = site_of_url(url)
        with self._lock_site(site):
            state = self._read_state(site)
            self._check_not_blocked(site, state.get("stopped", _NO_PAUSE))
            pause = state.get("next", _NO_PAUSE)
            wait_s = self._remaining_s(pause)
            if wait_s > max(max_wait_s, self.interval_s):
                raise TurnTooFar(wait_s)
            self._wait_for_turn(wait_s, f"Waiting {wait_s:.0f} s before the next request to {site}.")
            try:
                yield
            finally:
                state = self._read_state(site)
                # set by hold_site within the turn
                held_s = self._remaining_s(state["next"]) if state.get("next", pause) != pause else 0.0
                self._write_state(site, {**state, "next": _pause_of(max(held_s, self.interval_s))})

    def hold_site(self, url: str, seconds: float) -> None:
        """Let no process send a request to the site of a URL for some seconds, a day at most; call it within a turn."""
        self._set_pause(url, "next", seconds)

    def block_site(self, url: str) -> None:
        """Let requests to the site of a URL fail for a day; call it within a turn."""
        self._set_pause(url, "stopped", DAY_S)

    def _set_pause(self, url: str, key: str, seconds: float) -> None:
        site = site_of_url(url)
        self._write_state(site, {**self._read_state(site), key: _pause_of(seconds)})

    def _remaining_s(self, pause: _Pause) -> float:
        """Return the remaining seconds of a pause; for one that began in the future, at most one interval.

        Such a pause was written by a clock that was ahead, so its end is unknown.
        """
        since, until = pause
        now = time.time()
        return max(0.0, until - now) if since <= now else min(until - since, self.interval_s)

    def _check_not_blocked(self, site: str, pause: _Pause) -> None:
        if pause[0] <= time.time() < pause[1]:
            where = f" (recorded in {self._state_path(site)})" if self.folder else ""
            raise SourceUnreachable(
                f"{site} refused requests from this machine (status 403), so none are sent before "
                f"{datetime.fromtimestamp(pause[1], UTC):%Y-%m-%d %H:%M} UTC{where}. "
                "Everything received so far is stored.",
                status=403,
            )

    def _wait_for_turn(self, seconds: float, sentence: str) -> None:
        if seconds > SILENT_WAIT_S:
            self._announce_wait(sentence)
        if seconds > 0:
            self.sleep(seconds)

    def _announce_wait(self, sentence: str) -> None:
        log.info("%s", sentence)
        self.say_wait(sentence)

    def _state_path(self, site: str) -> Path:
        return (self.folder or Path()) / f"{site.replace(':', '_')}.json"

    @contextmanager
    def _lock_site(self, site: str) -> Iterator[None]:
        with ExitStack() as stack:
            if self.folder is not None:
                path = self._state_path(site).with_suffix(".lock")
                try:
                    try:
                        stack.enter_context(exclusive_lock(path, SILENT_WAIT_S))
                    except TimeoutError:
                        self._announce_wait(f"Waiting for another process that sends a request to {site}.")
                        stack.enter_context(exclusive_lock(path, MAX_WAIT_S + self.limits.duration_s))
                except TimeoutError:
                    raise RetryableError(
                        f"Another process has held the turn at {site} for too long ({path}). Everything received so "
                        "far is stored; rerun the same command when that process has ended."
                    ) from None
                except OSError as error:
                    log.info("request pacing is limited to this process: %s", error)
            yield

    def _read_state(self, site: str) -> dict[str, _Pause]:
        """Return the pauses of a site: before the 'next' turn, and while it is 'stopped'."""
        if self.folder is not None:
            try:
                state: Any = json.loads(self._state_path(site).read_text(encoding="utf-8"))
                pauses = {
                    key: (float(state[key][0]), float(state[key][1])) for key in ("next", "stopped") if key in state
                }
                # none that was ever written is longer, but for rounding
                return {key: pause for key, pause in pauses.items() if 0 <= pause[1] - pause[0] <= DAY_S + 1}
            except (OSError, ValueError, TypeError, LookupError, RecursionError):
                pass
        return self._states_by_site.get(site, {})

    def _write_state(self, site: str, state: dict[str, _Pause]) -> None:
        self._states_by_site[site] = state
        if self.folder is None:
            return
        try:
            # in place: half of it, after a crash, reads as no state, and the pace starts anew
            self._state_path(site).write_text(json.dumps(state), encoding="utf-8")
        except OSError as error:
            log.info("request pacing is limited to this process: %s", error)


def clamp_wait(seconds: float) -> float:
    """Return how long a site asks to wait as seconds from 0 to a day, whatever number it sent."""
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), DAY_S)


def _pause_of(seconds: float) -> _Pause:
    now = time.time()
    return now, now + clamp_wait(seconds)


def site_of_url(url: str) -> str:
    """Return the name of a site: 'arxiv.org' for all of its hosts; localhost or an IP address with its port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host_of_url(url) if host == "localhost" else ".".join(host.split(".")[-2:])
    return host_of_url(url)


def hide_login(url: str) -> str:
    """Return a URL without a user name and password, for logs and messages."""
    netloc = urlsplit(url).netloc
    return url.replace(netloc, host_of_url(url), 1) if "@" in netloc else url


def host_of_url(url: str) -> str:
    """Return the host and port of a URL, without a user name and password."""
    return urlsplit(url).netloc.rpartition("@")[2]
