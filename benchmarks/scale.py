"""Measure what the work of a week costs at several sizes, next to pandas, DuckDB and RE2 alone."""

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
TEN_TOPICS = {
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


class CommandRun(NamedTuple):
    """One run of a command: its seconds, the peak MB of any worker and of all its processes together, what it printed."""

    seconds: float
    worker_megabytes: float
    total_megabytes: float
    out: str
    err: str


def run_command(words: Iterable[Any], *, watch: bool = False, **env: str) -> CommandRun:
    """Run a command; a failure ends the benchmark. Memory is watched on request only, since that takes time."""
    worker_megabytes, total_megabytes, has_ended = [0.0], [0.0], threading.Event()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in words], stdout=out, stderr=err, start_new_session=True, env={**os.environ, **env}
        )

        def watch_memory() -> None:
            while not has_ended.wait(0.1):
                megabytes_by_pid = _read_process_memory(process.pid)
                total_megabytes.append(sum(megabytes_by_pid.values()))
                worker_megabytes.extend(megabytes for pid, megabytes in megabytes_by_pid.items() if pid != process.pid)

        watcher = threading.Thread(target=watch_memory)
        if watch:
            watcher.start()
        process.wait()
        seconds = time.perf_counter() - start
        has_ended.set()
        if watch:
            watcher.join()
        out.seek(0)
        err.seek(0)
        finished = CommandRun(seconds, max(worker_megabytes), max(total_megabytes), out.read(), err.read())
    if process.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit code {process.returncode}\n{finished.err}")
    return finished


