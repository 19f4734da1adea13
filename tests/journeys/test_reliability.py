"""Whatever happens to a fetch, the next one ends in the store of an undisturbed run: kills, faults, locks, full disks."""

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

from tests.standins.arxiv import ArxivStandIn, run_stand_in
from trendcli.demo.corpus import SyntheticSubmission
from trendcli.store.data_files import DATA_COLUMNS
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

pytestmark = pytest.mark.journey

# runs: by default one for each kind of operation, with one source or the other; `make soak` makes 300 of all with both
RUNS = int(os.environ.get("TREND_SOAK", "0"))
KINDS = ("write", "sync", "rename", "removal", "moment")
API_KINDS, OAI_KINDS = (KINDS, KINDS) if RUNS else (KINDS[:2], KINDS[2:])
CHILD = [sys.executable, str(Path(__file__).with_name("killed.py"))]
CATEGORIES = ["-c", "cs.LG", "-c", "cs.CL", "-c", "cs.CV", "-c", "cs.NE", "-c", "stat.ML"]
FILL = ["fetch", *CATEGORIES, "--since", "2018", "--until", "2020"]
HARVEST = ["fetch", *CATEGORIES, "--source", "oai"]


@pytest.fixture
def paged_standin(small_corpus: list[SyntheticSubmission]) -> Iterator[ArxivStandIn]:
    standin = ArxivStandIn(small_corpus)
    standin.oai_page_sizes = (60, 200)
    with run_stand_in(standin) as running:
        yield running


def start_child(
    paged_standin: ArxivStandIn,
    root: Path,
    words: list[str],
    kind: str = "none",
    number: int = 0,
    log: Path | None = None,
) -> subprocess.Popen[str]:
    """Start a command line in a child process that kills itself at operation `number` of a kind."""
    env = {
        **os.environ,
        **paged_standin.build_environment(),
        "TREND_STORE": str(root),
        "XDG_STATE_HOME": str(root.parent / "state"),
    }
    command = [*CHILD, kind, str(number), str(log or root.parent / "log"), "--", *words]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_undisturbed(paged_standin: ArxivStandIn, root: Path, words: list[str]) -> None:
    process = start_child(paged_standin, root, words)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr


def read_state(root: Path) -> tuple[list[Any], list[Any]]:
    """Return the rows and the ledger of a store, without the times at which they came."""
    store = Store.open(root)
    columns = ", ".join(name for name, _ in DATA_COLUMNS if name not in ("fetched_at", "over_file", "over_row"))
    with store.connect() as db:
        rows = db.execute(
            f"SELECT {columns} FROM ({file_rows_sql(store, store.list_files(), columns)}) ORDER BY id"
        ).fetchall()
    ledger = sorted(
        repr(replace(record, answered_at=datetime(2000, 1, 1, tzinfo=UTC))) for record in store.manifest.ledger
    )
    return rows, ledger


