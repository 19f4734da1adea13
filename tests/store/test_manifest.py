from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from trendcli.core.checked_json import format_checked_json, parse_checked_json
from trendcli.core.errors import StoreDamaged, StoreTooNew
from trendcli.core.types import CoverageRecord
from trendcli.store.manifest import STORE_FORMAT, DataFile, DroppedFile, Manifest, format_manifest, parse_manifest

MONTH = DataFile("arxiv/months/2018-01.00000000000a.parquet", "month", 10, date(2018, 1, 5), date(2018, 1, 31))
DELTA = DataFile("arxiv/updates/000002-000.0000000000ff.parquet", "update", 3, date(2018, 1, 6), date(2018, 2, 1), 2)
DROPPED = DroppedFile("arxiv/updates/000001-000.0000000000fe.parquet", datetime(2018, 3, 2, 12, tzinfo=UTC))
RECORD = CoverageRecord(
    "oai", ("cs.LG", "stat.ML"), date(2018, 1, 1), date(2018, 3, 1), datetime(2018, 3, 2, 12, tzinfo=UTC), "partial",
    None, 11, "set=cs", "v1", (date(2018, 2, 1), date(2018, 3, 1)),
)  # fmt: skip
MANIFEST = Manifest(generation=2, program="1.0", files=(MONTH, DELTA), ledger=(RECORD,), dropped=(DROPPED,))
PATH = Path("store/manifest.json")


def change_manifest(change: dict[str, Any]) -> bytes:
    """The JSON of MANIFEST with some of its values changed, and a fitting checksum; None removes one."""
    value = {**parse_checked_json(format_manifest(MANIFEST)), **change}
    return format_checked_json({key: part for key, part in value.items() if part is not None})


def change_file(**change: Any) -> bytes:
    file = parse_checked_json(format_manifest(MANIFEST))["files"][0]
    return change_manifest({"files": [{**file, **change}]})


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert parse_manifest(format_manifest(MANIFEST), PATH) == MANIFEST


def test_a_submission_that_was_replaced_counts_once() -> None:
    assert MANIFEST.submission_count == 10 + 3 - 2


def test_the_number_of_a_file_is_the_hash_in_its_name() -> None:
    assert (MONTH.file_id, DELTA.file_id) == (10, 255)


def test_a_later_format_is_refused_and_nothing_is_changed() -> None:
    with pytest.raises(StoreTooNew) as caught:
        parse_manifest(change_manifest({"format": 99}), PATH)
    assert str(caught.value) == (
        f"The store store has format 99 (written by trendcli 1.0); this program reads formats up to {STORE_FORMAT}. "
        "Update trendcli; the store is unchanged."
    )


def test_an_older_format_takes_the_defaults_of_what_it_lacks() -> None:
    value = parse_checked_json(format_manifest(MANIFEST))
    value["files"][0]["path"] = value["files"][0]["path"].replace("/", "\\")  # as written on Windows
    del value["ledger"][0]["changed"], value["corpus"]
    old = {**value, "format": 1, "dropped": [DROPPED.path]}
    manifest = parse_manifest(json.dumps(old).encode(), PATH)
    assert manifest == replace(
        MANIFEST, ledger=(replace(RECORD, changed=None),), dropped=(DroppedFile(DROPPED.path, None),)
    )


def test_every_changed_byte_is_noticed() -> None:
    content = format_manifest(MANIFEST)
    for place in range(len(content)):
        damaged = bytes([*content[:place], content[place] ^ 1, *content[place + 1 :]])
        with pytest.raises((StoreDamaged, StoreTooNew)):
            parse_manifest(damaged, PATH)
        with pytest.raises(StoreDamaged):
            parse_manifest(content[:place], PATH)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"format": 3, "gene', "Unterminated string.*"),
        (b'{"format": "3"}', "its format is not a number"),
        (b"\xff", ".*invalid start byte.*"),
        (b"[" * 100_000, ".*recursion.*"),
        (b"[]", "list indices must be integers.*"),
        (change_manifest({"files": None}), "'files'"),
        (change_file(path="a.b.parquet"), "'a.b.parquet' is not the path of a data file"),
        (change_manifest({"files": [parse_checked_json(format_manifest(MANIFEST))["files"][0]] * 2}), "it names a .*"),
        (change_manifest({"surplus": 1}), ".*unexpected keyword argument 'surplus'"),
        (change_manifest({"generation": "2"}), "a value has the wrong type"),
        (change_manifest({"corpus": "../x"}), "a value has the wrong type"),
        (change_manifest({"ledger": [{"source": "oai"}]}), "'categories'"),
        (change_manifest({"ledger": ["a text"]}), ".*"),
        (change_file(rows=-1), "impossible row counts for .*"),
        (change_file(kind="update"), ".* is not of kind update"),
        (change_file(first="2019-02-30"), "day is out of range for month"),
    ],
)
def test_a_damaged_manifest_is_refused_with_the_reason_and_what_to_do(content: bytes, reason: str) -> None:
    message = rf"^store/manifest.json is damaged \({reason}\)\. Nothing was changed\. Run `trend doctor --rebuild`"
    with pytest.raises(StoreDamaged, match=message):
        parse_manifest(content, PATH)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../victim.txt",
        "arxiv/months/../../victim.parquet",
        "arxiv/months/2018-01.parquet",
        "arxiv/other/2018-01.00000000000a.parquet",
        "arxiv/months/sub/2018-01.00000000000a.parquet",
        "arxiv/months/2018-01.00000000000a.parquet\n",
        "C:\\victim.txt",
    ],
)
def test_a_manifest_names_files_of_its_store_alone(path: str) -> None:
    for content in (
        change_manifest({"dropped": [[path, None]]}),
        change_manifest({"dropped": [path]}),
        change_file(path=path),
    ):
        with pytest.raises(StoreDamaged, match="is not the path of a data file"):
            parse_manifest(content, PATH)
