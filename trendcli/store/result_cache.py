"""What was worked out before, kept beside the store: reports, so that asking again costs no query, and topics as read.

The key of an answer holds all that it can depend on: the question, the manifest of the store, the topic files, the
program's own files, and the day.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trendcli.core.types import Column, Report

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
KEPT = 200


def key(root: Path, question: str, files: Iterable[Path]) -> str:
    """The name of an answer; `files` are those whose change makes it another one (topic files, settings)."""
    package = Path(__file__).parents[1]
    watched = [root / "manifest.json", *sorted(package.rglob("*.py")), *files]
    stamps = []
    for path in watched:
        try:
            stat = path.stat()
            stamps.append(f"{path}:{stat.st_mtime_ns}:{stat.st_size}:{stat.st_ino}")
        except OSError:
            stamps.append(f"{path}: none")
    state = "\n".join([question, f"{datetime.now(UTC):%Y-%m-%d}", *stamps])
    return blake2b(state.encode(), digest_size=16).hexdigest()


def recall(root: Path, name: str, made: Callable[[Any], T]) -> T | None:
    """The answer of that name, `made` of its JSON; None where it was never given or cannot be read."""
    try:
        return made(json.loads((root / "cache" / "answers" / f"{name}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def report(value: Any) -> Report:
    """A report of its JSON."""
    columns = [Column(**column) for column in value["columns"]]
    return Report(**{**value, "columns": columns, "sections": [report(section) for section in value["sections"]]})


def remember(root: Path, name: str, answer: DataclassInstance) -> None:
    """Keep an answer, and let go of the oldest beyond KEPT; on a read-only disk nothing happens."""
    folder = root / "cache" / "answers"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{name}.{os.getpid()}.draft"
        draft.write_text(json.dumps(answer, default=vars, ensure_ascii=False), encoding="utf-8")
        draft.replace(folder / f"{name}.json")
        known = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in known[KEPT:]:
            path.unlink(missing_ok=True)
    except OSError:
        return
