"""Checks of the files of a store: identity, manifests, data files, judgements, leftovers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from trendcli.core.errors import StoreDamaged, StoreLocked
from trendcli.core.types import Progress
from trendcli.reports.doctor.problems import FIX_COMMAND, REBUILD_COMMAND, StoreProblem
from trendcli.reports.judgements import JUDGEMENTS_FOLDER, read_judgements
from trendcli.reports.notes import format_count
from trendcli.store.data_files import hash_content
from trendcli.store.identity import IDENTITY_NAME, MANIFEST_NAME, generation_path, list_generations, read_identity
from trendcli.store.manifest import DataFile, parse_manifest
from trendcli.store.quarantine import QUARANTINE_FOLDER, find_leftovers, find_older_sign, list_expired_folders
from trendcli.store.store import Store


def check_leftovers(store: Store) -> tuple[list[StoreProblem], list[str]]:
    """Return files that no manifest names as problems, and notes on the quarantine and on what was not checked."""
    problems, notes = [], []
    try:
        with store.write_lock():
            leftovers = find_leftovers(store)
        if sign := find_older_sign(store, leftovers):
            return [StoreProblem(f"older than the store: {sign}", MANIFEST_NAME, REBUILD_COMMAND)], []
        problems = [
            StoreProblem("leftover of a killed run", path.relative_to(store.root).as_posix(), FIX_COMMAND)
            for path in leftovers
        ]
    except StoreLocked:
        notes.append("Another process is writing to the store, so leftovers of killed runs were not checked.")
    except OSError:
        notes.append("The store is not writable, so leftovers of killed runs were not checked.")
    kept = [path for path in (store.root / QUARANTINE_FOLDER).rglob("*") if path.is_file()]
    if kept:
        size = sum(path.stat().st_size for path in kept)
        expired = len(list_expired_folders(store.root, datetime.now(UTC).date()))
        notes.append(
            f"The quarantine holds {format_count(len(kept), 'file')}, {size / 1e6:,.1f} MB; each is kept for 30 days"
            + (f", and {FIX_COMMAND} or the next fetch deletes older ones." if expired else ".")
        )
    return problems, notes


def check_small_files(store: Store) -> list[StoreProblem]:
    """Return the damage to the identity, to kept generations of the manifest, and to judgements."""
    problems = []
    try:
        read_identity(store.root)
    except (OSError, ValueError) as error:
        problems.append(StoreProblem(f"damaged: {str(error)[:80]}", IDENTITY_NAME, FIX_COMMAND))
    problems += [
        StoreProblem("damaged generation of the manifest", path.relative_to(store.root).as_posix(), FIX_COMMAND)
        for path in list_damaged_generations(store)
    ]
    for path in sorted((store.root / JUDGEMENTS_FOLDER).glob("*.jsonl")):
        try:
            read_judgements(store, path.stem)
        except StoreDamaged as error:
            problems.append(StoreProblem(error.summary[-80:], path.relative_to(store.root).as_posix(), FIX_COMMAND))
    return problems


def list_damaged_generations(store: Store) -> list[Path]:
    """Return the kept generations of the manifest that cannot be read."""
    damaged = []
    for path in (generation_path(store.root, number) for number in list_generations(store.root)):
        try:
            parse_manifest(path.read_bytes(), path)
        except (OSError, StoreDamaged):
            damaged.append(path)
    return damaged


def check_data_files(
    store: Store, data_files: Sequence[DataFile], progress: Progress
) -> tuple[list[StoreProblem], list[DataFile]]:
    """Compare the content of data files with the stored hashes; return the damage, and the intact files."""
    problems, whole_files = [], []
    for number, data_file in enumerate(data_files):
        progress(number, len(data_files), data_file.path)
        if damage := find_damage(store, data_file):
            remedy = f"{FIX_COMMAND}, then `trend fetch`; or restore it from a backup"
            problems.append(StoreProblem(damage, data_file.path, remedy))
        else:
            whole_files.append(data_file)
    return problems, whole_files


def find_damage(store: Store, data_file: DataFile) -> str:
    """Return what is wrong with a data file, whose content must match the hash in its name; '' if nothing is."""
    import pyarrow.parquet as pq

    path = store.file_path(data_file)
    try:
        if not hash_content(path).startswith(data_file.content_hash):
            return "damaged: its content does not match its hash"
        row_count = pq.ParquetFile(path).metadata.num_rows
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError) as error:
        return f"damaged: {str(error)[:80]}"
    return "" if row_count == data_file.rows else f"damaged: {row_count:,} rows instead of {data_file.rows:,}"
