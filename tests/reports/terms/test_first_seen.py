from __future__ import annotations

from pathlib import Path

from tests.conftest import ML, fill, paper
from trendcli.core import periods
from trendcli.core.types import Scope
from trendcli.reports.terms import first_seen as terms


def test_terms_are_runs_of_words_within_a_clause() -> None:
    assert set(terms.iter_title_terms("neural tangent kernels: the deep case")) == {
        "neural tangent", "tangent kernels", "neural tangent kernels", "deep case",
    }  # fmt: skip
    # "of" may stand inside a term, numbers alone are none, and a hyphen holds a word together
    assert set(terms.iter_title_terms("2 3: the of and")) == set()
    assert set(terms.iter_title_terms("bag of words")) == {"bag of words"}
    assert set(terms.iter_title_terms("self-attention rises")) == {"self-attention rises"}


def test_first_seen_terms(tmp_path: Path) -> None:
    def papers(month: str, day: int, title: str, number: int, start: int) -> list:  # type: ignore[type-arg]
        return [paper(f"{month}.{start + n:05d}", f"20{month[:2]}-{month[2:]}-{day:02d}", title) for n in range(number)]

    store = fill(
        tmp_path,
        [
            *papers("1905", 14, "Neural tangent kernels at work", 4, 0),
            *papers("1905", 15, "Deep nets and graph kernels", 3, 10),
            *papers("1905", 16, "Seen by two alone", 2, 20),
            *papers("1804", 2, "Graph kernels of old", 1, 0),
            *papers("1905", 22, "Later words", 5, 30),
        ],
    )
    found = terms.find_first_seen_terms(store, ML, periods.parse_period("2019-W20"))
    named = {item.term: item.title_count for item in found}
    assert (
        named["neural tangent kernels"] == 4 and "neural tangent" not in named
    )  # within a longer one of the same titles
    assert named["deep nets"] == 3
    assert not {"graph kernels", "later words", "seen by two"} & set(named)
    assert terms.find_first_seen_terms(store, Scope("cs.CL", ("cs.CL",)), periods.parse_period("2019-W20")) == []
    assert terms.find_first_seen_terms(store, ML, periods.parse_period("2018-W14")) == []  # nothing was stored before
