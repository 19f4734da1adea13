from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.reports.terms.worlds import fill_venue, run_terms
from tests.worlds import ML, coverage_record, days, fill, paper
from trendcli.core.periods import parse_period
from trendcli.reports.terms.texts import find_common_terms, is_evenly_spread, newest_ids, read_texts
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import bind, parse_query


def test_submissions_are_read_once_and_counted_in_each_of_overlapping_periods(tmp_path: Path) -> None:
    papers = [
        paper("1801.00001", "2018-01-05", "Deep nets"),
        paper("1802.00001", "2018-02-05", "Deep nets", "And graphs"),
        paper("1902.00001", "2019-02-05", "Old logic"),
    ]
    query, library = parse_query(Library({}, {}))
    bound = bind(fill(tmp_path, papers, [coverage_record()]), library, query, ML)
    tokenized = read_texts(bound, [parse_period("2018"), parse_period("2018-02"), parse_period("2017")])
    assert sorted(tokenized.ids.to_pylist()) == ["1801.00001", "1802.00001"]
    assert sorted(tokenized.days.tolist()) == [days("2018-01-05"), days("2018-02-05")]
    assert tokenized.tokens.document_count == 2
    assert tokenized.period_totals.tolist() == [2, 1, 0]
    assert tokenized.submission_mask([0]).tolist() == [True, True]
    assert sorted(tokenized.submission_mask([1]).tolist()) == [False, True]
    group_counts = np.bincount(tokenized.group_of, minlength=len(tokenized.group_periods))
    assert tokenized.sum_by_period(np.array([group_counts * 3])).tolist() == [[6, 3, 0]]
    assert newest_ids(tokenized, np.array([0, 1], np.int32), 1) == ["1802.00001"]


def test_titles_alone_are_read_where_they_are_to_match(tmp_path: Path) -> None:
    query, library = parse_query(Library({}, {}), match="title")
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", "Deep nets", "And graphs")], [coverage_record()])
    tokenized = read_texts(bind(store, library, query, ML), [parse_period("2018")])
    assert tokenized.tokens.vocabulary.to_pylist() == ["deep", "nets"]


def test_a_term_that_is_spread_evenly_over_categories_is_common_language() -> None:
    totals = np.array([1000, 1000, 1000, 1000, 1000, 1000, 50])
    counts = np.array(
        [
            [100, 110, 95, 104, 99, 102, 50],  # the smallest category has no say
            [300, 20, 40, 100, 48, 60, 0],
            [16, 17, 16, 17, 16, 16, 0],  # even, but too rare to tell
        ]
    )
    assert is_evenly_spread(counts, totals).tolist() == [True, False, False]
    assert not is_evenly_spread(counts[:, :5], totals[:5]).any()  # too few categories


def test_common_terms_are_spread_evenly_or_made_of_common_words(tmp_path: Path) -> None:
    categories = ("cs.LG", "cs.CL", "cs.CV", "cs.NE", "cs.AI", "cs.RO")
    papers = [paper(f"1801.{number:05d}", "2018-01-05", categories=categories[number % 6]) for number in range(1200)]
    query, library = parse_query(Library({}, {}))
    tokenized = read_texts(
        bind(fill(tmp_path, papers, [coverage_record(categories)]), library, query, ML), [parse_period("2018")]
    )
    primary = np.array(tokenized.categories.to_pylist())
    documents = {
        "graph": np.concatenate([np.flatnonzero(primary == category)[:30] for category in categories]),
        "translation": np.flatnonzero(primary == "cs.CL"),
        "large scale": np.array([1, 2, 3]),
    }
    common_terms = find_common_terms(
        tokenized,
        list(documents),
        [np.sort(numbers).astype(np.int32) for numbers in documents.values()],
        np.ones(1200, bool),
    )
    assert common_terms == {"graph", "large scale"}


def test_decisions_of_a_venue_are_no_categories_of_language(tmp_path: Path) -> None:
    """A term as common among the oral as among the rejected is not common language for that."""
    decisions = ("oral", "spotlight", "poster", "rejected", "withdrawn", "desk-rejected")
    store = Store.open_or_create(tmp_path / "venues" / "toy", corpus="toy")
    for year, interval in ((2020, 20), (2021, 4)):
        titles = ["Widget lattices" if number % interval == 0 else "On nothing" for number in range(250)]
        fill_venue(store, year, [(decision, title, "") for decision in decisions for title in titles])
    rows = run_terms(tmp_path, "--corpus", "toy", "--period", 2021)["rows"]
    rising = [row for row in rows if row["verdict"] == "rising"]
    assert [(row["term"], row["count_1"], row["count_2"]) for row in rising] == [("widget lattices", 78, 378)]
