"""The stand-in of the API: its responses, limits and errors, and that it is served on the loopback only."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from lxml import etree

from trendcli.demo.corpus import SyntheticSubmission, build_corpus
from trendcli.demo.server import ApiStandIn, HttpRequest, run_stand_in

A = "{http://www.w3.org/2005/Atom}"
X = "{http://arxiv.org/schemas/atom}"
VOLATILE = {f"{A}updated"}  # of the feed itself: the time of the response


def recorded_submissions(root: etree._Element) -> list[SyntheticSubmission]:
    """Return the entries of a recorded response as submissions that the stand-in can serve."""
    submissions = []
    for entry in root.findall(f"{A}entry"):
        ident, version = (entry.findtext(f"{A}id") or "").rsplit("/abs/", 1)[1].rsplit("v", 1)
        first, last = (parse_timestamp(entry.findtext(f"{A}{name}")) for name in ("published", "updated"))
        authors = entry.findall(f"{A}author")
        submissions.append(
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
    return submissions


def parse_timestamp(text: str | None) -> datetime:
    return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def flat(node: etree._Element, *, entry: bool = False) -> list[object]:
    """Return a tree as nested lists, without what changes from response to response."""
    inside = entry or node.tag == f"{A}entry"
    children = [flat(child, entry=inside) for child in node if inside or child.tag not in VOLATILE]
    return [node.tag, dict(node.attrib), (node.text or "").strip(), children]


@pytest.mark.parametrize(
    "name", ["q_testing_s10_m10", "q_testing_s5_m15", "id_1605.08386", "id_0000.0000", "id_abc", "id_2104.12255v1"]
)
def test_some_recorded_responses_are_at_hand(shared: Path, name: str) -> None:
    assert list((shared / "data/atom").glob(f"{name}_*.xml")), "a recording is missing"


def test_responses_have_the_shape_of_every_recorded_one(shared: Path) -> None:
    for path in sorted((shared / "data/atom").glob("*.xml")):
        recorded = etree.fromstring(path.read_bytes())
        name = re.match(r"(q|id)_(.+)_s(\d+)_m(\d+)_", path.name)
        assert name, path.name
        start, size = int(name[3]), int(name[4])
        query = {"start": str(start), "max_results": str(size)}
        ids = ",".join(name[2].split("_")) if name[1] == "id" else ""
        if ids and not ids[0].isdigit() and ids != "abc":
            ids = name[2].replace("_", "/")
        query |= {"id_list": ids} if name[1] == "id" else {"search_query": name[2]}
        error = "/api/errors" in (recorded.findtext(f"{A}entry/{A}id") or "")
        submissions = [] if error else recorded_submissions(recorded)
        total = int(recorded.findtext("{http://a9.com/-/spec/opensearch/1.1/}totalResults") or 0)
        served = ApiStandIn(submissions)
        if name[1] == "q":  # a part of a longer list, whose other entries are unknown: put placeholders around it
            placeholder = [
                SyntheticSubmission(
                    "0704.0001", (parse_timestamp("2007-04-02T00:00:00Z"),), "", "testing", (), ("cs.LG",)
                )
            ]
            served.submissions = placeholder * start + submissions + placeholder * (total - start - len(submissions))
            query["search_query"] = "all:testing"
            served.find_submissions = lambda *_: served.submissions  # type: ignore[method-assign]
            recorded_title = recorded.findtext(f"{A}title") or ""
            assert f"start={start}&max_results={size}" in recorded_title
        response = served.answer_request(HttpRequest("/api/query", query))
        assert response.status == (400 if error else 200), path.name
        rendered, original = flat(etree.fromstring(response.body)), flat(recorded)
        if error:
            assert without_timestamps(rendered) == without_timestamps(original), path.name
        else:
            assert rendered == original, path.name


def without_timestamps(tree: object) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "", str(tree))


SUBMISSIONS = build_corpus(seed=3, yearly_counts={2018: 60})


def test_limits_and_errors_are_those_of_arxiv() -> None:
    served = ApiStandIn(SUBMISSIONS)

    def status(**query: str) -> int:
        return served.answer_request(HttpRequest("/api/query", {"search_query": "cat:cs.LG", **query})).status

    assert status(start="0", max_results="10") == 200
    assert status(start="9990", max_results="10") == 200
    assert status(start="9991", max_results="10") == 500
    assert status(max_results="0") == 500
    assert status(start="x") == status(start="-1") == status(max_results="many") == 400
    assert served.answer_request(HttpRequest("/api/query", {"start": "0"})).status == 400
    assert status(sortBy="name") == 400


def test_it_is_served_on_the_loopback_only() -> None:
    with run_stand_in(ApiStandIn(SUBMISSIONS)) as running:
        assert urlsplit(running.url).hostname == "127.0.0.1"
        response = requests.get(running.url, params=parse_qsl("search_query=cat:cs.LG&max_results=3"), timeout=10)
        assert response.headers["Content-Type"] == "application/atom+xml"
        assert len(etree.fromstring(response.content).findall(f"{A}entry")) == 3
        assert requests.get(running.url.replace("query", "other"), timeout=10).status_code == 404
    with pytest.raises(requests.ConnectionError):
        requests.get(running.url, timeout=2)
