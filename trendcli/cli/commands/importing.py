"""The command import, and what all commands share that bring submissions into a store: fetch, import, demo, weekly."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.conflicts import Conflict, check_conflicts, given_flags
from trendcli.cli.options import CategoriesOption, FailIfUnchangedOption, SinceOption, UntilOption
from trendcli.core.errors import RetryableError, StoreUnchanged, UsageError, suggest_names

if TYPE_CHECKING:
    from trendcli.core.types import Request, Source, Window
    from trendcli.sources.harvest import HarvestResult
    from trendcli.sources.pace import Pace
    from trendcli.store.store import Store

IMPORT_FORMATS = ("auto", "snapshot", "openreview")
# faults that are printed one by one; all of them are counted
MAX_PRINTED_FAULTS = 20

_IMPORT_CONFLICTS = (
    Conflict("--format snapshot", ("--venue", "--year"), "Snapshots contain arXiv submissions only."),
    Conflict(
        "--venue",
        ("--complete", "--category", "--since", "--until"),
        "A venue list is imported as a whole.",
    ),
)


def import_file(
    common: CommonOptions,
    file: Annotated[str, typer.Argument(help="File to import; a snapshot may be .gz, .zip, or - for standard input.")],
    venue: Annotated[
        str | None, typer.Option(metavar="VENUE", help="Venue whose submissions the file lists, e.g. iclr.")
    ] = None,
    year: Annotated[int | None, typer.Option(metavar="YEAR", help="Year of the venue.")] = None,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="snapshot: arXiv's snapshot; openreview: a venue list; auto: a venue list if --venue is given.",
        ),
    ] = "auto",
    complete: Annotated[
        str | None,
        typer.Option(
            metavar="CATEGORIES",
            help="Categories that the file covers completely: all, or a list such as cs.LG,cs.CL.",
        ),
    ] = None,
    category: CategoriesOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    fail_if_unchanged: FailIfUnchangedOption = False,
) -> None:
    """Import arXiv's bulk snapshot, or a venue's submissions.

    The snapshot is JSON Lines, as Kaggle distributes it. Venue lists come from papercopilot/paperlists: `trend
    import iclr2021.json --venue iclr --year 2021`. Each venue is a corpus of its own; read it with `--corpus iclr`.
    """
    if format not in IMPORT_FORMATS:
        raise UsageError(
            f"No format {format!r}{suggest_names(format, IMPORT_FORMATS)}. Known: {', '.join(IMPORT_FORMATS)}."
        )
    is_list = format == "openreview" or (format == "auto" and bool(venue or year))
    values = {
        "--complete": complete,
        "--category": category,
        "--since": since,
        "--until": until,
        "--venue": venue or is_list,
        "--year": year,
        "--format snapshot": format == "snapshot",
    }
    check_conflicts(given_flags(values), _IMPORT_CONFLICTS)
    if is_list:
        _import_venue_list(common, file, *parse_venue_year(venue, year), fail_if_unchanged)
    else:
        _import_snapshot(common, file, complete, category, since, until, fail_if_unchanged)


def parse_venue_year(venue: str | None, year: int | None) -> tuple[str, int]:
    """Return the name and the year of a venue; raise UsageError where one is missing or invalid."""
    if venue is None or year is None:
        raise UsageError("A venue list needs --venue and --year, e.g. --venue iclr --year 2021.")
    name = venue.lower()
    if name == "arxiv":
        raise UsageError("arXiv is not a venue: leave out --venue and --year to import its snapshot.")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise UsageError(f"Not a venue name: {venue!r}. Use letters, digits and hyphens, e.g. iclr.")
    if not 1990 <= year <= 2100:
        raise UsageError(f"--year {year} is out of range: use 1990 to 2100.")
    return name, year


def _import_venue_list(common: CommonOptions, file: str, venue: str, year: int, fail_if_unchanged: bool) -> None:
    from trendcli.core.types import Request
    from trendcli.sources.paperlists import Paperlist
    from trendcli.sources.venue_lists import compare_with_list, next_list_time

    store = _open_real_store(common, venue)
    source = Paperlist(file, venue, year, next_list_time(store), partial(compare_with_list, store))
    result = harvest_with_progress(common, store, source, [Request(())])
    print_venue_summary(common, result, venue, year)
    raise_for_failure(result, fail_if_unchanged)


def print_venue_summary(
    common: CommonOptions, result: HarvestResult, venue: str, year: int, *, has_decisions: bool = True
) -> None:
    """Print what the list of a venue's year brought and lacks; `has_decisions`: whether its source publishes them."""
    from trendcli.sources.venue_lists import undecided_notes

    # that a venue has not decided is no gap in its list
    list_records = [record for record in result.coverage_records if record.categories != ("accepted",)]
    common.print_note(summarize_harvest(replace(result, coverage_records=list_records)))
    for note in (*result.notes, *(undecided_notes(result.coverage_records, venue, year) if has_decisions else ())):
        common.print_note(note)


def _open_real_store(common: CommonOptions, corpus: str) -> Store:
    """Open the store of a corpus, or a new one; raise UsageError where it holds made-up data."""
    store = open_or_create_store(common, corpus=corpus)
    if is_synthetic_store(common, store):
        raise UsageError(
            f"The store {store.root} holds made-up data. Import real submissions into another one with --store."
        )
    return store


