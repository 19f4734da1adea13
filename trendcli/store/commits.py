"""The commit metadata in data files, from which a lost manifest can be rebuilt."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trendcli.core import __version__
from trendcli.core.errors import TrendError
from trendcli.core.types import CoverageRecord
from trendcli.store.data_files import COMMIT_KEY
from trendcli.store.manifest import DataFile, Manifest, format_manifest, parse_manifest

# bytes of unpacked metadata that are read at most: 100,000 coverage records and files take about 30 MB
_MAX_METADATA_BYTES = 1 << 26


@dataclass(frozen=True)
class Commit:
    """The commit that wrote a data file: the manifest that it made, without the new files, and their `stems`.

    A stem is the beginning of a file's name, as '2019-03': the hashes behind it were not known yet.
    """

    manifest: Manifest
    stems: tuple[str, ...]


def format_commit(
    old: Manifest,
    stems: Iterable[str],
    records: Iterable[CoverageRecord] = (),
    replaced_files: Sequence[DataFile] = (),
) -> bytes:
    """Return the next commit of a store as metadata for the files that it writes.

    It keeps the files and coverage records of `old` except for `replaced_files`, and adds `records`.
    """
    manifest = replace(next_manifest(old, [], records, replaced_files), dropped=())
    value = {"manifest": format_manifest(manifest).decode(), "stems": sorted(stems)}
    return b64encode(zlib.compress(json.dumps(value).encode()))


def read_commit(path: Path) -> Commit | None:
    """Return the commit that wrote a data file; None for a file of an older format, or one that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path).metadata or {}
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(b64decode(metadata[COMMIT_KEY]), _MAX_METADATA_BYTES)
        value: dict[str, Any] = json.loads(text)
        stems = tuple(str(stem) for stem in value["stems"])
        return Commit(parse_manifest(str(value["manifest"]).encode(), path), stems)
    except (OSError, ValueError, LookupError, TypeError, RecursionError, pa.ArrowException, zlib.error, TrendError):
        return None


def next_manifest(
    old: Manifest,
    new_files: Sequence[DataFile],
    records: Iterable[CoverageRecord] = (),
    replaced_files: Sequence[DataFile] = (),
) -> Manifest:
    """Return the manifest that follows `old`: with the new files and coverage records, without `replaced_files`.

    A new coverage record replaces earlier incomplete ones of the same request. `dropped` stays as it was.
    """
    replaced_paths = {file.path for file in replaced_files}
    kept_files = [file for file in old.files if file.path not in replaced_paths]
    files = {file.path: file for file in [*kept_files, *new_files]}
    return replace(
        old,
        generation=old.generation + 1,
        program=__version__,
        files=tuple(files[path] for path in sorted(files)),
        ledger=_append_coverage_records(old.ledger, tuple(records)),
    )


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
