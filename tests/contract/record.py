"""Record the contract that scripts, notebooks and cron jobs rely on: `python -m tests.contract.record`.

It writes contract.json (flags, JSON keys, exit codes, public names) and the folder `store`, a small store in the format
of this version. Run it only to add to the contract; what an earlier version promised has to stay.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer.main

import trendcli
from tests.commands import run
from trendcli.cli import build_app

HERE = Path(__file__).resolve().parent
STORE = HERE / "store"
CONTRACT = HERE / "contract.json"
COMMANDS: dict[str, str] = {
    "comparison": "report --period 2019 --vs 2018",
    "sensitivity": "report -t gan --period 2019 --vs 2018 --sensitivity",
    "series": "report -t gan --by month",
    "volume": "report --by year",
    "across": "report -t gan --by year --across category",
    "decomposition": "report -t gan --period 2019 --vs 2018 --decompose",
    "explanation": "explain -t gan --period 2019 --vs 2018",
    "papers": "papers -t gan",
    "search": "papers --search adversarial",
    "authors": "authors -t gan",
    "terms": "terms --period 2019-01 --vs 2018-01",
    "new names": "terms --name-like *GAN",
    "status": "status",
    "doctor": "doctor",
    "topics list": "topics list",
    "topics explain": "topics explain 1901.00001",
    "topics check": "topics check gan",
    "topics compare": "topics compare gan bayesian",
    "digest": "digest --period 2019-01",
    "venue comparison": "report --corpus iclr --period 2020 -t gan",
    "acceptance": "report --corpus iclr --period 2020 --outcome accepted -t gan",
    "no such topic": "report -t no-such-topic",
    "no such period": "report --period soon",
    "not covered": "report -c math.AG",
    "no such option": "report --no-such-option",
}
# objects whose keys are labels of the data (topics, periods), so no part of the contract
BY_LABEL = {"rules", "data", "bases"}


def flags() -> dict[str, list[str]]:
    """Every command with its arguments and the spellings of its options."""
    return dict(sorted(_flags(typer.main.get_command(build_app()), "trend")))


def _flags(command: Any, name: str) -> Iterator[tuple[str, list[str]]]:
    if hasattr(command, "commands"):
        for part, inner in command.commands.items():
            yield from _flags(inner, f"{name} {part}")
    yield (
        name,
        sorted(spelling for parameter in command.params for spelling in parameter.opts + parameter.secondary_opts),
    )


def key_paths(value: Any) -> set[str]:
    """The keys of a JSON value, nested ones behind a dot; those of a list are those of all its members."""
    if isinstance(value, Mapping):
        nested = {f"{name}.{end}" for name, inner in value.items() if name not in BY_LABEL for end in key_paths(inner)}
        return {*value, *nested}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {path for member in value for path in key_paths(member)}
    return set()


def record_replies(store: Path) -> dict[str, dict[str, Any]]:
    """The exit code of each command on a store, and the keys of its JSON."""
    replies = {}
    for name, command in COMMANDS.items():
        words = [*command.split(), "--store", str(store), "--format", "json"]
        result = run(*words)
        keys = sorted(key_paths(json.loads(result.stdout))) if result.stdout else []
        replies[name] = {"code": result.exit_code, "keys": keys}
    return replies


def write_store(root: Path) -> None:
    """Two months of made-up submissions, a revision of one of them, and a made-up conference, by the command line."""

    def record(number: int, month: int, title: str, version: int = 1) -> dict[str, Any]:
        ident, day = f"{1800 + month:04d}.{number:05d}", (number % 27) + 1
        dates = [
            f"{day:02d} {'Jan' if month in (1, 101) else 'Feb'} {2018 + month // 100} 08:00:0{at} GMT"
            for at in range(version)
        ]
        return {
            "id": ident,
            "title": title,
            "abstract": f"We study case {number}.",
            "authors": "Ada Abel, Bo Brandt",
            "categories": "cs.LG stat.ML" if number % 2 else "cs.LG",
            "comments": None,
            "journal-ref": None,
            "doi": None,
            "versions": [{"version": f"v{at + 1}", "created": f"Mon, {text}"} for at, text in enumerate(dates)],
            "update_date": "2019-03-01",
        }

    first = [record(number, month, "Generative adversarial networks" if number < 7 + month // 50 else "On nothing at all") for month in (1, 101) for number in range(1, 21)]  # fmt: skip
    later = [record(1, 101, "Generative adversarial networks, revised", version=2)]
    talks = [{"id": f"talk{number}", "title": "A GAN" if number < 5 else "On nothing", "abstract": "We study it.", "keywords": "GAN", "status": "Poster" if number % 2 else "Reject"} for number in range(20)]  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        for name, rows in (("first.jsonl", first), ("later.jsonl", later)):
            (Path(scratch) / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        (Path(scratch) / "iclr2020.json").write_text(json.dumps(talks), encoding="utf-8")
        for words in (
            ["import", "first.jsonl", "--complete", "all"],
            ["import", "later.jsonl"],
            ["import", "iclr2020.json", "--venue", "iclr", "--year", "2020"],
        ):
            subprocess.run([sys.executable, "-m", "trendcli", *words, "--store", str(root)], cwd=scratch, check=True)


def main() -> None:
    """Write the store and the contract anew."""
    shutil.rmtree(STORE, ignore_errors=True)
    write_store(STORE)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(STORE, Path(scratch) / "store"))
        contract = {"public names": sorted(trendcli.__all__), "flags": flags(), "answers": record_replies(copy)}
    shutil.rmtree(STORE / "cache", ignore_errors=True)
    CONTRACT.write_text(json.dumps(contract, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
