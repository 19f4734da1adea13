"""Commands of the weekly job: weekly, digest, schedule."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.fetch import planned, source_of
from trendcli.cli.fill import created, end, harvested, summary
from trendcli.cli.frame import Common, write_text
from trendcli.cli.select import Output, Select
from trendcli.errors import TryLater, Unchanged, UsageError

if TYPE_CHECKING:
    from trendcli.job import Job
    from trendcli.periods import Period

Config = Annotated[
    Path | None, typer.Argument(help="Settings of the weekly job; configs/weekly.yaml has the defaults.")
]
Out = Annotated[Path | None, typer.Option(help="The folder that holds a folder for each week [trend-weekly].")]


def weekly(
    common: Common,
    config: Config = None,
    out: Out = None,
    date_: Annotated[
        str | None, typer.Option("--date", help="As if it were that day; or a past week, such as 2019-W20.")
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
    from trendcli import job as jobs
    from trendcli import weekly as folders
    from trendcli.question import Question

    job = jobs.load(config)
    place, last, today = out or Path(job.out), _week(date_), datetime.now(UTC).date()
    if last.end > today:
        raise UsageError(f"{last.label} has not ended yet; the last week that has is {_week(None).label}.")
    drawn: list[str] = []
    late: TryLater | None = None
    with folders.only_one(place):
        if not no_fetch:
            try:
                _fetch(common, job)
            except TryLater as error:  # what is stored can still be drawn
                late = error
                common.say(f"trend: {error}")
        store, library = common.open(), common.library()
        scope = common.resolved[0].scope_named(job.scope) if job.scope else None
        question = Question(topics=library.pack(job.pack), scope=scope)
        watched = tuple(library.topic(name).id for name in job.watch)
        known = {week.label for week in folders.weeks(place)}
        for week in [last] if date_ else folders.due(place, last, job.keep):
            with common.progress() as progress:
                new = folders.draw(
                    place, store, library, question, watched, week, common.default_scope(), today, progress
                )
            if new:
                drawn.append(week.label)
                common.say(f"{week.label}: {'drawn again' if week.label in known else 'drawn'}, {place / week.label}")
        folders.finish(place, job.keep)
        for label in drawn:
            if label not in known and (notify or job.notify) and (place / label).exists():
                _tell(notify or job.notify or "", place / label / "digest.md")
    if late is not None:
        raise TryLater(f"Incomplete: {folders.summary(drawn, bool(known), today)}, from what is stored. {late}")
    common.say(folders.summary(drawn, bool(known), today))
    if fail_if_unchanged and not drawn:
        raise Unchanged("Nothing was drawn.")


def digest(
    common: Common,
    select: Select,
    format: Annotated[str, typer.Option("--format", help="md, html or json.")] = "md",
    output: Output = None,
) -> None:
    """What changed in a period, and the papers to look at: the last week that has ended, or any other period.

    Topics named with -t are those whose papers are listed; all of a pack are compared.
    """
    from trendcli import digest as digests
    from trendcli import periods
    from trendcli.job import Job
    from trendcli.question import resolve, resolved_window

    if format not in ("md", "html", "json"):
        raise UsageError(f"No format {format!r} of a digest. Known: md, html, json.")
    question, library = select.question(common, pack=False)
    store, scope, today = common.open(), common.default_scope(), datetime.now(UTC).date()
    watched = question.topics or tuple(name for name in Job().watch if name in library.topics)
    context = resolve(store, library, question, scope)
    said = question.period or question.last or any(question.window)
    item = (
        question.period or periods.window(*resolved_window(context, "day"))
        if said
        else digests.last_week(context.data_as_of.date())
    )
    with common.progress() as progress:
        asked = replace(question, topics=library.pack(select.pack or "ml"))
        made = digests.digest(store, library, asked, watched, item, scope, today, progress)
    if format == "json":
        import json

        text = json.dumps(made, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        from trendcli.render import weekly as pages

        text = pages.digest(made) if format == "md" else pages.page(made, [])
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
    """Print what to install so that `trend weekly` runs every Monday morning."""
    from trendcli import job as jobs
    from trendcli import schedules

    if cron + systemd + github > 1:
        raise UsageError("Name one of --cron, --systemd and --github.")
    job = jobs.load(config)
    if github:
        typer.echo(schedules.github(config), nl=False)
        return
    command = schedules.command(
        common.root().absolute(), config and config.absolute(), (out or Path(job.out)).absolute()
    )
    log = (out or Path(job.out)).absolute().with_suffix(".log")
    typer.echo(schedules.systemd(command) if systemd else schedules.cron(command, log), nl=False)


def _week(said: str | None) -> Period:
    """The week that had ended on a day, or the one that was named."""
    from trendcli.digest import last_week
    from trendcli.periods import parse

    named = parse(said) if said else None
    if named and named.unit == "week":
        return named
    return last_week(named.start if named else datetime.now(UTC).date())


def _fetch(common: Common, job: Job) -> None:
    """Bring the store up to date; an empty one is filled from the beginning of the year before the last."""
    from trendcli.models import Window
    from trendcli.periods import parse
    from trendcli.settings import is_loopback

    settings, _ = common.resolved
    store = created(common)
    if store.manifest.synthetic and not is_loopback(settings.arxiv_url if job.source == "arxiv" else settings.oai_url):
        raise UsageError(f"The store {store.root} holds made-up data; draw it with --no-fetch, or name another store.")
    scope = settings.scope_named(job.scope) if job.scope else None
    first = parse(job.since).start if job.since else date(datetime.now(UTC).year - 2, 1, 1)
    window = Window(None, None) if store.manifest.ledger else Window(first, None)
    asks = planned(store, settings, job.source, scope.categories if scope else (), window)
    if not asks:
        common.say("fetch: nothing to ask, all is covered or was answered today")
        return
    done = harvested(common, store, source_of(store, settings, job.source), asks)
    common.say(f"fetch: {summary(done)}")
    end(done, False)


def _tell(command: str, path: Path) -> None:
    """Run a person's command with a digest on its standard input."""
    with path.open("rb") as text:
        done = subprocess.run(command, shell=True, stdin=text, check=False)
    if done.returncode:
        raise UsageError(f"The notify command ended with exit code {done.returncode}; the week is drawn.")
