"""XML of a site, parsed within limits; characters that XML forbids become spaces and spoil no more than a word."""

from __future__ import annotations

import re

from lxml import etree

from trendcli.sources.http import InvalidResponse
from trendcli.sources.reply import LimitExceeded

# elements and attributes of a page, by the characters that begin them: so many take up to 430 MB of memory. A page of
# 20,000 identifiers has 280,000
MAX_MARKS = 2_000_000
_CONTROL_BYTES = bytes(byte for byte in range(32) if byte not in b"\t\n\r")
_TO_SPACES = bytes.maketrans(_CONTROL_BYTES, b" " * len(_CONTROL_BYTES))
_CHARACTER_REFERENCE = re.compile(rb"&#(x?)([0-9a-fA-F]+);")


def parse_xml(body: bytes) -> etree._Element:
    """Return the root of a document; raises InvalidResponse for none, LimitExceeded for one of too many elements."""
    if body.count(b"<") + body.count(b"=") > MAX_MARKS:
        raise LimitExceeded(f"made of more than {MAX_MARKS:,} elements")
    if b"<!ENTITY" in body:
        raise InvalidResponse("a document that defines entities")
    try:
        return _parse_strictly(body)
    except (etree.XMLSyntaxError, ValueError) as error:
        reason = str(error)
    try:
        return _parse_strictly(_replace_forbidden_characters(body))
    except (etree.XMLSyntaxError, ValueError):
        raise InvalidResponse(f"malformed XML ({reason[:80]})") from None


def _parse_strictly(body: bytes) -> etree._Element:
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))


def _replace_forbidden_characters(body: bytes) -> bytes:
    """Return a document with spaces for the characters that XML forbids, written out or by number."""
    body = _CHARACTER_REFERENCE.sub(_replace_reference, body.translate(_TO_SPACES))
    declared = re.match(rb"\s*<\?xml[^>]*encoding=['\"]([^'\"]*)", body)
    if declared and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        return body
    return re.sub("[\ufffe\uffff]", " ", body.decode("utf-8", "replace")).encode()


def _replace_reference(match: re.Match[bytes]) -> bytes:
    digits = match[2].lstrip(b"0") or b"0"
    try:
        code = int(digits, 16 if match[1] else 10) if len(digits) <= 7 else -1
    except ValueError:  # a letter in a decimal number
        return match[0]
    is_allowed = code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return match[0] if is_allowed else b" "
