"""Making the index of words, adding to it, and carrying it along when files are rewritten.

What is written counts for nothing until `index.json` names it, which is the last thing to be written.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_64_hexdigest

from trendcli.core.errors import Locked, NeedsPerson
from trendcli.core.parallel import cores
from trendcli.core.types import Progress
from trendcli.reports.papers.fulltext import PLACES, VERSION, Index, Segment, folder, opened
from trendcli.store.manifest import DataFile
from trendcli.store.sql import sql_text
from trendcli.store.store import Store, fields_of, write_synced

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from trendcli.reports.papers.fulltext import Numbers

# about what a submission costs, for people to know beforehand
BYTES, SECONDS = 700, 4e-5
_MANY = 100_000  # submissions from which a second thread pays
_AT_ONCE = 5_000  # submissions that are read at a time
_HELD = 64 << 20  # bytes of words that a thread holds before it writes them
_UNFINISHED = ".building"
# nothing counts until the file is whole and named, so nothing has to be safe on its way there
_SETTINGS = ("PRAGMA page_size = 8192", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF")
# words alone, and nothing for scores of its own: points are given by what stands where
_OPTIONS = "content = '', columnsize = 0, tokenize = 'ascii'"


def build(store: Store, progress: Progress) -> tuple[Index, int]:
    """Bring the index up to the store: what it lacks becomes segments; returns it and how many submissions were read.

    Segments no larger than what is new are made anew together with it, so that few remain, and so is what is damaged.
    Locked where another process is at it. Until the end nothing counts of what was written.
    """
    with _alone(store) as here:
        old = opened(store)
        for path in here.iterdir():  # what a build left that was killed, and what the last one stopped naming
            if path.suffix in (".db", ".npy", _UNFINISHED) and path not in _paths(old):
                path.unlink(missing_ok=True)
                path.with_suffix(".json").unlink(missing_ok=True)
        files = store.manifest.files
        sound = [segment for segment in old.segments if _sound(segment)]
        alive = [segment for segment in sound if _alive(store, segment) >= segment.rows / 2]
        kept, lacking = _kept(store, alive)
        if lacking or len(kept) < len(old.segments):
            _commit(here, [*kept, *_segments(store, here, lacking, progress)], [item.key for item in files])
        return opened(store), sum(item.rows for item in lacking)


def carry(store: Store, moves: pa.Table) -> None:
    """Carry the index along to rewritten files, by what `ingest.fold` says of where each row lay before.

    Nothing happens where there is no index, or where it is being built or cannot be written.
    """
    import numpy as np

    old = opened(store)
    if not old.segments or not moves.num_rows:
        return
    with suppress(Locked, OSError, EOFError, ValueError), _alone(store) as here:  # what is damaged is built anew
        segments = []
        for segment in old.segments:
            place = segment.rows_at()
            with store.connect() as db:
                db.register("moves", moves)
                db.register("place", {**place, "number": np.arange(segment.rows)})
                rows = db.execute(
                    """
                    SELECT number, moves.file, moves.row FROM place
                    JOIN moves ON place.file = moves.old_file AND place.row = moves.old_row
                    """
                ).fetchnumpy()
            place["file"][rows["number"]], place["row"][rows["number"]] = rows["file"], rows["row"]
            path = here / f"{segment.words.stem}.{store.fingerprint()}.npy"
            _write_places(path, place, segment.categories)
            segments.append(Segment(segment.words, path, segment.rows))
        _commit(here, segments, _whole(store, segments))


@contextmanager
def _alone(store: Store) -> Iterator[Path]:
    import filelock  # only who writes needs it

    here = folder(store)
    here.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(here / "lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise Locked(
            f"Another process builds the index of {store.root}. Nothing was changed; try again later."
        ) from None
    try:
        yield here
    finally:
        lock.release()


def _commit(here: Path, segments: Sequence[Segment], files: Iterable[int]) -> None:
    said = {
        "version": VERSION,
        "segments": [{"words": one.words.name, "places": one.places.name, "rows": one.rows} for one in segments],
        "files": sorted(files),
    }
    write_synced(here / "index.json", json.dumps(said).encode())


def _paths(index: Index) -> set[Path]:
    return {path for segment in index.segments for path in (segment.words, segment.places)}


def _sound(segment: Segment) -> bool:
    """Whether a segment can be read, by a look at every page of its words; 0.1 s for 200,000 submissions."""
    try:
        with closing(sqlite3.connect(f"{segment.words.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            told = db.execute("PRAGMA quick_check(1)").fetchall()
        return told == [("ok",)] and len(segment.rows_at()["file"]) == segment.rows and bool(segment.categories)
    except (sqlite3.Error, OSError, EOFError, ValueError, LookupError):
        return False


def _alive(store: Store, segment: Segment) -> int:
    """How many rows of a segment lie in files that the store names."""
    import numpy as np

    return int(np.isin(segment.rows_at()["file"], [item.key for item in store.manifest.files]).sum())


def _whole(store: Store, segments: Sequence[Segment]) -> frozenset[int]:
    """The files of the store of which some segments hold every row."""
    if not segments:
        return frozenset()
    with store.connect() as db:
        for number, segment in enumerate(segments):
            db.register(f"place_{number}", segment.rows_at())
        every = " UNION ALL ".join(f"SELECT file, row FROM place_{number}" for number in range(len(segments)))
        held = dict(db.execute(f"SELECT file, count(DISTINCT row) FROM ({every}) GROUP BY file").fetchall())
    return frozenset(item.key for item in store.manifest.files if held.get(item.key) == item.rows)


def _kept(store: Store, segments: Sequence[Segment]) -> tuple[Sequence[Segment], list[DataFile]]:
    """The segments that stay, being larger than what is new, and the files that are not in them whole."""
    held = _whole(store, segments)
    lacking = [item for item in store.manifest.files if item.key not in held]
    large = [segment for segment in segments if segment.rows > sum(item.rows for item in lacking)]
    return (segments, lacking) if len(large) == len(segments) else _kept(store, large)


def _segments(store: Store, here: Path, files: Sequence[DataFile], progress: Progress) -> list[Segment]:
    """Segments of some files, as many as there are cores where that pays: FTS5 works while Python waits."""
    total = sum(item.rows for item in files)
    parts = min(cores(), max(1, total // _MANY))
    shares: list[list[DataFile]] = [[] for _ in range(parts)]
    for item in sorted(files, key=lambda item: -item.rows):
        min(shares, key=lambda share: sum(other.rows for other in share)).append(item)
    done, stop, lock = 0, threading.Event(), threading.Lock()

    def told(rows: int) -> None:
        nonlocal done
        with lock:
            done += rows
            progress(done, total, "submissions indexed")
        if stop.is_set():
            raise InterruptedError

    with ThreadPoolExecutor(parts) as pool:
        work = [pool.submit(_segment, store, here, share, told) for share in shares if share]
        try:
            return [future.result() for future in work]
        except BaseException:
            stop.set()
            raise


def _segment(store: Store, here: Path, files: Sequence[DataFile], told: Callable[[int], None]) -> Segment:
    name = xxh3_64_hexdigest(json.dumps(sorted(item.key for item in files)).encode())
    words, places = here / f"{name}.db", here / f"{name}.npy"
    draft = words.with_name(f"{words.name}{_UNFINISHED}")
    draft.unlink(missing_ok=True)
    try:
        rows = _write_words(store, draft, files, told)
    except sqlite3.Error as error:
        draft.unlink(missing_ok=True)
        raise NeedsPerson(f"SQLite cannot write the index of {store.root}: {error}. Nothing was changed.") from None
    _write_places(places, *_places_of(store, files))
    os.replace(draft, words)
    return Segment(words, places, rows)


def _write_words(store: Store, path: Path, files: Sequence[DataFile], told: Callable[[int], None]) -> int:
    """Write the words of some files, and return of how many submissions."""
    fields = fields_of(store.corpus)
    insert = f"INSERT INTO words(rowid, {', '.join(fields)}) VALUES ({', '.join('?' * (len(fields) + 1))})"
    texts = ", ".join(f"lower({field})" for field in fields)
    number = 0
    with closing(_reader()) as source, closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in (*_SETTINGS, f"CREATE VIRTUAL TABLE words USING fts5({', '.join(fields)}, {_OPTIONS})"):
            db.execute(statement)
        db.execute(f"INSERT INTO words(words, rank) VALUES ('hashsize', {_HELD})")
        db.execute("BEGIN")
        for item in files:
            found = source.execute(f"SELECT {texts} FROM read_parquet({sql_text(str(store.path(item)))})")
            while rows := found.fetchmany(_AT_ONCE):
                db.executemany(insert, ((place, *row) for place, row in enumerate(rows, number)))
                number += len(rows)
                told(len(rows))
        db.execute("COMMIT")
        db.execute("INSERT INTO words(words) VALUES ('optimize')")
    return number


def _places_of(store: Store, files: Sequence[DataFile]) -> tuple[dict[str, Numbers], list[str]]:
    """The columns of `PLACES` for the rows of some files, in their order, and the sets of categories by number."""
    import numpy as np

    columns: dict[str, list[Any]] = {name: [] for name in PLACES}
    categories: dict[str, int] = {}
    with closing(_reader()) as source:
        for item in files:
            read = f"SELECT v1_at, categories FROM read_parquet({sql_text(str(store.path(item)))})"
            found = source.execute(read).fetchnumpy()
            columns["file"].append(np.full(item.rows, item.key))
            columns["row"].append(np.arange(item.rows))
            columns["v1_at"].append(found["v1_at"])
            columns["categories"].append([categories.setdefault(name, len(categories)) for name in found["categories"]])
    return {name: np.concatenate(parts) for name, parts in columns.items()}, list(categories)


def _reader() -> duckdb.DuckDBPyConnection:
    """A connection that hands rows over in the order in which they lie, as one thread does."""
    import duckdb

    return duckdb.connect(config={"threads": 1})


def _write_places(path: Path, columns: Mapping[str, Numbers], categories: Sequence[str]) -> None:
    """Write where the submissions of a segment lie, so that it can be mapped into memory."""
    import numpy as np

    table = np.empty(len(columns["file"]), list(PLACES.items()))
    for name in PLACES:
        table[name] = columns[name]
    write_synced(path.with_suffix(".json"), json.dumps(categories).encode())
    draft = path.with_name(f"{path.name}{_UNFINISHED}")
    with draft.open("wb") as out:
        np.save(out, table)
    os.replace(draft, path)
