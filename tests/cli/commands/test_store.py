"""status"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.commands import run
from tests.worlds import coverage_record, fill, gan_world, paper
from trendcli.cli.commands.store import _describe_age, _span_rows
from trendcli.store.coverage import Coverage


def test_status_shows_the_size_and_the_age_of_the_data(store: Path) -> None:
    status = run("status", "--store", store)
    assert "2,600 submissions" in status.stdout and "complete" in status.stdout
    as_json = json.loads(run("status", "--store", store, "--format", "json").stdout)
    assert as_json["data_as_of"] == "2020-01-01T00:00:00Z"


def test_status_lists_days_that_were_never_requested(tmp_path: Path) -> None:
    env = {"TREND_STORE": str(tmp_path / "store")}
    spans = (("2019-01-01", "2019-02-01"), ("2019-04-01", "2019-05-10"))
    fill(tmp_path / "store", [], [coverage_record(["cs.CL"], since, until, source="arxiv") for since, until in spans])
    rows = json.loads(run("status", "--format", "json", env=env).stdout)["rows"]
    assert [(row["since"], row["status"]) for row in rows] == [
        ("2019-01-01", "complete"),
        ("2019-02-01", "never requested"),
        ("2019-04-01", "complete"),
    ]
    months = json.loads(run("status", "--by", "month", "--format", "json", env=env).stdout)["rows"]
    assert [(row["month"], row["status"]) for row in months] == [
        ("2019-01", "complete"),
        ("2019-02", "never requested"),
        ("2019-03", "never requested"),
        ("2019-04", "complete"),
        ("2019-05", "complete"),
    ]
    notes = " ".join(json.loads(run("status", "--format", "json", env=env).stdout)["notes"])
    assert "Data as of 2019-05-10" in notes and "requests what was submitted since 2019-04-10" in notes
    assert "--by accepts span or month" in run("status", "--by", "week", env=env).stderr


def test_categories_with_the_same_spans_share_their_rows() -> None:
    coverage = Coverage([coverage_record(["cs.LG", "cs.CL"]), coverage_record(["cs.CV"], "2019-01-01")])
    assert _span_rows(coverage, ["cs.CL", "cs.CV", "cs.LG"]) == [
        {"categories": "cs.CL cs.LG", "since": "2018-01-01", "until": "2020-01-01", "status": "complete"},
        {"categories": "cs.CV", "since": "2019-01-01", "until": "2020-01-01", "status": "complete"},
    ]


def test_the_age_is_that_of_the_oldest_category() -> None:
    coverage = Coverage([coverage_record(["cs.LG"]), coverage_record(["cs.CL"], until="2019-01-01")])
    times = [datetime(2020, 1, 1, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC)]
    (note,) = _describe_age(coverage, ["cs.CL", "cs.LG"], times, synthetic=False)
    assert note.startswith("Data as of 2019-01-01 (cs.CL; the newest 2020-01-01), ")
    assert note.endswith(" days old; sources: test (made by hand).")
    assert _describe_age(Coverage([]), [], [], synthetic=False) == ["Nothing has been fetched yet."]


def test_status_names_gaps_and_venues(tmp_path: Path) -> None:
    gap = coverage_record(status="partial", expected=5, received=3, query="cat:cs.LG")
    fill(tmp_path, gan_world()[:3], [gap])
    records = [coverage_record(["submitted"], "2020-01-01", "2021-01-01")]
    venue_paper = paper("2020-1", "2020-01-01", categories="poster accepted active submitted", keywords="")
    fill(tmp_path / "venues" / "iclr", [venue_paper], records, corpus="iclr")
    notes = json.loads(run("status", "--store", tmp_path, "--format", "json").stdout)["notes"]
    assert "partial: cat:cs.LG returned 3 of 5." in notes
    assert "Venue iclr: 1 submissions (`trend status --corpus iclr`)." in notes
    venue_notes = json.loads(run("status", "--store", tmp_path, "--corpus", "iclr", "--format", "json").stdout)["notes"]
    assert "2020: 1 submissions, 1 without keywords." in venue_notes
