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
from trendcli.core.types import Answer, Ask, Batch, Progress, Window
from trendcli.sources.snapshot_records import SOURCE, Parsed, Wanted, parse
from trendcli.store.coverage import EVERY

# about 5,000 records: the objects of one block are what a worker's memory goes to
BLOCK = 8 << 20
# a month is whole when nearly all of its ids are there; the rest are ids that arXiv never gave out
DENSE = 0.97
PIECE = 1 << 16
_EPOCH = date(1970, 1, 1)
_GZIP = b"\x1f\x8b"


class _Block(NamedTuple):
    """A run of whole lines: their bytes, or where they lie in a plain file; and how far the input has been read."""

    data: bytes | tuple[str, int, int]
    done: float
    fault: str | None = None


class Snapshot:
    """A bulk snapshot as a Source; `path` is a file, or '-' for standard input.

    `complete` names the categories of which the file holds every submission up to its moment (EVERY for all); without
    it the months whose ids are dense vouch for themselves, and everything else stays of unknown coverage.
    """

    name = SOURCE

    def __init__(self, path: str, complete: Sequence[str] = ()) -> None:
        self.path = path
        self.complete = tuple(complete)

    def batches(self, ask: Ask, progress: Progress) -> Iterator[Batch]:
        """See Source; the parts are files in a temporary folder that goes when the last batch was taken."""
        categories, window = ask.categories, ask.window
        wanted = Wanted(frozenset(categories), _seconds_of(window.since, 0), _seconds_of(window.until, 1 << 40))
        total = Parsed()
        with TemporaryDirectory(prefix="trend-import-") as folder, ExitStack() as stack:
            size, blocks = _opened(self.path, stack)
            for block, parsed in self._parsed(blocks, wanted, Path(folder)):
                faults = [f"line {total.lines + line:,}: {reason}" for line, reason in parsed.faults]
                if parsed.faulty > len(faults):
                    faults.append(
                        f"{parsed.faulty - len(faults):,} more bad lines before line {total.lines + parsed.lines:,}"
                    )
                if block.fault:
                    faults.append(f"after line {total.lines + parsed.lines:,}: {block.fault}")
                if not total.lines and parsed.faulty and not parsed.newest:  # not one good line in the first block
                    listed = "; a list of a conference wants --venue and --year" if "got `array`" in faults[0] else ""
                    raise UsageError(f"{self.path} is no arXiv snapshot ({faults[0]}){listed}. Nothing was imported.")
                _add(total, parsed, bool(block.fault))
                progress(block.done, size, f"{total.kept:,} submissions")
                yield Batch(parsed.part, faults=tuple(faults))
            yield Batch(None, tuple(self._answers(total, categories, window)))

    def _parsed(self, blocks: Iterable[_Block], wanted: Wanted, folder: Path) -> Iterator[tuple[_Block, Parsed]]:
        """The blocks as workers parsed them, in order; two wait for each worker, so memory is bounded."""
        with workers.pool() as pool:
            waiting: list[tuple[_Block, Future[Parsed]]] = []
            try:
                for number, block in enumerate(blocks):
                    waiting.append((block, pool.submit(parse, block.data, wanted, folder / f"{number:06d}.arrow")))
                    if len(waiting) > 2 * workers.cores():
                        first, future = waiting.pop(0)
                        yield first, future.result()
                for first, future in waiting:
                    yield first, future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _answers(self, total: Parsed, categories: Sequence[str], window: Window) -> Iterator[Answer]:
        """What the file vouches for; a file with a fault vouches for nothing, since nobody knows what was lost."""
        if not total.lines:
            raise UsageError(f"{self.path} is empty. Nothing was imported.")
        if not total.kept:
            return
        moment = _EPOCH + timedelta(days=total.newest)
        first = _EPOCH + timedelta(seconds=total.first)

        def answer(covered: Sequence[str], since: date, until: date, status: str) -> Iterator[Answer]:
            since, until = max(since, window.since or since), min(until, window.until or until, moment)
            if covered and since < until:
                yield Answer(
                    source=self.name,
                    categories=tuple(sorted(covered)),
                    since=since,
                    until=until,
                    answered_at=datetime.combine(moment, time(), UTC),
                    status=status,
                    expected=None,
                    received=total.kept,
                    query=Path(self.path).name,
                    version=f"newest update_date {moment}",
                )

        asked = list(categories) or [EVERY]
        # what the file does not say it covers, it may: from the year in which it begins to its last submission
        last = _EPOCH + timedelta(seconds=total.last, days=1)
        yield from answer(asked, date(first.year, 1, 1), min(last, moment), "unknown")
        if total.faulty:
            return
        named = (
            asked
            if EVERY in self.complete
            else [name for name in self.complete if not categories or name in categories]
        )
        yield from answer(named, first, moment, "complete")
        for since, until in _dense_months(total.ids, moment):
            yield from answer(asked, since, until, "complete")


