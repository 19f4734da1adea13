"""The grammar of a rule: phrases, acronyms and patterns as expressions that RE2 and Python's `re` read alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b

from trendcli.core.normalize import normalize_text
from trendcli.core.types import Rule

RULE_KEY_VERSION = 1  # part of every rule's key: raise it when the same file comes to mean other matches
_ALNUM_CHAR = re.compile(r"[A-Za-z0-9]")
_WORD_CHAR = re.compile(r"\w", re.ASCII)
_FORBIDDEN_ESCAPES = re.compile(r"\\[AzCQ]")


def phrase_regex(phrase: str, *, any_case: bool) -> str:
    """A phrase or an acronym as a regular expression.

    A space is one space or hyphen, a hyphen is a hyphen, a space or nothing, the last word may have a plural s, a final
    star is any ending, and words are bounded (ASCII). ValueError where nothing is left to match.
    """
    text = normalize_text(phrase)
    star = text.endswith("*")
    text = text.rstrip("*").strip()
    if not _ALNUM_CHAR.search(text):
        raise ValueError("has no letter or digit, so it would match nothing or everything")
    if "*" in text:
        raise ValueError("has a star that is not at its end")
    body = re.escape(text).replace(r"\-", "[ -]?").replace(r"\ ", "[ -]")
    ending = r"\w*" if star else "s?"
    # \b means nothing beside a character that is no part of a word, as in C++
    head = r"\b" if _WORD_CHAR.fullmatch(text[0]) else ""
    tail = rf"{ending}\b" if _WORD_CHAR.fullmatch(text[-1]) else ""
    return f"{'(?i)' if any_case else ''}{head}{body}{tail}"


def pattern_regex(pattern: str) -> str:
    """A person's own expression, checked by RE2; ^ and $ are the edges of title and abstract. ValueError if bad."""
    import re2  # matching needs it, and `trend topics list` does not

    if _FORBIDDEN_ESCAPES.search(pattern):
        raise ValueError(r"uses \A, \z, \C or \Q; ^ and $ stand for the edges of title and abstract")
    regex = f"(?m){pattern}"
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(regex, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"is refused by RE2: {reason}") from None
    if compiled.search("") or all(compiled.search(noise) for noise in ("zqx jkv", "QVZ 81")):
        raise ValueError("matches everything")
    try:
        re.compile(regex, re.ASCII)
    except re.error as error:
        raise ValueError(f"is read by RE2 but not by Python's re ({error}); both must match alike") from None
    return regex


def build_rule(kind: str, text: str, exclude: Sequence[str] = ()) -> Rule:
    """One rule of `kind` 'phrase', 'acronym' or 'pattern', with its topic's excluded phrases. ValueError if bad."""
    regex = pattern_regex(text) if kind == "pattern" else phrase_regex(text, any_case=kind == "phrase")
    return rule_from_regex(kind, text, regex, [normalize_text(phrase) for phrase in exclude])


def rule_from_regex(kind: str, text: str, regex: str, exclude: Sequence[str]) -> Rule:
    """A rule whose expression is made already, with exclusions as canonical text.

    It keeps the exclusions that can hold a match of it, so that one more of them leaves the others' tags as they are.
    Its key is a hash of all that decides what it matches.
    """
    kept = sorted(phrase for phrase in set(exclude) if kind == "pattern" or _can_hold(phrase, _bare_letters(text)))
    identity = "\0".join([str(RULE_KEY_VERSION), regex, *kept])
    key = int.from_bytes(blake2b(identity.encode(), digest_size=8).digest(), "big") >> 1
    return Rule(kind, text, regex, tuple(kept), key)


def _can_hold(excluded: str, letters: str) -> bool:
    """Whether a match that holds `letters`, hyphens and spaces apart, may lie within an excluded phrase."""
    return excluded.endswith("*") or letters in _bare_letters(excluded) + "s"


@cache
def _bare_letters(phrase: str) -> str:
    return normalize_text(phrase).rstrip("*").lower().replace("-", "").replace(" ", "")