def measure_peak_memory(words: Iterable[Any]) -> float:
    """Return the peak MB of a command; started from a small process, since a child begins with its parent's size."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, capture_output=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    return float(run_command([sys.executable, "-c", code, *words]).out)


def _read_process_memory(session: int) -> dict[int, float]:
    """Return the MB of each process of a session now, shared pages counted in proportion (Linux only; {} elsewhere)."""
    megabytes_by_pid = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
                megabytes_by_pid[int(folder.name)] = kilobytes / 1024
        except (OSError, StopIteration):
            continue
    return megabytes_by_pid


def write_sample(snapshot: Path, path: Path, rows: int, total: int) -> Path:
    """Write `rows` of the `total` lines of a snapshot, evenly spread, and return the path."""
    with snapshot.open("rb") as lines, path.open("wb") as out:
        for number, line in enumerate(lines):
            if number * rows // total != (number + 1) * rows // total:
                out.write(line)
    return path


def write_made_up_snapshot(path: Path, rows: int) -> Path:
    """Write a snapshot of made-up submissions, where no real one is available, and return the path."""
    from trendcli.demo.corpus import build_corpus

    years = range(2015, 2025)  # since when identifiers have five digits, enough for 300,000 a year
    with path.open("w", encoding="utf-8") as out:
        for submission in build_corpus(yearly_counts=dict.fromkeys(years, rows // len(years))):
            versions = [
                {"version": f"v{number}", "created": f"{at:%a, %-d %b %Y %H:%M:%S} GMT"}
                for number, at in enumerate(submission.versions, 1)
            ]
            record = {
                "id": submission.id,
                "authors": ", ".join(submission.authors),
                "title": submission.title,
                "categories": " ".join(submission.categories),
                "abstract": submission.abstract,
                "versions": versions,
                "update_date": f"{submission.versions[-1]:%Y-%m-%d}",
            }
            out.write(json.dumps(record) + "\n")
    return path


def write_weekly_update(snapshot: Path, path: Path, number: int, rows: int) -> Path:
    """Write 10,000 new submissions and 5,000 revisions of any age (fewer for a small store) from lines of a snapshot."""
    new_count, revised_count = min(10000, rows // 5), min(5000, rows // 10)
    rng, size = random.Random(number), snapshot.stat().st_size
    day = f"2026-02-{number + 1:02d}"
    revised_ids: set[str] = set()
    with snapshot.open("rb") as lines, path.open("w", encoding="utf-8") as out:

        def draw_record() -> dict[str, Any]:
            while True:
                lines.seek(rng.randrange(size))
                lines.readline()
                if line := lines.readline():
                    record: dict[str, Any] = json.loads(line)
                    return record

        while len(revised_ids) < revised_count:
            record = draw_record()
            if record["id"] not in revised_ids:
                revised_ids.add(record["id"])
                later = {"version": f"v{len(record['versions']) + 1}", "created": "Mon, 5 Jan 2026 10:00:00 GMT"}
                record |= {"versions": [*record["versions"], later], "abstract": record["abstract"] + " Revised."}
                out.write(json.dumps(record | {"update_date": day}) + "\n")
        for position in range(new_count):
            versions = [{"version": "v1", "created": f"{number % 27 + 1} Jan 2026 10:00:00 GMT"}]
            versions[0]["created"] = f"Mon, {versions[0]['created']}"
            out.write(json.dumps(draw_record() | {"id": f"2601.{(number + 3) * 10000 + position:05d}"[:10], "versions": versions, "update_date": day}) + "\n")  # fmt: skip
    return path


def write_topic_file(folder: Path, name: str, topics: dict[str, list[str]]) -> Path:
    """Write a topic file with a pack of the same name that has all of its topics, and return the path."""
    lines = ["topics:"] + [f"  {topic}: {{phrases: {json.dumps(phrases)}}}" for topic, phrases in topics.items()]
    path = folder / f"{name}.yaml"
    path.write_text("\n".join([*lines, "packs:", f"  {name}: {json.dumps(list(topics))}"]) + "\n", encoding="utf-8")
    return path


def draw_topics(snapshot: Path, number: int) -> dict[str, list[str]]:
    """Return topics of ten two-word phrases each: adjacent words in the first abstracts of a snapshot."""
    pairs: dict[str, None] = {}
    with snapshot.open(encoding="utf-8") as lines:
        for line in lines:
            words = [word.lower() for word in json.loads(line)["abstract"].split() if word.isalpha() and len(word) > 5]
            pairs |= dict.fromkeys(f"{one} {two}" for one, two in zip(words[::2], words[1::2], strict=False))
            if len(pairs) >= 10 * number:
                break
    phrases = list(pairs)
    return {f"made-{index}": phrases[10 * index : 10 * index + 10] for index in range(number) if phrases[10 * index :]}


def load_rules(topics: Path | None, pack: str) -> tuple[Any, list[Any]]:
    """Return the library and the rules of a pack with all descendants of its topics."""
    from trendcli.core.settings import config_folder
    from trendcli.topics.loader import load_library

    library = load_library(config_folder() / "topics", topics)
    family = [member for name in library.get_pack(pack) for member in library.topic_family(name)]
    return library, list({rule.key: rule for member in family for rule in member.rules}.values())


def measure_in_process(what: str, store: str, topics: str = "", pack: str = "ml") -> None:
    """Measure something in this process, and print it as JSON."""
    from trendcli.core.parallel import create_pool
    from trendcli.core.types import ignore_progress
    from trendcli.store.store import Store
    from trendcli.topics.matches import _split_files, match_files

    opened_store = Store.open(Path(store))
    _, rules = load_rules(Path(topics) if topics else None, pack)
    start = time.perf_counter()
    row_count = 0
    if what == "matching":
        row_count = match_files(opened_store, opened_store.manifest.files, rules, ignore_progress).num_rows
    elif what == "decoding":
        shares = [
            [str(opened_store.file_path(file)) for file in share] for share in _split_files(opened_store.manifest.files)
        ]
        with create_pool() as pool:
            row_count = sum(pool.map(decode_files, shares))
    elif what == "matcher":
        row_count = measure_matcher(opened_store, rules)
        start = 0
    elif what == "charts":
        measure_charts(opened_store)
        start = 0
    elif what == "spark":
        measure_spark(opened_store, rules)
        start = 0
    elif what == "searches":
        print(f"| work | {opened_store.manifest.submission_count:,} submissions | target |\n|---|---:|---|")
        for row in measure_searches(Path(store), [*TREND, "-q", "--store", store], 5):
            print(f"| {' | '.join(row)} |", flush=True)
        start = 0
    if start:
        print(json.dumps([time.perf_counter() - start, row_count]))


def decode_files(paths: list[str]) -> int:
    """Read the text of some files, discard it and return the number of rows; runs in a worker process."""
    import pyarrow.parquet as pq

    return sum(
        batch.num_rows
        for path in paths
        for batch in pq.ParquetFile(path).iter_batches(batch_size=16384, columns=["title", "abstract"])
    )


def measure_matcher(store: Any, rules: list[Any]) -> int:
    """Print the microseconds per submission of RE2's Set alone and of the matcher, on the newest files; return the rows."""
    import pyarrow.parquet as pq

    from trendcli.core.arrow import pa, pc
    from trendcli.topics.matcher import Matcher

    files = sorted(store.manifest.files, key=lambda file: file.first)[-6:]
    batches = [batch for file in files for batch in pq.ParquetFile(store.file_path(file)).iter_batches(16384, columns=["title", "abstract"])]  # fmt: skip
    rows, matcher = sum(map(len, batches)), Matcher(rules)
    joined = [pc.binary_join_element_wise(*(batch[name].cast(pa.binary()) for name in ("title", "abstract")), b"\n").to_pylist() for batch in batches]  # fmt: skip
    best = {"set": 1e9, "matcher": 1e9}
    for _ in range(3):
        start = time.perf_counter()
        for texts in joined:
            for text in texts:
                matcher.find_rules(text)
        best["set"] = min(best["set"], time.perf_counter() - start)
        start = time.perf_counter()
        for batch in batches:
            matcher.match_batch(batch)
        best["matcher"] = min(best["matcher"], time.perf_counter() - start)
    print(json.dumps([best["set"] / rows * 1e6, best["matcher"] / rows * 1e6]))
    return rows


