from __future__ import annotations

import zlib
from base64 import b64encode
from datetime import date
from pathlib import Path

import pytest

from tests.worlds import coverage_record
from trendcli.core.arrow import pa
from trendcli.store.commits import Commit, format_commit, next_manifest, read_commit
from trendcli.store.data_files import COMMIT_KEY
from trendcli.store.manifest import DataFile, Manifest

DAY = date(2018, 1, 5)
OLD_FILE = DataFile("arxiv/months/2018-01.00000000000a.parquet", "month", 1, DAY, DAY)
NEW_FILE = DataFile("arxiv/months/2018-01.00000000000b.parquet", "month", 1, DAY, DAY)
OLD = Manifest(generation=3, files=(OLD_FILE,), ledger=(coverage_record(status="partial"), coverage_record(["cs.CL"])))


def write_metadata(path: Path, commit: bytes) -> Path:
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({COMMIT_KEY: commit}), path)
    return path


def test_a_later_record_replaces_an_incomplete_one_of_the_same_request() -> None:
    manifest = next_manifest(OLD, [NEW_FILE], [coverage_record()], [OLD_FILE])
    assert (manifest.generation, manifest.files) == (4, (NEW_FILE,))
    assert manifest.ledger == (coverage_record(["cs.CL"]), coverage_record())
    assert next_manifest(manifest, [], [], []).ledger == manifest.ledger


def test_a_corrected_entry_takes_the_place_of_the_old_one() -> None:
    corrected = DataFile(OLD_FILE.path, "month", 1, DAY, DAY, replaces=1)
    assert next_manifest(OLD, [corrected]).files == (corrected,)


def test_a_file_says_which_commit_wrote_it(tmp_path: Path) -> None:
    commit = format_commit(OLD, ["2018-02", "2018-01"], [coverage_record()], [OLD_FILE])
    expected = next_manifest(OLD, [], [coverage_record()], [OLD_FILE])
    assert read_commit(write_metadata(tmp_path / "a.parquet", commit)) == Commit(expected, ("2018-01", "2018-02"))


@pytest.mark.parametrize(
    "commit",
    [
        b"",
        b"not base64",
        b64encode(b"not zlib"),
        b64encode(zlib.compress(b"[]")),
        b64encode(zlib.compress(b'{"manifest": "{}", "stems": []}')),
        b64encode(zlib.compress(b"[" * 100_000)),
        b64encode(zlib.compress(b" " * (1 << 28))),  # bytes: more than is read
    ],
)
def test_a_file_that_does_not_say_it_has_none(tmp_path: Path, commit: bytes) -> None:
    assert read_commit(write_metadata(tmp_path / "a.parquet", commit)) is None


def test_a_file_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    assert read_commit(tmp_path / "a.parquet") is read_commit(tmp_path / "none") is None
