"""Why no response came, in words, and a site's own words as they may stand in a message."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import Any

import urllib3
from requests import exceptions

# characters of a site's own words in a message
MAX_QUOTED_CHARS = 200


def quote_text(text: str) -> str:
    """Return a site's own words prepared for a message: one line, shortened, without control characters."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * MAX_QUOTED_CHARS])
    line = " ".join(printable.split())
    return line if len(line) <= MAX_QUOTED_CHARS else f"{line[:MAX_QUOTED_CHARS]}…"


def describe_failure(error: BaseException) -> str:
    """Return why no response came, as a noun phrase or 'timed out'."""
    causes = list(_iter_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
    if isinstance(error, exceptions.SSLError):
        reasons = [cause.reason for cause in causes if isinstance(cause, ssl.SSLError) and cause.reason]
        return f"no encrypted connection ({(reasons or ['unknown reason'])[0].replace('_', ' ').lower()})"
    timeouts = (exceptions.Timeout, TimeoutError, urllib3.exceptions.ReadTimeoutError)
    if any(isinstance(cause, timeouts) for cause in causes):
        return "timed out"
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "the connection was cut during the response"
    if isinstance(error, exceptions.ContentDecodingError):
        return "a reply that cannot be unpacked"
    if isinstance(error, exceptions.InvalidHeader):
        return "a reply with invalid headers"
    text = str(error)
    match = re.search(r"\[Errno -?\d+\] ([^'\")]+)|(Name or service not known|getaddrinfo failed)", text)
    if match:
        reason = match[1] or match[2]
        return f"no connection to the proxy ({reason})" if isinstance(error, exceptions.ProxyError) else reason
    is_garbled = any(type(cause).__module__ == "http.client" for cause in causes)
    return "no valid HTTP reply" if is_garbled and "RemoteDisconnected" not in text else "no connection"


def _iter_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and the errors that led to it, which requests and urllib3 keep in different places."""
    seen: list[BaseException] = []
    queue: list[Any] = [error]
    while queue:
        cause = queue.pop(0)
        if isinstance(cause, BaseException) and cause not in seen:
            seen.append(cause)
            yield cause
            queue += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
