"""The pace of requests, kept for all processes of a user on a machine: one at a time, some seconds apart.

arXiv's terms: no more than one request every three seconds, a single connection, over all of its interfaces together;
after a 403 nothing more. So what one process learns, in a small file a site, holds for the next.
"""

from __future__ import annotations

import json
import logging
import time as clock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import filelock

from trendcli.core.errors import SourceUnreachable

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
        lock = None
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                lock = filelock.FileLock(self._state_path(site).with_suffix(".lock"))
                lock.acquire()
            except OSError as error:
                log.info("the pace is kept in this process alone: %s", error)
                lock = None
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

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
