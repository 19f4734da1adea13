"""A Markdown table with its notes."""

from __future__ import annotations

from trendcli.core.report import Report
from trendcli.output.values import column_heading, format_cell, is_numeric_column


def render_markdown(report: Report) -> str:
    """The report as Markdown: a heading, a table, and the notes as a list."""
    title = f"MADE-UP DATA: {report.title}" if report.synthetic else report.title
    heads = [_escape_cell(column_heading(column)) for column in report.columns]
    rule = ["---:" if is_numeric_column(column) else "---" for column in report.columns]
    rows = [[_escape_cell(format_cell(row, column)) for column in report.columns] for row in report.rows]
    lines = [f"| {' | '.join(cells)} |" for cells in [heads, rule, *rows]]
    notes = [f"- {_escape_cell(note)}" for note in report.notes]
    below = [part for section in report.sections for part in ("", render_markdown(section).rstrip("\n"))]
    return "\n".join([f"## {_escape_cell(title)}", "", *lines, *([""] if notes else []), *notes, *below]) + "\n"


def _escape_cell(value: str) -> str:
    # text of papers must not become markup, nor end the cell
    for char in "\\`*_[]<>|~":
        value = value.replace(char, "\\" + char) if char in value else value
    return " ".join(value.split())