def _dense_months(ids: dict[str, int], moment: date) -> Iterator[tuple[date, date]]:
    """The spans of v1 dates that the ids show to be whole.

    An id's month is that of the announcement, up to a month after submission. So a month of submissions is whole when
    the ids of that month and the next are dense, or when it reaches up to the moment of the file. Ids cannot show that
    the end of their last month is missing, which is why a file that stops before its moment proves nothing there.
    """
    whole = {}
    for name, bits in ids.items():
        whole[date(2000 + int(name[:2]), int(name[2:]), 1)] = bits.bit_count() >= DENSE * (bits.bit_length() - 1)
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


def _add(total: Parsed, block: Parsed, cut: bool) -> None:
    total.lines += block.lines
    total.kept += block.kept
    total.faulty += block.faulty + cut
    total.newest = max(total.newest, block.newest)
    total.first = min(total.first, block.first)
    total.last = max(total.last, block.last)
    for month, bits in block.ids.items():
        total.ids[month] = total.ids.get(month, 0) | bits


def _opened(path: str, stack: ExitStack) -> tuple[float | None, Iterator[_Block]]:
    """The size of the input in bytes (None for a stream) and its blocks; `stack` closes it.

    UsageError where it cannot be opened.
    """
    if path == "-":
        stream = sys.stdin.buffer
        head = stream.peek(4)[:4]  # type: ignore[union-attr]
        if head.startswith(b"PK"):
            raise UsageError("A zip file cannot be read from standard input. Use `unzip -p FILE | trend import -`.")
        if head.startswith(_GZIP):
            return None, _stream(stack.enter_context(gzip.open(stream)), lambda: 0.0)
        return None, _stream(stream, lambda: 0.0)
    try:
        raw = stack.enter_context(open(path, "rb"))  # noqa: SIM115
        head = raw.read(4)
        raw.seek(0)
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from None
    size = os.fstat(raw.fileno()).st_size
    if head.startswith(_GZIP):
        return size, _stream(stack.enter_context(gzip.open(raw)), raw.tell)
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
            return size, _stream(stack.enter_context(archive.open(member)), raw.tell)
        except (zipfile.BadZipFile, StopIteration) as error:
            raise UsageError(f"{path} is no whole zip file ({error or 'it is empty'}). Nothing was imported.") from None
    spans = ((path, start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))
    return size, (_Block(span, span[2]) for span in spans)


def _stream(stream: Any, tell: Callable[[], float]) -> Iterator[_Block]:
    rest = b""
    while True:
        chunks, size, fault = [], 0, None
        try:
            # in small pieces, since a damaged file takes all of a large one with it
            while size < BLOCK and (piece := stream.read1(PIECE)):
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


def _seconds_of(day: date | None, otherwise: int) -> int:
    return otherwise if day is None else (day - _EPOCH).days * 86400
