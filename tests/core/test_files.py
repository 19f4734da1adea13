from __future__ import annotations

from pathlib import Path

import pytest

from trendcli.core.files import atomic_draft, exclusive_lock, write_file_atomically


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.json"
    write_file_atomically(path, b"old")
    write_file_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_after_an_error_the_old_content_stays_and_the_draft_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"), atomic_draft(path) as draft:
        draft.write_bytes(b"half")
        assert path.read_bytes() == b"old"
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == b"old"


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with exclusive_lock(path), pytest.raises(TimeoutError), exclusive_lock(path, timeout_s=0):
        pass
    with exclusive_lock(path, timeout_s=0):
        pass
