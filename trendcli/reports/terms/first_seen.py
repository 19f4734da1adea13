"""Terms that appear in titles for the first time, for the weekly report."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trendcli.core.normalize import TITLE_WORD, split_words
from trendcli.core.periods import Period
from trendcli.core.types import Scope
from trendcli.reports.terms.stopwords import STOPWORDS
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql, scope_filter_sql, sql_string
from trendcli.store.store import Store

MIN_TERM_WORDS = 2
MAX_TERM_WORDS = 3
MIN_TITLES = 3  # titles that contain a term
MAX_SHOWN_TERMS = 12
RECENT_SUBMISSIONS = 20_000  # newest titles before the period: they contain most terms already
MAX_SOUGHT_TERMS = 60  # most frequent of the remaining terms, which are looked for in all older titles
_CLAUSE_BREAK = re.compile(r"[^a-z0-9+' -]+")
# words that neither begin nor end a term: stopwords, and those by which titles praise themselves
_INNER_WORDS = STOPWORDS | frozenset("approach approaches efficient learning-based method methods".split())


class FirstSeenTerm(NamedTuple):
    """A term and the number of titles that contain it."""

    term: str
    title_count: int


def find_first_seen_terms(store: Store, scope: Scope, period: Period) -> list[FirstSeenTerm]:
    """Return terms in at least MIN_TITLES titles of a period that no title stored from before contains.

    The MAX_SHOWN_TERMS most frequent; of terms within each other that are in the same titles only the longest. Empty if
    nothing is stored from the period or from before it.
    """
    files = store.list_files(period.start, period.end)
    older_files = store.list_files(until=period.start)
    if not files or not older_files:
        return []
    with store.connect() as db:
        source = file_rows_sql(store, files, "title, v1_at, categories")
        in_period = f"v1_at >= TIMESTAMP '{period.start}' AND v1_at < TIMESTAMP '{period.end}'"
        titles = db.execute(
            f"SELECT lower(title) FROM ({source}) WHERE {scope_filter_sql('categories', scope)} AND {in_period}"
        ).fetchall()
        title_counts = Counter(term for (title,) in titles for term in set(iter_title_terms(title)))
        candidates = {term: count for term, count in title_counts.items() if count >= MIN_TITLES}
        # most terms are known from last month; the rest is looked for in all titles
        for searched_files in (_select_newest_files(older_files), older_files):
            if not candidates:
                break
            pattern = sql_string("|".join(re.escape(term).replace(r"\ ", " ") for term in candidates))
            may_match = "true" if searched_files is not older_files else f"regexp_matches(lower(title), {pattern})"
            source = file_rows_sql(store, searched_files, "title, v1_at", live_only=False)
            titles = db.execute(
                f"SELECT lower(title) FROM ({source}) WHERE v1_at < TIMESTAMP '{period.start}' AND {may_match}"
            ).fetchall()
            seen = {term for (title,) in titles for term in set(iter_title_terms(title)) if term in candidates}
            unseen = sorted((-count, term) for term, count in candidates.items() if term not in seen)
            candidates = {term: -negative_count for negative_count, term in unseen[:MAX_SOUGHT_TERMS]}
    return _select_top_terms(candidates)


def _select_newest_files(files: Sequence[DataFile]) -> list[DataFile]:
    """Return the newest files that together have RECENT_SUBMISSIONS rows."""
    newest: list[DataFile] = []
    for file in sorted(files, key=lambda file: file.first, reverse=True):
        if sum(other.rows for other in newest) < RECENT_SUBMISSIONS:
            newest.append(file)
    return newest


def iter_title_terms(title: str) -> Iterator[str]:
    """Yield the terms of a title in lower case: words in a row within a clause, with no common word at either end."""
    for clause in _CLAUSE_BREAK.split(title):
        words = split_words(clause, TITLE_WORD)
        for length in range(MIN_TERM_WORDS, MAX_TERM_WORDS + 1):
            for start in range(len(words) - length + 1):
                run = words[start : start + length]
                if (
                    run[0] not in _INNER_WORDS
                    and run[-1] not in _INNER_WORDS
                    and not all(word.isdigit() for word in run)
                ):
                    yield " ".join(run)


def _select_top_terms(title_counts: dict[str, int]) -> list[FirstSeenTerm]:
    top_terms: list[FirstSeenTerm] = []
    for term, count in sorted(title_counts.items(), key=lambda item: (-item[1], -len(item[0]), item[0])):
        if not any(_is_within(term, other) and count == other.title_count for other in top_terms):
            top_terms.append(FirstSeenTerm(term, count))
    return top_terms[:MAX_SHOWN_TERMS]


def _is_within(term: str, other: FirstSeenTerm) -> bool:
    return f" {term} " in f" {other.term} "
