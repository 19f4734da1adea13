"""A list of the submissions to a conference, as papercopilot/paperlists distributes them: one JSON array a year.

Keys vary by year; id, title and status are there in all, keywords and authors are joined by ';', abstracts are in some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trendcli.core.errors import UsageError
from trendcli.core.types import Batch, Progress, Request, Submission
from trendcli.sources import venue_lists as venues
from trendcli.sources.venue_lists import ListComparison
from trendcli.store import records as parts


class _ListEntry(msgspec.Struct):
    id: str
    title: str
    status: str | None = None
    keywords: str | None = None
    abstract: str | None = None
    author: str | None = None


class Paperlist:
    """One file as a Source: the submissions to `venue` in `year`, as they were `at` a moment (None: now).

    `beside` tells what the store holds beside the identifiers of a list.
    """

    name = "paperlists"

    def __init__(
        self,
        path: str,
        venue: str,
        year: int,
        listed_at: datetime | None = None,
        compare_with_list: Callable[[Iterable[str], int], ListComparison] = lambda ids, year: ListComparison(),
    ) -> None:
        self.path, self.venue, self.year, self.listed_at, self.compare_with_list = (
            path,
            venue,
            year,
            listed_at,
            compare_with_list,
        )

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """See Source; one batch, since a year is one file. A file with a fault vouches for nothing."""
        at = self.listed_at or datetime.now(UTC).replace(microsecond=0)
        try:
            listed = msgspec.json.decode(Path(self.path).read_bytes(), type=list[msgspec.Raw])
        except OSError as error:
            raise UsageError(f"Cannot read {self.path}: {error.strerror}.") from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise UsageError(f"{self.path} is no list of submissions ({error}). Nothing was imported.") from None
        found: dict[str, tuple[Submission, str]] = {}
        faults = []
        for number, raw in enumerate(listed, 1):
            try:
                paper = msgspec.json.decode(raw, type=_ListEntry)
                decided = venues.parse_decision(paper.status or "")
                read = _build_submission(paper, decided, self.year, at)
                if read.id in found:
                    raise ValueError(f"{read.id} is there twice")
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                faults.append(f"{self.path}: submission {number:,}: {error}")
                continue
            found[read.id] = read, decided
            progress(number, len(listed), "submissions")
        if not found:
            raise UsageError(f"{self.path} holds no submission that can be read. Nothing was imported.")
        stored = self.compare_with_list(found, self.year)
        if stored.other_years:
            raise venues.wrong_year_error(f"in {self.path}", self.venue, self.year, stored.other_years)
        table = parts.build_batch_table([submission for submission, _ in found.values()], self.name, at, self.venue)
        decisions = [decided for _, decided in found.values()]
        expected = len(listed) if faults else None
        name = Path(self.path).name
        told = f"imported {at:%Y-%m-%d}"
        vouched = venues.build_coverage_records(self.name, self.year, decisions, at, name, told, expected, stored)
        yield Batch(table, vouched, tuple(faults), stored.format_notes(self.venue, self.year))


def _split_authors(line: str) -> list[str]:
    """The authors of a line: apart by ';', in some years by ','."""
    return line.split(";" if ";" in line else ",")


def _build_submission(entry: _ListEntry, decision: str, year: int, listed_at: datetime) -> Submission:
    return venues.build_venue_submission(
        id=entry.id.strip(),
        year=year,
        decision=decision,
        title=entry.title,
        abstract=entry.abstract or "",
        keywords=(entry.keywords or "").split(";"),
        authors=_split_authors(entry.author or ""),
        listed_at=listed_at,
    )
