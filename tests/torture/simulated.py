"""A simulated arXiv that lives on, for programs whose clock is set: its `Date:` and `<updated>` tell the true time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import time_machine

from tests.standins.arxiv import ArxivStandIn
from trendcli.demo.corpus import SyntheticSubmission

# runs before the program, wherever it is on the path
SITE = """
import os
_now = os.environ.get("TORTURE_NOW")
if _now:
    import time_machine
    time_machine.travel(float(_now), tick=True).start()
"""


class LivingArxiv(ArxivStandIn):
    """A stand-in of arXiv that holds what has been submitted by its own time."""

    def __init__(self, submissions: list[SyntheticSubmission]) -> None:
        super().__init__([])
        self.all_submissions = submissions
        self.is_dead = False

    def move_to(self, now: datetime) -> None:
        """Make what was submitted or revised by `now` visible, unless the server answers nothing."""
        self.submissions = [] if self.is_dead else [
            replace(item, versions=tuple(at for at in item.versions if at <= now))
            for item in self.all_submissions
            if item.published_at <= now
        ]  # fmt: skip
        self.last_results = ("", [])


def write_site(folder: Path) -> Path:
    """Write what sets the clock of a program, and return the folder that belongs on its path."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(SITE)
    return folder


@contextmanager
def at_time(standin: LivingArxiv, true: datetime, told: datetime | None = None) -> Iterator[dict[str, str]]:
    """Let the stand-in live at one time, and yield the variable by which a program believes in another."""
    with time_machine.travel(true, tick=True):
        standin.move_to(true)
        yield {"TORTURE_NOW": str((told or true).timestamp())}


def age_files(folder: Path, since: float, moment: datetime) -> None:
    """Give files that were written since a real moment the simulated one, since the disk's clock is the real one."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_mtime >= since:
            os.utime(path, (moment.timestamp(), moment.timestamp()))


def real_now() -> float:
    """Return the real time, outside of `at_time`."""
    return time.time()


def as_utc(text: str) -> datetime:
    """Return a UTC moment such as '2018-06-04' or '2018-06-04T07:00'."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
