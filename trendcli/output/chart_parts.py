"""What all charts have: the title and the source line, periods that are not whole, holes, breaks, names of lines."""

from __future__ import annotations

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

GREY = "#8a8a8a"

Row = Mapping[str, Any]


def check_report_kind(report: Report, chart: str, *kinds: str) -> None:
    """UsageError where a report is of another kind than a chart is drawn from, or has no rows."""
    if report.kind not in kinds:
        raise UsageError(f"A {chart} chart is drawn from a {' or '.join(kinds)} report, not from a {report.kind}.")
    if not report.rows:
        raise UsageError("There is nothing to draw: the report has no rows.")


def create_figure(report: Report, height: float = 4.8, mark_style: str = "") -> tuple[Figure, Axes]:
    """A figure with title, source line and, where the data are made up, a mark across it."""
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
    """The line below a chart: base, state of the data and source."""
    on = f" on {report.query['within']}" if report.query.get("within") else ""
    each = ", each category for itself" if report.query.get("across") else ""
    listed = "primary" if report.query["primary_only"] else "any listed"
    base = f"all submissions{on} of {' '.join(report.query['categories'])}{each} ({listed})"
    if report.corpus != "arxiv":
        fields = ", ".join(report.query["fields"])
        base = f"all submissions{on} to {report.corpus} ({report.query['scope']}), by {fields}"
    parts = [
        f"Base: {base}. Data as of {(report.data_as_of or '')[:10]}",
        *(
            ["coverage of the stored files is unknown"]
            if any(row["status"] == "unknown" for row in report.rows)
            else []
        ),
        *(_list_marked_periods(report.rows, mark_style) if mark_style else _list_unmarked_statuses(report.rows)),
    ]
    real = "arXiv metadata (CC0)" if report.corpus == "arxiv" else "OpenReview"
    origin = "an invented corpus" if report.synthetic else real
    return f"{'; '.join(parts)}. Source: {origin}, {report.provenance['program']}, match: {report.query['match']}."


def _list_marked_periods(rows: Sequence[Row], mark_style: str) -> Iterator[str]:
    """Which of the periods that are drawn are not whole, and which may still grow."""
    key = "share" if mark_style == "dashed" else "count"
    drawn = [row for row in rows if row[key] is not None]
    part = [row for row in drawn if is_partial(row)]
    open_ = [row for row in drawn if row["status"] == "provisional" and not is_partial(row)]
    told = []
    for said, chosen in (("may still grow", open_), ("not a whole period", part)):
        names = list(dict.fromkeys(row["period"] for row in chosen))
        if names:
            several = ", ".join(names) if len(names) <= 4 else f"{len(names)} from {names[0]} to {names[-1]}"
            told.append(f"{several} ({said})")
    if told:
        yield f"{mark_style}: {', '.join(told)}"


def _list_unmarked_statuses(rows: Sequence[Row]) -> Iterator[str]:
    said = {"partial": "not whole", "provisional": "provisional"}
    states = " or ".join(said[state] for state in sorted({row["status"] for row in rows} & said.keys()))
    if states:
        yield f"periods that are {states} are not marked here"


def add_note(figure: Figure, note: str) -> None:
    """One more line below a chart."""
    old = figure.get_supxlabel()
    text = "\n".join([*([old] if old else []), textwrap.fill(note, 150)])
    figure.supxlabel(text, x=0.01, ha="left", fontsize=7.5, color="#555555")


def to_day_number(text: str) -> float:
    """A date as matplotlib counts it: days since 1970."""
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


def period_middle(row: Row) -> float:
    """The day in the middle of the period of a row."""
    return (to_day_number(row["start"]) + to_day_number(row["end"])) / 2


def split_runs(rows: Sequence[Row], keep: Callable[[Row], bool]) -> list[list[Row]]:
    """Neighbouring rows that are kept; a row that is not parts them, so that no line is drawn across a hole."""
    found: list[list[Row]] = [[]]
    for row in rows:
        if keep(row):
            found[-1].append(row)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def draw_period_line(axes: Axes, rows: Sequence[Row], key: str, colour: str) -> None:
    """A line through the periods: solid where both ends are whole, dashed where one is not, broken at a hole."""
    for run in split_runs(rows, lambda row: row[key] is not None):
        marker = "o" if len(rows) <= 24 or len(run) == 1 else None
        # a line for neighbours drawn alike: one for each pair takes ten times as long
        for whole, pairs in groupby(pairwise(run), lambda pair: all(map(is_whole, pair))):
            ends = list(pairs)
            stretch = [ends[0][0], *(right for _, right in ends)]
            axes.plot(
                [period_middle(row) for row in stretch], [row[key] for row in stretch], color=colour, linewidth=2,
                linestyle="-" if whole else (0, (3, 2)), solid_capstyle="round", solid_joinstyle="round",
            )  # fmt: skip
        if marker:
            axes.plot(
                [period_middle(row) for row in run], [row[key] for row in run], marker, color=colour, markersize=4
            )


def is_whole(row: Row) -> bool:
    """Whether the count of a row is that of its whole period, as far as is known."""
    return row["status"] in ("complete", "unknown") and not row["clipped"]


def is_partial(row: Row) -> bool:
    """Whether the period of a row is not over, has a hole, or is cut by the dates that were asked for."""
    return bool(row["status"] == "partial" or row["clipped"])


def format_time_axis(axes: Axes, rows: Sequence[Row], from_zero: bool = True) -> None:
    """An axis of time: years in the middle of their columns where they are few, else dates."""
    if from_zero:
        axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    units = {row["end"][:4] != row["start"][:4] and row["end"][5:] == row["start"][5:] for row in rows}
    if units == {True} and len({row["start"] for row in rows}) <= 16:
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
    """A dotted line on each day on which arXiv's rules changed, numbered, with what changed below the chart."""
    for number, item in enumerate(report.breaks, 1):
        axes.axvline(to_day_number(item["day"]), color=GREY, linewidth=1, linestyle=":", zorder=1)
        axes.annotate(
            f"({number})", (to_day_number(item["day"]), 1), (2, -2), xycoords=("data", "axes fraction"), va="top",
            textcoords="offset points", color=GREY, fontsize=8,
        )  # fmt: skip
    if report.breaks:
        said = "; ".join(f"({number}) {item['day']}: {item['what']}" for number, item in enumerate(report.breaks, 1))
        add_note(figure, f"{said}.")


def label_line_ends(axes: Axes, ends: Sequence[tuple[float, str, str, float]]) -> None:
    """Names at the ends of their lines, moved apart where they would lie on each other."""
    bottom, top = axes.get_ylim()
    gap = (top - bottom) * 0.05
    figure_height = axes.figure.get_size_inches()[1] if isinstance(axes.figure, Figure) else 1.0
    placed: list[float] = []
    for value, name, colour, day in sorted(ends):
        place = max(value, placed[-1] + gap) if placed else value
        placed.append(place)
        label = re.sub(r"\s*\(.*\)$", "", name)
        points = (place - value) / (top - bottom) * axes.get_position().height * figure_height * 72
        axes.annotate(
            label if len(label) <= 32 else label[:31] + "…", (day, value), (12, points), xycoords="data",
            textcoords="offset points", color=colour, va="center", fontsize=9, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
