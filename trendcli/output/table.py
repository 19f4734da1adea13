"""Aligned text: boxes on a terminal, plain and uncut in a pipe, a file or a log."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from trendcli.core.report import Column, Report
from trendcli.output.values import column_heading, format_cell, is_numeric_column

# how narrow a column of names becomes before another column goes, and at the very least
PREFERRED_NAME_WIDTH, MIN_NAME_WIDTH = 16, 8


def render_table(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """The report as a table with its title and notes.

    `width` is that of a terminal: columns that do not fit go, the least important first. Without it nothing is cut.
    """
    whole = _render_one_table(report, width=width, color=color)
    return "\n".join([whole, *(_render_one_table(section, width=width, color=color) for section in report.sections)])


def _render_one_table(report: Report, *, width: int | None, color: bool) -> str:
    columns = list(report.columns)
    cells = [[format_cell(row, column) for column in columns] for row in report.rows]
    left_out, narrow = "", False
    if width is not None and cells:
        columns, cells, width, narrow = _fit_columns(columns, cells, width)
        hidden = ", ".join(column.label.lower() for column in report.columns if column not in columns)
        left_out = f"Left out for want of width: {hidden}." if hidden else ""
    title = f"MADE-UP DATA: {report.title}" if report.synthetic else report.title
    notes = [*([left_out] if left_out else []), *report.notes]
    notes = notes if width is None else [textwrap.fill(note, width) for note in notes]
    if not cells and report.kind in ("verification", "doctor", "check"):  # that nothing is wrong is said in words
        return "\n".join([title, "", *notes]) + "\n"
    if not cells:
        body = "(nothing)"
    elif width is None:
        body = _render_plain(columns, cells)
    else:
        return _render_boxed(title, columns, cells, notes, width, color, narrow)
    return "\n".join([title, "", body, "", *notes]) + "\n"


def _fit_columns(
    columns: list[Column], cells: list[list[str]], width: int
) -> tuple[list[Column], list[list[str]], int, bool]:
    """The columns that fit side by side, the width that takes, and whether words have to be broken for it.

    Those of rank 0 stay, if need be beyond the edge.
    """
    kept = list(range(len(columns)))

    def required_width(name: int) -> int:
        widths = [
            max(_label_width(column_heading(columns[i])), *(_min_cell_width(columns[i], row[i], name) for row in cells))
            for i in kept
        ]
        return sum(widths) + 2 * len(widths) + 1

    while required_width(PREFERRED_NAME_WIDTH) > width and any(columns[i].rank for i in kept):
        worst = max(columns[i].rank for i in kept)  # one of a pair without the other would mislead
        kept = [i for i in kept if columns[i].rank < worst]
    narrow = required_width(PREFERRED_NAME_WIDTH) > width
    return (
        [columns[i] for i in kept],
        [[row[i] for i in kept] for row in cells],
        max(width, required_width(MIN_NAME_WIDTH)),
        narrow,
    )


def _is_fixed_width(column: Column) -> bool:
    return is_numeric_column(column) or column.unit == "day"


def _label_width(label: str) -> int:
    return max(map(len, label.split()), default=0)


def _min_cell_width(column: Column, value: str, name_width: int) -> int:
    """How narrow a cell can be: numbers stay whole, names wrap, at their words down to NAME characters."""
    if _is_fixed_width(column):
        return len(value)
    if column.unit == "verdict":  # of three short words
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
    narrow: bool,
) -> str:
    from io import StringIO

    from rich.box import HORIZONTALS  # 40 ms, and only a terminal gets to see it
    from rich.console import Console
    from rich.table import Table

    table = Table(box=HORIZONTALS, header_style="bold", padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        # a name may wrap where the terminal is narrow, a number never; a header breaks to the width of its numbers
        widest = max([_label_width(column_heading(column)), *(len(row[number]) for row in cells)])
        label = "\n".join(textwrap.wrap(column_heading(column), widest))
        table.add_column(
            label,
            justify="right" if is_numeric_column(column) else "left",
            no_wrap=_is_fixed_width(column),
            overflow="fold",
            min_width=widest
            if _is_fixed_width(column)
            else _min_column_width(column, [row[number] for row in cells], narrow),
        )
    for row in cells:
        table.add_row(*[_escape_markup(value) for value in row])
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False
    )
    console.print(_escape_markup(title), style="bold")
    console.print(table)
    for note in notes:
        console.print(_escape_markup(note), style="dim")
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _min_column_width(column: Column, values: Sequence[str], narrow: bool) -> int:
    """How narrow a column of words becomes: to its longest word, and below that only where nothing else would fit."""
    word = max(map(_label_width, values), default=0)
    return max(min(word, MIN_NAME_WIDTH if narrow else PREFERRED_NAME_WIDTH), _label_width(column_heading(column)))


def _escape_markup(value: str) -> str:
    from rich.markup import escape

    return escape(value)
