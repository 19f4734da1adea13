"""demo; the whole of it runs in the journey through the pages."""

from __future__ import annotations

from pathlib import Path

from tests.commands import run
from tests.worlds import coverage_record, fill, gan_world


def test_real_data_are_not_written_over(tmp_path: Path) -> None:
    fill(tmp_path / "out" / "store", gan_world()[:3], [coverage_record()])
    result = run("demo", "--out", tmp_path / "out")
    assert (
        result.exit_code == 2
        and "contains real data; nothing was changed. Choose another folder with --out." in result.stderr
    )


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lines.png").write_bytes(b"mine")
    refused = run("demo", "--out", tmp_path)
    assert refused.exit_code == 2 and "is neither empty nor a demo. Nothing in it was changed" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["lines.png"]
