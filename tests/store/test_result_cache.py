from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import time_machine

from trendcli.core.report import Column, Report
from trendcli.store import result_cache
from trendcli.store.result_cache import read_result, report_from_json, result_key, write_result

REPORT = Report(
    "comparison", "Title", "arxiv", False, {"topics": ["gan"]},
    [Column("topic", "Topic", "text"), Column("share", "Share", "share", 2)],
    [{"topic": "gan", "share": 0.25}, {"topic": "rnn", "share": None}],
    data_as_of="2020-06-01", coverage={"status": "complete"}, notes=["A note."],
)  # fmt: skip


@dataclass(frozen=True)
class Number:
    value: int


def number_from_json(value: Any) -> Number:
    return Number(value["value"])


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = replace(REPORT, sections=[replace(REPORT, title="Section")])
    write_result(tmp_path, "key", report)
    assert read_result(tmp_path, "key", report_from_json) == replace(report, periods=[], breaks=[], sections=[
        replace(REPORT, title="Section", periods=[], breaks=[], sections=[])
    ])  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"value": 5}', '{"kind": "comparison", "columns": [{}]}'])
def test_a_damaged_result_is_none_at_all(tmp_path: Path, text: str) -> None:
    write_result(tmp_path, "key", REPORT)
    (tmp_path / "cache" / "answers" / "key.json").write_text(text)
    assert read_result(tmp_path, "key", report_from_json) is None
    assert read_result(tmp_path, "other", report_from_json) is None


def test_one_changed_digit_is_noticed_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache" / "answers" / "key.json"
    write_result(tmp_path, "key", Number(5))
    path.write_bytes(path.read_bytes().replace(b'"value": 5', b'"value": 6'))
    assert read_result(tmp_path, "key", number_from_json) is None
    assert (
        caplog.messages == [f"The cache of {tmp_path} contains a damaged file, which is computed again: key.json"]
        and not path.exists()
    )
    assert read_result(tmp_path, "key", number_from_json) is None and len(caplog.messages) == 1


def test_a_full_disk_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    write_result(tmp_path, "key", Number(5))
    assert list((tmp_path / "cache" / "answers").iterdir()) == []


def test_names_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    key = result_key(tmp_path, "caf\udce9", [tmp_path / "caf\udce9"])
    write_result(tmp_path, key, replace(REPORT, title="caf\udce9"))
    report = read_result(tmp_path, key, report_from_json)
    assert report is None or report.title == "caf\udce9"


def test_the_oldest_results_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_cache, "MAX_RESULTS", 2)
    for number in range(3):
        write_result(tmp_path, f"{number:032x}", Number(number))
        os.utime(tmp_path / "cache" / "answers" / f"{number:032x}.json", (number, number))
    (tmp_path / "cache" / "answers" / "mine.json").write_text("not a result")
    write_result(tmp_path, f"{3:032x}", Number(3))
    values = [read_result(tmp_path, f"{number:032x}", number_from_json) for number in range(4)]
    assert values == [None, None, Number(2), Number(3)]
    assert (tmp_path / "cache" / "answers" / "mine.json").exists()


def test_a_disk_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    write_result(tmp_path, "key", Number(1))
    assert read_result(tmp_path, "key", number_from_json) is None


def test_a_key_changes_with_all_that_a_result_depends_on(tmp_path: Path) -> None:
    topics, manifest = tmp_path / "topics.yaml", tmp_path / "manifest.json"
    topics.write_text("a")
    manifest.write_text("{}")
    key = result_key(tmp_path, "query", [topics])
    assert key == result_key(tmp_path, "query", [topics]) != result_key(tmp_path, "other query", [topics])
    topics.write_text("ab")
    with_other_topics = result_key(tmp_path, "query", [topics])
    manifest.write_text("{} ")
    with_other_store = result_key(tmp_path, "query", [topics])
    topics.unlink()
    assert len({key, with_other_topics, with_other_store, result_key(tmp_path, "query", [topics])}) == 4


def test_a_key_changes_with_the_day(tmp_path: Path) -> None:
    keys = set()
    for moment in ("2020-06-01T00:00Z", "2020-06-01T23:59Z", "2020-06-02T00:00Z"):
        with time_machine.travel(moment):
            keys.add(result_key(tmp_path, "query", []))
    assert len(keys) == 2
