from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import answer, fill, paper
from trendcli.core import periods
from trendcli.core.types import Batch, Progress, Request, Scope, Selection, Submission, Window, ignore_progress
from trendcli.demo.server import ArxivStandIn
from trendcli.sources.arxiv_api import ArxivApi
from trendcli.sources.harvest import harvest_source
from trendcli.sources.http import Pace
from trendcli.store import records as parts
from trendcli.store.manifest import DataFile
from trendcli.store.store import Store
from trendcli.topics import matches as tags
from trendcli.topics.counting import count_submissions
from trendcli.topics.library import Library


def test_a_fetch_frees_the_room_that_a_killed_one_took(standin: ArxivStandIn, tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    lost = [tmp_path / "arxiv/months/2018-01.0123456789ab.parquet", tmp_path / "manifest.json.77.draft"]
    for path in lost:
        path.write_bytes(b"half")
    assert store.find_orphan_files() == sorted(lost)
    window = Window(store.manifest.files[0].first, store.manifest.files[0].last)
    harvest_source(
        store,
        ArxivApi(standin.url, Pace(None, 0.0)),
        [Request(("cs.LG",), window)],
        ignore_progress,
        lambda fault: None,
    )
    assert Store.open(tmp_path).find_orphan_files() == [] and not any(path.exists() for path in lost)
    assert store.file_path(store.manifest.files[0]).exists()


class Given:
    """A source that has some submissions."""

    name = "test"

    def __init__(self, *papers: Submission) -> None:
        self.papers = papers

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        given = answer(at=f"2020-07-{len(self.papers):02d}")
        yield Batch(parts.build_batch_table(self.papers, "test", datetime(2020, 7, 1, tzinfo=UTC)), (given,))


def test_weekly_updates_are_folded_once_they_were_matched_and_no_text_is_matched_again(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gan(number: int, **changes: Any) -> Submission:
        return paper(f"1801.{number:05d}", f"2018-01-{number % 28 + 1:02d}", "A GAN at work", **changes)

    def brings(*papers: Submission) -> None:
        harvest_source(Store.open(tmp_path), Given(*papers), [Request(())], ignore_progress, lambda _: None)

    matched: list[int] = []
    plain = tags.match_files

    def watched(store: Store, files: Sequence[DataFile], *rest: Any) -> Any:
        matched.append(sum(item.rows for item in files))
        return plain(store, files, *rest)

    monkeypatch.setattr(tags, "match_files", watched)
    year = periods.parse_period("2018")

    def gans() -> int:
        selection = Selection(Scope("one", ("cs.LG",)), ("gan",))
        return count_submissions(Store.open(tmp_path), library, selection, [year], ignore_progress).counts["gan", year]

    def kinds() -> list[str]:
        return [item.kind for item in Store.open(tmp_path).manifest.files]

    fill(tmp_path, [gan(number) for number in range(1, 41)])
    assert (gans(), matched) == (40, [40])
    brings(*[gan(number) for number in range(41, 45)], gan(7, version=2, abstract="Better."))
    assert kinds() == ["month", "update"]  # due, but the update was not matched yet
    assert (gans(), matched) == (44, [40, 5])
    brings(gan(45))
    assert kinds() == ["month", "update"]  # the first update is in the month now
    assert [item.rows for item in Store.open(tmp_path).manifest.files] == [44, 1]
    assert (gans(), matched) == (45, [40, 5, 1])
    brings(*[gan(number) for number in range(46, 62)])
    assert kinds() == ["month"]  # long overdue
    assert gans() == 61
