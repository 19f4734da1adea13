"""XML of a site: what is refused, and what forbidden characters become."""

from __future__ import annotations

import pytest

from trendcli.sources import xml
from trendcli.sources.http import InvalidResponse
from trendcli.sources.reply import LimitExceeded
from trendcli.sources.xml import parse_xml


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<a>one two</a>", "one two"),
        (b"<a>one\x0btwo</a>", "one two"),
        (b"<a>one&#11;two</a>", "one two"),
        (b"<a>one&#x0000B;two</a>", "one two"),
        (b"<a>one&#99999999999999999999;two</a>", "one two"),
        (b"<a>one&#xD800;two</a>", "one two"),
        ("<a>one\uffffé</a>".encode(), "one é"),
        (b"<a>one\xff&amp;</a>", "one\ufffd&"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9\x0b</a>", "é "),
        (b"<a>&#233;&#x1F600;</a>", "é😀"),
        (b"\xef\xbb\xbf<a>one</a>", "one"),
    ],
)
def test_forbidden_characters_become_spaces(body: bytes, text: str) -> None:
    assert parse_xml(body).text == text


@pytest.mark.parametrize("body", [b"", b"<a>", b"<a>&</a>", b"<a\x0b b>", b"text", b"<a>&#xG;</a>", b"<a>&#1F;</a>"])
def test_what_is_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidResponse, match="malformed XML"):
        parse_xml(body)


def test_entities_and_millions_of_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidResponse, match="a document that defines entities"):
        parse_xml(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
    monkeypatch.setattr(xml, "MAX_MARKS", 10)
    with pytest.raises(LimitExceeded, match="made of more than 10 elements"):
        parse_xml(b"<a>" + b"<b c='d'/>" * 5 + b"</a>")
