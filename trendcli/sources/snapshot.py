"""The bulk snapshot of arXiv's metadata: JSON lines, plain, gzipped, zipped or from a stream.

The format is that of `arxiv-metadata-oai-snapshot.json` as Kaggle distributes it: one record a line, every version with
its date, `update_date` the day of the last change of the metadata (never a submission date).
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

from trendcli.core import parallel as workers
from trendcli.core.errors import UsageError
from trendcli.core.periods import add_months
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Window
from trendcli.sources.snapshot_records import SOURCE_NAME, ParsedBlock, RecordFilter, parse_block
from trendcli.store.coverage import ALL_CATEGORIES

# about 5,000 records: the objects of one block are what a worker's memory goes to
BLOCK_BYTES = 8 << 20
# a month is whole when nearly all of its ids are there; the rest are ids that arXiv never gave out
MIN_ID_DENSITY = 0.97
READ_BYTES = 1 << 16
_EPOCH = date(1970, 1, 1)
_GZIP_MAGIC = b"\x1f\x8b"


class _Block(NamedTuple):
    """A run of whole lines: their bytes, or where they lie in a plain file; and how far the input has been read."""

    content: bytes | tuple[str, int, int]
    bytes_read: float
    input_error: str | None = None


class Snapshot:
    """A bulk snapshot as a Source; `path` is a file, or '-' for standard input.

    `complete` names the categories of which the file holds every submission up to its moment (EVERY for all); without
    it the months whose ids are dense vouch for themselves, and everything else stays of unknown coverage.
    """

    name = SOURCE_NAME

    def __init__(self, path: str, complete_categories: Sequence[str] = ()) -> None:
        self.path = path
        self.complete_categories = tuple(complete_categories)

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """See Source; the parts are files in a temporary folder that goes when the last batch was taken."""
        categories, window = request.categories, request.window
        wanted = RecordFilter(
            frozenset(categories), _epoch_seconds(window.since, 0), _epoch_seconds(window.until, 1 << 40)
        )
        total = ParsedBlock()
        with TemporaryDirectory(prefix="trend-import-") as folder, ExitStack() as stack:
            size, blocks = _open_blocks(self.path, stack)
            for block, parsed in self._parse_blocks(blocks, wanted, Path(folder)):
                faults = [f"line {total.line_count + line:,}: {reason}" for line, reason in parsed.input_errors]
                if parsed.error_count > len(faults):
                    faults.append(
                        f"{parsed.error_count - len(faults):,} more bad lines before line "
                        f"{total.line_count + parsed.line_count:,}"
                    )
                if block.input_error:
                    faults.append(f"after line {total.line_count + parsed.line_count:,}: {block.input_error}")
                if (
                    not total.line_count and parsed.error_count and not parsed.newest_update_day
                ):  # not one good line in the first block
                    listed = "; a list of a conference wants --venue and --year" if "got `array`" in faults[0] else ""
                    raise UsageError(f"{self.path} is no arXiv snapshot ({faults[0]}){listed}. Nothing was imported.")
                _add_counts(total, parsed, bool(block.input_error))
                progress(block.bytes_read, size, f"{total.kept_count:,} submissions")
                yield Batch(parsed.batch_path, faults=tuple(faults))
            yield Batch(None, tuple(self._iter_coverage_records(total, categories, window)))

    def _parse_blocks(
        self, blocks: Iterable[_Block], record_filter: RecordFilter, folder: Path
    ) -> Iterator[tuple[_Block, ParsedBlock]]:
        """The blocks as workers parsed them, in order; two wait for each worker, so memory is bounded."""
        with workers.create_pool() as pool:
            waiting: list[tuple[_Block, Future[ParsedBlock]]] = []
            try:
                for number, block in enumerate(blocks):
                    waiting.append(
                        (block, pool.submit(parse_block, block.content, record_filter, folder / f"{number:06d}.arrow"))
                    )
                    if len(waiting) > 2 * workers.count_cores():
                        first, future = waiting.pop(0)
                        yield first, future.result()
                for first, future in waiting:
                    yield first, future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _iter_coverage_records(
        self, total: ParsedBlock, categories: Sequence[str], window: Window
    ) -> Iterator[CoverageRecord]:
        """What the file vouches for; a file with a fault vouches for nothing, since nobody knows what was lost."""
        if not total.line_count:
            raise UsageError(f"{self.path} is empty. Nothing was imported.")
        if not total.kept_count:
            return
        moment = _EPOCH + timedelta(days=total.newest_update_day)
        first = _EPOCH + timedelta(seconds=total.first_v1_at)

        def build_records(covered: Sequence[str], since: date, until: date, status: str) -> Iterator[CoverageRecord]:
            since, until = max(since, window.since or since), min(until, window.until or until, moment)
            if covered and since < until:
                yield CoverageRecord(
                    source=self.name,
                    categories=tuple(sorted(covered)),
                    since=since,
                    until=until,
                    answered_at=datetime.combine(moment, time(), UTC),
                    status=status,
                    expected=None,
                    received=total.kept_count,
                    query=Path(self.path).name,
                    version=f"newest update_date {moment}",
                )

        asked = list(categories) or [ALL_CATEGORIES]
        # what the file does not say it covers, it may: from the year in which it begins to its last submission
        last = _EPOCH + timedelta(seconds=total.last_v1_at, days=1)
        yield from build_records(asked, date(first.year, 1, 1), min(last, moment), "unknown")
        if total.error_count:
            return
        named = (
            asked
            if ALL_CATEGORIES in self.complete_categories
            else [name for name in self.complete_categories if not categories or name in categories]
        )
        yield from build_records(named, first, moment, "complete")
        for since, until in _iter_complete_spans(total.id_bits, moment):
            yield from build_records(asked, since, until, "complete")


def _iter_complete_spans(id_bits: dict[str, int], moment: date) -> Iterator[tuple[date, date]]:
    """The spans of v1 dates that the ids show to be whole.

    An id's month is that of the announcement, up to a month after submission. So a month of submissions is whole when
    the ids of that month and the next are dense, or when it reaches up to the moment of the file. Ids cannot show that
    the end of their last month is missing, which is why a file that stops before its moment proves nothing there.
    """
    whole = {}
    for name, bits in id_bits.items():
        whole[date(2000 + int(name[:2]), int(name[2:]), 1)] = bits.bit_count() >= MIN_ID_DENSITY * (
            bits.bit_length() - 1
        )
    span: tuple[date, date] | None = None
    for month in sorted(whole):
        until = add_months(month, 1)
        if not whole[month] or not (
            whole.get(until) or (until not in whole and month <= moment <= until + timedelta(days=7))
        ):
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
    total.line_count += block.line_count
    total.kept_count += block.kept_count
    total.error_count += block.error_count + is_cut
    total.newest_update_day = max(total.newest_update_day, block.newest_update_day)
    total.first_v1_at = min(total.first_v1_at, block.first_v1_at)
    total.last_v1_at = max(total.last_v1_at, block.last_v1_at)
    for month, bits in block.id_bits.items():
        total.id_bits[month] = total.id_bits.get(month, 0) | bits


def _open_blocks(path: str, stack: ExitStack) -> tuple[float | None, Iterator[_Block]]:
    """The size of the input in bytes (None for a stream) and its blocks; `stack` closes it.

    UsageError where it cannot be opened.
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
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from None
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
                    f"{path} holds {len(members)} files ({', '.join(members[:3])}). Unpack the one to import: "
                    f"unzip -p {path} {member} | trend import -"
                )
            return size, _iter_stream_blocks(stack.enter_context(archive.open(member)), raw.tell)
        except (zipfile.BadZipFile, StopIteration) as error:
            raise UsageError(f"{path} is no whole zip file ({error or 'it is empty'}). Nothing was imported.") from None
    spans = ((path, start, min(start + BLOCK_BYTES, size)) for start in range(0, size, BLOCK_BYTES))
    return size, (_Block(span, span[2]) for span in spans)


def _iter_stream_blocks(stream: Any, tell: Callable[[], float]) -> Iterator[_Block]:
    rest = b""
    while True:
        chunks, size, fault = [], 0, None
        try:
            # in small pieces, since a damaged file takes all of a large one with it
            while size < BLOCK_BYTES and (piece := stream.read1(READ_BYTES)):
                chunks.append(piece)
                size += len(piece)
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
            fault = f"the input is cut or damaged here ({error}); what came before it is kept"
        rest += b"".join(chunks)
        end = rest.rfind(b"\n") + 1
        if fault:
            yield _Block(rest[:end], tell(), fault)
            return
        if not chunks:
            yield _Block(rest, tell())
            return
        if end:
            yield _Block(rest[:end], tell())
            rest = rest[end:]


def _epoch_seconds(day: date | None, default: int) -> int:
    return default if day is None else (day - _EPOCH).days * 86400
