"""Slices of arXiv's API: nodes of the calendar, estimates, and queries."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from trendcli.sources import arxiv_slices
from trendcli.sources.arxiv_slices import build_query, split_slice

DAY = st.dates(date(2012, 1, 1), date(2027, 1, 1))


@given(DAY, DAY, st.integers(0, 10**9))
def test_slices_cover_a_window_once_however_it_is_halved(one: date, other: date, seed: int) -> None:
    since, until = sorted((one, other))
    rng = random.Random(seed)
    queue, spans = arxiv_slices.split_into_nodes(since, until), []
    while queue:
        low, high = queue.pop(0)
        if (high - low).days > 1 and rng.random() < 0.6:
            queue[:0] = arxiv_slices.split_node(low, high)
        else:
            spans.append((low, high))
    assert [day for span in spans for day in span[:1]] == [since, *[high for _, high in spans[:-1]]][: len(spans)]
    assert (spans[-1][1] if spans else since) == until
    assert sum((high - low).days for low, high in spans) == (until - since).days


@given(DAY, DAY, st.integers(0, 10**6))
def test_an_interrupted_run_resumes_with_the_same_slices(one: date, other: date, total: int) -> None:
    since, until = sorted((one, other))

    def leaves(low: date, high: date) -> list[tuple[date, date]]:
        queue, found = arxiv_slices.split_into_nodes(low, high), []
        while queue:
            node = queue.pop(0)
            if total * (node[1] - node[0]).days > 9000 * 365 and (node[1] - node[0]).days > 1:
                queue[:0] = arxiv_slices.split_node(*node)
            else:
                found.append(node)
        return found

    whole = leaves(since, until)
    for number in (len(whole) // 3, len(whole) // 2):
        if number < len(whole):
            assert leaves(whole[number][0], until) == whole[number:]


def test_requests_are_estimated_by_slices_and_pages() -> None:
    year = date(2018, 1, 1), date(2019, 1, 1)
    assert arxiv_slices.estimate_requests(*year, 0) == (1, 2)  # a total of 0 is requested twice
    assert arxiv_slices.estimate_requests(*year, 2500) == (1, 1 + 3)
    # 18,000 exceed a slice; of its halves, 8,927 fit and 9,074 do not, which are split into quarters of 4,537
    assert arxiv_slices.estimate_requests(*year, 18_000) == (3, 1 + (1 + 9) + 1 + (1 + 5) + (1 + 5))


def test_a_query_names_categories_in_brackets_and_both_ends() -> None:
    low, high = datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 2, 1, tzinfo=UTC)
    dates = "submittedDate:[201801010000 TO 201802010000]"
    assert build_query(("math.NA", "cs.LG"), low, high) == f"(cat:cs.LG OR cat:math.NA OR cat:cs.NA) AND {dates}"
    assert build_query(("*",), low, high) == dates


def test_a_slice_is_halved_by_time_and_then_by_category() -> None:
    low = datetime(2018, 1, 1, tzinfo=UTC)
    noon, minute = low.replace(hour=12), low.replace(minute=1)
    assert split_slice(("a",), low, low.replace(day=2)) == [(("a",), low, noon), (("a",), noon, low.replace(day=2))]
    assert split_slice(("a", "b"), low, minute) == [(("a",), low, minute), (("b",), low, minute)]
    assert split_slice(("a",), low, minute) is None
