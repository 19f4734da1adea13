"""The bulk snapshot of arXiv's metadata: JSON lines, plain, gzipped, zipped or from standard input.

The format is that of `arxiv-metadata-oai-snapshot.json` as Kaggle distributes it: one record a line, with the date of
every version; `update_date` is the day of the last change of the metadata, never a submission date.
"""

from __future__ import annotations

import gzip
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from trendcli.core.arxiv import MIN_ID_DENSITY
from trendcli.core.errors import UsageError
from trendcli.core.files import read_error
from trendcli.core.parallel import count_cores, create_pool
from trendcli.core.periods import add_months
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Window
from trendcli.sources.snapshot_records import SOURCE_NAME, ParsedBlock, RecordFilter, parse_block
from trendcli.store.coverage import ALL_CATEGORIES

# about 5,000 records; most of a worker's memory goes to the objects of its block
BLOCK_BYTES = 8 << 20
# bytes read from a stream at a time: a damaged file loses all of the last read
READ_BYTES = 1 << 16
_EPOCH = date(1970, 1, 1)
_GZIP_MAGIC = b"\x1f\x8b"


class _Block(NamedTuple):
    """A run of complete lines: their bytes, or the (path, start, end) of them in a plain file.

    `bytes_read` is how far the input was read, `input_error` why it ends here (None: it does not).
    """

    content: bytes | tuple[str, int, int]
    bytes_read: float
    input_error: str | None = None


class Snapshot:
    """A bulk snapshot as a Source; `path` is a file, or '-' for standard input.

    `complete_categories` are those of which the file holds every submission up to its newest change ([ALL_CATEGORIES]
    for all). Without them, months whose identifiers are dense count as complete, and all else is of unknown coverage.
    """

    name = SOURCE_NAME

    def __init__(self, path: str, complete_categories: Sequence[str] = ()) -> None:
        self.path = path
        self.complete_categories = tuple(complete_categories)

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """Yield the batches as files in a temporary folder, which is removed after the last one.

        Raises UsageError where the input cannot be opened or is not a snapshot.
        """
        categories, window = request.categories, request.window
        record_filter = RecordFilter(
            frozenset(categories), _epoch_seconds(window.since, 0), _epoch_seconds(window.until, 1 << 40)
        )
        total = ParsedBlock()
        with TemporaryDirectory(prefix="trend-import-") as folder, ExitStack() as stack:
            size, blocks = _open_blocks(self.path, stack)
            for block, parsed in self._parse_blocks(blocks, record_filter, Path(folder)):
                faults = [f"line {total.line_count + line:,}: {reason}" for line, reason in parsed.input_errors]
                if parsed.error_count > len(faults):
                    faults.append(
                        f"{parsed.error_count - len(faults):,} more bad lines before line "
                        f"{total.line_count + parsed.line_count:,}"
                    )
                if block.input_error:
                    faults.append(f"after line {total.line_count + parsed.line_count:,}: {block.input_error}")
                is_first = not total.line_count
                if is_first and parsed.error_count and not parsed.newest_update_day:  # without one valid line
                    hint = "; to import a venue list, add --venue and --year" if "got `array`" in faults[0] else ""
                    raise UsageError(f"{self.path} is not an arXiv snapshot ({faults[0]}){hint}. Nothing was imported.")
                _add_counts(total, parsed, bool(block.input_error))
                progress(block.bytes_read, size, f"{total.kept_count:,} submissions")
                yield Batch(parsed.batch_path, faults=tuple(faults))
            yield Batch(None, tuple(self._iter_coverage_records(total, categories, window)))

    def _parse_blocks(
        self, blocks: Iterable[_Block], record_filter: RecordFilter, folder: Path
    ) -> Iterator[tuple[_Block, ParsedBlock]]:
        """Yield the blocks as parsed by workers, in order; two wait for each worker, which bounds the memory."""
        with create_pool() as pool:
            pending: list[tuple[_Block, Future[ParsedBlock]]] = []
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
        if not total.line_count:
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


def _open_blocks(path: str, stack: ExitStack) -> tuple[float | None, Iterator[_Block]]:
    """Return the size of the input in bytes (None for a stream) and its blocks; `stack` closes it.

    Raises UsageError where it cannot be opened.
    """
    if path == "-":
        stream = sys.stdin.buffer
        head = stream.peek(4)[:4]  # type: ignore[union-attr]
        if head.startswith(b"PK"):
            raise UsageError("A zip file cannot be read from standard input. Use `unzip -p FILE | trend import -`.")
        if head.startswith(_GZIP_MAGIC):
            return None, _iter_stream_blocks(stack.enter_context(gzip.open(stream)), lambda: 0.0)
        return None, _iter_stream_blocks(stream, lambda: 0.0)
    try:
        raw = stack.enter_context(open(path, "rb"))  # noqa: SIM115
        head = raw.read(4)
        raw.seek(0)
    except OSError as error:
        raise UsageError(read_error(path, error)) from None
    size = os.fstat(raw.fileno()).st_size
    if head.startswith(_GZIP_MAGIC):
        return size, _iter_stream_blocks(stack.enter_context(gzip.open(raw)), raw.tell)
    if head.startswith(b"PK"):
        try:
            archive = stack.enter_context(zipfile.ZipFile(raw))
            members = [name for name in archive.namelist() if not name.endswith("/")]
            member = next(iter(members))
            if len(members) > 1:
                raise UsageError(
                    f"{path} contains {len(members)} files ({', '.join(members[:3])}). Unpack the one to import: "
                    f"unzip -p {path} {member} | trend import -"
                )
            return size, _iter_stream_blocks(stack.enter_context(archive.open(member)), raw.tell)
        except (zipfile.BadZipFile, StopIteration) as error:
            raise UsageError(
                f"{path} is not a valid zip file ({error or 'it is empty'}). Nothing was imported."
            ) from None
    spans = ((path, start, min(start + BLOCK_BYTES, size)) for start in range(0, size, BLOCK_BYTES))
    return size, (_Block(span, span[2]) for span in spans)


def _iter_stream_blocks(stream: Any, tell: Callable[[], float]) -> Iterator[_Block]:
    """Yield a stream in blocks of complete lines; `tell` returns how many bytes of the input were read."""
    rest = b""
    while True:
        chunks, size, input_error = [], 0, None
        try:
            while size < BLOCK_BYTES and (chunk := stream.read1(READ_BYTES)):
                chunks.append(chunk)
                size += len(chunk)
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
            input_error = f"the input is truncated or damaged here ({error}); the lines before it are kept"
        rest += b"".join(chunks)
        end = rest.rfind(b"\n") + 1
        if input_error:
            yield _Block(rest[:end], tell(), input_error)
            return
        if not chunks:
            yield _Block(rest, tell())
            return
        if end:
            yield _Block(rest[:end], tell())
            rest = rest[end:]


def _epoch_seconds(day: date | None, default: int) -> int:
    return default if day is None else (day - _EPOCH).days * 86400
