"""The input of a snapshot in blocks of complete lines: a file, plain, gzipped or zipped, or a stream.

Whatever it holds, a block takes bounded memory: an overlong line is skipped, and one that does not end ends the input.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple

from trendcli.core.errors import UsageError
from trendcli.core.files import read_error
from trendcli.sources.snapshot_records import MAX_LINE_BYTES

# about 5,000 records; most of a worker's memory goes to the objects of its block
BLOCK_BYTES = 8 << 20
# bytes read from a stream at a time: a damaged file loses all of the last read
READ_BYTES = 1 << 16
# bytes of a line that are read in search of its end, in half a second; what goes on longer is no damaged record
MAX_SKIPPED_BYTES = 256 << 20
_SKIP_STEP = 1 << 20
_UNENDING_LINE = "that line does not end; the lines before it are kept"
_GZIP_MAGIC = b"\x1f\x8b"


class Block(NamedTuple):
    """A run of complete lines: their bytes, or the (path, start, end) of them in a plain file.

    `bytes_read` is how far the input was read, `input_error` why it ends here (None: it does not). With
    `has_overlong_line` another line follows, which was skipped.
    """

    content: bytes | tuple[str, int, int]
    bytes_read: float
    input_error: str | None = None
    has_overlong_line: bool = False


class _Unpacked(io.RawIOBase):
    """What a stream unpacks to, which ends where the stream is damaged; `error` says how, or is None."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.error: str | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes, at most READ_BYTES, and return how many they are; 0 at the end."""
        if self.error:
            return 0
        try:
            chunk = self.stream.read1(min(len(buffer), READ_BYTES))
        except Exception as error:  # each way of packing has errors of its own
            reason = error or type(error).__name__
            self.error = f"the input is truncated or damaged here ({reason}); the lines before it are kept"
            return 0
        buffer[: len(chunk)] = chunk
        return len(chunk)


def open_blocks(path: str, stack: ExitStack) -> tuple[float | None, Iterator[Block]]:
    """Return the size of the input in bytes (None for a stream) and its blocks; `stack` closes it.

    Raises UsageError where it cannot be opened.
    """
    try:
        if path == "-":
            if sys.stdin is None:
                raise UsageError("Standard input is closed. Nothing was imported.")
            return None, _open_stream("standard input", stack, sys.stdin.buffer, lambda: 0.0)
        raw = stack.enter_context(open(path, "rb"))  # noqa: SIM115
        status = os.fstat(raw.fileno())
        if not stat.S_ISREG(status.st_mode):  # a pipe, as of <(zcat FILE)
            return None, _open_stream(path, stack, raw, lambda: 0.0)
        head = raw.peek(4)
        if head.startswith(b"PK"):
            return status.st_size, _open_zip(path, stack, raw)
        if head.startswith(_GZIP_MAGIC):
            return status.st_size, _open_stream(path, stack, raw, raw.tell)
        return status.st_size, _iter_spans(raw, path, status.st_size)
    except OSError as error:
        raise UsageError(read_error(path, error)) from None
    except ValueError:  # a NUL in the path
        raise UsageError(f"Not a path: {path!r}.") from None


def _open_stream(path: str, stack: ExitStack, stream: Any, tell: Callable[[], float]) -> Iterator[Block]:
    head = stream.peek(4)
    if head.startswith(b"PK"):
        raise UsageError(f"A zip file cannot be read from {path}. Use `unzip -p FILE | trend import -`.")
    if head.startswith(_GZIP_MAGIC):
        stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
    return _iter_stream_blocks(_Unpacked(stream), tell)


def _open_zip(path: str, stack: ExitStack, raw: BinaryIO) -> Iterator[Block]:
    """Return the blocks of the only file in a zip file; raises UsageError where there are more, or it is damaged."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(raw))
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) == 1:
            if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("packed by another method than deflate, which takes unbounded memory")
            return _iter_stream_blocks(_Unpacked(stack.enter_context(archive.open(members[0]))), raw.tell)
    except Exception as error:  # zipfile has many: encrypted, packed by an unknown method, damaged
        is_invalid = isinstance(error, zipfile.BadZipFile)
        raise UsageError(
            f"{path} {'is not a valid zip file' if is_invalid else 'cannot be unpacked'} "
            f"({error or type(error).__name__}). Nothing was imported."
            f"{'' if is_invalid else f' Try unzip -p {path} | trend import -'}"
        ) from None
    names = ", ".join(member.filename[:60] for member in members[:3])
    raise UsageError(
        f"{path} contains {len(members)} files{names and f' ({names})'}. Unpack the one to import: "
        f"unzip -p {path} NAME | trend import -"
    )


def _iter_spans(stream: BinaryIO, path: str, size: int) -> Iterator[Block]:
    """Yield a plain file as spans of complete lines, which the workers read themselves."""
    end = 0
    while end < size:
        start = end
        stream.seek(start + BLOCK_BYTES - 1)
        tail = stream.readline(MAX_LINE_BYTES)
        end = min(start + BLOCK_BYTES - 1 + len(tail), size)
        if not _is_cut(tail):
            yield Block((path, start, end), end)
            continue
        stream.seek(start)
        line_start = start + stream.read(end - start).rfind(b"\n") + 1
        is_skipped = _skip_line(stream)
        end = stream.tell()
        yield Block((path, start, line_start), end, None if is_skipped else _UNENDING_LINE, has_overlong_line=True)
        if not is_skipped:
            return


def _iter_stream_blocks(unpacked: _Unpacked, tell: Callable[[], float]) -> Iterator[Block]:
    """Yield a stream in blocks of complete lines; `tell` returns how many bytes of the input were read."""
    stream = io.BufferedReader(unpacked, READ_BYTES)
    is_skipped = True
    while is_skipped and (content := stream.read(BLOCK_BYTES)):
        tail = stream.readline(MAX_LINE_BYTES)
        content += tail
        is_overlong = _is_cut(tail)
        if is_overlong or unpacked.error:
            content = content[: content.rfind(b"\n") + 1]
        is_skipped = not is_overlong or _skip_line(stream)
        yield Block(content, tell(), None if is_skipped else _UNENDING_LINE, is_overlong)
    if unpacked.error:
        yield Block(b"", tell(), unpacked.error)


def _is_cut(tail: bytes) -> bool:
    """Return whether the rest of a line, read up to MAX_LINE_BYTES, goes on beyond them."""
    return len(tail) == MAX_LINE_BYTES and not tail.endswith(b"\n")


def _skip_line(stream: BinaryIO) -> bool:
    """Read to the end of a line, and return whether it came within MAX_SKIPPED_BYTES."""
    for _ in range(MAX_SKIPPED_BYTES // _SKIP_STEP):
        chunk = stream.readline(_SKIP_STEP)
        if len(chunk) < _SKIP_STEP or chunk.endswith(b"\n"):
            return True
    return False
