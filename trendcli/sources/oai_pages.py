"""Responses of arXiv's OAI-PMH interface, parsed: records with the dates of all versions, headers, errors and tokens.

By arXiv's OAI documentation and the code of its server (2026), only the format `arXivRaw` carries the date of version
1; `arXiv` has that of the current one under `created`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime

from lxml import etree

from trendcli.core.arxiv import parse_arxiv_id
from trendcli.core.types import Submission
from trendcli.sources.clock import check_versions, parse_server_time
from trendcli.sources.failures import quote_text
from trendcli.sources.http import InvalidResponse
from trendcli.sources.snapshot_records import parse_epoch_day, parse_version_date
from trendcli.sources.xml import parse_xml
from trendcli.store.records import build_submission

_LIST_VERBS = ("ListRecords", "ListIdentifiers", "GetRecord")
_OAI_NAMESPACE = "{http://www.openarchives.org/OAI/2.0/}"
_RAW_NAMESPACE = "{http://arxiv.org/OAI/arXivRaw/}"
_EPOCH = date(1970, 1, 1)


@dataclass
class OaiPage:
    """One response: an error code or '', records, (identifier, day of change since 1970) of all headers, and a token.

    `resumption_token` is '' at the end of a list. Unreadable records are in `headers` and `parse_errors` only, and
    `unreadable_headers` name no record at all. `stated_at` is the site's own time of its response, `responded_at` that
    or an earlier one by this machine's clock; no day of change is later.
    """

    stated_at: datetime
    responded_at: datetime
    error_code: str = ""
    error_text: str = ""
    submissions: list[Submission] = field(default_factory=list)
    headers: list[tuple[str, int]] = field(default_factory=list)
    parse_errors: list[str] = field(default_factory=list)
    unreadable_headers: list[str] = field(default_factory=list)
    resumption_token: str = ""


def parse_page(body: bytes, received_at: datetime | None = None) -> OaiPage:
    """Parse a response that came at some time (None: that it states); InvalidResponse where something would be lost."""
    root = parse_xml(body)
    if root.tag != f"{_OAI_NAMESPACE}OAI-PMH":
        raise InvalidResponse(f"not an OAI-PMH response (<{str(root.tag)[:40]}>)")
    stated_at = parse_server_time(root.findtext(f"{_OAI_NAMESPACE}responseDate"))
    if stated_at is None:
        raise InvalidResponse("no valid responseDate")
    page = OaiPage(stated_at, min(stated_at, received_at or stated_at))
    error_node = root.find(f"{_OAI_NAMESPACE}error")
    if error_node is not None:
        page.error_code, page.error_text = (
            quote_text(error_node.get("code") or "unknown"),
            quote_text(error_node.text or ""),
        )
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
    is_list = list_node.tag != f"{_OAI_NAMESPACE}GetRecord"
    if is_list and page.unreadable_headers and not page.headers:
        raise InvalidResponse(f"an unreadable header ({page.unreadable_headers[0]!r})")
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
    except ValueError:
        page.unreadable_headers.append(quote_text(text)[:40])
        return
    last_day = (page.responded_at.date() - _EPOCH).days
    try:
        # a day in the future would never be superseded, and a harvest would resume there
        day = min(parse_epoch_day((header.findtext(f"{_OAI_NAMESPACE}datestamp") or "").strip()), last_day)
    except ValueError:
        day = page.headers[-1][1] if page.headers else 0  # lists are ordered by it
    page.headers.append((ident, day))
    if not with_record:
        return
    record = header.getparent()
    raw = record.find(f"{_OAI_NAMESPACE}metadata/{_RAW_NAMESPACE}arXivRaw") if record is not None else None
    try:
        if raw is None:
            raise ValueError("no metadata")
        page.submissions.append(_parse_record(raw, ident, day, page.responded_at))
    except (ValueError, OverflowError) as error:
        page.parse_errors.append(f"{ident}: {quote_text(str(error))}")


def _parse_record(raw: etree._Element, ident: str, day: int, responded_at: datetime) -> Submission:
    """Return a record as a Submission; raises ValueError where something is missing that counting needs."""
    values = {str(node.tag).removeprefix(_RAW_NAMESPACE): node.text or "" for node in raw}
    versions = {}
    for node in raw.findall(f"{_RAW_NAMESPACE}version"):
        number = (node.get("version") or "").removeprefix("v")
        if not re.fullmatch("[0-9]{1,5}", number):
            raise ValueError(f"version {number[:20]!r}")
        versions[int(number)] = (
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
    check_versions(last, versions[1][0], versions[last][0], responded_at)
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
