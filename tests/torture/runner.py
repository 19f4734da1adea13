"""Run the kinds on two processes, gather their journals, and sum up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tests.torture.bench import ROOT, Bench, PartArguments, Problem
from tests.torture.kinds import KINDS
from tests.torture.stores import build_world

# processes at a time
WORKERS = 2
# restarts of a part whose process died, each after the case that killed it
MAX_RESTARTS = 50
# seconds that one process of a part may take: a stand-in that waits for ever must not hold the gate
MAX_PART_S = 1800.0


@dataclass
class Outcome:
    """What came of a kind: how often what was counted, the problems, and the seconds that its parts took."""

    kind: str
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """One line on the kind."""
        causes = Counter(problem.cause for problem in self.problems)
        told = "; ".join(f"{count} x {cause}" for cause, count in causes.most_common())
        counts = dict(self.counts)
        cases, commands = counts.pop("cases", 0), counts.pop("commands", 0)
        more = "".join(f", {count:,} {name}" for name, count in counts.items())
        noun = KINDS[self.kind].cases
        return (
            f"{self.kind}: {cases:,} {noun}, {commands:,} commands{more}; {f'PROBLEMS: {told}' if told else 'no problem'}"
            f" ({self.seconds:.0f} s)"
        )


def run_kinds(
    names: Sequence[str], seed: int, scale: str, folder: Path, kept: Path, world: Path | None = None
) -> list[Outcome]:
    """Run the kinds on the world, which is built where there is none, and print a line for each as it ends."""
    world = world or folder / "world"
    if not world.exists():
        setup = PartArguments("setup", 0, 1, seed, scale, str(folder / "setup"), str(world), str(kept))
        build_world(Bench(setup), world, seed)
    parts = []
    for name in names:
        count = KINDS[name].parts if scale == "full" else 1
        for part in range(count):
            place = folder / f"{name}-{part}"
            place.mkdir(parents=True)
            parts.append(PartArguments(name, part, count, seed, scale, str(place), str(world), str(kept)))
    outcomes = {name: Outcome(name) for name in names}
    remaining = Counter(part.kind for part in parts)
    with ThreadPoolExecutor(WORKERS) as pool:
        for arguments, seconds in zip(parts, pool.map(run_part, parts), strict=True):
            outcome = outcomes[arguments.kind]
            gather_journal(outcome, Path(arguments.folder) / "journal.jsonl")
            outcome.seconds += seconds
            remaining[arguments.kind] -= 1
            if not remaining[arguments.kind]:
                print(outcome.line, flush=True)
    return list(outcomes.values())


def run_part(arguments: PartArguments) -> float:
    """Run one part to its end, again after each case that kills its process; return the seconds that it took."""
    start, place = time.monotonic(), Path(arguments.folder)
    bench = Bench(arguments)
    for _ in range(MAX_RESTARTS):
        command = [sys.executable, "-m", "tests.torture.part", json.dumps(asdict(arguments))]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=bench.env)
            try:
                code = process.wait(MAX_PART_S)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
        if code == 0:
            break
        text = (place / "log").read_text(encoding="utf-8", errors="replace").strip()
        number = int(bench.current.read_text()) if bench.current.exists() else -1
        bench.case_label = f"case {number}"
        sent = place / "input"
        bench.report(describe_death(code, text), text[-1500:], sent.read_bytes() if sent.is_file() else None)
        if number <= arguments.after:
            break
        arguments = replace(arguments, after=number)
    return time.monotonic() - start


def describe_death(code: int, log: str) -> str:
    """Return why the process of a part ended."""
    if "Timeout (" in log:
        return "hang"
    if code < 0:
        return f"crash by {signal.Signals(-code).name}"
    return "the torture itself failed"


def gather_journal(outcome: Outcome, journal: Path) -> None:
    """Add what a part has written to the outcome of its kind."""
    for text in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else ():
        entry = json.loads(text)
        if "count" in entry:
            outcome.counts[entry["count"]] += entry["by"]
        elif "note" in entry:
            outcome.notes.append(entry["note"])
        else:
            outcome.problems.append(Problem(**entry["problem"]))
