"""Commands that find what nobody named before: terms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.options import FormatOption, OutputOption, SelectionOptions, VenueStatus
from trendcli.core.errors import UsageError

if TYPE_CHECKING:
    from trendcli.core.report import Report


def show_terms(
    common: CommonOptions,
    selection: SelectionOptions,
    vs: Annotated[str | None, typer.Option(help="The earlier period: one by name, 'previous' or 'year-ago'.")] = None,
    words: Annotated[str, typer.Option(help="Of how many words: 2, or 1-4.")] = "1-4",
    min_count: Annotated[
        int, typer.Option(min=1, help="Only terms in so many submissions of the two periods together.")
    ] = 20,
    limit: Annotated[int, typer.Option(min=0, help="At most so many rising and so many falling ones; 0 for all.")] = 20,
    outcome: Annotated[str | None, typer.Option(help="'accepted': the terms that go with it, of a venue.")] = None,
    name_like: Annotated[str | None, typer.Option(help="New names of a kind a year, such as '*GAN'.")] = None,
    backtest: Annotated[str | None, typer.Option(help="Years, such as 2015:2018: were rising terms still up?")] = None,
    include_partial: Annotated[
        bool, typer.Option("--include-partial", help="Take periods that are not whole.")
    ] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Rising and falling terms of one to four words, that nobody had to name.

    With --outcome accepted: the terms that go with acceptance to a venue. With --name-like: new names of a kind, a row
    a year. With --backtest: how many of the terms that rose in past years were still up a year later.
    """
    shortest, longest = _parse_word_range(words)
    asked = {"--outcome": outcome, "--name-like": name_like, "--backtest": backtest}
    forms = [name for name, said in asked.items() if said is not None]
    if name_like is not None and (words, min_count, limit) != ("1-4", 20, 20):
        raise UsageError("--name-like lists every year: it goes without --words, --min-count and --limit.")
    if outcome and (selection.fields == "keywords" or selection.keyword) and words != "1-4":
        raise UsageError("Among keywords alone a term is a whole keyword, however long: leave out --words or --fields.")
    if backtest is not None and limit != 20:
        raise UsageError("--backtest looks at all terms that rose: it goes without --limit.")
    if outcome and include_partial:
        raise UsageError("Who was accepted is known of a whole year or not: --outcome goes without --include-partial.")
    if len(forms) > 1:
        raise UsageError(f"{' and '.join(forms)} are reports of their own: take one at a time.")
    if forms and vs:
        raise UsageError(f"--vs belongs to rising and falling terms, not to {forms[0]}.")
    if outcome not in (None, "accepted"):
        raise UsageError(f"The outcome that is known is 'accepted', not {outcome!r}.")
    if backtest is not None and (selection.period or selection.since or selection.until or selection.last):
        raise UsageError("--backtest names its years itself: leave out --period, --since, --until and --last.")
    chosen = (
        replace(selection, status=VenueStatus.active)
        if outcome and selection.corpus != "arxiv" and not selection.status
        else selection
    )

    def compute_report() -> Report:
        from trendcli.reports.terms.base import TermFilter

        question, library = chosen.build_query(common, use_default_pack=False, vs=vs, include_partial=include_partial)
        store, scope = chosen.open_store(common), chosen.default_scope(common)
        wanted = TermFilter(shortest, longest, min_count, limit)
        with common.progress_bar() as progress:
            if outcome:
                from trendcli.reports.terms.acceptance_terms import build_acceptance_terms as make

                return make(store, library, question, scope, wanted, progress)
            if name_like is not None:
                from trendcli.reports.terms.new_names import build_new_names

                return build_new_names(store, library, question, scope, name_like, progress)
            if backtest is not None:
                from trendcli.reports.terms.backtest import build_backtest as test
                from trendcli.reports.terms.backtest import parse_backtest_years

                return test(store, library, question, scope, parse_backtest_years(backtest), wanted, progress)
            from trendcli.reports.terms.terms import build_term_changes as compare

            return compare(store, library, question, scope, wanted, progress)

    said = f"terms {chosen} {vs} {words} {min_count} {limit} {outcome} {name_like} {backtest} {include_partial}"
    common.write_report(common.cached_report(said, compute_report, selection.corpus), format, output)


def _parse_word_range(text: str) -> tuple[int, int]:
    """The least and most words of '2' or '1-4'; UsageError for anything else."""
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal() and 1 <= int(first) <= int(last or first) <= 4):
        raise UsageError(f"Terms have one to four words, such as --words 2 or --words 1-3, not {text!r}.")
    return int(first), int(last or first)
