"""The bulk snapshot of arXiv's metadata: JSON lines, plain, gzipped, zipped or from standard input.

The format is that of `arxiv-metadata-oai-snapshot.json` as Kaggle distributes it: one record a line, with the date of
every version; `update_date` is the day of the last change of the metadata, never a submission date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from trendcli.core.arxiv import MIN_ID_DENSITY
from trendcli.core.errors import UsageError
from trendcli.core.parallel import count_cores, create_pool
from trendcli.core.periods import add_months
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Window
from trendcli.sources.snapshot_blocks import Block, open_blocks
from trendcli.sources.snapshot_records import (
    MAX_BLOCK_ERRORS,
    OVERLONG_LINE,
    SOURCE_NAME,
    ParsedBlock,
    RecordFilter,
    parse_block,
)
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.staging import staging_folder

_HOPELESS_INPUT = f"more than {MAX_BLOCK_ERRORS:,} bad lines at once; the rest is not read, the lines before are kept"
_EPOCH = date(1970, 1, 1)


class Snapshot:
    """A bulk snapshot as a Source; `path` is a file, or '-' for standard input.

    It stages its batches in the store at `store_root`, whose lock is held while it is read.

    `complete_categories` are those of which the file holds every submission up to its newest change ([ALL_CATEGORIES]
    for all). Without them, months whose identifiers are dense count as complete, and all else is of unknown coverage.
    """

    name = SOURCE_NAME

    def __init__(self, path: str, store_root: Path, complete_categories: Sequence[str] = ()) -> None:
        self.path, self.store_root = path, store_root
        self.complete_categories = tuple(complete_categories)

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """Yield the batches as files in a staging folder, which is removed after the last one.

        Raises UsageError where the input cannot be opened or is not a snapshot.
        """
        categories, window = request.categories, request.window
        record_filter = RecordFilter(
            frozenset(categories), _epoch_seconds(window.since, 0), _epoch_seconds(window.until, 1 << 40)
        )
        total = ParsedBlock()
        with staging_folder(self.store_root) as folder, ExitStack() as stack:
            size, blocks = open_blocks(self.path, stack)
            for block, parsed in self._parse_blocks(blocks, record_filter, folder):
                if block.has_overlong_line:
                    parsed.line_count += 1
                    parsed.add_error(parsed.line_count, OVERLONG_LINE)
                faults = [f"line {total.line_count + line:,}: {reason}" for line, reason in parsed.input_errors]
                if parsed.error_count > len(faults):
                    faults.append(
                        f"{parsed.error_count - len(faults):,} more bad lines before line "
                        f"{total.line_count + parsed.line_count:,}"
                    )
                is_hopeless = parsed.error_count > MAX_BLOCK_ERRORS
                end_reason = _HOPELESS_INPUT if is_hopeless else block.input_error
                if end_reason:
                    faults.append(f"after line {total.line_count + parsed.line_count:,}: {end_reason}")
                _add_counts(total, parsed, bool(end_reason))
                if faults and not total.newest_update_day:  # without one valid line
                    hint = "; to import a venue list, add --venue and --year" if "got `array`" in faults[0] else ""
                    raise UsageError(f"{self.path} is not an arXiv snapshot ({faults[0]}){hint}. Nothing was imported.")
                progress(block.bytes_read, size, f"{total.kept_count:,} submissions")
                yield Batch(parsed.batch_path, faults=tuple(faults))
                if is_hopeless:
                    break
            yield Batch(None, tuple(self._iter_coverage_records(total, categories, window)))

    def _parse_blocks(
        self, blocks: Iterable[Block], record_filter: RecordFilter, folder: Path
    ) -> Iterator[tuple[Block, ParsedBlock]]:
        """Yield the blocks as parsed by workers, in order; two wait for each worker, which bounds the memory."""
        with create_pool() as pool:
            pending: list[tuple[Block, Future[ParsedBlock]]] = []
            try:
                for number, block in enumerate(blocks):
                    path = folder / f"{number:06d}.arrow"
                    pending.append((block, pool.submit(parse_block, block.content, record_filter, path)))
                    if len(pending) > 2 * count_cores():
                        first, future = pending.pop(0)
                        yield first, future.result()
                for first, future in pending:
                    yield first, future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _iter_coverage_records(
        self, total: ParsedBlock, categories: Sequence[str], window: Window
    ) -> Iterator[CoverageRecord]:
        """Yield what the file covers; with a fault, nothing is complete, since nobody knows what was lost."""
        if not total.newest_update_day:
            raise UsageError(f"{self.path} is empty. Nothing was imported.")
        if not total.kept_count:
            return
        as_of = _EPOCH + timedelta(days=total.newest_update_day)
        first = _EPOCH + timedelta(seconds=total.first_v1_at)

        def build_records(names: Sequence[str], since: date, until: date, status: str) -> Iterator[CoverageRecord]:
            since, until = max(since, window.since or since), min(until, window.until or until, as_of)
            if names and since < until:
                yield CoverageRecord(
                    source=self.name,
                    categories=tuple(sorted(names)),
                    since=since,
                    until=until,
                    answered_at=datetime.combine(as_of, time(), UTC),
                    status=status,
                    expected=None,
                    received=total.kept_count,
                    query=Path(self.path).name,
                    version=f"newest update_date {as_of}",
                )

        requested = list(categories) or [ALL_CATEGORIES]
        # what the file does not claim to cover, it may cover: from the year in which it begins to its last submission
        last = _EPOCH + timedelta(seconds=total.last_v1_at, days=1)
        yield from build_records(requested, date(first.year, 1, 1), min(last, as_of), "unknown")
        if total.error_count:
            return
        complete = [name for name in self.complete_categories if not categories or name in categories]
        if ALL_CATEGORIES in self.complete_categories:
            complete = requested
        yield from build_records(complete, first, as_of, "complete")
        for since, until in _iter_complete_spans(total.id_bits, as_of):
            yield from build_records(requested, since, until, "complete")


def _iter_complete_spans(id_bits: dict[str, int], as_of: date) -> Iterator[tuple[date, date]]:
    """Yield the spans of v1 dates that the identifiers show to be complete.

    The month of an identifier is that of the announcement, up to a month after submission. So a month of submissions is
    complete when the identifiers of that month and the next are dense, or when it reaches up to `as_of`, the newest
    change in the file. Identifiers cannot show that the end of their last month is missing, which is why a file that
    stops before `as_of` proves nothing there.
    """
    is_dense = {
        date(2000 + int(name[:2]), int(name[2:]), 1): bits.bit_count() >= MIN_ID_DENSITY * (bits.bit_length() - 1)
        for name, bits in id_bits.items()
    }
    span: tuple[date, date] | None = None
    for month in sorted(is_dense):
        until = add_months(month, 1)
        reaches_end = until not in is_dense and month <= as_of <= until + timedelta(days=7)
        if not is_dense[month] or not (is_dense.get(until) or reaches_end):
            continue
        if span and span[1] == month:
            span = (span[0], until)
        else:
            if span:
                yield span
            span = (month, until)
    if span:
        yield span


def _add_counts(total: ParsedBlock, block: ParsedBlock, is_cut: bool) -> None:
    """Add the counts of a block to the total; a cut in the input counts as an error."""
    total.line_count += block.line_count
    total.kept_count += block.kept_count
    total.error_count += block.error_count + is_cut
    total.newest_update_day = max(total.newest_update_day, block.newest_update_day)
    total.first_v1_at = min(total.first_v1_at, block.first_v1_at)
    total.last_v1_at = max(total.last_v1_at, block.last_v1_at)
    for month, bits in block.id_bits.items():
        total.id_bits[month] = total.id_bits.get(month, 0) | bits


def _epoch_seconds(day: date | None, default: int) -> int:
    return default if day is None else (day - _EPOCH).days * 86400
