"""A stand-in of arXiv on 127.0.0.1, in the shapes that the real one answers in, and with its faults on demand.

What it imitates: the Atom feeds and error entries of export.arxiv.org/api/query since November 2025, boolean operators
without precedence, `submittedDate` ranges that hold both ends, a window of 10,000 results, ties in any order; OAI-PMH
(see `oai`); the monthly totals by identifier.
"""

from __future__ import annotations

import random
import re
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from trendcli.demo import oai
from trendcli.demo.atom import parse_query, render_error_feed, render_feed
from trendcli.demo.corpus import SyntheticSubmission

MAX_RESULT_WINDOW = 10_000


class HttpResponse(NamedTuple):
    """An answer: status, body, and headers beside the content type; `cut` bytes are sent before the line goes dead."""

    status: int
    body: bytes
    content_type: str = "application/atom+xml"
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None


class HttpRequest(NamedTuple):
    """What was asked: the path, the query, who asks, the body of a POST (else empty) and the header of a login."""

    path: str
    query: dict[str, str]
    user_agent: str = ""
    body: bytes = b""
    authorization: str = ""


Fault = Callable[["ArxivStandIn", dict[str, str], HttpResponse], HttpResponse]


class ArxivStandIn:
    """The server's state: its papers, the faults it has been told to show, and the requests it has seen."""

    def __init__(self, submissions: Sequence[SyntheticSubmission], seed: int = 0) -> None:
        self.submissions = list(submissions)
        self.requests: list[dict[str, str]] = []
        self.user_agents: list[str] = []
        self.request_times: list[float] = []
        self.pending_faults: list[tuple[Fault, Callable[[dict[str, str]], bool]]] = []
        self.rng = random.Random(seed)
        # a share of requests that meet with one of some faults
        self.random_faults: tuple[float, Sequence[str]] = (0.0, ())
        self.random_fault_count = 0
        self.oai_page_sizes = (oai.RECORDS_PER_PAGE, oai.IDENTIFIERS_PER_PAGE)
        self.url = ""
        self._last_results: tuple[str, list[SyntheticSubmission]] = ("", [])
        self._ordered_by_date: tuple[list[SyntheticSubmission], list[SyntheticSubmission]] = ([], [])
        self._archive = oai.Archive(self.submissions)

    @property
    def oai_url(self) -> str:
        """Where OAI-PMH answers; `url` is that of the API."""
        return self.url.replace("/api/query", "/oai")

    @property
    def totals_url(self) -> str:
        """Where the monthly totals lie."""
        return self.url.replace("/api/query", "/stats/get_monthly_submissions")

    def build_environment(self) -> dict[str, str]:
        """The variables that make `trend` ask this stand-in."""
        return {"TREND_ARXIV_URL": self.url, "TREND_OAI_URL": self.oai_url, "TREND_REQUEST_INTERVAL_S": "0"}

    def inject_fault(
        self, fault: str, times: int = 1, when: Callable[[dict[str, str]], bool] = lambda query: True
    ) -> None:
        """Show a fault of FAULTS on the next `times` requests for which `when` holds."""
        self.pending_faults += [(FAULTS[fault], when)] * times

    def answer_request(self, path: str, query: dict[str, str], user_agent: str = "") -> HttpResponse:
        """The reply to one request."""
        self.requests.append(query)
        self.user_agents.append(user_agent)
        self.request_times.append(time.monotonic())
        if path == "/oai":
            if self._archive.submissions is not self.submissions:
                self._archive = oai.Archive(self.submissions)
            reply = HttpResponse(
                200,
                oai.render_response(self._archive, query, self.oai_page_sizes, datetime.now(UTC).date()),
                "text/xml",
            )
        elif path == "/stats/get_monthly_submissions":
            reply = HttpResponse(200, self._render_totals(), "text/csv")
        elif path == "/api/query":
            reply = self._answer_query(query)
        else:
            return HttpResponse(404, b"not found", "text/plain")
        for number, (fault, when) in enumerate(self.pending_faults):
            if when(query):
                del self.pending_faults[number]
                return fault(self, query, reply)
        share, kinds = self.random_faults
        if share and self.rng.random() < share:
            self.random_fault_count += 1
            return FAULTS[self.rng.choice(kinds)](self, query, reply)
        return reply

    def _render_totals(self) -> bytes:
        months = Counter(f"20{paper.id[:2]}-{paper.id[2:4]}-01" for paper in self.submissions)
        return "".join(
            ["month,submissions\n", *(f"{month},{count}\n" for month, count in sorted(months.items()))]
        ).encode()

    def _answer_query(self, query: dict[str, str]) -> HttpResponse:
        search, ids = query.get("search_query", ""), query.get("id_list", "")
        numbers = {}
        for key, default in (("start", "0"), ("max_results", "10")):
            text = query.get(key, default)
            if not re.fullmatch(r"-?\d+", text):
                return _error_response(f"{key} must be an integer")
            if int(text) < 0:
                return _error_response(f"{key} must be non-negative")
            numbers[key] = int(text)
        start, size = numbers["start"], numbers["max_results"]
        if start + size > MAX_RESULT_WINDOW or size == 0:
            return _error_response("", status=500)
        for ident in ids.split(",") if ids else ():
            if not re.fullmatch(r"(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Za-z-]+)?/\d{7})(v[1-9]\d*)?", ident):
                return _error_response(f"incorrect id format for {ident}")
        if not search and not ids:
            return _error_response("search_query and id_list must not both be empty")
        key = "&".join(f"{name}={query.get(name, '')}" for name in ("search_query", "id_list", "sortBy", "sortOrder"))
        try:
            if self._last_results[0] != key:
                self._last_results = (key, self._find_submissions(search, ids, query))
        except ValueError as error:
            return _error_response(str(error))
        return HttpResponse(
            200,
            render_feed(
                self._last_results[1][start : start + size], len(self._last_results[1]), search, ids, start, size
            ),
        )

    def _find_submissions(self, search: str, ids: str, query: dict[str, str]) -> list[SyntheticSubmission]:
        found = self.submissions
        if ids:
            wanted = [re.sub(r"v\d+$", "", ident) for ident in ids.split(",")]
            by_id = {paper.id: paper for paper in self.submissions}
            found = [by_id[ident] for ident in wanted if ident in by_id]
        if search:
            matches = parse_query(search)
            found = [paper for paper in self._narrow_by_date(search, found) if matches(paper)]
        keys: dict[str, Callable[[SyntheticSubmission], Any]] = {
            "submittedDate": lambda paper: paper.published_at,
            "lastUpdatedDate": lambda paper: paper.versions[-1],
        }
        sort = query.get("sortBy", "relevance")
        if sort in keys:
            found = sorted(found, key=keys[sort], reverse=query.get("sortOrder", "descending") == "descending")
        elif sort != "relevance":
            raise ValueError(f"sortBy must be in: relevance, lastUpdatedDate, submittedDate, not {sort}")
        return found

    def _narrow_by_date(self, search: str, submissions: list[SyntheticSubmission]) -> Sequence[SyntheticSubmission]:
        """The papers that a query which ends in a range of dates can find, looked up rather than tried one by one."""
        dates = re.search(r"(?:^|\) AND )submittedDate:\[(\d{12}) TO (\d{12})\]$", search)
        if not dates or submissions is not self.submissions:
            return submissions
        if self._ordered_by_date[0] is not submissions:
            self._ordered_by_date = (submissions, sorted(submissions, key=lambda paper: paper.published_at))
        low, high = (datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC) for text in dates.groups())
        ordered = self._ordered_by_date[1]
        first = bisect_left(ordered, low, key=lambda paper: paper.published_at)
        return ordered[first : bisect_right(ordered, high, key=lambda paper: paper.published_at)]


