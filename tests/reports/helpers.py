"""What tests of several reports share: reports from a person's words, and worlds that can be computed by hand."""

from __future__ import annotations

from typing import Any

from tests.worlds import ML, paper
from trendcli.core.report import Report
from trendcli.core.settings import Settings
from trendcli.core.types import Submission
from trendcli.reports.trends.comparison import build_comparison, build_decomposition
from trendcli.reports.trends.series import build_series
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, bind, parse_query

BUILDERS = {"comparison": build_comparison, "decomposition": build_decomposition, "series": build_series}


def build_report(kind: str, store: Store, library: Library, *topics: str, **options: Any) -> Report:
    """Build a report of a kind from the words of the command line."""
    scope = Settings().resolve_scope(options.pop("categories", None))
    query, known = parse_query(library, topics=topics, scope=scope, **options)
    return BUILDERS[kind](store, known, query, ML)


def bind_words(store: Store, library: Library, *topics: str, **options: Any) -> BoundQuery:
    """Bind a query in the words of the command line to a store."""
    query, known = parse_query(library, topics=topics, **options)
    return bind(store, known, query, ML)


def two_category_world() -> list[Submission]:
    """Of cs.LG 10 of 40 are about GANs in 2018 and 20 of 40 in 2019, of cs.CL 5 of 20 and then 5 of 60."""
    return [
        paper(f"{y}01.{n + 500 * (name == 'cs.CL'):05d}", f"20{y}-03-05", "A GAN" if n < gans else "x", categories=name)
        for name, counts in (("cs.LG", ((18, 10, 40), (19, 20, 40))), ("cs.CL", ((18, 5, 20), (19, 5, 60))))
        for y, gans, total in counts
        for n in range(total)
    ]
