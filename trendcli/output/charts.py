"""Report -> matplotlib Figure. A chart is drawn from the very rows that a table prints, so the two cannot disagree.

Colours are Okabe and Ito's, which the colour-blind tell apart. Axes of shares and counts begin at zero. The same report
gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from trendcli.core.errors import UsageError
from trendcli.core.report import Report
from trendcli.output.chart_parts import (
    GREY,
    Row,
    add_note,
    check_report_kind,
    create_figure,
    draw_period_line,
    format_time_axis,
    is_partial,
    is_whole,
    label_line_ends,
    mark_breaks,
    period_middle,
    split_runs,
    to_day_number,
)

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555", "#B8A900")
FIGURE_FORMATS = ("png", "svg", "pdf")
MAX_AXIS_LABELS = 8
# a bar chart shows the largest falls and rises, as many together as can be read on a page
MAX_BARS = 40
# an axis of shares ends at so many times the greatest one, where intervals go further
AXIS_HEADROOM = 2
TICK_STEPS = (1, 2, 5, 10)
# beyond this many lines a label at each end can no longer be read
MAX_LINES = 8


def draw_lines(report: Report) -> Figure:
    """Share of each topic by period, its 95 % interval as a band, periods that are not whole dashed.

    An index is drawn without its band; categories of one topic are lines of their own.
    """
    check_report_kind(report, "lines", "series")
    line = _choose_row_label(report)
    names = list(dict.fromkeys(line(row) for row in report.rows))
    if len(names) > MAX_LINES:
        raise UsageError(f"{len(names)} lines are too many; choose up to {MAX_LINES} with -t, or draw a heatmap.")
    index = report.query.get("index")
    key = "index" if index else "share"
    figure, axes = create_figure(report, mark_style="dashed")
    ends = []
    for number, name in enumerate(names):
        rows = [row for row in report.rows if line(row) == name]
        colour = PALETTE[number % len(PALETTE)]
        draw_period_line(axes, rows, key, colour)
        known = [row for row in rows if row[key] is not None]
        for stretch in split_runs(rows, lambda row: row["share_low"] is not None and not index):
            axes.fill_between(
                [period_middle(row) for row in stretch],
                [row["share_low"] for row in stretch],
                [row["share_high"] for row in stretch],
                color=colour, alpha=0.15, linewidth=0,
            )  # fmt: skip
        if known:
            ends.append((known[-1][key], name, colour, period_middle(known[-1])))
    if not index:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
    rolled = report.query.get("rolling", 1)
    added = f", {rolled} {report.query['by']}s added up" if rolled > 1 else ""
    axes.set_ylabel(f"share, {index} = 100{added}" if index else f"share of submissions{added}")
    format_time_axis(axes, report.rows)
    if not index and _limit_share_axis(axes, report.rows):
        add_note(figure, "The band is the 95 % interval; where it meets the upper edge it goes on beyond the chart.")
    mark_breaks(figure, axes, report)
    label_line_ends(axes, ends)
    return figure


def _limit_share_axis(axes: Axes, rows: Sequence[Row]) -> bool:
    """End an axis of shares by its lines where their bands, wide where there are few submissions, would squeeze them.

    Whether a band is cut by that.
    """
    largest = max((row["share"] or 0.0 for row in rows), default=0.0)
    widest = max((row["share_high"] or 0.0 for row in rows), default=0.0)
    if not largest or widest <= AXIS_HEADROOM * largest:
        return False
    axes.set_ylim(0, AXIS_HEADROOM * largest)
    return True


def _choose_row_label(report: Report) -> Callable[[Row], str]:
    """How the line or bar of a row is called: by topic, by category where there is one topic, or by both."""
    several = len({row["name"] for row in report.rows}) > 1
    if "category" not in report.rows[0]:
        return lambda row: str(row["name"])
    return lambda row: f"{row['name']}, {row['category']}" if several else str(row["category"])


def draw_volume(report: Report, log: bool = False) -> Figure:
    """Submissions by period as bars; periods that are not whole are hatched, holes are left out.

    Where a growth was fitted, its line is drawn over them. On a `log` axis, where steady growth is a straight line,
    points stand for the bars.
    """
    check_report_kind(report, "volume", "series", "volume")
    names = list(dict.fromkeys(row.get("name", "") for row in report.rows))
    if len(names) > 1:
        raise UsageError("A volume chart shows one topic, or the whole scope without -t.")
    figure, axes = create_figure(report, mark_style="open" if log else "hatched")
    rows = [row for row in report.rows if row["count"] is not None]
    for row in rows:
        start, end = to_day_number(row["start"]), to_day_number(row["end"])
        whole = is_whole(row)
        if log:
            if row["count"]:
                face = PALETTE[0] if whole else "white"
                axes.plot(
                    [(start + end) / 2], [row["count"]], "o", color=PALETTE[0], markerfacecolor=face, markersize=4
                )
            continue
        axes.bar(
            start, row["count"], width=(end - start) * 0.86, align="edge",
            color=PALETTE[0] if whole else "white", edgecolor=PALETTE[0], hatch=None if whole else "///", linewidth=0.8,
        )  # fmt: skip
        if len(rows) <= 16:
            said, shade = (f"{row['count']:,}\nnot whole", GREY) if is_partial(row) else (f"{row['count']:,}", "black")
            axes.annotate(
                said, ((start + end) / 2, row["count"]), (0, 3), textcoords="offset points", ha="center", va="bottom",
                color=shade, fontsize=9, zorder=4, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if not log:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=TICK_STEPS))
    axes.set_ylabel("submissions")
    fitted = [row for row in rows if row.get("fitted") is not None]
    if fitted:
        line = [row["fitted"] for row in fitted]
        axes.plot([period_middle(row) for row in fitted], line, color=PALETTE[1], linewidth=1.6, zorder=3)
        grown = report.summary["growth"]
        add_note(
            figure,
            f"Line: growth of {100 * grown['growth']:+.1f} % a year [{100 * grown['ci_low']:+.1f}, "
            f"{100 * grown['ci_high']:+.1f}], R² {grown['r_squared']:.2f}.",
        )
    format_time_axis(axes, report.rows, from_zero=not log)
    mark_breaks(figure, axes, report)
    return figure


def draw_change(report: Report) -> Figure:
    """Relative change between two periods, a bar a topic, with the 95 % interval; counts stand beside the names."""
    check_report_kind(report, "change", "comparison")
    line = _choose_row_label(report)
    rows = [row for row in report.rows if row["relative_change"] is not None]
    left_out = [row for row in report.rows if row["relative_change"] is None]
    rows.sort(key=lambda row: (row["relative_change"], row["topic"]))
    among = ""
    if len(rows) > MAX_BARS:
        falls, rises = ([row for row in rows if sign * row["relative_change"] > 0] for sign in (-1, 1))
        still = len(rows) - len(falls) - len(rises)
        among = f"Shown are {_describe_largest(len(rises), 'rises')} and {_describe_largest(len(falls), 'falls')}" + (
            f"; {still} did not change." if still else "."
        )
        rows = [*falls[: MAX_BARS // 2], *rises[-MAX_BARS // 2 :]]
    figure, axes = create_figure(report, height=1.7 + 0.3 * max(len(rows), 1), mark_style="")
    # the doubling of a small count would squeeze all other bars, so the axis follows the bars and cuts long intervals
    values = [row["relative_change"] for row in rows] or [0.0]
    limit = max(0.5, 1.25 * max(values))
    reach = limit * (1.2 if len(rows) > MAX_AXIS_LABELS else 3)  # a few bars can be shorter
    nearly = [row["ci_high"] for row in rows if row["ci_high"] is not None and row["ci_high"] <= reach]
    limit = max([limit, *(1.02 * high for high in nearly)])  # no arrow for an interval that nearly fits
    for place, row in enumerate(rows):
        value, low = row["relative_change"], row["ci_low"]
        high = limit * 2 if row["ci_high"] is None else row["ci_high"]
        axes.barh(place, value, color=PALETTE[0] if value >= 0 else PALETTE[1], height=0.68, zorder=2)
        axes.plot([low, min(high, limit)], [place, place], color="#222222", linewidth=1.1, zorder=3)
        if high > limit:
            axes.plot([limit], [place], marker=">", color="#222222", markersize=4, clip_on=False, zorder=3)
    axes.set_yticks(range(len(rows)), [f"{line(row)}  {row['count_1']:,} → {row['count_2']:,}" for row in rows])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(min(-0.1, *(1.08 * row["ci_low"] for row in rows), -0.1), limit)
    axes.axvline(0, color="#222222", linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=TICK_STEPS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+,.0f} %" if value else "0"))
    axes.set_xlabel("relative change of the share")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    new, none = ([line(row) for row in left_out if (row.get("change") == "new") is known] for known in (True, False))
    if any(row["ci_high"] is None or row["ci_high"] > limit for row in rows):
        add_note(figure, "An arrow: the interval goes on beyond the chart.")
    if among:
        add_note(figure, among)
    for said, names in (("New, so without a relative change", new), ("Not drawn, without a change", none)):
        if names:
            add_note(figure, f"{said}: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}.")
    return figure


def _describe_largest(number: int, what: str) -> str:
    most = MAX_BARS // 2
    if number > most:
        return f"the {most} largest of {number} {what}"
    return {0: f"no {what}", 1: f"the only {what[:-1]}"}.get(number, f"all {number} {what}")


def draw_heatmap(report: Report) -> Figure:
    """Share of many topics by period, each row scaled to its own largest share; empty cells are holes."""
    check_report_kind(report, "heatmap", "series")
    line = _choose_row_label(report)
    names = list(dict.fromkeys(line(row) for row in report.rows))
    spans = list(dict.fromkeys(row["period"] for row in report.rows if row["share"] is not None))
    if not spans:
        raise UsageError("There is nothing to draw: no period has a share.")
    shares = {(line(row), row["period"]): row["share"] for row in report.rows}
    largest = {name: max((shares[name, span] or 0.0 for span in spans), default=0.0) for name in names}

    def peak_position(name: str) -> int:
        return max(range(len(spans)), key=lambda place: shares[name, spans[place]] or 0.0)

    matched = [name for name in names if largest[name]]
    empty, names = len(names) - len(matched), matched or names
    names.sort(key=lambda name: (-peak_position(name), largest[name]))
    grid = [
        [float("nan") if (value := shares[name, span]) is None else value / (largest[name] or 1.0) for span in spans]
        for name in names
    ]
    figure, axes = create_figure(report, height=1.8 + 0.24 * len(names), mark_style="")
    colours = mpl.colormaps["cividis"].with_extremes(bad="white")
    image = axes.imshow(grid, aspect="auto", cmap=colours, vmin=0, vmax=1, interpolation="nearest")
    axes.set_yticks(range(len(names)), [f"{name}  (peak {100 * largest[name]:.2g} %)" for name in names])
    places = list(range(len(spans)))
    if len(spans) > MAX_AXIS_LABELS:  # the years alone
        years = [
            row["start"][:4] for row in report.rows if line(row) == line(report.rows[0]) and row["period"] in spans
        ]
        places = [place for place in places if place == 0 or years[place] != years[place - 1]]
        spans = years
    places = places[:: -(-len(places) // MAX_AXIS_LABELS)]
    axes.set_xticks(places, [spans[place] for place in places])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    bar = figure.colorbar(image, ax=axes, fraction=0.025, pad=0.02)
    bar.set_label("share / its peak")
    if empty and matched:
        add_note(figure, f"Topics without a match: {empty}, not drawn.")
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, SVG or PDF by the ending of its path; the same figure gives the same bytes."""
    data = encode_figure(figure, path.suffix.lstrip(".").lower())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def encode_figure(figure: Figure, kind: str) -> bytes:
    """A figure as the bytes of a PNG, SVG or PDF file; UsageError for any other kind."""
    if kind not in FIGURE_FORMATS:
        raise UsageError(f"A chart is saved as .png, .svg or .pdf, not {'.' + kind if kind else 'without an ending'}.")
    out = BytesIO()
    metadata: dict[str, Any] = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with mpl.rc_context({"svg.hashsalt": "trendcli", "svg.fonttype": "none"}):
        figure.savefig(out, format=kind, metadata=metadata, dpi=144)
    return out.getvalue()
