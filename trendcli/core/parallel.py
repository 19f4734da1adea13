"""Worker processes for what takes both cores: started from a clean process, never forked off one that has threads."""

from __future__ import annotations

import gc
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from typing import Any

# what workers need, imported once by the server that they are forked from
_PRELOADED_MODULES = [
    "trendcli.cli",
    "trendcli.store.ingest",
    "trendcli.sources.snapshot_records",
    "trendcli.topics.matcher",
]


def count_cores() -> int:
    """How many processes may work: the cores that this process was given."""
    with suppress(AttributeError):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def create_pool() -> ProcessPoolExecutor:
    """A pool of worker processes, one a core."""
    return ProcessPoolExecutor(count_cores(), mp_context=_process_context(), initializer=_init_worker)


def start_forkserver() -> None:
    """Start what workers are made from, while the caller still has other things to do."""
    with suppress(ImportError):
        from multiprocessing import forkserver

        _process_context()
        forkserver.ensure_running()


def _init_worker() -> None:
    from trendcli.core.arrow import use_system_allocator

    use_system_allocator()
    gc.disable()  # it finds nothing to collect in batches of records, at a tenth of the time


def _process_context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED_MODULES)
    return context
