"""OAI-PMH as a source: sets, upkeep, records that move, and faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from tests.standins.arxiv import ArxivStandIn, expected_rows, rows, run_stand_in
from trendcli.core.arxiv import CATEGORIES
from trendcli.core.errors import RetryableError, SourceUnreachable
from trendcli.core.types import Request, Window, ignore_progress
from trendcli.demo.corpus import SyntheticSubmission
from trendcli.sources import oai
from trendcli.sources.harvest import HarvestResult, harvest_source
from trendcli.sources.oai import OaiPmh
from trendcli.sources.pace import Pace
from trendcli.sources.plan import plan_change_requests
from trendcli.sources.zeros import StoredSubmissions
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.ingest import find_missing_ids
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOON.date()
ALL = (ALL_CATEGORIES,)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """Every test begins at noon of one day: resumption tokens expire at midnight, and gaps are found by the date."""
    with time_machine.travel(NOON):
        yield


@pytest.fixture
def paged_standin(small_corpus: list[SyntheticSubmission]) -> Iterator[ArxivStandIn]:
    """A stand-in that sends 150 records or 400 identifiers a page, so that 600 submissions are four pages and two."""
    standin = ArxivStandIn(small_corpus)
    standin.oai_page_sizes = (150, 400)
    with run_stand_in(standin) as running:
        yield running


def source(standin: ArxivStandIn, store: Store) -> OaiPmh:
    pace = Pace(None, 0.0, lambda seconds: None)
    return OaiPmh(
        standin.oai_url, pace, lambda ids, days: find_missing_ids(store, ids, days), stored=StoredSubmissions(store)
    )


def fetch(
    standin: ArxivStandIn, root: Path, categories: tuple[str, ...] = ALL, since: date | None = None, today: date = TODAY
) -> tuple[Store, HarvestResult]:
    """Harvest what is planned from the coverage of the store; raises the error that stopped it."""
    store = Store.open_or_create(root)
    requests = plan_change_requests(store.build_coverage(), categories, Window(since, None), today)
    result = harvest_source(store, source(standin, store), requests, ignore_progress, lambda fault: None)
    if result.stop_error:
        raise result.stop_error
    return store, result


def test_everything_comes_with_its_first_date(
    paged_standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    store, result = fetch(paged_standin, tmp_path)
    assert rows(store) == expected_rows(small_corpus)
    verbs = [query["verb"] for query in paged_standin.requests]
    assert verbs == ["ListRecords"] * 4 + ["ListIdentifiers"] * 2
    (answer,) = store.manifest.ledger
    assert (answer.status, answer.expected, answer.received) == ("complete", None, 600)
    assert (answer.since, answer.changed) == (date(2018, 1, 1), (date(2005, 9, 16), TODAY))
    assert result.is_complete


@pytest.mark.journey
def test_one_set_is_requested_for_each_category_or_for_a_whole_archive(
    paged_standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    store, _ = fetch(paged_standin, tmp_path / "a", ("cs.CL", "stat.ML"))
    assert rows(store) == expected_rows([p for p in small_corpus if {"cs.CL", "stat.ML"} & set(p.categories)])
    assert {query.get("set") for query in paged_standin.requests} - {None} == {"cs:cs:CL", "stat:stat:ML"}
    paged_standin.requests.clear()
    cs = tuple(name for name in CATEGORIES if name.startswith("cs."))
    store, _ = fetch(paged_standin, tmp_path / "b", cs)
    assert rows(store) == expected_rows([p for p in small_corpus if any(c.startswith("cs.") for c in p.categories)])
    assert {query.get("set") for query in paged_standin.requests} - {None} == {"cs"}
    assert store.build_coverage().requested_categories() == set(cs)


def test_upkeep_fetches_changes_and_completes_what_was_provisional(
    paged_standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    """A late submission, a revision of an old one and a withdrawal; in the end everything is covered."""
    fetch(paged_standin, tmp_path)
    week = timedelta(days=7)
    old, gone = small_corpus[3], small_corpus[44]
    late = SyntheticSubmission(
        "2611.00001",
        (NOON - timedelta(days=20),),
        "Late",
        "a",
        ("Ada Abel",),
        ("cs.LG",),
        changed=TODAY - timedelta(days=2),
    )
    revised = replace(
        old,
        versions=(*old.versions, NOON - timedelta(days=3)),
        title="Anew",
        changed=TODAY - timedelta(days=2),
    )
    withdrawn = replace(gone, withdrawn=True, changed=TODAY - timedelta(days=1))
    paged_standin.submissions = [{old.id: revised, gone.id: withdrawn}.get(p.id, p) for p in small_corpus] + [late]
    store, result = fetch(paged_standin, tmp_path, today=TODAY + week)  # as a week later
    assert paged_standin.requests[-1]["verb"] == "ListIdentifiers"
    assert [q["from"] for q in paged_standin.requests if "from" in q][-1] == str(TODAY - week)
    assert (result.upsert_counts.new, result.upsert_counts.revised) == (1, 2)
    assert rows(store) == expected_rows(paged_standin.submissions)
    with store.connect() as db:
        stored = file_rows_sql(store, store.list_files(), "id, withdrawn")
        assert db.execute(f"SELECT id FROM ({stored}) WHERE withdrawn").fetchall() == [(gone.id,)]
    spans = store.build_coverage().category_spans("cs.LG")
    assert spans[0].since == date(2018, 1, 1) and [s.status for s in spans] == ["complete", "provisional"]
    assert {answer.since for answer in store.manifest.ledger} == {date(2018, 1, 1)}  # each covers all of it


def test_nothing_is_requested_twice_a_day(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    fetch(paged_standin, tmp_path)
    request_count = len(paged_standin.requests)
    _, result = fetch(paged_standin, tmp_path)
    assert len(paged_standin.requests) == request_count and not result.coverage_records


FAULTS = [
    "html with 200", "rate exceeded with 200", "empty body", "truncated xml", "connection cut", "429", "429 retry after",
    "503", "500", "406", "page without records", "dead token", "lost token", "record without v1", "record moved",
]  # fmt: skip
WHERE: list[tuple[str, Callable[[dict[str, str]], bool]]] = [
    ("first page", lambda query: query["verb"] == "ListRecords" and "resumptionToken" not in query),
    ("a further page", lambda query: query["verb"] == "ListRecords" and "resumptionToken" in query),
    ("identifiers", lambda query: query["verb"] == "ListIdentifiers"),
]


@pytest.mark.journey
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("page", "when"), WHERE)
def test_nothing_is_lost_to_a_fault_that_passes(
    small_corpus: list[SyntheticSubmission],
    tmp_path: Path,
    fault: str,
    page: str,
    when: Callable[[dict[str, str]], bool],
) -> None:
    if (fault, page) in (("dead token", "first page"), ("lost token", "first page"), ("dead token", "identifiers")):
        pytest.skip("the first request has no token that could expire, and a list without one is complete")
    standin = ArxivStandIn(small_corpus[::5])
    standin.oai_page_sizes = (30, 80)
    with run_stand_in(standin) as paged_standin:
        paged_standin.inject_fault(fault, when=when)
        store, result = fetch(paged_standin, tmp_path)
    assert paged_standin.pending_faults == [], f"{page} was never requested"
    assert rows(store) == expected_rows(paged_standin.submissions)
    assert result.is_complete and [answer.status for answer in store.manifest.ledger] == ["complete"]


@pytest.mark.journey
def test_a_record_that_is_skipped_because_another_moves_is_requested_by_itself(
    paged_standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    paged_standin.inject_fault("record moved", when=WHERE[0][1])
    store, _ = fetch(paged_standin, tmp_path)
    single = [query["identifier"] for query in paged_standin.requests if query["verb"] == "GetRecord"]
    assert len(single) == 1  # without it the store would hold 599
    assert single[0].removeprefix("oai:arXiv.org:") in rows(store)
    assert store.manifest.submission_count == 600


@pytest.mark.journey
def test_many_that_were_skipped_are_requested_by_their_days(
    paged_standin: ArxivStandIn,
    small_corpus: list[SyntheticSubmission],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oai, "MAX_SINGLE_REQUESTS", 0)
    paged_standin.inject_fault("record moved", times=2, when=lambda query: query["verb"] == "ListRecords")
    store, result = fetch(paged_standin, tmp_path)
    assert rows(store) == expected_rows(paged_standin.submissions) and result.is_complete
    assert any("until" in query for query in paged_standin.requests)
    assert not any(query["verb"] == "GetRecord" for query in paged_standin.requests)


def test_a_record_that_stays_unreadable_leaves_the_harvest_partial(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    paged_standin.inject_fault("record without v1", times=99, when=lambda query: query["verb"] != "ListIdentifiers")
    store, result = fetch(paged_standin, tmp_path)
    (answer,) = store.manifest.ledger
    assert (answer.status, answer.expected, answer.received) == ("partial", 600, 596)
    assert store.manifest.submission_count == 596
    assert "4 of 600 submissions are missing" in result.faults[0] and "no version v1" in result.faults[0]
    paged_standin.pending_faults = []
    store, _ = fetch(paged_standin, tmp_path)  # it is requested again, and the gap closes
    assert store.manifest.submission_count == 600 and [a.status for a in store.manifest.ledger] == ["complete"]


@pytest.mark.journey
def test_a_harvest_that_ends_early_resumes_where_it_ended(
    paged_standin: ArxivStandIn,
    small_corpus: list[SyntheticSubmission],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oai, "PAGES_PER_COMMIT", 1)
    paged_standin.inject_fault(
        "503", times=99, when=lambda query: "resumptionToken" in query and len(paged_standin.requests) > 3
    )
    with pytest.raises(RetryableError, match="in 5 tries"):
        fetch(paged_standin, tmp_path)
    (answer,) = Store.open(tmp_path).manifest.ledger
    assert (answer.status, Store.open(tmp_path).manifest.submission_count) == ("failed", 450)
    assert answer.changed is not None and answer.changed[1] > date(2018, 6, 1)
    paged_standin.pending_faults, paged_standin.requests = [], []
    store, result = fetch(paged_standin, tmp_path)
    assert paged_standin.requests[0]["from"] == str(answer.changed[1])
    assert rows(store) == expected_rows(small_corpus) and [a.status for a in store.manifest.ledger] == ["complete"]
    assert len([q for q in paged_standin.requests if q["verb"] == "ListRecords"]) == 2  # not all four pages again
    assert result.is_complete


@pytest.mark.parametrize("fault", ["same page", "endless circle", "badArgument"])
def test_what_came_before_an_error_is_stored(paged_standin: ArxivStandIn, tmp_path: Path, fault: str) -> None:
    """A page or two come, fewer than a commit has, and then none that goes on."""
    paged_standin.inject_fault(fault, times=99, when=WHERE[1][1])
    with pytest.raises(RetryableError, match="Everything received so far is stored"):
        fetch(paged_standin, tmp_path)
    store = Store.open(tmp_path)
    assert store.manifest.submission_count >= 150 and [record.status for record in store.manifest.ledger] == ["failed"]
    paged_standin.pending_faults = []
    store, result = fetch(paged_standin, tmp_path)
    assert store.manifest.submission_count == 600 and result.is_complete


def test_a_server_that_refuses_every_token_is_harvested_by_its_days(
    paged_standin: ArxivStandIn, tmp_path: Path
) -> None:
    paged_standin.inject_fault("dead token", times=99, when=lambda query: "resumptionToken" in query)
    store, result = fetch(paged_standin, tmp_path)
    assert store.manifest.submission_count == 600 and result.is_complete


def test_an_outage_without_any_changes_is_not_believed(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    paged_standin.inject_fault("no records match", times=99)
    store, result = fetch(paged_standin, tmp_path, ("cs.LG",))
    assert [(record.status, record.expected) for record in store.manifest.ledger] == [("failed", 0)]
    assert result.faults == [
        "cs:cs:LG: arXiv reports no changes since 1991-01-01, and none at any time; not believed, so the next fetch asks "
        "again"
    ]
    paged_standin.pending_faults = []
    store, result = fetch(paged_standin, tmp_path, ("cs.LG",))
    assert result.is_complete and [record.status for record in store.manifest.ledger] == ["complete"]


def test_weeks_without_changes_are_believed_where_they_are_likely(
    paged_standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    """Of cs.LG about ten a month came up to 2019: none in February 2020 is doubted, and asked from the same day on."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    paged_standin.submissions = [paper for paper in small_corpus if paper.versions[-1] < start]
    with time_machine.travel(datetime(2020, 1, 20, 12, tzinfo=UTC)):
        fetch(paged_standin, tmp_path, ("cs.LG",), today=date(2020, 1, 20))
    with time_machine.travel(datetime(2020, 4, 20, 12, tzinfo=UTC)):
        store, result = fetch(paged_standin, tmp_path, ("cs.LG",), today=date(2020, 4, 20))
    assert "are expected from the" in result.faults[0]
    assert store.manifest.ledger[-1].changed == (date(2020, 1, 13), date(2020, 1, 13))
    with time_machine.travel(datetime(2020, 5, 6, 12, tzinfo=UTC)):
        store, result = fetch(paged_standin, tmp_path, ("cs.LG",), today=date(2020, 5, 6))
    assert result.is_complete and store.manifest.ledger[-1].status == "complete"


