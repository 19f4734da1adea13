"""JSON files that carry their own checksum, so that damage on the disk is noticed when they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from xxhash import xxh3_128_hexdigest

CHECKSUM_KEY = "checksum"
_CHECKSUM_HEAD = re.compile(rb'\{\s*"checksum": "([0-9a-f]{32})",')


class ChecksumError(ValueError):
    """A JSON text does not match the checksum that it carries, or carries none."""


def format_checked_json(
    value: dict[str, Any], *, default: Callable[[Any], Any] | None = None, indent: int | None = None
) -> bytes:
    """Return a JSON object that begins with a checksum of the rest; `value` must not be empty."""
    body = json.dumps(value, default=default, indent=indent, ensure_ascii=False).encode(errors="surrogatepass")
    return b'{"' + CHECKSUM_KEY.encode() + b'": "' + xxh3_128_hexdigest(body).encode() + b'",' + body[1:]


def parse_checked_json(content: bytes) -> dict[str, Any]:
    """Return the object that `format_checked_json` wrote, without its checksum.

    Raise ChecksumError if the content is another or carries no checksum, ValueError if it is no JSON object.
    """
    match = _CHECKSUM_HEAD.match(content)
    if not match:
        raise ChecksumError("it carries no checksum")
    body = b"{" + content[match.end() :]
    if xxh3_128_hexdigest(body) != match[1].decode():
        raise ChecksumError("its content does not match its checksum")
    value: dict[str, Any] = json.loads(body)
    return value
