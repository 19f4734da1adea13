"""Worker processes for work on several cores, forked from a clean server and never from a process with threads."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import Any

from trendcli.core.errors import RetryableError

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


@contextmanager
def create_pool() -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of worker processes, one per core.

    Raise RetryableError where one of them was killed, as Linux does when memory runs out, or asked for too much memory.
    """
    try:
        with ProcessPoolExecutor(count_cores(), mp_context=_process_context(), initializer=_init_worker) as pool:
            yield pool
    except (BrokenProcessPool, MemoryError) as error:
        reason = "ran out of memory" if isinstance(error, MemoryError) else "was killed, probably for lack of memory"
        raise RetryableError(
            f"A worker process {reason}. What was stored before is unchanged. Free some memory and try again; on one "
            "core the work needs less: taskset -c 0 trend ..."
        ) from None


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
