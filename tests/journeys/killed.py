"""A child process that runs a command line and kills itself at one of its own deeds on the disk.

    python tests/journeys/killed.py KIND NUMBER LOG -- fetch ...

Deeds are counted by kind: 'write' (half of it is on the disk when the kill comes), 'sync', 'rename' and 'removal'
(before or after, in turn). With KIND 'none' nothing is killed, and LOG is told how many deeds of each kind there were.
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
seen: Counter[str] = Counter()


def due(kind: str) -> bool:
    seen[kind] += 1
    return kind == KIND and seen[kind] - 1 == NUMBER


def die() -> None:
    with LOG.open("a") as log:
        log.write(f"{KIND}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def around(module: Any, name: str, kind: str) -> None:
    real: Callable[..., Any] = getattr(module, name)

    def deed(*args: Any, **options: Any) -> Any:
        mine = due(kind)
        if mine and NUMBER % 2 == 0:
            die()
        value = real(*args, **options)
        if mine:
            die()
        return value

    setattr(module, name, deed)


def main() -> None:
    import pyarrow.parquet as pq

    from trendcli.cli import main as trend
    from trendcli.sources import arxiv_api, oai

    arxiv_api.MAX_SLICE_RESULTS, oai.PAGES_PER_COMMIT = 60, 1  # so that a small corpus takes many commits
    around(os, "fsync", "sync")
    around(os, "replace", "rename")
    around(os, "unlink", "removal")
    write_table, path_open, write_text = pq.write_table, Path.open, Path.write_text

    def half_a_table(table: Any, where: Any, **options: Any) -> None:
        mine = due("write")
        write_table(table, where, **options)
        if mine:
            os.truncate(where, Path(where).stat().st_size // 2)
            die()

    def half_a_file(self: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        stream = path_open(self, mode, *args, **options)
        if mode == "wb" and due("write"):
            real = stream.write

            class Half:
                def __enter__(self) -> Half:
                    return self

                def __exit__(self, *error: object) -> None:
                    stream.close()

                def write(self, data: bytes) -> None:
                    real(data[: len(data) // 2])
                    stream.flush()
                    die()

            return Half()
        return stream

    def half_a_text(self: Path, data: str, *args: Any, **options: Any) -> int:
        if due("write"):
            write_text(self, data[: len(data) // 2], *args, **options)
            die()
        return write_text(self, data, *args, **options)

    pq.write_table, Path.open, Path.write_text = half_a_table, half_a_file, half_a_text  # type: ignore[method-assign,assignment]
    sys.argv = ["trend", *sys.argv[sys.argv.index("--") + 1 :]]
    try:
        trend()
    finally:
        if KIND == "none":
            LOG.write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
