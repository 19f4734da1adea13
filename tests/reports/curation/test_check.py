from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from tests.worlds import coverage_record, fill
from trendcli.core.report import Report
from trendcli.core.types import Submission
from trendcli.reports.curation import findings
from trendcli.reports.curation.check import ALL_STORED_SCOPE
from trendcli.store.store import Store

Papers = Callable[..., list[Submission]]
Check = Callable[..., Report]

EXPECTS = """
topics:
  known:
    name: Known
    phrases: [only word, else word]
    expect:
      - {finding: carries, of: [only word], because: the field goes by this name}
      - {finding: nothing, of: [else word], because: rare}
"""


@pytest.fixture
def submissions(papers: Papers) -> list[Submission]:
    """20 submissions that only one rule of EXPECTS matches, and one that the other does."""
    return papers("2012-03-01", 20, "Only word.") + papers("2012-03-02", 1, "Else word.")


@pytest.fixture
def store(tmp_path: Path, submissions: list[Submission]) -> Store:
    return fill(tmp_path / "store", submissions, [coverage_record(["*"], since="2010-01-01", until="2020-01-01")])


def test_a_rule_that_matches_elsewhere_in_the_store_is_no_finding(
    papers: Papers, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "MIN_CANDIDATES", 30)
    submissions = papers("2012-03-01", 1, "An early word.") + papers("2014-03-01", 40, "A seen word.")
    topics = "topics: {it: {name: It, phrases: [seen word, early word, never word]}}"
    report = check(submissions, topics, since="2013")
    assert [row["of"] for row in report.rows if row["finding"] == "nothing"] == ["never word"]
    assert "1 rule matched nothing here, but did match elsewhere in the store." in report.notes
    assert {column.key: column.rank for column in report.columns}["advice"] == 0


def test_rules_with_too_few_candidates_are_counted(papers: Papers, check: Check) -> None:
    report = check(
        papers("2012-03-01", 3, "A seen word."), "topics: {it: {name: It, phrases: [seen word, never word]}}"
    )
    assert report.rows == []
    assert report.notes[0] == (
        "1 more rule matched nothing, but could match fewer than 30,000 submissions, too few to judge them."
    )


def test_a_finding_that_the_topic_file_expects_is_explained(submissions: list[Submission], check: Check) -> None:
    report = check(submissions, EXPECTS)
    assert report.rows == [] and report.summary == {"unexplained": 0, "explained": 1}
    assert report.notes[0] == "1 finding explained in the topic files (--all shows them)."
    explained, unmet = check(submissions, EXPECTS, include_explained=True).rows
    assert (explained["finding"], explained["expected"]) == ("carries", "the field goes by this name")
    assert (unmet["finding"], unmet["of"]) == ("nothing", "else word")
    assert unmet["detail"] == "expected, but not found; there may be too little data to tell"


def test_everything_stored_is_checked_by_default(papers: Papers, check: Check) -> None:
    report = check(papers("2012-03-01", 20, "Only word.", categories="math.NT"), EXPECTS)
    assert report.query["scope"] == ALL_STORED_SCOPE.name and "over 20 submissions" in report.title
    assert any("every submission in all categories" in note for note in report.notes)


@pytest.mark.journey
def test_the_command_exits_with_4_if_a_finding_is_not_explained(store: Store, topic_file: Any) -> None:
    path = topic_file(EXPECTS)
    env = {"TREND_TOPICS": str(path)}
    explained = run("topics", "check", "known", "--store", store.root, env=env)
    assert explained.exit_code == 0 and "apart from those that the topic files explain" in explained.stderr
    # with categories that no submission has, nothing is found
    assert run("topics", "check", "known", "-c", "cs.CV", "--store", store.root, env=env).exit_code == 0
    assert run("topics", "check", "knwn", "--store", store.root, env=env).exit_code == 2
    path.write_text(EXPECTS.split("    expect", maxsplit=1)[0])
    unexplained = run("topics", "check", "known", "--store", store.root, "--format", "csv", env=env)
    assert unexplained.exit_code == 4 and "1 finding to review" in unexplained.stderr
    assert [row["finding"] for row in csv.DictReader(io.StringIO(unexplained.stdout))] == ["carries"]
