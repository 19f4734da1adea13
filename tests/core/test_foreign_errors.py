"""Each error of Python and of libraries that input, damage or a machine can cause, made once by what really raises it."""

from __future__ import annotations

import csv
import errno
import json
import os
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
import yaml

from trendcli.core.errors import StoreDamaged, TrendError, UsageError
from trendcli.core.foreign_errors import is_interrupt, translate_error, translated_errors

INTACT = "Everything stored before this command is intact."


def catch(function: Callable[[], Any]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def raising(error: BaseException) -> Callable[[], Any]:
    def function() -> None:
        raise error

    return function


def data_file(folder: Path, change: Callable[[bytes], bytes] = bytes) -> Path:
    path = folder / "2018-06.0123456789ab.parquet"
    pq.write_table(pa.table({"n": range(9999), "t": [f"text {n}" for n in range(9999)]}), path)
    path.write_bytes(change(path.read_bytes()))
    return path


def read_by_duckdb(path: Path) -> Any:
    return duckdb.sql(f"SELECT sum(n), max(t) FROM read_parquet('{path}')").fetchall()


def spoil_page(content: bytes) -> bytes:
    return content[:2000] + bytes(64) + content[2064:]


@pytest.mark.parametrize("read", [read_by_duckdb, pq.read_table])
@pytest.mark.parametrize(
    "change", [lambda content: content[:100], lambda content: b"", lambda content: content[: len(content) // 2], spoil_page]
)  # fmt: skip
def test_a_damaged_data_file_is_named_with_what_to_do(
    tmp_path: Path, read: Callable[[Path], Any], change: Callable[[bytes], bytes]
) -> None:
    path = data_file(tmp_path, change)
    translated = translate_error(catch(lambda: read(path)))
    assert isinstance(translated, StoreDamaged)
    assert str(translated).endswith("Run `trend doctor` to list the damage, then `trend doctor --fix`.")
    assert str(translated).startswith(
        (f"{path} is missing or damaged (", "A file of the store is missing or damaged (Corrupt")
    )


@pytest.mark.parametrize(
    "read", [read_by_duckdb, pq.read_table, pq.ParquetFile, lambda path: pa.OSFile(str(path)), Path.read_bytes]
)
def test_a_missing_data_file_is_named(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    path = tmp_path / "2018-06.0123456789ab.parquet"
    translated = translate_error(catch(lambda: read(path)))
    assert isinstance(translated, StoreDamaged) and str(translated).startswith(f"{path} is missing or damaged (")


def test_a_relative_path_is_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path.parent)
    path = data_file(tmp_path, lambda content: content[:100]).relative_to(tmp_path.parent)
    for read in (read_by_duckdb, pq.read_table):
        assert str(translate_error(catch(lambda: read(path)))).startswith(f"{path} is missing or damaged (")


def recurse() -> None:
    recurse()


OTHERS: list[tuple[Callable[[], Any], int, str]] = [
    (raising(MemoryError()), 4, "Not enough memory."),
    (lambda: bytearray(1 << 62), 4, "Not enough memory."),
    (raising(duckdb.OutOfMemoryException("failed to allocate data of size 1.0 GiB")), 4, "Not enough memory."),
    (raising(pa.ArrowMemoryError("malloc of size 64 failed")), 4, "Not enough memory."),
    (raising(RuntimeError("can't start new thread")), 4, "Not enough memory."),
    (raising(BrokenProcessPool("A child process terminated abruptly")), 3, "A worker process was killed"),
    (recurse, 2, "The input is nested too deeply to be read."),
    (lambda: json.loads("[" * 200_000), 2, "The input is nested too deeply to be read."),
    (b"caf\xe9".decode, 4, "Data cannot be read or written ('utf-8' codec can't decode byte 0xe9"),
    ("caf\udce9".encode, 4, "Data cannot be read or written ('utf-8' codec can't encode character"),
    (lambda: json.loads("{"), 4, "Data cannot be read or written (Expecting property name"),
    (lambda: msgspec.json.decode(b"{"), 4, "Data cannot be read or written (Input data was truncated"),
    (lambda: yaml.safe_load("{"), 4, "Data cannot be read or written (while parsing"),
    (lambda: zlib.decompress(b"abc"), 4, "Data cannot be read or written (Error -3"),
    (lambda: list(csv.reader(["\x00a", "x" * 200_000])), 4, "Data cannot be read or written ("),
    (raising(EOFError("Compressed file ended before the end")), 4, "Data cannot be read or written (Compressed file"),
    (lambda: float(10**400), 2, "A number is too large (int too large to convert to float)."),
    (lambda: 2.0**9999, 2, "A number is too large ("),
    (lambda: Path("a\0b").stat(), 2, "A path contains a NUL character (embedded null byte)."),
    (lambda: Path("a" * 5000).stat(), 2, "File name too long: aaa"),
    (raising(requests.ConnectionError("no route")), 3, "The connection failed (no route)."),
    (raising(OSError(errno.ENOSPC, "No space left on device", "/a/b")), 4, f"No space left on device: /a/b. {INTACT}"),
    (raising(OSError(errno.EIO, "Input/output error")), 4, f"Input/output error. {INTACT}"),
    (raising(OSError(errno.EROFS, "Read-only file system", "/a")), 4, f"Read-only file system: /a. {INTACT}"),
    (raising(PermissionError(errno.EACCES, "Permission denied", "/a")), 4, f"Permission denied: /a. {INTACT}"),
    (raising(OSError("Not a gzipped file")), 4, f"Not a gzipped file. {INTACT}"),
    (
        raising(duckdb.IOException('{"exception_message":"Could not write file \\"/m/x.csv.12.draft\\": No space left on device"}')),
        4, f"No space left on device: /m/x.csv. {INTACT}",
    ),
    (lambda: duckdb.sql("SELECT 9999999999::INTEGER").fetchall(), 4, "A file of the store is missing or damaged ("),
]  # fmt: skip


@pytest.mark.parametrize(("function", "code", "message"), OTHERS)
def test_what_machine_and_input_cause_is_a_sentence_with_a_code(
    function: Callable[[], Any], code: int, message: str
) -> None:
    translated = translate_error(catch(function))
    assert translated is not None and translated.exit_code == code, translated
    assert str(translated).startswith(message) and len(str(translated)) < 6000


@pytest.mark.parametrize(
    "function",
    [
        raising(AssertionError("a bug")), lambda: {}["none"], lambda: None.none, lambda: int("x"),  # type: ignore[attr-defined]
        lambda: duckdb.sql("SELEC 1"), lambda: duckdb.sql("SELECT none"), lambda: duckdb.sql("FROM none"),
    ],
)  # fmt: skip
def test_a_bug_stays_a_bug(function: Callable[[], Any]) -> None:
    error = catch(function)
    assert translate_error(error) is None and not is_interrupt(error)
    with pytest.raises(type(error)), translated_errors():
        function()


def test_an_expected_failure_is_itself() -> None:
    error = UsageError("No.")
    assert translate_error(error) is error
    with pytest.raises(UsageError) as caught, translated_errors():
        raise error
    assert caught.value is error


def test_the_cause_of_a_translated_error_is_kept() -> None:
    with pytest.raises(TrendError) as caught, translated_errors():
        raise MemoryError
    assert isinstance(caught.value.__cause__, MemoryError)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RuntimeError("Query interrupted"), duckdb.InterruptException("INTERRUPT Error: Interrupted!")]
)  # fmt: skip
def test_an_interrupt_is_known_by_all_its_names(error: BaseException) -> None:
    assert is_interrupt(error)
    with pytest.raises(KeyboardInterrupt), translated_errors():
        raise error


@pytest.mark.journey
def test_a_killed_worker() -> None:
    with ProcessPoolExecutor(1) as pool:
        error = catch(lambda: pool.submit(os._exit, 1).result())
    translated = translate_error(error)
    assert translated is not None and translated.exit_code == 3
