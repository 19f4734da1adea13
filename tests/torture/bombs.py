"""Input and replies that unfold to gigabytes, never end, or lead in circles: each ends soon, small, and with a sentence."""

from __future__ import annotations

import gzip
import io
import json
import resource
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.torture.bench import Bench, first_line
from tests.torture.endless import SERVED, run_bomb_server
from tests.torture.stores import SCOPE, World

MAX_SECONDS, MAX_MEGABYTES = 10.0, 500.0
# seconds after which a bomb is ended: on a busy machine the ten may take longer
KILL_AFTER_S = 40.0
MEBIBYTE = 1 << 20
# kB of address space, beyond which even a bomb that wins ends
SHELL = 'ulimit -v 4000000 2>/dev/null; exec "$@"'


def torture(bench: Bench, world: World) -> None:
    """Set off every bomb."""
    store = bench.copy_store(world.store)
    files = {f"file: {name}": make for name, make in FILES.items()}
    replies = {f"reply: {name}": name for name in SERVED}
    short = ("file: gzip without a line end", "file: settings of aliases", "file: settings, 200,000 deep",
             "reply: gzip of gigabytes", "reply: endless", "reply: redirects in a circle")  # fmt: skip
    cases: dict[str, Any] = {**files, **replies}
    if not bench.is_full:
        cases = {name: cases[name] for name in short}
    limits = list_time_limits(bench)
    with run_bomb_server() as url:
        for name, case in bench.share_items(cases):
            if name.startswith("file"):
                words, env = case(bench.folder, world)
                set_off(bench, store, words, env)
            else:
                for words, env in list_requests(bench, url, case):
                    set_off(bench, bench.folder / "empty", words, {**env, **limits})


def set_off(bench: Bench, store: Path, words: list[Any], env: dict[str, str]) -> None:
    """Run a command on a bomb and measure it."""
    stdin = env.pop("STDIN", "")
    shell = f"{stdin} | {{ {SHELL}; }}" if stdin else SHELL
    ran = bench.run(store, *words, env=env, max_s=KILL_AFTER_S, shell=shell)
    where = f"{' '.join(map(str, words[:2]))}: {ran.seconds:.0f} s, {ran.megabytes:.0f} MB, {first_line(ran)}"
    bench.judge(ran, where)
    if not ran.is_hung and (ran.cpu_s > MAX_SECONDS or ran.seconds > MAX_SECONDS * measure_contention()):
        bench.report("more than 10 s", where)
    # a child begins with the peak of the process that started it
    own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    if ran.megabytes > max(MAX_MEGABYTES, own_peak):
        bench.report("more than 500 MB", where)
    if len(ran.err) > 20_000:
        bench.report("an endless message", f"{len(ran.err):,} characters on stderr")


def measure_contention() -> float:
    """Return how many times longer than alone a process takes on this machine now, at least 1."""
    start, cpu = time.perf_counter(), time.thread_time()
    sum(range(5_000_000))
    return max((time.perf_counter() - start) / (time.thread_time() - cpu), 1.0)


def list_time_limits(bench: Bench) -> dict[str, str]:
    """Return the variables that lower every limit in seconds, so that a reply that drips ends within the test."""
    ran = bench.run_here(None, "settings", "--format", "json")
    value = json.loads(ran.out)
    names = [row["name"] for row in value["rows"]] if isinstance(value, dict) and "rows" in value else list(value)
    return {f"TREND_{name.upper()}": "4" for name in names if name.endswith("_s") and name != "request_interval_s"}


def list_requests(bench: Bench, url: str, name: str) -> Iterator[tuple[list[Any], dict[str, str]]]:
    """Yield the commands that meet a served bomb: both interfaces of arXiv, OpenReview, and the monthly totals."""
    slug = list(SERVED).index(name)
    place = f"{url}/{slug}"
    env = {"TREND_ARXIV_URL": f"{place}/q", "TREND_OAI_URL": f"{place}/o", "TREND_REQUEST_INTERVAL_S": "0"}
    env |= {"TREND_OPENREVIEW_URL": f"{place}/v2", "TREND_OPENREVIEW_V1_URL": f"{place}/v1"}
    env |= {"XDG_STATE_HOME": str(bench.folder / f"state-{slug}")}
    yield ["fetch", "-c", "cs.LG", "--since", "2019-01", "--until", "2019-02"], env
    if bench.is_full:
        yield ["fetch", "-c", "cs.LG", "--source", "oai"], {**env, "XDG_STATE_HOME": str(bench.folder / f"oai-{slug}")}
        if slug % 3 == 0:
            openreview = ["fetch", "--source", "openreview", "--venue", "iclr", "--year", "2024"]
            yield openreview, {**env, "XDG_STATE_HOME": str(bench.folder / f"openreview-{slug}")}


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(data)
    return path


