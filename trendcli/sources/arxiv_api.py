"""arXiv's search API through the `arxiv` package, guarded against the ways in which that silently loses records.

Facts it relies on (arXiv's API manual and terms; the code behind export.arxiv.org/api/query, 2026): `submittedDate`
ranges hold both ends and select on the date of version 1; start + max_results above 10,000 is answered with status 500;
operators have no precedence; ties sort in any order, so identifiers are counted and compared with the declared total.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import arxiv
import requests

from trendcli.core.errors import RetryableError, SourceUnreachable, UsageError
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Submission, Window
from trendcli.sources.arxiv_feed import build_feed_submission, parse_feed
from trendcli.sources.arxiv_slices import (
    MAX_SLICE_RESULTS,
    PAGE_SIZES,
    DaySpan,
    build_query,
    split_into_nodes,
    split_node,
    split_slice,
)
from trendcli.sources.failures import quote_text
from trendcli.sources.http import RETRY_ADVICE, ReplyTooLarge, Transport, mount_transport
from trendcli.sources.pace import Pace
from trendcli.sources.plan import merge_spans
from trendcli.sources.zeros import StoredSubmissions, judge_zeros
from trendcli.store.records import build_batch_table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _SliceResult:
    """The submissions of a slice by identifier, how many were declared for it, and how many received."""

    submissions: dict[str, Submission] = field(default_factory=dict)
    expected: int = 0
    received: int = 0

    def merge_with(self, other: _SliceResult) -> _SliceResult:
        submissions = {**self.submissions, **other.submissions}
        return _SliceResult(submissions, self.expected + other.expected, self.received + other.received)


@dataclass
class _Run:
    """What one request has brought: its days, how many submissions, slices without any, and clocks that differ."""

    window: DaySpan
    received: int = 0
    zeros: list[CoverageRecord] = field(default_factory=list)
    clock_note: str = ""


class ArxivApi:
    """arXiv's API as a Source; requests take turns of `pace`, and `contact` goes into the User-Agent.

    `stored` is what the store that will take the submissions holds, by which zeros are judged (None: nothing).
    """

    name = "arxiv"

    def __init__(self, url: str, pace: Pace, contact: str = "", stored: StoredSubmissions | None = None) -> None:
        self.last_total, self.answered_at, self.stored = 0, datetime.now(UTC), stored
        self.transport = Transport(pace, contact, self._check_response)
        # the transport paces and retries, so the client does neither
        self.client = arxiv.Client(page_size=PAGE_SIZES[0], delay_seconds=0, num_retries=0)
        self.client.query_url_format = f"{url}?{{}}"
        mount_transport(self.client._session, self.transport)

    def _check_response(self, body: bytes, url: str) -> bytes:
        feed = parse_feed(body, url)
        self.last_total = feed.total
        # a feed may be older than the response that carries it
        self.transport.server_times.append(feed.updated_at)
        return feed.body

    def fetch_declared_total(self, request: Request) -> int:
        """Return how many submissions arXiv declares for a request; sends one query."""
        window = _clip_window(request.window)
        return self._fetch_total(request.categories, *map(_utc_midnight, window)) if window else 0

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """Yield the submissions of a window in slices of days, oldest first, each with its coverage record.

        A slice is a node of the calendar (see `split_node`), so that an interrupted run resumes with the slices that it
        would have fetched next. Those without submissions are requested once more when all others have been, and then
        judged (see `zeros`). Raises UsageError where the window has no beginning, RetryableError where arXiv cannot be
        asked further.
        """
        window = _clip_window(request.window)
        if window is None:
            return
        run = _Run(window)
        yield from self._iter_slices(request.categories, split_into_nodes(*window), run, progress)
        if run.zeros:
            first_zeros, run.zeros = run.zeros, []
            spans = [(record.since, record.until) for record in first_zeros]
            yield from self._iter_slices(request.categories, spans, run, progress)
            yield self._judge_zeros(run)
        answered_on = self.answered_at.date()
        fault = f"{window[0]} to {window[1]}: arXiv's answer is dated {answered_on}, so nothing is known of these days"
        is_too_old = window[0] > answered_on + timedelta(days=1)
        yield Batch(None, (), (fault,) if is_too_old else (), (run.clock_note,) if run.clock_note else ())
        progress(1.0, 1.0, f"{run.received:,} submissions")

    def _iter_slices(
        self, categories: Sequence[str], queue: list[DaySpan], run: _Run, progress: Progress
    ) -> Iterator[Batch]:
        """Yield the submissions of slices; those of which arXiv has none are added to the zeros of the run instead."""
        days = (run.window[1] - run.window[0]).days
        while queue:
            since, until = queue.pop(0)
            progress((since - run.window[0]).days / days, 1.0, f"{since} to {until}, {run.received:,} submissions")
            low, high = _utc_midnight(since), _utc_midnight(until)
            record = CoverageRecord(
                source=self.name,
                categories=tuple(sorted(categories)),
                since=since,
                until=until,
                answered_at=datetime.now(UTC),
                status="failed",
                expected=None,
                received=0,
                query=build_query(categories, low, high),
                version="API, Atom",
            )
            try:
                total = self._fetch_total(categories, low, high)
                run.clock_note = run.clock_note or self.transport.describe_clock_difference()
                record = replace(record, answered_at=self.answered_at)
                tomorrow = self.answered_at.date() + timedelta(days=1)
                if until > tomorrow:  # an answer about the future is none
                    queue[:0] = split_into_nodes(since, tomorrow) if since < tomorrow else []
                    continue
                if total == 0:
                    run.zeros.append(replace(record, expected=0))
                    continue
                if total > MAX_SLICE_RESULTS and (until - since).days > 1:
                    queue[:0] = split_node(since, until)
                    continue
                result = self._fetch_slice(categories, low, high, total)
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
            run.received += len(submissions)
            status = "complete" if result.received == result.expected else "partial"
            record = replace(record, status=status, expected=result.expected, received=result.received)
            fault = (
                f"{since} to {until}: received {result.received:,} of {result.expected:,} submissions; "
                "stored as partial"
            )
            table = build_batch_table(submissions, self.name, record.answered_at)
            yield Batch(table, (record,), (fault,) if status == "partial" else ())

    def _judge_zeros(self, run: _Run) -> Batch:
        """Return the records of slices without submissions: complete where believed, else failed, with a fault."""
        records, faults = list[CoverageRecord](), []
        for span in merge_spans((record.since, record.until) for record in run.zeros):
            members = [record for record in run.zeros if span[0] <= record.since < span[1]]
            is_alive = run.received > 0
            judged, reason = judge_zeros(members, span, self.stored, self._count_submissions, is_alive=is_alive)
            records += judged
            if reason:
                categories = members[0].categories
                names = " ".join(categories[:3]) + (f" and {len(categories) - 3} more" if len(categories) > 3 else "")
                faults.append(
                    f"{span[0]} to {span[1]}: arXiv reports no submissions to {names}, {reason}; not believed, so the "
                    "next fetch asks again"
                )
        return Batch(None, tuple(records), tuple(faults))

    def _count_submissions(self, categories: Sequence[str], since: date, until: date) -> int:
        return self._fetch_total(categories, _utc_midnight(since), _utc_midnight(until))

    def _fetch_slice(self, categories: Sequence[str], low: datetime, high: datetime, total: int) -> _SliceResult:
        """Fetch all between two moments; a slice that cannot be paged through is halved in time, then by category."""
        if total > MAX_SLICE_RESULTS:
            halves = split_slice(categories, low, high)
            if halves is None:
                raise RetryableError(
                    f"arXiv reports {total:,} submissions in one category in the minute {low:%Y-%m-%d %H:%M}, more "
                    "than its API can return. Use --source oai."
                )
            result = _SliceResult()
            for names, start, end in halves:
                result = result.merge_with(self._fetch_slice(names, start, end, self._fetch_total(names, start, end)))
            result.expected = max(result.expected, total)  # a half without any may be a fault
            return result
        if total == 0:
            return _SliceResult()
        submissions = self._fetch_submissions(categories, low, high)
        if len(submissions) != self.last_total:
            # the total may have changed meanwhile, or an entry was unreadable: ask once more
            submissions.update(self._fetch_submissions(categories, low, high))
        return _SliceResult(submissions, self.last_total, len(submissions))

    def _fetch_total(self, categories: Sequence[str], low: datetime, high: datetime) -> int:
        """Return how many submissions are declared between two moments, and note when that was answered."""
        self._fetch_pages(build_query(categories, low, high), 1, max_results=1)
        self.answered_at = self.transport.answered_at
        return self.last_total

    def _fetch_submissions(self, categories: Sequence[str], low: datetime, high: datetime) -> dict[str, Submission]:
        """Return the submissions between two moments by identifier, in smaller pages where large ones fail."""
        query = build_query(categories, low, high)
        for size in PAGE_SIZES:
            try:
                results = self._fetch_pages(query, size)
                break
            except RetryableError as error:
                if size == PAGE_SIZES[-1] or ((error.status or 0) < 500 and not isinstance(error, ReplyTooLarge)):
                    raise
        found = (build_feed_submission(result, low, high, self.answered_at) for result in results)
        return {submission.id: submission for submission in found if submission is not None}

    def _fetch_pages(self, query: str, page_size: int, max_results: int | None = None) -> list[arxiv.Result]:
        self.client.page_size = page_size
        search = arxiv.Search(
            query,
            max_results=max_results,
            sort_by=arxiv.SortCriterion.SubmittedDate,
            sort_order=arxiv.SortOrder.Ascending,
        )
        results: list[arxiv.Result] = []
        try:
            for result in self.client.results(search):
                results.append(result)
        except arxiv.UnexpectedEmptyPageError:
            pass  # the package dropped every entry of the last page as unreadable; the count will show it
        except (arxiv.ArxivError, requests.exceptions.RequestException) as error:
            raise RetryableError(
                f"Cannot read arXiv's response ({quote_text(str(error))}). {Transport.stored_message}; {RETRY_ADVICE}."
            ) from None
        return results


def _clip_window(window: Window) -> DaySpan | None:
    """Return the days of a window up to today; None where it lies ahead. Raises UsageError without a beginning."""
    if window.since is None:
        raise UsageError("The arXiv API needs a start: give --since, and --until unless the window ends today.")
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    until = min(window.until or tomorrow, tomorrow)
    return (window.since, until) if window.since < until else None


def _utc_midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
