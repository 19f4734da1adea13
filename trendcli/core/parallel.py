"""Worker processes for work on several cores, forked from a clean server and never from a process with threads."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

# imported once by the server that workers are forked from
_PRELOADED_MODULES = [
    "trendcli.cli",
    "trendcli.store.ingest",
    "trendcli.sources.snapshot_records",
    "trendcli.topics.matcher",
]


# bytes of the path of the temporary folder, to which 31 are added: 104 are the least that a system allows
MAX_TEMPORARY_PATH = 70


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    with suppress(AttributeError):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Pool(ProcessPoolExecutor):
    """A pool that drops waiting tasks when its block ends with an error, so that Ctrl-C waits for one task at most."""

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        """Wait for all tasks, or after an error for the running ones."""
        self.shutdown(cancel_futures=error_type is not None)


def create_pool() -> ProcessPoolExecutor:
    """Return a pool of worker processes, one per core."""
    start_forkserver()
    return _Pool(count_cores(), mp_context=_process_context(), initializer=_init_worker)


def start_forkserver() -> None:
    """Start the server that workers are forked from, so that it is ready when the caller needs them."""
    with suppress(ImportError):
        from multiprocessing import forkserver, resource_tracker

        if _process_context().get_start_method() != "forkserver":
            return
        resource_tracker.ensure_running()  # it would unblock the signal when the server starts it
        with _block_interrupts():
            forkserver.ensure_running()


@contextmanager
def _block_interrupts() -> Iterator[None]:
    """Shield processes started in the block from Ctrl-C, which reaches all of a terminal: the main one ends them.

    They inherit the mask. To ignore the signal when they have started would be too late for their imports, which would
    print a traceback.
    """
    old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)


def _init_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where workers are spawned, without a server
    from trendcli.core.arrow import use_system_allocator

    use_system_allocator()
    gc.disable()  # it finds nothing in batches of records, and takes a tenth of the time


def _process_context() -> Any:
    import tempfile

    # the server listens at a path in the temporary folder, which the system limits to about 100 characters
    is_too_long = len(os.fsencode(tempfile.gettempdir())) > MAX_TEMPORARY_PATH
    if is_too_long or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED_MODULES)
    return context
