"""The manifest: the one small file that states what a store consists of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from trendcli.core.checked_json import CHECKSUM_KEY, format_checked_json, parse_checked_json
from trendcli.core.errors import StoreDamaged, StoreTooNew
from trendcli.core.types import CoverageRecord

# 2: coverage records may hold days of change; 3: a store states which corpus it holds; 4: a manifest has a checksum,
# and states since when a dropped file is dropped
STORE_FORMAT = 4
_FIRST_FORMAT_WITH_CHECKSUM = 4
# the kind of a file that was counted on a cluster: its texts are not in the store
COUNTS_ONLY_KIND = "elsewhere"
ARXIV = "arxiv"
# the folder of each kind of data file
KIND_FOLDERS = {"month": "months", "update": "updates", COUNTS_ONLY_KIND: COUNTS_ONLY_KIND}
_CORPUS_NAME = r"[a-z0-9][a-z0-9_-]*"
_FILE_NAMES = {
    "month": r"\d{4}-\d{2}\.[0-9a-f]{12}\.parquet",
    "update": r"\d{6,}-\d{3,}\.[0-9a-f]{12}\.parquet",
    COUNTS_ONLY_KIND: r"corpus\.[0-9a-f]{12}\.parquet",
}
# the paths of data files, which only a store uses; a store does not read, move or remove anything else
DATA_PATH_PATTERN = re.compile(
    f"(?:{_CORPUS_NAME})/(?:{'|'.join(f'{KIND_FOLDERS[kind]}/{name}' for kind, name in _FILE_NAMES.items())})"
)


@dataclass(frozen=True)
class DataFile:
    """One immutable parquet file of submissions.

    `path` is relative to the store, with slashes on every system, and holds a hash of the content. `kind` is 'month',
    'update' (a delta file) or COUNTS_ONLY_KIND. `first` and `last` are the days of its earliest and latest v1 date.
    `replaces` of its `rows` replace a row of an older file.
    """

    path: str
    kind: str
    rows: int
    first: date
    last: date
    replaces: int = 0

    @property
    def content_hash(self) -> str:
        """The hash in the name: 12 hexadecimal digits."""
        return self.path.split(".")[-2]

    @property
    def file_id(self) -> int:
        """The number by which rows refer to this file: the hash in its name."""
        return int(self.content_hash, 16)


class DroppedFile(NamedTuple):
    """A data file that a commit has dropped, and when (UTC; None in a store of an older format)."""

    path: str
    at: datetime | None


@dataclass(frozen=True)
class Manifest:
    """One state of a store: its data files, its coverage ledger, and which commit and program wrote them.

    `corpus` is 'arxiv' or the name of a venue, whose submissions have keywords and a decision. `dropped` lists the
    files that were replaced and that a reader may still have open.
    """

    format: int = STORE_FORMAT
    generation: int = 0
    program: str = ""
    synthetic: bool = False
    corpus: str = ARXIV
    files: tuple[DataFile, ...] = ()
    ledger: tuple[CoverageRecord, ...] = ()
    dropped: tuple[DroppedFile, ...] = ()

    @property
    def submission_count(self) -> int:
        """The number of submissions in the store, each counted once."""
        return sum(file.rows - file.replaces for file in self.files)


def format_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as the JSON that `parse_manifest` reads."""
    value = asdict(manifest)
    value["dropped"] = [list(dropped) for dropped in manifest.dropped]
    return format_checked_json(value, default=lambda moment: str(moment.isoformat()), indent=1)


def parse_manifest(content: bytes, path: Path) -> Manifest:
    """Return the manifest that the file at `path` holds as JSON.

    Raise StoreTooNew if a newer version wrote it; StoreDamaged if it does not match its checksum, is not a manifest,
    or names a file that is not the store's.
    """
    try:
        return _parse_manifest(content, path)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreDamaged(
            f"{path} is damaged ({str(error)[:120]}). Nothing was changed. Run `trend doctor "
            "--rebuild` to rebuild it, or restore the whole store from a backup."
        ) from None


def _parse_manifest(content: bytes, path: Path) -> Manifest:
    # by hand, since every command reads a manifest: one of 430 files and 100 coverage records takes 1 ms after its JSON
    # is decoded, by `from_json` 6 ms
    value = json.loads(content)
    if not isinstance(value["format"], int):
        raise TypeError("its format is not a number")
    if value["format"] > STORE_FORMAT:
        raise StoreTooNew(
            f"The store {path.parent} has format {value['format']} (written by trendcli {value.get('program')}); this "
            f"program reads formats up to {STORE_FORMAT}. Update trendcli; the store is unchanged."
        )
    if value["format"] >= _FIRST_FORMAT_WITH_CHECKSUM or CHECKSUM_KEY in value:
        value = parse_checked_json(content)
    files = tuple(_parse_data_file(fields) for fields in value.pop("files"))
    if len({file.path for file in files}) < len(files):
        raise ValueError("it names a file twice")
    ledger = tuple(parse_coverage_record(fields) for fields in value.pop("ledger"))
    dropped = tuple(_parse_dropped_file(entry) for entry in value.pop("dropped"))
    # an older format lacks the fields added since, which take their defaults; the next commit writes this format
    manifest = Manifest(files=files, ledger=ledger, dropped=dropped, **{**value, "format": STORE_FORMAT})
    if not (
        type(manifest.generation) is int
        and isinstance(manifest.program, str)
        and type(manifest.synthetic) is bool
        and re.fullmatch(_CORPUS_NAME, manifest.corpus)
    ):
        raise ValueError("a value has the wrong type")
    return manifest


def _parse_data_file(fields: Mapping[str, Any]) -> DataFile:
    file = DataFile(
        **{
            **fields,
            "path": _check_data_path(fields["path"]),
            "first": date.fromisoformat(fields["first"]),
            "last": date.fromisoformat(fields["last"]),
        }
    )
    if file.path.split("/")[1] != KIND_FOLDERS[file.kind]:
        raise ValueError(f"{file.path} is not of kind {file.kind}")
    if not (type(file.rows) is int and type(file.replaces) is int and 0 <= file.replaces <= file.rows):
        raise ValueError(f"impossible row counts for {file.path}")
    return file


def _parse_dropped_file(entry: Any) -> DroppedFile:
    path, at = (entry, None) if isinstance(entry, str) else entry
    return DroppedFile(_check_data_path(path), _parse_moment(at) if at else None)


def _check_data_path(path: str) -> str:
    """Return the path of a data file with slashes; ValueError for a path that no store uses."""
    path = path.replace("\\", "/")  # stores of older formats that were written on Windows
    if not DATA_PATH_PATTERN.fullmatch(path):
        raise ValueError(f"{path[:80]!r} is not the path of a data file")
    return path


def parse_coverage_record(fields: Mapping[str, Any]) -> CoverageRecord:
    """Return a coverage record from its JSON object; ValueError, KeyError or TypeError if it is not one."""
    changed = fields.get("changed")
    record = CoverageRecord(
        **{
            **fields,
            "categories": tuple(fields["categories"]),
            "since": date.fromisoformat(fields["since"]),
            "until": date.fromisoformat(fields["until"]),
            "answered_at": _parse_moment(fields["answered_at"]),
            "changed": (date.fromisoformat(changed[0]), date.fromisoformat(changed[1])) if changed else None,
        }
    )
    texts = (record.source, record.status, record.query, record.version, *record.categories)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a coverage record holds a value of the wrong type")
    return record


def _parse_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
