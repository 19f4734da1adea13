"""The page of a week: one HTML file that needs neither server nor network. Numbers read as they do in the tables.

Everything that can be read without a script is rendered here; the script in the template uses the report embedded in
the page. Text from submissions is escaped by the template and can never become markup.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trendcli.core.report import Column
from trendcli.output.markdown import escape_markdown
from trendcli.output.values import NOT_AVAILABLE, format_cell

TEMPLATE_FOLDER = Path(__file__).resolve().parent / "templates"
STATUS_LABELS = {
    "complete": "complete",
    "provisional": "provisional, may still grow",
    "partial": "partially covered",
    "unknown": "coverage unknown",
}
VERDICT_ARROWS = {"rising": "▲", "falling": "▼"}
MAX_NAMES = 8  # names that a reader takes in at a glance; the others wait behind a click
SPARKLINE_WIDTH = 132  # pixels
SPARKLINE_HEIGHT = 22  # pixels

_CHANGE_COLUMN = Column("relative_change", "change", "change")
_INTERVAL_COLUMN = Column("ci_low", "95 % interval", "interval", second_key="ci_high")
_COUNT_COLUMN = Column("count", "papers", "count")
_SHARE_COLUMN = Column("share", "share", "share")


class ChartImage(NamedTuple):
    """A chart with its caption, a description in words, its bytes, and the stem of its files if it is saved as such."""

    title: str
    alt: str
    svg: bytes
    name: str = ""
    png: bytes = b""


def render_page(report: Mapping[str, Any], charts: Sequence[ChartImage]) -> str:
    """Return the page of a weekly report; the same report and charts give the same page."""
    return template_environment().get_template("page.html").render(
        report=dict(report),
        status=STATUS_LABELS[report["week"]["status"]],
        last_day=last_day(report),
        periods={key: _format_periods(report["rows"], key) for key in ("quarter", "year")},
        rows=[_format_row(row, report["series"].get(row["topic"]), report["months"]) for row in report["rows"]],
        clear_changes=list_clear_changes(report),
        groups=group_submissions(report),
        charts=[{"title": chart.title, "alt": chart.alt, "source": _data_uri(chart.svg)} for chart in charts],
    )  # fmt: skip


def last_day(report: Mapping[str, Any]) -> str:
    """Return the Sunday of the week as an ISO date; the report holds the Monday after, which is exclusive."""
    return (date.fromisoformat(report["week"]["end"]) - timedelta(days=1)).isoformat()


def list_clear_changes(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the clear rises and falls by quarter and by year; without those of the two that have none."""
    return [changes for key in ("quarter", "year") if (changes := _group_clear_changes(report["rows"], key))]


def group_submissions(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the submissions of each watched topic; one that matches two topics is listed under both."""
    names = {row["topic"]: row["name"] for row in report["rows"]}
    counts = {row["topic"]: _format_count(row["count"]) for row in report["rows"]}
    return [
        {
            "topic": topic,
            "name": names[topic],
            "count": counts[topic],
            "papers": _topic_submissions(report, topic, names),
        }
        for topic in report["watched"]
    ]


@cache
def template_environment() -> Environment:
    """Return the environment of all templates; values are escaped as HTML, or in Markdown by the filter `md`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE_FOLDER), autoescape=lambda name: name is None or not name.endswith(".md"),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    # NaN is not JSON, and the script would not find a report at all
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "allow_nan": False, "separators": (",", ":")}
    environment.filters.update(number=_format_count, md=escape_markdown, md_url=_escape_url)
    environment.tests["is_link"] = is_link
    environment.globals.update(
        arrows=VERDICT_ARROWS, spark_width=SPARKLINE_WIDTH, spark_height=SPARKLINE_HEIGHT, max_names=MAX_NAMES
    )
    return environment


def _format_count(value: int | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value:,}"


def _escape_url(url: str) -> str:
    """Return an address that cannot end the link in Markdown in which it stands."""
    return quote(url, safe=":/?#@!$&'*+,;=%[]~-._")


def is_link(url: str) -> bool:
    """Return whether an address may become a link: only http and https, never a script."""
    return re.match(r"https?://[^\s/]", url, re.IGNORECASE) is not None


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg).decode('ascii')}"


def _format_periods(rows: Iterable[Mapping[str, Any]], key: str) -> str:
    """Return the two periods that a column compares; '' if nothing is compared."""
    return next((f"{row[key]['period']} vs {row[key]['vs']}" for row in rows if row[key]), "")


