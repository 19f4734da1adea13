"""The texts of a selection as words, and of each submission when it came and where it belongs."""

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
from trendcli.reports.terms import near_duplicates as folding
from trendcli.reports.terms import tokens
from trendcli.reports.terms.tokens import IntArray, TokenizedDocuments
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import create_temp_table, file_rows_sql
from trendcli.topics.counting import create_selection_tables
from trendcli.topics.query import BoundQuery

# submissions that are taken apart together
_ROWS_PER_BATCH = 16_384


class TokenizedSelection(NamedTuple):
    """The words of some submissions; of each its id, day (since 1970), categories, keywords and group.

    Submissions are in one group where they lie in the same of all periods that were asked for: `holds` (groups ×
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
        """How many submissions each period has."""
        return self.sum_by_period(np.bincount(self.group_of, minlength=len(self.group_periods)))

    def group_mask(self, period_indices: Sequence[int]) -> NDArray[np.bool_]:
        """Which groups lie in any of some periods, by their numbers."""
        return np.asarray(self.group_periods[:, list(period_indices)].any(axis=1))

    def submission_mask(self, period_indices: Sequence[int]) -> NDArray[np.bool_]:
        """Which submissions lie in any of some periods, by their numbers."""
        return self.group_mask(period_indices)[self.group_of]

    def sum_by_period(self, group_counts: IntArray) -> IntArray:
        """Counts by group (terms × groups) as counts by period."""
        return group_counts @ self.group_periods.astype(np.int64)


def read_texts(bound: BoundQuery, periods: Sequence[Period]) -> TokenizedSelection:
    """The base of a selection in some periods, which may overlap, as words: titles alone where they are to match."""
    since, until = min(item.start for item in periods), max(item.end for item in periods)
    days = [since + timedelta(days=number) for number in range((until - since).days)]
    lies = np.array([[item.start <= day < item.end for item in periods] for day in days])
    holds, group = np.unique(lies, axis=0, return_inverse=True)
    placed = [(day, of) for day, of in zip(days, group.reshape(-1).tolist(), strict=True) if holds[of].any()]
    store, selection = bound.store, bound.selection
    files = store.list_files(since, until)
    total = sum(item.rows for item in files)
    title, rest = store.text_expressions
    body = "''" if selection.match == "title" else rest
    keywords = "keywords" if "keywords" in store.text_fields else "''"
    parts = f"{title} AS title, {body} AS body, {keywords} AS keywords"
    columns: dict[str, list[pa.Array]] = {name: [] for name in ("id", "day", "categories", "keywords", "number")}

    def iter_text_batches() -> Iterator[Sequence[pa.Array]]:
        with store.connect() as db:
            # the periods say what is read, and the history lies outside of what a window names
            whole = replace(selection, window=Window(None, None))
            create_selection_tables(db, store, bound.library, whole, files, bound.progress)
            create_temp_table(db, "period", "start DATE, number INTEGER", placed)
            stream = db.sql(
                f"""
                SELECT title, body, keywords, id, v1_at::DATE AS day, categories, number
                FROM ({file_rows_sql(store, files, parts, live_only=False)})
                JOIN (FROM paper WHERE inside) USING (file, row)
                JOIN period ON v1_at::DATE = period.start
                """
            ).to_arrow_reader(_ROWS_PER_BATCH)
            for batch in stream:
                for name, kept in columns.items():
                    kept.append(batch[name])
                bound.progress(sum(map(len, columns["id"])), total, "taking texts apart")
                yield [pc.fill_null(batch[name], "").cast(pa.string()) for name in ("title", "body")]

    words = tokens.tokenize_batches(iter_text_batches())
    groups = np.concatenate([part.to_numpy() for part in columns["number"]] or [np.zeros(0)]).astype(np.int64)
    dates = np.concatenate([part.cast(pa.int32()).to_numpy() for part in columns["day"]] or [np.zeros(0)])
    strings = (pa.chunked_array(columns[name], pa.string()) for name in ("id", "categories", "keywords"))
    ids, categories, named = strings
    return TokenizedSelection(words, ids, dates.astype(np.int64), categories, named, groups, holds, store.corpus)


def find_common_terms(
    tokenized: TokenizedSelection,
    terms: Sequence[str],
    documents: Sequence[NDArray[np.int32]],
    in_base: NDArray[np.bool_],
) -> set[str]:
    """Those of some terms that say nothing: made of common words, or spread alike over all primary categories.

    What stands first in the categories of a venue is a decision, which tells nothing of language.
    """
    if tokenized.corpus != ARXIV:
        return {name for name in terms if folding.is_stopword_phrase(name)}
    first = pc.list_element(pc.split_pattern(tokenized.categories, " ", max_splits=1), 0)
    coded = first.combine_chunks().dictionary_encode()
    of, size = coded.indices.to_numpy(), len(coded.dictionary)
    counts = np.array([np.bincount(of[numbers], minlength=size) for numbers in documents], np.int64).reshape(
        len(terms), size
    )
    spread = folding.is_evenly_spread(counts, np.bincount(of[in_base], minlength=size)).tolist()
    return {name for name, alike in zip(terms, spread, strict=True) if alike or folding.is_stopword_phrase(name)}


def newest_ids(tokenized: TokenizedSelection, documents: NDArray[np.int32], max_ids: int) -> list[str]:
    """The ids of some submissions, the newest first and at most so many."""
    named = sorted(
        zip((-tokenized.days[documents]).tolist(), tokenized.ids.take(pa.array(documents)).to_pylist(), strict=True)
    )
    return [name for _, name in named[:max_ids]]
