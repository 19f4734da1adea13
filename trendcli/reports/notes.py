"""What every output says of itself: base, state of the data, sources, rules and program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from trendcli import __version__
from trendcli.reports import judgements
from trendcli.store import corpus as venues
from trendcli.store.coverage import EVERY
from trendcli.store.manifest import ARXIV
from trendcli.topics.counting import Counted
from trendcli.topics.query import Context

THANKS = "Thank you to arXiv for use of its open access interoperability."
MADE_UP = "MADE-UP DATA: these numbers describe an invented corpus, not arXiv."


def sources_of(context: Context) -> list[dict[str, str]]:
    """The newest answer of each source that speaks of the scope."""
    wanted = {*context.selection.scope.categories, EVERY}
    newest: dict[str, Any] = {}
    for answer in context.store.manifest.ledger if context.store.corpus != ARXIV else context.coverage.answers:
        if wanted & set(answer.categories) and (
            answer.source not in newest or answer.answered_at > newest[answer.source].answered_at
        ):
            newest[answer.source] = answer
    return [
        {"source": name, "version": answer.version, "answered_at": as_of_text(answer.answered_at)}
        for name, answer in sorted(newest.items())
    ]


def as_of_text(moment: datetime) -> str:
    """A moment as '2019-12-31T00:00:00Z'."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def common_notes(context: Context, described: Sequence[Mapping[str, Any]]) -> list[str]:
    """What every output says below its numbers: base, state of the data, source, rule mode and program."""
    selection = context.selection
    notes = [MADE_UP] if context.store.manifest.synthetic else []
    # a sample is of what the rule catches by itself, anywhere in the text
    narrowed = selection.both or selection.within or selection.author or selection.primary_only
    if selection.match == "any" and not narrowed:
        judged = judgements.notes(context.store, context.library, selection.topics, selection.scope.name)
        notes += judged if judged and context.store.fields == venues.reading(context.store).fields else []
    if context.store.corpus != ARXIV:
        return [*notes, *_venue_notes(context, described)]
    listed = "primary category" if selection.primary_only else "any listed category"
    categories = "all categories" if EVERY in selection.scope.categories else " ".join(selection.scope.categories)
    whose = f" by authors named {selection.author}" if selection.author else ""
    on = f" on {context.library.topic(selection.within).name}" if selection.within else ""
    each = "each category for itself, " if context.question.across else ""
    notes.append(
        f"Base: every submission{on} of {categories} ({each}{listed}){whose}, "
        "each once, by the date of its first version."
    )
    notes += _holes(ARXIV, described)
    day = context.question.as_of
    filters = [f"as of the end of {day - timedelta(days=1)}"] if day else []
    said = "; ".join([f"match: {selection.match}", *filters])
    origin = "an invented corpus" if context.store.manifest.synthetic else f"arXiv, by {_named(context)}"
    notes.append(f"Data as of {context.stated_at:%Y-%m-%d}. Source: {origin}. {said}. trendcli {__version__}.")
    notes += [] if context.store.manifest.synthetic else [THANKS]
    return notes


def _venue_notes(context: Context, described: Sequence[Mapping[str, Any]]) -> list[str]:
    selection, answered = context.selection, context.store.manifest.ledger
    since, until = selection.window
    years = {year for item in described for year in range(int(item["start"][:4]), int(item["end"][:4]))} or {
        answer.since.year
        for answer in answered
        if (since is None or answer.since >= since) and (until is None or answer.since < until)
    }
    fields = ("title",) if selection.match == "title" else context.store.fields
    said = venues.notes(context.store, selection.scope, years, fields) + _holes(selection.corpus, described)
    whose = f" By authors named {selection.author}." if selection.author else ""
    origin = "an invented corpus" if context.store.manifest.synthetic else f"OpenReview, by {_named(context)}"
    end = f"Lists as of {context.stated_at:%Y-%m-%d}. Source: {origin}. match: {selection.match}.{whose}"
    return [*said, f"{end} trendcli {__version__}."]


def _named(context: Context) -> str:
    return ", ".join(f"{item['source']} ({item['version']})" for item in sources_of(context))


def _holes(corpus: str, described: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is said of periods that are not whole."""
    notes = []
    statuses: dict[str, list[str]] = {}
    for item in described:
        statuses.setdefault(item["status"], []).append(item["label"])
    if "unknown" in statuses:
        notes.append("The stored records came from a file that does not say what it covers, so some may be missing.")
    if "provisional" in statuses:
        notes.append(f"Provisional (~), may still grow: {few(statuses['provisional'])}.")
    holes = [item for item in described if item.get("missing")]
    if holes:
        missing = sorted({name for item in holes for name in item["missing"]})
        labels = few([item["label"] for item in holes])
        notes.append(f"Not whole, so n/a: {labels} (not {covered_for(corpus, missing)}).")
    running = [item["label"] for item in described if item["status"] == "partial" and not item.get("missing")]
    if running:
        notes.append(f"Not over yet as of the data: {few(running)}.")
    return notes


def provenance(context: Context, counted: Counted | None = None) -> dict[str, Any]:
    """The `provenance` object of JSON: by it a report can be made again, and differences explained."""
    selection = context.selection
    beside = [*selection.both, *([selection.within] if selection.within else [])]
    return {
        "program": f"trendcli {__version__}",
        "store": context.store.fingerprint(),
        "data": {} if counted is None else {item.label: value for item, value in sorted(counted.hashes.items())},
        "bases": {} if counted is None else {item.label: value for item, value in sorted(counted.bases.items())},
        "rules": {topic: context.library.key(topic) for topic in sorted({*selection.topics, *beside})},
        "sources": sources_of(context),
        "match": context.selection.match,
    }


def status_of(corpus: str) -> str:
    """The command that tells what is covered."""
    return "`trend status`" if corpus == ARXIV else f"`trend status --corpus {corpus}`"


def covered_for(corpus: str, missing: Sequence[str]) -> str:
    """What a period is not, in words that follow "is" or "not": for arXiv it names the categories."""
    if corpus == ARXIV:
        return f"covered for {few(missing)}"
    return "decided" if set(missing) == {"accepted"} else f"in a whole list of {corpus}"


def few(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    return " ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
