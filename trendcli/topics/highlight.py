"""Where a rule matches one submission: for display, one submission at a time.

Phrases are found by Python's `re`, patterns by RE2, which no pattern of a user can hang.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from trendcli.core.types import Rule
from trendcli.topics.patterns import phrase_regex


class Match(NamedTuple):
    """One place where a rule matches: `field` is one of TEXT_FIELDS, [start, end) are offsets in characters."""

    field: str
    start: int
    end: int


def find_matches(rule: Rule, title: str, abstract: str, keywords: str = "") -> list[Match]:
    """Return every match of a rule in a submission, except those inside an excluded phrase."""
    matches = []
    # a lookahead consumes nothing, so that overlapping excluded phrases are all found; [4:] cuts off its (?i)
    exclusions = [
        re.compile(f"(?=({phrase_regex(phrase, any_case=True)[4:]}))", re.ASCII | re.IGNORECASE)
        for phrase in rule.exclude
    ]
    find = _compile_pattern(rule.regex) if rule.kind == "pattern" else re.compile(rule.regex, re.ASCII).finditer
    for field, text in (("title", title), ("keywords", keywords), ("abstract", abstract)):
        excluded_spans = [match.span(1) for regex in exclusions for match in regex.finditer(text)]
        for match in find(text):
            if not any(start <= match.start() and match.end() <= end for start, end in excluded_spans):
                matches.append(Match(field, match.start(), match.end()))
    return matches


def _compile_pattern(regex: str) -> Callable[[str], Iterator[re.Match[str]]]:
    import re2  # late, since few submissions are shown for a pattern

    find: Callable[[str], Iterator[re.Match[str]]] = re2.compile(regex).finditer
    return find
