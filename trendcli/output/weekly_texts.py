"""What a week is drawn as beside its page: the digest to be pasted in a mail, the papers, all weeks, and the feed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trendcli.core.report import Column, Report
from trendcli.output import weekly_page as pages
from trendcli.output.machine import render_csv
from trendcli.output.values import NOT_AVAILABLE, format_percent

_SUBMISSION_KEYS = "id v1 title authors primary categories topics phrase sentence survey code url".split()


def render_digest(report: Mapping[str, Any]) -> str:
    """The document as Markdown: what changed, and the new papers, a line each with the sentence that matched."""
    clear = pages.list_clear_changes(report)
    text = pages.template_environment().get_template("digest.md").render(
        report=report,
        dates=_format_dates(report),
        base=_format_totals(report),
        status=pages.STATUS_LABELS[report["week"]["status"]],
        clear=clear,
        silent=not (clear or report["alerts"] or report["records"] or report["terms"]),
        groups=pages.group_submissions(report),
    )  # fmt: skip
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def render_submissions_csv(report: Mapping[str, Any]) -> str:
    """The papers of a document as CSV, a line each; lists are joined by '; '."""
    columns = [Column(key, key, "text") for key in _SUBMISSION_KEYS]
    rows = [{key: paper[key] for key in _SUBMISSION_KEYS} for paper in report["papers"]]
    return render_csv(Report("papers", report["title"], "arxiv", report["synthetic"], {}, columns, rows))


def describe_chart(report: Report) -> str:
    """What a chart of a report shows: first and last shares or counts, or the largest rise and fall."""
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
    known = [row for row in rows if row[key] is not None]
    return (
        ", ".join(f"{format_value(row[key])} in {row['period']}" for row in (*known[:1], *known[1:][-1:]))
        or NOT_AVAILABLE
    )


def _describe_changes(rows: Sequence[Mapping[str, Any]]) -> str:
    known = sorted((row["relative_change"], row["name"]) for row in rows if row["relative_change"] is not None)
    new = [row["name"] for row in rows if row["change"] == "new"]
    found = [f"largest rise {name}, {format_percent(value)} %" for value, name in known[-1:] if value > 0]
    found += [f"largest fall {name}, {format_percent(value)} %" for value, name in known[:1] if value < 0]
    found += [f"new: {', '.join(new[: pages.MAX_NAMES])}"] if new else []
    return f"{rows[0]['period_2']} against {rows[0]['period_1']}: {'; '.join(found) or 'nothing changed'}."


_DESCRIBE_BY_KIND = {"series": _describe_shares, "comparison": _describe_changes, "volume": _describe_volumes}


def render_index(reports: Sequence[Mapping[str, Any]], warnings: Sequence[str] = ()) -> str:
    """The page that lists all weeks, the newest first; `warnings` are about the data as they are now."""
    return _render_weeks("index.html", reports, warnings)


def render_feed(reports: Sequence[Mapping[str, Any]], identity: str, warnings: Sequence[str] = ()) -> str:
    """The weeks as an Atom feed (RFC 4287), the newest first; `identity` is a URI of this feed alone."""
    return _render_weeks("feed.xml", reports, warnings, identity)


def _render_weeks(
    template: str, reports: Sequence[Mapping[str, Any]], warnings: Sequence[str], identity: str = ""
) -> str:
    weeks = [
        {
            "label": report["week"]["label"],
            "title": report["title"],
            "dates": _format_dates(report),
            "base": _format_totals(report),
            "said": summarize_week(report),
            "updated": f"{report['drawn'][-1]}T00:00:00Z",
        }
        for report in reports
    ]
    program = reports[0]["provenance"]["program"]
    return pages.template_environment().get_template(template).render(
        weeks=weeks, synthetic=any(report["synthetic"] for report in reports), program=program, warnings=warnings,
        identity=identity,
    )  # fmt: skip


def summarize_week(report: Mapping[str, Any]) -> str:
    """One sentence on a week: its alerts and records, and how many papers it lists."""
    parts = [f"{alert['name']} {alert['verdict']}" for alert in report["alerts"]]
    parts += [f"a record of {record['name']}" for record in report["records"]]
    papers = len(report["papers"])
    listed = f"{papers:,} {'paper' if papers == 1 else 'papers'} of the watched topics"
    warned = " ".join(report["warnings"])
    text = f"{', '.join(parts) + '; ' if parts else ''}{listed}.{' ' + warned if warned else ''}"
    return text[:1].upper() + text[1:]


def _format_dates(report: Mapping[str, Any]) -> str:
    return f"{report['week']['start']} to {pages.last_day(report)}"


def _format_totals(report: Mapping[str, Any]) -> str:
    now, before = report["week"]["base"], report["week"]["base_year_ago"]
    if now is None:
        return "submissions n/a"
    counted = f"{now:,} {'submission' if now == 1 else 'submissions'}"
    return f"{counted}, {before:,} a year before" if before is not None else counted
