"""The folder of one week: its document, page, digest, list of papers and charts, drawn from the store alone.

The same store gives the same bytes. A week whose days were still filling is drawn again if its numbers have changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

from trendcli.core import __version__
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.files import write_file_atomically
from trendcli.core.periods import Period, add_months, period_containing, period_start, previous_period
from trendcli.core.types import Progress, Window, ignore_progress
from trendcli.output.machine import format_json
from trendcli.output.weekly_page import ChartImage, render_page
from trendcli.output.weekly_texts import describe_chart, render_digest, render_submissions_csv
from trendcli.reports.trends.comparison import build_comparison
from trendcli.reports.trends.series import build_series
from trendcli.reports.weekly.digest import CURVE_MONTHS, DigestInput, build_digest, remove_control_characters
from trendcli.reports.weekly.folder import drafted_folder, explain_write_errors, is_complete, read_head

# parts of a document that say when it was made, and of which store, and not what it says
_VOLATILE_KEYS = ("drawn", "key", "charts", "data_as_of", "warnings", "notes", "provenance")


def _hash_inputs(*parts: Any) -> str:
    """Hash all that a document can depend on."""
    return blake2b("\n".join(map(repr, parts)).encode(), digest_size=16).hexdigest()


def draw_week(
    out: Path, digest_input: DigestInput, week: Period, today: date, progress: Progress = ignore_progress
) -> bool:
    """Draw the folder of a week; return False if the same store, rules and program have drawn it before."""
    topics = *digest_input.watched_topics, *digest_input.query.topics
    rules = [digest_input.library.match_hash(name) for name in topics]
    key = _hash_inputs(
        __version__,
        digest_input.store.compute_fingerprint(),
        week,
        digest_input.query,
        digest_input.watched_topics,
        digest_input.default_scope,
        rules,
    )
    head = read_head(out, week)
    if head and head.get("key") == key and is_complete(out, week, head):
        return False
    document = build_digest(digest_input, week, today, progress)
    return write_week(out, week, {**document, "key": key}, lambda: draw_week_charts(digest_input, week))


def write_week(
    out: Path, week: Period, document: Mapping[str, Any], build_charts: Callable[[], Sequence[ChartImage]]
) -> bool:
    """Write the folder of a week; return False, and change nothing, if its document already says the same.

    Raise as `explain_write_errors` does, with the earlier folder as it was.
    """
    head = read_head(out, week)
    if head and is_complete(out, week, head):
        with suppress(ValueError):  # damaged behind the head
            old_document = json.loads((out / week.label / "report.json").read_bytes())
            if _stable_content(old_document) == _stable_content(document):
                return False
    earlier_days = [day for day in (head["drawn"] if head else []) if day not in document["drawn"]]
    charts = build_charts()
    report = {**document, "drawn": [*earlier_days, *document["drawn"]], "charts": [chart.name for chart in charts]}
    files = {
        "report.json": format_json(report).encode(),
        "index.html": render_page(report, charts).encode(),
        "digest.md": render_digest(report).encode(),
        "papers.csv": render_submissions_csv(report).encode(),
        **{f"{chart.name}.svg": chart.svg for chart in charts},
        **{f"{chart.name}.png": chart.png for chart in charts},
    }
    with explain_write_errors(out), drafted_folder(out, week.label) as draft:
        for name, content in files.items():
            write_file_atomically(draft / name, content)
    return True


def draw_week_charts(digest_input: DigestInput, week: Period) -> list[ChartImage]:
    """Draw the charts for which there are enough data: watched topics by month, change by year, and volume."""
    from trendcli.output.charts import MAX_LINES, draw_change, draw_lines, draw_volume, encode_figure

    library, watched = digest_input.library, digest_input.watched_topics
    until = period_start(week.end, "month")
    last_year = previous_period(period_containing(week.end, "year"))
    by_month = replace(digest_input.query, by="month", window=Window(add_months(until, -CURVE_MONTHS), until))
    watched_by_month = replace(by_month, topics=watched[:MAX_LINES])
    names = " and ".join(library.get_topic(name).name for name in watched_by_month.topics)

    charts = [
        ("change", f"Relative change of topics, {last_year.label} against the year before",
         draw_change, build_comparison, replace(digest_input.query, period=last_year)),
        ("volume", "Submissions by month", draw_volume, build_series, replace(by_month, topics=())),
    ]  # fmt: skip
    if watched:
        charts.insert(0, ("lines", f"Share of {names} by month", draw_lines, build_series, watched_by_month))
    images = []
    for name, title, draw_chart, build_report, query in charts:
        try:
            report = build_report(digest_input.store, library, query, digest_input.default_scope)
            report = replace(
                report, title=remove_control_characters(report.title), rows=remove_control_characters(report.rows)
            )
            figure = draw_chart(report)
        except (CoverageMissing, UsageError):  # not enough is stored yet
            continue
        svg, png = (encode_figure(figure, suffix) for suffix in ("svg", "png"))
        images.append(ChartImage(remove_control_characters(title), describe_chart(report), svg, name, png))
    return images


def _stable_content(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document, as JSON reads it back, without the parts that say when and from which store it was made."""
    stable = {name: value for name, value in report.items() if name not in _VOLATILE_KEYS}
    content: dict[str, Any] = json.loads(json.dumps({**stable, "rules": report.get("provenance", {}).get("rules")}))
    return content
