"""Use-case digest: what changed by a week, or any other period, and the new papers of the watched topics.

The result is one document, which report.json holds, and from which the page, the mail and the feed are rendered.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from trendcli.core.errors import CoverageMissing
from trendcli.core.periods import Period, list_periods, period_containing, period_start, period_year_ago
from trendcli.core.report import Report
from trendcli.core.types import Progress, Scope, Window, ignore_progress
from trendcli.reports.base import describe_period, visible_count
from trendcli.reports.notes import build_provenance, common_notes, format_timestamp
from trendcli.reports.papers.listing import list_submissions
from trendcli.reports.terms.first_seen import find_first_seen_terms
from trendcli.reports.trends.comparison import build_comparison
from trendcli.stats.alerts import OVERDISPERSION_WEEKS, POOLED_WEEKS, find_alerts
from trendcli.stats.proportions import compute_share, wilson_interval
from trendcli.store.coverage import MODERATION_LAG
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind

# months in the curve of a topic
CURVE_MONTHS = 36
# days after which data are called old
MAX_DATA_AGE_DAYS = 2
# months that must precede one that is called a record
MIN_RECORD_MONTHS = 12
# newest periods of a unit that are tried for a comparison with the year before; older ones are no news
_MAX_COMPARED_PERIODS = 3
# weeks before the span of the alerts that are looked at as well, so that incomplete ones do not shorten it
_SPARE_ALERT_WEEKS = 8
_SURVEY_PATTERN = re.compile(
    r"\b(?:survey|review|overview|tutorial|primer|lecture notes|introduction to)\b", re.IGNORECASE
)
_CODE_URL_PATTERN = re.compile(
    r"https?://(?:www\.)?(?:github|gitlab|huggingface|bitbucket|codeberg)\.[a-z]+/[\w./-]*[\w/-]"
)
_SENTENCE_BREAK = re.compile(r"(?<=[a-z0-9)\]'\"][.!?]) +(?=[A-Z\"'(\[])")
# characters that move a terminal's cursor or that XML, UTF-8 or a line of text cannot hold
_CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")
# statuses of periods whose numbers no longer grow, as far as is known
_SETTLED_STATUSES = ("complete", "unknown")
# what a digest takes of a row of a comparison
_COMPARISON_KEYS = ("count_1", "count_2", "relative_change", "change", "ci_low", "ci_high", "q", "verdict")


@dataclass(frozen=True)
class DigestInput:
    """What digests of any period are built from.

    The topics of `query` are compared, in its scope or else in `default_scope`; so are `watched_topics`, whose
    submissions are listed and which may raise alerts.
    """

    store: Store
    library: Library
    query: Query
    watched_topics: tuple[str, ...]
    default_scope: Scope


def build_digest(
    digest_input: DigestInput, period: Period, today: date, progress: Progress = ignore_progress
) -> dict[str, Any]:
    """Build the document of a period: numbers, None where one does not exist, and text without control characters.

    `today` is the day on which it is drawn, for the age of the data. Raise CoverageMissing for a period without data.
    """
    store, library, watched = digest_input.store, digest_input.library, digest_input.watched_topics
    topics = tuple(dict.fromkeys([*watched, *digest_input.query.topics]))
    query = replace(digest_input.query, topics=topics, period=None, last=None, window=Window(None, None))
    bound = bind(store, library, query, digest_input.default_scope, progress)
    first_covered, data_end = _first_covered_day(bound), bound.data_as_of.date()
    if first_covered is None or period.start >= data_end or period.end <= first_covered:
        raise CoverageMissing(f"{period.label} is not covered: the data end on {data_end}. See `trend status`.")
    period_status, year_ago = bound.period_status(period), period_year_ago(period)
    period_counts = bound.count_submissions([period, *([year_ago] if year_ago else [])])
    months = _list_curve_months(bound, period)
    month_counts = bound.count_submissions(months)
    comparisons = {
        unit: _compare_last_period(bound, unit, period, digest_input.default_scope) for unit in ("quarter", "year")
    }
    rows = []
    for topic in topics:
        count, total = visible_count(bound, topic, period, period_counts, period_status)
        rows.append(
            {
                "topic": topic,
                "name": bound.topic_label(topic),
                "watched": topic in watched,
                "count": count,
                "base": total,
                "share": compute_share(count, total),
                **{unit: _find_comparison(topic, report) for unit, report in comparisons.items()},
            }
        )
    year_ago_total = (
        visible_count(bound, None, year_ago, period_counts, bound.period_status(year_ago))[1] if year_ago else None
    )
    first_seen = find_first_seen_terms(store, bound.selection.scope, period)
    document = {
        "kind": "weekly" if period.unit == "week" else "digest",
        "title": f"{period.unit.capitalize()} {period.label}" if period.unit != "window" else period.label,
        "week": {
            "label": period.label,
            "start": str(period.start),
            "end": str(period.end),
            "status": period_status.status,
            "base": visible_count(bound, None, period, period_counts, period_status)[1],
            "base_year_ago": year_ago_total,
        },
        "listing": _format_listing_command(query),
        "synthetic": store.manifest.synthetic,
        "data_as_of": format_timestamp(bound.data_as_of),
        "drawn": [str(today)],
        "warnings": _list_warnings(bound, period, today),
        "watched": list(watched),
        "rows": rows,
        "months": [_build_month(bound, month, month_counts) for month in months],
        "series": {topic: _build_topic_series(bound, topic, months, month_counts) for topic in topics},
        "alerts": _find_alerts(bound, watched, period),
        "records": _find_records(bound, watched, period),
        "terms": [{"term": term, "count": title_count} for term, title_count in first_seen],
        "papers": []
        if period_status.has_gap or not watched
        else _list_submissions(bound, watched, period, digest_input.default_scope),
        "notes": common_notes(bound, [describe_period(period, period_counts, period_status)]),
        "provenance": build_provenance(bound, period_counts),
    }
    return {key: remove_control_characters(value) for key, value in document.items()}


def remove_control_characters(value: Any) -> Any:
    """Return a value, with all that it contains, in which a space stands for control characters of texts."""
    if isinstance(value, str):
        return _CONTROL_CHARACTERS.sub(" ", value)
    if isinstance(value, Mapping):
        return {key: remove_control_characters(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [remove_control_characters(item) for item in value]
    return value


def _first_covered_day(bound: BoundQuery) -> date | None:
    """Return the first day that is covered for the scope; None if none is."""
    return bound.coverage.first_covered_day(bound.selection.scope.categories)


def _format_listing_command(query: Query) -> str:
    """Format the command that lists what is counted, without a topic and a period."""
    scope, as_of = query.scope, query.as_of
    categories = scope.categories if scope and scope.name == " ".join(scope.categories) else ()
    options = [
        *(("-c", name) for name in categories),
        ("--scope", scope.name if scope and not categories else None),
        *(("--and", name) for name in query.both),
        ("--within", query.within),
        ("--match", query.match if query.match != Query.match else None),
        ("--author", query.author),
        ("--id", query.id),
        ("--as-of", str(as_of - timedelta(days=1)) if as_of else None),
    ]
    words = [word for option, value in options if value for word in (option, value)]
    return shlex.join(["trend", "papers", *words, *(["--primary-only"] if query.primary_only else [])])


def _list_warnings(bound: BoundQuery, period: Period, today: date) -> list[str]:
    """List what a reader has to know before any number."""
    period_status, data_end = bound.period_status(period), bound.data_as_of.date()
    warnings = []
    if period.end > data_end or period == last_ended_week(data_end):  # the newest period that the data can speak of
        warnings += data_age_warnings(data_end, min(today, bound.query.as_of or today))
    if period_status.has_gap:
        warnings.append(f"{period.label} has a gap in coverage, so its counts are n/a. See `trend status`.")
    elif not period_status.has_ended:
        warnings.append(f"{period.label} is incomplete: the data end on {data_end}.")
    return warnings


def data_age_warnings(data_end: date, today: date) -> list[str]:
    """Return a sentence on the age of the data, if they are older than MAX_DATA_AGE_DAYS."""
    age = (today - data_end).days
    return [f"The data are {age:,} days old: they end on {data_end}."] if age > MAX_DATA_AGE_DAYS else []


def _list_curve_months(bound: BoundQuery, period: Period) -> list[Period]:
    """List the last months that had ended by the end of a period, CURVE_MONTHS at most, as far back as data go."""
    start = _first_covered_day(bound) or period.start
    end = min(period.end, bound.data_as_of.date())
    return [month for month in list_periods(start, end, "month") if month.end <= end][-CURVE_MONTHS:]


def _build_month(bound: BoundQuery, month: Period, month_counts: PeriodCounts) -> dict[str, Any]:
    month_status = bound.period_status(month)
    return {
        "period": month.label,
        "start": str(month.start),
        "end": str(month.end),
        "status": month_status.status,
        "base": visible_count(bound, None, month, month_counts, month_status)[1],
    }


def _build_topic_series(
    bound: BoundQuery, topic: str, months: Sequence[Period], month_counts: PeriodCounts
) -> dict[str, list[Any]]:
    """Build the curve of a topic: a count, a share and its 95 % interval for each month, None where there is none."""
    counts = [visible_count(bound, topic, month, month_counts, bound.period_status(month)) for month in months]
    intervals = [
        (None, None) if count is None or not total else wilson_interval(count, total) for count, total in counts
    ]
    return {
        "count": [count for count, _ in counts],
        "share": [compute_share(count, total) for count, total in counts],
        "low": [low for low, _ in intervals],
        "high": [high for _, high in intervals],
    }


def _compare_last_period(bound: BoundQuery, unit: str, period: Period, default_scope: Scope) -> Report | None:
    """Compare all topics in the last period of a unit that ended by then, with no gap, to the year before."""
    first_covered = _first_covered_day(bound) or period.start
    ended = [candidate for candidate in list_periods(first_covered, period.end, unit) if candidate.end <= period.end]
    for later in reversed(ended[-_MAX_COMPARED_PERIODS:]):
        earlier = period_year_ago(later)
        statuses = [bound.period_status(side) for side in (later, earlier) if side]
        if (
            earlier
            and earlier.start >= period_start(first_covered, unit)
            and all(status.has_ended and not status.has_gap for status in statuses)
        ):
            query = replace(bound.query, period=later, vs="year-ago")
            return build_comparison(bound.store, bound.library, query, default_scope, bound.progress)
    return None


def _find_comparison(topic: str, comparison: Report | None) -> dict[str, Any] | None:
    """Return the fields of a topic's comparison row that a digest shows; None without a comparison or a row."""
    for row in comparison.rows if comparison else ():
        if row["topic"] == topic:
            return {"period": row["period_2"], "vs": row["period_1"], **{key: row[key] for key in _COMPARISON_KEYS}}
    return None


