"""Mistakes that people make with folders, after which nothing that was there may be gone.

Every file that was there is still there, with its content, also under another name.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.torture.bench import Bench, first_line
from tests.torture.stores import WEEK, World, read_versions

OFFLINE = {
    "TREND_ARXIV_URL": "http://127.0.0.1:9/q",
    "TREND_OAI_URL": "http://127.0.0.1:9/o",
    "TREND_REQUEST_INTERVAL_S": "0",
}
PERSONAL_STORE = [
    "thesis/chapter1.draft", "sales/months/2019.parquet", "a/updates/x.parquet", "arxiv/months/mine.parquet",
    "arxiv/months/2019-01.0123456789ab.parquet", "manifest.json.4711.draft", "cache/answers/notes.json", "lock", "damaged/x",
    "quarantine/mine", "venues/iclr/notes.txt", "judgements/rnn.jsonl", "readers/me", "manifests/1.json",
]  # fmt: skip
PERSONAL_SITE = [
    "latest/thesis.tex", "index.html", "feed.xml", ".notes.draft/a", ".vim.old/a", "vim/b", "2019-W40/own.txt",
    ".2019-W40.draft/x", ".latest.old/y", ".lock", "pending.json", "2018-W01/index.html", "style.css",
]  # fmt: skip


def write_personal(folder: Path, names: Sequence[str]) -> Path:
    """Fill a folder with a person's files."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"mine: {name}")
    return folder


def list_contents(folder: Path) -> list[bytes]:
    """Return the content of every file below a folder."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def torture(bench: Bench, world: World) -> None:
    """Try each mistake."""
    names: dict[str, list[Any]] = {
        "fetch": ["fetch", "-c", "cs.NE", "--since", "2026-01"],
        "import": ["import", world.few],
    }
    names |= {"oai": ["fetch", "-c", "cs.NE", "--source", "oai"], "index": ["index"], "fix": ["doctor", "--fix"]}
    names |= {"venue": ["import", world.venue_list, "--venue", "x", "--year", "2019"], "report": ["report"]}
    names |= {"weekly": ["weekly", "--out", bench.folder / "w"], "rebuild": ["doctor", "--rebuild"]}
    cases: dict[str, Callable[[], None]] = {
        f"no manifest, {name}": partial(try_without_manifest, bench, world, words) for name, words in names.items()
    }
    cases |= {
        f"{name} on a person's folder": partial(try_store_folder, bench, world, words) for name, words in names.items()
    }
    cases |= {
        "weekly --out on a person's folder": partial(try_out_folder, bench, world, WEEK, PERSONAL_SITE),
        "weekly --out on a folder with one file": partial(try_out_folder, bench, world, WEEK, ["index.html"]),
        "demo --out on a person's folder": partial(try_demo, bench),
    }
    for name, words in list(names.items()) if bench.is_full else [("import", names["import"]), ("fix", names["fix"])]:
        cases[f"a manifest that names other files, {name}"] = partial(try_foreign_manifest, bench, world, words)
    if not bench.is_full:
        chosen = [
            "no manifest, fetch",
            "no manifest, import",
            "import on a person's folder",
            "weekly --out on a person's folder",
        ]
        cases = {name: case for name, case in cases.items() if name in chosen or "manifest that names" in name}
    for _, case in bench.share_items(cases):
        case()


def try_and_compare(bench: Bench, folder: Path, before: list[bytes], store: Path, words: Sequence[Any]) -> None:
    """Run a command and report what is gone from a folder."""
    ran = bench.run(store, *words, env=OFFLINE)
    bench.judge(ran, " ".join(map(str, words[:2])))
    left = set(list_contents(folder))
    gone = sum(data not in left for data in before)
    if gone:
        bench.report("loss", f"{gone} of {len(before)} files gone; {first_line(ran)}")


def try_without_manifest(bench: Bench, world: World, words: Sequence[Any]) -> None:
    """Run a command on a store whose manifest is gone: it must not begin a new one over the data."""
    store = bench.copy_store(world.store)
    before = read_versions(store)
    (store / "manifest.json").unlink()
    ran = bench.run(store, *words, env=OFFLINE)
    bench.judge(ran, " ".join(map(str, words[:2])))
    after = read_versions(store)
    gone = sum(after.get(ident, 0) < version for ident, version in before.items())
    if gone:
        bench.report("loss", f"{gone:,} of {len(before):,} submissions gone; {first_line(ran)}")


def try_store_folder(bench: Bench, world: World, words: Sequence[Any]) -> None:
    """Run a command with --store on a person's folder."""
    shutil.rmtree(bench.folder / "papers", ignore_errors=True)
    folder = write_personal(bench.folder / "papers", PERSONAL_STORE)
    try_and_compare(bench, folder, list_contents(folder), folder, words)
    strangers = [
        path.name for path in folder.iterdir() if path.name in ("manifest.json", "trend-store.json", "cache.lock")
    ]
    if strangers:
        bench.report("a store was made among a person's files", str(strangers))


def try_out_folder(bench: Bench, world: World, words: Sequence[Any], names: Sequence[str]) -> None:
    """Run the weekly job with --out on a person's folder."""
    shutil.rmtree(bench.folder / "site", ignore_errors=True)
    folder = write_personal(bench.folder / "site", names)
    store = bench.copy_store(world.store)
    try_and_compare(bench, folder, list_contents(folder), store, [*words, "--out", folder])


def try_demo(bench: Bench) -> None:
    """Run the demo with --out on a person's folder."""
    names = [
        "change.png",
        "lines.png",
        "volume.png",
        "store/notes.txt",
        "weekly/index.html",
        "weekly/latest/own.txt",
        "a.txt",
    ]
    folder = write_personal(bench.folder / "demo", names)
    ran = bench.run(None, "demo", "--out", folder)
    bench.judge(ran, "demo")
    gone = [name for name in names if f"mine: {name}".encode() not in list_contents(folder)]
    if gone:
        bench.report("loss", f"{gone} gone; {first_line(ran)}")


def try_foreign_manifest(bench: Bench, world: World, words: Sequence[Any]) -> None:
    """Run a command on a store whose manifest names files outside of it, as one from elsewhere may."""
    shutil.rmtree(bench.folder / "near", ignore_errors=True)
    near = write_personal(bench.folder / "near", ["one.txt", "two.txt", "three.0123456789ab.parquet"])
    store = bench.copy_store(world.store)
    value = json.loads((store / "manifest.json").read_text(encoding="utf-8"))
    value["dropped"] = [
        str(near / "one.txt"),
        "../near/two.txt",
        "arxiv/months/../../../near/three.0123456789ab.parquet",
    ]
    value.pop("checksum", None)  # as an older program writes it, which knows none
    (store / "manifest.json").write_text(json.dumps(value), encoding="utf-8")
    try_and_compare(bench, near, list_contents(near), store, words)
