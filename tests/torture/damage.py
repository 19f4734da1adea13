"""Damage one file of a store and ask its readers: the numbers of before, a word on stderr, or a documented error.

`trend doctor` is asked first: it must find what its readers then cannot read. Kinds of files take turns.
"""

from __future__ import annotations

import random
import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tests.torture.bench import Bench, Ran, first_line
from tests.torture.stores import QUESTIONS, VENUE, WEEK, World, remove_results

SECTOR_BYTES = 512
# these read what the others read
ASKED = {name: words for name, words in QUESTIONS.items() if name not in ("accepted", "terms")}


def flip_bit(data: bytearray, rng: random.Random) -> None:
    """Flip one bit."""
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def change_digit(data: bytearray, rng: random.Random) -> None:
    """Replace one digit by another; one bit is flipped where there is none."""
    places = [place for place, byte in enumerate(data) if 48 <= byte < 58]
    if not places:
        flip_bit(data, rng)
        return
    place = rng.choice(places)
    data[place] = 48 + (data[place] - 48 + rng.randrange(1, 10)) % 10


def lose_sector(data: bytearray, rng: random.Random) -> None:
    """Fill one sector with zeros, as a disk does that has lost it."""
    start = rng.randrange(len(data)) // SECTOR_BYTES * SECTOR_BYTES
    length = len(data[start : start + SECTOR_BYTES])
    data[start : start + length] = bytes(length)


def cut_end(data: bytearray, rng: random.Random) -> None:
    """Cut the file somewhere, perhaps to nothing."""
    del data[rng.randrange(len(data)) :]


def fill_with_zeros(data: bytearray, rng: random.Random) -> None:
    """Fill the whole file with zeros, as some file systems do after a power cut."""
    data[:] = bytes(len(data))


def double_part(data: bytearray, rng: random.Random) -> None:
    """Repeat a part of the file behind it."""
    place = rng.randrange(len(data))
    data[place:place] = data[max(0, place - 64) : place]


CHANGES: dict[str, Callable[[bytearray, random.Random], None]] = {
    "bit": flip_bit,
    "digit": change_digit,
    "sector": lose_sector,
    "cut": cut_end,
    "zeros": fill_with_zeros,
    "double": double_part,
}
# a file in the place of another one, or none in its place
WAYS = [*CHANGES, "digit", "bit", "other", "gone"]


def group_files(root: Path) -> dict[str, list[Path]]:
    """Return the files below a folder by kind of name; locks hold nothing."""
    groups = defaultdict(list)
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.stat().st_size and "lock" not in path.name:
            name = re.sub(
                r"[0-9a-f]{12,}|\d{4}-\d\d(?=\.)|\d{6}(-\d{3})?|\d{4}-W\d\d", "*", str(path.relative_to(root))
            )
            groups[name].append(path)
    return dict(groups)


def damage_file(path: Path, way: str, others: list[Path], rng: random.Random) -> bytes:
    """Damage a file and return what is there now."""
    if way == "gone":
        path.unlink()
        return b""
    if way == "other":
        contents = [other.read_bytes() for other in others if other.name != path.name]
        data = bytearray(rng.choice(contents) if contents else b"")
    else:
        data = bytearray(path.read_bytes())
        CHANGES[way](data, rng)
    path.write_bytes(data)
    return bytes(data)


def torture(bench: Bench, world: World) -> None:
    """Damage files of the store, then of the weekly folder."""
    answers, groups = world.read_answers(), group_files(world.store)
    names = sorted(groups)
    for number, rng in bench.share_cases(bench.pick_number(12, 374)):
        # every kind of file meets every way, in an order that differs by the seed
        name, way = names[number % len(names)], WAYS[(number // len(names) + number) % len(WAYS)]
        store = bench.copy_store(world.store)
        damaged = rng.choice(groups[name]).relative_to(world.store)
        if not {"answers", "results"} & set(damaged.parts):
            remove_results(store)
        data = damage_file(store / damaged, way, [store / path.relative_to(world.store) for path in groups[name]], rng)
        bench.case_label = f"{way} in {damaged}"
        # nobody can know of a person's file that is gone as a whole
        is_forgotten = way in ("gone", "other") and damaged.parts[0] == "judgements"
        where = ["--corpus", VENUE] if damaged.parts[0] == "venues" else []
        ask_readers(bench, store, answers, data, where, is_forgotten=is_forgotten, is_mended=number % 3 == 0)
    if bench.arguments.part == 0 and bench.arguments.after < 374:
        damage_weeks(bench, world)


def ask_readers(
    bench: Bench,
    store: Path,
    answers: dict[str, Ran],
    data: bytes,
    where: list[str],
    *,
    is_forgotten: bool,
    is_mended: bool,
) -> None:
    """Ask doctor, then every question, and compare; with `is_mended`, try `doctor --fix` after it.

    `where` are the options by which doctor looks at the corpus that the file belongs to.
    """
    doctor = bench.run_here(store, "doctor", "--format", "csv", *where)
    bench.judge(doctor, "doctor", data)
    refused, wrong = [], []
    for name, words in ASKED.items():
        ran, before = bench.run_here(store, *words), answers[name]
        if not bench.judge(ran, name, data):
            refused.append(name)
        elif ran.code:
            bench.count("told")
            refused.append(name)
        elif ran.out == before.out:
            bench.count("right")
        elif ran.err.strip() == before.err.strip():
            wrong.append(name)
        elif name == "sample":  # of judgements, which are a person's, the readable ones count
            bench.count("another answer with a word")
        else:
            bench.report("another answer with a word", f"{name}: {first_line(ran)}", data)
    if wrong and not is_forgotten:
        bench.report("silently wrong", ", ".join(wrong), data)
    if (refused or (wrong and not is_forgotten)) and doctor.code != 4:
        bench.report("doctor finds nothing", f"{', '.join(refused + wrong)}; doctor: {first_line(doctor)}", data)
    for words in (["doctor", "--fix", *where], QUESTIONS["years"], QUESTIONS["venue"]) if is_mended else ():
        bench.judge(bench.run_here(store, *words), f"after that, {' '.join(words[:2])}", data)


def damage_weeks(bench: Bench, world: World) -> None:
    """Damage files of the weekly folder: the next run draws the same week again, or says why it does not."""
    groups = group_files(world.weeks)
    for number, rng in bench.share_cases(bench.pick_number(1, 30)):
        texts = sorted(name for name in groups if not name.endswith((".png", ".svg")))
        name, way = texts[number % len(texts)], WAYS[number % len(WAYS)]
        weeks, store = bench.folder / "weeks", bench.copy_store(world.store)
        shutil.rmtree(weeks, ignore_errors=True)
        shutil.copytree(world.weeks, weeks)
        damaged = rng.choice(groups[name]).relative_to(world.weeks)
        data = damage_file(weeks / damaged, way, [weeks / path.relative_to(world.weeks) for path in groups[name]], rng)
        bench.case_label = f"{way} in weekly {damaged}"
        ran = bench.run_here(store, *WEEK, "--out", weeks)
        bench.judge(ran, "weekly", data)
        bench.judge(bench.run_here(store, "verify", weeks / "2019-W40" / "report.json"), "verify", data)
        now, before = (read_week(folder / "2019-W40") for folder in (weeks, world.weeks))
        if ran.code == 0 and now != before and damaged.name == "report.json":
            bench.report("a damaged week stays", first_line(ran), data)


def read_week(folder: Path) -> dict[str, bytes]:
    """Return the files of a week that hold numbers."""
    names = ("report.json", "digest.md", "papers.csv")
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
