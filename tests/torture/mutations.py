"""Changed input: what stands in for bytes and values that nobody expects."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

from tests.standins.mutation import INSERTIONS, mutate_bytes

JSON_BYTES = [
    b"\x00", b"\xff", b"\xef\xbb\xbf", b'"', b"\\ud800", b"{", b"]", b"null", b"-1", b"1e999", b"NaN", b"-Infinity",
    b"99999999999999999999", b"9999-12-31", b"0000-00-00", b"v99999999999", b"Fri, 31 Dec 9999 23:59:59 GMT", b"../../x",
    b"\xe9", b"\xed\xa0\x80", b"\\u0000", b"\x1b[31m", b"\r", b"\xe2\x80\xae",
]  # fmt: skip
XML_BYTES = [
    *INSERTIONS, b"&#0;", b"&x;", b"<!DOCTYPE a>", b"]]>", b"<![CDATA[", b"2019-02-30T00:00:00Z", b"v99999999999", b"\x0b",
    b"9999-12-31T23:59:59Z", b"0000-01-01", b"-1", b"1e9", b"<?xml version='1.1'?>", b"\xed\xa0\x80", b"<updated></updated>",
]  # fmt: skip
YAML_BYTES = [
    b"*a", b"&a [*a]", b"!!python/object/apply:os.system [id]", b"\t", b": ", b"- ", b"[", b"}", b"|", b"~", b"yes", b"1e3",
    b"2019-01-01", b"\xff", b"<<: *a", b"? a", b"[" * 2000, b"!!binary x", b"!!set {a}", b"0o17", b"\x85", b"%YAML 9", b"---",
    b"2019-02-30", b".nan", b"-.inf", b"!!timestamp 0", b"9" * 5000, b"0x" + b"f" * 400, b"\x00", b"!!int '' ",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 1e308, -1e-308, 10**30, 2**63, "", "\x00", " ", "a" * 5000, [], {}, ["x"], [[]], {"a": 1},
    "2019-02-30", "\ud800", "../../etc/passwd", "Mon, 1 Jan 99999999999 00:00:00 GMT", "v0", "v99999999999", "cs.XX", "*",
    "2019-01-01T00:00:00+99:99", "1901.0001", "١٢٣", "0x10", "1e400", "nan", "\u202e", "\x1b[2J", "=1+1", "cs.LG" * 400,
]  # fmt: skip


def change_value(whole: Any, rng: random.Random) -> Any:
    """Return a copy of a JSON value in which some values were replaced, removed or doubled."""
    whole = copy.deepcopy(whole)
    for _ in range(rng.choice([1, 1, 3])):
        node = whole
        while isinstance(node, dict | list) and node:
            key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
            if isinstance(node[key], dict | list) and rng.random() > 0.3:
                node = node[key]
                continue
            way = rng.random()
            if way < 0.2:
                del node[key]
            elif way < 0.3 and isinstance(node, dict):
                node[str(rng.choice(VALUES))[:50]] = node[key]
            else:
                node[key] = rng.choice(VALUES)
            break
    return whole


def format_value(whole: Any) -> bytes:
    """Return a value as JSON, also with half surrogates."""
    return json.dumps(whole, ensure_ascii=False).encode("utf-8", "surrogatepass")


def change_json(whole: Any, rng: random.Random) -> bytes:
    """Return a JSON value of which values or bytes were changed."""
    if rng.random() < 0.6:
        return format_value(change_value(whole, rng))
    return change_bytes(json.dumps(whole).encode(), rng, JSON_BYTES)


def change_bytes(data: bytes, rng: random.Random, insertions: Sequence[bytes]) -> bytes:
    """Return bytes with some random changes."""
    return mutate_bytes(data, rng, insertions) if data else rng.choice(list(insertions))


def make_text(words: Sequence[str], rng: random.Random, separator: str = " ") -> str:
    """Return some words in any order; command lines hold no zero bytes and no half surrogates."""
    return separator.join(rng.choices(list(words), k=rng.choice([1, 1, 2, 4])))
