"""The command demo: everything on a made-up corpus, offline."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.commands.importing import (
    harvest_with_progress,
    open_or_create_store,
    raise_for_failure,
    summarize_harvest,
)
from trendcli.core.errors import UsageError


def run_demo(
    common: CommonOptions,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Output folder for the made-up store and the charts.")
    ] = Path("trend-demo"),
) -> None:
    """Try everything offline on made-up data.

    Fetches from a stand-in for arXiv, compares topics, saves three charts and generates one weekly page.
    """
    from trendcli.core.periods import parse_period
    from trendcli.core.types import Request, Window
    from trendcli.demo.corpus import CATEGORY_WEIGHTS, FIRST_YEAR, LAST_YEAR, build_corpus
    from trendcli.demo.server import ApiStandIn, run_stand_in
    from trendcli.sources.arxiv_api import ArxivApi
    from trendcli.sources.pace import Pace
    from trendcli.store.identity import FolderState, inspect_folder
    from trendcli.store.store import Store

    root = out / "store"
    if inspect_folder(out) != FolderState.empty and inspect_folder(root) == FolderState.empty:
        raise UsageError(
            f"{out} is neither empty nor a demo. Nothing in it was changed. Choose another folder with --out."
        )
    if (root / "manifest.json").exists() and not Store.open(root).manifest.synthetic:
        raise UsageError(f"{root} contains real data; nothing was changed. Choose another folder with --out.")
    common = replace(common, store=root)
    common.print_note("Everything here is MADE UP: the corpus, its trends and the arXiv server it is fetched from.")
    window = Window(parse_period(str(FIRST_YEAR)).start, parse_period(str(LAST_YEAR)).end)
    with run_stand_in(ApiStandIn(build_corpus())) as standin:
        store = open_or_create_store(common, synthetic=True)
        source = ArxivApi(standin.url, Pace(None, 0.0))
        result = harvest_with_progress(common, store, source, [Request(tuple(CATEGORY_WEIGHTS), window)])
    common.print_note(summarize_harvest(result))
    raise_for_failure(result, False)
    _import_demo_venue(common)
    _write_demo_outputs(common, out)


def _import_demo_venue(common: CommonOptions) -> None:
    from trendcli.core.types import Request
    from trendcli.demo.venue import VENUE_NAME, build_lists
    from trendcli.sources.paperlists import Paperlist

    store = open_or_create_store(common, synthetic=True, corpus=VENUE_NAME)
    with TemporaryDirectory() as folder:
        for year, entries in build_lists().items():
            path = Path(folder) / f"{VENUE_NAME}{year}.json"
            path.write_text(json.dumps(entries), encoding="utf-8")
            source = Paperlist(str(path), VENUE_NAME, year, datetime(year + 1, 1, 1, tzinfo=UTC))
            result = harvest_with_progress(common, store, source, [Request(())])
            common.print_note(f"Venue {VENUE_NAME!r}, {year}: {summarize_harvest(result)}")


def _write_demo_outputs(common: CommonOptions, out: Path) -> None:
    from trendcli.demo.corpus import TOPIC_SHARES
    from trendcli.output.charts import draw_change, draw_lines, draw_volume, save_figure
    from trendcli.reports.trends.comparison import build_comparison
    from trendcli.reports.trends.series import build_series
    from trendcli.topics.query import Query

    store, library, scope = common.open_store(), common.load_library(), common.default_scope()
    with common.progress_bar() as progress:
        comparison = build_comparison(store, library, Query(topics=tuple(TOPIC_SHARES)), scope, progress)
        line_topics = ("rl", "rnn", "gan", "transformer")
        series = build_series(store, library, Query(topics=line_topics, by="quarter"), scope, progress)
        volume = build_series(store, library, Query(by="quarter"), scope, progress)
    common.write_report(comparison, "table", None)
    for name, figure in (
        ("lines", draw_lines(series)),
        ("change", draw_change(comparison)),
        ("volume", draw_volume(volume)),
    ):
        save_figure(figure, out / f"{name}.png")
        common.print_note(f"Wrote {out / f'{name}.png'}.")
    _write_demo_week(common, out / "weekly")
    common.print_note(f"Try: trend report --store {common.store} --topic rnn")
    common.print_note(
        f"For the venue: trend report --store {common.store} --corpus demo --outcome accepted --min-count 50"
    )


def _write_demo_week(common: CommonOptions, out: Path) -> None:
    from trendcli.demo.corpus import LAST_YEAR
    from trendcli.reports.weekly.digest import DigestInput, last_ended_week
    from trendcli.reports.weekly.drawing import draw_week
    from trendcli.reports.weekly.folder import lock_folder, update_folder
    from trendcli.topics.query import Query

    week, library = last_ended_week(date(LAST_YEAR + 1, 1, 1)), common.load_library()
    query = Query(topics=library.get_pack("ml"))
    digest_input = DigestInput(common.open_store(), library, query, ("rl", "gan"), common.default_scope())
    with lock_folder(out), common.progress_bar() as progress:
        draw_week(out, digest_input, week, datetime.now(UTC).date(), progress)
        update_folder(out, 0)
    common.print_note(f"Wrote {out / week.label / 'index.html'}.")
