"""Commands that fill a store: demo, fetch, import."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.frame import Common
from trendcli.cli.select import Categories, Since, Until
from trendcli.errors import TryLater, Unchanged, UsageError

if TYPE_CHECKING:
    from trendcli.harvest import Harvest
    from trendcli.models import Source, Window
    from trendcli.store import Store

_SHOWN_FAULTS = 20


def fetch(
    common: Common,
    category: Categories = None,
    scope_name: Annotated[
        str | None, typer.Option("--scope", help="A named set of categories [the setting `scope`].")
    ] = None,
    since: Since = None,
    until: Until = None,
    fail_if_unchanged: Annotated[
        bool, typer.Option("--fail-if-unchanged", help="Exit with 5 where nothing is new.")
    ] = False,
) -> None:
    """Fetch submissions from arXiv's API: every one of the categories, whether or not a topic matches it."""
    from trendcli.settings import is_loopback
    from trendcli.sources.arxiv_api import ArxivApi

    settings, _ = common.resolved
    wanted = settings.scope_of(category, scope_name) or settings.scope_named(settings.scope)
    window = _window(since, until)
    if window.since is None:
        raise UsageError("Say from when to fetch, such as --since 2024-01.")
    store = _created(common)
    if store.manifest.synthetic and not is_loopback(settings.arxiv_url):
        raise UsageError(
            f"The store {store.root} holds made-up data. Fetch real submissions into another one, with --store."
        )
    source = ArxivApi(settings.arxiv_url, settings.request_interval_s, settings.contact)
    done = _harvest(common, store, source, wanted.categories, window)
    common.say(_summary(done))
    _end(done, fail_if_unchanged)


def import_(
    common: Common,
    file: Annotated[str, typer.Argument(help="The snapshot: .json, .jsonl, .gz or .zip, or - for standard input.")],
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
    """Import arXiv's bulk snapshot (JSON lines, as Kaggle distributes it)."""
    from trendcli import workers

    workers.warm_up()
    from trendcli.coverage import EVERY
    from trendcli.sources.snapshot import Snapshot

    settings, _ = common.resolved
    chosen = settings.scope_of(category)
    vouched: tuple[str, ...] = (EVERY,) if complete == "all" else ()
    if complete and not vouched:
        named = settings.scope_of(complete.split(","))
        vouched = named.categories if named else ()
    store = _created(common)
    done = _harvest(common, store, Snapshot(file, vouched), chosen.categories if chosen else (), _window(since, until))
    common.say(_summary(done))
    if not done.faults and any(answer.status == "unknown" for answer in done.answers) and len(done.answers) == 1:
        common.say(
            "The file does not say what it covers, and counts of it are marked so. "
            "If you know, say --complete all or --complete CAT,..."
        )
    _end(done, fail_if_unchanged)


def demo(
    common: Common,
    out: Annotated[Path, typer.Option(help="Where the made-up store and the charts go.")] = Path("trend-demo"),
) -> None:
    """Everything on a made-up corpus, offline: fetch from a stand-in of arXiv, compare, and save three charts."""
    from trendcli.demo import corpus
    from trendcli.demo.server import StandIn, serving
    from trendcli.models import Window
    from trendcli.periods import parse
    from trendcli.sources.arxiv_api import ArxivApi

    root = out / "store"
    if (root / "manifest.json").exists():
        from trendcli.store import Store

        if not Store.open(root).manifest.synthetic:
            raise UsageError(f"{root} is a store of real data. Name another folder with --out.")
    common = replace(common, store=root)
    common.say("Everything here is MADE UP: the corpus, its trends, and the arXiv that it is fetched from.")
    window = Window(parse(str(corpus.FIRST_YEAR)).start, parse(str(corpus.LAST_YEAR)).end)
    with serving(StandIn(corpus.make())) as standin:
        store = _created(common, synthetic=True)
        done = _harvest(common, store, ArxivApi(standin.url, 0.0), tuple(corpus.CATEGORIES), window)
    common.say(_summary(done))
    _end(done, False)
    _demo_outputs(common, out)


def _demo_outputs(common: Common, out: Path) -> None:
    from trendcli import charts, report
    from trendcli.demo.corpus import SHARES
    from trendcli.question import Question

    store, library, scope_ = common.open(), common.library(), common.default_scope()
    with common.progress() as progress:
        compared = report.comparison(store, library, Question(topics=tuple(SHARES)), scope_, progress)
        lines = ("rl", "rnn", "gan", "transformer")
        shares = report.series(store, library, Question(topics=lines, by="quarter"), scope_, progress)
        volume = report.series(store, library, Question(by="quarter"), scope_, progress)
    common.show(compared, "table", None)
    for name, figure in (
        ("lines", charts.lines(shares)),
        ("change", charts.change(compared)),
        ("volume", charts.volume(volume)),
    ):
        charts.save(figure, out / f"{name}.png")
        common.say(f"Wrote {out / f'{name}.png'}.")
    common.say(f"Look around: trend report --store {common.store} --topic rnn")


def _created(common: Common, *, synthetic: bool = False) -> Store:
    from trendcli.store import Store

    return Store.open_or_create(common.root(), synthetic=synthetic)


def _window(since: str | None, until: str | None) -> Window:
    from datetime import datetime, timedelta

    from trendcli.models import Window
    from trendcli.periods import parse

    first = parse(since).start if since else None
    last = parse(until).start if until else None
    if first and last and first >= last:
        raise UsageError(
            f"The window is reversed: --since {first} does not lie before --until {last}. Nothing was fetched."
        )
    if first and not last:
        last = datetime.now(UTC).date() + timedelta(days=1)
        if first >= last:
            raise UsageError(f"--since {first} lies in the future. Nothing was fetched.")
    return Window(first, last)


def _harvest(common: Common, store: Store, source: Source, categories: tuple[str, ...], window: Window) -> Harvest:
    from trendcli.harvest import harvest

    shown = 0

    def fault(message: str) -> None:
        nonlocal shown
        shown += 1
        if shown <= _SHOWN_FAULTS:
            typer.echo(f"trend: {message}", err=True)

    with common.progress() as progress:
        return harvest(store, source, categories, window, progress, fault)


def _summary(done: Harvest) -> str:
    """One line: what is new, of when, and whether it is all."""
    merged = done.merged
    since = min((answer.since for answer in done.answers), default=None)
    until = max((answer.until for answer in done.answers), default=None)
    parts = [f"{merged.new:,} new", f"{merged.revised:,} revised", f"{merged.repeated:,} known"]
    parts += (
        [f"{merged.conflicts:,} with another first date than stored (the stored one holds)"] if merged.conflicts else []
    )
    parts += [f"{since} to {until}"] if since else []
    statuses = {answer.status for answer in done.answers}
    state = (
        "incomplete"
        if done.faults or statuses & {"partial", "failed"}
        else "complete"
        if "complete" in statuses
        else "coverage unknown"
    )
    return ", ".join([*parts, state])


def _end(done: Harvest, fail_if_unchanged: bool) -> None:
    if done.faults:
        raise TryLater(
            f"{len(done.faults):,} faults, see above; what could be read is stored. Mend the input or try again later."
        )
    if fail_if_unchanged and not (done.merged.new or done.merged.revised):
        raise Unchanged("Nothing is new.")
