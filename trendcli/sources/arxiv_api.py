"""arXiv's search API through the `arxiv` package, with the ways closed in which that loses records without a word.

Facts this rests on (arXiv's API manual and terms; the code behind export.arxiv.org/api/query, 2026): `submittedDate`
ranges hold both ends and select on the date of version 1; start + max_results above 10,000 is answered 500; operators
have no precedence; ties sort in any order, so ids are counted and compared with the declared total.
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
from trendcli.store import records as parts
from trendcli.store.coverage import ALL_CATEGORIES

# a slice stays below the 10,000 results that can be reached, with room for what is submitted meanwhile
MAX_SLICE_RESULTS = 9_000
PAGE_SIZES = (1000, 200)
_NAMESPACES = {"a": "http://www.w3.org/2005/Atom", "o": "http://a9.com/-/spec/opensearch/1.1/"}
_TIMESTAMP_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DaySpan = tuple[date, date]


def parse_declared_total(body: bytes, url: str) -> int:
    """How many results a feed declares; Faulty for a reply of which the package would quietly lose something."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise InvalidResponse(f"a reply that is no whole XML document ({str(error)[:80]})") from None
    if root.tag != f"{{{_NAMESPACES['a']}}}feed":
        raise InvalidResponse(f"a reply that is no feed (<{etree.QName(root).localname}>)")
    entries = root.findall("a:entry", _NAMESPACES)
    for entry in entries:
        if "/api/errors" in (entry.findtext("a:id", "", _NAMESPACES) or ""):
            raise InvalidResponse(f"an error entry ({entry.findtext('a:summary', '', _NAMESPACES)})")
        for date_of in ("published", "updated"):
            text = (entry.findtext(f"a:{date_of}", "", _NAMESPACES) or "").strip()
            if text and not _TIMESTAMP_PATTERN.fullmatch(text):  # the package would make the best of it
                raise InvalidResponse(f"an entry with a date that is none ({text[:40]!r})")
    asked = parse_qs(urlsplit(url).query)
    try:
        total = int(root.findtext("o:totalResults", "", _NAMESPACES) or "")
    except ValueError:
        raise InvalidResponse("a feed without a total") from None
    if not entries and total > int(asked.get("start", ["0"])[0]):
        raise InvalidResponse(f"an empty page although {total} results are declared")
    ran = root.findtext("a:title", "", _NAMESPACES) or ""
    expected = _query_terms(asked.get("search_query", [""])[0])
    if not expected <= _query_terms(ran):
        raise InvalidResponse(f"an answer to another query ({ran[:80]})")
    return total


def _query_terms(query: str) -> set[str]:
    """The categories and dates of a query, by which the one that ran is recognised however it was rewritten."""
    return set(re.findall(r"cat:[\w.*-]+|\d{12}", query))


@dataclass
class _SliceResult:
    """What came of a slice: submissions by id, and the totals that were declared for it and received."""

    submissions: dict[str, Submission] = field(default_factory=dict)
    expected: int = 0
    received: int = 0

    def merge_with(self, other: _SliceResult) -> _SliceResult:
        return _SliceResult(
            {**self.submissions, **other.submissions}, self.expected + other.expected, self.received + other.received
        )


