"""Broken inputs, made from whole ones by a seeded generator."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

_PIECES = [
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b'"', b"\\ud800", b"\\u001b", b"{", b"]", b"[" * 2000, b"null",
    b"-1", b"1e999", b"9" * 5000, b"99999999999999999999", b"9999-12-31", b"0000-00-00", b"v99999999999",
    b"Fri, 31 Dec 9999 23:59:59 GMT", b"../../x", b"*a", b"&a [*a]", b"!!python/object/apply:os.system [id]", b"!!int x",
    b"!!timestamp x", b"!!bool x", b"!!float x", b"!!binary x", b"\t", b": ", b"- ", b"}", b"|", b"~", b"yes", b"1e3", b"2019-02-30",
    b"<<: *a", b"? a", b"? [a]", b"\n", b"%",
]  # fmt: skip
_VALUES: list[Any] = [
    None, True, 0, -1, 1e308, 10**30, "", "\x00", "\x1b[2J", " ", "a" * 5000, [], {}, ["x"], {"a": 1}, "2019-02-30", "\ud800",
    "../../etc/passwd", "Mon, 1 Jan 99999999999 00:00:00 GMT", "Mon, 1 Jan 0001 00:00:00 +2300", "v0", "v99999999999",
    "cs.XX", "*", "9999-12-31", "0001-01-01", "1909.0001", "0704.0000", "stat/0601001",
]  # fmt: skip


def mutate_bytes(rng: random.Random, content: bytes) -> bytes:
    """Return content with some bits, runs of bytes or pieces of grammar changed."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at, length = rng.randrange(len(changed) + 1), rng.choice([1, 4, 64, 256])
        way = rng.randrange(5)
        if way == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            del changed[at : at + length]
        elif way == 2:
            changed[at:at] = rng.choice(_PIECES)
        elif way == 3:
            changed[at : at + length] = rng.choice(_PIECES)
        else:
            changed[at:at] = changed[at : at + length] * 3
    return bytes(changed)


def mutate_json(rng: random.Random, value: Any) -> bytes:
    """Return a value as JSON, with some values of it replaced or removed, or its text changed."""
    if rng.random() < 0.4:
        return mutate_bytes(rng, json.dumps(value).encode())
    changed = copy.deepcopy(value)
    for _ in range(rng.choice([1, 1, 3])):
        _replace_value(rng, changed)
    return json.dumps(changed, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def _replace_value(rng: random.Random, node: Any) -> None:
    while isinstance(node, dict | list) and node:
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if isinstance(node[key], dict | list) and rng.random() < 0.7:
            node = node[key]
        elif rng.random() < 0.3:
            del node[key]
            return
        else:
            node[key] = rng.choice(_VALUES)
            return
