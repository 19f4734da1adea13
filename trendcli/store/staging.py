"""Staging folders for unpacked imports: inside the store, so that leftovers of killed imports are found."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

# the prefix of the folders that are made here, and may be removed
_PREFIX = "import-"


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """Yield a new folder in the store at `root`, removed at the end; call it inside `store.write_lock()`.

    What earlier runs left when they were killed is removed first: with the lock held, nobody else uses it.
    """
    staging = root / "staging"
    staging.mkdir(parents=True, exist_ok=True)
    for left in staging.glob(f"{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix=_PREFIX, dir=staging))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # somebody put a file of their own into it
            staging.rmdir()
