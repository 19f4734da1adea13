"""Commands that look for submissions: papers, authors, and the index that makes searching fast."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated

import typer

from trendcli.cli.base import Common
from trendcli.cli.options import Corpus, Format, Output, Select
from trendcli.core.errors import UsageError


class Order(StrEnum):
    """How what was found is sorted."""

    relevance = "relevance"
    newest = "newest"


Search = Annotated[
    str | None,
    typer.Option(help="Words that must occur: '\"graph neural\" kernel -molecule', title:word, word*, this OR that."),
]


def papers(
    common: Common,
    select: Select,
    search: Search = None,
    like: Annotated[str | None, typer.Option(help="The submissions nearest to this one, such as 1706.03762.")] = None,
    sort: Annotated[Order | None, typer.Option(help="With --search: the best first, or the newest.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 50,
    format: Annotated[str | None, typer.Option("--format", help="table, json, jsonl, csv, md, html or bibtex.")] = None,
    output: Output = None,
) -> None:
    """List the submissions behind a number, newest first, each with the phrase that matched; or search what is stored.

    --search finds words and phrases in title and abstract, --like the nearest neighbours of a submission, both within
    what the other options select. `trend index` makes them fast on large stores.
    """
    from trendcli.reports.papers.listing import submissions
    from trendcli.reports.papers.lookup import Wanted

    if like is not None and sort is not None:
        raise UsageError("--like has an order of its own, the nearest first: leave out --sort.")
    if search is None and sort == Order.relevance:
        raise UsageError("--sort relevance wants something to be relevant to: add --search. A list is newest first.")
    wanted = Wanted(search, like, (sort or Order.relevance).value) if search is not None or like is not None else None
    question, library = select.question(common, pack=False, limit=limit)
    with common.progress() as progress:
        found = submissions(select.open(common), library, question, select.default_scope(common), progress, wanted)
    common.show(found, format, output)


def authors(
    common: Common,
    select: Select,
    search: Search = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 20,
    format: Format = None,
    output: Output = None,
) -> None:
    """Who has the most submissions of a selection, by names as they are written, which are not always people."""
    from trendcli.reports.papers.authors import authors as count
    from trendcli.reports.papers.lookup import Wanted

    wanted = None if search is None else Wanted(search)
    question, library = select.question(common, pack=False, limit=limit)
    with common.progress() as progress:
        found = count(select.open(common), library, question, select.default_scope(common), progress, wanted)
    common.show(found, format, output)


def index(
    common: Common,
    corpus: Corpus = "arxiv",
) -> None:
    """Build the index that makes --search and --like fast, or add to it what came since.

    Nothing needs it: without it, and for what it lacks, the texts themselves are read, with the same answers.
    """
    from trendcli.reports.papers import fulltext_build as indexing
    from trendcli.reports.papers.fulltext import folder, opened, size

    store = common.open(corpus)
    before = sum(item.rows for item in store.manifest.files if item.key not in opened(store).files)
    if before:
        megabytes, minutes = before * indexing.BYTES / 1e6, before * indexing.SECONDS / 60
        took = f"about {minutes:.0f} minutes" if minutes >= 1.5 else "less than two minutes"
        common.say(f"Indexing {before:,} submissions: {took}, and {max(1, megabytes):,.0f} MB.")
    start = time.perf_counter()
    with common.progress() as progress:
        made, added = indexing.build(store, progress)
    done = f"Indexed {added:,} submissions in {time.perf_counter() - start:.1f} s. " if added else "Nothing was new. "
    common.say(f"{done}The index takes {size(made) / 1e6:,.0f} MB in {folder(store)}.")
