from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from lxml import etree

from trendcli.demo import corpus
from trendcli.demo.atom import parse_query
from trendcli.demo.corpus import SyntheticSubmission
from trendcli.demo.server import ArxivStandIn, run_stand_in

A = "{http://www.w3.org/2005/Atom}"
X = "{http://arxiv.org/schemas/atom}"
VOLATILE = {f"{A}updated"}  # of the feed itself: the moment of the answer


def recorded_papers(root: etree._Element) -> list[SyntheticSubmission]:
    """The entries of a recorded reply as papers that the stand-in can serve."""
    papers = []
    for entry in root.findall(f"{A}entry"):
        ident, version = (entry.findtext(f"{A}id") or "").rsplit("/abs/", 1)[1].rsplit("v", 1)
        first, last = (moment(entry.findtext(f"{A}{name}")) for name in ("published", "updated"))
        authors = entry.findall(f"{A}author")
        papers.append(
            SyntheticSubmission(
                id=ident,
                versions=(first, *[last] * (int(version) - 1)),
                title=entry.findtext(f"{A}title") or "",
                abstract=entry.findtext(f"{A}summary") or "",
                authors=tuple(author.findtext(f"{A}name") or "" for author in authors),
                categories=tuple(item.get("term") or "" for item in entry.findall(f"{A}category")),
                comment=entry.findtext(f"{X}comment"),
                journal_ref=entry.findtext(f"{X}journal_ref"),
                doi=entry.findtext(f"{X}doi"),
                affiliations={
                    n: [part.text or "" for part in author.findall(f"{X}affiliation")]
                    for n, author in enumerate(authors)
                },
            )
        )
    return papers


def moment(text: str | None) -> datetime:
    return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def flat(node: etree._Element, *, entry: bool = False) -> list[object]:
    """A tree as nested lists, without what changes from reply to reply."""
    inside = entry or node.tag == f"{A}entry"
    children = [flat(child, entry=inside) for child in node if inside or child.tag not in VOLATILE]
    return [node.tag, dict(node.attrib), (node.text or "").strip(), children]


@pytest.mark.parametrize(
    "name", ["q_testing_s10_m10", "q_testing_s5_m15", "id_1605.08386", "id_0000.0000", "id_abc", "id_2104.12255v1"]
)
def test_a_few_recorded_replies_by_name(shared: Path, name: str) -> None:
    assert list((shared / "data/atom").glob(f"{name}_*.xml")), "an unused recording, or one that has gone"


def test_replies_are_shaped_like_every_recorded_one(shared: Path) -> None:
    for path in sorted((shared / "data/atom").glob("*.xml")):
        recorded = etree.fromstring(path.read_bytes())
        asked = re.match(r"(q|id)_(.+)_s(\d+)_m(\d+)_", path.name)
        assert asked, path.name
        start, size = int(asked[3]), int(asked[4])
        query = {"start": str(start), "max_results": str(size)}
        ids = ",".join(asked[2].split("_")) if asked[1] == "id" else ""
        if ids and not ids[0].isdigit() and ids != "abc":
            ids = asked[2].replace("_", "/")
        query |= {"id_list": ids} if asked[1] == "id" else {"search_query": asked[2]}
        error = "/api/errors" in (recorded.findtext(f"{A}entry/{A}id") or "")
        papers = [] if error else recorded_papers(recorded)
        total = int(recorded.findtext("{http://a9.com/-/spec/opensearch/1.1/}totalResults") or 0)
        served = ArxivStandIn(papers)
        if asked[1] == "q":  # the recording shows a part of a list that is not ours to know: stand nothings around it
            nothing = [
                SyntheticSubmission("0704.0001", (moment("2007-04-02T00:00:00Z"),), "", "testing", (), ("cs.LG",))
            ]
            served.submissions = nothing * start + papers + nothing * (total - start - len(papers))
            query["search_query"] = "all:testing"
            served._find_submissions = lambda *_: served.submissions  # type: ignore[method-assign]
            recorded_title = recorded.findtext(f"{A}title") or ""
            assert f"start={start}&max_results={size}" in recorded_title
        reply = served.answer_request("/api/query", query)
        assert reply.status == (400 if error else 200), path.name
        ours, theirs = flat(etree.fromstring(reply.body)), flat(recorded)
        if error:
            assert without_moments(ours) == without_moments(theirs), path.name
        else:
            assert ours == theirs, path.name


