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
import requests
from xxhash import xxh3_64_intdigest

from trendcli.core.arxiv import archive_of, oai_set
from trendcli.core.errors import RetryableError
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Submission
from trendcli.sources.http import RETRY_ADVICE, Pace, Transport, build_session
from trendcli.sources.oai_pages import OaiPage, parse_page
from trendcli.sources.plan import FIRST_DATESTAMP
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.records import build_batch_table

# pages between two commits, which is what a kill may cost
PAGES_PER_COMMIT = 10
# up to this many missed records are requested one by one, more of them by their days
MAX_SINGLE_REQUESTS = 50
_EPOCH = date(1970, 1, 1)


class OaiPmh:
    """arXiv's OAI-PMH as a Source.

    `find_missing_ids(ids, days)` returns those identifiers of which the store does not hold the state of that day.
    """

    name = "oai"

    def __init__(
        self,
        url: str,
        pace: Pace,
        find_missing_ids: Callable[[Sequence[str], Sequence[int]], list[str]],
        contact: str = "",
    ) -> None:
        self.url, self.find_missing_ids = url, find_missing_ids
        self.session, self.transport = build_session(pace, contact, self._check_response)
        self.last_page: OaiPage | None = None

    def _check_response(self, body: bytes, url: str) -> None:
        self.last_page = parse_page(body)

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
        try:
            self.session.get(self.url, params=query)
        except requests.exceptions.RequestException as error:
            raise RetryableError(
                f"Cannot read arXiv's response ({error}). {Transport.stored_message}; {RETRY_ADVICE}."
            ) from None
        if self.last_page is None:
            raise RetryableError(f"arXiv sent no readable response. {Transport.stored_message}; {RETRY_ADVICE}.")
        return self.last_page

    def iter_pages(self, verb: str, since: date | None, set_name: str, until: date | None = None) -> Iterator[OaiPage]:
        """Yield the pages of a list, none where nothing matches; an expired token restarts it at the last day."""
        fixed = {"verb": verb, "metadataPrefix": "arXivRaw", **({"set": set_name} if set_name else {})}
        fixed |= {"until": str(until)} if until else {}
        token, reached, restarted_at, empty_count = "", since, None, 0
        while True:
            dated = {"from": str(reached)} if reached else {}
            page = self.fetch_page({"verb": verb, "resumptionToken": token} if token else {**fixed, **dated})
            if page.error_code == "badResumptionToken" and token and reached != restarted_at:
                token, restarted_at = "", reached
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
            if page.resumption_token and page.resumption_token == token:
                raise RetryableError(
                    f"arXiv repeats the resumption token of {verb}. {Transport.stored_message}; {RETRY_ADVICE}."
                )
            yield page
            reached = _EPOCH + timedelta(days=max(day for _, day in page.headers))
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
        """Yield the records as they arrive; `responded_at` is set when the list has ended."""
        responded_at, uncommitted = None, list[Submission]()
        first_day = self.resume_from or FIRST_DATESTAMP
        for number, page in enumerate(self.source.iter_pages("ListRecords", self.resume_from, self.set_name), 1):
            responded_at = responded_at or page.responded_at
            uncommitted += self._register_page(page)
            reached = _EPOCH + timedelta(days=max(day for _, day in page.headers))
            share = (reached - first_day).days / max((responded_at.date() - first_day).days, 1)
            what = f"{self.set_label}, changes up to {reached}, {len(self.seen_keys):,} submissions"
            progress(min(share, 1.0), 1.0, what)
            if number % PAGES_PER_COMMIT == 0:
                yield self._build_unfinished_batch(uncommitted, responded_at, reached)
                uncommitted = []
        if responded_at is None:
            if self.changed_since and self.changed_since >= datetime.now(UTC).date():
                return  # nothing has changed yet today, which says nothing about the rest of it
            responded_at = self.source.last_page.responded_at if self.source.last_page else datetime.now(UTC)
        if uncommitted:  # committed before the comparison, which asks the store
            yield self._build_unfinished_batch(uncommitted, responded_at, reached)
        self.responded_at = responded_at

    def reconcile_identifiers(self, progress: Progress) -> Iterator[Batch]:
        """Request once more what is in the list of identifiers but did not arrive; then yield the coverage record."""
        assert self.responded_at is not None
        missed, listed_count = self._find_missed()
        if missed:
            recovered = list[Submission]()
            for number, (ident, _) in enumerate(missed.items() if len(missed) <= MAX_SINGLE_REQUESTS else ()):
                progress(number / len(missed), 1.0, f"{len(missed)} submissions that changed in the meantime")
                page = self.source.fetch_page(
                    {"verb": "GetRecord", "metadataPrefix": "arXivRaw", "identifier": f"oai:arXiv.org:{ident}"}
                )
                recovered += self._register_page(page)
            if len(missed) > MAX_SINGLE_REQUESTS:
                for day in sorted(set(missed.values())):
                    changed_on = _EPOCH + timedelta(days=day)
                    for page in self.source.iter_pages("ListRecords", changed_on, self.set_name, until=changed_on):
                        recovered += self._register_page(page)
            yield self._build_unfinished_batch(recovered, self.responded_at, self.responded_at.date())
        seen = np.unique(np.frombuffer(self.seen_keys, np.uint64))
        missing = [ident for ident in missed if not np.isin(np.uint64(_hash_id(ident)), seen)]
        reasons = "; ".join(self.errors_by_id.get(ident, f"{ident}: not sent") for ident in missing[:3])
        fault = (
            f"{self.set_label}: {len(missing):,} of {listed_count:,} submissions are missing ({reasons}); "
            "stored as partial"
        )
        record = self._build_coverage_record(
            "partial" if missing else "complete",
            self.responded_at,
            self.responded_at.date(),
            expected=listed_count if missing else None,
            received=listed_count - len(missing),
        )
        yield Batch(None, (record,), (fault,) if missing else ())

    def _register_page(self, page: OaiPage) -> list[Submission]:
        """Note which identifiers arrived with a page, and return its submissions."""
        self.seen_keys.extend(_hash_id(submission.id) for submission in page.submissions)
        self.first_v1_at = min([self.first_v1_at, *(submission.v1_at for submission in page.submissions)])
        self.errors_by_id |= {text.partition(":")[0]: text for text in page.parse_errors}
        return page.submissions

    def _find_missed(self) -> tuple[dict[str, int], int]:
        """Return the day by identifier of what neither arrived nor is stored in its state, and how many are listed."""
        seen = np.unique(np.frombuffer(self.seen_keys, np.uint64))
        missed: dict[str, int] = {}
        listed_count = 0
        for page in self.source.iter_pages("ListIdentifiers", self.changed_since, self.set_name):
            keys = np.array([_hash_id(ident) for ident, _ in page.headers], np.uint64)
            listed_count += len(keys)
            unseen = [page.headers[number] for number in np.flatnonzero(~np.isin(keys, seen))]
            if unseen:
                days = dict(unseen)
                missing_ids = self.source.find_missing_ids(list(days), list(days.values()))
                missed |= {ident: days[ident] for ident in missing_ids}
        return missed, listed_count

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
