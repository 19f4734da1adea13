"""A server whose replies do not end, unfold to gigabytes, lead in circles, or ask for patience without end."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ATOM = (
    b'<?xml version="1.0"?><feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
    b'xmlns="http://www.w3.org/2005/Atom"><title>arXiv Query</title><opensearch:totalResults>1</opensearch:totalResults>'
)
ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY e0 "ha">{ENTITIES}]><feed>&e11;</feed>'.encode()
# gzip that unfolds to 14 GB: one packed block, repeated
_BLOCK = gzip.compress(bytes(16 << 20), 6)
GIGABYTES = _BLOCK * 900
# seconds between the bytes of a reply that drips
DRIP_S = 0.5
Reply = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers a request by the bomb that the first part of its path names."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send the bomb."""
        number = int(self.path.split("/")[1])
        self.close_connection = True
        with suppress(OSError):  # the client has had enough
            list(SERVED.values())[number](self)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *values: Any) -> None:
        """Log nothing."""

    def send_start(self, status: int = 200, /, **headers: str) -> None:
        """Send status and headers; underscores stand for hyphens."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send_all(self, body: bytes, status: int = 200, /, **headers: str) -> None:
        """Send a reply with its length."""
        self.send_start(status, Content_Length=str(len(body)), **headers)
        self.wfile.write(body)

    def send_chunks(self, first: bytes, chunk: bytes, pause_s: float = 0.0, /, **headers: str) -> None:
        """Send chunks without end."""
        self.send_start(Transfer_Encoding="chunked", **headers)
        while True:
            self.wfile.write(f"{len(first):x}\r\n".encode() + first + b"\r\n")
            self.wfile.flush()
            first = chunk
            time.sleep(pause_s)


def _send_endless_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X-Header: " + b"x" * 60_000 + b"\r\n")


def _drip_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X-Header: x\r\n")
        time.sleep(DRIP_S)


def _send_without_length(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + ATOM)
    while True:
        handler.wfile.write(b" " * (1 << 20))


def _send_large_chunk(handler: Handler) -> None:
    handler.send_start(Transfer_Encoding="chunked")
    handler.wfile.write(b"fffffffffffffff\r\n" + ATOM)


def _retry_after(value: str, status: int = 503) -> Reply:
    return lambda handler: handler.send_all(b"later", status, Retry_After=value)


def _send_endless_tokens(handler: Handler) -> None:
    body = (
        '<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2020-01-01T00:00:00Z'
        f"</responseDate><request/><ListRecords><resumptionToken>t{time.monotonic_ns()}</resumptionToken></ListRecords></OAI-PMH>"
    )
    handler.send_all(body.encode())


def _send_many_results(handler: Handler) -> None:
    total = ATOM.replace(b">1<", b">999999999999<")
    query = handler.path.partition("?")[2].replace("&", "&amp;").encode()
    handler.send_all(total.replace(b"arXiv Query", b"arXiv Query: " + query) + b"</feed>")


SERVED: dict[str, Reply] = {
    "gzip of gigabytes": lambda handler: handler.send_all(GIGABYTES, Content_Encoding="gzip"),
    "endless": lambda handler: handler.send_chunks(ATOM, b" " * (1 << 20)),
    "endless without a length": _send_without_length,
    "endless gzip": lambda handler: handler.send_chunks(_BLOCK, _BLOCK, Content_Encoding="gzip"),
    "dripping": lambda handler: handler.send_chunks(ATOM, b" ", DRIP_S),
    "endless headers": _send_endless_headers,
    "dripping headers": _drip_headers,
    "redirects in a circle": lambda handler: handler.send_start(302, Location=handler.path, Content_Length="0"),
    "redirects without end": lambda handler: handler.send_start(
        301, Location=f"{handler.path.split('?')[0]}/x?n={time.monotonic_ns()}", Content_Length="0"
    ),
    "a redirect to nowhere": lambda handler: handler.send_start(302, Location="http://[::1", Content_Length="0"),
    "a redirect to a file": lambda handler: handler.send_start(302, Location="file:///etc/passwd", Content_Length="0"),
    "entities of entities": lambda handler: handler.send_all(LAUGHS),
    "XML, 100,000 deep": lambda handler: handler.send_all(ATOM + b"<a>" * 100_000),
    "a text of 100 MB": lambda handler: handler.send_all(ATOM + b"<id>" + b"x" * 100_000_000 + b"</id></feed>"),
    "JSON, 200,000 deep": lambda handler: handler.send_all(b'{"notes":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "a length of 2^62": lambda handler: handler.send_start(Content_Length=str(1 << 62)),
    "a length below 0": lambda handler: handler.send_start(Content_Length="-1"),
    "chunks of 2^60": _send_large_chunk,
    "Retry-After 1e12": _retry_after("1e12"),
    "Retry-After 10^30": _retry_after("1" + "0" * 30, 429),
    "Retry-After inf": _retry_after("inf"),
    "Retry-After nan": _retry_after("nan", 429),
    "Retry-After 86400": _retry_after("86400", 429),
    "Retry-After in 9999": _retry_after("Fri, 31 Dec 9999 23:59:59 GMT"),
    "Retry-After before 1970": _retry_after("Thu, 01 Jan 0001 00:00:00 GMT", 429),
    "tokens without end": _send_endless_tokens,
    "10^12 results": _send_many_results,
}  # fmt: skip


@contextmanager
def run_bomb_server() -> Iterator[str]:
    """Serve the bombs during the block; yields the address, below which each has its number."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