def measure_charts(store: Any) -> None:
    """Print the seconds of five charts in one process, the first with matplotlib's import."""
    import trendcli
    from trendcli.output.charts import save_figure

    report = trendcli.series(store, topics=["rnn", "gan", "rl"], by="month")
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(5):
            start = time.perf_counter()
            save_figure(trendcli.chart(report, "lines"), Path(folder) / f"{number}.png")
            seconds.append(time.perf_counter() - start)
    print(json.dumps(seconds))


def measure_spark(store: Any, rules: list[Any], rows: int = 600_000) -> None:
    """Print the submissions per second that Spark counts in local mode, three times, and that this program matches."""
    from pyspark.sql import SparkSession

    import trendcli
    from trendcli.core.types import ignore_progress
    from trendcli.topics.matches import match_files
    from trendcli.topics.spark import count_topics

    files: list[Any] = []
    for file in sorted(store.manifest.files, key=lambda file: file.first, reverse=True):
        files += [file] if file.kind == "month" and sum(other.rows for other in files) < rows else []
    total = sum(file.rows for file in files)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = SparkSession.builder.master(f"local[{os.cpu_count()}]").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1").config("spark.driver.memory", "4g").config("spark.sql.shuffle.partitions", str(4 * (os.cpu_count() or 1))).getOrCreate()  # fmt: skip
    library, rates = trendcli.library(), []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            count_topics(session, [str(store.file_path(file)) for file in files], Path(folder) / "store", library, library.get_pack("ml"), complete_categories=["*"])  # fmt: skip
            rates.append(total / (time.perf_counter() - start))
    start = time.perf_counter()
    match_files(store, files, rules, ignore_progress)
    own = total / (time.perf_counter() - start)
    print(f"{total:,} submissions: Spark {', '.join(f'{rate:,.0f}' for rate in rates)} a second, by itself {own:,.0f}")


