from __future__ import annotations

from pathlib import Path

import pytest

from tests.topics.worlds import FRUIT_WORLD, LG_CL, count_fruit, fruit_row
from tests.worlds import coverage_record, fill, paper
from trendcli.core.periods import parse_period
from trendcli.core.types import Submission, ignore_progress
from trendcli.store.compaction import compact_store
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store
from trendcli.topics.aggregates import (
    AGGREGATE_COLUMNS,
    TOTAL_KEY,
    aggregates_sql,
    compute_month_sums,
    ensure_aggregates,
    topic_key,
)
from trendcli.topics.library import Library


def read_aggregates(store: Store, library: Library, topic: str) -> list[tuple[str, str, int, int, int]]:
    """(month, categories, n_any, n_title, n_strict) of a topic, summed over files."""
    blocks = ensure_aggregates(store, library, [topic], ignore_progress)
    with store.connect() as db:
        return db.execute(
            f"""SELECT strftime(month, '%Y-%m'), categories, sum(n_any)::INT, sum(n_title)::INT, sum(n_strict)::INT
            FROM ({aggregates_sql(db, store, blocks)}) WHERE topic = {topic_key(library, topic)}
            GROUP BY ALL HAVING sum(n_any) > 0 ORDER BY ALL"""
        ).fetchall()


def test_aggregates_count_by_month_and_set_of_categories(fruit_store: Store, fruit_library: Library) -> None:
    assert read_aggregates(fruit_store, fruit_library, "pear") == [
        ("2018-01", "cs.LG cs.CL", 1, 1, 1),
        ("2018-02", "cs.CL stat.AP", 1, 1, 1),
        ("2018-04", "cs.CL", 1, 1, 1),  # JAM, which is below pear
    ]


def test_a_delta_file_subtracts_what_it_replaces(tmp_path: Path, fruit_library: Library) -> None:
    first = paper("1801.00001", "2018-01-05", "x", "An apple, an apple.")
    store = fill(tmp_path / "store", [first, paper("1801.00002", "2018-01-06", "An apple")])
    assert read_aggregates(store, fruit_library, "apple") == [("2018-01", "cs.LG", 2, 1, 2)]
    newer = paper("1801.00001", "2018-01-05", "x", "An apple.", version=2, categories="cs.CL")
    store = fill(tmp_path / "store", [newer])
    assert read_aggregates(store, fruit_library, "apple") == [
        ("2018-01", "cs.CL", 1, 0, 0),
        ("2018-01", "cs.LG", 1, 1, 1),
    ]


def test_sums_by_month_of_a_scope(fruit_store: Store, fruit_library: Library) -> None:
    sums = compute_month_sums(fruit_store, fruit_library, ["apple"], LG_CL, False, ignore_progress)
    assert sums.months == ["2018-01", "2018-02", "2018-03", "2018-04", "2018-12", "2019-01"]
    n_any = AGGREGATE_COLUMNS.index("n_any")
    assert sums.sums[str(TOTAL_KEY)][n_any] == [2, 2, 2, 1, 1, 1]
    assert sums.sums[str(topic_key(fruit_library, "apple"))][n_any] == [2, 0, 1, 1, 1, 1]


def test_revisions_count_once_and_compaction_changes_nothing(tmp_path: Path, fruit_library: Library) -> None:
    store = fill(tmp_path / "store", FRUIT_WORLD)
    before = count_fruit(store, fruit_library, "2018", "2019")
    fill(
        tmp_path / "store",
        [
            paper("1801.00001", "2018-01-05", "No more fruit", version=2),  # an apple less
            paper("1802.00003", "2018-02-01", "A pear", categories="cs.LG", version=2),  # now the guard lets it in
            paper("1901.00010", "2019-01-01", "On apples, again", "Apples.", version=2),
            paper("1901.00012", "2019-01-02", "An apple and JAM"),
        ],
        [coverage_record(at="2020-07-01")],
    )
    store = Store.open(tmp_path / "store")
    assert any(file.replaces for file in store.manifest.files)
    after = count_fruit(store, fruit_library, "2018", "2019")
    assert fruit_row(after, "2018") == {"total": 8, "fruit": 6, "apple": 4, "pear": 4, "jam": 1}
    assert fruit_row(after, "2019") == {"total": 2, "fruit": 2, "apple": 2, "pear": 1, "jam": 1}
    assert before.hashes != after.hashes
    with store.write_lock():
        compact_store(store)
    assert count_fruit(store, fruit_library, "2018", "2019") == after
    fresh = fill(tmp_path / "fresh", read_live_submissions(store))
    assert count_fruit(fresh, fruit_library, "2018", "2019") == after


def read_live_submissions(store: Store) -> list[Submission]:
    """The live rows as submissions, to fill another store with."""
    columns = "id, v1_at::VARCHAR, title, abstract, categories, version"
    with store.connect() as db:
        rows = db.execute(f"SELECT {columns} FROM ({file_rows_sql(store, store.list_files(), '*')})").fetchall()
    return [
        paper(id, v1_at, title, abstract, categories=categories, version=version)
        for id, v1_at, title, abstract, categories, version in rows
    ]


def test_cached_sums_are_computed_anew_when_the_store_changes(fruit_store: Store, fruit_library: Library) -> None:
    year = parse_period("2018")
    first = count_fruit(fruit_store, fruit_library, "2018", topics=("apple",))
    assert count_fruit(fruit_store, fruit_library, "2018", topics=("apple",)) == first  # from the sums
    two = count_fruit(fruit_store, fruit_library, "2018", topics=("apple", "pear"))  # pear is not in them yet
    assert (two.counts["apple", year], two.counts["pear", year]) == (5, 3)
    store = fill(fruit_store.root, [paper("1801.00099", "2018-01-07", "One more apple")])
    after = count_fruit(store, fruit_library, "2018", topics=("apple",))
    assert after.totals[year] == first.totals[year] + 1
    assert after.counts["apple", year] == first.counts["apple", year] + 1
    for path in (store.root / "cache" / "answers").iterdir():
        path.write_text("{", encoding="utf-8")  # damaged
    assert count_fruit(store, fruit_library, "2018", topics=("apple",)) == after


def test_a_store_that_cannot_be_written_is_read_all_the_same(
    fruit_store: Store, fruit_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(30, "Read-only")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert fruit_row(count_fruit(fruit_store, fruit_library, "2018"), "2018")["apple"] == 5
    assert not (fruit_store.root / "cache").exists()


def test_a_damaged_cache_is_computed_again(fruit_store: Store, fruit_library: Library) -> None:
    expected = count_fruit(fruit_store, fruit_library, "2018")
    for path in (fruit_store.root / "cache").rglob("*.parquet"):
        path.unlink()
    assert count_fruit(fruit_store, fruit_library, "2018") == expected
    for path in (fruit_store.root / "cache").rglob("*.json"):
        path.write_text("{")
    assert count_fruit(fruit_store, fruit_library, "2018") == expected
