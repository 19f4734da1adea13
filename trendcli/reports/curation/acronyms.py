"""What an acronym stands for: the long forms that define it in text, and whether the words around it fit them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import log

# characters on each side of a mention whose words are "around" it: some forty words in all
REACH = 120
# with these, of what was tried, surroundings of one meaning and of another came apart best (docs/checking-topics.md)
RARE, BESIDE = 3, 2.5
_WORD = re.compile(r"[a-z][a-z]+")
_PLURAL = re.compile(r"(?<=[^ius])s$")


def definitions(acronym: str, text: str) -> Iterator[str]:
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


def words(text: str) -> frozenset[str]:
    """The words of a text, in lower case and without a plural s."""
    return frozenset(_PLURAL.sub("", word) for word in _WORD.findall(text.lower()))


def around(text: str, start: int, end: int, without: Collection[str] = ()) -> frozenset[str]:
    """The words within REACH characters of a mention, but for those of the mention and of `without`."""
    return words(f"{text[max(0, start - REACH) : start]} {text[end : end + REACH]}").difference(without)


def weights(like: Sequence[Collection[str]], other: Sequence[Collection[str]]) -> dict[str, float]:
    """How much a word speaks for the first of two lists of surroundings: the logarithm of its odds there over here.

    The log likelihood ratio of a naive Bayes classifier, with half a surrounding added to each side. A word in fewer
    than RARE surroundings says nothing. Of the second list at most BESIDE as many are taken as the first has, since
    the half weighs more on the shorter side.
    """
    other = other[: int(BESIDE * len(like))]
    ours, theirs = (Counter(word for surrounding in side for word in surrounding) for side in (like, other))
    return {
        word: log((ours[word] + 0.5) / (len(like) + 1)) - log((theirs[word] + 0.5) / (len(other) + 1))
        for word in {*ours, *theirs}
        if ours[word] + theirs[word] >= RARE
    }


def fits(surrounding: Collection[str], weight: Mapping[str, float]) -> bool:
    """Whether the words of a surrounding speak for the first list that the weights were made of."""
    return sum(weight.get(word, 0.0) for word in surrounding) > 0


def recognised(like: Sequence[Collection[str]], other: Sequence[Collection[str]]) -> float:
    """The share of the first list of surroundings that fit it by weights made of the other half of both lists."""
    found = 0
    for half in (0, 1):
        weight = weights(like[1 - half :: 2], other[1 - half :: 2])
        found += sum(fits(surrounding, weight) for surrounding in like[half::2])
    return found / len(like)


def typical(here: Sequence[Collection[str]], there: Sequence[Collection[str]], most: int) -> list[str]:
    """The words that tell the first list of surroundings from the second best, of odds that are threefold or more."""
    ours, theirs = (Counter(word for surrounding in side for word in surrounding) for side in (here, there))
    odds = {word: (ours[word] / len(here)) / ((theirs[word] + 0.5) / (len(there) + 1)) for word in ours}
    telling = (word for word, number in ours.items() if number > 1 and odds[word] >= 3)
    return sorted(telling, key=lambda word: (-ours[word] * log(odds[word]), word))[:most]
