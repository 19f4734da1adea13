"""How similar two submissions are: the cosine of their tf-idf vectors over the words of title and abstract.

A word that occurs tf times in a submission, and in df of n, weighs (1 + ln tf) ln((1 + n) / (1 + df)), as in Manning,
Raghavan and Schütze: Introduction to Information Retrieval, 6.2 to 6.4. That is TfidfVectorizer of scikit-learn with
sublinear_tf and smooth_idf, but without the one that it adds to every idf: a word of every submission weighs nothing
here. df comes from a sample of the store.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trendcli.core.checked_json import format_checked_json, parse_checked_json
from trendcli.core.files import write_file_atomically
from trendcli.core.normalize import SEARCH_WORD, split_words
from trendcli.reports.papers.query_syntax import Or, SearchQuery, SearchTerm
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

if TYPE_CHECKING:
    import duckdb

# the sample: files spread evenly over the months, and the first submissions of each
SAMPLE_FILES = 20
SAMPLE_ROWS_PER_FILE = 1000
MAX_QUERY_WORDS = 25  # words of a submission by which others are looked for
MAX_COMPARED = 300  # submissions that share most of those words and are compared in full
_POINTS_PER_UNIT = 1000  # points are integers, so that no order depends on how a sum is rounded

TfidfVector = Mapping[str, float]  # word -> weight, of length 1


@dataclass(frozen=True)
class DocumentFrequencies:
    """In how many of `document_count` submissions each word occurs."""

    document_count: int
    counts: Mapping[str, int]

    def idf(self, word: str) -> float:
        """Return ln((1 + n) / (1 + df)): 0 for a word of every submission, largest for one the sample lacks."""
        return math.log((1 + self.document_count) / (1 + self.counts.get(word, 0)))


def sample_document_frequencies(db: duckdb.DuckDBPyConnection, store: Store) -> DocumentFrequencies:
    """Return the document frequencies of a sample of the store; the sample of an unchanged store is cached."""
    path = store.cache_folder / "like" / f"{store.compute_fingerprint()}.json"
    with suppress(OSError, ValueError, KeyError):
        cached = parse_checked_json(path.read_bytes())
        return DocumentFrequencies(cached["size"], cached["counts"])
    fields = ", ".join(store.text_fields)
    stored = file_rows_sql(store, _spread_files(store.manifest.files), fields, live_only=False)
    document_count, counts = 0, Counter[str]()
    for texts in db.execute(f"SELECT {fields} FROM ({stored}) WHERE row < {SAMPLE_ROWS_PER_FILE}").fetchall():
        document_count += 1
        counts.update(set(_text_words(texts)))
    with suppress(OSError):  # a read-only disk
        write_file_atomically(path, format_checked_json({"size": document_count, "counts": counts}))
        for outdated in path.parent.glob(f"{'[0-9a-f]' * 16}.json"):
            if outdated != path:
                outdated.unlink(missing_ok=True)
    return DocumentFrequencies(document_count, counts)


def tfidf_vector(texts: Iterable[str | None], frequencies: DocumentFrequencies) -> dict[str, float]:
    """Return word -> weight of a submission's texts, scaled to length 1; empty if no word has a weight."""
    weights = {word: (1 + math.log(tf)) * frequencies.idf(word) for word, tf in Counter(_text_words(texts)).items()}
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {word: weight / length for word, weight in weights.items() if weight} if length else {}


def cosine_similarity(one: TfidfVector, other: TfidfVector) -> float:
    """Return the cosine of two vectors of length 1: 0 if they share no word, 1 for the same direction."""
    return math.fsum(weight * other[word] for word, weight in one.items() if word in other)


def shared_words(one: TfidfVector, other: TfidfVector) -> list[str]:
    """Return the words of both vectors, those that add most to the cosine first."""
    products = {word: weight * other[word] for word, weight in one.items() if word in other}
    return sorted(products, key=lambda word: (-products[word], word))


def build_similarity_query(
    target: TfidfVector, frequencies: DocumentFrequencies, fields: tuple[str, ...]
) -> SearchQuery:
    """Return a query for submissions that share distinctive words; points approximate what each adds to the cosine."""
    words = sorted(target, key=lambda word: (-target[word], word))[:MAX_QUERY_WORDS]
    terms = tuple(SearchTerm(word, ((word,),), "", fields) for word in words)
    requirement = Or(terms)
    points = [(term, round(_POINTS_PER_UNIT * target[term.text] * frequencies.idf(term.text))) for term in terms]
    return SearchQuery(requirement, ((requirement, 0), *points), 1, terms)


def _text_words(texts: Iterable[str | None]) -> list[str]:
    return split_words("\n".join(text for text in texts if text), SEARCH_WORD)


def _spread_files(files: Sequence[DataFile]) -> list[DataFile]:
    """Return `SAMPLE_FILES` files at equal distances in the order of their months, or all if there are fewer."""
    ordered = sorted(files, key=lambda data_file: (data_file.first, data_file.path))
    return (
        [ordered[number * len(ordered) // SAMPLE_FILES] for number in range(SAMPLE_FILES)]
        if len(ordered) > SAMPLE_FILES
        else ordered
    )
