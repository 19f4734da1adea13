from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import answer, fill, paper
from trendcli.core import periods
from trendcli.core.types import Scope, Selection, Submission, ignore_progress
from trendcli.store import cache
from trendcli.store.compaction import compact_store
from trendcli.store.store import Store
from trendcli.topics import library as topics
from trendcli.topics import loader as topic_files
from trendcli.topics import matches as tags
from trendcli.topics.counting import PeriodCounts, count_breakdown, count_rule_contributions, count_submissions
from trendcli.topics.library import Library

TOPICS = """
topics:
  fruit: {name: Fruit}
  apple:
    parents: [fruit]
    phrases: [apple, apple pie]
    exclude: [apple computer]
  pear:
    parents: [fruit]
    phrases: [pear]
    categories: [cs.LG, stat.*]
  jam:
    parents: [apple, pear]
    acronyms: [JAM]
packs:
  all: [fruit, apple, pear, jam]
"""
ALL = ("fruit", "apple", "pear", "jam")
LG_CL = Scope("two", ("cs.LG", "cs.CL"))


@pytest.fixture
def own(topic_file: Any) -> Library:
    return topic_files.load_library(topic_file(TOPICS).parent)


def of(store: Store, own: Library, *labels: str, **changes: Any) -> PeriodCounts:
    selection = Selection(scope=changes.pop("scope", LG_CL), topics=changes.pop("topics", ALL), **changes)
    return count_submissions(store, own, selection, [periods.parse_period(label) for label in labels], ignore_progress)


def table(counted: PeriodCounts, label: str) -> dict[str, int]:
    item = periods.parse_period(label)
    return {"base": counted.totals[item], **{topic: counted.counts[topic, item] for topic in ALL}}


WORLD = [
    paper("1801.00001", "2018-01-05", "An apple"),
    paper(
        "1801.00002", "2018-01-31T23:59:59", "An apple and a pear", categories="cs.LG cs.CL"
    ),  # one submission in two
    paper("1802.00003", "2018-02-01", "A pear", categories="cs.CL"),  # its guard keeps pear out
    paper("1802.00004", "2018-02-02", "A pear", categories="cs.CL stat.AP"),  # any category of the guard will do
    paper("1803.00005", "2018-03-03", "An apple computer", "Not an apple pie."),
    paper("1803.00006", "2018-03-04", "An apple computer"),
    paper("1804.00007", "2018-04-04", "JAM", categories="cs.CL"),  # the guards of its parents are not its own
    paper("1805.00008", "2018-05-05", "An apple", categories="cs.CV"),  # out of scope
    paper("1812.00009", "2018-12-31", "A cross-listed apple", categories="cs.CV cs.LG"),
    paper("1901.00010", "2019-01-01", "On apples", "Apples, and apples again."),
]


def test_counts_that_a_reader_can_check(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path, WORLD)
    counted = of(store, own, "2018", "2019")
    assert table(counted, "2018") == {"base": 8, "fruit": 6, "apple": 5, "pear": 3, "jam": 1}
    assert table(counted, "2019") == {"base": 1, "fruit": 1, "apple": 1, "pear": 0, "jam": 0}


def test_primary_only_and_other_scopes(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path, WORLD)
    assert table(of(store, own, "2018", primary_only=True), "2018") == {
        "base": 7,
        "fruit": 5,
        "apple": 4,
        "pear": 3,
        "jam": 1,
    }
    only = Scope("cs.CV", ("cs.CV",))
    assert table(of(store, own, "2018", scope=only), "2018") == {"base": 2, "fruit": 2, "apple": 2, "pear": 0, "jam": 0}


def test_modes(tmp_path: Path, own: Library) -> None:
    store = fill(
        tmp_path,
        [
            paper("1801.00001", "2018-01-05", "An apple"),
            paper("1801.00002", "2018-01-05", "x", "One apple."),
            paper("1801.00003", "2018-01-05", "x", "An apple and another apple."),
            paper("1801.00004", "2018-01-05", "x", "An apple pie."),  # two rules, one mention of each
        ],
    )
    found = {mode: table(of(store, own, "2018", match=mode), "2018")["apple"] for mode in ("any", "title", "strict")}
    assert found == {"any": 4, "title": 1, "strict": 2}


