"""arXiv's search API through the `arxiv` package, with the ways closed in which that loses records without a word.

Facts this rests on (arXiv's API manual and terms; the code behind export.arxiv.org/api/query, 2026): `submittedDate`
ranges hold both ends and select on the date of version 1; start + max_results above 10,000 is answered 500; operators
have no precedence; ties sort in any order, so ids are counted and compared with the declared total.
"""

from __future__ import annotations

import re
import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qs, urlsplit

import arxiv
import requests
from lxml import etree

from trendcli import __version__, parts
from trendcli.errors import TryLater, UsageError
from trendcli.models import Answer, Batch, Progress, Submission, Window
from trendcli.sources.transport import Faulty, Transport
from trendcli.taxonomy import canonical_id, spellings

# a slice stays below the 10,000 results that can be reached, with room for what is submitted meanwhile
MOST = 9_000
PAGE_SIZES = (1000, 200)
_ATOM = {"a": "http://www.w3.org/2005/Atom", "o": "http://a9.com/-/spec/opensearch/1.1/"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    """arXiv's API as a Source; `interval_s` seconds lie between two requests, `contact` goes into the User-Agent."""

    name = "arxiv"

    def __init__(
        self, url: str, interval_s: float = 3.0, contact: str = "", sleep: Callable[[float], None] = clock.sleep
    ) -> None:
        agent = f"trendcli/{__version__}{f' ({contact})' if contact else ''}"
        self.total = 0
        transport = Transport(interval_s, agent, self._check, sleep)
        # pace and further tries are the transport's, so the client has none of its own
        self.client = arxiv.Client(page_size=PAGE_SIZES[0], delay_seconds=0, num_retries=0)
        self.client.query_url_format = f"{url}?{{}}"
        self.client._session.mount("https://", transport)
        self.client._session.mount("http://", transport)

    def _check(self, body: bytes, url: str) -> None:
        self.total = declared_total(body, url)

    def batches(self, categories: Sequence[str], window: Window, progress: Progress) -> Iterator[Batch]:
        """See Source; the window must have both ends. Slices of days, each a commit, oldest first."""
        if window.since is None or window.until is None:
            raise UsageError("arXiv's API needs a window: say --since, and --until if it shall not reach up to today.")
        until = min(window.until, datetime.now(UTC).date() + timedelta(days=1))
        days = max((until - window.since).days, 1)
        queue = [(window.since, until)] if window.since < until else []
        came = 0
        while queue:
            since, end = queue.pop(0)
            progress((since - window.since).days / days, 1.0, f"{since} to {end}, {came:,} submissions")
            answered_at = datetime.now(UTC)
            total = self._total(categories, _midnight(since), _midnight(end))
            if total > MOST and (end - since).days > 1:
                middle = since + timedelta(days=(end - since).days // 2)
                queue[:0] = [(since, middle), (middle, end)]
                continue
            got = self._slice(categories, _midnight(since), _midnight(end), total)
            inside = [
                item for item in got.found.values() if since <= (_EPOCH + timedelta(seconds=item.v1_at)).date() < end
            ]
            came += len(inside)
            whole = got.received == got.expected
            answer = Answer(
                source=self.name,
                categories=tuple(sorted(categories)),
                since=since,
                until=end,
                answered_at=answered_at,
                status="complete" if whole else "partial",
                expected=got.expected,
                received=got.received,
                query=_query(categories, _midnight(since), _midnight(end)),
                version="API, Atom",
            )
            fault = f"{since} to {end}: {got.received:,} of {got.expected:,} submissions came; stored as partial"
            yield Batch(parts.table(inside, self.name, answered_at), (answer,), () if whole else (fault,))
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
        query = _query(categories, low, high)
        self.client.page_size = 1
        for _ in range(2):
            list(self.client.results(_search(query, 1)))
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

    def _paged(self, query: str, size: int) -> dict[str, Submission]:
        self.client.page_size = size
        found = {}
        try:
            for result in self.client.results(_search(query, None)):
                item = _submission(result)
                if item is not None:
                    found[item.id] = item
        except arxiv.UnexpectedEmptyPageError:
            pass  # the package dropped every entry of the last page as unreadable; the missing ids will show
        except (arxiv.ArxivError, requests.exceptions.RequestException) as error:
            raise TryLater(f"arXiv's reply could not be read ({error}). What had come is stored; try later.") from None
        return found


def _search(query: str, most: int | None) -> arxiv.Search:
    return arxiv.Search(
        query,
        max_results=most,
        sort_by=arxiv.SortCriterion.SubmittedDate,
        sort_order=arxiv.SortOrder.Ascending,
    )


def _query(categories: Sequence[str], low: datetime, high: datetime) -> str:
    """Submissions of some categories between two minutes, all in brackets; both ends are inside."""
    listed = " OR ".join(f"cat:{name}" for category in sorted(categories) for name in spellings(category))
    return f"({listed}) AND submittedDate:[{low:%Y%m%d%H%M} TO {high:%Y%m%d%H%M}]"


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


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
