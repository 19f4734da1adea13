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
from trendcli.core.errors import NoCoverage
from trendcli.core.periods import Period
from trendcli.core.types import Progress, Report, Scope, Window, silent
from trendcli.reports.base import described, seen, share
from trendcli.reports.notes import as_of_text, common_notes, provenance
from trendcli.reports.papers import listing
from trendcli.reports.terms import first_seen as terms
from trendcli.reports.trends.comparison import comparison
from trendcli.stats import alerts
from trendcli.stats import proportions as change
from trendcli.stats.alerts import POOLED, SPREAD
from trendcli.store.coverage import SETTLED
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Context, Question, resolve

# months of a topic's curve, and days from which on data are called old
MONTHS, OLD = 36, 2
# months that have to lie before one that is called a record
RECORD = 12
_SURVEY = re.compile(r"\b(?:survey|review|overview|tutorial|primer|lecture notes|introduction to)\b", re.IGNORECASE)
_CODE = re.compile(r"https?://(?:www\.)?(?:github|gitlab|huggingface|bitbucket|codeberg)\.[a-z]+/[\w./-]*[\w/-]")
_SENTENCE = re.compile(r"(?<=[a-z0-9)\]'\"][.!?]) +(?=[A-Z\"'(\[])")
_SIDE = ("count_1", "count_2", "relative_change", "change", "ci_low", "ci_high", "q", "verdict")


@dataclass(frozen=True)
class Watch:
    """What is looked at period by period.

    The topics of `question` are compared, in its scope or else the `default`, beside those that are `watched`, whose
    papers are listed.
    """

    store: Store
    library: Library
    question: Question
    watched: tuple[str, ...]
    default: Scope


def digest(watch: Watch, item: Period, today: date, progress: Progress = silent) -> dict[str, Any]:
    """The document of a period: numbers, None where one does not exist, and text as it is stored.

    `today` is the day on which it is drawn, from which the age of the data is counted.
    """
    store, library, default, watched = watch.store, watch.library, watch.default, watch.watched
    every = tuple(dict.fromkeys([*watched, *watch.question.topics]))
    plain = replace(watch.question, topics=every, period=None, last=None, window=Window(None, None))
    context = resolve(store, library, plain, default, progress)
    ends, begin = context.data_as_of.date(), context.coverage.first_day(context.selection.scope.categories)
    if item.start >= ends or begin is None or item.end <= begin:
        raise NoCoverage(f"Nothing of {item.label} is covered; the data end on {ends}. See `trend status`.")
    verdict = context.verdict(item)
    counted = context.count([item, *([twin] if (twin := periods.year_ago(item)) else [])])
    months = _months(context, item)
    whole = context.count(months)
    sides = {unit: _compared(context, unit, item, default) for unit in ("quarter", "year")}
    rows = []
    for topic in every:
        count, base = seen(context, topic, item, counted, verdict)
        named = {"topic": topic, "name": context.name(topic), "watched": topic in watched}
        rows.append({**named, "count": count, "base": base, "share": share(count, base)} | _sides(topic, sides))
    twin_base = seen(context, None, twin, counted, context.verdict(twin))[1] if twin else None
    return {
        "kind": "weekly" if item.unit == "week" else "digest",
        "title": f"{item.unit.capitalize()} {item.label}" if item.unit != "window" else item.label,
        "week": {
            "label": item.label,
            "start": str(item.start),
            "end": str(item.end),
            "status": verdict.status,
            "base": seen(context, None, item, counted, verdict)[1],
            "base_year_ago": twin_base,
        },
        "listing": _listing(plain),
        "synthetic": store.manifest.synthetic,
        "data_as_of": as_of_text(context.data_as_of),
        "drawn": [str(today)],
        "warnings": _warnings(context, item, today),
        "watched": list(watched),
        "rows": rows,
        "months": [_month(context, month, whole) for month in months],
        "series": {topic: _series(context, topic, months, whole) for topic in every},
        "alerts": _alerts(context, watched, item),
        "records": _records(context, watched, item),
        "terms": [
            {"term": term, "count": titles} for term, titles in terms.first_seen(store, context.selection.scope, item)
        ],
        "papers": [] if verdict.hole or not watched else _papers(context, watched, item, default),
        "notes": common_notes(context, [described(item, counted, verdict)]),
        "provenance": provenance(context, counted),
    }  # fmt: skip


