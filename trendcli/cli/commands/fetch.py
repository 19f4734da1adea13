"""The command fetch: from what the store covers to requests, and from replies to a summary."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.commands.importing import (
    build_pace,
    harvest_with_progress,
    is_synthetic_store,
    open_or_create_store,
    parse_venue_year,
    parse_window,
    raise_for_failure,
    summarize_harvest,
)
from trendcli.cli.conflicts import Conflict, check_conflicts, given_flags
from trendcli.cli.options import (
    CategoriesOption,
    FailIfUnchangedOption,
    FormatOption,
    OutputOption,
    SinceOption,
    UntilOption,
    complete_scopes,
    filter_by_prefix,
)
from trendcli.core.errors import RetryableError, UsageError, suggest_names
from trendcli.core.registry import SOURCES, load_entry

if TYPE_CHECKING:
    from trendcli.core.report import Report
    from trendcli.core.settings import Settings
    from trendcli.core.types import Request, Source, Window
    from trendcli.sources.harvest import HarvestResult
    from trendcli.store.store import Store

# arXiv took 27,692 submissions in October 2025, more than in any month before (arxiv.org/stats)
MAX_SUBMISSIONS_PER_DAY = 900
# arXiv's terms: no more than one request in three seconds
MIN_REQUEST_INTERVAL_S = 3.0
# page sizes of OAI-PMH, as arXiv's server sends them (2026)
RECORDS_PER_PAGE = 2_500
IDENTIFIERS_PER_PAGE = 20_000

# options that apply to a source of venues only, and those that apply to the others only
VENUE_OPTIONS = ("--venue", "--year", "--refresh")
WINDOW_OPTIONS = ("--category", "--scope", "--since", "--until", "--again")

_VENUE_ADVICE = "A year of a venue is fetched as a whole, and once more with --refresh."


def list_fetch_sources() -> list[str]:
    """Return the registered sources that `trend fetch` can ask."""
    return [name for name, entry in SOURCES.items() if entry.updates_arxiv or entry.fetches_venues]


def _complete_sources(incomplete: str) -> list[str]:
    return filter_by_prefix(list_fetch_sources(), incomplete)


def fetch_submissions(
    common: CommonOptions,
    category: CategoriesOption = None,
    scope_name: Annotated[
        str | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="Named set of categories [the setting `scope`].",
            autocompletion=complete_scopes,
        ),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    source: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            help="arxiv: search API; oai: OAI-PMH, for whole categories; openreview: venues.",
            autocompletion=_complete_sources,
        ),
    ] = "arxiv",
    venue: Annotated[
        str | None, typer.Option(metavar="VENUE", help="With --source openreview: iclr, neurips or icml.")
    ] = None,
    year: Annotated[int | None, typer.Option(metavar="YEAR", help="With --source openreview: year to fetch.")] = None,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            help="With --source openreview: fetch the year again even if it is already stored, decisions included.",
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="With --since: request those days again, whatever is stored; with --source oai, all changes since.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be requested and how long it would take; fetch nothing.")
    ] = False,
    fail_if_unchanged: FailIfUnchangedOption = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Fetch submissions from arXiv or OpenReview.

    Without --since, resume where the store ends, category by category, and request the last few weeks again, since
    submissions appear late and are revised. With --since, request whatever the store lacks from that date on; with
    --again as well, request all of it.

    A venue is fetched one year at a time: `trend fetch --source openreview --venue iclr --year 2024`. The login is read
    from OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD. Each venue is a corpus of its own; read it with `--corpus iclr`.
    """
    sources = list_fetch_sources()
    if source not in sources:
        raise UsageError(f"No source {source!r}{suggest_names(source, sources)}. Known: {', '.join(sources)}.")
    fetches_venues = SOURCES[source].fetches_venues
    _check_source_options(
        source,
        {
            **{"--category": category, "--scope": scope_name, "--since": since, "--until": until},
            **{"--again": again, "--venue": venue, "--year": year, "--refresh": refresh},
        },
    )
    if (format or output) and not dry_run:
        raise UsageError("--format and --output need --dry-run. Nothing was fetched.")
    if fetches_venues:
        from trendcli.cli.commands.venue_fetch import fetch_venue_year

        venue_name, venue_year = parse_venue_year(venue, year)
        store = open_store_for_source(common, source, venue_name)
        dry_run_output = (format, output) if dry_run else None
        fetch_venue_year(common, store, venue_name, venue_year, refresh, dry_run_output, fail_if_unchanged)
        return
    settings, store, window = (
        common.resolved_settings[0],
        open_store_for_source(common, source),
        parse_window(since, until),
    )
    scope = settings.resolve_scope(category, scope_name)
    requests = plan_requests(store, settings, source, scope.categories if scope else (), window, again=again)
    if dry_run:
        common.write_report(_build_dry_run_report(common, source, requests), format, output)
        return
    if not requests:
        from trendcli.sources.harvest import HarvestResult

        _check_clock(store)
        common.print_note(
            "0 new, 0 revised: everything is covered or was fetched today; arXiv asks clients not to repeat a "
            "request within a day."
        )
        raise_for_failure(HarvestResult(), fail_if_unchanged)
        return
    result = harvest_with_progress(common, store, build_source(common, store, source), requests)
    if has_results(result):
        common.print_note(summarize_harvest(result))
    print_source_notes(common, result)
    raise_for_failure(result, fail_if_unchanged)


