"""arXiv's search API through the `arxiv` package, guarded against the ways in which that silently loses records.

Facts it relies on (arXiv's API manual and terms; the code behind export.arxiv.org/api/query, 2026): `submittedDate`
ranges hold both ends and select on the date of version 1; start + max_results above 10,000 is answered with status 500;
operators have no precedence; ties sort in any order, so identifiers are counted and compared with the declared total.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qs, urlsplit

import arxiv
import requests
from lxml import etree

from trendcli.core.arxiv import list_category_names, parse_arxiv_id
from trendcli.core.errors import RetryableError, SourceUnreachable, UsageError
from trendcli.core.periods import add_months
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Submission, Window
from trendcli.sources.http import RETRY_ADVICE, InvalidResponse, Pace, Transport
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.records import build_batch_table, build_submission

# a slice stays below the 10,000 results that can be paged to, with room for what is submitted meanwhile
MAX_SLICE_RESULTS = 9_000
# results a page, the smaller ones where arXiv answers the larger ones with a server error
PAGE_SIZES = (1000, 200)
_NAMESPACES = {"a": "http://www.w3.org/2005/Atom", "o": "http://a9.com/-/spec/opensearch/1.1/"}
_TIMESTAMP_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DaySpan = tuple[date, date]


def parse_declared_total(body: bytes, url: str) -> int:
    """Return how many results a feed declares.

    Raises InvalidResponse for one of which the package would silently lose something.
    """
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise InvalidResponse(f"malformed XML ({str(error)[:80]})") from None
    if root.tag != f"{{{_NAMESPACES['a']}}}feed":
        raise InvalidResponse(f"not an Atom feed (<{etree.QName(root).localname}>)")
    entries = root.findall("a:entry", _NAMESPACES)
    for entry in entries:
        if "/api/errors" in (entry.findtext("a:id", "", _NAMESPACES) or ""):
            raise InvalidResponse(f"an error entry ({entry.findtext('a:summary', '', _NAMESPACES)})")
        for tag in ("published", "updated"):
            text = (entry.findtext(f"a:{tag}", "", _NAMESPACES) or "").strip()
            if text and not _TIMESTAMP_PATTERN.fullmatch(text):  # the package would guess
                raise InvalidResponse(f"an entry with an invalid date ({text[:40]!r})")
    parameters = parse_qs(urlsplit(url).query)
    try:
        total = int(root.findtext("o:totalResults", "", _NAMESPACES) or "")
    except ValueError:
        raise InvalidResponse("a feed without totalResults") from None
    if not entries and total > int(parameters.get("start", ["0"])[0]):
        raise InvalidResponse(f"an empty page although totalResults is {total}")
    title = root.findtext("a:title", "", _NAMESPACES) or ""
    if not _query_terms(parameters.get("search_query", [""])[0]) <= _query_terms(title):
        raise InvalidResponse(f"the results of another query ({title[:80]})")
    return total


def _query_terms(query: str) -> set[str]:
    """Return the categories and dates of a query, which identify it however the server rewrites it."""
    return set(re.findall(r"cat:[\w.*-]+|\d{12}", query))


@dataclass
class _SliceResult:
    """The submissions of a slice by identifier, how many were declared for it, and how many received."""

    submissions: dict[str, Submission] = field(default_factory=dict)
    expected: int = 0
    received: int = 0

    def merge_with(self, other: _SliceResult) -> _SliceResult:
        submissions = {**self.submissions, **other.submissions}
        return _SliceResult(submissions, self.expected + other.expected, self.received + other.received)


class ArxivApi:
    """arXiv's API as a Source; requests take turns of `pace`, and `contact` goes into the User-Agent."""

    name = "arxiv"

    def __init__(self, url: str, pace: Pace, contact: str = "") -> None:
        self.last_total = 0
        self.transport = Transport(pace, contact, self._check_response)
        # the transport paces and retries, so the client does neither
        self.client = arxiv.Client(page_size=PAGE_SIZES[0], delay_seconds=0, num_retries=0)
        self.client.query_url_format = f"{url}?{{}}"
        self.client._session.mount("https://", self.transport)
        self.client._session.mount("http://", self.transport)

    def _check_response(self, body: bytes, url: str) -> None:
        self.last_total = parse_declared_total(body, url)

    def fetch_declared_total(self, request: Request) -> int:
        """Return how many submissions arXiv declares for a request; sends one query."""
        window = _clip_window(request.window)
        if window is None:
            return 0
        self._fetch_pages(
            _build_query(request.categories, _utc_midnight(window[0]), _utc_midnight(window[1])), 1, max_results=1
        )
        return self.last_total

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """Yield the submissions of a window in slices of days, oldest first, each with its coverage record.

        A slice is a node of the calendar (see `split_node`), so that an interrupted run resumes with the slices that it
        would have fetched next. Raises UsageError where the window has no beginning, RetryableError where arXiv cannot
        be asked further.
        """
        window = _clip_window(request.window)
        if window is None:
            return
        days, received = (window[1] - window[0]).days, 0
        queue = split_into_nodes(*window)
        while queue:
            since, until = queue.pop(0)
            progress((since - window[0]).days / days, 1.0, f"{since} to {until}, {received:,} submissions")
            low, high = _utc_midnight(since), _utc_midnight(until)
            record = CoverageRecord(
                source=self.name,
                categories=tuple(sorted(request.categories)),
                since=since,
                until=until,
                answered_at=datetime.now(UTC),
                status="failed",
                expected=None,
                received=0,
                query=_build_query(request.categories, low, high),
                version="API, Atom",
            )
            try:
                total = self._fetch_total(request.categories, low, high)
                if total > MAX_SLICE_RESULTS and (until - since).days > 1:
                    queue[:0] = split_node(since, until)
                    continue
                result = self._fetch_slice(request.categories, low, high, total)
            except SourceUnreachable:
                raise  # nothing is known of the slice
            except RetryableError:
                yield Batch(None, (record,))
                raise
            submissions = [
                submission
                for submission in result.submissions.values()
                if since <= (_EPOCH + timedelta(seconds=submission.v1_at)).date() < until
            ]
            received += len(submissions)
            status = "complete" if result.received == result.expected else "partial"
            record = replace(record, status=status, expected=result.expected, received=result.received)
            fault = (
                f"{since} to {until}: received {result.received:,} of {result.expected:,} submissions; "
                "stored as partial"
            )
            table = build_batch_table(submissions, self.name, record.answered_at)
            yield Batch(table, (record,), (fault,) if status == "partial" else ())
        progress(1.0, 1.0, f"{received:,} submissions")

    def _fetch_slice(self, categories: Sequence[str], low: datetime, high: datetime, total: int) -> _SliceResult:
        """Fetch all between two moments; a slice that cannot be paged through is halved in time, then by category."""
        if total > MAX_SLICE_RESULTS:
            halves = _split_slice(categories, low, high)
            if halves is None:
                raise RetryableError(
                    f"arXiv reports {total:,} submissions in one category in the minute {low:%Y-%m-%d %H:%M}, more "
                    "than its API can return. Use --source oai."
                )
            result = _SliceResult()
            for names, start, end in halves:
                result = result.merge_with(self._fetch_slice(names, start, end, self._fetch_total(names, start, end)))
            return result
        if total == 0:
            return _SliceResult()
        query = _build_query(categories, low, high)
        submissions = self._fetch_submissions(query)
        if len(submissions) != self.last_total:
            # the total may have changed meanwhile, or an entry was unreadable: ask once more
            submissions.update(self._fetch_submissions(query))
        return _SliceResult(submissions, self.last_total, len(submissions))

    def _fetch_total(self, categories: Sequence[str], low: datetime, high: datetime) -> int:
        """Return how many submissions are declared; a zero is believed only when declared twice."""
        for _ in range(2):
            self._fetch_pages(_build_query(categories, low, high), 1, max_results=1)
            if self.last_total:
                break
        return self.last_total

    def _fetch_submissions(self, query: str) -> dict[str, Submission]:
        """Return the results of a query by identifier, in smaller pages where arXiv fails on large ones."""
        for size in PAGE_SIZES[:-1]:
            try:
                return self._fetch_pages(query, size)
            except RetryableError as error:
                if (error.status or 0) < 500:
                    raise
        return self._fetch_pages(query, PAGE_SIZES[-1])

    def _fetch_pages(self, query: str, page_size: int, max_results: int | None = None) -> dict[str, Submission]:
        self.client.page_size = page_size
        submissions = {}
        try:
            for result in self.client.results(_build_search(query, max_results)):
                submission = _parse_result(result)
                if submission is not None:
                    submissions[submission.id] = submission
        except arxiv.UnexpectedEmptyPageError:
            pass  # the package dropped every entry of the last page as unreadable; the count will show it
        except (arxiv.ArxivError, requests.exceptions.RequestException) as error:
            raise RetryableError(
                f"Cannot read arXiv's response ({error}). {Transport.stored_message}; {RETRY_ADVICE}."
            ) from None
        return submissions