def _list_settled_periods(bound: BoundQuery, candidates: Sequence[Period], first_covered: date) -> list[Period]:
    """Return the periods that lie wholly in the data and no longer grow, as far as is known."""
    return [
        period
        for period in candidates
        if period.start >= first_covered and bound.period_status(period).status in _SETTLED_STATUSES
    ]


def _find_alerts(bound: BoundQuery, watched_topics: Sequence[str], period: Period) -> list[dict[str, Any]]:
    """Return the watched topics that left their trend in the last settled weeks, if these are enough and recent."""
    end = period_start(period.end, "week")
    first_covered = _first_covered_day(bound) or end
    span = POOLED_WEEKS + OVERDISPERSION_WEEKS
    candidates = list_periods(first_covered, end, "week")[-span - _SPARE_ALERT_WEEKS :]
    weeks = _list_settled_periods(bound, candidates, first_covered)[-span:]
    if not weeks or not watched_topics:
        return []
    week_counts = bound.with_selection(topics=tuple(watched_topics)).count_submissions(weeks)
    weeks = [week for week in weeks if week_counts.totals[week]]
    oldest_news = period.end - MODERATION_LAG - timedelta(weeks=POOLED_WEEKS)
    if len(weeks) <= POOLED_WEEKS or weeks[-1].end < oldest_news:
        return []
    counts = np.array([[week_counts.counts[topic, week] for week in weeks] for topic in watched_topics], np.int64)
    totals = np.array([week_counts.totals[week] for week in weeks], np.int64)
    week_numbers = [week.start.toordinal() // 7 for week in weeks]
    alerts = find_alerts(counts, totals, week_numbers, len(watched_topics))
    return [
        {
            "topic": topic,
            "name": bound.topic_label(topic),
            "verdict": alert.verdict,
            "count": alert.observed,
            "expected": alert.expected,
            "p": alert.p,
            "weeks": f"{weeks[-POOLED_WEEKS].label} to {weeks[-1].label}",
        }
        for topic, alert in zip(watched_topics, alerts, strict=True)
        if alert.verdict in ("rising", "falling")
    ]


def _find_records(bound: BoundQuery, watched_topics: Sequence[str], period: Period) -> list[dict[str, Any]]:
    """Return the watched topics whose last settled month is above every settled month before it."""
    first_covered = _first_covered_day(bound) or period.start
    candidates = [month for month in list_periods(first_covered, period.end, "month") if month.end <= period.end]
    months = _list_settled_periods(bound, candidates, first_covered)
    if len(months) <= MIN_RECORD_MONTHS:
        return []
    *earlier_months, last_month = months
    settled_on = last_month.end + MODERATION_LAG
    if period.unit == "week" and not period.start < settled_on <= period.end:  # reported in one week only
        return []
    month_counts = bound.count_submissions(months)
    records = []
    for topic in watched_topics:
        best_month = max(earlier_months, key=lambda month: (month_counts.counts[topic, month], month))
        count, best_count = month_counts.counts[topic, last_month], month_counts.counts[topic, best_month]
        if count > best_count:
            records.append(
                {
                    "topic": topic,
                    "name": bound.topic_label(topic),
                    "period": last_month.label,
                    "count": count,
                    "before_period": best_month.label,
                    "before": best_count,
                }
            )
    return records


def _list_submissions(
    bound: BoundQuery, watched_topics: Sequence[str], period: Period, default_scope: Scope
) -> list[dict[str, Any]]:
    query = replace(bound.query, topics=tuple(watched_topics), period=period)
    listing = list_submissions(bound.store, bound.library, query, default_scope, bound.progress)
    return [_build_submission(row, bound.library, watched_topics) for row in listing.rows]


def _build_submission(row: Mapping[str, Any], library: Library, watched_topics: Sequence[str]) -> dict[str, Any]:
    """Build a submission as a digest shows it: with its watched topics, and one sentence that contains a match."""
    matched_topics = {match["topic"] for match in row["matches"]}
    topics = [
        name for name in watched_topics if any(member.id in matched_topics for member in library.topic_family(name))
    ]
    # a match in the abstract says more than one in the title
    matches = [match for match in row["matches"] if match["field"] != "title"] or row["matches"]
    return {
        **{key: row[key] for key in ("id", "url", "title", "authors", "v1", "primary", "categories")},
        "topics": topics,
        "sentence": _find_match_sentence(row, matches[0]) if matches else "",
        "phrase": matches[0]["text"] if matches else "",
        "survey": bool(_SURVEY_PATTERN.search(row["title"])),
        "code": list(dict.fromkeys(_CODE_URL_PATTERN.findall(f"{row['comments'] or ''} {row['abstract']}"))),
    }


def _find_match_sentence(row: Mapping[str, Any], match: Mapping[str, Any]) -> str:
    """Return the sentence of the abstract that contains a match, or the title if it is there."""
    if match["field"] == "title":
        return str(row["title"])
    return next((text for text in _SENTENCE_BREAK.split(row["abstract"]) if match["text"] in text), match["snippet"])


def last_ended_week(today: date) -> Period:
    """Return the last week that has ended by a day."""
    return period_containing(period_start(today, "week") - timedelta(days=1), "week")
