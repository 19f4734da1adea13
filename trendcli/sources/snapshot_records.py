"""Parsing lines of the bulk snapshot into a batch file, in a worker process."""

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
from trendcli.store.records import build_batch_table, build_submission, write_batch_file

SOURCE_NAME = "snapshot"
# errors that are kept with their reasons, a block
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
    """Which records are kept: canonical categories (empty: all) and v1 dates in [since, until), seconds since 1970."""

    categories: frozenset[str]
    since: int
    until: int


@dataclass
class ParsedBlock:
    """What a worker returns of its block, or the sum over several.

    `batch_path` is the file of the records that were kept (None: none was), `input_errors` are (line in the block,
    reason), `newest_update_day` is in days since 1970. `first_v1_at` is the earliest v1 date of all records and
    `last_v1_at` the latest of those kept, in seconds since 1970. `id_bits` has, for each month 'YYMM', a bit for the
    number of each new-style identifier.
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
        """Count a line that cannot be read, and keep the reasons of the first MAX_LISTED_ERRORS."""
        self.error_count += 1
        if len(self.input_errors) < MAX_LISTED_ERRORS:
            self.input_errors.append((line, reason))


def _read_block(block: bytes | tuple[str, int, int]) -> bytes:
    """Return the bytes of a block; of a span of a file, the lines that begin in it."""
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
    """Yield the records of a block; lines that are none are counted in `parsed`."""
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
    """Parse a block and write the records that are kept to a batch file at `path`; runs in a worker process."""
    parsed = ParsedBlock()
    submissions = []
    numbers_by_month: dict[str, set[int]] = {}
    text = _read_block(block)
    for record in _iter_records(text, parsed):
        try:
            ident, _ = parse_arxiv_id(record.id)
            version, first_date, last_date = _parse_versions(record.versions)
            v1_at = parse_version_date(first_date)
            as_of = parse_epoch_day(record.update_date)
            if "/" not in ident:
                numbers_by_month.setdefault(ident[:4], set()).add(int(ident[5:]))
            parsed.newest_update_day = max(parsed.newest_update_day, as_of)
            parsed.first_v1_at = min(parsed.first_v1_at, v1_at)
            if not record_filter.since <= v1_at < record_filter.until:
                continue
            if record_filter.categories and record_filter.categories.isdisjoint(
                canonical_categories(record.categories).split()
            ):
                continue
            if not record.categories.strip() or not record.title.strip():
                raise ValueError("no title or no categories")
            submissions.append(
                build_submission(
                    id=ident,
                    version=version,
                    v1_at=v1_at,
                    updated_at=v1_at if version == 1 else parse_version_date(last_date),
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
            parsed.add_error(_find_line(text, record.id), str(error))
    for month, numbers in numbers_by_month.items():
        bits = bytearray(max(numbers) // 8 + 1)
        for number in numbers:
            bits[number // 8] |= 1 << number % 8
        parsed.id_bits[month] = int.from_bytes(bits, "little")
    if submissions:
        parsed.kept_count = len(submissions)
        parsed.last_v1_at = max(submission.v1_at for submission in submissions)
        parsed.batch_path = write_batch_file(build_batch_table(submissions, SOURCE_NAME, datetime.now(UTC)), path)
    return parsed


def _find_line(text: bytes, ident: str) -> int:
    """Return the number of the line of a block on which a record stands, from 1."""
    return text.count(b"\n", 0, max(text.find(f'"{ident}"'.encode()), 0)) + 1


def _parse_versions(versions: list[_RecordVersion]) -> tuple[int, str, str]:
    """Return the highest version, the date of v1 and that of the highest.

    The first date is that of the entry labelled v1, which need not be the earliest. Raises ValueError without one.
    """
    count = len(versions)
    if versions and versions[0].version == "v1" and versions[-1].version == f"v{count}":
        return count, versions[0].created, versions[-1].created
    dates = {int(version.version.removeprefix("v")): version.created for version in versions}
    if 1 not in dates:
        raise ValueError("no version v1")
    return max(dates), dates[1], dates[max(dates)]


_DATE_PART_PATTERN = re.compile(r"[A-Z][a-z][a-z], ([0-9]{1,2}) ([A-Z][a-z][a-z]) ([0-9]{4})")
_MONTH_NUMBERS = {
    name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}

# tables, since half a million records have a million dates to parse
_SECONDS_BY_CLOCK_TIME = {f"{minute // 60:02d}:{minute % 60:02d}": minute * 60 for minute in range(1440)}
_SECONDS_BY_SUFFIX = {f":{second:02d}": second for second in range(60)}


@lru_cache(maxsize=65536)
def _parse_date_part(text: str) -> int:
    """Return the seconds since 1970 of the start of a day such as 'Mon, 2 Apr 2007'."""
    match = _DATE_PART_PATTERN.fullmatch(text)
    if not match:
        raise ValueError(text)
    return (date(int(match[3]), _MONTH_NUMBERS[match[2]], int(match[1])) - _EPOCH).days * 86400


@lru_cache(maxsize=65536)
def parse_epoch_day(text: str) -> int:
    """Return the days since 1970 of a date such as '2019-03-05'; raises ValueError where it is none."""
    return (date.fromisoformat(text) - _EPOCH).days


def parse_version_date(text: str) -> int:
    """Return the seconds since 1970 of 'Mon, 2 Apr 2007 19:18:42 GMT'; raises ValueError where it is no date.

    Days of one digit may be padded.
    """
    try:
        if text.endswith(" GMT") and text[-13:-12] == " ":
            return _parse_date_part(text[:-13]) + _SECONDS_BY_CLOCK_TIME[text[-12:-7]] + _SECONDS_BY_SUFFIX[text[-7:-4]]
    except (ValueError, KeyError):
        pass
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, IndexError):
        raise ValueError(f"not a version date: {text!r}") from None
