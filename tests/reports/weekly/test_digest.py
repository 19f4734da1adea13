from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from tests.worlds import ML, coverage_record, fill, paper, weekly_world
from trendcli.core.errors import CoverageMissing
from trendcli.core.periods import parse_period
from trendcli.core.types import CoverageRecord, Submission
from trendcli.output.weekly_page import render_page
from trendcli.output.weekly_texts import render_digest
from trendcli.reports.weekly import digest
from trendcli.reports.weekly.digest import DigestInput, build_digest, data_age_warnings, last_ended_week
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query

TODAY = date(2019, 7, 1)


@pytest.fixture
def digest_input(read_only_weekly_store: Path, library: Library) -> DigestInput:
    return DigestInput(
        Store.open(read_only_weekly_store), library, Query(topics=library.get_pack("iclr")), ("gan", "rl"), ML
    )


def digest_of(digest_input: DigestInput, period: str) -> dict[str, Any]:
    return build_digest(digest_input, parse_period(period), TODAY)


def store_with(
    tmp_path: Path, digest_input: DigestInput, submissions: Sequence[Submission], covered: Sequence[CoverageRecord]
) -> DigestInput:
    """Return the same input, but with another store."""
    return replace(digest_input, store=fill(tmp_path / "other", submissions, covered))


def test_the_numbers_of_a_week(digest_input: DigestInput) -> None:
    document = digest_of(digest_input, "2019-W20")
    assert document["week"] == {
        "label": "2019-W20",
        "start": "2019-05-13",
        "end": "2019-05-20",
        "status": "complete",
        "base": 20,
        "base_year_ago": 20,
    }
    gan = next(row for row in document["rows"] if row["topic"] == "gan")
    assert (gan["count"], gan["base"], gan["share"]) == (15, 20, 0.75)
    year = gan["year"]
    assert (year["period"], year["vs"], year["count_1"], year["count_2"]) == ("2018", "2017", 260, 261)
    assert document["warnings"] == [] and document["months"][-1]["period"] == "2019-04"
    assert document["watched"] == ["gan", "rl"] and document["drawn"] == ["2019-07-01"]


@pytest.mark.journey
def test_the_submissions_of_a_week_are_those_that_are_counted(digest_input: DigestInput) -> None:
    document = digest_of(digest_input, "2019-W20")
    assert [paper["topics"] for paper in document["papers"]] == [["gan"]] * 15
    command = f"{document['listing']} -t gan --period 2019-W20 --format jsonl --limit 0"
    lines = run(*shlex.split(command)[1:], "--store", digest_input.store.root).stdout.splitlines()
    assert {paper["id"] for paper in document["papers"]} == {json.loads(line)["id"] for line in lines}


def test_a_week_has_alerts_and_records(digest_input: DigestInput) -> None:
    document = digest_of(digest_input, "2019-W20")
    # 60 GANs in four weeks, where 20 are expected
    (alert,) = document["alerts"]
    assert (alert["topic"], alert["verdict"], alert["count"]) == ("gan", "rising", 60)
    assert alert["weeks"] == "2019-W17 to 2019-W20" and alert["expected"] == pytest.approx(20, abs=1)
    # three weeks of 5, one of 15, and the first two days of another
    (record,) = document["records"]
    assert (record["topic"], record["period"], record["count"]) == ("gan", "2019-04", 35)


def test_a_digest_as_text(digest_input: DigestInput) -> None:
    text = render_digest(digest_of(digest_input, "2019-W20"))
    assert "**GANs** rising: 60 in 2019-W17 to 2019-W20, 20 expected" in text
    assert "## GANs (15)" in text and "## Reinforcement learning (0)" in text


@pytest.mark.journey
def test_a_week_with_a_gap_has_no_counts_and_an_empty_week_has_zeros(tmp_path: Path, digest_input: DigestInput) -> None:
    empty_week = parse_period("2019-W19")
    submissions = [
        submission
        for submission in weekly_world()
        if not empty_week.start <= datetime.fromtimestamp(submission.v1_at, UTC).date() < empty_week.end
    ]
    covered = [
        coverage_record(since="2016-01-01", until="2019-04-29", at="2019-07-01"),
        coverage_record(since="2019-05-06", until="2019-06-03", at="2019-07-01"),
    ]
    digest_input = store_with(tmp_path, digest_input, submissions, covered)
    gap, empty = digest_of(digest_input, "2019-W18"), digest_of(digest_input, "2019-W19")
    # 20 submissions of the week with the gap are stored, and nobody may call that all
    assert (gap["week"]["status"], gap["week"]["base"], gap["rows"][0]["count"]) == ("partial", None, None)
    assert gap["papers"] == [] and any("gap in coverage" in warning for warning in gap["warnings"])
    text = render_digest(gap)
    assert "submissions n/a" in text and "## GANs (n/a)" in text and "No clear changes" not in text
    assert (empty["week"]["status"], empty["week"]["base"], empty["rows"][0]["count"]) == ("complete", 0, 0)
    # a gap among the last four weeks: alerts are about the weeks before it
    assert all(alert["weeks"].startswith("2019-W14") for alert in empty["alerts"])


