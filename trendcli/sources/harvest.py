"""Use-case fetch and import: a source's batches -> the store, an answer at a time -> what came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trendcli.core.errors import RetryableError
from trendcli.core.types import CoverageRecord, Progress, Request, Source
from trendcli.store import ingest
from trendcli.store.compaction import compact_store, is_compaction_due
from trendcli.store.ingest import UpsertCounts
from trendcli.store.store import Store
from trendcli.topics import matches as tags

# how many times their due size updates may reach that nobody has matched
OVERDUE_FACTOR = 4


@dataclass
class HarvestResult:
    """What a harvest brought: submissions by what became of them, the answers, and sentences about faults and else.

    `stopped` is what ended it before all was asked for.
    """

    upsert_counts: UpsertCounts = field(default_factory=UpsertCounts)
    coverage_records: list[CoverageRecord] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stop_error: RetryableError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for came."""
        return (
            not self.faults
            and not self.stop_error
            and all(answer.status in ("complete", "unknown") for answer in self.coverage_records)
        )


def harvest_source(
    store: Store, source: Source, requests: Sequence[Request], progress: Progress, on_fault: Callable[[str], None]
) -> HarvestResult:
    """Bring what a source has into the store; each answer is a commit, so that what came before a failure stays.

    `on_fault` is told of every fault as it is found. Where the source cannot be asked further the harvest ends early
    and says so in `stopped`; whatever else it raises passes through, the store being whole.
    """
    done = HarvestResult()
    with store.write_lock():
        for path in store.find_orphan_files():
            path.unlink(missing_ok=True)  # room that a run took which was killed
        _compact_if_due(store)
        try:
            for number, ask in enumerate(requests):
                _harvest_request(store, source, ask, _scale_progress(progress, number, len(requests)), on_fault, done)
        except RetryableError as error:
            done.stop_error = error
        _compact_if_due(store)
    return done


def _compact_if_due(store: Store) -> None:
    """Fold the updates when they have grown, before or after a harvest: when their text was matched as the months' was.

    What came just now was not, and a month that takes it in would have to be matched again as a whole. Long overdue
    updates are folded all the same.
    """
    if is_compaction_due(store) and (tags.is_match_cache_current(store) or is_compaction_due(store, OVERDUE_FACTOR)):
        compact_store(store)


def _harvest_request(
    store: Store,
    source: Source,
    request: Request,
    progress: Progress,
    on_fault: Callable[[str], None],
    result: HarvestResult,
) -> None:
    waiting = []
    for batch in source.iter_batches(request, progress):
        for fault in batch.faults:
            result.faults.append(fault)
            on_fault(fault)
        result.notes += batch.notes
        if batch.submissions is not None:
            waiting.append(batch.submissions)
        if batch.coverage_records:
            result.upsert_counts += ingest.upsert_batches(store, waiting, batch.coverage_records)
            given = {answer.request_key for answer in batch.coverage_records}
            result.coverage_records = [old for old in result.coverage_records if old.request_key not in given] + list(
                batch.coverage_records
            )
            waiting = []


def _scale_progress(progress: Progress, number: int, count: int) -> Progress:
    """A Progress for one of several questions of about the same size."""
    if count == 1:
        return progress
    return lambda done, total, what: progress(number + (done / total if total else 0.0), count, what)
