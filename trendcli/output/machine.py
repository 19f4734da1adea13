"""A report for programs: JSON, JSON lines and CSV, with every value as it is in the report."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from trendcli.core.report import Report
from trendcli.core.text import SURROGATES, UNSHOWABLE
from trendcli.output.csv_cells import protect_cell

_JSON_CONTROLS = re.compile(f"(?!\n){UNSHOWABLE.pattern}|{SURROGATES.pattern}")  # lines end with \n between values

_SHAPED = (str, bool, list)  # what is not written to CSV as it is


def render_json(report: Report) -> str:
    """Return the whole report as one JSON object, with the keys of the command-line contract."""
    return format_json(_report_to_dict(report))


def format_json(value: Mapping[str, Any]) -> str:
    """Return an object as indented JSON; ValueError for NaN and infinity, which JSON does not have."""
    return _dump_json(value, indent=1) + "\n"


def _dump_json(value: Any, indent: int | None = None) -> str:
    """Return JSON in which the control characters of text are escaped, also those that JSON itself would allow."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    if text.isprintable():
        return text
    return _JSON_CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _report_to_dict(report: Report) -> dict[str, Any]:
    return {
        "kind": report.kind,
        "title": report.title,
        "corpus": report.corpus,
        "synthetic": report.synthetic,
        "query": report.query,
        "periods": list(report.periods),
        "rows": list(report.rows),
        "data_as_of": report.data_as_of,
        "coverage": report.coverage,
        "notes": list(report.notes),
        "provenance": report.provenance,
        **({"summary": report.summary} if report.summary else {}),
        **({"breaks": list(report.breaks)} if report.breaks else {}),
        **({"sections": [_report_to_dict(section) for section in report.sections]} if report.sections else {}),
    }


def render_jsonl(report: Report) -> str:
    """Return a JSON object per row and line; rows of a made-up corpus have `"synthetic": true`."""
    return "".join(_dump_json(row) + "\n" for row in _mark_synthetic_rows(report))


def render_csv(report: Report) -> str:
    """Return a header line and a line per row; a missing value is empty, lists are joined by '; '.

    Text that a spreadsheet would compute has an apostrophe in front. Rows of a made-up corpus have a last column
    `synthetic`.
    """
    rows = _mark_synthetic_rows(report)
    keys = list(rows[0]) if rows else [key for column in report.columns for key in column.keys]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(keys)
    for row in rows:
        writer.writerow([_format_csv_value(value) if type(value) in _SHAPED else value for value in row.values()])
    return stream.getvalue()


def _mark_synthetic_rows(report: Report) -> Sequence[Mapping[str, Any]]:
    return [{**row, "synthetic": True} for row in report.rows] if report.synthetic else report.rows


def _format_csv_value(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return protect_cell(value) if isinstance(value, str) else value
