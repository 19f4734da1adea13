"""The identity of a store: the small file that marks a folder as a store. Any other folder is left unchanged."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import uuid4

from trendcli.core import __version__
from trendcli.core.checked_json import format_checked_json, parse_checked_json
from trendcli.core.errors import UsageError
from trendcli.core.files import write_file_atomically
from trendcli.store.manifest import DATA_PATH_PATTERN, KIND_FOLDERS, STORE_FORMAT

IDENTITY_NAME = "trend-store.json"
MANIFEST_NAME = "manifest.json"
GENERATIONS_FOLDER = "manifests"
VENUES_FOLDER = "venues"
_GENERATION_NAME = re.compile(r"\d{6,}\.json")
_BEGINNING = re.compile(rf"lock|lock\.json|{re.escape(IDENTITY_NAME)}\.\d+\.draft")
_KIND = "trendcli store"
# files that systems and file managers put into an otherwise empty folder
_SYSTEM_NAMES = {".DS_Store", "Thumbs.db", "desktop.ini", "lost+found"}


class FolderState(StrEnum):
    """What was found at the path of a store."""

    empty = "empty"  # nothing, or a store to which nothing has been committed yet
    store = "store"
    headless = "headless"  # data files or kept generations without a manifest
    foreign = "foreign"


def inspect_folder(root: Path) -> FolderState:
    """Return what is at `root`; stores of versions that wrote no identity are recognised by their other files."""
    try:
        names = {path.name for path in root.iterdir()} - _SYSTEM_NAMES
    except (FileNotFoundError, NotADirectoryError):
        return FolderState.foreign if root.exists() else FolderState.empty
    if not names:
        return FolderState.empty
    has_manifest, has_data = MANIFEST_NAME in names, holds_data(root)
    is_ours = IDENTITY_NAME in names or has_data or (has_manifest and _is_manifest(root / MANIFEST_NAME))
    is_ours = is_ours or any(map(_is_manifest, (root / VENUES_FOLDER).glob(f"*/{MANIFEST_NAME}")))
    # leftovers of a run that was killed before it wrote the identity
    if not is_ours and not all(_BEGINNING.fullmatch(name) and (root / name).is_file() for name in names):
        return FolderState.foreign
    if has_manifest:
        return FolderState.store
    return FolderState.headless if has_data else FolderState.empty


def holds_data(root: Path) -> bool:
    """Return whether a folder holds data files, or kept generations of a manifest."""
    data_paths = (path for folder in KIND_FOLDERS.values() for path in root.glob(f"*/{folder}/*.parquet"))
    return any(DATA_PATH_PATTERN.fullmatch(path.relative_to(root).as_posix()) for path in data_paths) or bool(
        list_generations(root)
    )


def list_generations(root: Path) -> list[int]:
    """Return the numbers of the kept generations of the manifest, in order."""
    with suppress(OSError):
        names = os.listdir(root / GENERATIONS_FOLDER)
        return sorted(int(name[:-5]) for name in names if _GENERATION_NAME.fullmatch(name))
    return []


def rebuild_mark_path(root: Path) -> Path:
    """Return the path of a file that exists while the manifest is being rebuilt."""
    return root / GENERATIONS_FOLDER / "rebuilding"


def generation_path(root: Path, generation: int) -> Path:
    """Return the path at which a generation of the manifest is kept."""
    return root / GENERATIONS_FOLDER / f"{generation:06d}.json"


def _is_manifest(path: Path) -> bool:
    """Return whether a file looks like the manifest of a store; many other programs have a manifest.json too."""
    with suppress(OSError, ValueError, RecursionError):
        value = json.loads(path.read_bytes())
        return isinstance(value, dict) and {"format", "files", "ledger"} <= value.keys()
    return False


def check_folder(root: Path) -> None:
    """Raise UsageError if `root` is a file, or a folder that is neither empty nor a store."""
    if inspect_folder(root) == FolderState.foreign:
        kind = "is neither empty nor a store" if root.is_dir() else "is a file, not a folder"
        raise UsageError(f"{root} {kind}. Nothing in it was changed. Choose an empty or new folder with --store.")


def ensure_identity(root: Path, corpus: str, *, synthetic: bool) -> None:
    """Write the identity of the store at `root` if it has none; `synthetic` is whether its data are made up."""
    if not (root / IDENTITY_NAME).exists():
        value = {
            "kind": _KIND,
            "format": STORE_FORMAT,
            "corpus": corpus,
            "synthetic": synthetic,
            "instance": str(uuid4()),
            "program": __version__,
        }
        write_file_atomically(root / IDENTITY_NAME, format_checked_json(value, indent=1))


def read_identity(root: Path) -> dict[str, Any] | None:
    """Return the identity of the store at `root`; None without one, ValueError for a damaged one."""
    try:
        value = parse_checked_json((root / IDENTITY_NAME).read_bytes())
    except FileNotFoundError:
        return None
    if value.get("kind") != _KIND:
        raise ValueError("not the identity of a store")
    return value