class ArxivApi:
    """arXiv's API as a Source; requests keep to `pace`, and `contact` goes into the User-Agent."""

    name = "arxiv"

    def __init__(self, url: str, pace: Pace, contact: str = "") -> None:
        self.last_total = 0
        self.transport = Transport(pace, contact, self._check_response)
        # pace and further tries are the transport's, so the client has none of its own
        self.client = arxiv.Client(page_size=PAGE_SIZES[0], delay_seconds=0, num_retries=0)
        self.client.query_url_format = f"{url}?{{}}"
        self.client._session.mount("https://", self.transport)
        self.client._session.mount("http://", self.transport)

    def _check_response(self, body: bytes, url: str) -> None:
        self.last_total = parse_declared_total(body, url)

    def fetch_declared_total(self, request: Request) -> int:
        """How many submissions arXiv declares for a question, by one request."""
        window = _clip_window(request.window)
        if window is None:
            return 0
        self._fetch_pages(
            _build_query(request.categories, _utc_midnight(window[0]), _utc_midnight(window[1])), 1, max_results=1
        )
        return self.last_total

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """See Source; the window must begin somewhere. Slices of days, each a commit, oldest first.

        A slice is a node of the calendar (see `halves`), so that a run that was broken off is continued in the same
        slices as it would have had.
        """
        window = _clip_window(request.window)
        if window is None:
            return
        days, came = (window[1] - window[0]).days, 0
        queue = split_into_nodes(*window)
        while queue:
            since, until = queue.pop(0)
            progress((since - window[0]).days / days, 1.0, f"{since} to {until}, {came:,} submissions")
            low, high = _utc_midnight(since), _utc_midnight(until)
            answer = CoverageRecord(
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
                got = self._fetch_slice(request.categories, low, high, total)
            except SourceUnreachable:
                raise  # nothing was learned of the slice
            except RetryableError:
                yield Batch(None, (answer,))
                raise
            inside = [
                item
                for item in got.submissions.values()
                if since <= (_EPOCH + timedelta(seconds=item.v1_at)).date() < until
            ]
            came += len(inside)
            status = "complete" if got.received == got.expected else "partial"
            answer = replace(answer, status=status, expected=got.expected, received=got.received)
            fault = f"{since} to {until}: {got.received:,} of {got.expected:,} submissions came; stored as partial"
            part = parts.build_batch_table(inside, self.name, answer.answered_at)
            yield Batch(part, (answer,), (fault,) if status == "partial" else ())
        progress(1.0, 1.0, f"{came:,} submissions")

    def _fetch_slice(self, categories: Sequence[str], low: datetime, high: datetime, total: int) -> _SliceResult:
        """Everything between two moments; halved in time, then by category, where it is too much to be reached."""
        if total > MAX_SLICE_RESULTS:
            halves = _split_slice(categories, low, high)
            if halves is None:
                raise RetryableError(
                    f"arXiv lists {total:,} submissions for one category and minute, {low}; more than can be asked for."
                )
            got = _SliceResult()
            for some, start, end in halves:
                got = got.merge_with(self._fetch_slice(some, start, end, self._fetch_total(some, start, end)))
            return got
        if total == 0:
            return _SliceResult()
        query = _build_query(categories, low, high)
        found = self._fetch_submissions(query)
        if len(found) != self.last_total:
            found.update(
                self._fetch_submissions(query)
            )  # the total may have moved, or an entry was unreadable: ask once more
        return _SliceResult(found, self.last_total, len(found))

    def _fetch_total(self, categories: Sequence[str], low: datetime, high: datetime) -> int:
        """How many submissions are declared; a zero is asked for twice before it is believed."""
        for _ in range(2):
            self._fetch_pages(_build_query(categories, low, high), 1, max_results=1)
            if self.last_total:
                break
        return self.last_total

    def _fetch_submissions(self, query: str) -> dict[str, Submission]:
        """The submissions that answer a query, by id; in smaller pages where arXiv cannot bear the large ones."""
        for size in PAGE_SIZES[:-1]:
            try:
                return self._fetch_pages(query, size)
            except RetryableError as error:
                if "status 50" not in str(error):
                    raise
        return self._fetch_pages(query, PAGE_SIZES[-1])

    def _fetch_pages(self, query: str, page_size: int, max_results: int | None = None) -> dict[str, Submission]:
        self.client.page_size = page_size
        found = {}
        try:
            for result in self.client.results(_build_search(query, max_results)):
                item = _build_submission(result)
                if item is not None:
                    found[item.id] = item
        except arxiv.UnexpectedEmptyPageError:
            pass  # the package dropped every entry of the last page as unreadable; the missing ids will show
        except (arxiv.ArxivError, requests.exceptions.RequestException) as error:
            raise RetryableError(
                f"arXiv's reply could not be read ({error}). What had come is stored; {RETRY_ADVICE}."
            ) from None
        return found


def _build_search(query: str, max_results: int | None) -> arxiv.Search:
    return arxiv.Search(
        query,
        max_results=max_results,
        sort_by=arxiv.SortCriterion.SubmittedDate,
        sort_order=arxiv.SortOrder.Ascending,
    )


def split_into_nodes(since: date, until: date) -> list[DaySpan]:
    """The days [since, until) as the fewest whole nodes of the calendar: years, and what `halves` makes of them."""

    def nodes_within(node: DaySpan) -> list[DaySpan]:
        if node[1] <= since or until <= node[0]:
            return []
        if since <= node[0] and node[1] <= until:
            return [node]
        return [part for half in split_node(*node) for part in nodes_within(half)]

    years = [(date(year, 1, 1), date(year + 1, 1, 1)) for year in range(since.year, until.year + 1)]
    return [part for year in years for part in nodes_within(year)]


def split_node(since: date, until: date) -> list[DaySpan]:
    """A node of the calendar in parts: a year in halves, quarters and months, a month in days at last."""
    months = (until.year - since.year) * 12 + until.month - since.month
    if months > 1 and since.day == until.day == 1:
        step = 1 if months == 3 else months // 2
        edges = [add_months(since, offset) for offset in range(0, months + 1, step)]
    else:
        edges = [since, since + timedelta(days=(until - since).days // 2), until]
    return list(zip(edges, edges[1:], strict=False))


def estimate_requests(since: date, until: date, total: int) -> tuple[int, int]:
    """How many slices, and requests with their probes, `total` submissions take that spread evenly over some days."""
    queue = split_into_nodes(since, until)
    days, found, requests = max((until - since).days, 1), 0, 0
    while queue:
        low, high = queue.pop()
        share = -(-total * (high - low).days // days)
        requests += 1 if share else 2
        if share > MAX_SLICE_RESULTS and (high - low).days > 1:
            queue += split_node(low, high)
        else:
            found += 1
            requests += -(-share // PAGE_SIZES[0])
    return found, requests


def _build_query(categories: Sequence[str], low: datetime, high: datetime) -> str:
    """Submissions of some categories between two minutes, all in brackets; both ends are inside."""
    dates = f"submittedDate:[{low:%Y%m%d%H%M} TO {high:%Y%m%d%H%M}]"
    if ALL_CATEGORIES in categories:
        return dates
    listed = " OR ".join(f"cat:{name}" for category in sorted(categories) for name in list_category_names(category))
    return f"({listed}) AND {dates}"


def _split_slice(
    categories: Sequence[str], low: datetime, high: datetime
) -> list[tuple[Sequence[str], datetime, datetime]] | None:
    minutes = int((high - low).total_seconds() // 60)
    if minutes > 1:
        middle = low + timedelta(minutes=minutes // 2)
        return [(categories, low, middle), (categories, middle, high)]
    if len(categories) > 1:
        half = len(categories) // 2
        return [(categories[:half], low, high), (categories[half:], low, high)]
    return None


def _build_submission(result: arxiv.Result) -> Submission | None:
    """A result as a Submission; None where something is missing without which it cannot be counted."""
    try:
        ident, version = parse_arxiv_id(result.entry_id)
    except ValueError:
        return None
    listed = [result.primary_category, *result.categories]
    if not version or not result.title.strip() or not result.primary_category:
        return None
    return parts.build_submission(
        id=ident,
        version=version,
        v1_at=int(result.published.timestamp()),
        updated_at=int(result.updated.timestamp()),
        title=result.title,
        abstract=result.summary,
        authors=", ".join(author.name for author in result.authors),
        categories=" ".join(dict.fromkeys(listed)),
        comments=result.comment,
        journal_ref=result.journal_ref,
        doi=result.doi,
        as_of=(datetime.now(UTC) - _EPOCH).days,
    )


def _clip_window(window: Window) -> DaySpan | None:
    """The days of a window that have begun; None where none has. UsageError without a beginning."""
    if window.since is None:
        raise UsageError("arXiv's API needs a window: say --since, and --until if it shall not reach up to today.")
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    until = min(window.until or tomorrow, tomorrow)
    return (window.since, until) if window.since < until else None


def _utc_midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
