"""A child process that runs a command line and kills itself at one of its own operations on the disk.

    python tests/journeys/killed.py KIND NUMBER LOG -- fetch ...

Operations are counted by kind: 'write' (half of it is on the disk when the kill comes), 'sync', 'rename' and 'removal'
(killed before or after it, in turn). With KIND 'none' nothing is killed, and LOG gets the number of operations by kind.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

KIND, NUMBER, LOG = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
counts: Counter[str] = Counter()


def is_due(kind: str) -> bool:
    """Count an operation, and return whether it is the one to be killed at."""
    counts[kind] += 1
    return kind == KIND and counts[kind] - 1 == NUMBER


def kill_self() -> None:
    with LOG.open("a") as log:
        log.write(f"{KIND}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def wrap_function(module: Any, name: str, kind: str) -> None:
    """Replace a function of a module by one that counts its calls, and may be killed before or after one."""
    real: Callable[..., Any] = getattr(module, name)

    def count_and_call(*args: Any, **options: Any) -> Any:
        is_last = is_due(kind)
        if is_last and NUMBER % 2 == 0:
            kill_self()
        value = real(*args, **options)
        if is_last:
            kill_self()
        return value

    setattr(module, name, count_and_call)


class HalfFile:
    """A file of which half of the first write reaches the disk before the kill."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __enter__(self) -> HalfFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.close()

    def write(self, data: bytes) -> None:
        self.stream.write(data[: len(data) // 2])
        self.stream.flush()
        kill_self()


def main() -> None:
    import pyarrow.parquet as pq

    from trendcli.cli import main as run_trend
    from trendcli.sources import arxiv_api, oai

    arxiv_api.MAX_SLICE_RESULTS, oai.PAGES_PER_COMMIT = 60, 1  # so that a small corpus takes many commits
    wrap_function(os, "fsync", "sync")
    wrap_function(os, "replace", "rename")
    wrap_function(os, "unlink", "removal")
    write_table, path_open, write_text = pq.write_table, Path.open, Path.write_text

    def write_half_table(table: Any, where: Any, **options: Any) -> None:
        is_last = is_due("write")
        write_table(table, where, **options)
        if is_last:
            os.truncate(where, Path(where).stat().st_size // 2)
            kill_self()

    def open_half_file(self: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        stream = path_open(self, mode, *args, **options)
        return HalfFile(stream) if mode == "wb" and is_due("write") else stream

    def write_half_text(self: Path, data: str, *args: Any, **options: Any) -> int:
        if is_due("write"):
            write_text(self, data[: len(data) // 2], *args, **options)
            kill_self()
        return write_text(self, data, *args, **options)

    pq.write_table, Path.open, Path.write_text = write_half_table, open_half_file, write_half_text  # type: ignore[method-assign,assignment]
    sys.argv = ["trend", *sys.argv[sys.argv.index("--") + 1 :]]
    try:
        run_trend()
    finally:
        if KIND == "none":
            LOG.write_text(json.dumps(counts))


if __name__ == "__main__":
    main()
