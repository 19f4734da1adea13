"""Files of a store that no manifest names: they are moved to the quarantine, and deleted only after 30 days.

STORE/quarantine/2026-11-28/<path in the store>
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from trendcli.core.errors import StoreDamaged
from trendcli.store.commits import read_commit
from trendcli.store.identity import GENERATIONS_FOLDER, IDENTITY_NAME, MANIFEST_NAME
from trendcli.store.manifest import COUNTS_ONLY_KIND, DATA_PATH_PATTERN, Manifest
from trendcli.store.store import Store

QUARANTINE_FOLDER = "quarantine"
# how long a file is kept there
QUARANTINE_AGE = timedelta(days=30)
# the drafts of files that only a store writes, in its own folders
_DRAFT_PATTERN = re.compile(
    rf"(?:{re.escape(MANIFEST_NAME)}|{re.escape(IDENTITY_NAME)}|{GENERATIONS_FOLDER}/\d{{6,}}\.json"
    r"|[a-z0-9][a-z0-9_-]*/(?:months/\d{4}-\d{2}|updates/\d{6,}-\d{3,}))\.\d+\.draft"
)


def find_leftovers(store: Store) -> list[Path]:
    """Return the files of the store that its manifest does not name: drafts, and data that was never committed.

    Only names that a store uses, in its own folders, are recognised; other files are the user's.
    """
    manifest = store.manifest
    known_paths = {*(file.path for file in manifest.files), *(entry.path for entry in manifest.dropped)}
    patterns = ("*.draft", f"{GENERATIONS_FOLDER}/*.draft", f"{store.corpus}/months/*", f"{store.corpus}/updates/*")
    paths = [path for pattern in patterns for path in store.root.glob(pattern) if path.is_file()]
    names = {path: path.relative_to(store.root).as_posix() for path in paths}
    return sorted(
        path
        for path, name in names.items()
        if _DRAFT_PATTERN.fullmatch(name) or (DATA_PATH_PATTERN.fullmatch(name) and name not in known_paths)
    )


def quarantine_leftovers(store: Store) -> list[Path]:
    """Move the leftovers of killed runs to the quarantine; return their former paths. Call it inside `write_lock()`.

    Raise StoreDamaged, and move nothing, if a later commit than that of the manifest wrote one: the manifest is then
    older than the store.
    """
    leftovers = find_leftovers(store)
    if sign := find_older_sign(store, leftovers):
        raise StoreDamaged(
            f"{store.root / MANIFEST_NAME} is older than the store: {sign}. Nothing was changed. Run "
            "`trend doctor --rebuild` to restore the newest known state."
        )
    quarantine_files(store.root, leftovers, newest_day(store.manifest))
    return leftovers


def find_older_sign(store: Store, leftovers: Iterable[Path]) -> str:
    """Return what shows the manifest to be older than the store, as a clause; '' if nothing does.

    A killed run leaves files of the commit that it was about to make, which is the next one, and removes none.
    """
    data_files = [path for path in leftovers if path.suffix == ".parquet"]
    missing = [file.path for file in store.manifest.files if not (store.root / file.path).exists()]
    missing = [path for path in missing if f"/{COUNTS_ONLY_KIND}/" not in path]
    if data_files and missing:
        return f"{missing[0]} is missing, and there are data files that it does not name"
    next_generation = store.manifest.generation + 1
    later = next((path for path in leftovers if _read_generation(path) > next_generation), None)
    return f"{later.relative_to(store.root).as_posix()} was written by a later commit" if later else ""


def newest_day(manifest: Manifest) -> date:
    """Return the later of today and of the newest answer in the ledger, since this machine's clock may be behind."""
    answers = (record.answered_at.date() for record in manifest.ledger)
    return max([datetime.now(UTC).date(), *answers])


def _read_generation(path: Path) -> int:
    """Return the number of the commit that wrote a leftover; 0 if unknown."""
    if path.parent.name == "updates":
        return int(path.name.partition("-")[0])
    commit = read_commit(path) if path.suffix == ".parquet" else None
    return commit.manifest.generation if commit else 0


def quarantine_files(root: Path, paths: Iterable[Path], day: date) -> None:
    """Move files of the store at `root` to the quarantine of a day; a name that exists there gets a number."""
    folder = root / QUARANTINE_FOLDER / str(day)
    for path in paths:
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while target.exists():
            target = folder / path.relative_to(root).with_name(f"{path.name}.{number}")
            number += 1
        path.replace(target)


def list_expired_folders(root: Path, today: date) -> list[Path]:
    """Return the folders of the quarantine whose files have been kept for QUARANTINE_AGE."""
    expired = []
    for path in sorted((root / QUARANTINE_FOLDER).glob("????-??-??")):
        try:
            day = date.fromisoformat(path.name)
        except ValueError:
            continue
        if path.is_dir() and today - day > QUARANTINE_AGE:
            expired.append(path)
    return expired


def remove_expired_folders(root: Path, today: date) -> list[Path]:
    """Delete expired folders of the quarantine; return them."""
    folders = list_expired_folders(root, today)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return folders
