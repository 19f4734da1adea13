"""What all charts share: title and source line, incomplete periods, gaps, structural breaks, labels of lines."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby, pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from trendcli.core.errors import UsageError
from trendcli.core.report import Report
from trendcli.core.text import clean_text
from trendcli.output.values import clean_report

GREY = "#8a8a8a"

Row = Mapping[str, Any]


def check_report_kind(report: Report, chart: str, *kinds: str) -> None:
    """Raise UsageError unless a report is of one of the kinds that a chart is drawn from, and has rows."""
    if report.kind not in kinds:
        raise UsageError(f"A {chart} chart needs a {' or '.join(kinds)} report, not a {report.kind} report.")
    if not report.rows:
        raise UsageError("Nothing to draw: the report has no rows.")


def prepare_report(report: Report) -> Report:
    """Return a report whose text matplotlib draws as it is: without control characters, and $ does not begin maths."""
    return clean_report(report, lambda text: clean_text(text).replace("$", r"\$"))


def create_figure(report: Report, height: float = 4.8, mark_style: str = "") -> tuple[Figure, Axes]:
    """Return a figure with title and source line and, if the data are made up, a watermark.

    `height` is in inches. `mark_style` says how incomplete periods are drawn: 'dashed', 'hatched' or 'open'; '' if they
    are not marked.
    """
    figure = Figure(figsize=(9, height), layout=ConstrainedLayoutEngine(w_pad=0.12))
    axes = figure.add_subplot()
    title = textwrap.fill(report.title, 76)
    title = f"MADE-UP DATA\n{title}" if report.synthetic else title
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="both", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    add_note(figure, _source_line(report, mark_style))
    if report.synthetic:
        axes.text(
            0.5, 0.5, "MADE-UP DATA", transform=axes.transAxes, ha="center", va="center", rotation=20, fontsize=34,
            color="#000000", alpha=0.07, zorder=5,
        )  # fmt: skip
    return figure, axes


def _source_line(report: Report, mark_style: str) -> str:
    """Return the line below a chart: base, state of the data and source."""
    within = f" on {report.query['within']}" if report.query.get("within") else ""
    across = ", each category separately" if report.query.get("across") else ""
    listed = "primary" if report.query["primary_only"] else "any listed"
    base = f"all submissions{within} in {' '.join(report.query['categories'])}{across} ({listed})"
    if report.corpus != "arxiv":
        fields = ", ".join(report.query["fields"])
        base = f"all submissions{within} to {report.corpus} ({report.query['scope']}), matched in {fields}"
    parts = [
        f"Base: {base}. Data as of {(report.data_as_of or '')[:10]}",
        *(["coverage unknown"] if any(row["status"] == "unknown" for row in report.rows) else []),
        *(_list_marked_periods(report.rows, mark_style) if mark_style else _list_unmarked_statuses(report.rows)),
    ]
    source = "arXiv metadata (CC0)" if report.corpus == "arxiv" else "OpenReview"
    origin = "an invented corpus" if report.synthetic else source
    return f"{'; '.join(parts)}. Source: {origin}, {report.provenance['program']}, match: {report.query['match']}."


def _list_marked_periods(rows: Sequence[Row], mark_style: str) -> Iterator[str]:
    """Yield what the mark stands for: which of the periods that are drawn may still grow, and which are partial."""
    key = "share" if mark_style == "dashed" else "count"
    drawn = [row for row in rows if row[key] is not None]
    partial = [row for row in drawn if is_partial(row)]
    provisional = [row for row in drawn if row["status"] == "provisional" and not is_partial(row)]
    parts = []
    for meaning, marked in (("may still grow", provisional), ("partial", partial)):
        names = list(dict.fromkeys(row["period"] for row in marked))
        if names:
            listed = ", ".join(names) if len(names) <= 4 else f"{len(names)} from {names[0]} to {names[-1]}"
            parts.append(f"{listed} ({meaning})")
    if parts:
        yield f"{mark_style}: {', '.join(parts)}"


def _list_unmarked_statuses(rows: Sequence[Row]) -> Iterator[str]:
    """Yield that there are partial or provisional periods, if there are any and the chart has no mark for them."""
    statuses = " and ".join(sorted({row["status"] for row in rows} & {"partial", "provisional"}))
    if statuses:
        yield f"{statuses} periods are not marked"


def add_note(figure: Figure, note: str) -> None:
    """Add a line below a chart."""
    lines = [figure.get_supxlabel(), textwrap.fill(note, 150)]
    figure.supxlabel("\n".join(filter(None, lines)), x=0.01, ha="left", fontsize=7.5, color="#555555")


def to_day_number(text: str) -> float:
    """Return an ISO date as matplotlib counts it: days since 1970-01-01."""
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


def period_middle(row: Row) -> float:
    """Return the middle of the period of a row, in days since 1970-01-01."""
    return (to_day_number(row["start"]) + to_day_number(row["end"])) / 2


def split_runs(rows: Sequence[Row], keep: Callable[[Row], bool]) -> list[list[Row]]:
    """Return the runs of adjacent rows for which `keep` is true, so that no line is drawn across a gap."""
    runs: list[list[Row]] = [[]]
    for row in rows:
        if keep(row):
            runs[-1].append(row)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def draw_period_line(axes: Axes, rows: Sequence[Row], key: str, colour: str) -> None:
    """Draw a line through the periods: solid between complete ones, dashed to a partial one, broken at a gap."""
    for run in split_runs(rows, lambda row: row[key] is not None):
        marker = "o" if len(rows) <= 24 or len(run) == 1 else None
        # one line for all adjacent pairs of a style: one per pair takes ten times as long
        for is_solid, grouped_pairs in groupby(pairwise(run), lambda pair: all(map(is_whole, pair))):
            pairs = list(grouped_pairs)
            stretch = [pairs[0][0], *(right for _, right in pairs)]
            axes.plot(
                [period_middle(row) for row in stretch], [row[key] for row in stretch], color=colour, linewidth=2,
                linestyle="-" if is_solid else (0, (3, 2)), solid_capstyle="round", solid_joinstyle="round",
            )  # fmt: skip
        if marker:
            axes.plot(
                [period_middle(row) for row in run], [row[key] for row in run], marker, color=colour, markersize=4
            )


def is_whole(row: Row) -> bool:
    """Return whether the count of a row is that of its whole period, as far as is known."""
    return row["status"] in ("complete", "unknown") and not row["clipped"]


def is_partial(row: Row) -> bool:
    """Return whether the period of a row is not over, has a gap, or is cut by the requested dates."""
    return bool(row["status"] == "partial" or row["clipped"])


def format_time_axis(axes: Axes, rows: Sequence[Row], from_zero: bool = True) -> None:
    """Format a time axis: at most 16 years are labelled in the middle of each, anything else by dates."""
    if from_zero:
        axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    is_yearly = all(row["end"][:4] != row["start"][:4] and row["end"][5:] == row["start"][5:] for row in rows)
    if is_yearly and len({row["start"] for row in rows}) <= 16:
        starts = sorted({row["start"] for row in rows})
        axes.set_xticks(
            [period_middle({"start": start, "end": f"{int(start[:4]) + 1}{start[4:]}"}) for start in starts],
            [start[:4] for start in starts],
        )
        return
    locator = AutoDateLocator(minticks=4, maxticks=10)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def mark_breaks(figure: Figure, axes: Axes, report: Report) -> None:
    """Draw a numbered dotted line on each day on which arXiv's rules changed, and add what changed below the chart."""
    for number, change in enumerate(report.breaks, 1):
        axes.axvline(to_day_number(change["day"]), color=GREY, linewidth=1, linestyle=":", zorder=1)
        axes.annotate(
            f"({number})", (to_day_number(change["day"]), 1), (2, -2), xycoords=("data", "axes fraction"), va="top",
            textcoords="offset points", color=GREY, fontsize=8,
        )  # fmt: skip
    if report.breaks:
        changes = [f"({number}) {change['day']}: {change['what']}" for number, change in enumerate(report.breaks, 1)]
        add_note(figure, f"{'; '.join(changes)}.")


def label_line_ends(axes: Axes, ends: Sequence[tuple[float, str, str, float]]) -> None:
    """Label lines at their ends, given as (value, name, colour, day); move labels apart that would overlap."""
    bottom, top = axes.get_ylim()
    min_distance = (top - bottom) * 0.05
    figure_height = axes.figure.get_size_inches()[1] if isinstance(axes.figure, Figure) else 1.0
    height = -math.inf  # of the label below
    for value, name, colour, day in sorted(ends):
        height = max(value, height + min_distance)
        label = re.sub(r"\s*\(.*\)$", "", name)
        points = (height - value) / (top - bottom) * axes.get_position().height * figure_height * 72
        axes.annotate(
            label if len(label) <= 32 else label[:31] + "…", (day, value), (12, points), xycoords="data",
            textcoords="offset points", color=colour, va="center", fontsize=9, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
