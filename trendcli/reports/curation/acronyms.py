"""What an acronym stands for: the long forms that define it in text, and whether the words around it fit them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import log

# characters on each side of a mention whose words are "around" it: some forty words in all
SURROUNDING_CHARS = 120
# with these, of what was tried, surroundings of one meaning and of another came apart best
# (docs/how-to/checking-topics.md)
MIN_SURROUNDINGS, MAX_BACKGROUND_RATIO = 3, 2.5
_WORD_PATTERN = re.compile(r"[a-z][a-z]+")
_PLURAL_ENDING = re.compile(r"(?<=[^ius])s$")


def iter_long_forms(acronym: str, text: str) -> Iterator[str]:
    """The long form before each '(ACRONYM)' of a text, in lower case.

    The shortest run of words that holds the letters of the acronym in their order and begins with the first, of at most
    min(n + 5, 2n) words for n letters (Schwartz and Hearst 2003).
    """
    letters = [char for char in acronym.lower() if char.isalnum()]
    for found in re.finditer(rf"\(\s*{re.escape(acronym)}s?\s*[);,]", text):
        before = " ".join(text[: found.start()].split()[-min(len(letters) + 5, 2 * len(letters)) :]).lower()
        place = len(before)
        for number in reversed(range(len(letters))):
            place -= 1
            while place >= 0 and not (
                before[place] == letters[number] and (number or place == 0 or not before[place - 1].isalnum())
            ):
                place -= 1
        if place >= 0:
            yield before[place:]


def find_words(text: str) -> frozenset[str]:
    """The words of a text, in lower case and without a plural s."""
    return frozenset(_PLURAL_ENDING.sub("", word) for word in _WORD_PATTERN.findall(text.lower()))


def surrounding_words(text: str, start: int, end: int, excluded_words: Collection[str] = ()) -> frozenset[str]:
    """The words within REACH characters of a mention, but for those of the mention and of `without`."""
    return find_words(
        f"{text[max(0, start - SURROUNDING_CHARS) : start]} {text[end : end + SURROUNDING_CHARS]}"
    ).difference(excluded_words)


def compute_word_weights(
    same_sense: Sequence[Collection[str]], background: Sequence[Collection[str]]
) -> dict[str, float]:
    """How much a word speaks for the first of two lists of surroundings: the logarithm of its odds there over here.

    The log likelihood ratio of a naive Bayes classifier, with half a surrounding added to each side. A word in fewer
    than RARE surroundings says nothing. Of the second list at most BESIDE as many are taken as the first has, since
    the half weighs more on the shorter side.
    """
    background = background[: int(MAX_BACKGROUND_RATIO * len(same_sense))]
    ours, theirs = (Counter(word for surrounding in side for word in surrounding) for side in (same_sense, background))
    return {
        word: log((ours[word] + 0.5) / (len(same_sense) + 1)) - log((theirs[word] + 0.5) / (len(background) + 1))
        for word in {*ours, *theirs}
        if ours[word] + theirs[word] >= MIN_SURROUNDINGS
    }


def is_same_sense(surrounding: Collection[str], word_weights: Mapping[str, float]) -> bool:
    """Whether the words of a surrounding speak for the first list that the weights were made of."""
    return sum(word_weights.get(word, 0.0) for word in surrounding) > 0


def estimate_recall(same_sense: Sequence[Collection[str]], background: Sequence[Collection[str]]) -> float:
    """The share of the first list of surroundings that fit it by weights made of the other half of both lists."""
    found = 0
    for half in (0, 1):
        weight = compute_word_weights(same_sense[1 - half :: 2], background[1 - half :: 2])
        found += sum(is_same_sense(surrounding, weight) for surrounding in same_sense[half::2])
    return found / len(same_sense)


def typical_words(target: Sequence[Collection[str]], reference: Sequence[Collection[str]], max_words: int) -> list[str]:
    """The words that tell the first list of surroundings from the second best, of odds that are threefold or more."""
    ours, theirs = (Counter(word for surrounding in side for word in surrounding) for side in (target, reference))
    odds = {word: (ours[word] / len(target)) / ((theirs[word] + 0.5) / (len(reference) + 1)) for word in ours}
    telling = (word for word, number in ours.items() if number > 1 and odds[word] >= 3)
    return sorted(telling, key=lambda word: (-ours[word] * log(odds[word]), word))[:max_words]
