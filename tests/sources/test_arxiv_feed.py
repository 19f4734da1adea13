"""Feeds of arXiv's API: which are refused, which entries are left out, and what is read of the others."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from arxiv import _feed
from hypothesis import given
from hypothesis import strategies as st

from tests.standins.mutation import mutate_bytes, mutate_text
from trendcli.core.arxiv import canonical_categories
from trendcli.core.types import Submission
from trendcli.demo.atom import render_feed
from trendcli.demo.corpus import build_corpus
from trendcli.sources.arxiv_feed import build_feed_submission, parse_feed
from trendcli.sources.http import InvalidResponse
from trendcli.store.records import build_batch_table

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "http://127.0.0.1/?search_query=cat:cs.LG&start=0"


@given(st.binary(max_size=300))
def test_no_random_bytes_pass_for_a_feed(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        parse_feed(body, "http://127.0.0.1/?search_query=cat:cs.LG")


def test_recorded_responses_are_read_completely(shared: Path) -> None:
    """Every recorded entry becomes a submission with the identifier, dates and categories that the file holds."""
    entry_count = submission_count = 0
    for path in sorted((shared / "data/atom").glob("*.xml")):
        body = path.read_bytes()
        if b"/api/errors" in body:
            with pytest.raises(InvalidResponse, match="incorrect id format for abc"):
                parse_feed(body, "http://x/?start=0")
            continue
        parse_feed(body, "http://x/?start=0")
        entry_count += body.count(b"<entry>")
        for result in _feed.parse(body).results:
            submission = build_feed_submission(result, EPOCH, NOON, NOON)
            assert submission is not None
            assert submission.v1_at == int(result.published.timestamp()) <= submission.updated_at
            assert submission.categories.split()[0] == canonical_categories(result.primary_category)
            submission_count += 1
    assert submission_count == entry_count


def test_mutated_feeds_are_refused_or_read_as_they_stand() -> None:
    """800 mutations end in InvalidResponse, or in what another parser reads, with spaces for what XML forbids."""
    body = feed_of(4)
    rng, accepted = random.Random(5), 0
    for number in range(800):
        try:
            feed = parse_feed((mutate_bytes if number % 2 else mutate_text)(body, rng), URL)
            ElementTree.fromstring(feed.body)
        except (InvalidResponse, ElementTree.ParseError):  # the other parser knows fewer names of elements
            continue
        submissions = read_submissions(feed.body)
        build_batch_table(submissions, "arxiv", NOON)
        for submission in submissions:
            accepted += 1
            facts = (submission.version, submission.v1_at, submission.updated_at, submission.categories)
            assert facts_of_entry(feed.body, submission.id) == facts
    assert accepted > 50


def feed_of(count: int) -> bytes:
    """Return a feed of some synthetic submissions."""
    return render_feed(build_corpus(seed=3, yearly_counts={2018: count}), count, "cat:cs.LG", "", 0, 10, NOON)


def read_submissions(body: bytes) -> list[Submission]:
    """Return the submissions of a feed, as the package and then this program read them."""
    results = (build_feed_submission(result, EPOCH, NOON, NOON) for result in _feed.parse(body).results)
    return [submission for submission in results if submission is not None]


def replace_in_first_entry(body: bytes, pattern: bytes, new: bytes) -> bytes:
    """Return a feed with another text in its first entry."""
    head, mark, entries = body.partition(b"<entry>")
    return head + mark + re.sub(pattern, lambda match: new, entries, count=1)


@pytest.mark.parametrize("tag", [b"updated", b"published"])
@pytest.mark.parametrize(
    "date",
    [
        b"", b" ", b"soon", b"2019-02-30T00:00:00Z", b"0000-01-01T00:00:00Z", b"0001-01-01T00:00:00Z",
        b"1969-12-31T23:59:59Z", b"9999-12-31T23:59:59Z", b"99999-01-01T00:00:00Z", b"2026-11-23T00:00:00Z",
        b"2018-01-01T24:00:01Z", b"2018-01-01", b"\x0b",
    ],
)  # fmt: skip
def test_a_date_that_cannot_be_costs_its_entry_and_no_other(tag: bytes, date: bytes) -> None:
    new = b"<%s>%s</%s>" % (tag, date, tag)
    feed = parse_feed(replace_in_first_entry(feed_of(4), rb"<%s>[^<]*</%s>" % (tag, tag), new), URL)
    assert (feed.total, len(read_submissions(feed.body))) == (4, 3)


@pytest.mark.parametrize(
    ("pattern", "new"),
    [
        (rb"v\d+</id>", b"v99999999999</id>"),
        (rb"v\d+</id>", b"v0</id>"),
        (rb"v\d+</id>", b"</id>"),
        (rb"<id>[^<]*</id>", b"<id/>"),
        (rb"<title>[^<]*</title>", b"<title> </title>"),
        (rb"<arxiv:primary_category[^>]*>", b""),
    ],
)
def test_an_entry_that_cannot_be_counted_is_left_out(pattern: bytes, new: bytes) -> None:
    feed = parse_feed(replace_in_first_entry(feed_of(4), pattern, new), URL)
    assert len(read_submissions(feed.body)) == 3


def test_an_entry_of_other_days_is_none_of_the_query() -> None:
    (result,) = _feed.parse(feed_of(1)).results
    for days, is_counted in ((0, True), (1, True), (3, False)):
        low = result.published + timedelta(days=days)
        assert (build_feed_submission(result, low, NOON, NOON) is not None) is is_counted
        assert (
            build_feed_submission(result, EPOCH, result.published - timedelta(days=days), NOON) is not None
        ) is is_counted


def test_a_control_character_spoils_one_word() -> None:
    feed = parse_feed(replace_in_first_entry(feed_of(2), rb"<summary>", b"<summary>one\x0btwo&#27;three "), URL)
    assert read_submissions(feed.body)[0].abstract.startswith("one two three ")


@pytest.mark.parametrize("total", [b"", b"-3", b"many", b"1_000", b"9" * 5000, "٣".encode()])
def test_a_total_that_is_no_number_is_refused(total: bytes) -> None:
    body = re.sub(rb"(<opensearch:totalResults>)4", lambda match: match[1] + total, feed_of(4))
    with pytest.raises(InvalidResponse, match="a feed without totalResults"):
        parse_feed(body, URL)


def test_a_feed_says_when_it_was_made() -> None:
    assert parse_feed(feed_of(1), URL).updated_at == NOON
    without = re.sub(rb"<updated>2026[^<]*</updated>", b"<updated>soon</updated>", feed_of(1), count=1)
    assert parse_feed(without, URL).updated_at is None


ATOM = "{http://www.w3.org/2005/Atom}"


def facts_of_entry(body: bytes, ident: str) -> tuple[Any, ...]:
    """Return version, first and last date and categories of an entry, by another parser than the product's."""
    for entry in ElementTree.fromstring(body).iter(f"{ATOM}entry"):
        name = (entry.findtext(f"{ATOM}id") or "").split("/abs/")[-1]
        if f"/{ident}v" in f"/{name}".lower():
            first, last = (
                datetime.strptime((entry.findtext(f"{ATOM}{tag}") or "").strip(), "%Y-%m-%dT%H:%M:%S%z")
                for tag in ("published", "updated")
            )
            primary = entry.find("{http://arxiv.org/schemas/atom}primary_category")
            terms = [primary.get("term") or "" if primary is not None else ""]
            terms += [node.get("term") or "" for node in entry.findall(f"{ATOM}category")]
            categories = canonical_categories(" ".join(dict.fromkeys(terms)))
            return int(name.rsplit("v", 1)[1]), int(first.timestamp()), int(last.timestamp()), categories
    raise AssertionError(f"{ident} is not in the feed")
