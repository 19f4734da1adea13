"""Worlds that a reader can compute by hand: submissions, coverage records and stores made of a few plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from trendcli.core.checked_json import format_checked_json, parse_checked_json
from trendcli.core.periods import parse_period
from trendcli.core.types import CoverageRecord, Scope, Submission
from trendcli.store.ingest import upsert_batches
from trendcli.store.records import build_batch_table, build_submission
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

ML = Scope("ml", tuple("cs.LG stat.ML cs.AI cs.CL cs.CV cs.NE cs.RO cs.IR cs.MA eess.AS eess.IV".split()))


def seconds(text: str) -> int:
    """Return a UTC moment such as '2019-03-05' or '2019-03-05T12:00' in seconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def days(text: str) -> int:
    """Return a date in days since 1970."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def paper(id: str, v1: str, title: str = "On nothing", abstract: str = "We say little.", **changes: Any) -> Submission:
    """Build a Submission; what a test does not care about has a default."""
    values: dict[str, Any] = {
        "version": 1,
        "v1_at": seconds(v1),
        "updated_at": seconds(v1),
        "authors": "Ada Abel, Bo Brandt",
        "categories": "cs.LG",
        "comments": None,
        "journal_ref": None,
        "doi": None,
        "as_of": days("2020-06-01"),
    }
    return build_submission(id=id, title=title, abstract=abstract, **{**values, **changes})


def papers_of_day(day: str, count: int, abstract: str, *, first_number: int, **changes: Any) -> list[Submission]:
    """Build some Submissions of one day with one abstract, numbered from `first_number`, since identifiers differ."""
    month = day[2:4] + day[5:7]
    return [
        paper(f"{month}.{number:05d}", day, "On it", abstract, **changes)
        for number in range(first_number, first_number + count)
    ]


def coverage_record(
    categories: Sequence[str] = ("cs.LG",),
    since: str = "2018-01-01",
    until: str = "2020-01-01",
    at: str = "2020-06-01",
    status: str = "complete",
    **changes: Any,
) -> CoverageRecord:
    """Build a CoverageRecord: by default two complete years of cs.LG."""
    values: dict[str, Any] = {"source": "test", "expected": 1, "received": 1, "query": "", "version": "made by hand"}
    return CoverageRecord(
        categories=tuple(categories),
        since=date.fromisoformat(since),
        until=date.fromisoformat(until),
        answered_at=datetime.fromisoformat(at).replace(tzinfo=UTC),
        status=status,
        **{**values, **changes},
    )


def fill(root: Path, papers: Sequence[Submission], records: Sequence[CoverageRecord] = (), **options: Any) -> Store:
    """Create or open a store at `root` and upsert submissions and coverage records in one commit."""
    store = Store.open_or_create(root, **options)
    table = build_batch_table(papers, "test", datetime(2020, 6, 1, tzinfo=UTC), store.corpus)
    with store.write_lock():
        upsert_batches(store, [table] if papers else [], list(records) or [coverage_record()])
    return store


def edit_manifest(root: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Let a function change the JSON value of a manifest, and write it with the checksum that it has then."""
    path = root / "manifest.json"
    value = parse_checked_json(path.read_bytes())
    edit(value)
    path.write_bytes(format_checked_json(value))


def live_rows(store: Store, columns: str = "id, version, title, v1_at::DATE::VARCHAR") -> list[tuple[Any, ...]]:
    """Return some columns of the live rows of a store, by identifier."""
    live_sql = file_rows_sql(store, store.list_files(), "*")
    with store.connect() as db:
        return db.execute(f"SELECT {columns} FROM ({live_sql}) ORDER BY id").fetchall()


def weekly_world(weeks: int = 170, last: str = "2019-W20", busy: int = 4) -> list[Submission]:
    """Return 20 submissions a week up to `last`, of which 5 are about GANs, or 15 in the last `busy` weeks."""
    submissions = []
    for back in range(weeks):
        monday = parse_period(last).start - timedelta(weeks=back)
        for number in range(20):
            day = monday + timedelta(days=number % 7)
            is_gan = number < (15 if back < busy else 5)
            title = f"Generative adversarial networks, part {number}" if is_gan else "On nothing"
            submissions.append(paper(f"{day:%y%m}.{back * 20 + number:05d}", str(day), title))
    return submissions


def gan_world() -> list[Submission]:
    """Return a corpus in which 70 of 1,000 submissions in 2018 and 100 of 1,600 in 2019 are about GANs; the rest about nothing."""
    papers = []
    for year, base, gans in ((2018, 1000, 70), (2019, 1600, 100)):
        for number in range(base):
            title = "Generative adversarial networks at work" if number < gans else "On nothing"
            day = f"{year}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
            papers.append(paper(f"{year % 100}{number % 12 + 1:02d}.{number:05d}", day, title))
    return papers
