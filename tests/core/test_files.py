from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trendcli.core.files import atomic_draft, draft_path, exclusive_lock, read_error, write_file_atomically


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
