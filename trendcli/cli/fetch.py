"""The command fetch: from what the store covers to questions, and from answers to a line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.importing import (
    harvest_with_progress,
    is_synthetic_store,
    open_or_create_store,
    parse_venue_year,
    parse_window,
    raise_for_failure,
    summarize_harvest,
)
from trendcli.cli.options import CategoriesOption, FormatOption, OutputOption, SinceOption, UntilOption
from trendcli.core.errors import RetryableError, UsageError, suggest_names

if TYPE_CHECKING:
    from trendcli.core.report import Report
    from trendcli.core.settings import Settings
    from trendcli.core.types import Request, Window
    from trendcli.sources.arxiv_api import ArxivApi
    from trendcli.sources.harvest import HarvestResult
    from trendcli.sources.oai import OaiPmh
    from trendcli.store.store import Store

# arXiv took 27,692 submissions in October 2025, more than in any month before (arxiv.org/stats)
MAX_SUBMISSIONS_PER_DAY = 900
# arXiv's terms: no more than one request in three seconds
MIN_REQUEST_INTERVAL_S = 3.0
# records a page of OAI-PMH and identifiers a page, as arXiv's server sends them (2026)
RECORDS_PER_PAGE, IDENTIFIERS_PER_PAGE = 2_500, 20_000


# the weekly job takes the first two
FETCH_SOURCES = ("arxiv", "oai", "openreview")


def _complete_sources(incomplete: str) -> list[str]:
    return [name for name in FETCH_SOURCES if name.startswith(incomplete)]


def fetch_submissions(
    common: CommonOptions,
    category: CategoriesOption = None,
    scope_name: Annotated[
        str | None, typer.Option("--scope", help="A named set of categories [the setting `scope`].")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    source: Annotated[
        str,
        typer.Option(
            help="arxiv: its search API. oai: OAI-PMH, for whole categories. openreview: a conference.",
            autocompletion=_complete_sources,
        ),
    ] = "arxiv",
    venue: Annotated[
        str | None, typer.Option(help="With --source openreview: the conference, iclr, neurips or icml.")
    ] = None,
    year: Annotated[int | None, typer.Option(help="The year of that conference.")] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask again for a conference that has decided and is stored.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be asked and how long it would take; fetch nothing.")
    ] = False,
    fail_if_unchanged: Annotated[
        bool, typer.Option("--fail-if-unchanged", help="Exit with 5 where nothing is new.")
    ] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Fetch submissions from arXiv, every one of the categories, or those to a conference from OpenReview.

    Without --since it goes on where the store ends, category by category, and asks once more for the last weeks, since
    submissions come late and are revised. With --since it asks for what is not yet covered since then.

    A conference is fetched as a whole: `trend fetch --source openreview --venue iclr --year 2024`. The login is that of
    OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD. Each venue is a corpus of its own, which `--corpus iclr` reads.
    """
    settings, _ = common.resolved_settings
    if source not in FETCH_SOURCES:
        raise UsageError(
            f"No source {source!r}{suggest_names(source, FETCH_SOURCES)}. Known: {', '.join(FETCH_SOURCES)}."
        )
    if source == "openreview":
        if category or scope_name or since or until:
            raise UsageError("A conference is fetched whole: no --category, --scope, --since or --until.")
        if not dry_run and (format or output):
            raise UsageError("--format and --output are for --dry-run. Nothing was fetched.")
        from trendcli.cli.venue_fetch import fetch_venue_year

        named = parse_venue_year(venue, year)
        store, shown = open_store_for_source(common, source, named[0]), (format, output) if dry_run else None
        fetch_venue_year(common, store, *named, refresh, shown, fail_if_unchanged)
        return
    if venue or year or refresh:
        raise UsageError("--venue, --year and --refresh belong to --source openreview.")
    store, window = open_store_for_source(common, source), parse_window(since, until)
    scope = settings.resolve_scope(category, scope_name)
    asks = plan_requests(store, settings, source, scope.categories if scope else (), window)
    if dry_run:
        common.write_report(_build_dry_run_report(settings, source, asks), format, output)
        return
    if format or output:
        raise UsageError("--format and --output are for --dry-run. Nothing was fetched.")
    if not asks:
        from trendcli.sources.harvest import HarvestResult

        common.print_note(
            "0 new, 0 revised: all of it is covered, or was answered today, and arXiv asks not to be asked twice a day."
        )
        raise_for_failure(HarvestResult(), fail_if_unchanged)
        return
    done = harvest_with_progress(common, store, build_source(store, settings, source), asks)
    if has_results(done):
        common.print_note(summarize_harvest(done))
    raise_for_failure(done, fail_if_unchanged)


def has_results(result: HarvestResult) -> bool:
    """Whether anything was learned, so that there is something to sum up beside what ended it."""
    merged, answers = result.upsert_counts, result.coverage_records
    brought = merged.new or merged.revised or merged.repeated
    return not result.stop_error or bool(brought) or any(answer.status != "failed" for answer in answers)


def open_store_for_source(common: CommonOptions, source: str, corpus: str = "arxiv") -> Store:
    """The store that a source may fill; UsageError where it is made up and the source is not."""
    from trendcli.core.settings import is_loopback

    store = open_or_create_store(common, corpus=corpus)
    if is_synthetic_store(common, store) and not is_loopback(_source_url(common.resolved_settings[0], source)):
        raise UsageError(
            f"The store {store.root} holds made-up data. Fetch real submissions into another one, with --store; "
            "`trend weekly --no-fetch` draws what is there."
        )
    return store