def _format_row(
    row: Mapping[str, Any], series: Mapping[str, Any] | None, months: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return a row of the table as text, with its sparkline."""
    return {
        "topic": row["topic"],
        "name": row["name"],
        "watched": row["watched"],
        "count": format_cell(row, _COUNT_COLUMN),
        "share": format_cell(row, _SHARE_COLUMN),
        "changes": [row[key] and _format_change(row[key]) for key in ("quarter", "year")],
        "spark": _draw_sparkline(series["share"], months) if series else None,
    }


def _format_change(change: Mapping[str, Any]) -> Mapping[str, Any]:
    counts = change["count_1"], change["count_2"]
    return {
        "value": format_cell(change, _CHANGE_COLUMN),
        "unit": " %" if change["relative_change"] is not None else "",
        "interval": format_cell(change, _INTERVAL_COLUMN),
        "verdict": change["verdict"],
        "counts": " → ".join(map(_format_count, counts)),
    }


def _group_clear_changes(rows: Iterable[Mapping[str, Any]], key: str) -> Mapping[str, Any] | None:
    """Return the clear rises and falls between two periods, the largest first; None if there are none."""
    clear = [row for row in rows if row[key] and row[key]["verdict"] in VERDICT_ARROWS]
    if not clear:
        return None

    def change_sort_key(row: Mapping[str, Any]) -> tuple[float, str]:
        # a new topic has no relative change, and comes before all others
        change = row[key]["relative_change"]
        return -abs(change) if change is not None else float("-inf"), row["name"]

    return {
        "key": key,
        "period": clear[0][key]["period"],
        "vs": clear[0][key]["vs"],
        "verdicts": [
            {
                "verdict": verdict,
                "rows": [
                    {"name": row["name"], **_format_change(row[key])}
                    for row in sorted(clear, key=change_sort_key)
                    if row[key]["verdict"] == verdict
                ],
            }
            for verdict in VERDICT_ARROWS
        ],
    }


def _draw_sparkline(shares: Sequence[float | None], months: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return a line from zero to the largest share, broken at gaps, and a description; None if all months are gaps."""
    points = [(position, share) for position, share in enumerate(shares) if share is not None]
    if not points:
        return None
    largest = max(share for _, share in points) or 1.0

    def format_point(position: int, share: float) -> str:
        x = 3 + (SPARKLINE_WIDTH - 6) * position / max(len(shares) - 1, 1)
        return f"{x:.1f} {SPARKLINE_HEIGHT - 3 - (SPARKLINE_HEIGHT - 6) * share / largest:.1f}"

    # within a run, the position among all months and the number among the known ones differ by a constant
    runs = [
        [format_point(*point) for _, point in run]
        for _, run in groupby(enumerate(points), lambda numbered: numbered[1][0] - numbered[0])
    ]

    def describe_point(point: tuple[int, float]) -> str:
        return f"{100 * point[1]:.2f} % in {months[point[0]]['period']}"

    gaps = len(shares) - len(points)
    peak = max(points, key=lambda point: point[1])
    description = f"{describe_point(points[0])}, {describe_point(points[-1])}, peak {describe_point(peak)}"
    return {
        # h0: a month between two gaps is a dot
        "line": " ".join(f"M{' L'.join(run)}{' h0' if len(run) == 1 else ''}" for run in runs),
        "end": format_point(*points[-1]).split(),
        "text": f"{description}; {gaps} {'month' if gaps == 1 else 'months'} without data" if gaps else description,
    }


def _topic_submissions(report: Mapping[str, Any], topic: str, names: Mapping[str, str]) -> list[Mapping[str, Any]]:
    return [
        {
            **paper,
            "by": format_authors(paper["authors"]),
            # a title that matched is not repeated as a sentence
            "sentence_parts": _split_at_phrase(
                paper["sentence"] if paper["sentence"] != paper["title"] else "", paper["phrase"] or ""
            ),
            "others": [names.get(other, other) for other in paper["topics"] if other != topic],
        }
        for paper in report["papers"]
        if topic in paper["topics"]
    ]


def format_authors(names: Sequence[str]) -> str:
    """Return up to three authors, followed by "et al." if there are more."""
    return ", ".join(names[:3]) + (" et al." if len(names) > 3 else "")


def _split_at_phrase(sentence: str, phrase: str) -> tuple[str, str, str]:
    """Return what precedes the first occurrence of a phrase, the phrase, and the rest; if absent, all precedes it."""
    match = re.search(re.escape(phrase), sentence, re.IGNORECASE)
    if not phrase or not match:
        return sentence, "", ""
    return sentence[: match.start()], match[0], sentence[match.end() :]
