"""The Python interface: what its functions are given besides a store, and that they answer as the command line does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import trendcli
from tests.reports.papers.worlds import GRAPH_WORLD, listed_ids
from tests.worlds import coverage_record, fill, paper
from trendcli import api
from trendcli.core.errors import StoreMissing, UsageError
from trendcli.core.report import Report
from trendcli.core.types import ignore_progress
from trendcli.reports.papers.fulltext_build import build_index
from trendcli.store.store import Store

OWN_TOPICS = "topics: {apple: {phrases: [apple]}, gan: {name: Own, phrases: [apple]}}"
# in 2018 2 of 4 are about GANs, or 1 of 3 in cs.LG, and in 2019 1 of 2; one is about apples in each year
WORLD = [
    paper("1801.00001", "2018-01-05", "A GAN"),
    paper("1801.00002", "2018-01-06", "A GAN", categories="cs.CL"),
    paper("1802.00003", "2018-02-05", "An apple"),
    paper("1802.00004", "2018-02-06"),
    paper("1901.00005", "2019-01-05", "A GAN", authors="Cy Crane"),
    paper("1902.00006", "2019-02-05", "An apple"),
]
ACCEPTED, REJECTED, WITHDRAWN = (
    "poster accepted active submitted", "rejected active submitted", "withdrawn submitted",
)  # fmt: skip
# how many submissions to a venue in 2021 have which title and decision
VENUE_WORLD = [("A GAN", ACCEPTED, 3), ("A GAN", REJECTED, 1), ("A GAN", WITHDRAWN, 2), ("On nothing", ACCEPTED, 2), ("On nothing", REJECTED, 4)]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The store of WORLD."""
    return fill(tmp_path / "store", WORLD, [coverage_record(["cs.LG", "cs.CL", "eess.AS"])])


@pytest.fixture
def venue_root(tmp_path: Path) -> Path:
    """A store with the venue of VENUE_WORLD, which has keywords and no abstracts."""
    rows = [(title, decision) for title, decision, count in VENUE_WORLD for _ in range(count)]
    papers = [
        paper(
            f"2021-{number}", "2021-01-01", title, "", categories=decision,
            keywords="deep learning; games" if number % 4 == 0 else "apples",
        )
        for number, (title, decision) in enumerate(rows)
    ]  # fmt: skip
    root = tmp_path / "store"
    record = coverage_record(["submitted", "active", "accepted"], "2021-01-01", "2022-01-01", at="2021-06-01")
    fill(root / "venues" / "iclr", papers, [record], corpus="iclr")
    return root


@pytest.fixture
def graph_store(tmp_path: Path) -> Store:
    """The store of the corpus on graphs."""
    return fill(tmp_path / "store", GRAPH_WORLD, [coverage_record(["cs.LG", "cs.CL"])])


def compared_counts(report: Report) -> list[tuple[Any, ...]]:
    """Return topic, counts and totals of the rows of a comparison."""
    return [tuple(row[key] for key in ("topic", "count_1", "base_1", "count_2", "base_2")) for row in report.rows]


def test_the_package_has_the_names_of_its_interface() -> None:
    assert {*trendcli.__all__} == {*api.__all__, "__version__"}
    assert [name for name in api.__all__ if getattr(trendcli, name) is not getattr(api, name)] == []
    with pytest.raises(AttributeError, match="module 'trendcli' has no attribute 'paper'"):
        trendcli.paper  # noqa: B018


def test_a_store_is_opened_by_its_path(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(store.root.parent))
    for path in (store.root, str(store.root), "~/store"):
        opened = trendcli.open_store(path)
        assert (opened.root, opened.corpus, opened.manifest.submission_count) == (store.root, "arxiv", 6)


def test_a_store_that_does_not_exist_is_not_created(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StoreMissing):
        trendcli.open_store(tmp_path / "none")
    with pytest.raises(StoreMissing):
        trendcli.open_store(store.root, "iclr")
    assert not (tmp_path / "none").exists()


