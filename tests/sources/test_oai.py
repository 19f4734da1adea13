from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import mutated
from tests.sources.test_arxiv_api import expected, rows
from trendcli.core.arxiv import CATEGORIES, canonical_categories, oai_set
from trendcli.core.errors import RetryableError, SourceUnreachable
from trendcli.core.types import Request, Window, ignore_progress
from trendcli.demo import corpus
from trendcli.demo.corpus import SyntheticSubmission
from trendcli.demo.server import ArxivStandIn, run_stand_in
from trendcli.sources import oai, plan
from trendcli.sources.harvest import HarvestResult, harvest_source
from trendcli.sources.http import InvalidResponse, Pace
from trendcli.sources.oai import OaiPmh, parse_page
from trendcli.store import ingest
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.store import Store

TODAY = datetime.now(UTC).date()
ALL = (ALL_CATEGORIES,)


@pytest.fixture
def served(small_corpus: list[SyntheticSubmission]) -> Iterator[ArxivStandIn]:
    """A stand-in that sends 150 records or 400 identifiers a page, so that 600 papers are four pages and two."""
    standin = ArxivStandIn(small_corpus)
    standin.oai_page_sizes = (150, 400)
    with run_stand_in(standin) as running:
        yield running


def fetch(
    standin: ArxivStandIn, root: Path, categories: tuple[str, ...] = ALL, since: date | None = None, today: date = TODAY
) -> tuple[Store, HarvestResult]:
    """A harvest as it is planned from the store; TryLater where it was stopped."""
    store = Store.open_or_create(root)
    source = OaiPmh(
        standin.oai_url, Pace(None, 0.0, lambda s: None), lambda ids, days: ingest.find_missing_ids(store, ids, days)
    )
    asks = plan.plan_change_requests(store.build_coverage(), categories, Window(since, None), today)
    done = harvest_source(store, source, asks, ignore_progress, lambda fault: None)
    if done.stop_error:
        raise done.stop_error
    return store, done


