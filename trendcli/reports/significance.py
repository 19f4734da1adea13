"""What a verdict on a change rests on: the overdispersion of its topic, and the family of tests it is part of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trendcli.core.periods import Period, iter_periods_backwards
from trendcli.reports.notes import NO_HISTORY_NOTE, overdispersion_note, verdict_note
from trendcli.stats.multiple_testing import benjamini_hochberg
from trendcli.stats.overdispersion import (
    BACKGROUND,
    HISTORY_PERIODS,
    MIN_PERIODS,
    NOT_ESTIMATED,
    Overdispersion,
    estimate_overdispersion,
)
from trendcli.stats.proportions import (
    TwoProportions,
    classify_change,
    compute_changes,
    nan_to_none,
)
from trendcli.store.manifest import ARXIV
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.query import BoundQuery

PeriodPair = tuple[Period, Period]  # the earlier, the later


@dataclass(frozen=True)
class History:
    """The weeks or months from which the overdispersion of a comparison is estimated.

    `segment_of` holds for each 0 for a part of the earlier period, 1 for a part of the later one, and BACKGROUND for
    what lies outside both.
    """

    unit: str
    periods: tuple[Period, ...]
    segment_of: tuple[int, ...] = ()

    @property
    def placement(self) -> str:
        """Where the history lies relative to the compared periods: 'around', 'within' or 'around and within'."""
        positions = {"around" if segment == BACKGROUND else "within" for segment in self.segment_of}
        return " and ".join(sorted(positions))


def find_history(bound: BoundQuery, pair: PeriodPair) -> History:
    """Return the complete months (or weeks, for weeks) within a pair of periods, and the latest around it.

    Around it up to 36 months or 52 weeks count, or none where there are fewer than 12. A venue has no months.
    """
    if bound.selection.corpus != ARXIV:
        return History("year", ())
    unit = "week" if pair[1].unit == "week" else "month"
    first_day = bound.coverage.first_covered_day(bound.selection.scope.categories)
    if first_day is None:
        return History(unit, ())
    segments: dict[Period, int] = {}
    background_count = 0
    for part in iter_periods_backwards(first_day, pair[1].end, unit):
        if background_count == HISTORY_PERIODS[unit] and part.end <= pair[0].start:
            break
        segment = next((side for side in (0, 1) if _is_within(part, pair[side])), BACKGROUND)
        if segment == BACKGROUND and any(_has_overlap(part, period) for period in pair):
            continue
        is_wanted = segment != BACKGROUND or background_count < HISTORY_PERIODS[unit]
        if is_wanted and _is_complete(bound, part):
            segments[part] = segment
            background_count += segment == BACKGROUND
    if background_count < MIN_PERIODS:
        segments = {part: segment for part, segment in segments.items() if segment != BACKGROUND}
    parts = sorted(segments)
    return History(unit, tuple(parts), tuple(segments[part] for part in parts))


def _is_complete(bound: BoundQuery, period: Period) -> bool:
    period_status = bound.period_status(period)
    return period_status.has_ended and not period_status.has_gap


def _has_overlap(one: Period, other: Period) -> bool:
    return one.start < other.end and other.start < one.end


def _is_within(part: Period, whole: Period) -> bool:
    return whole.start <= part.start and part.end <= whole.end and part != whole


def estimate_overdispersions(
    histories: Mapping[Period, History], period_counts: PeriodCounts, topics: Sequence[str]
) -> Mapping[tuple[str, Period], Overdispersion]:
    """Estimate the overdispersion of each topic from each history, by (topic, key of the history)."""
    # histories of one layout have one design, whatever month they begin with, and are fitted together
    layouts: dict[tuple[str, tuple[int, ...], tuple[int, ...]], list[tuple[Period, list[Period]]]] = {}
    for key, history in histories.items():
        numbers = [number for number, part in enumerate(history.periods) if period_counts.totals[part]]
        parts = [history.periods[number] for number in numbers]
        time_index = tuple(calendar_index(part) - calendar_index(parts[0]) for part in parts)
        layout = history.unit, time_index, tuple(history.segment_of[number] for number in numbers)
        layouts.setdefault(layout, []).append((key, parts))
    estimates = {(topic, key): NOT_ESTIMATED for key in histories for topic in topics}
    for (unit, time_index, segment_of), members in layouts.items() if topics else ():
        if not time_index:
            continue
        every_part = sorted({part for _, parts in members for part in parts})
        column_of = {part: number for number, part in enumerate(every_part)}
        columns = np.array([[column_of[part] for part in parts] for _, parts in members])
        totals = np.array([period_counts.totals[part] for part in every_part], np.int64)[columns]
        counts = np.array([[period_counts.counts[topic, part] for part in every_part] for topic in topics], np.int64)[
            :, columns
        ]
        fitted = estimate_overdispersion(
            counts.reshape(-1, len(time_index)), np.tile(totals, (len(topics), 1)), time_index, unit, segment_of
        )
        keys = [(topic, key) for topic in topics for key, _ in members]
        estimates.update(zip(keys, fitted, strict=True))
    return estimates


def calendar_index(period: Period) -> int:
    """Return the number of a week or month along the calendar."""
    return period.start.toordinal() // 7 if period.unit == "week" else period.start.year * 12 + period.start.month - 1


def add_verdicts(
    rows: Sequence[Mapping[str, Any]], proportions: Sequence[TwoProportions | None]
) -> list[dict[str, Any]]:
    """Return the rows with the change between their two proportions (None: not known), its φ, p, q and verdict.

    All rows with a p-value are one family for the false discovery rate.
    """
    changes = compute_changes(proportions)
    q_values = nan_to_none(benjamini_hochberg([change.p for change in changes]))
    return [
        {
            **row,
            **change._asdict(),
            "dispersion": pair and pair.phi,
            "dispersion_df": pair and pair.df,
            "q": q,
            "verdict": classify_change(pair and pair.count_1, pair and pair.count_2, change.points, q),
        }
        for row, pair, change, q in zip(rows, proportions, changes, q_values, strict=True)
    ]


def family_notes(rows: Sequence[Mapping[str, Any]], period_key: str, histories: Iterable[History]) -> list[str]:
    """Return the notes on the family of tests and on overdispersion; `period_key` names the later period of a row."""
    tested = [row for row in rows if row["p"] is not None]
    if not tested:
        return []
    family = {key: len({row[key] for row in tested if key in row}) for key in ("topic", "category", period_key)}
    notes = [verdict_note(family["topic"], "topic", category=family["category"], period=family[period_key])]
    units = [history.unit for history in histories if history.periods]
    if not units or all(row["dispersion_df"] is None for row in tested):
        return [*notes, NO_HISTORY_NOTE]
    phis = [row["dispersion"] for row in tested]
    return [*notes, overdispersion_note(min(phis), max(phis), units[0])]
