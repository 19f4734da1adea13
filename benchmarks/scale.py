"""What the work of a week costs at several sizes, side by side with pandas, DuckDB and the bare matcher."""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TREND = [sys.executable, "-m", "trendcli"]
# ten topics without exclusions that RE2 alone can count, for DuckDB to agree with
TEN = {
    "ten-gan": ["generative adversarial network", "adversarial training"],
    "ten-rnn": ["recurrent neural network", "long short-term memory"],
    "ten-cnn": ["convolutional neural network", "convolutional network"],
    "ten-rl": ["reinforcement learning", "policy gradient"],
    "ten-transfer": ["transfer learning", "domain adaptation"],
    "ten-embedding": ["word embedding", "word vector"],
    "ten-clustering": ["spectral clustering", "k-means"],
    "ten-privacy": ["differential privacy", "differentially private"],
    "ten-robot": ["robot", "manipulator"],
    "ten-translation": ["machine translation", "speech recognition"],
}


class Run(NamedTuple):
    """One run of a command: seconds, the most MB of any worker of it and of all its processes, what it printed."""

    seconds: float
    worker: float
    whole: float
    out: str
    err: str


def run(words: Iterable[Any], *, watch: bool = False, **env: str) -> Run:
    """Run a command; a failure ends the benchmark. Looking at memory takes time, so only where it is asked for."""
    worker, whole, done = [0.0], [0.0], threading.Event()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in words], stdout=out, stderr=err, start_new_session=True, env={**os.environ, **env}
        )

        def look() -> None:
            while not done.wait(0.1):
                held = _held(process.pid)
                whole.append(sum(held.values()))
                worker.extend(megabytes for pid, megabytes in held.items() if pid != process.pid)

        looker = threading.Thread(target=look)
        if watch:
            looker.start()
        process.wait()
        seconds = time.perf_counter() - start
        done.set()
        if watch:
            looker.join()
        out.seek(0)
        err.seek(0)
        found = Run(seconds, max(worker), max(whole), out.read(), err.read())
    if process.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit code {process.returncode}\n{found.err}")
    return found


def held(words: Iterable[Any]) -> float:
    """The most MB that a command held; started from a small process, since a child begins with its parent's size."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, capture_output=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    return float(run([sys.executable, "-c", code, *words]).out)


def _held(session: int) -> dict[int, float]:
    """MB that each process of a session holds now, pages that it shares counted in part (Linux only; none elsewhere)."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
                found[int(folder.name)] = kilobytes / 1024
        except (OSError, StopIteration):
            continue
    return found


def sampled(snapshot: Path, path: Path, rows: int, total: int) -> Path:
    """A file of `rows` of the lines of a snapshot, evenly spread."""
    with snapshot.open("rb") as lines, path.open("wb") as out:
        for number, line in enumerate(lines):
            if number * rows // total != (number + 1) * rows // total:
                out.write(line)
    return path


