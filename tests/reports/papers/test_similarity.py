from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tests.reports.papers.worlds import find_similar, listed_ids
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.core.normalize import SEARCH_WORD, split_words
from trendcli.core.types import Submission, ignore_progress
from trendcli.reports.papers import similarity
from trendcli.reports.papers.fulltext_build import build_index
from trendcli.reports.papers.similarity import (
    DocumentFrequencies,
    build_similarity_query,
    cosine_similarity,
    sample_document_frequencies,
    shared_words,
    tfidf_vector,
)
from trendcli.store.store import Store
from trendcli.topics.library import Library

WORLD = [
    paper("1801.00001", "2018-01-05", "Graph kernels", "A kernel on a graph: a graph kernel."),
    paper("1802.00002", "2018-02-05", "Kernels of graphs", "The graph kernel again, on a molecule."),
    paper("1903.00003", "2019-03-05", "Molecule design", "A molecule and a graph.", categories="cs.CL"),
    paper("1904.00004", "2019-04-05", "On translation", "Words of a language."),
    *(paper(f"1905.0001{number}", "2019-05-05", f"Filler {number}", "On nothing of a kind.") for number in range(9)),
]


def test_vectors_by_hand() -> None:
    """Of 7 submissions 'a' stands in all, 'graph' in 1, 'kernel' in 3: idf ln(8/8), ln(8/2), ln(8/4)."""
    frequencies = DocumentFrequencies(7, {"a": 7, "graph": 1, "kernel": 3})
    weights = {"graph": (1 + math.log(2)) * math.log(4), "kernel": math.log(2), "new": math.log(8)}
    length = math.sqrt(sum(weight**2 for weight in weights.values()))
    vector = tfidf_vector(["A graph", "a kernel, a Graph; new"], frequencies)
    assert vector == pytest.approx({word: weight / length for word, weight in weights.items()})
    assert cosine_similarity(vector, vector) == pytest.approx(1)
    other = tfidf_vector(["kernel"], frequencies)
    assert cosine_similarity(vector, other) == pytest.approx(math.log(2) / length)
    assert shared_words(vector, other) == ["kernel"]
    assert tfidf_vector(["a A"], frequencies) == {} and cosine_similarity({}, vector) == 0


def test_a_query_for_similar_submissions_by_hand() -> None:
    frequencies = DocumentFrequencies(7, {"graph": 1, "kernel": 3})
    query = build_similarity_query({"kernel": 0.6, "graph": 0.8}, frequencies, ("title",))
    assert [term.text for term in query.terms] == ["graph", "kernel"]
    assert [points for _, points in query.points] == [0, round(800 * math.log(4)), round(600 * math.log(2))]


def test_weights_are_those_of_scikit_learn_without_the_one_added_to_every_idf() -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    corpus = [f"{submission.title}\n{submission.abstract}" for submission in WORLD]
    model = text.TfidfVectorizer(token_pattern=r"[0-9a-z]+", sublinear_tf=True, smooth_idf=True)
    model.fit(corpus)
    model.idf_ = model.idf_ - 1
    theirs = model.transform(corpus).toarray()
    frequencies = DocumentFrequencies(len(WORLD), {word: _document_count(word) for word in model.vocabulary_})
    for row, submission in zip(theirs, WORLD, strict=True):
        ours = tfidf_vector([submission.title, submission.abstract], frequencies)
        assert ours == pytest.approx({word: row[column] for word, column in model.vocabulary_.items() if row[column]})


def _submission_words(submission: Submission) -> list[str]:
    return split_words(f"{submission.title} {submission.abstract}", SEARCH_WORD)


def _document_count(word: str) -> int:
    return sum(word in _submission_words(submission) for submission in WORLD)


@pytest.mark.parametrize("indexed", [False, True])
def test_neighbours_are_ranked_by_cosine(tmp_path: Path, library: Library, indexed: bool) -> None:
    store = fill(tmp_path / "store", WORLD, [coverage_record(["cs.LG", "cs.CL"])])
    if indexed:
        build_index(store, ignore_progress)
    report = find_similar(store, library, "1801.00001")
    assert listed_ids(report)[:2] == ["1802.00002", "1903.00003"] and "1801.00001" not in listed_ids(report)
    scores = [row["score"] for row in report.rows]
    assert scores == sorted(scores, reverse=True) and 0 < scores[1] < scores[0] < 1
    counts = {word: _document_count(word) for submission in WORLD for word in _submission_words(submission)}
    frequencies = DocumentFrequencies(len(WORLD), counts)
    one, other = (tfidf_vector([submission.title, submission.abstract], frequencies) for submission in WORLD[:2])
    assert scores[0] == pytest.approx(cosine_similarity(one, other), abs=6e-4)
    assert {match["phrase"] for match in report.rows[0]["matches"]} >= {"graph", "kernel"}
    assert report.title.startswith("Submissions similar to 1801.00001: Graph kernels, 2018-01-05")
    assert "most distinctive words" in report.notes[0] and "nearest 12 shown" in report.notes[0]
    assert "idf from a sample of 13 submissions" in report.notes[1]
    assert list((store.cache_folder / "like").glob("*.json"))


def test_neighbours_stay_within_the_selection(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path / "store", WORLD, [coverage_record(["cs.LG", "cs.CL"])])
    assert listed_ids(find_similar(store, library, "arXiv:1801.00001v1", categories=["cs.CL"])) == ["1903.00003"]
    assert listed_ids(find_similar(store, library, "1801.00001", until="2019", limit=1)) == ["1802.00002"]
    with pytest.raises(UsageError, match="1701.00001 is not in the store. Fetch its month"):
        find_similar(store, library, "1701.00001")


def test_a_submission_without_distinctive_words_has_no_neighbours(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path / "store", [paper("1801.00001", "2018-01-05"), paper("1801.00002", "2018-01-06")])
    with pytest.raises(UsageError, match="1801.00001 has no distinctive word"):
        find_similar(store, library, "1801.00001")


def test_the_sample_is_spread_over_the_files_and_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "SAMPLE_FILES", 3)
    monkeypatch.setattr(similarity, "SAMPLE_ROWS_PER_FILE", 2)
    papers = [
        paper(f"18{month:02d}.{number:05d}", f"2018-{month:02d}-0{number}", f"m{month}", f"p{number}")
        for month in range(1, 10)
        for number in range(1, 5)
    ]
    store = fill(tmp_path / "store", papers)

    def raise_read_only(*_: Any) -> None:
        raise OSError("a read-only disk")

    with store.connect() as db:
        with monkeypatch.context() as patch:
            patch.setattr(similarity, "write_file_atomically", raise_read_only)
            uncached = sample_document_frequencies(db, store)
        assert not list((store.cache_folder / "like").glob("*.json"))
        frequencies = sample_document_frequencies(db, store)
        assert frequencies == uncached == sample_document_frequencies(db, store)
    assert (frequencies.document_count, frequencies.counts) == (6, {"m1": 2, "m4": 2, "m7": 2, "p1": 3, "p2": 3})
    fill(store.root, [paper("1901.00001", "2019-01-01")], [coverage_record(at="2020-06-02")])
    later = Store.open(store.root)
    with later.connect() as db:
        sample_document_frequencies(db, later)
    assert [path.stem for path in (store.cache_folder / "like").glob("*.json")] == [later.compute_fingerprint()]
