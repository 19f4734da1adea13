"""Files that are never half written, and locks between processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def draft_path(path: Path) -> Path:
    """Return the path at which this process drafts a file that will replace `path`: beside it, named by its process."""
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
        publish_file(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)  # a full disk needs the room
        raise


def write_file_atomically(path: Path, content: bytes) -> None:
    """Write a file, which readers see complete or not at all, and make its folder if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_draft(path) as draft, draft.open("wb") as stream:
        stream.write(content)


@contextmanager
def exclusive_lock(path: Path, timeout_s: float = -1) -> Iterator[None]:
    """Hold a lock file during the block, one process at a time; the system releases it when the process is killed.

    Wait up to `timeout_s` seconds for it, or without limit if that is negative. Raise TimeoutError if another process
    still holds it then, OSError if the file cannot be created.
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
