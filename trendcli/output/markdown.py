"""A report as a Markdown table, and the escaping of text for Markdown."""

from __future__ import annotations

import re

from trendcli.core.report import Report
from trendcli.core.text import clean_text
from trendcli.output.values import clean_report, column_heading, format_cell, is_numeric_column

_SPECIAL_CHARACTERS = re.compile(r"([\\`*_\[\]<>#|~$])")


def render_markdown(report: Report) -> str:
    """Return the report as Markdown: a heading, a table, and the notes as a list."""
    report = clean_report(report)
    title = f"MADE-UP DATA: {report.title}" if report.synthetic else report.title
    header = [escape_markdown(column_heading(column)) for column in report.columns]
    rule = ["---:" if is_numeric_column(column) else "---" for column in report.columns]
    rows = [[escape_markdown(format_cell(row, column)) for column in report.columns] for row in report.rows]
    table = [f"| {' | '.join(cells)} |" for cells in [header, rule, *rows]]
    notes = [f"- {escape_markdown(note)}" for note in report.notes]
    sections = [part for section in report.sections for part in ("", render_markdown(section).rstrip("\n"))]
    return "\n".join([f"## {escape_markdown(title)}", "", *table, *([""] if notes else []), *notes, *sections]) + "\n"


def escape_markdown(text: str) -> str:
    """Return text on one line that is no markup in Markdown and cannot end a table cell."""
    return _SPECIAL_CHARACTERS.sub(r"\\\1", " ".join(clean_text(text).split()))
