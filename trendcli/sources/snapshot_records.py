"""Parsing lines of the bulk snapshot into a batch file, in a worker process."""

from __future__ import annotations

import io
import re
from codecs import BOM_UTF8
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from trendcli.core.arxiv import canonical_categories, parse_arxiv_id
from trendcli.core.types import Submission
from trendcli.store.records import build_batch_table, build_submission, write_batch_file

SOURCE_NAME = "snapshot"
# errors that are kept with their reasons, a block
MAX_LISTED_ERRORS = 20
# bad lines of a block after which it is given up: a block has 5,000 records, and 3 GB of short lines take half an hour
MAX_BLOCK_ERRORS = 50_000
# bytes of a line: a record of 3,000 authors has 300 kB, and a worker needs about ten times its longest line
MAX_LINE_BYTES = 4 << 20
OVERLONG_LINE = f"longer than {MAX_LINE_BYTES >> 20} MiB, which no record is"
_EPOCH = date(1970, 1, 1)
# no date of arXiv is earlier: it took in papers of 1986
_FIRST_YEAR = 1980


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
    """Return the bytes of a block, which may be a span of a file."""
    if isinstance(block, bytes):
        return block
    path, start, end = block
    with open(path, "rb") as stream:
        stream.seek(start)
        return stream.read(end - start)


def parse_block(block: bytes | tuple[str, int, int], record_filter: RecordFilter, path: Path) -> ParsedBlock:
    """Parse a block and write the records that are kept to a batch file at `path`; runs in a worker process."""
    text = _read_block(block)
    now = datetime.now(UTC)
    decoder = msgspec.json.Decoder(_SnapshotRecord)
    parser = _RecordParser(record_filter, now)
    try:
        if _may_be_overlong(text):
            raise ValueError(OVERLONG_LINE)
        for record in decoder.decode_lines(text):
            parser.add_record(record)
    except MemoryError:
        raise
    except Exception:  # one bad line spoils the whole call, so go line by line
        parser = _RecordParser(record_filter, now)
        for number, line in enumerate(io.BytesIO(text), 1):
            parser.add_line(decoder, number, line)
            if parser.parsed.error_count > MAX_BLOCK_ERRORS:
                break
    parsed = parser.build_result()
    parsed.line_count = text.count(b"\n") + (not text.endswith(b"\n") and bool(text))
    if parser.submissions:
        parsed.batch_path = write_batch_file(build_batch_table(parser.submissions, SOURCE_NAME, now), path)
    return parsed


def _may_be_overlong(text: bytes) -> bool:
    """Return whether a line may exceed MAX_LINE_BYTES: a stretch of half of them has no line break."""
    step = MAX_LINE_BYTES // 2
    return any(text.find(b"\n", start, start + step) < 0 for start in range(0, len(text) - step + 1, step))


class _RecordParser:
    """The records of one block that are kept, and counts of all; `now` tells what lies ahead."""

    def __init__(self, record_filter: RecordFilter, now: datetime) -> None:
        self.record_filter = record_filter
        # clocks and time zones differ
        self.last_moment = int((now + timedelta(days=1)).timestamp())
        self.parsed = ParsedBlock()
        self.submissions: list[Submission] = []
        self.numbers_by_month: dict[str, set[int]] = {}

    def add_line(self, decoder: msgspec.json.Decoder[_SnapshotRecord], number: int, line: bytes) -> None:
        """Add the record of a line, or what is wrong with it."""
        line = line.strip().removeprefix(BOM_UTF8)
        try:
            if len(line) > MAX_LINE_BYTES:
                raise ValueError(OVERLONG_LINE)
            if line:
                self.add_record(decoder.decode(line))
        except MemoryError:
            raise
        except Exception as error:  # whatever a line contains, other lines are unaffected
            self.parsed.add_error(number, str(error) or type(error).__name__)

    def add_record(self, record: _SnapshotRecord) -> None:
        """Add a record; raise ValueError, and count nothing of it, if it is impossible."""
        ident, _ = parse_arxiv_id(record.id)
        version, first_date, last_date = _parse_versions(record.versions)
        v1_at = parse_version_date(first_date)
        as_of = parse_epoch_day(record.update_date)
        if as_of * 86400 > self.last_moment or v1_at > self.last_moment:
            raise ValueError(
                f"dated {record.update_date if as_of * 86400 > self.last_moment else first_date}"
                ", which is in the future by this machine's clock"
            )
        is_kept = self._is_kept(record, v1_at)
        if is_kept:
            submission = build_submission(
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
            if not submission.title or not submission.categories:
                raise ValueError("no title or no categories")
            self.submissions.append(submission)
        if "/" not in ident:
            self.numbers_by_month.setdefault(ident[:4], set()).add(int(ident[5:]))
        self.parsed.newest_update_day = max(self.parsed.newest_update_day, as_of)
        self.parsed.first_v1_at = min(self.parsed.first_v1_at, v1_at)

    def _is_kept(self, record: _SnapshotRecord, v1_at: int) -> bool:
        since, until, categories = self.record_filter.since, self.record_filter.until, self.record_filter.categories
        return since <= v1_at < until and not (
            categories and categories.isdisjoint(canonical_categories(record.categories).split())
        )

    def build_result(self) -> ParsedBlock:
        """Return the counts, with those that need all records."""
        for month, numbers in self.numbers_by_month.items():
            bits = bytearray(max(numbers) // 8 + 1)
            for number in numbers:
                bits[number // 8] |= 1 << number % 8
            self.parsed.id_bits[month] = int.from_bytes(bits, "little")
        self.parsed.kept_count = len(self.submissions)
        self.parsed.last_v1_at = max((submission.v1_at for submission in self.submissions), default=0)
        return self.parsed


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
    if not match or int(match[3]) < _FIRST_YEAR:
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
    with suppress(TypeError, ValueError, IndexError, OverflowError):
        moment = parsedate_to_datetime(text)
        # a year of two digits is of this century to the parser, and so is 0001
        if moment.year >= _FIRST_YEAR and str(moment.year) in text:
            return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    raise ValueError(f"not a version date: {text[:60]!r}")
