"""A worker process gets SIGKILL, as from a system without memory: a sentence, and the next run ends as undisturbed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.standins.snapshot import write
from tests.torture.bench import MAX_COMMAND_S, Bench, Ran, first_line
from tests.torture.stores import SCOPE, World, format_record
from trendcli.demo.corpus import build_corpus

# submissions a year: enough for several blocks of an import
IMPORT_COUNTS = {2018: 20_000}
# a report shares its work among processes from 50,000 submissions on
REPORT_COUNTS = {2017: 26_000, 2018: 28_000}


def torture(bench: Bench, world: World) -> None:
    """Kill workers of an import into an empty store, and of a report without a cache."""
    is_large = bench.is_full
    records = build_corpus(3, REPORT_COUNTS if is_large else IMPORT_COUNTS)
    path, cold = write(bench.folder / "many.jsonl", *map(format_record, records)), bench.folder / "cold"
    if not cold.exists():
        bench.run(cold, "import", path, "--complete", "all")
    truth = read_truth(bench, cold)
    shutil.rmtree(cold / "cache")
    commands = {"import": ["import", path, "--complete", "all"], "report": ["report", *SCOPE]}
    names = ["import", "report", "import"] * 3 if is_large else ["import"]
    for number, rng in bench.share_cases(len(names)):
        name = names[number]
        bench.case_label = f"kill {number} in {name}"
        if name == "import":
            store = bench.folder / "store"
            shutil.rmtree(store, ignore_errors=True)
        else:
            store = bench.copy_store(cold, "report-store")
        kill_worker(bench, store, commands[name], rng)
        ran = bench.run(store, *commands[name])
        bench.judge(ran, "the run after it")
        if ran.code or read_truth(bench, store) != truth:
            bench.report("other numbers than undisturbed", first_line(ran))


def read_truth(bench: Bench, store: Path) -> tuple[bytes | None, Any]:
    """Return the submissions and some numbers of a store."""
    return bench.read_submissions(store), bench.read_rows(store, "report", *SCOPE, "-t", "rnn", "--by", "year")


def kill_worker(bench: Bench, store: Path, words: Sequence[Any], rng: random.Random) -> None:
    """Start a command and kill one of its workers as soon as there are some, or a moment later."""
    process, deadline = bench.start(store, *words), time.monotonic() + MAX_COMMAND_S
    victims: list[int] = []
    while process.poll() is None and not victims and time.monotonic() < deadline:
        time.sleep(0.02)
        victims = list_workers(process.pid)
    time.sleep(rng.uniform(0, 0.2))
    for victim in victims[:1]:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            bench.count("workers killed")
    try:
        code = process.wait(MAX_COMMAND_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        bench.report("hang", "a worker was killed")
        return
    bench.judge(Ran(code, b"", (bench.folder / "err").read_text(errors="replace")), "a worker was killed")


def list_workers(leader: int) -> list[int]:
    """Return the grandchildren of a process: its workers are children of the server that they are forked from."""
    listed = subprocess.run(["ps", "-axo", "pid=,ppid=,pgid="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, text.split())) for text in listed.splitlines()]
    group = {pid: parent for pid, parent, pgid in rows if pgid == leader}
    return [pid for pid, parent in group.items() if parent != leader and parent in group and pid != leader]
