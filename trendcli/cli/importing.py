"""Commands that fill a store from a file or from the made-up corpus: import, demo."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.options import CategoriesOption, SinceOption, UntilOption
from trendcli.core.errors import RetryableError, StoreUnchanged, UsageError, suggest_names

if TYPE_CHECKING:
    from trendcli.core.types import Request, Source, Window
    from trendcli.sources.harvest import HarvestResult
    from trendcli.store.store import Store

_MAX_SHOWN_FAULTS = 20


def import_file(
    common: CommonOptions,
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
    category: CategoriesOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    fail_if_unchanged: Annotated[
        bool, typer.Option("--fail-if-unchanged", help="Exit with 5 where nothing is new.")
    ] = False,
) -> None:
    """Import arXiv's bulk snapshot (JSON lines, as Kaggle distributes it), or the submissions to a conference.

    Their lists are those of papercopilot/paperlists: `trend import iclr2021.json --venue iclr --year 2021`. Each venue
    is a corpus of its own, which `--corpus iclr` reads.
    """
    if format not in IMPORT_FORMATS:
        raise UsageError(
            f"No format {format!r}{suggest_names(format, IMPORT_FORMATS)}. Known: {', '.join(IMPORT_FORMATS)}."
        )
    if format == "openreview" or (format == "auto" and (venue or year)):
        if complete or category or since or until:
            raise UsageError("A list of a conference is imported whole: no --complete, --category, --since or --until.")
        _import_venue_list(common, file, *parse_venue_year(venue, year), fail_if_unchanged)
        return
    if venue or year:
        raise UsageError("--venue and --year belong to a list of a conference, not to a snapshot.")
    _import_snapshot(common, file, complete, category, since, until, fail_if_unchanged)


IMPORT_FORMATS = ("auto", "snapshot", "openreview")


def parse_venue_year(venue: str | None, year: int | None) -> tuple[str, int]:
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


def _import_venue_list(common: CommonOptions, file: str, venue: str, year: int, fail_if_unchanged: bool) -> None:
    from trendcli.core.types import Request
    from trendcli.sources.paperlists import Paperlist
    from trendcli.sources.venue_lists import compare_with_list, next_list_time

    store = _open_real_store(common, venue)
    done = harvest_with_progress(
        common,
        store,
        Paperlist(file, venue, year, next_list_time(store), partial(compare_with_list, store)),
        [Request(())],
    )
    print_venue_summary(common, done, venue, year)
    raise_for_failure(done, fail_if_unchanged)


def print_venue_summary(
    common: CommonOptions, result: HarvestResult, venue: str, year: int, has_decisions: bool = True
) -> None:
    """Say what a list of a conference brought and lacks; `decides`: whether such lists tell who was accepted."""
    from trendcli.sources.venue_lists import undecided_notes

    # that a venue has not decided is no gap in its list
    common.print_note(
        summarize_harvest(
            replace(
                result, coverage_records=[item for item in result.coverage_records if item.categories != ("accepted",)]
            )
        )
    )
    for sentence in (*result.notes, *(undecided_notes(result.coverage_records, venue, year) if has_decisions else ())):
        common.print_note(sentence)


def _open_real_store(common: CommonOptions, corpus: str = "arxiv") -> Store:
    """The store of a corpus; UsageError where it holds made-up data."""
    store = open_or_create_store(common, corpus=corpus)
    if is_synthetic_store(common, store):
        raise UsageError(
            f"The store {store.root} holds made-up data. Import real submissions into another one, with --store."
        )
    return store


def is_synthetic_store(common: CommonOptions, store: Store) -> bool:
    """Whether a store holds made-up data, or would lie among such."""
    return store.manifest.synthetic or open_or_create_store(common).manifest.synthetic


def _import_snapshot(
    common: CommonOptions,
    file: str,
    complete: str | None,
    category: list[str] | None,
    since: str | None,
    until: str | None,
    fail_if_unchanged: bool,
) -> None:
    from trendcli.core import parallel as workers

    workers.start_forkserver()
    from trendcli.core.types import Request
    from trendcli.sources.snapshot import Snapshot
    from trendcli.store.coverage import ALL_CATEGORIES

    settings, _ = common.resolved_settings
    chosen = settings.resolve_scope(category)
    vouched: tuple[str, ...] = (ALL_CATEGORIES,) if complete == "all" else ()
    if complete and not vouched:
        named = settings.resolve_scope(complete.split(","))
        vouched = named.categories if named else ()
    store = _open_real_store(common)
    ask = Request(chosen.categories if chosen else (), parse_window(since, until))
    done = harvest_with_progress(common, store, Snapshot(file, vouched), [ask])
    common.print_note(summarize_harvest(done))
    if (
        not done.faults
        and any(answer.status == "unknown" for answer in done.coverage_records)
        and len(done.coverage_records) == 1
    ):
        common.print_note(
            "The file does not say what it covers, and counts of it are marked so. "
            "If you know, say --complete all or --complete CAT,..."
        )
    raise_for_failure(done, fail_if_unchanged)


def run_demo(
    common: CommonOptions,
    out: Annotated[Path, typer.Option(help="Where the made-up store and the charts go.")] = Path("trend-demo"),
) -> None:
    """Everything on a made-up corpus, offline: fetch from a stand-in of arXiv, compare, and save three charts."""
    from trendcli.core.periods import parse_period
    from trendcli.core.types import Request, Window
    from trendcli.demo import corpus
    from trendcli.demo.server import ApiStandIn, run_stand_in
    from trendcli.sources.arxiv_api import ArxivApi
    from trendcli.sources.http import Pace

    root = out / "store"
    if (root / "manifest.json").exists():
        from trendcli.store.store import Store

        if not Store.open(root).manifest.synthetic:
            raise UsageError(f"{root} is a store of real data. Name another folder with --out.")
    common = replace(common, store=root)
    common.print_note("Everything here is MADE UP: the corpus, its trends, and the arXiv that it is fetched from.")
    window = Window(parse_period(str(corpus.FIRST_YEAR)).start, parse_period(str(corpus.LAST_YEAR)).end)
    with run_stand_in(ApiStandIn(corpus.build_corpus())) as standin:
        store = open_or_create_store(common, synthetic=True)
        source = ArxivApi(standin.url, Pace(None, 0.0))
        done = harvest_with_progress(common, store, source, [Request(tuple(corpus.CATEGORY_WEIGHTS), window)])
    common.print_note(summarize_harvest(done))
    raise_for_failure(done, False)
    _import_demo_venue(common)
    _write_demo_outputs(common, out)


def _import_demo_venue(common: CommonOptions) -> None:
    import json
    from datetime import datetime
    from tempfile import TemporaryDirectory

    from trendcli.core.types import Request
    from trendcli.demo import venue
    from trendcli.sources.paperlists import Paperlist

    store = open_or_create_store(common, synthetic=True, corpus=venue.VENUE_NAME)
    with TemporaryDirectory() as folder:
        for year, papers in venue.build_lists().items():
            path = Path(folder) / f"{venue.VENUE_NAME}{year}.json"
            path.write_text(json.dumps(papers), encoding="utf-8")
            source = Paperlist(str(path), venue.VENUE_NAME, year, datetime(year + 1, 1, 1, tzinfo=UTC))
            done = harvest_with_progress(common, store, source, [Request(())])
            common.print_note(f"The conference {venue.VENUE_NAME!r} of {year}: {summarize_harvest(done)}")


def _write_demo_outputs(common: CommonOptions, out: Path) -> None:
    from trendcli.demo.corpus import TOPIC_SHARES
    from trendcli.output import charts
    from trendcli.reports.trends.comparison import build_comparison
    from trendcli.reports.trends.series import build_series
    from trendcli.topics.query import Query

    store, library, scope_ = common.open_store(), common.load_library(), common.default_scope()
    with common.progress_bar() as progress:
        compared = build_comparison(store, library, Query(topics=tuple(TOPIC_SHARES)), scope_, progress)
        lines = ("rl", "rnn", "gan", "transformer")
        shares = build_series(store, library, Query(topics=lines, by="quarter"), scope_, progress)
        volume = build_series(store, library, Query(by="quarter"), scope_, progress)
    common.write_report(compared, "table", None)
    for name, figure in (
        ("lines", charts.draw_lines(shares)),
        ("change", charts.draw_change(compared)),
        ("volume", charts.draw_volume(volume)),
    ):
        charts.save_figure(figure, out / f"{name}.png")
        common.print_note(f"Wrote {out / f'{name}.png'}.")
    _write_demo_week(common, out / "weekly")
    common.print_note(f"Look around: trend report --store {common.store} --topic rnn")
    common.print_note(
        f"The conference: trend report --store {common.store} --corpus demo --outcome accepted --min-count 50"
    )


def _write_demo_week(common: CommonOptions, out: Path) -> None:
    from datetime import date, datetime

    from trendcli.demo import corpus
    from trendcli.reports.weekly import folder as weekly
    from trendcli.reports.weekly.digest import DigestInput, last_ended_week
    from trendcli.topics.query import Query

    week, today, library = (
        last_ended_week(date(corpus.LAST_YEAR + 1, 1, 1)),
        datetime.now(UTC).date(),
        common.load_library(),
    )
    asked = Query(topics=library.get_pack("ml"))
    watch = DigestInput(common.open_store(), library, asked, ("rl", "gan"), common.default_scope())
    with weekly.lock_folder(out), common.progress_bar() as progress:
        weekly.draw_week(out, watch, week, today, progress)
        weekly.update_folder(out, 0)
    common.print_note(f"Wrote {out / week.label / 'index.html'}.")


def open_or_create_store(common: CommonOptions, *, synthetic: bool = False, corpus: str = "arxiv") -> Store:
    """The store of a corpus, or an empty one that its first commit will write."""
    from trendcli.store.store import Store

    return Store.open_or_create(common.store_root(corpus), synthetic=synthetic, corpus=corpus)


def parse_window(since: str | None, until: str | None) -> Window:
    """The window of --since and --until, which begin their periods; UsageError where it is reversed or lies ahead."""
    from datetime import datetime

    from trendcli.core.periods import parse_period
    from trendcli.core.types import Window

    first = parse_period(since).start if since else None
    last = parse_period(until).start if until else None
    if first and last and first >= last:
        raise UsageError(
            f"The window is reversed: --since {first} does not lie before --until {last}. Nothing was changed."
        )
    if first and first > datetime.now(UTC).date():
        raise UsageError(f"--since {first} lies in the future. Nothing was changed.")
    return Window(first, last)


def harvest_with_progress(
    common: CommonOptions, store: Store, source: Source, requests: list[Request]
) -> HarvestResult:
    """What a source brought into the store, with its faults told as they come."""
    from trendcli.sources.harvest import harvest_source

    shown = 0

    def print_fault(message: str) -> None:
        nonlocal shown
        shown += 1
        if shown <= _MAX_SHOWN_FAULTS:
            typer.echo(f"trend: {message}", err=True)

    with common.progress_bar() as progress:
        return harvest_source(store, source, requests, progress, print_fault)


def summarize_harvest(result: HarvestResult) -> str:
    """One line: what is new, of when, and whether it is all."""
    merged = result.upsert_counts
    answers = [answer for answer in result.coverage_records if answer.status != "failed"]
    since = min((answer.since for answer in answers), default=None)
    until = max((min(answer.until, answer.answered_at.date()) for answer in answers), default=None)
    parts = [f"{merged.new:,} new", f"{merged.revised:,} revised", f"{merged.repeated:,} known"]
    if merged.conflicts:
        parts.append(f"{merged.conflicts:,} with another first date than is stored, which stays")
    parts += [f"{since} to {until}"] if since and until and since < until else []
    known = any(answer.status == "complete" for answer in result.coverage_records)
    state = ("complete" if known else "coverage unknown") if result.is_complete else "incomplete"
    return ", ".join([*parts, state])


def _format_count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def raise_for_failure(result: HarvestResult, fail_if_unchanged: bool) -> None:
    """Nothing where all went well; else what to do, as an error with its exit code."""
    if result.stop_error:
        raise result.stop_error
    if result.faults:
        raise RetryableError(
            f"{_format_count(len(result.faults), 'fault')}, see above; what could be read is stored. "
            "Mend the input or try again later."
        )
    if fail_if_unchanged and not (result.upsert_counts.new or result.upsert_counts.revised):
        raise StoreUnchanged("Nothing is new.")
