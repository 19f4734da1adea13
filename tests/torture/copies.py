"""Copies of a store that went on separately and were merged, and stores that have lost what names their files.

After each the answers are those of one of the copies, or there is a word; no file is lost; and `trend doctor --rebuild`
brings back what the data files hold.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.standins.snapshot import write
from tests.torture.bench import Bench, Ran, first_line
from tests.torture.stores import QUESTIONS, SCOPE, VENUE, World, read_versions, remove_results, revise_records

WEEKS = ["report", "-t", "rnn", *SCOPE, "--by", "week", "--since", "2018-01", "--until", "2018-03"]
# questions that fill the caches of two copies with overlapping pieces
YEARS = ["report", "-t", "rnn", *SCOPE, "--by", "year"]
TITLES = [*YEARS, "--match", "title"]
QUESTION_PAIRS = {
    "years, all": ([YEARS, ["report", *SCOPE]], [["report", *SCOPE]]),
    "all, years": ([["report", *SCOPE]], [YEARS, ["report", *SCOPE]]),
    "weeks": ([WEEKS, [*WEEKS, "-t", "gan"]], [[*WEEKS, "-t", "gan"]]),
    "titles": ([TITLES, YEARS], [[*YEARS, "-t", "gan"], TITLES]),
    "papers": ([["papers", "-t", "rnn", *SCOPE[:2]], ["report", *SCOPE]], [["report", *SCOPE], WEEKS]),
}
# names that Dropbox, Syncthing, Nextcloud, iCloud and editors give to what they could not merge
CONFLICT_NAMES = [
    "{stem} (conflicted copy 2020-01-02){suffix}",
    "{stem}.sync-conflict-20200102-010203-ABCDEFG{suffix}",
    "{stem} (Ada's conflicted copy){suffix}",
    "{stem} 2{suffix}",
    "{stem}{suffix}~",
    ".{stem}{suffix}.swp",
]


def torture(bench: Bench, world: World) -> None:
    """Try each way of copying and losing."""
    cases: dict[str, Callable[[], None]] = {}
    for name, (first, second) in QUESTION_PAIRS.items():
        cases[f"caches merged, {name}"] = partial(merge_caches, bench, world, first, second)
    for flags in ("-a", "-au"):
        for order in ("first over second", "second over first"):
            cases[f"stores merged by cp {flags}, {order}"] = partial(merge_stores, bench, world, flags, order)
    for number, pattern in enumerate(CONFLICT_NAMES):
        cases[f"conflict copies {number + 1}"] = partial(leave_conflicts, bench, world, pattern)
    cases |= {
        "the manifest lost": partial(lose_files, bench, world, ["manifest.json"]),
        "the manifest empty": partial(lose_files, bench, world, ["manifest.json"], b""),
        "the manifest half": partial(lose_files, bench, world, ["manifest.json"], b'{"format": 3, "files": ['),
        "the identity lost": partial(lose_identity, bench, world),
        "manifest and its generations lost": partial(lose_files, bench, world, ["manifest.json", "manifests"]),
        "all lost but the data": partial(lose_all_but_data, bench, world),
        "an older manifest": partial(restore_older, bench, world, with_generations=False),
        "an older manifest and its generations": partial(restore_older, bench, world, with_generations=True),
        "the manifest of another store": partial(swap_manifest, bench, world),
        "a venue's manifest lost": partial(lose_venue_manifest, bench, world),
    }
    if not bench.is_full:
        short = (
            "caches merged, years, all",
            "stores merged by cp -a, first over second",
            "the manifest lost",
            "an older manifest",
        )
        cases = {name: cases[name] for name in short}
    for _, case in bench.share_items(cases):
        case()


def ask_and_compare(
    bench: Bench, store: Path, good: Sequence[dict[str, Ran]], corpus: str = "arxiv", *, must_refuse: bool = False
) -> None:
    """Ask every question; each answer is one of the good ones, or there is a word. Doctor looks at a corpus."""
    doctor = bench.run_here(store, "doctor", "--corpus", corpus)
    bench.judge(doctor, "doctor")
    answers = {name: bench.run_here(store, *words) for name, words in QUESTIONS.items()}
    venue_questions = {name for name, words in QUESTIONS.items() if "--corpus" in words}
    wrong = []
    for name, ran in answers.items():
        bench.judge(ran, name)
        is_silent = ran.err.strip() in ("", *(state[name].err.strip() for state in good))
        if ran.code == 0 and is_silent and all(ran.out != state[name].out for state in good):
            wrong.append(name)
        if must_refuse and ran.code == 0 and name not in venue_questions:
            bench.report("answers without a manifest", f"{name}: {first_line(ran)}")
    if wrong:
        bench.report("silently wrong", f"{', '.join(wrong)}; doctor: {first_line(doctor)}")
    unread = [name for name, ran in answers.items() if ran.code not in (0,)]
    if (unread or wrong) and doctor.code == 0:
        bench.report("doctor finds nothing", f"{', '.join(unread + wrong)}")


def check_nothing_lost(bench: Bench, store: Path, before: dict[str, int], words: Sequence[Any]) -> None:
    """Run a command that writes, and report submissions whose newest state is in no file of the folder any more."""
    ran = bench.run_here(store, *words)
    bench.judge(ran, str(words[0]))
    after = read_versions(store)
    gone = sum(after.get(ident, 0) < version for ident, version in before.items())
    if gone:
        bench.report("loss", f"{words[0]}: {gone:,} of {len(before):,} submissions gone; {first_line(ran)}")


def answer_all(bench: Bench, store: Path) -> dict[str, Ran]:
    """Return what a store answers to every question."""
    return {name: bench.run_here(store, *words) for name, words in QUESTIONS.items()}


def merge_caches(bench: Bench, world: World, first: Sequence[Sequence[str]], second: Sequence[Sequence[str]]) -> None:
    """Let two copies answer different questions, and copy the cache of the first over that of the second."""
    one, two = (bench.copy_store(world.store, name) for name in ("one", "two"))
    for store, asked in ((one, first), (two, second)):
        shutil.rmtree(store / "cache")
        for words in asked:
            bench.run_here(store, *words)
    shutil.copytree(one / "cache", two / "cache", dirs_exist_ok=True)
    remove_results(two)
    ask_and_compare(bench, two, [world.read_answers()])


def merge_stores(bench: Bench, world: World, flags: str, order: str) -> None:
    """Let two copies import different records, and copy one over the other, as `rsync` or a sync folder does."""
    one, two = (bench.copy_store(world.store, name) for name in ("one", "two"))
    records = world.read_lines()
    states = []
    for store, chosen, day in ((one, records[950:1100], 16), (two, records[100:130], 18)):
        news = write(bench.folder / "news.jsonl", *revise_records(chosen, day))
        bench.run_here(store, "import", news, "--complete", "all")
        states.append(answer_all(bench, store))
        remove_results(store)
    source, target = (one, two) if order.startswith("first") else (two, one)
    subprocess.run(["cp", flags, f"{source}/.", f"{target}/"], check=True)
    before = read_versions(target)
    ask_and_compare(bench, target, states)
    check_nothing_lost(bench, target, before, ["import", world.few])


def leave_conflicts(bench: Bench, world: World, pattern: str) -> None:
    """Leave copies of every file of a store beside it, as a sync folder does that could not merge."""
    store = bench.copy_store(world.store)
    remove_results(store)
    for path in sorted(store.rglob("*")):
        if path.is_file() and "lock" not in path.name:
            name = pattern.format(stem=path.name.removesuffix(path.suffix), suffix=path.suffix)
            shutil.copy2(path, path.with_name(name))
    before = read_versions(store)
    ask_and_compare(bench, store, [world.read_answers()])
    check_nothing_lost(bench, store, before, ["import", world.few])


def lose_files(bench: Bench, world: World, names: Sequence[str], content: bytes | None = None) -> None:
    """Remove files, or write something in their place; then let doctor rebuild the manifest."""
    store = bench.copy_store(world.store)
    for name in names:
        path = store / name
        if content is not None:
            path.write_bytes(content)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    refuse_then_rebuild(bench, world, store)


def refuse_then_rebuild(bench: Bench, world: World, store: Path) -> None:
    """Check that nothing is answered or lost without a manifest, and that a rebuilt one answers as before."""
    before, answers = read_versions(store), world.read_answers()
    ask_and_compare(bench, store, [answers], must_refuse=True)
    check_nothing_lost(bench, store, before, ["import", world.few])
    check_nothing_lost(bench, store, before, ["doctor", "--fix"])
    check_nothing_lost(bench, store, before, ["doctor", "--rebuild"])
    for name, words in QUESTIONS.items():
        ran = bench.run_here(store, *words)
        bench.judge(ran, f"{name}, rebuilt")
        if ran.code or ran.out != answers[name].out:
            bench.report("the rebuilt store answers otherwise", f"{name}: {first_line(ran)}")


def lose_identity(bench: Bench, world: World) -> None:
    """Remove the identity file: the store of an older program has none, so it may be read; nothing may be lost."""
    store = bench.copy_store(world.store)
    before = read_versions(store)
    (store / "trend-store.json").unlink(missing_ok=True)
    ask_and_compare(bench, store, [world.read_answers()])
    check_nothing_lost(bench, store, before, ["import", world.few])


def lose_all_but_data(bench: Bench, world: World) -> None:
    """Keep nothing of a store but its data files, and the judgements, which are a person's."""
    store = bench.copy_store(world.store)
    for path in sorted(store.rglob("*"), reverse=True):
        is_data = (path.suffix == ".parquet" and "cache" not in path.parts) or "judgements" in path.parts
        if path.is_file() and not is_data and VENUE not in path.parts:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    refuse_then_rebuild(bench, world, store)


