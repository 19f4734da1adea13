from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from trendcli.core.errors import ActionRequiredError, TrendError, UsageError
from trendcli.core.files import (
    atomic_draft,
    draft_path,
    exclusive_lock,
    named_output,
    read_error,
    write_file_atomically,
    write_named_file,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_and_its_folder_are_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    write_file_atomically(path, b"one")
    write_file_atomically(path, b"two")
    assert (path.read_bytes(), names(path.parent)) == (b"two", ["a.json"])


def test_the_old_content_survives_an_error_while_writing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="No space"), atomic_draft(path) as draft:
        draft.write_bytes(b"half of the n")
        assert (path.read_bytes(), names(tmp_path)) == (b"old", ["a.json", f"a.json.{os.getpid()}.draft"])
        raise OSError(28, "No space left on device")
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["a.json"])  # the draft is gone


def test_the_old_content_survives_an_error_while_syncing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def fail(handle: int) -> None:
        raise OSError("power")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="power"):
        write_file_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]  # the draft is gone too, since a full disk needs the room


def test_two_processes_draft_under_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = draft_path(tmp_path / "a.json")
    monkeypatch.setattr("os.getpid", lambda: 123)
    assert draft_path(tmp_path / "a.json") == tmp_path / "a.json.123.draft" != mine


def test_a_lock_that_another_process_holds_times_out(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    code = (
        "import sys\nfrom pathlib import Path\nfrom trendcli.core.files import exclusive_lock\n"
        f"with exclusive_lock(Path({str(path)!r})):\n    print('locked', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "locked\n"
        for timeout_s in (0, 0.1):
            with pytest.raises(TimeoutError), exclusive_lock(path, timeout_s):
                pass
        holder.kill()  # the system releases the lock of a process that is killed
        holder.wait()
    with exclusive_lock(path, timeout_s=10):
        pass


@pytest.mark.parametrize(
    ("file", "error", "message"),
    [
        (Path("a.yaml"), FileNotFoundError(2, "No such file or directory"), "Cannot read a.yaml: No such file or directory."),
        (Path("a.gz"), OSError("Not a gzipped file"), "Cannot read a.gz: Not a gzipped file."),
        ("the topic file a.yaml", UnicodeDecodeError("utf-8", b"\xff", 0, 1, ""), "Cannot read the topic file a.yaml: it is not UTF-8."),
    ],
)  # fmt: skip
def test_why_a_file_cannot_be_read(file: Path | str, error: OSError | UnicodeError, message: str) -> None:
    assert read_error(file, error) == message


def test_an_error_names_the_file_and_not_its_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", raising(errno.ENOSPC))
    with pytest.raises(OSError) as caught:
        write_file_atomically(tmp_path / "a.json", b"new")
    assert caught.value.filename == str(tmp_path / "a.json")
    with pytest.raises(OSError) as caught, atomic_draft(tmp_path / "none" / "a.json") as draft:
        draft.write_bytes(b"")
    assert caught.value.filename == str(tmp_path / "none" / "a.json")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_disk_that_cannot_sync_is_written_anyway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("os.fsync", raising(number))
    write_file_atomically(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"new" and len(names(tmp_path)) == 1


def raising(number: int) -> Callable[..., Any]:
    def fail(*arguments: Any, **options: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_file_that_a_user_names_is_replaced_and_keeps_link_and_permissions(tmp_path: Path) -> None:
    target, link = tmp_path / "real.csv", tmp_path / "link.csv"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_named_file(link, b"new")
    assert link.is_symlink() and target.read_bytes() == b"new" and target.stat().st_mode & 0o777 == 0o640
    write_named_file(tmp_path / "new" / "a.csv", b"new")
    assert names(tmp_path) == ["link.csv", "new", "real.csv"] and names(tmp_path / "new") == ["a.csv"]


def test_a_device_or_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        write_named_file(pipe, b"new")
        assert reader.stdout is not None and reader.stdout.read() == b"new"
    write_named_file(Path(os.devnull), b"new")
    assert pipe.is_fifo() and Path(os.devnull).is_char_device() and names(tmp_path) == ["pipe"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, ActionRequiredError),
        (errno.EDQUOT, ActionRequiredError),
        (errno.EIO, ActionRequiredError),
        (errno.EROFS, UsageError),
        (errno.EACCES, UsageError),
    ],
)
def test_why_a_file_that_a_user_named_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[TrendError]
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "write_bytes", raising(number))
    with pytest.raises(kind) as caught:
        write_named_file(path, b"new")
    assert type(caught.value) is kind
    assert str(caught.value) == f"Cannot write {path}: {os.strerror(number)}. Nothing was written."
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["a.csv"])


def test_a_folder_and_a_name_that_is_too_long_are_no_files(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path, "Is a directory"),
        (Path("/"), "Is a directory"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(UsageError, match=reason):
            write_named_file(path, b"new")


NO_FLOCK = [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK]


@pytest.mark.parametrize("number", NO_FLOCK)
def test_without_flock_a_second_file_is_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    path = tmp_path / "lock"
    with exclusive_lock(path):  # on a disk with locks: its file stays
        pass
    monkeypatch.setattr("fcntl.flock", raising(number))
    for _ in range(2):
        with exclusive_lock(path, timeout_s=0):
            assert names(tmp_path) == ["lock", "lock.soft"]
            with pytest.raises(TimeoutError), exclusive_lock(path, timeout_s=0):
                pass
    assert names(tmp_path) == ["lock"]


def test_the_soft_lock_of_a_killed_process_is_dropped_and_that_of_another_computer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, code = tmp_path / "lock", (
        "import errno, os, sys, fcntl\nfrom pathlib import Path\nfrom trendcli.core.files import exclusive_lock\n"
        "def fail(*_):\n    raise OSError(errno.ENOSYS, 'no')\n"
        "fcntl.flock = fail\nwith exclusive_lock(Path(sys.argv[1])):\n    os._exit(0)\n"
    )  # fmt: skip
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert names(tmp_path) == ["lock", "lock.soft"]
    monkeypatch.setattr("fcntl.flock", raising(errno.ENOSYS))
    with exclusive_lock(path, timeout_s=0):
        pass
    (tmp_path / "lock.soft").write_text("1234\nanother-computer\n")
    monkeypatch.setattr("trendcli.core.files.MAX_SOFT_LOCK_WAIT_S", 0.2)
    for timeout_s in (0, -1):  # nobody waits for ever
        with pytest.raises(TimeoutError), exclusive_lock(path, timeout_s):
            pass
    assert (
        caplog.messages
        == [
            f"{tmp_path / 'lock.soft'} is held by process 1234 on another-computer. If that is not running, delete the file."
        ]
        * 2
    )


def test_an_error_about_a_file_that_is_read_meanwhile_is_not_about_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, named_output(tmp_path / "a.csv"):
        (tmp_path / "input").read_bytes()
    assert caught.value.filename == str(tmp_path / "input") and names(tmp_path) == []
    with pytest.raises(duckdb.IOException), named_output(tmp_path / "a.csv"):
        raise duckdb.IOException('IO Error: Cannot open file "b.parquet": Permission denied')


def test_a_disk_that_fills_under_an_engine_is_said_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(ActionRequiredError) as caught, named_output(path):
        raise duckdb.IOException("IO Error: Could not write all bytes: No space left on device")
    assert str(caught.value) == f"Cannot write {path}: No space left on device. Nothing was written."
