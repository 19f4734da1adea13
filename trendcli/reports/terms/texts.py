"""The texts of a selection as words, with the date, categories and keywords of each submission."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.core.arrow import pa, pc
from trendcli.core.periods import Period
from trendcli.core.types import Window
from trendcli.reports.terms.near_duplicates import DocumentIndices
from trendcli.reports.terms.stopwords import is_stopword_phrase
from trendcli.reports.terms.tokens import IntArray, TokenizedDocuments, tokenize_batches
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import create_temp_table, file_rows_sql
from trendcli.topics.query import BoundQuery
from trendcli.topics.selection_tables import create_selection_tables

_ROWS_PER_BATCH = 16_384  # submissions that are tokenised together

# a term is common language if its share hardly differs between categories
MAX_VARIATION = 0.3  # coefficient of variation of the share between categories, beyond chance
MIN_CATEGORY_SIZE = 200  # submissions of a category that is looked at
MIN_CATEGORIES = 6  # categories of that size
MIN_DOCUMENTS = 100  # submissions with the term


class TokenizedSelection(NamedTuple):
    """The words of some submissions and, for each, its id, day (since 1970), categories, keywords and group.

    Submissions are in one group if they lie in the same of all requested periods: `group_periods` (bool, groups ×
    periods) says in which.
    """

    tokens: TokenizedDocuments
    ids: pa.ChunkedArray
    days: IntArray
    categories: pa.ChunkedArray
    keywords: pa.ChunkedArray
    group_of: IntArray
    group_periods: NDArray[np.bool_]
    corpus: str

    @property
    def period_totals(self) -> IntArray:
        """The number of submissions of each period."""
        return self.sum_by_period(np.bincount(self.group_of, minlength=len(self.group_periods)))

    def group_mask(self, period_indices: Sequence[int]) -> NDArray[np.bool_]:
        """Return which groups lie in any of some periods."""
        return np.asarray(self.group_periods[:, list(period_indices)].any(axis=1))

    def submission_mask(self, period_indices: Sequence[int]) -> NDArray[np.bool_]:
        """Return which submissions lie in any of some periods."""
        return self.group_mask(period_indices)[self.group_of]

    def sum_by_period(self, group_counts: IntArray) -> IntArray:
        """Return counts by period (terms × periods) from counts by group (terms × groups)."""
        return group_counts @ self.group_periods.astype(np.int64)


def read_texts(bound: BoundQuery, periods: Sequence[Period]) -> TokenizedSelection:
    """Read and tokenise the submissions of a selection in some periods, which may overlap.

    The window of the selection is ignored: `periods` takes its place. Only titles are read for `--match title`.
    """
    since, until = min(period.start for period in periods), max(period.end for period in periods)
    days = [since + timedelta(days=number) for number in range((until - since).days)]
    day_periods = np.array([[period.start <= day < period.end for period in periods] for day in days])
    group_periods, day_groups = np.unique(day_periods, axis=0, return_inverse=True)
    group_by_day = [
        (day, group)
        for day, group in zip(days, day_groups.reshape(-1).tolist(), strict=True)
        if group_periods[group].any()
    ]
    store, selection = bound.store, bound.selection
    files = store.list_files(since, until)
    row_count = sum(file.rows for file in files)
    title, rest = store.text_expressions
    body = "''" if selection.match == "title" else rest
    keywords = "keywords" if "keywords" in store.text_fields else "''"
    expressions = f"{title} AS title, {body} AS body, {keywords} AS keywords"
    columns: dict[str, list[pa.Array]] = {name: [] for name in ("id", "day", "categories", "keywords", "number")}

    def iter_text_batches() -> Iterator[Sequence[pa.Array]]:
        with store.connect() as db:
            # the periods say what is read, and the history lies outside of the window
            unlimited = replace(selection, window=Window(None, None))
            create_selection_tables(db, store, bound.library, unlimited, files, bound.progress)
            create_temp_table(db, "period", "start DATE, number INTEGER", group_by_day)
            stream = db.sql(
                f"""
                SELECT title, body, keywords, id, v1_at::DATE AS day, categories, number
                FROM ({file_rows_sql(store, files, expressions, live_only=False)})
                JOIN (FROM paper WHERE inside) USING (file, row)
                JOIN period ON v1_at::DATE = period.start
                """
            ).to_arrow_reader(_ROWS_PER_BATCH)
            for batch in stream:
                for name, chunks in columns.items():
                    chunks.append(batch[name])
                bound.progress(sum(map(len, columns["id"])), row_count, "reading texts")
                yield [pc.fill_null(batch[name], "").cast(pa.string()) for name in ("title", "body")]

    tokens = tokenize_batches(iter_text_batches())
    group_of = np.concatenate([chunk.to_numpy() for chunk in columns["number"]] or [np.zeros(0)])
    dates = np.concatenate([chunk.cast(pa.int32()).to_numpy() for chunk in columns["day"]] or [np.zeros(0)])
    return TokenizedSelection(
        tokens=tokens,
        ids=pa.chunked_array(columns["id"], pa.string()),
        days=dates.astype(np.int64),
        categories=pa.chunked_array(columns["categories"], pa.string()),
        keywords=pa.chunked_array(columns["keywords"], pa.string()),
        group_of=group_of.astype(np.int64),
        group_periods=group_periods,
        corpus=store.corpus,
    )


def find_common_terms(
    tokenized: TokenizedSelection,
    terms: Sequence[str],
    documents: Sequence[DocumentIndices],
    in_total: NDArray[np.bool_],
) -> set[str]:
    """Return the terms that are common language: made of common words, or spread evenly over primary categories.

    `documents` has the submissions of each term, `in_total` (bool, one per submission) those whose categories are
    counted. For a venue only the words decide: what stands first in its categories is a decision.
    """
    if tokenized.corpus != ARXIV:
        return {term for term in terms if is_stopword_phrase(term)}
    primary = pc.list_element(pc.split_pattern(tokenized.categories, " ", max_splits=1), 0)
    encoded = primary.combine_chunks().dictionary_encode()
    category_of, category_count = encoded.indices.to_numpy(), len(encoded.dictionary)
    counts = np.array(
        [np.bincount(category_of[indices], minlength=category_count) for indices in documents], np.int64
    ).reshape(len(terms), category_count)
    is_even = is_evenly_spread(counts, np.bincount(category_of[in_total], minlength=category_count)).tolist()
    return {term for term, even in zip(terms, is_even, strict=True) if even or is_stopword_phrase(term)}


def is_evenly_spread(counts: NDArray[np.int64], category_totals: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which terms are spread evenly over categories, as common language is.

    `counts` is terms × categories, `category_totals` the submissions of each category. The measure is the coefficient
    of variation of the share between categories: what Pearson's chi-squared statistic has beyond its expectation under
    chance. False for all if there are fewer than MIN_CATEGORIES of at least MIN_CATEGORY_SIZE submissions.
    """
    is_large = category_totals >= MIN_CATEGORY_SIZE
    counts, category_totals = counts[:, is_large], category_totals[is_large]
    term_totals = counts.sum(axis=1)
    if is_large.sum() < MIN_CATEGORIES:
        return np.zeros(len(counts), bool)
    share = np.clip(term_totals / category_totals.sum(), 1e-12, 1 - 1e-12)[:, None]
    excess = ((counts - share * category_totals) ** 2 / (share * category_totals * (1 - share))).sum(axis=1) - (
        len(category_totals) - 1
    )
    variation = np.sqrt(np.maximum(excess, 0) / category_totals.sum() * ((1 - share) / share)[:, 0])
    is_even: NDArray[np.bool_] = (variation < MAX_VARIATION) & (term_totals >= MIN_DOCUMENTS)
    return is_even


def newest_ids(tokenized: TokenizedSelection, documents: DocumentIndices, max_ids: int) -> list[str]:
    """Return the ids of the newest submissions among some, at most `max_ids`, newest first."""
    ids = tokenized.ids.take(pa.array(documents)).to_pylist()
    ranked = sorted(zip((-tokenized.days[documents]).tolist(), ids, strict=True))
    return [submission_id for _, submission_id in ranked[:max_ids]]
