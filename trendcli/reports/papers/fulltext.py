"""Reading the full-text index that makes `--search` and `--like` fast: it lies beside the store and is never required.

    STORE/cache/search/index.json     the segments, the data files that they hold in full, and the hash of every file
    STORE/cache/search/<name>.db      the words of some submissions: SQLite's FTS5, without the texts
    STORE/cache/search/<name>.npy     the location, date and categories of submission number n of that segment
    STORE/cache/search/<name>.json    the sets of categories, which the .npy file names by number

Segments never change and data files are named by their content, so the index cannot be out of date; it can only lack
files. Those are searched directly, until the next `trend index` adds them as a segment of their own.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trendcli.core.checked_json import parse_checked_json
from trendcli.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]

INDEX_VERSION = 2  # of how words are split and files laid out: an index of another version is ignored

# the columns of a table of locations, which has a row per submission of a segment
LOCATION_DTYPES = {"file": "i8", "row": "i4", "v1_at": "M8[ms]", "categories": "i4"}


@dataclass(frozen=True)
class Segment:
    """The words and locations of `row_count` submissions, numbered from 0."""

    words_path: Path
    locations_path: Path
    row_count: int

    @property
    def paths(self) -> tuple[Path, Path, Path]:
        """The files of the segment: its words, its locations, and its sets of categories."""
        return self.words_path, self.locations_path, self.locations_path.with_suffix(".json")

    def find_numbers(self, expression: str) -> IntArray:
        """Return the numbers of the submissions that match an FTS5 expression, ascending; int64, shape (matches,)."""
        uri = f"{self.words_path.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as db:
            # one JSON text is built and parsed in a fraction of the time of many rows
            rows = db.execute("SELECT json_group_array(rowid) FROM words WHERE words MATCH ?", (expression,))
            numbers = rows.fetchone()[0][1:-1]
        import numpy as np  # imported only here, so that SQLite works in other threads meanwhile

        return np.fromstring(numbers, np.int64, sep=",") if numbers else np.array([], np.int64)

    def read_locations(self, numbers: IntArray | None = None) -> dict[str, IntArray]:
        """Return the columns of `LOCATION_DTYPES` for some submissions in the order of `numbers`, or for all.

        `categories` is an index into `category_sets`. Raise OSError, EOFError or ValueError if the file is damaged.
        """
        import numpy as np

        table = np.load(self.locations_path, mmap_mode="r")
        return {name: np.array(table[name] if numbers is None else table[name][numbers]) for name in LOCATION_DTYPES}

    @property
    def category_sets(self) -> list[str]:
        """The sets of categories of the segment, each as stored: names joined by spaces."""
        sets: list[str] = json.loads(self.paths[2].read_text(encoding="utf-8"))
        return sets


@dataclass(frozen=True)
class FulltextIndex:
    """The segments of a store, and the keys of the data files that they hold in full.

    `is_damaged` is whether there is an index that is not what was written, so that nothing of it is used.
    """

    segments: tuple[Segment, ...] = ()
    file_keys: frozenset[int] = frozenset()
    is_damaged: bool = False


def index_folder(store: Store) -> Path:
    """Return the folder of a store's index, which does not depend on the fields that are searched."""
    return store.root / "cache" / "search"


def read_index(store: Store) -> FulltextIndex:
    """Return the index of a store; an empty one if there is none, or it is damaged or of another version."""
    try:
        segments, file_keys = read_segments(store)
    except ValueError:
        return FulltextIndex(is_damaged=True)
    if not all(is_whole for _, is_whole in segments):
        return FulltextIndex(is_damaged=True)
    return FulltextIndex(tuple(segment for segment, _ in segments), file_keys)


def read_segments(store: Store) -> tuple[list[tuple[Segment, bool]], frozenset[int]]:
    """Return the segments of the index with whether each is what was written, and the data files that they hold.

    There are none without an index, or with one of another version. Raise ValueError where it is damaged.
    """
    folder = index_folder(store)
    try:
        content = (folder / "index.json").read_bytes()
    except OSError:
        return [], frozenset()
    try:
        if json.loads(content)["version"] != INDEX_VERSION:
            return [], frozenset()
        value = parse_checked_json(content)
        segments = []
        for entry in value["segments"]:
            segment = Segment(folder / entry["words"], folder / entry["places"], entry["rows"])
            damaged = store.content_checks.find_damaged(zip(segment.paths, entry["hashes"], strict=True))
            segments.append((segment, not damaged))
        file_keys = frozenset(value["files"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"index.json cannot be read: {error}") from None
    return segments, file_keys


def index_size(fulltext_index: FulltextIndex) -> int:
    """Return the size of the words and locations on disk, in bytes."""
    return sum(path.stat().st_size for segment in fulltext_index.segments for path in segment.paths[:2])