def restore_older(bench: Bench, world: World, *, with_generations: bool) -> None:
    """Put an older manifest back after updates were folded into months and more came."""
    store = bench.copy_store(world.store)
    old_manifest, generations = (store / "manifest.json").read_bytes(), bench.folder / "generations"
    shutil.rmtree(generations, ignore_errors=True)
    if (store / "manifests").is_dir():
        shutil.copytree(store / "manifests", generations)
    records = world.read_lines()
    for day in (16, 17, 18):
        news = write(bench.folder / "news.jsonl", *revise_records(records[900:1100], day))
        bench.run_here(store, "import", news, "--complete", "all")
        bench.run_here(store, *YEARS)
    newest, before = answer_all(bench, store), read_versions(store)
    # with its generations an older manifest is a backup that came back as a whole: its answers are right, too
    good = [newest, world.read_answers()] if with_generations else [newest]
    (store / "manifest.json").write_bytes(old_manifest)
    os.utime(store / "manifest.json", (0, 0))
    if with_generations:
        shutil.rmtree(store / "manifests", ignore_errors=True)
        if generations.exists():
            shutil.copytree(generations, store / "manifests")
    remove_results(store)
    ask_and_compare(bench, store, good)
    for words in (["fetch", "-c", "cs.NE", "--source", "oai"], ["import", world.few], ["doctor", "--fix"]):
        os.environ |= {"TREND_OAI_URL": "http://127.0.0.1:9/o", "TREND_ARXIV_URL": "http://127.0.0.1:9/q"}
        os.environ["TREND_REQUEST_INTERVAL_S"] = "0"
        check_nothing_lost(bench, store, before, words)
    check_nothing_lost(bench, store, before, ["doctor", "--rebuild"])
    ask_and_compare(bench, store, good)


def swap_manifest(bench: Bench, world: World) -> None:
    """Put the manifest of a venue in the place of that of arXiv."""
    store = bench.copy_store(world.store)
    before = read_versions(store)
    shutil.copy(store / "venues" / VENUE / "manifest.json", store / "manifest.json")
    ask_and_compare(bench, store, [world.read_answers()], must_refuse=True)
    check_nothing_lost(bench, store, before, ["import", world.few])


def lose_venue_manifest(bench: Bench, world: World) -> None:
    """Remove the manifest of a venue."""
    store = bench.copy_store(world.store)
    before = read_versions(store)
    (store / "venues" / VENUE / "manifest.json").unlink()
    remove_results(store)
    ask_and_compare(bench, store, [world.read_answers()], VENUE)
    check_nothing_lost(bench, store, before, ["import", world.venue_list, "--venue", VENUE, "--year", 2019])
