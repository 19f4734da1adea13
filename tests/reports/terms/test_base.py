from __future__ import annotations

from math import log
from pathlib import Path

import pytest

from tests.worlds import ML
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import parse_period
from trendcli.reports.terms.base import (
    TermFilter,
    build_example_fields,
    check_periods_complete,
    narrow_base_to_topic,
    nearest_interval_end,
    topic_suffix,
)
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, bind, parse_query


@pytest.fixture
def bound(planted_store: Path, library: Library) -> BoundQuery:
    query, known = parse_query(library, topics=["gan"])
    return bind(Store.open(planted_store), known, query, ML)


def test_the_topic_of_a_query_becomes_the_base(bound: BoundQuery) -> None:
    narrow = narrow_base_to_topic(bound)
    assert (narrow.selection.topics, narrow.selection.within) == ((), "gan")
    assert topic_suffix(bound) == "" and topic_suffix(narrow).startswith(" on ")


def test_two_topics_are_an_error(planted_store: Path, library: Library) -> None:
    query, known = parse_query(library, topics=["gan", "rnn"])
    with pytest.raises(UsageError, match="at most one topic"):
        narrow_base_to_topic(bind(Store.open(planted_store), known, query, ML))


def test_an_incomplete_period_is_an_error_that_says_why(bound: BoundQuery) -> None:
    check_periods_complete(bound, [parse_period("2018"), parse_period("2019")])
    with pytest.raises(CoverageMissing, match=r"^2021 is incomplete: it is not covered for .* Reason\. Choose other"):
        check_periods_complete(bound, [parse_period("2021")], "Reason. ")


def test_the_nearer_end_of_an_interval_ranks_a_half_like_a_double() -> None:
    assert nearest_interval_end({"points": 1.0, "ci_low": 1.0, "ci_high": 9.0}) == pytest.approx(log(2))
    assert nearest_interval_end({"points": -1.0, "ci_low": -0.9, "ci_high": -0.5}) == pytest.approx(-log(2))
    assert nearest_interval_end({"points": 1.0, "ci_low": -0.1, "ci_high": 9.0}) == 0.0


def test_a_table_names_three_near_duplicates_and_json_all(bound: BoundQuery) -> None:
    variants = [{"term": term} for term in ("graph", "a", "b", "c", "d")]
    fields = build_example_fields(bound, "graph", variants, ["1901.00001", "1901.00002"])
    assert fields["also"] == "a, b, c, and 1 more" and fields["variants"] == variants
    assert fields["paper"] == "1901.00001"
    assert fields["examples"][1] == {"id": "1901.00002", "url": "https://arxiv.org/abs/1901.00002"}


def test_a_filter_is_saved_by_the_names_of_the_options() -> None:
    assert TermFilter(1, 3, 10, 0).query_fields == {"words": "1-3", "min_count": 10, "limit": 0}