def measure_pandas(paths: list[Path], rows: int) -> dict[str, Any]:
    """Return the seconds per submission of pandas' `str.contains`, one topic at a time, and of this program's matcher."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from trendcli.topics.matcher import Matcher

    sampled_paths = paths[:: max(1, len(paths) // 12)]
    table = pa.concat_tables([pq.read_table(path, columns=["title", "abstract"]) for path in sampled_paths])
    library, rules = load_rules(None, "ml")
    patterns = {
        name: "|".join(
            f"(?:{rule.regex.removeprefix('(?i)').removeprefix('(?m)').removeprefix('(?i)')})" for rule in rules
        )
        for name in library.get_pack("ml")
        if (rules := [rule for member in library.topic_family(name) for rule in member.rules])
    }
    sample = table.take(list(range(0, table.num_rows, max(1, table.num_rows // rows)))[:rows])
    frame = sample.to_pandas()
    text = (frame["title"] + "\n" + frame["abstract"]).astype("str")
    result: dict[str, Any] = {"rows": len(frame), "topics": len(patterns), "patterns": patterns}
    start = time.perf_counter()
    for pattern in patterns.values():
        text.str.contains(pattern, case=False)
    result["string"] = (time.perf_counter() - start) / len(frame)
    object_text = text.iloc[: max(50, len(frame) // 10)].astype(object)
    start = time.perf_counter()
    for pattern in patterns.values():
        object_text.str.contains(pattern, case=False)
    result["object"] = (time.perf_counter() - start) / len(object_text)
    _, all_rules = load_rules(None, "ml")
    matcher = Matcher(all_rules)
    batch = table.slice(0, 40000).combine_chunks().to_batches()[0]
    matcher.match_batch(batch)
    start = time.perf_counter()
    matcher.match_batch(batch)
    result["matcher"] = (time.perf_counter() - start) / len(batch)
    return result


def count_with_duckdb(paths: list[Path]) -> tuple[float, dict[str, int]]:
    """Return the seconds, and how many rows match each topic of TEN_TOPICS, by DuckDB's regexp_matches over the same parquet."""
    import duckdb

    from trendcli.topics.patterns import phrase_regex

    regexes = {
        name: "|".join(f"(?:{phrase_regex(p, any_case=True)})" for p in phrases) for name, phrases in TEN_TOPICS.items()
    }
    counts = ", ".join(f"count(*) FILTER (regexp_matches(t, '{regex}'))" for regex in regexes.values())
    files = ", ".join(f"'{path}'" for path in paths)
    start = time.perf_counter()
    row = duckdb.connect().execute(f"SELECT {counts} FROM (SELECT title || chr(10) || abstract AS t FROM read_parquet([{files}]))").fetchall()[0]  # fmt: skip
    return time.perf_counter() - start, dict(zip(regexes, row, strict=True))


def count_ten_topics(store: Path, folder: Path) -> dict[str, int]:
    """Return how many submissions of all categories this program counts for each topic of TEN_TOPICS."""
    import trendcli

    path = write_topic_file(folder, "ten", TEN_TOPICS)
    opened_store = trendcli.open_store(store)
    counts: dict[str, int] = {}
    frame = trendcli.series(
        opened_store, topics=list(TEN_TOPICS), own_topics=str(path), categories=["*"], include_partial=True
    ).to_frame()
    for topic, count in frame.groupby("topic")["count"].sum().items():
        counts[str(topic)] = int(count)
    return counts


def format_spread(seconds: list[float]) -> str:
    """Return the median of some seconds, with minimum and maximum in brackets."""
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f}–{max(seconds):.2f})"


def count_matched(err: str) -> int:
    """Return how many submissions a command matched, by what it logged."""
    return sum(int(line.split("matched ")[1].split()[0]) for line in err.splitlines() if " matched " in line)


