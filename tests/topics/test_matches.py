from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.topics.worlds import FRUIT_NAMES, FRUIT_WORLD, count_fruit
from tests.worlds import fill, paper
from trendcli.core.periods import parse_period
from trendcli.core.types import Rule, ignore_progress
from trendcli.store.compaction import compact_store
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store
from trendcli.topics import matches
from trendcli.topics.library import Library, extend_library, topic_from_phrase
from trendcli.topics.matches import (
    build_match_texts,
    create_topic_match_table,
    ensure_rule_matches,
    ensure_topic_rule_matches,
    is_match_cache_current,
    match_files,
)


def list_rules(library: Library) -> list[Rule]:
    return [rule for topic in library.topics.values() for rule in topic.rules]


@pytest.fixture
def match_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many rows were matched with how many rules, at each call of `match_files`."""
    calls: list[tuple[int, int]] = []

    def record_call(store: Store, files: Sequence[DataFile], rules: Sequence[Rule], progress: Any) -> pa.Table:
        calls.append((sum(file.rows for file in files), len(rules)))
        return match_files(store, files, rules, progress)

    monkeypatch.setattr(matches, "match_files", record_call)
    return calls


def test_a_rule_match_says_where_a_rule_matches(tmp_path: Path, fruit_library: Library) -> None:
    store = fill(
        tmp_path / "store",
        [
            paper("1801.00001", "2018-01-05", "An apple"),
            paper("1801.00002", "2018-01-06", "A pear", "A pear beside an apple pie."),
        ],
    )
    (file,) = store.manifest.files
    rows = match_files(store, [file], list_rules(fruit_library), ignore_progress).to_pylist()
    texts = {rule.key: rule.text for rule in list_rules(fruit_library)}
    assert {row["file"] for row in rows} == {file.file_id}
    assert {(row["row"], texts[row["rule"]], row["title"], row["strict"]) for row in rows} == {
        (0, "apple", True, True),
        (1, "apple", False, False),
        (1, "apple pie", False, False),
        (1, "pear", True, True),
    }


def test_many_files_are_matched_by_several_processes_as_by_one(
    fruit_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = [
        paper(f"{18 + n % 2}{n % 12 + 1:02d}.{n:05d}", f"20{18 + n % 2}-{n % 12 + 1:02d}-05", f"An apple and pear {n}")
        for n in range(120)
    ]
    store = fill(tmp_path / "store", papers)
    done_counts: list[float] = []

    def match_all() -> pa.Table:
        done_counts.clear()
        return match_files(
            store, store.manifest.files, list_rules(fruit_library), lambda done, total, what: done_counts.append(done)
        )

    by_one = match_all()
    assert done_counts == [120]
    monkeypatch.setattr(matches, "ROWS_PER_CHUNK", 30)
    by_several = match_all()
    assert done_counts[-1] == 120 and len(done_counts) > 2
    assert by_several.equals(by_one)
    assert by_one["rule"].to_pylist() == sorted(by_one["rule"].to_pylist())


def test_no_text_is_read_for_what_was_matched_before(
    fruit_store: Store, fruit_library: Library, match_calls: list[tuple[int, int]]
) -> None:
    count_fruit(fruit_store, fruit_library, "2018")
    assert match_calls == [(10, 4)]
    count_fruit(fruit_store, fruit_library, "2018-W01", "2019")
    apple = fruit_library.topics["apple"]
    regrouped = {**fruit_library.topics, "both": replace(apple, id="both", parents=(), guard=("cs.LG",))}
    count_fruit(fruit_store, replace(fruit_library, topics=regrouped), "2018", topics=("both", *FRUIT_NAMES))
    assert match_calls == [(10, 4)]  # other periods and other groupings read nothing
    extended = extend_library(fruit_library, [topic_from_phrase("pear tree")])
    count_fruit(fruit_store, extended, "2018", topics=("query:pear tree",))
    assert match_calls[1:] == [(10, 1)]  # one new phrase reads the text once, for itself
    fill(fruit_store.root, [paper("1901.00012", "2019-01-02", "An apple")])
    count_fruit(Store.open(fruit_store.root), fruit_library, "2018", "2019")
    assert match_calls[2:] == [(1, 4)]  # and a new file for itself


def test_rule_matches_follow_their_rows_through_a_compaction(
    tmp_path: Path, fruit_library: Library, match_calls: list[tuple[int, int]]
) -> None:
    rules = list_rules(fruit_library)
    fill(tmp_path / "store", FRUIT_WORLD)
    store = fill(tmp_path / "store", [paper("1801.00001", "2018-01-05", "A pear", version=2)])
    ensure_rule_matches(store, store.manifest.files, rules, ignore_progress)
    assert match_calls == [(11, 4)]
    with store.write_lock():
        compact_store(store)
    assert [file.kind for file in store.manifest.files] == ["month"] * len(store.manifest.files)
    ensure_rule_matches(store, store.manifest.files, rules, ignore_progress)
    assert match_calls == [(11, 4)]
    day = parse_period("2018-01-05")
    assert count_fruit(store, fruit_library, "2018-01-05").counts["pear", day] == 1


def test_the_cache_is_current_once_delta_files_were_matched_as_the_months_were(
    fruit_store: Store, fruit_library: Library
) -> None:
    rules = list_rules(fruit_library)
    assert is_match_cache_current(fruit_store)  # nothing was matched
    ensure_rule_matches(fruit_store, fruit_store.manifest.files, rules, ignore_progress)
    store = fill(fruit_store.root, [paper("1901.00012", "2019-01-02", "An apple")])
    assert not is_match_cache_current(store)
    ensure_rule_matches(store, store.manifest.files, rules[:-1], ignore_progress)
    assert not is_match_cache_current(store)
    ensure_rule_matches(store, store.manifest.files, rules, ignore_progress)
    assert is_match_cache_current(store)


def test_a_topic_match_passes_the_guard_of_the_topic_that_holds_the_rule(
    fruit_store: Store, fruit_library: Library
) -> None:
    files = fruit_store.manifest.files
    blocks, assignments = ensure_topic_rule_matches(fruit_store, fruit_library, ["pear"], files, ignore_progress)
    with fruit_store.connect() as db:
        rows_sql = file_rows_sql(fruit_store, files, "id, categories")
        db.execute(f"CREATE TEMP TABLE paper AS SELECT file, row, id, categories FROM ({rows_sql})")
        create_topic_match_table(db, blocks, assignments)
        rows = db.execute("SELECT id, topic FROM topic_match JOIN paper USING (file, row) ORDER BY id").fetchall()
    # 1802.00003 is on pears too, and in no category of the guard; JAM has no guard
    assert rows == [("1801.00002", "pear"), ("1802.00004", "pear"), ("1804.00007", "pear")]


def test_all_fields_but_the_title_are_matched_as_lines_of_one_text() -> None:
    batch = pa.record_batch({"title": ["A", "B"], "keywords": ["pear; jam", None], "abstract": ["An apple.", "None."]})
    assert build_match_texts(batch).to_pylist() == [
        {"title": "A", "abstract": "pear; jam\nAn apple."},
        {"title": "B", "abstract": "\nNone."},
    ]
    keywords = pa.record_batch({"keywords": ["pear; jam"]})
    assert build_match_texts(keywords).to_pylist() == [{"title": "", "abstract": "pear; jam"}]
