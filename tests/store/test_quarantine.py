from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.worlds import fill, paper
from trendcli.core.errors import StoreDamaged
from trendcli.store.quarantine import (
    find_leftovers,
    list_expired_folders,
    quarantine_files,
    quarantine_leftovers,
    remove_expired_folders,
)
from trendcli.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return fill(tmp_path / "store", [paper("1801.00001", "2018-01-05")])


def touch(root: Path, *names: str) -> list[Path]:
    paths = [root / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return sorted(paths)


def test_only_names_that_a_store_makes_are_leftovers(store: Store) -> None:
    assert find_leftovers(store) == []
    ours = touch(
        store.root,
        "arxiv/months/2018-02.00000000000a.parquet",
        "arxiv/updates/000002-000.00000000000b.parquet",
        "arxiv/months/2018-02.77.draft",
        "arxiv/updates/000002-000.77.draft",
        "manifest.json.1.draft",
        "manifests/000002.json.1.draft",
        "trend-store.json.1.draft",
    )
    touch(
        store.root,
        "arxiv/months/2018-02.parquet",
        "arxiv/months/thesis.draft",
        "arxiv/months/2018-02.draft",
        "thesis/months/2018-02.00000000000a.parquet",
        "thesis/chapter.1.draft",
        "notes.1.draft",
        "venues/iclr/manifest.json.1.draft",  # a venue has its own
        "cache/cells/0123456789abcdef.1.draft",  # another process may be writing it
    )
    assert find_leftovers(store) == ours


def test_leftovers_are_moved_and_a_name_that_is_taken_gets_a_number(store: Store) -> None:
    for content in (b"one", b"two"):
        (path,) = touch(store.root, "arxiv/months/2018-02.00000000000a.parquet")
        path.write_bytes(content)
        assert quarantine_leftovers(store) == [path] and not path.exists()
    kept = sorted((store.root / "quarantine").rglob("2018-02*"))
    assert [(path.name, path.read_bytes()) for path in kept] == [
        ("2018-02.00000000000a.parquet", b"one"),
        ("2018-02.00000000000a.parquet.1", b"two"),
    ]
    assert kept[0].parent.relative_to(store.root / "quarantine").parts[1:] == ("arxiv", "months")


def test_a_file_of_a_later_commit_shows_that_the_manifest_is_older(store: Store) -> None:
    (next_file,) = touch(store.root, "arxiv/updates/000002-000.00000000000b.parquet")
    (later_file,) = touch(store.root, "arxiv/updates/000003-000.00000000000c.parquet")
    with pytest.raises(StoreDamaged, match=r"000003-000.* was written by a later commit.*--rebuild"):
        quarantine_leftovers(store)
    assert next_file.exists() and later_file.exists()


def test_what_was_kept_for_thirty_days_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    touch(
        tmp_path, "quarantine/2026-01-01/a", "quarantine/2026-01-02/b", "quarantine/notes/c", "quarantine/2026-99-99/d"
    )
    assert list_expired_folders(tmp_path, date(2026, 1, 31)) == []
    assert remove_expired_folders(tmp_path, date(2026, 2, 1)) == [tmp_path / "quarantine" / "2026-01-01"]
    left = sorted(path.name for path in (tmp_path / "quarantine").rglob("*") if path.is_file())
    assert left == ["b", "c", "d"]


def test_files_keep_their_content(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "manifest.json")
    quarantine_files(tmp_path, [path], date(2026, 1, 5))
    assert (tmp_path / "quarantine/2026-01-05/manifest.json").read_bytes() == b"x" and not path.exists()
