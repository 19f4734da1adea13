"""The manifest: the one small file that states what a store consists of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from trendcli.core.errors import StoreDamaged, StoreTooNew
from trendcli.core.types import CoverageRecord

# 2: coverage records may hold days of change; 3: a store states which corpus it holds
STORE_FORMAT = 3
# the kind of a file that was counted on a cluster: its texts are not in the store
COUNTS_ONLY_KIND = "elsewhere"
ARXIV = "arxiv"


@dataclass(frozen=True)
class DataFile:
    """One immutable parquet file of submissions.

    `path` is relative to the store and holds a hash of the content. `kind` is 'month', 'update' (a delta file) or
    COUNTS_ONLY_KIND. `first` and `last` are the days of its earliest and latest v1 date. `replaces` of its `rows`
    replace a row of an older file.
    """

    path: str
    kind: str
    rows: int
    first: date
    last: date
    replaces: int = 0

    @property
    def file_id(self) -> int:
        """The number by which rows refer to this file: the hash in its name."""
        return int(self.path.split(".")[-2], 16)


@dataclass(frozen=True)
class Manifest:
    """One state of a store: its data files, its coverage ledger, and which commit and program wrote them.

    `corpus` is 'arxiv' or the name of a venue, whose submissions have keywords and a decision. `dropped` lists the
    files that the last commit replaced, which readers may still have open.
    """

    format: int = STORE_FORMAT
    generation: int = 0
    program: str = ""
    synthetic: bool = False
    corpus: str = ARXIV
    files: tuple[DataFile, ...] = ()
    ledger: tuple[CoverageRecord, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def submission_count(self) -> int:
        """The number of submissions in the store, each counted once."""
        return sum(file.rows - file.replaces for file in self.files)


def format_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as the JSON that `parse_manifest` reads."""

    def format_date(value: Any) -> str:
        return str(value.isoformat())

    return json.dumps(asdict(manifest), default=format_date, indent=1).encode()


def parse_manifest(text: str, root: Path) -> Manifest:
    """Return the manifest of the store at `root` from its JSON.

    Raise StoreTooNew if a later program wrote it, StoreDamaged if it is incomplete or no manifest.
    """
    # by hand, since every command reads a manifest: one of 430 files and 100 coverage records takes 1 ms after its JSON
    # is decoded, by `from_json` 6 ms
    try:
        value = json.loads(text)
        if value["format"] > STORE_FORMAT:
            raise StoreTooNew(
                f"The store {root} has format {value['format']} (written by trendcli {value.get('program')}); this "
                f"program reads formats up to {STORE_FORMAT}. Update trendcli; the store is unchanged."
            )
        files = tuple(
            DataFile(**{**file, "first": date.fromisoformat(file["first"]), "last": date.fromisoformat(file["last"])})
            for file in value.pop("files")
        )
        ledger = tuple(_parse_coverage_record(record) for record in value.pop("ledger"))
        # an older format lacks the fields added since, which take their defaults; the next commit writes this format
        return Manifest(
            files=files, ledger=ledger, **{**value, "dropped": tuple(value["dropped"]), "format": STORE_FORMAT}
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDamaged(
            f"{root / 'manifest.json'} is damaged ({error}). Restore it from a backup, or build a new store with "
            "--store PATH."
        ) from None


def _parse_coverage_record(fields: Mapping[str, Any]) -> CoverageRecord:
    changed = fields.get("changed")
    return CoverageRecord(
        **{
            **fields,
            "categories": tuple(fields["categories"]),
            "since": date.fromisoformat(fields["since"]),
            "until": date.fromisoformat(fields["until"]),
            "answered_at": datetime.fromisoformat(fields["answered_at"]),
            "changed": (date.fromisoformat(changed[0]), date.fromisoformat(changed[1])) if changed else None,
        }
    )
