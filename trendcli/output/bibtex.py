"""Submissions as BibTeX entries, for reports of kind `papers` only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.report import Report


def render_bibtex(report: Report) -> str:
    """Return an @misc entry per submission, keyed by first author, year and id; UsageError for other reports."""
    if report.kind != "papers":
        raise UsageError("Only `trend papers` can be written as BibTeX.")
    warning = ["% MADE-UP DATA: none of these papers exists"] if report.synthetic else []
    return "\n".join([*warning, *(_format_entry(row, report.corpus, report.synthetic) for row in report.rows)]) + "\n"


def _format_entry(row: Mapping[str, Any], corpus: str, synthetic: bool) -> str:
    year = str(row.get("year") or row["v1"][:4])
    surname = re.sub(r"[^a-z]", "", row["authors"][0].split()[-1].lower()) if row["authors"] else "anonymous"
    fields = {
        "author": " and ".join(row["authors"]),
        "title": "{" + _escape_latex(row["title"]) + "}",
        "year": year,
        **(
            {"eprint": row["id"], "archivePrefix": "arXiv", "primaryClass": row["primary"]}
            if corpus == "arxiv"
            else {"howpublished": f"Submission to {corpus} {year}, {row['status']}"}
        ),
        "doi": row["doi"],
        "url": row["url"],
        "note": "MADE-UP DATA: this paper does not exist" if synthetic else "",
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@misc{{{surname}{year}_{row['id'].replace('/', '_')},\n" + ",\n".join(lines) + "\n}"


def _escape_latex(text: str) -> str:
    """Return text that cannot break an entry: without unbalanced braces, LaTeX's special characters escaped.

    Text with maths or commands is left as it is.
    """
    text = text if text.count("{") == text.count("}") else re.sub(r"[{}]", "", text)
    return text if "$" in text or "\\" in text else re.sub(r"([&%#_])", r"\\\1", text)
