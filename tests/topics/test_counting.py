from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.topics.worlds import FRUIT_NAMES, FRUIT_WORLD, LG_CL, count_fruit, fruit_row
from tests.worlds import fill, paper
from trendcli.core.periods import list_periods, parse_period
from trendcli.core.types import Scope, Selection, Submission, ignore_progress
from trendcli.store.store import Store
from trendcli.topics.counting import count_breakdown, count_rule_contributions, count_submissions
from trendcli.topics.library import Library


def test_counts_that_a_reader_can_check(fruit_store: Store, fruit_library: Library) -> None:
    counts = count_fruit(fruit_store, fruit_library, "2018", "2019")
    assert fruit_row(counts, "2018") == {"total": 8, "fruit": 6, "apple": 5, "pear": 3, "jam": 1}
    assert fruit_row(counts, "2019") == {"total": 1, "fruit": 1, "apple": 1, "pear": 0, "jam": 0}


def test_primary_only_and_other_scopes(fruit_store: Store, fruit_library: Library) -> None:
    primary = count_fruit(fruit_store, fruit_library, "2018", primary_only=True)
    assert fruit_row(primary, "2018") == {"total": 7, "fruit": 5, "apple": 4, "pear": 3, "jam": 1}
    vision = count_fruit(fruit_store, fruit_library, "2018", scope=Scope("cs.CV", ("cs.CV",)))
    assert fruit_row(vision, "2018") == {"total": 2, "fruit": 2, "apple": 2, "pear": 0, "jam": 0}


def test_a_mode_of_matching_counts_anywhere_in_the_title_or_twice(tmp_path: Path, fruit_library: Library) -> None:
    store = fill(
        tmp_path / "store",
        [
            paper("1801.00001", "2018-01-05", "An apple"),
            paper("1801.00002", "2018-01-05", "x", "One apple."),
            paper("1801.00003", "2018-01-05", "x", "An apple and another apple."),
            paper("1801.00004", "2018-01-05", "x", "An apple pie."),  # two rules match, each once
        ],
    )
    modes = ("any", "title", "strict")
    counts = {mode: fruit_row(count_fruit(store, fruit_library, "2018", match=mode), "2018")["apple"] for mode in modes}
    assert counts == {"any": 4, "title": 1, "strict": 2}


def test_weeks_months_quarters_and_years_add_up(fruit_store: Store, fruit_library: Library) -> None:
    year = parse_period("2018")
    whole = count_fruit(fruit_store, fruit_library, "2018")
    for unit in ("quarter", "month", "day"):
        periods = list_periods(date(2018, 1, 1), date(2019, 1, 1), unit)
        parts = count_fruit(fruit_store, fruit_library, *(period.label for period in periods))
        assert sum(parts.totals.values()) == whole.totals[year]
        for topic in FRUIT_NAMES:
            assert sum(parts.counts[topic, period] for period in periods) == whole.counts[topic, year]
        hashes = sum(int(value, 16) for value in parts.hashes.values()) % 2**64
        assert f"{hashes:016x}" == whole.hashes[year]
    week = count_fruit(fruit_store, fruit_library, "2019-W01")
    assert fruit_row(week, "2019-W01")["total"] == 2  # Monday 2018-12-31 and 2019-01-01


def test_an_author_an_id_and_a_date_narrow_the_count(tmp_path: Path, fruit_library: Library) -> None:
    store = fill(
        tmp_path / "store", [*FRUIT_WORLD, paper("1806.00011", "2018-06-01", "An apple", authors="Cé Zé, Dee Dee")]
    )

    def row(**changes: Any) -> Mapping[str, int]:
        return fruit_row(count_fruit(store, fruit_library, "2018", **changes), "2018")

    assert row(author="ze") == {"total": 1, "fruit": 1, "apple": 1, "pear": 0, "jam": 0}
    assert row(id="1802.00004")["total"] == 1
    assert row(as_of=date(2018, 2, 2))["total"] == 3