def _build_search(query: str, max_results: int | None) -> arxiv.Search:
    return arxiv.Search(
        query,
        max_results=max_results,
        sort_by=arxiv.SortCriterion.SubmittedDate,
        sort_order=arxiv.SortOrder.Ascending,
    )


def split_into_nodes(since: date, until: date) -> list[DaySpan]:
    """Split the days [since, until) into the fewest nodes of the calendar: years, or what `split_node` makes of one."""

    def nodes_within(node: DaySpan) -> list[DaySpan]:
        if node[1] <= since or until <= node[0]:
            return []
        if since <= node[0] and node[1] <= until:
            return [node]
        return [part for half in split_node(*node) for part in nodes_within(half)]

    years = [(date(year, 1, 1), date(year + 1, 1, 1)) for year in range(since.year, until.year + 1)]
    return [part for year in years for part in nodes_within(year)]


def split_node(since: date, until: date) -> list[DaySpan]:
    """Split a node of the calendar: a year into halves, a half into quarters, months and finally days."""
    months = (until.year - since.year) * 12 + until.month - since.month
    if months > 1 and since.day == until.day == 1:
        step = 1 if months == 3 else months // 2
        edges = [add_months(since, offset) for offset in range(0, months + 1, step)]
    else:
        edges = [since, since + timedelta(days=(until - since).days // 2), until]
    return list(zip(edges, edges[1:], strict=False))


def estimate_requests(since: date, until: date, total: int) -> tuple[int, int]:
    """Estimate (slices, requests) to fetch `total` submissions that spread evenly over the days [since, until).

    Requests include those that only ask for a total.
    """
    queue = split_into_nodes(since, until)
    days, slices, requests = max((until - since).days, 1), 0, 0
    while queue:
        low, high = queue.pop()
        share = -(-total * (high - low).days // days)  # rounded up
        requests += 1 if share else 2
        if share > MAX_SLICE_RESULTS and (high - low).days > 1:
            queue += split_node(low, high)
        else:
            slices += 1
            requests += -(-share // PAGE_SIZES[0])
    return slices, requests


def _build_query(categories: Sequence[str], low: datetime, high: datetime) -> str:
    """Build the query for some categories between two minutes, both inclusive; brackets, as there is no precedence."""
    dates = f"submittedDate:[{low:%Y%m%d%H%M} TO {high:%Y%m%d%H%M}]"
    if ALL_CATEGORIES in categories:
        return dates
    named = " OR ".join(f"cat:{name}" for category in sorted(categories) for name in list_category_names(category))
    return f"({named}) AND {dates}"


def _split_slice(
    categories: Sequence[str], low: datetime, high: datetime
) -> list[tuple[Sequence[str], datetime, datetime]] | None:
    """Return both halves of a slice, by time or else by categories; None where it is one minute of one category."""
    minutes = int((high - low).total_seconds() // 60)
    if minutes > 1:
        middle = low + timedelta(minutes=minutes // 2)
        return [(categories, low, middle), (categories, middle, high)]
    if len(categories) > 1:
        half = len(categories) // 2
        return [(categories[:half], low, high), (categories[half:], low, high)]
    return None


def _parse_result(result: arxiv.Result) -> Submission | None:
    """Return a result as a Submission; None where something is missing without which it cannot be counted."""
    try:
        ident, version = parse_arxiv_id(result.entry_id)
    except ValueError:
        return None
    categories = [result.primary_category, *result.categories]
    if not version or not result.title.strip() or not result.primary_category:
        return None
    return build_submission(
        id=ident,
        version=version,
        v1_at=int(result.published.timestamp()),
        updated_at=int(result.updated.timestamp()),
        title=result.title,
        abstract=result.summary,
        authors=", ".join(author.name for author in result.authors),
        categories=" ".join(dict.fromkeys(categories)),
        comments=result.comment,
        journal_ref=result.journal_ref,
        doi=result.doi,
        as_of=(datetime.now(UTC) - _EPOCH).days,
    )


def _clip_window(window: Window) -> DaySpan | None:
    """Return the days of a window up to today; None where it lies ahead. Raises UsageError without a beginning."""
    if window.since is None:
        raise UsageError("The arXiv API needs a start: give --since, and --until unless the window ends today.")
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    until = min(window.until or tomorrow, tomorrow)
    return (window.since, until) if window.since < until else None


def _utc_midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
