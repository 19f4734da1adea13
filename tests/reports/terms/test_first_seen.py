from __future__ import annotations

import pytest

from tests.worlds import ML, fill, paper
from trendcli.core.periods import parse_period
from trendcli.core.types import Scope, Submission
from trendcli.reports.terms.first_seen import find_first_seen_terms, iter_title_terms
from trendcli.store.store import Store


@pytest.mark.parametrize(
    ("title", "terms"),
    [
        (
            "neural tangent kernels: the deep case",
            {"neural tangent", "tangent kernels", "neural tangent kernels", "deep case"},
        ),
        ("2 3: the of and", set()),  # numbers alone are no term
        ("bag of words", {"bag of words"}),  # "of" may stand inside
        ("self-attention rises", {"self-attention rises"}),  # a hyphen holds a word together
        ("a survey of c++ parsers", {"survey of c++", "c++ parsers"}),
    ],
)
def test_terms_are_words_in_a_row_within_a_clause(title: str, terms: set[str]) -> None:
    assert set(iter_title_terms(title)) == terms


def papers(month: str, day: int, title: str, count: int, start: int) -> list[Submission]:
    date = f"20{month[:2]}-{month[2:]}-{day:02d}"
    return [paper(f"{month}.{start + number:05d}", date, title) for number in range(count)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return fill(
        tmp_path_factory.mktemp("first_seen") / "store",
        [
            *papers("1905", 14, "Neural tangent kernels at work", 4, 0),
            *papers("1905", 15, "Deep nets and graph kernels", 3, 10),
            *papers("1905", 16, "Seen by two alone", 2, 20),
            *papers("1804", 2, "Graph kernels of old", 1, 0),
            *papers("1905", 22, "Later words", 5, 30),
        ],
    )


def test_terms_of_three_titles_that_no_earlier_title_has_are_first_seen(store: Store) -> None:
    terms = find_first_seen_terms(store, ML, parse_period("2019-W20"))
    counts = {term.term: term.title_count for term in terms}
    assert counts["neural tangent kernels"] == 4 and counts["deep nets"] == 3
    assert "neural tangent" not in counts  # within a longer one of the same titles
    assert not {"graph kernels", "later words", "seen by two"} & set(counts)


def test_nothing_is_first_seen_outside_the_scope_or_without_earlier_titles(store: Store) -> None:
    assert find_first_seen_terms(store, Scope("cs.CL", ("cs.CL",)), parse_period("2019-W20")) == []
    assert find_first_seen_terms(store, ML, parse_period("2018-W14")) == []
