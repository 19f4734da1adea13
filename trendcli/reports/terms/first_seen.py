"""Terms: runs of words in titles that nobody had to name before, and which of them are new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trendcli.core.periods import Period
from trendcli.core.types import Scope
from trendcli.reports.terms.stopwords import STOPWORDS
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql, scope_filter_sql, sql_string
from trendcli.store.store import Store

# words of a term, submissions that have to hold it, and terms that are shown
MIN_TERM_WORDS, MAX_TERM_WORDS, MIN_TITLES, MAX_SHOWN_TERMS = 2, 3, 3, 12
# so many titles know most terms, and so many terms are looked for in all others
RECENT_SUBMISSIONS, MAX_SOUGHT_TERMS = 20_000, 60
_WORD_PATTERN = re.compile(r"[a-z0-9][a-z0-9+]*(?:[-'][a-z0-9+]+)*")
_CLAUSE_BREAK = re.compile(r"[^a-z0-9+' -]+")
# words that neither begin nor end a term: in a title, those by which it praises itself as well
_INNER_WORDS = STOPWORDS | frozenset("approach approaches efficient learning-based method methods".split())


class FirstSeenTerm(NamedTuple):
    """A term and how many titles hold it."""

    term: str
    title_count: int


def find_first_seen_terms(store: Store, scope: Scope, period: Period) -> list[FirstSeenTerm]:
    """Terms in the titles of at least FEWEST submissions of a period that no title stored before holds.

    The most frequent SHOWN; of terms within each other that come in the same titles, the longest alone.
    """
    files = store.list_files(period.start, period.end)
    before = store.list_files(until=period.start)
    if not files or not before:
        return []
    with store.connect() as db:
        source = file_rows_sql(store, files, "title, v1_at, categories")
        dated = f"v1_at >= TIMESTAMP '{period.start}' AND v1_at < TIMESTAMP '{period.end}'"
        titles = db.execute(
            f"SELECT lower(title) FROM ({source}) WHERE {scope_filter_sql('categories', scope)} AND {dated}"
        ).fetchall()
        counts = Counter(term for (title,) in titles for term in set(iter_title_terms(title)))
        known = {term: number for term, number in counts.items() if number >= MIN_TITLES}
        # most terms are known from last month; what is left is looked for in all there is
        for older in (_select_newest_files(before), before):
            if not known:
                break
            pattern = sql_string("|".join(re.escape(term).replace(r"\ ", " ") for term in known))
            few = "true" if older is not before else f"regexp_matches(lower(title), {pattern})"
            source = file_rows_sql(store, older, "title, v1_at", live_only=False)
            rows = db.execute(
                f"SELECT lower(title) FROM ({source}) WHERE v1_at < TIMESTAMP '{period.start}' AND {few}"
            ).fetchall()
            seen = {term for (title,) in rows for term in set(iter_title_terms(title)) if term in known}
            fresh = sorted((-number, term) for term, number in known.items() if term not in seen)
            known = {term: -number for number, term in fresh[:MAX_SOUGHT_TERMS]}
    return _select_top_terms(known)


def _select_newest_files(files: Sequence[DataFile]) -> list[DataFile]:
    """The newest files, as many as hold RECENT submissions."""
    found: list[DataFile] = []
    for item in sorted(files, key=lambda item: item.first, reverse=True):
        if sum(other.rows for other in found) < RECENT_SUBMISSIONS:
            found.append(item)
    return found


def iter_title_terms(title: str) -> Iterator[str]:
    """The terms of a title in lower case: runs of words of one clause, none of them common at either end."""
    for clause in _CLAUSE_BREAK.split(title):
        words = _WORD_PATTERN.findall(clause)
        for length in range(MIN_TERM_WORDS, MAX_TERM_WORDS + 1):
            for start in range(len(words) - length + 1):
                run = words[start : start + length]
                if (
                    run[0] not in _INNER_WORDS
                    and run[-1] not in _INNER_WORDS
                    and not all(word.isdigit() for word in run)
                ):
                    yield " ".join(run)


def _select_top_terms(counts: dict[str, int]) -> list[FirstSeenTerm]:
    kept: list[FirstSeenTerm] = []
    for term, number in sorted(counts.items(), key=lambda item: (-item[1], -len(item[0]), item[0])):
        if not any(_is_within(term, other) and number == other.title_count for other in kept):
            kept.append(FirstSeenTerm(term, number))
    return kept[:MAX_SHOWN_TERMS]


def _is_within(term: str, other: FirstSeenTerm) -> bool:
    return f" {term} " in f" {other.term} "
