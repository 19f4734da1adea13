"""The data files of a store: their columns, and how one is written, described and found damaged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_64

from trendcli.core.files import draft_path, publish_file
from trendcli.store.manifest import ARXIV, KIND_FOLDERS, DataFile

if TYPE_CHECKING:
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
# an additional column in the data files of a venue
KEYWORDS_COLUMN = ("keywords", "string")
# the key of the parquet metadata under which a data file carries the commit that wrote it (commits.py)
COMMIT_KEY = b"trendcli.commit"


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


def write_data_file(root: Path, corpus: str, kind: str, stem: str, table: pa.Table, commit: bytes) -> DataFile:
    """Write a table of `data_schema` as a synced file named by its content, and return its entry for the manifest.

    The caller sorts by v1 date and id, so that the same submissions give the same rows whatever order they came in.
    `kind` is 'month' or 'update'; `stem` begins the name of the file; `commit` goes into its metadata.
    """
    import pyarrow.parquet as pq

    folder = root / corpus / KIND_FOLDERS[kind]
    folder.mkdir(parents=True, exist_ok=True)
    draft = draft_path(folder / stem)
    try:
        pq.write_table(
            table.replace_schema_metadata({COMMIT_KEY: commit}),
            draft,
            compression="zstd",
            compression_level=3,
            row_group_size=32768,
            data_page_size=4 << 20,  # bytes, text of a few thousand rows: smaller pages compress worse
            use_dictionary=["categories", "source", "fetched_at", "as_of", "version"],
            write_statistics=["id", "v1_at"],
        )
        path = folder / f"{stem}.{hash_content(draft)[:12]}.parquet"
        publish_file(draft, path)
    except OSError:  # free the space on a full disk
        draft.unlink(missing_ok=True)
        raise
    return _build_data_file(root, path, kind, table.select(["v1_at", "over_file"]))


def read_data_file(root: Path, path: str) -> DataFile:
    """Return the entry for the manifest of a data file that exists; OSError or ValueError where it cannot be read."""
    import pyarrow.parquet as pq

    kinds = {folder: kind for kind, folder in KIND_FOLDERS.items()}
    table = pq.read_table(root / path, columns=["v1_at", "over_file"])
    return _build_data_file(root, root / path, kinds[path.split("/")[1]], table)


def _build_data_file(root: Path, path: Path, kind: str, columns: pa.Table) -> DataFile:
    from trendcli.core.arrow import pc

    span = pc.min_max(columns["v1_at"]).as_py()
    if span["min"] is None:
        raise ValueError("it contains no submissions")
    replaces = columns.num_rows - columns["over_file"].null_count
    relative = path.relative_to(root).as_posix()
    return DataFile(relative, kind, columns.num_rows, span["min"].date(), span["max"].date(), replaces)


def hash_content(path: Path) -> str:
    """Return the hash of a file's bytes as 16 hexadecimal digits: XXH3, 64 bits."""
    digest = xxh3_64()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
