from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from tests.output.weekly_world import NAMES, build_paper, quiet_report, weekly_report
from trendcli.core.report import Report
from trendcli.output.weekly_texts import (
    describe_chart,
    render_digest,
    render_feed,
    render_index,
    render_submissions_csv,
    summarize_week,
)

FEED = "urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6"
ATOM = "{http://www.w3.org/2005/Atom}"


def test_a_digest_lists_what_changed() -> None:
    lines = render_digest(weekly_report()).splitlines()
    for line in (
        "**MADE-UP DATA: these numbers describe an invented corpus, not arXiv.**",
        "2019-05-13 to 2019-05-19: 800 submissions, 1,000 a year earlier (provisional, may still grow).",
        "**The data are 9 days old; fetch again to be sure.**",
        "- **Reinforcement learning** rising: 1,190 in 2019-W17 to 2019-W20, 920 expected",
        "- Falling, 2019-Q1 vs 2018-Q1: Support vector machines -31.0 % (37 → 1,236), "
        "LSTM and other recurrent networks -20.0 % (167 → 1,392)",
        "- Record: Generative adversarial networks (GANs), 400 in 2019-04 (previously 380 in 2018-10)",
        "- First seen in titles: “neural tangent” (5), “lottery \\<ticket\\>” (3)",
        "## Reinforcement learning (14)",
        "Small counts \\<5\\> say little.",
    ):
        assert line in lines, line
    assert "No clear changes." not in lines


def test_a_quiet_digest_says_that_nothing_changed() -> None:
    lines = render_digest(quiet_report()).splitlines()
    assert lines[0] == "# Week 2019-W20" and "No clear changes." in lines
    week = {**quiet_report()["week"], "base": None, "base_year_ago": None, "status": "unknown"}
    unknown = render_digest(quiet_report(week=week))
    assert "2019-05-13 to 2019-05-19: submissions n/a (coverage unknown)." in unknown
    assert "No clear changes." not in unknown


def test_text_from_submissions_is_never_markup() -> None:
    text = render_digest(weekly_report())
    assert "<script>" not in text.replace("\\<", "") and "(javascript:pwn())" not in text
    assert "([code](https://github.com/x/y))" in text


def test_submissions_as_csv_hold_what_the_page_lists() -> None:
    report = weekly_report()
    rows = list(csv.DictReader(io.StringIO(render_submissions_csv(report))))
    assert [row["id"] for row in rows] == [paper["id"] for paper in report["papers"]]
    assert rows[1]["topics"] == "rl; gan" and rows[1]["survey"] == "true" and rows[1]["synthetic"] == "true"


def test_a_chart_of_shares_or_counts_is_described_by_its_ends() -> None:
    def chart_report(kind: str, rows: list[dict[str, Any]]) -> Report:
        return Report(kind, "", "arxiv", False, {}, [], rows)

    shares = [
        {"name": name, "period": period, "share": share}
        for name, period, share in (("A", "2017", 0.1), ("A", "2018", None), ("A", "2019", 0.25), ("B", "2017", None))
    ]
    assert describe_chart(chart_report("series", shares)) == "A: 10.00 % in 2017, 25.00 % in 2019. B: n/a."
    counts = [{"period": "2017", "count": 1200}]
    assert describe_chart(chart_report("volume", counts)) == "Submissions: 1,200 in 2017."


def test_a_week_is_summarized_in_a_sentence() -> None:
    assert summarize_week(weekly_report()) == (
        f"{NAMES['rl']} rising, record for {NAMES['gan']}; 22 papers on watched topics. "
        "The data are 9 days old; fetch again to be sure."
    )
    assert summarize_week(quiet_report()) == "0 papers on watched topics."
    assert summarize_week(quiet_report(papers=weekly_report()["papers"][:1])) == "1 paper on watched topics."