def test_everything_comes_with_its_first_date(
    served: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    store, done = fetch(served, tmp_path)
    assert rows(store) == expected(small_corpus)
    verbs = [query["verb"] for query in served.requests]
    assert verbs == ["ListRecords"] * 4 + ["ListIdentifiers"] * 2
    (answer,) = store.manifest.ledger
    assert (answer.status, answer.expected, answer.received) == ("complete", None, 600)
    assert (answer.since, answer.changed) == (date(2018, 1, 1), (date(2005, 9, 16), TODAY))
    assert done.is_complete


def test_a_set_for_each_category_or_for_a_whole_archive(
    served: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    store, _ = fetch(served, tmp_path / "a", ("cs.CL", "stat.ML"))
    assert rows(store) == expected([p for p in small_corpus if {"cs.CL", "stat.ML"} & set(p.categories)])
    assert {query.get("set") for query in served.requests} - {None} == {"cs:cs:CL", "stat:stat:ML"}
    served.requests.clear()
    cs = tuple(name for name in CATEGORIES if name.startswith("cs."))
    store, _ = fetch(served, tmp_path / "b", cs)
    assert rows(store) == expected([p for p in small_corpus if any(c.startswith("cs.") for c in p.categories)])
    assert {query.get("set") for query in served.requests} - {None} == {"cs"}
    assert store.build_coverage().requested_categories() == set(cs)


@pytest.mark.parametrize(
    ("category", "name"),
    [("cs.LG", "cs:cs:LG"), ("quant-ph", "physics:quant-ph"), ("astro-ph.GA", "physics:astro-ph:GA"), ("math.NA", "math:math:NA"), ("cs", "cs"), ("nlin.AO", "physics:nlin:AO")],
)  # fmt: skip
def test_sets(category: str, name: str) -> None:
    assert oai_set(category) == name


def test_upkeep_brings_what_has_changed_and_settles_what_was_provisional(
    served: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    """Three weeks of upkeep: late papers, a revision of an old one, a withdrawal; at the end all is covered."""
    fetch(served, tmp_path)
    week = timedelta(days=7)
    old, gone = small_corpus[3], small_corpus[44]
    late = SyntheticSubmission(
        "2611.00001",
        (datetime.now(UTC) - timedelta(days=20),),
        "Late",
        "a",
        ("Ada Abel",),
        ("cs.LG",),
        changed=TODAY - 2 * timedelta(days=1),
    )
    revised = replace(
        old,
        versions=(*old.versions, datetime(2026, 11, 18, tzinfo=UTC)),
        title="Anew",
        changed=TODAY - timedelta(days=2),
    )
    withdrawn = replace(gone, withdrawn=True, changed=TODAY - timedelta(days=1))
    served.submissions = [{old.id: revised, gone.id: withdrawn}.get(p.id, p) for p in small_corpus] + [late]
    store, done = fetch(served, tmp_path, today=TODAY + week)  # a week after the store was filled, as it were
    assert served.requests[-1]["verb"] == "ListIdentifiers"
    assert [q["from"] for q in served.requests if "from" in q][-1] == str(TODAY - week)
    assert (done.upsert_counts.new, done.upsert_counts.revised) == (1, 2)
    assert rows(store) == expected(served.submissions)
    with store.connect() as db:
        from trendcli.store.sql import file_rows_sql

        found = db.execute(
            f"SELECT id FROM ({file_rows_sql(store, store.list_files(), 'id, withdrawn')}) WHERE withdrawn"
        ).fetchall()
    assert found == [(gone.id,)]
    spans = store.build_coverage().category_spans("cs.LG")
    assert spans[0].since == date(2018, 1, 1) and [s.status for s in spans] == ["complete", "provisional"]
    assert {answer.since for answer in store.manifest.ledger} == {date(2018, 1, 1)}  # each vouches for all of it


def test_nothing_is_asked_twice_a_day(served: ArxivStandIn, tmp_path: Path) -> None:
    fetch(served, tmp_path)
    asked = len(served.requests)
    _, done = fetch(served, tmp_path)
    assert len(served.requests) == asked and not done.coverage_records


FAULTS = [
    "html with 200", "rate exceeded with 200", "empty body", "truncated xml", "connection cut", "429", "429 retry after",
    "503", "500", "406", "page without records", "dead token", "lost token", "record without v1", "record moved",
]  # fmt: skip
WHERE: list[tuple[str, Callable[[dict[str, str]], bool]]] = [
    ("first page", lambda query: query["verb"] == "ListRecords" and "resumptionToken" not in query),
    ("a further page", lambda query: query["verb"] == "ListRecords" and "resumptionToken" in query),
    ("identifiers", lambda query: query["verb"] == "ListIdentifiers"),
]


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
        pytest.skip("there is no token to die before the first page, and a list without one is a whole list")
    standin = ArxivStandIn(small_corpus[::5])
    standin.oai_page_sizes = (30, 80)
    with run_stand_in(standin) as served:
        served.inject_fault(fault, when=when)
        store, done = fetch(served, tmp_path)
    assert served.pending_faults == [], f"{page} was never asked for"
    assert rows(store) == expected(served.submissions)
    assert done.is_complete and [answer.status for answer in store.manifest.ledger] == ["complete"]


def test_a_record_that_moves_makes_another_be_skipped_which_is_asked_for_alone(
    served: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    served.inject_fault("record moved", when=WHERE[0][1])
    store, _ = fetch(served, tmp_path)
    single = [query["identifier"] for query in served.requests if query["verb"] == "GetRecord"]
    assert len(single) == 1  # without it the store would hold 599
    assert single[0].removeprefix("oai:arXiv.org:") in rows(store)
    assert store.manifest.submission_count == 600


def test_many_that_were_skipped_are_asked_for_by_their_days(
    served: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oai, "MAX_SINGLE_REQUESTS", 0)
    served.inject_fault("record moved", times=2, when=lambda query: query["verb"] == "ListRecords")
    store, done = fetch(served, tmp_path)
    assert rows(store) == expected(served.submissions) and done.is_complete
    assert any("until" in query for query in served.requests)
    assert not any(query["verb"] == "GetRecord" for query in served.requests)


def test_a_record_that_stays_unreadable_is_a_known_hole(served: ArxivStandIn, tmp_path: Path) -> None:
    served.inject_fault("record without v1", times=99, when=lambda query: query["verb"] != "ListIdentifiers")
    store, done = fetch(served, tmp_path)
    (answer,) = store.manifest.ledger
    assert (answer.status, answer.expected, answer.received) == ("partial", 600, 596)
    assert store.manifest.submission_count == 596
    assert "4 of 600 submissions did not come" in done.faults[0] and "without a version v1" in done.faults[0]
    served.pending_faults = []
    store, _ = fetch(served, tmp_path)  # it is asked for again, and the hole closes
    assert store.manifest.submission_count == 600 and [a.status for a in store.manifest.ledger] == ["complete"]


def test_a_harvest_that_ends_early_goes_on_where_it_came_to(
    served: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oai, "PAGES_PER_COMMIT", 1)
    served.inject_fault("503", times=99, when=lambda query: "resumptionToken" in query and len(served.requests) > 3)
    with pytest.raises(RetryableError, match="5 times in a row"):
        fetch(served, tmp_path)
    (answer,) = Store.open(tmp_path).manifest.ledger
    assert (answer.status, Store.open(tmp_path).manifest.submission_count) == ("failed", 450)
    assert answer.changed is not None and answer.changed[1] > date(2018, 6, 1)
    served.pending_faults, served.requests = [], []
    store, done = fetch(served, tmp_path)
    assert served.requests[0]["from"] == str(answer.changed[1])
    assert rows(store) == expected(small_corpus) and [a.status for a in store.manifest.ledger] == ["complete"]
    assert len([q for q in served.requests if q["verb"] == "ListRecords"]) == 2  # not all four again
    assert done.is_complete


def test_nothing_matches_today_is_not_the_end_of_the_day(served: ArxivStandIn, tmp_path: Path) -> None:
    store, done = fetch(served, tmp_path, ("cs.LG",), since=TODAY)
    assert (done.coverage_records, store.manifest.ledger) == ([], ())
    assert len(served.requests) == 2
    store, done = fetch(
        served, tmp_path, ("cs.LG",), since=TODAY - timedelta(days=3)
    )  # but of days that are over it is
    assert [(a.status, a.received) for a in done.coverage_records] == [("complete", 0)]


def test_a_refusal_and_a_bad_argument(served: ArxivStandIn, tmp_path: Path) -> None:
    served.inject_fault("403")
    with pytest.raises(SourceUnreachable, match="refuses this machine"):
        fetch(served, tmp_path)
    assert len(served.requests) == 1
    with pytest.raises(RetryableError, match="cannot answer ListRecords: noRecordsMatch|badArgument"):
        source = OaiPmh(served.oai_url, Pace(None, 0.0), lambda ids, days: [])
        list(source.iter_pages("ListRecords", TODAY + timedelta(days=2), "", until=TODAY + timedelta(days=1)))


def test_the_recorded_page_is_read_completely(shared: Path) -> None:
    """1,000 records with the dates of 2,322 versions, compared with what another parser reads."""
    body = (shared / "data/oai/ListRecords_arXivRaw_cs_2019-10.xml").read_bytes()
    page = parse_page(body)
    assert (len(page.submissions), page.parse_errors, page.resumption_token) == (1000, [], "3996692|1001")
    assert sum(item.version for item in page.submissions) == 2322
    assert facts(body) == {
        item.id: (item.version, item.v1_at, item.updated_at, item.categories) for item in page.submissions
    }
    assert all(item.v1_at <= item.updated_at for item in page.submissions)


def test_recorded_errors(shared: Path) -> None:
    codes = {path.name: parse_page(path.read_bytes()).error_code for path in (shared / "data/oai").glob("error_*.xml")}
    assert codes == {
        "error_BadArgument.xml": "badArgument",
        "error_BadResumptionToken.xml": "badResumptionToken",
        "error_BadVerb.xml": "badVerb",
        "error_IdDoesNotExist.xml": "idDoesNotExist",
        "error_NoRecordsMatch.xml": "noRecordsMatch",
    }


RAW = "{http://arxiv.org/OAI/arXivRaw/}"


def facts(body: bytes) -> dict[str, Any]:
    """What a page says, read by another parser than the product's."""
    found = {}
    for raw in ElementTree.fromstring(body).iter(f"{RAW}arXivRaw"):
        dates = {
            int((node.get("version") or "v0")[1:]): int(
                parsedate_to_datetime(node.findtext(f"{RAW}date") or "").timestamp()
            )
            for node in raw.findall(f"{RAW}version")
        }
        listed = canonical_categories(raw.findtext(f"{RAW}categories") or "")
        found[(raw.findtext(f"{RAW}id") or "").strip()] = (max(dates), dates[1], dates[max(dates)], listed)
    return found


def test_both_spellings_of_dates_and_versions_out_of_order() -> None:
    paper = corpus.build_corpus(seed=3, yearly_counts={2018: 1})[0]
    from trendcli.demo.oai import Archive, render_response

    body = render_response(Archive([paper]), {"verb": "ListRecords", "metadataPrefix": "arXivRaw"}, (9, 9), TODAY)
    spelled = re.sub(
        rb"<version .*</version>",
        b'<version version="v2"><date>Sun, 1 Dec 2002 08:00:00 GMT</date></version>'
        b'<version version="v1"><date>Fri, 07 Feb 2003 09:30:00 GMT</date></version>',
        body,
    )
    (item,) = parse_page(spelled).submissions
    assert (item.version, item.v1_at, item.updated_at) == (
        2,
        int(datetime(2003, 2, 7, 9, 30, tzinfo=UTC).timestamp()),
        int(datetime(2002, 12, 1, 8, tzinfo=UTC).timestamp()),
    )


def test_mutated_pages_are_refused_or_read_as_they_stand() -> None:
    """For some seconds: never a crash that is not a Faulty, and what is accepted is what another parser reads."""
    from trendcli.demo.oai import Archive, render_response

    papers = corpus.build_corpus(seed=3, yearly_counts={2018: 4})
    body = render_response(Archive(papers), {"verb": "ListRecords", "metadataPrefix": "arXivRaw"}, (9, 9), TODAY)
    rng, accepted, until = random.Random(5), 0, time.monotonic() + 3.0
    while time.monotonic() < until:
        text = mutated(body, rng)
        try:
            page = parse_page(text)
        except InvalidResponse:
            continue
        for item in page.submissions:
            accepted += 1
            assert facts_of(text, item.id) == (item.version, item.v1_at, item.updated_at, item.categories)
    assert accepted > 100


def facts_of(body: bytes, ident: str) -> tuple[Any, ...]:
    """What another parser reads of one record, of which others may be broken."""
    root = ElementTree.fromstring(body)
    for raw in root.iter(f"{RAW}arXivRaw"):
        if (raw.findtext(f"{RAW}id") or "").strip().lower().endswith(ident.lower()):
            alone = ElementTree.Element("one")
            alone.append(raw)
            return next(iter(facts(ElementTree.tostring(alone)).values()))
    raise AssertionError(f"{ident} is not in the page")


def test_an_ask_without_a_plan_harvests_all(served: ArxivStandIn, tmp_path: Path) -> None:
    store = Store.open_or_create(tmp_path)
    source = OaiPmh(served.oai_url, Pace(None, 0.0), lambda ids, days: ingest.find_missing_ids(store, ids, days))
    harvest_source(store, source, [Request(ALL)], ignore_progress, lambda fault: None)
    assert store.manifest.submission_count == 600
