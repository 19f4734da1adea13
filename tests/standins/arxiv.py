"""A stand-in of arXiv for tests: the API of `trend demo`, OAI-PMH, the monthly totals by identifier, and faults.

It records the requests that it gets, and shows the faults of the real servers where a test injects them.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.standins import oai
from trendcli.core.arxiv import canonical_categories
from trendcli.demo.atom import render_feed
from trendcli.demo.corpus import SyntheticSubmission
from trendcli.demo.server import ApiStandIn, HttpRequest, HttpResponse, error_response, run_stand_in
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

__all__ = ["FAULTS", "ArxivStandIn", "expected_rows", "recent_submission", "rows", "run_stand_in"]

Fault = Callable[["ArxivStandIn", dict[str, str], HttpResponse], HttpResponse]
# seconds that the fault "wait" holds a response back at most
MAX_HOLD_S = 60.0


class ArxivStandIn(ApiStandIn):
    """The state of a stand-in of all of arXiv: submissions, faults to show, and the requests that came."""

    def __init__(self, submissions: Sequence[SyntheticSubmission], seed: int = 0) -> None:
        super().__init__(submissions)
        self.requests: list[dict[str, str]] = []
        self.user_agents: list[str] = []
        self.request_times: list[float] = []
        self.pending_faults: list[tuple[Fault, Callable[[dict[str, str]], bool]]] = []
        self.rng = random.Random(seed)
        # the share of requests that meet a random fault, and the names of those faults
        self.random_faults: tuple[float, Sequence[str]] = (0.0, ())
        self.random_fault_count = 0
        # ends the fault "wait"
        self.release = threading.Event()
        self.oai_page_sizes = (oai.RECORDS_PER_PAGE, oai.IDENTIFIERS_PER_PAGE)
        self._archive = oai.Archive(self.submissions)
        self._repeated_pages: dict[str, HttpResponse] = {}

    @property
    def oai_url(self) -> str:
        """The address of OAI-PMH; `url` is that of the API."""
        return self.url.replace("/api/query", "/oai")

    @property
    def totals_url(self) -> str:
        """The address of the monthly totals."""
        return self.url.replace("/api/query", "/stats/get_monthly_submissions")

    def build_environment(self) -> dict[str, str]:
        """Return the variables that make `trend` send its requests here."""
        return {"TREND_ARXIV_URL": self.url, "TREND_OAI_URL": self.oai_url, "TREND_REQUEST_INTERVAL_S": "0"}

    def inject_fault(
        self, fault: str, times: int = 1, when: Callable[[dict[str, str]], bool] = lambda query: True
    ) -> None:
        """Show a fault of FAULTS on the next `times` requests for which `when` holds."""
        self.pending_faults += [(FAULTS[fault], when)] * times

    def answer_request(self, request: HttpRequest) -> HttpResponse:
        """Record a request and return its response, with a fault where one is due."""
        query = request.query
        self.requests.append(query)
        self.user_agents.append(request.user_agent)
        self.request_times.append(time.monotonic())
        response = self._answer_path(request)
        if response.status == 404:
            return response
        for number, (show_fault, when) in enumerate(self.pending_faults):
            if when(query):
                del self.pending_faults[number]
                return show_fault(self, query, response)
        share, names = self.random_faults
        if share and self.rng.random() < share:
            self.random_fault_count += 1
            return FAULTS[self.rng.choice(names)](self, query, response)
        return response

    def _answer_path(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/oai":
            if self._archive.submissions is not self.submissions:
                self._archive = oai.Archive(self.submissions)
            body = oai.render_response(self._archive, request.query, self.oai_page_sizes, self.clock())
            return HttpResponse(200, body, "text/xml")
        if request.path == "/stats/get_monthly_submissions":
            return HttpResponse(200, self._render_totals(), "text/csv")
        return super().answer_request(request)

    def repeat_page(self, query: dict[str, str], response: HttpResponse) -> HttpResponse:
        """Return the page that was sent for this kind of request first, again and again."""
        return self._repeated_pages.setdefault(query["verb"], response)

    def _render_totals(self) -> bytes:
        counts = Counter(f"20{submission.id[:2]}-{submission.id[2:4]}-01" for submission in self.submissions)
        lines = [f"{month},{count}\n" for month, count in sorted(counts.items())]
        return "".join(["month,submissions\n", *lines]).encode()


def expected_rows(submissions: Sequence[SyntheticSubmission]) -> dict[str, tuple[Any, ...]]:
    """Return the rows that a store should hold of some submissions, by identifier, as `rows` returns them."""
    return {
        item.id: (
            len(item.versions),
            f"{item.published_at:%Y-%m-%dT%H:%M:%S}",
            f"{item.versions[-1]:%Y-%m-%dT%H:%M:%S}",
            canonical_categories(" ".join(item.categories)),
            item.title,
        )
        for item in submissions
    }


def rows(store: Store) -> dict[str, tuple[Any, ...]]:
    """Return version, first and last date, categories and title of everything in a store, by identifier."""
    moments = [f"strftime({name}, '%Y-%m-%dT%H:%M:%S')" for name in ("v1_at", "updated_at")]
    columns = ", ".join(["id", "version", *moments, "categories", "title"])
    with store.connect() as db:
        stored = db.execute(f"SELECT {columns} FROM ({file_rows_sql(store, store.list_files(), '*')})").fetchall()
    return {row[0]: row[1:] for row in stored}


def _drop_published(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    return response._replace(body=re.sub(rb"\n    <published>[^<]*</published>", b"", response.body, count=1))


def _truncate_body(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    end = response.body.rfind(b"<author>")
    return response._replace(body=response.body[: end if end > 0 else len(response.body) // 2])


def _drop_entries(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    return response._replace(body=re.sub(rb"  <entry>.*</entry>\n", b"", response.body, flags=re.DOTALL))


def _delay_response(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    time.sleep(0.5)
    return response


def _await_release(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    standin.release.wait(MAX_HOLD_S)
    return response


def _drop_first_version(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    return response._replace(body=re.sub(rb'<version version="v1">.*?</version>', b"", response.body, count=1))


def _drop_records(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    return response._replace(body=re.sub(rb"<(record|header)>.*</\1>", b"", response.body, flags=re.DOTALL))


def _expire_token(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    error = b"<error code='badResumptionToken'>invalid or expired</error>"
    return response._replace(body=re.sub(rb"<(List\w+)>.*</\1>", error, response.body, flags=re.DOTALL))


def _drop_token(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    return response._replace(body=re.sub(rb"<resumptionToken.*?(/>|</resumptionToken>)", b"", response.body))


def _move_last_record(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    """After this response its last record changes: it moves to the end of the list, so the next page skips another."""
    idents = re.findall(rb"<identifier>oai:arXiv.org:([^<]*)<", response.body)
    last, today = idents[-1].decode() if idents else "", datetime.now(UTC).date()
    standin.submissions = [replace(item, changed=today) if item.id == last else item for item in standin.submissions]
    return response


def _shorten_page(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    entries = re.findall(rb"  <entry>.*?</entry>\n", response.body, flags=re.DOTALL)
    tail = b"".join(entries[-len(entries) // 10 :])
    return response._replace(body=response.body.replace(tail, b"")) if entries else response


def _shuffle_ties(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
    search, ids = query.get("search_query", ""), query.get("id_list", "")
    results = list(standin.last_results[1])
    standin.rng.shuffle(results)
    results.sort(key=lambda submission: submission.published_at.replace(minute=0, second=0))
    start, size = int(query.get("start", 0)), int(query.get("max_results", 10))
    page = results[start : start + size]
    return HttpResponse(200, render_feed(page, len(results), search, ids, start, size, datetime.now(UTC)))


def _build_entry_fault(pattern: bytes, new: bytes) -> Fault:
    """Build a fault that changes something in the first entry of a feed."""

    def show_fault(standin: ArxivStandIn, query: dict[str, str], response: HttpResponse) -> HttpResponse:
        head, mark, entries = response.body.partition(b"<entry>")
        return response._replace(body=head + mark + re.sub(pattern, new, entries, count=1))

    return show_fault


_OVERLOAD_HTML = (
    b"<html><head><title>503 first byte timeout</title></head><body><h1>Error 503 first byte timeout</h1></body></html>"
)
_DENIED_HTML = b"<html><head><title>403 Forbidden</title></head><body><h1>Access denied</h1></body></html>"
FAULTS: dict[str, Fault] = {
    "empty page": _drop_entries,
    "html with 200": lambda s, q, r: HttpResponse(200, b"<html><body>Please wait</body></html>", "text/html"),
    "rate exceeded with 200": lambda s, q, r: HttpResponse(200, b"Rate exceeded.", "text/plain"),
    "empty body": lambda s, q, r: HttpResponse(200, b""),
    "error entry with 200": lambda s, q, r: error_response("internal error")._replace(status=200),
    "truncated xml": _truncate_body,
    "entry without a date": _drop_published,
    "short page": _shorten_page,
    "shuffled ties": _shuffle_ties,
    "429": lambda s, q, r: HttpResponse(429, b"Rate exceeded.", "text/plain"),
    "429 retry after": lambda s, q, r: HttpResponse(429, b"Rate exceeded.", "text/plain", (("Retry-After", "1"),)),
    "503": lambda s, q, r: HttpResponse(503, _OVERLOAD_HTML, "text/html", (("Retry-After", "0"),)),
    "500": lambda s, q, r: error_response("", status=500),
    "406": lambda s, q, r: HttpResponse(406, b"Not Acceptable", "text/plain"),
    "403": lambda s, q, r: HttpResponse(403, _DENIED_HTML, "text/html"),
    "connection cut": lambda s, q, r: r._replace(cut=len(r.body) // 2),
    "slow": _delay_response,
    "wait": _await_release,
    "record without v1": _drop_first_version,
    "page without records": _drop_records,
    "dead token": _expire_token,
    "lost token": _drop_token,
    "record moved": _move_last_record,
    "same page": lambda s, q, r: s.repeat_page(q, r),
    "endless circle": lambda s, q, r: s.repeat_page(q, r)._replace(
        body=re.sub(rb"(<resumptionToken[^>]*>)[^<]*", rb"\1%d" % len(s.requests), s.repeat_page(q, r).body)
    ),
    "badArgument": lambda s, q, r: r._replace(
        body=re.sub(rb"<(List\w+)>.*</\1>", b"<error code='badArgument'>no</error>", r.body, flags=re.DOTALL)
    ),
    "no records match": lambda s, q, r: r._replace(
        body=re.sub(rb"<(List\w+)>.*</\1>", b"<error code='noRecordsMatch'>none</error>", r.body, flags=re.DOTALL)
    ),
    "identifier unreadable": lambda s, q, r: r._replace(
        body=r.body.replace(b"<identifier>oai:arXiv.org:", b"<identifier>oai:arXiv.org:x", 1)
    ),
    "vertical tab": lambda s, q, r: r._replace(body=r.body.replace(b"<abstract>", b"<abstract>\x0b")),
    "no results": lambda s, q, r: HttpResponse(
        200, render_feed([], 0, q.get("search_query", ""), "", 0, int(q.get("max_results", 10)), s.clock())
    ),
    "date that does not exist": _build_entry_fault(rb"<updated>[^<]*", b"<updated>2019-02-30T00:00:00Z"),
    "version beyond number": _build_entry_fault(rb"v\d+</id>", b"v99999999999</id>"),
    "entry of the year 9999": _build_entry_fault(rb"<published>[^<]*", b"<published>9999-12-31T23:59:59Z"),
    "other query ran": lambda s, q, r: r._replace(body=r.body.replace(b"cat:", b"all:")),
}


def recent_submission(number: int, days_ago: float, category: str = "cs.LG", **changes: Any) -> SyntheticSubmission:
    """Build a submission of some days ago."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    return SyntheticSubmission(
        f"{at:%y%m}.{number:05d}", (at,), f"Paper {number}", "a", ("Ada Abel",), (category,), **changes
    )
