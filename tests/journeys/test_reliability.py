"""Killed, pestered and crowded: whatever happens to a fetch, the one after it ends in the store of an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from trendcli.demo.corpus import SyntheticSubmission
from trendcli.demo.server import ArxivStandIn, run_stand_in
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import DATA_COLUMNS, Store

# how many runs: by default one for each kind of deed, by one source or the other; `make soak` asks for 300 of all by both
RUNS = int(os.environ.get("TREND_SOAK", "0"))
KINDS = ("write", "sync", "rename", "removal", "moment")
SOME, OTHERS = (KINDS, KINDS) if RUNS else (KINDS[:2], KINDS[2:])
CHILD = [sys.executable, str(Path(__file__).with_name("killed.py"))]
CATEGORIES = ["-c", "cs.LG", "-c", "cs.CL", "-c", "cs.CV", "-c", "cs.NE", "-c", "stat.ML"]
FILL = ["fetch", *CATEGORIES, "--since", "2018", "--until", "2020"]
HARVEST = ["fetch", *CATEGORIES, "--source", "oai"]


@pytest.fixture
def served(small_corpus: list[SyntheticSubmission]) -> Iterator[ArxivStandIn]:
    standin = ArxivStandIn(small_corpus)
    standin.oai_page_sizes = (60, 200)
    with run_stand_in(standin) as running:
        yield running


def child(
    served: ArxivStandIn, root: Path, words: list[str], kind: str = "none", number: int = 0, log: Path | None = None
) -> subprocess.Popen[str]:
    env = {
        **os.environ,
        **served.build_environment(),
        "TREND_STORE": str(root),
        "XDG_STATE_HOME": str(root.parent / "state"),
    }
    words = [*CHILD, kind, str(number), str(log or root.parent / "log"), "--", *words]
    return subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def left_alone(served: ArxivStandIn, root: Path, words: list[str]) -> None:
    process = child(served, root, words)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr


def state(root: Path) -> tuple[list[Any], list[Any]]:
    """All that a store says, apart from when it was told."""
    store = Store.open(root)
    columns = ", ".join(name for name, _ in DATA_COLUMNS if name not in ("fetched_at", "over_file", "over_row"))
    with store.connect() as db:
        rows = db.execute(
            f"SELECT {columns} FROM ({file_rows_sql(store, store.list_files(), columns)}) ORDER BY id"
        ).fetchall()
    ledger = sorted(
        repr(replace(answer, answered_at=datetime(2000, 1, 1, tzinfo=UTC))) for answer in store.manifest.ledger
    )
    return rows, ledger


@pytest.fixture(scope="module")
def filled(small_corpus: list[SyntheticSubmission], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds 2018, in months that were folded, so that the next commit has files to remove."""
    root = tmp_path_factory.mktemp("filled") / "store"
    with run_stand_in(ArxivStandIn(small_corpus)) as running:
        left_alone(running, root, [*FILL[:-1], "2019"])
    assert Store.open(root).manifest.dropped
    return root


@pytest.fixture
def half_full(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "half"))


@pytest.mark.parametrize(("words", "kinds"), [(FILL, SOME), (HARVEST, OTHERS)], ids=["api", "oai"])
def test_killed_at_any_deed(
    served: ArxivStandIn, half_full: Path, tmp_path: Path, words: list[str], kinds: Sequence[str]
) -> None:
    rng = random.Random(11)
    shutil.copytree(half_full, tmp_path / "whole")
    start = time.monotonic()
    left_alone(served, tmp_path / "whole", words)
    took = time.monotonic() - start
    undisturbed, deeds = state(tmp_path / "whole"), json.loads((tmp_path / "log").read_text())
    assert set(deeds) == {"write", "sync", "rename", "removal"}
    assert len(undisturbed[0]) == 600
    (tmp_path / "log").unlink()
    fell: Counter[str] = Counter()
    for number in range(RUNS or len(kinds)):
        root, kind = tmp_path / f"run{number}", kinds[number % len(kinds)]
        shutil.copytree(half_full, root)
        process = child(served, root, words, kind, rng.randrange(deeds.get(kind, 1)), tmp_path / "killed")
        if kind == "moment":
            time.sleep(rng.uniform(0.2, 1.0) * took)
            process.kill()
        process.communicate(timeout=120)
        assert process.returncode in (-signal.SIGKILL, 0), process.returncode
        fell[kind] += process.returncode == -signal.SIGKILL
        Store.open(root)  # whole, whenever it happened
        left_alone(served, root, words)
        assert state(root) == undisturbed, f"killed at a {kind}"
        shutil.rmtree(root)
    print(f"\nkills of {words[-1]}: " + ", ".join(f"{kind} {fell[kind]} of {deeds.get(kind, 'any')}" for kind in kinds))
    assert all(fell[kind] for kind in kinds if kind != "moment")


