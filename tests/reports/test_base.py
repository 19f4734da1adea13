from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.reports.helpers import bind_words, build_report
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.core.periods import parse_period, parse_period_label
from trendcli.core.report import Column
from trendcli.core.types import Scope
from trendcli.reports.base import (
    build_two_proportions,
    format_topic_names,
    is_withheld,
    label_columns,
    period_fields,
    sort_rows,
    visible_count,
    worst_status,
)
from trendcli.reports.trends.series import build_series
from trendcli.stats.overdispersion import NOT_ESTIMATED
from trendcli.store.coverage import PeriodStatus
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.library import Library
from trendcli.topics.query import Query

YEAR = parse_period("2019")
COMPLETE = PeriodStatus("complete", has_ended=True, has_gap=False)
RUNNING = PeriodStatus("partial", has_ended=False, has_gap=False)
GAP = PeriodStatus("partial", has_ended=True, has_gap=True, missing_categories=("cs.LG",))


def test_over_a_gap_no_count_is_visible(gans: Store, library: Library) -> None:
    counts = PeriodCounts({YEAR: 1600}, {YEAR: ""}, {("gan", YEAR): 100})
    bound = bind_words(gans, library, "gan")
    assert visible_count(bound, "gan", YEAR, counts, COMPLETE) == (100, 1600)
    assert visible_count(bound, None, YEAR, counts, RUNNING) == (None, 1600)
    assert visible_count(bound, "gan", YEAR, counts, GAP) == (None, None)
    partial = bind_words(gans, library, "gan", include_partial=True)
    assert visible_count(partial, "gan", YEAR, counts, GAP) == (100, 1600)


def test_change_with_an_incomplete_period_is_withheld() -> None:
    assert [is_withheld(status, Query()) for status in (COMPLETE, RUNNING, GAP)] == [False, True, True]
    assert not is_withheld(GAP, Query(include_partial=True))


def test_two_proportions_need_both_counts() -> None:
    assert build_two_proportions((70, 1000), (100, 1600), NOT_ESTIMATED) == (70, 1000, 100, 1600, 1.0, None)
    assert build_two_proportions((None, None), (100, 1600), NOT_ESTIMATED) is None


def test_the_worst_of_several_statuses_counts() -> None:
    assert worst_status(["complete", "partial", "unknown"]) == "partial"
    assert worst_status(["complete", "provisional"]) == "provisional"
    assert worst_status([]) == "unknown"


def test_a_clipped_period_keeps_its_name() -> None:
    clipped = YEAR._replace(start=parse_period("2019-03").start)
    assert period_fields(clipped) == {"period": "2019", "start": "2019-03-01", "end": "2020-01-01"}
    window = parse_period_label("2019-03 to 2020-02")
    assert period_fields(window) == {"period": "2019-03 to 2020-02", "start": "2019-03-01", "end": "2020-03-01"}


def test_labels_name_the_periods() -> None:
    columns = [
        Column("count_1", "Count {earlier}", "count"),
        Column("count_2", "Count {later}", "count"),
        Column("q", "q", "p"),
    ]
    labels = [column.label for column in label_columns(columns, parse_period("2018"), YEAR)]
    assert labels == ["Count 2018", "Count 2019", "q"]


def test_rows_are_sorted_with_new_first_and_missing_last() -> None:
    rows: list[dict[str, Any]] = [
        {"topic": topic, "change": change, "relative_change": value, "rank_2": rank}
        for topic, change, value, rank in (
            ("a", None, 0.5, 2),
            ("b", "new", None, 3),
            ("c", None, None, None),
            ("d", None, 2.0, 1),
        )
    ]

    def order(**options: Any) -> str:
        return "".join(row["topic"] for row in sort_rows(rows, Query(**options)))

    assert order() == "bdac"
    assert order(reverse=True) == "adbc"
    assert order(sort="rank_2") == "dabc"  # the first rank is the largest
    assert order(sort="topic", reverse=True) == "dcba"
    with pytest.raises(UsageError, match=r"Cannot sort by 'rank2' \(did you mean rank_2"):
        order(sort="rank2")


