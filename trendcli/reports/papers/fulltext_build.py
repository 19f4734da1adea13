"""Building the full-text index, extending it, and keeping it valid when data files are rewritten.

Nothing that is written counts until `index.json` names it, and that file is written last.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_64_hexdigest

from trendcli.core.checked_json import format_checked_json
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
    read_segments,
)
from trendcli.store.data_files import hash_content
from trendcli.store.manifest import DataFile
from trendcli.store.sql import sql_paths
from trendcli.store.store import Store, corpus_text_fields

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from trendcli.reports.papers.fulltext import IntArray

# what a submission costs, roughly: the estimate that is printed before an index is built
BYTES_PER_SUBMISSION = 700
SECONDS_PER_SUBMISSION = 4e-5
_ROWS_PER_THREAD = 100_000  # submissions from which a second thread pays
_ROWS_PER_READ = 5_000  # submissions read at a time
_WORD_BUFFER_BYTES = 64 << 20  # bytes of words that a thread holds before it writes them
# the files of segments and their drafts; ".building" is what the first version called its drafts
_SEGMENT_FILE = re.compile(
    r"[0-9a-f]{16}(\.[0-9a-f]{16})?\.(db|npy|json)(\.\d+\.draft|\.building)?|index\.json\.\d+\.draft"
)
# nothing counts until the file is complete and named, so it need not survive a crash on its way there
_SQLITE_PRAGMAS = ("PRAGMA page_size = 8192", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF")
# words alone, and nothing for FTS5's own ranking: points depend only on which words stand where
_FTS5_OPTIONS = "content = '', columnsize = 0, tokenize = 'ascii'"


def build_index(store: Store, progress: Progress) -> tuple[FulltextIndex, int]:
    """Bring the index up to date with the store; return it and the number of submissions that were read.

    Files that the index lacks become new segments. Segments no larger than what is new are rebuilt together with it, so
    that few remain, and so are damaged ones. Raise StoreLocked if another process is building, ActionRequiredError if
    SQLite cannot write; the index then stays as it was.
    """
    with _lock_index(store) as folder:
        old_segments = _read_old_segments(store)
        readable = [segment for segment, is_whole in old_segments if is_whole and _is_readable(segment)]
        named_paths = {path for segment in readable for path in segment.paths}
        for path in folder.iterdir():  # leftovers of a killed build, and what the last one stopped naming
            if _SEGMENT_FILE.fullmatch(path.name) and path not in named_paths:
                path.unlink(missing_ok=True)
        alive = [segment for segment in readable if _count_live_rows(store, segment) >= segment.row_count / 2]
        reused, missing_files = _choose_segments(store, alive)
        if missing_files or len(reused) < len(old_segments) or not old_segments:
            built = _build_segments(store, folder, missing_files, progress)
            _commit_index(folder, [*reused, *built], [data_file.file_id for data_file in store.manifest.files])
        return read_index(store), sum(data_file.rows for data_file in missing_files)


def remap(store: Store, row_map: pa.Table) -> None:
    """Point the index at rewritten data files; `row_map` is what `compact_store` returns: the old location of each row.

    Do nothing if there is no index, or if it is being built, damaged or cannot be written.
    """
    import numpy as np

    old = read_index(store)
    if not old.segments or not row_map.num_rows:
        return
    with (
        suppress(StoreLocked, OSError, EOFError, ValueError),  # a damaged index is rebuilt by the next `trend index`
        _lock_index(store) as folder,
    ):
        segments = []
        for segment in old.segments:
            locations = segment.read_locations()
            with store.connect() as db:
                db.register("moves", row_map)
                db.register("location", {**locations, "number": np.arange(segment.row_count)})
                moved = db.execute(
                    """
                    SELECT number, moves.file, moves.row FROM location
                    JOIN moves ON location.file = moves.old_file AND location.row = moves.old_row
                    """
                ).fetchnumpy()
            locations["file"][moved["number"]], locations["row"][moved["number"]] = moved["file"], moved["row"]
            path = folder / f"{segment.words_path.stem}.{store.compute_fingerprint()}.npy"
            _write_locations(path, locations, segment.category_sets)
            segments.append(Segment(segment.words_path, path, segment.row_count))
        _commit_index(folder, segments, _find_complete_files(store, segments))


def _read_old_segments(store: Store) -> list[tuple[Segment, bool]]:
    """Return the segments that there are; none where the list of them is damaged."""
    try:
        return read_segments(store)[0]
    except ValueError:
        return []


@contextmanager
def _lock_index(store: Store) -> Iterator[Path]:
    folder = index_folder(store)
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(folder / "lock", timeout_s=0))
        except TimeoutError:
            raise StoreLocked(
                f"Another process is building the index of {store.root}. Nothing was changed; try again later."
            ) from None
        yield folder


def _commit_index(folder: Path, segments: Sequence[Segment], file_keys: Iterable[int]) -> None:
    content = {
        "version": INDEX_VERSION,
        "segments": [
            {
                "words": segment.words_path.name,
                "places": segment.locations_path.name,
                "rows": segment.row_count,
                "hashes": [hash_content(path) for path in segment.paths],
            }
            for segment in segments
        ],
        "files": sorted(file_keys),
    }
    write_file_atomically(folder / "index.json", format_checked_json(content))


def _is_readable(segment: Segment) -> bool:
    """Return whether a segment can be read; checks every page of its words, 0.1 s for 200,000 submissions."""
    try:
        with closing(sqlite3.connect(f"{segment.words_path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            check = db.execute("PRAGMA quick_check(1)").fetchall()
        return (
            check == [("ok",)]
            and len(segment.read_locations()["file"]) == segment.row_count
            and bool(segment.category_sets)
        )
    except (sqlite3.Error, OSError, EOFError, ValueError, LookupError):
        return False


def _count_live_rows(store: Store, segment: Segment) -> int:
    """Count the rows of a segment that lie in data files of the manifest."""
    import numpy as np

    file_keys = [data_file.file_id for data_file in store.manifest.files]
    return int(np.isin(segment.read_locations()["file"], file_keys).sum())


def _find_complete_files(store: Store, segments: Sequence[Segment]) -> frozenset[int]:
    """Return the keys of the data files of which some segments hold every row."""
    if not segments:
        return frozenset()
    with store.connect() as db:
        for number, segment in enumerate(segments):
            db.register(f"location_{number}", segment.read_locations())
        indexed = " UNION ALL ".join(f"SELECT file, row FROM location_{number}" for number in range(len(segments)))
        row_counts = dict(db.execute(f"SELECT file, count(DISTINCT row) FROM ({indexed}) GROUP BY file").fetchall())
    return frozenset(
        data_file.file_id for data_file in store.manifest.files if row_counts.get(data_file.file_id) == data_file.rows
    )


def _choose_segments(store: Store, segments: Sequence[Segment]) -> tuple[Sequence[Segment], list[DataFile]]:
    """Return the segments to keep, those larger than what is missing, and the data files that they lack."""
    indexed = _find_complete_files(store, segments)
    missing_files = [data_file for data_file in store.manifest.files if data_file.file_id not in indexed]
    missing_rows = sum(data_file.rows for data_file in missing_files)
    large = [segment for segment in segments if segment.row_count > missing_rows]
    return (segments, missing_files) if len(large) == len(segments) else _choose_segments(store, large)


def _build_segments(store: Store, folder: Path, files: Sequence[DataFile], progress: Progress) -> list[Segment]:
    """Build segments of some files, as many as there are cores where that pays: FTS5 works outside Python's lock."""
    total = sum(data_file.rows for data_file in files)
    segment_count = min(count_cores(), max(1, total // _ROWS_PER_THREAD))
    shares: list[list[DataFile]] = [[] for _ in range(segment_count)]
    for data_file in sorted(files, key=lambda data_file: -data_file.rows):
        min(shares, key=lambda share: sum(other.rows for other in share)).append(data_file)
    done, stop, lock = 0, threading.Event(), threading.Lock()

    def report_rows(rows: int) -> None:
        nonlocal done
        with lock:
            done += rows
            progress(done, total, "submissions indexed")
        if stop.is_set():
            raise InterruptedError

    with ThreadPoolExecutor(segment_count) as pool:
        futures = [pool.submit(_build_segment, store, folder, share, report_rows) for share in shares if share]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            raise


def _build_segment(
    store: Store, folder: Path, files: Sequence[DataFile], report_rows: Callable[[int], None]
) -> Segment:
    name = xxh3_64_hexdigest(json.dumps(sorted(data_file.file_id for data_file in files)).encode())
    words_path, locations_path = folder / f"{name}.db", folder / f"{name}.npy"
    try:
        with atomic_draft(words_path) as draft:
            row_count = _write_words(store, draft, files, report_rows)
            _write_locations(locations_path, *_read_locations(store, files))
    except sqlite3.Error as error:
        raise ActionRequiredError(
            f"SQLite cannot write the index of {store.root}: {error}. Nothing was changed."
        ) from None
    return Segment(words_path, locations_path, row_count)


def _write_words(store: Store, path: Path, files: Sequence[DataFile], report_rows: Callable[[int], None]) -> int:
    """Write the words of some files, and return the number of submissions."""
    fields = corpus_text_fields(store.corpus)
    insert = f"INSERT INTO words(rowid, {', '.join(fields)}) VALUES ({', '.join('?' * (len(fields) + 1))})"
    texts = ", ".join(f"lower({field})" for field in fields)
    row_count = 0
    with closing(_open_reader()) as reader, closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in (
            *_SQLITE_PRAGMAS,
            f"CREATE VIRTUAL TABLE words USING fts5({', '.join(fields)}, {_FTS5_OPTIONS})",
        ):
            db.execute(statement)
        db.execute(f"INSERT INTO words(words, rank) VALUES ('hashsize', {_WORD_BUFFER_BYTES})")
        db.execute("BEGIN")
        for data_path in store.read_paths(files):
            result = reader.execute(f"SELECT {texts} FROM read_parquet({sql_paths([data_path])})")
            while rows := result.fetchmany(_ROWS_PER_READ):
                db.executemany(insert, ((number, *row) for number, row in enumerate(rows, row_count)))
                row_count += len(rows)
                report_rows(len(rows))
        db.execute("COMMIT")
        db.execute("INSERT INTO words(words) VALUES ('optimize')")
    return row_count


def _read_locations(store: Store, files: Sequence[DataFile]) -> tuple[dict[str, IntArray], list[str]]:
    """Return the columns of `LOCATION_DTYPES` for the rows of some files in order, and the category sets."""
    import numpy as np

    columns: dict[str, list[Any]] = {name: [] for name in LOCATION_DTYPES}
    set_numbers: dict[str, int] = {}
    with closing(_open_reader()) as reader:
        for data_file, path in zip(files, store.read_paths(files), strict=True):
            source = f"SELECT v1_at, categories FROM read_parquet({sql_paths([path])})"
            rows = reader.execute(source).fetchnumpy()
            columns["file"].append(np.full(data_file.rows, data_file.file_id))
            columns["row"].append(np.arange(data_file.rows))
            columns["v1_at"].append(rows["v1_at"])
            columns["categories"].append(
                [set_numbers.setdefault(name, len(set_numbers)) for name in rows["categories"]]
            )
    return {name: np.concatenate(parts) for name, parts in columns.items()}, list(set_numbers)


def _open_reader() -> duckdb.DuckDBPyConnection:
    """Return a connection with one thread, which yields rows in the order in which they are stored."""
    import duckdb

    return duckdb.connect(config={"threads": 1})


def _write_locations(path: Path, columns: Mapping[str, IntArray], category_sets: Sequence[str]) -> None:
    """Write the locations of a segment as an array that can be mapped into memory, and its sets of categories."""
    import numpy as np

    table = np.empty(len(columns["file"]), list(LOCATION_DTYPES.items()))
    for name in LOCATION_DTYPES:
        table[name] = columns[name]
    write_file_atomically(path.with_suffix(".json"), json.dumps(category_sets).encode())
    with atomic_draft(path) as draft, draft.open("wb") as stream:
        np.save(stream, table)
