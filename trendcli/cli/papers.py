"""Commands that look for submissions: papers, authors, and the index that makes searching fast."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.options import CorpusOption, FormatOption, OutputOption, SelectionOptions
from trendcli.core.errors import UsageError


class SortOrder(StrEnum):
    """How what was found is sorted."""

    relevance = "relevance"
    newest = "newest"


SearchOption = Annotated[
    str | None,
    typer.Option(help="Words that must occur: '\"graph neural\" kernel -molecule', title:word, word*, this OR that."),
]


def show_submissions(
    common: CommonOptions,
    selection: SelectionOptions,
    search: SearchOption = None,
    like: Annotated[str | None, typer.Option(help="The submissions nearest to this one, such as 1706.03762.")] = None,
    sort: Annotated[SortOrder | None, typer.Option(help="With --search: the best first, or the newest.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 50,
    format: Annotated[str | None, typer.Option("--format", help="table, json, jsonl, csv, md, html or bibtex.")] = None,
    output: OutputOption = None,
) -> None:
    """List the submissions behind a number, newest first, each with the phrase that matched; or search what is stored.

    --search finds words and phrases in title and abstract, --like the nearest neighbours of a submission, both within
    what the other options select. `trend index` makes them fast on large stores.
    """
    from trendcli.reports.papers.listing import list_submissions
    from trendcli.reports.papers.lookup import SearchRequest

    if like is not None and sort is not None:
        raise UsageError("--like has an order of its own, the nearest first: leave out --sort.")
    if search is None and sort == SortOrder.relevance:
        raise UsageError("--sort relevance wants something to be relevant to: add --search. A list is newest first.")
    wanted = (
        SearchRequest(search, like, (sort or SortOrder.relevance).value)
        if search is not None or like is not None
        else None
    )
    question, library = selection.build_query(common, use_default_pack=False, limit=limit)
    with common.progress_bar() as progress:
        found = list_submissions(
            selection.open_store(common), library, question, selection.default_scope(common), progress, wanted
        )
    common.write_report(found, format, output)


def show_authors(
    common: CommonOptions,
    selection: SelectionOptions,
    search: SearchOption = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 20,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Who has the most submissions of a selection, by names as they are written, which are not always people."""
    from trendcli.reports.papers.authors import list_authors as count
    from trendcli.reports.papers.lookup import SearchRequest

    wanted = None if search is None else SearchRequest(search)
    question, library = selection.build_query(common, use_default_pack=False, limit=limit)
    with common.progress_bar() as progress:
        found = count(
            selection.open_store(common), library, question, selection.default_scope(common), progress, wanted
        )
    common.write_report(found, format, output)


def update_index(
    common: CommonOptions,
    corpus: CorpusOption = "arxiv",
) -> None:
    """Build the index that makes --search and --like fast, or add to it what came since.

    Nothing needs it: without it, and for what it lacks, the texts themselves are read, with the same answers.
    """
    from trendcli.reports.papers import fulltext_build as indexing
    from trendcli.reports.papers.fulltext import index_folder, index_size, read_index

    store = common.open_store(corpus)
    before = sum(item.rows for item in store.manifest.files if item.file_id not in read_index(store).file_keys)
    if before:
        megabytes, minutes = before * indexing.BYTES_PER_SUBMISSION / 1e6, before * indexing.SECONDS_PER_SUBMISSION / 60
        took = f"about {minutes:.0f} minutes" if minutes >= 1.5 else "less than two minutes"
        common.print_note(f"Indexing {before:,} submissions: {took}, and {max(1, megabytes):,.0f} MB.")
    start = time.perf_counter()
    with common.progress_bar() as progress:
        made, added = indexing.build_index(store, progress)
    done = f"Indexed {added:,} submissions in {time.perf_counter() - start:.1f} s. " if added else "Nothing was new. "
    common.print_note(f"{done}The index takes {index_size(made) / 1e6:,.0f} MB in {index_folder(store)}.")
