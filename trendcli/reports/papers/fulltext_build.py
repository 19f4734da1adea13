"""Making the index of words, adding to it, and carrying it along when files are rewritten.

What is written counts for nothing until `index.json` names it, which is the last thing to be written.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_64_hexdigest

from trendcli.core.errors import ActionRequiredError, StoreLocked
from trendcli.core.files import atomic_draft, exclusive_lock, write_file_atomically
from trendcli.core.parallel import count_cores
from trendcli.core.types import Progress
from trendcli.reports.papers.fulltext import (
    INDEX_VERSION,
    LOCATION_DTYPES,
    FulltextIndex,
    Segment,
    index_folder,
    read_index,
)
from trendcli.store.manifest import DataFile
from trendcli.store.sql import sql_string
from trendcli.store.store import Store, corpus_text_fields

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from trendcli.reports.papers.fulltext import IntArray

# about what a submission costs, for people to know beforehand
BYTES_PER_SUBMISSION, SECONDS_PER_SUBMISSION = 700, 4e-5
_ROWS_PER_THREAD = 100_000  # submissions from which a second thread pays
_ROWS_PER_READ = 5_000  # submissions that are read at a time
_WORD_BUFFER_BYTES = 64 << 20  # bytes of words that a thread holds before it writes them
# ".building" is what the first version called its drafts
_DRAFT_SUFFIXES = (".draft", ".building")
# nothing counts until the file is whole and named, so nothing has to be safe on its way there
_SQLITE_PRAGMAS = ("PRAGMA page_size = 8192", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF")
# words alone, and nothing for scores of its own: points are given by what stands where
_FTS5_OPTIONS = "content = '', columnsize = 0, tokenize = 'ascii'"


def build_index(store: Store, progress: Progress) -> tuple[FulltextIndex, int]:
    """Bring the index up to the store: what it lacks becomes segments; returns it and how many submissions were read.

    Segments no larger than what is new are made anew together with it, so that few remain, and so is what is damaged.
    Locked where another process is at it. Until the end nothing counts of what was written.
    """
    with _lock_index(store) as here:
        old = read_index(store)
        for path in here.iterdir():  # what a build left that was killed, and what the last one stopped naming
            if path.suffix in (".db", ".npy", *_DRAFT_SUFFIXES) and path not in _segment_paths(old):
                path.unlink(missing_ok=True)
                path.with_suffix(".json").unlink(missing_ok=True)
        files = store.manifest.files
        sound = [segment for segment in old.segments if _is_readable(segment)]
        alive = [segment for segment in sound if _count_live_rows(store, segment) >= segment.row_count / 2]
        kept, lacking = _choose_segments(store, alive)
        if lacking or len(kept) < len(old.segments):
            _commit_index(
                here, [*kept, *_build_segments(store, here, lacking, progress)], [item.file_id for item in files]
            )
        return read_index(store), sum(item.rows for item in lacking)


def remap(store: Store, row_map: pa.Table) -> None:
    """Carry the index along to rewritten files, by what `ingest.fold` says of where each row lay before.

    Nothing happens where there is no index, or where it is being built or cannot be written.
    """
    import numpy as np

    old = read_index(store)
    if not old.segments or not row_map.num_rows:
        return
    with (
        suppress(StoreLocked, OSError, EOFError, ValueError),
        _lock_index(store) as here,
    ):  # what is damaged is built anew
        segments = []
        for segment in old.segments:
            place = segment.read_locations()
            with store.connect() as db:
                db.register("moves", row_map)
                db.register("place", {**place, "number": np.arange(segment.row_count)})
                rows = db.execute(
                    """
                    SELECT number, moves.file, moves.row FROM place
                    JOIN moves ON place.file = moves.old_file AND place.row = moves.old_row
                    """
                ).fetchnumpy()
            place["file"][rows["number"]], place["row"][rows["number"]] = rows["file"], rows["row"]
            path = here / f"{segment.words_path.stem}.{store.compute_fingerprint()}.npy"
            _write_locations(path, place, segment.category_sets)
            segments.append(Segment(segment.words_path, path, segment.row_count))
        _commit_index(here, segments, _find_whole_files(store, segments))


@contextmanager
def _lock_index(store: Store) -> Iterator[Path]:
    here = index_folder(store)
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(here / "lock", timeout_s=0))
        except TimeoutError:
            raise StoreLocked(
                f"Another process builds the index of {store.root}. Nothing was changed; try again later."
            ) from None
        yield here


def _commit_index(here: Path, segments: Sequence[Segment], files: Iterable[int]) -> None:
    said = {
        "version": INDEX_VERSION,
        "segments": [
            {"words": one.words_path.name, "places": one.locations_path.name, "rows": one.row_count} for one in segments
        ],
        "files": sorted(files),
    }
    write_file_atomically(here / "index.json", json.dumps(said).encode())


def _segment_paths(fulltext_index: FulltextIndex) -> set[Path]:
    return {path for segment in fulltext_index.segments for path in (segment.words_path, segment.locations_path)}


def _is_readable(segment: Segment) -> bool:
    """Whether a segment can be read, by a look at every page of its words; 0.1 s for 200,000 submissions."""
    try:
        with closing(sqlite3.connect(f"{segment.words_path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            told = db.execute("PRAGMA quick_check(1)").fetchall()
        return (
            told == [("ok",)]
            and len(segment.read_locations()["file"]) == segment.row_count
            and bool(segment.category_sets)
        )
    except (sqlite3.Error, OSError, EOFError, ValueError, LookupError):
        return False


def _count_live_rows(store: Store, segment: Segment) -> int:
    """How many rows of a segment lie in files that the store names."""
    import numpy as np

    return int(np.isin(segment.read_locations()["file"], [item.file_id for item in store.manifest.files]).sum())


def _find_whole_files(store: Store, segments: Sequence[Segment]) -> frozenset[int]:
    """The files of the store of which some segments hold every row."""
    if not segments:
        return frozenset()
    with store.connect() as db:
        for number, segment in enumerate(segments):
            db.register(f"place_{number}", segment.read_locations())
        every = " UNION ALL ".join(f"SELECT file, row FROM place_{number}" for number in range(len(segments)))
        held = dict(db.execute(f"SELECT file, count(DISTINCT row) FROM ({every}) GROUP BY file").fetchall())
    return frozenset(item.file_id for item in store.manifest.files if held.get(item.file_id) == item.rows)


def _choose_segments(store: Store, segments: Sequence[Segment]) -> tuple[Sequence[Segment], list[DataFile]]:
    """The segments that stay, being larger than what is new, and the files that are not in them whole."""
    held = _find_whole_files(store, segments)
    lacking = [item for item in store.manifest.files if item.file_id not in held]
    large = [segment for segment in segments if segment.row_count > sum(item.rows for item in lacking)]
    return (segments, lacking) if len(large) == len(segments) else _choose_segments(store, large)


def _build_segments(store: Store, here: Path, files: Sequence[DataFile], progress: Progress) -> list[Segment]:
    """Segments of some files, as many as there are cores where that pays: FTS5 works while Python waits."""
    total = sum(item.rows for item in files)
    parts = min(count_cores(), max(1, total // _ROWS_PER_THREAD))
    shares: list[list[DataFile]] = [[] for _ in range(parts)]
    for item in sorted(files, key=lambda item: -item.rows):
        min(shares, key=lambda share: sum(other.rows for other in share)).append(item)
    done, stop, lock = 0, threading.Event(), threading.Lock()

    def report_rows(rows: int) -> None:
        nonlocal done
        with lock:
            done += rows
            progress(done, total, "submissions indexed")
        if stop.is_set():
            raise InterruptedError

    with ThreadPoolExecutor(parts) as pool:
        work = [pool.submit(_build_segment, store, here, share, report_rows) for share in shares if share]
        try:
            return [future.result() for future in work]
        except BaseException:
            stop.set()
            raise


def _build_segment(store: Store, here: Path, files: Sequence[DataFile], report_rows: Callable[[int], None]) -> Segment:
    name = xxh3_64_hexdigest(json.dumps(sorted(item.file_id for item in files)).encode())
    words, places = here / f"{name}.db", here / f"{name}.npy"
    try:
        with atomic_draft(words) as draft:
            rows = _write_words(store, draft, files, report_rows)
            _write_locations(places, *_read_locations(store, files))
    except sqlite3.Error as error:
        raise ActionRequiredError(
            f"SQLite cannot write the index of {store.root}: {error}. Nothing was changed."
        ) from None
    return Segment(words, places, rows)


def _write_words(store: Store, path: Path, files: Sequence[DataFile], report_rows: Callable[[int], None]) -> int:
    """Write the words of some files, and return of how many submissions."""
    fields = corpus_text_fields(store.corpus)
    insert = f"INSERT INTO words(rowid, {', '.join(fields)}) VALUES ({', '.join('?' * (len(fields) + 1))})"
    texts = ", ".join(f"lower({field})" for field in fields)
    number = 0
    with closing(_open_reader()) as source, closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in (
            *_SQLITE_PRAGMAS,
            f"CREATE VIRTUAL TABLE words USING fts5({', '.join(fields)}, {_FTS5_OPTIONS})",
        ):
            db.execute(statement)
        db.execute(f"INSERT INTO words(words, rank) VALUES ('hashsize', {_WORD_BUFFER_BYTES})")
        db.execute("BEGIN")
        for item in files:
            found = source.execute(f"SELECT {texts} FROM read_parquet({sql_string(str(store.file_path(item)))})")
            while rows := found.fetchmany(_ROWS_PER_READ):
                db.executemany(insert, ((place, *row) for place, row in enumerate(rows, number)))
                number += len(rows)
                report_rows(len(rows))
        db.execute("COMMIT")
        db.execute("INSERT INTO words(words) VALUES ('optimize')")
    return number


def _read_locations(store: Store, files: Sequence[DataFile]) -> tuple[dict[str, IntArray], list[str]]:
    """The columns of `PLACES` for the rows of some files, in their order, and the sets of categories by number."""
    import numpy as np

    columns: dict[str, list[Any]] = {name: [] for name in LOCATION_DTYPES}
    categories: dict[str, int] = {}
    with closing(_open_reader()) as source:
        for item in files:
            read = f"SELECT v1_at, categories FROM read_parquet({sql_string(str(store.file_path(item)))})"
            found = source.execute(read).fetchnumpy()
            columns["file"].append(np.full(item.rows, item.file_id))
            columns["row"].append(np.arange(item.rows))
            columns["v1_at"].append(found["v1_at"])
            columns["categories"].append([categories.setdefault(name, len(categories)) for name in found["categories"]])
    return {name: np.concatenate(parts) for name, parts in columns.items()}, list(categories)


def _open_reader() -> duckdb.DuckDBPyConnection:
    """A connection that hands rows over in the order in which they lie, as one thread does."""
    import duckdb

    return duckdb.connect(config={"threads": 1})


def _write_locations(path: Path, columns: Mapping[str, IntArray], categories: Sequence[str]) -> None:
    """Write where the submissions of a segment lie, so that it can be mapped into memory."""
    import numpy as np

    table = np.empty(len(columns["file"]), list(LOCATION_DTYPES.items()))
    for name in LOCATION_DTYPES:
        table[name] = columns[name]
    write_file_atomically(path.with_suffix(".json"), json.dumps(categories).encode())
    with atomic_draft(path) as draft, draft.open("wb") as out:
        np.save(out, table)