def test_a_venue_is_opened_with_the_fields_that_its_lists_have(venue_root: Path) -> None:
    assert trendcli.open_store(venue_root, "iclr").text_fields == ("title", "keywords")
    assert trendcli.open_store(venue_root, "iclr", ["title"]).text_fields == ("title",)
    with pytest.raises(UsageError, match="did you mean title"):
        trendcli.open_store(venue_root, "iclr", ["titel"])


def test_own_topics_replace_shipped_ones_and_are_added_to_them(topic_file: Any) -> None:
    shipped, extended = trendcli.library(), trendcli.library(topic_file(OWN_TOPICS))
    assert extended.topics.keys() - shipped.topics.keys() == {"apple"}
    assert (shipped.topics["gan"].name, extended.topics["gan"].name) == ("GANs", "Own")
    assert trendcli.library(str(topic_file(OWN_TOPICS))).topics == extended.topics


def test_a_comparison_of_two_years(store: Store) -> None:
    report = trendcli.comparison(store, ["gan"], period="2019", vs="2018")
    assert compared_counts(report) == [("gan", 2, 4, 1, 2)]
    assert report.rows[0]["relative_change"] == 0


@pytest.mark.journey
def test_a_report_becomes_a_data_frame(store: Store) -> None:
    frame = trendcli.series(store, ["gan"]).to_frame()
    assert frame[["period", "count", "base"]].values.tolist() == [["2018", 2, 4], ["2019", 1, 2]]


def test_categories_and_scopes_are_the_total(store: Store) -> None:
    learning = trendcli.comparison(store, ["gan"], period="2019", vs="2018", categories=["cs.LG"])
    assert compared_counts(learning) == [("gan", 1, 3, 1, 2)]
    assert learning.rows[0]["relative_change"] == pytest.approx(0.5)  # from a third to a half
    language = trendcli.series(store, ["gan"], scope="language", period="2018")
    assert [(row["count"], row["base"]) for row in language.rows] == [(1, 1)]


def test_queries_and_own_topics_are_compared_without_the_pack(store: Store, topic_file: Any) -> None:
    years = {"period": "2019", "vs": "2018"}
    assert compared_counts(trendcli.comparison(store, queries=["apple"], **years)) == [("query:apple", 1, 4, 1, 2)]
    own = trendcli.comparison(store, ["apple"], own_topics=topic_file(OWN_TOPICS), **years)
    assert compared_counts(own) == [("apple", 1, 4, 1, 2)]


@pytest.mark.parametrize(("options", "pack"), [({}, "ml"), ({"pack": "iclr"}, "iclr")])
def test_without_topics_those_of_a_pack_are_compared(store: Store, options: dict[str, Any], pack: str) -> None:
    report = trendcli.comparison(store, period="2019", vs="2018", **options)
    assert {row["topic"] for row in report.rows} == {*trendcli.library().get_pack(pack)}


def test_a_change_is_decomposed(store: Store) -> None:
    report = trendcli.decomposition(store, ["gan"], period="2019", vs="2018")
    rows = [(row["category"], row["points"], row["within"], row["mix"]) for row in report.rows]
    # cs.LG grows from 3/4 to all of the total, 7/8 in the mean, and its share from 1/3 to 1/2
    assert rows == [
        ("all", 0, pytest.approx(7 / 48), pytest.approx(-7 / 48)),
        ("cs.CL", pytest.approx(-1 / 8), 0, pytest.approx(-1 / 8)),
        ("cs.LG", pytest.approx(1 / 8), pytest.approx(7 / 48), pytest.approx(-1 / 48)),
    ]


def test_a_series_counts_by_year_unless_told(store: Store) -> None:
    years = trendcli.series(store, ["gan"])
    assert [(row["period"], row["count"], row["base"]) for row in years.rows] == [("2018", 2, 4), ("2019", 1, 2)]
    months = trendcli.series(store, ["gan"], by="month", until="2018-03")
    assert [(row["period"], row["count"], row["base"]) for row in months.rows] == [("2018-01", 2, 2), ("2018-02", 0, 2)]


