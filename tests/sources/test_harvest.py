"""Harvests: files left behind, compaction, and what ends one early."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.standins.arxiv import ArxivStandIn
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import RetryableError
from trendcli.core.periods import parse_period
from trendcli.core.types import Batch, Progress, Request, Scope, Selection, Submission, Window, ignore_progress
from trendcli.sources.arxiv_api import ArxivApi
from trendcli.sources.harvest import harvest_source
from trendcli.sources.pace import Pace
from trendcli.store.manifest import DataFile
from trendcli.store.quarantine import find_leftovers
from trendcli.store.records import build_batch_table
from trendcli.store.store import Store
from trendcli.topics import matches
from trendcli.topics.counting import count_submissions
from trendcli.topics.library import Library


def test_a_harvest_sets_aside_the_files_that_a_killed_one_left(standin: ArxivStandIn, tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    orphans = [tmp_path / "arxiv/months/2018-01.0123456789ab.parquet", tmp_path / "manifest.json.77.draft"]
    for path in orphans:
        path.write_bytes(b"half")
    strangers = [tmp_path / "thesis/chapter1.draft", tmp_path / "arxiv/months/2019.parquet", tmp_path / "notes.draft"]
    for path in strangers:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"mine")
    assert find_leftovers(store) == sorted(orphans)
    window = Window(store.manifest.files[0].first, store.manifest.files[0].last)
    source = ArxivApi(standin.url, Pace(None, 0.0))
    result = harvest_source(store, source, [Request(("cs.LG",), window)], ignore_progress, lambda fault: None)
    assert result.notes[0].startswith("Moved arxiv/months/2018-01.0123456789ab.parquet to the quarantine")
    assert find_leftovers(Store.open(tmp_path)) == [] and not any(path.exists() for path in orphans)
    assert all(path.read_bytes() == b"mine" for path in strangers)
    kept = [path for path in (tmp_path / "quarantine").rglob("*") if path.is_file()]
    assert sorted(path.name for path in kept) == sorted(path.name for path in orphans)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=29)):
        harvest_source(store, source, [Request(("cs.LG",), window)], ignore_progress, lambda fault: None)
    assert all(path.exists() for path in kept)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=32)):
        harvest_source(store, source, [Request(("cs.LG",), window)], ignore_progress, lambda fault: None)
        assert all(path.exists() for path in kept)  # the clock alone is not believed
        fill(tmp_path, [], [coverage_record(at=f"{datetime.now(UTC):%Y-%m-%d}")])
        harvest_source(store, source, [Request(("cs.LG",), window)], ignore_progress, lambda fault: None)
    assert not any(path.exists() for path in kept)
    assert store.file_path(store.manifest.files[0]).exists()


class ListSource:
    """A source that yields some submissions, with a record of the same request whatever they are."""

    name = "test"

    def __init__(self, *papers: Submission) -> None:
        self.papers = papers

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        record = coverage_record(at=f"2020-07-{len(self.papers):02d}")
        yield Batch(build_batch_table(self.papers, "test", datetime(2020, 7, 1, tzinfo=UTC)), (record,))


@pytest.mark.journey
def test_delta_files_are_compacted_once_they_were_matched_and_no_text_is_matched_again(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gan(number: int, **changes: Any) -> Submission:
        return paper(f"1801.{number:05d}", f"2018-01-{number % 28 + 1:02d}", "A GAN at work", **changes)

    def harvest(*papers: Submission) -> None:
        harvest_source(Store.open(tmp_path), ListSource(*papers), [Request(())], ignore_progress, lambda _: None)

    matched_rows: list[int] = []
    match_files = matches.match_files

    def record_and_match(store: Store, files: Sequence[DataFile], *rest: Any) -> Any:
        matched_rows.append(sum(file.rows for file in files))
        return match_files(store, files, *rest)

    monkeypatch.setattr(matches, "match_files", record_and_match)
    year = parse_period("2018")

    def count_gans() -> int:
        selection = Selection(Scope("one", ("cs.LG",)), ("gan",))
        return count_submissions(Store.open(tmp_path), library, selection, [year], ignore_progress).counts["gan", year]

    def file_kinds() -> list[str]:
        return [file.kind for file in Store.open(tmp_path).manifest.files]

    fill(tmp_path, [gan(number) for number in range(1, 41)])
    assert (count_gans(), matched_rows) == (40, [40])
    harvest(*[gan(number) for number in range(41, 45)], gan(7, version=2, abstract="Better."))
    assert file_kinds() == ["month", "update"]  # due, but the delta file was not matched yet
    assert (count_gans(), matched_rows) == (44, [40, 5])
    harvest(gan(45))
    assert file_kinds() == ["month", "update"]  # the first delta file is in the month now
    assert [file.rows for file in Store.open(tmp_path).manifest.files] == [44, 1]
    assert (count_gans(), matched_rows) == (45, [40, 5, 1])
    harvest(*[gan(number) for number in range(46, 62)])
    assert file_kinds() == ["month"]  # far overdue, so without waiting for matching
    assert count_gans() == 61


class FailingSource:
    """A source that fails after its first batch, whose record says that nothing is complete."""

    name = "test"

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        progress(1.0, 2.0, "batches")
        table = build_batch_table([paper("1801.00001", "2018-01-05")], "test", datetime(2020, 7, 1, tzinfo=UTC))
        yield Batch(table, (coverage_record(status="failed"),), ("line 7: unreadable",), ("Something else.",))
        raise RetryableError("The source is down.", status=503)


def test_a_source_that_fails_ends_the_harvest_and_what_arrived_is_stored(tmp_path: Path) -> None:
    faults: list[str] = []
    shares: list[float] = []
    requests = [Request(("cs.LG",)), Request(("cs.CL",))]
    result = harvest_source(
        Store.open_or_create(tmp_path),
        FailingSource(),
        requests,
        lambda done, total, what: shares.append(done / (total or 1)),
        faults.append,
    )
    assert (str(result.stop_error), result.is_complete) == ("The source is down.", False)
    assert faults == result.faults == ["line 7: unreadable"] and result.notes == ["Something else."]
    assert shares == [0.25]  # half of the first of two requests; the second one was never sent
    assert (result.upsert_counts.new, Store.open(tmp_path).manifest.submission_count) == (1, 1)


def test_a_later_record_of_a_request_replaces_the_earlier_one_in_the_result(tmp_path: Path) -> None:
    class TwoRecords(ListSource):
        def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
            yield Batch(None, (coverage_record(status="failed"),))
            yield from super().iter_batches(request, progress)

    store = Store.open_or_create(tmp_path)
    source = TwoRecords(paper("1801.00001", "2018-01-05"))
    result = harvest_source(store, source, [Request(())], ignore_progress, lambda fault: None)
    assert [record.status for record in result.coverage_records] == ["complete"] and result.is_complete