def _error_response(message: str, status: int = 400) -> HttpResponse:
    return HttpResponse(status, render_error_feed(message))


def _drop_published(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    return reply._replace(body=re.sub(rb"\n    <published>[^<]*</published>", b"", reply.body, count=1))


def _truncate_body(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    last = reply.body.rfind(b"<author>")
    return reply._replace(body=reply.body[: last if last > 0 else len(reply.body) // 2])


def _drop_entries(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    return reply._replace(body=re.sub(rb"  <entry>.*</entry>\n", b"", reply.body, flags=re.DOTALL))


def _delay_response(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    time.sleep(0.5)
    return reply


def _drop_first_version(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    return reply._replace(body=re.sub(rb'<version version="v1">.*?</version>', b"", reply.body, count=1))


def _drop_records(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    return reply._replace(body=re.sub(rb"<(record|header)>.*</\1>", b"", reply.body, flags=re.DOTALL))


def _expire_token(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    text = "<error code='badResumptionToken'>invalid or expired</error>"
    return reply._replace(body=re.sub(rb"<(List\w+)>.*</\1>", text.encode(), reply.body, flags=re.DOTALL))


def _drop_token(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    return reply._replace(body=re.sub(rb"<resumptionToken.*?(/>|</resumptionToken>)", b"", reply.body))


def _move_last_record(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    """After this reply its last record changes: it moves to the end of the list, and the next page skips another."""
    listed = re.findall(rb"<identifier>oai:arXiv.org:([^<]*)<", reply.body)
    last, today = listed[-1].decode() if listed else "", datetime.now(UTC).date()
    standin.submissions = [
        replace(paper, changed=today) if paper.id == last else paper for paper in standin.submissions
    ]
    return reply


def _shorten_page(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    entries = re.findall(rb"  <entry>.*?</entry>\n", reply.body, flags=re.DOTALL)
    return reply._replace(body=reply.body.replace(b"".join(entries[-len(entries) // 10 :]), b"")) if entries else reply


def _shuffle_ties(standin: ArxivStandIn, query: dict[str, str], reply: HttpResponse) -> HttpResponse:
    search, ids = query.get("search_query", ""), query.get("id_list", "")
    papers = list(standin._last_results[1])
    standin.rng.shuffle(papers)
    papers.sort(key=lambda paper: paper.published_at.replace(minute=0, second=0))
    start, size = int(query.get("start", 0)), int(query.get("max_results", 10))
    return HttpResponse(200, render_feed(papers[start : start + size], len(papers), search, ids, start, size))


_OVERLOAD_HTML = (
    b"<html><head><title>503 first byte timeout</title></head><body><h1>Error 503 first byte timeout</h1></body></html>"
)
_DENIED_HTML = b"<html><head><title>403 Forbidden</title></head><body><h1>Access denied</h1></body></html>"
FAULTS: dict[str, Fault] = {
    "empty page": _drop_entries,
    "html with 200": lambda s, q, r: HttpResponse(200, b"<html><body>Please wait</body></html>", "text/html"),
    "rate exceeded with 200": lambda s, q, r: HttpResponse(200, b"Rate exceeded.", "text/plain"),
    "empty body": lambda s, q, r: HttpResponse(200, b""),
    "error entry with 200": lambda s, q, r: _error_response("internal error")._replace(status=200),
    "truncated xml": _truncate_body,
    "entry without a date": _drop_published,
    "short page": _shorten_page,
    "shuffled ties": _shuffle_ties,
    "429": lambda s, q, r: HttpResponse(429, b"Rate exceeded.", "text/plain"),
    "429 retry after": lambda s, q, r: HttpResponse(429, b"Rate exceeded.", "text/plain", (("Retry-After", "1"),)),
    "503": lambda s, q, r: HttpResponse(503, _OVERLOAD_HTML, "text/html", (("Retry-After", "0"),)),
    "500": lambda s, q, r: _error_response("", status=500),
    "406": lambda s, q, r: HttpResponse(406, b"Not Acceptable", "text/plain"),
    "403": lambda s, q, r: HttpResponse(403, _DENIED_HTML, "text/html"),
    "connection cut": lambda s, q, r: r._replace(cut=len(r.body) // 2),
    "slow": _delay_response,
    "record without v1": _drop_first_version,
    "page without records": _drop_records,
    "dead token": _expire_token,
    "lost token": _drop_token,
    "record moved": _move_last_record,
    "other query ran": lambda s, q, r: r._replace(body=r.body.replace(b"cat:", b"all:")),
}


@contextmanager
def run_stand_in(standin: ArxivStandIn) -> Iterator[ArxivStandIn]:
    """Run a stand-in on a free port of 127.0.0.1 while the block lasts; its `url` is that of the API."""
    with run_http_server(lambda asked: standin.answer_request(asked.path, asked.query, asked.user_agent)) as address:
        standin.url = f"{address}/api/query"
        yield standin


@contextmanager
def run_http_server(answer_request: Callable[[HttpRequest], HttpResponse]) -> Iterator[str]:
    """Answer requests, one at a time, on a free port of 127.0.0.1 while the block lasts; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # head and body are two writes, and the second would wait 40 ms for the other side to acknowledge the first
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts, head = urlsplit(self.path), self.headers
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            body = self.rfile.read(int(head.get("Content-Length", 0)))
            asked = HttpRequest(parts.path, query, head.get("User-Agent", ""), body, head.get("Authorization", ""))
            with lock:
                reply = answer_request(asked)
            self._write_response(reply)

        do_POST = do_GET  # noqa: N815

        def _write_response(self, reply: HttpResponse) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked may have been killed meanwhile
                self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            if reply.cut is not None:
                self.close_connection = True

        def handle(self) -> None:
            with suppress(ConnectionError):
                super().handle()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: stderr belongs to the program that runs the stand-in."""

    lock = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
