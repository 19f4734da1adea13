"""The command fetch: from what the store covers to questions, and from answers to a line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from trendcli.cli.base import Common
from trendcli.cli.importing import created, end, harvested, made_up, summary, venue_of, window_of
from trendcli.cli.options import Categories, Format, Output, Since, Until
from trendcli.core.errors import TryLater, UsageError, nearest

if TYPE_CHECKING:
    from trendcli.core.settings import Settings
    from trendcli.core.types import Ask, Report, Window
    from trendcli.sources.arxiv_api import ArxivApi
    from trendcli.sources.harvest import Harvest
    from trendcli.sources.oai import OaiPmh
    from trendcli.store.store import Store

# arXiv took 27,692 submissions in October 2025, more than in any month before (arxiv.org/stats)
MOST_A_DAY = 900
# arXiv's terms: no more than one request in three seconds
POLITE_S = 3.0
# records a page of OAI-PMH and identifiers a page, as arXiv's server sends them (2026)
RECORDS, IDENTIFIERS = 2_500, 20_000


# the weekly job takes the first two
FETCHED = ("arxiv", "oai", "openreview")


def _sources(incomplete: str) -> list[str]:
    return [name for name in FETCHED if name.startswith(incomplete)]


def fetch(
    common: Common,
    category: Categories = None,
    scope_name: Annotated[
        str | None, typer.Option("--scope", help="A named set of categories [the setting `scope`].")
    ] = None,
    since: Since = None,
    until: Until = None,
    source: Annotated[
        str,
        typer.Option(
            help="arxiv: its search API. oai: OAI-PMH, for whole categories. openreview: a conference.",
            autocompletion=_sources,
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
    format: Format = None,
    output: Output = None,
) -> None:
    """Fetch submissions from arXiv, every one of the categories, or those to a conference from OpenReview.

    Without --since it goes on where the store ends, category by category, and asks once more for the last weeks, since
    submissions come late and are revised. With --since it asks for what is not yet covered since then.

    A conference is fetched as a whole: `trend fetch --source openreview --venue iclr --year 2024`. The login is that of
    OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD. Each venue is a corpus of its own, which `--corpus iclr` reads.
    """
    settings, _ = common.resolved
    if source not in FETCHED:
        raise UsageError(f"No source {source!r}{nearest(source, FETCHED)}. Known: {', '.join(FETCHED)}.")
    if source == "openreview":
        if category or scope_name or since or until:
            raise UsageError("A conference is fetched whole: no --category, --scope, --since or --until.")
        if not dry_run and (format or output):
            raise UsageError("--format and --output are for --dry-run. Nothing was fetched.")
        from trendcli.cli.venue_fetch import fetch_year

        named = venue_of(venue, year)
        store, shown = store_for(common, source, named[0]), (format, output) if dry_run else None
        fetch_year(common, store, *named, refresh, shown, fail_if_unchanged)
        return
    if venue or year or refresh:
        raise UsageError("--venue, --year and --refresh belong to --source openreview.")
    store, window = store_for(common, source), window_of(since, until)
    scope = settings.scope_of(category, scope_name)
    asks = planned(store, settings, source, scope.categories if scope else (), window)
    if dry_run:
        common.show(_dry_run(settings, source, asks), format, output)
        return
    if format or output:
        raise UsageError("--format and --output are for --dry-run. Nothing was fetched.")
    if not asks:
        from trendcli.sources.harvest import Harvest

        common.say(
            "0 new, 0 revised: all of it is covered, or was answered today, and arXiv asks not to be asked twice a day."
        )
        end(Harvest(), fail_if_unchanged)
        return
    done = harvested(common, store, source_of(store, settings, source), asks)
    if came(done):
        common.say(summary(done))
    end(done, fail_if_unchanged)


def came(done: Harvest) -> bool:
    """Whether anything was learned, so that there is something to sum up beside what ended it."""
    merged, answers = done.merged, done.answers
    brought = merged.new or merged.revised or merged.repeated
    return not done.stopped or bool(brought) or any(answer.status != "failed" for answer in answers)


def store_for(common: Common, source: str, corpus: str = "arxiv") -> Store:
    """The store that a source may fill; UsageError where it is made up and the source is not."""
    from trendcli.core.settings import is_loopback

    store = created(common, corpus=corpus)
    if made_up(common, store) and not is_loopback(_url(common.resolved[0], source)):
        raise UsageError(
            f"The store {store.root} holds made-up data. Fetch real submissions into another one, with --store; "
            "`trend weekly --no-fetch` draws what is there."
        )
    return store


def _url(settings: Settings, source: str) -> str:
    return {"arxiv": settings.arxiv_url, "oai": settings.oai_url, "openreview": settings.openreview_url}[source]


def planned(
    store: Store,
    settings: Settings,
    source: str,
    categories: tuple[str, ...],
    window: Window,
    *,
    strict: bool = True,
    first: date | None = None,
) -> list[Ask]:
    """What a fetch would ask; what was never asked for since `first`, where a window does not say from when.

    UsageError where there is no place to go on from, or an empty list if not `strict`.
    """
    from trendcli.core.types import Window
    from trendcli.sources import plan

    coverage, today = store.coverage(), datetime.now(UTC).date()
    if not categories:
        known = plan.covered(coverage) if window.since is None else ()
        categories = known or settings.scope_named(settings.scope).categories
    if source == "oai" and window.until is not None:
        raise UsageError("OAI-PMH knows when metadata changed, not when submissions came: it takes no --until.")
    asked = plan.by_change if source == "oai" else plan.by_window
    unbegun = plan.unbegun(coverage, categories) if window.since is None else []
    if unbegun and first:
        begun = [name for name in categories if name not in unbegun]
        return asked(coverage, begun, window, today) + asked(coverage, unbegun, Window(first, None), today)
    if unbegun and strict and source == "arxiv":
        raise UsageError(
            f"Never fetched, so there is no place to go on from: {' '.join(unbegun)}. "
            "Say from when, such as --since 2024-01."
        )
    return asked(coverage, categories, window, today)


def source_of(store: Store, settings: Settings, name: str) -> ArxivApi | OaiPmh:
    """The source of that name, ready to be asked."""
    from trendcli.core.settings import pace_path
    from trendcli.sources.pace import Pace
    from trendcli.store import ingest

    url = _url(settings, name)
    pace = Pace(pace_path(), settings.interval_for(url))
    if name == "arxiv":
        from trendcli.sources.arxiv_api import ArxivApi

        return ArxivApi(url, pace, settings.contact)
    from trendcli.sources.oai import OaiPmh

    return OaiPmh(url, pace, lambda ids, days: ingest.lacking(store, ids, days), settings.contact)


def _dry_run(settings: Settings, source: str, asks: list[Ask]) -> Report:
    """What would be asked; the totals are what arXiv's API declares now, for one request a row."""
    from trendcli.core.settings import pace_path
    from trendcli.core.types import Column, Report, Window
    from trendcli.sources.arxiv_api import ArxivApi, slices
    from trendcli.sources.pace import Pace

    api = ArxivApi(settings.arxiv_url, Pace(pace_path(), settings.interval_for(settings.arxiv_url)), settings.contact)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    rows: list[dict[str, Any]] = []
    guessed, failed = 0, ""
    for ask in asks:
        since = ask.window.since or date.min
        if source == "oai":
            since = max(ask.reached or date.min, ask.changed or date.min)
        until = min(ask.window.until or tomorrow, tomorrow)
        total = MOST_A_DAY * (until - since).days
        if not failed:
            try:
                total = api.declared(ask._replace(window=Window(since, until)))
            except TryLater as error:
                failed = str(error).partition(". ")[0]
        guessed += bool(failed)
        if source == "arxiv":
            parts, requests = slices(since, until, total)
        else:
            # a change is a new submission or, about as often, a new version of an old one
            parts, requests = 1, 2 * total // RECORDS + 2 * total // IDENTIFIERS + 2
        minutes = round(requests * max(settings.request_interval_s, POLITE_S) / 60, 1)
        window = {"since": str(since), "until": str(until)}
        counts = {"submissions": total, "slices": parts, "requests": requests, "minutes": minutes}
        rows.append({"categories": " ".join(ask.categories), **window, **counts})
    requests, minutes = (sum(row[key] for row in rows) for key in ("requests", "minutes"))
    said = f"Submissions are what arXiv declares now (requests sent for that: {api.transport.sent})."
    if failed:
        which = "These numbers are" if guessed == len(rows) else f"Those of the last {guessed:,} rows are"
        said = (
            f"{which} no count but an upper estimate, {MOST_A_DAY} submissions a day: all of arXiv took 27,692 in "
            f"October 2025, the busiest month so far. {failed}."
        )
    host = urlsplit(_url(settings, source)).netloc
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
