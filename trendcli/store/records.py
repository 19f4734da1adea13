"""Submissions on the way into the store: in canonical form, as Arrow tables (batches), and in files to bound memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from xxhash import xxh3_64_intdigest

from trendcli.core.arrow import pa, pc
from trendcli.core.arxiv import canonical_categories
from trendcli.core.normalize import format_one_line, keep_printable, normalize_text
from trendcli.core.types import Submission
from trendcli.store.data_files import data_schema
from trendcli.store.manifest import ARXIV

# that of the column, in which a venue list puts its time
MAX_VERSION = 2**31 - 1


@lru_cache(maxsize=2)
def batch_schema(corpus: str = ARXIV) -> pa.Schema:
    """Return the schema of a batch: that of a data file without the columns that only the store can fill."""
    return pa.schema([field for field in data_schema(corpus) if not field.name.startswith("over_")])


def build_submission(
    *,
    id: str,
    version: int,
    v1_at: int,
    updated_at: int,
    title: str,
    abstract: str,
    authors: str,
    categories: str,
    comments: str | None,
    journal_ref: str | None,
    doi: str | None,
    as_of: int,
    withdrawn: bool = False,
    keywords: str | None = None,
) -> Submission:
    """Return a Submission with its text and categories in canonical form; `id` is canonical already.

    `v1_at` and `updated_at` are seconds since 1970 UTC, `as_of` is a day counted from 1970. `row_hash` is 63 bits over
    all that counts can depend on: id, version, title, abstract and categories, or with keywords these and the authors
    in place of the version. It is computed from the canonical text, so that the same version read from two sources is
    a repeat and not a revision. `withdrawn` is for sources that state it; of others, the comments mostly do. Raise
    ValueError for a version that cannot be stored and for what is no category.
    """
    if not 0 < version <= MAX_VERSION:
        raise ValueError(f"version {version} is out of range")
    title, abstract, categories = (
        format_one_line(normalize_text(title)),
        normalize_text(abstract),
        canonical_categories(categories),
    )
    comments = format_one_line(comments) or None if comments else None
    keywords = None if keywords is None else normalize_text(keywords)
    revision = version if keywords is None else f"{keywords}\0{format_one_line(authors)}"
    hashed_text = f"{id}\0{revision}\0{title}\0{abstract}\0{categories}"
    return Submission(
        id,
        version,
        v1_at,
        updated_at,
        title,
        abstract,
        format_one_line(authors),
        categories,
        comments,
        format_one_line(journal_ref) or None if journal_ref else None,
        keep_printable(doi.strip()) or None if doi else None,
        withdrawn or (comments is not None and "withdrawn" in comments.lower()),
        as_of,
        xxh3_64_intdigest(hashed_text.encode("utf-8", "replace")) >> 1,
        keywords,
    )


def build_batch_table(
    submissions: Sequence[Submission], source: str, fetched_at: datetime, corpus: str = ARXIV
) -> pa.Table:
    """Return submissions as a batch: a table of `batch_schema`, by v1 date, with `source` and `fetched_at` (UTC)."""
    ordered = sorted(submissions, key=lambda submission: submission.v1_at)
    columns = list(zip(*ordered, strict=True)) if ordered else [()] * len(Submission._fields)
    values = dict(zip(Submission._fields, columns, strict=True))
    row_count = len(submissions)
    arrays = []
    for field in batch_schema(corpus):
        if field.name == "source":
            array = pa.repeat(pa.scalar(source), row_count)
        elif field.name == "fetched_at":
            array = pa.repeat(pa.scalar(fetched_at.replace(tzinfo=None, microsecond=0), field.type), row_count)
        elif field.name in ("v1_at", "updated_at"):
            array = pa.array(values[field.name], pa.timestamp("s")).cast(field.type)
        else:
            array = pa.array(values[field.name], field.type)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=batch_schema(corpus))


def month_slices(batch: pa.Table | pa.RecordBatch) -> dict[str, tuple[int, int]]:
    """Return where each month of v1 dates is in a batch: '2019-03' -> (offset, length)."""
    starts = pc.floor_temporal(batch["v1_at"], unit="month")
    counts = {pair["values"]: pair["counts"] for pair in starts.value_counts().to_pylist()}
    slices, offset = {}, 0
    for start in sorted(counts):
        slices[f"{start:%Y-%m}"] = (offset, counts[start])
        offset += counts[start]
    return slices


def write_batch_file(batch: pa.Table, path: Path) -> Path:
    """Write a batch as one uncompressed record batch, so that any slice of it can be read without copying."""
    with pa.ipc.new_file(path, batch.schema) as writer:
        writer.write_batch(batch.combine_chunks().to_batches()[0])
    return path


def read_batch(batch: pa.Table | Path) -> pa.Table:
    """Return a batch as a table; a file is mapped into memory."""
    if isinstance(batch, pa.Table):
        return batch
    return pa.ipc.open_file(pa.memory_map(str(batch))).read_all()