def measure_work(snapshot: Path, rows: int, scratch: Path, runs: int) -> Iterator[tuple[str, str, str]]:
    """Yield (work, measured, target) for a snapshot of some rows."""
    store = scratch / "store"
    trend = [*TREND, "-q", "--store", store]
    trend_with_log = [*TREND, "-q", "-v", "--store", store]
    import_seconds = run_command([*trend, "import", snapshot, "--complete", "all"]).seconds
    shutil.rmtree(store)
    watched_import = run_command([*trend, "import", snapshot, "--complete", "all"], watch=True)
    seconds = min(import_seconds, watched_import.seconds)
    yield (
        "`trend import` of the file",
        f"{seconds:.1f} s, {rows / seconds:,.0f} records/s, {watched_import.worker_megabytes:,.0f} MB per worker at most",
        "≤ 45 s, ≤ 500 MB",
    )
    decoding = json.loads(run_command([sys.executable, __file__, "decoding", store]).out)
    matching = json.loads(run_command([sys.executable, __file__, "matching", store]).out)
    yield "reading and decoding all text, on every core", f"{decoding[0]:.1f} s", ""
    yield (
        "matching: every topic of the pack, on every core",
        f"{matching[0]:.1f} s, {matching[1]:,} rule matches, {matching[0] / decoding[0]:.1f} × decoding",
        "≤ 20 s, ≤ 4 ×",
    )
    first = run_command([*trend_with_log, "report", "--format", "csv"], watch=True)
    yield (
        "the first `trend report` on a store: rule matches, aggregates, sums",
        f"{first.seconds:.1f} s, {count_matched(first.err):,} matched, {first.worker_megabytes:,.0f} MB per worker at most",
        "",
    )

    def time_cold_runs(arguments: list[Any], number: int = runs) -> list[float]:
        return [run_command([*trend, *arguments, "--limit", 1000 + index]).seconds for index in range(number)]

    memory = measure_peak_memory([*trend, "report", "--format", "csv", "--limit", 999])
    yield (
        "`trend report`, two years, all topics; a cold process",
        f"{format_spread(time_cold_runs(['report', '--format', 'csv']))} s, {memory:,.0f} MB",
        "≤ 0.35 s, ≤ 250 MB",
    )
    yield (
        "`trend report -t rnn --by month`, all years; a cold process",
        f"{format_spread(time_cold_runs(['report', '-t', 'rnn', '--by', 'month', '--format', 'csv']))} s",
        "≤ 0.35 s",
    )
    repeated = [run_command([*trend, "report", "--format", "csv"]).seconds for _ in range(runs)]
    yield "`trend report`, repeated", f"{format_spread(repeated)} s", "≤ 0.15 s"
    library, _ = load_rules(None, "ml")
    topic_options = [option for name in library.get_pack("ml") for option in ("-t", name)]
    yield (
        f"{len(topic_options) // 2} topics by month with intervals",
        f"{format_spread(time_cold_runs(['report', *topic_options, '--by', 'month', '--format', 'csv'], 3))} s",
        "≤ 1.5 s",
    )
    query = [*trend, "report", "--query", "graph kernel", "--format", "csv"]
    yield (
        "`trend report --query`, new; repeated",
        f"{run_command(query).seconds:.1f} s; {format_spread([run_command(query).seconds for _ in range(3)])} s",
        "≤ 8 s; ≤ 0.35 s",
    )
    phrases = ["recurrent neural network", "recurrent network"]
    grouped = write_topic_file(scratch, "grouped", {"renamed": phrases, "apart": phrases[1:]})
    run_command([*trend, "report", "--pack", "grouped", "--format", "csv"], TREND_TOPICS=str(grouped))
    write_topic_file(scratch, "grouped", {"named-anew": phrases[:1], "together": phrases[::-1]})
    regrouped = run_command(
        [*trend_with_log, "report", "--pack", "grouped", "--format", "csv"], TREND_TOPICS=str(grouped)
    )
    yield (
        "phrases regrouped, renamed and removed, then a report",
        f"{regrouped.seconds:.1f} s, {count_matched(regrouped.err):,} submissions matched",
        "no text read",
    )
    write_topic_file(scratch, "grouped", {"named-anew": [*phrases, "echo state network"]})
    added = run_command([*trend_with_log, "report", "--pack", "grouped", "--format", "csv"], TREND_TOPICS=str(grouped))
    yield "one new phrase, then a report", f"{added.seconds:.1f} s", "≤ 8 s"
    yield (
        "`trend papers -t rnn --period 2019`; `--limit 0`",
        f"{format_spread(time_cold_runs(['papers', '-t', 'rnn', '--period', '2019']))} s; {format_spread([run_command([*trend, 'papers', '-t', 'rnn', '--period', '2019', '--limit', 0, '--format', 'jsonl']).seconds for _ in range(3)])} s",
        "≤ 0.5 s; ≤ 2 s",
    )
    first_charts = time_cold_runs(
        ["chart", "lines", "-t", "rnn", "-t", "gan", "--by", "month", "-o", scratch / "c.png"], 3
    )
    further_charts = json.loads(run_command([sys.executable, __file__, "charts", store]).out)[1:]
    yield (
        "`trend chart lines`, cold; each further one in a process",
        f"{format_spread(first_charts)} s; {format_spread(further_charts)} s",
        "≤ 0.9 s; ≤ 0.15 s",
    )
    week = [*trend, "weekly", "--no-fetch", "--date", "2019-W20", "--out"]
    yield (
        "`trend weekly --no-fetch --date 2019-W20`, a folder with charts and page",
        f"{format_spread([run_command([*week, scratch / f'weeks{number}']).seconds for number in range(3)])} s",
        "≤ 15 s",
    )
    if rows <= 300_000:
        thousand = write_topic_file(scratch, "thousand", draw_topics(snapshot, 1000))
        thousand_run = json.loads(run_command([sys.executable, __file__, "matching", store, thousand, "thousand"]).out)
        hundred = write_topic_file(scratch, "hundred", dict(list(draw_topics(snapshot, 1000).items())[:100]))
        hundred_run = json.loads(run_command([sys.executable, __file__, "matching", store, hundred, "hundred"]).out)
        yield (
            "1,000 topics of ten phrases instead of 100: matching",
            f"{thousand_run[0]:.1f} s against {hundred_run[0]:.1f} s, {thousand_run[0] / hundred_run[0]:.2f} ×",
            "≤ 2 ×",
        )
        report_seconds = {}
        for name, path in (("hundred", hundred), ("thousand", thousand)):
            arguments = [*trend, "report", "--pack", name, "--format", "csv"]
            run_command(arguments, TREND_TOPICS=str(path))
            report_seconds[name] = [
                run_command([*arguments, "--limit", 5000 + n], TREND_TOPICS=str(path)).seconds for n in range(3)
            ]
        ratio = statistics.median(report_seconds["thousand"]) / statistics.median(report_seconds["hundred"])
        yield (
            "the same: `trend report --format csv`, cold",
            f"{format_spread(report_seconds['thousand'])} s against {format_spread(report_seconds['hundred'])} s, {ratio:.2f} ×",
            "≤ 1.5 ×",
        )
    yield from measure_searches(store, trend, runs)
    yield from measure_weekly_updates(snapshot, store, scratch, trend, trend_with_log, rows)


