"""The page of a week: one HTML file that needs neither server nor network. Numbers read as they do in the tables.

What the page says without a script is set here; the script in the template reads the report that is embedded in it.
Text from papers is escaped by the template and can never become markup.
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

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trendcli.core.report import Column
from trendcli.output.values import NOT_AVAILABLE, format_cell

TEMPLATE_FOLDER = Path(__file__).resolve().parent / "templates"
STATUS_LABELS = {
    "complete": "complete",
    "provisional": "provisional: may still grow",
    "partial": "partial: not wholly covered",
    "unknown": "unknown whether it is whole",
}
VERDICT_ARROWS = {"rising": "▲", "falling": "▼"}
# a reader takes in this many names at a glance; the others wait behind a click
MAX_NAMES = 8
SPARKLINE_WIDTH, SPARKLINE_HEIGHT = 132, 22

_CHANGE_COLUMN = Column("relative_change", "change", "change")
_INTERVAL_COLUMN = Column("ci_low", "95 % interval", "interval", second_key="ci_high")
_COUNT_COLUMN = Column("count", "papers", "count")
_SHARE_COLUMN = Column("share", "share", "share")


class ChartImage(NamedTuple):
    """A chart with its caption, what it shows in words, its bytes, and the name of its files where it has some."""

    title: str
    alt: str
    svg: bytes
    name: str = ""
    png: bytes = b""


def render_page(report: Mapping[str, Any], charts: Sequence[ChartImage]) -> str:
    """The page of a weekly report; the same report and charts give the same page."""
    return template_environment().get_template("page.html").render(
        report=dict(report),
        status=STATUS_LABELS[report["week"]["status"]],
        last_day=last_day(report),
        periods={key: _format_periods(report["rows"], key) for key in ("quarter", "year")},
        rows=[_format_row(row, report["series"].get(row["topic"]), report["months"]) for row in report["rows"]],
        clear=list_clear_changes(report),
        groups=group_submissions(report),
        charts=[{"title": chart.title, "alt": chart.alt, "source": _data_uri(chart.svg)} for chart in charts],
    )  # fmt: skip


def last_day(report: Mapping[str, Any]) -> str:
    """The last day inside: people count a week from Monday to Sunday, the report up to the Monday after."""
    return (date.fromisoformat(report["week"]["end"]) - timedelta(days=1)).isoformat()


def list_clear_changes(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What rose and fell clearly by quarter and by year; empty where nothing did."""
    return [found for key in ("quarter", "year") if (found := _group_clear_changes(report["rows"], key))]


def group_submissions(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The papers of each watched topic; one of two topics stands under both."""
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
    """Where all templates come from; what they put into a page is escaped, in Markdown by the filter `md`."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATE_FOLDER), autoescape=lambda name: name is None or not name.endswith(".md"),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    # a NaN would be no JSON, and the script would find no report at all
    made.policies["json.dumps_kwargs"] = {"sort_keys": True, "allow_nan": False, "separators": (",", ":")}
    made.filters.update(number=_format_count, md=escape_markdown)
    made.tests["is_link"] = is_link
    made.globals.update(
        arrows=VERDICT_ARROWS, spark_width=SPARKLINE_WIDTH, spark_height=SPARKLINE_HEIGHT, most=MAX_NAMES
    )
    return made


def _format_count(value: int | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value:,}"


# what means something in Markdown, and what may not stand in a line of it
_MARKDOWN_SIGNS = re.compile(r"([\\`*_\[\]<>#|~$])")
_LINE_BREAKS = re.compile(r"[\r\n\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def escape_markdown(text: str) -> str:
    """Text that means nothing but itself in Markdown, on one line."""
    return _MARKDOWN_SIGNS.sub(r"\\\1", _LINE_BREAKS.sub(" ", text))


def is_link(url: str) -> bool:
    """Whether an address may be followed: one of the web, never a script."""
    return re.match(r"https?://[^\s/]", url, re.IGNORECASE) is not None


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg).decode('ascii')}"


def _format_periods(rows: Iterable[Mapping[str, Any]], key: str) -> str:
    """The two periods that a column compares, '' where nothing is compared."""
    return next((f"{row[key]['period']} vs {row[key]['vs']}" for row in rows if row[key]), "")


def _format_row(
    row: Mapping[str, Any], series: Mapping[str, Any] | None, months: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """A row of the table in words and strokes."""
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
    """What rose and fell clearly between two periods, the largest changes first; None where nothing did."""
    clear = [row for row in rows if row[key] and row[key]["verdict"] in VERDICT_ARROWS]
    if not clear:
        return None

    def change_sort_key(row: Mapping[str, Any]) -> tuple[float, str]:
        # what is new has no relative change, and rose more than all that has one
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
    """A line of shares from zero to their largest, broken at holes, and the same in words; None where all are holes."""
    known = [(place, share) for place, share in enumerate(shares) if share is not None]
    if not known:
        return None
    most = max(share for _, share in known) or 1.0

    def format_point(place: int, share: float) -> str:
        across = 3 + (SPARKLINE_WIDTH - 6) * place / max(len(shares) - 1, 1)
        return f"{across:.1f} {SPARKLINE_HEIGHT - 3 - (SPARKLINE_HEIGHT - 6) * share / most:.1f}"

    # neighbours have the same distance between their place among all and among the known ones
    runs = [
        [format_point(*pair) for _, pair in run]
        for _, run in groupby(enumerate(known), lambda item: item[1][0] - item[0])
    ]
    last, last_share = known[-1]

    def describe_point(pair: tuple[int, float]) -> str:
        return f"{100 * pair[1]:.2f} % in {months[pair[0]]['period']}"

    holes = len(shares) - len(known)
    highest = max(known, key=lambda pair: pair[1])
    said = f"{describe_point(known[0])}, {describe_point(known[-1])}, at most {describe_point(highest)}"
    return {
        # h0: a month between two holes is a dot
        "line": " ".join(f"M{' L'.join(run)}{' h0' if len(run) == 1 else ''}" for run in runs),
        "end": format_point(last, last_share).split(),
        "text": f"{said}; {holes} {'month' if holes == 1 else 'months'} without data" if holes else said,
    }


def _topic_submissions(report: Mapping[str, Any], topic: str, names: Mapping[str, str]) -> list[Mapping[str, Any]]:
    return [
        {
            **paper,
            "by": format_authors(paper["authors"]),
            # a title is not said twice
            "said": _split_at_phrase(
                paper["sentence"] if paper["sentence"] != paper["title"] else "", paper["phrase"] or ""
            ),
            "others": [names.get(other, other) for other in paper["topics"] if other != topic],
        }
        for paper in report["papers"]
        if topic in paper["topics"]
    ]


def format_authors(names: Sequence[str]) -> str:
    """Up to three authors, and that there are more."""
    return ", ".join(names[:3]) + (" et al." if len(names) > 3 else "")


def _split_at_phrase(sentence: str, phrase: str) -> tuple[str, str, str]:
    """A sentence parted around the first place of a phrase; all before it where the phrase is spelled otherwise."""
    found = re.search(re.escape(phrase), sentence, re.IGNORECASE)
    if not phrase or not found:
        return sentence, "", ""
    return sentence[: found.start()], found[0], sentence[found.end() :]
