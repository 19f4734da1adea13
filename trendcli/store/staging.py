"""Staging folders for unpacked imports: inside the store, so that leftovers of killed imports are found."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# the names of the folders that are made here, and may be removed: a process, and a random number
_FOLDER_NAME = re.compile(r"import-\d+-[0-9a-f]{16}")


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """Yield a new folder in the store at `root`, removed at the end; call it inside `store.write_lock()`.

    What earlier runs left when they were killed is removed first: with the lock held, nobody else uses it.
    """
    staging = root / "staging"
    staging.mkdir(parents=True, exist_ok=True)
    for left in staging.iterdir():
        if _FOLDER_NAME.fullmatch(left.name):
            shutil.rmtree(left, ignore_errors=True)
    folder = staging / f"import-{os.getpid()}-{secrets.token_hex(8)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # somebody put a file of their own into it
            staging.rmdir()
