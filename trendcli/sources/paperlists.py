"""A list of the submissions to a conference, as papercopilot/paperlists distributes them: one JSON array a year.

Keys vary by year; id, title and status are there in all, keywords and authors are joined by ';', abstracts are in some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trendcli import parts, venues
from trendcli.errors import UsageError
from trendcli.models import Ask, Batch, Progress, Submission
from trendcli.store import VENUES


class _Paper(msgspec.Struct):
    id: str
    title: str
    status: str | None = None
    keywords: str | None = None
    abstract: str | None = None
    author: str | None = None


class Paperlist:
    """One file as a Source: the submissions to `venue` in `year`, as they were `at` a moment (None: now).

    `elsewhere` tells of identifiers in which other years they are stored: such a list is of another year than is said.
    """

    name = "paperlists"

    def __init__(
        self,
        path: str,
        venue: str,
        year: int,
        at: datetime | None = None,
        elsewhere: Callable[[Sequence[str], int], Sequence[int]] = lambda ids, year: (),
    ) -> None:
        self.path, self.venue, self.year, self.at, self.elsewhere = path, venue, year, at, elsewhere

    def batches(self, ask: Ask, progress: Progress) -> Iterator[Batch]:
        """See Source; one batch, since a year is one file. A file with a fault vouches for nothing."""
        at = self.at or datetime.now(UTC).replace(microsecond=0)
        try:
            listed = msgspec.json.decode(Path(self.path).read_bytes(), type=list[msgspec.Raw])
        except OSError as error:
            raise UsageError(f"Cannot read {self.path}: {error.strerror}.") from None
        except msgspec.DecodeError as error:
            raise UsageError(f"{self.path} is no list of submissions ({error}). Nothing was imported.") from None
        found: dict[str, tuple[Submission, str]] = {}
        faults = []
        for number, raw in enumerate(listed, 1):
            try:
                paper = msgspec.json.decode(raw, type=_Paper)
                decided = venues.decision(paper.status or "")
                if not paper.title.strip() or not paper.id.strip():
                    raise ValueError("it has no title or no id")
                if paper.id in found:
                    raise ValueError(f"{paper.id} is there twice")
            except (msgspec.DecodeError, ValueError) as error:
                faults.append(f"{self.path}: submission {number:,}: {error}")
                continue
            found[paper.id] = _submission(paper, decided, self.year, at), decided
            progress(number, len(listed), "submissions")
        if not found:
            raise UsageError(f"{self.path} holds no submission that can be read. Nothing was imported.")
        if others := self.elsewhere(list(found), self.year):
            raise UsageError(
                f"Submissions in {self.path} are stored as {self.venue} {' and '.join(map(str, others))}, so they are "
                f"not of {self.year}. Nothing was imported. If they were stored under a wrong year, remove the folder "
                f"{VENUES}/{self.venue} of the store and import its lists again."
            )
        table = parts.table([submission for submission, _ in found.values()], self.name, at, self.venue)
        decisions = [decided for _, decided in found.values()]
        expected = len(listed) if faults else None
        name = Path(self.path).name
        vouched = venues.answers(self.name, self.year, decisions, at, name, f"imported {at:%Y-%m-%d}", expected)
        yield Batch(table, vouched, tuple(faults))


def _names(line: str) -> list[str]:
    """The authors of a line: apart by ';', in some years by ','."""
    return line.split(";" if ";" in line else ",")


def _submission(paper: _Paper, decided: str, year: int, at: datetime) -> Submission:
    return venues.submission(
        id=paper.id,
        year=year,
        decided=decided,
        title=paper.title,
        abstract=paper.abstract or "",
        keywords=(paper.keywords or "").split(";"),
        authors=_names(paper.author or ""),
        at=at,
    )
