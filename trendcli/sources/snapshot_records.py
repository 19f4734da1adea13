"""Lines of the bulk snapshot -> a part, in a worker process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from trendcli.core.arxiv import canonical_categories, parse_arxiv_id
from trendcli.store import records as parts

SOURCE_NAME = "snapshot"
MAX_LISTED_ERRORS = 20
_EPOCH = date(1970, 1, 1)


class _RecordVersion(msgspec.Struct, gc=False):
    version: str
    created: str


class _SnapshotRecord(msgspec.Struct, gc=False):
    id: str
    title: str
    abstract: str
    categories: str
    versions: list[_RecordVersion]
    update_date: str
    authors: str | None = None
    comments: str | None = None
    journal_ref: str | None = msgspec.field(name="journal-ref", default=None)
    doi: str | None = None


class RecordFilter(NamedTuple):
    """What is kept: canonical categories (empty: all) and v1 dates in [since, until), in seconds since 1970."""

    categories: frozenset[str]
    since: int
    until: int


@dataclass
class ParsedBlock:
    """What a worker says of its block: `faults` are (line in the block, reason), `ids` a bit for each new-style id.

    `first` is the earliest v1 date of all records, in seconds since 1970, `last` the latest of those that were kept.
    """

    batch_path: Path | None = None
    line_count: int = 0
    kept_count: int = 0
    error_count: int = 0
    input_errors: list[tuple[int, str]] = field(default_factory=list)
    newest_update_day: int = 0
    first_v1_at: int = 1 << 40
    last_v1_at: int = 0
    id_bits: dict[str, int] = field(default_factory=dict)

    def add_error(self, line: int, reason: str) -> None:
        """Note a line that could not be read; the first few with their reasons."""
        self.error_count += 1
        if len(self.input_errors) < MAX_LISTED_ERRORS:
            self.input_errors.append((line, reason))


def _read_block(block: bytes | tuple[str, int, int]) -> bytes:
    """The bytes of a block; of a span of a file, the lines that begin in it."""
    if isinstance(block, bytes):
        return block
    path, start, end = block
    with open(path, "rb") as stream:
        if start:
            stream.seek(start - 1)
            start += len(stream.readline()) - 1  # a line that began before the span belongs to the one before
        if start >= end:
            return b""
        text = stream.read(end - start)
        return text if text.endswith(b"\n") else text + stream.readline()


def _iter_records(text: bytes, parsed: ParsedBlock) -> Iterator[_SnapshotRecord]:
    """The records of a block; lines that are none are noted in `found`."""
    decoder = msgspec.json.Decoder(_SnapshotRecord)
    parsed.line_count = text.count(b"\n") + (not text.endswith(b"\n") and bool(text))
    try:
        yield from decoder.decode_lines(text)
        return
    except msgspec.DecodeError:
        pass  # one bad line spoils the whole call, so go line by line
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            try:
                record = decoder.decode(line)
            except msgspec.DecodeError as error:
                parsed.add_error(number, str(error))
            else:
                yield record


def parse_block(block: bytes | tuple[str, int, int], record_filter: RecordFilter, path: Path) -> ParsedBlock:
    """Read a block and write what is wanted of it as a part. Runs in a worker process."""
    found = ParsedBlock()
    kept = []
    numbers: dict[str, set[int]] = {}
    text = _read_block(block)
    for record in _iter_records(text, found):
        try:
            ident, _ = parse_arxiv_id(record.id)
            version, first, last = _parse_versions(record.versions)
            v1_at = parse_version_date(first)
            as_of = parse_epoch_day(record.update_date)
            if "/" not in ident:
                numbers.setdefault(ident[:4], set()).add(int(ident[5:]))
            found.newest_update_day = max(found.newest_update_day, as_of)
            found.first_v1_at = min(found.first_v1_at, v1_at)
            if not record_filter.since <= v1_at < record_filter.until:
                continue
            if record_filter.categories and record_filter.categories.isdisjoint(
                canonical_categories(record.categories).split()
            ):
                continue
            if not record.categories.strip() or not record.title.strip():
                raise ValueError("a record without title or categories")
            kept.append(
                parts.build_submission(
                    id=ident,
                    version=version,
                    v1_at=v1_at,
                    updated_at=v1_at if version == 1 else parse_version_date(last),
                    title=record.title,
                    abstract=record.abstract,
                    authors=record.authors or "",
                    categories=record.categories,
                    comments=record.comments,
                    journal_ref=record.journal_ref,
                    doi=record.doi,
                    as_of=as_of,
                )
            )
        except ValueError as error:
            found.add_error(_find_line(text, record.id), str(error))
    for month, seen in numbers.items():
        bits = bytearray(max(seen) // 8 + 1)
        for number in seen:
            bits[number // 8] |= 1 << number % 8
        found.id_bits[month] = int.from_bytes(bits, "little")
    if kept:
        found.kept_count = len(kept)
        found.last_v1_at = max(item.v1_at for item in kept)
        found.batch_path = parts.write_batch_file(parts.build_batch_table(kept, SOURCE_NAME, datetime.now(UTC)), path)
    return found


def _find_line(text: bytes, ident: str) -> int:
    """The line of a block on which a record stands."""
    return text.count(b"\n", 0, max(text.find(f'"{ident}"'.encode()), 0)) + 1


def _parse_versions(listed: list[_RecordVersion]) -> tuple[int, str, str]:
    """The highest version, and the dates of v1 and of that one. The entry labelled v1 counts, not the earliest date."""
    count = len(listed)
    if listed and listed[0].version == "v1" and listed[-1].version == f"v{count}":
        return count, listed[0].created, listed[-1].created
    dates = {int(item.version.removeprefix("v")): item.created for item in listed}
    if 1 not in dates:
        raise ValueError("a record without a version v1")
    return max(dates), dates[1], dates[max(dates)]


_DATE_PART_PATTERN = re.compile(r"[A-Z][a-z][a-z], ([0-9]{1,2}) ([A-Z][a-z][a-z]) ([0-9]{4})")
_MONTH_NUMBERS = {
    name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}

# looked up rather than computed: half a million records have a million dates
_SECONDS_BY_CLOCK_TIME = {f"{minute // 60:02d}:{minute % 60:02d}": minute * 60 for minute in range(1440)}
_SECONDS_BY_SUFFIX = {f":{second:02d}": second for second in range(60)}


@lru_cache(maxsize=65536)
def _parse_date_part(text: str) -> int:
    found = _DATE_PART_PATTERN.fullmatch(text)
    if not found:
        raise ValueError(text)
    return (date(int(found[3]), _MONTH_NUMBERS[found[2]], int(found[1])) - _EPOCH).days * 86400


@lru_cache(maxsize=65536)
def parse_epoch_day(text: str) -> int:
    """Days since 1970 of '2019-03-05'; ValueError where it is no date."""
    return (date.fromisoformat(text) - _EPOCH).days


def parse_version_date(text: str) -> int:
    """Seconds since 1970 of 'Mon, 2 Apr 2007 19:18:42 GMT'; ValueError where it is no date."""
    try:
        if text.endswith(" GMT") and text[-13:-12] == " ":
            return _parse_date_part(text[:-13]) + _SECONDS_BY_CLOCK_TIME[text[-12:-7]] + _SECONDS_BY_SUFFIX[text[-7:-4]]
    except (ValueError, KeyError):
        pass
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, IndexError):
        raise ValueError(f"not a version date: {text!r}") from None
