"""A disk that is full or broken from the n-th call on, or at that call alone, and a real one without room.

A command that only reads is answered from memory. One that writes ends with a sentence, the store is that of before or
after, and the next run ends as undisturbed.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.torture.bench import Bench, Ran, first_line
from tests.torture.stores import QUESTIONS, SCOPE, WEEK, World, remove_results

ERRORS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS]
YEARS = QUESTIONS["years"]


class Job(NamedTuple):
    """A command on a failing disk: its words, whether it only reads, whether its store has a cache."""

    words: list[Any]
    is_reader: bool = False
    has_cache: bool = True


def build_jobs(bench: Bench, world: World) -> dict[str, Job]:
    """Return the commands by name."""
    return {
        "import": Job(["import", world.more, "--complete", "all"]),
        "report": Job(["report", *SCOPE, "--format", "csv"], True, False),
        "index": Job(["index"], False, False),
        "years": Job(YEARS, True, False),
        "export": Job(["export", "-c", "*", "-o", bench.folder / "store" / "export.csv"]),
        "weekly": Job([*WEEK, "--out", bench.folder / "store" / "weekly"]),
        "papers": Job(QUESTIONS["papers"], True, False),
        "search": Job(QUESTIONS["search"], True),
        "venue": Job(["import", world.venue_list, "--venue", "other", "--year", 2019]),
        "fix": Job(["doctor", "--fix"], False),
        "sample": Job(QUESTIONS["sample"], True, False),
        "output": Job(["report", *SCOPE, "-o", bench.folder / "store" / "out.json"]),
        "chart": Job(["chart", "lines", "-t", "rnn", "-o", bench.folder / "store" / "lines.png"]),
    }


def torture(bench: Bench, world: World) -> None:
    """Let each command meet each kind of fault."""
    site = bench.folder / "site"
    site.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("failing.py"), site / "sitecustomize.py")
    bench.env["PYTHONPATH"] = f"{site}:{bench.env['PYTHONPATH']}"
    jobs, calls, ended = build_jobs(bench, world), {}, {}
    names = list(jobs) if bench.is_full else ["import", "report"]
    before = read_state(bench, bench.copy_store(world.store))
    for number, rng in bench.share_cases(bench.pick_number(2, 78)):
        name = names[number % len(names)]
        job = jobs[name]
        if name not in calls:
            store = begin_anew(bench, world, job)
            calls[name], ran = count_calls(bench, store, job)
            ended[name] = ran, read_state(bench, store)
        bench.case_label = f"{name}, run {number}"
        fail_and_compare(bench, begin_anew(bench, world, job), job, calls[name], before, ended[name], rng)
    if bench.arguments.part == 0:
        fill_real_disk(bench, world, jobs, before)


def begin_anew(bench: Bench, world: World, job: Job) -> Path:
    """Return a fresh store, without a cache where the command should make one."""
    store = bench.copy_store(world.store)
    remove_results(store)
    if not job.has_cache:
        shutil.rmtree(store / "cache", ignore_errors=True)
    return store


def read_state(bench: Bench, store: Path) -> tuple[Any, ...]:
    """Return submissions and numbers."""
    return bench.read_submissions(store), bench.run_here(store, *YEARS).out


def build_fault(
    bench: Bench, kinds: list[str], number: int, code: int = errno.EIO, *, stays: bool = True
) -> dict[str, str]:
    """Return the variable that makes calls fail below the folder of the store."""
    value = {"kinds": kinds, "number": number, "errno": code, "stays": stays, "root": str(bench.folder / "store")}
    return {"TORTURE_FAULT": json.dumps({**value, "log": str(bench.folder / "calls")})}


def count_calls(bench: Bench, store: Path, job: Job) -> tuple[Mapping[str, int], Ran]:
    """Run a command undisturbed; return how many calls of each kind it makes, and what it said."""
    (bench.folder / "calls").write_text("")
    ran = bench.run(store, *job.words, env=build_fault(bench, [], 0))
    if ran.code:
        bench.report("the undisturbed run fails", f"{job.words[0]}: {first_line(ran)}")
    return Counter((bench.folder / "calls").read_text().split()), ran


def fail_and_compare(
    bench: Bench,
    store: Path,
    job: Job,
    calls: Mapping[str, int],
    before: tuple[Any, ...],
    ended: tuple[Ran, tuple[Any, ...]],
    rng: random.Random,
) -> None:
    """Run a command with one fault, and compare what it says and leaves."""
    undisturbed, after = ended
    kinds = [kind for kind in ("write", "sync", "rename", "new", "folder") if calls.get(kind)]
    # a full disk fails all of them, a broken one perhaps one
    kind = rng.choice([*kinds, "all"]) if kinds else "all"
    number = rng.randrange(max(calls.get(kind, 1), 1))
    code, stays = rng.choice(ERRORS), rng.random() < 0.6
    where = f"{errno.errorcode[code]} at {kind} {number}{' and later' if stays else ''}"
    chosen = ["write", "sync", "rename", "new", "folder"] if kind == "all" else [kind]
    ran = bench.run(store, *job.words, env=build_fault(bench, chosen, number, code, stays=stays))
    bench.judge(ran, where)
    compare_after(bench, store, job, ran, undisturbed, (before, after), where)


def compare_after(
    bench: Bench, store: Path, job: Job, ran: Ran, undisturbed: Ran, states: tuple[Any, Any], where: str
) -> None:
    """Compare answers and store after a fault, then run the command again."""
    if job.is_reader and ran.code:
        bench.report("a question is not answered", f"{where}: {first_line(ran)}")
    elif job.is_reader and ran.out != undisturbed.out:
        bench.report("silently wrong", where)
    remove_results(store)
    now = read_state(bench, store)
    if now not in states:
        bench.report("other numbers afterwards", f"{where}: {first_line(ran)}")
    elif ran.code == 0 and now != states[1]:
        bench.report("done, but it is not", where)
    again = bench.run(store, *job.words)
    if again.code or read_state(bench, store) != states[1]:
        bench.report("does not go on", f"{where}: {first_line(again)}")
    drafts = [path.name for path in store.rglob("*.draft")]
    if drafts:
        bench.report("drafts stay", f"{where}: {drafts[:3]}")


@contextmanager
def mount_small_disk(folder: Path, size_kb: int) -> Iterator[Path]:
    """Mount a disk of some kB during the block; OSError where that is not allowed."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise OSError(f"no small disk can be mounted ({error})") from None
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def fill_real_disk(bench: Bench, world: World, jobs: Mapping[str, Job], before: tuple[Any, ...]) -> None:
    """Run commands on a disk that has no room, or a little: also what does not write through Python fails there."""
    if sys.platform != "linux" or os.geteuid() != 0:
        bench.note("no full disk was tried: only the superuser of Linux can mount one")
        return
    frees = {
        "import": [0, 60, 400],
        "report": [0, 8, 100],
        "index": [0, 100],
        "papers": [0],
        "years": [4, 60],
        "venue": [20],
    }
    cases = {f"{name} with {free} kB free": (jobs[name], free) for name, values in frees.items() for free in values}
    if not bench.is_full:
        cases = dict(list(cases.items())[4:5])
    for name, (job, free) in bench.share_items(cases):
        store = begin_anew(bench, world, job)
        undisturbed = bench.run(bench.copy_store(store, "other"), *job.words)
        try:
            with mount_small_disk(bench.folder / "disk", 8_000) as disk:
                small = Path(shutil.copytree(store, disk / "store"))
                leave_free(disk, free)
                ran = bench.run(small, *job.words)
                bench.judge(ran, name)
                (disk / "fill").unlink()
                after = read_state(bench, bench.folder / "other") if not job.is_reader else before
                compare_after(bench, small, job, ran, undisturbed, (before, after), name)
        except OSError as error:
            bench.note(f"no full disk was tried: {error}")
            return


def leave_free(disk: Path, free_kb: int) -> None:
    """Fill a disk but for some kB."""
    status = os.statvfs(disk)
    room = status.f_bavail * status.f_frsize - free_kb * 1000
    (disk / "fill").write_bytes(bytes(max(room, 0)))
