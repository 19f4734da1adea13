"""Measure what the program promises, and write docs/explanation/benchmarks.md.

    make bench SNAPSHOT=file.jsonl                             a file in the format of arXiv's bulk snapshot
    make bench SNAPSHOT=file.jsonl SIZES="30000 3000000"       the same work on samples of it of several sizes
    make bench SIZES=30000                                     the same on made-up records

The first writes the first part of the page, the others the second.
Every time is that of a whole process, cold but for the disk cache; the best and the median of some runs are given, since
shared machines only ever add. Ratios compare processes that took turns within one run.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import scale

PAGE = scale.ROOT / "docs" / "explanation" / "benchmarks.md"
LIBRARIES = "arxiv duckdb google-re2 lxml matplotlib msgspec numpy pandas pyarrow rich typer xxhash".split()
SCALE_HEADING = "## All of arXiv, and less"
SCALE_INTRODUCTION = """The same work at several sizes, each in a process of its own: medians, with minimum and maximum in brackets. Rule matches,
aggregates and sums are cached unless a line says that they are computed. The cost that is the same at all sizes is the start of Python,
its libraries and the statistics; what grows with the records is reading text."""
MISSED_TARGETS = """Where a target above is missed, and why:

- **Import**: text is normalised (LaTeX, accents, split words) record by record, in Python.
- **Matching**, and a **new query**: reading the text takes 3.6 s and RE2 most of the rest; half of the matcher's
  time goes to distinguishing titles, second mentions and excluded phrases.
- **All topics by month**: 26,000 rows, each with an interval, a test and an overdispersion; a third of the time is writing them.
- **A list of papers**: the year's files are read for authors, after 0.3 s of Python and DuckDB.
- **A chart**: importing matplotlib takes 0.6 to 0.9 s, and its layout draws every chart twice.
- **A weekly update**: an import and a report, two processes, and an automaton built for 15,000 texts. The time is not
  quite constant: 15,000 identifiers, and the rows that revisions replace, are looked up among all rows, at about 0.4 µs per row.
- **1,000 topics**: a report of ten times as many rows writes ten times as many."""
MATCHING_METHODS = ("set", "matcher")


def time_command(command: list[str], runs: int) -> list[float]:
    """Return the seconds of each run of a command."""
    return [scale.run_command(command).seconds for _ in range(runs)]


def measure_matching(store: str, method: str) -> float:
    """Return the microseconds per submission over all of a store; `method` is one of MATCHING_METHODS."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from trendcli.core.settings import config_folder
    from trendcli.store.store import Store
    from trendcli.topics.loader import load_library
    from trendcli.topics.matcher import Matcher

    library = load_library(config_folder() / "topics")
    matcher = Matcher([rule for topic in library.topics.values() for rule in topic.rules])
    opened_store = Store.open(Path(store))
    files = sorted(opened_store.manifest.files, key=lambda file: file.first)
    tables = [pq.read_table(opened_store.file_path(file), columns=["title", "abstract"]) for file in files]
    batches = [table.combine_chunks().to_batches()[0] for table in tables]

    def join_texts(batch: pa.RecordBatch) -> list[bytes]:
        title, abstract = (batch[name].cast(pa.binary()) for name in ("title", "abstract"))
        joined: list[bytes] = pc.binary_join_element_wise(title, abstract, b"\n").to_pylist()
        return joined

    ready = [join_texts(batch) for batch in batches] if method != "matcher" else []
    start = time.perf_counter()
    if method == "matcher":
        for batch in batches:
            matcher.match_batch(batch)
    else:
        for texts in ready:
            for text in texts:
                matcher.find_rules(text)
    return (time.perf_counter() - start) / sum(len(batch) for batch in batches) * 1e6


SERVED_COUNTS = dict.fromkeys(range(2010, 2020), 10000)


def serve_standin() -> None:
    """Serve 100,000 made-up submissions as arXiv would, until the input ends; print the settings that point here."""
    sys.path.insert(0, str(scale.ROOT))
    from tests.standins.arxiv import ArxivStandIn, run_stand_in
    from trendcli.demo.corpus import build_corpus

    with run_stand_in(ArxivStandIn(build_corpus(yearly_counts=SERVED_COUNTS))) as standin:
        print(*(f"{key}={value}" for key, value in standin.build_environment().items()), flush=True)
        sys.stdin.read()


