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
from trendcli.core.arxiv import archive_of, canonical_id, oai_set
from trendcli.core.errors import TryLater
from trendcli.core.types import Answer, Ask, Batch, Progress, Submission
from trendcli.sources.http import AGAIN, Faulty, session
from trendcli.sources.pace import Pace
from trendcli.sources.plan import FIRST_DATESTAMP
from trendcli.sources.snapshot_records import days_of, seconds
from trendcli.store import records as parts
from trendcli.store.coverage import EVERY

# pages between two commits: what a kill may cost
PAGES = 10
# records that a list shows and the harvest missed are asked for one by one; more of them by their days
SINGLE = 50
_EPOCH = date(1970, 1, 1)
_VERBS = ("ListRecords", "ListIdentifiers", "GetRecord")
_OAI = "{http://www.openarchives.org/OAI/2.0/}"
_RAW = "{http://arxiv.org/OAI/arXivRaw/}"


@dataclass
class Page:
    """A reply: its moment, an error code or '', records, (id, day of change) of all headers, and the token to go on.

    `token` is '' at the end of a list. Records that could not be read stand in `headers` and in `unreadable` alone.
    """

    moment: datetime
    error: str = ""
    said: str = ""
    records: list[Submission] = field(default_factory=list)
    headers: list[tuple[str, int]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    token: str = ""


def read(body: bytes) -> Page:
    """A reply of the interface; Faulty for one of which something would be lost."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Faulty(f"a reply that is no whole XML document ({str(error)[:80]})") from None
    if root.tag != f"{_OAI}OAI-PMH":
        raise Faulty(f"a reply that is not of OAI-PMH (<{str(root.tag)[:40]}>)")
    page = Page(_moment(root.findtext(f"{_OAI}responseDate")))
    refused = root.find(f"{_OAI}error")
    if refused is not None:
        page.error, page.said = refused.get("code") or "unknown", (refused.text or "").strip()
        return page
    listed = next((node for verb in _VERBS for node in root.iter(_OAI + verb)), None)
    if listed is None:
        raise Faulty("a reply without a list")
    headers = list(listed.iter(f"{_OAI}header"))
    if not headers:
        raise Faulty("an empty page that says neither that nothing matches nor that it is the last")
    for header in headers:
        if header.get("status") == "deleted":  # the standard knows it, arXiv withdraws instead
            continue
        _take(header, page, listed.tag != f"{_OAI}ListIdentifiers")
    token = listed.find(f"{_OAI}resumptionToken")
    page.token = (token.text or "").strip() if token is not None else ""
    resumed = root.find(f"{_OAI}request")
    if token is None and resumed is not None and resumed.get("resumptionToken"):
        raise Faulty("a further page without a token, not even an empty one")
    return page


def _take(header: etree._Element, page: Page, with_record: bool) -> None:
    written = (header.findtext(f"{_OAI}identifier") or "").strip()
    try:
        ident, _ = canonical_id(written)
        day = days_of((header.findtext(f"{_OAI}datestamp") or "").strip())
    except ValueError:
        raise Faulty(f"a header that cannot be read ({written[:40]!r})") from None
    page.headers.append((ident, day))
    if not with_record:
        return
    record = header.getparent()
    raw = record.find(f"{_OAI}metadata/{_RAW}arXivRaw") if record is not None else None
    try:
        if raw is None:
            raise ValueError("no metadata")
        page.records.append(_submission(raw, ident, day))
    except ValueError as error:
        page.unreadable.append(f"{ident}: {error}")


def _submission(raw: etree._Element, ident: str, day: int) -> Submission:
    """A record as a Submission; ValueError where something is missing without which it cannot be counted."""
    values = {str(node.tag).removeprefix(_RAW): node.text or "" for node in raw}
    versions = {}
    for node in raw.findall(f"{_RAW}version"):
        number = int((node.get("version") or "").removeprefix("v"))
        versions[number] = (seconds((node.findtext(f"{_RAW}date") or "").strip()), node.findtext(f"{_RAW}source_type"))
    if 1 not in versions:
        raise ValueError("a record without a version v1")
    if canonical_id(values.get("id", ""))[0] != ident:
        raise ValueError(f"a record of {values.get('id', '')[:20]!r} under another identifier")
    if not values.get("categories", "").strip() or not values.get("title", "").strip():
        raise ValueError("a record without title or categories")
    last = max(versions)
    return parts.submission(
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


def _moment(text: str | None) -> datetime:
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Faulty("a reply without its moment") from None


class OaiPmh:
    """arXiv's OAI-PMH as a Source.

    `lacking(ids, days)` names those of some submissions that the store does not hold as they stood on some day.
    """

    name = "oai"

    def __init__(
        self, url: str, pace: Pace, lacking: Callable[[Sequence[str], Sequence[int]], list[str]], contact: str = ""
    ) -> None:
        self.url, self.lacking = url, lacking
        self.session, self.transport = session(pace, contact, self._check)
        self.page: Page | None = None

    def _check(self, body: bytes, url: str) -> None:
        self.page = read(body)

    def batches(self, ask: Ask, progress: Progress) -> Iterator[Batch]:
        """See Source; a commit every PAGES pages, and one when the list has ended and was compared with that of ids."""
        harvest = _Harvest(self, ask)
        yield from harvest.pages(progress)
        if harvest.moment is not None:
            yield from harvest.reconciled(progress)

    def get(self, query: dict[str, str]) -> Page:
        """The reply to one request."""
        self.page = None
        try:
            self.session.get(self.url, params=query)
        except requests.exceptions.RequestException as error:
            raise TryLater(f"arXiv's reply could not be read ({error}). What had come is stored; {AGAIN}.") from None
        if self.page is None:
            raise TryLater(f"arXiv sent no reply that can be read. What had come is stored; {AGAIN}.")
        return self.page

    def walk(self, verb: str, since: date | None, set_: str, until: date | None = None) -> Iterator[Page]:
        """The pages of a list, none where nothing matches; a token that has died starts it again at the last day."""
        fixed = {"verb": verb, "metadataPrefix": "arXivRaw", **({"set": set_} if set_ else {})}
        fixed |= {"until": str(until)} if until else {}
        token, reached, restarted, empty = "", since, None, 0
        while True:
            dated = {"from": str(reached)} if reached else {}
            page = self.get({"verb": verb, "resumptionToken": token} if token else {**fixed, **dated})
            if page.error == "badResumptionToken" and token and reached != restarted:
                token, restarted = "", reached
                continue
            if page.error == "noRecordsMatch" and not token:
                empty += 1
                if empty < 2:  # a zero is asked for twice before it is believed
                    continue
                return
            if page.error:
                raise TryLater(
                    f"arXiv cannot answer {verb}: {page.error}, {page.said} What had come is stored; {AGAIN}."
                )
            if page.token and page.token == token:
                raise TryLater(f"arXiv's {verb} goes in a circle. What had come is stored; {AGAIN}.")
            yield page
            reached = _EPOCH + timedelta(days=max(day for _, day in page.headers))
            token = page.token
            if not token:
                return


class _Harvest:
    """One harvest of one set: what has come, and how far."""

    def __init__(self, source: OaiPmh, ask: Ask) -> None:
        self.source, self.ask = source, ask
        self.set = _set(ask.categories)
        self.label = self.set or "all sets"
        self.since = ask.changed if ask.changed and ask.changed > FIRST_DATESTAMP else None
        self.start = max(filter(None, (self.since, ask.reached)), default=None)
        self.moment: datetime | None = None
        self.seen = array("Q")
        self.first = 1 << 40
        self.faults: dict[str, str] = {}

    def pages(self, progress: Progress) -> Iterator[Batch]:
        """The records as they come; `moment` is set once the list has come to its end."""
        moment, waiting, number = None, list[Submission](), 0
        begun = self.start or FIRST_DATESTAMP
        for number, page in enumerate(self.source.walk("ListRecords", self.start, self.set), 1):
            moment = moment or page.moment
            waiting += self._take(page)
            reached = _EPOCH + timedelta(days=max(day for _, day in page.headers))
            share = (reached - begun).days / max((moment.date() - begun).days, 1)
            progress(min(share, 1.0), 1.0, f"{self.label}, changes up to {reached}, {len(self.seen):,} submissions")
            if number % PAGES == 0:
                yield Batch(self._part(waiting), (self._answer("failed", moment, reached),))
                waiting = []
        today = datetime.now(UTC).date()
        if moment is None:
            if self.since and self.since >= today:
                return  # nothing has changed yet today, which says nothing about the rest of it
            moment = self.source.page.moment if self.source.page else datetime.now(UTC)
        if waiting:  # committed before the comparison, which asks the store
            yield Batch(self._part(waiting), (self._answer("failed", moment, reached),))
        self.moment = moment

    def reconciled(self, progress: Progress) -> Iterator[Batch]:
        """What the list of identifiers shows and the harvest missed, asked for once more; then the answer."""
        assert self.moment is not None
        missed, listed = self._missed()
        if missed:
            found = list[Submission]()
            for number, (ident, _) in enumerate(missed.items() if len(missed) <= SINGLE else ()):
                progress(number / len(missed), 1.0, f"{len(missed)} submissions that moved meanwhile")
                page = self.source.get(
                    {"verb": "GetRecord", "metadataPrefix": "arXivRaw", "identifier": f"oai:arXiv.org:{ident}"}
                )
                found += self._take(page)
            if len(missed) > SINGLE:
                for day in sorted(set(missed.values())):
                    when = _EPOCH + timedelta(days=day)
                    for page in self.source.walk("ListRecords", when, self.set, until=when):
                        found += self._take(page)
            yield Batch(self._part(found), (self._answer("failed", self.moment, self.moment.date()),))
        seen = np.unique(np.frombuffer(self.seen, np.uint64))
        still = [ident for ident in missed if not np.isin(np.uint64(_key(ident)), seen)]
        reasons = "; ".join(self.faults.get(ident, f"{ident}: not sent") for ident in still[:3])
        fault = f"{self.label}: {len(still):,} of {listed:,} submissions did not come ({reasons}); stored as partial"
        status = "partial" if still else "complete"
        expected = listed if still else None
        yield Batch(
            None,
            (self._answer(status, self.moment, self.moment.date(), expected, listed - len(still)),),
            (fault,) if still else (),
        )

    def _take(self, page: Page) -> list[Submission]:
        self.seen.extend(_key(item.id) for item in page.records)
        self.first = min([self.first, *(item.v1_at for item in page.records)])
        self.faults |= {text.partition(":")[0]: text for text in page.unreadable}
        return page.records

    def _missed(self) -> tuple[dict[str, int], int]:
        """The listed submissions that neither came nor are stored as they stand, with days; and how many are listed."""
        seen = np.unique(np.frombuffer(self.seen, np.uint64))
        missed: dict[str, int] = {}
        listed = 0
        for page in self.source.walk("ListIdentifiers", self.since, self.set):
            keys = np.array([_key(ident) for ident, _ in page.headers], np.uint64)
            listed += len(keys)
            unseen = [page.headers[number] for number in np.flatnonzero(~np.isin(keys, seen))]
            if unseen:
                days = dict(unseen)
                missed |= {ident: days[ident] for ident in self.source.lacking(list(days), list(days.values()))}
        return missed, listed

    def _part(self, found: Sequence[Submission]) -> pa.Table | None:
        return parts.table(found, self.source.name, self.moment or datetime.now(UTC)) if found else None

    def _answer(
        self, status: str, moment: datetime, reached: date, expected: int | None = None, received: int = 0
    ) -> Answer:
        earliest = date(max(1970, (_EPOCH + timedelta(seconds=min(self.first, 1 << 33))).year), 1, 1)
        since = self.ask.window.since or moment.date()
        if self.since is None:  # all there ever was, so as far back as anything that came, now or before a break
            since = min(since, earliest)
        named = "".join([f" set={self.set}" if self.set else "", f" from={self.since}" if self.since else ""])
        return Answer(
            source=self.source.name,
            categories=tuple(sorted(self.ask.categories)),
            since=since,
            until=moment.date() + timedelta(days=1),
            answered_at=moment,
            status=status,
            expected=expected,
            received=received or len(self.seen),
            query=f"ListRecords metadataPrefix=arXivRaw{named}",
            version="OAI-PMH, arXivRaw",
            changed=(self.since or FIRST_DATESTAMP, reached),
        )


def _set(categories: Sequence[str]) -> str:
    """The set of some categories: '' for all, that of one, that of an archive."""
    if EVERY in categories:
        return ""
    archives = {archive_of(name) for name in categories}
    return oai_set(categories[0] if len(categories) == 1 else archives.pop())


def _key(ident: str) -> int:
    return xxh3_64_intdigest(ident.encode())
