"""A server of replies that never end, or that would fill the memory: each is what it sends, piece by piece.

Every reply is sent to every request, over a socket of its own, until the client closes it or the block ends.
"""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from zlib import compressobj

_FEED = b'<feed xmlns="http://www.w3.org/2005/Atom"><title>cat:cs.LG</title>'
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"


def _pack(megabytes: int) -> Iterator[bytes]:
    """Yield so many megabytes of spaces as gzip, a thousandth of that."""
    packer = compressobj(9, wbits=31)
    for _ in range(megabytes):
        yield packer.compress(b" " * 1_000_000)
    yield packer.flush()


def _whole(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> Iterator[bytes]:
    """Yield a reply of a body, whole."""
    length = b"Content-Length: %d" % len(body)
    yield b"HTTP/1.1 " + status + b"\r\n" + b"\r\n".join([length, *headers]) + b"\r\n\r\n" + body


def _chunks(pieces: Iterable[bytes], *headers: bytes, status: bytes = b"200 OK") -> Iterator[bytes]:
    yield b"HTTP/1.1 " + status + b"\r\n" + b"\r\n".join([b"Transfer-Encoding: chunked", *headers]) + b"\r\n\r\n"
    for piece in pieces:
        if piece:
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _slowly(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        time.sleep(0.02)
        yield piece


_MEGABYTE = b" " * 1_000_000
BOMBS: dict[str, Callable[[], Iterator[bytes]]] = {
    "packed": lambda: _chunks(_pack(5_000), b"Content-Encoding: gzip"),
    "packed twice": lambda: _whole(gzip.compress(gzip.compress(b"x" * 10**7)), b"Content-Encoding: gzip, gzip"),
    "packed error": lambda: _chunks(_pack(5_000), b"Content-Encoding: gzip", status=b"503 Busy"),
    "endless chunks": lambda: _chunks(itertools.repeat(_MEGABYTE)),
    "endless body": lambda: itertools.chain([_OK + b"\r\n"], itertools.repeat(_MEGABYTE)),
    "endless error": lambda: _chunks(itertools.repeat(_MEGABYTE), status=b"500 Oops"),
    "endless redirect": lambda: _chunks(itertools.repeat(_MEGABYTE), b"Location: /", status=b"302 Found"),
    "endless interim replies": lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\nX: %s\r\n\r\n" % (b"x" * 60_000)),
    "endless trailers": lambda: itertools.chain(
        [_OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"], itertools.repeat(b"X: %s\r\n" % (b"x" * 60_000))
    ),
    "dripping body": lambda: _slowly(itertools.chain([_OK + b"Content-Length: 9999\r\n\r\n"], itertools.repeat(b" "))),
    "dripping chunk": lambda: _slowly(
        itertools.chain([_OK + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n"], itertools.repeat(b" "))
    ),
    "dripping headers": lambda: _slowly(itertools.chain([_OK + b"X: "], itertools.repeat(b"x"))),
    "millions of elements": lambda: _whole(_FEED + b"<a/>" * 7_000_000 + b"</feed>"),
    "millions of attributes": lambda: _whole(
        _FEED + b"<a%s/></feed>" % b"".join(b" b%d=''" % n for n in range(2_200_000))
    ),
    "entities": lambda: _whole(
        b"<!DOCTYPE a [<!ENTITY a0 'lol'>"
        + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
        + b"]>"
        + _FEED
        + b"<a b='&a11;'>&a11;</a></feed>"
    ),
    "depth": lambda: _whole(_FEED + b"<a>" * 1_000_000),
    "nested lists": lambda: _whole(b"[" * 3_900_000),
    "millions of lists": lambda: _whole(b'{"notes": [' + b"[]," * 9_000_000 + b"[]]}"),
}


@contextmanager
def run_bomb(name: str) -> Iterator[str]:
    """Send one of BOMBS to whoever connects, during the block; yields the address."""
    server = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            for piece in BOMBS[name]():
                connection.sendall(piece)
                if is_over.is_set():
                    return
            connection.recv(65_536)

    def accept() -> None:
        while not is_over.is_set():
            with suppress(OSError):
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        is_over.set()
        server.close()
