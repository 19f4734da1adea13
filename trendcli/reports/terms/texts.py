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
from trendcli.reports.terms.tokens import Ints, Words
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import make_table, read_files
from trendcli.topics.counting import select
from trendcli.topics.query import Context

# submissions that are taken apart together
_AT_ONCE = 16_384


class Texts(NamedTuple):
    """The words of some submissions; of each its id, day (since 1970), categories, keywords and group.

    Submissions are in one group where they lie in the same of all periods that were asked for: `holds` (groups ×
    periods) says in which.
    """

    words: Words
    ids: pa.ChunkedArray
    days: Ints
    categories: pa.ChunkedArray
    keywords: pa.ChunkedArray
    groups: Ints
    holds: NDArray[np.bool_]
    corpus: str

    @property
    def bases(self) -> Ints:
        """How many submissions each period has."""
        return self.counts(np.bincount(self.groups, minlength=len(self.holds)))

    def within(self, numbers: Sequence[int]) -> NDArray[np.bool_]:
        """Which groups lie in any of some periods, by their numbers."""
        return np.asarray(self.holds[:, list(numbers)].any(axis=1))

    def inside(self, numbers: Sequence[int]) -> NDArray[np.bool_]:
        """Which submissions lie in any of some periods, by their numbers."""
        return self.within(numbers)[self.groups]

    def counts(self, counts: Ints) -> Ints:
        """Counts by group (terms × groups) as counts by period."""
        return counts @ self.holds.astype(np.int64)


def read(context: Context, chosen: Sequence[Period]) -> Texts:
    """The base of a selection in some periods, which may overlap, as words: titles alone where they are to match."""
    since, until = min(item.start for item in chosen), max(item.end for item in chosen)
    days = [since + timedelta(days=number) for number in range((until - since).days)]
    lies = np.array([[item.start <= day < item.end for item in chosen] for day in days])
    holds, group = np.unique(lies, axis=0, return_inverse=True)
    placed = [(day, of) for day, of in zip(days, group.reshape(-1).tolist(), strict=True) if holds[of].any()]
    store, selection = context.store, context.selection
    files = store.files(since, until)
    total = sum(item.rows for item in files)
    title, rest = store.texts
    body = "''" if selection.match == "title" else rest
    keywords = "keywords" if "keywords" in store.fields else "''"
    parts = f"{title} AS title, {body} AS body, {keywords} AS keywords"
    columns: dict[str, list[pa.Array]] = {name: [] for name in ("id", "day", "categories", "keywords", "number")}

    def batches() -> Iterator[Sequence[pa.Array]]:
        with store.connect() as db:
            # the periods say what is read, and the history lies outside of what a window names
            whole = replace(selection, window=Window(None, None))
            select(db, store, context.library, whole, files, context.progress)
            make_table(db, "period", "start DATE, number INTEGER", placed)
            stream = db.sql(
                f"""
                SELECT title, body, keywords, id, v1_at::DATE AS day, categories, number
                FROM ({read_files(store, files, parts, live=False)})
                JOIN (FROM paper WHERE inside) USING (file, row)
                JOIN period ON v1_at::DATE = period.start
                """
            ).to_arrow_reader(_AT_ONCE)
            for batch in stream:
                for name, kept in columns.items():
                    kept.append(batch[name])
                context.progress(sum(map(len, columns["id"])), total, "taking texts apart")
                yield [pc.fill_null(batch[name], "").cast(pa.string()) for name in ("title", "body")]

    words = tokens.read(batches())
    groups = np.concatenate([part.to_numpy() for part in columns["number"]] or [np.zeros(0)]).astype(np.int64)
    dates = np.concatenate([part.cast(pa.int32()).to_numpy() for part in columns["day"]] or [np.zeros(0)])
    strings = (pa.chunked_array(columns[name], pa.string()) for name in ("id", "categories", "keywords"))
    ids, categories, named = strings
    return Texts(words, ids, dates.astype(np.int64), categories, named, groups, holds, store.corpus)


def common(texts: Texts, names: Sequence[str], held: Sequence[NDArray[np.int32]], base: NDArray[np.bool_]) -> set[str]:
    """Those of some terms that say nothing: made of common words, or spread alike over all primary categories.

    What stands first in the categories of a venue is a decision, which tells nothing of language.
    """
    if texts.corpus != ARXIV:
        return {name for name in names if folding.generic(name)}
    first = pc.list_element(pc.split_pattern(texts.categories, " ", max_splits=1), 0)
    coded = first.combine_chunks().dictionary_encode()
    of, size = coded.indices.to_numpy(), len(coded.dictionary)
    counts = np.array([np.bincount(of[numbers], minlength=size) for numbers in held], np.int64).reshape(
        len(names), size
    )
    spread = folding.even(counts, np.bincount(of[base], minlength=size)).tolist()
    return {name for name, alike in zip(names, spread, strict=True) if alike or folding.generic(name)}


def newest(texts: Texts, held: NDArray[np.int32], most: int) -> list[str]:
    """The ids of some submissions, the newest first and at most so many."""
    named = sorted(zip((-texts.days[held]).tolist(), texts.ids.take(pa.array(held)).to_pylist(), strict=True))
    return [name for _, name in named[:most]]