def made_up(path: Path, rows: int) -> Path:
    """A snapshot of made-up submissions, where no real one is at hand."""
    from trendcli.demo.corpus import build_corpus

    years = range(2010, 2020)
    with path.open("w", encoding="utf-8") as out:
        for item in build_corpus(yearly_counts=dict.fromkeys(years, rows // len(years))):
            versions = [
                {"version": f"v{number}", "created": f"{at:%a, %-d %b %Y %H:%M:%S} GMT"}
                for number, at in enumerate(item.versions, 1)
            ]
            record = {
                "id": item.id,
                "authors": ", ".join(item.authors),
                "title": item.title,
                "categories": " ".join(item.categories),
                "abstract": item.abstract,
                "versions": versions,
                "update_date": f"{item.versions[-1]:%Y-%m-%d}",
            }
            out.write(json.dumps(record) + "\n")
    return path


def week(snapshot: Path, path: Path, number: int, rows: int) -> Path:
    """10,000 new submissions and 5,000 revisions of any age (fewer for a small store), made of lines of a snapshot."""
    new, revised = min(10000, rows // 5), min(5000, rows // 10)
    rng, size = random.Random(number), snapshot.stat().st_size
    day = f"2026-02-{number + 1:02d}"
    seen: set[str] = set()
    with snapshot.open("rb") as lines, path.open("w", encoding="utf-8") as out:

        def any_line() -> dict[str, Any]:
            while True:
                lines.seek(rng.randrange(size))
                lines.readline()
                if line := lines.readline():
                    found: dict[str, Any] = json.loads(line)
                    return found

        while len(seen) < revised:
            record = any_line()
            if record["id"] not in seen:
                seen.add(record["id"])
                later = {"version": f"v{len(record['versions']) + 1}", "created": "Mon, 5 Jan 2026 10:00:00 GMT"}
                record |= {"versions": [*record["versions"], later], "abstract": record["abstract"] + " Revised."}
                out.write(json.dumps(record | {"update_date": day}) + "\n")
        for place in range(new):
            first = [{"version": "v1", "created": f"{number % 27 + 1} Jan 2026 10:00:00 GMT"}]
            first[0]["created"] = f"Mon, {first[0]['created']}"
            out.write(json.dumps(any_line() | {"id": f"2601.{(number + 3) * 10000 + place:05d}"[:10], "versions": first, "update_date": day}) + "\n")  # fmt: skip
    return path


def own_topics(folder: Path, name: str, topics: dict[str, list[str]]) -> Path:
    """A topic file, and a pack of the same name with all of its topics."""
    lines = ["topics:"] + [f"  {topic}: {{phrases: {json.dumps(phrases)}}}" for topic, phrases in topics.items()]
    path = folder / f"{name}.yaml"
    path.write_text("\n".join([*lines, "packs:", f"  {name}: {json.dumps(list(topics))}"]) + "\n", encoding="utf-8")
    return path


def many_topics(snapshot: Path, number: int) -> dict[str, list[str]]:
    """Topics of ten two-word phrases each, words as they stand side by side in the first abstracts of a snapshot."""
    pairs: dict[str, None] = {}
    with snapshot.open(encoding="utf-8") as lines:
        for line in lines:
            words = [word.lower() for word in json.loads(line)["abstract"].split() if word.isalpha() and len(word) > 5]
            pairs |= dict.fromkeys(f"{one} {two}" for one, two in zip(words[::2], words[1::2], strict=False))
            if len(pairs) >= 10 * number:
                break
    chosen = list(pairs)
    return {f"made-{place}": chosen[10 * place : 10 * place + 10] for place in range(number) if chosen[10 * place :]}


def rules_of(topics: Path | None, pack: str) -> tuple[Any, list[Any]]:
    from trendcli.core.settings import config_folder
    from trendcli.topics.loader import load_library

    library = load_library(config_folder() / "topics", topics)
    family = [member for name in library.get_pack(pack) for member in library.topic_family(name)]
    return library, list({rule.key: rule for member in family for rule in member.rules}.values())


def inside(what: str, store: str, topics: str = "", pack: str = "ml") -> None:
    """Measure something inside of one process, and print it as JSON."""
    from trendcli.core.parallel import create_pool
    from trendcli.core.types import ignore_progress
    from trendcli.store.store import Store
    from trendcli.topics.matches import _split_files, match_files

    opened = Store.open(Path(store))
    _, rules = rules_of(Path(topics) if topics else None, pack)
    start = time.perf_counter()
    found = 0
    if what == "tagging":
        found = match_files(opened, opened.manifest.files, rules, ignore_progress).num_rows
    elif what == "decoding":
        shares = [[str(opened.file_path(item)) for item in share] for share in _split_files(opened.manifest.files)]
        with create_pool() as pool:
            found = sum(pool.map(decoded, shares))
    elif what == "bare":
        found = bare(opened, rules)
        start = 0
    elif what == "charts":
        charts(opened)
        start = 0
    elif what == "spark":
        on_spark(opened, rules)
        start = 0
    elif what == "searches":
        print(f"| work | {opened.manifest.submission_count:,} submissions | target |\n|---|---:|---|")
        for row in searches(Path(store), [*TREND, "-q", "--store", store], 5):
            print(f"| {' | '.join(row)} |", flush=True)
        start = 0
    if start:
        print(json.dumps([time.perf_counter() - start, found]))


def decoded(paths: list[str]) -> int:
    """How many rows some files have, their text read and thrown away. Runs in a worker process."""
    import pyarrow.parquet as pq

    return sum(
        batch.num_rows
        for path in paths
        for batch in pq.ParquetFile(path).iter_batches(batch_size=16384, columns=["title", "abstract"])
    )


def bare(store: Any, rules: list[Any]) -> int:
    """Print microseconds a submission of the Set alone and of the whole, on the newest files."""
    import pyarrow.parquet as pq

    from trendcli.core.arrow import pa, pc
    from trendcli.topics.matcher import Matcher

    files = sorted(store.manifest.files, key=lambda item: item.first)[-6:]
    batches = [b for item in files for b in pq.ParquetFile(store.file_path(item)).iter_batches(16384, columns=["title", "abstract"])]  # fmt: skip
    rows, matcher = sum(map(len, batches)), Matcher(rules)
    joined = [pc.binary_join_element_wise(*(batch[name].cast(pa.binary()) for name in ("title", "abstract")), b"\n").to_pylist() for batch in batches]  # fmt: skip
    best = {"set": 1e9, "whole": 1e9}
    for _ in range(3):
        start = time.perf_counter()
        for texts in joined:
            for text in texts:
                matcher.find_rules(text)
        best["set"] = min(best["set"], time.perf_counter() - start)
        start = time.perf_counter()
        for batch in batches:
            matcher.match_batch(batch)
        best["whole"] = min(best["whole"], time.perf_counter() - start)
    print(json.dumps([best["set"] / rows * 1e6, best["whole"] / rows * 1e6]))
    return rows


def charts(store: Any) -> None:
    """Print the seconds of five charts in one process, the first with matplotlib's import."""
    import trendcli
    from trendcli.output.charts import save_figure

    report = trendcli.series(store, topics=["rnn", "gan", "rl"], by="month")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(5):
            start = time.perf_counter()
            save_figure(trendcli.chart(report, "lines"), Path(folder) / f"{number}.png")
            found.append(time.perf_counter() - start)
    print(json.dumps(found))


def on_spark(store: Any, rules: list[Any], rows: int = 600_000) -> None:
    """Print submissions a second that Spark counts in local mode, three times, and that this program matches itself."""
    from pyspark.sql import SparkSession

    import trendcli
    from trendcli.core.types import ignore_progress
    from trendcli.topics.matches import match_files
    from trendcli.topics.spark import count_topics

    files: list[Any] = []
    for item in sorted(store.manifest.files, key=lambda item: item.first, reverse=True):
        files += [item] if item.kind == "month" and sum(other.rows for other in files) < rows else []
    total = sum(item.rows for item in files)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = SparkSession.builder.master(f"local[{os.cpu_count()}]").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1").config("spark.driver.memory", "4g").config("spark.sql.shuffle.partitions", str(4 * (os.cpu_count() or 1))).getOrCreate()  # fmt: skip
    library, rates = trendcli.library(), []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            count_topics(session, [str(store.file_path(item)) for item in files], Path(folder) / "store", library, library.get_pack("ml"), complete_categories=["*"])  # fmt: skip
            rates.append(total / (time.perf_counter() - start))
    start = time.perf_counter()
    match_files(store, files, rules, ignore_progress)
    own = total / (time.perf_counter() - start)
    print(f"{total:,} submissions: Spark {', '.join(f'{rate:,.0f}' for rate in rates)} a second, by itself {own:,.0f}")


def pandas_side(paths: list[Path], rows: int) -> dict[str, Any]:
    """Seconds a submission of pandas' `str.contains`, a topic at a time, on a sample; and of this program's matcher."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from trendcli.topics.matcher import Matcher

    some = paths[:: max(1, len(paths) // 12)]
    table = pa.concat_tables([pq.read_table(path, columns=["title", "abstract"]) for path in some])
    library, rules = rules_of(None, "ml")
    patterns = {
        name: "|".join(
            f"(?:{rule.regex.removeprefix('(?i)').removeprefix('(?m)').removeprefix('(?i)')})" for rule in rules
        )
        for name in library.get_pack("ml")
        if (rules := [rule for member in library.topic_family(name) for rule in member.rules])
    }
    few = table.take(list(range(0, table.num_rows, max(1, table.num_rows // rows)))[:rows])
    frame = few.to_pandas()
    text = (frame["title"] + "\n" + frame["abstract"]).astype("str")
    found: dict[str, Any] = {"rows": len(frame), "topics": len(patterns), "patterns": patterns}
    start = time.perf_counter()
    for pattern in patterns.values():
        text.str.contains(pattern, case=False)
    found["string"] = (time.perf_counter() - start) / len(frame)
    plain = text.iloc[: max(50, len(frame) // 10)].astype(object)
    start = time.perf_counter()
    for pattern in patterns.values():
        plain.str.contains(pattern, case=False)
    found["object"] = (time.perf_counter() - start) / len(plain)
    _, every = rules_of(None, "ml")
    matcher = Matcher(every)
    batch = table.slice(0, 40000).combine_chunks().to_batches()[0]
    matcher.match_batch(batch)
    start = time.perf_counter()
    matcher.match_batch(batch)
    found["own"] = (time.perf_counter() - start) / len(batch)
    return found


def duckdb_side(paths: list[Path]) -> tuple[float, dict[str, int]]:
    """Seconds, and how many rows match each topic of TEN, by DuckDB's regexp_matches over the same parquet."""
    import duckdb

    from trendcli.topics.patterns import phrase_regex

    regexes = {name: "|".join(f"(?:{phrase_regex(p, any_case=True)})" for p in listed) for name, listed in TEN.items()}
    counts = ", ".join(f"count(*) FILTER (regexp_matches(t, '{regex}'))" for regex in regexes.values())
    files = ", ".join(f"'{path}'" for path in paths)
    start = time.perf_counter()
    row = duckdb.sql(f"SELECT {counts} FROM (SELECT title || chr(10) || abstract AS t FROM read_parquet([{files}]))").fetchall()[0]  # fmt: skip
    return time.perf_counter() - start, dict(zip(regexes, row, strict=True))


def counts_of_ten(store: Path, folder: Path) -> dict[str, int]:
    """How many submissions of all categories this program counts for each topic of TEN."""
    import trendcli

    path = own_topics(folder, "ten", TEN)
    opened = trendcli.open_store(store)
    found: dict[str, int] = {}
    frame = trendcli.series(
        opened, topics=list(TEN), own_topics=str(path), categories=["*"], include_partial=True
    ).to_frame()
    for topic, count in frame.groupby("topic")["count"].sum().items():
        found[str(topic)] = int(count)
    return found


def spread(found: list[float]) -> str:
    """The median of some seconds, with the least and the most."""
    return f"{statistics.median(found):.2f} ({min(found):.2f}–{max(found):.2f})"


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def matched_of(err: str) -> int:
    """How many submissions a command matched, by what it logged."""
    return sum(int(line.split("matched ")[1].split()[0]) for line in err.splitlines() if " matched " in line)


def works(snapshot: Path, rows: int, scratch: Path, runs: int) -> Iterator[tuple[str, str, str]]:
    """(work, measured, target) for a snapshot of some rows."""
    store = scratch / "store"
    trend = [*TREND, "-q", "--store", store]
    loud = [*TREND, "-q", "-v", "--store", store]
    imported = run([*trend, "import", snapshot, "--complete", "all"]).seconds
    shutil.rmtree(store)
    watched = run([*trend, "import", snapshot, "--complete", "all"], watch=True)
    seconds = min(imported, watched.seconds)
    yield (
        "`trend import` of the file",
        f"{seconds:.1f} s, {rows / seconds:,.0f} records/s, {watched.worker:,.0f} MB per worker at most",
        "≤ 45 s, ≤ 500 MB",
    )
    decoding = json.loads(run([sys.executable, __file__, "decoding", store]).out)
    tagging = json.loads(run([sys.executable, __file__, "tagging", store]).out)
    yield "reading and decoding all text, on every core", f"{decoding[0]:.1f} s", ""
    yield (
        "matching: every topic of the pack, on every core",
        f"{tagging[0]:.1f} s, {tagging[1]:,} rule matches, {tagging[0] / decoding[0]:.1f} × decoding",
        "≤ 20 s, ≤ 4 ×",
    )
    first = run([*loud, "report", "--format", "csv"], watch=True)
    yield (
        "the first `trend report` on a store: rule matches, aggregates, sums",
        f"{first.seconds:.1f} s, {matched_of(first.err):,} matched, {first.worker:,.0f} MB per worker at most",
        "",
    )

    def cold(words: list[Any], number: int = runs) -> list[float]:
        return [run([*trend, *words, "--limit", 1000 + place]).seconds for place in range(number)]

    memory = held([*trend, "report", "--format", "csv", "--limit", 999])
    yield (
        "`trend report`, two years, all topics; a cold process",
        f"{spread(cold(['report', '--format', 'csv']))} s, {memory:,.0f} MB",
        "≤ 0.35 s, ≤ 250 MB",
    )
    yield (
        "`trend report -t rnn --by month`, all years; a cold process",
        f"{spread(cold(['report', '-t', 'rnn', '--by', 'month', '--format', 'csv']))} s",
        "≤ 0.35 s",
    )
    again = [run([*trend, "report", "--format", "csv"]).seconds for _ in range(runs)]
    yield "`trend report`, repeated", f"{spread(again)} s", "≤ 0.15 s"
    library, _ = rules_of(None, "ml")
    every = [word for name in library.get_pack("ml") for word in ("-t", name)]
    yield (
        f"{len(every) // 2} topics by month with intervals",
        f"{spread(cold(['report', *every, '--by', 'month', '--format', 'csv'], 3))} s",
        "≤ 1.5 s",
    )
    query = [*trend, "report", "--query", "graph kernel", "--format", "csv"]
    yield (
        "`trend report --query`, new; repeated",
        f"{run(query).seconds:.1f} s; {spread([run(query).seconds for _ in range(3)])} s",
        "≤ 8 s; ≤ 0.35 s",
    )
    phrases = ["recurrent neural network", "recurrent network"]
    grouped = own_topics(scratch, "grouped", {"renamed": phrases, "apart": phrases[1:]})
    run([*trend, "report", "--pack", "grouped", "--format", "csv"], TREND_TOPICS=str(grouped))
    own_topics(scratch, "grouped", {"named-anew": phrases[:1], "together": phrases[::-1]})
    moved = run([*loud, "report", "--pack", "grouped", "--format", "csv"], TREND_TOPICS=str(grouped))
    yield (
        "phrases regrouped, renamed and removed, then a report",
        f"{moved.seconds:.1f} s, {matched_of(moved.err):,} submissions matched",
        "no text read",
    )
    own_topics(scratch, "grouped", {"named-anew": [*phrases, "echo state network"]})
    added = run([*loud, "report", "--pack", "grouped", "--format", "csv"], TREND_TOPICS=str(grouped))
    yield "one new phrase, then a report", f"{added.seconds:.1f} s", "≤ 8 s"
    yield (
        "`trend papers -t rnn --period 2019`; `--limit 0`",
        f"{spread(cold(['papers', '-t', 'rnn', '--period', '2019']))} s; {spread([run([*trend, 'papers', '-t', 'rnn', '--period', '2019', '--limit', 0, '--format', 'jsonl']).seconds for _ in range(3)])} s",
        "≤ 0.5 s; ≤ 2 s",
    )
    drawn = cold(["chart", "lines", "-t", "rnn", "-t", "gan", "--by", "month", "-o", scratch / "c.png"], 3)
    further = json.loads(run([sys.executable, __file__, "charts", store]).out)[1:]
    yield (
        "`trend chart lines`, cold; each further one in a process",
        f"{spread(drawn)} s; {spread(further)} s",
        "≤ 0.9 s; ≤ 0.15 s",
    )
    week = [*trend, "weekly", "--no-fetch", "--date", "2019-W20", "--out"]
    yield (
        "`trend weekly --no-fetch --date 2019-W20`, a folder with charts and page",
        f"{spread([run([*week, scratch / f'weeks{number}']).seconds for number in range(3)])} s",
        "≤ 15 s",
    )
    if rows <= 300_000:
        thousand = own_topics(scratch, "thousand", many_topics(snapshot, 1000))
        more = json.loads(run([sys.executable, __file__, "tagging", store, thousand, "thousand"]).out)
        hundred = own_topics(scratch, "hundred", dict(list(many_topics(snapshot, 1000).items())[:100]))
        less = json.loads(run([sys.executable, __file__, "tagging", store, hundred, "hundred"]).out)
        yield (
            "1,000 topics of ten phrases instead of 100: matching",
            f"{more[0]:.1f} s against {less[0]:.1f} s, {more[0] / less[0]:.2f} ×",
            "≤ 2 ×",
        )
        compared = {}
        for name, path in (("hundred", hundred), ("thousand", thousand)):
            words = [*trend, "report", "--pack", name, "--format", "csv"]
            run(words, TREND_TOPICS=str(path))
            compared[name] = [run([*words, "--limit", 5000 + n], TREND_TOPICS=str(path)).seconds for n in range(3)]
        ratio = statistics.median(compared["thousand"]) / statistics.median(compared["hundred"])
        yield (
            "the same: `trend report --format csv`, cold",
            f"{spread(compared['thousand'])} s against {spread(compared['hundred'])} s, {ratio:.2f} ×",
            "≤ 1.5 ×",
        )
    yield from searches(store, trend, runs)
    yield from weeks(snapshot, store, scratch, trend, loud, rows)


def searches(store: Path, trend: list[Any], runs: int) -> Iterator[tuple[str, str, str]]:
    """(work, measured, target) of local search, without an index of words and with one."""

    def took(number: int, *words: str) -> str:
        return spread([run([*trend, "papers", *words]).seconds for _ in range(number)])

    def all_kinds(number: int) -> str:
        asked = [
            ("--search", text) for text in ('"graph neural network"', "graph kernel", "echocardiography", "network")
        ]
        return ", ".join(took(number, *words) for words in [*asked, (*asked[-1], "--sort", "newest")])

    folder = store / "cache" / "search"
    shutil.rmtree(folder, ignore_errors=True)
    ident = json.loads(run([*trend, "papers", "--limit", 1, "--format", "jsonl"]).out)["id"]
    kinds = "a phrase, two words, a rare word, a very common one, the same newest first"
    yield f"`trend papers --search` without an index: {kinds}", f"{all_kinds(1)} s", ""
    built = run([*trend, "index"], watch=True)
    held = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    what = f"{built.seconds:.0f} s, {held:,.0f} MB on disk, {built.whole:,.0f} MB of memory"
    yield "`trend index`", what, "≤ 157 s, ≤ 1.9 GB"
    yield f"`trend papers --search` with it: {kinds}", f"{all_kinds(runs)} s", "≤ 0.5 s"
    yield "`trend papers --like` with it", f"{took(runs, '--like', ident)} s", "≤ 3 s"
    shutil.rmtree(folder)


def weeks(
    snapshot: Path, store: Path, scratch: Path, trend: list[Any], loud: list[Any], rows: int
) -> Iterator[tuple[str, str, str]]:
    """(work, measured, target) of weekly updates, and of the folding that follows when it is due."""
    spent, written, reads, folded = [], [], [], []
    for number in range(4):
        path = week(snapshot, scratch / "week.jsonl", number, rows)
        before = set(store.rglob("*.parquet"))
        took = run([*trend, "import", path]).seconds
        report = run([*loud, "report", "--include-partial", "--format", "csv"])
        came = set(store.rglob("*.parquet")) - before
        bytes_ = sum(item.stat().st_size for item in came) / 1e6
        if any(item.parent.name == "months" for item in came):
            folded.append(
                f"{took:.1f} s, then a report in {report.seconds:.1f} s with {matched_of(report.err):,} submissions matched"
            )
            continue
        spent.append(took + report.seconds)
        written.append(bytes_)
        reads.append(matched_of(report.err))
    if spent:
        yield (
            "a weekly update, 10,000 new and 5,000 revised of any age, then a report",
            f"{spread(spent)} s, {max(written):.0f} MB written, {max(reads):,} matched",
            "≤ 2 s, ≤ 20 MB",
        )
    if not folded:
        from trendcli.store.compaction import compact_store
        from trendcli.store.store import Store

        opened, start = Store.open(store), time.perf_counter()
        with opened.write_lock():
            compact_store(opened)
        took = time.perf_counter() - start
        report = run([*loud, "report", "--include-partial", "--format", "csv"])
        folded.append(
            f"{took:.1f} s, then a report in {report.seconds:.1f} s with {matched_of(report.err):,} submissions matched"
        )
    yield "compaction of delta files into months, when they exceed 5 % of all rows", folded[-1], "no text matched"


def beside(store: Path, snapshot: Path, rows: int, scratch: Path, import_rate: float) -> Iterator[tuple[str, str, str]]:
    """(work, measured, target): alternative, and the bare matcher as the limit."""
    from trendcli.store.store import Store

    opened = Store.open(store)
    paths = [opened.file_path(item) for item in opened.manifest.files]
    sample = sampled(snapshot, scratch / "few.jsonl", 50_000, rows) if rows > 50_000 else snapshot
    code = "import pandas as pd, sys\nfor n, c in enumerate(pd.read_json(sys.argv[1], lines=True, chunksize=10000, dtype={'id': str})):\n    c[['id','title','abstract','categories','authors','update_date']].to_parquet(f'{sys.argv[2]}.{n}.parquet', compression='zstd')"
    took = run([sys.executable, "-c", code, sample, scratch / "pandas"]).seconds
    rate = min(rows, 50_000) / took
    yield (
        "pandas `read_json` in chunks, to parquet, dates as text",
        f"{rate:,.0f} records/s; `trend import` reads {import_rate / rate:.1f} × as many",
        "≥ 8 ×",
    )
    found = pandas_side(paths, 2000)
    for name, pattern in found["patterns"].items():
        print(f"pandas is given {name}: {pattern}", file=sys.stderr)
    yield (
        f"pandas `str.contains`, one topic at a time, default string type, case=False ({found['rows']:,} rows, {found['topics']} topics)",
        f"{found['string'] * 1e6:,.0f} µs per submission; the matcher is {found['string'] / found['own']:,.0f} × as fast",
        "≥ 40 ×",
    )
    yield (
        "the same on object strings",
        f"{found['object'] * 1e6:,.0f} µs per submission; the matcher is {found['object'] / found['own']:,.0f} × as fast",
        "≥ 300 ×",
    )
    yield (
        f"a report by pandas, projected to {rows:,} rows",
        f"{found['string'] * rows / 60:,.0f} minutes (default), {found['object'] * rows / 3600:,.1f} hours (object), one process",
        "",
    )
    one, whole = json.loads(run([sys.executable, __file__, "bare", store]).out)
    yield "google-re2's Set alone, one core; the whole matcher", f"{one:.1f} µs; {whole:.1f} µs per submission", ""
    took, theirs = duckdb_side(paths)
    ours = counts_of_ten(store, scratch)
    same = "equal" if ours == theirs else f"DIFFERENT: {ours} and {theirs}"
    yield (
        "DuckDB `regexp_matches`, ten topics, all cores",
        f"{took:.1f} s; counts {same}: {', '.join(f'{name} {count:,}' for name, count in theirs.items())}",
        "equal",
    )


def section(snapshot: Path | None, sizes: list[int], runs: int = 5) -> str:
    """The section of docs/explanation/benchmarks.md on scale; without a snapshot the submissions are made up."""
    tables: dict[str, dict[int, str]] = {}
    targets: dict[str, str] = {}
    notes: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        total = 0
        if snapshot:
            with snapshot.open("rb") as lines:
                total = sum(1 for _ in lines)
        for rows in sizes:
            shutil.rmtree(scratch / "store", ignore_errors=True)
            path = (
                made_up(scratch / "made.jsonl", rows)
                if snapshot is None
                else snapshot
                if rows >= total
                else sampled(snapshot, scratch / "part.jsonl", rows, total)
            )
            rate = 0.0
            for work, measured, target in works(path, rows, scratch, runs):
                print(f"{rows:,} | {work} | {measured} | {target}", file=sys.stderr, flush=True)
                if "records/s" in measured:
                    rate = float(measured.split(" s, ")[1].split(" ")[0].replace(",", ""))
                    notes = []
                    # before any update replaces a row, so that every row of the files is live
                    notes += beside(scratch / "store", path, rows, scratch, rate) if rows == sizes[-1] else []
                    for line in notes:
                        print(*line, sep=" | ", file=sys.stderr, flush=True)
                    shutil.rmtree(scratch / "store" / "cache", ignore_errors=True)
                tables.setdefault(work, {})[rows] = measured
                targets[work] = target
    head = " | ".join(f"{rows:,}" for rows in sizes)
    lines_ = [f"| work | {head} | target at 3,000,000 |", "|---|" + "---:|" * len(sizes) + "---|"]
    lines_ += [
        f"| {work} | {' | '.join(found.get(rows, '') for rows in sizes)} | {targets[work]} |"
        for work, found in tables.items()
    ]
    other = [
        "| alternative | measured | target |",
        "|---|---|---|",
        *(f"| {' | '.join(line)} |" for line in notes),
    ]
    help_ = spread([run([*TREND, "--help"]).seconds for _ in range(9)])
    listed = spread([run([*TREND, "topics", "list"]).seconds for _ in range(9)])
    commands = f"`trend --help` takes {help_} s (target ≤ 0.16 s), `trend topics list` {listed} s (≤ 0.25 s)."
    return "\n".join([*lines_, "", commands, "", f"At {sizes[-1]:,} records:", "", *other])


if __name__ == "__main__":
    inside(*sys.argv[1:])