def _listing(question: Question) -> str:
    """The command that lists what is counted, but for the topic and the period."""
    scope, day = question.scope, question.as_of
    categories = scope.categories if scope and scope.name == " ".join(scope.categories) else ()
    said = [
        *(("-c", name) for name in categories),
        ("--scope", scope.name if scope and not categories else None),
        *(("--and", name) for name in question.both),
        ("--within", question.within),
        ("--match", question.match if question.match != Question.match else None),
        ("--author", question.author),
        ("--id", question.id),
        ("--as-of", str(day - timedelta(days=1)) if day else None),
    ]
    words = [word for option, value in said if value for word in (option, value)]
    return shlex.join(["trend", "papers", *words, *(["--primary-only"] if question.primary_only else [])])


def _warnings(context: Context, item: Period, today: date) -> list[str]:
    """What a reader has to know before any number."""
    verdict, said = context.verdict(item), []
    ends = context.data_as_of.date()
    if item.end > ends or item == last_week(ends):  # what the newest data can say
        said += old(ends, min(today, context.question.as_of or today))
    if verdict.hole:
        said.append(f"{item.label} has a hole in coverage, so its counts are n/a. See `trend status`.")
    elif not verdict.ended:
        said.append(f"{item.label} is not whole: the data end on {context.data_as_of:%Y-%m-%d}.")
    return said


def old(ends: date, today: date) -> list[str]:
    """A sentence where the data end more than some days before today."""
    age = (today - ends).days
    return [f"The data are {age} days old: they end on {ends}."] if age > OLD else []


def _months(context: Context, item: Period) -> list[Period]:
    """The last months that have ended with the period, as far back as anything is covered."""
    first = context.coverage.first_day(context.selection.scope.categories) or item.start
    last = min(item.end, context.data_as_of.date())
    every = [month for month in periods.between(first, last, "month") if month.end <= last]
    return every[-MONTHS:]


def _month(context: Context, month: Period, whole: Any) -> dict[str, Any]:
    verdict = context.verdict(month)
    return {
        "period": month.label,
        "start": str(month.start),
        "end": str(month.end),
        "status": verdict.status,
        "base": seen(context, None, month, whole, verdict)[1],
    }


def _series(context: Context, topic: str, months: Sequence[Period], whole: Any) -> dict[str, list[Any]]:
    found = [seen(context, topic, month, whole, context.verdict(month)) for month in months]
    ends = [(None, None) if count is None or not base else change.wilson(count, base) for count, base in found]
    return {
        "count": [count for count, _ in found],
        "share": [share(*one) for one in found],
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
    }


def _compared(context: Context, unit: str, item: Period, default: Scope) -> Report | None:
    """All topics in the last period of a unit that has ended by then and has no hole, against the year before."""
    first = context.coverage.first_day(context.selection.scope.categories) or item.start
    ended = [past for past in periods.between(first, item.end, unit) if past.end <= item.end]
    for later in ended[:-4:-1]:
        earlier = periods.year_ago(later)
        verdicts = [context.verdict(side) for side in (later, earlier) if side]
        if earlier and earlier.start >= periods.floor(first, unit) and all(v.ended and not v.hole for v in verdicts):
            question = replace(context.question, period=later, vs="year-ago")
            return comparison(context.store, context.library, question, default, context.progress)
    return None


