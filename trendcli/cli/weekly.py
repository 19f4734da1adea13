"""Commands of the weekly job: weekly, digest, schedule."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions, write_text
from trendcli.cli.fetch import build_source, has_results, open_store_for_source, plan_requests
from trendcli.cli.importing import harvest_with_progress, raise_for_failure, summarize_harvest
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
    from trendcli.topics.library import Library
    from trendcli.topics.query import Query

ConfigArgument = Annotated[
    Path | None,
    typer.Argument(
        help="A YAML file with any of out, watch, pack, scope, source, since, keep, notify; each has a default."
    ),
]
OutOption = Annotated[Path | None, typer.Option(help="The folder that holds a folder for each week [trend-weekly].")]


def run_weekly_job(
    common: CommonOptions,
    config: ConfigArgument = None,
    out: OutOption = None,
    date_: Annotated[
        str | None, typer.Option("--date", help="The week that had ended on a day, or a week, such as 2019-W20.")
    ] = None,
    no_fetch: Annotated[bool, typer.Option("--no-fetch", help="Draw from what is stored; ask nobody.")] = False,
    notify: Annotated[
        str | None, typer.Option(help="A command that gets the digest of each new week on its standard input.")
    ] = None,
    fail_if_unchanged: Annotated[
        bool, typer.Option("--fail-if-unchanged", help="Exit with 5 where nothing was drawn.")
    ] = False,
) -> None:
    """The weekly job: fetch what is new, and leave a folder with charts, a digest and a page for each week that ended.

    Weeks that were missed are made up, and those whose days were still filling are drawn again where they changed.
    """
    from trendcli.reports.weekly import config as jobs
    from trendcli.reports.weekly import digest as digests
    from trendcli.reports.weekly import folder as folders
    from trendcli.topics.query import bind

    job = jobs.load_weekly_config(config)
    library, question, watched = _resolve_job(common, job, config)
    place, week, today = out or Path(job.out), _parse_week(date_), datetime.now(UTC).date()
    if week.end > today:
        raise UsageError(f"{week.label} has not ended yet; the last week that has is {_parse_week(None).label}.")
    if no_fetch:
        common.open_store()  # before anything is written
    drawn: list[str] = []
    tell = notify or job.notify
    with folders.lock_folder(place):
        late = None if no_fetch else _try_update_store(common, job)
        try:
            watch = digests.DigestInput(common.open_store(), library, question, watched, common.default_scope())
            ends = bind(watch.store, library, question, watch.default_scope).data_as_of.date()
            known = {item.label for item in folders.list_weeks(place)}
            if job.keep and sum(label > week.label for label in known) >= job.keep:
                raise UsageError(f"{week.label} would be let go at once: {job.keep} later weeks are kept, and no more.")
            # what no data speak of yet is made up later
            last = min(week, digests.last_ended_week(ends + timedelta(days=6)))
            pending = folders.read_pending_weeks(place) if tell else []
            for item in [week] if date_ else folders.list_due_weeks(place, last, job.keep):
                if tell and item.label not in {*known, *pending}:
                    pending.append(item.label)
                    folders.write_pending_weeks(place, pending)
                with common.progress_bar() as progress:
                    new = folders.draw_week(place, watch, item, today, progress)
                if new:
                    drawn.append(item.label)
                    again = "drawn again" if item.label in known else "drawn"
                    common.print_note(f"{item.label}: {again}, {place / item.label}")
        except (StoreMissing, CoverageMissing) as error:
            raise late or error from None
        old = digests.data_age_warnings(ends, today)
        folders.update_folder(place, job.keep, old)
        _run_notify_command(tell, place, pending)
    told = " ".join([f"{folders.format_summary(drawn, today)}.", *old])
    if late is not None:
        raise RetryableError(f"{late} From what is stored: {told}")
    common.print_note(f"done: {told}" if drawn else told)
    if fail_if_unchanged and not drawn:
        raise StoreUnchanged("Nothing was drawn.")


def show_digest(
    common: CommonOptions,
    selection: SelectionOptions,
    format: Annotated[str | None, typer.Option("--format", help="md, html or json.")] = None,
    output: OutputOption = None,
) -> None:
    """What changed in a period, and the papers to look at: the last week that has ended, or any other period.

    Topics named with -t are those whose papers are listed; all of a pack are compared.
    """
    from trendcli.core import periods
    from trendcli.output import weekly_page as page
    from trendcli.output import weekly_texts as pages
    from trendcli.output.machine import format_json
    from trendcli.reports.weekly import digest as digests
    from trendcli.reports.weekly.config import WeeklyConfig
    from trendcli.topics.query import bind, query_window

    render = {"md": pages.render_digest, "html": lambda made: page.render_page(made, []), "json": format_json}
    format = format or (output.suffix.lstrip(".").lower() if output else "") or "md"
    if format not in render:
        raise UsageError(f"No format {format!r} of a digest. Known: {', '.join(render)}.")
    if selection.corpus != ARXIV:
        raise UsageError(
            f"A digest is of arXiv; for {selection.corpus} take `trend report --corpus {selection.corpus}`."
        )
    question, library = replace(selection, pack=None).build_query(common, use_default_pack=False)
    store, scope, today = common.open_store(), common.default_scope(), datetime.now(UTC).date()
    watched = question.topics or tuple(name for name in WeeklyConfig().watch if name in library.topics)
    context = bind(store, library, question, scope)
    item = digests.last_ended_week(context.data_as_of.date())
    if question.period or question.last or any(question.window):
        since, until = query_window(context, "day")
        item = question.period or periods.period_from_dates(since, until)
    with common.progress_bar() as progress:
        asked = replace(question, topics=library.get_pack(selection.pack or "ml"))
        made = digests.build_digest(digests.DigestInput(store, library, asked, watched, scope), item, today, progress)
    text = render[format](made)
    if output is None or str(output) == "-":
        typer.echo(text, nl=False)
    else:
        write_text(output, text)
        common.print_note(f"Wrote {output}.")


def show_schedule(
    common: CommonOptions,
    config: ConfigArgument = None,
    out: OutOption = None,
    cron: Annotated[bool, typer.Option("--cron", help="A line for `crontab -e` (the default).")] = False,
    systemd: Annotated[bool, typer.Option("--systemd", help="A service and a timer of the user.")] = False,
    github: Annotated[bool, typer.Option("--github", help="A workflow that publishes the pages.")] = False,
) -> None:
    """Print what to install so that `trend weekly` runs every Monday at 07:17 UTC."""
    from trendcli.reports.weekly import config as jobs
    from trendcli.reports.weekly import schedule as schedules

    if cron + systemd + github > 1:
        raise UsageError("Name one of --cron, --systemd and --github.")
    job = jobs.load_weekly_config(config)
    _resolve_job(common, job, config)
    if github:
        typer.echo(schedules.render_github_workflow(config), nl=False)
        return
    place = (out or Path(job.out)).absolute()
    settings = common.settings or os.environ.get("TREND_SETTINGS")
    words = schedules.build_command(
        common.store_root().absolute(),
        Path(settings).absolute() if settings else None,
        config and config.absolute(),
        place,
    )
    # what is said by variables here is not known there, nor where a path begins
    said = {name: origin for name, origin in common.resolved_settings[1].items() if origin == f"TREND_{name.upper()}"}
    known = {origin: os.environ[origin] for name, origin in sorted(said.items()) if name != "store"}
    if "TREND_TOPICS" in known:
        known["TREND_TOPICS"] = str(Path(known["TREND_TOPICS"]).expanduser().absolute())
    log = place.parent / f"{place.name or 'trend-weekly'}.log"
    offset = datetime.now().astimezone().utcoffset() or timedelta(0)
    typer.echo(
        schedules.render_systemd_units(words, known)
        if systemd
        else schedules.render_crontab(words, known, log, offset),
        nl=False,
    )


def _parse_week(text: str | None) -> Period:
    """The week that had ended on a day, or the one that was named."""
    from trendcli.core.periods import parse_period
    from trendcli.reports.weekly.digest import last_ended_week

    if text is None:
        return last_ended_week(datetime.now(UTC).date())
    named = parse_period(text)
    if named.unit not in ("week", "day"):
        raise UsageError(f"--date takes a day or a week, such as 2019-05-20 or 2019-W20, not {text}.")
    return named if named.unit == "week" else last_ended_week(named.start)


def _resolve_job(
    common: CommonOptions, job: WeeklyConfig, config: Path | None
) -> tuple[Library, Query, tuple[str, ...]]:
    """The topics, what is compared, and what is watched; SettingsError with the file where a name means nothing."""
    from trendcli.topics.query import Query

    library = common.load_library()
    try:
        scope = common.resolved_settings[0].named_scope(job.scope) if job.scope else None
        watched = tuple(library.get_topic(name).id for name in job.watch)
        return library, Query(topics=library.get_pack(job.pack), scope=scope), watched
    except (UsageError, SettingsError) as error:
        raise SettingsError(f"{config or 'The settings of the weekly job'}: {error}") from None


def _try_update_store(common: CommonOptions, job: WeeklyConfig) -> RetryableError | None:
    """Bring the store up to date; what went wrong where it can be tried again, since what is stored can be drawn."""
    try:
        _update_store(common, job)
    except RetryableError as error:
        return error
    return None


def _update_store(common: CommonOptions, job: WeeklyConfig) -> None:
    """Bring the store up to date; what was never fetched, from the beginning of the year before the last."""
    from trendcli.core.periods import parse_period
    from trendcli.core.types import Window

    settings, store = common.resolved_settings[0], open_store_for_source(common, job.source)
    scope = settings.named_scope(job.scope) if job.scope else None
    first = parse_period(job.since).start if job.since else date(datetime.now(UTC).year - 2, 1, 1)
    asks = plan_requests(
        store, settings, job.source, scope.categories if scope else (), Window(None, None), default_since=first
    )
    if not asks:
        common.print_note("fetch: nothing to ask, all is covered or was answered today")
        return
    done = harvest_with_progress(common, store, build_source(store, settings, job.source), asks)
    if has_results(done):
        common.print_note(f"fetch: {summarize_harvest(done)}")
    raise_for_failure(done, False)


def _run_notify_command(command: str | None, folder: Path, labels: list[str]) -> None:
    """Run a person's command with the digest of each week on its standard input; what fails is tried the next time."""
    from trendcli.reports.weekly import folder as folders

    failed = []
    for label in labels if command else ():
        path = folder / label / "digest.md"
        if not path.is_file():
            continue
        with path.open("rb") as text:
            done = subprocess.run(command or "", shell=True, stdin=text, check=False)
        if done.returncode:
            failed.append(label)
        folders.write_pending_weeks(folder, [*failed, *labels[labels.index(label) + 1 :]])
        if done.returncode:
            typer.echo(f"trend: the command of notify ended with exit code {done.returncode} for {label}", err=True)
    if failed:
        raise RetryableError(
            f"Nobody was told of {', '.join(failed)}, which the next run tries again; the weeks are drawn."
        )
