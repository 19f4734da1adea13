"""Use-case fetch and import: a source's batches -> the store, an answer at a time -> what came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trendcli.core.errors import TryLater
from trendcli.core.types import Answer, Ask, Progress, Source
from trendcli.reports.papers import fulltext_build as indexing
from trendcli.store import ingest
from trendcli.store.ingest import Merged
from trendcli.store.store import Store
from trendcli.topics import tags

# how many times their due size updates may reach that nobody has matched
OVERDUE = 4


@dataclass
class Harvest:
    """What a harvest brought: submissions by what became of them, the answers, and sentences about faults and else.

    `stopped` is what ended it before all was asked for.
    """

    merged: Merged = field(default_factory=Merged)
    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: TryLater | None = None

    @property
    def whole(self) -> bool:
        """Whether everything that was asked for came."""
        return (
            not self.faults
            and not self.stopped
            and all(answer.status in ("complete", "unknown") for answer in self.answers)
        )


def harvest(
    store: Store, source: Source, asks: Sequence[Ask], progress: Progress, on_fault: Callable[[str], None]
) -> Harvest:
    """Bring what a source has into the store; each answer is a commit, so that what came before a failure stays.

    `on_fault` is told of every fault as it is found. Where the source cannot be asked further the harvest ends early
    and says so in `stopped`; whatever else it raises passes through, the store being whole.
    """
    done = Harvest()
    with store.writing():
        for path in store.leftovers():
            path.unlink(missing_ok=True)  # room that a run took which was killed
        _fold_where_due(store)
        try:
            for number, ask in enumerate(asks):
                _ask(store, source, ask, _part_of(progress, number, len(asks)), on_fault, done)
        except TryLater as error:
            done.stopped = error
        _fold_where_due(store)
    return done


def _fold_where_due(store: Store) -> None:
    """Fold the updates when they have grown, before or after a harvest: when their text was matched as the months' was.

    What came just now was not, and a month that takes it in would have to be matched again as a whole. Long overdue
    updates are folded all the same.
    """
    if ingest.fold_is_due(store) and (tags.level(store) or ingest.fold_is_due(store, OVERDUE)):
        moves = ingest.fold(store)
        tags.carry(store, moves)
        indexing.carry(store, moves)


def _ask(
    store: Store, source: Source, ask: Ask, progress: Progress, on_fault: Callable[[str], None], done: Harvest
) -> None:
    waiting = []
    for batch in source.batches(ask, progress):
        for fault in batch.faults:
            done.faults.append(fault)
            on_fault(fault)
        done.notes += batch.notes
        if batch.part is not None:
            waiting.append(batch.part)
        if batch.answers:
            done.merged += ingest.merge(store, waiting, batch.answers)
            given = {answer.question for answer in batch.answers}
            done.answers = [old for old in done.answers if old.question not in given] + list(batch.answers)
            waiting = []


def _part_of(progress: Progress, number: int, count: int) -> Progress:
    """A Progress for one of several questions of about the same size."""
    if count == 1:
        return progress
    return lambda done, total, what: progress(number + (done / total if total else 0.0), count, what)
