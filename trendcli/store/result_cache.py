"""What was worked out before, kept beside the store: reports, so that asking again costs no query, and topics as read.

The key of an answer holds all that it can depend on: the question, the manifest of the store, the topic files, the
program's own files, and the day.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trendcli.core.files import write_file_atomically
from trendcli.core.report import Column, Report

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
MAX_RESULTS = 200


def result_key(root: Path, query: str, input_files: Iterable[Path]) -> str:
    """The name of an answer; `files` are those whose change makes it another one (topic files, settings)."""
    package = Path(__file__).parents[1]
    watched = [root / "manifest.json", *sorted(package.rglob("*.py")), *input_files]
    stamps = []
    for path in watched:
        try:
            stat = path.stat()
            stamps.append(f"{path}:{stat.st_mtime_ns}:{stat.st_size}:{stat.st_ino}")
        except OSError:
            stamps.append(f"{path}: none")
    state = "\n".join([query, f"{datetime.now(UTC):%Y-%m-%d}", *stamps])
    return blake2b(state.encode(), digest_size=16).hexdigest()


def read_result(root: Path, key: str, from_json: Callable[[Any], T]) -> T | None:
    """The answer of that name, `made` of its JSON; None where it was never given or cannot be read."""
    try:
        return from_json(json.loads((root / "cache" / "answers" / f"{key}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def report_from_json(content: Any) -> Report:
    """A report of its JSON."""
    columns = [Column(**column) for column in content["columns"]]
    return Report(
        **{**content, "columns": columns, "sections": [report_from_json(section) for section in content["sections"]]}
    )


def write_result(root: Path, key: str, result: DataclassInstance) -> None:
    """Keep an answer, and let go of the oldest beyond KEPT; on a read-only disk nothing happens."""
    folder = root / "cache" / "answers"
    try:
        write_file_atomically(folder / f"{key}.json", json.dumps(result, default=vars, ensure_ascii=False).encode())
        known = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in known[MAX_RESULTS:]:
            path.unlink(missing_ok=True)
    except OSError:
        return
