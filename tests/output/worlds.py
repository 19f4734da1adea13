"""What tests of renderers and charts share: text that would be markup, a report made by hand, and rendering by name."""

from __future__ import annotations

from typing import Any

from trendcli.core.registry import FORMATS, load_entry
from trendcli.core.report import Column, Report

# text that would be markup in HTML, Markdown, or on a terminal
MARKUP = '<script>alert("x")</script> | *bold* `code` _x_ [link](http://x) \\ # $y$'
# what every format has to show of the case of 70 in 1,000 and 100 in 1,600 submissions
COMPARED_FIGURES = ("70", "100", "+42.9", "7.00", "6.25", "-0.75", "-10.7", "-36.2, +25.2")


def papers_report(title: str) -> Report:
    """Return a listing of one submission with this title."""
    row = {
        "id": "1801.00001", "v1": "2018-01-05T00:00:00Z", "version": 1, "title": title, "authors": ["Ada O'Abel", "Bo {B}"],
        "primary": "cs.LG", "categories": ["cs.LG"], "url": "https://arxiv.org/abs/1801.00001", "matches": [], "doi": None,
    }  # fmt: skip
    columns = [Column("id", "Id", "text"), Column("title", "Title", "text")]
    return Report("papers", "Papers", "arxiv", False, {}, columns, [row])


def render(format_name: str, report: Report, **options: Any) -> str:
    """Render a report by the name of a format."""
    text: str = load_entry(FORMATS[format_name])(report, **options)
    return text
