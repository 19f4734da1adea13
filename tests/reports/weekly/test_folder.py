from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import ML
from trendcli.core.errors import StoreLocked, UsageError
from trendcli.core.periods import Period, parse_period
from trendcli.reports.weekly import folder
from trendcli.reports.weekly.digest import DigestInput
from trendcli.reports.weekly.folder import (
    MAX_BACKFILLED_WEEKS,
    draw_week,
    format_summary,
    list_due_weeks,
    list_weeks,
    lock_folder,
    read_pending_weeks,
    update_folder,
    write_pending_weeks,
)
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Query

CHARTS = {f"{name}.{suffix}" for name in ("change", "lines", "volume") for suffix in ("png", "svg")}
FILES = {"digest.md", "index.html", "papers.csv", "report.json", *CHARTS}
TODAY = date(2019, 7, 1)


@pytest.fixture
def digest_input(read_only_weekly_store: Path, library: Library) -> DigestInput:
    return DigestInput(
        Store.open(read_only_weekly_store), library, Query(topics=library.get_pack("iclr")), ("gan", "rl"), ML
    )


def labels(weeks: list[Period]) -> list[str]:
    return [week.label for week in weeks]


def read_files(out: Path) -> dict[str, bytes]:
    """Read all files, without the identity of the feed, which is that of its folder."""
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    return {name: re.sub(rb"urn:uuid:[0-9a-f-]+", b"", data) for name, data in files.items()}


def write_empty_week(out: Path, label: str, status: str = "complete", **changes: Any) -> None:
    """Write the folder of a week as small as it may be."""
    week = parse_period(label)
    document = {
        "title": label,
        "week": {
            "label": label, "start": str(week.start), "end": str(week.end), "status": status, "base": 20,
            "base_year_ago": 18,
        },
        "synthetic": False, "drawn": ["2019-07-01"], "charts": [], "warnings": [], "alerts": [], "records": [],
        "papers": [], "provenance": {"program": "trendcli"},
    }  # fmt: skip
    (out / label).mkdir(parents=True)
    (out / label / "report.json").write_text(json.dumps({**document, **changes}))
    for name in ("index.html", "digest.md", "papers.csv"):
        (out / label / name).touch()


@pytest.mark.journey
def test_a_week_is_a_folder_of_pages_data_and_charts(digest_input: DigestInput, tmp_path: Path) -> None:
    assert draw_week(tmp_path, digest_input, parse_period("2019-W20"), TODAY)
    week = tmp_path / "2019-W20"
    assert {path.name for path in week.iterdir()} == FILES
    assert json.loads((week / "report.json").read_text(encoding="utf-8"))["charts"] == ["lines", "change", "volume"]
    assert (week / "digest.md").read_text(encoding="utf-8").startswith("# Week 2019-W20")
    assert (week / "papers.csv").read_text(encoding="utf-8").count("\n") == 16  # 15 GANs and a header
    # the charts are described for those who do not see them
    page = (week / "index.html").read_text(encoding="utf-8")
    lines, change, volume = re.findall(r'<img src="[^"]*" alt="([^"]*)"', page)
    assert lines == (
        "GANs: 25.00 % in 2016-05, 40.70 % in 2019-04. Reinforcement learning: 0.00 % in 2016-05, 0.00 % in 2019-04."
    )
    assert change == "2018 vs 2017: largest rise Generative models, +0.3 %."
    assert volume == "Submissions: 88 in 2016-05, 86 in 2019-04."


@pytest.mark.journey
def test_a_week_that_says_the_same_is_not_written_again(
    digest_input: DigestInput, weekly_store: Path, tmp_path: Path, without_charts: None
) -> None:
    week, out = parse_period("2019-W20"), tmp_path / "out"
    out.mkdir()
    assert draw_week(out, digest_input, week, TODAY)
    files = read_files(out)
    assert not draw_week(out, digest_input, week, date(2019, 7, 2))
    assert read_files(out) == files
    # another store of the same submissions gives the same bytes
    digest_input = DigestInput(
        Store.open(weekly_store), digest_input.library, digest_input.query, digest_input.watched_topics, ML
    )
    other = tmp_path / "other"
    other.mkdir()
    assert draw_week(other, digest_input, week, TODAY)
    assert read_files(other) == files


@pytest.mark.journey
def test_a_damaged_week_is_drawn_again(digest_input: DigestInput, tmp_path: Path, without_charts: None) -> None:
    for label in ("2019-W19", "2019-W20"):
        draw_week(tmp_path, digest_input, parse_period(label), TODAY)
    files = read_files(tmp_path)
    (tmp_path / "2019-W99").mkdir()  # no week, so it is passed over
    (tmp_path / "2019-W99" / "report.json").write_text("{}")
    (tmp_path / "2019-W19" / "report.json").write_text("{")
    (tmp_path / "2019-W20" / "digest.md").unlink()
    assert labels(list_weeks(tmp_path)) == ["2019-W20"]
    assert labels(list_due_weeks(tmp_path, parse_period("2019-W20"), 0)) == ["2019-W20"]
    for label in ("2019-W19", "2019-W20"):
        assert draw_week(tmp_path, digest_input, parse_period(label), TODAY)
    shutil.rmtree(tmp_path / "2019-W99")
    assert read_files(tmp_path) == files


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
    head = folder._read_head(tmp_path, parse_period("2019-W17"))
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
    write_empty_week(tmp_path, "2019-W20")
    (tmp_path / "2019-W20").rename(tmp_path / ".2019-W20.old")
    (tmp_path / ".2019-W21.draft").mkdir()
    with lock_folder(tmp_path):
        assert labels(list_weeks(tmp_path)) == ["2019-W20"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "2019-W20"]


def test_pending_weeks_are_read_back(tmp_path: Path) -> None:
    assert read_pending_weeks(tmp_path) == []
    write_pending_weeks(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
    write_pending_weeks(tmp_path, ["2019-W19", "2019-W20"])
    assert read_pending_weeks(tmp_path) == ["2019-W19", "2019-W20"]
    write_pending_weeks(tmp_path, [])
    assert read_pending_weeks(tmp_path) == []


def test_a_summary_names_the_weeks() -> None:
    assert format_summary(["2019-W19", "2019-W20"], TODAY) == "2019-W19, 2019-W20 generated on 2019-07-01"
    assert format_summary([], TODAY) == "nothing new"
