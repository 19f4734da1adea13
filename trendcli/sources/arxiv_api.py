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

from trendcli.core.arxiv import canonical_id, spellings
from trendcli.core.errors import TryLater, Unreachable, UsageError
from trendcli.core.periods import add_months
from trendcli.core.types import Answer, Ask, Batch, Progress, Submission, Window
from trendcli.sources.http import AGAIN, Faulty, Transport
from trendcli.sources.pace import Pace
from trendcli.store import records as parts
from trendcli.store.coverage import EVERY

# a slice stays below the 10,000 results that can be reached, with room for what is submitted meanwhile
MOST = 9_000
PAGE_SIZES = (1000, 200)
_ATOM = {"a": "http://www.w3.org/2005/Atom", "o": "http://a9.com/-/spec/opensearch/1.1/"}
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Span = tuple[date, date]


def declared_total(body: bytes, url: str) -> int:
    """How many results a feed declares; Faulty for a reply of which the package would quietly lose something."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise Faulty(f"a reply that is no whole XML document ({str(error)[:80]})") from None
    if root.tag != f"{{{_ATOM['a']}}}feed":
        raise Faulty(f"a reply that is no feed (<{etree.QName(root).localname}>)")
    entries = root.findall("a:entry", _ATOM)
    for entry in entries:
        if "/api/errors" in (entry.findtext("a:id", "", _ATOM) or ""):
            raise Faulty(f"an error entry ({entry.findtext('a:summary', '', _ATOM)})")
        for date_of in ("published", "updated"):
            text = (entry.findtext(f"a:{date_of}", "", _ATOM) or "").strip()
            if text and not _MOMENT.fullmatch(text):  # the package would make the best of it
                raise Faulty(f"an entry with a date that is none ({text[:40]!r})")
    asked = parse_qs(urlsplit(url).query)
    try:
        total = int(root.findtext("o:totalResults", "", _ATOM) or "")
    except ValueError:
        raise Faulty("a feed without a total") from None
    if not entries and total > int(asked.get("start", ["0"])[0]):
        raise Faulty(f"an empty page although {total} results are declared")
    ran = root.findtext("a:title", "", _ATOM) or ""
    expected = _tokens(asked.get("search_query", [""])[0])
    if not expected <= _tokens(ran):
        raise Faulty(f"an answer to another query ({ran[:80]})")
    return total


def _tokens(query: str) -> set[str]:
    """The categories and dates of a query, by which the one that ran is recognised however it was rewritten."""
    return set(re.findall(r"cat:[\w.*-]+|\d{12}", query))


@dataclass
class _Slice:
    """What came of a slice: submissions by id, and the totals that were declared for it and received."""

    found: dict[str, Submission] = field(default_factory=dict)
    expected: int = 0
    received: int = 0

    def add(self, other: _Slice) -> _Slice:
        return _Slice({**self.found, **other.found}, self.expected + other.expected, self.received + other.received)


class ArxivApi:
    """arXiv's API as a Source; requests keep to `pace`, and `contact` goes into the User-Agent."""

    name = "arxiv"

    def __init__(self, url: str, pace: Pace, contact: str = "") -> None:
        self.total = 0
        self.transport = Transport(pace, contact, self._check)
        # pace and further tries are the transport's, so the client has none of its own
        self.client = arxiv.Client(page_size=PAGE_SIZES[0], delay_seconds=0, num_retries=0)
        self.client.query_url_format = f"{url}?{{}}"
        self.client._session.mount("https://", self.transport)
        self.client._session.mount("http://", self.transport)

    def _check(self, body: bytes, url: str) -> None:
        self.total = declared_total(body, url)

    def declared(self, ask: Ask) -> int:
        """How many submissions arXiv declares for a question, by one request."""
        window = _clipped(ask.window)
        if window is None:
            return 0
        self._paged(_query(ask.categories, _midnight(window[0]), _midnight(window[1])), 1, most=1)
        return self.total

    def batches(self, ask: Ask, progress: Progress) -> Iterator[Batch]:
        """See Source; the window must begin somewhere. Slices of days, each a commit, oldest first.

        A slice is a node of the calendar (see `halves`), so that a run that was broken off is continued in the same
        slices as it would have had.
        """
        window = _clipped(ask.window)
        if window is None:
            return
        days, came = (window[1] - window[0]).days, 0
        queue = nodes(*window)
        while queue:
            since, until = queue.pop(0)
            progress((since - window[0]).days / days, 1.0, f"{since} to {until}, {came:,} submissions")
            low, high = _midnight(since), _midnight(until)
            answer = Answer(
                source=self.name,
                categories=tuple(sorted(ask.categories)),
                since=since,
                until=until,
                answered_at=datetime.now(UTC),
                status="failed",
                expected=None,
                received=0,
                query=_query(ask.categories, low, high),
                version="API, Atom",
            )
            try:
                total = self._total(ask.categories, low, high)
                if total > MOST and (until - since).days > 1:
                    queue[:0] = halves(since, until)
                    continue
                got = self._slice(ask.categories, low, high, total)
            except Unreachable:
                raise  # nothing was learned of the slice
            except TryLater:
                yield Batch(None, (answer,))
                raise
            inside = [
                item for item in got.found.values() if since <= (_EPOCH + timedelta(seconds=item.v1_at)).date() < until
            ]
            came += len(inside)
            status = "complete" if got.received == got.expected else "partial"
            answer = replace(answer, status=status, expected=got.expected, received=got.received)
            fault = f"{since} to {until}: {got.received:,} of {got.expected:,} submissions came; stored as partial"
            part = parts.table(inside, self.name, answer.answered_at)
            yield Batch(part, (answer,), (fault,) if status == "partial" else ())
        progress(1.0, 1.0, f"{came:,} submissions")

    def _slice(self, categories: Sequence[str], low: datetime, high: datetime, total: int) -> _Slice:
        """Everything between two moments; halved in time, then by category, where it is too much to be reached."""
        if total > MOST:
            halves = _halves(categories, low, high)
            if halves is None:
                raise TryLater(
                    f"arXiv lists {total:,} submissions for one category and minute, {low}; more than can be asked for."
                )
            got = _Slice()
            for some, start, end in halves:
                got = got.add(self._slice(some, start, end, self._total(some, start, end)))
            return got
        if total == 0:
            return _Slice()
        query = _query(categories, low, high)
        found = self._fetch(query)
        if len(found) != self.total:
            found.update(self._fetch(query))  # the total may have moved, or an entry was unreadable: ask once more
        return _Slice(found, self.total, len(found))

    def _total(self, categories: Sequence[str], low: datetime, high: datetime) -> int:
        """How many submissions are declared; a zero is asked for twice before it is believed."""
        for _ in range(2):
            self._paged(_query(categories, low, high), 1, most=1)
            if self.total:
                break
        return self.total

    def _fetch(self, query: str) -> dict[str, Submission]:
        """The submissions that answer a query, by id; in smaller pages where arXiv cannot bear the large ones."""
        for size in PAGE_SIZES[:-1]:
            try:
                return self._paged(query, size)
            except TryLater as error:
                if "status 50" not in str(error):
                    raise
        return self._paged(query, PAGE_SIZES[-1])

    def _paged(self, query: str, size: int, most: int | None = None) -> dict[str, Submission]:
        self.client.page_size = size
        found = {}
        try:
            for result in self.client.results(_search(query, most)):
                item = _submission(result)
                if item is not None:
                    found[item.id] = item
        except arxiv.UnexpectedEmptyPageError:
            pass  # the package dropped every entry of the last page as unreadable; the missing ids will show
        except (arxiv.ArxivError, requests.exceptions.RequestException) as error:
            raise TryLater(f"arXiv's reply could not be read ({error}). What had come is stored; {AGAIN}.") from None
        return found


