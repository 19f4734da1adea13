from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import run
from tests.conftest import answer, fill, paper
from trendcli.core.report import Report
from trendcli.core.types import Submission
from trendcli.reports.curation import findings
from trendcli.reports.curation.check import ALL_STORED_SCOPE, check_topics
from trendcli.store.store import Store
from trendcli.topics import loader as topic_files
from trendcli.topics.query import parse_query

YEARS = range(2010, 2016)


def papers(day: str, number: int, abstract: str = "We say little.", **changes: Any) -> list[Submission]:
    """Some submissions of one day with one abstract."""
    start = papers.__dict__.setdefault("made", 0)
    papers.__dict__["made"] += number
    month = day[2:4] + day[5:7]
    return [paper(f"{month}.{start + place:05d}", day, "On it", abstract, **changes) for place in range(number)]


def world(root: Path, listed: Sequence[Submission]) -> Store:
    return fill(root / "store", listed, [answer(["*"], since="2010-01-01", until="2020-01-01")])


def check(store: Store, file: Path, *names: str, every: bool = False, **words: Any) -> Report:
    library = topic_files.load_library(file.parent)
    question, known = parse_query(library, topics=names or sorted(library.topics), **words)
    return check_topics(store, known, question, include_explained=every)


def found(report: Report, *kinds: str) -> list[tuple[str, str, str]]:
    """What was found, of some kinds or of any."""
    rows = [row for row in report.rows if not kinds or row["finding"] in kinds]
    return [(row["topic"], row["finding"], row["of"]) for row in rows]