def test_weeks_months_quarters_and_years_add_up(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path, WORLD)
    year = of(store, own, "2018")
    for unit in ("quarter", "month", "day"):
        labels = [item.label for item in periods.list_periods(date(2018, 1, 1), date(2019, 1, 1), unit)]
        parts = of(store, own, *labels)
        assert sum(parts.totals.values()) == year.totals[periods.parse_period("2018")]
        for topic in ALL:
            assert (
                sum(parts.counts[topic, periods.parse_period(label)] for label in labels)
                == year.counts[topic, periods.parse_period("2018")]
            )
        hashes = sum(int(value, 16) for value in parts.hashes.values()) % 2**64
        assert f"{hashes:016x}" == year.hashes[periods.parse_period("2018")]
    assert table(of(store, own, "2019-W01"), "2019-W01")["base"] == 2  # Monday 2018-12-31 and 2019-01-01


def test_author_id_and_as_of(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path, [*WORLD, paper("1806.00011", "2018-06-01", "An apple", authors="Cé Zé, Dee Dee")])
    assert table(of(store, own, "2018", author="ze"), "2018") == {
        "base": 1,
        "fruit": 1,
        "apple": 1,
        "pear": 0,
        "jam": 0,
    }
    assert table(of(store, own, "2018", id="1802.00004"), "2018")["base"] == 1
    assert table(of(store, own, "2018", as_of=date(2018, 2, 2)), "2018")["base"] == 3


def test_a_zero_is_a_zero(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path, WORLD)
    assert table(of(store, own, "2017"), "2017") == {"base": 0, "fruit": 0, "apple": 0, "pear": 0, "jam": 0}
    assert of(store, own).totals == {}


def test_an_empty_store(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path, [])
    assert table(of(store, own, "2018"), "2018") == {"base": 0, "fruit": 0, "apple": 0, "pear": 0, "jam": 0}


def test_updates_count_once_and_folding_changes_nothing(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path, WORLD)
    before = of(store, own, "2018", "2019")
    fill(
        tmp_path,
        [
            paper("1801.00001", "2018-01-05", "No more fruit", version=2),  # an apple less
            paper("1802.00003", "2018-02-01", "A pear", categories="cs.LG", version=2),  # now the guard lets it in
            paper("1901.00010", "2019-01-01", "On apples, again", "Apples.", version=2),
            paper("1901.00012", "2019-01-02", "An apple and JAM"),
        ],
        [answer(at="2020-07-01")],
    )
    store = Store.open(tmp_path)
    assert any(item.replaces for item in store.manifest.files)
    after = of(store, own, "2018", "2019")
    assert table(after, "2018") == {"base": 8, "fruit": 6, "apple": 4, "pear": 4, "jam": 1}
    assert table(after, "2019") == {"base": 2, "fruit": 2, "apple": 2, "pear": 1, "jam": 1}
    assert before.hashes != after.hashes
    with store.write_lock():
        compact_store(store)
    assert of(store, own, "2018", "2019") == after
    fresh = fill(tmp_path / "fresh", current(store))
    assert of(fresh, own, "2018", "2019") == after


def current(store: Store) -> list[Submission]:
    """The live rows as submissions, to fill another store with."""
    from trendcli.store.sql import file_rows_sql

    with store.connect() as db:
        rows = db.execute(
            f"SELECT id, v1_at::VARCHAR, title, abstract, categories, version FROM ({file_rows_sql(store, store.list_files(), '*')})"
        ).fetchall()
    return [paper(r[0], r[1], r[2], r[3], categories=r[4], version=r[5]) for r in rows]


