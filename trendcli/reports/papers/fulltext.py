"""The index of words that `trend index` makes for `--search` and `--like`: beside the store, and never needed.

    STORE/cache/search/index.json     which segments there are, and which data files they hold whole
    STORE/cache/search/<name>.db      the words of some submissions: SQLite's FTS5, without the texts
    STORE/cache/search/<name>.npy     where submission number n of that segment lies, and what it is filtered by

Segments never change and data files are named by their content, so the index cannot be out of date; it can only lack
files. They are searched in the files themselves, until the next `trend index` adds them as a segment of their own.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trendcli.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]

INDEX_VERSION = 1  # of the words and the files: an index of another version counts for nothing
# the columns of a table of places
LOCATION_DTYPES = {"file": "i8", "row": "i4", "v1_at": "M8[ms]", "categories": "i4"}


@dataclass(frozen=True)
class Segment:
    """The words of some submissions: `rows` of them, numbered from 0."""

    words_path: Path
    locations_path: Path
    row_count: int

    def find_numbers(self, expression: str) -> IntArray:
        """The numbers of the submissions that meet an FTS5 expression, in their order."""
        path = f"{self.words_path.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(path, uri=True)) as db:
            found = db.execute("SELECT json_group_array(rowid) FROM words WHERE words MATCH ?", (expression,))
            listed = found.fetchone()[0][1:-1]  # one text is made and read in a fraction of the time of many rows
        import numpy as np  # as late as this, so that SQLite works while it is read

        return np.fromstring(listed, np.int64, sep=",") if listed else np.array([], np.int64)

    def read_locations(self, numbers: IntArray | None = None) -> dict[str, IntArray]:
        """file, row, v1_at and categories (a number of `categories`) of some submissions, in that order, or of all."""
        import numpy as np

        table = np.load(self.locations_path, mmap_mode="r")
        return {name: np.array(table[name] if numbers is None else table[name][numbers]) for name in LOCATION_DTYPES}

    @property
    def category_sets(self) -> list[str]:
        """The sets of categories that there are, by number."""
        found: list[str] = json.loads(self.locations_path.with_suffix(".json").read_text(encoding="utf-8"))
        return found


@dataclass(frozen=True)
class FulltextIndex:
    """The segments of a store, and the keys of the data files that they hold whole."""

    segments: tuple[Segment, ...] = ()
    file_keys: frozenset[int] = frozenset()


def index_folder(store: Store) -> Path:
    """Where the index of a store lies, whichever of its fields are asked for."""
    return store.root / "cache" / "search"


def read_index(store: Store) -> FulltextIndex:
    """The index of a store; an empty one where none was made, or it was made otherwise or is damaged."""
    here = index_folder(store)
    try:
        said = json.loads((here / "index.json").read_text(encoding="utf-8"))
        if said["version"] != INDEX_VERSION:
            return FulltextIndex()
        segments = tuple(
            Segment(here / item["words"], here / item["places"], item["rows"]) for item in said["segments"]
        )
        files = frozenset(said["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return FulltextIndex()
    whole = all(segment.words_path.exists() and segment.locations_path.exists() for segment in segments)
    return FulltextIndex(segments, files) if whole else FulltextIndex()


def index_size(fulltext_index: FulltextIndex) -> int:
    """Bytes on the disk."""
    return sum(
        path.stat().st_size
        for segment in fulltext_index.segments
        for path in (segment.words_path, segment.locations_path)
    )