def _check_source_options(source: str, values: dict[str, Any]) -> None:
    """Raise UsageError for an option that does not apply to the source."""
    if SOURCES[source].fetches_venues:
        conflict = Conflict(f"--source {source}", WINDOW_OPTIONS, _VENUE_ADVICE)
    else:
        conflict = Conflict(f"--source {source}", VENUE_OPTIONS, "To fetch a venue, use --source openreview.")
    check_conflicts({conflict.option, *given_flags(values)}, [conflict])


def _check_clock(store: Store) -> None:
    """Raise RetryableError if nothing can be requested because the clock is wrong, or was."""
    now = datetime.now(UTC)
    answers = (record.answered_at for record in store.manifest.ledger if record.status != "failed")
    newest = max(answers, default=now)
    if newest > now + timedelta(days=1):
        raise RetryableError(
            f"This machine's clock says {now:%Y-%m-%d}, but the store has an answer of {newest:%Y-%m-%d}, so nothing "
            "was requested. Set the clock. If it is right, it was wrong earlier: request those days with --again."
        )


def print_source_notes(common: CommonOptions, result: HarvestResult) -> None:
    """Print the notes of a source on a harvest, each once."""
    for note in dict.fromkeys(result.notes):
        common.print_note(note)


def has_results(result: HarvestResult) -> bool:
    """Return whether a harvest brought anything, so that it deserves a summary besides the error that ended it."""
    counts, records = result.upsert_counts, result.coverage_records
    upserted = counts.new or counts.revised or counts.repeated
    return not result.stop_error or bool(upserted) or any(record.status != "failed" for record in records)


def open_store_for_source(common: CommonOptions, source: str, corpus: str = "arxiv") -> Store:
    """Open the store that a source fills, or a new one; raise UsageError where only the store is made up."""
    from trendcli.core.settings import is_loopback

    store = open_or_create_store(common, corpus=corpus)
    if is_synthetic_store(common, store) and not is_loopback(_source_url(common.resolved_settings[0], source)):
        raise UsageError(
            f"The store {store.root} holds made-up data. Fetch real submissions into another one with --store; to "
            "report on what is stored, use `trend weekly --no-fetch`."
        )
    return store


def _source_url(settings: Settings, source: str) -> str:
    """Return the URL that the settings have for a source; "" for one without such a setting."""
    return str(getattr(settings, f"{source}_url", ""))


def plan_requests(
    store: Store,
    settings: Settings,
    source: str,
    categories: tuple[str, ...],
    window: Window,
    *,
    strict: bool = True,
    again: bool = False,
    default_since: date | None = None,
) -> list[Request]:
    """Return the requests that a fetch would send.

    Without categories, they are those that the store covers, or else those of the setting `scope`. `default_since` is
    the first day of categories that were never requested, where the window has no beginning. Without it, raise
    UsageError for such categories, or if not `strict` leave them out. With `again` they are those for the whole window,
    as if nothing of it were covered.
    """
    from trendcli.core.types import Window
    from trendcli.sources import plan

    coverage, today = store.build_coverage(), datetime.now(UTC).date()
    if not categories:
        covered = plan.covered_categories(coverage) if window.since is None or again else ()
        categories = covered or settings.named_scope(settings.scope).categories
    if source == "oai" and window.until is not None:
        raise UsageError("--source oai cannot be combined with --until: OAI-PMH selects by date of change, up to now.")
    if again:
        return plan.plan_repeated_requests(categories, window, today, by_change=source == "oai")
    plan_source = plan.plan_change_requests if source == "oai" else plan.plan_window_requests
    new_categories = plan.unrequested_categories(coverage, categories) if window.since is None else []
    if new_categories and default_since:
        known_categories = [name for name in categories if name not in new_categories]
        new_window = Window(default_since, None)
        return [
            *plan_source(coverage, known_categories, window, today),
            *plan_source(coverage, new_categories, new_window, today),
        ]
    if new_categories and strict and source != "oai":
        raise UsageError(
            f"Nothing has been fetched for {' '.join(new_categories)} yet, so there is nothing to resume. Give a "
            "start, e.g. --since 2024-01."
        )
    return plan_source(coverage, categories, window, today)