def test_a_series_without_topics_is_the_volume(store: Store) -> None:
    report = trendcli.series(store)
    assert [(row["period"], row["count"]) for row in report.rows] == [("2018", 4), ("2019", 2)]
    assert report.kind == "volume"


def test_submissions_are_listed_newest_first_and_all_unless_limited(store: Store) -> None:
    assert listed_ids(trendcli.submissions(store)) == [submission.id for submission in WORLD[::-1]]
    assert listed_ids(trendcli.submissions(store, ["gan"], limit=2)) == ["1901.00005", "1801.00002"]
    assert listed_ids(trendcli.submissions(store, within="gan", until="2019")) == ["1801.00002", "1801.00001"]


def test_authors_are_counted_by_their_submissions(store: Store) -> None:
    report = trendcli.authors(store, ["gan"])
    assert [(row["author"], row["submissions"]) for row in report.rows] == [
        ("Ada Abel", 2), ("Bo Brandt", 2), ("Cy Crane", 1),
    ]  # fmt: skip
    assert [row["author"] for row in trendcli.authors(store, limit=1).rows] == ["Ada Abel"]


@pytest.mark.journey
def test_python_searches_alike(graph_store: Store) -> None:
    """With and without a full-text index."""
    for _ in range(2):
        best = trendcli.submissions(graph_store, search="graph neural", limit=1)
        newest = trendcli.submissions(graph_store, search="graph neural", limit=1, sort="newest")
        similar = trendcli.submissions(graph_store, like="1903.00003", limit=1)
        found = [listed_ids(report) for report in (best, newest, similar)]
        assert found == [["1801.00001"], ["1905.00005"], ["1904.00004"]]
        assert trendcli.authors(graph_store, ["gan"], search="graph").rows[0]["author"] == "Cy Crane"
        build_index(graph_store, ignore_progress)


def test_a_venue_is_counted_by_status(venue_root: Path) -> None:
    venue = trendcli.open_store(venue_root, "iclr")
    counts = {}
    for status in (None, "submitted", "active", "accepted"):
        (row,) = trendcli.series(venue, ["gan"], status=status).rows
        counts[status] = (row["count"], row["base"])
    assert counts == {None: (6, 12), "submitted": (6, 12), "active": (4, 10), "accepted": (3, 5)}


def test_acceptance_is_compared_with_that_of_all_others(venue_root: Path) -> None:
    venue = trendcli.open_store(venue_root, "iclr")
    (row,) = trendcli.acceptance(venue, ["gan"], period="2021").rows
    assert (row["count"], row["accepted"], row["rate"], row["others"]) == (4, 3, 0.75, 2 / 6)


def test_keywords_of_a_venue_are_whole_ones(venue_root: Path) -> None:
    venue = trendcli.open_store(venue_root, "iclr")
    listed = trendcli.submissions(venue, keywords=["deep learning"])
    assert sorted(listed_ids(listed)) == ["2021-0", "2021-4", "2021-8"]
    assert trendcli.submissions(venue, keywords=["deep"]).rows == []
    (row,) = trendcli.acceptance(venue, keywords=["deep learning"], period="2021").rows  # without the pack
    assert (row["count"], row["accepted"]) == (2, 1)  # 4 was withdrawn, 8 was rejected


@pytest.mark.journey
def test_a_chart_draws_the_numbers_of_its_report(store: Store) -> None:
    volume = trendcli.chart(trendcli.series(store), "volume")
    assert [bar.get_height() for bar in volume.axes[0].patches] == [4, 2]
    change = trendcli.chart(
        trendcli.comparison(store, ["gan"], period="2019", vs="2018", categories=["cs.LG"]), "change"
    )
    assert [bar.get_width() for bar in change.axes[0].patches] == [pytest.approx(0.5)]
    with pytest.raises(KeyError, match="pie"):
        trendcli.chart(trendcli.series(store), "pie")
