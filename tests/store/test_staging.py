from __future__ import annotations

from pathlib import Path

import pytest

from trendcli.store.staging import staging_folder


def test_a_folder_is_made_and_removed(tmp_path: Path) -> None:
    with staging_folder(tmp_path / "store") as folder:
        (folder / "0.arrow").write_bytes(b"x")
        assert folder.parent == tmp_path / "store" / "staging"
    assert list((tmp_path / "store").iterdir()) == []


def test_it_is_removed_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staging_folder(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_and_nothing_else(tmp_path: Path) -> None:
    for name in ("import-77-0123456789abcdef", "thesis"):
        (tmp_path / "staging" / name).mkdir(parents=True)
        (tmp_path / "staging" / name / "file").write_bytes(b"x")
    with staging_folder(tmp_path) as folder:
        assert {path.name for path in (tmp_path / "staging").iterdir()} == {folder.name, "thesis"}
    assert [path.name for path in (tmp_path / "staging").iterdir()] == ["thesis"]
