from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import answer, fill, paper
from tests.reports.papers.test_search import ids, searched
from trendcli.core.errors import UsageError
from trendcli.core.types import ignore_progress
from trendcli.reports.papers import fulltext_build as indexing
from trendcli.reports.papers import similarity as likeness
from trendcli.reports.papers.similarity import DocumentFrequencies, cosine_similarity, shared_words, tfidf_vector
from trendcli.store.store import Store
from trendcli.topics.library import Library

WORLD = [
    paper("1801.00001", "2018-01-05", "Graph kernels", "A kernel on a graph: a graph kernel."),
    paper("1802.00002", "2018-02-05", "Kernels of graphs", "The graph kernel again, on a molecule."),
    paper("1903.00003", "2019-03-05", "Molecule design", "A molecule and a graph.", categories="cs.CL"),
    paper("1904.00004", "2019-04-05", "On translation", "Words of a language."),
    *(paper(f"1905.0001{number}", "2019-05-05", f"Filler {number}", "On nothing of a kind.") for number in range(9)),
]


def test_by_hand() -> None:
    """Of 7 submissions 'a' stands in all, 'graph' in 1, 'kernel' in 3: idf ln(8/8), ln(8/2), ln(8/4)."""
    seen = DocumentFrequencies(7, {"a": 7, "graph": 1, "kernel": 3})
    weights = {"graph": (1 + math.log(2)) * math.log(4), "kernel": math.log(2), "new": math.log(8)}
    length = math.sqrt(sum(weight**2 for weight in weights.values()))
    found = tfidf_vector(["A graph", "a kernel, a Graph; new"], seen)
    assert found == pytest.approx({word: weight / length for word, weight in weights.items()})
    assert cosine_similarity(found, found) == pytest.approx(1)
    other = tfidf_vector(["kernel"], seen)
    assert cosine_similarity(found, other) == pytest.approx(math.log(2) / length)
    assert shared_words(found, other) == ["kernel"]
    assert tfidf_vector(["a A"], seen) == {} and cosine_similarity({}, found) == 0


def test_it_is_scikit_learns_tfidf_but_for_the_one_added_to_every_idf() -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    corpus = [f"{item.title}\n{item.abstract}" for item in WORLD]
    model = text.TfidfVectorizer(token_pattern=r"[0-9a-z]+", sublinear_tf=True, smooth_idf=True)
    model.fit(corpus)
    model.idf_ = model.idf_ - 1
    theirs = model.transform(corpus).toarray()
    seen = DocumentFrequencies(len(WORLD), {word: _df(word) for word in model.vocabulary_})
    for row, item in zip(theirs, WORLD, strict=True):
        ours = tfidf_vector([item.title, item.abstract], seen)
        expected = {word: row[place] for word, place in model.vocabulary_.items() if row[place]}
        assert ours == pytest.approx(expected)


def _df(word: str) -> int:
    return sum(word in likeness.split_words(f"{item.title} {item.abstract}") for item in WORLD)


@pytest.mark.parametrize("indexed", [False, True])
def test_neighbours(tmp_path: Path, library: Library, indexed: bool) -> None:
    store = fill(tmp_path / "store", WORLD, [answer(["cs.LG", "cs.CL"])])
    if indexed:
        indexing.build_index(store, ignore_progress)
    found = searched(store, library, None, like="1801.00001")
    assert ids(found)[:2] == ["1802.00002", "1903.00003"] and "1801.00001" not in ids(found)
    scores = [row["score"] for row in found.rows]
    assert scores == sorted(scores, reverse=True) and 0 < scores[1] < scores[0] < 1
    every = {word: _df(word) for item in WORLD for word in likeness.split_words(f"{item.title} {item.abstract}")}
    one, two = (tfidf_vector([item.title, item.abstract], DocumentFrequencies(len(WORLD), every)) for item in WORLD[:2])
    assert scores[0] == pytest.approx(cosine_similarity(one, two), abs=6e-4)
    assert {match["phrase"] for match in found.rows[0]["matches"]} >= {"graph", "kernel"}
    assert found.title.startswith("Submissions like 1801.00001: Graph kernels, 2018-01-05")
    assert "idf from a sample of 13 submissions" in found.notes[1]
    assert ids(searched(store, library, None, like="arXiv:1801.00001v1", categories=["cs.CL"])) == ["1903.00003"]
    assert ids(searched(store, library, None, like="1801.00001", until="2019", limit=1)) == ["1802.00002"]
    assert list((store.cache_folder / "like").glob("*.json"))
    with pytest.raises(UsageError, match=r"does not hold 1701.00001. Fetch its month"):
        searched(store, library, None, like="1701.00001")


def test_a_submission_like_all_others_has_no_neighbours(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path / "store", [paper("1801.00001", "2018-01-05"), paper("1801.00002", "2018-01-06")])
    with pytest.raises(UsageError, match="has no word that tells it from others"):
        searched(store, library, None, like="1801.00001")


def test_the_sample_is_spread_over_the_files_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "SAMPLE_FILES", 3)
    monkeypatch.setattr(likeness, "SAMPLE_ROWS_PER_FILE", 2)
    papers = [
        paper(f"18{month:02d}.{place:05d}", f"2018-{month:02d}-0{place}", f"m{month}", f"p{place}")
        for month in range(1, 10)
        for place in range(1, 5)
    ]
    store = fill(tmp_path / "store", papers)

    def no(*_: Any) -> None:
        raise OSError("a read-only disk")

    with store.connect() as db:
        with monkeypatch.context() as patch:
            patch.setattr(likeness, "write_file_atomically", no)
            unkept = likeness.sample_document_frequencies(db, store)
        assert not list((store.cache_folder / "like").glob("*.json"))
        seen = likeness.sample_document_frequencies(db, store)
        assert seen == unkept == likeness.sample_document_frequencies(db, store)
    assert (seen.document_count, seen.counts) == (6, {"m1": 2, "m4": 2, "m7": 2, "p1": 3, "p2": 3})
    fill(store.root, [paper("1901.00001", "2019-01-01")], [answer(at="2020-06-02")])
    later = Store.open(store.root)
    with later.connect() as db:
        likeness.sample_document_frequencies(db, later)
    assert [path.stem for path in (store.cache_folder / "like").glob("*.json")] == [later.compute_fingerprint()]
