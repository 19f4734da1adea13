"""arXiv's OAI-PMH interface: what has changed since a day, with the dates of all versions.

Facts this rests on (arXiv's OAI documentation; the code of its server, 2026): only `arXivRaw` carries the date of
version 1, `arXiv` has that of the current one under `created`; datestamps are days of change; lists come ordered by
datestamp and are paged by offset, so a record that changes meanwhile moves to the end and another may be skipped;
resumption tokens die at midnight UTC; no totals are declared.
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

from trendcli.core.arrow import pa
from trendcli.core.arxiv import archive_of, oai_set, parse_arxiv_id
from trendcli.core.errors import RetryableError
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Submission
from trendcli.sources.http import RETRY_ADVICE, InvalidResponse, Pace, build_session
from trendcli.sources.plan import FIRST_DATESTAMP
from trendcli.sources.snapshot_records import parse_epoch_day, parse_version_date
from trendcli.store import records as parts
from trendcli.store.coverage import ALL_CATEGORIES

# pages between two commits: what a kill may cost
PAGES_PER_COMMIT = 10
# records that a list shows and the harvest missed are asked for one by one; more of them by their days
MAX_SINGLE_REQUESTS = 50
_EPOCH = date(1970, 1, 1)
_LIST_VERBS = ("ListRecords", "ListIdentifiers", "GetRecord")
_OAI_NAMESPACE = "{http://www.openarchives.org/OAI/2.0/}"
_RAW_NAMESPACE = "{http://arxiv.org/OAI/arXivRaw/}"


@dataclass
class OaiPage:
    """A reply: its moment, an error code or '', records, (id, day of change) of all headers, and the token to go on.

    `token` is '' at the end of a list. Records that could not be read stand in `headers` and in `unreadable` alone.
    """

    responded_at: datetime
    error_code: str = ""
    error_text: str = ""
    submissions: list[Submission] = field(default_factory=list)
    headers: list[tuple[str, int]] = field(default_factory=list)
    parse_errors: list[str] = field(default_factory=list)
    resumption_token: str = ""


def parse_page(body: bytes) -> OaiPage:
    """A reply of the interface; Faulty for one of which something would be lost."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidResponse(f"a reply that is no whole XML document ({str(error)[:80]})") from None
    if root.tag != f"{_OAI_NAMESPACE}OAI-PMH":
        raise InvalidResponse(f"a reply that is not of OAI-PMH (<{str(root.tag)[:40]}>)")
    page = OaiPage(_parse_response_date(root.findtext(f"{_OAI_NAMESPACE}responseDate")))
    refused = root.find(f"{_OAI_NAMESPACE}error")
    if refused is not None:
        page.error_code, page.error_text = refused.get("code") or "unknown", (refused.text or "").strip()
        return page
    listed = next((node for verb in _LIST_VERBS for node in root.iter(_OAI_NAMESPACE + verb)), None)
    if listed is None:
        raise InvalidResponse("a reply without a list")
    headers = list(listed.iter(f"{_OAI_NAMESPACE}header"))
    if not headers:
        raise InvalidResponse("an empty page that says neither that nothing matches nor that it is the last")
    for header in headers:
        if header.get("status") == "deleted":  # the standard knows it, arXiv withdraws instead
            continue
        _add_record(header, page, listed.tag != f"{_OAI_NAMESPACE}ListIdentifiers")
    token = listed.find(f"{_OAI_NAMESPACE}resumptionToken")
    page.resumption_token = (token.text or "").strip() if token is not None else ""
    resumed = root.find(f"{_OAI_NAMESPACE}request")
    if token is None and resumed is not None and resumed.get("resumptionToken"):
        raise InvalidResponse("a further page without a token, not even an empty one")
    return page


def _add_record(header: etree._Element, page: OaiPage, with_record: bool) -> None:
    written = (header.findtext(f"{_OAI_NAMESPACE}identifier") or "").strip()
    try:
        ident, _ = parse_arxiv_id(written)
        day = parse_epoch_day((header.findtext(f"{_OAI_NAMESPACE}datestamp") or "").strip())
    except ValueError:
        raise InvalidResponse(f"a header that cannot be read ({written[:40]!r})") from None
    page.headers.append((ident, day))
    if not with_record:
        return
    record = header.getparent()
    raw = record.find(f"{_OAI_NAMESPACE}metadata/{_RAW_NAMESPACE}arXivRaw") if record is not None else None
    try:
        if raw is None:
            raise ValueError("no metadata")
        page.submissions.append(_build_submission(raw, ident, day))
    except ValueError as error:
        page.parse_errors.append(f"{ident}: {error}")