def test_rules_that_match_nothing(tmp_path: Path, topic_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MIN_CANDIDATES", 60)
    store = world(tmp_path, papers("2012-03-01", 40, "A seen word.") + papers("2014-03-01", 20))
    file = topic_file("""
topics:
  every: {name: Every, phrases: [seen word, never word]}
  late: {name: Late, phrases: [seen word, late word], since: {late word: 2013}}
  guarded: {name: Guarded, phrases: [seen word, guarded word], categories: [cs.CV]}
""")
    report = check(store, file)
    assert found(report, "nothing") == [
        ("every", "nothing", "never word")
    ]  # 20 and 0 submissions say nothing of the other two
    (row,) = (row for row in report.rows if row["finding"] == "nothing")
    assert row["detail"] == "in none of 60 submissions that it could match, so in fewer than 1 in 20"
    assert report.title.endswith("in 3 topics, over 60 submissions")
    assert found(check(store, file, since="2013"), "nothing") == []


def test_rules_and_topics_that_overlap(tmp_path: Path, topic_file: Any) -> None:
    both, one, two = "One way and other way.", "One way.", "Other way."
    listed = [
        *papers("2012-03-01", 12, both), *papers("2012-03-02", 1, one), *papers("2012-03-03", 3, two),
        *papers("2012-03-04", 20, "A small thing is a large thing."), *papers("2012-03-05", 9, "A large thing."),
    ]  # fmt: skip
    file = topic_file("""
topics:
  ways: {name: Ways, phrases: [one way, other way]}
  small: {name: Small, phrases: [small thing]}
  large: {name: Large, parents: [whole], phrases: [large thing]}
  whole: {name: Whole}
""")
    store = world(tmp_path, listed)
    report = check(store, file)
    # 12 of 16 that either finds are found by both; all of small lies in large, and so in what is above it
    assert found(report) == [("small", "overlap", "large"), ("ways", "overlap", "one way")]
    assert "20 submissions of both: 100 % of the 20 of small, 69 % of the 29 of large" in report.rows[0]["detail"]
    assert report.rows[1]["detail"] == (
        "of its 13 submissions 12 are also found by other way, which finds 15 (92 % of the one, 80 % of the other)"
    )
    # of the two only large was asked for
    assert found(check(store, file, "large")) == [("large", "overlap", "small")]
    assert found(check(world(tmp_path / "fewer", listed[1:]), file, "ways")) == []  # 11 of 15


def test_a_rule_that_carries_its_topic(tmp_path: Path, topic_file: Any) -> None:
    listed = papers("2012-03-01", 16, "Only word.") + papers("2012-03-02", 4, "Only word and else word.")
    file = topic_file("""
topics:
  parent: {name: Parent, phrases: [else word]}
  child: {name: Child, parents: [parent], phrases: [only word]}
""")
    report = check(world(tmp_path, listed), file)
    # a topic of one rule has no other that could find anything
    assert found(report) == [("parent", "carries", "only word")]
    assert report.rows[0]["detail"] == "finds 16 of 20 submissions by itself, 80 % (a rule of child)"
    assert found(check(world(tmp_path / "fewer", listed[1:]), file)) == []


def test_matches_before_the_thing_existed(tmp_path: Path, topic_file: Any) -> None:
    listed = [
        *papers("2011-01-15", 1, "A ZQX of old, and ZQZ, a quiet phrase, a dated phrase."),
        *papers("2013-02-01", 10, "The ZQX, a quiet phrase, a dated phrase."),
        *papers("2012-12-01", 10, "The ZQZ."),
    ]
    file = topic_file("""
topics:
  dated: {name: Dated, phrases: [dated phrase], since: 2012-06}
  quiet: {name: Quiet, phrases: [quiet phrase], acronyms: [ZQX]}
  steady: {name: Steady, acronyms: [ZQZ]}
""")
    report = check(world(tmp_path, listed), file)
    # a quiet of 25 months and ten times as many are enough of an acronym, and not of a phrase; 23 months are not
    dated, quiet = (row for row in report.rows if row["finding"] == "too-early")
    assert (dated["topic"], dated["of"], quiet["topic"], quiet["of"]) == ("dated", "dated phrase", "quiet", "ZQX")
    told = "1 of 11 submissions are from before 2012-06, when it did not exist: "
    assert dated["detail"] == told + listed[0].id
    told = "1 of 11 submissions came until 2011-01, the next not before 2013-02: "
    assert quiet["detail"] == told + listed[0].id
    assert dated["ids"] == quiet["ids"] == [listed[0].id]


def test_an_acronym_with_another_meaning(tmp_path: Path, topic_file: Any) -> None:
    ours = "Nodes and edges of molecules are embedded by a {} whose layers pass messages between neighbours."
    theirs = "Radar echoes of aircraft are assigned to tracks by a {} filter with gates around each prediction."
    listed = [
        *papers("2012-03-01", 40, ours.format("graph neural network")),
        *papers("2012-03-02", 12, ours.format("GNN")),
        *papers("2012-03-03", 6, theirs.format("GNN"), categories="eess.SP"),
        *papers("2012-03-04", 60, theirs.format("Kalman"), categories="cs.RO"),
    ]
    file = topic_file("topics: {gnn: {name: GNN, phrases: [graph neural network], acronyms: [GNN]}}")
    report = check(world(tmp_path, listed), file)
    assert found(report) == [("gnn", "other-meaning", "GNN")]
    (row,) = report.rows
    assert "fit the phrases' in only 0 of 6 in eess.SP; near it: " in row["detail"] and "aircraft" in row["detail"]
    assert len(row["ids"]) == 5 and set(row["ids"]) <= {item.id for item in listed[52:58]}
    # kept out of its categories it is gone, and so is what is too little to tell
    guarded = topic_file(
        "topics: {gnn: {name: G, phrases: [graph neural network], acronyms: [GNN], categories: [cs.*]}}"
    )
    assert found(check(world(tmp_path, []), guarded)) == []
    assert found(check(world(tmp_path / "few", listed[:54] + listed[58:]), file)) == []


def test_a_new_name_for_an_old_thing(tmp_path: Path, topic_file: Any) -> None:
    listed = []
    for year in YEARS:  # a base of 200 in the first third and in the last, which are two years each
        old, new = (30, 0) if year < 2012 else (20, 12) if year < 2014 else (8, 24)
        for number, words in ((old, "An old name."), (new, "A new name."), (100 - old - new, "Nothing.")):
            listed += papers(f"{year}-03-01", number, words)
    file = topic_file("topics: {thing: {name: Thing, phrases: [old name, new name]}}")
    report = check(world(tmp_path, listed), file, until="2016")
    assert found(report) == [("thing", "renamed", "new name")]
    assert report.rows[0]["detail"] == (
        "0 → 48 of the submissions from 2010–2011 to 2014–2015, while old name went 60 → 16 and the topic 60 → 64, "
        "in a base of 200 → 200"
    )
    # where the topic rises by other words as well, the rise is more than a name
    third = [item for year in (2014, 2015) for item in papers(f"{year}-04-01", 30, "A third name.")]
    topic_file("topics: {thing: {name: Thing, phrases: [old name, new name, third name]}}")
    assert found(check(world(tmp_path / "more", listed + third), file, until="2016")) == []
    # and shares of single years jump
    topic_file("topics: {thing: {name: Thing, phrases: [old name, new name]}}")
    assert found(check(world(tmp_path / "short", listed), file, since="2012", until="2016"), "renamed") == []


def test_what_rises_by_little_is_no_name_for_what_falls_by_far(tmp_path: Path, topic_file: Any) -> None:
    listed = []
    for year in YEARS:
        old, new = (60, 0) if year < 2012 else (10, 20)
        texts = {"An old name.": old, "A new name.": new, "On it.": 100 - old - new}
        listed += [item for text, number in texts.items() for item in papers(f"{year}-03-01", number, text)]
    file = topic_file("topics: {thing: {name: Thing, phrases: [old name, new name]}}")
    assert found(check(world(tmp_path, listed), file, until="2016"), "renamed") == []


def test_what_matches_elsewhere_in_the_store_is_no_slip(
    tmp_path: Path, topic_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "MIN_CANDIDATES", 30)
    listed = papers("2012-03-01", 1, "An early word.") + papers("2014-03-01", 40, "A seen word.")
    file = topic_file("topics: {it: {name: It, phrases: [seen word, early word, never word]}}")
    report = check(world(tmp_path, listed), file, since="2013")
    assert found(report, "nothing") == [("it", "nothing", "never word")]
    assert "1 rule found nothing here, but do in all that is stored." in report.notes
    assert {column.key: column.rank for column in report.columns}["advice"] == 0


EXPECTS = """
topics:
  known:
    name: Known
    phrases: [only word, else word]
    expect:
      - {finding: carries, of: [only word], because: the field goes by this name}
      - {finding: nothing, of: [else word], because: rare}
"""


def test_what_a_topic_file_expects_is_passed_over(tmp_path: Path, topic_file: Any) -> None:
    store = world(tmp_path, papers("2012-03-01", 20, "Only word.") + papers("2012-03-02", 1, "Else word."))
    file = topic_file(EXPECTS)
    quiet = check(store, file)
    assert quiet.rows == [] and quiet.summary == {"unexplained": 0, "explained": 1}
    assert quiet.notes[0] == "1 finding explained in the topic files (--all shows them)."
    explained, missing = check(store, file, every=True).rows
    assert (explained["finding"], explained["expected"]) == ("carries", "the field goes by this name")
    assert (missing["finding"], missing["of"]) == ("nothing", "else word")
    assert missing["detail"] == "expected, and not found here; the data may be too few to tell"


def test_the_command_says_what_was_found_and_ends_with_4(tmp_path: Path, topic_file: Any) -> None:
    store = world(tmp_path, papers("2012-03-01", 20, "Only word.") + papers("2012-03-02", 1, "Else word."))
    file = topic_file(EXPECTS)
    own = {"TREND_TOPICS": str(file)}
    done = run("topics", "check", "known", "--store", store.root, env=own)
    assert done.exit_code == 0 and "Nothing found that the topic files do not explain." in done.stderr
    file.write_text(EXPECTS.split("    expect", maxsplit=1)[0])
    failed = run("topics", "check", "known", "--store", store.root, "--format", "csv", env=own)
    assert failed.exit_code == 4 and "1 finding to look at" in failed.stderr
    assert [row["finding"] for row in csv.DictReader(io.StringIO(failed.stdout))] == ["carries"]
    assert run("topics", "check", "knwn", "--store", store.root, env=own).exit_code == 2
    # with categories that nothing is of, there is nothing to find
    assert run("topics", "check", "known", "-c", "cs.CV", "--store", store.root, env=own).exit_code == 0


def test_everything_stored_is_looked_at_where_no_scope_is_named(tmp_path: Path, topic_file: Any) -> None:
    store = world(tmp_path, papers("2012-03-01", 20, "Only word.", categories="math.NT"))
    report = check(store, topic_file(EXPECTS))
    assert report.query["scope"] == ALL_STORED_SCOPE.name and "over 20 submissions" in report.title
    assert any(note.startswith("Base: every submission of all categories") for note in report.notes)
