"""Commands of the weekly job: weekly, digest, schedule."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import Common, write_text
from trendcli.cli.fetch import came, planned, source_of, store_for
from trendcli.cli.importing import end, harvested, summary
from trendcli.cli.options import Output, Select
from trendcli.core.errors import NoCoverage, SettingsError, StoreMissing, TryLater, Unchanged, UsageError
from trendcli.store.manifest import ARXIV

if TYPE_CHECKING:
    from trendcli.core.periods import Period
    from trendcli.reports.weekly.config import Job
    from trendcli.topics.library import Library
    from trendcli.topics.query import Question

Config = Annotated[
    Path | None,
    typer.Argument(
        help="A YAML file with any of out, watch, pack, scope, source, since, keep, notify; each has a default."
    ),
]
Out = Annotated[Path | None, typer.Option(help="The folder that holds a folder for each week [trend-weekly].")]


def weekly(
    common: Common,
    config: Config = None,
    out: Out = None,
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
    from trendcli.topics.query import resolve

    job = jobs.load(config)
    library, question, watched = _checked(common, job, config)
    place, week, today = out or Path(job.out), _week(date_), datetime.now(UTC).date()
    if week.end > today:
        raise UsageError(f"{week.label} has not ended yet; the last week that has is {_week(None).label}.")
    if no_fetch:
        common.open()  # before anything is written
    drawn: list[str] = []
    tell = notify or job.notify
    with folders.only_one(place):
        late = None if no_fetch else _fetched(common, job)
        try:
            watch = digests.Watch(common.open(), library, question, watched, common.default_scope())
            ends = resolve(watch.store, library, question, watch.default).data_as_of.date()
            known = {item.label for item in folders.weeks(place)}
            if job.keep and sum(label > week.label for label in known) >= job.keep:
                raise UsageError(f"{week.label} would be let go at once: {job.keep} later weeks are kept, and no more.")
            # what no data speak of yet is made up later
            last = min(week, digests.last_week(ends + timedelta(days=6)))
            pending = folders.untold(place) if tell else []
            for item in [week] if date_ else folders.due(place, last, job.keep):
                if tell and item.label not in {*known, *pending}:
                    pending.append(item.label)
                    folders.keep_untold(place, pending)
                with common.progress() as progress:
                    new = folders.draw(place, watch, item, today, progress)
                if new:
                    drawn.append(item.label)
                    again = "drawn again" if item.label in known else "drawn"
                    common.say(f"{item.label}: {again}, {place / item.label}")
        except (StoreMissing, NoCoverage) as error:
            raise late or error from None
        old = digests.old(ends, today)
        folders.finish(place, job.keep, old)
        _tell(tell, place, pending)
    told = " ".join([f"{folders.summary(drawn, today)}.", *old])
    if late is not None:
        raise TryLater(f"{late} From what is stored: {told}")
    common.say(f"done: {told}" if drawn else told)
    if fail_if_unchanged and not drawn:
        raise Unchanged("Nothing was drawn.")


def digest(
    common: Common,
    select: Select,
    format: Annotated[str | None, typer.Option("--format", help="md, html or json.")] = None,
    output: Output = None,
) -> None:
    """What changed in a period, and the papers to look at: the last week that has ended, or any other period.

    Topics named with -t are those whose papers are listed; all of a pack are compared.
    """
    from trendcli.core import periods
    from trendcli.output import weekly_page as page
    from trendcli.output import weekly_texts as pages
    from trendcli.output.machine import indented
    from trendcli.reports.weekly import digest as digests
    from trendcli.reports.weekly.config import Job
    from trendcli.topics.query import resolve, resolved_window

    render = {"md": pages.digest, "html": lambda made: page.render(made, []), "json": indented}
    format = format or (output.suffix.lstrip(".").lower() if output else "") or "md"
    if format not in render:
        raise UsageError(f"No format {format!r} of a digest. Known: {', '.join(render)}.")
    if select.corpus != ARXIV:
        raise UsageError(f"A digest is of arXiv; for {select.corpus} take `trend report --corpus {select.corpus}`.")
    question, library = replace(select, pack=None).question(common, pack=False)
    store, scope, today = common.open(), common.default_scope(), datetime.now(UTC).date()
    watched = question.topics or tuple(name for name in Job().watch if name in library.topics)
    context = resolve(store, library, question, scope)
    item = digests.last_week(context.data_as_of.date())
    if question.period or question.last or any(question.window):
        since, until = resolved_window(context, "day")
        item = question.period or periods.window(since, until)
    with common.progress() as progress:
        asked = replace(question, topics=library.pack(select.pack or "ml"))
        made = digests.digest(digests.Watch(store, library, asked, watched, scope), item, today, progress)
    text = render[format](made)
    if output is None or str(output) == "-":
        typer.echo(text, nl=False)
    else:
        write_text(output, text)
        common.say(f"Wrote {output}.")


def schedule(
    common: Common,
    config: Config = None,
    out: Out = None,
    cron: Annotated[bool, typer.Option("--cron", help="A line for `crontab -e` (the default).")] = False,
    systemd: Annotated[bool, typer.Option("--systemd", help="A service and a timer of the user.")] = False,
    github: Annotated[bool, typer.Option("--github", help="A workflow that publishes the pages.")] = False,
) -> None:
    """Print what to install so that `trend weekly` runs every Monday at 07:17 UTC."""
    from trendcli.reports.weekly import config as jobs
    from trendcli.reports.weekly import schedule as schedules

    if cron + systemd + github > 1:
        raise UsageError("Name one of --cron, --systemd and --github.")
    job = jobs.load(config)
    _checked(common, job, config)
    if github:
        typer.echo(schedules.github(config), nl=False)
        return
    place = (out or Path(job.out)).absolute()
    settings = common.settings or os.environ.get("TREND_SETTINGS")
    words = schedules.command(
        common.root().absolute(), Path(settings).absolute() if settings else None, config and config.absolute(), place
    )
    # what is said by variables here is not known there, nor where a path begins
    said = {name: origin for name, origin in common.resolved[1].items() if origin == f"TREND_{name.upper()}"}
    known = {origin: os.environ[origin] for name, origin in sorted(said.items()) if name != "store"}
    if "TREND_TOPICS" in known:
        known["TREND_TOPICS"] = str(Path(known["TREND_TOPICS"]).expanduser().absolute())
    log = place.parent / f"{place.name or 'trend-weekly'}.log"
    offset = datetime.now().astimezone().utcoffset() or timedelta(0)
    typer.echo(schedules.systemd(words, known) if systemd else schedules.cron(words, known, log, offset), nl=False)


def _week(said: str | None) -> Period:
    """The week that had ended on a day, or the one that was named."""
    from trendcli.core.periods import parse
    from trendcli.reports.weekly.digest import last_week

    if said is None:
        return last_week(datetime.now(UTC).date())
    named = parse(said)
    if named.unit not in ("week", "day"):
        raise UsageError(f"--date takes a day or a week, such as 2019-05-20 or 2019-W20, not {said}.")
    return named if named.unit == "week" else last_week(named.start)


def _checked(common: Common, job: Job, config: Path | None) -> tuple[Library, Question, tuple[str, ...]]:
    """The topics, what is compared, and what is watched; SettingsError with the file where a name means nothing."""
    from trendcli.topics.query import Question

    library = common.library()
    try:
        scope = common.resolved[0].scope_named(job.scope) if job.scope else None
        watched = tuple(library.topic(name).id for name in job.watch)
        return library, Question(topics=library.pack(job.pack), scope=scope), watched
    except (UsageError, SettingsError) as error:
        raise SettingsError(f"{config or 'The settings of the weekly job'}: {error}") from None


def _fetched(common: Common, job: Job) -> TryLater | None:
    """Bring the store up to date; what went wrong where it can be tried again, since what is stored can be drawn."""
    try:
        _fetch(common, job)
    except TryLater as error:
        return error
    return None


def _fetch(common: Common, job: Job) -> None:
    """Bring the store up to date; what was never fetched, from the beginning of the year before the last."""
    from trendcli.core.periods import parse
    from trendcli.core.types import Window

    settings, store = common.resolved[0], store_for(common, job.source)
    scope = settings.scope_named(job.scope) if job.scope else None
    first = parse(job.since).start if job.since else date(datetime.now(UTC).year - 2, 1, 1)
    asks = planned(store, settings, job.source, scope.categories if scope else (), Window(None, None), first=first)
    if not asks:
        common.say("fetch: nothing to ask, all is covered or was answered today")
        return
    done = harvested(common, store, source_of(store, settings, job.source), asks)
    if came(done):
        common.say(f"fetch: {summary(done)}")
    end(done, False)


def _tell(command: str | None, place: Path, labels: list[str]) -> None:
    """Run a person's command with the digest of each week on its standard input; what fails is tried the next time."""
    from trendcli.reports.weekly import folder as folders

    failed = []
    for label in labels if command else ():
        path = place / label / "digest.md"
        if not path.is_file():
            continue
        with path.open("rb") as text:
            done = subprocess.run(command or "", shell=True, stdin=text, check=False)
        if done.returncode:
            failed.append(label)
        folders.keep_untold(place, [*failed, *labels[labels.index(label) + 1 :]])
        if done.returncode:
            typer.echo(f"trend: the command of notify ended with exit code {done.returncode} for {label}", err=True)
    if failed:
        raise TryLater(f"Nobody was told of {', '.join(failed)}, which the next run tries again; the weeks are drawn.")
