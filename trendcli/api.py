"""The same as the command line, from Python: a store by path, reports as frames, charts as figures.

>>> import trendcli
>>> store = trendcli.open_store("trend-demo/store")
>>> trendcli.series(store, topics=["rnn"]).to_frame()
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trendcli.core.registry import CHARTS, load_entry
from trendcli.core.report import Report
from trendcli.core.settings import Settings, config_folder
from trendcli.core.types import Scope
from trendcli.reports.papers import listing
from trendcli.reports.papers.authors import list_authors as _authors
from trendcli.reports.papers.lookup import SearchRequest
from trendcli.reports.trends.acceptance import build_acceptance as _acceptance
from trendcli.reports.trends.comparison import build_comparison as _comparison
from trendcli.reports.trends.comparison import build_decomposition as _decomposition
from trendcli.reports.trends.series import build_series as _series
from trendcli.store.corpus import restrict_text_fields
from trendcli.store.manifest import ARXIV
from trendcli.store.store import VENUES_FOLDER, Store
from trendcli.topics.library import Library
from trendcli.topics.loader import load_library as _load_topics
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


def open_store(path: str | Path, corpus: str = ARXIV, fields: Sequence[str] | None = None) -> Store:
    """The store at a path, or the venue in it; StoreMissing where there is none.

    `fields` are those of a venue in which rules are matched: title, keywords, abstract.
    """
    root = Path(path).expanduser()
    return (
        Store.open(root) if corpus == ARXIV else restrict_text_fields(Store.open(root / VENUES_FOLDER / corpus), fields)
    )


def library(own: str | Path | None = None) -> Library:
    """The shipped topics and packs, and those of your own file or folder where one is given."""
    return _load_topics(config_folder() / "topics", Path(own) if own else None)


def comparison(store: Store, topics: Sequence[str] = (), *, pack: str | None = None, **words: Any) -> Report:
    """A row a topic: a period against an earlier one; without topics and pack, all of the pack `ml`.

    `words` are those of the command line: queries, period, since, until, last, vs, by, categories, scope, match,
    primary_only, author, id, as_of, both, within, across, sensitivity, sort, reverse, limit, min_count,
    include_partial, of a venue status and keywords, and own_topics (a path).
    """
    wanted = pack or (None if topics or words.get("queries") else "ml")
    return _comparison(store, *_build_query(store, topics, pack=wanted, **words))


def decomposition(store: Store, topics: Sequence[str] = (), *, pack: str | None = None, **words: Any) -> Report:
    """The change of a topic's share by primary category: within the categories, and by their mix; as `comparison`."""
    wanted = pack or (None if topics or words.get("queries") else "ml")
    return _decomposition(store, *_build_query(store, topics, pack=wanted, **words))


def series(store: Store, topics: Sequence[str] = (), **words: Any) -> Report:
    """A row a period for each topic, `by` year unless told otherwise; without topics the volume of the scope.

    `words` as for `comparison`, and rolling, index.
    """
    return _series(store, *_build_query(store, topics, **words))


def acceptance(store: Store, topics: Sequence[str] = (), *, pack: str | None = None, **words: Any) -> Report:
    """A row a topic: how many of its submissions a venue accepted, against all others of a year; as `comparison`."""
    wanted = pack or (None if topics or words.get("queries") or words.get("keywords") else "ml")
    return _acceptance(store, *_build_query(store, topics, pack=wanted, **words))


def submissions(
    store: Store,
    topics: Sequence[str] = (),
    *,
    limit: int = 0,
    search: str | None = None,
    like: str | None = None,
    sort: str = "relevance",
    **words: Any,
) -> Report:
    """The submissions behind a number, newest first: a row each, with what matched; `words` as for `comparison`.

    With `search` those that have its words, with `like` the nearest to a submission; `sort` is relevance or newest.
    """
    wanted = None if search is None and like is None else SearchRequest(search, like, sort)
    asked = _build_query(store, topics, limit=limit, children=False, **words)
    return listing.list_submissions(store, *asked, search_request=wanted)


def authors(
    store: Store, topics: Sequence[str] = (), *, limit: int = 0, search: str | None = None, **words: Any
) -> Report:
    """A row an author of a selection, by names as they are written; as `submissions`."""
    wanted = None if search is None else SearchRequest(search)
    return _authors(store, *_build_query(store, topics, limit=limit, children=False, **words), search_request=wanted)


def chart(report: Report, kind: str) -> Figure:
    """A report as a matplotlib Figure; `kind` is lines, change, volume or heatmap."""
    figure: Figure = load_entry(CHARTS[kind])(report)
    return figure


def _build_query(
    store: Store,
    topics: Sequence[str],
    *,
    status: str | None = None,
    categories: Sequence[str] | None = None,
    scope: str | None = None,
    own_topics: str | Path | None = None,
    **words: Any,
) -> tuple[Library, Query, Scope]:
    settings = Settings()
    named, default = settings.resolve_scope(categories, scope), settings.named_scope("ml")
    if store.corpus != ARXIV:
        named, default = Scope(status, (status,)) if status else None, Scope("submitted", ("submitted",))
    question, known = parse_query(library(own_topics), topics=topics, scope=named, corpus=store.corpus, **words)
    return known, question, default
