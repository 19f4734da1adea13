"""Worker processes for what takes both cores: started from a clean process, never forked off one that has threads."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from typing import Any

# what workers need, imported once by the server that they are forked from
_PRELOAD = ["trendcli.cli", "trendcli.ingest", "trendcli.sources.records"]


def cores() -> int:
    """How many processes may work: the cores that this process was given, two at most."""
    with suppress(AttributeError):
        return min(2, len(os.sched_getaffinity(0)))
    return min(2, os.cpu_count() or 1)


def pool(initializer: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """A pool of worker processes, one a core."""
    return ProcessPoolExecutor(cores(), mp_context=_context(), initializer=initializer)


def warm_up() -> None:
    """Start what workers are made from, while the caller still has other things to do."""
    with suppress(ImportError):
        from multiprocessing import forkserver

        _context()
        forkserver.ensure_running()


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    return context