def test_sorting_never_depends_on_ties(tmp_path: Path, library: Library) -> None:
    def world(name: str, year: int) -> list[Any]:
        return [paper(f"{year % 100}01.{n:05d}", f"{year}-01-05", name if n < 10 else "x") for n in range(40)]

    titles = {"Transfer learning": 2018, "Causal inference and transfer learning": 2019}
    store = fill(tmp_path, [item for name, year in titles.items() for item in world(name, year)], [coverage_record()])
    names = ("transfer-learning", "causality", "rnn", "gan")

    def topics(**options: Any) -> list[str]:
        return [row["topic"] for row in build_report("comparison", store, library, *names, **options).rows]

    down = build_report("comparison", store, library, *names)
    assert [row["topic"] for row in down.rows] == ["causality", "transfer-learning", "gan", "rnn"]
    assert (down.rows[0]["change"], down.rows[1]["relative_change"]) == ("new", 0.0)
    assert topics(reverse=True) == ["transfer-learning", "causality", "gan", "rnn"]
    assert topics(sort="count_2")[:2] == ["causality", "transfer-learning"]
    assert topics(sort="topic", limit=2) == ["causality", "gan"]
    assert topics(min_count=1) == ["causality", "transfer-learning"]
    assert len(topics(sort="verdict")) == len(names)
    for word in ("period_1", "ci_open", "status"):
        with pytest.raises(UsageError, match=f"Cannot sort by '{word}'"):
            topics(sort=word)
    with pytest.raises(UsageError, match="Cannot sort by 'verdict_title'"):
        topics(sort="verdict_title", sensitivity=True)


def test_the_limit_changes_no_number(gans: Store, library: Library) -> None:
    whole = build_report("comparison", gans, library, pack="ml").rows
    assert build_report("comparison", gans, library, pack="ml", limit=2).rows == whole[:2]


def test_titles_name_few_topics_and_the_scope(gans: Store, library: Library) -> None:
    assert format_topic_names(bind_words(gans, library, "gan", "rnn")) == "GANs, Recurrent networks (RNN, LSTM, GRU)"
    assert format_topic_names(bind_words(gans, library, "gan", "rnn", "transformer", "causality")) == "4 topics"
    assert format_topic_names(bind_words(gans, library)) == "Submissions"
    within = bind_words(gans, library, "gan", within="generative-models")
    assert format_topic_names(within) == "GANs within Generative models"
    assert build_report("series", gans, library, "gan").title == "GANs by year, cs.LG"


def test_a_scope_by_name_is_named(gans: Store, library: Library) -> None:
    bound = bind_words(gans, library, "gan", scope=Scope("core", ("cs.LG",)))
    assert build_series(gans, library, bound.query, Scope("ml", ("cs.LG",))).title == "GANs by year, scope core"


def test_breaks_in_policy_are_noted_where_they_fall_into_the_window(tmp_path: Path, library: Library) -> None:
    world = [paper(f"{y}01.00001", f"20{y}-01-05", categories="eess.SY") for y in (18, 19)]
    store = fill(tmp_path, world, [coverage_record(["eess.SY"])])
    report = build_report("series", store, library, by="year")
    assert [item["day"] for item in report.breaks] == ["2019-06-11"]
    (note,) = (note for note in report.notes if note.startswith("2019-06-11: cs.SY becomes eess.SY"))
    assert note.endswith("; expect a break in the series.")
    assert build_report("series", store, library, by="month", until="2019-06").breaks == []


def test_a_minimum_count_is_noted(gans: Store, library: Library) -> None:
    report = build_report("comparison", gans, library, "gan", min_count=1000)
    assert list(report.rows) == []
    assert report.notes[-1] == "Only topics with at least 1,000 submissions in either period."
