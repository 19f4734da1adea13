"""A stand-in of arXiv's API on 127.0.0.1, which answers in the shapes of the real one.

It imitates the Atom feeds and error entries of export.arxiv.org/api/query since November 2025: boolean operators
without precedence, `submittedDate` ranges that hold both ends, a window of 10,000 results, ties in any order.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlsplit

from trendcli.demo.atom import parse_query, render_error_feed, render_feed
from trendcli.demo.corpus import SyntheticSubmission

# start + max_results above this are answered with status 500
MAX_RESULT_WINDOW = 10_000


class HttpResponse(NamedTuple):
    """A response; with `cut`, the connection is closed after that many bytes of the body."""

    status: int
    body: bytes
    content_type: str = "application/atom+xml"
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None


class HttpRequest(NamedTuple):
    """A request: path, query, User-Agent, the body of a POST and the Authorization header ('' where there is none)."""

    path: str
    query: dict[str, str]
    user_agent: str = ""
    body: bytes = b""
    authorization: str = ""


class ApiStandIn:
    """The state of a stand-in of arXiv's API: the submissions that it serves, and its `url` while it runs."""

    def __init__(self, submissions: Sequence[SyntheticSubmission]) -> None:
        self.submissions = list(submissions)
        self.url = ""
        # what its feeds and pages say the time is
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        # of the last query: its key and what it matches, since a client asks for page after page
        self.last_results: tuple[str, list[SyntheticSubmission]] = ("", [])
        self._ordered_by_date: tuple[list[SyntheticSubmission], list[SyntheticSubmission]] = ([], [])

    def answer_request(self, request: HttpRequest) -> HttpResponse:
        """Return the response to one request."""
        if request.path == "/api/query":
            return self.answer_query(request.query)
        return HttpResponse(404, b"not found", "text/plain")

    def answer_query(self, query: dict[str, str]) -> HttpResponse:
        """Return the response of the API to the parameters of a query."""
        search, ids = query.get("search_query", ""), query.get("id_list", "")
        numbers = {}
        for key, default in (("start", "0"), ("max_results", "10")):
            text = query.get(key, default)
            if not re.fullmatch(r"-?\d+", text):
                return error_response(f"{key} must be an integer")
            if int(text) < 0:
                return error_response(f"{key} must be non-negative")
            numbers[key] = int(text)
        start, size = numbers["start"], numbers["max_results"]
        if start + size > MAX_RESULT_WINDOW or size == 0:
            return error_response("", status=500)
        for ident in ids.split(",") if ids else ():
            if not re.fullmatch(r"(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Za-z-]+)?/\d{7})(v[1-9]\d*)?", ident):
                return error_response(f"incorrect id format for {ident}")
        if not search and not ids:
            return error_response("search_query and id_list must not both be empty")
        key = "&".join(f"{name}={query.get(name, '')}" for name in ("search_query", "id_list", "sortBy", "sortOrder"))
        try:
            if self.last_results[0] != key:
                self.last_results = (key, self.find_submissions(search, ids, query))
        except ValueError as error:
            return error_response(str(error))
        results = self.last_results[1]
        feed = render_feed(results[start : start + size], len(results), search, ids, start, size, self.clock())
        return HttpResponse(200, feed)

    def find_submissions(self, search: str, ids: str, query: dict[str, str]) -> list[SyntheticSubmission]:
        """Return the submissions that a query matches, sorted as it asks; ValueError where it cannot be parsed."""
        results = self.submissions
        if ids:
            unversioned = [re.sub(r"v\d+$", "", ident) for ident in ids.split(",")]
            by_id = {submission.id: submission for submission in self.submissions}
            results = [by_id[ident] for ident in unversioned if ident in by_id]
        if search:
            is_match = parse_query(search)
            results = [submission for submission in self._narrow_by_date(search, results) if is_match(submission)]
        keys: dict[str, Callable[[SyntheticSubmission], Any]] = {
            "submittedDate": lambda submission: submission.published_at,
            "lastUpdatedDate": lambda submission: submission.versions[-1],
        }
        sort = query.get("sortBy", "relevance")
        if sort in keys:
            results = sorted(results, key=keys[sort], reverse=query.get("sortOrder", "descending") == "descending")
        elif sort != "relevance":
            raise ValueError(f"sortBy must be in: relevance, lastUpdatedDate, submittedDate, not {sort}")
        return results

    def _narrow_by_date(self, search: str, submissions: list[SyntheticSubmission]) -> Sequence[SyntheticSubmission]:
        """Return what a query that ends in a range of dates can match: by bisection, faster than one by one."""
        dates = re.search(r"(?:^|\) AND )submittedDate:\[(\d{12}) TO (\d{12})\]$", search)
        if not dates or submissions is not self.submissions:
            return submissions
        if self._ordered_by_date[0] is not submissions:
            self._ordered_by_date = (submissions, sorted(submissions, key=lambda submission: submission.published_at))
        low, high = (datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC) for text in dates.groups())
        ordered = self._ordered_by_date[1]
        first = bisect_left(ordered, low, key=lambda submission: submission.published_at)
        return ordered[first : bisect_right(ordered, high, key=lambda submission: submission.published_at)]


AnyStandIn = TypeVar("AnyStandIn", bound=ApiStandIn)


def error_response(message: str, status: int = 400) -> HttpResponse:
    """Return the feed by which the API reports an error."""
    return HttpResponse(status, render_error_feed(message, datetime.now(UTC)))


@contextmanager
def run_stand_in(standin: AnyStandIn) -> Iterator[AnyStandIn]:
    """Run a stand-in on a free port of 127.0.0.1 during the block; its `url` is that of the API."""
    with run_http_server(standin.answer_request) as address:
        standin.url = f"{address}/api/query"
        yield standin


@contextmanager
def run_http_server(answer_request: Callable[[HttpRequest], HttpResponse]) -> Iterator[str]:
    """Answer requests, one at a time, on a free port of 127.0.0.1 during the block; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # head and body are two writes, and the second would wait 40 ms for the other side to acknowledge the first
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts, head = urlsplit(self.path), self.headers
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            body = self.rfile.read(int(head.get("Content-Length", 0)))
            request = HttpRequest(parts.path, query, head.get("User-Agent", ""), body, head.get("Authorization", ""))
            with lock:
                response = answer_request(request)
            self._write_response(response)

        do_POST = do_GET  # noqa: N815

        def _write_response(self, response: HttpResponse) -> None:
            if "Date" in dict(response.headers):  # instead of the time that it is
                self.send_response_only(response.status)
            else:
                self.send_response(response.status)
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
            for name, value in response.headers:
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # the client may have been killed meanwhile
                self.wfile.write(response.body if response.cut is None else response.body[: response.cut])
            if response.cut is not None:
                self.close_connection = True

        def handle(self) -> None:
            with suppress(ConnectionError):
                super().handle()

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing: stderr belongs to the program that runs the stand-in."""

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
