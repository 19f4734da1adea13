"""arXiv's OAI-PMH interface: what has changed since a day, with the dates of all versions.

Facts it relies on (arXiv's OAI documentation; the code of its server, 2026): datestamps are days of change; lists are
ordered by datestamp and paged by offset, so a record that changes meanwhile moves to the end and another may be
skipped; resumption tokens expire at midnight UTC; no totals are declared.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
from xxhash import xxh3_64_intdigest

from trendcli.core.arxiv import archive_of, oai_set
from trendcli.core.errors import RetryableError
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Submission
from trendcli.sources.http import RETRY_ADVICE, Transport, build_session, fetch_body
from trendcli.sources.oai_pages import OaiPage, parse_page
from trendcli.sources.pace import Pace
from trendcli.sources.plan import FIRST_DATESTAMP
from trendcli.sources.zeros import FIRST_DAY, StoredSubmissions, judge_zeros
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.records import build_batch_table

# pages between two commits, which is what a kill may cost; after an error, what had come is committed
PAGES_PER_COMMIT = 10
# up to this many missed records are requested one by one, more of them by their days
MAX_SINGLE_REQUESTS = 50
_EPOCH = date(1970, 1, 1)


class OaiPmh:
    """arXiv's OAI-PMH as a Source.

    `find_missing_ids(ids, days)` returns those identifiers of which the store does not hold the state of that day;
    `stored` is what it holds, by which an empty list is judged (None: nothing).
    """

    name = "oai"

    def __init__(
        self,
        url: str,
        pace: Pace,
        find_missing_ids: Callable[[Sequence[str], Sequence[int]], list[str]],
        contact: str = "",
        stored: StoredSubmissions | None = None,
    ) -> None:
        self.url, self.find_missing_ids, self.stored = url, find_missing_ids, stored
        self.session, self.transport = build_session(pace, contact, self._check_response)
        self.last_page: OaiPage | None = None

    def _check_response(self, body: bytes, url: str) -> None:
        self.last_page = parse_page(body, self.transport.received_at)
        self.transport.server_times.append(self.last_page.stated_at)

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """Yield the changes of a request, with a commit every PAGES_PER_COMMIT pages.

        The last commit follows when the list has ended and was compared with that of identifiers. Raises RetryableError
        where arXiv cannot be asked further.
        """
        harvest = _SetHarvest(self, request)
        yield from harvest.iter_record_batches(progress)
        if harvest.responded_at is not None:
            yield from harvest.reconcile_identifiers(progress)

    def fetch_page(self, query: dict[str, str]) -> OaiPage:
        """Send one query and return its page."""
        self.last_page = None
        fetch_body(self.session, self.url, query)
        if self.last_page is None:
            raise RetryableError(f"arXiv sent no readable response. {Transport.stored_message}; {RETRY_ADVICE}.")
        return self.last_page

    def iter_pages(self, verb: str, since: date | None, set_name: str, until: date | None = None) -> Iterator[OaiPage]:
        """Yield the pages of a list, none where nothing matches; an expired token restarts it at the last day.

        Raises RetryableError where arXiv cannot be asked further, or sends the same pages or tokens in a circle.
        """
        fixed = {"verb": verb, "metadataPrefix": "arXivRaw", **({"set": set_name} if set_name else {})}
        fixed |= {"until": str(until)} if until else {}
        token, reached, restarted_at, empty_count = "", since, None, 0
        seen: set[object] = set()
        while True:
            dated = {"from": str(reached)} if reached else {}
            page = self.fetch_page({"verb": verb, "resumptionToken": token} if token else {**fixed, **dated})
            if page.error_code == "badResumptionToken" and token and reached != restarted_at:
                token, restarted_at = "", reached
                seen.clear()
                continue
            if page.error_code == "noRecordsMatch" and not token:
                empty_count += 1
                if empty_count < 2:  # an empty list is believed only when it comes twice
                    continue
                return
            if page.error_code:
                raise RetryableError(
                    f"arXiv answered {verb} with an error: {page.error_code}, {page.error_text.rstrip('.')}. "
                    f"{Transport.stored_message}; {RETRY_ADVICE}."
                )
            marks = {page.resumption_token, (*page.headers[:1], *page.headers[-1:])} - {"", ()}
            if token and not seen.isdisjoint(marks):
                raise RetryableError(
                    f"arXiv repeats the pages of {verb} or their resumption tokens. {Transport.stored_message}; "
                    f"{RETRY_ADVICE}."
                )
            seen |= marks
            yield page
            reached = max(_last_day(page), reached or FIRST_DATESTAMP)
            token = page.resumption_token
            if not token:
                return


class _SetHarvest:
    """The state of a harvest of one set: what has arrived, and how far it got."""

    def __init__(self, source: OaiPmh, request: Request) -> None:
        self.source, self.request = source, request
        self.set_name = _find_set_name(request.categories)
        self.set_label = self.set_name or "all sets"
        self.changed_since = (
            request.changed_since if request.changed_since and request.changed_since > FIRST_DATESTAMP else None
        )
        self.resume_from = max(filter(None, (self.changed_since, request.resume_from)), default=None)
        self.responded_at: datetime | None = None
        self.seen_keys = array("Q")
        self.first_v1_at = 1 << 40  # seconds since 1970; later than any
        self.errors_by_id: dict[str, str] = {}

    def iter_record_batches(self, progress: Progress) -> Iterator[Batch]:
        """Yield the records as they arrive, also those before an error; `responded_at` is set when the list ends."""
        responded_at, uncommitted = None, list[Submission]()
        first_day = reached = self.resume_from or FIRST_DATESTAMP
        try:
            for number, page in enumerate(self.source.iter_pages("ListRecords", self.resume_from, self.set_name), 1):
                responded_at = responded_at or page.responded_at
                uncommitted += self._register_page(page)
                reached = max(_last_day(page), reached)
                share = (reached - first_day).days / max((responded_at.date() - first_day).days, 1)
                what = f"{self.set_label}, changes up to {reached}, {len(self.seen_keys):,} submissions"
                progress(min(share, 1.0), 1.0, what)
                if number % PAGES_PER_COMMIT == 0:
                    yield self._build_unfinished_batch(uncommitted, responded_at, reached)
                    uncommitted = []
        except RetryableError:
            if responded_at and uncommitted:
                yield self._build_unfinished_batch(uncommitted, responded_at, reached)
            raise
        if responded_at is None:
            responded_at = self.source.last_page.responded_at if self.source.last_page else datetime.now(UTC)
            if self.changed_since and self.changed_since >= responded_at.date():
                return  # nothing has changed yet today, which says nothing about the rest of it
            doubt = self._doubt_emptiness(responded_at)
            if doubt:
                yield doubt
                return
        if uncommitted:  # committed before the comparison, which asks the store
            yield self._build_unfinished_batch(uncommitted, responded_at, reached)
        self.responded_at = responded_at

    def _doubt_emptiness(self, responded_at: datetime) -> Batch | None:
        """Return the commit for a list that is empty although that cannot be; None where it is believed."""
        since = self.resume_from or self.request.window.since or FIRST_DAY
        record = self._build_coverage_record("failed", responded_at, self.resume_from or FIRST_DATESTAMP, expected=0)
        span = (since, responded_at.date())
        (record,), reason = judge_zeros([record], span, self.source.stored, self._count_listed, is_alive=False)
        if record.status == "complete":
            return None
        fault = f"{self.set_label}: arXiv reports no changes since {since}, {reason}"
        return Batch(None, (record,), (f"{fault}; not believed, so the next fetch asks again",))

    def _count_listed(self, categories: Sequence[str], since: date, until: date) -> int:
        """Return how many submissions of the set changed in [since, until), by the first page of their list."""
        first_day, last_day = max(since, FIRST_DATESTAMP), until - timedelta(days=1)
        if first_day > last_day:
            return 0
        page = next(self.source.iter_pages("ListIdentifiers", first_day, self.set_name, last_day), None)
        return len(page.headers) if page else 0

    def reconcile_identifiers(self, progress: Progress) -> Iterator[Batch]:
        """Request once more what is in the list of identifiers but did not arrive; then yield the coverage record."""
        assert self.responded_at is not None
        missed, listed_count, fault = self._find_missed()
        if missed:
            recovered = list[Submission]()
            try:
                for page in self._iter_missed_pages(missed, progress):
                    recovered += self._register_page(page)
            except RetryableError:
                if recovered:
                    yield self._build_unfinished_batch(recovered, self.responded_at, self.responded_at.date())
                raise
            yield self._build_unfinished_batch(recovered, self.responded_at, self.responded_at.date())
        seen = np.unique(np.frombuffer(self.seen_keys, np.uint64))
        missing = [ident for ident in missed if not np.isin(np.uint64(_hash_id(ident)), seen)]
        if missing:
            reasons = "; ".join(self.errors_by_id.get(ident, f"{ident}: not sent") for ident in missing[:3])
            missing_fault = f"{len(missing):,} of {listed_count:,} submissions are missing ({reasons})"
            fault = f"{fault}; {missing_fault}" if fault else missing_fault
        record = self._build_coverage_record(
            "partial" if fault else "complete",
            self.responded_at,
            self.responded_at.date(),
            expected=listed_count if fault else None,
            received=listed_count - len(missing),
        )
        faults = (f"{self.set_label}: {fault}; stored as partial",) if fault else ()
        note = self.source.transport.describe_clock_difference()
        yield Batch(None, (record,), faults, (note,) if note else ())

    def _iter_missed_pages(self, missed: dict[str, int], progress: Progress) -> Iterator[OaiPage]:
        """Yield pages with submissions that were missed, by identifier; a few one by one, many by their days."""
        if len(missed) > MAX_SINGLE_REQUESTS:
            for day in sorted(set(missed.values())):
                changed_on = _EPOCH + timedelta(days=day)
                yield from self.source.iter_pages("ListRecords", changed_on, self.set_name, until=changed_on)
            return
        for number, ident in enumerate(missed):
            progress(number / len(missed), 1.0, f"{len(missed)} submissions that changed in the meantime")
            query = {"verb": "GetRecord", "metadataPrefix": "arXivRaw", "identifier": f"oai:arXiv.org:{ident}"}
            try:
                yield self.source.fetch_page(query)
            except RetryableError as error:
                if error.status != 200:
                    raise
                # what stays unreadable must not end every harvest of the set; the others are for the next one
                self.errors_by_id[ident] = f"{ident}: {error.summary}"
                return

    def _register_page(self, page: OaiPage) -> list[Submission]:
        """Note which identifiers arrived with a page, and return its submissions."""
        self.seen_keys.extend(_hash_id(submission.id) for submission in page.submissions)
        self.first_v1_at = min([self.first_v1_at, *(submission.v1_at for submission in page.submissions)])
        self.errors_by_id |= {text.partition(":")[0]: text for text in page.parse_errors}
        return page.submissions

    def _find_missed(self) -> tuple[dict[str, int], int, str]:
        """Return the day by identifier of what neither arrived nor is stored in its state, and how many are listed.

        The text says what is wrong with the list itself; '' where nothing is. A list without some that arrived is
        requested twice, since one that changes meanwhile moves to its end and hides another.
        """
        seen = np.unique(np.frombuffer(self.seen_keys, np.uint64))
        missed: dict[str, int] = {}
        listed_seen, unreadable, listed_count = set[int](), list[str](), 0
        for _ in range(2):
            listed_count, unreadable = 0, []
            for page in self.source.iter_pages("ListIdentifiers", self.changed_since, self.set_name):
                keys = np.array([_hash_id(ident) for ident, _ in page.headers], np.uint64)
                listed_count += len(keys) + len(page.unreadable_headers)
                unreadable += page.unreadable_headers
                is_seen = np.isin(keys, seen)
                listed_seen.update(keys[is_seen].tolist())
                days = dict(page.headers[number] for number in np.flatnonzero(~is_seen))
                if days:
                    missing_ids = self.source.find_missing_ids(list(days), list(days.values()))
                    missed |= {ident: days[ident] for ident in missing_ids}
            if len(listed_seen) == len(seen) and not unreadable:
                return missed, listed_count, ""
        if unreadable:
            fault = f"{len(unreadable):,} of {listed_count:,} identifiers are unreadable ({'; '.join(unreadable[:3])})"
        else:
            fault = (
                f"{len(seen) - len(listed_seen):,} of {len(seen):,} submissions that came are not in the list of all"
            )
        return missed, listed_count, fault

    def _build_unfinished_batch(
        self, submissions: Sequence[Submission], responded_at: datetime, reached: date
    ) -> Batch:
        """Build a commit of submissions with a record by which a later run resumes at `reached`."""
        table = None
        if submissions:
            table = build_batch_table(submissions, self.source.name, self.responded_at or datetime.now(UTC))
        return Batch(table, (self._build_coverage_record("failed", responded_at, reached),))

    def _build_coverage_record(
        self, status: str, responded_at: datetime, reached: date, expected: int | None = None, received: int = 0
    ) -> CoverageRecord:
        """Build a coverage record; `received` 0 means everything that arrived so far."""
        earliest = date(max(1970, (_EPOCH + timedelta(seconds=min(self.first_v1_at, 1 << 33))).year), 1, 1)
        since = self.request.window.since or responded_at.date()
        if self.changed_since is None:  # everything, so as far back as anything that arrived, now or before a break
            since = min(since, earliest)
        set_argument = f" set={self.set_name}" if self.set_name else ""
        from_argument = f" from={self.changed_since}" if self.changed_since else ""
        return CoverageRecord(
            source=self.source.name,
            categories=tuple(sorted(self.request.categories)),
            since=since,
            until=responded_at.date() + timedelta(days=1),
            answered_at=responded_at,
            status=status,
            expected=expected,
            received=received or len(self.seen_keys),
            query=f"ListRecords metadataPrefix=arXivRaw{set_argument}{from_argument}",
            version="OAI-PMH, arXivRaw",
            changed=(self.changed_since or FIRST_DATESTAMP, reached),
        )


def _find_set_name(categories: Sequence[str]) -> str:
    """Return the set that holds some categories: '' for all, or that of one category or archive."""
    if ALL_CATEGORIES in categories:
        return ""
    archives = {archive_of(name) for name in categories}
    return oai_set(categories[0] if len(categories) == 1 else archives.pop())


def _hash_id(ident: str) -> int:
    return xxh3_64_intdigest(ident.encode())


def _last_day(page: OaiPage) -> date:
    return _EPOCH + timedelta(days=max((day for _, day in page.headers), default=0))
