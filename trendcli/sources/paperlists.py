"""Venue lists as papercopilot/paperlists distributes them: one JSON array a year.

Keys vary by year: all lists have id, title and status, some have abstracts; keywords and authors are joined by ';'.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trendcli.core.errors import UsageError
from trendcli.core.files import read_error
from trendcli.core.types import Batch, Progress, Request, Submission
from trendcli.sources.venue_lists import (
    ListComparison,
    build_coverage_records,
    build_venue_submission,
    parse_decision,
    wrong_year_error,
)
from trendcli.store.records import build_batch_table

# bytes; the lists of the largest conferences, 12,000 submissions with their reviews, have under 100 MB
MAX_LIST_BYTES = 256 << 20
# commas, and so entries at most: each takes 60 bytes, and the largest lists have under two million
MAX_LIST_VALUES = 5_000_000
# unreadable submissions from which a file is no list
MAX_FAULTS = 100_000


class _ListEntry(msgspec.Struct):
    id: str
    title: str
    status: str | None = None
    keywords: str | None = None
    abstract: str | None = None
    author: str | None = None


class Paperlist:
    """One file as a Source: the submissions to `venue` in `year`, as of `listed_at` (None: now).

    `compare_with_list(ids, year)` returns how the submissions of a store compare with a list.
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
        self.path, self.venue, self.year = path, venue, year
        self.listed_at, self.compare_with_list = listed_at, compare_with_list

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """Yield one batch, the whole file; unreadable entries are faults, which leave the year partial.

        Raises UsageError for a file that is not a list, or whose submissions are stored under another year.
        """
        listed_at = self.listed_at or datetime.now(UTC).replace(microsecond=0)
        entries = _read_entries(self.path)
        submissions: dict[str, Submission] = {}
        decisions, faults = [], []
        for number, raw in enumerate(entries, 1):
            try:
                entry = msgspec.json.decode(raw, type=_ListEntry)
                decision = parse_decision(entry.status or "")
                submission = _build_submission(entry, decision, self.year, listed_at)
                if submission.id in submissions:
                    raise ValueError(f"duplicate id {submission.id[:60]}")
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                faults.append(f"{self.path}: submission {number:,}: {error}")
                if len(faults) > MAX_FAULTS:
                    raise UsageError(
                        f"{self.path} is not a list of submissions: {MAX_FAULTS:,} are unreadable, the first "
                        f"{faults[0].removeprefix(f'{self.path}: ')}. Nothing was imported."
                    ) from None
                continue
            submissions[submission.id] = submission
            decisions.append(decision)
            progress(number, len(entries), "submissions")
        if not submissions:
            raise UsageError(f"{self.path} contains no readable submission. Nothing was imported.")
        comparison = self.compare_with_list(submissions, self.year)
        if comparison.other_years:
            raise wrong_year_error(f"in {self.path}", self.venue, self.year, comparison.other_years)
        table = build_batch_table(list(submissions.values()), self.name, listed_at, self.venue)
        records = build_coverage_records(
            self.name,
            self.year,
            decisions,
            listed_at,
            query=Path(self.path).name,
            version=f"imported {listed_at:%Y-%m-%d}",
            expected=len(entries) if faults else None,
            comparison=comparison,
        )
        yield Batch(table, records, tuple(faults), comparison.format_notes(self.venue, self.year))


def _read_entries(path: str) -> list[msgspec.Raw]:
    """Return the entries of a list, each as it is written; raise UsageError if the file is not a list, or too large."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(MAX_LIST_BYTES + 1).removeprefix(BOM_UTF8)
        if len(content) > MAX_LIST_BYTES or content.count(b",") > MAX_LIST_VALUES:
            raise ValueError(f"it has more than {MAX_LIST_BYTES >> 20} MiB or {MAX_LIST_VALUES:,} values")
        return msgspec.json.decode(content, type=list[msgspec.Raw])
    except OSError as error:
        raise UsageError(read_error(path, error)) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not a list of submissions ({error}). Nothing was imported.") from None


def _split_authors(line: str) -> list[str]:
    """Split a line of authors at ';', which some years write as ','."""
    return line.split(";" if ";" in line else ",")


def _build_submission(entry: _ListEntry, decision: str, year: int, listed_at: datetime) -> Submission:
    return build_venue_submission(
        id=entry.id.strip(),
        year=year,
        decision=decision,
        title=entry.title,
        abstract=entry.abstract or "",
        keywords=(entry.keywords or "").split(";"),
        authors=_split_authors(entry.author or ""),
        listed_at=listed_at,
    )