@pytest.fixture(scope="module")
def filled_store(small_corpus: list[SyntheticSubmission], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds 2018 in compacted month files, so that the next commit has files to remove."""
    root = tmp_path_factory.mktemp("filled") / "store"
    with run_stand_in(ArxivStandIn(small_corpus)) as running:
        run_undisturbed(running, root, [*FILL[:-1], "2019"])
    assert Store.open(root).manifest.dropped
    return root


@pytest.fixture
def filled_copy(filled_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled_store, tmp_path / "half"))


@pytest.mark.parametrize(("words", "kinds"), [(FILL, API_KINDS), (HARVEST, OAI_KINDS)], ids=["api", "oai"])
def test_killed_at_any_operation(
    paged_standin: ArxivStandIn, filled_copy: Path, tmp_path: Path, words: list[str], kinds: Sequence[str]
) -> None:
    rng = random.Random(11)
    shutil.copytree(filled_copy, tmp_path / "whole")
    start = time.monotonic()
    run_undisturbed(paged_standin, tmp_path / "whole", words)
    duration = time.monotonic() - start
    undisturbed, operations = read_state(tmp_path / "whole"), json.loads((tmp_path / "log").read_text())
    assert set(operations) == {"write", "sync", "rename", "removal"}
    assert len(undisturbed[0]) == 600
    (tmp_path / "log").unlink()
    kills: Counter[str] = Counter()
    for number in range(RUNS or len(kinds)):
        root, kind = tmp_path / f"run{number}", kinds[number % len(kinds)]
        shutil.copytree(filled_copy, root)
        process = start_child(
            paged_standin, root, words, kind, rng.randrange(operations.get(kind, 1)), tmp_path / "killed"
        )
        if kind == "moment":
            time.sleep(rng.uniform(0.2, 1.0) * duration)
            process.kill()
        process.communicate(timeout=120)
        assert process.returncode in (-signal.SIGKILL, 0), process.returncode
        kills[kind] += process.returncode == -signal.SIGKILL
        Store.open(root)  # intact, whenever the kill came
        run_undisturbed(paged_standin, root, words)
        assert read_state(root) == undisturbed, f"killed at kind {kind!r}"
        shutil.rmtree(root)
    print(
        f"\nkills of {words[-1]}: "
        + ", ".join(f"{kind} {kills[kind]} of {operations.get(kind, 'any')}" for kind in kinds)
    )
    assert all(kills[kind] for kind in kinds if kind != "moment")


API_FAULTS = [
    "empty page", "html with 200", "rate exceeded with 200", "empty body", "error entry with 200", "truncated xml",
    "entry without a date", "short page", "shuffled ties", "429", "503", "500", "406", "connection cut", "other query ran",
]  # fmt: skip
OAI_FAULTS = ["html with 200", "rate exceeded with 200", "empty body", "truncated xml", "429", "503", "500", "406", "connection cut", "page without records", "record without v1", "record moved", "dead token"]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "faults"),
    [
        pytest.param(FILL, API_FAULTS, id="api"),
        pytest.param(HARVEST, OAI_FAULTS, id="oai", marks=[] if RUNS else pytest.mark.slow),
    ],
)
def test_one_request_in_twenty_goes_wrong(
    paged_standin: ArxivStandIn, filled_copy: Path, tmp_path: Path, words: list[str], faults: list[str]
) -> None:
    submissions = list(paged_standin.submissions)
    shutil.copytree(filled_copy, tmp_path / "whole")
    run_undisturbed(paged_standin, tmp_path / "whole", words)
    undisturbed = read_state(tmp_path / "whole")
    request_count = fault_count = 0
    for number in range(RUNS // 5 or 2):
        root = tmp_path / f"run{number}"
        shutil.copytree(filled_copy, root)
        paged_standin.submissions, paged_standin.requests, before = (
            list(submissions),
            [],
            paged_standin.random_fault_count,
        )
        paged_standin.random_faults = (0.05, faults)
        start_child(paged_standin, root, words).communicate(timeout=120)
        request_count += len(paged_standin.requests)
        fault_count += paged_standin.random_fault_count - before
        paged_standin.random_faults, paged_standin.submissions = (0.0, ()), list(submissions)
        run_undisturbed(paged_standin, root, words)
        rows, ledger = read_state(root)
        assert [row[:8] for row in rows] == [row[:8] for row in undisturbed[0]]
        assert ledger == undisturbed[1]
        shutil.rmtree(root)
    print(f"\n{fault_count} of {request_count} requests of {words[-1]} went wrong")
    assert fault_count


def wait_for_lock(root: Path) -> None:
    deadline = time.monotonic() + 60
    while not (root / "lock.json").exists():
        assert time.monotonic() < deadline, "no lock was taken"
        time.sleep(0.02)


def test_of_two_fetches_one_works_and_the_other_names_it(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    paged_standin.inject_fault("wait")  # until the second one has ended, however slow the machine
    first = start_child(paged_standin, tmp_path / "store", FILL)
    wait_for_lock(tmp_path / "store")
    second = start_child(paged_standin, tmp_path / "store", FILL)
    _, stderr = second.communicate(timeout=60)
    paged_standin.release.set()
    assert second.returncode == 3
    assert re.search(rf"being written by process {first.pid} \(.*\)\. Nothing was changed; try again later", stderr)
    _, stderr = first.communicate(timeout=120)
    assert first.returncode == 0 and "600 new" in stderr
    run_undisturbed(paged_standin, tmp_path / "store", FILL)  # the lock ends with its holder


def test_the_lock_of_a_killed_run_is_ignored(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    paged_standin.inject_fault("wait")
    first = start_child(paged_standin, tmp_path / "store", FILL)
    wait_for_lock(tmp_path / "store")
    first.kill()
    first.communicate(timeout=60)
    assert (tmp_path / "store" / "lock.json").exists()  # nobody was left to remove it
    paged_standin.pending_faults = []
    paged_standin.release.set()
    run_undisturbed(paged_standin, tmp_path / "store", FILL)
    assert Store.open(tmp_path / "store").manifest.submission_count == 600


def test_a_report_during_a_fetch_sees_the_last_committed_state(paged_standin: ArxivStandIn, filled_copy: Path) -> None:
    paged_standin.inject_fault("slow", times=5, when=lambda query: query["max_results"] != "1")
    fetch = start_child(paged_standin, filled_copy, FILL)
    before = Store.open(filled_copy).manifest.generation
    line_counts: list[int] = []
    while fetch.poll() is None:
        done = subprocess.run(
            [sys.executable, "-m", "trendcli", "papers", "--period", "2018", "--limit", "0", "--format", "jsonl", "--store", str(filled_copy)],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        line_counts.append(len(done.stdout.splitlines()))
    fetch.communicate(timeout=60)
    assert line_counts and set(line_counts) == {250}
    assert Store.open(filled_copy).manifest.generation > before + 2


def test_the_ledger_states_source_and_window_of_every_request(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    run_undisturbed(paged_standin, tmp_path / "store", FILL)
    ledger = Store.open(tmp_path / "store").manifest.ledger
    assert {(record.source, record.version, record.status) for record in ledger} == {("arxiv", "API, Atom", "complete")}
    assert sum(record.received for record in ledger) == 600
    assert all(record.expected == record.received and "submittedDate:[" in record.query for record in ledger)
    assert min(record.since for record in ledger) == date(2018, 1, 1)


def test_a_full_disk(paged_standin: ArxivStandIn, filled_copy: Path) -> None:
    """A limit on the size of files acts as a full disk: writing fails in the middle of a file."""
    before = (filled_copy / "manifest.json").read_bytes()
    env = {
        **os.environ,
        **paged_standin.build_environment(),
        "TREND_STORE": str(filled_copy),
        "XDG_STATE_HOME": str(filled_copy.parent / "state"),
    }
    limited = f"ulimit -f 8; exec {sys.executable} -m trendcli {' '.join(FILL)}"
    done = subprocess.run(["bash", "-c", limited], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4, done.stderr
    assert "File too large" in done.stderr and "Traceback" not in done.stderr
    assert (filled_copy / "manifest.json").read_bytes() == before
    assert not list(filled_copy.rglob("*.draft"))
    run_undisturbed(paged_standin, filled_copy, FILL)
    assert Store.open(filled_copy).manifest.submission_count == 600


def test_two_reports_at_once_on_a_new_store(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    run_undisturbed(paged_standin, tmp_path / "store", FILL)
    command = [sys.executable, "-m", "trendcli", "report", "--store", str(tmp_path / "store"), "--format", "csv"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    shutil.rmtree(tmp_path / "store" / "cache")
    alone = subprocess.run(command, capture_output=True, text=True).stdout
    assert outputs[0][0] == outputs[1][0] == alone and alone.count("\n") > 100


def test_a_store_that_cannot_be_written_still_reports(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    run_undisturbed(paged_standin, tmp_path / "store", FILL)
    shutil.rmtree(tmp_path / "store" / "cache")
    command = [sys.executable, "-c", UNWRITABLE, "report", "--store", str(tmp_path / "store"), "--format", "csv"]
    blocked = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (blocked.returncode, blocked.stderr) == (0, "")
    assert not (tmp_path / "store" / "cache").exists()
    free = subprocess.run([command[0], "-m", "trendcli", *command[3:]], capture_output=True, text=True, timeout=120)
    assert free.stdout == blocked.stdout and free.stdout.count("\n") > 100


# tests may run as the superuser, who can write anywhere, so the refusals of a read-only disk are imitated
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
