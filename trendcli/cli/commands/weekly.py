"""The weekly job, and the digest of any period: weekly, digest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions, infer_format
from trendcli.cli.commands.fetch import (
    build_source,
    has_results,
    open_store_for_source,
    plan_requests,
    print_source_notes,
)
from trendcli.cli.commands.importing import harvest_with_progress, raise_for_failure, summarize_harvest
from trendcli.cli.options import OutputOption, SelectionOptions
from trendcli.core.errors import (
    CoverageMissing,
    RetryableError,
    SettingsError,
    StoreMissing,
    StoreUnchanged,
    UsageError,
)
from trendcli.store.manifest import ARXIV

if TYPE_CHECKING:
    from trendcli.core.periods import Period
    from trendcli.reports.weekly.config import WeeklyConfig
    from trendcli.reports.weekly.digest import DigestInput
    from trendcli.topics.library import Library
    from trendcli.topics.query import Query

ConfigArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[CONFIG]",
        help="YAML file with any of out, watch, pack, scope, source, since, keep, notify, "
        "notify_timeout_s; each has a default.",
    ),
]
OutOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Output folder, with a folder for each week [trend-weekly].")
]


def run_weekly_job(
    common: CommonOptions,
    config: ConfigArgument = None,
    out: OutOption = None,
    date_: Annotated[
        str | None,
        typer.Option(
            "--date",
            metavar="DATE",
            help="Generate one week, e.g. 2019-W20; given a date, the last week that ended by then.",
        ),
    ] = None,
    no_fetch: Annotated[bool, typer.Option("--no-fetch", help="Use what is stored; fetch nothing.")] = False,
    notify: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Command that reads the digest of each new week on its standard input."),
    ] = None,
    fail_if_unchanged: Annotated[
        bool, typer.Option("--fail-if-unchanged", help="Exit with code 5 if no week was generated.")
    ] = False,
) -> None:
    """Fetch, then write a page for each week that has ended.

    Each week has a folder with charts, a digest and a page. Missed weeks are backfilled, and weeks that were incomplete
    are regenerated if their numbers have changed.
    """
    from trendcli.reports.weekly.config import load_weekly_config
    from trendcli.reports.weekly.digest import DigestInput
    from trendcli.reports.weekly.folder import format_summary, lock_folder
    from trendcli.reports.weekly.marker import check_folder
    from trendcli.reports.weekly.notification import send_digests

    job = load_weekly_config(config)
    library, query, watched_topics = resolve_job(common, job, config)
    folder, week, today = out or Path(job.out), _parse_week(date_), datetime.now(UTC).date()
    if week.end > today:
        raise UsageError(f"{week.label} has not ended yet; the last week that has ended is {_parse_week(None).label}.")
    check_folder(folder)
    if no_fetch:
        common.open_store()  # its errors come before anything is written
    job = replace(job, notify=notify or job.notify)
    with lock_folder(folder):
        fetch_error = None if no_fetch else _try_update_store(common, job)
        try:
            digest_input = DigestInput(common.open_store(), library, query, watched_topics, common.default_scope())
            drawn_weeks, age_warnings = _draw_due_weeks(common, job, digest_input, folder, week, date_ is not None)
        except (StoreMissing, CoverageMissing) as error:
            raise fetch_error or error from None
    # the lock is free again: a command that hangs must not stop the next run
    failure = send_digests(folder, job.notify, job.notify_timeout_s) if job.notify else ""
    summary = " ".join([f"{format_summary(drawn_weeks, today)}.", *age_warnings, *([failure] if failure else [])])
    if fetch_error is not None:
        raise RetryableError(f"{fetch_error} From the stored data: {summary}")
    if failure:
        raise RetryableError(f"{failure} All weeks are generated.")
    common.print_note(f"done: {summary}" if drawn_weeks else summary)
    if fail_if_unchanged and not drawn_weeks:
        raise StoreUnchanged("No week was generated.")


def _draw_due_weeks(
    common: CommonOptions, job: WeeklyConfig, digest_input: DigestInput, folder: Path, week: Period, is_chosen: bool
) -> tuple[list[str], list[str]]:
    """Draw `week` if it was chosen, else all weeks that are due up to it, and update what surrounds them.

    Return the labels of the weeks that were drawn, and warnings on the age of the data.
    """
    from trendcli.reports.weekly.digest import data_age_warnings, last_ended_week
    from trendcli.reports.weekly.drawing import draw_week
    from trendcli.reports.weekly.folder import list_due_weeks, list_weeks, update_folder
    from trendcli.reports.weekly.notification import change_pending_weeks, read_pending_weeks
    from trendcli.topics.query import bind

    today, drawn_weeks = datetime.now(UTC).date(), []
    data_end = bind(
        digest_input.store, digest_input.library, digest_input.query, digest_input.default_scope
    ).data_as_of.date()
    if not is_chosen and today < data_end - timedelta(days=1):  # this machine's clock is behind the site's
        week = last_ended_week(data_end)
    known_weeks = {known_week.label for known_week in list_weeks(folder)}
    if job.keep and sum(label > week.label for label in known_weeks) >= job.keep:
        raise UsageError(
            f"{week.label} is too old: the job keeps {job.keep} weeks and already has as many later ones. "
            "Raise `keep` to add it."
        )
    # weeks beyond the data are backfilled later
    last_week = min(week, last_ended_week(data_end + timedelta(days=6)))
    for due_week in [week] if is_chosen else list_due_weeks(folder, last_week, job.keep):
        label = due_week.label
        if job.notify and label not in known_weeks:
            change_pending_weeks(folder, add=[label])
        with common.progress_bar() as progress:
            try:
                is_changed = draw_week(folder, digest_input, due_week, today, progress)
            except CoverageMissing as error:
                if is_chosen or due_week == last_week:
                    raise
                common.print_note(f"{label}: left as it is. {error}")
                continue
        if is_changed:
            drawn_weeks.append(label)
            common.print_note(f"{label}: {'regenerated' if label in known_weeks else 'generated'}, {folder / label}")
    age_warnings = data_age_warnings(data_end, today)
    update_folder(folder, job.keep, age_warnings)
    if job.notify:
        drawn_labels = {drawn_week.label for drawn_week in list_weeks(folder)}
        change_pending_weeks(folder, remove=set(read_pending_weeks(folder)) - drawn_labels)
    return drawn_weeks, age_warnings


def show_digest(
    common: CommonOptions,
    selection: SelectionOptions,
    format: Annotated[str | None, typer.Option("--format", metavar="FORMAT", help="md, html or json.")] = None,
    output: OutputOption = None,
) -> None:
    """Show what changed in a period, and which papers to read.

    The default is the last week that has ended. All topics of the pack are compared; papers are listed for the topics
    named with -t.
    """
    from trendcli.core.periods import period_from_dates
    from trendcli.output.machine import format_json
    from trendcli.output.weekly_page import render_page
    from trendcli.output.weekly_texts import render_digest
    from trendcli.reports.weekly.config import WeeklyConfig
    from trendcli.reports.weekly.digest import DigestInput, build_digest, last_ended_week
    from trendcli.topics.query import bind, query_window

    renderers = {"md": render_digest, "html": lambda document: render_page(document, []), "json": format_json}
    format = format or infer_format(output, default="md")
    if format not in renderers:
        raise UsageError(f"A digest has no format {format!r}. Known: {', '.join(renderers)}.")
    if selection.corpus != ARXIV:
        raise UsageError(f"A digest covers arXiv only; use `trend report --corpus {selection.corpus}`.")
    query, library = replace(selection, pack=None).build_query(common, use_default_pack=False)
    store, scope, today = common.open_store(), common.default_scope(), datetime.now(UTC).date()
    watched_topics = query.topics or tuple(name for name in WeeklyConfig().watch if name in library.topics)
    bound = bind(store, library, query, scope)
    if query.period or query.last or any(query.window):
        since, until = query_window(bound, "day")
        period = query.period or period_from_dates(since, until)
    else:
        period = last_ended_week(bound.data_as_of.date())
    pack_query = replace(query, topics=library.get_pack(selection.pack or "ml"))
    with common.progress_bar() as progress:
        digest_input = DigestInput(store, library, pack_query, watched_topics, scope)
        document = build_digest(digest_input, period, today, progress)
    common.write_output(renderers[format](document), output, format)


def _parse_week(text: str | None) -> Period:
    """Return the week of --date: the week itself, or the last that ended by a day, by default today."""
    from trendcli.core.periods import parse_period
    from trendcli.reports.weekly.digest import last_ended_week

    if text is None:
        return last_ended_week(datetime.now(UTC).date())
    period = parse_period(text)
    if period.unit not in ("week", "day"):
        raise UsageError(f"--date takes a day or a week, e.g. 2019-05-20 or 2019-W20, not {text}.")
    return period if period.unit == "week" else last_ended_week(period.start)


def resolve_job(
    common: CommonOptions, job: WeeklyConfig, config: Path | None
) -> tuple[Library, Query, tuple[str, ...]]:
    """Return the library, the query that is compared, and the watched topics of a job.

    Raise SettingsError, with the file, for a name that does not exist.
    """
    from trendcli.topics.query import Query

    library = common.load_library()
    try:
        scope = common.resolved_settings[0].named_scope(job.scope) if job.scope else None
        watched_topics = tuple(library.get_topic(name).id for name in job.watch)
        return library, Query(topics=library.get_pack(job.pack), scope=scope), watched_topics
    except (UsageError, SettingsError) as error:
        raise SettingsError(f"{config or 'Settings of the weekly job'}: {error}") from None


def _try_update_store(common: CommonOptions, job: WeeklyConfig) -> RetryableError | None:
    """Update the store, and return the error if that can be retried, since what is stored can be drawn."""
    try:
        _update_store(common, job)
    except RetryableError as error:
        return error
    return None


def _update_store(common: CommonOptions, job: WeeklyConfig) -> None:
    """Fetch what is new; new categories from the job's `since`, or from the start of the year before last."""
    from trendcli.core.periods import parse_period
    from trendcli.core.types import Window

    settings, store = common.resolved_settings[0], open_store_for_source(common, job.source)
    scope = settings.named_scope(job.scope) if job.scope else None
    first_day = parse_period(job.since).start if job.since else date(datetime.now(UTC).year - 2, 1, 1)
    requests = plan_requests(
        store, settings, job.source, scope.categories if scope else (), Window(None, None), default_since=first_day
    )
    if not requests:
        common.print_note("fetch: nothing to request; everything is covered or was fetched today")
        return
    result = harvest_with_progress(common, store, build_source(common, store, job.source), requests)
    if has_results(result):
        common.print_note(f"fetch: {summarize_harvest(result)}")
    print_source_notes(common, result)
    raise_for_failure(result, False)
