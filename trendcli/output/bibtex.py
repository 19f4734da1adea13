"""Submissions as BibTeX entries, for reports of kind `papers` only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.report import Report
from trendcli.core.text import clean_text


def render_bibtex(report: Report) -> str:
    """Return an @misc entry per submission, keyed by first author, year and id; UsageError for other reports."""
    if report.kind != "papers":
        raise UsageError("Only `trend papers` can be written as BibTeX.")
    warning = ["% MADE-UP DATA: none of these papers exists"] if report.synthetic else []
    return "\n".join([*warning, *(_format_entry(row, report.corpus, report.synthetic) for row in report.rows)]) + "\n"


def _format_entry(row: Mapping[str, Any], corpus: str, synthetic: bool) -> str:
    year = str(row.get("year") or row["v1"][:4])
    first_author = next(iter(row["authors"]), "").split()
    surname = re.sub(r"[^a-z]", "", first_author[-1].lower()) if first_author else "anonymous"
    fields = {
        "author": " and ".join(name for name in map(_escape_author, row["authors"]) if name),
        "title": "{" + _escape_latex(row["title"]) + "}",
        "year": year,
        **(
            {"eprint": _keep_verbatim(row["id"]), "archivePrefix": "arXiv", "primaryClass": row["primary"]}
            if corpus == "arxiv"
            else {"howpublished": f"Submission to {_escape_latex(corpus)} {year}, {_escape_latex(row['status'])}"}
        ),
        "doi": _keep_verbatim(row["doi"] or ""),
        "url": _keep_verbatim(row["url"]),
        "note": "MADE-UP DATA: this paper does not exist" if synthetic else "",
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    key = re.sub(r"[^A-Za-z0-9.:_-]", "_", f"{surname}{year}_{row['id']}")
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _escape_author(name: str) -> str:
    """Return a name as one author, also where it contains what separates two."""
    name = _escape_latex(name)
    return f"{{{name}}}" if re.search(r"\band\b", name, re.IGNORECASE) else name


def _escape_latex(text: str) -> str:
    """Return text that cannot break an entry: on one line, without unbalanced braces, % and # escaped.

    & and _ are escaped too, unless the text has maths or commands, in which they have a meaning.
    """
    text = clean_text(text).strip().rstrip("\\")  # which would escape the brace behind it
    # BibTeX counts all braces, other programs only those without a backslash: they must be balanced for both
    if not (_is_balanced(text) and _is_balanced(re.sub(r"\\.", "", text))):
        text = re.sub(r"[{}\\]", "", text)
    special = "%#" if "$" in text or "\\" in text else "%#&_"
    return re.sub(rf"(?<!\\)((?:\\\\)*)([{special}])", r"\1\\\2", text)


def _keep_verbatim(text: str) -> str:
    """Return an identifier or address, which programs read as it is, without what could end its field."""
    return re.sub(r"[{}\\\s]", "", clean_text(text))


def _is_balanced(text: str) -> bool:
    """Return whether each brace of a text is closed, and none before it was opened."""
    depth = 0
    for brace in re.findall("[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0
