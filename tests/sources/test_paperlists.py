"""Venue lists of papercopilot/paperlists: what is read, and how unreadable entries are reported."""

from __future__ import annotations

import contextlib
import json
import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.standins.mutations import mutate_json
from trendcli.core.errors import UsageError
from trendcli.core.types import Batch, Request, ignore_progress
from trendcli.sources import paperlists
from trendcli.sources.paperlists import Paperlist


def list_entry(id: str, **changes: Any) -> dict[str, Any]:
    """Return a submission as a list writes it."""
    return {"id": id, "title": f"On {id}", "status": "Reject", "keywords": "graphs;deep learning", **changes}


def read(path: Path, papers: Any) -> Batch:
    """Write a list of 2021 and return its batch."""
    path.write_text(papers if isinstance(papers, str) else json.dumps(papers), encoding="utf-8")
    return read_file(path)


def read_file(path: Path) -> Batch:
    (batch,) = Paperlist(str(path), "iclr", 2021, datetime(2026, 11, 21, tzinfo=UTC)).iter_batches(
        Request(()), ignore_progress
    )
    return batch


def test_a_submission_is_dated_the_first_day_of_its_year_with_its_decision_first(tmp_path: Path) -> None:
    paper = list_entry(
        "Ab-1", status="Accept (Spotlight)", author="Ada Abel;Bo Brandt, Jr.", abstract="We  graph.", rating="6;7"
    )
    batch = read(tmp_path / "list.json", [paper])
    (row,) = batch.submissions.to_pylist()  # type: ignore[union-attr]
    assert (row["id"], row["title"], row["abstract"]) == ("Ab-1", "On Ab-1", "We graph.")
    assert row["v1_at"].date() == date(2021, 1, 1)
    assert row["categories"] == "spotlight accepted active submitted"
    assert row["keywords"] == "graphs; deep learning"
    assert row["authors"] == "Ada Abel, Bo Brandt Jr."


def test_a_list_covers_its_year_and_its_decisions(tmp_path: Path) -> None:
    batch = read(
        tmp_path / "list.json", [list_entry("a"), list_entry("b", status="Poster"), list_entry("c", status="Withdraw")]
    )
    assert [record.categories for record in batch.coverage_records] == [("submitted",), ("active",), ("accepted",)]
    record = batch.coverage_records[-1]
    assert (record.since, record.until, record.status) == (date(2021, 1, 1), date(2022, 1, 1), "complete")
    assert (record.received, record.expected, record.source) == (3, None, "paperlists")
    assert (record.query, record.version) == ("list.json", "imported 2026-11-21")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"id": "x"}, "title"),
        ({"id": "x", "title": " "}, "no title or no id"),
        ({"id": "a", "title": "Again"}, "duplicate id a"),
        ({"id": "x", "title": "T", "status": "Enlightened"}, "unknown status 'Enlightened'"),
        ({"id": "x", "title": 7}, "Expected `str`"),
        ("a text", "Expected `object`"),
        ({"id": "x\x1b[2J", "title": "T"}, "a control character in the id"),
        ({"id": "x", "title": "\x1b\x00"}, "no title or no id"),
        ({"id": "x", "title": "T", "status": "E" * 5000}, "unknown status 'EEE"),
    ],
)
def test_an_unreadable_entry_is_reported_and_the_rest_is_kept(tmp_path: Path, bad: Any, reason: str) -> None:
    batch = read(tmp_path / "list.json", [list_entry("a"), bad])
    assert batch.submissions.num_rows == 1  # type: ignore[union-attr]
    (fault,) = batch.faults
    assert "submission 2: " in fault and reason in fault
    assert {record.status for record in batch.coverage_records} == {"partial"}
    assert {(record.received, record.expected) for record in batch.coverage_records} == {(1, 2)}


@pytest.mark.parametrize("text", ["", "{}", "[1, 2", "[]", "not JSON", '[{"id": "a"}]'])
def test_a_file_that_is_not_a_list_changes_nothing(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="Nothing was imported"):
        read(tmp_path / "list.json", text)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot read"):
        list(Paperlist(str(tmp_path / "none.json"), "iclr", 2021).iter_batches(Request(()), ignore_progress))


def test_keys_that_a_list_lacks_are_empty(tmp_path: Path) -> None:
    batch = read(tmp_path / "list.json", [{"id": "a", "title": "Bare", "status": "Poster", "keywords": None}])
    (row,) = batch.submissions.to_pylist()  # type: ignore[union-attr]
    assert (row["keywords"], row["abstract"], row["authors"]) == ("", "", "")


@pytest.mark.parametrize("line", ["Ada Abel;Bo Brandt", "Ada Abel, Bo Brandt"])
def test_authors_are_split_at_semicolons_or_else_commas(tmp_path: Path, line: str) -> None:
    (row,) = read(tmp_path / "list.json", [list_entry("a", author=line)]).submissions.to_pylist()  # type: ignore[union-attr]
    assert row["authors"] == "Ada Abel, Bo Brandt"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[" * 200_000, "recursion"),
        (b'{"a": ' * 200_000, "Expected `array`"),
        (b"[" + b"0," * 5_000_001 + b"0]", "more than 256 MiB or 5,000,000 values"),
        (b"[" + b"{}," * 100_001 + b"{}]", "100,000 are unreadable, the first submission 1: Object missing"),
        (b"\xff\xfe[\x00", "malformed"),
        (b"", "truncated"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(UsageError, match=rf"list of submissions.*{reason}.*Nothing was imported"):
        read_file(tmp_path / "list.json")


def test_a_file_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paperlists, "MAX_LIST_BYTES", 1 << 20)
    (tmp_path / "list.json").write_bytes(b" " * (1 << 20) + b"[]")
    with pytest.raises(UsageError, match="more than 1 MiB"):
        read_file(tmp_path / "list.json")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    batch = read(tmp_path / "list.json", "\ufeff" + json.dumps([list_entry("a")]))
    assert batch.faults == ()


@pytest.mark.journey
def test_no_broken_list_is_a_bug(tmp_path: Path) -> None:
    original = [list_entry(id, status="Poster", author="Ada Abel;Bo Brandt", abstract="We say.") for id in "abc"]
    rng = random.Random(7)
    for _ in range(400):
        (tmp_path / "list.json").write_bytes(mutate_json(rng, original))
        with contextlib.suppress(UsageError):
            assert read_file(tmp_path / "list.json").submissions.num_rows  # type: ignore[union-attr]