def measure_fetching(scratch: Path) -> dict[str, tuple[float, float]]:
    """Return (seconds, peak MB) of a backfill of what `serve_standin` serves, by source."""
    server = subprocess.Popen([sys.executable, __file__, "--serve", "."], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert server.stdout and server.stdin
    for setting in server.stdout.readline().split():
        name, _, value = setting.partition("=")
        os.environ[name] = value
    costs = {}
    categories = [option for name in ("cs.LG", "cs.CL", "cs.CV", "cs.NE", "stat.ML") for option in ("-c", name)]
    for source in ("arxiv", "oai"):
        command = [
            *scale.TREND,
            "-q",
            "--store",
            str(scratch / source),
            "fetch",
            "--source",
            source,
            *categories,
            "--since",
            "2010",
        ]
        seconds = []
        for _ in range(2):
            seconds += time_command(command, 1)
            shutil.rmtree(scratch / source)
        costs[source] = (min(seconds), scale.run_command(command, watch=True).total_megabytes)
    server.communicate()
    return costs


def format_milliseconds(seconds: list[float]) -> str:
    """Return the minimum and the median in milliseconds, as two columns of a table."""
    return f"{1000 * min(seconds):,.0f} ms | {1000 * statistics.median(seconds):,.0f} ms"


def format_provenance(make_words: str) -> str:
    """Return a sentence on when, where and with what a section of the page was measured."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return (
        f"*Written by `make bench{' ' + make_words if make_words else ''}` on {datetime.date.today()}: {platform.machine()}, "
        f"{os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]},\n"
        f"Python {platform.python_version()}; {versions}.*"
    )


def build_page(snapshot: Path, make_words: str) -> str:
    """Measure, and return the first part of the page."""
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch) / "store"
        import_command = [*scale.TREND, "-q", "--store", str(store), "import", str(snapshot), "--complete", "all"]
        imports: list[float] = []
        for _ in range(5):
            imports += time_command(import_command, 1)
            shutil.rmtree(store)
        # apart, since watching memory takes time
        peak_megabytes = scale.run_command(import_command, watch=True).total_megabytes
        from trendcli.store.store import Store

        rows = Store.open(store).manifest.submission_count
        stored_bytes = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
        report = [*scale.TREND, "-q", "--store", str(store), "report", "-c", "cs.*", "-c", "stat.*"]
        first = scale.run_command(report, watch=True)
        matched_bytes = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
        repeated = time_command(report, 15)
        by_title = time_command([*report, "--match", "title"], 1)
        by_month = time_command([*report, "-t", "rnn", "--by", "month", "--since", "2012"], 1)
        help_times = time_command([*scale.TREND, "--help"], 15)
        floor_times = time_command([sys.executable, "-c", "pass"], 15)
        method_times: dict[str, list[float]] = {method: [] for method in MATCHING_METHODS}
        for _ in range(3):
            for method, times in method_times.items():
                out = subprocess.run([sys.executable, __file__, "--matching", method, str(store)], check=True, capture_output=True)  # fmt: skip
                times.append(float(out.stdout))
        week = ["--store", str(store), "weekly", "--no-fetch", "--date", "2019-W20", "--out"]
        weekly = [
            time_command([*scale.TREND, "-q", *week, str(Path(scratch) / f"weeks{number}")], 1)[0]
            for number in range(3)
        ]
        demo = time_command([*scale.TREND, "-q", "demo", "--out", str(Path(scratch) / "demo")], 3)
        fetch_costs = measure_fetching(Path(scratch))
    served_count = sum(SERVED_COUNTS.values())
    best = {method: min(times) for method, times in method_times.items()}
    return f"""# Benchmarks

{format_provenance(make_words)}

The machine is shared, so absolute times vary by a third from day to day; compare within this page. The records are
{rows:,} in the format of arXiv's bulk snapshot ({snapshot.stat().st_size / 1e6:,.0f} MB).

## Import

| what | measured | target |
|---|---:|---:|
| `trend import` of the file, whole process, best and median of five | {min(imports):.2f} s, {statistics.median(imports):.2f} s | |
| records per second | {rows / min(imports):,.0f}, {rows / statistics.median(imports):,.0f} | ≥ 40,000 |
| peak memory of the process and its workers together | {peak_megabytes:,.0f} MB | ≤ 600 MB |
| on disk, per record | {stored_bytes / rows:.0f} bytes | ≤ 480 |
| on disk with rule matches and aggregates of all shipped topics, per record | {matched_bytes / rows:.0f} bytes | ≤ 480 |

## Fetching

{served_count:,} made-up submissions of five categories, from a stand-in for arXiv in a process of its own, without pauses:
what the program costs, not how long arXiv takes (at one request every three seconds, 1,000 submissions per request).

| what | seconds | submissions per second | target | peak MB | target |
|---|---:|---:|---:|---:|---:|
| `trend fetch --since 2010` | {fetch_costs["arxiv"][0]:.1f} | {served_count / fetch_costs["arxiv"][0]:,.0f} | ≥ 4,000 | {fetch_costs["arxiv"][1]:,.0f} | ≤ 400 |
| `trend fetch --source oai --since 2010`, five overlapping sets | {fetch_costs["oai"][0]:.1f} | {served_count / fetch_costs["oai"][0]:,.0f} | ≥ 4,000 | {fetch_costs["oai"][1]:,.0f} | ≤ 400 |

## Matching, one core

The shipped `ml` pack against title and abstract of every record once, including building the automata; best of three
processes, run in turn.

| what | µs per submission | the whole matcher takes |
|---|---:|---:|
| google-re2's Set alone, with the rules as the program has them, on prepared bytes | {best["set"]:.2f} | {best["matcher"] / best["set"]:.2f} × as long |
| the whole matcher: Arrow to bytes, which rules match, in the title or not, once or more, outside excluded phrases | {best["matcher"]:.2f} | 1 |

The target is at least 0.7 times the speed of the Set alone; measured: {best["set"] / best["matcher"]:.2f}.
`pytest -m slow` compares every rule with Python's `re` on 20,000 real records and finds no difference.

## Commands

| command | best | median | target |
|---|---:|---:|---:|
| `python -c pass` (the floor) | {format_milliseconds(floor_times)} | |
| `trend --help` | {format_milliseconds(help_times)} | ≤ 160 ms |
| `trend report`, repeated | {format_milliseconds(repeated)} | ≤ 350 ms |
| `trend report` of the same topics by title alone (only aggregates cached) | {format_milliseconds(by_title)} | |
| `trend report -t rnn --by month --since 2012`, for the first time | {format_milliseconds(by_month)} | |
| `trend report`, the first on a store: matches {rows:,} submissions with every shipped topic | {1000 * first.seconds:,.0f} ms | | |
| `trend weekly --no-fetch --date 2019-W20`, with cached rule matches | {format_milliseconds(weekly)} | ≤ 8 s |
| `trend demo` | {format_milliseconds(demo)} | ≤ 30 s |

Peak memory of the first report: {first.total_megabytes:,.0f} MB.
For terms see [Terms](terms.md#measured), for searching [Search](../how-to/search.md#measured).
"""


def main() -> None:
    """Measure and write the page, or measure one form of matching."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--matching", choices=MATCHING_METHODS)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--words", default="", help="the arguments of make, as the page should show them")
    parser.add_argument("--sizes", default="", help="how many records each, for the second part")
    parser.add_argument("file", type=Path, nargs="?", help="a snapshot, or with --matching a store")
    arguments = parser.parse_args()
    if arguments.serve:
        serve_standin()
        return
    if arguments.matching:
        print(measure_matching(str(arguments.file), arguments.matching))
        return
    first, _, second = PAGE.read_text(encoding="utf-8").partition(SCALE_HEADING)
    if arguments.sizes:
        sizes = [int(size) for size in arguments.sizes.split()]
        second = "\n\n".join(
            [
                "",
                format_provenance(arguments.words),
                SCALE_INTRODUCTION,
                scale.build_section(arguments.file, sizes),
                MISSED_TARGETS,
                "",
            ]
        )
    else:
        first = build_page(arguments.file, arguments.words)
    PAGE.write_text(f"{first.rstrip()}\n\n{SCALE_HEADING}{second.rstrip()}\n", encoding="utf-8")
    print(f"wrote {PAGE.relative_to(scale.ROOT)}")


if __name__ == "__main__":
    main()
