"""Damaged responses: bytes changed, cut out, doubled or torn off."""

from __future__ import annotations

import random
from collections.abc import Sequence

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
