"""Measure what the program promises, and write docs/benchmarks.md.

    make bench SNAPSHOT=file.jsonl [WORDS='...']    a file in the format of arXiv's bulk snapshot

Every time is that of a whole process, cold but for the disk cache; the best and the median of some runs are told, since
shared machines only ever add. Ratios compare processes that took turns within one run.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
TREND = [sys.executable, "-m", "trendcli"]
LIBRARIES = "arxiv duckdb google-re2 lxml matplotlib msgspec numpy pandas pyarrow rich typer xxhash".split()
TEXTS = 40_000


def timed(words: list[str], runs: int, cwd: Path | None = None) -> list[float]:
    """Seconds of some runs of a command."""
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(words, cwd=cwd, check=True, capture_output=True)
        found.append(time.perf_counter() - start)
    return found


def watched(words: list[str]) -> tuple[float, float]:
    """(seconds, most MB that a command and its children held together); pages that they share count once each."""
    start, most, done = time.perf_counter(), 0.0, threading.Event()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def watch() -> None:
        nonlocal most
        while not done.wait(0.05):
            most = max(most, held(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    if code:
        sys.exit(f"{' '.join(words)}: exit code {code}")
    return seconds, most


def held(session: int) -> float:
    """MB that the processes of a session hold now (Linux only; 0 elsewhere)."""
    kilobytes = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                kilobytes += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return kilobytes / 1024


def matching(store: str, form: str) -> float:
    """Microseconds a submission, best of five, in this process: 'set' on bytes at hand, 'arrow' from Arrow text,
    'matcher' as the program does it."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    import re2

    from trendcli import topics
    from trendcli.matching import MAX_MEMORY, Matcher
    from trendcli.settings import configs
    from trendcli.store import Store

    rules = list({rule.key: rule for topic in topics.load(configs() / "topics").topics.values() for rule in topic.rules}.values())  # fmt: skip
    opened = Store.open(Path(store))
    tables, rows = [], 0
    for item in sorted(opened.manifest.files, key=lambda item: item.first, reverse=True):
        if rows < TEXTS:
            tables.append(pq.read_table(opened.path(item), columns=["title", "abstract"]))
            rows += item.rows
    batch = pa.concat_tables(tables).combine_chunks().to_batches()[0]

    def texts() -> list[bytes]:
        title, abstract = (batch[name].cast(pa.binary()) for name in ("title", "abstract"))
        return pc.binary_join_element_wise(title, abstract, b"\n").to_pylist()

    options = re2.Options()
    options.max_mem = MAX_MEMORY
    every = re2.Set.SearchSet(options)
    for rule in rules:
        every.Add(rule.regex.encode())
    every.Compile()
    ready, matcher = texts(), Matcher(rules)

    def alone(some: list[bytes]) -> None:
        match = every._set.Match
        for text in some:
            match(text)

    run = {"set": lambda: alone(ready), "arrow": lambda: alone(texts()), "matcher": lambda: matcher.match(batch)}[form]
    run()
    best = 9e9
    for _ in range(5):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best / batch.num_rows * 1e6


def ms(found: list[float]) -> str:
    return f"{1000 * min(found):,.0f} ms | {1000 * statistics.median(found):,.0f} ms"


def page(snapshot: Path, words: str) -> str:
    """The page of one run."""
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch) / "store"
        imports = []
        for _ in range(3):
            shutil.rmtree(store, ignore_errors=True)
            imports.append(watched([*TREND, "-q", "--store", str(store), "import", str(snapshot), "--complete", "all"]))
        from trendcli.store import Store

        rows = Store.open(store).manifest.rows
        taken, most = min(seconds for seconds, _ in imports), max(memory for _, memory in imports)
        on_disk = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
        kept = sum(path.stat().st_size for path in (store / "cache").rglob("*") if path.is_file())
        report = [*TREND, "-q", "--store", str(store), "report", "-c", "cs.*", "-c", "stat.*"]
        first, first_memory = watched(report)
        tagged = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
        again = timed(report, 15)
        other = timed([*report, "--match", "title"], 1)
        months = timed([*report, "-t", "rnn", "--by", "month", "--since", "2012"], 1)
        help_, version = timed([*TREND, "--help"], 15), timed([sys.executable, "-c", "pass"], 15)
        forms: dict[str, list[float]] = {"set": [], "arrow": [], "matcher": []}
        for _ in range(3):
            for form, found in forms.items():
                out = subprocess.run([sys.executable, __file__, "--matching", form, str(store)], check=True, capture_output=True)  # fmt: skip
                found.append(float(out.stdout))
        demo = timed([*TREND, "-q", "demo", "demo"], 3, Path(scratch))
    best = {form: min(found) for form, found in forms.items()}
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return f"""# Benchmarks

*Written by `make bench{" " + words if words else ""}` on {datetime.date.today()}: {platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release().split("-")[0]},
Python {platform.python_version()}; {", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)}.*

The machine is shared, so absolute times move by a third from day to day; compare within this page. The records are
{rows:,} in the format of arXiv's bulk snapshot ({snapshot.stat().st_size / 1e6:,.0f} MB).

## Import

| what | measured | target |
|---|---:|---:|
| `trend import` of the file, whole process, best of three | {taken:.2f} s | |
| records a second | {rows / taken:,.0f} | ≥ 40,000 |
| memory of the process and its workers together, at most | {most:,.0f} MB | ≤ 600 MB |
| on disk, a record | {on_disk / rows:.0f} bytes | ≤ 480 |
| on disk with the tags and cells of all shipped topics, a record | {tagged / rows:.0f} bytes | ≤ 480 |

## Matching, one core

The shipped `ml` pack against title and abstract, microseconds a submission; each figure is the best of three processes,
which took turns.

| what | µs a submission | ratio to the whole |
|---|---:|---:|
| google-re2's Set alone, on bytes that are ready | {best["set"]:.2f} | {best["set"] / best["matcher"]:.2f} |
| google-re2's Set alone, on the text as the store gives it (Arrow to bytes included) | {best["arrow"]:.2f} | {best["arrow"] / best["matcher"]:.2f} |
| the whole: which rules, in the title or not, once or more, outside of excluded phrases | {best["matcher"]:.2f} | 1 |

The target is 0.7 of the Set alone. `pytest -m slow` compares the matches of every rule with Python's `re` on 20,000 real
records: no difference.

## Commands

| command | best | median | target |
|---|---:|---:|---:|
| `python -c pass` (the floor) | {ms(version)} | |
| `trend --help` | {ms(help_)} | ≤ 160 ms |
| `trend report`, asked again | {ms(again)} | ≤ 350 ms |
| `trend report` of the same topics by title alone (nothing remembered but the cells) | {ms(other)} | |
| `trend report -t rnn --by month --since 2012`, for the first time | {ms(months)} | |
| `trend report`, the first of a store: matches {rows:,} submissions with every shipped topic | {1000 * first:,.0f} ms | | |
| `trend demo` | {ms(demo)} | ≤ 30 s |

The first report held {first_memory:,.0f} MB. No process of this page held more than {memory:,.0f} MB.
"""


def main() -> None:
    """Measure and write the page, or measure one form of matching."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--matching", choices=("set", "arrow", "matcher"))
    parser.add_argument("--words", default="", help="how the page was asked for, as it should read")
    parser.add_argument("file", type=Path, help="a snapshot, or with --matching a store")
    asked = parser.parse_args()
    if asked.matching:
        print(matching(str(asked.file), asked.matching))
    else:
        PAGE.write_text(page(asked.file, asked.words), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
