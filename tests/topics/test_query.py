from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.topics.worlds import FRUIT_WORLD
from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import parse_period
from trendcli.core.types import Scope, Window
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import (
    BoundQuery,
    bind,
    comparison_periods,
    last_complete_period,
    parse_query,
    query_to_json,
    query_window,
)

CS_LG = Scope("cs.LG", ("cs.LG",))


def test_topics_are_those_named_and_of_queries_keywords_and_the_pack(fruit_library: Library) -> None:
    query, library = parse_query(
        fruit_library, topics=["pear"], queries=["Plum tart"], keywords=["Jam"], pack="all", within="fruit"
    )
    assert query.topics == ("pear", "query:Plum tart", "keyword:jam", "fruit", "apple", "jam")
    assert query.within == "fruit"
    assert library.get_topic("query:Plum tart").origin == "--query"
    assert "query:Plum tart" not in fruit_library.topics


def test_without_topics_the_children_of_within_are_counted(fruit_library: Library) -> None:
    assert parse_query(fruit_library, within="fruit")[0].topics == ("apple", "pear")
    assert parse_query(fruit_library, within="fruit", children=False)[0].topics == ()


def test_dates_and_spans_are_parsed(fruit_library: Library) -> None:
    query, _ = parse_query(
        fruit_library, since="2018-Q2", until="2019", last="24m", as_of="2018-03", index="2018", id="arXiv:1801.00001v2"
    )
    assert query.window == Window(date(2018, 4, 1), date(2019, 1, 1))
    assert query.last == (24, "month")
    assert query.as_of == date(2018, 4, 1)
    assert query.index == parse_period("2018")
    assert query.id == "1801.00001"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"topics": ["plum"]}, "No topic 'plum'"),
        ({"pack": "al"}, r"No pack 'al' \(did you mean all\?\)"),
        ({"within": "jam"}, "jam has no child topics; name topics with -t."),
        ({"both": ["pear"]}, "--and needs a topic to combine with; name one with -t."),
        ({"across": "topic"}, "--across accepts only 'category', not 'topic'."),
        ({"match": "loose"}, "No match mode 'loose'. Known: any, title, strict."),
        ({"since": "soon"}, "Not a date: 'soon'"),
    ],
)
def test_options_that_cannot_be_parsed(fruit_library: Library, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_query(fruit_library, **options)


def bind_query(store: Store, library: Library, **options: Any) -> BoundQuery:
    query, library = parse_query(library, **options)
    return bind(store, library, query, ML)


def test_a_query_without_a_scope_gets_what_the_store_covers(tmp_path: Path, fruit_library: Library) -> None:
    store = fill(tmp_path / "store", FRUIT_WORLD, [coverage_record(["cs.LG", "cs.CL"])])
    bound = bind_query(store, fruit_library)
    assert bound.selection.scope == Scope("cs.CL cs.LG", ("cs.CL", "cs.LG"))
    assert bound.data_as_of == bound.reference_time == datetime(2020, 1, 1, tzinfo=UTC)
    everything = fill(tmp_path / "everything", FRUIT_WORLD, [coverage_record(["*"])])
    assert bind_query(everything, fruit_library).selection.scope == ML


def test_a_scope_that_is_not_covered_names_the_next_command(tmp_path: Path, fruit_library: Library) -> None:
    store = fill(tmp_path / "some", FRUIT_WORLD)
    vision = Scope("cs.CV", ("cs.CV",))
    with pytest.raises(CoverageMissing) as error:
        bind_query(store, fruit_library, scope=vision)
    assert str(error.value) == (
        "The store does not cover cs.CV. It covers cs.LG: choose one with -c, or run "
        "`trend fetch -c cs.CV --since 2024-01` to add what is missing."
    )
    with pytest.raises(CoverageMissing) as error:
        bind_query(Store.open_or_create(tmp_path / "none"), fruit_library, scope=vision)
    assert str(error.value) == (
        "The store does not cover cs.CV. Run `trend fetch -c cs.CV --since 2024-01` or `trend import FILE`."
    )
    with pytest.raises(
        CoverageMissing, match="No submissions in cs.LG are covered by the end of 2017-12-31; use a later"
    ):
        bind_query(store, fruit_library, scope=CS_LG, as_of="2017-12-31")


def test_the_window_of_a_query(fruit_store: Store, fruit_library: Library) -> None:
    def window(unit: str, **options: Any) -> tuple[str, str]:
        since, until = query_window(bind_query(fruit_store, fruit_library, **options), unit)
        return str(since), str(until)

    assert window("year") == ("2018-01-01", "2020-01-01")  # all that is covered
    assert window("year", since="2018-03") == ("2018-03-01", "2020-01-01")
    assert window("year", period="2018-Q2") == ("2018-04-01", "2018-07-01")
    assert window("year", last="3m") == ("2019-10-01", "2020-01-01")
    for options in ({"period": "2018", "last": "3m"}, {"since": "2018", "last": "3m"}):
        with pytest.raises(UsageError, match="^Give one time window: --period, --since/--until or --last.$"):
            window("year", **options)
    with pytest.raises(
        UsageError, match="The window is reversed: --since 2019-01-01 is not before --until 2018-01-01."
    ):
        window("year", since="2019", until="2018")


def test_the_periods_of_a_comparison(fruit_store: Store, fruit_library: Library) -> None:
    def labels(**options: Any) -> tuple[str, ...]:
        return tuple(period.label for period in comparison_periods(bind_query(fruit_store, fruit_library, **options)))

    assert labels() == ("2019", "2018")
    assert labels(by="quarter") == ("2019-Q4", "2018-Q4")
    assert labels(period="2019-03") == ("2019-03", "2018-03")
    assert labels(period="2019-03", vs="previous") == ("2019-03", "2019-02")
    assert labels(period="2019-03", vs="2018-01") == ("2019-03", "2018-01")
    assert labels(since="2019-03", until="2019-05") == ("2019-03 to 2019-04", "2019-01 to 2019-02")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "month", "period": "2019"}, "which is a year; drop --by, or give a month with --period."),
        ({"period": "2020-W53"}, "2020-W53 has no counterpart a year earlier; choose a period with --vs."),
        ({"period": "2019", "vs": "2018-03"}, "2018-03 is a month and 2019 a year; compare periods of the same unit."),
        ({"period": "2019", "vs": "2019"}, "--vs 2019 is not before 2019."),
    ],
)
def test_periods_that_do_not_fit_together(
    fruit_store: Store, fruit_library: Library, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        comparison_periods(bind_query(fruit_store, fruit_library, **options))


def test_the_last_complete_period_has_no_gap(tmp_path: Path, fruit_library: Library) -> None:
    records = [coverage_record(until="2019-03-01"), coverage_record(since="2019-03-02", until="2019-06-10")]
    bound = bind_query(fill(tmp_path / "store", FRUIT_WORLD, records), fruit_library)
    assert last_complete_period(bound, "month").label == "2019-05"
    assert last_complete_period(bound, "quarter").label == "2018-Q4"
    assert last_complete_period(bound, "year").label == "2018"


def test_of_unknown_coverage_a_period_with_submissions_counts_as_complete(
    tmp_path: Path, fruit_library: Library
) -> None:
    papers = [paper("1801.00001", "2018-01-05"), paper("1803.00002", "2018-03-05")]
    bound = bind_query(
        fill(tmp_path / "store", papers, [coverage_record(status="unknown")]), fruit_library, scope=CS_LG
    )
    assert last_complete_period(bound, "month").label == "2018-03"


def test_without_a_complete_period_the_message_names_what_was_never_fetched(
    tmp_path: Path, fruit_library: Library
) -> None:
    store = fill(tmp_path / "store", FRUIT_WORLD, [coverage_record(until="2018-02-01")])
    bound = bind_query(store, fruit_library, scope=Scope("two", ("cs.LG", "cs.CL")))
    with pytest.raises(CoverageMissing) as error:
        last_complete_period(bound, "year")
    assert str(error.value) == (
        "No year is completely covered for two: cs.CL was never fetched. Fetch with `trend fetch -c cs.CL --since 2018`, "
        "or report on the rest with -c cs.LG."
    )


def test_a_query_as_json_names_what_was_resolved(fruit_store: Store, fruit_library: Library) -> None:
    bound = bind_query(fruit_store, fruit_library, topics=["pear"], last="24m", as_of="2019-06-30", by="month", limit=5)
    content = query_to_json(bound)
    assert (content["topics"], content["scope"], content["categories"]) == (["pear"], "cs.LG", ["cs.LG"])
    assert (content["last"], content["as_of"], content["by"], content["limit"]) == ("24m", "2019-06-30", "month", 5)
    assert "fields" not in content  # a venue names the text fields that rules are matched in


def test_names_and_other_selections_of_a_bound_query(fruit_store: Store, fruit_library: Library) -> None:
    bound = bind_query(fruit_store, fruit_library, topics=["pear"], both=["fruit"])
    assert bound.topic_label("pear") == "pear and Fruit"
    year = parse_period("2018")
    assert bound.count_submissions([year]).counts == {("pear", year): 1}
    assert bound.with_selection(both=(), topics=("apple",)).count_submissions([year]).counts == {("apple", year): 4}
    assert bound.count_breakdown([year], "category")["cs.LG"].totals == {year: 5}
    assert bound.period_status(year).status == "complete"
