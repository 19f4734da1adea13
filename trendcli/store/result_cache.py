"""Results kept beside the store: reports, so that asking again runs no query, and the topic library as read.

The key of a result covers all that it can depend on: the query, the manifest of the store, the topic files, the
program's own files, and the day.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trendcli.core.files import write_file_atomically
from trendcli.core.json import from_json
from trendcli.core.report import Report

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Result = TypeVar("Result")
MAX_RESULTS = 200  # of about 50 KB each


def result_key(root: Path, query: str, input_files: Iterable[Path]) -> str:
    """Return the key of a result: a hash of the query, the day, and the state of every file that it depends on.

    `input_files` are those besides the manifest and the program: topic files, settings, judgements. The state of a file
    is its modification time, size and inode.
    """
    # the program's files and not its version, which stays the same while somebody works on the program and would then
    # give results of code that is gone; the 140 files take 1.4 ms, of 100 ms for a report asked again
    program_files = sorted(Path(__file__).parents[1].rglob("*.py"))
    stamps = []
    for path in (root / "manifest.json", *program_files, *input_files):
        try:
            stat = path.stat()
            stamps.append(f"{path}:{stat.st_mtime_ns}:{stat.st_size}:{stat.st_ino}")
        except OSError:
            stamps.append(f"{path}: none")
    state = "\n".join([query, f"{datetime.now(UTC):%Y-%m-%d}", *stamps])
    return _hash(state.encode(errors="surrogatepass"))  # names of files need not be UTF-8


def read_result(root: Path, key: str, parse_json: Callable[[Any], Result]) -> Result | None:
    """Return the result of that key, built by `parse_json` from its JSON value; None if it is missing or unreadable.

    One that is not as it was written, by its hash in the first line, is removed and counts as missing.
    """
    path = _result_path(root, key)
    try:
        found_hash, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    try:
        if found_hash.decode() != _hash(content):
            raise ValueError("damaged")
        return parse_json(json.loads(content))
    except (ValueError, TypeError, KeyError, RecursionError):
        logging.getLogger(__name__).warning("%s is damaged; what it held is computed again", path)
        with suppress(OSError):
            path.unlink()
        return None


def report_from_json(value: Any) -> Report:
    """Return a report from its JSON value; ValueError where it is none."""
    return from_json(Report, value)


def write_result(root: Path, key: str, result: DataclassInstance) -> None:
    """Keep a result, and remove the oldest beyond MAX_RESULTS; do nothing where the disk cannot be written."""
    path = _result_path(root, key)
    try:
        content = json.dumps(result, default=vars, ensure_ascii=False).encode(errors="surrogatepass")
        write_file_atomically(path, _hash(content).encode() + b"\n" + content)
        newest_first = sorted(path.parent.iterdir(), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for old_path in newest_first[MAX_RESULTS:]:
            old_path.unlink(missing_ok=True)
    except OSError:
        return


def _hash(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _result_path(root: Path, key: str) -> Path:
    return root / "cache" / "answers" / f"{key}.answer"
