from __future__ import annotations

import errno
import json
import os
import shutil
import xml.etree.ElementTree as ET
from datetime import date, datetime
from pathlib import Path

import pytest

from tests.reports.weekly.folders import labels, read_files, write_empty_week
from trendcli.core.errors import ActionRequiredError, StoreLocked, UsageError
from trendcli.core.periods import parse_period
from trendcli.reports.weekly import folder
from trendcli.reports.weekly.digest import DigestInput
from trendcli.reports.weekly.drawing import draw_week
from trendcli.reports.weekly.folder import (
    MAX_BACKFILLED_WEEKS,
    drafted_folder,
    explain_write_errors,
    format_summary,
    list_due_weeks,
    list_weeks,
    lock_folder,
    update_folder,
)

TODAY = date(2019, 7, 1)


@pytest.mark.journey
def test_latest_index_and_feed_follow_the_weeks(
    digest_input: DigestInput, tmp_path: Path, without_charts: None
) -> None:
    for label in ("2019-W18", "2019-W20"):
        draw_week(tmp_path, digest_input, parse_period(label), TODAY)
    update_folder(tmp_path, 0, ["The data are old."])
    assert read_files(tmp_path / "latest") == read_files(tmp_path / "2019-W20")
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert index.index("2019-W20/index.html") < index.index("2019-W18/index.html")
    assert "The data are old." in index
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.fromstring((tmp_path / "feed.xml").read_bytes())
    entries = feed.findall(f"{atom}entry")
    assert [entry.findtext(f"{atom}title") for entry in entries] == ["Week 2019-W20", "Week 2019-W18"]
    for element in (feed, *entries):
        assert all(element.find(f"{atom}{name}") is not None for name in ("id", "title", "updated", "link"))
        datetime.fromisoformat(str(element.findtext(f"{atom}updated")))
    assert len({entry.findtext(f"{atom}id") for entry in entries}) == 2


def test_weeks_beyond_the_number_to_keep_are_deleted(tmp_path: Path) -> None:
    for label in ("2019-W16", "2019-W17", "2019-W18"):
        write_empty_week(tmp_path, label)
    update_folder(tmp_path, 2)
    assert labels(list_weeks(tmp_path)) == ["2019-W17", "2019-W18"]
    assert "2019-W16" not in (tmp_path / "index.html").read_text(encoding="utf-8")
    update_folder(tmp_path, 0)
    assert labels(list_weeks(tmp_path)) == ["2019-W17", "2019-W18"]


def test_missed_weeks_are_due_in_order(tmp_path: Path) -> None:
    last = parse_period("2019-W20")
    missed = ["2019-W17", "2019-W18", "2019-W19", "2019-W20"]
    assert labels(list_due_weeks(tmp_path, last, 0)) == ["2019-W20"]
    write_empty_week(tmp_path, "2019-W16")
    assert labels(list_due_weeks(tmp_path, last, 0)) == missed
    write_empty_week(tmp_path, "2019-W17", status="provisional")
    assert labels(list_due_weeks(tmp_path, last, 0)) == missed
    assert labels(list_due_weeks(tmp_path, last, 2)) == ["2019-W17", "2019-W19", "2019-W20"]
    # a clock that is a century ahead does not ask for thousands
    assert len(list_due_weeks(tmp_path, parse_period("2119-W20"), 0)) <= MAX_BACKFILLED_WEEKS + 1


def test_only_the_heads_of_earlier_weeks_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for label in ("2019-W16", "2019-W17"):
        write_empty_week(tmp_path, label, rows=[{"topic": "gan"}], papers=[{"id": "1905.00001"}, {"id": "1905.00002"}])
    monkeypatch.setattr(json, "loads", lambda *_: pytest.fail("read a whole document"))
    assert labels(list_weeks(tmp_path)) == ["2019-W16", "2019-W17"]
    assert labels(list_due_weeks(tmp_path, parse_period("2019-W18"), 0)) == ["2019-W18"]
    update_folder(tmp_path, 0)
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert index.count("20 submissions, 18 a year earlier. 2 papers on watched topics.") == 2
    head = folder.read_head(tmp_path, parse_period("2019-W17"))
    assert head and head.keys() == {*folder.DigestHead.__annotations__} - {"key"}


