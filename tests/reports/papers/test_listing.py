from __future__ import annotations

import csv
import random
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conftest import SMALL
from tests.reports.papers.worlds import list_by_words
from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.arxiv import canonical_categories
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.settings import Settings
from trendcli.core.types import Window
from trendcli.demo.corpus import CATEGORY_WEIGHTS, TOPIC_SHARES, SyntheticSubmission
from trendcli.reports.papers.listing import explain_matches, export_submissions, format_window
from trendcli.reports.trends.series import build_series
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


def test_the_newest_come_first(tmp_path: Path, library: Library) -> None:
    store = fill(
        tmp_path,
        [
            paper("1801.00001", "2018-01-05", "A GAN for all"),
            paper("1802.00002", "2018-02-05", "On nothing", "A generative adversarial network."),
            paper("1802.00003", "2018-02-06"),
        ],
    )
    assert [row["id"] for row in list_by_words(store, library, "gan").rows] == ["1802.00002", "1801.00001"]
    newest = list_by_words(store, library, "gan", limit=1)
    assert [row["id"] for row in newest.rows] == ["1802.00002"]
    assert newest.notes[0] == "2 submissions, newest 1 shown (--limit 0 for all)."
    everything = list_by_words(store, library)
    assert [row["id"] for row in everything.rows] == ["1802.00003", "1802.00002", "1801.00001"]
    assert [column.key for column in everything.columns] == ["id", "v1", "title"]
    assert everything.title == "Submissions, 2018-01-05 to 2020-01-01"


def test_a_window_of_a_venue_is_in_years(tmp_path: Path) -> None:
    venue = Store.open_or_create(tmp_path, corpus="iclr")
    assert format_window(venue, Window(date(2020, 1, 1), date(2021, 1, 1))) == "iclr 2020"
    assert format_window(venue, Window(date(2020, 1, 1), date(2023, 1, 1))) == "iclr 2020 to 2022"


@pytest.fixture(scope="module")
def made_up_store(tmp_path_factory: pytest.TempPathFactory, small_corpus: list[SyntheticSubmission]) -> Store:
    """The small made-up corpus as a store."""
    papers = [
        paper(
            synthetic.id, synthetic.published_at.replace(tzinfo=None).isoformat(), synthetic.title, synthetic.abstract,
            version=len(synthetic.versions), categories=canonical_categories(" ".join(synthetic.categories)),
            authors=", ".join(synthetic.authors),
        )
        for synthetic in small_corpus
    ]  # fmt: skip
    return fill(tmp_path_factory.mktemp("made-up") / "store", papers, [coverage_record(sorted(CATEGORY_WEIGHTS))])


@pytest.mark.journey
def test_a_count_is_the_number_of_listed_submissions(made_up_store: Store, library: Library) -> None:
    rng = random.Random(5)
    names = ["rl", "rnn", "gan", "generative-models", "architectures", "cnn", "bayesian", "few-shot", "optimization"]
    for _ in range(25):
        options: dict[str, Any] = {
            "match": rng.choice(["any", "title", "strict"]),
            "primary_only": rng.random() < 0.5,
            "categories": rng.choice([None, ["cs.LG"], ["cs.CL", "cs.CV"]]),
            "period": rng.choice(["2018", "2019", "2019-Q2", "2019-03", "2018-W20"]),
        }
        if rng.random() < 0.3:
            options["author"] = "Novak"
        name = rng.choice(names)
        period = options["period"]
        by = {"Q": "quarter", "W": "week"}.get(period[5:6], "month" if len(period) == 7 else "year")
        scope = Settings().resolve_scope(options["categories"])
        filters = {key: value for key, value in options.items() if key != "categories"}
        query, topics = parse_query(library, topics=[name], by=by, scope=scope, **filters)
        (row,) = build_series(made_up_store, topics, query, ML).rows
        assert len(list_by_words(made_up_store, library, name, **options).rows) == row["count"], (name, options)
        assert len(list_by_words(made_up_store, library, **options).rows) == row["base"], (name, options)


@pytest.mark.journey
def test_every_planted_paper_is_found(
    made_up_store: Store, library: Library, small_corpus: list[SyntheticSubmission]
) -> None:
    for topic in TOPIC_SHARES:
        planted = {synthetic.id for synthetic in small_corpus if topic in synthetic.topics}
        assert planted <= {row["id"] for row in list_by_words(made_up_store, library, topic).rows}, topic
    assert made_up_store.manifest.submission_count == sum(SMALL.values())