def pack_gzip(megabytes: int, block: bytes = b"x" * MEBIBYTE) -> bytes:
    """Return gzip that unfolds to so many MB: one block, packed once and repeated."""
    return gzip.compress(block * 16, 6) * (megabytes // 16)


def pack_zip(megabytes: int, members: int = 1) -> bytes:
    """Return a zip whose members unfold to so many MB each."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(members):
            with archive.open(f"{number}.json", "w") as stream:
                for _ in range(megabytes):
                    stream.write(b"x" * MEBIBYTE)
    return buffer.getvalue()


def write_sparse(path: Path, size: int) -> Path:
    """Write a file of zeros that takes no room."""
    with path.open("wb") as stream:
        stream.truncate(size)
    return path


def alias_levels(levels: int = 9, width: int = 10) -> str:
    """Return lines of YAML in which each level names the one before ten times."""
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def import_of(
    name: str, make: Callable[[Path], Path], *more: Any
) -> Callable[[Path, World], tuple[list[Any], dict[str, str]]]:
    """Return what makes a file and the command that imports it."""
    return lambda folder, world: (["import", make(folder / name), *more], {})


def settings_of(text: str) -> Callable[[Path, World], tuple[list[Any], dict[str, str]]]:
    """Return what makes a settings file and the command that reads it."""
    return lambda folder, world: (["--settings", write_bytes(folder / "s.yaml", text.encode()), "settings"], {})


def topics_of(text: str, *words: Any) -> Callable[[Path, World], tuple[list[Any], dict[str, str]]]:
    """Return what makes a topic file and the command that reads it."""
    command = list(words) or ["topics", "list"]
    return lambda folder, world: (command, {"TREND_TOPICS": str(write_bytes(folder / "t.yaml", text.encode()))})


def topic_with(pattern: str) -> str:
    """Return a topic file with one pattern."""
    return f"topics:\n  mine:\n    name: Mine\n    patterns: [{json.dumps(pattern)}]\n"


def weekly_of(text: str) -> Callable[[Path, World], tuple[list[Any], dict[str, str]]]:
    """Return what makes a weekly config and the command that reads it."""
    return lambda folder, world: (["schedule", write_bytes(folder / "w.yaml", text.encode())], {})


VENUE = ("--venue", "x", "--year", "2019")
MINE = ("report", "-t", "mine", *SCOPE, "--by", "year")
FILES: dict[str, Callable[[Path, World], tuple[list[Any], dict[str, str]]]] = {
    "gzip without a line end": import_of("a.gz", lambda path: write_bytes(path, pack_gzip(3072))),
    "gzip of empty lines": import_of("b.gz", lambda path: write_bytes(path, pack_gzip(1024, b"\n" * MEBIBYTE))),
    "gzip of gzip": import_of("c.gz", lambda path: write_bytes(path, gzip.compress(pack_gzip(3072)))),
    "zip without a line end": import_of("d.zip", lambda path: write_bytes(path, pack_zip(400))),
    "zip of many members": import_of("e.zip", lambda path: write_bytes(path, pack_zip(1, 2000))),
    "a line of 2 GB": import_of("f.jsonl", lambda path: write_sparse(path, 2 << 30)),
    "stdin without an end": lambda folder, world: (["import", "-"], {"STDIN": "cat /dev/zero"}),
    "stdin of words without an end": lambda folder, world: (["import", "-"], {"STDIN": "yes | tr -d '\\n'"}),
    "a venue list of 2 GB": import_of("g.json", lambda path: write_sparse(path, 2 << 30), *VENUE),
    "a record, 200,000 deep": import_of("h.jsonl", lambda path: write_bytes(path, b'{"id":' + b"[" * 200_000)),
    "a record, 200,000 deep and closed": import_of(
        "i.jsonl", lambda path: write_bytes(path, b'{"id":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n")
    ),
    "a venue list, 200,000 deep": import_of("j.json", lambda path: write_bytes(path, b"[" * 200_000 + b"]" * 200_000), *VENUE),
    "a record with a number of a million digits": import_of(
        "k.jsonl", lambda path: write_bytes(path, b'{"id": ' + b"9" * 1_000_000 + b"}\n")
    ),
    "a record with 100,000 versions": import_of(
        "l.jsonl",
        lambda path: write_bytes(
            path,
            json.dumps({"id": "1901.00001", "title": "a", "abstract": "b", "categories": "cs.LG", "authors": "c",
                        "update_date": "2019-01-02",
                        "versions": [{"version": "v1", "created": "Tue, 1 Jan 2019 10:00:00 GMT"}] * 100_000}).encode() + b"\n",
        ),
    ),
    "settings of aliases": settings_of(alias_levels() + "contact: *a8\n"),
    "scopes of aliases": settings_of(alias_levels() + "scopes: *a8\n"),
    "settings of aliases in one setting": settings_of(f"contact: &b [x]\nscopes: {{a: [{', '.join(['*b'] * 100_000)}]}}\n"),
    "settings, 1,500 deep": settings_of("scopes: " + "[" * 1500 + "]" * 1500),
    "settings, 200,000 deep": settings_of("scopes: " + "[" * 200_000),
    "settings with a text of 50 MB": settings_of("contact: '" + "x" * 50_000_000 + "'"),
    "topics of aliases": topics_of(alias_levels() + "topics: *a8\n"),
    "topics, 1,500 deep": topics_of("topics: " + "{a: " * 1500),
    "topics, 200,000 deep": topics_of("topics: " + "- " * 200_000),
    "weekly of aliases": weekly_of(alias_levels() + "watch: *a8\n"),
    "weekly, 200,000 deep": weekly_of("watch: " + "[" * 200_000),
    "weekly with a number of a million digits": weekly_of("keep: " + "9" * 1_000_000),
    "a saved report, 200,000 deep": lambda folder, world: (
        ["verify", write_bytes(folder / "v.json", b'{"rows":' + b"[" * 200_000 + b"]" * 200_000 + b"}")], {},
    ),
    "a saved report of 2 GB": lambda folder, world: (["verify", write_sparse(folder / "v2.json", 2 << 30)], {}),
    "monthly totals of 2 GB": lambda folder, world: (["doctor", "--totals", write_sparse(folder / "t.csv", 2 << 30)], {}),
    "monthly totals with a field of 20 MB": lambda folder, world: (
        ["doctor", "--totals", write_bytes(folder / "t2.csv", b'month,submissions\n"' + b"9" * 20_000_000 + b'",1\n')], {},
    ),
    "a judged sample of 1 GB": lambda folder, world: (
        ["topics", "sample", "gan", "--judged", write_sparse(folder / "j.csv", 1 << 30)], {},
    ),
    "a search of 20,000 words": lambda folder, world: (["papers", "--search", "deep " * 20_000, *SCOPE[:2]], {}),
    "a search of brackets": lambda folder, world: (["papers", "--search", "(" * 50_000, *SCOPE[:2]], {}),
    "a phrase of 100,000 letters": lambda folder, world: (["report", "--query", "a" * 100_000, *SCOPE], {}),
    "a date of 100,000 digits": lambda folder, world: (["report", "--since", "9" * 100_000, *SCOPE], {}),
    "a pattern that is slow": topics_of(topic_with("[a-z]{3}.{300}[aeiou]"), *MINE),
    "a pattern that repeats repeats": topics_of(topic_with("((a{0,100}){0,100}){0,100}"), *MINE),
    "a pattern of 20,000 words": topics_of(topic_with("|".join(f"word{n}" for n in range(20_000))), *MINE),
    "2,000 topics": topics_of(
        "topics:\n" + "".join(f"  t{n}:\n    name: T{n}\n    phrases: [phrase {n}]\n" for n in range(2000)), "topics", "list"
    ),
}  # fmt: skip
