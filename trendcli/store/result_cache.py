"""Results kept beside the store: reports, so that asking again runs no query, and the topic library as read.

The key of a result covers all that it can depend on: the query, the manifest of the store, the topic files, the
program's own files, and the day.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trendcli.core.checked_json import format_checked_json, parse_checked_json
from trendcli.core.files import write_file_atomically
from trendcli.core.json import from_json
from trendcli.core.report import Report

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

log = logging.getLogger(__name__)

Result = TypeVar("Result")
MAX_RESULTS = 200  # of about 50 KB each
_RESULT_NAME = re.compile(r"[0-9a-f]{32}\.json")


def result_key(root: Path, query: str, input_files: Iterable[Path]) -> str:
    """Return the key of a result of a store: a hash of the query, the day, and the state of all that it depends on.

    `input_files` are those besides the manifest and the program: topic files, settings, judgements.
    """
    return program_key(f"{query}\n{datetime.now(UTC):%Y-%m-%d}", [root / "manifest.json", *input_files])


def program_key(query: str, input_files: Iterable[Path]) -> str:
    """Return the key of a result that depends on no store and no day: on the query, the program and some files.

    The state of a file is its modification time, size and inode.
    """
    # the program's files and not its version, which stays the same while somebody works on the program and would then
    # give results of code that is gone; the 140 files take 1.4 ms, of 100 ms for a report asked again
    program_files = sorted(Path(__file__).parents[1].rglob("*.py"))
    stamps = []
    for path in (*program_files, *input_files):
        try:
            stat = path.stat()
            stamps.append(f"{path}:{stat.st_mtime_ns}:{stat.st_size}:{stat.st_ino}")
        except OSError:
            stamps.append(f"{path}: none")
    state = "\n".join([query, *stamps])
    # names of files need not be UTF-8
    return blake2b(state.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def read_result(root: Path, key: str, parse_json: Callable[[Any], Result]) -> Result | None:
    """Return the result of that key, built by `parse_json` from its JSON value; None if it is missing or damaged."""
    path = _result_path(root, key)
    try:
        content = path.read_bytes()
    except OSError:
        return None
    try:
        return parse_json(parse_checked_json(content))
    except (ValueError, TypeError, KeyError, RecursionError):
        log.warning("The cache of %s contains a damaged file, which is computed again: %s", root, path.name)
        with suppress(OSError):
            path.unlink()
        return None


def list_damaged_results(root: Path) -> list[Path]:
    """Return the results in the cache that do not match their checksum; those of early versions have none."""
    damaged = []
    for path in sorted((root / "cache" / "answers").glob("*.json")):
        try:
            if _RESULT_NAME.fullmatch(path.name):
                parse_checked_json(path.read_bytes())
        except OSError:  # removed meanwhile
            continue
        except (ValueError, RecursionError):
            if b'"checksum"' in path.read_bytes()[:32]:
                damaged.append(path)
    return damaged


def report_from_json(value: Any) -> Report:
    """Return a report from its JSON value; ValueError where it is none."""
    return from_json(Report, value)


def write_result(root: Path, key: str, result: DataclassInstance) -> None:
    """Keep a result, and remove the oldest beyond MAX_RESULTS; do nothing where the disk cannot be written."""
    path = _result_path(root, key)
    try:
        write_file_atomically(path, format_checked_json(vars(result), default=vars))
        results = [file for file in path.parent.iterdir() if _RESULT_NAME.fullmatch(file.name)]
        newest_first = sorted(results, key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for old_path in newest_first[MAX_RESULTS:]:
            old_path.unlink(missing_ok=True)
    except OSError:
        return


def _result_path(root: Path, key: str) -> Path:
    return root / "cache" / "answers" / f"{key}.json"