def build_source(common: CommonOptions, store: Store, name: str) -> Source:
    """Return the registered source of a name, ready to harvest into a store."""
    from trendcli.sources.zeros import StoredSubmissions
    from trendcli.store.ingest import find_missing_ids

    settings = common.resolved_settings[0]
    url = _source_url(settings, name)
    # OAI-PMH compares its identifiers with those stored
    lookup = [lambda ids, days: find_missing_ids(store, ids, days)] if name == "oai" else []
    options = {"stored": StoredSubmissions(store)} if name in ("arxiv", "oai") else {}
    pace = build_pace(common, url)
    source: Source = load_entry(SOURCES[name])(url, pace, *lookup, settings.contact, **options)
    return source


def _build_dry_run_report(common: CommonOptions, source: str, planned_requests: list[Request]) -> Report:
    """Return the report of what a fetch would request, with totals from the search API: one request a row."""
    from trendcli.core.report import Column, Report
    from trendcli.core.types import Window
    from trendcli.sources.arxiv_api import ArxivApi
    from trendcli.sources.arxiv_slices import estimate_requests

    settings = common.resolved_settings[0]
    api = ArxivApi(settings.arxiv_url, build_pace(common, settings.arxiv_url), settings.contact)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    rows: list[dict[str, Any]] = []
    estimated_count, problem = 0, ""
    for request in planned_requests:
        since = request.window.since or date.min
        if source == "oai":
            since = max(request.resume_from or date.min, request.changed_since or date.min)
        until = min(request.window.until or tomorrow, tomorrow)
        total = MAX_SUBMISSIONS_PER_DAY * (until - since).days
        if not problem:
            try:
                total = api.fetch_declared_total(request._replace(window=Window(since, until)))
            except RetryableError as error:
                problem = error.summary
        estimated_count += bool(problem)
        if source == "oai":
            # a change is a new submission or, about as often, a new version of an old one
            slices, sends = 1, 2 * total // RECORDS_PER_PAGE + 2 * total // IDENTIFIERS_PER_PAGE + 2
        else:
            slices, sends = estimate_requests(since, until, total)
        minutes = round(sends * max(settings.request_interval_s, MIN_REQUEST_INTERVAL_S) / 60, 1)
        window = {"since": str(since), "until": str(until)}
        counts = {"submissions": total, "slices": slices, "requests": sends, "minutes": minutes}
        rows.append({"categories": " ".join(request.categories), **window, **counts})
    send_count, minutes = (sum(row[key] for row in rows) for key in ("requests", "minutes"))
    totals_note = (
        f"Submission counts are arXiv's current totals (requests sent to get them: {api.transport.request_count})."
    )
    if problem:
        subject = "These" if estimated_count == len(rows) else f"The last {estimated_count:,} rows"
        totals_note = (
            f"{subject} are upper bounds, at {MAX_SUBMISSIONS_PER_DAY} submissions a day: in its busiest month so far, "
            f"October 2025, arXiv received 27,692. {problem}."
        )
    from trendcli.sources.pace import host_of_url

    host = host_of_url(_source_url(settings, source))
    dates = "change" if source == "oai" else "submission"
    columns = [
        Column("categories", "Categories", "text"),
        *(Column(key, key.capitalize(), "day") for key in ("since", "until")),
        *(Column(key, key.capitalize(), "count") for key in ("submissions", "slices", "requests")),
        Column("minutes", "Minutes", "number"),
    ]
    return Report(
        kind="plan",
        title=f"A fetch would send {send_count:,} requests and take about {minutes:,.0f} minutes",
        corpus="arxiv",
        synthetic=False,
        query={"source": source},
        columns=columns,
        rows=rows,
        notes=[f"Dates are {dates} dates. Nothing was fetched from {host}.", *([totals_note] if rows else [])],
    )
