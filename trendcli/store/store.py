"""The store: immutable parquet files, and one manifest that names them. The rename of the manifest is the commit.

    STORE/manifest.json                         which files hold the records, and the ledger of answers
    STORE/arxiv/months/2019-03.<hash>.parquet   the submissions of a month by v1 date, as last folded
    STORE/arxiv/updates/<n>.<hash>.parquet      what one commit brought since: new submissions, new states of old ones
    STORE/cache/                                what can be computed again (cache.py)
    STORE/venues/iclr/                          a store like this one, of the submissions to a conference

A row of an update that replaces an older row says which one (`over_file`, `over_row`), so reading is one anti-join.
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

from trendcli.core.errors import StoreDamaged, StoreLocked, StoreMissing, UsageError
from trendcli.core.files import draft_path, exclusive_lock, publish_file, write_file_atomically
from trendcli.core.types import CoverageRecord
from trendcli.core.version import __version__
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
# the column that a venue's files have beside those, and the parts of a submission that rules are matched in
KEYWORDS_COLUMN = ("keywords", "string")
TEXT_FIELDS = ("title", "keywords", "abstract")
VENUES_FOLDER = "venues"


def list_venues(root: Path) -> list[str]:
    """The venues whose submissions lie beside those of a store."""
    return sorted(path.parent.name for path in root.glob(f"{VENUES_FOLDER}/*/manifest.json"))


def corpus_text_fields(corpus: str) -> tuple[str, ...]:
    """The parts of a submission that a corpus has."""
    return TEXT_FIELDS if corpus != ARXIV else ("title", "abstract")


class Store:
    """A store at a path, as its manifest stood when it was opened or last committed.

    `fields` are the parts of a venue's submissions that rules are matched in; of e-prints, title and abstract.
    """

    def __init__(self, root: Path, manifest: Manifest, text_fields: Sequence[str] = TEXT_FIELDS) -> None:
        self.root = root
        self.manifest = manifest
        self.text_fields = tuple(name for name in corpus_text_fields(manifest.corpus) if name in text_fields)

    def with_text_fields(self, text_fields: Sequence[str]) -> Store:
        """The same store with rules matched in some of the fields that its corpus has."""
        other = copy(self)  # with the engine that has been started
        other.text_fields = tuple(name for name in corpus_text_fields(self.corpus) if name in text_fields)
        return other

    @classmethod
    def open(cls, root: Path) -> Store:
        """The store at `root`; StoreMissing, StoreDamaged or StoreTooNew, with what to do, where there is none."""
        try:
            text = (root / "manifest.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise StoreMissing(
                f"No store at {root}. Fill one with `trend import FILE` or `trend fetch --since 2024-01`, "
                "or try `trend demo`."
            ) from None
        except OSError as error:
            raise StoreDamaged(f"Cannot read {root / 'manifest.json'}: {error.strerror}.") from None
        return cls(root, parse_manifest(text, root))

    @classmethod
    def open_or_create(cls, root: Path, *, synthetic: bool = False, corpus: str = ARXIV) -> Store:
        """The store at `root`, or an empty one that its first commit will write."""
        if (root / "manifest.json").exists():
            return cls.open(root)
        return cls(root, Manifest(synthetic=synthetic, corpus=corpus))

    @property
    def corpus(self) -> str:
        """'arxiv', or the name of the venue whose submissions these are."""
        return self.manifest.corpus

    @property
    def text_expressions(self) -> tuple[str, str]:
        """SQL for the two texts of a row in which rules are matched: the title, and all else, one part a line."""
        rest = [name for name in self.text_fields if name != "title"]
        joined = f"concat_ws(chr(10), {', '.join(rest)})" if len(rest) > 1 else "".join(rest) or "''"
        return ("title" if "title" in self.text_fields else "''"), joined

    @property
    def cache_folder(self) -> Path:
        """Where what was computed of the texts is kept."""
        part = "" if self.text_fields == corpus_text_fields(self.corpus) else "-".join(self.text_fields)
        return self.root / "cache" / part

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the store's lock; Locked, with who holds it, where another process writes. Readers are never blocked."""
        holder = self.root / "lock.json"
        with ExitStack() as stack:
            try:
                stack.enter_context(exclusive_lock(self.root / "lock", timeout_s=0))
            except TimeoutError:
                raise StoreLocked(
                    f"The store {self.root} is being written by {_lock_holder(holder)}. Nothing was changed; "
                    "try again later."
                ) from None
            stack.callback(holder.unlink, missing_ok=True)
            holder.write_text(
                json.dumps({"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")})
            )
            if (self.root / "manifest.json").exists():
                self.manifest = Store.open(self.root).manifest
            yield

    def build_coverage(self, as_of: date | None = None) -> Coverage:
        """What the answers in the ledger vouch for; a list of a conference for its year, whenever it was made."""
        return Coverage(self.manifest.ledger, as_of, dated=self.corpus == ARXIV)

    def list_files(self, since: date | None = None, until: date | None = None) -> list[DataFile]:
        """The files that may hold submissions with a v1 date in [since, until)."""
        return [
            item
            for item in self.manifest.files
            if (since is None or item.last >= since) and (until is None or item.first < until)
        ]

    def compute_fingerprint(self) -> str:
        """Return a hash of the data files and coverage records that make up the store, as 16 hexadecimal digits."""
        # the first version called a coverage record an Answer, and reports that were saved then hold hashes of that
        records = ["Answer" + repr(record).removeprefix("CoverageRecord") for record in self.manifest.ledger]
        return xxh3_64("\n".join([*(item.path for item in self.manifest.files), *records]).encode()).hexdigest()

    def file_path(self, data_file: DataFile) -> Path:
        """Where a data file lies; UsageError where not in this store."""
        if data_file.kind == COUNTS_ONLY_KIND:
            raise UsageError(
                f"The store {self.root} holds counts alone, by month and of the topics that were counted; its texts "
                "lie elsewhere. Ask for whole months and those topics, or count again on the cluster."
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
        """Name new files (written and synced already) and answers, and stop naming those they stand `instead_of`.

        Answers that were not whole give way to a later one to the same question. Call it inside `writing`. After it the
        store is the new one, before it the old one, whatever happens. Files that the commit before stopped naming are
        removed now, when no reader that opened them can still want them; `keep` leaves those of this commit for good.
        """
        old = self.manifest
        gone = {item.path for item in replaced_files}
        named = tuple(
            sorted([item for item in old.files if item.path not in gone] + list(new_files), key=lambda item: item.path)
        )
        new = replace(
            old,
            generation=old.generation + 1,
            program=__version__,
            files=named,
            ledger=_append_coverage_records(old.ledger, tuple(coverage_records)),
            dropped=() if keep_replaced else tuple(sorted(gone - {item.path for item in named})),
        )
        write_file_atomically(self.root / "manifest.json", format_manifest(new))
        self.manifest = new
        for path in old.dropped:
            if path not in {item.path for item in named}:
                (self.root / path).unlink(missing_ok=True)

    def find_orphan_files(self) -> list[Path]:
        """Files that nobody names: drafts of a run that was killed, data that was never committed."""
        named = {self.root / item.path for item in self.manifest.files} | {
            self.root / path for path in self.manifest.dropped
        }
        drafts = [path for path in self.root.rglob("*.draft") if path.is_file()]
        drafts = [path for path in drafts if path.relative_to(self.root).parts[0] != VENUES_FOLDER]
        data = [path for kind in ("months", "updates") for path in self.root.glob(f"*/{kind}/*.parquet")]
        return sorted({*drafts, *data} - named)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with no data of others in it: what it creates has to be temporary."""
        return self._duckdb_connection.cursor()

    @cached_property
    def _duckdb_connection(self) -> duckdb.DuckDBPyConnection:
        # starting the engine takes 15 ms, and a report asks several times
        import duckdb

        return duckdb.connect(config={"preserve_insertion_order": "false"})


def _append_coverage_records(
    ledger: tuple[CoverageRecord, ...], new_records: tuple[CoverageRecord, ...]
) -> tuple[CoverageRecord, ...]:
    asked = {answer.request_key for answer in new_records}
    kept = [old for old in ledger if old.status not in ("partial", "failed") or old.request_key not in asked]
    return (*kept, *new_records)


def data_schema(corpus: str = ARXIV) -> pa.Schema:
    """The Arrow schema of data files."""
    from trendcli.core.arrow import pa

    kinds = {
        "timestamp[ms]": pa.timestamp("ms"),
        **{name: getattr(pa, name)() for name in ("string", "int32", "int64", "date32")},
        "bool": pa.bool_(),
    }
    columns = DATA_COLUMNS if corpus == ARXIV else (*DATA_COLUMNS[:-2], KEYWORDS_COLUMN, *DATA_COLUMNS[-2:])
    return pa.schema([(name, kinds[kind]) for name, kind in columns])


def write_data_file(root: Path, corpus: str, kind: str, stem: str, table: pa.Table) -> DataFile:
    """Write a table of `schema` as a synced data file named by its content, and say what the manifest should.

    The caller sorts by v1 date and id, so that the same submissions give the same file whatever order they came in.
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
            data_page_size=4 << 20,  # text of a few thousand rows a page: smaller pages compress worse
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
    """Return who holds a store's lock, in words, as its lock.json says."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['pid']} ({holder['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"
