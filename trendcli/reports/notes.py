"""What every output says of itself: base, state of the data, sources, rules and program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from trendcli.core.version import __version__
from trendcli.reports import judgements
from trendcli.store import corpus as venues
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.manifest import ARXIV
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.query import BoundQuery

ARXIV_ACKNOWLEDGEMENT = "Thank you to arXiv for use of its open access interoperability."
SYNTHETIC_WARNING = "MADE-UP DATA: these numbers describe an invented corpus, not arXiv."


def list_sources(bound: BoundQuery) -> list[dict[str, str]]:
    """The newest answer of each source that speaks of the scope."""
    wanted = {*bound.selection.scope.categories, ALL_CATEGORIES}
    newest: dict[str, Any] = {}
    for answer in bound.store.manifest.ledger if bound.store.corpus != ARXIV else bound.coverage.records:
        if wanted & set(answer.categories) and (
            answer.source not in newest or answer.answered_at > newest[answer.source].answered_at
        ):
            newest[answer.source] = answer
    return [
        {"source": name, "version": answer.version, "answered_at": format_timestamp(answer.answered_at)}
        for name, answer in sorted(newest.items())
    ]


def format_timestamp(timestamp: datetime) -> str:
    """A moment as '2019-12-31T00:00:00Z'."""
    return f"{timestamp:%Y-%m-%dT%H:%M:%SZ}"


def common_notes(bound: BoundQuery, described_periods: Sequence[Mapping[str, Any]]) -> list[str]:
    """What every output says below its numbers: base, state of the data, source, rule mode and program."""
    selection = bound.selection
    notes = [SYNTHETIC_WARNING] if bound.store.manifest.synthetic else []
    # a sample is of what the rule catches by itself, anywhere in the text
    narrowed = selection.both or selection.within or selection.author or selection.primary_only
    if selection.match == "any" and not narrowed:
        judged = judgements.precision_notes(bound.store, bound.library, selection.topics, selection.scope.name)
        notes += (
            judged if judged and bound.store.text_fields == venues.restrict_text_fields(bound.store).text_fields else []
        )
    if bound.store.corpus != ARXIV:
        return [*notes, *_venue_notes(bound, described_periods)]
    listed = "primary category" if selection.primary_only else "any listed category"
    categories = (
        "all categories" if ALL_CATEGORIES in selection.scope.categories else " ".join(selection.scope.categories)
    )
    whose = f" by authors named {selection.author}" if selection.author else ""
    on = f" on {bound.library.get_topic(selection.within).name}" if selection.within else ""
    each = "each category for itself, " if bound.query.across else ""
    notes.append(
        f"Base: every submission{on} of {categories} ({each}{listed}){whose}, "
        "each once, by the date of its first version."
    )
    notes += _coverage_notes(ARXIV, described_periods)
    day = bound.query.as_of
    filters = [f"as of the end of {day - timedelta(days=1)}"] if day else []
    said = "; ".join([f"match: {selection.match}", *filters])
    origin = "an invented corpus" if bound.store.manifest.synthetic else f"arXiv, by {_format_sources(bound)}"
    notes.append(f"Data as of {bound.reference_time:%Y-%m-%d}. Source: {origin}. {said}. trendcli {__version__}.")
    notes += [] if bound.store.manifest.synthetic else [ARXIV_ACKNOWLEDGEMENT]
    return notes


def _venue_notes(bound: BoundQuery, described_periods: Sequence[Mapping[str, Any]]) -> list[str]:
    selection, answered = bound.selection, bound.store.manifest.ledger
    since, until = selection.window
    years = {year for item in described_periods for year in range(int(item["start"][:4]), int(item["end"][:4]))} or {
        answer.since.year
        for answer in answered
        if (since is None or answer.since >= since) and (until is None or answer.since < until)
    }
    fields = ("title",) if selection.match == "title" else bound.store.text_fields
    said = venues.venue_notes(bound.store, selection.scope, years, fields) + _coverage_notes(
        selection.corpus, described_periods
    )
    whose = f" By authors named {selection.author}." if selection.author else ""
    origin = "an invented corpus" if bound.store.manifest.synthetic else f"OpenReview, by {_format_sources(bound)}"
    end = f"Lists as of {bound.reference_time:%Y-%m-%d}. Source: {origin}. match: {selection.match}.{whose}"
    return [*said, f"{end} trendcli {__version__}."]


def _format_sources(bound: BoundQuery) -> str:
    return ", ".join(f"{item['source']} ({item['version']})" for item in list_sources(bound))


def _coverage_notes(corpus: str, described_periods: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is said of periods that are not whole."""
    notes = []
    statuses: dict[str, list[str]] = {}
    for item in described_periods:
        statuses.setdefault(item["status"], []).append(item["label"])
    if "unknown" in statuses:
        notes.append("The stored records came from a file that does not say what it covers, so some may be missing.")
    if "provisional" in statuses:
        notes.append(f"Provisional (~), may still grow: {abbreviate_list(statuses['provisional'])}.")
    holes = [item for item in described_periods if item.get("missing")]
    if holes:
        missing = sorted({name for item in holes for name in item["missing"]})
        labels = abbreviate_list([item["label"] for item in holes])
        notes.append(f"Not whole, so n/a: {labels} (not {coverage_phrase(corpus, missing)}).")
    running = [item["label"] for item in described_periods if item["status"] == "partial" and not item.get("missing")]
    if running:
        notes.append(f"Not over yet as of the data: {abbreviate_list(running)}.")
    return notes


def build_provenance(bound: BoundQuery, period_counts: PeriodCounts | None = None) -> dict[str, Any]:
    """The `provenance` object of JSON: by it a report can be made again, and differences explained."""
    selection = bound.selection
    beside = [*selection.both, *([selection.within] if selection.within else [])]
    return {
        "program": f"trendcli {__version__}",
        "store": bound.store.compute_fingerprint(),
        "data": {}
        if period_counts is None
        else {item.label: value for item, value in sorted(period_counts.hashes.items())},
        "bases": {}
        if period_counts is None
        else {item.label: value for item, value in sorted(period_counts.totals.items())},
        "rules": {topic: bound.library.match_hash(topic) for topic in sorted({*selection.topics, *beside})},
        "sources": list_sources(bound),
        "match": bound.selection.match,
    }


def status_command(corpus: str) -> str:
    """The command that tells what is covered."""
    return "`trend status`" if corpus == ARXIV else f"`trend status --corpus {corpus}`"


def coverage_phrase(corpus: str, missing: Sequence[str]) -> str:
    """What a period is not, in words that follow "is" or "not": for arXiv it names the categories."""
    if corpus == ARXIV:
        return f"covered for {abbreviate_list(missing)}"
    return "decided" if set(missing) == {"accepted"} else f"in a whole list of {corpus}"


def abbreviate_list(labels: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    return " ".join(labels[:6]) + (f" and {len(labels) - 6} more" if len(labels) > 6 else "")
