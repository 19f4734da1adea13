"""A Markdown table with its notes."""

from __future__ import annotations

from trendcli.core.types import Report
from trendcli.output.values import head, is_number, text


def render(report: Report) -> str:
    """The report as Markdown: a heading, a table, and the notes as a list."""
    title = f"MADE-UP DATA: {report.title}" if report.synthetic else report.title
    heads = [_cell(head(column)) for column in report.columns]
    rule = ["---:" if is_number(column) else "---" for column in report.columns]
    rows = [[_cell(text(row, column)) for column in report.columns] for row in report.rows]
    lines = [f"| {' | '.join(cells)} |" for cells in [heads, rule, *rows]]
    notes = [f"- {_cell(note)}" for note in report.notes]
    below = [part for section in report.sections for part in ("", render(section).rstrip("\n"))]
    return "\n".join([f"## {_cell(title)}", "", *lines, *([""] if notes else []), *notes, *below]) + "\n"


def _cell(value: str) -> str:
    # text of papers must not become markup, nor end the cell
    for char in "\\`*_[]<>|~":
        value = value.replace(char, "\\" + char) if char in value else value
    return " ".join(value.split())