def _build_submission(raw: etree._Element, ident: str, day: int) -> Submission:
    """A record as a Submission; ValueError where something is missing without which it cannot be counted."""
    values = {str(node.tag).removeprefix(_RAW_NAMESPACE): node.text or "" for node in raw}
    versions = {}
    for node in raw.findall(f"{_RAW_NAMESPACE}version"):
        number = int((node.get("version") or "").removeprefix("v"))
        versions[number] = (
            parse_version_date((node.findtext(f"{_RAW_NAMESPACE}date") or "").strip()),
            node.findtext(f"{_RAW_NAMESPACE}source_type"),
        )
    if 1 not in versions:
        raise ValueError("a record without a version v1")
    if parse_arxiv_id(values.get("id", ""))[0] != ident:
        raise ValueError(f"a record of {values.get('id', '')[:20]!r} under another identifier")
    if not values.get("categories", "").strip() or not values.get("title", "").strip():
        raise ValueError("a record without title or categories")
    last = max(versions)
    return parts.build_submission(
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
        raise InvalidResponse("a reply without its moment") from None


class OaiPmh:
    """arXiv's OAI-PMH as a Source.

    `lacking(ids, days)` names those of some submissions that the store does not hold as they stood on some day.
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
        """See Source; a commit every PAGES pages, and one when the list has ended and was compared with that of ids."""
        harvest = _SetHarvest(self, request)
        yield from harvest.iter_record_batches(progress)
        if harvest.responded_at is not None:
            yield from harvest.reconcile_identifiers(progress)

    def fetch_page(self, query: dict[str, str]) -> OaiPage:
        """The reply to one request."""
        self.last_page = None
        try:
            self.session.get(self.url, params=query)
        except requests.exceptions.RequestException as error:
            raise RetryableError(
                f"arXiv's reply could not be read ({error}). What had come is stored; {RETRY_ADVICE}."
            ) from None
        if self.last_page is None:
            raise RetryableError(f"arXiv sent no reply that can be read. What had come is stored; {RETRY_ADVICE}.")
        return self.last_page

    def iter_pages(self, verb: str, since: date | None, set_name: str, until: date | None = None) -> Iterator[OaiPage]:
        """The pages of a list, none where nothing matches; a token that has died starts it again at the last day."""
        fixed = {"verb": verb, "metadataPrefix": "arXivRaw", **({"set": set_name} if set_name else {})}
        fixed |= {"until": str(until)} if until else {}
        token, reached, restarted, empty = "", since, None, 0
        while True:
            dated = {"from": str(reached)} if reached else {}
            page = self.fetch_page({"verb": verb, "resumptionToken": token} if token else {**fixed, **dated})
            if page.error_code == "badResumptionToken" and token and reached != restarted:
                token, restarted = "", reached
                continue
            if page.error_code == "noRecordsMatch" and not token:
                empty += 1
                if empty < 2:  # a zero is asked for twice before it is believed
                    continue
                return
            if page.error_code:
                raise RetryableError(
                    f"arXiv cannot answer {verb}: {page.error_code}, {page.error_text} What had come is stored; "
                    f"{RETRY_ADVICE}."
                )
            if page.resumption_token and page.resumption_token == token:
                raise RetryableError(f"arXiv's {verb} goes in a circle. What had come is stored; {RETRY_ADVICE}.")
            yield page
            reached = _EPOCH + timedelta(days=max(day for _, day in page.headers))
            token = page.resumption_token
            if not token:
                return


class _SetHarvest:
    """One harvest of one set: what has come, and how far."""

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
        self.first_v1_at = 1 << 40
        self.errors_by_id: dict[str, str] = {}

    def iter_record_batches(self, progress: Progress) -> Iterator[Batch]:
        """The records as they come; `moment` is set once the list has come to its end."""
        moment, waiting, number = None, list[Submission](), 0
        begun = self.resume_from or FIRST_DATESTAMP
        for number, page in enumerate(self.source.iter_pages("ListRecords", self.resume_from, self.set_name), 1):
            moment = moment or page.responded_at
            waiting += self._register_page(page)
            reached = _EPOCH + timedelta(days=max(day for _, day in page.headers))
            share = (reached - begun).days / max((moment.date() - begun).days, 1)
            progress(
                min(share, 1.0), 1.0, f"{self.set_label}, changes up to {reached}, {len(self.seen_keys):,} submissions"
            )
            if number % PAGES_PER_COMMIT == 0:
                yield Batch(self._build_batch_table(waiting), (self._build_coverage_record("failed", moment, reached),))
                waiting = []
        today = datetime.now(UTC).date()
        if moment is None:
            if self.changed_since and self.changed_since >= today:
                return  # nothing has changed yet today, which says nothing about the rest of it
            moment = self.source.last_page.responded_at if self.source.last_page else datetime.now(UTC)
        if waiting:  # committed before the comparison, which asks the store
            yield Batch(self._build_batch_table(waiting), (self._build_coverage_record("failed", moment, reached),))
        self.responded_at = moment

    def reconcile_identifiers(self, progress: Progress) -> Iterator[Batch]:
        """What the list of identifiers shows and the harvest missed, asked for once more; then the answer."""
        assert self.responded_at is not None
        missed, listed = self._find_missed()
        if missed:
            found = list[Submission]()
            for number, (ident, _) in enumerate(missed.items() if len(missed) <= MAX_SINGLE_REQUESTS else ()):
                progress(number / len(missed), 1.0, f"{len(missed)} submissions that moved meanwhile")
                page = self.source.fetch_page(
                    {"verb": "GetRecord", "metadataPrefix": "arXivRaw", "identifier": f"oai:arXiv.org:{ident}"}
                )
                found += self._register_page(page)
            if len(missed) > MAX_SINGLE_REQUESTS:
                for day in sorted(set(missed.values())):
                    when = _EPOCH + timedelta(days=day)
                    for page in self.source.iter_pages("ListRecords", when, self.set_name, until=when):
                        found += self._register_page(page)
            yield Batch(
                self._build_batch_table(found),
                (self._build_coverage_record("failed", self.responded_at, self.responded_at.date()),),
            )
        seen = np.unique(np.frombuffer(self.seen_keys, np.uint64))
        still = [ident for ident in missed if not np.isin(np.uint64(_hash_id(ident)), seen)]
        reasons = "; ".join(self.errors_by_id.get(ident, f"{ident}: not sent") for ident in still[:3])
        fault = (
            f"{self.set_label}: {len(still):,} of {listed:,} submissions did not come ({reasons}); stored as partial"
        )
        status = "partial" if still else "complete"
        expected = listed if still else None
        yield Batch(
            None,
            (
                self._build_coverage_record(
                    status, self.responded_at, self.responded_at.date(), expected, listed - len(still)
                ),
            ),
            (fault,) if still else (),
        )

    def _register_page(self, page: OaiPage) -> list[Submission]:
        self.seen_keys.extend(_hash_id(item.id) for item in page.submissions)
        self.first_v1_at = min([self.first_v1_at, *(item.v1_at for item in page.submissions)])
        self.errors_by_id |= {text.partition(":")[0]: text for text in page.parse_errors}
        return page.submissions

    def _find_missed(self) -> tuple[dict[str, int], int]:
        """The listed submissions that neither came nor are stored as they stand, with days; and how many are listed."""
        seen = np.unique(np.frombuffer(self.seen_keys, np.uint64))
        missed: dict[str, int] = {}
        listed = 0
        for page in self.source.iter_pages("ListIdentifiers", self.changed_since, self.set_name):
            keys = np.array([_hash_id(ident) for ident, _ in page.headers], np.uint64)
            listed += len(keys)
            unseen = [page.headers[number] for number in np.flatnonzero(~np.isin(keys, seen))]
            if unseen:
                days = dict(unseen)
                missed |= {
                    ident: days[ident] for ident in self.source.find_missing_ids(list(days), list(days.values()))
                }
        return missed, listed

    def _build_batch_table(self, submissions: Sequence[Submission]) -> pa.Table | None:
        return (
            parts.build_batch_table(submissions, self.source.name, self.responded_at or datetime.now(UTC))
            if submissions
            else None
        )

    def _build_coverage_record(
        self, status: str, moment: datetime, reached: date, expected: int | None = None, received: int = 0
    ) -> CoverageRecord:
        earliest = date(max(1970, (_EPOCH + timedelta(seconds=min(self.first_v1_at, 1 << 33))).year), 1, 1)
        since = self.request.window.since or moment.date()
        if (
            self.changed_since is None
        ):  # all there ever was, so as far back as anything that came, now or before a break
            since = min(since, earliest)
        named = "".join(
            [
                f" set={self.set_name}" if self.set_name else "",
                f" from={self.changed_since}" if self.changed_since else "",
            ]
        )
        return CoverageRecord(
            source=self.source.name,
            categories=tuple(sorted(self.request.categories)),
            since=since,
            until=moment.date() + timedelta(days=1),
            answered_at=moment,
            status=status,
            expected=expected,
            received=received or len(self.seen_keys),
            query=f"ListRecords metadataPrefix=arXivRaw{named}",
            version="OAI-PMH, arXivRaw",
            changed=(self.changed_since or FIRST_DATESTAMP, reached),
        )


def _find_set_name(categories: Sequence[str]) -> str:
    """The set of some categories: '' for all, that of one, that of an archive."""
    if ALL_CATEGORIES in categories:
        return ""
    archives = {archive_of(name) for name in categories}
    return oai_set(categories[0] if len(categories) == 1 else archives.pop())


def _hash_id(ident: str) -> int:
    return xxh3_64_intdigest(ident.encode())
