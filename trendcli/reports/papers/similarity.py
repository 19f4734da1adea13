"""How alike two submissions are: the cosine of their tf-idf vectors over the words of title and abstract.

A word that occurs tf times in a submission, and in df of n, weighs (1 + ln tf) ln((1 + n) / (1 + df)), as in Manning,
Raghavan and Schütze: Introduction to Information Retrieval, 6.2 to 6.4. That is TfidfVectorizer of scikit-learn with
sublinear_tf and smooth_idf, but for the one that it adds to every idf: a word of every submission weighs nothing here.
df is taken from a sample of the store.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trendcli.core.files import write_file_atomically
from trendcli.reports.papers.query_syntax import Or, SearchQuery, SearchTerm, split_words
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

if TYPE_CHECKING:
    import duckdb

# the sample: so many files, evenly spread over the months, and the first so many submissions of each
SAMPLE_FILES, SAMPLE_ROWS_PER_FILE = 20, 1000
MAX_QUERY_WORDS = 25  # words of a submission by which others are looked for
MAX_COMPARED = 300  # submissions that share most of them, and are compared in full
_POINTS_PER_UNIT = 1000  # points are whole numbers, so that no order hangs on how a sum was rounded

TfidfVector = Mapping[str, float]


@dataclass(frozen=True)
class DocumentFrequencies:
    """In how many of `size` submissions each word occurs."""

    document_count: int
    counts: Mapping[str, int]

    def idf(self, word: str) -> float:
        """ln((1 + n) / (1 + df)): 0 for a word of every submission, most for one that the sample does not hold."""
        return math.log((1 + self.document_count) / (1 + self.counts.get(word, 0)))


def sample_document_frequencies(db: duckdb.DuckDBPyConnection, store: Store) -> DocumentFrequencies:
    """The sample of a store, as it was taken before where the store is the same."""
    path = store.cache_folder / "like" / f"{store.compute_fingerprint()}.json"
    with suppress(OSError, ValueError, KeyError):
        said = json.loads(path.read_text(encoding="utf-8"))
        return DocumentFrequencies(said["size"], said["counts"])
    read = file_rows_sql(store, _spread_files(store.manifest.files), ", ".join(store.text_fields), live_only=False)
    size, counts = 0, Counter[str]()
    for texts in db.execute(
        f"SELECT {', '.join(store.text_fields)} FROM ({read}) WHERE row < {SAMPLE_ROWS_PER_FILE}"
    ).fetchall():
        size += 1
        counts.update(set(_text_words(texts)))
    with suppress(OSError):  # a read-only disk
        for old in path.parent.glob("*.json"):
            old.unlink(missing_ok=True)
        write_file_atomically(path, json.dumps({"size": size, "counts": counts}).encode())
    return DocumentFrequencies(size, counts)


def tfidf_vector(texts: Iterable[str | None], frequencies: DocumentFrequencies) -> dict[str, float]:
    """Word -> weight of a submission's texts; the length of the vector is 1, or 0 where it has no word that tells."""
    weights = {word: (1 + math.log(tf)) * frequencies.idf(word) for word, tf in Counter(_text_words(texts)).items()}
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {word: weight / length for word, weight in weights.items() if weight} if length else {}


def cosine_similarity(one: TfidfVector, other: TfidfVector) -> float:
    """The cosine of two vectors of length 1: 0 where they share no word, 1 for the same direction."""
    return math.fsum(weight * other[word] for word, weight in one.items() if word in other)


def shared_words(one: TfidfVector, other: TfidfVector) -> list[str]:
    """The words that make two submissions alike, those that do so most first."""
    both = {word: weight * other[word] for word, weight in one.items() if word in other}
    return sorted(both, key=lambda word: (-both[word], word))


def build_similarity_query(
    target: TfidfVector, frequencies: DocumentFrequencies, fields: tuple[str, ...]
) -> SearchQuery:
    """What finds submissions that share telling words; points are about what each word adds to the cosine."""
    telling = sorted(target, key=lambda word: (-target[word], word))[:MAX_QUERY_WORDS]
    terms = tuple(SearchTerm(word, ((word,),), "", fields) for word in telling)
    must = Or(terms)
    points = [(term, round(_POINTS_PER_UNIT * target[term.text] * frequencies.idf(term.text))) for term in terms]
    return SearchQuery(must, ((must, 0), *points), 1, terms)


def _text_words(texts: Iterable[str | None]) -> list[str]:
    return split_words("\n".join(text for text in texts if text))


def _spread_files(files: tuple[DataFile, ...]) -> list[DataFile]:
    ordered = sorted(files, key=lambda item: (item.first, item.path))
    return (
        [ordered[place * len(ordered) // SAMPLE_FILES] for place in range(SAMPLE_FILES)]
        if len(ordered) > SAMPLE_FILES
        else ordered
    )
