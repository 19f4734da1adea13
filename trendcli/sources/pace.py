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

from trendcli.core.errors import Unreachable

DAY_S = 86_400.0
# a clock that was set back must not make anybody wait for ever
LONGEST_S = 3_600.0

log = logging.getLogger(__name__)


def site_of(url: str) -> str:
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
        self._own: dict[str, dict[str, float]] = {}

    @contextmanager
    def turn(self, url: str) -> Iterator[None]:
        """Wait for a turn at the site of a URL and hold it during the block; Unreachable in the day after a 403."""
        site = site_of(url)
        with self._lock(site):
            state = self._read(site)
            self._refuse(site, state.get("stopped", 0.0))
            waited = state.get("next", 0.0)
            if waited > clock.time():
                self.sleep(min(waited - clock.time(), LONGEST_S))
            try:
                yield
            finally:
                state = self._read(site)
                held = state["next"] if state.get("next", waited) != waited else 0.0
                self._write(site, {**state, "next": max(held, clock.time() + self.interval_s)})

    def waiting(self, url: str) -> float:
        """Seconds until the next turn at the site of a URL; 0 where a clock that was set back would make it days."""
        seconds = self._read(site_of(url)).get("next", 0.0) - clock.time()
        return seconds if 0 < seconds <= DAY_S else 0.0

    def hold(self, url: str, seconds: float) -> None:
        """Nobody asks the site of a URL for that long; call it within a turn."""
        self._put(url, "next", seconds)

    def stop(self, url: str) -> None:
        """Nobody asks the site of a URL for a day; call it within a turn."""
        self._put(url, "stopped", DAY_S)

    def _put(self, url: str, key: str, seconds: float) -> None:
        site = site_of(url)
        self._write(site, {**self._read(site), key: clock.time() + seconds})

    def _refuse(self, site: str, until: float) -> None:
        if clock.time() < until <= clock.time() + DAY_S:
            where = f" (kept in {self._file(site)})" if self.folder else ""
            raise Unreachable(
                f"{site} refused this machine (403), so nothing is asked of it before "
                f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC{where}. What had come is stored."
            )

    def _file(self, site: str) -> Path:
        return (self.folder or Path()) / f"{site.replace(':', '_')}.json"

    @contextmanager
    def _lock(self, site: str) -> Iterator[None]:
        lock = None
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                lock = filelock.FileLock(self._file(site).with_suffix(".lock"))
                lock.acquire()
            except OSError as error:
                log.info("the pace is kept in this process alone: %s", error)
                lock = None
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    def _read(self, site: str) -> dict[str, float]:
        if self.folder is not None:
            try:
                value: Any = json.loads(self._file(site).read_text(encoding="utf-8"))
                return {key: float(value[key]) for key in ("next", "stopped") if key in value}
            except (OSError, ValueError, TypeError):
                pass
        return self._own.get(site, {})

    def _write(self, site: str, state: dict[str, float]) -> None:
        self._own[site] = state
        if self.folder is None:
            return
        try:
            # in place: half of it, after a crash, reads as no state, and the pace starts anew
            self._file(site).write_text(json.dumps(state), encoding="utf-8")
        except OSError as error:
            log.info("the pace is kept in this process alone: %s", error)
