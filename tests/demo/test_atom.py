"""The query language of the API, and feeds in the shape of a real one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lxml import etree

from trendcli.demo.atom import parse_query, render_error_feed, render_feed
from trendcli.demo.corpus import SyntheticSubmission, build_corpus

SUBMISSIONS = build_corpus(seed=3, yearly_counts={2018: 60})
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
A = "{http://www.w3.org/2005/Atom}"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cat:cs.LG", lambda p: "cs.LG" in p.categories),
        ("cat:cs.*", lambda p: any(c.startswith("cs.") for c in p.categories)),
        ("(cat:cs.LG OR cat:cs.CL)", lambda p: {"cs.LG", "cs.CL"} & set(p.categories)),
        ("cat:cs.LG ANDNOT cat:cs.CL", lambda p: "cs.LG" in p.categories and "cs.CL" not in p.categories),
        # no precedence: read from the right, so the date binds to the last category alone
        (
            "cat:cs.LG AND submittedDate:[201801010000 TO 201806010000] OR cat:stat.ML",
            lambda p: "cs.LG" in p.categories and (p.published_at.month < 6 or "stat.ML" in p.categories),
        ),
        ('ti:"reinforcement learning"', lambda p: "reinforcement learning" in p.title.lower()),
    ],
)
def test_a_query_matches_by_category_date_and_title(query: str, expected: object) -> None:
    is_match = parse_query(query)
    assert [p.id for p in SUBMISSIONS if is_match(p)] == [p.id for p in SUBMISSIONS if expected(p)]  # type: ignore[operator]


@pytest.mark.parametrize(
    "query",
    ["cat:cs.LG AND", "(cat:cs.LG", "cat", "lastUpdatedDate:[1 TO 2]", "submittedDate:[20180101 TO *]", "a:b c:d"],
)
def test_malformed_queries_are_refused(query: str) -> None:
    with pytest.raises(ValueError, match="cannot parse"):
        parse_query(query)


def test_a_range_holds_both_ends() -> None:
    at = SUBMISSIONS[0].published_at.replace(second=0)
    edge = SyntheticSubmission("1801.99999", (at,), "x", "y", (), ("cs.LG",))
    for low, high in ((at, at), (at, at.replace(year=2019)), (at.replace(year=2017), at)):
        assert parse_query(f"submittedDate:[{low:%Y%m%d%H%M} TO {high:%Y%m%d%H%M}]")(edge)


def test_a_feed_states_total_query_and_moment() -> None:
    search = "cat:cs.LG AND submittedDate:[201801010000 TO 201901010000]"
    feed = etree.fromstring(render_feed(SUBMISSIONS[:2], 60, search, "", 10, 2, NOON))
    assert feed.findtext(f"{A}updated") == "2026-11-21T12:00:00Z"
    assert feed.findtext("{http://a9.com/-/spec/opensearch/1.1/}totalResults") == "60"
    # the query that ran, with its range rewritten
    assert (feed.findtext(f"{A}title") or "").startswith(
        'arXiv Query: search_query=cat:cs.LG AND submittedDate:"201801010000 TO 201901010000"&id_list=&start=10'
    )
    idents = [entry.findtext(f"{A}id") for entry in feed.findall(f"{A}entry")]
    assert idents == [f"http://arxiv.org/abs/{item.id}v{len(item.versions)}" for item in SUBMISSIONS[:2]]


def test_an_error_is_a_feed_of_one_entry() -> None:
    (entry,) = etree.fromstring(render_error_feed("start must be an integer", NOON)).findall(f"{A}entry")
    assert entry.findtext(f"{A}id") == "https://arxiv.org/api/errors#start_must_be_an_integer"
    assert entry.findtext(f"{A}summary") == "start must be an integer"
