"""The API as a source: slices, faults of the server and of the package, and feeds that are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import arxiv
import pytest
import requests
import time_machine

from tests.standins.arxiv import ArxivStandIn, expected_rows, rows, run_stand_in
from trendcli.core.errors import RetryableError, SourceUnreachable, UsageError
from trendcli.core.types import Request, Window, ignore_progress
from trendcli.demo.corpus import CATEGORY_WEIGHTS, SyntheticSubmission
from trendcli.sources import arxiv_api
from trendcli.sources.arxiv_api import ArxivApi
from trendcli.sources.harvest import HarvestResult, harvest_source
from trendcli.sources.pace import Pace
from trendcli.sources.plan import plan_window_requests
from trendcli.sources.zeros import StoredSubmissions
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

ALL = tuple(sorted(CATEGORY_WEIGHTS))
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 200, so that each year of the small corpus needs two."""
    monkeypatch.setattr(arxiv_api, "PAGE_SIZES", (200, 100, 50))


WHOLE = Window(date(2018, 1, 1), date(2020, 1, 1))


def api(
    standin: ArxivStandIn, interval_s: float = 0.0, sleep: Callable[[float], None] = lambda s: None, **options: Any
) -> ArxivApi:
    return ArxivApi(standin.url, Pace(None, interval_s, sleep), **options)


def fetch(
    standin: ArxivStandIn, root: Path, window: Window = WHOLE, categories: tuple[str, ...] = ALL, **options: Any
) -> tuple[Store, HarvestResult]:
    """Fetch a window, whatever the store covers; raises the error that stopped the harvest."""
    store = Store.open_or_create(root)
    source = api(standin, **options)
    result = harvest_source(store, source, [Request(categories, window)], ignore_progress, lambda fault: None)
    if result.stop_error:
        raise result.stop_error
    return store, result


