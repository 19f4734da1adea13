"""Commands that fill a store from a file or from the made-up corpus: import, demo."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import Common
from trendcli.cli.options import Categories, Since, Until
from trendcli.core.errors import TryLater, Unchanged, UsageError, nearest

if TYPE_CHECKING:
    from trendcli.core.types import Ask, Source, Window
    from trendcli.sources.harvest import Harvest
    from trendcli.store.store import Store

_SHOWN_FAULTS = 20


def import_(
    common: Common,
    file: Annotated[str, typer.Argument(help="The file; a snapshot also .gz, .zip, or - for standard input.")],
    venue: Annotated[str | None, typer.Option(help="The file lists the submissions to this conference: iclr.")] = None,
    year: Annotated[int | None, typer.Option(help="The year of that conference.")] = None,
    format: Annotated[
        str, typer.Option("--format", help="snapshot: of arXiv. openreview: a list of a conference. auto: by --venue.")
    ] = "auto",
    complete: Annotated[
        str | None,
        typer.Option(help="What the file holds every submission of: all, or categories, such as cs.LG,cs.CL."),
    ] = None,
    category: Categories = None,
    since: Since = None,
    until: Until = None,
    fail_if_unchanged: Annotated[
        bool, typer.Option("--fail-if-unchanged", help="Exit with 5 where nothing is new.")
    ] = False,
) -> None:
    """Import arXiv's bulk snapshot (JSON lines, as Kaggle distributes it), or the submissions to a conference.

    Their lists are those of papercopilot/paperlists: `trend import iclr2021.json --venue iclr --year 2021`. Each venue
    is a corpus of its own, which `--corpus iclr` reads.
    """
    if format not in IMPORTED:
        raise UsageError(f"No format {format!r}{nearest(format, IMPORTED)}. Known: {', '.join(IMPORTED)}.")
    if format == "openreview" or (format == "auto" and (venue or year)):
        if complete or category or since or until:
            raise UsageError("A list of a conference is imported whole: no --complete, --category, --since or --until.")
        _list(common, file, *venue_of(venue, year), fail_if_unchanged)
        return
    if venue or year:
        raise UsageError("--venue and --year belong to a list of a conference, not to a snapshot.")
    _snapshot(common, file, complete, category, since, until, fail_if_unchanged)


IMPORTED = ("auto", "snapshot", "openreview")


def venue_of(venue: str | None, year: int | None) -> tuple[str, int]:
    """The name and the year of a conference; UsageError where one is missing or is none."""
    if venue is None or year is None:
        raise UsageError("A list of a conference wants --venue and --year, such as --venue iclr --year 2021.")
    name = venue.lower()
    if name == "arxiv":
        raise UsageError("arXiv is no conference: leave out --venue and --year to import its snapshot.")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise UsageError(f"No venue is named {venue!r}: use letters, digits and hyphens, such as iclr.")
    if not 1990 <= year <= 2100:
        raise UsageError(f"--year {year} is no year of a conference.")
    return name, year


def _list(common: Common, file: str, venue: str, year: int, fail_if_unchanged: bool) -> None:
    from trendcli.core.types import Ask
    from trendcli.sources.paperlists import Paperlist
    from trendcli.store.corpus import beside, moment

    store = _real(common, venue)
    done = harvested(common, store, Paperlist(file, venue, year, moment(store), partial(beside, store)), [Ask(())])
    told_of(common, done, venue, year)
    end(done, fail_if_unchanged)


def told_of(common: Common, done: Harvest, venue: str, year: int, decides: bool = True) -> None:
    """Say what a list of a conference brought and lacks; `decides`: whether such lists tell who was accepted."""
    from trendcli.store.corpus import undecided

    # that a venue has not decided is no gap in its list
    common.say(summary(replace(done, answers=[item for item in done.answers if item.categories != ("accepted",)])))
    for sentence in (*done.notes, *(undecided(done.answers, venue, year) if decides else ())):
        common.say(sentence)


def _real(common: Common, corpus: str = "arxiv") -> Store:
    """The store of a corpus; UsageError where it holds made-up data."""
    store = created(common, corpus=corpus)
    if made_up(common, store):
        raise UsageError(
            f"The store {store.root} holds made-up data. Import real submissions into another one, with --store."
        )
    return store


def made_up(common: Common, store: Store) -> bool:
    """Whether a store holds made-up data, or would lie among such."""
    return store.manifest.synthetic or created(common).manifest.synthetic


def _snapshot(
    common: Common,
    file: str,
    complete: str | None,
    category: list[str] | None,
    since: str | None,
    until: str | None,
    fail_if_unchanged: bool,
) -> None:
    from trendcli.core import parallel as workers

    workers.warm_up()
    from trendcli.core.types import Ask
    from trendcli.sources.snapshot import Snapshot
    from trendcli.store.coverage import EVERY

    settings, _ = common.resolved
    chosen = settings.scope_of(category)
    vouched: tuple[str, ...] = (EVERY,) if complete == "all" else ()
    if complete and not vouched:
        named = settings.scope_of(complete.split(","))
        vouched = named.categories if named else ()
    store = _real(common)
    ask = Ask(chosen.categories if chosen else (), window_of(since, until))
    done = harvested(common, store, Snapshot(file, vouched), [ask])
    common.say(summary(done))
    if not done.faults and any(answer.status == "unknown" for answer in done.answers) and len(done.answers) == 1:
        common.say(
            "The file does not say what it covers, and counts of it are marked so. "
            "If you know, say --complete all or --complete CAT,..."
        )
    end(done, fail_if_unchanged)


def demo(
    common: Common,
    out: Annotated[Path, typer.Option(help="Where the made-up store and the charts go.")] = Path("trend-demo"),
) -> None:
    """Everything on a made-up corpus, offline: fetch from a stand-in of arXiv, compare, and save three charts."""
    from trendcli.core.periods import parse
    from trendcli.core.types import Ask, Window
    from trendcli.demo import corpus
    from trendcli.demo.server import StandIn, serving
    from trendcli.sources.arxiv_api import ArxivApi
    from trendcli.sources.pace import Pace

    root = out / "store"
    if (root / "manifest.json").exists():
        from trendcli.store.store import Store

        if not Store.open(root).manifest.synthetic:
            raise UsageError(f"{root} is a store of real data. Name another folder with --out.")
    common = replace(common, store=root)
    common.say("Everything here is MADE UP: the corpus, its trends, and the arXiv that it is fetched from.")
    window = Window(parse(str(corpus.FIRST_YEAR)).start, parse(str(corpus.LAST_YEAR)).end)
    with serving(StandIn(corpus.make())) as standin:
        store = created(common, synthetic=True)
        source = ArxivApi(standin.url, Pace(None, 0.0))
        done = harvested(common, store, source, [Ask(tuple(corpus.CATEGORIES), window)])
    common.say(summary(done))
    end(done, False)
    _demo_venue(common)
    _demo_outputs(common, out)


def _demo_venue(common: Common) -> None:
    import json
    from datetime import datetime
    from tempfile import TemporaryDirectory

    from trendcli.core.types import Ask
    from trendcli.demo import venue
    from trendcli.sources.paperlists import Paperlist

    store = created(common, synthetic=True, corpus=venue.NAME)
    with TemporaryDirectory() as folder:
        for year, papers in venue.lists().items():
            path = Path(folder) / f"{venue.NAME}{year}.json"
            path.write_text(json.dumps(papers), encoding="utf-8")
            source = Paperlist(str(path), venue.NAME, year, datetime(year + 1, 1, 1, tzinfo=UTC))
            done = harvested(common, store, source, [Ask(())])
            common.say(f"The conference {venue.NAME!r} of {year}: {summary(done)}")


def _demo_outputs(common: Common, out: Path) -> None:
    from trendcli.demo.corpus import SHARES
    from trendcli.output import charts
    from trendcli.reports.trends.comparison import comparison
    from trendcli.reports.trends.series import series
    from trendcli.topics.query import Question

    store, library, scope_ = common.open(), common.library(), common.default_scope()
    with common.progress() as progress:
        compared = comparison(store, library, Question(topics=tuple(SHARES)), scope_, progress)
        lines = ("rl", "rnn", "gan", "transformer")
        shares = series(store, library, Question(topics=lines, by="quarter"), scope_, progress)
        volume = series(store, library, Question(by="quarter"), scope_, progress)
    common.show(compared, "table", None)
    for name, figure in (
        ("lines", charts.lines(shares)),
        ("change", charts.change(compared)),
        ("volume", charts.volume(volume)),
    ):
        charts.save(figure, out / f"{name}.png")
        common.say(f"Wrote {out / f'{name}.png'}.")
    _demo_week(common, out / "weekly")
    common.say(f"Look around: trend report --store {common.store} --topic rnn")
    common.say(f"The conference: trend report --store {common.store} --corpus demo --outcome accepted --min-count 50")


def _demo_week(common: Common, out: Path) -> None:
    from datetime import date, datetime

    from trendcli.demo import corpus
    from trendcli.reports.weekly import folder as weekly
    from trendcli.reports.weekly.digest import Watch, last_week
    from trendcli.topics.query import Question

    week, today, library = last_week(date(corpus.LAST_YEAR + 1, 1, 1)), datetime.now(UTC).date(), common.library()
    asked = Question(topics=library.pack("ml"))
    watch = Watch(common.open(), library, asked, ("rl", "gan"), common.default_scope())
    with weekly.only_one(out), common.progress() as progress:
        weekly.draw(out, watch, week, today, progress)
        weekly.finish(out, 0)
    common.say(f"Wrote {out / week.label / 'index.html'}.")


def created(common: Common, *, synthetic: bool = False, corpus: str = "arxiv") -> Store:
    """The store of a corpus, or an empty one that its first commit will write."""
    from trendcli.store.store import Store

    return Store.open_or_create(common.root(corpus), synthetic=synthetic, corpus=corpus)


def window_of(since: str | None, until: str | None) -> Window:
    """The window of --since and --until, which begin their periods; UsageError where it is reversed or lies ahead."""
    from datetime import datetime

    from trendcli.core.periods import parse
    from trendcli.core.types import Window

    first = parse(since).start if since else None
    last = parse(until).start if until else None
    if first and last and first >= last:
        raise UsageError(
            f"The window is reversed: --since {first} does not lie before --until {last}. Nothing was changed."
        )
    if first and first > datetime.now(UTC).date():
        raise UsageError(f"--since {first} lies in the future. Nothing was changed.")
    return Window(first, last)


def harvested(common: Common, store: Store, source: Source, asks: list[Ask]) -> Harvest:
    """What a source brought into the store, with its faults told as they come."""
    from trendcli.sources.harvest import harvest

    shown = 0

    def fault(message: str) -> None:
        nonlocal shown
        shown += 1
        if shown <= _SHOWN_FAULTS:
            typer.echo(f"trend: {message}", err=True)

    with common.progress() as progress:
        return harvest(store, source, asks, progress, fault)


def summary(done: Harvest) -> str:
    """One line: what is new, of when, and whether it is all."""
    merged = done.merged
    answers = [answer for answer in done.answers if answer.status != "failed"]
    since = min((answer.since for answer in answers), default=None)
    until = max((min(answer.until, answer.answered_at.date()) for answer in answers), default=None)
    parts = [f"{merged.new:,} new", f"{merged.revised:,} revised", f"{merged.repeated:,} known"]
    if merged.conflicts:
        parts.append(f"{merged.conflicts:,} with another first date than is stored, which stays")
    parts += [f"{since} to {until}"] if since and until and since < until else []
    known = any(answer.status == "complete" for answer in done.answers)
    state = ("complete" if known else "coverage unknown") if done.whole else "incomplete"
    return ", ".join([*parts, state])


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def end(done: Harvest, fail_if_unchanged: bool) -> None:
    """Nothing where all went well; else what to do, as an error with its exit code."""
    if done.stopped:
        raise done.stopped
    if done.faults:
        raise TryLater(
            f"{_number(len(done.faults), 'fault')}, see above; what could be read is stored. "
            "Mend the input or try again later."
        )
    if fail_if_unchanged and not (done.merged.new or done.merged.revised):
        raise Unchanged("Nothing is new.")
