"""Terms that say nothing, and terms that say the same: what a list leaves out, and what it folds into one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trendcli.reports.terms.stopwords import GENERIC_WORDS, STOPWORDS

# near-duplicates: of the submissions that hold either of two terms, so many hold both
MIN_JACCARD = 0.75
# a term is common language where its share differs so little between categories of so many submissions, if there are as
# many of them, and so many submissions hold it
MAX_VARIATION, MIN_CATEGORY_SIZE, MIN_CATEGORIES, MIN_DOCUMENTS = 0.3, 200, 6, 100
# so often an acronym has to be defined, and that part of its definitions has to say the same
_MIN_DEFINITIONS, _MIN_DEFINITION_SHARE = 2, 0.5


def is_stopword_phrase(term: str) -> bool:
    """Whether a term is made of common words alone, as in "large scale"."""
    return all(
        word in STOPWORDS or word in GENERIC_WORDS or word.removesuffix("s") in GENERIC_WORDS for word in term.split()
    )


def is_evenly_spread(counts: NDArray[np.int64], category_totals: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which terms are spread alike over categories, as common language is; `counts` is terms × categories.

    By the coefficient of variation of the share between categories, from what Pearson's statistic is beyond chance.
    """
    large = category_totals >= MIN_CATEGORY_SIZE
    counts, category_totals = counts[:, large], category_totals[large]
    held = counts.sum(axis=1)
    if large.sum() < MIN_CATEGORIES:
        return np.zeros(len(counts), bool)
    share = np.clip(held / category_totals.sum(), 1e-12, 1 - 1e-12)[:, None]
    beyond = ((counts - share * category_totals) ** 2 / (share * category_totals * (1 - share))).sum(axis=1) - (
        len(category_totals) - 1
    )
    variation = np.sqrt(np.maximum(beyond, 0) / category_totals.sum() * ((1 - share) / share)[:, 0])
    found: NDArray[np.bool_] = (variation < MAX_VARIATION) & (held >= MIN_DOCUMENTS)
    return found


def find_long_forms(definition_counts: Mapping[tuple[str, str], int]) -> dict[str, str]:
    """What each acronym stands for, where it was defined more than once and mostly as that."""
    found: dict[str, str] = {}
    every: Counter[str] = Counter()
    for (acronym, _), number in definition_counts.items():
        every[acronym] += number
    for (acronym, form), number in definition_counts.items():
        if number >= _MIN_DEFINITIONS and number > _MIN_DEFINITION_SHARE * every[acronym]:
            found[acronym] = form
    return found


def group_near_duplicates(
    terms: Sequence[str], documents: Sequence[NDArray[np.int32]], long_form: Mapping[str, str]
) -> list[list[int]]:
    """Groups of near-duplicates, by their places in `terms`, the one that names the group first.

    Two are near-duplicates where they share a word and nearly all submissions, or one is the acronym of the other.
    A group is named by its longest term, or by an acronym that more submissions hold.
    """
    place = {term: number for number, term in enumerate(terms)}
    group = list(range(len(terms)))

    def find_root(number: int) -> int:
        while group[number] != number:
            number = group[number]
        return number

    by_word: dict[str, list[int]] = {}
    for number, term in enumerate(terms):
        for word in set(term.split()) - STOPWORDS:
            by_word.setdefault(word, []).append(number)
    pairs = {(one, two) for listed in by_word.values() for i, one in enumerate(listed) for two in listed[i + 1 :]}
    for one, two in sorted(pairs):
        least, most = sorted((len(documents[one]), len(documents[two])))
        if least >= MIN_JACCARD * most and _is_near_duplicate(documents[one], documents[two]):
            group[find_root(two)] = find_root(one)
    for acronym, form in long_form.items():
        if acronym in place and form in place:
            group[find_root(place[acronym])] = find_root(place[form])
    groups: dict[int, list[int]] = {}
    for number in range(len(terms)):
        groups.setdefault(find_root(number), []).append(number)

    def sort_key(number: int) -> tuple[int, int, str]:
        return -len(terms[number].split()), -len(documents[number]), terms[number]

    found = []
    for members in groups.values():
        ranked = sorted(members, key=sort_key)
        short = [one for one in members if terms[one] in long_form and len(documents[one]) > len(documents[ranked[0]])]
        ranked = sorted(ranked, key=lambda one: one not in short)
        found.append(ranked)
    return found


def _is_near_duplicate(one: NDArray[np.int32], two: NDArray[np.int32]) -> bool:
    both = len(np.intersect1d(one, two, assume_unique=True))
    return both >= MIN_JACCARD * (len(one) + len(two) - both)


def drop_subsumed(terms: Sequence[str], document_counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which terms are more than a part of a longer one: that which is held by no more submissions is the same test."""
    place = {term: at for at, term in enumerate(terms)}
    kept = np.ones(len(terms), bool)
    for at, term in enumerate(terms):
        words = term.split()
        for part in (" ".join(words[:-1]), " ".join(words[1:])):
            other = place.get(part, -1)
            if other >= 0 and document_counts[other] == document_counts[at]:
                kept[other] = False
    return kept
