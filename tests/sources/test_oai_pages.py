"""Pages of OAI-PMH: recorded ones, spellings of dates, and pages that are refused rather than read in part."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from lxml import etree

from tests.standins.mutation import mutate_bytes, mutate_text
from tests.standins.oai import Archive, render_response
from tests.worlds import days
from trendcli.core.arxiv import canonical_categories
from trendcli.core.types import Submission
from trendcli.demo.corpus import SyntheticSubmission, build_corpus
from trendcli.sources.http import InvalidResponse
from trendcli.sources.oai_pages import parse_page
from trendcli.sources.xml import parse_xml
from trendcli.store.records import build_batch_table

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RAW = "{http://arxiv.org/OAI/arXivRaw/}"
APPLE = SyntheticSubmission(
    "1801.00001",
    (datetime(2018, 1, 5, 8, tzinfo=UTC), datetime(2018, 2, 6, 9, tzinfo=UTC)),
    "An apple",
    "A pear.",
    ("Ada Abel", "Bo Brandt"),
    ("cs.LG", "cs.CL"),
)


def respond(verb: str, *submissions: SyntheticSubmission, size: int = 9, **arguments: str) -> bytes:
    """Return the response to a request, in pages of `size`, as of NOON."""
    query = {"verb": verb, "metadataPrefix": "arXivRaw", **arguments}
    return render_response(Archive(submissions), query, (size, size), NOON)


def test_a_page_has_records_headers_and_the_moment_of_its_response() -> None:
    page = parse_page(respond("ListRecords", APPLE))
    (submission,) = page.submissions
    assert (submission.id, submission.version, submission.title, submission.abstract) == (
        "1801.00001", 2, "An apple", "A pear.",
    )  # fmt: skip
    assert (submission.authors, submission.categories) == ("Ada Abel, Bo Brandt", "cs.LG cs.CL")
    assert (submission.as_of, submission.withdrawn) == (days("2018-02-07"), False)
    assert page.headers == [("1801.00001", days("2018-02-07"))]  # metadata change on the day after the last version
    assert (page.responded_at, page.error_code, page.resumption_token) == (NOON, "", "")


def test_a_list_of_identifiers_has_headers_alone() -> None:
    page = parse_page(respond("ListIdentifiers", APPLE))
    assert (page.headers, page.submissions) == ([("1801.00001", days("2018-02-07"))], [])


def test_a_record_by_itself_is_a_page_of_one() -> None:
    page = parse_page(respond("GetRecord", APPLE, identifier="oai:arXiv.org:1801.00001"))
    assert [submission.id for submission in page.submissions] == ["1801.00001"]
    assert parse_page(respond("GetRecord", identifier="oai:arXiv.org:1801.00001")).error_code == "idDoesNotExist"


def test_a_list_ends_with_an_empty_token() -> None:
    pear = replace(APPLE, id="1801.00002")
    first = parse_page(respond("ListRecords", APPLE, pear, size=1))
    assert [submission.id for submission in first.submissions] == ["1801.00001"] and first.resumption_token
    token = first.resumption_token
    last = parse_page(
        render_response(Archive([APPLE, pear]), {"verb": "ListRecords", "resumptionToken": token}, (1, 1), NOON)
    )
    assert ([submission.id for submission in last.submissions], last.resumption_token) == (["1801.00002"], "")


def test_a_last_version_without_source_is_a_withdrawal() -> None:
    (submission,) = parse_page(respond("ListRecords", replace(APPLE, withdrawn=True))).submissions
    assert submission.withdrawn


def test_a_deleted_record_is_passed_over() -> None:
    body = respond("ListRecords", APPLE, replace(APPLE, id="1801.00002"))
    page = parse_page(body.replace(b"<header>", b'<header status="deleted">', 1))
    assert [ident for ident, _ in page.headers] == [submission.id for submission in page.submissions] == ["1801.00002"]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b'version="v1"', b'version="v3"', "no version v1"),
        (b"<id>1801.00001", b"<id>1801.00002", "its record has the identifier '1801.00002'"),
        (b"<title>An apple", b"<title> ", "no title or no categories"),
        (b"<categories>cs.LG cs.CL", b"<categories>", "no title or no categories"),
        (b"metadata>", b"about>", "no metadata"),
    ],
)
def test_a_record_that_cannot_be_counted_is_named_and_keeps_its_header(old: bytes, new: bytes, error: str) -> None:
    page = parse_page(respond("ListRecords", APPLE).replace(old, new))
    assert page.parse_errors == [f"1801.00001: {error}"]
    assert (page.submissions, page.headers) == ([], [("1801.00001", days("2018-02-07"))])


def test_a_list_without_headers_and_another_document_are_refused() -> None:
    empty = re.sub(rb"(?s)<record>.*</record>", b"", respond("ListRecords", APPLE))
    with pytest.raises(InvalidResponse, match="an empty page without an error code"):
        parse_page(empty)
    with pytest.raises(InvalidResponse, match="not an OAI-PMH response"):
        parse_page(b"<html><body>Rate exceeded.</body></html>")


def test_the_recorded_page_is_read_completely(shared: Path) -> None:
    """1,000 records with the dates of 2,322 versions, compared with what another parser reads."""
    body = (shared / "data/oai/ListRecords_arXivRaw_cs_2019-10.xml").read_bytes()
    page = parse_page(body)
    assert (len(page.submissions), page.parse_errors, page.resumption_token) == (1000, [], "3996692|1001")
    assert sum(submission.version for submission in page.submissions) == 2322
    records = {
        (raw.findtext(f"{RAW}id") or "").strip(): read_facts(raw)
        for raw in ElementTree.fromstring(body).iter(f"{RAW}arXivRaw")
    }
    assert records == {submission.id: facts(submission) for submission in page.submissions}
    assert all(submission.v1_at <= submission.updated_at for submission in page.submissions)


def test_recorded_errors_have_their_codes(shared: Path) -> None:
    codes = {path.name: parse_page(path.read_bytes()).error_code for path in (shared / "data/oai").glob("error_*.xml")}
    assert codes == {
        "error_BadArgument.xml": "badArgument",
        "error_BadResumptionToken.xml": "badResumptionToken",
        "error_BadVerb.xml": "badVerb",
        "error_IdDoesNotExist.xml": "idDoesNotExist",
        "error_NoRecordsMatch.xml": "noRecordsMatch",
    }


def test_dates_in_both_spellings_and_versions_in_any_order_are_read() -> None:
    spelled = re.sub(
        rb"<version .*</version>",
        b'<version version="v2"><date>Sun, 1 Dec 2002 08:00:00 GMT</date></version>'
        b'<version version="v1"><date>Fri, 07 Feb 2003 09:30:00 GMT</date></version>',
        page_of(1),
    )
    (submission,) = parse_page(spelled).submissions
    assert (submission.version, submission.v1_at, submission.updated_at) == (
        2,
        int(datetime(2003, 2, 7, 9, 30, tzinfo=UTC).timestamp()),
        int(datetime(2002, 12, 1, 8, tzinfo=UTC).timestamp()),
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"</OAI-PMH>", b"", "malformed XML"),
        (b"2026-11-21T12:00:00Z", b"today", "no valid responseDate"),
        (b"ListRecords>", b"Records>", "a response without a list"),
        (b"<request ", b"<request resumptionToken='x' ", "a continuation page without a resumptionToken element"),
    ],
)
def test_a_page_that_would_lose_something_is_refused(old: bytes, new: bytes, reason: str) -> None:
    body = page_of(2)
    assert len(parse_page(body).submissions) == 2
    with pytest.raises(InvalidResponse, match=reason):
        parse_page(body.replace(old, new))


def test_a_page_of_deleted_records_is_empty() -> None:
    page = parse_page(respond("ListRecords", APPLE).replace(b"<header>", b'<header status="deleted">'))
    assert (page.headers, page.submissions) == ([], [])


def test_a_header_without_an_identifier_is_counted() -> None:
    bad = page_of(2).replace(b"<identifier>oai:arXiv.org:1801", b"<identifier>oai:arXiv.org:18\x0b", 1)
    page = parse_page(bad)
    assert (len(page.headers), len(page.submissions), page.unreadable_headers) == (1, 1, ["oai:arXiv.org:18 .00001"])
    with pytest.raises(InvalidResponse, match="an unreadable header .'none'"):
        parse_page(respond("ListRecords", APPLE).replace(b"oai:arXiv.org:1801.00001", b"none"))


@pytest.mark.parametrize("character", [b"\x0b", b"\x00", b"\x1b", b"&#11;", b"&#x1F;", b"&#xFFFF;", b"&#99999999999;"])
def test_a_forbidden_character_spoils_one_word_of_a_record(character: bytes) -> None:
    page = parse_page(respond("ListRecords", APPLE).replace(b"An apple", b"An" + character + b"apple"))
    assert [submission.title for submission in page.submissions] == ["An apple"]


def test_bytes_that_are_no_text_spoil_one_word_of_a_record() -> None:
    page = parse_page(respond("ListRecords", APPLE).replace(b"A pear", b"A p\xffear"))
    (submission,) = page.submissions
    assert (submission.title, submission.abstract[:3], submission.abstract[-4:]) == ("An apple", "A p", "ear.")


@pytest.mark.parametrize(
    ("datestamp", "day"),
    [
        (b"9999-12-31", "2026-11-21"),
        (b"2026-11-22", "2026-11-21"),
        (b"99999-01-01", "2018-02-07"),
        (b"2019-02-30", "2018-02-07"),
        (b"", "2018-02-07"),
    ],
)
def test_a_day_of_change_is_one_that_has_been(datestamp: bytes, day: str) -> None:
    """Of two records the second has a day that cannot be: it gets that of the response, or of the one before."""
    head, mark, tail = respond("ListRecords", APPLE, replace(APPLE, id="1801.00002")).rpartition(b"<datestamp>")
    page = parse_page(head + mark + datestamp + tail[tail.index(b"<") :])
    assert page.headers[1] == ("1801.00002", days(day))
    assert [submission.as_of for submission in page.submissions] == [days("2018-02-07"), days(day)]


@pytest.mark.parametrize(
    "date",
    [
        b"Mon, 2 Apr 99999 19:18:42 GMT", b"Mon, 2 Apr 9999 19:18:42 GMT", b"Mon, 2 Apr 0001 19:18:42 GMT",
        b"Mon, 2 Apr 2007 19:18:42 +9999", b"", b"soon",
    ],
)  # fmt: skip
def test_a_version_of_no_possible_date_is_a_fault_of_its_record(date: bytes) -> None:
    body = re.sub(rb"<date>[^<]*", b"<date>" + date, respond("ListRecords", APPLE, size=1), count=1)
    page = parse_page(body)
    assert [text.partition(":")[0] for text in page.parse_errors] == ["1801.00001"] and page.submissions == []


@pytest.mark.parametrize(
    ("stated", "responded_at"),
    [(b"2026-11-20T12:00:00Z", NOON - timedelta(days=1)), (b"2099-01-01T00:00:00Z", NOON)],
)
def test_a_response_is_of_the_earlier_clock(stated: bytes, responded_at: datetime) -> None:
    body = respond("ListRecords", APPLE).replace(b"2026-11-21T12:00:00Z", stated)
    assert parse_page(body, NOON).responded_at == responded_at


@pytest.mark.parametrize("stated", [b"0001-01-01T00:00:00Z", b"1970-01-01T00:00:00Z", b"9999-12-31T23:59:59Z", b""])
def test_a_response_of_no_possible_time_is_refused(stated: bytes) -> None:
    with pytest.raises(InvalidResponse, match="no valid responseDate"):
        parse_page(respond("ListRecords", APPLE).replace(b"2026-11-21T12:00:00Z", stated), NOON)


def test_mutated_pages_are_refused_or_read_as_they_stand() -> None:
    """800 mutations end in InvalidResponse, or in what another parser reads, with spaces for what XML forbids."""
    body = page_of(4)
    rng, accepted = random.Random(5), 0
    for number in range(800):
        text = (mutate_bytes if number % 2 else mutate_text)(body, rng)
        try:
            page = parse_page(text, NOON)
            readable = etree.tostring(parse_xml(text))
            ElementTree.fromstring(readable)
        except (InvalidResponse, ElementTree.ParseError):  # the other parser knows fewer names of elements
            continue
        build_batch_table(page.submissions, "oai", NOON)
        for submission in page.submissions:
            accepted += 1
            assert facts_of_record(readable, submission.id) == facts(submission)
    assert accepted > 50


def page_of(count: int) -> bytes:
    """Return a page of some synthetic records, as of NOON."""
    archive = Archive(build_corpus(seed=3, yearly_counts={2018: count}))
    return render_response(archive, {"verb": "ListRecords", "metadataPrefix": "arXivRaw"}, (9, 9), NOON)


def facts(submission: Submission) -> tuple[Any, ...]:
    """Return version, first and last date and categories of a submission."""
    return submission.version, submission.v1_at, submission.updated_at, submission.categories


def read_facts(raw: ElementTree.Element) -> tuple[Any, ...]:
    """Return the same of a record, by another parser than the product's."""
    dates = {
        int((node.get("version") or "v0")[1:]): int(
            parsedate_to_datetime(node.findtext(f"{RAW}date") or "").timestamp()
        )
        for node in raw.findall(f"{RAW}version")
    }
    return max(dates), dates[1], dates[max(dates)], canonical_categories(raw.findtext(f"{RAW}categories") or "")


def facts_of_record(body: bytes, ident: str) -> tuple[Any, ...]:
    """Return the facts of one record of a page, of which others may be damaged."""
    for raw in ElementTree.fromstring(body).iter(f"{RAW}arXivRaw"):
        if (raw.findtext(f"{RAW}id") or "").strip().lower().endswith(ident.lower()):
            return read_facts(raw)
    raise AssertionError(f"{ident} is not in the page")