def is_synthetic_store(common: CommonOptions, store: Store) -> bool:
    """Return whether a store holds made-up data, or belongs to one that does."""
    return store.manifest.synthetic or open_or_create_store(common).manifest.synthetic


def _import_snapshot(
    common: CommonOptions,
    file: str,
    complete: str | None,
    categories: list[str] | None,
    since: str | None,
    until: str | None,
    fail_if_unchanged: bool,
) -> None:
    from trendcli.core.parallel import start_forkserver

    start_forkserver()  # it gets ready while this process imports
    from trendcli.core.types import Request
    from trendcli.sources.snapshot import Snapshot
    from trendcli.store.coverage import ALL_CATEGORIES

    settings, _ = common.resolved_settings
    scope = settings.resolve_scope(categories)
    complete_scope = settings.resolve_scope(complete.split(",")) if complete and complete != "all" else None
    complete_categories = (
        (ALL_CATEGORIES,) if complete == "all" else complete_scope.categories if complete_scope else ()
    )
    store = _open_real_store(common, "arxiv")
    request = Request(scope.categories if scope else (), parse_window(since, until))
    result = harvest_with_progress(common, store, Snapshot(file, store.root, complete_categories), [request])
    common.print_note(summarize_harvest(result))
    for note in result.notes:
        common.print_note(note)
    if not result.faults and [record.status for record in result.coverage_records] == ["unknown"]:
        common.print_note(
            "The file does not say which categories it covers, so counts are marked as having unknown coverage. If "
            "you know it, import again with --complete all or --complete CATEGORY,..."
        )
    raise_for_failure(result, fail_if_unchanged)


def open_or_create_store(common: CommonOptions, *, synthetic: bool = False, corpus: str = "arxiv") -> Store:
    """Open the store of a corpus, or an empty one that its first commit will write."""
    from trendcli.store.store import Store

    return Store.open_or_create(common.store_root(corpus), synthetic=synthetic, corpus=corpus)


def parse_window(since: str | None, until: str | None) -> Window:
    """Return the window from the first day of --since to before that of --until.

    Raise UsageError where it is reversed or lies in the future.
    """
    from trendcli.core.periods import parse_period
    from trendcli.core.types import Window

    first_day = parse_period(since).start if since else None
    end_day = parse_period(until).start if until else None
    if first_day and end_day and first_day >= end_day:
        raise UsageError(
            f"The window is reversed: --since {first_day} is not before --until {end_day}. Nothing was changed."
        )
    if first_day and first_day > datetime.now(UTC).date():
        raise UsageError(f"--since {first_day} is in the future. Nothing was changed.")
    return Window(first_day, end_day)


def build_pace(common: CommonOptions, *urls: str) -> Pace:
    """Return the pace and limits of requests to some URLs; on a terminal, long waits are announced."""
    from trendcli.core.settings import pace_path
    from trendcli.sources.pace import Pace
    from trendcli.sources.reply import ReplyLimits

    settings = common.resolved_settings[0]
    # with --verbose they are logged
    is_watched = sys.stderr.isatty() and not common.verbose and not common.quiet
    return Pace(
        pace_path(),
        max(map(settings.interval_for_url, urls)),
        limits=ReplyLimits(settings.reply_size_mb, settings.reply_duration_s),
        # through sys.stderr as it then is: a progress bar puts such lines above itself
        say_wait=lambda sentence: print(sentence, file=sys.stderr) if is_watched else None,
    )


def harvest_with_progress(
    common: CommonOptions, store: Store, source: Source, requests: list[Request]
) -> HarvestResult:
    """Harvest a source into a store with a progress bar, and print the first of its faults as they occur."""
    from trendcli.sources.harvest import harvest_source

    fault_count = 0

    def print_fault(message: str) -> None:
        nonlocal fault_count
        fault_count += 1
        if fault_count <= MAX_PRINTED_FAULTS:
            typer.echo(f"trend: {message}", err=True)

    with common.progress_bar() as progress:
        return harvest_source(store, source, requests, progress, print_fault)


def summarize_harvest(result: HarvestResult) -> str:
    """Return a line with the counts of a harvest, the days that it covers, and whether it is complete."""
    counts = result.upsert_counts
    records = [record for record in result.coverage_records if record.status != "failed"]
    since = min((record.since for record in records), default=None)
    until = max((min(record.until, record.answered_at.date()) for record in records), default=None)
    parts = [f"{counts.new:,} new", f"{counts.revised:,} revised", f"{counts.repeated:,} unchanged"]
    if counts.conflicts:
        parts.append(f"{counts.conflicts:,} with a different first date (stored date kept)")
    parts += [f"{since} to {until}"] if since and until and since < until else []
    is_known = any(record.status == "complete" for record in result.coverage_records)
    state = ("complete" if is_known else "coverage unknown") if result.is_complete else "incomplete"
    return ", ".join([*parts, state])


def raise_for_failure(result: HarvestResult, fail_if_unchanged: bool) -> None:
    """Raise the error of a harvest that did not go well, or with `fail_if_unchanged` StoreUnchanged without news."""
    if result.stop_error:
        raise result.stop_error
    if result.faults:
        from trendcli.reports.notes import format_count

        raise RetryableError(
            f"{format_count(len(result.faults), 'error')}, see above; everything readable is stored. Correct the "
            "input, or try again later."
        )
    if fail_if_unchanged and not (result.upsert_counts.new or result.upsert_counts.revised):
        raise StoreUnchanged("Nothing is new.")
