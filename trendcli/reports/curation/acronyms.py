"""Whether an acronym means what its topic does, by the words around it: a naive Bayes classifier of two senses.

"Surroundings" are the words around a match, without order and each once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import log

from trendcli.core.normalize import CONTEXT_WORD, split_words

SURROUNDING_CHARS = 120  # characters on each side of a match: some forty words in all
# of the values that were tried, these separate the surroundings of one sense from those of another best
# (docs/how-to/checking-topics.md)
MIN_SURROUNDINGS = 3  # surroundings that contain a word which gets a weight
MAX_BACKGROUND_RATIO = 2.5  # surroundings of the background per surrounding of the sense
MIN_TYPICAL_ODDS = 3  # of a typical word, in one list over the other
_PLURAL_ENDING = re.compile(r"(?<=[^ius])s$")

Surroundings = Collection[str]


def find_words(text: str) -> frozenset[str]:
    """Return the words of a text, in lower case and without a plural s."""
    return frozenset(_PLURAL_ENDING.sub("", word) for word in split_words(text, CONTEXT_WORD))


def surrounding_words(text: str, start: int, end: int, excluded_words: Collection[str] = ()) -> frozenset[str]:
    """Return the words within SURROUNDING_CHARS of a match, without those of the match and without `excluded_words`."""
    before = text[max(0, start - SURROUNDING_CHARS) : start]
    after = text[end : end + SURROUNDING_CHARS]
    return find_words(f"{before} {after}").difference(excluded_words)


def compute_word_weights(same_sense: Sequence[Surroundings], background: Sequence[Surroundings]) -> dict[str, float]:
    """Return how much each word speaks for the sense rather than the background: the logarithm of its odds ratio.

    This is the log-likelihood ratio of a naive Bayes classifier, with half a surrounding added to each side. Words in
    fewer than MIN_SURROUNDINGS of them have no weight. Of the background at most MAX_BACKGROUND_RATIO as many are used
    as of the sense, since the half weighs more on the shorter side.
    """
    background = background[: int(MAX_BACKGROUND_RATIO * len(same_sense))]
    sense_counts, background_counts = _count_words(same_sense), _count_words(background)
    return {
        word: log((sense_counts[word] + 0.5) / (len(same_sense) + 1))
        - log((background_counts[word] + 0.5) / (len(background) + 1))
        for word in {*sense_counts, *background_counts}
        if sense_counts[word] + background_counts[word] >= MIN_SURROUNDINGS
    }


def _count_words(surroundings: Sequence[Surroundings]) -> Counter[str]:
    return Counter(word for words in surroundings for word in words)


def is_same_sense(surrounding: Surroundings, word_weights: Mapping[str, float]) -> bool:
    """Return whether the words of a surrounding speak for the sense that the weights were computed for."""
    return sum(word_weights.get(word, 0.0) for word in surrounding) > 0


def estimate_recall(same_sense: Sequence[Surroundings], background: Sequence[Surroundings]) -> float:
    """Return the share of a sense's surroundings that are recognised, each half by weights from the other halves."""
    recognised = 0
    for half in (0, 1):
        word_weights = compute_word_weights(same_sense[1 - half :: 2], background[1 - half :: 2])
        recognised += sum(is_same_sense(surrounding, word_weights) for surrounding in same_sense[half::2])
    return recognised / len(same_sense)


def typical_words(target: Sequence[Surroundings], reference: Sequence[Surroundings], max_words: int) -> list[str]:
    """Return the words that best distinguish one list of surroundings from another, the best first.

    They are in at least two of `target`, with odds at least MIN_TYPICAL_ODDS times those in `reference`.
    """
    target_counts, reference_counts = _count_words(target), _count_words(reference)
    odds = {
        word: (target_counts[word] / len(target)) / ((reference_counts[word] + 0.5) / (len(reference) + 1))
        for word in target_counts
    }
    candidates = (word for word, count in target_counts.items() if count > 1 and odds[word] >= MIN_TYPICAL_ODDS)
    return sorted(candidates, key=lambda word: (-target_counts[word] * log(odds[word]), word))[:max_words]
