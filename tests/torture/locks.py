"""Locks that do nothing, as on some network disks, or do not exist: three reports and an import at once are right."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.torture.bench import Bench, Ran, first_line
from tests.torture.stores import QUESTIONS, SCOPE, World, remove_results
from tests.torture.together import run_together

# what `flock` is replaced by before the program starts
NO_LOCKS = "import fcntl\nfcntl.flock = lambda *a: None\nfcntl.lockf = lambda *a: None\n"
NOT_SUPPORTED = """
import errno, fcntl, os
def refuse(*a):
    raise OSError({number}, os.strerror({number}))
fcntl.flock = fcntl.lockf = refuse
"""
YEARS = ["report", *SCOPE, "-t", "rnn", "-t", "gan", "--by", "year", "--format", "csv"]


def torture(bench: Bench, world: World) -> None:
    """Run reports and an import at once, with each kind of lock that is none."""
    import errno

    sites = {"locks that do nothing": NO_LOCKS}
    for name in ("ENOSYS", "ENOTSUP", "ENOLCK"):
        sites[f"locks that give {name}"] = NOT_SUPPORTED.format(number=getattr(errno, name))
    rounds = {
        f"{name}, round {number}": code for number in range(bench.pick_number(1, 4)) for name, code in sites.items()
    }
    if not bench.is_full:
        rounds = dict(list(rounds.items())[:1])
    states = read_states(bench, world)
    for name, code in bench.share_items(rounds):
        site = bench.folder / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(code)
        run_round(bench, world, {"PYTHONPATH": f"{site}:{bench.env['PYTHONPATH']}"}, states, name)


def read_states(bench: Bench, world: World) -> list[tuple[bytes | None, bytes]]:
    """Return submissions and numbers of the store before and after the import."""
    store, states = bench.copy_store(world.store), []
    for words in (["status"], ["import", world.more, "--complete", "all"]):
        bench.run_here(store, *words)
        states.append((bench.read_submissions(store), bench.run_here(store, *YEARS).out))
    return states


def run_round(
    bench: Bench, world: World, env: dict[str, str], states: list[tuple[bytes | None, bytes]], name: str
) -> None:
    """Run three reports and an import on a store without a cache, and compare what they say and leave."""
    store = bench.copy_store(world.store)
    shutil.rmtree(store / "cache")
    commands: list[list[Any]] = [
        YEARS,
        ["import", world.more, "--complete", "all"],
        YEARS,
        ["report", *SCOPE, "--format", "csv"],
    ]
    ended = run_together(bench, store, commands, env)
    for words, ran in zip(commands, ended, strict=True):
        bench.judge(ran, f"{words[0]} at once")
        if words is YEARS and ran.code == 0 and ran.out not in (states[0][1], states[1][1]):
            bench.report("silently wrong" if not ran.err.strip() else "wrong with a word", "a report at once")
    has_imported = ended[1].code == 0
    check_after(bench, store, env, states[1] if has_imported else states[0], first_line(ended[1]))
    again = bench.run(store, "import", world.more, "--complete", "all", env=env)
    bench.judge(again, "a second import")
    if again.code == 0:
        check_after(bench, store, env, states[1], "after a second import")
    elif "being written by" in again.err:
        bench.report("locked for ever", first_line(again))


def check_after(bench: Bench, store: Path, env: dict[str, str], state: tuple[bytes | None, bytes], what: str) -> None:
    """Compare the store with what it should be."""
    remove_results(store)
    ran: Ran = bench.run(store, *YEARS, env=env)
    bench.judge(ran, "a report afterwards")
    if ran.code == 0 and ran.out != state[1]:
        bench.report("silently wrong" if "cache" not in ran.err else "wrong with a word", f"a report after it; {what}")
    if bench.read_submissions(store) != state[0]:
        bench.report("loss", f"other submissions; {what}")
    bench.judge(bench.run(store, *QUESTIONS["papers"], env=env), "papers afterwards")
