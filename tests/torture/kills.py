"""Kill commands at random moments, run them again, and compare with a run that nobody disturbed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.standins.snapshot import write
from tests.torture.bench import MAX_COMMAND_S, Bench, Ran, describe_fault, first_line
from tests.torture.stores import QUESTIONS, SCOPE, WEEK, World, remove_results, revise_records

SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
# bytes that may stay in the folder for temporary files after a run that ended well
MAX_LEFT_BYTES = 100_000


class Scenario(NamedTuple):
    """A command that is killed: the store that it begins with (None: none), its words, the exit codes of a full run."""

    store: Path | None
    words: Sequence[Any]
    codes: tuple[int, ...] = (0,)


def build_scenarios(bench: Bench, world: World) -> dict[str, Scenario]:
    """Return the scenarios by name."""
    out, records = bench.folder / "weeks", world.read_lines()
    cold, torn, full, headless = (bench.folder / name for name in ("cold", "torn", "full", "headless"))
    if not cold.exists():
        shutil.copytree(world.store, cold)
        shutil.rmtree(cold / "cache")
        shutil.copytree(world.store, torn)
        month = sorted(torn.glob("arxiv/months/2018-*"))[0]
        month.write_bytes(month.read_bytes()[:-100])
        shutil.copytree(world.store, headless)
        (headless / "manifest.json").unlink()
        # matched updates of more than 5 %, which the next import folds into months
        shutil.copytree(world.store, full)
        bench.run(full, "import", write(bench.folder / "fold.jsonl", *revise_records(records[950:1100], 16)))
        bench.run(full, "report", *SCOPE, "-t", "rnn")
    return {
        "import": Scenario(None, ["import", world.snapshot, "--complete", "all"]),
        "revise": Scenario(world.store, ["import", world.more, "--complete", "all"]),
        "compaction": Scenario(full, ["import", world.more, "--complete", "all"]),
        "report": Scenario(cold, ["report", *SCOPE]),
        "index": Scenario(cold, ["index"]),
        "weekly": Scenario(world.store, [*WEEK, "--out", out]),
        # a hole that was made is a finding
        "fix": Scenario(torn, ["doctor", "--fix"], (0, 4)),
        "rebuild": Scenario(headless, ["doctor", "--rebuild"], (0, 4)),
    }


def torture(bench: Bench, world: World) -> None:
    """Try every scenario, a few times each."""
    scenarios = build_scenarios(bench, world)
    names, trials = list(scenarios), bench.pick_number(1, 5)
    if not bench.is_full:
        names = ["import", "compaction"]
    undisturbed: dict[str, tuple[float, tuple[Any, ...]]] = {}
    # each part has scenarios of its own
    for number, rng in bench.share_cases(len(names) * trials):
        name = names[number % len(names)]
        if name not in undisturbed:
            undisturbed[name] = run_undisturbed(bench, name, scenarios[name])
        bench.case_label = f"{name}, trial {number // len(names)}"
        kill_and_compare(bench, name, scenarios[name], *undisturbed[name], rng)


def run_undisturbed(bench: Bench, name: str, scenario: Scenario) -> tuple[float, tuple[Any, ...]]:
    """Return how long an undisturbed run takes, and the state that it leaves."""
    store = begin_anew(bench, scenario)
    ran = bench.run(store, *scenario.words)
    if ran.code not in scenario.codes:
        bench.report("the undisturbed run fails", f"{name}: {first_line(ran)}")
    return ran.seconds, read_state(bench, store)


def begin_anew(bench: Bench, scenario: Scenario) -> Path:
    """Return a fresh store, and remove the weekly folder."""
    shutil.rmtree(bench.folder / "weeks", ignore_errors=True)
    if scenario.store:
        return bench.copy_store(scenario.store)
    shutil.rmtree(bench.folder / "store", ignore_errors=True)
    return bench.folder / "store"


def read_state(bench: Bench, store: Path) -> tuple[Any, ...]:
    """Return what a run should leave whatever happened before it: submissions, numbers, pages."""
    folder = bench.folder / "weeks"
    weeks = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")
        and path.name in ("report.json", "digest.md", "papers.csv")
    }  # fmt: skip
    return bench.read_submissions(store), bench.read_rows(store, *QUESTIONS["years"][:-2]), weeks


def kill_and_compare(
    bench: Bench, name: str, scenario: Scenario, length: float, whole: tuple[Any, ...], rng: random.Random
) -> None:
    """Kill up to three runs, ask doctor, let the command run to its end, and compare."""
    store = begin_anew(bench, scenario)
    for _ in range(rng.choice([1, 1, 3])):
        process, kind = bench.start(store, *scenario.words), rng.choice(SIGNALS)
        time.sleep(rng.uniform(0.05, 1.0) * length)
        with suppress(ProcessLookupError):  # it may have ended
            os.killpg(process.pid, kind)
        try:
            code = process.wait(MAX_COMMAND_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            bench.report("hang", f"{kind.name} does not end it")
            continue
        bench.count("signals")
        judge_killed(bench, Ran(code, b"", (bench.folder / "err").read_text(errors="replace")), kind)
        if store.exists():
            judge_doctor(bench, bench.run_here(store, "doctor", "--format", "json"), name)
    ran = bench.run(store, *scenario.words)
    if ran.code not in scenario.codes:
        bench.report("does not go on", first_line(ran))
    remove_results(store)
    for what, now, before in zip(
        ("submissions", "numbers", "weekly pages"), read_state(bench, store), whole, strict=True
    ):
        if now != before:
            bench.report(f"other {what} than undisturbed", first_line(ran))
    left = sum(path.stat().st_size for path in bench.temporary.rglob("*") if path.is_file())
    if left > MAX_LEFT_BYTES:
        bench.report(
            "temporary files stay", f"{left:,} bytes in {sorted(path.name for path in bench.temporary.iterdir())}"
        )
        shutil.rmtree(bench.temporary)
        bench.temporary.mkdir()


def judge_killed(bench: Bench, ran: Ran, kind: signal.Signals) -> None:
    """Report a killed run that ended otherwise than by its signal, or documented."""
    is_starting = "KeyboardInterrupt" in ran.err and "trendcli/" not in ran.err
    # by the signal, or with the code that shells give to it; Python ends itself by SIGINT where code that it evaluates
    # was interrupted; and before a line of the program ran
    if ran.code in (-kind, -signal.SIGINT, 128 + kind) or is_starting:
        if "Traceback" in ran.err and not is_starting:
            bench.judge(ran, f"killed by {kind.name}", ran.err.encode())
        return
    if kind == signal.SIGINT and ran.code not in (0, 4, 130):
        bench.report("exit code of Ctrl-C", first_line(ran))
    bench.judge(ran, f"killed by {kind.name}", ran.err.encode())


def judge_doctor(bench: Bench, ran: Ran, name: str) -> None:
    """Report a doctor that crashes, or finds a store that is not whole, after a kill."""
    if describe_fault(ran):
        bench.judge(ran, "doctor after the kill")
    elif ran.code == 4 and ran.out and name not in ("fix", "rebuild"):
        found = {str(row["what"]).split(":")[0] for row in json.loads(ran.out)["rows"]}
        if found & {"damaged", "missing"}:
            bench.report("store not whole after a kill", str(found))
