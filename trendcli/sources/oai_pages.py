"""Responses of arXiv's OAI-PMH interface, parsed: records with the dates of all versions, headers, errors and tokens.

By arXiv's OAI documentation and the code of its server (2026), only the format `arXivRaw` carries the date of version
1; `arXiv` has that of the current one under `created`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from lxml import etree

from trendcli.core.arxiv import parse_arxiv_id
from trendcli.core.types import Submission
from trendcli.sources.http import InvalidResponse
from trendcli.sources.snapshot_records import parse_epoch_day, parse_version_date
from trendcli.store.records import build_submission

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
