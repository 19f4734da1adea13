from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from trendcli.core.errors import StoreDamaged, StoreTooNew
from trendcli.core.types import CoverageRecord
from trendcli.store.manifest import STORE_FORMAT, DataFile, Manifest, format_manifest, parse_manifest

MONTH = DataFile("arxiv/months/2018-01.00000000000a.parquet", "month", 10, date(2018, 1, 5), date(2018, 1, 31))
DELTA = DataFile("arxiv/updates/000002-000.0000000000ff.parquet", "update", 3, date(2018, 1, 6), date(2018, 2, 1), 2)
RECORD = CoverageRecord(
    "oai", ("cs.LG", "stat.ML"), date(2018, 1, 1), date(2018, 3, 1), datetime(2018, 3, 2, 12, tzinfo=UTC), "partial",
    None, 11, "set=cs", "v1", (date(2018, 2, 1), date(2018, 3, 1)),
)  # fmt: skip
MANIFEST = Manifest(generation=2, program="1.0", files=(MONTH, DELTA), ledger=(RECORD,), dropped=("old.parquet",))


def change_manifest(change: dict[str, Any]) -> str:
    """The JSON of MANIFEST with some of its values changed; None removes one."""
    value = {**json.loads(format_manifest(MANIFEST)), **change}
    return json.dumps({key: part for key, part in value.items() if part is not None})


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert parse_manifest(format_manifest(MANIFEST).decode(), Path("store")) == MANIFEST


def test_a_submission_that_was_replaced_counts_once() -> None:
    assert MANIFEST.submission_count == 10 + 3 - 2


def test_the_number_of_a_file_is_the_hash_in_its_name() -> None:
    assert (MONTH.file_id, DELTA.file_id) == (10, 255)


def test_a_later_format_is_refused_and_nothing_is_changed() -> None:
    with pytest.raises(StoreTooNew) as caught:
        parse_manifest(change_manifest({"format": 99}), Path("store"))
    assert str(caught.value) == (
        f"The store store has format 99 (written by trendcli 1.0); this program reads formats up to {STORE_FORMAT}. "
        "Update trendcli; the store is unchanged."
    )


def test_an_older_format_takes_the_defaults_of_what_it_lacks() -> None:
    ledger = json.loads(format_manifest(MANIFEST))["ledger"]
    del ledger[0]["changed"]
    manifest = parse_manifest(change_manifest({"format": 1, "corpus": None, "ledger": ledger}), Path("store"))
    assert (manifest.format, manifest.corpus, manifest.ledger[0].changed) == (STORE_FORMAT, "arxiv", None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"format": 3, "gene', "Unterminated string.*"),
        (change_manifest({"files": None}), "'files'"),
        (change_manifest({"files": [{"path": "a.b.parquet"}]}), "'first'"),
        (change_manifest({"surplus": 1}), ".*unexpected keyword argument 'surplus'"),
        (change_manifest({"ledger": [{"source": "oai"}]}), "'categories'"),
        ("[]", "list indices must be integers.*"),
    ],
)
def test_a_damaged_manifest_is_refused_with_the_reason_and_what_to_do(text: str, reason: str) -> None:
    with pytest.raises(StoreDamaged, match=rf"manifest.json is damaged \({reason}\)\. Restore it .* --store PATH\.$"):
        parse_manifest(text, Path("store"))
