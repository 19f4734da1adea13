"""The store: immutable parquet files, and one manifest that names them. The rename of the manifest is the commit.

    STORE/manifest.json                         which files hold the submissions, and the coverage ledger
    STORE/arxiv/months/2019-03.<hash>.parquet   month file: submissions by month of the v1 date, as last compacted
    STORE/arxiv/updates/<n>.<hash>.parquet      delta file: what one commit added since, new submissions or new states
    STORE/cache/                                what can be computed again (cache.py, result_cache.py)
    STORE/venues/iclr/                          a store like this one, of the submissions to a conference

A row of a delta file that replaces an older row names it (`over_file`, `over_row`), so reading is one anti-join.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_64

from trendcli.core import __version__
from trendcli.core.errors import StoreDamaged, StoreLocked, StoreMissing, UsageError
from trendcli.core.files import draft_path, exclusive_lock, publish_file, read_error, write_file_atomically
from trendcli.core.types import CoverageRecord
from trendcli.store.coverage import Coverage
from trendcli.store.manifest import ARXIV, COUNTS_ONLY_KIND, DataFile, Manifest, format_manifest, parse_manifest

if TYPE_CHECKING:
    import duckdb

    from trendcli.core.arrow import pa

# the columns of every data file; times are UTC, `categories` is space-separated with the primary first
DATA_COLUMNS = (
    ("id", "string"),
    ("version", "int32"),
    ("v1_at", "timestamp[ms]"),
    ("updated_at", "timestamp[ms]"),
    ("title", "string"),
    ("abstract", "string"),
    ("authors", "string"),
    ("categories", "string"),
    ("comments", "string"),
    ("journal_ref", "string"),
    ("doi", "string"),
    ("withdrawn", "bool"),
    ("as_of", "date32"),
    ("row_hash", "int64"),
    ("source", "string"),
    ("fetched_at", "timestamp[ms]"),
    ("over_file", "int64"),
    ("over_row", "int32"),
)
# what the data files of a venue have besides
KEYWORDS_COLUMN = ("keywords", "string")
# in which rules are matched
TEXT_FIELDS = ("title", "keywords", "abstract")
VENUES_FOLDER = "venues"


def list_venues(root: Path) -> list[str]:
    """Return the names of the venues that have a store inside the store at `root`."""
    return sorted(path.parent.name for path in root.glob(f"{VENUES_FOLDER}/*/manifest.json"))


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
        self.text_fields = tuple(name for name in corpus_text_fields(manifest.corpus) if name in text_fields)

    def with_text_fields(self, text_fields: Sequence[str]) -> Store:
        """Return the same store with rules matched in some of the fields that its corpus has."""
        other = copy(self)  # with the DuckDB engine, if it has been started
        other.text_fields = tuple(name for name in corpus_text_fields(self.corpus) if name in text_fields)
        return other

    @classmethod
    def open(cls, root: Path) -> Store:
        """Return the store at `root`; StoreMissing, StoreDamaged or StoreTooNew if it cannot be opened."""
        try:
            text = (root / "manifest.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise StoreMissing(
                f"No store at {root}. Create one with `trend import FILE` or `trend fetch --since 2024-01`, "
                "or try `trend demo`."
            ) from None
        except (OSError, UnicodeError) as error:
            raise StoreDamaged(read_error(root / "manifest.json", error)) from None
        return cls(root, parse_manifest(text, root))

    @classmethod
    def open_or_create(cls, root: Path, *, synthetic: bool = False, corpus: str = ARXIV) -> Store:
        """Return the store at `root`, or an empty one that its first commit will write."""
        if (root / "manifest.json").exists():
            return cls.open(root)
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
        return self.root / "cache" / subfolder

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the store's lock during the block, and read the manifest anew; readers are never blocked.

        Raise StoreLocked, with the process that holds it, if another one writes to the store.
        """
        holder_path = self.root / "lock.json"
        with ExitStack() as stack:
            try:
                stack.enter_context(exclusive_lock(self.root / "lock", timeout_s=0))
            except TimeoutError:
                raise StoreLocked(
                    f"The store {self.root} is being written by {_lock_holder(holder_path)}. Nothing was changed; "
                    "try again later."
                ) from None
            stack.callback(holder_path.unlink, missing_ok=True)
            holder_path.write_text(
                json.dumps({"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")})
            )
            if (self.root / "manifest.json").exists():
                self.manifest = Store.open(self.root).manifest
            yield

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
        one, whatever happens. Files that the commit before replaced are removed now, when no reader that opened them
        can still want them; `keep_replaced` leaves those of this commit for good.
        """
        old = self.manifest
        replaced_paths = {file.path for file in replaced_files}
        kept_files = [file for file in old.files if file.path not in replaced_paths]
        files = tuple(sorted([*kept_files, *new_files], key=lambda file: file.path))
        paths = {file.path for file in files}
        new = replace(
            old,
            generation=old.generation + 1,
            program=__version__,
            files=files,
            ledger=_append_coverage_records(old.ledger, tuple(coverage_records)),
            dropped=() if keep_replaced else tuple(sorted(replaced_paths - paths)),
        )
        write_file_atomically(self.root / "manifest.json", format_manifest(new))
        self.manifest = new
        for path in old.dropped:
            if path not in paths:
                (self.root / path).unlink(missing_ok=True)

    def find_orphan_files(self) -> list[Path]:
        """Return the files that the manifest does not name: drafts of a killed run, data that was never committed."""
        known_paths = {
            self.root / path for path in (*(file.path for file in self.manifest.files), *self.manifest.dropped)
        }
        drafts = [path for path in self.root.rglob("*.draft") if path.is_file()]
        drafts = [path for path in drafts if path.relative_to(self.root).parts[0] != VENUES_FOLDER]
        data_paths = [path for folder in ("months", "updates") for path in self.root.glob(f"*/{folder}/*.parquet")]
        return sorted({*drafts, *data_paths} - known_paths)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection of its own; all share an empty database, so what they create must be temporary."""
        return self._duckdb_connection.cursor()

    @cached_property
    def _duckdb_connection(self) -> duckdb.DuckDBPyConnection:
        # starting the engine takes 15 ms, and a report asks several times
        import duckdb

        return duckdb.connect(config={"preserve_insertion_order": "false"})


