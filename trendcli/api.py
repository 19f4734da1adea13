"""The Python interface: a store opened by path, reports as data frames, charts as figures.

Expected failures are TrendErrors, as on the command line, also where a file is damaged or the memory is full.

>>> import trendcli
>>> store = trendcli.open_store("trend-demo/store")
>>> trendcli.series(store, topics=["rnn"]).to_frame()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trendcli.core.foreign_errors import translated_errors
from trendcli.core.registry import CHARTS, load_entry
from trendcli.core.report import Report
from trendcli.core.settings import Settings, config_folder
from trendcli.core.types import Scope
from trendcli.reports.papers.authors import list_authors
from trendcli.reports.papers.listing import list_submissions
from trendcli.reports.papers.lookup import SearchRequest
from trendcli.reports.trends.acceptance import build_acceptance
from trendcli.reports.trends.comparison import build_comparison, build_decomposition
from trendcli.reports.trends.series import build_series
from trendcli.store.corpus import restrict_text_fields
from trendcli.store.identity import VENUES_FOLDER
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.loader import load_library
from trendcli.topics.query import Query, parse_query

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "Report",
    "Store",
    "acceptance",
    "authors",
    "chart",
    "comparison",
    "decomposition",
    "library",
    "open_store",
    "series",
    "submissions",
]


@translated_errors()
def open_store(path: str | Path, corpus: str = ARXIV, fields: Sequence[str] | None = None) -> Store:
    """Open the store at a path, or a venue in it; StoreMissing if there is none.

    `fields` are the fields of a venue's submissions in which rules match: title, keywords, abstract.
    """
    root = Path(path).expanduser()
    return (
        Store.open(root) if corpus == ARXIV else restrict_text_fields(Store.open(root / VENUES_FOLDER / corpus), fields)
    )


@translated_errors()
def library(own: str | Path | None = None) -> Library:
    """Return the shipped topics and packs, with those of your own topic file or folder if one is given."""
    return load_library(config_folder() / "topics", Path(own) if own else None)


@translated_errors()
def comparison(store: Store, topics: Sequence[str] = (), *, pack: str | None = None, **options: Any) -> Report:
    """Compare a period with an earlier one, one row per topic; without topics and pack, those of the pack `ml`.

    `options` are those of the command line: queries, period, since, until, last, vs, by, categories, scope, match,
    primary_only, author, id, as_of, both, within, across, sensitivity, sort, reverse, limit, min_count,
    include_partial, for a venue status and keywords, and own_topics (a path).
    """
    return build_comparison(
        store, *_query_arguments(store, topics, pack=_default_pack(topics, pack, options), **options)
    )


@translated_errors()
def decomposition(store: Store, topics: Sequence[str] = (), *, pack: str | None = None, **options: Any) -> Report:
    """Decompose the change of a topic's share: within the primary categories, and by their mix; as `comparison`."""
    return build_decomposition(
        store, *_query_arguments(store, topics, pack=_default_pack(topics, pack, options), **options)
    )


@translated_errors()
def series(store: Store, topics: Sequence[str] = (), **options: Any) -> Report:
    """Count by period, `by` year unless given, one row per topic and period; without topics the volume of the scope.

    `options` are those of `comparison`, and rolling and index.
    """
    return build_series(store, *_query_arguments(store, topics, **options))


@translated_errors()
def acceptance(store: Store, topics: Sequence[str] = (), *, pack: str | None = None, **options: Any) -> Report:
    """Compare a venue's acceptance rate of each topic with that of all others of a year; as `comparison`."""
    pack = None if options.get("keywords") and not pack else _default_pack(topics, pack, options)
    return build_acceptance(store, *_query_arguments(store, topics, pack=pack, **options))


@translated_errors()
def submissions(
    store: Store,
    topics: Sequence[str] = (),
    *,
    limit: int = 0,
    search: str | None = None,
    like: str | None = None,
    sort: str = "relevance",
    **options: Any,
) -> Report:
    """List submissions, newest first, with what matched in each; `options` as for `comparison`.

    With `search` those that contain its words, with `like` those most similar to a submission, both sorted by relevance
    or, with `sort`, newest first.
    """
    search_request = None if search is None and like is None else SearchRequest(search, like, sort)
    arguments = _query_arguments(store, topics, limit=limit, children=False, **options)
    return list_submissions(store, *arguments, search_request=search_request)


@translated_errors()
def authors(
    store: Store, topics: Sequence[str] = (), *, limit: int = 0, search: str | None = None, **options: Any
) -> Report:
    """List the authors of submissions, by name as written, one row each; as `submissions`."""
    search_request = None if search is None else SearchRequest(search)
    arguments = _query_arguments(store, topics, limit=limit, children=False, **options)
    return list_authors(store, *arguments, search_request=search_request)


@translated_errors()
def chart(report: Report, kind: str) -> Figure:
    """Draw a report as a matplotlib Figure; `kind` is lines, change, volume or heatmap."""
    figure: Figure = load_entry(CHARTS[kind])(report)
    return figure


def _default_pack(topics: Sequence[str], pack: str | None, options: Mapping[str, Any]) -> str | None:
    """Return the given pack, or `ml` if neither topics nor queries are given."""
    return pack or (None if topics or options.get("queries") else "ml")


def _query_arguments(
    store: Store,
    topics: Sequence[str],
    *,
    status: str | None = None,
    categories: Sequence[str] | None = None,
    scope: str | None = None,
    own_topics: str | Path | None = None,
    **options: Any,
) -> tuple[Library, Query, Scope]:
    """Return the library, the query and the default scope that reports are built from."""
    settings = Settings()
    named_scope, default_scope = settings.resolve_scope(categories, scope), settings.named_scope("ml")
    if store.corpus != ARXIV:
        named_scope = Scope(status, (status,)) if status else None
        default_scope = Scope("submitted", ("submitted",))
    query, query_library = parse_query(
        library(own_topics), topics=topics, scope=named_scope, corpus=store.corpus, **options
    )
    return query_library, query, default_scope