def test_an_export_holds_what_a_list_holds(tmp_path: Path, made_up_store: Store, library: Library) -> None:
    def export(name: str, *topics: str, **options: Any) -> tuple[int, list[str]]:
        query, known_topics = parse_query(library, topics=topics, **options)
        return export_submissions(made_up_store, known_topics, query, ML, tmp_path / name)

    rows = list_by_words(made_up_store, library, "rnn", "gan", period="2019").rows
    assert export("a.parquet", "rnn", "gan", period="2019") == (len(rows), [])
    table = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert {row["id"] for row in table} == {row["id"] for row in rows}
    assert all(set(row["topics"]) <= {"rnn", "gan"} and row["topics"] for row in table)
    assert export("new/b.csv") == (sum(SMALL.values()), [])
    number, gaps = export("c.csv", since="2019-12", until="2021")
    assert 0 < number < 60 and gaps == ["Incomplete: missing anything after 2020-01-01."]
    with pytest.raises(CoverageMissing, match="Nothing to list: 2014-01-01 to 2015-01-01 is not covered"):
        export("d.csv", period="2014")

    with (tmp_path / "new/b.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == sum(SMALL.values())
    assert all(line["id"].count(".") == 1 and len(line["id"]) == 10 for line in lines)  # ids are no numbers
    assert [line["v1"] for line in lines] == sorted(line["v1"] for line in lines)
    with pytest.raises(UsageError, match=r"Exports are .parquet or .csv files; c.xlsx is neither"):
        export("c.xlsx")


def test_a_list_over_a_gap_says_so(tmp_path: Path, library: Library) -> None:
    """Where a report says n/a, the list of submissions does not pass for complete."""
    papers = [paper("1801.00001", "2018-01-05"), paper("1806.00002", "2018-06-05")]
    store = fill(
        tmp_path, papers, [coverage_record(until="2018-03-01"), coverage_record(since="2018-06-01", until="2018-07-01")]
    )
    whole = list_by_words(store, library, since="2018-01", until="2018-03")
    assert (len(whole.rows), whole.notes[0]) == (1, "1 submission.")
    gapped = list_by_words(store, library, since="2018-01", until="2018-07")
    assert gapped.notes[:2] == ["2 submissions.", "Incomplete: missing days not covered for cs.LG."]
    with pytest.raises(CoverageMissing, match="Nothing to list: 2018-04-01 to 2018-05-01 is not covered for cs.LG"):
        list_by_words(store, library, period="2018-04")
    assert list_by_words(store, library).notes[0] == "2 submissions."


@pytest.fixture
def explained_store(tmp_path: Path) -> Store:
    """A submission on GANs with an RNN in it, and one on RNNs outside of their guard."""
    return fill(
        tmp_path,
        [
            paper("1801.00001", "2018-01-05", "A GAN", "An RNN and an RNN.", categories="cs.LG"),
            paper("1801.00002", "2018-01-05", "An RNN", categories="hep-th"),
        ],
        [coverage_record()],
    )


def test_matches_are_explained_by_rule_and_field(explained_store: Store, library: Library) -> None:
    report = explain_matches(explained_store, library, "arXiv:1801.00001v2")
    assert [(row["topic"], row["rule"], row["field"]) for row in report.rows if row["topic"] == "rnn"] == [
        ("rnn", "acronym RNN", "abstract, 2 matches")
    ]
    via = {"topic": "generative-models", "result": "matches", "rule": "via gan", "field": "", "snippet": ""}
    assert {row["topic"] for row in report.rows} >= {"gan", "rnn"} and via in report.rows
    assert [column.label for column in report.columns] == ["Topic", "Result", "Rule", "Field", "Context"]


@pytest.mark.journey
def test_a_named_topic_says_why_it_does_not_match(explained_store: Store, library: Library) -> None:
    unnamed = explain_matches(explained_store, library, "1801.00001")
    named = explain_matches(explained_store, library, "1801.00001", ["transformer"])
    assert ("transformer", "no rule matches") in [(row["topic"], row["result"]) for row in named.rows]
    assert {row["topic"] for row in named.rows} > {row["topic"] for row in unnamed.rows}  # beside the others
    guarded = explain_matches(explained_store, library, "1801.00002", ["rnn"])
    assert any(row["result"].startswith("no: needs a category in cs.*") for row in guarded.rows)
    child = explain_matches(explained_store, library, "1801.00001", ["generative-models"])
    assert child.rows[-1]["rule"].endswith("(of gan)")


def test_an_unknown_identifier_cannot_be_explained(explained_store: Store, library: Library) -> None:
    with pytest.raises(UsageError, match="Not an arXiv identifier"):
        explain_matches(explained_store, library, "abc")
    with pytest.raises(UsageError, match="1901.00001 is not in the store"):
        explain_matches(explained_store, library, "1901.00001")