def without_moments(tree: object) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "", str(tree))


PAPERS = corpus.build_corpus(seed=3, yearly_counts={2018: 60})


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
def test_queries(query: str, expected: object) -> None:
    matches = parse_query(query)
    assert [p.id for p in PAPERS if matches(p)] == [p.id for p in PAPERS if expected(p)]  # type: ignore[operator]


@pytest.mark.parametrize(
    "query",
    ["cat:cs.LG AND", "(cat:cs.LG", "cat", "lastUpdatedDate:[1 TO 2]", "submittedDate:[20180101 TO *]", "a:b c:d"],
)
def test_queries_that_cannot_be_read(query: str) -> None:
    with pytest.raises(ValueError, match="cannot parse"):
        parse_query(query)


def test_a_range_holds_both_ends() -> None:
    at = PAPERS[0].published_at.replace(second=0)
    edge = SyntheticSubmission("1801.99999", (at,), "x", "y", (), ("cs.LG",))
    for low, high in ((at, at), (at, at.replace(year=2019)), (at.replace(year=2017), at)):
        assert parse_query(f"submittedDate:[{low:%Y%m%d%H%M} TO {high:%Y%m%d%H%M}]")(edge)


def test_limits_and_errors() -> None:
    served = ArxivStandIn(PAPERS)

    def status(**query: str) -> int:
        return served.answer_request("/api/query", {"search_query": "cat:cs.LG", **query}).status

    assert status(start="0", max_results="10") == 200
    assert status(start="9990", max_results="10") == 200
    assert status(start="9991", max_results="10") == 500
    assert status(max_results="0") == 500
    assert status(start="x") == status(start="-1") == status(max_results="many") == 400
    assert served.answer_request("/api/query", {"start": "0"}).status == 400
    assert status(sortBy="name") == 400


def test_it_is_served_on_the_loopback_alone() -> None:
    with run_stand_in(ArxivStandIn(PAPERS)) as running:
        assert urlsplit(running.url).hostname == "127.0.0.1"
        reply = requests.get(running.url, params=parse_qsl("search_query=cat:cs.LG&max_results=3"), timeout=10)
        assert reply.headers["Content-Type"] == "application/atom+xml"
        assert len(etree.fromstring(reply.content).findall(f"{A}entry")) == 3
        assert requests.get(running.url.replace("query", "other"), timeout=10).status_code == 404
    with pytest.raises(requests.ConnectionError):
        requests.get(running.url, timeout=2)


def test_the_same_seed_gives_the_same_corpus() -> None:
    assert corpus.build_corpus(seed=3, yearly_counts={2018: 60}) == PAPERS
    assert corpus.build_corpus(seed=4, yearly_counts={2018: 60}) != PAPERS


def test_the_corpus_is_what_it_is_said_to_be() -> None:
    papers = corpus.build_corpus()
    assert len(papers) == sum(corpus.YEARLY_COUNTS.values()) >= 20_000
    assert {p.published_at.year for p in papers} == {2015, 2016, 2017, 2018, 2019}
    assert {c for p in papers for c in p.categories} == {"cs.LG", "cs.CL", "cs.CV", "cs.NE", "stat.ML"}
    assert len({p.id for p in papers}) == len(papers)
    assert 0.3 < sum(len(p.versions) > 1 for p in papers) / len(papers) < 0.45
    assert 0.4 < sum(len(p.categories) > 1 for p in papers) / len(papers) < 0.7

    counts = Counter((topic, p.published_at.year) for p in papers for topic in p.topics)

    def shares(topic: str) -> list[float]:
        return [counts[topic, year] / corpus.YEARLY_COUNTS[year] for year in corpus.YEARLY_COUNTS]

    assert shares("rnn")[-1] < 0.7 * shares("rnn")[-2]
    assert shares("transformer")[0] == 0.0 < shares("transformer")[-1]
    gan = shares("gan")
    assert gan[-1] < gan[-2] and gan[-1] * corpus.YEARLY_COUNTS[2019] > gan[-2] * corpus.YEARLY_COUNTS[2018]
    assert all(max(corpus.TOPIC_SHARES, key=lambda t: shares(t)[n]) == "rl" for n in range(5))