def test_a_period_without_submissions_counts_zero(fruit_store: Store, fruit_library: Library) -> None:
    zeros = {"total": 0, "fruit": 0, "apple": 0, "pear": 0, "jam": 0}
    assert fruit_row(count_fruit(fruit_store, fruit_library, "2017"), "2017") == zeros
    assert count_fruit(fruit_store, fruit_library).totals == {}


def test_an_empty_store_counts_zero(tmp_path: Path, fruit_library: Library) -> None:
    zeros = {"total": 0, "fruit": 0, "apple": 0, "pear": 0, "jam": 0}
    assert fruit_row(count_fruit(fill(tmp_path / "store", []), fruit_library, "2018"), "2018") == zeros


TEXTS = st.lists(st.sampled_from(["apple", "apple computer", "pear", "JAM", "nothing", "apples"]), max_size=4).map(
    " and ".join
)
CATEGORIES = st.sampled_from(["cs.LG", "cs.CL", "cs.CV cs.LG", "stat.AP cs.CL", "cs.CV"])
PAPERS = st.lists(st.tuples(TEXTS, TEXTS, CATEGORIES, st.integers(0, 700)), min_size=1, max_size=12)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAPERS, st.booleans(), st.sampled_from(["any", "title", "strict"]))
def test_counts_equal_those_of_a_plain_loop(
    tmp_path_factory: pytest.TempPathFactory,
    fruit_library: Library,
    drawn: list[tuple[str, str, str, int]],
    primary_only: bool,
    mode: str,
) -> None:
    papers = [
        paper(f"18{n + 1:02d}.00001", str(date(2018, 1, 1) + timedelta(day)), title or "x", abstract, categories=listed)
        for n, (title, abstract, listed, day) in enumerate(drawn)
    ]
    store = fill(tmp_path_factory.mktemp("world"), papers)
    quarters = list_periods(date(2018, 1, 1), date(2020, 1, 1), "quarter")
    labels = [quarter.label for quarter in quarters]
    counts = count_fruit(store, fruit_library, *labels, primary_only=primary_only, match=mode)
    for quarter in quarters:
        inside = [
            submission
            for submission in papers
            if quarter.start <= date(1970, 1, 1) + timedelta(seconds=submission.v1_at) < quarter.end
            and is_in_scope(submission.categories, primary_only)
        ]
        assert counts.totals[quarter] == len(inside)
        for topic in FRUIT_NAMES:
            plain_count = sum(is_on_topic(topic, submission, mode) for submission in inside)
            assert counts.counts[topic, quarter] == plain_count, (topic, quarter.label)


def is_in_scope(categories: str, primary_only: bool) -> bool:
    listed = categories.split()[:1] if primary_only else categories.split()
    return bool({"cs.LG", "cs.CL"} & set(listed))


def is_on_topic(topic: str, submission: Submission, mode: str) -> bool:
    """The fruit topics once more, by hand."""
    if topic == "fruit":
        return is_on_topic("apple", submission, mode) or is_on_topic("pear", submission, mode)
    jam = has_match(r"\bJAMs?\b", submission, mode)
    if topic == "jam":
        return jam
    if topic == "apple":
        apple = has_match(r"(?i)\bapples?\b(?! computers?\b)", submission, mode)
        return apple or has_match(r"(?i)\bapple pies?\b", submission, mode) or jam
    passes_guard = "cs.LG" in submission.categories.split() or "stat." in submission.categories
    return jam or (passes_guard and has_match(r"(?i)\bpears?\b", submission, mode))


def has_match(regex: str, submission: Submission, mode: str) -> bool:
    in_title, in_abstract = (len(re.findall(regex, text)) for text in (submission.title, submission.abstract))
    return {"title": in_title > 0, "strict": in_title > 0 or in_abstract > 1, "any": in_title + in_abstract > 0}[mode]


def breakdown(
    store: Store, library: Library, label: str, by: str, **changes: Any
) -> dict[str, tuple[int, dict[str, int]]]:
    """{part: (total, {topic: count})} of one period."""
    selection = Selection(**{"scope": LG_CL, "topics": FRUIT_NAMES, **changes})
    period = parse_period(label)
    counts_by_part = count_breakdown(store, library, selection, [period], ignore_progress, by)
    return {
        part: (counts.totals[period], {topic: count for (topic, _), count in counts.counts.items() if count})
        for part, counts in counts_by_part.items()
    }


