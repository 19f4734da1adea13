"""The bench of one kind of torture: a folder of its own, seeded numbers, watched commands, and what went wrong.

The rule that every kind holds: exit 0 with right numbers, or a sentence with a documented code; never a wrong number,
never a loss, never a traceback, never a hang.
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.commands import TREND, run

ROOT = Path(__file__).resolve().parents[2]
# of docs/reference/cli.md
DOCUMENTED_CODES = frozenset({0, 2, 3, 4, 5, 130})
# seconds that a command may take before it counts as hung; most take less than one
MAX_COMMAND_S = 60.0


class Ran(NamedTuple):
    """A command that has ended: exit code, output, stderr, whether it had to be ended, its most memory, its times."""

    code: int
    out: bytes
    err: str
    is_hung: bool = False
    megabytes: float = 0.0
    seconds: float = 0.0
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Problem:
    """A case in which the rule does not hold: of which kind, why, where, and the file of the input ('' for none)."""

    kind: str
    cause: str
    where: str
    kept: str = ""


@dataclass(frozen=True)
class PartArguments:
    """What a process is told that tries one part of the cases of a kind, after the case `after`."""

    kind: str
    part: int
    parts: int
    seed: int
    scale: str
    folder: str
    world: str
    kept: str
    after: int = -1


class Bench:
    """Where the cases of one part of a kind are tried; what happens is written to a journal, line by line."""

    def __init__(self, arguments: PartArguments) -> None:
        self.arguments, self.kind = arguments, arguments.kind
        self.folder, self.kept_folder = Path(arguments.folder), Path(arguments.kept)
        self.is_full = arguments.scale == "full"
        self.journal, self.current = self.folder / "journal.jsonl", self.folder / "current"
        self.case_label = ""
        self.env = build_environment(self.folder)
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)

    def pick_number(self, short: int, full: int) -> int:
        """Return a number of cases by the scale."""
        return full if self.is_full else short

    def share_cases(self, count: int) -> Iterator[tuple[int, random.Random]]:
        """Yield the numbers of the cases that this part tries, each with its own random numbers."""
        arguments = self.arguments
        for number in range(arguments.part, count, arguments.parts):
            if number > arguments.after:
                self.current.write_text(str(number))
                self.case_label = f"case {number}"
                yield number, random.Random(f"{arguments.seed} {self.kind} {number}")
                self.count("cases")

    def share_items(self, items: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield the named cases that this part tries, all of them at full scale."""
        names = list(items)
        for number, _ in self.share_cases(len(names)):
            self.case_label = names[number]
            yield names[number], items[names[number]]

    def count(self, name: str, by: int = 1) -> None:
        """Add to a number that the table shows."""
        self._write_journal({"count": name, "by": by})

    def note(self, text: str) -> None:
        """Say something that stands below the summary, such as why cases were left out."""
        self._write_journal({"note": text})

    def report(self, cause: str, where: str, data: bytes | None = None) -> None:
        """Record a problem, and keep the input that led to it."""
        kept = ""
        if data is not None:
            self.kept_folder.mkdir(parents=True, exist_ok=True)
            slug = re.sub(r"\W+", "-", f"{self.kind} {self.arguments.seed} {self.case_label} {cause}")[:100].strip("-")
            path = self.kept_folder / slug
            path.write_bytes(data)
            kept = str(path)
        problem = Problem(self.kind, cause, f"{self.case_label}: {where}"[:600], kept)
        self._write_journal({"problem": asdict(problem)})

    def judge(self, ran: Ran, where: str, data: bytes | None = None) -> bool:
        """Return whether a command ended as documented; report it where it did not."""
        fault = describe_fault(ran)
        if fault:
            self.report(fault, where, data)
        return not fault

    def _write_journal(self, entry: dict[str, Any]) -> None:
        with self.journal.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")

    def start(self, store: Path | None, *words: Any, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own; its output goes to files beside the store."""
        self.count("commands")
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            return subprocess.Popen(
                build_command(store, words), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env={**self.env, **(env or {})}, cwd=self.folder, start_new_session=True,
            )  # fmt: skip

    def run(
        self,
        store: Path | None,
        *words: Any,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        max_s: float = MAX_COMMAND_S,
        shell: str = "",
    ) -> Ran:
        """Run a command as a program of its own to its end, with the most memory that it took.

        `shell` is the script that starts it, where it needs one, such as 'exec "$@" >&-'.
        """
        self.count("commands")
        command = build_command(store, words)
        command = ["sh", "-c", shell, "sh", *command] if shell else command
        (self.folder / "stdin").write_bytes(stdin)
        names = [self.folder / name for name in ("stdout", "stderr")]
        with (self.folder / "stdin").open("rb") as source, names[0].open("wb") as out, names[1].open("wb") as err:
            start = time.monotonic()
            process = subprocess.Popen(
                command, stdin=source, stdout=out, stderr=err, env={**self.env, **(env or {})},
                cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        code, is_hung, megabytes, cpu_s = await_end(process, start + max_s)
        seconds = time.monotonic() - start
        out_bytes, err_text = names[0].read_bytes(), names[1].read_text(encoding="utf-8", errors="replace")
        return Ran(code, out_bytes, err_text, is_hung, megabytes, seconds, cpu_s)

    def run_here(self, store: Path | None, *words: Any, env: dict[str, str] | None = None, max_s: float = 30) -> Ran:
        """Run a command in this process, ten times as fast; one that hangs or crashes ends this part of the kind."""
        self.count("commands")
        stderr = sys.__stderr__
        assert stderr is not None
        faulthandler.dump_traceback_later(max_s, exit=True, file=stderr)
        start = time.monotonic()
        try:
            result = run(*(["--store", store] if store else []), *words, env=env)
        finally:
            faulthandler.cancel_dump_traceback_later()
        err = result.stderr
        if result.exception and not isinstance(result.exception, SystemExit):
            err += "".join(traceback.format_exception(result.exception))
        return Ran(result.exit_code, result.stdout_bytes, err, seconds=time.monotonic() - start)

    def copy_store(self, store: Path, name: str = "store") -> Path:
        """Return a fresh copy of a store; the last one of that name goes, but not before, so that inodes differ."""
        target, old = self.folder / name, self.folder / f"{name}.old"
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            target.rename(old)
        return Path(shutil.copytree(store, target))

    def read_rows(self, store: Path, *words: Any) -> Any:
        """Return the rows of a report; None where there is none."""
        ran = self.run_here(store, *words, "--format", "json")
        try:
            return json.loads(ran.out)["rows"]
        except (ValueError, KeyError):
            return None

    def read_submissions(self, store: Path) -> bytes | None:
        """Return every submission of a store, as `export` writes it; None where it cannot."""
        path = self.folder / "all.csv"
        path.unlink(missing_ok=True)
        ran = self.run_here(store, "export", "-c", "*", "-o", path)
        return path.read_bytes() if ran.code == 0 and path.exists() else None


def build_environment(folder: Path) -> dict[str, str]:
    """Return the variables of a command that sees neither settings nor state nor temporary files of anybody else."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TREND_", "XDG_"))}
    own = {"HOME": folder, "XDG_STATE_HOME": folder / "state", "XDG_CONFIG_HOME": folder / "config"}
    own |= {"XDG_DATA_HOME": folder / "data", "TMPDIR": folder / "tmp", "PYTHONPATH": ROOT}
    fixed = {"NO_COLOR": "1", "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    return {**env, **{name: str(path) for name, path in own.items()}, **fixed}


def build_command(store: Path | None, words: tuple[Any, ...]) -> list[str]:
    """Return the words that run a command on a store (None: the default one)."""
    return [*TREND, *(["--store", str(store)] if store else []), *map(str, words)]


def await_end(process: subprocess.Popen[bytes], deadline: float) -> tuple[int, bool, float, float]:
    """Return a child's exit code, whether it had to be ended at the deadline, its most memory in MB, its CPU seconds."""
    is_hung = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > deadline and not is_hung:
            is_hung = True
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return process.returncode, is_hung, usage.ru_maxrss / unit, usage.ru_utime + usage.ru_stime


def describe_fault(ran: Ran) -> str:
    """Return why a command did not end as documented; '' where it did."""
    if ran.is_hung:
        return "hang"
    if "Traceback (most recent call last)" in ran.err or "Traceback (innermost" in ran.err:
        frames = re.findall(r'File "[^"]*?(trendcli/[\w/]+\.py)", line (\d+)', ran.err)
        names = re.findall(
            r"^((?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit|Invalid|Pool)\w*)\b", ran.err, re.MULTILINE
        )
        place = f" at {frames[-1][0]}" if frames else ""
        return f"traceback {names[-1] if names else 'of unknown kind'}{place}"
    if ran.code not in DOCUMENTED_CODES:
        return f"exit {ran.code}"
    if ran.code not in (0, 130) and not ran.err.strip() and not ran.out.strip():
        return f"exit {ran.code} without a word"
    return ""


def first_line(ran: Ran) -> str:
    """Return the exit code and the last line of stderr, for a message."""
    lines = ran.err.strip().splitlines()
    return f"exit {ran.code}, {lines[-1][:160] if lines else 'no word'}"
