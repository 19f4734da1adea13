"""The command status: what a store holds and covers."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.commands.fetch import plan_requests
from trendcli.cli.options import CorpusOption, FormatOption, OutputOption
from trendcli.core.errors import TrendError, UsageError
from trendcli.core.registry import SOURCES
from trendcli.store.manifest import ARXIV

if TYPE_CHECKING:
    from trendcli.core.settings import Settings
    from trendcli.store.coverage import Coverage
    from trendcli.store.store import Store

# coverage records with a gap that `trend status` shows, the latest ones
MAX_SHOWN_GAPS = 5
NEVER_REQUESTED = "never requested"


def show_status(
    common: CommonOptions,
    by: Annotated[
        str,
        typer.Option(
            metavar="span|month",
            help="span: one row per run of days with the same status; month: one row per category and month.",
        ),
    ] = "span",
    corpus: CorpusOption = "arxiv",
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show what the store holds and covers, and how old it is.

    Lists the coverage of each category and what the next fetch will request.
    """
    from trendcli.core.report import Column, Report
    from trendcli.reports.notes import SYNTHETIC_WARNING, format_timestamp

    if by not in ("span", "month"):
        raise UsageError(f"--by accepts span or month, not {by!r}.")
    store, settings = common.open_store(corpus), common.resolved_settings[0]
    coverage, manifest = store.build_coverage(), store.manifest
    categories = sorted({name for record in manifest.ledger for name in record.categories})
    rows = _month_rows(coverage, categories) if by == "month" else _span_rows(coverage, categories)
    data_times = [data_time for name in categories if (data_time := coverage.data_as_of([name]))]
    keys = ("categories", "since", "until", "status") if by == "span" else ("category", "month", "status")
    notes = [*([SYNTHETIC_WARNING] if manifest.synthetic else []), _describe_files(store)]
    if corpus == ARXIV:
        notes += _describe_age(coverage, categories, data_times, synthetic=manifest.synthetic)
    else:
        notes += _describe_venue_years(store)
    notes += _describe_gaps(store)
    if corpus == ARXIV:
        notes += [*_describe_next_fetch(store, settings), *_describe_venues(common)]
    common.write_report(
        Report(
            kind="status",
            title=f"{store.root}: {manifest.submission_count:,} submissions",
            corpus=store.corpus,
            synthetic=manifest.synthetic,
            query={"by": by},
            columns=[Column(key, key.capitalize(), "day" if key in ("since", "until") else "text") for key in keys],
            rows=rows,
            data_as_of=format_timestamp(min(data_times)) if data_times and corpus == ARXIV else None,
            notes=notes,
            provenance={"store": store.compute_fingerprint(), "program": manifest.program},
        ),
        format,
        output,
    )


def _span_rows(coverage: Coverage, categories: list[str]) -> list[dict[str, Any]]:
    """Return a row per run of days of one status; categories with the same runs share their rows."""

    def list_spans(name: str) -> list[tuple[str, str, str]]:
        spans, reached = [], None
        for span in coverage.category_spans(name):
            if reached and reached < span.since:
                spans.append((str(reached), str(span.since), NEVER_REQUESTED))
            spans.append((str(span.since), str(span.until), span.status))
            reached = span.until
        return spans

    rows = []
    for spans, names in groupby(sorted(categories, key=lambda name: (list_spans(name), name)), key=list_spans):
        label = " ".join(_category_label(name) for name in names)
        rows += [
            {"categories": label, "since": since, "until": until, "status": status} for since, until, status in spans
        ]
    return rows


def _month_rows(coverage: Coverage, categories: list[str]) -> list[dict[str, Any]]:
    """Return a row per category and month, with the worst status of its days."""
    from trendcli.core.periods import list_periods

    rows = []
    for name in categories:
        spans = coverage.category_spans(name)
        for month in list_periods(spans[0].since, spans[-1].until, "month") if spans else ():
            status = coverage.worst_status(name, month.start, min(month.end, spans[-1].until))
            rows.append(
                {
                    "category": _category_label(name),
                    "month": month.label,
                    "status": NEVER_REQUESTED if status == "never" else status,
                }
            )
    return rows


def _category_label(category: str) -> str:
    return "all categories" if category == "*" else category


def _describe_files(store: Store) -> str:
    files = store.manifest.files
    size = sum(path.stat().st_size for file in files if (path := store.root / file.path).exists())
    delta_count = sum(file.kind == "update" for file in files)
    return f"{len(files)} data files, {size / 1e6:,.1f} MB; {delta_count} of them delta files, not yet compacted."


def _describe_age(
    coverage: Coverage, categories: list[str], data_times: list[datetime], *, synthetic: bool
) -> list[str]:
    from trendcli.reports.notes import abbreviate_list

    if not data_times:
        return ["Nothing has been fetched yet."]
    oldest, newest = min(data_times), max(data_times)
    oldest_categories = [_category_label(name) for name in categories if coverage.data_as_of([name]) == oldest]
    subject = "" if oldest == newest else f" ({abbreviate_list(oldest_categories)}; the newest {newest:%Y-%m-%d})"
    sources = ", ".join(sorted({f"{record.source} ({record.version})" for record in coverage.records}))
    sources = "an invented corpus" if synthetic else sources
    days = (datetime.now(UTC) - oldest).days
    age = f"{days} {'day' if days == 1 else 'days'} old"
    return [f"Data as of {oldest:%Y-%m-%d}{subject}, {age}; sources: {sources}."]


def _describe_gaps(store: Store) -> list[str]:
    """Return the latest requests that were not answered completely; of a venue those with a known total."""
    records = [record for record in store.manifest.ledger if record.status in ("partial", "failed")]
    return [
        f"{record.status}: {record.query} returned {record.received:,} of "
        f"{'an unknown total' if record.expected is None else f'{record.expected:,}'}."
        for record in records[-MAX_SHOWN_GAPS:]
        if store.corpus == ARXIV or record.expected is not None
    ]


def _describe_venue_years(store: Store) -> list[str]:
    """Return what the list of each year holds and lacks."""
    from trendcli.store.corpus import list_venue_years

    notes = []
    for year in list_venue_years(store):
        missing = [f"{count:,} without {field}" for field, count in year.missing_counts.items() if count]
        notes.append(f"{', '.join([f'{year.year}: {year.submission_count:,} submissions', *missing])}.")
    return notes


def _describe_venues(common: CommonOptions) -> list[str]:
    from trendcli.store.store import list_venues

    notes = []
    for name in list_venues(common.store_root()):
        try:
            content = f"{common.open_store(name).manifest.submission_count:,} submissions"
        except TrendError:  # the command that the note names says what is wrong with it
            content = "a damaged list"
        notes.append(f"Venue {name}: {content} (`trend status --corpus {name}`).")
    return notes


def _describe_next_fetch(store: Store, settings: Settings) -> list[str]:
    """Return what a fetch without options would request now, for each source that can resume."""
    from trendcli.core.types import Window

    notes = []
    for source in (name for name, entry in SOURCES.items() if entry.updates_arxiv):
        requests = plan_requests(store, settings, source, (), Window(None, None), strict=False)
        starts = [
            day for request in requests if (day := request.changed_since if source == "oai" else request.window.since)
        ]
        if starts and (source == "arxiv" or any(record.source == source for record in store.manifest.ledger)):
            event = "changed" if source == "oai" else "submitted"
            option = "" if source == "arxiv" else f" --source {source}"
            notes.append(f"The next `trend fetch{option}` requests what was {event} since {min(starts)}.")
    return notes or ["The next `trend fetch` has nothing to request today."]
