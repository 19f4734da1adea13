from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conftest import ML, SMALL, answer, fill, paper
from tests.reports.trends.test_comparison import ask
from trendcli.core.arxiv import canonical_categories
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.report import Report
from trendcli.core.settings import Settings
from trendcli.demo import corpus
from trendcli.reports.papers import listing
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


def listed(store: Store, library: Library, *names: str, **words: Any) -> Report:
    """The submissions of a selection, from a person's words."""
    scope = Settings().resolve_scope(words.pop("categories", None))
    question, known = parse_query(library, topics=names, scope=scope, **words)
    return listing.list_submissions(store, known, question, ML)


def test_what_a_row_says(tmp_path: Path, library: Library) -> None:
    store = fill(
        tmp_path,
        [
            paper(
                "1801.00001",
                "2018-01-05T12:30:00",
                "A GAN for all",
                "Nothing.",
                authors="A. One (Lab), B. Two and C. Three",
                categories="cs.CL cs.LG cs.AI",
            ),
            paper("1802.00002", "2018-02-05", "On nothing", "A generative adversarial network, and a GAN.", version=3),
            paper("1802.00003", "2018-02-06"),
        ],
        [answer(ML.categories)],
    )
    found = listed(store, library, "gan")
    assert [row["id"] for row in found.rows] == ["1802.00002", "1801.00001"]  # newest first
    second, first = found.rows
    assert {key: first[key] for key in ("v1", "version", "authors", "primary", "categories", "url")} == {
        "v1": "2018-01-05T12:30:00Z", "version": 1, "authors": ["A. One", "B. Two", "C. Three"], "primary": "cs.CL",
        "categories": ["cs.CL", "cs.AI", "cs.LG"], "url": "https://arxiv.org/abs/1801.00001",
    }  # fmt: skip
    assert [(match["topic"], match["field"]) for match in first["matches"]] == [("gan", "title")]
    phrases = {match["phrase"]: match["snippet"] for match in second["matches"]}
    assert phrases["generative adversarial network"] == "A generative adversarial network, and a GAN."
    assert [row["id"] for row in listed(store, library, "gan", limit=1).rows] == ["1802.00002"]
    assert [row["id"] for row in listed(store, library).rows] == ["1802.00003", "1802.00002", "1801.00001"]
    assert listed(store, library).rows[0]["matches"] == []


def test_a_snippet_is_cut_at_words(tmp_path: Path, library: Library) -> None:
    text = " ".join(["before"] * 20) + " a GAN " + " ".join(["after"] * 20)
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", "x", text)], [answer()])
    snippet = listed(store, library, "gan").rows[0]["matches"][0]["snippet"]
    assert snippet == "… before before before before before a GAN after after after after after after …"


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory, small_corpus: list[corpus.SyntheticSubmission]) -> Store:
    """The small made-up corpus as a store."""
    papers = [
        paper(
            item.id, item.published_at.replace(tzinfo=None).isoformat(), item.title, item.abstract, version=len(item.versions),
            categories=canonical_categories(" ".join(item.categories)), authors=", ".join(item.authors),
        )
        for item in small_corpus
    ]  # fmt: skip
    return fill(tmp_path_factory.mktemp("made-up") / "store", papers, [answer(sorted(corpus.CATEGORY_WEIGHTS))])


def test_a_count_is_the_number_of_rows_listed(made_up: Store, library: Library) -> None:
    rng = random.Random(5)
    names = ["rl", "rnn", "gan", "generative-models", "architectures", "cnn", "bayesian", "few-shot", "optimization"]
    for _ in range(25):
        words: dict[str, Any] = {
            "match": rng.choice(["any", "title", "strict"]),
            "primary_only": rng.random() < 0.5,
            "categories": rng.choice([None, ["cs.LG"], ["cs.CL", "cs.CV"]]),
            "period": rng.choice(["2018", "2019", "2019-Q2", "2019-03", "2018-W20"]),
        }
        if rng.random() < 0.3:
            words["author"] = "Novak"
        name = rng.choice(names)
        by = {"Q": "quarter", "W": "week"}.get(words["period"][5:6], "month" if len(words["period"]) == 7 else "year")
        counted = ask("series", made_up, library, name, by=by, **words).rows
        assert len(listed(made_up, library, name, **words).rows) == counted[0]["count"], (name, words)
        assert len(listed(made_up, library, **words).rows) == counted[0]["base"], (name, words)