def test_no_text_is_read_for_what_was_matched_before(
    tmp_path: Path, own: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fill(tmp_path, WORLD)
    read: list[tuple[int, int]] = []
    match = tags.match_files

    def counting(store: Store, files: Any, rules: Any, progress: Any) -> Any:
        read.append((sum(item.rows for item in files), len(rules)))
        return match(store, files, rules, progress)

    monkeypatch.setattr(tags, "match_files", counting)
    of(store, own, "2018")
    assert read == [(10, 4)]
    of(store, own, "2018-W01", "2019")
    regrouped = {**own.topics, "both": replace(own.topics["apple"], id="both", parents=(), guard=("cs.LG",))}
    of(store, replace(own, topics=regrouped), "2018", topics=("both", *ALL))
    assert read == [(10, 4)]  # other periods and other groupings read nothing
    with_query = topics.extend_library(own, [topics.topic_from_phrase("pear tree")])
    of(store, with_query, "2018", topics=("query:pear tree",))
    assert read[1:] == [(10, 1)]  # one new phrase reads the text once, for itself
    fill(tmp_path, [paper("1901.00012", "2019-01-02", "An apple")])
    of(Store.open(tmp_path), own, "2018", "2019")
    assert read[2:] == [(1, 4)]  # and a new file for itself


def test_a_store_that_cannot_be_written_is_read_all_the_same(
    tmp_path: Path, own: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fill(tmp_path, WORLD)
    monkeypatch.setattr(Path, "mkdir", lambda *args, **kwargs: (_ for _ in ()).throw(PermissionError(30, "Read-only")))
    assert table(of(store, own, "2018"), "2018")["apple"] == 5
    assert not (tmp_path / "cache").exists()


def test_a_damaged_cache_is_made_again(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path, WORLD)
    expected = of(store, own, "2018")
    for path in (tmp_path / "cache").rglob("*.parquet"):
        path.unlink()
    assert of(store, own, "2018") == expected
    for path in (tmp_path / "cache").rglob("*.json"):
        path.write_text("{")
    assert of(store, own, "2018") == expected


def test_missing_rectangles() -> None:
    pieces = [
        cache.CacheBlock(frozenset({1, 2}), frozenset({10, 11}), Path()),
        cache.CacheBlock(frozenset({3}), frozenset({10}), Path()),
    ]
    missing = cache._find_missing(pieces, frozenset({1, 2, 3, 4}), frozenset({10, 11, 12}))
    assert sorted(missing) == [([1, 2], [12]), ([3], [11, 12]), ([4], [10, 11, 12])]
    assert cache._find_missing(pieces, frozenset({1}), frozenset({11})) == []


WORDS = st.lists(st.sampled_from(["apple", "apple computer", "pear", "JAM", "nothing", "apples"]), max_size=4).map(
    " and ".join
)
PAPERS = st.lists(
    st.tuples(WORDS, WORDS, st.sampled_from(["cs.LG", "cs.CL", "cs.CV cs.LG", "stat.AP cs.CL", "cs.CV"]), st.integers(0, 700)),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAPERS, st.booleans(), st.sampled_from(["any", "title", "strict"]))
def test_counts_equal_a_plain_account(
    tmp_path_factory: pytest.TempPathFactory,
    own: Library,
    drawn: list[tuple[str, str, str, int]],
    primary: bool,
    mode: str,
) -> None:
    papers = [
        paper(f"18{n + 1:02d}.00001", str(date(2018, 1, 1).fromordinal(date(2018, 1, 1).toordinal() + day)), title or "x", text, categories=listed)
        for n, (title, text, listed, day) in enumerate(drawn)
    ]  # fmt: skip
    store = fill(tmp_path_factory.mktemp("world"), papers)
    months = [item.label for item in periods.list_periods(date(2018, 1, 1), date(2020, 1, 1), "quarter")]
    counted = of(store, own, *months, primary_only=primary, match=mode)
    for label in months:
        item = periods.parse_period(label)
        inside = [
            p for p in papers
            if item.start <= date.fromordinal(p.v1_at // 86400 + 719163) < item.end and in_scope(p.categories, primary)
        ]  # fmt: skip
        assert counted.totals[item] == len(inside)
        for topic in ALL:
            assert counted.counts[topic, item] == sum(plainly(topic, p, mode) for p in inside), (topic, label)


def in_scope(categories: str, primary: bool) -> bool:
    listed = categories.split()[:1] if primary else categories.split()
    return bool({"cs.LG", "cs.CL"} & set(listed))


def plainly(topic: str, found: Submission, mode: str) -> bool:
    """The topics of this file once more, by hand."""
    if topic == "fruit":
        return plainly("apple", found, mode) or plainly("pear", found, mode)
    jam = mentioned(r"\bJAMs?\b", found, mode)
    if topic == "jam":
        return jam
    if topic == "apple":
        own = mentioned(r"(?i)\bapples?\b(?! computers?\b)", found, mode) or mentioned(
            r"(?i)\bapple pies?\b", found, mode
        )
        return own or jam
    guard = "cs.LG" in found.categories.split() or "stat." in found.categories
    return jam or (guard and mentioned(r"(?i)\bpears?\b", found, mode))


def mentioned(regex: str, found: Submission, mode: str) -> bool:
    title, both = re.findall(regex, found.title), re.findall(regex, found.title) + re.findall(regex, found.abstract)
    return bool(title) if mode == "title" else bool(title) or len(both) > 1 if mode == "strict" else bool(both)


def parts_of(store: Store, own: Library, label: str, by: str, **changes: Any) -> dict[str, tuple[int, dict[str, int]]]:
    """{part: (base, {topic: count})} of one period."""
    selection = Selection(scope=changes.pop("scope", LG_CL), topics=changes.pop("topics", ALL), **changes)
    item = periods.parse_period(label)
    found = count_breakdown(store, own, selection, [item], ignore_progress, by)
    return {
        part: (counted.totals[item], {topic: number for (topic, _), number in counted.counts.items() if number})
        for part, counted in found.items()
    }


@pytest.mark.parametrize("label", ["2018", "2018-W01"])  # from cells, and from tags
def test_parts_of_a_scope(tmp_path: Path, own: Library, label: str) -> None:
    store = fill(tmp_path, WORLD)
    by_category = parts_of(store, own, label, "category")
    by_primary = parts_of(store, own, label, "primary")
    whole = parts_of(store, own, label, "whole")[""]
    assert set(by_category) == {"cs.LG", "cs.CL"}  # there also where nothing was counted
    assert sum(base for base, _ in by_primary.values()) == whole[0]
    for topic in ALL:
        assert sum(counts.get(topic, 0) for _, counts in by_primary.values()) == whole[1].get(topic, 0)
    if label == "2018":
        assert by_category == {
            "cs.LG": (5, {"fruit": 4, "apple": 4, "pear": 1}),
            "cs.CL": (4, {"fruit": 3, "apple": 2, "pear": 3, "jam": 1}),
        }
        assert by_primary["cs.CV"] == (1, {"fruit": 1, "apple": 1})  # listed in the scope, of another primary category
        assert parts_of(store, own, label, "category", primary_only=True)["cs.LG"][0] == 4


@pytest.mark.parametrize("label", ["2018", "2018-W01"])
def test_both_of_two_topics(tmp_path: Path, own: Library, label: str) -> None:
    store = fill(tmp_path, WORLD)
    both = of(store, own, label, topics=("apple",), both=("pear",))
    alone = of(store, own, label, topics=("apple",))
    item = periods.parse_period(label)
    assert both.totals == alone.totals and both.hashes == alone.hashes
    assert both.counts["apple", item] == of(store, own, label, topics=("pear",), both=("apple",)).counts["pear", item]
    assert both.counts["apple", item] == (2 if label == "2018" else 0)


def test_shares_of_a_topic(tmp_path: Path, own: Library) -> None:
    """Within a topic the base is what matches it; of its children by cells, of other topics by tags, and alike."""
    store = fill(tmp_path, WORLD)
    item = periods.parse_period("2018")
    fruit = of(store, own, "2018", topics=("fruit",)).counts["fruit", item]
    children = of(store, own, "2018", topics=("apple", "pear"), within="fruit")
    assert children.totals[item] == fruit == 6
    assert children.counts == of(store, own, "2018", topics=("apple", "pear")).counts
    assert all(number <= fruit for number in children.counts.values())
    other = of(store, own, "2018", topics=("pear",), within="apple")
    assert (other.totals[item], other.counts["pear", item]) == (5, 2)
    assert other.hashes == children.hashes == of(store, own, "2018").hashes  # of the scope, whatever the base is
    day = [periods.parse_period(f"2018-01-{d:02d}") for d in (5, 31)]
    selection = Selection(scope=LG_CL, topics=("apple", "pear"), within="fruit")
    by_day = count_submissions(store, own, selection, day, ignore_progress)
    assert [by_day.totals[d] for d in day] == [1, 1] and [by_day.counts["pear", d] for d in day] == [0, 1]


def test_which_rule_found_what(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path, WORLD)
    selection = Selection(scope=LG_CL, topics=("fruit",))
    found = count_rule_contributions(
        store, own, selection, [periods.parse_period("2018"), periods.parse_period("2019")], ignore_progress
    )
    assert [(driver.topic, driver.rule.text, driver.counts, driver.exclusive_counts) for driver in found] == [
        ("apple", "apple", (4, 1), (2, 1)),
        ("pear", "pear", (2, 0), (1, 0)),
        ("apple", "apple pie", (1, 0), (0, 0)),
        ("jam", "JAM", (1, 0), (1, 0)),
    ]


def test_what_is_remembered_of_a_scope_is_added_up_anew_when_the_store_changes(own: Library, tmp_path: Path) -> None:
    store = fill(tmp_path / "store", WORLD)
    first = of(store, own, "2018", topics=("apple",))
    assert of(store, own, "2018", topics=("apple",)) == first  # from the sums
    both = of(store, own, "2018", topics=("apple", "pear"))  # pear is not in them yet
    assert both.counts["apple", periods.parse_period("2018")] == first.counts["apple", periods.parse_period("2018")]
    assert table(of(store, own, "2018"), "2018") == table(of(fill(tmp_path / "other", WORLD), own, "2018"), "2018")
    more = fill(store.root, [paper("1801.00099", "2018-01-07", "One more apple")])
    after = of(more, own, "2018", topics=("apple",))
    label = periods.parse_period("2018")
    assert after.totals[label] == first.totals[label] + 1
    assert after.counts["apple", label] == first.counts["apple", label] + 1
    for item in (store.root / "cache" / "answers").iterdir():
        item.write_text("{", encoding="utf-8")  # damaged
    assert of(more, own, "2018", topics=("apple",)) == after


def test_many_files_are_matched_by_several_processes_as_by_one(
    own: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = [
        paper(f"{18 + n % 2}{n % 12 + 1:02d}.{n:05d}", f"20{18 + n % 2}-{n % 12 + 1:02d}-05", f"An apple and pear {n}")
        for n in range(120)
    ]
    rules = [rule for topic in own.topics.values() for rule in topic.rules]
    store = fill(tmp_path / "store", papers)
    told: list[float] = []
    alone = tags.match_files(store, store.manifest.files, rules, lambda done, total, what: told.append(done))
    assert told == [120]
    monkeypatch.setattr(tags, "ROWS_PER_CHUNK", 30)
    together = tags.match_files(store, store.manifest.files, rules, lambda done, total, what: told.append(done))
    assert told[-1] == 120
    assert len(told) > 3
    assert together.equals(alone)
    assert alone["rule"].to_pylist() == sorted(alone["rule"].to_pylist())
