"""arXiv's OAI-PMH interface: what has changed since a day, with the dates of all versions.

Facts it relies on (arXiv's OAI documentation; the code of its server, 2026): only `arXivRaw` carries the date of
version 1, `arXiv` has that of the current one under `created`; datestamps are days of change; lists are ordered by
datestamp and paged by offset, so a record that changes meanwhile moves to the end and another may be skipped;
resumption tokens expire at midnight UTC; no totals are declared.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
import requests
from lxml import etree
from xxhash import xxh3_64_intdigest

from trendcli.core.arxiv import archive_of, oai_set, parse_arxiv_id
from trendcli.core.errors import RetryableError
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Submission
from trendcli.sources.http import RETRY_ADVICE, InvalidResponse, Pace, Transport, build_session
from trendcli.sources.plan import FIRST_DATESTAMP
from trendcli.sources.snapshot_records import parse_epoch_day, parse_version_date
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.records import build_batch_table, build_submission

# pages between two commits, which is what a kill may cost
PAGES_PER_COMMIT = 10
# up to this many missed records are requested one by one, more of them by their days
MAX_SINGLE_REQUESTS = 50
_EPOCH = date(1970, 1, 1)
_LIST_VERBS = ("ListRecords", "ListIdentifiers", "GetRecord")
_OAI_NAMESPACE = "{http://www.openarchives.org/OAI/2.0/}"
_RAW_NAMESPACE = "{http://arxiv.org/OAI/arXivRaw/}"


@dataclass
class OaiPage:
    """One response: an error code or '', records, (identifier, day of change since 1970) of all headers, and a token.

    `resumption_token` is '' at the end of a list. Unreadable records are in `headers` and `parse_errors` only.
    """

    responded_at: datetime
    error_code: str = ""
    error_text: str = ""
    submissions: list[Submission] = field(default_factory=list)
    headers: list[tuple[str, int]] = field(default_factory=list)
    parse_errors: list[str] = field(default_factory=list)
    resumption_token: str = ""


def parse_page(body: bytes) -> OaiPage:
    """Parse a response; raises InvalidResponse for one of which something would be lost."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidResponse(f"malformed XML ({str(error)[:80]})") from None
    if root.tag != f"{_OAI_NAMESPACE}OAI-PMH":
        raise InvalidResponse(f"not an OAI-PMH response (<{str(root.tag)[:40]}>)")
    page = OaiPage(_parse_response_date(root.findtext(f"{_OAI_NAMESPACE}responseDate")))
    error_node = root.find(f"{_OAI_NAMESPACE}error")
    if error_node is not None:
        page.error_code, page.error_text = error_node.get("code") or "unknown", (error_node.text or "").strip()
        return page
    list_node = next((node for verb in _LIST_VERBS for node in root.iter(_OAI_NAMESPACE + verb)), None)
    if list_node is None:
        raise InvalidResponse("a response without a list")
    headers = list(list_node.iter(f"{_OAI_NAMESPACE}header"))
    if not headers:
        raise InvalidResponse("an empty page without an error code")
    for header in headers:
        if header.get("status") == "deleted":  # the standard knows it, arXiv withdraws instead
            continue
        _add_record(header, page, list_node.tag != f"{_OAI_NAMESPACE}ListIdentifiers")
    token = list_node.find(f"{_OAI_NAMESPACE}resumptionToken")
    page.resumption_token = (token.text or "").strip() if token is not None else ""
    request_node = root.find(f"{_OAI_NAMESPACE}request")
    if token is None and request_node is not None and request_node.get("resumptionToken"):
        raise InvalidResponse("a continuation page without a resumptionToken element")
    return page


def _add_record(header: etree._Element, page: OaiPage, with_record: bool) -> None:
    """Add what a header names to a page: (identifier, day), and its record or what is wrong with it."""
    text = (header.findtext(f"{_OAI_NAMESPACE}identifier") or "").strip()
    try:
        ident, _ = parse_arxiv_id(text)
        day = parse_epoch_day((header.findtext(f"{_OAI_NAMESPACE}datestamp") or "").strip())
    except ValueError:
        raise InvalidResponse(f"an unreadable header ({text[:40]!r})") from None
    page.headers.append((ident, day))
    if not with_record:
        return
    record = header.getparent()
    raw = record.find(f"{_OAI_NAMESPACE}metadata/{_RAW_NAMESPACE}arXivRaw") if record is not None else None
    try:
        if raw is None:
            raise ValueError("no metadata")
        page.submissions.append(_parse_record(raw, ident, day))
    except ValueError as error:
        page.parse_errors.append(f"{ident}: {error}")


def _parse_record(raw: etree._Element, ident: str, day: int) -> Submission:
    """Return a record as a Submission; raises ValueError where something is missing that counting needs."""
    values = {str(node.tag).removeprefix(_RAW_NAMESPACE): node.text or "" for node in raw}
    versions = {}
    for node in raw.findall(f"{_RAW_NAMESPACE}version"):
        number = int((node.get("version") or "").removeprefix("v"))
        versions[number] = (
            parse_version_date((node.findtext(f"{_RAW_NAMESPACE}date") or "").strip()),
            node.findtext(f"{_RAW_NAMESPACE}source_type"),
        )
    if 1 not in versions:
        raise ValueError("no version v1")
    if parse_arxiv_id(values.get("id", ""))[0] != ident:
        raise ValueError(f"its record has the identifier {values.get('id', '')[:20]!r}")
    if not values.get("categories", "").strip() or not values.get("title", "").strip():
        raise ValueError("no title or no categories")
    last = max(versions)
    return build_submission(
        id=ident,
        version=last,
        v1_at=versions[1][0],
        updated_at=versions[last][0],
        title=values["title"],
        abstract=values.get("abstract", ""),
        authors=values.get("authors", ""),
        categories=values["categories"],
        comments=values.get("comments"),
        journal_ref=values.get("journal-ref"),
        doi=values.get("doi"),
        as_of=day,
        withdrawn="I" in (versions[last][1] or ""),
    )


def _parse_response_date(text: str | None) -> datetime:
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidResponse("no valid responseDate") from None


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
