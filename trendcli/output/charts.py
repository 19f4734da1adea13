"""Report -> matplotlib Figure. A chart is drawn from the same rows that a table prints, so the two cannot disagree.

Colours are Okabe and Ito's, which colour-blind readers can tell apart. Axes of shares and counts begin at zero. The
same report gives the same bytes.
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
from trendcli.core.files import write_named_file
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
    prepare_report,
    split_runs,
    to_day_number,
)

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555", "#B8A900")
FIGURE_FORMATS = ("png", "svg", "pdf")
MAX_AXIS_LABELS = 8
MAX_BARS = 40  # bars of a change chart, half rises and half falls: as many as can be read on a page
AXIS_HEADROOM = 2  # an axis of shares ends at this multiple of the largest share if intervals go further
TICK_STEPS = (1, 2, 5, 10)  # multiples of a power of ten at which ticks may lie
MAX_LINES = 8  # with more lines, the labels at their ends can no longer be read


def draw_lines(report: Report) -> Figure:
    """Draw the share of each topic by period, with its 95 % interval as a band; incomplete periods are dashed.

    An index is drawn without a band; categories of one topic are lines of their own. Raise UsageError if there are more
    than `MAX_LINES` lines.
    """
    report = prepare_report(report)
    check_report_kind(report, "lines", "series")
    row_label = _choose_row_label(report)
    names = list(dict.fromkeys(row_label(row) for row in report.rows))
    if len(names) > MAX_LINES:
        raise UsageError(f"{len(names)} lines are too many; choose at most {MAX_LINES} with -t, or use a heatmap.")
    index = report.query.get("index")
    key = "index" if index else "share"
    figure, axes = create_figure(report, mark_style="dashed")
    ends = []
    for number, name in enumerate(names):
        rows = [row for row in report.rows if row_label(row) == name]
        colour = PALETTE[number % len(PALETTE)]
        draw_period_line(axes, rows, key, colour)
        drawn = [row for row in rows if row[key] is not None]
        for stretch in split_runs(rows, lambda row: row["share_low"] is not None and not index):
            axes.fill_between(
                [period_middle(row) for row in stretch],
                [row["share_low"] for row in stretch],
                [row["share_high"] for row in stretch],
                color=colour, alpha=0.15, linewidth=0,
            )  # fmt: skip
        if drawn:
            ends.append((drawn[-1][key], name, colour, period_middle(drawn[-1])))
    if not index:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
    period_count = report.query.get("rolling", 1)
    rolling = f", {period_count}-{report.query['by']} rolling sum" if period_count > 1 else ""
    axes.set_ylabel(f"share, {index} = 100{rolling}" if index else f"share of submissions{rolling}")
    format_time_axis(axes, report.rows)
    if not index and _limit_share_axis(axes, report.rows):
        add_note(figure, "Band: 95 % interval; some extend beyond the top of the chart.")
    mark_breaks(figure, axes, report)
    label_line_ends(axes, ends)
    return figure


def _limit_share_axis(axes: Axes, rows: Sequence[Row]) -> bool:
    """Limit an axis of shares if bands, which are wide for few submissions, would squeeze the lines; return whether."""
    largest_share = max((row["share"] or 0.0 for row in rows), default=0.0)
    largest_bound = max((row["share_high"] or 0.0 for row in rows), default=0.0)
    if not largest_share or largest_bound <= AXIS_HEADROOM * largest_share:
        return False
    axes.set_ylim(0, AXIS_HEADROOM * largest_share)
    return True


def _choose_row_label(report: Report) -> Callable[[Row], str]:
    """Return the function that names the line or bar of a row: by topic, by category if there is one topic, or both."""
    has_several_topics = len({row["name"] for row in report.rows}) > 1
    if "category" not in report.rows[0]:
        return lambda row: str(row["name"])
    return lambda row: f"{row['name']}, {row['category']}" if has_several_topics else str(row["category"])


def draw_volume(report: Report, log: bool = False) -> Figure:
    """Draw submissions by period as bars; incomplete periods are hatched, gaps stay empty.

    A fitted growth is drawn as a line over them. On a `log` axis, on which steady growth is a straight line, points
    take the place of bars.
    """
    report = prepare_report(report)
    check_report_kind(report, "volume", "series", "volume")
    names = list(dict.fromkeys(row.get("name", "") for row in report.rows))
    if len(names) > 1:
        raise UsageError("A volume chart shows one topic; leave out -t for the whole scope.")
    figure, axes = create_figure(report, mark_style="open" if log else "hatched")
    rows = [row for row in report.rows if row["count"] is not None]
    for row in rows:
        start, end = to_day_number(row["start"]), to_day_number(row["end"])
        face = PALETTE[0] if is_whole(row) else "white"
        if log:
            if row["count"]:
                axes.plot(
                    [(start + end) / 2], [row["count"]], "o", color=PALETTE[0], markerfacecolor=face, markersize=4
                )
            continue
        axes.bar(
            start, row["count"], width=(end - start) * 0.86, align="edge",
            color=face, edgecolor=PALETTE[0], hatch=None if is_whole(row) else "///", linewidth=0.8,
        )  # fmt: skip
        if len(rows) <= 16:
            label, shade = (f"{row['count']:,}\npartial", GREY) if is_partial(row) else (f"{row['count']:,}", "black")
            axes.annotate(
                label, ((start + end) / 2, row["count"]), (0, 3), textcoords="offset points", ha="center", va="bottom",
                color=shade, fontsize=9, zorder=4, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if not log:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=TICK_STEPS))
    axes.set_ylabel("submissions")
    fitted_rows = [row for row in rows if row.get("fitted") is not None]
    if fitted_rows:
        fitted = [row["fitted"] for row in fitted_rows]
        axes.plot([period_middle(row) for row in fitted_rows], fitted, color=PALETTE[1], linewidth=1.6, zorder=3)
        growth = report.summary["growth"]
        add_note(
            figure,
            f"Line: fitted growth of {100 * growth['growth']:+.1f} % a year [{100 * growth['ci_low']:+.1f}, "
            f"{100 * growth['ci_high']:+.1f}], R² {growth['r_squared']:.2f}.",
        )
    format_time_axis(axes, report.rows, from_zero=not log)
    mark_breaks(figure, axes, report)
    return figure


def draw_change(report: Report) -> Figure:
    """Draw the relative change between two periods as a bar per topic, with its 95 % interval and the two counts."""
    report = prepare_report(report)
    check_report_kind(report, "change", "comparison")
    row_label = _choose_row_label(report)
    rows = [row for row in report.rows if row["relative_change"] is not None]
    undrawn = [row for row in report.rows if row["relative_change"] is None]
    rows.sort(key=lambda row: (row["relative_change"], row["topic"]))
    choice_note = ""
    if len(rows) > MAX_BARS:
        falls, rises = ([row for row in rows if sign * row["relative_change"] > 0] for sign in (-1, 1))
        unchanged = len(rows) - len(falls) - len(rises)
        choice_note = (
            f"Shown: {_describe_largest(len(rises), 'rises')} and {_describe_largest(len(falls), 'falls')}"
            + (f"; {unchanged} unchanged." if unchanged else ".")
        )
        rows = [*falls[: MAX_BARS // 2], *rises[-MAX_BARS // 2 :]]
    figure, axes = create_figure(report, height=1.7 + 0.3 * max(len(rows), 1), mark_style="")
    # the interval of a small count would squeeze all other bars, so the axis follows the bars and cuts long intervals
    values = [row["relative_change"] for row in rows] or [0.0]
    limit = max(0.5, 1.25 * max(values))
    max_limit = limit * (1.2 if len(rows) > MAX_AXIS_LABELS else 3)  # a few bars can be shorter
    highs = [row["ci_high"] for row in rows if row["ci_high"] is not None and row["ci_high"] <= max_limit]
    limit = max([limit, *(1.02 * high for high in highs)])  # no arrow for an interval that nearly fits
    for y, row in enumerate(rows):
        value, low = row["relative_change"], row["ci_low"]
        high = limit * 2 if row["ci_high"] is None else row["ci_high"]
        axes.barh(y, value, color=PALETTE[0] if value >= 0 else PALETTE[1], height=0.68, zorder=2)
        axes.plot([low, min(high, limit)], [y, y], color="#222222", linewidth=1.1, zorder=3)
        if high > limit:
            axes.plot([limit], [y], marker=">", color="#222222", markersize=4, clip_on=False, zorder=3)
    axes.set_yticks(range(len(rows)), [f"{row_label(row)}  {row['count_1']:,} → {row['count_2']:,}" for row in rows])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(min(-0.1, *(1.08 * row["ci_low"] for row in rows), -0.1), limit)
    axes.axvline(0, color="#222222", linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=TICK_STEPS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+,.0f} %" if value else "0"))
    axes.set_xlabel("relative change in share")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    if any(row["ci_high"] is None or row["ci_high"] > limit for row in rows):
        add_note(figure, "Arrow: the interval extends beyond the chart.")
    if choice_note:
        add_note(figure, choice_note)
    new = [row_label(row) for row in undrawn if row.get("change") == "new"]
    undefined = [row_label(row) for row in undrawn if row.get("change") != "new"]
    for reason, names in (("New (no relative change)", new), ("Not shown (no relative change)", undefined)):
        if names:
            add_note(figure, f"{reason}: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}.")
    return figure


def _describe_largest(count: int, plural: str) -> str:
    limit = MAX_BARS // 2
    if count > limit:
        return f"the {limit} largest of {count} {plural}"
    return {0: f"no {plural}", 1: f"the only {plural[:-1]}"}.get(count, f"all {count} {plural}")


def draw_heatmap(report: Report) -> Figure:
    """Draw the shares of many topics by period as colours, each topic scaled to its peak; empty cells are gaps.

    Topics are ordered by the period of their peak; those without a match are only counted in a note.
    """
    report = prepare_report(report)
    check_report_kind(report, "heatmap", "series")
    row_label = _choose_row_label(report)
    names = list(dict.fromkeys(row_label(row) for row in report.rows))
    periods = list(dict.fromkeys(row["period"] for row in report.rows if row["share"] is not None))
    if not periods:
        raise UsageError("Nothing to draw: no period has a share.")
    shares = {(row_label(row), row["period"]): row["share"] for row in report.rows}
    peaks = {name: max((shares[name, period] or 0.0 for period in periods), default=0.0) for name in names}

    def peak_position(name: str) -> int:
        return max(range(len(periods)), key=lambda position: shares[name, periods[position]] or 0.0)

    matched_names = [name for name in names if peaks[name]]
    unmatched_count, names = len(names) - len(matched_names), matched_names or names
    names.sort(key=lambda name: (-peak_position(name), peaks[name]))
    grid = [
        [
            float("nan") if (value := shares[name, period]) is None else value / (peaks[name] or 1.0)
            for period in periods
        ]
        for name in names
    ]
    figure, axes = create_figure(report, height=1.8 + 0.24 * len(names), mark_style="")
    colours = mpl.colormaps["cividis"].with_extremes(bad="white")
    image = axes.imshow(grid, aspect="auto", cmap=colours, vmin=0, vmax=1, interpolation="nearest")
    axes.set_yticks(range(len(names)), [f"{name}  (peak {100 * peaks[name]:.2g} %)" for name in names])
    positions, tick_labels = list(range(len(periods))), periods
    if len(periods) > MAX_AXIS_LABELS:  # label the first period of each year
        first = row_label(report.rows[0])
        years = [row["start"][:4] for row in report.rows if row_label(row) == first and row["period"] in periods]
        positions = [i for i in positions if i == 0 or years[i] != years[i - 1]]
        tick_labels = years
    positions = positions[:: -(-len(positions) // MAX_AXIS_LABELS)]
    axes.set_xticks(positions, [tick_labels[i] for i in positions])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    bar = figure.colorbar(image, ax=axes, fraction=0.025, pad=0.02)
    bar.set_label("share relative to peak")
    if unmatched_count and matched_names:
        add_note(figure, f"Topics without matches (not shown): {unmatched_count}.")
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the ending of its path; the same figure gives the same bytes.

    Raise UsageError if the file cannot be written, ActionRequiredError if the disk is full.
    """
    write_named_file(path, encode_figure(figure, path.suffix.lstrip(".").lower()))


def encode_figure(figure: Figure, kind: str) -> bytes:
    """Return a figure as the bytes of a PNG, SVG or PDF file; raise UsageError for any other kind."""
    if kind not in FIGURE_FORMATS:
        raise UsageError(f"Charts are saved as .png, .svg or .pdf{f', not .{kind}' if kind else ''}.")
    stream = BytesIO()
    metadata: dict[str, Any] = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with mpl.rc_context({"svg.hashsalt": "trendcli", "svg.fonttype": "none"}):
        figure.savefig(stream, format=kind, metadata=metadata, dpi=144)
    return stream.getvalue()
