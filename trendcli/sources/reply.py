"""Limits of a reply: its bytes as sent and as unpacked, and the seconds until all of it has come.

They hold from the first byte of the status line to the last of a trailer. A site that sends bytes one by one, endless
headers or chunks, or megabytes that unpack to gigabytes can hold a fetch, and its lock, for a stated time only.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

import requests
from requests.exceptions import ContentDecodingError
from urllib3 import HTTPConnectionPool

# bytes that are read, and unpacked, at once
_PIECE_BYTES = 1 << 16
# the ways of packing that are asked for; one after another, they would multiply what a piece can unpack to
ENCODINGS = ("gzip", "deflate")


@dataclass(frozen=True)
class ReplyLimits:
    """What a reply may take: `size_mb` millions of bytes, as sent and as unpacked, and `duration_s` seconds.

    1,000 entries of arXiv's API take 3 MB, or about 25 where most have thousands of authors; 2,500 records of OAI-PMH
    take 8 MB. 32 MB are parsed within 500 MB of memory.
    """

    size_mb: float = 32.0
    duration_s: float = 300.0

    @property
    def size_bytes(self) -> int:
        """The same size in bytes."""
        return int(self.size_mb * 1e6)


class LimitExceeded(Exception):
    """A reply is beyond a limit; the message is an adjective phrase that says which, `setting` what would raise it."""

    def __init__(self, problem: str, setting: str = "") -> None:
        super().__init__(problem)
        self.setting = setting


class _LimitedStream(io.RawIOBase):
    """The bytes of one response as they come from its socket, up to the limits; raises LimitExceeded beyond."""

    def __init__(self, raw: Any, connection: socket.socket, limits: ReplyLimits) -> None:
        self._raw, self._connection, self._limits = raw, connection, limits
        self._idle_timeout_s = connection.gettimeout() or limits.duration_s
        self._deadline = time.monotonic() + limits.duration_s
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        remaining_s = self._deadline - time.monotonic()
        if remaining_s > 0:
            self._connection.settimeout(min(self._idle_timeout_s, remaining_s))
            try:
                count: int = self._raw.readinto(buffer)
            except TimeoutError:
                if time.monotonic() < self._deadline:
                    raise  # nothing came for a while, which may pass
            else:
                self._received += count
                if self._received > self._limits.size_bytes:
                    raise LimitExceeded(f"larger than {self._limits.size_mb:g} MB", "reply_size_mb")
                return count
        raise LimitExceeded(f"not complete after {self._limits.duration_s:g} seconds", "reply_duration_s")

    def close(self) -> None:
        self._raw.close()
        super().close()


def limit_pools(pools: Mapping[str, type[HTTPConnectionPool]], limits: ReplyLimits) -> dict[str, Any]:
    """Return the connection pools of urllib3, by scheme, as ones whose responses are read up to the limits."""

    def build_response(connection: Any, sock: socket.socket, *args: Any, **options: Any) -> HTTPResponse:
        response = HTTPResponse(sock, *args, **options)
        response.fp = io.BufferedReader(_LimitedStream(response.fp.detach(), sock, limits))
        return response

    limited = {}
    for scheme, pool in pools.items():
        connection = type("LimitedConnection", (pool.ConnectionCls,), {"response_class": build_response})
        limited[scheme] = type("LimitedPool", (pool,), {"ConnectionCls": connection})
    return limited


def read_body(response: requests.Response, limits: ReplyLimits) -> bytes:
    """Return the unpacked body of a response that has not been read yet.

    Raises LimitExceeded, or the RequestException that says how reading failed.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", *ENCODINGS):
        response.close()
        raise ContentDecodingError(f"packed as {encoding[:40]!r}, which was not asked for")
    pieces, size = [], 0
    for piece in response.iter_content(_PIECE_BYTES):
        size += len(piece)
        if size > limits.size_bytes:
            response.close()
            raise LimitExceeded(f"larger than {limits.size_mb:g} MB unpacked", "reply_size_mb")
        pieces.append(piece)
    return b"".join(pieces)
