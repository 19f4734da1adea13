"""The manifest: the one small file that says what a store consists of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from trendcli.core.errors import StoreDamaged, StoreTooNew
from trendcli.core.types import CoverageRecord

# 2: answers may say which days of change they are about; 3: a store says which corpus it holds
STORE_FORMAT = 3
# the kind of a file that was counted on a cluster: its texts are not in the store
COUNTS_ONLY_KIND = "elsewhere"
ARXIV = "arxiv"


@dataclass(frozen=True)
class DataFile:
    """One immutable file: `path` relative to the store, `first` and `last` the days of its v1 dates, `key` its hash."""

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
    """All that a state of the store consists of; `dropped` lists what the last commit stopped naming.

    `corpus` is 'arxiv' or the name of a venue, whose submissions have keywords and a decision.
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
        """Submissions in the store, each once."""
        return sum(item.rows - item.replaces for item in self.files)


def format_manifest(manifest: Manifest) -> bytes:
    """The manifest as the JSON that `decode` reads."""

    def format_date(value: Any) -> str:
        return str(value.isoformat())

    return json.dumps(asdict(manifest), default=format_date, indent=1).encode()


def parse_manifest(text: str, root: Path) -> Manifest:
    """The manifest of the store at `root`; StoreTooNew or StoreDamaged where this program cannot read it."""
    try:
        value = json.loads(text)
        if value["format"] > STORE_FORMAT:
            raise StoreTooNew(
                f"The store {root} has format {value['format']} (written by trendcli {value.get('program')}), and this "
                f"program reads up to {STORE_FORMAT}. Update trendcli; the store is unchanged."
            )
        files = tuple(
            DataFile(**{**item, "first": date.fromisoformat(item["first"]), "last": date.fromisoformat(item["last"])})
            for item in value.pop("files")
        )
        ledger = tuple(_parse_coverage_record(item) for item in value.pop("ledger"))
        # an older format lacks what was added since, which has its default; the next commit writes this one
        return Manifest(
            files=files, ledger=ledger, **{**value, "dropped": tuple(value["dropped"]), "format": STORE_FORMAT}
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDamaged(
            f"{root / 'manifest.json'} is damaged ({error}). Restore it from a backup, or fill a new store by --store."
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
