"""Files that are never half written, and locks between processes."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trendcli.core.errors import ActionRequiredError, UsageError
from trendcli.core.foreign_errors import disk_error_number

if TYPE_CHECKING:
    import filelock

# errors of file systems without flock (NFS without a lock server, FUSE, some synchronised folders)
_NO_FLOCK = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}
# errors of file systems that cannot sync a file or a folder; files are then written without it
_NO_SYNC = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}
_FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
MAX_SOFT_LOCK_WAIT_S = 60  # the soft lock of a computer that was switched off would never end


def draft_path(path: Path) -> Path:
    """Return the path at which this process drafts a file that will replace `path`: beside it, named by its process."""
    return path.with_name(f"{path.name}.{os.getpid()}.draft")


def publish_file(draft: Path, path: Path) -> None:
    """Sync a finished draft to the disk and rename it to `path`, which may exist.

    Whoever reads `path` finds the old content or the new one, also after a power cut.
    """
    with draft.open("r+b") as stream:
        _sync_handle(stream.fileno())
    os.replace(draft, path)
    _sync_folder(path.parent)


@contextmanager
def atomic_draft(path: Path) -> Iterator[Path]:
    """Yield the path of a draft to write, and publish it as `path` when the block ends; after an error remove it.

    An OSError names `path`, not the draft.
    """
    draft = draft_path(path)
    try:
        yield draft
        publish_file(draft, path)
    except BaseException as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)  # free the space on a full disk
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(draft)):
            error.filename, error.filename2 = str(path), None
        raise


def write_file_atomically(path: Path, content: bytes) -> None:
    """Write a file, which readers see complete or not at all, and make its folder if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_draft(path) as draft, draft.open("wb") as stream:
        stream.write(content)


@contextmanager
def named_output(path: Path) -> Iterator[Path]:
    """Yield the path at which to write a file that a user named; it is replaced when the block ends, or not at all.

    A link stays one, and a file keeps its permissions; a pipe or a device is written to. Raise UsageError if the file
    cannot be written, ActionRequiredError if the disk is full or broken.
    """
    target = path
    try:
        target = path.resolve() if path.is_symlink() else path
        if target.exists() and not target.is_file():
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            yield target
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not os.access(target, os.W_OK):  # replacing would ignore the write protection
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with atomic_draft(target) as draft:
            draft.touch()  # fail on a read-only folder before the long work
            yield draft
            if target.exists():
                shutil.copymode(target, draft)
    except Exception as error:
        number = disk_error_number(error)
        file = Path(getattr(error, "filename", None) or target)
        is_about_output = number is not None and (
            file in (target, *target.parents) or (file.parent == target.parent and file.suffix == ".draft")
        )
        # an engine names no file, and may have read one; what it reads does not fill the disk
        if not is_about_output or not (isinstance(error, OSError) or number in (errno.ENOSPC, errno.EDQUOT)):
            raise
        kind = ActionRequiredError if number in _FULL_DISK else UsageError
        raise kind(f"Cannot write {path}: {os.strerror(number or 0)}. Nothing was written.") from None


def write_named_file(path: Path, content: bytes) -> None:
    """Write a file that a user named, and its folder where it is missing; errors are those of `named_output`."""
    with named_output(path) as draft:
        draft.write_bytes(content)


@contextmanager
def exclusive_lock(path: Path, timeout_s: float = -1) -> Iterator[None]:
    """Hold a lock file during the block, one process at a time; the system releases it when the process is killed.

    Wait up to `timeout_s` seconds for it, or without limit if that is negative. Raise TimeoutError if another process
    still holds it then, OSError if the file cannot be created.

    Where the disk has no locks, a second file stands for one, which holds process and computer: it is removed when the
    process is done or no longer runs on this computer. That of another computer ends after MAX_SOFT_LOCK_WAIT_S.
    """
    import filelock  # 5 ms, and most commands only read

    path.parent.mkdir(parents=True, exist_ok=True)
    # filelock's own fallback would use the same file, which always exists after an ordinary lock
    lock: filelock.BaseFileLock = filelock.FileLock(path, timeout=timeout_s, fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno not in _NO_FLOCK:
            raise
        lock = _acquire_soft_lock(path.with_name(f"{path.name}.soft"), timeout_s)
    try:
        yield
    finally:
        lock.release()


def _acquire_soft_lock(path: Path, timeout_s: float) -> filelock.BaseFileLock:
    import filelock

    log = logging.getLogger(__name__)
    log.info("the disk of %s does not support locks; using a lock file", path)
    # more than one attempt, since the first may only remove the file of a process that has ended
    lock = filelock.SoftFileLock(path, timeout=max(timeout_s, 0.2) if timeout_s >= 0 else MAX_SOFT_LOCK_WAIT_S)
    try:
        lock.acquire()
    except filelock.Timeout:
        holder = " on ".join(path.read_text(encoding="utf-8", errors="replace").split()[:2]) if path.exists() else "?"
        log.warning("%s is held by process %s. If that is not running, delete the file.", path, holder)
        raise
    return lock


def read_error(file: Path | str, error: OSError | UnicodeError) -> str:
    """Return why a file cannot be read, as a sentence; `file` is its path, or what it is and its path."""
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
    return f"Cannot read {file}: {reason}."


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows cannot open a folder, and its renames are journalled
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder may be writable and not readable
        return
    try:
        _sync_handle(handle)
    finally:
        os.close(handle)


def _sync_handle(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
