"""The notes below every report and its provenance: base, coverage, state of the data, sources, tests and intervals.

A sentence that several reports say is a function or a constant here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from trendcli.core import __version__
from trendcli.core.types import CoverageRecord
from trendcli.reports.judgements import precision_notes
from trendcli.store.corpus import restrict_text_fields, venue_notes
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.manifest import ARXIV
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.query import BoundQuery

ARXIV_ACKNOWLEDGEMENT = "Thank you to arXiv for use of its open access interoperability."
SYNTHETIC_WARNING = "MADE-UP DATA: these numbers describe an invented corpus, not arXiv."
OVERLAP_NOTE = "A submission counts in each of its categories, so rows do not add up to the total."
NO_HISTORY_NOTE = "Too little history to estimate overdispersion, so intervals may be too narrow."
MAX_LISTED_NAMES = 6  # more would make a note longer than the table above it


def verdict_note(count: int, noun: str, **more_counts: int) -> str:
    """Return the note on what verdicts control: `count` things named by `noun` were tested as one family.

    `more_counts` are further dimensions of the family, such as `period=9`; those of 1 are left out.
    """
    from trendcli.stats.proportions import FDR  # numpy comes with it, and `trend status` has no use for that

    dimensions = [
        format_count(count, noun),
        *(format_count(number, name) for name, number in more_counts.items() if number > 1),
    ]
    return (
        f"Verdicts control the false discovery rate at {100 * FDR:.0f} % over {join_words(dimensions)} "
        "(Benjamini-Hochberg); intervals are per row."
    )


def overdispersion_note(low: float, high: float, unit: str = "month") -> str:
    """Return the note on the overdispersion φ of a table, from its lowest to its highest, by periods of `unit`."""
    noise, least, most = f"{unit.capitalize()}-to-{unit} noise", f"{low:.1f}", f"{high:.1f}"
    if most == "1.0":
        return f"{noise} is no larger than chance predicts."
    factor = most if least == most else f"{least}–{most}"
    return f"{noise} is {factor} times what chance predicts; intervals are widened to match."


def pooled_overdispersion_note(mean: float, unit: str = "month") -> str:
    """Return the same note where φ is the mean of very many terms, or a term's own where that is larger."""
    return (
        f"{unit.capitalize()}-to-{unit} noise averages {mean:.2f} times what chance predicts over all terms; intervals "
        "are widened to match, or by a term's own noise where that is larger."
    )


def format_count(count: int, noun: str) -> str:
    """Return a number with its noun: '1 topic', '16 topics', '2 categories', '3 days'."""
    ends_in_consonant_y = noun.endswith("y") and noun[-2] not in "aeiou"
    plural = f"{noun[:-1]}ies" if ends_in_consonant_y else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def join_words(words: Sequence[str]) -> str:
    """Return words as a list in prose: 'a', 'a and b', 'a, b and c'."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def format_timestamp(timestamp: datetime) -> str:
    """Return a moment as '2019-12-31T00:00:00Z'."""
    return f"{timestamp:%Y-%m-%dT%H:%M:%SZ}"


def status_command(corpus: str) -> str:
    """Return the command that shows what is covered."""
    return "`trend status`" if corpus == ARXIV else f"`trend status --corpus {corpus}`"


def coverage_phrase(corpus: str, missing: Sequence[str]) -> str:
    """Return what a period is not, in words that follow "is" or "not"; for arXiv they name the categories."""
    if corpus == ARXIV:
        return f"covered for {abbreviate_list(missing)}"
    return "decided" if set(missing) == {"accepted"} else f"in a complete list of {corpus}"


def abbreviate_list(labels: Sequence[str]) -> str:
    """Return the first labels of a list, and the number of the others."""
    others = len(labels) - MAX_LISTED_NAMES
    return " ".join(labels[:MAX_LISTED_NAMES]) + (f" and {others} more" if others > 0 else "")


def list_sources(bound: BoundQuery) -> list[dict[str, str]]:
    """Return the latest coverage record of each source that covers a category of the scope, by source."""
    categories = {*bound.selection.scope.categories, ALL_CATEGORIES}
    latest: dict[str, CoverageRecord] = {}
    for record in bound.store.manifest.ledger if bound.store.corpus != ARXIV else bound.coverage.records:
        if categories & set(record.categories) and (
            record.source not in latest or record.answered_at > latest[record.source].answered_at
        ):
            latest[record.source] = record
    return [
        {"source": name, "version": record.version, "answered_at": format_timestamp(record.answered_at)}
        for name, record in sorted(latest.items())
    ]


def common_notes(bound: BoundQuery, described_periods: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the notes that every report ends with: precision of its rules, base, coverage, data as of and source."""
    selection, synthetic = bound.selection, bound.store.manifest.synthetic
    is_arxiv = bound.store.corpus == ARXIV
    return [
        *([SYNTHETIC_WARNING] if synthetic else []),
        *_precision_notes(bound).values(),
        *([_base_note(bound)] if is_arxiv else _venue_base_notes(bound, described_periods)),
        *_coverage_notes(selection.corpus, described_periods, bound.query.include_partial),
        _source_note(bound),
        *([ARXIV_ACKNOWLEDGEMENT] if is_arxiv and not synthetic else []),
    ]