def test_every_planted_paper_is_found(
    made_up: Store, library: Library, small_corpus: list[corpus.SyntheticSubmission]
) -> None:
    for topic in corpus.TOPIC_SHARES:
        planted = {item.id for item in small_corpus if topic in item.topics}
        found = {row["id"] for row in listed(made_up, library, topic).rows}
        assert planted <= found, topic
    assert made_up.manifest.submission_count == sum(SMALL.values())


def test_export(tmp_path: Path, made_up: Store, library: Library) -> None:
    def export(name: str, *topics: str, **words: Any) -> tuple[int, list[str]]:
        question, known = parse_query(library, topics=topics, **words)
        return listing.export_submissions(made_up, known, question, ML, tmp_path / name)

    rows = listed(made_up, library, "rnn", "gan", period="2019").rows
    assert export("a.parquet", "rnn", "gan", period="2019") == (len(rows), [])
    table = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert {row["id"] for row in table} == {row["id"] for row in rows}
    assert all(set(row["topics"]) <= {"rnn", "gan"} and row["topics"] for row in table)
    assert export("new/b.csv") == (sum(SMALL.values()), [])
    number, gaps = export("c.csv", since="2019-12", until="2021")
    assert 0 < number < 60 and gaps == ["Not whole: without what came after 2020-01-01."]
    with pytest.raises(CoverageMissing, match="Nothing from 2014-01-01 to 2015-01-01 is covered"):
        export("d.csv", period="2014")

    with (tmp_path / "new/b.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == sum(SMALL.values())
    assert all(line["id"].count(".") == 1 and len(line["id"]) == 10 for line in lines)  # ids are no numbers
    assert [line["v1"] for line in lines] == sorted(line["v1"] for line in lines)
    with pytest.raises(UsageError, match=r"ends in .parquet or .csv"):
        export("c.xlsx")


def test_a_list_over_a_hole_says_so(tmp_path: Path, library: Library) -> None:
    """Where a report says n/a, the list of papers does not pass for whole."""
    papers = [paper("1801.00001", "2018-01-05"), paper("1806.00002", "2018-06-05")]
    store = fill(tmp_path, papers, [answer(until="2018-03-01"), answer(since="2018-06-01", until="2018-07-01")])
    whole = listed(store, library, since="2018-01", until="2018-03")
    assert (len(whole.rows), whole.notes[0]) == (1, "1 submission.")
    holed = listed(store, library, since="2018-01", until="2018-07")
    assert holed.notes[:2] == ["2 submissions.", "Not whole: without days that are not covered for cs.LG."]
    with pytest.raises(CoverageMissing, match="is covered for cs.LG, so there is nothing to list"):
        listed(store, library, period="2018-04")
    assert listed(store, library).notes[0] == "2 submissions."


def test_explain(tmp_path: Path, library: Library) -> None:
    store = fill(
        tmp_path,
        [
            paper("1801.00001", "2018-01-05", "A GAN", "An RNN and an RNN.", categories="cs.LG"),
            paper("1801.00002", "2018-01-05", "An RNN", categories="hep-th"),
        ],
        [answer()],
    )
    found = listing.explain_matches(store, library, "arXiv:1801.00001v2")
    assert [(row["topic"], row["rule"], row["field"]) for row in found.rows if row["topic"] == "rnn"] == [
        ("rnn", "acronym RNN", "abstract, 2 mentions")
    ]
    assert {row["topic"] for row in found.rows} >= {"gan", "rnn"}
    why = listing.explain_matches(store, library, "1801.00001", ["transformer"])
    assert ("transformer", "no rule matches") in [(row["topic"], row["result"]) for row in why.rows]
    assert {row["topic"] for row in why.rows} > {row["topic"] for row in found.rows}  # beside the others
    assert {
        "topic": "generative-models",
        "result": "matches",
        "rule": "through gan",
        "field": "",
        "snippet": "",
    } in found.rows
    guarded = listing.explain_matches(store, library, "1801.00002", ["rnn"])
    assert any(row["result"].startswith("no: its guard wants cs.*") for row in guarded.rows)
    child = listing.explain_matches(store, library, "1801.00001", ["generative-models"])
    assert child.rows[-1]["rule"].endswith("(of gan)")
    with pytest.raises(UsageError, match="Not an arXiv identifier"):
        listing.explain_matches(store, library, "abc")
    with pytest.raises(UsageError, match="does not hold 1901.00001"):
        listing.explain_matches(store, library, "1901.00001")
