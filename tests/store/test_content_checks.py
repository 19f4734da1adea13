from __future__ import annotations

import os
from pathlib import Path

import pytest

from trendcli.store import content_checks
from trendcli.store.content_checks import ContentChecks
from trendcli.store.data_files import hash_content


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose content was read."""
    names: list[str] = []

    def hash_and_note(path: Path) -> str:
        names.append(path.name)
        return hash_content(path)

    monkeypatch.setattr(content_checks, "hash_content", hash_and_note)
    return names


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, hashed: list[str]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    digest = hash_content(path)[:12]
    assert ContentChecks(tmp_path).find_damaged([(path, digest)]) == []
    assert ContentChecks(tmp_path).find_damaged([(path, digest)]) == []
    assert hashed == ["a"]
    path.write_bytes(b"kontent")
    assert ContentChecks(tmp_path).find_damaged([(path, digest)]) == [path]
    path.unlink()
    assert ContentChecks(tmp_path).find_damaged([(path, digest)]) == [path]
    assert hashed == ["a", "a"]


def test_a_copy_is_another_file(tmp_path: Path, hashed: list[str]) -> None:
    """As rsync leaves one, with size and time of the first."""
    path, copy = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"content")
    checks, digest = ContentChecks(tmp_path), hash_content(path)
    assert checks.find_damaged([(path, digest)]) == []
    copy.write_bytes(b"kontent")
    os.utime(copy, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))
    copy.replace(path)
    assert checks.find_damaged([(path, digest)]) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a 1": 5}', b"\xff"])
def test_a_damaged_list_has_files_read_again(tmp_path: Path, hashed: list[str], content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    digest = hash_content(path)
    ContentChecks(tmp_path).find_damaged([(path, digest)])
    (tmp_path / "cache" / "checked.json").write_bytes(content)
    assert ContentChecks(tmp_path).find_damaged([(path, digest)]) == []
    assert hashed == ["a", "a"]


def test_where_nothing_can_be_written_the_process_remembers(
    tmp_path: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(content_checks, "write_file_atomically", refuse)
    path = tmp_path / "a"
    path.write_bytes(b"content")
    checks = ContentChecks(tmp_path)
    for _ in range(2):
        assert checks.find_damaged([(path, hash_content(path))]) == []
    assert hashed == ["a"]


def test_the_states_of_files_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    checks = ContentChecks(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"content")
        checks.find_damaged([(tmp_path / name, hash_content(tmp_path / name))])
        (tmp_path / "a").unlink(missing_ok=True)
    assert b'"b ' in (tmp_path / "cache" / "checked.json").read_bytes()
    assert b'"a ' not in (tmp_path / "cache" / "checked.json").read_bytes()
