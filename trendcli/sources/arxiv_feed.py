"""Feeds of arXiv's API: what they declare, whether they can be believed, and their entries as submissions.

The `arxiv` package reads entries, but drops some without a word and ends at a date that does not exist. So each feed is
looked through first, and dates that cannot be read are blanked: the entry is then missing, which the count shows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import arxiv
from lxml import etree

from trendcli.core.arxiv import parse_arxiv_id
from trendcli.core.types import Submission
from trendcli.sources.clock import MAX_DIFFERENCE, check_versions, parse_server_time
from trendcli.sources.http import InvalidResponse
from trendcli.sources.xml import parse_xml
from trendcli.store.records import build_submission

_NAMESPACES = {"a": "http://www.w3.org/2005/Atom", "o": "http://a9.com/-/spec/opensearch/1.1/"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class Feed(NamedTuple):
    """What a feed states: the `total` of its query and when it was made, and the `body` for the package to read."""

    total: int
    updated_at: datetime | None
    body: bytes


def parse_feed(body: bytes, url: str) -> Feed:
    """Parse the feed that answers a URL; raises InvalidResponse for one of which something would silently be lost."""
    root = parse_xml(body)
    if root.tag != f"{{{_NAMESPACES['a']}}}feed":
        raise InvalidResponse(f"not an Atom feed (<{etree.QName(root).localname}>)")
    entries = root.findall("a:entry", _NAMESPACES)
    for entry in entries:
        if "/api/errors" in (entry.findtext("a:id", "", _NAMESPACES) or ""):
            raise InvalidResponse(f"an error entry ({entry.findtext('a:summary', '', _NAMESPACES)})")
    text = (root.findtext("o:totalResults", "", _NAMESPACES) or "").strip()
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise InvalidResponse("a feed without totalResults")
    total = int(text)
    parameters = parse_qs(urlsplit(url).query)
    start = parameters.get("start", ["0"])[0]
    if not entries and total > (int(start) if re.fullmatch(r"[0-9]{1,9}", start) else 0):
        raise InvalidResponse(f"an empty page although totalResults is {total}")
    title = root.findtext("a:title", "", _NAMESPACES) or ""
    if not _query_terms(parameters.get("search_query", [""])[0]) <= _query_terms(title):
        raise InvalidResponse(f"the results of another query ({title[:80]})")
    for entry in entries:
        _blank_unreadable_dates(entry)
    # again from the tree, where forbidden characters have become spaces
    return Feed(
        total, parse_server_time(root.findtext("a:updated", "", _NAMESPACES)), etree.tostring(root, encoding="utf-8")
    )


def _query_terms(query: str) -> set[str]:
    """Return the categories and dates of a query, which identify it however the server rewrites it."""
    return set(re.findall(r"cat:[\w.*-]+|\d{12}", query))


def _blank_unreadable_dates(entry: etree._Element) -> None:
    for tag in ("published", "updated"):
        node = entry.find(f"a:{tag}", _NAMESPACES)
        if node is not None and not _is_timestamp((node.text or "").strip()):
            node.text = None


def _is_timestamp(text: str) -> bool:
    """Whether a text is a moment as arXiv writes it; the package would guess at others, or end."""
    try:
        return bool(_TIMESTAMP_PATTERN.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def build_feed_submission(
    result: arxiv.Result, low: datetime, high: datetime, answered_at: datetime
) -> Submission | None:
    """Return a result of the query between two moments as a Submission.

    None where something is missing without which it cannot be counted, or where a date cannot be true.
    """
    try:
        ident, version = parse_arxiv_id(result.entry_id)
        v1_at, updated_at = int(result.published.timestamp()), int(result.updated.timestamp())
        check_versions(version or 0, v1_at, updated_at, answered_at)
    except ValueError:
        return None
    # another date is none of this query, whatever garbled it; the day leaves room for a time zone
    is_asked_for = low - MAX_DIFFERENCE <= result.published <= high + MAX_DIFFERENCE
    if not is_asked_for or not result.title.strip() or not result.primary_category.strip():
        return None
    try:
        return build_submission(
            id=ident,
            version=version or 0,
            v1_at=v1_at,
            updated_at=updated_at,
            title=result.title,
            abstract=result.summary,
            authors=", ".join(author.name for author in result.authors),
            categories=" ".join(dict.fromkeys([result.primary_category, *result.categories])),
            comments=result.comment,
            journal_ref=result.journal_ref,
            doi=result.doi,
            as_of=(answered_at - _EPOCH).days,
        )
    except ValueError:  # categories that cannot be
        return None
