"""Use-case fetch and import: a source's batches -> the store, an answer at a time -> what came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trendcli import ingest, tags
from trendcli.ingest import Merged
from trendcli.models import Answer, Progress, Source, Window
from trendcli.store import Store


@dataclass
class Harvest:
    """What a harvest brought: submissions by what became of them, the answers, and sentences about faults."""

    merged: Merged = field(default_factory=Merged)
    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether everything that was asked for came."""
        return not self.faults and all(answer.status in ("complete", "unknown") for answer in self.answers)


def harvest(
    store: Store,
    source: Source,
    categories: Sequence[str],
    window: Window,
    progress: Progress,
    on_fault: Callable[[str], None],
) -> Harvest:
    """Bring what a source has into the store; each answer is a commit, so that what came before a failure stays.

    `on_fault` is told of every fault as it is found. Whatever the source raises passes through, the store being whole.
    """
    done = Harvest()
    with store.writing():
        waiting = []
        for batch in source.batches(categories, window, progress):
            for fault in batch.faults:
                done.faults.append(fault)
                on_fault(fault)
            if batch.part is not None:
                waiting.append(batch.part)
            if batch.answers:
                done.merged += ingest.merge(store, waiting, batch.answers)
                done.answers += batch.answers
                waiting = []
        if ingest.fold_is_due(store):
            tags.carry(store, ingest.fold(store))
    return done
