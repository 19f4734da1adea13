"""Use-case digest: what changed by a week (or any other period), and the papers to look at, as one document.

The document is what report.json holds, and what the page, the mail and the feed are drawn from.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from trendcli.core import periods
from trendcli.core.errors import CoverageMissing
from trendcli.core.periods import Period
from trendcli.core.report import Report
from trendcli.core.types import Progress, Scope, Window, ignore_progress
from trendcli.reports.base import describe_period, visible_count
from trendcli.reports.notes import build_provenance, common_notes, format_timestamp
from trendcli.reports.papers import listing
from trendcli.reports.terms import first_seen as terms
from trendcli.reports.trends.comparison import build_comparison
from trendcli.stats import alerts
from trendcli.stats import proportions as change
from trendcli.stats.alerts import OVERDISPERSION_WEEKS, POOLED_WEEKS
from trendcli.stats.proportions import compute_share
from trendcli.store.coverage import MODERATION_LAG
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind

# months of a topic's curve, and days from which on data are called old
CURVE_MONTHS, MAX_DATA_AGE_DAYS = 36, 2
# months that have to lie before one that is called a record
MIN_RECORD_MONTHS = 12
_SURVEY_PATTERN = re.compile(
    r"\b(?:survey|review|overview|tutorial|primer|lecture notes|introduction to)\b", re.IGNORECASE
)
_CODE_URL_PATTERN = re.compile(
    r"https?://(?:www\.)?(?:github|gitlab|huggingface|bitbucket|codeberg)\.[a-z]+/[\w./-]*[\w/-]"
)
_SENTENCE_BREAK = re.compile(r"(?<=[a-z0-9)\]'\"][.!?]) +(?=[A-Z\"'(\[])")
_SIDE_KEYS = ("count_1", "count_2", "relative_change", "change", "ci_low", "ci_high", "q", "verdict")


@dataclass(frozen=True)
class DigestInput:
    """What is looked at period by period.

    The topics of `question` are compared, in its scope or else the `default`, beside those that are `watched`, whose
    papers are listed.
    """

    store: Store
    library: Library
    query: Query
    watched_topics: tuple[str, ...]
    default_scope: Scope


def build_digest(
    digest_input: DigestInput, period: Period, today: date, progress: Progress = ignore_progress
) -> dict[str, Any]:
    """The document of a period: numbers, None where one does not exist, and text as it is stored.

    `today` is the day on which it is drawn, from which the age of the data is counted.
    """
    store, library, default, watched = (
        digest_input.store,
        digest_input.library,
        digest_input.default_scope,
        digest_input.watched_topics,
    )
    every = tuple(dict.fromkeys([*watched, *digest_input.query.topics]))
    plain = replace(digest_input.query, topics=every, period=None, last=None, window=Window(None, None))
    context = bind(store, library, plain, default, progress)
    ends, begin = context.data_as_of.date(), context.coverage.first_covered_day(context.selection.scope.categories)
    if period.start >= ends or begin is None or period.end <= begin:
        raise CoverageMissing(f"Nothing of {period.label} is covered; the data end on {ends}. See `trend status`.")
    verdict = context.period_status(period)
    counted = context.count_submissions([period, *([twin] if (twin := periods.period_year_ago(period)) else [])])
    months = _list_curve_months(context, period)
    whole = context.count_submissions(months)
    sides = {unit: _compare_last_period(context, unit, period, default) for unit in ("quarter", "year")}
    rows = []
    for topic in every:
        count, base = visible_count(context, topic, period, counted, verdict)
        named = {"topic": topic, "name": context.topic_label(topic), "watched": topic in watched}
        rows.append(
            {**named, "count": count, "base": base, "share": compute_share(count, base)} | _build_sides(topic, sides)
        )
    twin_base = visible_count(context, None, twin, counted, context.period_status(twin))[1] if twin else None
    return {
        "kind": "weekly" if period.unit == "week" else "digest",
        "title": f"{period.unit.capitalize()} {period.label}" if period.unit != "window" else period.label,
        "week": {
            "label": period.label,
            "start": str(period.start),
            "end": str(period.end),
            "status": verdict.status,
            "base": visible_count(context, None, period, counted, verdict)[1],
            "base_year_ago": twin_base,
        },
        "listing": _format_listing_command(plain),
        "synthetic": store.manifest.synthetic,
        "data_as_of": format_timestamp(context.data_as_of),
        "drawn": [str(today)],
        "warnings": _build_warnings(context, period, today),
        "watched": list(watched),
        "rows": rows,
        "months": [_build_month(context, month, whole) for month in months],
        "series": {topic: _build_topic_series(context, topic, months, whole) for topic in every},
        "alerts": _find_alerts(context, watched, period),
        "records": _find_records(context, watched, period),
        "terms": [
            {"term": term, "count": titles} for term, titles in terms.find_first_seen_terms(store,
            context.selection.scope, period)
        ],
        "papers": [] if verdict.has_gap or not watched else _list_submissions(context, watched, period, default),
        "notes": common_notes(context, [describe_period(period, counted, verdict)]),
        "provenance": build_provenance(context, counted),
    }  # fmt: skip


def _format_listing_command(query: Query) -> str:
    """The command that lists what is counted, but for the topic and the period."""
    scope, day = query.scope, query.as_of
    categories = scope.categories if scope and scope.name == " ".join(scope.categories) else ()
    said = [
        *(("-c", name) for name in categories),
        ("--scope", scope.name if scope and not categories else None),
        *(("--and", name) for name in query.both),
        ("--within", query.within),
        ("--match", query.match if query.match != Query.match else None),
        ("--author", query.author),
        ("--id", query.id),
        ("--as-of", str(day - timedelta(days=1)) if day else None),
    ]
    words = [word for option, value in said if value for word in (option, value)]
    return shlex.join(["trend", "papers", *words, *(["--primary-only"] if query.primary_only else [])])


def _build_warnings(bound: BoundQuery, period: Period, today: date) -> list[str]:
    """What a reader has to know before any number."""
    verdict, said = bound.period_status(period), []
    ends = bound.data_as_of.date()
    if period.end > ends or period == last_ended_week(ends):  # what the newest data can say
        said += data_age_warnings(ends, min(today, bound.query.as_of or today))
    if verdict.has_gap:
        said.append(f"{period.label} has a hole in coverage, so its counts are n/a. See `trend status`.")
    elif not verdict.has_ended:
        said.append(f"{period.label} is not whole: the data end on {bound.data_as_of:%Y-%m-%d}.")
    return said


def data_age_warnings(data_end: date, today: date) -> list[str]:
    """A sentence where the data end more than some days before today."""
    age = (today - data_end).days
    return [f"The data are {age} days old: they end on {data_end}."] if age > MAX_DATA_AGE_DAYS else []


def _list_curve_months(bound: BoundQuery, period: Period) -> list[Period]:
    """The last months that have ended with the period, as far back as anything is covered."""
    first = bound.coverage.first_covered_day(bound.selection.scope.categories) or period.start
    last = min(period.end, bound.data_as_of.date())
    every = [month for month in periods.list_periods(first, last, "month") if month.end <= last]
    return every[-CURVE_MONTHS:]


def _build_month(bound: BoundQuery, month: Period, month_counts: Any) -> dict[str, Any]:
    verdict = bound.period_status(month)
    return {
        "period": month.label,
        "start": str(month.start),
        "end": str(month.end),
        "status": verdict.status,
        "base": visible_count(bound, None, month, month_counts, verdict)[1],
    }


def _build_topic_series(
    bound: BoundQuery, topic: str, months: Sequence[Period], month_counts: Any
) -> dict[str, list[Any]]:
    found = [visible_count(bound, topic, month, month_counts, bound.period_status(month)) for month in months]
    ends = [(None, None) if count is None or not base else change.wilson_interval(count, base) for count, base in found]
    return {
        "count": [count for count, _ in found],
        "share": [compute_share(*one) for one in found],
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
    }


def _compare_last_period(bound: BoundQuery, unit: str, period: Period, default_scope: Scope) -> Report | None:
    """All topics in the last period of a unit that has ended by then and has no hole, against the year before."""
    first = bound.coverage.first_covered_day(bound.selection.scope.categories) or period.start
    ended = [past for past in periods.list_periods(first, period.end, unit) if past.end <= period.end]
    for later in ended[:-4:-1]:
        earlier = periods.period_year_ago(later)
        verdicts = [bound.period_status(side) for side in (later, earlier) if side]
        if (
            earlier
            and earlier.start >= periods.period_start(first, unit)
            and all(v.has_ended and not v.has_gap for v in verdicts)
        ):
            question = replace(bound.query, period=later, vs="year-ago")
            return build_comparison(bound.store, bound.library, question, default_scope, bound.progress)
    return None


def _build_sides(topic: str, comparisons: Mapping[str, Report | None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for unit, report in comparisons.items():
        row = next((row for row in report.rows if row["topic"] == topic), None) if report else None
        found[unit] = row and {
            "period": row["period_2"],
            "vs": row["period_1"],
            **{key: row[key] for key in _SIDE_KEYS},
        }
    return found


def _find_alerts(bound: BoundQuery, watched_topics: Sequence[str], period: Period) -> list[dict[str, Any]]:
    """The watched topics that left their trend in the last complete weeks; none where these are too few or too old."""
    last = periods.period_start(period.end, "week")
    first = bound.coverage.first_covered_day(bound.selection.scope.categories) or last
    settled = [
        week
        for week in periods.list_periods(first, last, "week")[-POOLED_WEEKS - OVERDISPERSION_WEEKS - 8 :]
        if week.start >= first and bound.period_status(week).status in ("complete", "unknown")
    ]
    settled = settled[-POOLED_WEEKS - OVERDISPERSION_WEEKS :]
    if not settled or not watched_topics:
        return []
    counted = replace(bound, selection=replace(bound.selection, topics=tuple(watched_topics))).count_submissions(
        settled
    )
    settled = [week for week in settled if counted.totals[week]]
    if len(settled) <= POOLED_WEEKS or settled[-1].end < period.end - MODERATION_LAG - timedelta(
        weeks=POOLED_WEEKS
    ):  # no news any more
        return []
    counts = np.array([[counted.counts[topic, week] for week in settled] for topic in watched_topics], np.int64)
    bases = np.array([counted.totals[week] for week in settled], np.int64)
    places = [week.start.toordinal() // 7 for week in settled]
    span = f"{settled[-POOLED_WEEKS].label} to {settled[-1].label}"
    return [
        {"topic": topic, "name": bound.topic_label(topic), "verdict": found.verdict, "count": found.observed,
         "expected": found.expected, "p": found.p, "weeks": span}
        for topic, found in zip(watched_topics, alerts.find_alerts(counts, bases, places, len(watched_topics)),
        strict=True)
        if found.verdict in ("rising", "falling")
    ]  # fmt: skip


def _find_records(bound: BoundQuery, watched_topics: Sequence[str], period: Period) -> list[dict[str, Any]]:
    """The watched topics whose last complete month is above every complete month before."""
    first = bound.coverage.first_covered_day(bound.selection.scope.categories) or period.start
    months = [
        month
        for month in periods.list_periods(first, period.end, "month")
        if month.end <= period.end
        and month.start >= first
        and bound.period_status(month).status in ("complete", "unknown")
    ]
    if len(months) <= MIN_RECORD_MONTHS:
        return []
    told = months[-1].end + MODERATION_LAG
    if period.unit == "week" and not period.start < told <= period.end:  # said once, in the week in which it is settled
        return []
    counted = bound.count_submissions(months)
    found = []
    for topic in watched_topics:
        best = max(months[:-1], key=lambda month: (counted.counts[topic, month], month))
        now, before = counted.counts[topic, months[-1]], counted.counts[topic, best]
        if now > before:
            named = {"topic": topic, "name": bound.topic_label(topic), "period": months[-1].label, "count": now}
            found.append({**named, "before_period": best.label, "before": before})
    return found


def _list_submissions(
    bound: BoundQuery, watched_topics: Sequence[str], period: Period, default_scope: Scope
) -> list[dict[str, Any]]:
    asked = replace(bound.query, topics=tuple(watched_topics), period=period)
    listed = listing.list_submissions(bound.store, bound.library, asked, default_scope, bound.progress)
    return [_build_submission(row, bound.library, watched_topics) for row in listed.rows]


def _build_submission(row: Mapping[str, Any], library: Library, watched_topics: Sequence[str]) -> dict[str, Any]:
    """A listed submission as a digest shows it: which watched topics it belongs to, and one sentence that says why."""
    own = {match["topic"] for match in row["matches"]}
    topics = [name for name in watched_topics if any(member.id in own for member in library.topic_family(name))]
    inside = [match for match in row["matches"] if match["field"] != "title"] or row["matches"]
    told = f"{row['comments'] or ''} {row['abstract']}"
    return {
        **{key: row[key] for key in ("id", "url", "title", "authors", "v1", "primary", "categories")},
        "topics": topics,
        "sentence": _find_match_sentence(row, inside[0]) if inside else "",
        "phrase": inside[0]["text"] if inside else "",
        "survey": bool(_SURVEY_PATTERN.search(row["title"])),
        "code": list(dict.fromkeys(_CODE_URL_PATTERN.findall(told))),
    }


def _find_match_sentence(row: Mapping[str, Any], match: Mapping[str, Any]) -> str:
    """The sentence that holds a match: of the abstract where it is there, or the title."""
    if match["field"] == "title":
        return str(row["title"])
    return next((text for text in _SENTENCE_BREAK.split(row["abstract"]) if match["text"] in text), match["snippet"])


def last_ended_week(today: date) -> Period:
    """The week that has ended by a day."""
    return periods.period_containing(periods.period_start(today, "week") - timedelta(days=1), "week")