def _sides(topic: str, sides: Mapping[str, Report | None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for unit, report in sides.items():
        row = next((row for row in report.rows if row["topic"] == topic), None) if report else None
        found[unit] = row and {"period": row["period_2"], "vs": row["period_1"], **{key: row[key] for key in _SIDE}}
    return found


def _alerts(context: Context, watched: Sequence[str], item: Period) -> list[dict[str, Any]]:
    """The watched topics that left their trend in the last complete weeks; none where these are too few or too old."""
    last = periods.floor(item.end, "week")
    first = context.coverage.first_day(context.selection.scope.categories) or last
    settled = [
        week
        for week in periods.between(first, last, "week")[-POOLED - SPREAD - 8 :]
        if week.start >= first and context.verdict(week).status in ("complete", "unknown")
    ]
    settled = settled[-POOLED - SPREAD :]
    if not settled or not watched:
        return []
    counted = replace(context, selection=replace(context.selection, topics=tuple(watched))).count(settled)
    settled = [week for week in settled if counted.bases[week]]
    if len(settled) <= POOLED or settled[-1].end < item.end - SETTLED - timedelta(weeks=POOLED):  # no news any more
        return []
    counts = np.array([[counted.counts[topic, week] for week in settled] for topic in watched], np.int64)
    bases = np.array([counted.bases[week] for week in settled], np.int64)
    places = [week.start.toordinal() // 7 for week in settled]
    span = f"{settled[-POOLED].label} to {settled[-1].label}"
    return [
        {"topic": topic, "name": context.name(topic), "verdict": found.verdict, "count": found.seen,
         "expected": found.expected, "p": found.p, "weeks": span}
        for topic, found in zip(watched, alerts.judged(counts, bases, places, len(watched)), strict=True)
        if found.verdict in ("rising", "falling")
    ]  # fmt: skip


def _records(context: Context, watched: Sequence[str], item: Period) -> list[dict[str, Any]]:
    """The watched topics whose last complete month is above every complete month before."""
    first = context.coverage.first_day(context.selection.scope.categories) or item.start
    months = [
        month
        for month in periods.between(first, item.end, "month")
        if month.end <= item.end and month.start >= first and context.verdict(month).status in ("complete", "unknown")
    ]
    if len(months) <= RECORD:
        return []
    told = months[-1].end + SETTLED
    if item.unit == "week" and not item.start < told <= item.end:  # said once, in the week in which it is settled
        return []
    counted = context.count(months)
    found = []
    for topic in watched:
        best = max(months[:-1], key=lambda month: (counted.counts[topic, month], month))
        now, before = counted.counts[topic, months[-1]], counted.counts[topic, best]
        if now > before:
            named = {"topic": topic, "name": context.name(topic), "period": months[-1].label, "count": now}
            found.append({**named, "before_period": best.label, "before": before})
    return found


def _papers(context: Context, watched: Sequence[str], item: Period, default: Scope) -> list[dict[str, Any]]:
    asked = replace(context.question, topics=tuple(watched), period=item)
    listed = listing.submissions(context.store, context.library, asked, default, context.progress)
    return [_paper(row, context.library, watched) for row in listed.rows]


def _paper(row: Mapping[str, Any], library: Library, watched: Sequence[str]) -> dict[str, Any]:
    """A listed submission as a digest shows it: which watched topics it belongs to, and one sentence that says why."""
    own = {match["topic"] for match in row["matches"]}
    topics = [name for name in watched if any(member.id in own for member in library.family(name))]
    inside = [match for match in row["matches"] if match["field"] != "title"] or row["matches"]
    told = f"{row['comments'] or ''} {row['abstract']}"
    return {
        **{key: row[key] for key in ("id", "url", "title", "authors", "v1", "primary", "categories")},
        "topics": topics,
        "sentence": _sentence(row, inside[0]) if inside else "",
        "phrase": inside[0]["text"] if inside else "",
        "survey": bool(_SURVEY.search(row["title"])),
        "code": list(dict.fromkeys(_CODE.findall(told))),
    }


def _sentence(row: Mapping[str, Any], match: Mapping[str, Any]) -> str:
    """The sentence that holds a match: of the abstract where it is there, or the title."""
    if match["field"] == "title":
        return str(row["title"])
    return next((text for text in _SENTENCE.split(row["abstract"]) if match["text"] in text), match["snippet"])


def last_week(today: date) -> Period:
    """The week that has ended by a day."""
    return periods.holding(periods.floor(today, "week") - timedelta(days=1), "week")