def measure_searches(store: Path, trend: list[Any], runs: int) -> Iterator[tuple[str, str, str]]:
    """Yield (work, measured, target) of local search, without a full-text index and with one."""

    def format_run_times(number: int, *arguments: str) -> str:
        return format_spread([run_command([*trend, "papers", *arguments]).seconds for _ in range(number)])

    def format_all_kinds(number: int) -> str:
        searches = [
            ("--search", text) for text in ('"graph neural network"', "graph kernel", "echocardiography", "network")
        ]
        return ", ".join(
            format_run_times(number, *arguments) for arguments in [*searches, (*searches[-1], "--sort", "newest")]
        )

    folder = store / "cache" / "search"
    shutil.rmtree(folder, ignore_errors=True)
    submission_id = json.loads(run_command([*trend, "papers", "--limit", 1, "--format", "jsonl"]).out)["id"]
    kinds = "a phrase, two words, a rare word, a very common one, the same newest first"
    yield f"`trend papers --search` without an index: {kinds}", f"{format_all_kinds(1)} s", ""
    index_run = run_command([*trend, "index"], watch=True)
    disk_megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    costs = (
        f"{index_run.seconds:.0f} s, {disk_megabytes:,.0f} MB on disk, {index_run.total_megabytes:,.0f} MB of memory"
    )
    yield "`trend index`", costs, "≤ 157 s, ≤ 1.9 GB"
    yield f"`trend papers --search` with it: {kinds}", f"{format_all_kinds(runs)} s", "≤ 0.5 s"
    yield "`trend papers --like` with it", f"{format_run_times(runs, '--like', submission_id)} s", "≤ 3 s"
    shutil.rmtree(folder)


