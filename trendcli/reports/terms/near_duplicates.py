"""Near-duplicates: terms that lie in the same submissions, which a list merges into one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trendcli.reports.terms.stopwords import STOPWORDS

MIN_JACCARD = 0.75  # submissions with both terms per submission with either

DocumentIndices = NDArray[np.int32]


def group_near_duplicates(
    terms: Sequence[str], documents: Sequence[DocumentIndices], long_form: Mapping[str, str]
) -> list[list[int]]:
    """Return groups of near-duplicates, as indices into `terms`, the one that names the group first.

    Two terms are near-duplicates if they share a word that is no stopword and nearly all submissions (MIN_JACCARD), or
    if one is the acronym of the other by `long_form`. `documents` has the sorted submissions of each term. A group is
    named by its longest term, or by an acronym that more submissions contain.
    """
    index_of = {term: index for index, term in enumerate(terms)}
    parents = list(range(len(terms)))

    def find_root(index: int) -> int:
        while parents[index] != index:
            index = parents[index]
        return index

    terms_by_word: dict[str, list[int]] = {}
    for index, term in enumerate(terms):
        for word in set(term.split()) - STOPWORDS:
            terms_by_word.setdefault(word, []).append(index)
    pairs = {
        (one, two) for indices in terms_by_word.values() for i, one in enumerate(indices) for two in indices[i + 1 :]
    }
    for one, two in sorted(pairs):
        smaller, larger = sorted((len(documents[one]), len(documents[two])))
        if smaller >= MIN_JACCARD * larger and _is_near_duplicate(documents[one], documents[two]):
            parents[find_root(two)] = find_root(one)
    for acronym, phrase in long_form.items():
        if acronym in index_of and phrase in index_of:
            parents[find_root(index_of[acronym])] = find_root(index_of[phrase])
    members_by_root: dict[int, list[int]] = {}
    for index in range(len(terms)):
        members_by_root.setdefault(find_root(index), []).append(index)

    def sort_key(index: int) -> tuple[int, int, str]:
        return -len(terms[index].split()), -len(documents[index]), terms[index]

    groups = []
    for members in members_by_root.values():
        ranked = sorted(members, key=sort_key)
        longest = ranked[0]
        acronyms = {
            index for index in members if terms[index] in long_form and len(documents[index]) > len(documents[longest])
        }
        groups.append(sorted(ranked, key=lambda index: index not in acronyms))
    return groups


def _is_near_duplicate(one: DocumentIndices, two: DocumentIndices) -> bool:
    both = len(np.intersect1d(one, two, assume_unique=True))
    return both >= MIN_JACCARD * (len(one) + len(two) - both)


def drop_subsumed(terms: Sequence[str], document_counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which terms to keep: not those that occur only as part of a longer one, whose test is the same.

    A part is a longer term without its first or last word that is in no more submissions than it. `document_counts` has
    the submissions of each term.
    """
    index_of = {term: index for index, term in enumerate(terms)}
    is_kept = np.ones(len(terms), bool)
    for index, term in enumerate(terms):
        words = term.split()
        for part in (" ".join(words[:-1]), " ".join(words[1:])):
            part_index = index_of.get(part, -1)
            if part_index >= 0 and document_counts[part_index] == document_counts[index]:
                is_kept[part_index] = False
    return is_kept
