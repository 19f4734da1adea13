"""Rebuilding a lost, damaged or outdated manifest: from its kept generations, or from the data files alone.

A data file carries the manifest that its commit made (commits.py), so the newest commit of which all files are there is
a state of the store. What is in no file and no kept generation is lost, and is reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from trendcli.core.errors import StoreDamaged, StoreMissing
from trendcli.core.files import write_file_atomically
from trendcli.core.types import CoverageRecord
from trendcli.store.commits import Commit, read_commit
from trendcli.store.compaction import compact_store
from trendcli.store.content_checks import ContentChecks
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.data_files import read_data_file
from trendcli.store.identity import (
    MANIFEST_NAME,
    FolderState,
    check_folder,
    generation_path,
    inspect_folder,
    list_generations,
    read_identity,
    rebuild_mark_path,
)
from trendcli.store.ingest import MAX_DELTA_ROWS, UpsertCounts, upsert_batches
from trendcli.store.manifest import ARXIV, COUNTS_ONLY_KIND, DATA_PATH_PATTERN, Manifest, parse_manifest
from trendcli.store.quarantine import find_leftovers, find_older_sign, newest_day, quarantine_files
from trendcli.store.records import batch_schema
from trendcli.store.repair import build_gap_records, correct_replacements, describe_gap
from trendcli.store.store import Store, lock_root


class _State(NamedTuple):
    """An earlier state of the store, and its origin: a manifest or kept generation, or data files."""

    manifest: Manifest
    origin: str


def rebuild_manifest(root: Path, corpus: str = ARXIV) -> list[str]:
    """Rebuild the manifest of the store at `root`, and return sentences on what was done and what is lost.

    Do nothing if the manifest is intact. Rows of data files that the manifest does not name are added if they are new
    or newer. Raise StoreMissing where nothing can be found, StoreLocked if another process writes to the store.
    """
    check_folder(root)
    if inspect_folder(root) == FolderState.empty:
        raise StoreMissing(f"{root} contains no data files or kept generations, so the manifest cannot be rebuilt.")
    with lock_root(root):
        if _is_whole(root):
            return ["The manifest is intact; nothing was rebuilt."]
        data_paths = _list_data_paths(root, corpus)
        damaged = _find_damaged(root, data_paths)
        whole_paths = [path for path in data_paths if path not in damaged]
        commits = {path: read_commit(root / path) for path in whole_paths}
        states = [*_list_manifest_states(root), *_list_commit_states(root, commits)]
        if not states and not whole_paths:
            raise StoreMissing(f"{root} contains no data files or kept generations, so the manifest cannot be rebuilt.")
        # of two states of one generation, a manifest also has the coverage of commits without data files
        newest = max(states, key=lambda state: (state.manifest.generation, state.origin == "manifest"), default=None)
        loss = _describe_loss(root, newest, commits)
        # until all is taken in, no command must take the rest for leftovers
        write_file_atomically(rebuild_mark_path(root), b"")
        store, notes = _restore_state(root, corpus, newest, whole_paths)
        notes += loss
        extra_paths = [path for path in whole_paths if path not in _known_paths(store)]
        notes += _take_in_rows(store, extra_paths, is_unknown=newest is None)
        unnamed_paths = [root / path for path in data_paths if path not in _known_paths(store)]
        quarantine_files(root, unnamed_paths, newest_day(store.manifest))
        rebuild_mark_path(root).unlink()
        notes += [f"Moved {path} to the quarantine." for path in damaged]
    return notes


def _known_paths(store: Store) -> set[str]:
    return {*(file.path for file in store.manifest.files), *(entry.path for entry in store.manifest.dropped)}


def _is_whole(root: Path) -> bool:
    """Return whether the manifest can be read and is the newest known one."""
    try:
        store = Store.open(root)
        return not find_older_sign(store, find_leftovers(store))
    except (StoreDamaged, StoreMissing):
        return False


def _list_data_paths(root: Path, corpus: str) -> list[str]:
    paths = sorted(path.relative_to(root).as_posix() for path in root.glob(f"{corpus}/*/*.parquet"))
    return [path for path in paths if DATA_PATH_PATTERN.fullmatch(path)]


def _find_damaged(root: Path, paths: Iterable[str]) -> set[str]:
    """Return the data files that cannot be read, or whose content does not match their hash."""
    damaged, content_checks = set(), ContentChecks(root)
    for path in paths:
        try:
            if content_checks.find_damaged([(root / path, path.split(".")[-2])]):
                damaged.add(path)
        except OSError:
            damaged.add(path)
    return damaged


def _list_manifest_states(root: Path) -> Iterator[_State]:
    """Yield the states recorded in the manifest and its kept generations; skip damaged ones."""
    paths = [root / MANIFEST_NAME, *(generation_path(root, number) for number in list_generations(root))]
    for path in paths:
        try:
            yield _State(parse_manifest(path.read_bytes(), path), "manifest")
        except (OSError, StoreDamaged):
            continue


def _list_commit_states(root: Path, commits: Mapping[str, Commit | None]) -> Iterator[_State]:
    """Yield the states made by those commits whose files all exist."""
    paths_by_commit: dict[Commit, list[str]] = defaultdict(list)
    for path, commit in commits.items():
        if commit:
            paths_by_commit[commit].append(path)
    for commit, paths in paths_by_commit.items():
        stems = [path.rsplit("/", 1)[1].split(".")[0] for path in paths]
        if sorted(stems) == sorted(commit.stems):
            new_files = [read_data_file(root, path) for path in paths]
            files = {file.path: file for file in (*commit.manifest.files, *new_files)}
            yield _State(replace(commit.manifest, files=tuple(files[path] for path in sorted(files))), "data files")


def _restore_state(
    root: Path, corpus: str, state: _State | None, whole_paths: Sequence[str]
) -> tuple[Store, list[str]]:
    """Restore a state, None for an empty one; the days of files that are missing become gaps."""
    if state is None:
        manifest = Manifest(corpus=corpus, synthetic=_is_synthetic(root))
        notes = ["No commit is complete, so the submissions were collected from the data files one by one."]
    else:
        # counts that were made on a cluster have no file
        whole = {*whole_paths, *(file.path for file in state.manifest.files if file.kind == COUNTS_ONLY_KIND)}
        files = tuple(file for file in state.manifest.files if file.path in whole)
        missing = [file for file in state.manifest.files if file.path not in whole]
        ledger = (*state.manifest.ledger, *build_gap_records(state.manifest, missing))
        manifest = replace(state.manifest, files=files, ledger=ledger)
        notes = [
            f"Rebuilt the manifest at generation {state.manifest.generation} from "
            f"{'a kept generation' if state.origin == 'manifest' else 'the data files'}."
        ]
        notes += [f"{file.path} is missing: {describe_gap(file)}" for file in missing]
    if (root / MANIFEST_NAME).exists():
        quarantine_files(root, [root / MANIFEST_NAME], newest_day(manifest))
    store = Store(root, manifest)
    store.replace_manifest(manifest)
    correct_replacements(store)
    return store, notes


def _is_synthetic(root: Path) -> bool:
    try:
        return bool((read_identity(root) or {}).get("synthetic", False))
    except (OSError, ValueError):
        return False


def _describe_loss(root: Path, newest: _State | None, commits: Mapping[str, Commit | None]) -> list[str]:
    """Return sentences on what was committed after the restored state."""
    if newest is None:
        return ["The coverage of the store is lost; it is unknown until the submissions are fetched or imported again."]
    numbers = [*list_generations(root), *(commit.manifest.generation for commit in commits.values() if commit)]
    latest = max(numbers, default=0)
    if latest <= newest.manifest.generation:
        unknown = "Commits that brought no submissions left no trace in them, so their coverage may be missing."
        return [unknown] if newest.origin == "data files" else []
    return [
        f"The coverage of later commits (up to generation {latest}) is lost; `trend fetch` requests those days again."
    ]


def _take_in_rows(store: Store, paths: Sequence[str], *, is_unknown: bool) -> list[str]:
    """Upsert the submissions of data files that no manifest names; return a sentence on the result, or none."""
    import pyarrow.parquet as pq

    counts, group, row_count = UpsertCounts(), [], 0
    spans = []
    for number, path in enumerate(paths):
        if is_unknown:
            spans.append(read_data_file(store.root, path))
        table = pq.read_table(store.root / path, columns=batch_schema(store.corpus).names)
        group.append(table.replace_schema_metadata(None).cast(batch_schema(store.corpus)))
        row_count += table.num_rows
        if row_count >= MAX_DELTA_ROWS or number == len(paths) - 1:
            counts += upsert_batches(store, group, [])
            group, row_count = [], 0
    if spans:
        compact_store(store)
        record = CoverageRecord(
            source="doctor",
            categories=(ALL_CATEGORIES,),
            since=min(file.first for file in spans),
            until=max(file.last for file in spans) + timedelta(days=1),
            answered_at=datetime.now(UTC),
            status="unknown",
            expected=None,
            received=store.manifest.submission_count,
            query="data files without a manifest",
            version="",
        )
        store.commit([], [record])
    if not counts.new + counts.revised:
        return []
    return [f"Added {counts.new:,} new and {counts.revised:,} newer submissions from unnamed data files."]