@pytest.mark.parametrize("label", ["2018", "2018-W01"])  # from aggregates, and from rule matches
def test_a_scope_is_broken_down_by_category_and_by_primary_category(
    fruit_store: Store, fruit_library: Library, label: str
) -> None:
    by_category = breakdown(fruit_store, fruit_library, label, "category")
    by_primary = breakdown(fruit_store, fruit_library, label, "primary")
    whole = breakdown(fruit_store, fruit_library, label, "whole")[""]
    assert set(by_category) == {"cs.LG", "cs.CL"}  # there also where nothing was counted
    assert sum(total for total, _ in by_primary.values()) == whole[0]
    for topic in FRUIT_NAMES:
        assert sum(counts.get(topic, 0) for _, counts in by_primary.values()) == whole[1].get(topic, 0)
    if label == "2018":
        assert by_category == {
            "cs.LG": (5, {"fruit": 4, "apple": 4, "pear": 1}),
            "cs.CL": (4, {"fruit": 3, "apple": 2, "pear": 3, "jam": 1}),
        }
        assert by_primary["cs.CV"] == (1, {"fruit": 1, "apple": 1})  # listed in the scope, of another primary category
        assert breakdown(fruit_store, fruit_library, label, "category", primary_only=True)["cs.LG"][0] == 4


@pytest.mark.parametrize("label", ["2018", "2018-W01"])
def test_both_counts_what_two_topics_match(fruit_store: Store, fruit_library: Library, label: str) -> None:
    both = count_fruit(fruit_store, fruit_library, label, topics=("apple",), both=("pear",))
    reverse = count_fruit(fruit_store, fruit_library, label, topics=("pear",), both=("apple",))
    alone = count_fruit(fruit_store, fruit_library, label, topics=("apple",))
    period = parse_period(label)
    assert both.totals == alone.totals and both.hashes == alone.hashes
    assert both.counts["apple", period] == reverse.counts["pear", period] == (2 if label == "2018" else 0)


def test_within_a_topic_the_total_is_what_matches_it(fruit_store: Store, fruit_library: Library) -> None:
    """Children of the topic are counted from aggregates, other topics from rule matches, and alike."""
    year = parse_period("2018")
    fruit_count = count_fruit(fruit_store, fruit_library, "2018", topics=("fruit",)).counts["fruit", year]
    children = count_fruit(fruit_store, fruit_library, "2018", topics=("apple", "pear"), within="fruit")
    assert children.totals[year] == fruit_count == 6
    assert children.counts == count_fruit(fruit_store, fruit_library, "2018", topics=("apple", "pear")).counts
    assert all(count <= fruit_count for count in children.counts.values())
    other = count_fruit(fruit_store, fruit_library, "2018", topics=("pear",), within="apple")
    assert (other.totals[year], other.counts["pear", year]) == (5, 2)
    # hashes are of the scope, whatever the total is
    assert other.hashes == children.hashes == count_fruit(fruit_store, fruit_library, "2018").hashes
    days = [parse_period("2018-01-05"), parse_period("2018-01-31")]
    selection = Selection(scope=LG_CL, topics=("apple", "pear"), within="fruit")
    by_day = count_submissions(fruit_store, fruit_library, selection, days, ignore_progress)
    assert [by_day.totals[day] for day in days] == [1, 1] and [by_day.counts["pear", day] for day in days] == [0, 1]


def test_which_rule_matched_what(fruit_store: Store, fruit_library: Library) -> None:
    selection = Selection(scope=LG_CL, topics=("fruit",))
    years = [parse_period("2018"), parse_period("2019")]
    contributions = count_rule_contributions(fruit_store, fruit_library, selection, years, ignore_progress)
    assert [(item.topic, item.rule.text, item.counts, item.exclusive_counts) for item in contributions] == [
        ("apple", "apple", (4, 1), (2, 1)),
        ("pear", "pear", (2, 0), (1, 0)),
        ("apple", "apple pie", (1, 0), (0, 0)),
        ("jam", "JAM", (1, 0), (1, 0)),
    ]
