"""The grammar of rules: phrases, acronyms and patterns as regular expressions that RE2 and Python's `re` read alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from random import shuffle
from time import thread_time

from trendcli.core.normalize import normalize_text
from trendcli.core.types import Rule

# part of every rule's key; raise it when the same topic file comes to match something else
RULE_KEY_VERSION = 1
_ALNUM_CHAR = re.compile(r"[A-Za-z0-9]")
_WORD_CHAR = re.compile(r"\w", re.ASCII)
_FORBIDDEN_ESCAPES = re.compile(r"\\[AzCQ]")
# milliseconds that a pattern may take for _SAMPLE_TEXT: shipped ones take up to 0.1, [a-z]{3}.{300}[aeiou] takes 3
MAX_PATTERN_MS = 1.0
# about as long as an abstract, and made up
_SAMPLE_TEXT = (
    "On the quiet harbours of Northern towns: a survey in 12 parts\n"
    "We ask why boats that leave a harbour before dawn return with fewer nets than those that leave at "
    "noon. In 2014 and 2015 we counted 1,870 boats in seven harbours, spoke with their owners, and "
    "weighed what they brought home. Most owners expected the early boats to do better, since fish rise "
    "with the light; yet the early boats lost about 4.5% more of their nets, mainly to rocks which nobody "
    "could see. We propose a simple lamp (LED-based, cheap, and easily repaired) and show, by a trial "
    "over eighteen weeks with 64 randomly chosen boats, that it halves such losses without frightening "
    "the fish. Our results question the common belief that darkness protects, and they suggest that quite "
    "small changes of equipment, made jointly with the people who use it, are worth more than larger "
    "vessels. Further work should examine winter months, deeper water, and boats whose crews change every "
    "week. All data, questionnaires and drawings of the lamp are available on request."
)


def phrase_regex(phrase: str, *, any_case: bool) -> str:
    """Return the regular expression of a phrase or an acronym.

    A space matches one space or hyphen; a hyphen matches a hyphen, a space or nothing; the last word may take a plural
    s; a final * matches any ending; words end at ASCII word boundaries. Raise ValueError where the phrase holds no
    letter or digit, or a * before its end.
    """
    text = normalize_text(phrase)
    has_open_end = text.endswith("*")
    text = text.rstrip("*").strip()
    if not _ALNUM_CHAR.search(text):
        raise ValueError("contains no letter or digit, so it would match nothing or everything")
    if "*" in text:
        raise ValueError("has a * before its end; only the last word may end in *")
    body = re.escape(text).replace(r"\-", "[ -]?").replace(r"\ ", "[ -]")
    ending = r"\w*" if has_open_end else "s?"
    # \b would fail beside a character that is no part of a word, such as the + of C++
    head = r"\b" if _WORD_CHAR.fullmatch(text[0]) else ""
    tail = rf"{ending}\b" if _WORD_CHAR.fullmatch(text[-1]) else ""
    return f"{'(?i)' if any_case else ''}{head}{body}{tail}"


def pattern_regex(pattern: str) -> str:
    """Return a user's regular expression with ^ and $ at the edges of title and abstract.

    Raise ValueError where RE2 or Python's `re` rejects it, where it uses an escape that the two read differently, where
    it matches everything, or where it takes longer than MAX_PATTERN_MS.
    """
    import re2  # matching needs it, `trend topics list` does not

    if _FORBIDDEN_ESCAPES.search(pattern):
        raise ValueError(r"uses \A, \z, \C or \Q; use ^ and $ for the start and end of title and abstract")
    regex = f"(?m){pattern}"
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(regex, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"is not a valid RE2 expression: {reason}") from None
    if compiled.search("") or all(compiled.search(gibberish) for gibberish in ("zqx jkv", "QVZ 81")):
        raise ValueError("matches everything")
    try:
        re.compile(regex, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is valid in RE2 but not in Python's re ({error}); it must be valid in both") from None
    cost = _measure_cost(regex)
    if cost > MAX_PATTERN_MS:
        raise ValueError(
            f"takes {cost:.0f} ms for one abstract, and {MAX_PATTERN_MS:.0f} is allowed; begin it with a word instead "
            "of a class such as [a-z], or shorten gaps such as .{300}"
        )
    return regex


def _measure_cost(regex: str) -> float:
    """Return the milliseconds that RE2 takes for a text of some 1,000 characters that it has not seen.

    That is the least of three texts, after three others, or of the first that is within the limit. RE2 keeps the states
    that it has built, so the texts are never the same. The size of the program does not tell: a gap of 80 characters
    costs nothing after a rare word, and 7 ms after an 'e'.
    """
    import re2

    find = re2.compile(regex).finditer
    words, costs = _SAMPLE_TEXT.split(), list[float]()
    for _ in range(6):
        shuffle(words)
        text = " ".join(words)
        started = thread_time()
        for _match in find(text):
            pass
        costs.append((thread_time() - started) * 1000)
        if costs[-1] < MAX_PATTERN_MS:
            break
    return min(costs[3:] or costs)


def build_rule(kind: str, text: str, exclude: Sequence[str] = ()) -> Rule:
    """Build a rule of `kind` 'phrase', 'acronym' or 'pattern', with the excluded phrases of its topic.

    Raise ValueError where `text` is no such rule; the message completes a sentence that begins with the rule.
    """
    regex = pattern_regex(text) if kind == "pattern" else phrase_regex(text, any_case=kind == "phrase")
    return rule_from_regex(kind, text, regex, [normalize_text(phrase) for phrase in exclude])


def rule_from_regex(kind: str, text: str, regex: str, exclude: Sequence[str]) -> Rule:
    """Build a rule from its regular expression and its excluded phrases in normalised text.

    Only exclusions that can contain a match of the rule are kept, so that a new exclusion leaves the cached matches of
    the topic's other rules valid. The key is a 63-bit hash of all that decides what the rule matches.
    """
    letters = _bare_letters(text)
    exclusions = sorted(phrase for phrase in set(exclude) if kind == "pattern" or _can_contain(phrase, letters))
    identity = "\0".join([str(RULE_KEY_VERSION), regex, *exclusions])
    key = int.from_bytes(blake2b(identity.encode(), digest_size=8).digest(), "big") >> 1
    return Rule(kind, text, regex, tuple(exclusions), key)


def _can_contain(excluded: str, letters: str) -> bool:
    """Return whether a match with these letters, hyphens and spaces aside, may lie inside an excluded phrase."""
    return excluded.endswith("*") or letters in _bare_letters(excluded) + "s"


@cache
def _bare_letters(phrase: str) -> str:
    """Return a phrase in lower case, without hyphens, spaces and a final *."""
    return normalize_text(phrase).rstrip("*").lower().replace("-", "").replace(" ", "")
