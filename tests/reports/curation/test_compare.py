from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import run
from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.reports.curation.compare import compare_topics
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """2018: 3 of both, 1 GAN alone; 2019: 2 GANs alone, 4 VAEs alone."""
    groups = [
        ("2018-01", "A GAN and a VAE", 3),
        ("2018-02", "A GAN", 1),
        ("2019-03", "A GAN", 2),
        ("2019-04", "A VAE", 4),
    ]
    papers = [
        paper(f"{month[2:4]}{month[5:]}.{number:05d}", f"{month}-05", title)
        for month, title, count in groups
        for number in range(count)
    ]
    return fill(tmp_path_factory.mktemp("compare") / "store", papers, [coverage_record()])


def test_what_one_topic_matches_and_the_other_does_not(store: Store, library: Library) -> None:
    query, library = parse_query(library, topics=["gan", "vae"])
    report = compare_topics(store, library, query, ML)
    rows = {row.pop("period"): row for row in map(dict, report.rows)}
    assert rows["2018"] == {"only_1": 1, "only_2": 0, "both": 3, "jaccard": 0.75, "of_1": 0.75, "of_2": 1.0}
    assert rows["2019"] == {"only_1": 2, "only_2": 4, "both": 0, "jaccard": 0.0, "of_1": 0.0, "of_2": 0.0}
    assert rows["all"] == {"only_1": 3, "only_2": 4, "both": 3, "jaccard": 0.3, "of_1": 0.5, "of_2": 3 / 7}
    titles = [section.title for section in report.sections]
    assert titles == [
        "Only GANs: 3 submissions",
        "Only Variational autoencoders: 4 submissions",
        "Both: 3 submissions",
    ]
    assert report.sections[1].notes == [r"Matched by: \b[A-Za-z0-9]*-?VAEs?\b 4."]
    first = report.sections[0].rows[0]
    assert (first["period"], first["title"], first["matches"][0]["text"]) == ("2019", "A GAN", "GAN")


@pytest.mark.journey
def test_a_phrase_takes_the_place_of_a_topic(store: Store) -> None:
    def compare(first: str, second: str) -> list[dict[str, int]]:
        result = run("topics", "compare", first, second, "--store", store.root, "--format", "json")
        rows: list[dict[str, int]] = json.loads(result.stdout)["rows"]
        return rows

    rows = compare("gan", "a vae")
    assert [row["both"] for row in rows] == [3, 0, 3]
    assert compare("gan", '"a vae"') == rows
    assert [row["only_1"] for row in compare("A VAE", "gan")] == [0, 4, 4]
    table = run("topics", "compare", "gan", "a vae", "--store", store.root).stdout
    assert 'GANs vs "a vae"' in table and 'Only "a vae"' in table


def test_topics_without_a_match_have_a_row_of_zeros(store: Store, library: Library) -> None:
    query, library = parse_query(library, topics=["kan", "rnn"])
    (row,) = compare_topics(store, library, query, ML).rows
    assert row == {"period": "all", "only_1": 0, "only_2": 0, "both": 0, "jaccard": None, "of_1": None, "of_2": None}


def test_two_different_topics_are_required(store: Store, library: Library) -> None:
    query, library = parse_query(library, topics=["gan", "gan"])
    with pytest.raises(UsageError, match="Name two different topics"):
        compare_topics(store, library, query, ML)
    unknown = run("topics", "compare", "gan", "vea", "--store", store.root)
    assert unknown.exit_code == 2 and "did you mean" in unknown.stderr


def test_a_year_in_which_neither_matches_is_a_row_of_zeros(tmp_path: Path, library: Library) -> None:
    papers = [paper("1801.00001", "2018-01-05", "A GAN"), paper("2001.00001", "2020-01-05", "A VAE")]
    query, library = parse_query(library, topics=["gan", "vae"])
    rows = compare_topics(fill(tmp_path, papers, [coverage_record(until="2021-01-01")]), library, query, ML).rows
    assert [(row["period"], row["only_1"], row["only_2"]) for row in rows[:-1]] == [
        ("2018", 1, 0),
        ("2019", 0, 0),
        ("2020", 0, 1),
    ]
