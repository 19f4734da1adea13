"""Damaged responses: bytes changed, cut out, doubled or torn off."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

INSERTIONS = [b"<", b"&", b"]]>", b"</record>", b"<version/>", b"\x00", b"\xff", b"<date>x</date>"]


def mutate_bytes(body: bytes, rng: random.Random, insertions: Sequence[bytes] = INSERTIONS) -> bytes:
    """Return a body with one to four random changes, of which some insert one of `insertions`."""
    text = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        position, length = rng.randrange(len(text)), rng.randint(1, 40)
        kind = rng.randrange(5)
        if kind == 0:
            text[position] = rng.randrange(256)
        elif kind == 1:
            del text[position : position + length]
        elif kind == 2:
            text[position:position] = text[position : position + length]
        elif kind == 3:
            del text[position:]
        else:
            text[position:position] = rng.choice(insertions)
        if not text:
            return b""
    return bytes(text)


# texts that stand for a value somewhere: dates, numbers, identifiers and characters beyond what is expected
VALUES = [
    "", " ", "0", "-1", "999999999999", "9" * 5000, "1e999", "nan", "v99999999999", "v0", "٣", "1_0", "\x0b", "\x00", "\ud800",
    "\uffff", "\x1b[31m", "2019-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "2019-13-01", "9999-12-31", "0001-01-01", "99999-01-01", "Mon, 2 Apr 99999 19:18:42 GMT", "Mon, 2 Apr 9999 19:18:42 GMT",
    "Mon, 2 Apr 0001 00:00:00 -2359", "Mon, 2 Apr 2007 19:18:42 +9999", "http://arxiv.org/abs/1801.00001v99999999999",
    "oai:arXiv.org:9999.99999", "1801.00001v2147483648", "x" * 100_000,
]  # fmt: skip
JUNK = [None, True, 0, -1, 10**30, 1e308, [], {}, [[]], [None], {"value": None}, {"value": []}, {"": {}}, *VALUES]


def mutate_text(body: bytes, rng: random.Random) -> bytes:
    """Return XML in which one to three texts or attribute values are others."""
    for _ in range(rng.randint(1, 3)):
        spots = list(re.finditer(rb">([^<>]+)<|=\"([^\"]*)\"|='([^']*)'", body))
        spot = rng.choice(spots)
        group = next(number for number in (1, 2, 3) if spot[number] is not None)
        value = rng.choice(VALUES).encode("utf-8", "surrogatepass")
        if rng.random() < 0.3:
            value = b"&#%d;" % rng.choice([0, 11, 27, 0xD800, 0xFFFE, 0x110000, 10**12])
        body = body[: spot.start(group)] + value + body[spot.end(group) :]
    return body


def mutate_json(value: Any, rng: random.Random) -> Any:
    """Return a JSON value of which one part is another."""
    if isinstance(value, dict | list) and value and rng.random() < 0.9:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        copy: Any = value.copy()
        if rng.random() < 0.1:
            del copy[key]
        else:
            copy[key] = mutate_json(value[key], rng)
        return copy
    return rng.choice(JUNK)
