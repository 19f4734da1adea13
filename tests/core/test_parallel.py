from __future__ import annotations

import gc
import importlib.util
import multiprocessing
import multiprocessing.forkserver
import os
import sys
from typing import Any

import pytest

from trendcli.core import parallel
from trendcli.core.parallel import count_cores, create_pool, start_forkserver


def allocator_name() -> str:
    import pyarrow as pa

    return str(pa.default_memory_pool().backend_name)


@pytest.fixture
def pool_arguments(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Of each pool that was created, the number of workers and the start method; no process is started."""
    arguments: list[tuple[int, str]] = []

    def record_pool(worker_count: int, mp_context: Any, initializer: Any) -> None:
        arguments.append((worker_count, mp_context.get_start_method()))

    monkeypatch.setattr(parallel, "_Pool", record_pool)
    return arguments


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5, 7}, raising=False)
    assert count_cores() == 3


@pytest.mark.parametrize(("cpu_count", "cores"), [(8, 8), (None, 1)])
def test_where_the_system_does_not_say_all_cores_may_be_used(
    monkeypatch: pytest.MonkeyPatch, cpu_count: int | None, cores: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cpu_count)
    assert count_cores() == cores


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="there is no forkserver here")
def test_a_pool_has_a_worker_per_core_from_the_server(
    monkeypatch: pytest.MonkeyPatch, pool_arguments: list[tuple[int, str]]
) -> None:
    monkeypatch.setattr(parallel, "count_cores", lambda: 3)
    create_pool()
    assert pool_arguments == [(3, "forkserver")]


def test_where_there_is_no_server_workers_start_anew(
    monkeypatch: pytest.MonkeyPatch, pool_arguments: list[tuple[int, str]]
) -> None:
    monkeypatch.setattr(parallel, "count_cores", lambda: 3)
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    create_pool()
    assert pool_arguments == [(3, "spawn")]


def test_a_worker_collects_no_garbage_and_takes_memory_from_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "count_cores", lambda: 1)
    with create_pool() as pool:
        assert list(pool.map(abs, [-1, 2, -3])) == [1, 2, 3]
        assert pool.submit(os.getpid).result() != os.getpid()
        assert not pool.submit(gc.isenabled).result()
        assert pool.submit(allocator_name).result() == "system"
    assert gc.isenabled()


def test_modules_that_the_server_imports_exist() -> None:
    """The server passes over a module that it cannot import, and every worker would then import it by itself."""
    assert [name for name in parallel._PRELOADED_MODULES if importlib.util.find_spec(name) is None] == []


def test_the_server_is_started_ahead_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[str] = []
    monkeypatch.setattr(multiprocessing.forkserver, "ensure_running", lambda: starts.append("server"))
    start_forkserver()
    assert starts == ["server"]


def test_where_there_is_no_server_none_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(multiprocessing, "forkserver")
    monkeypatch.setitem(sys.modules, "multiprocessing.forkserver", None)
    monkeypatch.setattr(parallel, "_process_context", lambda: pytest.fail("a context was asked for"))
    start_forkserver()