def test_the_index_lists_weeks_and_warnings() -> None:
    page = render_index([quiet_report()], ["Old data."])
    assert "<h1>Weekly research trends</h1>" in page and '<p class="made-up">Old data.</p>' in page
    assert "2019-05-13 to 2019-05-19: 800 submissions, 1,000 a year earlier. 0 papers on watched topics." in page
    assert "MADE-UP" not in page and "MADE-UP DATA" in render_index([weekly_report()])


def test_the_feed_is_atom() -> None:
    feed = ET.fromstring(render_feed([weekly_report()], FEED, ["Old data."]))
    assert feed.findtext(f"{ATOM}title") == "MADE-UP DATA: Weekly research trends"
    assert feed.findtext(f"{ATOM}subtitle") == "Old data."
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}id") == uuid5(UUID(FEED), "2019-W20").urn
    assert entry.findtext(f"{ATOM}updated") == "2019-05-27T00:00:00Z"


def test_a_chart_of_changes_is_described_by_its_largest_ones() -> None:
    changes = (("A", 0.5, None), ("B", -0.25, None), ("C", None, "new"), ("D", 2.0, None))
    rows = [
        {"name": name, "period_1": "2017", "period_2": "2018", "relative_change": value, "change": word}
        for name, value, word in changes
    ]
    report = Report("comparison", "", "arxiv", False, {}, [], rows)
    assert describe_chart(report) == "2018 vs 2017: largest rise D, +200 %; largest fall B, -25.0 %; new: C."
    assert describe_chart(replace(report, rows=rows[:1])) == "2018 vs 2017: largest rise A, +50.0 %."
    unchanged = [{**rows[0], "relative_change": 0.0}]
    assert describe_chart(replace(report, rows=unchanged)) == "2018 vs 2017: no changes."


def test_identities_of_weeks_are_urns_that_last() -> None:
    def read_entry(report: dict[str, Any], identity: str) -> tuple[str | None, str | None]:
        (entry,) = ET.fromstring(render_feed([report], identity)).findall(f"{ATOM}entry")
        return entry.findtext(f"{ATOM}id"), entry.findtext(f"{ATOM}updated")

    first, again = weekly_report(), weekly_report(drawn=["2019-05-20", "2019-06-03"], title="Another title")
    assert read_entry(first, FEED)[0] == read_entry(again, FEED)[0]
    assert read_entry(again, FEED)[1] == "2019-06-03T00:00:00Z"
    assert read_entry(first, "urn:uuid:a42e6ad6-43ef-52ac-9cc9-999245f0969e")[0] != read_entry(first, FEED)[0]


def test_no_cell_of_a_csv_file_is_a_formula() -> None:
    paper = build_paper(
        1, ["rl"], "x", title='=HYPERLINK("http://evil")', authors=["@SUM(1)", "=2"], sentence="+1", primary="-1",
        code=["\tx"], v1="=1",
    )  # fmt: skip
    (row,) = csv.DictReader(io.StringIO(render_submissions_csv(quiet_report(papers=[paper]))))
    assert row["title"] == '\'=HYPERLINK("http://evil")' and row["authors"] == "'@SUM(1); =2"
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_an_address_cannot_end_its_link_in_a_digest() -> None:
    paper = build_paper(
        1, ["rl"], "x", url="https://arxiv.org/abs/1) [click](https://evil", code=["https://github.com/a/b)<c>\n# d"]
    )
    rows = [row for row in weekly_report()["rows"] if row["topic"] == "rl"]
    text = render_digest(quiet_report(papers=[paper], watched=["rl"], rows=rows))
    assert "(https://arxiv.org/abs/1%29%20[click]%28https://evil)" in text
    assert "([code](https://github.com/a/b%29%3Cc%3E%0A#%20d))" in text
    paper["url"] = "javascript:pwn()"
    text = render_digest(quiet_report(papers=[paper], watched=["rl"], rows=rows))
    assert "- On x, part 1, Ada Abel" in text and "javascript" not in text