WEATHER = [
    "empty page", "html with 200", "rate exceeded with 200", "empty body", "error entry with 200", "truncated xml",
    "entry without a date", "short page", "shuffled ties", "429", "503", "500", "406", "connection cut", "other query ran",
]  # fmt: skip
STORMS = ["html with 200", "rate exceeded with 200", "empty body", "truncated xml", "429", "503", "500", "406", "connection cut", "page without records", "record without v1", "record moved", "dead token"]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "faults"),
    [
        pytest.param(FILL, WEATHER, id="api"),
        pytest.param(HARVEST, STORMS, id="oai", marks=[] if RUNS else pytest.mark.slow),
    ],
)
def test_one_request_in_twenty_goes_wrong(
    served: ArxivStandIn, half_full: Path, tmp_path: Path, words: list[str], faults: list[str]
) -> None:
    papers = list(served.submissions)
    shutil.copytree(half_full, tmp_path / "whole")
    left_alone(served, tmp_path / "whole", words)
    undisturbed = state(tmp_path / "whole")
    asked = met = 0
    for number in range(RUNS // 5 or 2):
        root = tmp_path / f"run{number}"
        shutil.copytree(half_full, root)
        served.submissions, served.requests, before = list(papers), [], served.random_fault_count
        served.random_faults = (0.05, faults)
        child(served, root, words).communicate(timeout=120)
        asked, met = asked + len(served.requests), met + served.random_fault_count - before
        served.random_faults, served.submissions = (0.0, ()), list(papers)
        left_alone(served, root, words)
        rows, ledger = state(root)
        assert [row[:8] for row in rows] == [row[:8] for row in undisturbed[0]]
        assert ledger == undisturbed[1]
        shutil.rmtree(root)
    print(f"\n{met} of {asked} requests of {words[-1]} went wrong")
    assert met


def until_locked(root: Path) -> None:
    deadline = time.monotonic() + 20
    while not (root / "lock.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def test_of_two_fetches_one_works_and_the_other_says_who(served: ArxivStandIn, tmp_path: Path) -> None:
    served.inject_fault("slow", times=3)
    first = child(served, tmp_path / "store", FILL)
    until_locked(tmp_path / "store")
    second = child(served, tmp_path / "store", FILL)
    _, said = second.communicate(timeout=60)
    assert second.returncode == 3
    assert re.search(rf"being written by process {first.pid} \(.*\)\. Nothing was changed; try again later", said)
    _, said = first.communicate(timeout=120)
    assert first.returncode == 0 and "600 new" in said
    left_alone(served, tmp_path / "store", FILL)  # the lock went with its holder


def test_the_lock_of_a_killed_run_is_no_lock(served: ArxivStandIn, tmp_path: Path) -> None:
    served.inject_fault("slow", times=9)
    first = child(served, tmp_path / "store", FILL)
    until_locked(tmp_path / "store")
    first.kill()
    first.communicate(timeout=60)
    assert (tmp_path / "store" / "lock.json").exists()  # nobody was left to remove it
    served.pending_faults = []
    left_alone(served, tmp_path / "store", FILL)
    assert Store.open(tmp_path / "store").manifest.submission_count == 600


def test_a_report_during_a_fetch_sees_the_last_whole_state(served: ArxivStandIn, half_full: Path) -> None:
    served.inject_fault("slow", times=5, when=lambda query: query["max_results"] != "1")
    fetch = child(served, half_full, FILL)
    before = Store.open(half_full).manifest.generation
    seen: list[int] = []
    while fetch.poll() is None:
        done = subprocess.run(
            [sys.executable, "-m", "trendcli", "papers", "--period", "2018", "--limit", "0", "--format", "jsonl", "--store", str(half_full)],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        seen.append(len(done.stdout.splitlines()))
    fetch.communicate(timeout=60)
    assert seen and set(seen) == {250}
    assert Store.open(half_full).manifest.generation > before + 2


def test_dates_in_the_ledger_are_of_the_source(served: ArxivStandIn, tmp_path: Path) -> None:
    left_alone(served, tmp_path / "store", FILL)
    ledger = Store.open(tmp_path / "store").manifest.ledger
    assert {(answer.source, answer.version, answer.status) for answer in ledger} == {("arxiv", "API, Atom", "complete")}
    assert sum(answer.received for answer in ledger) == 600
    assert all(answer.expected == answer.received and "submittedDate:[" in answer.query for answer in ledger)
    assert min(answer.since for answer in ledger) == date(2018, 1, 1)


def test_a_full_disk(served: ArxivStandIn, half_full: Path) -> None:
    """A limit on the size of files stands in for a disk without room: writing fails in the middle of a file."""
    before = (half_full / "manifest.json").read_bytes()
    env = {
        **os.environ,
        **served.build_environment(),
        "TREND_STORE": str(half_full),
        "XDG_STATE_HOME": str(half_full.parent / "state"),
    }
    limited = f"ulimit -f 8; exec {sys.executable} -m trendcli {' '.join(FILL)}"
    done = subprocess.run(["bash", "-c", limited], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4, done.stderr
    assert "File too large" in done.stderr and "Traceback" not in done.stderr
    assert (half_full / "manifest.json").read_bytes() == before
    assert not list(half_full.rglob("*.draft"))
    left_alone(served, half_full, FILL)
    assert Store.open(half_full).manifest.submission_count == 600


def test_two_reports_at_once_on_a_new_store(served: ArxivStandIn, tmp_path: Path) -> None:
    left_alone(served, tmp_path / "store", FILL)
    words = [sys.executable, "-m", "trendcli", "report", "--store", str(tmp_path / "store"), "--format", "csv"]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    shutil.rmtree(tmp_path / "store" / "cache")
    alone = subprocess.run(words, capture_output=True, text=True).stdout
    assert outputs[0][0] == outputs[1][0] == alone and alone.count("\n") > 100


def test_a_store_that_cannot_be_written_still_reports(served: ArxivStandIn, tmp_path: Path) -> None:
    left_alone(served, tmp_path / "store", FILL)
    words = [sys.executable, "-c", UNWRITABLE, "report", "--store", str(tmp_path / "store"), "--format", "csv"]
    blocked = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert (blocked.returncode, blocked.stderr) == (0, "")
    assert not (tmp_path / "store" / "cache").exists()
    free = subprocess.run([words[0], "-m", "trendcli", *words[3:]], capture_output=True, text=True, timeout=120)
    assert free.stdout == blocked.stdout and free.stdout.count("\n") > 100


# the superuser, as which tests may run, can write anywhere, so the refusal of a read-only disk is put in its way
UNWRITABLE = """
import builtins, io, os
from pathlib import Path
def refuse(*args, **options):
    raise OSError(30, "Read-only file system")
real = io.open
def opened(file, mode="r", *args, **options):
    return real(file, mode, *args, **options) if not set(mode) & set("wax+") or str(file) == os.devnull else refuse()
io.open = builtins.open = opened
os.mkdir = os.replace = os.unlink = refuse
from trendcli.cli import main
main()
"""