def test_one_job_at_a_time_writes_a_folder(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        with pytest.raises(StoreLocked, match="Another weekly job is writing to "), lock_folder(tmp_path):
            pass
    with lock_folder(tmp_path):  # the lock is released
        pass


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Cannot write"), lock_folder(tmp_path / "file" / "out"):
        pass


def test_what_a_killed_job_left_is_recovered(tmp_path: Path) -> None:
    write_empty_week(tmp_path, "2019-W19")
    write_empty_week(tmp_path, "2019-W20")
    with lock_folder(tmp_path):
        pass
    shutil.rmtree(tmp_path / "2019-W19")
    (tmp_path / "2019-W20").rename(tmp_path / ".2019-W20.old")
    (tmp_path / "feed.xml.77.draft").write_text("<feed")
    (tmp_path / ".2019-W21.draft").mkdir()
    with lock_folder(tmp_path):
        assert labels(list_weeks(tmp_path)) == ["2019-W20"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "2019-W20", "trend-weekly.json"]


def test_a_summary_names_the_weeks() -> None:
    assert format_summary(["2019-W19", "2019-W20"], TODAY) == "2019-W19, 2019-W20 generated on 2019-07-01"
    assert format_summary([], TODAY) == "nothing new"


def test_what_a_person_put_beside_and_into_weeks_stays(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        for label in ("2019-W16", "2019-W17"):
            write_empty_week(tmp_path, label)
        update_folder(tmp_path, 0)
    theirs = {
        "CNAME": "trends.example.org", ".nojekyll": "", "own.css": "a {}", ".git/HEAD": "ref", ".vim.old/a": "mine",
        "vim/b": "mine", ".notes.draft/a": "mine", "2019-W16/notes.md": "mine", "2019-W17/notes.md": "mine",
        "2019-W17/figures/lines.png": "mine", "latest/thesis.tex": "mine", "2019-W99/index.html": "mine",
    }  # fmt: skip
    for name, text in theirs.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with lock_folder(tmp_path):
        with drafted_folder(tmp_path, "2019-W17") as draft:
            shutil.copy(tmp_path / "2019-W17" / "report.json", draft)
        update_folder(tmp_path, 1)
    assert labels(list_weeks(tmp_path)) == ["2019-W17"]
    assert {path.name for path in (tmp_path / "2019-W16").iterdir()} == {"notes.md"}
    assert {name: (tmp_path / name).read_text() for name in theirs} == theirs
    assert not list(tmp_path.glob(".2019*")) and not list(tmp_path.glob(".latest*"))


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_notes_in_a_week_survive_a_job_that_is_killed_while_it_replaces_it(tmp_path: Path, moment: str) -> None:
    with lock_folder(tmp_path):
        write_empty_week(tmp_path, "2019-W20")
    week, draft, old = (tmp_path / name for name in ("2019-W20", ".2019-W20.draft", ".2019-W20.old"))
    (week / "notes.md").write_text("mine")
    shutil.copytree(week, draft, ignore=shutil.ignore_patterns("notes.md"))
    if moment != "before":
        week.rename(old)
    if moment == "after":
        draft.rename(week)
    with lock_folder(tmp_path):
        pass
    assert labels(list_weeks(tmp_path)) == ["2019-W20"] and (week / "notes.md").read_text() == "mine"
    assert not draft.exists() and not old.exists()


def test_a_disk_that_is_full_leaves_the_earlier_week_and_no_draft(tmp_path: Path) -> None:
    write_empty_week(tmp_path, "2019-W20")
    earlier = read_files(tmp_path)
    with pytest.raises(ActionRequiredError, match="No space left on device. Complete weeks are unchanged. Free some"):
        with explain_write_errors(tmp_path), drafted_folder(tmp_path, "2019-W20") as draft:
            (draft / "index.html").write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device", str(draft))
    assert read_files(tmp_path) == earlier and not (tmp_path / ".2019-W20.draft").exists()


@pytest.mark.parametrize(
    ("number", "error_class", "advice"),
    [
        (errno.EROFS, UsageError, "Read-only file system. Complete"),
        (errno.EACCES, UsageError, "Permission denied. Complete"),
        (errno.EIO, ActionRequiredError, "Check the disk"),
    ],
)
def test_an_error_of_the_disk_is_explained(
    tmp_path: Path, number: int, error_class: type[Exception], advice: str
) -> None:
    with pytest.raises(error_class, match=advice), explain_write_errors(tmp_path):
        raise OSError(number, os.strerror(number))
    with pytest.raises(TimeoutError), explain_write_errors(tmp_path):  # of a lock
        raise TimeoutError


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"\xff", b"[" * 100_000, b'{"week": {}}', b'{"kind": "weekly", "drawn": []}', b"null",
    ],
)  # fmt: skip
def test_a_damaged_document_is_due_again(tmp_path: Path, damage: bytes) -> None:
    for label in ("2019-W16", "2019-W17", "2019-W18"):
        write_empty_week(tmp_path, label)
    (tmp_path / "2019-W17" / "report.json").write_bytes(damage)
    assert labels(list_weeks(tmp_path)) == ["2019-W16", "2019-W18"]
    assert labels(list_due_weeks(tmp_path, parse_period("2019-W18"), 0)) == ["2019-W17"]
    update_folder(tmp_path, 0)


@pytest.mark.parametrize(
    ("name", "value"), [("drawn", []), ("drawn", ["2019-02-30"]), ("alerts", [{}]), ("provenance", {}), ("week", {})]
)
def test_a_document_that_lacks_what_the_index_shows_is_damaged(tmp_path: Path, name: str, value: object) -> None:
    write_empty_week(tmp_path, "2019-W20", **{name: value})
    assert list_weeks(tmp_path) == []


def test_the_feed_is_updated_when_any_week_was(tmp_path: Path) -> None:
    write_empty_week(tmp_path, "2019-W16", drawn=["2019-07-01", "2019-08-01"])
    write_empty_week(tmp_path, "2019-W17")
    update_folder(tmp_path, 0)
    feed = ET.fromstring((tmp_path / "feed.xml").read_bytes())
    assert feed.findtext("{http://www.w3.org/2005/Atom}updated") == "2019-08-01T00:00:00Z"