def test_every_submission_comes_with_its_first_date(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    store, result = fetch(standin, tmp_path)
    assert rows(store) == expected_rows(small_corpus)
    assert (result.upsert_counts.new, result.is_complete) == (600, True)
    assert [(a.since, a.until, a.status, a.expected, a.received) for a in result.coverage_records] == [
        (date(2018, 1, 1), date(2019, 1, 1), "complete", 250, 250),
        (date(2019, 1, 1), date(2020, 1, 1), "complete", 350, 350),
    ]


@pytest.mark.journey
def test_fetching_again_changes_nothing(standin: ArxivStandIn, tmp_path: Path) -> None:
    fetch(standin, tmp_path)
    store, result = fetch(standin, tmp_path)
    assert (result.upsert_counts.new, result.upsert_counts.revised, result.upsert_counts.repeated) == (0, 0, 600)
    assert store.manifest.submission_count == 600


@pytest.mark.journey
def test_a_later_revision_replaces_its_submission(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    fetch(standin, tmp_path)
    old = small_corpus[17]
    standin.submissions = [
        replace(p, versions=(*p.versions, p.versions[-1] + timedelta(9)), title="Anew") if p is old else p
        for p in small_corpus
    ]
    standin.last_results = ("", [])
    store, result = fetch(standin, tmp_path)
    assert (result.upsert_counts.new, result.upsert_counts.revised) == (0, 1)
    assert rows(store)[old.id][:2] == (len(old.versions) + 1, f"{old.published_at:%Y-%m-%dT%H:%M:%S}")
    assert store.manifest.submission_count == 600


def test_only_the_requested_categories_are_stored(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    store, _ = fetch(standin, tmp_path, Window(date(2018, 3, 1), date(2018, 9, 1)), ("cs.CL",))
    wanted = [
        p
        for p in small_corpus
        if "cs.CL" in p.categories and 3 <= p.published_at.month < 9 and p.published_at.year == 2018
    ]
    assert rows(store) == expected_rows(wanted)
    assert store.build_coverage().requested_categories() == {"cs.CL"}


@pytest.mark.journey
def test_large_windows_are_halved(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arxiv_api, "MAX_SLICE_RESULTS", 100)
    store, result = fetch(standin, tmp_path)
    assert rows(store) == expected_rows(small_corpus)
    assert all(record.expected <= 100 for record in result.coverage_records if (record.until - record.since).days > 1)  # type: ignore[operator]
    spans = [(record.since, record.until) for record in result.coverage_records]
    assert spans[0][0] == date(2018, 1, 1) and spans[-1][1] == date(2020, 1, 1)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(spans))


def test_a_day_that_is_too_large_is_halved_by_time_and_then_by_category(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arxiv_api, "MAX_SLICE_RESULTS", 20)
    at = datetime(2018, 5, 5, 12, 0, 30, tzinfo=UTC)
    minute = [
        SyntheticSubmission(f"1805.{n:05d}", (at,), f"t{n}", "a", ("x",), ("cs.LG" if n % 2 else "cs.CL",))
        for n in range(1, 31)
    ]
    spread = [
        SyntheticSubmission(f"1805.{n:05d}", (at + timedelta(minutes=n),), f"t{n}", "a", ("x",), ("cs.LG",))
        for n in range(100, 190)
    ]
    with run_stand_in(ArxivStandIn(minute + spread)) as standin:
        store, result = fetch(standin, tmp_path, Window(date(2018, 5, 4), date(2018, 5, 7)), ("cs.CL", "cs.LG"))
    assert set(rows(store)) == {p.id for p in minute + spread}
    assert sorted((answer.since.day, answer.until.day, answer.status) for answer in result.coverage_records) == [
        (4, 5, "complete"),
        (5, 6, "complete"),
        (6, 7, "complete"),
    ]


def test_a_submission_at_midnight_is_in_one_slice_and_none_is_between_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arxiv_api, "MAX_SLICE_RESULTS", 3)
    moments = [
        datetime(2018, 5, day, tzinfo=UTC) + timedelta(seconds=s) for day in (4, 5, 6, 7) for s in (-1, 0, 1, 59)
    ]
    papers = [
        SyntheticSubmission(f"1805.{n:05d}", (at,), "t", "a", ("x",), ("cs.LG",)) for n, at in enumerate(moments, 1)
    ]
    with run_stand_in(ArxivStandIn(papers)) as standin:
        store, result = fetch(standin, tmp_path, Window(date(2018, 5, 4), date(2018, 5, 7)), ("cs.LG",))
    inside = {
        p.id for p in papers if datetime(2018, 5, 4, tzinfo=UTC) <= p.published_at < datetime(2018, 5, 7, tzinfo=UTC)
    }
    assert set(rows(store)) == inside
    assert result.is_complete


def test_an_alias_is_queried_under_both_names(tmp_path: Path) -> None:
    at = datetime(2018, 5, 5, tzinfo=UTC)
    papers = [
        SyntheticSubmission("1805.00001", (at,), "t", "a", ("x",), ("cs.NA",)),
        SyntheticSubmission("1805.00002", (at,), "t", "a", ("x",), ("cs.NA", "math.NA")),
    ]
    with run_stand_in(ArxivStandIn(papers)) as standin:
        store, _ = fetch(standin, tmp_path, Window(date(2018, 5, 1), date(2018, 6, 1)), ("math.NA",))
    assert {row[3] for row in rows(store).values()} == {"math.NA"}
    assert store.manifest.submission_count == 2


def test_a_total_of_zero_is_requested_twice_and_then_believed(standin: ArxivStandIn, tmp_path: Path) -> None:
    """Twice, and once each for the year before and for all years, which show that arXiv answers."""
    store, result = fetch(standin, tmp_path, Window(date(2010, 1, 1), date(2011, 1, 1)))
    assert len(standin.requests) == 4
    assert [(answer.status, answer.expected, answer.received) for answer in result.coverage_records] == [
        ("complete", 0, 0)
    ]
    assert Store.open(tmp_path).manifest.ledger == store.manifest.ledger != ()


def fetch_into(
    standin: ArxivStandIn, store: Store, window: Window, categories: tuple[str, ...] = ("cs.LG",)
) -> HarvestResult:
    """Fetch a window into a store that knows what it holds."""
    source = api(standin, stored=StoredSubmissions(store))
    return harvest_source(store, source, [Request(categories, window)], ignore_progress, lambda fault: None)


def test_an_outage_that_answers_zero_covers_nothing_and_is_asked_again(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    standin.inject_fault("no results", times=99)
    store = Store.open_or_create(tmp_path)
    result = fetch_into(standin, store, WHOLE)
    assert [(record.status, record.expected) for record in result.coverage_records] == [("failed", 0)] * 2
    assert result.faults == [
        "2018-01-01 to 2020-01-01: arXiv reports no submissions to cs.LG, and none at any time; not believed, so the next "
        "fetch asks again"
    ]
    standin.pending_faults = []
    requests = plan_window_requests(store.build_coverage(), ("cs.LG",), Window(None, None), date(2026, 11, 21))
    assert requests[0].window.since == date(2018, 1, 1)
    result = fetch_into(standin, store, WHOLE)
    assert result.is_complete and {record.status for record in store.manifest.ledger} == {"complete"}
    assert store.manifest.submission_count == sum("cs.LG" in paper.categories for paper in small_corpus)


def test_an_outage_in_the_middle_of_a_run_is_asked_again_at_its_end(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    standin.inject_fault("no results")
    store, result = fetch(standin, tmp_path)
    assert rows(store) == expected_rows(small_corpus) and result.is_complete


def test_months_without_any_amid_busy_ones_are_not_believed_for_two_weeks(
    standin: ArxivStandIn, tmp_path: Path
) -> None:
    """arXiv answers everything else, and the category lived before; so it is asked again until it insists."""
    hole = Window(date(2019, 3, 1), date(2019, 5, 1))
    store = Store.open_or_create(tmp_path)
    with time_machine.travel(NOON, tick=False) as clock:
        fetch_into(standin, store, Window(date(2018, 1, 1), date(2019, 3, 1)))
        standin.submissions = [paper for paper in standin.submissions if not in_window(paper, hole)]
        for days, status in ((0, "failed"), (7, "failed"), (7.9, "failed"), (0.2, "complete")):
            clock.shift(timedelta(days=days))
            result = fetch_into(standin, store, hole)
            assert {record.status for record in result.coverage_records} == {status}, days
            assert len(result.faults) == (status == "failed")


def in_window(paper: SyntheticSubmission, window: Window) -> bool:
    """Whether a submission lies in a window that has both ends."""
    assert window.since and window.until
    return window.since <= paper.published_at.date() < window.until


def test_days_that_the_store_knows_are_not_empty(standin: ArxivStandIn, tmp_path: Path) -> None:
    """A zero for days of which the store holds submissions does not unsettle what was complete."""
    store = Store.open_or_create(tmp_path)
    fetch_into(standin, store, WHOLE)
    covered = store.build_coverage().category_spans("cs.LG")
    standin.inject_fault("no results", times=99)
    result = fetch_into(standin, store, Window(date(2018, 1, 1), date(2018, 7, 1)))
    assert len(result.faults) == 1 and "of which the store holds" in result.faults[0]
    assert store.build_coverage().category_spans("cs.LG") == covered


@pytest.mark.parametrize(
    ("categories", "window"),
    [
        (("cs.LG",), Window(date(2015, 1, 1), date(2018, 1, 1))),  # before it began
        (("nlin.CG",), Window(date(2018, 6, 2), date(2018, 6, 4))),  # a weekend
        (("nlin.CG",), Window(date(2018, 6, 1), date(2018, 8, 1))),  # two months of a category of one a year
        (("cs.NEW",), Window(date(2018, 1, 1), date(2019, 1, 1))),  # a name that arXiv does not know yet
    ],
)
def test_small_and_early_zeros_are_believed(
    standin: ArxivStandIn, tmp_path: Path, categories: tuple[str, ...], window: Window
) -> None:
    at = datetime(2018, 5, 5, 12, tzinfo=UTC)
    standin.submissions += [SyntheticSubmission("1805.99999", (at,), "t", "a", ("x",), ("nlin.CG",))]
    store = Store.open_or_create(tmp_path)
    result = fetch_into(standin, store, window, categories)
    assert result.is_complete and {record.status for record in store.manifest.ledger} == {"complete"}


def test_the_days_of_a_clock_that_is_ahead_are_not_covered(tmp_path: Path) -> None:
    """The site's clock decides: what it cannot have answered is no answer, and is asked for once it can."""
    now = NOON - timedelta(days=450)
    papers = [SyntheticSubmission("2508.00001", (now - timedelta(days=5),), "t", "a", ("x",), ("cs.LG",))]
    store = Store.open_or_create(tmp_path)
    with time_machine.travel(NOON, tick=False), run_stand_in(ArxivStandIn(papers)) as standin:
        standin.clock = lambda: now
        result = fetch_into(standin, store, Window(date(2025, 8, 1), None))
    assert [note.partition(":")[0] for note in result.notes] == [
        "arXiv's answer is dated 2025-08-28, but this machine's clock says 2026-11-21"
    ]
    assert max(record.until for record in store.manifest.ledger) == date(2025, 8, 29)
    assert {record.answered_at for record in store.manifest.ledger} == {now}
    with store.connect() as db:
        stored = file_rows_sql(store, store.list_files(), "as_of")
        assert db.execute(f"SELECT as_of FROM ({stored})").fetchall() == [(now.date(),)]
    with time_machine.travel(NOON, tick=False), run_stand_in(ArxivStandIn(papers)) as standin:
        standin.clock = lambda: now
        result = fetch_into(standin, store, Window(date(2026, 1, 1), None))
    assert (result.faults, result.coverage_records) == (
        ["2026-01-01 to 2026-11-22: arXiv's answer is dated 2025-08-28, so nothing is known of these days"],
        [],
    )


@pytest.mark.parametrize("fault", ["date that does not exist", "version beyond number", "entry of the year 9999"])
def test_an_entry_that_stays_unreadable_leaves_its_slice_partial(
    standin: ArxivStandIn, tmp_path: Path, fault: str
) -> None:
    """The run goes on with the next slice."""
    standin.inject_fault(
        fault, times=99, when=lambda query: "[201801010000" in query["search_query"] and query["start"] == "0"
    )
    _, result = fetch(standin, tmp_path)
    assert [(answer.status, answer.expected, answer.received) for answer in result.coverage_records] == [
        ("partial", 250, 249),
        ("complete", 350, 350),
    ]


# every way in which arxiv 4.0.2 silently loses records or stops, and those in which servers misbehave
FAULTS = [
    "empty page", "html with 200", "rate exceeded with 200", "empty body", "error entry with 200", "truncated xml",
    "connection cut", "429", "429 retry after", "503", "500", "406", "short page", "shuffled ties", "other query ran",
]  # fmt: skip
PAGES: list[tuple[str, Callable[[dict[str, str]], bool]]] = [
    ("probe", lambda query: query["max_results"] == "1"),
    ("first page", lambda query: query["max_results"] == "200" and query["start"] == "0"),
    ("second page", lambda query: query["start"] not in ("", "0")),
]


@pytest.mark.journey
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("page", "when"), PAGES)
def test_nothing_is_lost_to_a_fault_that_passes(
    standin: ArxivStandIn,
    small_corpus: list[SyntheticSubmission],
    tmp_path: Path,
    fault: str,
    page: str,
    when: Callable[[dict[str, str]], bool],
) -> None:
    standin.inject_fault(fault, when=when)
    store, result = fetch(standin, tmp_path, Window(date(2018, 1, 1), date(2019, 1, 1)))
    assert standin.pending_faults == [], f"the {page} was never requested"
    assert rows(store) == expected_rows([paper for paper in small_corpus if paper.published_at.year == 2018])
    assert result.is_complete and {answer.status for answer in result.coverage_records} == {"complete"}


LOSING = [
    "empty page",
    "html with 200",
    "rate exceeded with 200",
    "empty body",
    "error entry with 200",
    "truncated xml",
]


@pytest.fixture
def unhardened(standin: ArxivStandIn) -> Iterator[arxiv.Client]:
    client = arxiv.Client(page_size=400, delay_seconds=0, num_retries=0)
    client.query_url_format = f"{standin.url}?{{}}"
    yield client


def ids(client: arxiv.Client) -> list[str]:
    query = "(cat:cs.LG OR cat:cs.CL OR cat:cs.CV OR cat:cs.NE OR cat:stat.ML) AND submittedDate:[201801010000 TO 202001010000]"
    search = arxiv.Search(
        query, max_results=None, sort_by=arxiv.SortCriterion.SubmittedDate, sort_order=arxiv.SortOrder.Ascending
    )
    return [result.entry_id for result in client.results(search)]


def test_the_package_alone_returns_everything_where_nothing_fails(unhardened: arxiv.Client) -> None:
    assert len(set(ids(unhardened))) == 600


@pytest.mark.journey
@pytest.mark.parametrize("fault", LOSING)
def test_the_package_alone_silently_loses_records(standin: ArxivStandIn, unhardened: arxiv.Client, fault: str) -> None:
    standin.inject_fault(fault)
    got = ids(unhardened)  # no exception is raised
    lost = len(set(got)) < 600
    spoiled = fault == "truncated xml"  # there the last entry comes without its authors
    assert lost or spoiled


def test_the_package_alone_repeats_an_entry_in_place_of_one_without_a_date(
    standin: ArxivStandIn, unhardened: arxiv.Client
) -> None:
    standin.inject_fault("entry without a date", when=lambda query: query["start"] == "0")
    got = ids(unhardened)
    assert (len(got), len(set(got))) == (600, 599)


@pytest.mark.parametrize(
    ("fault", "error"), [("connection cut", requests.exceptions.ChunkedEncodingError), ("503", arxiv.HTTPError)]
)
def test_the_package_alone_stops_at_the_first_fault(
    standin: ArxivStandIn, unhardened: arxiv.Client, fault: str, error: type[Exception]
) -> None:
    standin.inject_fault(fault)
    with pytest.raises(error):
        ids(unhardened)


@pytest.mark.journey
def test_an_entry_without_a_date_is_requested_again(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    standin.inject_fault("entry without a date", when=lambda query: query["max_results"] != "1")
    store, result = fetch(standin, tmp_path)
    assert rows(store) == expected_rows(small_corpus)
    assert result.is_complete


@pytest.mark.journey
def test_an_entry_that_never_has_a_date_leaves_the_slice_partial(standin: ArxivStandIn, tmp_path: Path) -> None:
    standin.inject_fault(
        "entry without a date", times=99, when=lambda query: query["max_results"] != "1" and query["start"] == "0"
    )
    store, result = fetch(standin, tmp_path)
    assert [(answer.status, answer.expected, answer.received) for answer in result.coverage_records] == [
        ("partial", 250, 249),
        ("partial", 350, 349),
    ]
    assert store.manifest.submission_count == 598
    assert result.faults[0] == "2018-01-01 to 2019-01-01: received 249 of 250 submissions; stored as partial"


@pytest.mark.journey
@pytest.mark.parametrize("fault", ["empty page", "html with 200", "503", "connection cut", "truncated xml"])
def test_a_fault_that_lasts_stops_the_run_and_keeps_what_arrived(
    standin: ArxivStandIn, tmp_path: Path, fault: str
) -> None:
    late = f"{date(2019, 1, 1):%Y%m%d}"
    standin.inject_fault(
        fault, times=999, when=lambda query: f"[{late}" in query["search_query"] and query["max_results"] != "1"
    )
    with pytest.raises(RetryableError, match="in 5 tries|Cannot read"):
        fetch(standin, tmp_path)
    assert [(a.since, a.until, a.status) for a in Store.open(tmp_path).manifest.ledger] == [
        (date(2018, 1, 1), date(2019, 1, 1), "complete"),
        (date(2019, 1, 1), date(2020, 1, 1), "failed"),
    ]
    assert Store.open(tmp_path).manifest.submission_count == 250
    standin.pending_faults = []
    assert fetch(standin, tmp_path)[1].upsert_counts.new == 350
    assert {a.status for a in Store.open(tmp_path).manifest.ledger} == {"complete"}  # the failed slice was fetched


@pytest.mark.journey
def test_waits_grow_and_retry_after_is_a_minimum(standin: ArxivStandIn, tmp_path: Path) -> None:
    waits: list[float] = []
    store = Store.open_or_create(tmp_path)

    def fetch_at_pace(interval_s: float) -> None:
        source = api(standin, interval_s, waits.append)
        harvest_source(store, source, [Request(ALL, WHOLE)], ignore_progress, lambda fault: None)

    with time_machine.travel(NOON, tick=False):
        standin.inject_fault("503", times=3)
        fetch_at_pace(0.5)
        long_waits = [wait for wait in waits if wait > 0.6]
        assert len(long_waits) == 3
        # in request intervals, with up to a tenth of jitter
        for wait, intervals in zip(long_waits, (10, 20, 40), strict=True):
            assert intervals * 0.5 - 0.001 <= wait <= intervals * 0.5 * 1.1 + 0.001
        standin.inject_fault("429 retry after")
        waits.clear()
        fetch_at_pace(0.001)
        assert max(waits) == pytest.approx(1.0, abs=0.001)


def test_a_refusal_stops_everything(standin: ArxivStandIn, tmp_path: Path) -> None:
    standin.inject_fault("403")
    refusal = "refuses requests from this machine .status 403.. No more are sent for 24 hours"
    with pytest.raises(SourceUnreachable, match=refusal):
        fetch(standin, tmp_path)
    assert len(standin.requests) == 1


def test_a_query_that_arxiv_rejects_is_not_repeated(standin: ArxivStandIn, tmp_path: Path) -> None:
    standin.submissions = []
    with pytest.raises(RetryableError, match="rejected the query") as error:
        fetch(standin, tmp_path, categories=("cs LG",))
    assert error.value.status == 400
    assert len(standin.requests) == 1


def test_smaller_pages_are_requested_only_after_a_server_error(standin: ArxivStandIn, tmp_path: Path) -> None:
    """A fault that lasts for all tries of the first page: with 503 the next size follows, with 429 nothing does."""
    year = Window(date(2018, 1, 1), date(2019, 1, 1))

    def is_large_page(query: dict[str, str]) -> bool:
        return query["max_results"] == "200"

    standin.inject_fault("503", times=5, when=is_large_page)
    _, result = fetch(standin, tmp_path / "503", year)
    assert [query["max_results"] for query in standin.requests] == ["1", *["200"] * 5, *["100"] * 3]
    assert result.is_complete
    standin.requests.clear()
    standin.inject_fault("429", times=5, when=is_large_page)
    with pytest.raises(RetryableError, match="in 5 tries: status 429"):
        fetch(standin, tmp_path / "429", year)
    assert [query["max_results"] for query in standin.requests] == ["1", *["200"] * 5]


def test_an_address_that_nobody_answers(tmp_path: Path) -> None:
    source = ArxivApi("http://127.0.0.1:9/api/query", Pace(None, 0.0))
    store = Store.open_or_create(tmp_path)
    result = harvest_source(store, source, [Request(ALL, WHOLE)], ignore_progress, lambda fault: None)
    assert str(result.stop_error) == (
        "Cannot reach 127.0.0.1:9: Connection refused. The store is unchanged; rerun the same command later."
    )
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.journey
def test_requests_keep_their_distance_and_name_the_client(standin: ArxivStandIn, tmp_path: Path) -> None:
    store = Store.open_or_create(tmp_path)
    source = ArxivApi(standin.url, Pace(None, 0.05), contact="mailto:a@example.org")
    harvest_source(store, source, [Request(ALL, WHOLE)], ignore_progress, lambda fault: None)
    gaps = [later - earlier for earlier, later in pairwise(standin.request_times)]
    assert min(gaps) >= 0.05
    assert {agent.split("/")[0] for agent in standin.user_agents} == {"trendcli"}
    assert all("(mailto:a@example.org)" in agent for agent in standin.user_agents)
    assert {(query["sortBy"], query["sortOrder"]) for query in standin.requests} == {("submittedDate", "ascending")}


def test_a_window_needs_a_start(standin: ArxivStandIn, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give --since"):
        fetch(standin, tmp_path, Window(None, None))
