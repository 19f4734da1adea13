"""Where a rule matches one submission, by Python's `re`: for display, one submission at a time."""

from __future__ import annotations

import re
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
    for field, text in (("title", title), ("keywords", keywords), ("abstract", abstract)):
        excluded_spans = [match.span(1) for regex in exclusions for match in regex.finditer(text)]
        for match in re.finditer(rule.regex, text, re.ASCII):
            if not any(start <= match.start() and match.end() <= end for start, end in excluded_spans):
                matches.append(Match(field, match.start(), match.end()))
    return matches
