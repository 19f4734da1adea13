"""Files that are never half written, and locks between processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def draft_path(path: Path) -> Path:
    """Return where a process drafts a file before it takes the place of `path`: beside it, under a name of its own."""
    return path.with_name(f"{path.name}.{os.getpid()}.draft")


def publish_file(draft: Path, path: Path) -> None:
    """Sync a finished draft to the disk and rename it to `path`, which may exist.

    Whoever reads `path` finds the old content or the new one, also after a power cut.
    """
    with draft.open("r+b") as stream:
        os.fsync(stream.fileno())
    os.replace(draft, path)
    _sync_folder(path.parent)


@contextmanager
def atomic_draft(path: Path) -> Iterator[Path]:
    """Yield the path of a draft to write, and publish it as `path` when the block ends; after an error remove it."""
    draft = draft_path(path)
    try:
        yield draft
    except BaseException:
        draft.unlink(missing_ok=True)  # a full disk needs the room
        raise
    publish_file(draft, path)


def write_file_atomically(path: Path, content: bytes) -> None:
    """Write a whole file, and make its folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_draft(path) as draft, draft.open("wb") as stream:
        stream.write(content)


@contextmanager
def exclusive_lock(path: Path, timeout_s: float = -1) -> Iterator[None]:
    """Hold a lock file during the block, one process at a time; the system lets go of it when a process is killed.

    Wait `timeout_s` seconds for it, or as long as it takes where that is negative. Raise TimeoutError if another
    process still holds it then, OSError if the file cannot be made.
    """
    import filelock  # 5 ms, and most commands only read

    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path, timeout=timeout_s):
        yield


def read_error(file: Path | str, error: OSError | UnicodeError) -> str:
    """Return why a file cannot be read, as a sentence; `file` is its path, or what it is and its path."""
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
    return f"Cannot read {file}: {reason}."


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows cannot open a folder, and its renames are journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
