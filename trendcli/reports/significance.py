"""What a change is judged by: how much the topic jumps anyway, and how many changes are looked at together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trendcli.core import periods
from trendcli.core.periods import Period
from trendcli.stats import overdispersion as dispersion
from trendcli.stats import proportions as change
from trendcli.stats.multiple_testing import benjamini_hochberg
from trendcli.stats.overdispersion import BACKGROUND, HISTORY_PERIODS, MIN_PERIODS, NOT_ESTIMATED, Overdispersion
from trendcli.stats.proportions import TwoProportions
from trendcli.store.manifest import ARXIV
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.query import BoundQuery

PeriodPair = tuple[Period, Period]


@dataclass(frozen=True)
class History:
    """The periods from which the dispersion of a pair's topics is taken, and of each which side it is a part of.

    `blocks` holds 0 for parts of the earlier, 1 for parts of the later, and BESIDE for what lies outside of both.
    """

    unit: str
    periods: tuple[Period, ...]
    segment_of: tuple[int, ...] = ()

    @property
    def placement(self) -> str:
        """Where the periods lie, in words."""
        sides = {"beside" if block == BACKGROUND else "within" for block in self.segment_of}
        return " and ".join(sorted(sides))


def find_history(bound: BoundQuery, pair: PeriodPair) -> History:
    """The last 36 months or 52 weeks beside a pair, where there are 12 of them, and the months within the pair."""
    if bound.selection.corpus != ARXIV:
        return History("year", ())  # a list of a conference has no months
    unit = "week" if pair[1].unit == "week" else "month"
    first = bound.coverage.first_covered_day(bound.selection.scope.categories)
    if first is None:
        return History(unit, ())
    placed: dict[Period, int] = {}
    outside = 0
    for item in periods.iter_periods_backwards(first, pair[1].end, unit):
        if outside == HISTORY_PERIODS[unit] and item.end <= pair[0].start:
            break
        side = next((side for side in (0, 1) if _is_within(item, pair[side])), BACKGROUND)
        if side == BACKGROUND and any(_has_overlap(item, one) for one in pair):
            continue
        if (side != BACKGROUND or outside < HISTORY_PERIODS[unit]) and _is_whole(bound, item):
            placed[item] = side
            outside += side == BACKGROUND
    if outside < MIN_PERIODS:
        placed = {item: side for item, side in placed.items() if side != BACKGROUND}
    chosen = sorted(placed)
    return History(unit, tuple(chosen), tuple(placed[item] for item in chosen))


def _is_whole(bound: BoundQuery, period: Period) -> bool:
    verdict = bound.period_status(period)
    return verdict.has_ended and not verdict.has_gap


def _has_overlap(one: Period, other: Period) -> bool:
    return one.start < other.end and other.start < one.end


def _is_within(part: Period, whole: Period) -> bool:
    return whole.start <= part.start and part.end <= whole.end and part != whole


def estimate_overdispersions(
    histories: Mapping[Period, History], period_counts: PeriodCounts, topics: Sequence[str]
) -> Mapping[tuple[str, Period], Overdispersion]:
    """The dispersion of each topic by each of some histories that were counted, which are named by a period."""
    # histories of one layout have one design, whatever month they begin with, and are fitted together
    layouts: dict[tuple[str, tuple[int, ...], tuple[int, ...]], list[tuple[Period, list[Period]]]] = {}
    for item, past in histories.items():
        kept = [number for number, part in enumerate(past.periods) if period_counts.totals[part]]
        chosen = [past.periods[number] for number in kept]
        places = tuple(calendar_index(part) - calendar_index(chosen[0]) for part in chosen)
        layout = past.unit, places, tuple(past.segment_of[number] for number in kept)
        layouts.setdefault(layout, []).append((item, chosen))
    found = {(topic, item): NOT_ESTIMATED for item in histories for topic in topics}
    for (unit, places, blocks), alike in layouts.items() if topics else ():
        if not places:
            continue
        every = sorted({part for _, chosen in alike for part in chosen})
        row = {part: number for number, part in enumerate(every)}
        at = np.array([[row[part] for part in chosen] for _, chosen in alike])
        bases = np.array([period_counts.totals[part] for part in every], np.int64)[at]
        counts = np.array([[period_counts.counts[topic, part] for part in every] for topic in topics], np.int64)[:, at]
        spread = dispersion.estimate_overdispersion(
            counts.reshape(-1, len(places)), np.tile(bases, (len(topics), 1)), places, unit, blocks
        )
        names = [(topic, item) for topic in topics for item, _ in alike]
        found.update(zip(names, spread, strict=True))
    return found


def calendar_index(period: Period) -> int:
    """The number of a week or month along the calendar."""
    return period.start.toordinal() // 7 if period.unit == "week" else period.start.year * 12 + period.start.month - 1


def add_verdicts(
    rows: Sequence[Mapping[str, Any]], proportions: Sequence[TwoProportions | None]
) -> list[dict[str, Any]]:
    """Rows with the change between their sides (None: not known), its dispersion, q and verdict.

    All rows that have a test are one family.
    """
    moved = change.compute_changes(proportions)
    qs = change.nan_to_none(benjamini_hochberg([found.p for found in moved]))
    return [
        {
            **row,
            **dict(zip(change.Change._fields, found, strict=True)),
            "dispersion": two and two.phi,
            "dispersion_df": two and two.df,
            "q": q,
            "verdict": change.classify_change(two and two.count_1, two and two.count_2, found.points, q),
        }
        for row, two, found, q in zip(rows, proportions, moved, qs, strict=True)
    ]


def family_notes(rows: Sequence[Mapping[str, Any]], period_key: str, histories: Iterable[History]) -> list[str]:
    """What the verdicts rest on: the family of tests, and the dispersion. `key` names the later period of a row."""
    tested = [row for row in rows if row["p"] is not None]
    if not tested:
        return []
    topics, comparisons = len({row["topic"] for row in tested}), len({row[period_key] for row in tested})
    categories = len({row["category"] for row in tested if "category" in row})
    parts = f", {categories} categor{'ies' if categories > 1 else 'y'}" if categories else ""
    family = f"{topics} topic{'s' * (topics > 1)}{parts}, {comparisons} comparison{'s' * (comparisons > 1)}"
    phis = sorted(row["dispersion"] for row in tested)
    known = [past for past in histories if past.periods]
    if not known or all(row["dispersion_df"] is None for row in tested):
        spread = "Too little history to tell how much counts jump beyond chance, so intervals may be too narrow."
    else:
        units = sorted({past.unit for past in known})
        where = max((past.placement for past in known), key=len)
        least, most = f"{phis[0]:.1f}", f"{phis[-1]:.1f}"
        spread = (
            f"Dispersion {least if least == most else f'{least} to {most}'} (1: chance alone), "
            f"from the {' and '.join(units)}s {where} the periods."
        )
    return [f"Verdicts hold over {family} (q ≤ 0.05, Benjamini-Hochberg); intervals hold row by row. {spread}"]
