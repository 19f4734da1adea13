"""Backtest of rising terms: how many of those flagged in past years were still up a year later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trendcli.core.errors import UsageError
from trendcli.core.periods import Period, parse_period
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.base import build_report, describe_period
from trendcli.reports.significance import find_history
from trendcli.reports.terms.base import TermFilter, check_periods_complete, narrow_base_to_topic, topic_suffix
from trendcli.reports.terms.ngrams import count_ngrams
from trendcli.reports.terms.term_tests import TermTests, group_changed_terms, run_term_tests
from trendcli.reports.terms.texts import read_texts
from trendcli.stats.distributions import IntArray
from trendcli.stats.proportions import compute_share, wilson_interval
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Query, bind

BACKTEST_COLUMNS = (
    Column("period", "Flagged in", "text", 0),
    Column("flagged", "Terms", "count", 0),
    Column("still_up", "Up a year later", "count", 0),
    Column("rate", "Rate", "share", 0),
    Column("rate_low", "95 % interval", "share_interval", 1, second_key="rate_high"),
    Column("random", "Random terms", "count", 1),
    Column("random_up", "Random up a year later", "count", 1),
    Column("random_rate", "Random rate", "share", 0),
    Column("random_low", "95 % interval (random)", "share_interval", 2, second_key="random_high"),
)
_CONTROLS_PER_TERM = 10  # random terms drawn for each flagged one
_CONTROL_POOL_SIZE = 50  # terms nearest in count, from which they are drawn
_RANDOM_SEED = 2018  # the draw is always the same


def parse_backtest_years(text: str) -> tuple[int, int]:
    """Return the years of '2015:2018'; UsageError unless it is two years, the earlier first."""
    first, _, last = text.partition(":")
    years = [parse_period(part) for part in (first, last) if part]
    if len(years) != 2 or any(year.unit != "year" for year in years) or years[0].start >= years[1].start:
        raise UsageError(f"--backtest takes two years, the earlier first, such as 2015:2018, not {text!r}.")
    return years[0].start.year, years[1].start.year


def build_backtest(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    year_span: tuple[int, int],
    term_filter: TermFilter | None = None,
    progress: Progress = ignore_progress,
) -> Report:
    """Return, for each year of a span but the last, how many terms rose from the year before and were still up later.

    A term is still up if its share a year later is above that of the year before it was flagged. For comparison, random
    terms that were tested as well, did not rise and are about as common. CoverageMissing if a year is incomplete.
    """
    term_filter = term_filter or TermFilter()
    bound = narrow_base_to_topic(bind(store, library, query, default_scope, progress))
    years = [parse_period(str(year)) for year in range(year_span[0] - 1, year_span[1] + 1)]
    check_periods_complete(bound, years[:1], f"A backtest compares {year_span[0]} with the year before it. ")
    check_periods_complete(bound, years[1:])
    histories = {
        later: find_history(bound, (earlier, later)) for earlier, later in zip(years, years[1:-1], strict=False)
    }
    months = (period for history in histories.values() for period in history.periods)
    periods = list(dict.fromkeys([*years, *months]))
    period_counts = bound.count_submissions(periods)
    tokenized = read_texts(bound, periods)
    counted_groups = tokenized.group_mask(range(len(years) - 1))
    ngrams = count_ngrams(
        tokenized.tokens, tokenized.group_of, term_filter.min_count, counted_groups, term_filter.max_words
    )
    counts, totals = tokenized.sum_by_period(ngrams.counts), tokenized.period_totals
    rng = np.random.default_rng(_RANDOM_SEED)
    rows = []
    for index, (later, history) in enumerate(histories.items()):
        # the year after is the last column, and no part of the test
        columns = [index, index + 1, *(periods.index(period) for period in history.periods), index + 2]
        term_tests = run_term_tests(ngrams.terms, counts[:, columns], totals[columns], history, term_filter)
        groups, _ = group_changed_terms(tokenized, term_tests, [index, index + 1])
        leaders = sorted(group[0] for group in groups if term_tests.result.direction[group[0]] == 1)
        flagged = np.array(leaders, np.int64)
        rows.append(_build_row(later, term_tests, flagged, _draw_controls(term_tests, flagged, rng)))
    rows.append(_build_total_row(rows))
    return build_report(
        bound,
        "backtest",
        f"Rising terms{topic_suffix(bound)} of {year_span[0]} to {year_span[1] - 1}, a year later",
        columns=BACKTEST_COLUMNS,
        rows=rows,
        described_periods=[describe_period(year, period_counts, bound.period_status(year)) for year in years],
        period_counts=period_counts,
        notes=[
            "Flagged: terms that rose from one year to the next, as in `trend terms`, near-duplicates merged. Up a "
            "year later: the share is still above that of the year before the term was flagged.",
            f"Random terms: for each flagged term {_CONTROLS_PER_TERM} that were tested in the same years, did not "
            f"rise and are about as common over the two years (of the {_CONTROL_POOL_SIZE} nearest, drawn with seed "
            f"{_RANDOM_SEED}).",
        ],
        resolved_options={"backtest": f"{year_span[0]}:{year_span[1]}", **term_filter.query_fields},
    )


def _draw_controls(term_tests: TermTests, flagged: IntArray, rng: np.random.Generator) -> IntArray:
    """Return for each flagged term some others that did not rise and are about as common; none twice."""
    pair_counts = term_tests.ngrams.counts[:, :2].sum(axis=1)
    is_available = (term_tests.result.direction != 1) & ~np.isnan(term_tests.result.p)
    controls: list[int] = []
    for index in flagged.tolist():
        pool = np.flatnonzero(is_available)
        distance = np.abs(np.log(pair_counts[pool] / pair_counts[index]))
        nearest = pool[np.argsort(distance, kind="stable")[:_CONTROL_POOL_SIZE]]
        drawn = rng.choice(nearest, min(_CONTROLS_PER_TERM, len(nearest)), replace=False)
        controls += drawn.tolist()
        is_available[drawn] = False
    return np.array(controls, np.int64)


def _build_row(period: Period, term_tests: TermTests, flagged: IntArray, controls: IntArray) -> dict[str, Any]:
    """Return the row of a year; whether terms are still up is None where one of the two years has no submissions."""
    terms = [term_tests.ngrams.terms[index] for index in flagged.tolist()]
    totals = term_tests.totals[[0, -1]]
    if not totals.all():
        unknown = [{"term": term, "still_up": None} for term in terms]
        return _build_rate_row(period.label, len(flagged), None, len(controls), None, unknown)
    shares = term_tests.ngrams.counts[:, [0, -1]] / totals
    is_up = shares[:, 1] > shares[:, 0]
    flagged_terms = [{"term": term, "still_up": up} for term, up in zip(terms, is_up[flagged].tolist(), strict=True)]
    flagged_up, random_up = int(is_up[flagged].sum()), int(is_up[controls].sum())
    return _build_rate_row(period.label, len(flagged), flagged_up, len(controls), random_up, flagged_terms)


def _build_total_row(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the sum of the years whose result is known."""
    known_rows = [row for row in rows if row["still_up"] is not None]
    flagged, flagged_up, random, random_up = (
        sum(row[key] for row in known_rows) for key in ("flagged", "still_up", "random", "random_up")
    )
    return _build_rate_row("all", flagged, flagged_up, random, random_up, [])


def _build_rate_row(
    label: str,
    flagged_count: int,
    flagged_up: int | None,
    random_count: int,
    random_up: int | None,
    flagged_terms: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Return a row with the rates of flagged and of random terms and their Wilson intervals; None: not known."""
    low, high = (None, None) if flagged_up is None else wilson_interval(flagged_up, flagged_count)
    random_low, random_high = (None, None) if random_up is None else wilson_interval(random_up, random_count)
    return {
        "period": label,
        "flagged": flagged_count,
        "still_up": flagged_up,
        "rate": None if flagged_up is None else compute_share(flagged_up, flagged_count),
        "rate_low": low,
        "rate_high": high,
        "random": random_count,
        "random_up": random_up,
        "random_rate": None if random_up is None else compute_share(random_up, random_count),
        "random_low": random_low,
        "random_high": random_high,
        "terms": list(flagged_terms),
    }
