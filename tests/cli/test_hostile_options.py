"""Hostile values for every option of every command: an answer, or a sentence with a documented exit code."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.commands import run
from trendcli.cli import _ALL_TARGETS, build_app
from trendcli.cli.base import CommonOptions
from trendcli.store.store import Store

# no path leads out of the folder of the test, since some options are folders to write into
HOSTILE = [
    "", " ", "-", "--", "-1", "0", "1", "1.5", "nan", "inf", "1e999", "9" * 30, "9" * 5000, "٣", "²", "0x10", "1_000", "true", "none",
    "2019", "2019-13", "2019-02-30", "0000", "9999", "10000", "2019-W00", "2019-W54", "2019-Q5", "2019-01-01T00:00", "-2019", "2019:", ":", "2015:2018",
    "24m", "0y", "99999999y", "previous", "year-ago", "cs.*", "*", "[", "]", "(", "[a-z", "{", "}", "%", "%s", "{0}", "$(id)", "`id`", "'", '"', '"unclosed',
    "a'; DROP TABLE paper; --", "\\", "\\\\", "\n", "a\nb", "\t", "\x00", "a\x00b", "\x1b[31m", "\u202e", "caf\udce9", "日本語", "😀" * 300, "x" * 5000, "x " * 3000,
    "(" * 500, "OR", "a OR", "-a", "title:", "title:*", "*a", "a*", "a/../b", "/dev/null", "/proc/x.csv", ".", "~", "x.csv", "x.png", "x.parquet", "x.json",
    "x.unknown", ".csv", "http://", "1706.03762", "1706.99999", "9999.99999", "hep-th/9901001", "gan", "gan,rnn", "ml", "arxiv", "iclr", "accepted", "any", "table", "json", "bibtex",
]  # fmt: skip
# what an option needs beside it to be reached
NEEDED = {
    "chart": ["lines", "-t", "gan", "-o", "c.png"], "export": ["-o", "e.csv"], "explain": ["-t", "gan"], "verify": ["r.json"],
    "topics show": ["gan"], "topics match": ["1801.00000"], "topics sample": ["gan"], "topics compare": ["gan", "rnn"],
    "topics new": ["newt", "--from", "adversarial network"], "import": ["r.jsonl"],
}  # fmt: skip
SLOW = {"demo", "topics check", "topics explain"}  # seconds each; the last is an old name of another
DOCUMENTED = {0, 2, 3, 4, 5}


def list_options() -> Iterator[tuple[str, str]]:
    """Yield each command with each of its options that takes a value, and '' for an argument; common options once."""
    common = {field.name for field in fields(CommonOptions)}
    app = typer.main.get_command(build_app())
    for path in sorted(_ALL_TARGETS.keys() - SLOW):
        command: Any = app
        for name in path.split():
            command = command.commands[name]
        for parameter in command.params:
            if not getattr(parameter, "is_flag", False) and (
                path == "report" or parameter.name not in common | {"help"}
            ):
                yield path, (parameter.opts[-1] if parameter.param_type_name == "option" else "")


@pytest.fixture
def folder(gans: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(gans.root, tmp_path / "store")
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("ARXIV", "OAI", "OPENREVIEW", "OPENREVIEW_V1"):
        monkeypatch.setenv(f"TREND_{name}_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("TREND_REQUEST_INTERVAL_S", "0")
    monkeypatch.setenv("TREND_STORE", str(tmp_path / "store"))
    return tmp_path


def check(words: list[str]) -> None:
    result = run(*words)
    shown = [word[:60] for word in words]
    assert result.exception is None or isinstance(result.exception, SystemExit), (shown, result.exception)
    assert result.exit_code in DOCUMENTED, (shown, result.exit_code, result.stderr)
    assert result.exit_code in (0, 4, 5) or result.stderr, shown
    assert len(result.stderr) < 4000 and not set("\x1b\x00\u202e") & set(result.stdout + result.stderr), shown


@pytest.mark.journey
def test_hostile_values(folder: Path) -> None:
    rng = random.Random(1)
    for path, option in list_options():
        value, needed = rng.choice(HOSTILE), NEEDED.get(path, [])
        check([*path.split(), *([value, *needed[1:]] if not option else [*needed, option, value])])


def test_text_that_is_not_utf_8_is_refused_and_a_path_is_not(folder: Path) -> None:
    for words in (
        ["papers", "--search", "caf\udce9"],
        ["report", "-t", "caf\udce9"],
        ["authors", "--author", "\udcff"],
    ):
        result = run(*words)
        assert (result.exit_code, result.stdout) == (2, "") and "is not UTF-8 text" in result.stderr
    assert run("report", "-t", "gan", "-o", "caf\udce9.csv").exit_code == 0
    assert (folder / "caf\udce9.csv").exists()