def measure_weekly_updates(
    snapshot: Path, store: Path, scratch: Path, trend: list[Any], trend_with_log: list[Any], rows: int
) -> Iterator[tuple[str, str, str]]:
    """Yield (work, measured, target) of weekly updates, and of the compaction that follows when it is due."""
    update_seconds, written_megabytes, matched_counts, compactions = [], [], [], []
    for number in range(4):
        update_path = write_weekly_update(snapshot, scratch / "week.jsonl", number, rows)
        before = set(store.rglob("*.parquet"))
        seconds = run_command([*trend, "import", update_path]).seconds
        report = run_command([*trend_with_log, "report", "--include-partial", "--format", "csv"])
        new_paths = set(store.rglob("*.parquet")) - before
        megabytes = sum(path.stat().st_size for path in new_paths) / 1e6
        if any(path.parent.name == "months" for path in new_paths):
            compactions.append(
                f"{seconds:.1f} s, then a report in {report.seconds:.1f} s with {count_matched(report.err):,} submissions matched"
            )
            continue
        update_seconds.append(seconds + report.seconds)
        written_megabytes.append(megabytes)
        matched_counts.append(count_matched(report.err))
    if update_seconds:
        yield (
            "a weekly update, 10,000 new and 5,000 revised of any age, then a report",
            f"{format_spread(update_seconds)} s, {max(written_megabytes):.0f} MB written, {max(matched_counts):,} matched",
            "≤ 2 s, ≤ 20 MB",
        )
    if not compactions:
        from trendcli.store.compaction import compact_store
        from trendcli.store.store import Store

        opened_store, start = Store.open(store), time.perf_counter()
        with opened_store.write_lock():
            compact_store(opened_store)
        seconds = time.perf_counter() - start
        report = run_command([*trend_with_log, "report", "--include-partial", "--format", "csv"])
        compactions.append(
            f"{seconds:.1f} s, then a report in {report.seconds:.1f} s with {count_matched(report.err):,} submissions matched"
        )
    yield "compaction of delta files into months, when they exceed 5 % of all rows", compactions[-1], "no text matched"


