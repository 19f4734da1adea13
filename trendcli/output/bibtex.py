"""Submissions as BibTeX entries, for papers reports alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.report import Report


def render_bibtex(report: Report) -> str:
    """An @misc entry for each submission, keyed by first author, year and id; UsageError for other kinds of report."""
    if report.kind != "papers":
        raise UsageError("BibTeX is a format of `trend papers` alone.")
    note = ["% MADE-UP DATA: none of these papers exists"] if report.synthetic else []
    return "\n".join([*note, *(_format_entry(row, report.corpus, report.synthetic) for row in report.rows)]) + "\n"


def _format_entry(row: Mapping[str, Any], corpus: str, synthetic: bool) -> str:
    year = str(row.get("year") or row["v1"][:4])
    family = re.sub(r"[^a-z]", "", row["authors"][0].split()[-1].lower()) if row["authors"] else "anonymous"
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
    return f"@misc{{{family}{year}_{row['id'].replace('/', '_')},\n" + ",\n".join(lines) + "\n}"


def _escape_latex(text: str) -> str:
    """Text without what would break an entry: braces that do not pair, and LaTeX's own signs outside of maths."""
    text = text if text.count("{") == text.count("}") else re.sub(r"[{}]", "", text)
    return text if "$" in text or "\\" in text else re.sub(r"([&%#_])", r"\\\1", text)