@pytest.mark.journey
def test_old_weeks_raise_no_alert(tmp_path: Path, digest_input: DigestInput) -> None:
    covered = [
        coverage_record(since="2016-01-01", until="2019-05-20", at="2019-07-01"),
        coverage_record(since="2019-07-29", until="2019-08-05", at="2019-08-05"),
    ]
    digest_input = store_with(tmp_path, digest_input, weekly_world(), covered)
    documents = [digest_of(digest_input, week) for week in ("2019-W20", "2019-W31")]
    assert [(document["week"]["status"], len(document["alerts"])) for document in documents] == [
        ("complete", 1),
        ("provisional", 0),
    ]


@pytest.mark.parametrize("period", ["2031", "2010-W05"])
def test_a_period_without_data_is_refused_before_anything_is_counted(
    digest_input: DigestInput, monkeypatch: pytest.MonkeyPatch, period: str
) -> None:
    monkeypatch.setattr(BoundQuery, "count_submissions", lambda *_: pytest.fail("counted"))
    with pytest.raises(CoverageMissing, match=f"{period} is not covered: the data end on 2019-06-03"):
        digest_of(digest_input, period)


def test_data_are_old_after_two_days() -> None:
    assert data_age_warnings(date(2019, 5, 20), date(2019, 5, 22)) == []
    assert data_age_warnings(date(2019, 5, 20), date(2019, 5, 23)) == [
        "The data are 3 days old: they end on 2019-05-20."
    ]


def test_the_last_ended_week_is_the_one_before_monday() -> None:
    for day in (20, 26):  # a Monday, and the Sunday after it
        assert last_ended_week(date(2019, 5, day)).label == "2019-W20"


def test_the_matching_sentence_surveys_and_links_to_code_are_found() -> None:
    row = {
        "title": "A survey of things",
        "abstract": "First words. We use a GAN, e.g. of old. See https://github.com/a/b.",
        "comments": "Code: https://gitlab.com/c/d",
    }
    match = {"field": "abstract", "text": "GAN", "snippet": "…"}
    assert digest._find_match_sentence(row, match) == "We use a GAN, e.g. of old."
    assert digest._find_match_sentence(row, {**match, "field": "title"}) == "A survey of things"
    assert digest._SURVEY_PATTERN.search(row["title"])
    assert digest._CODE_URL_PATTERN.findall(f"{row['comments']} {row['abstract']}") == [
        "https://gitlab.com/c/d",
        "https://github.com/a/b",
    ]


@pytest.mark.journey
def test_the_listing_command_selects_what_is_counted(weekly_store: Path) -> None:
    selection = "-t gan -c cs.LG --match title --as-of 2020 --pack iclr --author".split()
    command = ["digest", "--store", weekly_store, *selection, "Ada Abel", "--period", "2019-04", "--format", "json"]
    document = json.loads(run(*command).stdout)
    assert document["listing"] == "trend papers -c cs.LG --match title --author 'Ada Abel' --as-of 2020-12-31"
    listing = shlex.split(f"{document['listing']} -t gan --period 2019-04 --limit 0 --format jsonl")[1:]
    lines = run(*listing, "--store", weekly_store).stdout.splitlines()
    gan = next(row for row in document["rows"] if row["topic"] == "gan")
    assert len(lines) == gan["count"] == document["series"]["gan"]["count"][-1] == 35
    scoped = run("digest", "--store", weekly_store, "--scope", "ml", "--pack", "iclr", "--format", "json")
    assert json.loads(scoped.stdout)["listing"] == "trend papers --scope ml"


@pytest.mark.journey
def test_text_of_submissions_is_no_markup(tmp_path: Path, digest_input: DigestInput) -> None:
    title = "A GAN</script><script>alert(1)</script> [x](javascript:alert(2)) **bold** $a_b$ <img src=x>"
    submissions = [*weekly_world()[20:], paper("1905.00001", "2019-05-14", title)]
    covered = [coverage_record(since="2016-01-01", until="2019-06-03", at="2019-07-01")]
    document = digest_of(store_with(tmp_path, digest_input, submissions, covered), "2019-W20")
    assert document["papers"][0]["title"].startswith("A GAN</script>")
    text = render_digest(document)
    assert r"\[x\](javascript:alert(2)) \*\*bold\*\* a\_b \<img src=x\>" in text
    page = render_page(document, [])
    assert "<script>alert" not in page and "<img src=x" not in page
