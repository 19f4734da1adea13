from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worlds import coverage_record, days, fill, live_rows, paper
from trendcli.core.types import Submission
from trendcli.store.compaction import compact_store
from trendcli.store.ingest import UpsertCounts, find_missing_ids, upsert_batches
from trendcli.store.records import build_batch_table
from trendcli.store.store import Store


def add(store: Store, *papers: Submission, compact: bool = False) -> UpsertCounts:
    """Upsert submissions as one batch, and compact the store if asked to."""
    batch = build_batch_table(papers, "test", datetime(2020, 6, 1, tzinfo=UTC))
    with store.write_lock():
        counts = upsert_batches(store, [batch], [])
        if compact:
            compact_store(store)
    return counts


def test_a_revision_is_not_counted_twice(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", "First"), paper("1801.00002", "2018-01-06")])
    counts = add(store, paper("1801.00001", "2018-01-05", "Second", version=2, as_of=days("2020-06-02")))
    assert counts == UpsertCounts(new=0, revised=1, repeated=0)
    assert live_rows(store) == [
        ("1801.00001", 2, "Second", "2018-01-05"),
        ("1801.00002", 1, "On nothing", "2018-01-06"),
    ]
    assert store.manifest.submission_count == 2


def test_a_repeat_writes_nothing(tmp_path: Path) -> None:
    first = paper("1801.00001", "2018-01-05")
    store = fill(tmp_path, [first])
    before = (store.manifest.generation, sorted(path.name for path in tmp_path.rglob("*.parquet")))
    assert add(store, first, first) == UpsertCounts(repeated=2)
    assert (store.manifest.generation, sorted(path.name for path in tmp_path.rglob("*.parquet"))) == before


def test_the_first_date_never_changes(tmp_path: Path) -> None:
    # a source that gives the date of the current version as that of the first would move the submission to March
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    counts = add(store, paper("1801.00001", "2018-03-09", "Second", version=2, as_of=days("2020-06-02")))
    assert (counts.revised, counts.conflicts) == (1, 1)
    assert live_rows(store) == [("1801.00001", 2, "Second", "2018-01-05")]


def test_an_older_state_does_not_come_back(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", "Third", version=3, as_of=days("2019-01-01"))])
    assert add(store, paper("1801.00001", "2018-01-05", "Second", version=2, as_of=days("2020-01-01"))).repeated == 1
    assert add(store, paper("1801.00001", "2018-01-05", "Old", version=3, as_of=days("2018-06-01"))).repeated == 1
    assert live_rows(store) == [("1801.00001", 3, "Third", "2018-01-05")]


def test_a_later_state_of_the_same_version_wins(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", as_of=days("2019-01-01"))])
    moved = paper("1801.00001", "2018-01-05", categories="cs.CL cs.LG", as_of=days("2019-02-01"))
    assert add(store, moved).revised == 1
    published = paper("1801.00001", "2018-01-05", categories="cs.CL cs.LG", doi="10.1/x", as_of=days("2019-03-01"))
    assert add(store, published).revised == 1
    assert live_rows(store, "categories, doi") == [("cs.CL cs.LG", "10.1/x")]


def test_two_identifiers_are_two_submissions_even_with_one_text(tmp_path: Path) -> None:
    store = fill(
        tmp_path,
        [paper("0704.0010", "2007-04-01"), paper("0704.0100", "2007-04-01"), paper("math/0611800", "2006-11-27")],
    )
    assert [row[0] for row in live_rows(store)] == ["0704.0010", "0704.0100", "math/0611800"]


IDS = st.sampled_from(["1801.00001", "1801.00002", "1902.00003"])
STATES = st.builds(
    lambda id, version, title, as_of: paper(id, "2018-01-05" if id < "19" else "2019-02-07", title, version=version, as_of=as_of),
    IDS, st.integers(1, 3), st.sampled_from(["A", "B", "C"]), st.integers(17000, 17003),
)  # fmt: skip


@pytest.mark.journey
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STATES, min_size=1, max_size=8), st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_order_and_the_batches_of_what_comes_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, states: list[Submission], rng: random.Random, portions: int
) -> None:
    whole = fill(tmp_path_factory.mktemp("whole"), states)
    shuffled = states[:]
    rng.shuffle(shuffled)
    size = -(-len(shuffled) // portions)
    piecewise = Store.open_or_create(tmp_path_factory.mktemp("pieces"))
    for start in range(0, len(shuffled), size):
        add(piecewise, *shuffled[start : start + size], compact=rng.random() < 0.5)
    add(piecewise, *shuffled)  # and again: an upsert is idempotent
    columns = "id, version, title, v1_at, categories, row_hash"
    assert live_rows(piecewise, columns) == live_rows(whole, columns)


def test_a_failing_write_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    before = live_rows(store)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        add(store, paper("1801.00002", "2018-01-06"))
    monkeypatch.undo()
    assert live_rows(Store.open(tmp_path)) == before


def test_coverage_records_come_with_the_rows_and_only_once(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")], [coverage_record()])
    with store.write_lock():
        upsert_batches(store, [], [coverage_record()])
        upsert_batches(store, [], [coverage_record(["cs.CL"])])
    assert [record.categories for record in Store.open(tmp_path).manifest.ledger] == [("cs.LG",), ("cs.CL",)]


def test_an_id_is_missing_until_it_is_stored_as_of_its_day(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", as_of=days("2019-03-10"))])
    listed = ["1801.00002", "1801.00001"]
    assert find_missing_ids(store, listed, [days("2018-01-06"), days("2019-03-10")]) == ["1801.00002"]
    assert find_missing_ids(store, listed, [days("2018-01-06"), days("2019-03-11")]) == ["1801.00001", "1801.00002"]
    assert find_missing_ids(store, [], []) == []
