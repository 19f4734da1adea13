"""Commands that run at once."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.torture.bench import MAX_COMMAND_S, Bench, Ran, build_command


def run_together(bench: Bench, store: Path, commands: Sequence[Sequence[Any]], env: Mapping[str, str]) -> list[Ran]:
    """Start commands at once and return what each said."""
    processes, files = [], []
    for number, words in enumerate(commands):
        bench.count("commands")
        paths = [bench.folder / f"{name}-{number}" for name in ("out", "err")]
        with paths[0].open("wb") as out, paths[1].open("wb") as err:
            processes.append(
                subprocess.Popen(
                    build_command(store, tuple(words)), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    env={**bench.env, **env}, cwd=bench.folder, start_new_session=True,
                )
            )  # fmt: skip
        files.append(paths)
    ended = []
    for process, (out_path, err_path) in zip(processes, files, strict=True):
        is_hung = False
        try:
            process.wait(MAX_COMMAND_S)
        except subprocess.TimeoutExpired:
            is_hung = True
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        ended.append(Ran(process.returncode, out_path.read_bytes(), err_path.read_text(errors="replace"), is_hung))
    return ended
