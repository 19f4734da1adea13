"""Where a rule matches a submission, by Python's `re`: for people to look at, of one submission at a time."""

from __future__ import annotations

import re
from typing import NamedTuple

from trendcli.core.types import Rule
from trendcli.topics.patterns import phrase_regex


class Match(NamedTuple):
    """One place in which a rule matches: `field` is one of store.FIELDS, [start, end) counts characters."""

    field: str
    start: int
    end: int


def find_matches(rule: Rule, title: str, abstract: str, keywords: str = "") -> list[Match]:
    """Every place in which one rule matches one submission, excluded spans left out."""
    found = []
    # what is looked ahead at may overlap what was found before
    exclusions = [
        re.compile(f"(?=({phrase_regex(phrase, any_case=True)[4:]}))", re.ASCII | re.IGNORECASE)
        for phrase in rule.exclude
    ]
    for field, text in (("title", title), ("keywords", keywords), ("abstract", abstract)):
        spans = [match.span(1) for regex in exclusions for match in regex.finditer(text)]
        for match in re.finditer(rule.regex, text, re.ASCII):
            if not any(start <= match.start() and match.end() <= end for start, end in spans):
                found.append(Match(field, match.start(), match.end()))
    return found
