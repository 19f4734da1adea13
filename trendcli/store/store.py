"""The store: immutable parquet files, and one manifest that names them. The rename of the manifest is the commit.

    STORE/trend-store.json                      which marks the folder as a store (identity.py)
    STORE/manifest.json                         which files hold the submissions, and the coverage ledger
    STORE/manifests/000012.json                 the last generations of the manifest (rebuild.py)
    STORE/arxiv/months/2019-03.<hash>.parquet   month file: submissions by month of the v1 date, as last compacted
    STORE/arxiv/updates/<n>.<hash>.parquet      delta file: what one commit added since, new submissions or new states
    STORE/cache/                                what can be computed again (cache.py, result_cache.py)
    STORE/quarantine/<day>/                     what no manifest names, and what was damaged (quarantine.py)
    STORE/venues/iclr/                          a store like this one, of the submissions to a conference

A row of a delta file that replaces an older row names it (`over_file`, `over_row`), so reading is one anti-join.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_64

from trendcli.core.errors import StoreDamaged, StoreLocked, StoreMissing, TrendError, UsageError
from trendcli.core.files import exclusive_lock, read_error, write_file_atomically
from trendcli.core.types import CoverageRecord
from trendcli.store.commits import next_manifest
from trendcli.store.content_checks import ContentChecks
from trendcli.store.coverage import Coverage
from trendcli.store.identity import (
    MANIFEST_NAME,
    VENUES_FOLDER,
    FolderState,
    check_folder,
    ensure_identity,
    generation_path,
    holds_data,
    inspect_folder,
    list_generations,
    rebuild_mark_path,
)
from trendcli.store.manifest import (
    ARXIV,
    COUNTS_ONLY_KIND,
    DataFile,
    DroppedFile,
    Manifest,
    format_manifest,
    parse_manifest,
)

if TYPE_CHECKING:
    import duckdb

# in which rules are matched
TEXT_FIELDS = ("title", "keywords", "abstract")
# how long a replaced file stays, for readers that opened the store earlier
READER_GRACE = timedelta(hours=24)
# generations of the manifest that are kept beside it
KEPT_GENERATIONS = 10


def list_venues(root: Path) -> list[str]:
    """Return the names of the venues that have a store inside the store at `root`."""
    states = (FolderState.store, FolderState.headless)
    return sorted(
        path.name for path in root.glob(f"{VENUES_FOLDER}/*") if path.is_dir() and inspect_folder(path) in states
    )


def corpus_text_fields(corpus: str) -> tuple[str, ...]:
    """Return the text fields that the submissions of a corpus have."""
    return TEXT_FIELDS if corpus != ARXIV else ("title", "abstract")


class Store:
    """A store at a path, as its manifest stood when it was opened or last committed.

    `text_fields` are those in which rules are matched, of the fields that the corpus has.
    """

    def __init__(self, root: Path, manifest: Manifest, text_fields: Sequence[str] = TEXT_FIELDS) -> None:
        self.root = root
        self.manifest = manifest
        self.content_checks = ContentChecks(root)
        self.cache_root = root / "cache"
        self.text_fields = tuple(name for name in corpus_text_fields(manifest.corpus) if name in text_fields)

    def with_text_fields(self, text_fields: Sequence[str]) -> Store:
        """Return the same store with rules matched in some of the fields that its corpus has."""
        other = copy(self)  # with the DuckDB engine, if it has been started
        other.text_fields = tuple(name for name in corpus_text_fields(self.corpus) if name in text_fields)
        return other

    @classmethod
    def open(cls, root: Path) -> Store:
        """Return the store at `root`.

        Raise StoreMissing where there is none, UsageError where something else is, StoreDamaged where the manifest is
        lost, damaged or older than it was, StoreTooNew if a later program wrote it.
        """
        # listed before the manifest is read: a commit in between must not look like a manifest that went back
        newest = max(list_generations(root), default=0)
        if rebuild_mark_path(root).exists():
            raise StoreDamaged(f"A rebuild of {root} was interrupted. Run `trend doctor --rebuild` again to finish it.")
        try:
            manifest = read_manifest(root)
        except FileNotFoundError:
            raise _missing_manifest_error(root) from None
        if newest > manifest.generation:
            raise StoreDamaged(
                f"{root / MANIFEST_NAME} is older than the store: generation {manifest.generation}, where {newest} was "
                "committed. It may have been restored or synchronised alone. Nothing was changed. Run "
                "`trend doctor --rebuild` to restore the newest known state."
            )
        return cls(root, manifest)

    @classmethod
    def open_or_create(cls, root: Path, *, synthetic: bool = False, corpus: str = ARXIV) -> Store:
        """Return the store at `root`, or an empty one that its first commit will write; raise as `open` does."""
        if (root / MANIFEST_NAME).exists():
            return cls.open(root)
        for folder in _list_roots(root, corpus):
            check_folder(folder)
        if inspect_folder(root) == FolderState.headless:
            raise _missing_manifest_error(root)
        return cls(root, Manifest(synthetic=synthetic, corpus=corpus))

    @property
    def corpus(self) -> str:
        """'arxiv', or the name of the venue whose submissions the store holds."""
        return self.manifest.corpus

    @property
    def text_expressions(self) -> tuple[str, str]:
        """SQL for the two texts of a row in which rules are matched: the title, and the other fields, one a line."""
        other_fields = [name for name in self.text_fields if name != "title"]
        body = f"concat_ws(chr(10), {', '.join(other_fields)})" if len(other_fields) > 1 else "".join(other_fields)
        return ("title" if "title" in self.text_fields else "''"), body or "''"

    @property
    def cache_folder(self) -> Path:
        """The folder of what was computed from the texts; each choice of text fields has its own."""
        subfolder = "" if self.text_fields == corpus_text_fields(self.corpus) else "-".join(self.text_fields)
        return self.cache_root / subfolder

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the store's lock during the block, and read the manifest anew; readers are never blocked.

        Raise StoreLocked, with the process that holds it, if another one writes to the store.
        """
        for folder in _list_roots(self.root, self.corpus):
            check_folder(folder)
            if inspect_folder(folder) == FolderState.empty:  # before anything else is written there
                corpus = self.corpus if folder == self.root else ARXIV
                ensure_identity(folder, corpus, synthetic=self.manifest.synthetic)
        with lock_root(self.root):
            if (self.root / MANIFEST_NAME).exists():
                self.manifest = Store.open(self.root).manifest
            elif self.manifest.generation or inspect_folder(self.root) == FolderState.headless:
                raise _missing_manifest_error(self.root)
            with self._empty_manifest() if not self.manifest.generation else nullcontext():
                yield

    @contextmanager
    def _empty_manifest(self) -> Iterator[None]:
        """Keep a manifest without files during the block, and beyond it only if something is left that it belongs to.

        Without one, what a killed first run leaves would pass for a store that has lost its manifest.
        """
        path = self.root / MANIFEST_NAME
        write_file_atomically(path, format_manifest(self.manifest))
        try:
            yield
        finally:
            if not self.manifest.generation and not holds_data(self.root):
                path.unlink(missing_ok=True)

    def build_coverage(self, as_of: date | None = None) -> Coverage:
        """Return what the coverage ledger vouches for; the list of a conference covers its year, whenever it came."""
        return Coverage(self.manifest.ledger, as_of, dated=self.corpus == ARXIV)

    def list_files(self, since: date | None = None, until: date | None = None) -> list[DataFile]:
        """Return the data files that may hold submissions with a v1 date in [since, until); None: no bound."""
        return [
            file
            for file in self.manifest.files
            if (since is None or file.last >= since) and (until is None or file.first < until)
        ]

    def compute_fingerprint(self) -> str:
        """Return a hash of the data files and coverage records that make up the store, as 16 hexadecimal digits."""
        # the first version named the class of coverage records Answer, and reports saved then hold hashes of that name
        records = ["Answer" + repr(record).removeprefix("CoverageRecord") for record in self.manifest.ledger]
        return xxh3_64("\n".join([*(file.path for file in self.manifest.files), *records]).encode()).hexdigest()

    def file_path(self, data_file: DataFile) -> Path:
        """Return the path of a data file; UsageError for one that was counted on a cluster and is not in the store."""
        if data_file.kind == COUNTS_ONLY_KIND:
            raise UsageError(
                f"The store {self.root} holds only monthly counts of the topics that were counted on a cluster; the "
                "texts are not in it. Request whole months and those topics, or count again on the cluster."
            )
        return self.root / data_file.path

    def read_paths(self, files: Iterable[DataFile]) -> list[Path]:
        """Return the paths of data files after checking their content; raise StoreDamaged if any is damaged."""
        hashes = [(self.file_path(file), file.content_hash) for file in files]
        try:
            damaged = self.content_checks.find_damaged(hashes)
        except OSError as error:
            raise StoreDamaged(f"{read_error(str(error.filename), error)} Nothing was changed.") from None
        if damaged:
            others = f", and {len(damaged) - 1:,} more" if len(damaged) > 1 else ""
            state = "damaged" if damaged[0].exists() else "missing"
            raise StoreDamaged(
                f"A data file of the store is {state}: {damaged[0]}{others}. Nothing was changed. Run `trend doctor` "
                "to list the damage, then `trend doctor --fix` and `trend fetch` to repair it."
            )
        return [path for path, _ in hashes]

    def commit(
        self,
        new_files: Sequence[DataFile],
        coverage_records: Iterable[CoverageRecord] = (),
        *,
        replaced_files: Sequence[DataFile] = (),
        keep_replaced: bool = False,
    ) -> None:
        """Replace the manifest by one with the new files (already written and synced) and coverage records.

        `replaced_files` are no longer named. A new coverage record replaces earlier incomplete ones of the same
        request. Call it inside `write_lock()`: until the manifest is renamed the store is the old one, and then the new
        one, whatever happens. Replaced files stay for READER_GRACE; `keep_replaced` leaves those of this commit for
        good.
        """
        now = datetime.now(UTC)
        old = self.manifest
        new = next_manifest(old, new_files, coverage_records, replaced_files)
        named_paths = {file.path for file in new.files}
        # a moment in the future was written by a wrong clock
        dropped = [DroppedFile(path, min(at or now, now)) for path, at in old.dropped if path not in named_paths]
        expired = [entry for entry in dropped if entry.at and now - entry.at >= READER_GRACE]
        replaced_paths = [] if keep_replaced else sorted({file.path for file in replaced_files} - named_paths)
        dropped = [entry for entry in dropped if entry not in expired and entry.path not in replaced_paths]
        self._write_manifest(replace(new, dropped=(*dropped, *(DroppedFile(path, now) for path in replaced_paths))))
        for entry in expired:
            (self.root / entry.path).unlink(missing_ok=True)

    def replace_manifest(self, manifest: Manifest) -> None:
        """Commit a manifest that was not derived from the current one as the next generation; for repairs only."""
        generation = max([manifest.generation, self.manifest.generation, *list_generations(self.root)]) + 1
        self._write_manifest(replace(manifest, generation=generation))

    def _write_manifest(self, manifest: Manifest) -> None:
        ensure_identity(self.root, manifest.corpus, synthetic=manifest.synthetic)
        content = format_manifest(manifest)
        write_file_atomically(self.root / MANIFEST_NAME, content)
        self.manifest = manifest
        with suppress(OSError):  # the commit is done; a full disk may have no room for the copy
            # written last: a copy that is newer than the manifest shows that an older manifest was restored
            write_file_atomically(generation_path(self.root, manifest.generation), content)
            for generation in list_generations(self.root)[:-KEPT_GENERATIONS]:
                generation_path(self.root, generation).unlink(missing_ok=True)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection of its own; all share an empty database, so what they create must be temporary."""
        return self._duckdb_connection.cursor()

    @cached_property
    def _duckdb_connection(self) -> duckdb.DuckDBPyConnection:
        # starting the engine takes 15 ms, and a report asks several times
        import duckdb

        return duckdb.connect(config={"preserve_insertion_order": "false"})


@contextmanager
def lock_root(root: Path) -> Iterator[None]:
    """Hold the lock of the store at `root` during the block, whatever state the store is in; raise StoreLocked."""
    holder_path = root / "lock.json"
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(root / "lock", timeout_s=0))
        except TimeoutError:
            raise StoreLocked(
                f"The store {root} is being written by {_lock_holder(holder_path)}. Nothing was changed; "
                "try again later."
            ) from None
        stack.callback(holder_path.unlink, missing_ok=True)
        holder_path.write_text(
            json.dumps({"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")})
        )
        yield


def read_manifest(root: Path) -> Manifest:
    """Return the manifest of the store at `root`; raise as `Store.open` does, and FileNotFoundError without one."""
    path = root / MANIFEST_NAME
    try:
        return parse_manifest(path.read_bytes(), path)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(path) from None
    except OSError as error:
        raise StoreDamaged(f"{read_error(path, error)} Nothing was changed.") from None
    except StoreDamaged:
        check_folder(root)  # a manifest.json may be that of another program
        raise


def _missing_manifest_error(root: Path) -> TrendError:
    """Return the error for opening a store at `root`, which has no manifest."""
    check_folder(root)
    if inspect_folder(root) == FolderState.headless:
        return StoreDamaged(
            f"{root / MANIFEST_NAME} is missing, but its data files exist. Nothing was changed. Run `trend doctor "
            "--rebuild` to rebuild it, or restore the whole store from a backup."
        )
    return StoreMissing(
        f"No store at {root}. Create one with `trend import FILE` or `trend fetch --since 2024-01`, "
        "or try `trend demo`."
    )


def _list_roots(root: Path, corpus: str) -> list[Path]:
    """Return the folders that must be stores for `root` to be one: the store of a venue is inside another."""
    is_inside = corpus != ARXIV and root.parent.name == VENUES_FOLDER
    return [root.parents[1], root] if is_inside else [root]


def _lock_holder(path: Path) -> str:
    """Return who holds a store's lock, as its lock.json says: 'process 123 (2026-11-21T08:00:00+00:00)'."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['pid']} ({holder['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"
