from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds import fill, paper
from trendcli.store.data_files import DATA_COLUMNS, data_schema, hash_content, read_data_file


def test_the_schema_is_the_columns() -> None:
    names = [name for name, _ in DATA_COLUMNS]
    assert data_schema().names == names
    assert data_schema("iclr").names == [*names[:-2], "keywords", *names[-2:]]


def test_the_entry_of_a_file_can_be_made_from_the_file(tmp_path: Path) -> None:
    fill(tmp_path, [paper("1801.00001", "2018-01-05"), paper("1801.00002", "2018-01-31T23:59:59")])
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", "Second", version=2), paper("1802.00001", "2018-02-01")])
    assert tuple(read_data_file(tmp_path, file.path) for file in store.manifest.files) == store.manifest.files
    for file in store.manifest.files:
        assert hash_content(tmp_path / file.path)[:12] == file.content_hash
    (tmp_path / "arxiv/months/2018-01.0.parquet").write_bytes(b"PAR1")
    with pytest.raises((OSError, ValueError)):
        read_data_file(tmp_path, "arxiv/months/2018-01.0.parquet")