def _search(query: str, most: int | None) -> arxiv.Search:
    return arxiv.Search(
        query,
        max_results=most,
        sort_by=arxiv.SortCriterion.SubmittedDate,
        sort_order=arxiv.SortOrder.Ascending,
    )


def nodes(since: date, until: date) -> list[Span]:
    """The days [since, until) as the fewest whole nodes of the calendar: years, and what `halves` makes of them."""

    def inside(node: Span) -> list[Span]:
        if node[1] <= since or until <= node[0]:
            return []
        if since <= node[0] and node[1] <= until:
            return [node]
        return [part for half in halves(*node) for part in inside(half)]

    years = [(date(year, 1, 1), date(year + 1, 1, 1)) for year in range(since.year, until.year + 1)]
    return [part for year in years for part in inside(year)]


def halves(since: date, until: date) -> list[Span]:
    """A node of the calendar in parts: a year in halves, quarters and months, a month in days at last."""
    months = (until.year - since.year) * 12 + until.month - since.month
    if months > 1 and since.day == until.day == 1:
        step = 1 if months == 3 else months // 2
        edges = [add_months(since, offset) for offset in range(0, months + 1, step)]
    else:
        edges = [since, since + timedelta(days=(until - since).days // 2), until]
    return list(zip(edges, edges[1:], strict=False))


def slices(since: date, until: date, total: int) -> tuple[int, int]:
    """How many slices, and requests with their probes, `total` submissions take that spread evenly over some days."""
    queue = nodes(since, until)
    days, found, requests = max((until - since).days, 1), 0, 0
    while queue:
        low, high = queue.pop()
        share = -(-total * (high - low).days // days)
        requests += 1 if share else 2
        if share > MOST and (high - low).days > 1:
            queue += halves(low, high)
        else:
            found += 1
            requests += -(-share // PAGE_SIZES[0])
    return found, requests


def _query(categories: Sequence[str], low: datetime, high: datetime) -> str:
    """Submissions of some categories between two minutes, all in brackets; both ends are inside."""
    dates = f"submittedDate:[{low:%Y%m%d%H%M} TO {high:%Y%m%d%H%M}]"
    if EVERY in categories:
        return dates
    listed = " OR ".join(f"cat:{name}" for category in sorted(categories) for name in spellings(category))
    return f"({listed}) AND {dates}"


def _halves(
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


def _submission(result: arxiv.Result) -> Submission | None:
    """A result as a Submission; None where something is missing without which it cannot be counted."""
    try:
        ident, version = canonical_id(result.entry_id)
    except ValueError:
        return None
    listed = [result.primary_category, *result.categories]
    if not version or not result.title.strip() or not result.primary_category:
        return None
    return parts.submission(
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


def _clipped(window: Window) -> Span | None:
    """The days of a window that have begun; None where none has. UsageError without a beginning."""
    if window.since is None:
        raise UsageError("arXiv's API needs a window: say --since, and --until if it shall not reach up to today.")
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    until = min(window.until or tomorrow, tomorrow)
    return (window.since, until) if window.since < until else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