def _append_coverage_records(
    ledger: tuple[CoverageRecord, ...], new_records: tuple[CoverageRecord, ...]
) -> tuple[CoverageRecord, ...]:
    new_requests = {record.request_key for record in new_records}
    kept_records = [
        record
        for record in ledger
        if record.status not in ("partial", "failed") or record.request_key not in new_requests
    ]
    return (*kept_records, *new_records)


def data_schema(corpus: str = ARXIV) -> pa.Schema:
    """Return the Arrow schema of the data files of a corpus."""
    from trendcli.core.arrow import pa

    arrow_types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "date32": pa.date32(),
        "bool": pa.bool_(),
        "timestamp[ms]": pa.timestamp("ms"),
    }
    columns = DATA_COLUMNS if corpus == ARXIV else (*DATA_COLUMNS[:-2], KEYWORDS_COLUMN, *DATA_COLUMNS[-2:])
    return pa.schema([(name, arrow_types[type_name]) for name, type_name in columns])


def write_data_file(root: Path, corpus: str, kind: str, stem: str, table: pa.Table) -> DataFile:
    """Write a table of `data_schema` as a synced file named by its content, and return its entry for the manifest.

    The caller sorts by v1 date and id, so that the same submissions give the same file whatever order they came in.
    `kind` is 'month' or 'update'; `stem` begins the name of the file.
    """
    import pyarrow.parquet as pq

    from trendcli.core.arrow import pc

    folder = root / corpus / ("months" if kind == "month" else "updates")
    folder.mkdir(parents=True, exist_ok=True)
    draft = draft_path(folder / stem)
    try:
        pq.write_table(
            table,
            draft,
            compression="zstd",
            compression_level=3,
            row_group_size=32768,
            data_page_size=4 << 20,  # bytes, text of a few thousand rows: smaller pages compress worse
            use_dictionary=["categories", "source", "fetched_at", "as_of", "version"],
            write_statistics=["id", "v1_at"],
        )
    except OSError:  # a full disk needs the room
        draft.unlink(missing_ok=True)
        raise
    digest = xxh3_64()
    with draft.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    path = folder / f"{stem}.{digest.hexdigest()[:12]}.parquet"
    publish_file(draft, path)
    span = pc.min_max(table["v1_at"]).as_py()
    return DataFile(
        str(path.relative_to(root)),
        kind,
        table.num_rows,
        span["min"].date(),
        span["max"].date(),
        table.num_rows - table["over_file"].null_count,
    )


def _lock_holder(path: Path) -> str:
    """Return who holds a store's lock, as its lock.json says: 'process 123 (2026-11-21T08:00:00+00:00)'."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['pid']} ({holder['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"
