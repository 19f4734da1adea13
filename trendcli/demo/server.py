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
from trendcli.demo.atom import error_feed, feed, parse_query
from trendcli.demo.corpus import Paper

WINDOW = 10_000


class Reply(NamedTuple):
    """An answer: status, body, and headers beside the content type; `cut` bytes are sent before the line goes dead."""

    status: int
    body: bytes
    kind: str = "application/atom+xml"
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None


class Request(NamedTuple):
    """What was asked: the path, the query, who asks, the body of a POST (else empty) and the header of a login."""

    path: str
    query: dict[str, str]
    agent: str = ""
    body: bytes = b""
    authorization: str = ""


Fault = Callable[["StandIn", dict[str, str], Reply], Reply]


class StandIn:
    """The server's state: its papers, the faults it has been told to show, and the requests it has seen."""

    def __init__(self, papers: Sequence[Paper], seed: int = 0) -> None:
        self.papers = list(papers)
        self.requests: list[dict[str, str]] = []
        self.agents: list[str] = []
        self.times: list[float] = []
        self.faults: list[tuple[Fault, Callable[[dict[str, str]], bool]]] = []
        self.rng = random.Random(seed)
        # a share of requests that meet with one of some faults
        self.weather: tuple[float, Sequence[str]] = (0.0, ())
        self.met = 0
        self.sizes = (oai.RECORDS, oai.IDENTIFIERS)
        self.url = ""
        self._found: tuple[str, list[Paper]] = ("", [])
        self._sorted: tuple[list[Paper], list[Paper]] = ([], [])
        self._archive = oai.Archive(self.papers)

    @property
    def oai_url(self) -> str:
        """Where OAI-PMH answers; `url` is that of the API."""
        return self.url.replace("/api/query", "/oai")

    @property
    def totals_url(self) -> str:
        """Where the monthly totals lie."""
        return self.url.replace("/api/query", "/stats/get_monthly_submissions")

    def env(self) -> dict[str, str]:
        """The variables that make `trend` ask this stand-in."""
        return {"TREND_ARXIV_URL": self.url, "TREND_OAI_URL": self.oai_url, "TREND_REQUEST_INTERVAL_S": "0"}

    def misbehave(
        self, fault: str, times: int = 1, when: Callable[[dict[str, str]], bool] = lambda query: True
    ) -> None:
        """Show a fault of FAULTS on the next `times` requests for which `when` holds."""
        self.faults += [(FAULTS[fault], when)] * times

    def answer(self, path: str, query: dict[str, str], agent: str = "") -> Reply:
        """The reply to one request."""
        self.requests.append(query)
        self.agents.append(agent)
        self.times.append(time.monotonic())
        if path == "/oai":
            if self._archive.papers is not self.papers:
                self._archive = oai.Archive(self.papers)
            reply = Reply(200, oai.respond(self._archive, query, self.sizes, datetime.now(UTC).date()), "text/xml")
        elif path == "/stats/get_monthly_submissions":
            reply = Reply(200, self._totals(), "text/csv")
        elif path == "/api/query":
            reply = self._answer(query)
        else:
            return Reply(404, b"not found", "text/plain")
        for number, (fault, when) in enumerate(self.faults):
            if when(query):
                del self.faults[number]
                return fault(self, query, reply)
        share, kinds = self.weather
        if share and self.rng.random() < share:
            self.met += 1
            return FAULTS[self.rng.choice(kinds)](self, query, reply)
        return reply

    def _totals(self) -> bytes:
        months = Counter(f"20{paper.id[:2]}-{paper.id[2:4]}-01" for paper in self.papers)
        return "".join(
            ["month,submissions\n", *(f"{month},{count}\n" for month, count in sorted(months.items()))]
        ).encode()

    def _answer(self, query: dict[str, str]) -> Reply:
        search, ids = query.get("search_query", ""), query.get("id_list", "")
        numbers = {}
        for key, default in (("start", "0"), ("max_results", "10")):
            text = query.get(key, default)
            if not re.fullmatch(r"-?\d+", text):
                return _error(f"{key} must be an integer")
            if int(text) < 0:
                return _error(f"{key} must be non-negative")
            numbers[key] = int(text)
        start, size = numbers["start"], numbers["max_results"]
        if start + size > WINDOW or size == 0:
            return _error("", status=500)
        for ident in ids.split(",") if ids else ():
            if not re.fullmatch(r"(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Za-z-]+)?/\d{7})(v[1-9]\d*)?", ident):
                return _error(f"incorrect id format for {ident}")
        if not search and not ids:
            return _error("search_query and id_list must not both be empty")
        key = "&".join(f"{name}={query.get(name, '')}" for name in ("search_query", "id_list", "sortBy", "sortOrder"))
        try:
            if self._found[0] != key:
                self._found = (key, self._search(search, ids, query))
        except ValueError as error:
            return _error(str(error))
        return Reply(200, feed(self._found[1][start : start + size], len(self._found[1]), search, ids, start, size))

    def _search(self, search: str, ids: str, query: dict[str, str]) -> list[Paper]:
        found = self.papers
        if ids:
            wanted = [re.sub(r"v\d+$", "", ident) for ident in ids.split(",")]
            by_id = {paper.id: paper for paper in self.papers}
            found = [by_id[ident] for ident in wanted if ident in by_id]
        if search:
            matches = parse_query(search)
            found = [paper for paper in self._between(search, found) if matches(paper)]
        keys: dict[str, Callable[[Paper], Any]] = {
            "submittedDate": lambda paper: paper.published,
            "lastUpdatedDate": lambda paper: paper.versions[-1],
        }
        sort = query.get("sortBy", "relevance")
        if sort in keys:
            found = sorted(found, key=keys[sort], reverse=query.get("sortOrder", "descending") == "descending")
        elif sort != "relevance":
            raise ValueError(f"sortBy must be in: relevance, lastUpdatedDate, submittedDate, not {sort}")
        return found

    def _between(self, search: str, papers: list[Paper]) -> Sequence[Paper]:
        """The papers that a query which ends in a range of dates can find, looked up rather than tried one by one."""
        dates = re.search(r"(?:^|\) AND )submittedDate:\[(\d{12}) TO (\d{12})\]$", search)
        if not dates or papers is not self.papers:
            return papers
        if self._sorted[0] is not papers:
            self._sorted = (papers, sorted(papers, key=lambda paper: paper.published))
        low, high = (datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC) for text in dates.groups())
        ordered = self._sorted[1]
        first = bisect_left(ordered, low, key=lambda paper: paper.published)
        return ordered[first : bisect_right(ordered, high, key=lambda paper: paper.published)]


