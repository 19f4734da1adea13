"""The turning points of a series: where topics first occur, come back after quiet years, and cross each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from trendcli.core.periods import Period
from trendcli.stats.turning_points import (
    MIN_LEAD_PERIODS,
    MIN_QUIET_YEARS,
    find_crossovers,
    find_first_occurrence,
    find_resurgence,
)
from trendcli.topics.counting import PeriodCounts

# among more lines nobody reads which crosses which
MAX_CROSSOVER_LINES = 8


def find_turning_points(
    rows: Sequence[Mapping[str, Any]],
    unit: str,
    prior: Sequence[Period],
    prior_counts: PeriodCounts | None,
    min_lead: int,
) -> list[dict[str, Any]]:
    """Find first occurrences, resurgences and crossovers of topics over the complete periods of a series.

    `prior_counts` are those of the periods before it, None where they are not known of each row. A topic crosses
    another when it stays above for `min_lead` rows.
    """
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if not row["clipped"]:
            unknown = {"count": None, "share": None} if row["status"] == "partial" else {}
            lines.setdefault((row["topic"], row.get("category", "")), []).append({**row, **unknown})
    turning_points = []
    for (topic, _), line in lines.items():
        before = [prior_counts.counts[topic, period] if prior_counts else None for period in prior]
        first = find_first_occurrence([*before, *(row["count"] for row in line)])
        if first is not None and first >= len(before):
            turning_points.append(_turning_point_row("first seen", line[first - len(before)]))
        if unit == "year":
            resurgence = find_resurgence([row["share"] for row in line], [row["verdict"] for row in line])
            if resurgence is not None:
                turning_points.append(_turning_point_row("comeback", line[resurgence]))
    for one, two in combinations(lines, 2) if len(lines) <= MAX_CROSSOVER_LINES else ():
        if one[1] != two[1]:  # of different categories
            continue
        shares_1, shares_2 = ([row["share"] for row in lines[key]] for key in (one, two))
        for number, is_first_above in find_crossovers(shares_1, shares_2, min_lead):
            over, under = (lines[key][number] for key in ((one, two) if is_first_above else (two, one)))
            other = {"other": under["topic"], "other_name": under["name"]}
            turning_points.append({**_turning_point_row("cross", over), **other})
    return turning_points


def _turning_point_row(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"turn": kind, **{key: row[key] for key in ("topic", "name", "category", "period") if key in row}}


def format_turning_point(turning_point: Mapping[str, Any]) -> str:
    """Return the note on a turning point."""
    name, period = turning_point["name"], turning_point["period"]
    where = f" in {turning_point['category']}" if "category" in turning_point else ""
    if turning_point["turn"] == "cross":
        return (
            f"Crossover{where} in {period}: {name} above {turning_point['other_name']}, for at least "
            f"{MIN_LEAD_PERIODS} periods that do not overlap."
        )
    if turning_point["turn"] == "comeback":
        return f"Resurgence{where} in {period}: {name}, after at least {MIN_QUIET_YEARS} quiet years."
    return f"First occurrence{where} in {period}: {name}."
