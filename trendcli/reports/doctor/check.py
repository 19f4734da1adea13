"""All checks of a store together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trendcli.core.types import CoverageRecord, Progress
from trendcli.reports.doctor.caches import check_caches
from trendcli.reports.doctor.files import check_data_files, check_leftovers, check_small_files
from trendcli.reports.doctor.identifiers import check_identifiers
from trendcli.reports.doctor.problems import FIX_COMMAND, StoreProblem
from trendcli.reports.doctor.rows import check_empty_months, check_rows
from trendcli.reports.notes import format_count
from trendcli.store.manifest import ARXIV, COUNTS_ONLY_KIND
from trendcli.store.repair import find_wrong_replacements
from trendcli.store.store import Store
from trendcli.topics.library import Library


def check_store(
    store: Store, library: Library, monthly_totals: Mapping[str, int] | None, progress: Progress
) -> tuple[list[StoreProblem], list[str]]:
    """Return every problem of a store, and notes on what was checked; nothing but caches is changed.

    `monthly_totals` are arXiv's submissions by month of identifier ('2019-03').
    """
    data_files = [data_file for data_file in store.manifest.files if data_file.kind != COUNTS_ONLY_KIND]
    problems, notes = check_leftovers(store)
    problems += check_small_files(store)
    file_problems, whole_files = check_data_files(store, data_files, progress)
    problems += file_problems
    notes.insert(0, f"Compared the content of {format_count(len(data_files), 'data file')} with the stored hashes.")
    # the readable files are checked without the others
    readable = Store(store.root, replace(store.manifest, files=tuple(whole_files)), store.text_fields)
    problems += check_rows(readable, whole_files)
    if not file_problems:
        problems += [
            StoreProblem(
                f"replaces {file.replaces:,} submissions; the manifest states another number", file.path, FIX_COMMAND
            )
            for file in find_wrong_replacements(store)
        ]
        cache_problems, cache_notes = check_caches(store, library, whole_files, progress)
        problems, notes = [*problems, *cache_problems], [*notes, *cache_notes]
    problems += [
        StoreProblem(
            f"{record.status}: {record.received:,} of {'?' if record.expected is None else f'{record.expected:,}'}",
            f"{' '.join(record.categories)}, {record.since} to {record.until}",
            f"`trend fetch --source {record.source}`" if record.source in ("arxiv", "oai") else "`trend fetch`",
        )
        for record in store.manifest.ledger
        if record.status in ("partial", "failed") and _is_still_open(store, record)
    ]
    if store.corpus == ARXIV:
        problems += check_empty_months(readable, whole_files)
        id_problems, id_note = check_identifiers(readable, whole_files, monthly_totals)
        problems += id_problems
        notes.append(id_note)
    return problems, notes


def _is_still_open(store: Store, record: CoverageRecord) -> bool:
    """Return whether days of an incomplete record are still not covered."""
    coverage = store.build_coverage()
    return record.changed is not None or any(
        coverage.worst_status(category, record.since, min(record.until, record.answered_at.date()))
        in ("partial", "failed", "never")
        for category in record.categories
    )
