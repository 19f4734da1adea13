"""What a weekly report is written as beside its page: the digest for e-mail, the submissions, all weeks, the feed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from trendcli.core.report import Column, Report
from trendcli.output.machine import render_csv
from trendcli.output.values import NOT_AVAILABLE, format_percent
from trendcli.output.weekly_page import (
    MAX_NAMES,
    STATUS_LABELS,
    group_submissions,
    last_day,
    list_clear_changes,
    template_environment,
)

_SUBMISSION_KEYS = "id v1 title authors primary categories topics phrase sentence survey code url".split()


def render_digest(report: Mapping[str, Any]) -> str:
    """Return a weekly report as Markdown: what changed, and a line per new paper with the sentence that matched."""
    clear_changes = list_clear_changes(report)
    text = template_environment().get_template("digest.md").render(
        report=report,
        dates=_format_dates(report),
        base=_format_totals(report),
        status=STATUS_LABELS[report["week"]["status"]],
        clear_changes=clear_changes,
        is_uneventful=not (clear_changes or report["alerts"] or report["records"] or report["terms"]),
        groups=group_submissions(report),
    )  # fmt: skip
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def render_submissions_csv(report: Mapping[str, Any]) -> str:
    """Return the submissions of a weekly report as CSV, a line each; lists are joined by '; '."""
    columns = [Column(key, key, "text") for key in _SUBMISSION_KEYS]
    rows = [{key: paper[key] for key in _SUBMISSION_KEYS} for paper in report["papers"]]
    return render_csv(Report("papers", report["title"], "arxiv", report["synthetic"], {}, columns, rows))


def describe_chart(report: Report) -> str:
    """Return what a chart of a report shows: first and last shares or counts, or the largest rise and fall."""
    return _DESCRIBE_BY_KIND[report.kind](report.rows)


def _describe_shares(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = {name: [row for row in rows if row["name"] == name] for name in dict.fromkeys(row["name"] for row in rows)}
    return " ".join(
        f"{name}: {_describe_ends(line, 'share', lambda share: f'{100 * share:.2f} %')}."
        for name, line in lines.items()
    )


def _describe_volumes(rows: Sequence[Mapping[str, Any]]) -> str:
    return f"Submissions: {_describe_ends(rows, 'count', lambda count: f'{count:,}')}."


def _describe_ends(rows: Sequence[Mapping[str, Any]], key: str, format_value: Callable[[Any], str]) -> str:
    covered = [row for row in rows if row[key] is not None]
    return (
        ", ".join(f"{format_value(row[key])} in {row['period']}" for row in (*covered[:1], *covered[1:][-1:]))
        or NOT_AVAILABLE
    )


def _describe_changes(rows: Sequence[Mapping[str, Any]]) -> str:
    changes = sorted((row["relative_change"], row["name"]) for row in rows if row["relative_change"] is not None)
    new = [row["name"] for row in rows if row["change"] == "new"]
    parts = [f"largest rise {name}, {format_percent(value)} %" for value, name in changes[-1:] if value > 0]
    parts += [f"largest fall {name}, {format_percent(value)} %" for value, name in changes[:1] if value < 0]
    parts += [f"new: {', '.join(new[:MAX_NAMES])}"] if new else []
    return f"{rows[0]['period_2']} vs {rows[0]['period_1']}: {'; '.join(parts) or 'no changes'}."


_DESCRIBE_BY_KIND = {"series": _describe_shares, "comparison": _describe_changes, "volume": _describe_volumes}


def render_index(reports: Sequence[Mapping[str, Any]], warnings: Sequence[str] = ()) -> str:
    """Return the page that lists all weeks, newest first; `warnings` are about the data as they are now."""
    return _render_weeks("index.html", reports, warnings)


def render_feed(reports: Sequence[Mapping[str, Any]], identity: str, warnings: Sequence[str] = ()) -> str:
    """Return the weeks as an Atom feed (RFC 4287), newest first.

    `identity` is the UUID of the feed as a URN; the identity of a week follows from it, so a week that is drawn again
    keeps its own.
    """
    return _render_weeks("feed.xml", reports, warnings, identity)


def _render_weeks(
    template: str, reports: Sequence[Mapping[str, Any]], warnings: Sequence[str], identity: str = ""
) -> str:
    weeks = [
        {
            "id": uuid5(UUID(identity), report["week"]["label"]).urn if identity else "",
            "label": report["week"]["label"],
            "title": report["title"],
            "dates": _format_dates(report),
            "base": _format_totals(report),
            "summary": summarize_week(report),
            "updated": f"{report['drawn'][-1]}T00:00:00Z",
        }
        for report in reports
    ]
    program = reports[0]["provenance"]["program"]
    return template_environment().get_template(template).render(
        weeks=weeks, synthetic=any(report["synthetic"] for report in reports), program=program, warnings=warnings,
        identity=identity,
    )  # fmt: skip


def summarize_week(report: Mapping[str, Any]) -> str:
    """Return a sentence on a week: its alerts and records, and how many papers it lists; warnings follow."""
    parts = [f"{alert['name']} {alert['verdict']}" for alert in report["alerts"]]
    parts += [f"record for {record['name']}" for record in report["records"]]
    count = len(report["papers"])
    listed = f"{count:,} {'paper' if count == 1 else 'papers'} on watched topics."
    text = " ".join([f"{', '.join(parts)}; {listed}" if parts else listed, *report["warnings"]])
    return text[:1].upper() + text[1:]


def _format_dates(report: Mapping[str, Any]) -> str:
    return f"{report['week']['start']} to {last_day(report)}"


def _format_totals(report: Mapping[str, Any]) -> str:
    total, total_year_ago = report["week"]["base"], report["week"]["base_year_ago"]
    if total is None:
        return f"submissions {NOT_AVAILABLE}"
    text = f"{total:,} {'submission' if total == 1 else 'submissions'}"
    return f"{text}, {total_year_ago:,} a year earlier" if total_year_ago is not None else text
