"""A report as aligned text: fitted to a terminal, or plain and uncut for a pipe, a file or a log."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from trendcli.core.report import Column, Report
from trendcli.output.values import clean_report, column_heading, format_cell, is_numeric_column

PREFERRED_NAME_WIDTH = 16  # characters: a column of names gets narrower only if no other column can be hidden
MIN_NAME_WIDTH = 8  # characters


def render_table(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """Return the report as a table with its title and notes, and its sections below.

    `width` is that of a terminal, in characters: columns that do not fit are hidden, those of the highest rank first.
    Without it nothing is hidden or cut. `color` adds ANSI codes, and has no effect without a width.
    """
    report = clean_report(report)
    return "\n".join(_render_one_table(part, width=width, color=color) for part in (report, *report.sections))


def _render_one_table(report: Report, *, width: int | None, color: bool) -> str:
    columns = list(report.columns)
    cells = [[format_cell(row, column) for column in columns] for row in report.rows]
    hidden_note: list[str] = []
    is_narrow = False
    if width is not None and cells:
        columns, cells, width, is_narrow = _fit_columns(columns, cells, width)
        hidden = ", ".join(column.label.lower() for column in report.columns if column not in columns)
        hidden_note = [f"Hidden to fit (widen the terminal or use --format csv): {hidden}."] if hidden else []
    title = f"MADE-UP DATA: {report.title}" if report.synthetic else report.title
    notes = [*hidden_note, *report.notes]
    notes = notes if width is None else [textwrap.fill(note, width) for note in notes]
    if not cells and report.kind in ("verification", "doctor", "check"):  # their notes say that nothing is wrong
        return "\n".join([title, "", *notes]) + "\n"
    if not cells:
        body = "(no rows)"
    elif width is None:
        body = _render_plain(columns, cells)
    else:
        return _render_boxed(title, columns, cells, notes, width, color, is_narrow)
    return "\n".join([title, "", body, "", *notes]) + "\n"


def _fit_columns(
    columns: list[Column], cells: list[list[str]], width: int
) -> tuple[list[Column], list[list[str]], int, bool]:
    """Return the columns that fit side by side with their cells, the width they take, and whether names get narrow.

    Columns of rank 0 always stay, even if they do not fit.
    """
    shown = list(range(len(columns)))

    def required_width(name_width: int) -> int:
        widths = [
            max(
                _label_width(column_heading(columns[i])),
                *(_min_cell_width(columns[i], row[i], name_width) for row in cells),
            )
            for i in shown
        ]
        return sum(widths) + 2 * len(widths) + 1

    while required_width(PREFERRED_NAME_WIDTH) > width and any(columns[i].rank for i in shown):
        # all columns of a rank at once: one of a pair without the other would mislead
        highest_rank = max(columns[i].rank for i in shown)
        shown = [i for i in shown if columns[i].rank < highest_rank]
    is_narrow = required_width(PREFERRED_NAME_WIDTH) > width
    return (
        [columns[i] for i in shown],
        [[row[i] for i in shown] for row in cells],
        max(width, required_width(MIN_NAME_WIDTH)),
        is_narrow,
    )


def _is_fixed_width(column: Column) -> bool:
    return is_numeric_column(column) or column.unit == "day"


def _label_width(label: str) -> int:
    """Return the length of the longest word."""
    return max(map(len, label.split()), default=0)


def _min_cell_width(column: Column, value: str, name_width: int) -> int:
    """Return the least width of a cell: numbers never wrap, names wrap, between words down to the preferred width."""
    if _is_fixed_width(column):
        return len(value)
    if column.unit == "verdict":  # at most three short words
        return _label_width(value)
    return min(len(value), max(name_width, _label_width(value)) if name_width == PREFERRED_NAME_WIDTH else name_width)


def _render_plain(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> str:
    widths = [max(len(column_heading(column)), *(len(row[i]) for row in cells)) for i, column in enumerate(columns)]

    def format_row(values: Sequence[str]) -> str:
        parts = [
            value.rjust(size) if is_numeric_column(column) else value.ljust(size)
            for value, size, column in zip(values, widths, columns, strict=True)
        ]
        return "  ".join(parts).rstrip()

    rule = "  ".join("-" * size for size in widths)
    return "\n".join([format_row([column_heading(column) for column in columns]), rule, *map(format_row, cells)])


def _render_boxed(
    title: str,
    columns: Sequence[Column],
    cells: Sequence[Sequence[str]],
    notes: Sequence[str],
    width: int,
    color: bool,
    is_narrow: bool,
) -> str:
    from io import StringIO

    from rich.box import HORIZONTALS  # importing rich takes 40 ms, and only terminals need it
    from rich.console import Console
    from rich.table import Table

    table = Table(box=HORIZONTALS, header_style="bold", padding=(0, 1, 0, 0))
    for i, column in enumerate(columns):
        # names may wrap on a narrow terminal, numbers never; a heading wraps to the width of its numbers
        widest = max([_label_width(column_heading(column)), *(len(row[i]) for row in cells)])
        table.add_column(
            "\n".join(textwrap.wrap(column_heading(column), widest)),
            justify="right" if is_numeric_column(column) else "left",
            no_wrap=_is_fixed_width(column),
            overflow="fold",
            min_width=widest
            if _is_fixed_width(column)
            else _min_column_width(column, [row[i] for row in cells], is_narrow),
        )
    for row in cells:
        table.add_row(*[_escape_markup(value) for value in row])
    stream = StringIO()
    console = Console(
        file=stream, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False
    )
    console.print(_escape_markup(title), style="bold")
    console.print(table)
    for note in notes:
        console.print(_escape_markup(note), style="dim")
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _min_column_width(column: Column, values: Sequence[str], is_narrow: bool) -> int:
    """Return the least width of a column of words: its longest word, or less if nothing else would fit."""
    longest_word = max(map(_label_width, values), default=0)
    limit = MIN_NAME_WIDTH if is_narrow else PREFERRED_NAME_WIDTH
    return max(min(longest_word, limit), _label_width(column_heading(column)))


def _escape_markup(value: str) -> str:
    from rich.markup import escape

    return escape(value)
