"""Commands that find submissions: papers and authors, and index, which makes searching fast."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.options import CorpusOption, FormatOption, LimitOption, OutputOption, SelectionOptions
from trendcli.core.errors import UsageError


class SortOrder(StrEnum):
    """The order of search results."""

    relevance = "relevance"
    newest = "newest"


SearchOption = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help="Words that must occur: '\"graph neural\" kernel -molecule', title:word, word*, this OR that.",
    ),
]


def show_submissions(
    common: CommonOptions,
    selection: SelectionOptions,
    search: SearchOption = None,
    like: Annotated[
        str | None, typer.Option(metavar="ID", help="The submissions most similar to this one, e.g. 1706.03762.")
    ] = None,
    sort: Annotated[SortOrder | None, typer.Option(help="With --search: most relevant first, or newest first.")] = None,
    limit: LimitOption = 50,
    format: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="table, json, jsonl, csv, md, html or bibtex."),
    ] = None,
    output: OutputOption = None,
) -> None:
    """List the submissions behind a number, or search them.

    Results are listed newest first, each with the phrase that matched. --search finds words and phrases in titles and
    abstracts; --like finds the submissions most similar to one. Both search only what the other options select; `trend
    index` makes them fast on large stores.
    """
    from trendcli.reports.papers.listing import list_submissions
    from trendcli.reports.papers.lookup import SearchRequest

    if like is not None and sort is not None:
        raise UsageError("--like cannot be combined with --sort: it lists the most similar first.")
    if search is None and sort == SortOrder.relevance:
        raise UsageError("--sort relevance needs --search; a list is sorted newest first.")
    request = None
    if search is not None or like is not None:
        request = SearchRequest(search, like, (sort or SortOrder.relevance).value)
    query, library = selection.build_query(common, use_default_pack=False, limit=limit)
    with common.progress_bar() as progress:
        report = list_submissions(
            selection.open_store(common), library, query, selection.default_scope(common), progress, request
        )
    common.write_report(report, format, output)


def show_authors(
    common: CommonOptions,
    selection: SelectionOptions,
    search: SearchOption = None,
    limit: LimitOption = 20,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the authors with the most submissions in a selection.

    Names are counted as written: several people may share one, and one person may use several.
    """
    from trendcli.reports.papers.authors import list_authors
    from trendcli.reports.papers.lookup import SearchRequest

    request = None if search is None else SearchRequest(search)
    query, library = selection.build_query(common, use_default_pack=False, limit=limit)
    with common.progress_bar() as progress:
        report = list_authors(
            selection.open_store(common), library, query, selection.default_scope(common), progress, request
        )
    common.write_report(report, format, output)


def update_index(
    common: CommonOptions,
    corpus: CorpusOption = "arxiv",
) -> None:
    """Build or update the index that makes --search and --like fast.

    The index is optional: submissions that it lacks are searched directly, with the same results.
    """
    from trendcli.reports.papers.fulltext import index_folder, index_size, read_index
    from trendcli.reports.papers.fulltext_build import BYTES_PER_SUBMISSION, SECONDS_PER_SUBMISSION, build_index

    store = common.open_store(corpus)
    indexed_files = read_index(store).file_keys
    new_count = sum(file.rows for file in store.manifest.files if file.file_id not in indexed_files)
    if new_count:
        megabytes = max(1, new_count * BYTES_PER_SUBMISSION / 1e6)
        minutes = new_count * SECONDS_PER_SUBMISSION / 60
        duration = f"about {minutes:.0f} minutes" if minutes >= 1.5 else "less than two minutes"
        common.print_note(f"Indexing {new_count:,} submissions: this takes {duration} and needs {megabytes:,.0f} MB.")
    start = time.perf_counter()
    with common.progress_bar() as progress:
        index, added_count = build_index(store, progress)
    outcome = (
        f"Indexed {added_count:,} submissions in {time.perf_counter() - start:.1f} s."
        if added_count
        else "Nothing is new."
    )
    common.print_note(f"{outcome} The index is {index_size(index) / 1e6:,.0f} MB, in {index_folder(store)}.")