def test_identifiers_that_are_missing_from_their_list_leave_it_partial(
    paged_standin: ArxivStandIn, tmp_path: Path
) -> None:
    paged_standin.inject_fault("no records match", times=99, when=WHERE[2][1])
    _, result = fetch(paged_standin, tmp_path)
    assert result.faults == ["all sets: 600 of 600 submissions that came are not in the list of all; stored as partial"]
    paged_standin.pending_faults = []
    assert fetch(paged_standin, tmp_path)[1].is_complete


def test_one_unreadable_identifier_does_not_stop_the_harvest(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    paged_standin.inject_fault("identifier unreadable", times=99, when=WHERE[0][1])  # the first page of records
    store, result = fetch(paged_standin, tmp_path)
    assert store.manifest.submission_count == 600 and result.is_complete  # the list of identifiers has it
    paged_standin.pending_faults = []
    paged_standin.inject_fault("identifier unreadable", times=99)
    store, result = fetch(paged_standin, tmp_path / "other")
    assert "identifiers are unreadable (oai:arXiv.org:" in result.faults[0]
    assert [record.status for record in store.manifest.ledger] == ["partial"]


def test_a_control_character_does_not_stop_the_harvest(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    paged_standin.inject_fault("vertical tab", times=99)
    store, result = fetch(paged_standin, tmp_path)
    assert store.manifest.submission_count == 600 and result.is_complete


def test_an_empty_list_of_today_covers_nothing_yet(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    store, result = fetch(paged_standin, tmp_path, ("cs.LG",), since=TODAY)
    assert (result.coverage_records, store.manifest.ledger) == ([], ())
    assert len(paged_standin.requests) == 2
    store, result = fetch(
        paged_standin, tmp_path, ("cs.LG",), since=TODAY - timedelta(days=3)
    )  # but of days that are over it is
    assert [(a.status, a.received) for a in result.coverage_records] == [("complete", 0)]


def test_a_refusal_and_a_bad_argument_end_the_harvest(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    paged_standin.inject_fault("403")
    with pytest.raises(SourceUnreachable, match="refuses requests from this machine"):
        fetch(paged_standin, tmp_path)
    assert len(paged_standin.requests) == 1
    with pytest.raises(
        RetryableError, match="answered ListRecords with an error: badArgument, from or until out of range"
    ):
        idle = OaiPmh(paged_standin.oai_url, Pace(None, 0.0), lambda ids, days: [])
        list(idle.iter_pages("ListRecords", TODAY + timedelta(days=2), "", until=TODAY + timedelta(days=1)))


def test_a_request_without_a_plan_harvests_everything(paged_standin: ArxivStandIn, tmp_path: Path) -> None:
    store = Store.open_or_create(tmp_path)
    harvest_source(store, source(paged_standin, store), [Request(ALL)], ignore_progress, lambda fault: None)
    assert store.manifest.submission_count == 600
