"""A corpus of five submissions on graphs, and searches of it in a person's words."""

from __future__ import annotations

from typing import Any

from tests.worlds import ML, paper
from trendcli.core.report import Report
from trendcli.core.settings import Settings
from trendcli.reports.papers.listing import list_submissions
from trendcli.reports.papers.lookup import SearchRequest
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query

GRAPH_WORLD = [
    paper("1801.00001", "2018-01-05", "Graph neural networks", "We learn."),
    paper(
        "1802.00002", "2018-02-05", "On molecules", "A graph, and neural nets: graph neural nets.", categories="cs.CL"
    ),
    paper("1903.00003", "2019-03-05", "Neural kernels", "Nothing of a graph."),
    paper("1904.00004", "2019-04-05", "On nothing", "A graph is a molecule; neural."),
    paper("1905.00005", "2019-05-05", "A GAN for a graph", "Neural.", authors="Cy Crane"),
]


def list_by_words(
    store: Store, library: Library, *topics: str, search_request: SearchRequest | None = None, **options: Any
) -> Report:
    """List the submissions of a selection, given in a person's words."""
    scope = Settings().resolve_scope(options.pop("categories", None))
    query, library = parse_query(library, topics=topics, scope=scope, **options)
    return list_submissions(store, library, query, ML, search_request=search_request)


def search(store: Store, library: Library, text: str, *topics: str, sort: str = "relevance", **options: Any) -> Report:
    """List what a search finds."""
    request = SearchRequest(text, None, sort)
    return list_by_words(store, library, *topics, search_request=request, children=False, **options)


def find_similar(store: Store, library: Library, submission_id: str, **options: Any) -> Report:
    """List the neighbours of a submission."""
    return list_by_words(store, library, search_request=SearchRequest(like=submission_id), **options)


def listed_ids(report: Report) -> list[str]:
    """Return the identifiers of a listing, in its order."""
    return [row["id"] for row in report.rows]
