from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.commands import run
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import StoreDamaged
from trendcli.core.types import Scope, ignore_progress
from trendcli.reports.doctor.caches import check_caches
from trendcli.reports.papers.fulltext import index_folder
from trendcli.reports.papers.fulltext_build import build_index
from trendcli.store import cache
from trendcli.store.repair import set_aside_files
from trendcli.store.store import Store
from trendcli.topics import aggregates
from trendcli.topics.library import Library

PAPERS = [
    paper(f"1801.{n:05d}", "2018-01-05", "Generative adversarial networks" if n < 4 else "On nothing")
    for n in range(1, 11)
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return fill(tmp_path / "store", PAPERS, [coverage_record()])


def problems_of(store: Store, library: Library) -> list[str]:
    problems, _ = check_caches(store, library, store.manifest.files, ignore_progress)
    return [problem.what for problem in problems]


def test_a_sound_cache_is_counted_again_and_has_no_problems(store: Store, library: Library) -> None:
    assert check_caches(store, library, store.manifest.files, ignore_progress) == ([], [])
    aggregates.ensure_aggregates(store, library, ["gan", "rnn"], ignore_progress)
    problems, notes = check_caches(store, library, store.manifest.files, ignore_progress)
    assert problems == [] and notes == [
        "Counted 2 topics in 10 submissions again from their texts, and compared with the cache."
    ]


def test_damage_is_found_and_removed(store: Store, library: Library) -> None:
    aggregates.ensure_aggregates(store, library, ["gan"], ignore_progress)
    assert run("report", "-t", "gan", "--store", store.root).exit_code == 0
    build_index(store, ignore_progress)
    for path in (*store.root.glob("cache/cells/*.parquet"), *store.root.glob("cache/answers/*.json")):
        path.write_bytes(path.read_bytes()[:-1])
    (words_path,) = index_folder(store).glob("*.db")
    words_path.write_bytes(words_path.read_bytes()[:-1])
    found = problems_of(Store.open(store.root), library)
    assert found[0] == "damaged file in the cache" and found[-1] == "damaged search index, which is not used"
    assert "damaged result in the cache" in found
    fixed = run("doctor", "--fix", "--store", store.root)
    assert fixed.exit_code == 4 and "from the cache." in fixed.stderr  # the index is for `trend index`
    assert problems_of(Store.open(store.root), library) == ["damaged search index, which is not used"]
    assert run("index", "--store", store.root).exit_code == 0
    assert run("doctor", "--store", store.root).exit_code == 0


def rewrite_block(store: Store, column: str, value: int) -> None:
    """Let a block of aggregates, with a fitting name and hash, hold another number: as a fault of the program would."""
    (block,) = cache.list_blocks(store, aggregates.CACHE_KIND)
    assert isinstance(block.rows, Path)
    table = pq.read_table(block.rows)
    column_values = [
        value if topic else n for topic, n in zip(table["topic"].to_pylist(), table[column].to_pylist(), strict=True)
    ]
    wrong = table.set_column(table.schema.get_field_index(column), column, [column_values])
    for path in (block.rows, block.rows.with_suffix(".json")):
        path.unlink()
    cache.add_block(store, aggregates.CACHE_KIND, block.file_ids, block.keys, wrong)


def test_a_count_that_the_texts_do_not_give_is_found(store: Store, library: Library) -> None:
    aggregates.ensure_aggregates(store, library, ["gan"], ignore_progress)
    rewrite_block(store, "n_any", 7)
    assert problems_of(store, library) == ["cached counts differ from the texts: gan"]
    fixed = run("doctor", "--fix", "--store", store.root)
    assert fixed.exit_code == 0 and "a sample did not match the texts" in fixed.stderr


def test_counts_of_a_delta_file_are_computed_anew_once_what_it_replaced_is_gone(
    tmp_path: Path, library: Library
) -> None:
    """Blocks of other topics than those asked for are stale as well."""
    fill(tmp_path, PAPERS, [coverage_record()])
    newer = [paper(f"1801.{n:05d}", "2018-01-05", "Recurrent neural networks", version=2) for n in (1, 2, 3)]
    store = fill(tmp_path, newer, [coverage_record()])
    for topic in ("gan", "rnn"):
        aggregates.ensure_aggregates(store, library, [topic], ignore_progress)
    with store.write_lock():
        set_aside_files(store, [file for file in store.manifest.files if file.kind == "month"])
    again = fill(tmp_path, PAPERS, [coverage_record(at="2100-01-01")])

    def count(topic: str) -> list[int]:
        cs_lg = Scope("cs.LG", ("cs.LG",))
        sums = aggregates.compute_month_sums(again, library, [topic], cs_lg, False, ignore_progress).sums
        return [sum(sums[str(key)][0]) for key in (aggregates.topic_key(library, topic), aggregates.TOTAL_KEY)]

    assert (count("rnn"), count("gan")) == ([3, 10], [0, 10])


def test_a_total_that_the_manifest_does_not_state_is_computed_again(store: Store, library: Library) -> None:
    blocks = aggregates.ensure_aggregates(store, library, ["gan"], ignore_progress)
    (rows,) = (block.rows for block in blocks)
    assert isinstance(rows, Path)
    table, (block,) = pq.read_table(rows), blocks
    doubled = table.set_column(
        table.schema.get_field_index("n_any"), "n_any", [[2 * n for n in table["n_any"].to_pylist()]]
    )
    for path in (rows, rows.with_suffix(".json")):
        path.unlink()
    cache.add_block(store, aggregates.CACHE_KIND, block.file_ids, block.keys, doubled)
    assert aggregates.find_wrong_totals(store, cache.list_blocks(store, aggregates.CACHE_KIND))
    again = aggregates.ensure_aggregates(store, library, ["gan"], ignore_progress)
    assert aggregates.find_wrong_totals(store, again) == []
    # where the manifest itself does not add up, nothing is shown
    with store.write_lock():
        store.commit([replace(store.manifest.files[0], rows=11)])
    with pytest.raises(StoreDamaged, match="do not add up to the number in its manifest"):
        aggregates.ensure_aggregates(Store.open(store.root), library, ["gan"], ignore_progress)