def _source_url(settings: Settings, source: str) -> str:
    return {"arxiv": settings.arxiv_url, "oai": settings.oai_url, "openreview": settings.openreview_url}[source]


def plan_requests(
    store: Store,
    settings: Settings,
    source: str,
    categories: tuple[str, ...],
    window: Window,
    *,
    strict: bool = True,
    default_since: date | None = None,
) -> list[Request]:
    """What a fetch would ask; what was never asked for since `first`, where a window does not say from when.

    UsageError where there is no place to go on from, or an empty list if not `strict`.
    """
    from trendcli.core.types import Window
    from trendcli.sources import plan

    coverage, today = store.build_coverage(), datetime.now(UTC).date()
    if not categories:
        known = plan.covered_categories(coverage) if window.since is None else ()
        categories = known or settings.named_scope(settings.scope).categories
    if source == "oai" and window.until is not None:
        raise UsageError("OAI-PMH knows when metadata changed, not when submissions came: it takes no --until.")
    asked = plan.plan_change_requests if source == "oai" else plan.plan_window_requests
    unbegun = plan.unrequested_categories(coverage, categories) if window.since is None else []
    if unbegun and default_since:
        begun = [name for name in categories if name not in unbegun]
        return asked(coverage, begun, window, today) + asked(coverage, unbegun, Window(default_since, None), today)
    if unbegun and strict and source == "arxiv":
        raise UsageError(
            f"Never fetched, so there is no place to go on from: {' '.join(unbegun)}. "
            "Say from when, such as --since 2024-01."
        )
    return asked(coverage, categories, window, today)


def build_source(store: Store, settings: Settings, name: str) -> ArxivApi | OaiPmh:
    """The source of that name, ready to be asked."""
    from trendcli.core.settings import pace_path
    from trendcli.sources.http import Pace
    from trendcli.store import ingest

    url = _source_url(settings, name)
    pace = Pace(pace_path(), settings.interval_for_url(url))
    if name == "arxiv":
        from trendcli.sources.arxiv_api import ArxivApi

        return ArxivApi(url, pace, settings.contact)
    from trendcli.sources.oai import OaiPmh

    return OaiPmh(url, pace, lambda ids, days: ingest.find_missing_ids(store, ids, days), settings.contact)


def _build_dry_run_report(settings: Settings, source: str, planned_requests: list[Request]) -> Report:
    """What would be asked; the totals are what arXiv's API declares now, for one request a row."""
    from trendcli.core.report import Column, Report
    from trendcli.core.settings import pace_path
    from trendcli.core.types import Window
    from trendcli.sources.arxiv_api import ArxivApi, estimate_requests
    from trendcli.sources.http import Pace

    api = ArxivApi(
        settings.arxiv_url, Pace(pace_path(), settings.interval_for_url(settings.arxiv_url)), settings.contact
    )
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    rows: list[dict[str, Any]] = []
    guessed, failed = 0, ""
    for ask in planned_requests:
        since = ask.window.since or date.min
        if source == "oai":
            since = max(ask.resume_from or date.min, ask.changed_since or date.min)
        until = min(ask.window.until or tomorrow, tomorrow)
        total = MAX_SUBMISSIONS_PER_DAY * (until - since).days
        if not failed:
            try:
                total = api.fetch_declared_total(ask._replace(window=Window(since, until)))
            except RetryableError as error:
                failed = str(error).partition(". ")[0]
        guessed += bool(failed)
        if source == "arxiv":
            parts, requests = estimate_requests(since, until, total)
        else:
            # a change is a new submission or, about as often, a new version of an old one
            parts, requests = 1, 2 * total // RECORDS_PER_PAGE + 2 * total // IDENTIFIERS_PER_PAGE + 2
        minutes = round(requests * max(settings.request_interval_s, MIN_REQUEST_INTERVAL_S) / 60, 1)
        window = {"since": str(since), "until": str(until)}
        counts = {"submissions": total, "slices": parts, "requests": requests, "minutes": minutes}
        rows.append({"categories": " ".join(ask.categories), **window, **counts})
    requests, minutes = (sum(row[key] for row in rows) for key in ("requests", "minutes"))
    said = f"Submissions are what arXiv declares now (requests sent for that: {api.transport.request_count})."
    if failed:
        which = "These numbers are" if guessed == len(rows) else f"Those of the last {guessed:,} rows are"
        said = (
            f"{which} no count but an upper estimate, {MAX_SUBMISSIONS_PER_DAY} submissions a day: all of arXiv "
            f"took 27,692 in "
            f"October 2025, the busiest month so far. {failed}."
        )
    host = urlsplit(_source_url(settings, source)).netloc
    dates = "submitted" if source == "arxiv" else "changed"
    columns = [Column("categories", "Categories", "text")]
    columns += [Column(key, key.capitalize(), "day") for key in ("since", "until")]
    columns += [Column(key, key.capitalize(), "count") for key in ("submissions", "slices", "requests")]
    return Report(
        kind="plan",
        title=f"A fetch would send {requests:,} requests and take about {minutes:,.0f} minutes",
        corpus="arxiv",
        synthetic=False,
        query={"source": source},
        columns=[*columns, Column("minutes", "Minutes", "number")],
        rows=rows,
        notes=[
            f"Dates are those on which submissions were {dates}. Nothing was fetched from {host}.",
            *([said] if rows else []),
        ],
    )
