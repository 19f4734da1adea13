from __future__ import annotations

from collections.abc import Callable

import pytest

from trendcli.core.report import Report
from trendcli.core.types import Submission
from trendcli.reports.curation import findings

Papers = Callable[..., list[Submission]]
Check = Callable[..., Report]
YEARS = range(2010, 2016)


def list_findings(report: Report, *kinds: str) -> list[tuple[str, str, str]]:
    """Return topic, kind and subject of each finding, of some kinds or of any."""
    rows = [row for row in report.rows if not kinds or row["finding"] in kinds]
    return [(row["topic"], row["finding"], row["of"]) for row in rows]


def test_a_rule_without_a_match_is_a_finding_if_enough_submissions_could_match(
    papers: Papers, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "MIN_CANDIDATES", 60)
    submissions = papers("2012-03-01", 40, "A seen word.") + papers("2014-03-01", 20)
    topics = """
topics:
  every: {name: Every, phrases: [seen word, never word]}
  late: {name: Late, phrases: [seen word, late word], since: {late word: 2013}}
  guarded: {name: Guarded, phrases: [seen word, guarded word], categories: [cs.CV]}
"""
    report = check(submissions, topics)
    # the other two could match 20 and 0 submissions, too few to tell
    assert list_findings(report, "nothing") == [("every", "nothing", "never word")]
    (row,) = (row for row in report.rows if row["finding"] == "nothing")
    assert row["detail"] == (
        "matches none of the 60 submissions that it could match: fewer than 1 in 20, with 95 % confidence"
    )
    assert report.title.endswith("in 3 topics, over 60 submissions")
    assert list_findings(check(submissions, topics, since="2013"), "nothing") == []


def test_rules_and_topics_that_overlap(papers: Papers, check: Check) -> None:
    submissions = [
        *papers("2012-03-01", 12, "One way and other way."),
        *papers("2012-03-02", 1, "One way."),
        *papers("2012-03-03", 3, "Other way."),
        *papers("2012-03-04", 20, "A small thing is a large thing."),
        *papers("2012-03-05", 9, "A large thing."),
    ]
    topics = """
topics:
  ways: {name: Ways, phrases: [one way, other way]}
  small: {name: Small, phrases: [small thing]}
  large: {name: Large, parents: [whole], phrases: [large thing]}
  whole: {name: Whole}
"""
    report = check(submissions, topics)
    # both rules match 12 of the 16 that either does; all of small lies in large, and so in the parent of large
    assert list_findings(report) == [("small", "overlap", "large"), ("ways", "overlap", "one way")]
    assert report.rows[0]["detail"] == ("20 submissions in common: 100 % of the 20 of small, 69 % of the 29 of large")
    assert report.rows[1]["detail"] == (
        "shares 12 submissions with the rule other way: 92 % of its own 13, 80 % of the other's 15"
    )
    # if only one of two topics is checked, the finding is about the other
    assert list_findings(check(submissions, topics, "large")) == [("large", "overlap", "small")]
    assert list_findings(check(submissions[1:], topics, "ways")) == []  # 11 of 15


def test_a_rule_that_carries_its_topic(papers: Papers, check: Check) -> None:
    submissions = papers("2012-03-01", 16, "Only word.") + papers("2012-03-02", 4, "Only word and else word.")
    topics = """
topics:
  parent: {name: Parent, phrases: [else word]}
  child: {name: Child, parents: [parent], phrases: [only word]}
"""
    report = check(submissions, topics)
    # child has one rule, so no other could match
    assert list_findings(report) == [("parent", "carries", "only word")]
    assert report.rows[0]["detail"] == "is the only match in 16 of 20 submissions, 80 % (a rule of child)"
    assert list_findings(check(submissions[1:], topics)) == []


def test_matches_before_the_thing_existed(papers: Papers, check: Check) -> None:
    submissions = [
        *papers("2011-01-15", 1, "A ZQX of old, and ZQZ, a quiet phrase, a dated phrase."),
        *papers("2013-02-01", 10, "The ZQX, a quiet phrase, a dated phrase."),
        *papers("2012-12-01", 10, "The ZQZ."),
    ]
    report = check(
        submissions,
        """
topics:
  dated: {name: Dated, phrases: [dated phrase], since: 2012-06}
  quiet: {name: Quiet, phrases: [quiet phrase], acronyms: [ZQX]}
  steady: {name: Steady, acronyms: [ZQZ]}
""",
    )
    # 25 months without a match and ten times as many after them are enough for an acronym, but not for a phrase;
    # 23 months are not
    dated, quiet = (row for row in report.rows if row["finding"] == "too-early")
    assert (dated["topic"], dated["of"], quiet["topic"], quiet["of"]) == ("dated", "dated phrase", "quiet", "ZQX")
    first_id = submissions[0].id
    assert dated["detail"] == f"1 of 11 submissions predate 2012-06, the start set by `since`: {first_id}"
    assert quiet["detail"] == f"1 of 11 submissions are from 2011-01 or earlier, the next from 2013-02: {first_id}"
    assert dated["ids"] == quiet["ids"] == [first_id]


@pytest.mark.journey
def test_a_new_name_for_an_old_thing(papers: Papers, check: Check) -> None:
    submissions = []
    for year in YEARS:  # 200 submissions in the first third and in the last, of two years each
        old, new = (30, 0) if year < 2012 else (20, 12) if year < 2014 else (8, 24)
        for number, text in ((old, "An old name."), (new, "A new name."), (100 - old - new, "Nothing.")):
            submissions += papers(f"{year}-03-01", number, text)
    topics = "topics: {thing: {name: Thing, phrases: [old name, new name]}}"
    report = check(submissions, topics, until="2016")
    assert list_findings(report) == [("thing", "renamed", "new name")]
    assert report.rows[0]["detail"] == (
        "from 2010–2011 to 2014–2015 it rises 0 → 48 while old name falls 60 → 16; topic: 60 → 64, "
        "all submissions: 200 → 200"
    )
    # two complete thirds of one year each are too short: shares of single years jump
    assert list_findings(check(submissions, topics, since="2012", until="2016"), "renamed") == []
    # where the topic rises by other words as well, the rise is more than a name
    submissions += [paper for year in (2014, 2015) for paper in papers(f"{year}-04-01", 30, "A third name.")]
    topics = "topics: {thing: {name: Thing, phrases: [old name, new name, third name]}}"
    assert list_findings(check(submissions, topics, until="2016")) == []


def test_what_rises_by_little_is_no_name_for_what_falls_by_far(papers: Papers, check: Check) -> None:
    submissions = []
    for year in YEARS:
        old, new = (60, 0) if year < 2012 else (10, 20)
        texts = {"An old name.": old, "A new name.": new, "On it.": 100 - old - new}
        submissions += [paper for text, number in texts.items() for paper in papers(f"{year}-03-01", number, text)]
    topics = "topics: {thing: {name: Thing, phrases: [old name, new name]}}"
    assert list_findings(check(submissions, topics, until="2016"), "renamed") == []
