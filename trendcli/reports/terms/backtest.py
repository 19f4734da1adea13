"""Use-case backtest: how many of the terms that were flagged as rising in past years were still up a year later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trendcli.core.errors import UsageError
from trendcli.core.periods import Period, parse_period
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports import significance as evidence
from trendcli.reports.base import build_report, describe_period
from trendcli.reports.terms import ngrams, texts
from trendcli.reports.terms.terms import (
    TermFilter,
    TermTests,
    check_periods_complete,
    group_changed_terms,
    narrow_base_to_topic,
    run_term_tests,
    topic_suffix,
)
from trendcli.stats import proportions as change
from trendcli.stats.distributions import IntArray
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Query, bind

BACKTEST_COLUMNS = (
    Column("period", "Flagged in", "text", 0),
    Column("flagged", "Terms", "count", 0),
    Column("still_up", "Up a year later", "count", 0),
    Column("rate", "Rate", "share", 0),
    Column("rate_low,rate_high", "95 % interval", "share_interval", 1),
    Column("random", "Random terms", "count", 1),
    Column("random_up", "Random up", "count", 1),
    Column("random_rate", "Rate of random terms", "share", 0),
    Column("random_low,random_high", "95 % interval of random", "share_interval", 2),
)
# so many random terms are drawn for each, among so many that are nearest in count, always alike
_CONTROLS_PER_TERM, _CONTROL_POOL_SIZE, _RANDOM_SEED = 10, 50, 2018


def parse_backtest_years(text: str) -> tuple[int, int]:
    """The years of '2015:2018'; UsageError where it is none or too short."""
    first, _, last = text.partition(":")
    found = [parse_period(part) for part in (first, last) if part]
    if len(found) != 2 or any(item.unit != "year" for item in found) or found[0].start >= found[1].start:
        raise UsageError(f"A backtest takes two years, such as --backtest 2015:2018, not {text!r}.")
    return found[0].start.year, found[1].start.year


def build_backtest(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    year_span: tuple[int, int],
    term_filter: TermFilter | None = None,
    progress: Progress = ignore_progress,
) -> Report:
    """For each year but the last of a span the terms that rose against the year before, and what became of them.

    A term is still up where its share a year later is above that of the year before it was flagged. Beside each stand
    random terms that were tested as well, did not rise, and are alike in count.
    """
    term_filter = term_filter or TermFilter()
    context = narrow_base_to_topic(bind(store, library, query, default_scope, progress))
    years = [parse_period(str(year)) for year in range(year_span[0] - 1, year_span[1] + 1)]
    check_periods_complete(context, years[:1], f"A backtest compares {year_span[0]} with the year before it. ")
    check_periods_complete(context, years[1:])
    pasts = {
        later: evidence.find_history(context, (earlier, later))
        for earlier, later in zip(years, years[1:-1], strict=False)
    }
    chosen = list(dict.fromkeys([*years, *(item for past in pasts.values() for item in past.periods)]))
    counted = context.count_submissions(chosen)
    read = texts.read_texts(context, chosen)
    asked = read.group_mask(range(len(years) - 1))
    every = ngrams.count_ngrams(read.tokens, read.group_of, term_filter.min_count, asked, term_filter.max_words)
    counts, bases = read.sum_by_period(every.counts), read.period_totals
    rng, rows = np.random.default_rng(_RANDOM_SEED), []
    for number, (later, past) in enumerate(pasts.items()):
        columns = [number, number + 1, *(chosen.index(item) for item in past.periods), number + 2]
        # the year after is the last column, and no part of the test
        of = run_term_tests(every.terms, counts[:, columns], bases[columns], past, term_filter)
        groups, _ = group_changed_terms(read, of, [number, number + 1])
        flagged = np.array(sorted(group[0] for group in groups if of.result.direction[group[0]] == 1), np.int64)
        rows.append(_build_row(later, of, flagged, _draw_controls(of, flagged, rng)))
    rows.append(_build_total_row(rows))
    return build_report(
        context,
        "backtest",
        f"Rising terms{topic_suffix(context)} of {year_span[0]} to {year_span[1] - 1}, a year later",
        BACKTEST_COLUMNS,
        rows,
        [describe_period(item, counted, context.period_status(item)) for item in years],
        counted,
        [
            "Flagged: the terms that rise in a year against the year before, as `trend terms` has them, duplicates "
            "folded. Up a year later: their share is then above that of the year before they were flagged.",
            f"Random terms: for each {_CONTROLS_PER_TERM} that were tested in the same years, did not rise, and "
            f"are held by about as many submissions of the two years together (of the {_CONTROL_POOL_SIZE} nearest, "
            f"drawn with seed {_RANDOM_SEED}).",
        ],
        {"backtest": f"{year_span[0]}:{year_span[1]}", **term_filter.query_fields},
    )


def _draw_controls(term_tests: TermTests, flagged: IntArray, rng: np.random.Generator) -> IntArray:
    """For each flagged term some others that did not rise and are nearly as common; none twice."""
    both = term_tests.ngrams.counts[:, :2].sum(axis=1)
    others = (term_tests.result.direction != 1) & ~np.isnan(term_tests.result.p)
    found: list[int] = []
    for place in flagged.tolist():
        pool = np.flatnonzero(others)
        near = pool[np.argsort(np.abs(np.log(both[pool] / both[place])), kind="stable")[:_CONTROL_POOL_SIZE]]
        drawn = rng.choice(near, min(_CONTROLS_PER_TERM, len(near)), replace=False)
        found += drawn.tolist()
        others[drawn] = False
    return np.array(found, np.int64)


def _build_row(period: Period, term_tests: TermTests, flagged: IntArray, controls: IntArray) -> dict[str, Any]:
    if not term_tests.totals[[0, -1]].all():  # a share of nothing is not down
        names = [{"term": term_tests.ngrams.terms[place], "still_up": None} for place in flagged.tolist()]
        return _build_rate_row(period.label, len(flagged), None, len(controls), None, names)
    shares = term_tests.ngrams.counts[:, [0, -1]] / term_tests.totals[[0, -1]]
    up = shares[:, 1] > shares[:, 0]
    names = [{"term": term_tests.ngrams.terms[place], "still_up": bool(up[place])} for place in flagged.tolist()]
    return _build_rate_row(
        period.label, len(flagged), int(up[flagged].sum()), len(controls), int(up[controls].sum()), names
    )


def _build_total_row(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = [row for row in rows if row["still_up"] is not None]
    flagged, up, random, random_up = (
        sum(row[key] for row in known) for key in ("flagged", "still_up", "random", "random_up")
    )
    return _build_rate_row("all", flagged, up, random, random_up, [])


def _build_rate_row(
    label: str,
    flagged_count: int,
    flagged_up: int | None,
    random_count: int,
    random_up: int | None,
    flagged_terms: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    low, high = (None, None) if flagged_up is None else change.wilson_interval(flagged_up, flagged_count)
    random_low, random_high = (None, None) if random_up is None else change.wilson_interval(random_up, random_count)
    return {
        "period": label,
        "flagged": flagged_count,
        "still_up": flagged_up,
        "rate": None if flagged_up is None else change.compute_share(flagged_up, flagged_count),
        "rate_low": low,
        "rate_high": high,
        "random": random_count,
        "random_up": random_up,
        "random_rate": None if random_up is None else change.compute_share(random_up, random_count),
        "random_low": random_low,
        "random_high": random_high,
        "terms": list(flagged_terms),
    }
