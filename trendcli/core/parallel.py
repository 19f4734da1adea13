"""Worker processes for work on several cores, forked from a clean server and never from a process with threads."""

from __future__ import annotations

import gc
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from typing import Any

# imported once by the server that workers are forked from
_PRELOADED_MODULES = [
    "trendcli.cli",
    "trendcli.store.ingest",
    "trendcli.sources.snapshot_records",
    "trendcli.topics.matcher",
]


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    with suppress(AttributeError):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def create_pool() -> ProcessPoolExecutor:
    """Return a pool of worker processes, one per core."""
    return ProcessPoolExecutor(count_cores(), mp_context=_process_context(), initializer=_init_worker)


def start_forkserver() -> None:
    """Start the server that workers are forked from, so that it is ready when the caller needs them."""
    with suppress(ImportError):
        from multiprocessing import forkserver

        _process_context()
        forkserver.ensure_running()


def _init_worker() -> None:
    from trendcli.core.arrow import use_system_allocator

    use_system_allocator()
    gc.disable()  # it finds nothing in batches of records, and takes a tenth of the time


def _process_context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED_MODULES)
    return context
