"""Harvesting, for `fetch` and `import`: the batches of a source go into the store, one commit per coverage record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trendcli.core.errors import RetryableError
from trendcli.core.types import CoverageRecord, Progress, Request, Source
from trendcli.store.compaction import compact_store, is_compaction_due
from trendcli.store.ingest import UpsertCounts, upsert_batches
from trendcli.store.quarantine import quarantine_leftovers, remove_expired_folders
from trendcli.store.store import Store
from trendcli.topics.matches import is_match_cache_current

# how many times the size at which compaction is due delta files may reach that were not matched
OVERDUE_FACTOR = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class HarvestResult:
    """The outcome of a harvest: counts of submissions, coverage records, and sentences about faults and the rest.

    `stop_error` is the error that ended it early; None where every request was answered.
    """

    upsert_counts: UpsertCounts = field(default_factory=UpsertCounts)
    coverage_records: list[CoverageRecord] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stop_error: RetryableError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything that was requested arrived."""
        return (
            not self.faults
            and not self.stop_error
            and all(record.status in ("complete", "unknown") for record in self.coverage_records)
        )


def harvest_source(
    store: Store, source: Source, requests: Sequence[Request], progress: Progress, on_fault: Callable[[str], None]
) -> HarvestResult:
    """Upsert what a source yields; every coverage record is a commit, so what arrived before a failure stays.

    `on_fault` is called with each fault as it occurs. A RetryableError ends the harvest early and is returned as
    `stop_error`; other errors pass through, and leave the store as of its last commit.
    """
    result = HarvestResult()
    with store.write_lock():
        for path in quarantine_leftovers(store):
            result.notes.append(
                f"Moved {path.relative_to(store.root)} to the quarantine: no manifest names it, as after a killed run."
            )
        _compact_if_due(store)
        try:
            for number, request in enumerate(requests):
                scaled_progress = _scale_progress(progress, number, len(requests))
                _harvest_request(store, source, request, scaled_progress, on_fault, result)
        except RetryableError as error:
            result.stop_error = error
        _compact_if_due(store)
        # by the newest answer, which is a server's: a clock that is ahead must not delete anything early
        answers = (record.answered_at for record in store.manifest.ledger)
        remove_expired_folders(store.root, min(max(answers, default=_EPOCH), datetime.now(UTC)).date())
    return result


def _compact_if_due(store: Store) -> None:
    """Compact the store where its delta files have grown and were matched, or have grown far too large.

    What was upserted just now is not matched yet, and a month file that takes it in would be matched again as a whole.
    """
    if is_compaction_due(store) and (is_match_cache_current(store) or is_compaction_due(store, OVERDUE_FACTOR)):
        compact_store(store)


def _harvest_request(
    store: Store,
    source: Source,
    request: Request,
    progress: Progress,
    on_fault: Callable[[str], None],
    result: HarvestResult,
) -> None:
    """Upsert the batches of one request into the store, and add their outcome to `result`."""
    uncommitted = []
    for batch in source.iter_batches(request, progress):
        for fault in batch.faults:
            result.faults.append(fault)
            on_fault(fault)
        result.notes += batch.notes
        if batch.submissions is not None:
            uncommitted.append(batch.submissions)
        if batch.coverage_records:
            result.upsert_counts += upsert_batches(store, uncommitted, batch.coverage_records)
            new_keys = {record.request_key for record in batch.coverage_records}
            earlier = [record for record in result.coverage_records if record.request_key not in new_keys]
            result.coverage_records = [*earlier, *batch.coverage_records]
            uncommitted = []


def _scale_progress(progress: Progress, number: int, count: int) -> Progress:
    """Return a Progress for one of several requests of about the same size."""
    if count == 1:
        return progress
    return lambda done, total, what: progress(number + (done / total if total else 0.0), count, what)
