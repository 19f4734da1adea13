from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.worlds import fill, paper
from trendcli.core.errors import StoreDamaged, StoreMissing, UsageError
from trendcli.store.identity import (
    IDENTITY_NAME,
    FolderState,
    check_folder,
    ensure_identity,
    inspect_folder,
    list_generations,
    read_identity,
)
from trendcli.store.store import Store, list_venues

PAPERS = [paper("1801.00001", "2018-01-05")]


@pytest.mark.parametrize(
    "names", [(), (".DS_Store",), ("lost+found",), ("lock", "lock.json", "trend-store.json.7.draft")]
)
def test_an_empty_folder_may_become_a_store(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_text("")
    assert inspect_folder(tmp_path) == inspect_folder(tmp_path / "none") == FolderState.empty
    assert fill(tmp_path, PAPERS).manifest.submission_count == 1
    assert inspect_folder(tmp_path) == FolderState.store


@pytest.mark.parametrize(
    "name",
    [
        "thesis/chapter1.draft",
        "sales/months/2019.parquet",
        "notes.txt",
        ".git/config",
        "months/2019-03.0123456789ab.parquet",
        "manifest.json",
        "venues/list.txt",
        "lock/x",
    ],
)
def test_a_folder_of_somebody_elses_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"name": "another program"}')
    before = sorted(tmp_path.rglob("*"))
    for attempt in (
        lambda: check_folder(tmp_path),
        lambda: Store.open(tmp_path),
        lambda: fill(tmp_path, PAPERS),
        lambda: fill(tmp_path / "venues" / "iclr", PAPERS, corpus="iclr"),
    ):
        with pytest.raises(UsageError, match=r"is neither empty nor a store\. Nothing in it was changed\."):
            attempt()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for attempt in (Store.open, lambda root: fill(root, PAPERS)):
        with pytest.raises(UsageError, match="is a file, not a folder"):
            attempt(tmp_path / "file")


def test_the_identity_is_written_once_and_checked(tmp_path: Path) -> None:
    fill(tmp_path, PAPERS)
    content = (tmp_path / IDENTITY_NAME).read_bytes()
    identity = read_identity(tmp_path)
    assert identity and (identity["kind"], identity["corpus"], identity["synthetic"]) == (
        "trendcli store",
        "arxiv",
        False,
    )
    ensure_identity(tmp_path, "other", synthetic=True)
    fill(tmp_path, [paper("1801.00002", "2018-01-06")])
    assert (tmp_path / IDENTITY_NAME).read_bytes() == content
    (tmp_path / IDENTITY_NAME).write_bytes(content.replace(b"arxiv", b"arxif"))
    with pytest.raises(ValueError, match="does not match its checksum"):
        read_identity(tmp_path)
    assert Store.open(tmp_path).manifest.submission_count == 2  # the manifest states all that is read


def test_a_store_without_an_identity_gets_one_with_its_next_commit(tmp_path: Path) -> None:
    """As those of versions before it was introduced."""
    fill(tmp_path, PAPERS)
    (tmp_path / IDENTITY_NAME).unlink()
    assert Store.open(tmp_path).manifest.submission_count == 1 and read_identity(tmp_path) is None
    fill(tmp_path, [paper("1801.00002", "2018-01-06")])
    assert read_identity(tmp_path)


def test_a_folder_of_venues_is_marked_and_holds_no_arxiv(tmp_path: Path) -> None:
    fill(tmp_path / "venues" / "iclr", PAPERS, corpus="iclr")
    assert inspect_folder(tmp_path) == FolderState.empty and read_identity(tmp_path)
    assert list_venues(tmp_path) == ["iclr"]
    with pytest.raises(StoreMissing):
        Store.open(tmp_path)
    (tmp_path / "venues" / "iclr" / "manifest.json").unlink()
    assert list_venues(tmp_path) == ["iclr"]  # it can be made again


def test_data_without_a_manifest_are_damage_and_not_a_new_store(tmp_path: Path) -> None:
    fill(tmp_path, PAPERS)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / IDENTITY_NAME).unlink()
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    for attempt in (lambda: Store.open(tmp_path), lambda: fill(tmp_path, PAPERS)):
        with pytest.raises(StoreDamaged, match=r"manifest.json is missing.*`trend doctor --rebuild`"):
            attempt()
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == files


def test_generations_are_listed_in_order(tmp_path: Path) -> None:
    assert list_generations(tmp_path) == []
    for number in range(12):
        fill(tmp_path, [paper(f"1801.{number + 1:05d}", "2018-01-05")])
    (tmp_path / "manifests" / "notes.json").write_text(json.dumps({}))
    assert list_generations(tmp_path) == list(range(3, 13))  # the last ten