def _error(message: str, status: int = 400) -> Reply:
    return Reply(status, error_feed(message))


def _without_published(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    return reply._replace(body=re.sub(rb"\n    <published>[^<]*</published>", b"", reply.body, count=1))


def _truncated(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    last = reply.body.rfind(b"<author>")
    return reply._replace(body=reply.body[: last if last > 0 else len(reply.body) // 2])


def _no_entries(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    return reply._replace(body=re.sub(rb"  <entry>.*</entry>\n", b"", reply.body, flags=re.DOTALL))


def _slow(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    time.sleep(0.5)
    return reply


def _without_v1(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    return reply._replace(body=re.sub(rb'<version version="v1">.*?</version>', b"", reply.body, count=1))


def _without_records(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    return reply._replace(body=re.sub(rb"<(record|header)>.*</\1>", b"", reply.body, flags=re.DOTALL))


def _dead_token(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    text = "<error code='badResumptionToken'>invalid or expired</error>"
    return reply._replace(body=re.sub(rb"<(List\w+)>.*</\1>", text.encode(), reply.body, flags=re.DOTALL))


def _lost_token(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    return reply._replace(body=re.sub(rb"<resumptionToken.*?(/>|</resumptionToken>)", b"", reply.body))


def _moved(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    """After this reply its last record changes: it moves to the end of the list, and the next page skips another."""
    listed = re.findall(rb"<identifier>oai:arXiv.org:([^<]*)<", reply.body)
    last, today = listed[-1].decode() if listed else "", datetime.now(UTC).date()
    standin.papers = [replace(paper, changed=today) if paper.id == last else paper for paper in standin.papers]
    return reply


def _short(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    entries = re.findall(rb"  <entry>.*?</entry>\n", reply.body, flags=re.DOTALL)
    return reply._replace(body=reply.body.replace(b"".join(entries[-len(entries) // 10 :]), b"")) if entries else reply


def _shuffled_ties(standin: StandIn, query: dict[str, str], reply: Reply) -> Reply:
    search, ids = query.get("search_query", ""), query.get("id_list", "")
    papers = list(standin._found[1])
    standin.rng.shuffle(papers)
    papers.sort(key=lambda paper: paper.published.replace(minute=0, second=0))
    start, size = int(query.get("start", 0)), int(query.get("max_results", 10))
    return Reply(200, feed(papers[start : start + size], len(papers), search, ids, start, size))


_OVERLOAD = (
    b"<html><head><title>503 first byte timeout</title></head><body><h1>Error 503 first byte timeout</h1></body></html>"
)
_DENIED = b"<html><head><title>403 Forbidden</title></head><body><h1>Access denied</h1></body></html>"
FAULTS: dict[str, Fault] = {
    "empty page": _no_entries,
    "html with 200": lambda s, q, r: Reply(200, b"<html><body>Please wait</body></html>", "text/html"),
    "rate exceeded with 200": lambda s, q, r: Reply(200, b"Rate exceeded.", "text/plain"),
    "empty body": lambda s, q, r: Reply(200, b""),
    "error entry with 200": lambda s, q, r: _error("internal error")._replace(status=200),
    "truncated xml": _truncated,
    "entry without a date": _without_published,
    "short page": _short,
    "shuffled ties": _shuffled_ties,
    "429": lambda s, q, r: Reply(429, b"Rate exceeded.", "text/plain"),
    "429 retry after": lambda s, q, r: Reply(429, b"Rate exceeded.", "text/plain", (("Retry-After", "1"),)),
    "503": lambda s, q, r: Reply(503, _OVERLOAD, "text/html", (("Retry-After", "0"),)),
    "500": lambda s, q, r: _error("", status=500),
    "406": lambda s, q, r: Reply(406, b"Not Acceptable", "text/plain"),
    "403": lambda s, q, r: Reply(403, _DENIED, "text/html"),
    "connection cut": lambda s, q, r: r._replace(cut=len(r.body) // 2),
    "slow": _slow,
    "record without v1": _without_v1,
    "page without records": _without_records,
    "dead token": _dead_token,
    "lost token": _lost_token,
    "record moved": _moved,
    "other query ran": lambda s, q, r: r._replace(body=r.body.replace(b"cat:", b"all:")),
}


@contextmanager
def serving(standin: StandIn) -> Iterator[StandIn]:
    """Run a stand-in on a free port of 127.0.0.1 while the block lasts; its `url` is that of the API."""
    with listening(lambda asked: standin.answer(asked.path, asked.query, asked.agent)) as address:
        standin.url = f"{address}/api/query"
        yield standin


@contextmanager
def listening(answer: Callable[[Request], Reply]) -> Iterator[str]:
    """Answer requests, one at a time, on a free port of 127.0.0.1 while the block lasts; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # head and body are two writes, and the second would wait 40 ms for the other side to acknowledge the first
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts, head = urlsplit(self.path), self.headers
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            body = self.rfile.read(int(head.get("Content-Length", 0)))
            asked = Request(parts.path, query, head.get("User-Agent", ""), body, head.get("Authorization", ""))
            with lock:
                reply = answer(asked)
            self._send(reply)

        do_POST = do_GET  # noqa: N815

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
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