def compare_alternatives(
    store: Path, snapshot: Path, rows: int, scratch: Path, import_rate: float
) -> Iterator[tuple[str, str, str]]:
    """Yield (work, measured, target) of alternatives, and of RE2's Set alone as the limit."""
    from trendcli.store.store import Store

    opened_store = Store.open(store)
    paths = [opened_store.file_path(file) for file in opened_store.manifest.files]
    sample = write_sample(snapshot, scratch / "sample.jsonl", 50_000, rows) if rows > 50_000 else snapshot
    code = "import pandas as pd, sys\nfor n, c in enumerate(pd.read_json(sys.argv[1], lines=True, chunksize=10000, dtype={'id': str})):\n    c[['id','title','abstract','categories','authors','update_date']].to_parquet(f'{sys.argv[2]}.{n}.parquet', compression='zstd')"
    seconds = run_command([sys.executable, "-c", code, sample, scratch / "pandas"]).seconds
    rate = min(rows, 50_000) / seconds
    yield (
        "pandas `read_json` in chunks, to parquet, dates as text",
        f"{rate:,.0f} records/s; `trend import` reads {import_rate / rate:.1f} × as many",
        "≥ 8 ×",
    )
    pandas_result = measure_pandas(paths, 2000)
    for name, pattern in pandas_result["patterns"].items():
        print(f"pandas is given {name}: {pattern}", file=sys.stderr)
    yield (
        f"pandas `str.contains`, one topic at a time, default string type, case=False ({pandas_result['rows']:,} rows, {pandas_result['topics']} topics)",
        f"{pandas_result['string'] * 1e6:,.0f} µs per submission; the matcher is {pandas_result['string'] / pandas_result['matcher']:,.0f} × as fast",
        "≥ 40 ×",
    )
    yield (
        "the same on object strings",
        f"{pandas_result['object'] * 1e6:,.0f} µs per submission; the matcher is {pandas_result['object'] / pandas_result['matcher']:,.0f} × as fast",
        "≥ 300 ×",
    )
    yield (
        f"a report by pandas, projected to {rows:,} rows",
        f"{pandas_result['string'] * rows / 60:,.0f} minutes (default), {pandas_result['object'] * rows / 3600:,.1f} hours (object), one process",
        "",
    )
    set_time, matcher_time = json.loads(run_command([sys.executable, __file__, "matcher", store]).out)
    yield (
        "google-re2's Set alone, one core; the whole matcher",
        f"{set_time:.1f} µs; {matcher_time:.1f} µs per submission",
        "",
    )
    seconds, duckdb_counts = count_with_duckdb(paths)
    own_counts = count_ten_topics(store, scratch)
    verdict = "equal" if own_counts == duckdb_counts else f"DIFFERENT: {own_counts} and {duckdb_counts}"
    yield (
        "DuckDB `regexp_matches`, ten topics, all cores",
        f"{seconds:.1f} s; counts {verdict}: {', '.join(f'{name} {count:,}' for name, count in duckdb_counts.items())}",
        "equal",
    )


def build_section(snapshot: Path | None, sizes: list[int], runs: int = 5) -> str:
    """Return the section of docs/explanation/benchmarks.md on scale; without a snapshot the submissions are made up."""
    measured_by_work: dict[str, dict[int, str]] = {}
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
                write_made_up_snapshot(scratch / "snapshot.jsonl", rows)
                if snapshot is None
                else snapshot
                if rows >= total
                else write_sample(snapshot, scratch / "sample.jsonl", rows, total)
            )
            rate = 0.0
            for work, measured, target in measure_work(path, rows, scratch, runs):
                print(f"{rows:,} | {work} | {measured} | {target}", file=sys.stderr, flush=True)
                if "records/s" in measured:
                    rate = float(measured.split(" s, ")[1].split(" ")[0].replace(",", ""))
                    notes = []
                    # before any update replaces a row, so that every row of the files is live
                    notes += (
                        compare_alternatives(scratch / "store", path, rows, scratch, rate) if rows == sizes[-1] else []
                    )
                    for line in notes:
                        print(*line, sep=" | ", file=sys.stderr, flush=True)
                    shutil.rmtree(scratch / "store" / "cache", ignore_errors=True)
                measured_by_work.setdefault(work, {})[rows] = measured
                targets[work] = target
    head = " | ".join(f"{rows:,}" for rows in sizes)
    table = [f"| work | {head} | target at 3,000,000 |", "|---|" + "---:|" * len(sizes) + "---|"]
    table += [
        f"| {work} | {' | '.join(by_rows.get(rows, '') for rows in sizes)} | {targets[work]} |"
        for work, by_rows in measured_by_work.items()
    ]
    alternatives = [
        "| alternative | measured | target |",
        "|---|---|---|",
        *(f"| {' | '.join(line)} |" for line in notes),
    ]
    help_time = format_spread([run_command([*TREND, "--help"]).seconds for _ in range(9)])
    list_time = format_spread([run_command([*TREND, "topics", "list"]).seconds for _ in range(9)])
    commands = f"`trend --help` takes {help_time} s (target ≤ 0.16 s), `trend topics list` {list_time} s (≤ 0.25 s)."
    return "\n".join([*table, "", commands, "", f"At {sizes[-1]:,} records:", "", *alternatives])


if __name__ == "__main__":
    measure_in_process(*sys.argv[1:])
