"""Terms: runs of words in titles that nobody had to name before, and which of them are new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trendcli.core.periods import Period
from trendcli.core.types import Scope
from trendcli.reports.terms.stopwords import STOP
from trendcli.store.manifest import DataFile
from trendcli.store.sql import read_files, sql_text
from trendcli.store.store import Store
from trendcli.topics.mentions import in_scope

# words of a term, submissions that have to hold it, and terms that are shown
SHORTEST, LONGEST, FEWEST, SHOWN = 2, 3, 3, 12
# so many titles know most terms, and so many terms are looked for in all others
RECENT, SOUGHT = 20_000, 60
_WORD = re.compile(r"[a-z0-9][a-z0-9+]*(?:[-'][a-z0-9+]+)*")
_BREAK = re.compile(r"[^a-z0-9+' -]+")
# words that neither begin nor end a term: in a title, those by which it praises itself as well
_BETWEEN = STOP | frozenset("approach approaches efficient learning-based method methods".split())


class Term(NamedTuple):
    """A term and how many titles hold it."""

    term: str
    titles: int


def first_seen(store: Store, scope: Scope, period: Period) -> list[Term]:
    """Terms in the titles of at least FEWEST submissions of a period that no title stored before holds.

    The most frequent SHOWN; of terms within each other that come in the same titles, the longest alone.
    """
    files = store.files(period.start, period.end)
    before = store.files(until=period.start)
    if not files or not before:
        return []
    with store.connect() as db:
        source = read_files(store, files, "title, v1_at, categories")
        dated = f"v1_at >= TIMESTAMP '{period.start}' AND v1_at < TIMESTAMP '{period.end}'"
        titles = db.execute(
            f"SELECT lower(title) FROM ({source}) WHERE {in_scope('categories', scope)} AND {dated}"
        ).fetchall()
        counts = Counter(term for (title,) in titles for term in set(terms_of(title)))
        known = {term: number for term, number in counts.items() if number >= FEWEST}
        # most terms are known from last month; what is left is looked for in all there is
        for older in (_newest(before), before):
            if not known:
                break
            pattern = sql_text("|".join(re.escape(term).replace(r"\ ", " ") for term in known))
            few = "true" if older is not before else f"regexp_matches(lower(title), {pattern})"
            source = read_files(store, older, "title, v1_at", live=False)
            rows = db.execute(
                f"SELECT lower(title) FROM ({source}) WHERE v1_at < TIMESTAMP '{period.start}' AND {few}"
            ).fetchall()
            seen = {term for (title,) in rows for term in set(terms_of(title)) if term in known}
            fresh = sorted((-number, term) for term, number in known.items() if term not in seen)
            known = {term: -number for number, term in fresh[:SOUGHT]}
    return _told(known)


def _newest(files: Sequence[DataFile]) -> list[DataFile]:
    """The newest files, as many as hold RECENT submissions."""
    found: list[DataFile] = []
    for item in sorted(files, key=lambda item: item.first, reverse=True):
        if sum(other.rows for other in found) < RECENT:
            found.append(item)
    return found


def terms_of(title: str) -> Iterator[str]:
    """The terms of a title in lower case: runs of words of one clause, none of them common at either end."""
    for clause in _BREAK.split(title):
        words = _WORD.findall(clause)
        for length in range(SHORTEST, LONGEST + 1):
            for start in range(len(words) - length + 1):
                run = words[start : start + length]
                if run[0] not in _BETWEEN and run[-1] not in _BETWEEN and not all(word.isdigit() for word in run):
                    yield " ".join(run)


def _told(counts: dict[str, int]) -> list[Term]:
    kept: list[Term] = []
    for term, number in sorted(counts.items(), key=lambda item: (-item[1], -len(item[0]), item[0])):
        if not any(_within(term, other) and number == other.titles for other in kept):
            kept.append(Term(term, number))
    return kept[:SHOWN]


def _within(term: str, other: Term) -> bool:
    return f" {term} " in f" {other.term} "
