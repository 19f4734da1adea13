"""The command terms: terms and names that need no topic."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.conflicts import Conflict, changed_flags, check_conflicts, given_flags
from trendcli.cli.options import (
    FormatOption,
    OutputOption,
    SelectionOptions,
    VenueStatus,
    VersusOption,
    check_outcome,
)
from trendcli.core.errors import UsageError

if TYPE_CHECKING:
    from trendcli.core.report import Report

DEFAULT_WORDS = "1-4"
DEFAULT_MIN_COUNT = 20
DEFAULT_LIMIT = 20

_TERM_CONFLICTS = (
    Conflict(
        "--name-like",
        ("--outcome", "--backtest", "--vs", "--words", "--min-count", "--limit"),
        "It lists all new names in each year.",
    ),
    Conflict(
        "--backtest",
        ("--outcome", "--vs", "--limit", "--period", "--since", "--until", "--last"),
        "It tests all terms that rose in the years it names.",
    ),
    Conflict(
        "--outcome", ("--vs", "--include-partial"), "It compares the accepted submissions of a year with the others."
    ),
)


def show_terms(
    common: CommonOptions,
    selection: SelectionOptions,
    vs: VersusOption = None,
    words: Annotated[
        str, typer.Option(metavar="N|N-N", help="Number of words in a term, e.g. 2 or 1-4.")
    ] = DEFAULT_WORDS,
    min_count: Annotated[
        int, typer.Option(min=1, metavar="N", help="Only terms in at least N submissions across both periods.")
    ] = DEFAULT_MIN_COUNT,
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="Show at most N rising and N falling terms (0: all).")
    ] = DEFAULT_LIMIT,
    outcome: Annotated[
        str | None, typer.Option(metavar="accepted", help="Venues only: terms associated with acceptance.")
    ] = None,
    name_like: Annotated[
        str | None, typer.Option(metavar="GLOB", help="New names that match a pattern, by year, e.g. '*GAN'.")
    ] = None,
    backtest: Annotated[
        str | None,
        typer.Option(metavar="YEARS", help="Check whether the rising terms of these years lasted, e.g. 2015:2018."),
    ] = None,
    include_partial: Annotated[
        bool, typer.Option("--include-partial", help="Also compare incomplete periods.")
    ] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Find rising and falling terms of one to four words.

    No topic is needed. With --outcome accepted: terms associated with acceptance at a venue. With --name-like: new
    names that match a pattern, by year. With --backtest: how many of the terms that rose in past years were still up a
    year later.
    """
    shortest, longest = _parse_word_range(words)
    values = {
        "--outcome": outcome is not None,
        "--name-like": name_like is not None,
        "--backtest": backtest is not None,
        "--vs": vs is not None,
        "--words": words != DEFAULT_WORDS,
        "--min-count": min_count != DEFAULT_MIN_COUNT,
        "--limit": limit != DEFAULT_LIMIT,
        "--include-partial": include_partial,
    }
    check_conflicts(changed_flags(selection) | given_flags(values), _TERM_CONFLICTS)
    check_outcome(outcome)
    if outcome and (selection.fields == "keywords" or selection.keyword) and words != DEFAULT_WORDS:
        raise UsageError(
            "--words cannot be combined with keywords, which are whole terms: leave out --words or --fields."
        )
    if outcome and selection.corpus != "arxiv" and not selection.submission_status:
        selection = replace(selection, submission_status=VenueStatus.active)

    def compute_report() -> Report:
        from trendcli.reports.terms.base import TermFilter

        query, library = selection.build_query(common, use_default_pack=False, vs=vs, include_partial=include_partial)
        store, scope = selection.open_store(common), selection.default_scope(common)
        term_filter = TermFilter(shortest, longest, min_count, limit)
        with common.progress_bar() as progress:
            if outcome:
                from trendcli.reports.terms.acceptance_terms import build_acceptance_terms

                return build_acceptance_terms(store, library, query, scope, term_filter, progress)
            if name_like is not None:
                from trendcli.reports.terms.new_names import build_new_names

                return build_new_names(store, library, query, scope, name_like, progress)
            if backtest is not None:
                from trendcli.reports.terms.backtest import build_backtest, parse_backtest_years

                years = parse_backtest_years(backtest)
                return build_backtest(store, library, query, scope, years, term_filter, progress)
            from trendcli.reports.terms.terms import build_term_changes

            return build_term_changes(store, library, query, scope, term_filter, progress)

    options = f"{selection} {vs} {words} {min_count} {limit} {outcome} {name_like} {backtest} {include_partial}"
    common.write_report(common.cached_report(f"terms {options}", compute_report, selection.corpus), format, output)


def _parse_word_range(text: str) -> tuple[int, int]:
    """Return the least and the greatest number of words of '2' or '1-4'; raise UsageError for anything else."""
    shortest, _, longest = text.partition("-")
    longest = longest or shortest
    if not (shortest.isdecimal() and longest.isdecimal() and 1 <= int(shortest) <= int(longest) <= 4):
        raise UsageError(f"Terms have one to four words: give --words 2 or --words 1-3, not {text!r}.")
    return int(shortest), int(longest)
