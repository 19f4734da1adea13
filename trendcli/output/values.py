"""Numbers as people read them: the one place where a fraction becomes a percentage. Units are in column headings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from trendcli.core.report import Column, Report
from trendcli.core.text import clean_text

NOT_AVAILABLE = "n/a"  # the count is unknown, because days are not covered
NO_VALUE = "–"  # the number does not exist, such as a change from zero


def format_cell(row: Mapping[str, Any], column: Column) -> str:
    """Return the text of a cell, without its unit; `NOT_AVAILABLE` or `NO_VALUE` if there is no number."""
    if column.unit == "interval":
        return _format_interval(row, column)
    if column.unit == "share_interval":
        low, high = (row[key] for key in column.keys)
        return _format_missing(row) if low is None else f"[{100 * low:.2f}, {100 * high:.2f}]"
    if column.unit == "ranks":
        first, second = (row[key] for key in column.keys)
        return f"{first}→{second}" if first and second else _format_missing(row)
    value = row[column.key]
    # a change that is no number has a word instead, such as "new"
    change_word = row.get(column.key.removeprefix("relative_")) if column.key.startswith("relative_change") else None
    if value is None and change_word:
        return str(change_word)
    if column.key == "status":
        return f"{'~ ' if value == 'provisional' else ''}{value}{', clipped' if row.get('clipped') else ''}"
    if value is None:
        return _format_missing(row)
    if column.unit == "count":
        return f"{value:,}"
    if column.unit == "share":
        return f"{100 * value:.2f}"
    if column.unit == "points":
        return f"{100 * value:+.2f}"
    if column.unit == "change":
        return format_percent(value)
    if column.unit == "index":
        return f"{value:.1f}"
    if column.unit == "verdict":
        return f"{value}, robust" if row.get("robust") and value in ("rising", "falling") else str(value)
    if column.unit == "p":
        return "<0.001" if value < 0.001 else f"{value:.3f}"
    if column.unit == "day":
        return str(value)[:10]
    if column.unit == "matches":
        return "; ".join(dict.fromkeys(match["text"] for match in value))
    return str(value)


def _format_missing(row: Mapping[str, Any]) -> str:
    counts = [row[key] for key in ("count", "count_1", "count_2") if key in row]
    return NOT_AVAILABLE if None in counts else NO_VALUE


def _format_interval(row: Mapping[str, Any], column: Column) -> str:
    low, high = (row[key] for key in column.keys)
    if low is None:
        return _format_missing(row)
    if high is None:
        return f"from {format_percent(low)}"
    return f"[{format_percent(low)}, {format_percent(high)}]"


def format_percent(value: float) -> str:
    """Return a fraction in percent with its sign: one decimal below 100 %, beyond which it would only look exact."""
    return f"{100 * value:+,.0f}" if value >= 0.9995 else f"{100 * value:+.1f}"


def clean_report(report: Report, clean: Callable[[str], str] = clean_text) -> Report:
    """Return a report with all its text cleaned: without control characters, as a page or a table may show it."""

    def clean_value(value: Any) -> Any:
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, Mapping):
            return {key: clean_value(item) for key, item in value.items()}
        return [clean_value(item) for item in value] if isinstance(value, list | tuple) else value

    return replace(
        report,
        title=clean(report.title),
        query=clean_value(report.query),
        columns=[replace(column, label=clean(column.label)) for column in report.columns],
        rows=clean_value(report.rows),
        periods=clean_value(report.periods),
        notes=clean_value(report.notes),
        breaks=clean_value(report.breaks),
        sections=[clean_report(section, clean) for section in report.sections],
    )


def column_heading(column: Column) -> str:
    """Return the label of a column with its unit; an interval has that of the number beside it."""
    return f"{column.label} %" if column.unit in ("change", "share") else column.label


def is_numeric_column(column: Column) -> bool:
    """Return whether a column is right-aligned."""
    return column.unit not in ("text", "day", "matches", "verdict")