def _precision_notes(bound: BoundQuery) -> dict[str, str]:
    """Return the note on the precision of each topic that was judged.

    A sample is of what a rule matches by itself, anywhere in the text, so a narrower selection has none.
    """
    selection = bound.selection
    is_narrowed = selection.both or selection.within or selection.author or selection.primary_only
    if selection.match != "any" or is_narrowed:
        return {}
    notes = precision_notes(bound.store, bound.library, selection.topics, selection.scope.name)
    all_fields = notes and bound.store.text_fields == restrict_text_fields(bound.store).text_fields
    return notes if all_fields else {}


def _base_note(bound: BoundQuery) -> str:
    selection = bound.selection
    topic = f" on {bound.library.get_topic(selection.within).name}" if selection.within else ""
    categories = (
        "all categories" if ALL_CATEGORIES in selection.scope.categories else " ".join(selection.scope.categories)
    )
    listed = "primary category" if selection.primary_only else "primary or cross-listed"
    author = f" by authors named {selection.author}" if selection.author else ""
    once = "once in each category" if bound.query.across else "once"
    return (
        f"Base: every submission{topic} in {categories} ({listed}){author}, counted {once}, by the date of its first "
        "version."
    )


def _venue_base_notes(bound: BoundQuery, described_periods: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the notes on the base of a venue in the years of the periods, or in those of the window without any."""
    selection = bound.selection
    since, until = selection.window
    years = {
        year for period in described_periods for year in range(int(period["start"][:4]), int(period["end"][:4]))
    } or {
        record.since.year
        for record in bound.store.manifest.ledger
        if (since is None or record.since >= since) and (until is None or record.since < until)
    }
    fields = ("title",) if selection.match == "title" else bound.store.text_fields
    return venue_notes(bound.store, selection.scope, years, fields)


def _coverage_notes(
    corpus: str, described_periods: Sequence[Mapping[str, Any]], include_partial: bool = False
) -> list[str]:
    """Return the notes on periods that are not complete."""
    notes = []
    labels_by_status: dict[str, list[str]] = {}
    for period in described_periods:
        labels_by_status.setdefault(period["status"], []).append(period["label"])
    if "unknown" in labels_by_status:
        notes.append("Coverage unknown: the imported file does not say what it covers, so submissions may be missing.")
    if "provisional" in labels_by_status:
        notes.append(f"Provisional (~), may still grow: {abbreviate_list(labels_by_status['provisional'])}.")
    gaps = [period for period in described_periods if period.get("missing")]
    if gaps:
        missing = sorted({name for period in gaps for name in period["missing"]})
        labels = abbreviate_list([period["label"] for period in gaps])
        effect = "so counts are too low" if include_partial else "so n/a"
        notes.append(f"Incomplete, {effect}: {labels} (not {coverage_phrase(corpus, missing)}).")
    running = [
        period["label"] for period in described_periods if period["status"] == "partial" and not period.get("missing")
    ]
    if running:
        notes.append(f"Not yet over on the data date: {abbreviate_list(running)}.")
    return notes


def _source_note(bound: BoundQuery) -> str:
    selection, as_of = bound.selection, bound.query.as_of
    is_arxiv = bound.store.corpus == ARXIV
    sources = ", ".join(f"{source['source']} ({source['version']})" for source in list_sources(bound))
    origin = (
        "an invented corpus"
        if bound.store.manifest.synthetic
        else f"{'arXiv' if is_arxiv else 'OpenReview'} via {sources}"
    )
    cutoff = f", as of the end of {as_of - timedelta(days=1)}" if as_of else ""
    author = f" By authors named {selection.author}." if selection.author and not is_arxiv else ""
    return (
        f"{'Data' if is_arxiv else 'Lists'} as of {bound.reference_time:%Y-%m-%d}. Source: {origin}. "
        f"Match: {selection.match}{cutoff}.{author} trendcli {__version__}."
    )


def build_provenance(bound: BoundQuery, period_counts: PeriodCounts | None = None) -> dict[str, Any]:
    """Return the `provenance` of a report, from which it can be reproduced and differences explained.

    `data` and `bases` are the hash and total of each counted period. `precision` holds the note on each judged topic;
    it is there only where one was judged.
    """
    selection = bound.selection
    topics = {*selection.topics, *selection.both, *([selection.within] if selection.within else [])}
    hashes, totals = (period_counts.hashes, period_counts.totals) if period_counts else ({}, {})
    precision = _precision_notes(bound)
    return {
        "program": f"trendcli {__version__}",
        "store": bound.store.compute_fingerprint(),
        "data": {period.label: digest for period, digest in sorted(hashes.items())},
        "bases": {period.label: total for period, total in sorted(totals.items())},
        "rules": {topic: bound.library.match_hash(topic) for topic in sorted(topics)},
        "sources": list_sources(bound),
        "match": selection.match,
        **({"precision": precision} if precision else {}),
    }
