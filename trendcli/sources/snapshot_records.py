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

from trendcli.core.arxiv import canonical_categories, canonical_id
from trendcli.store import records as parts

SOURCE = "snapshot"
KEPT_FAULTS = 20
_EPOCH = date(1970, 1, 1)


class _Version(msgspec.Struct, gc=False):
    version: str
    created: str


class _Record(msgspec.Struct, gc=False):
    id: str
    title: str
    abstract: str
    categories: str
    versions: list[_Version]
    update_date: str
    authors: str | None = None
    comments: str | None = None
    journal_ref: str | None = msgspec.field(name="journal-ref", default=None)
    doi: str | None = None


class Wanted(NamedTuple):
    """What is kept: canonical categories (empty: all) and v1 dates in [since, until), in seconds since 1970."""

    categories: frozenset[str]
    since: int
    until: int


@dataclass
class Parsed:
    """What a worker says of its block: `faults` are (line in the block, reason), `ids` a bit for each new-style id.

    `first` is the earliest v1 date of all records, in seconds since 1970, `last` the latest of those that were kept.
    """

    part: Path | None = None
    lines: int = 0
    kept: int = 0
    faulty: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)
    newest: int = 0
    first: int = 1 << 40
    last: int = 0
    ids: dict[str, int] = field(default_factory=dict)

    def fault(self, line: int, reason: str) -> None:
        """Note a line that could not be read; the first few with their reasons."""
        self.faulty += 1
        if len(self.faults) < KEPT_FAULTS:
            self.faults.append((line, reason))


def _text(data: bytes | tuple[str, int, int]) -> bytes:
    """The bytes of a block; of a span of a file, the lines that begin in it."""
    if isinstance(data, bytes):
        return data
    path, start, end = data
    with open(path, "rb") as stream:
        if start:
            stream.seek(start - 1)
            start += len(stream.readline()) - 1  # a line that began before the span belongs to the one before
        if start >= end:
            return b""
        text = stream.read(end - start)
        return text if text.endswith(b"\n") else text + stream.readline()


def _records(text: bytes, found: Parsed) -> Iterator[_Record]:
    """The records of a block; lines that are none are noted in `found`."""
    decoder = msgspec.json.Decoder(_Record)
    found.lines = text.count(b"\n") + (not text.endswith(b"\n") and bool(text))
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
                found.fault(number, str(error))
            else:
                yield record


def parse(data: bytes | tuple[str, int, int], wanted: Wanted, path: Path) -> Parsed:
    """Read a block and write what is wanted of it as a part. Runs in a worker process."""
    found = Parsed()
    kept = []
    numbers: dict[str, set[int]] = {}
    text = _text(data)
    for record in _records(text, found):
        try:
            ident, _ = canonical_id(record.id)
            version, first, last = _versions(record.versions)
            v1_at = seconds(first)
            as_of = days_of(record.update_date)
            if "/" not in ident:
                numbers.setdefault(ident[:4], set()).add(int(ident[5:]))
            found.newest = max(found.newest, as_of)
            found.first = min(found.first, v1_at)
            if not wanted.since <= v1_at < wanted.until:
                continue
            if wanted.categories and wanted.categories.isdisjoint(canonical_categories(record.categories).split()):
                continue
            if not record.categories.strip() or not record.title.strip():
                raise ValueError("a record without title or categories")
            kept.append(
                parts.submission(
                    id=ident,
                    version=version,
                    v1_at=v1_at,
                    updated_at=v1_at if version == 1 else seconds(last),
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
            found.fault(_line_of(text, record.id), str(error))
    for month, seen in numbers.items():
        bits = bytearray(max(seen) // 8 + 1)
        for number in seen:
            bits[number // 8] |= 1 << number % 8
        found.ids[month] = int.from_bytes(bits, "little")
    if kept:
        found.kept = len(kept)
        found.last = max(item.v1_at for item in kept)
        found.part = parts.write(parts.table(kept, SOURCE, datetime.now(UTC)), path)
    return found


def _line_of(text: bytes, ident: str) -> int:
    """The line of a block on which a record stands."""
    return text.count(b"\n", 0, max(text.find(f'"{ident}"'.encode()), 0)) + 1


def _versions(listed: list[_Version]) -> tuple[int, str, str]:
    """The highest version, and the dates of v1 and of that one. The entry labelled v1 counts, not the earliest date."""
    count = len(listed)
    if listed and listed[0].version == "v1" and listed[-1].version == f"v{count}":
        return count, listed[0].created, listed[-1].created
    dates = {int(item.version.removeprefix("v")): item.created for item in listed}
    if 1 not in dates:
        raise ValueError("a record without a version v1")
    return max(dates), dates[1], dates[max(dates)]


_DAY = re.compile(r"[A-Z][a-z][a-z], ([0-9]{1,2}) ([A-Z][a-z][a-z]) ([0-9]{4})")
_MONTHS = {name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}

# looked up rather than computed: half a million records have a million dates
_MINUTES = {f"{minute // 60:02d}:{minute % 60:02d}": minute * 60 for minute in range(1440)}
_SECONDS = {f":{second:02d}": second for second in range(60)}


@lru_cache(maxsize=65536)
def _day(text: str) -> int:
    found = _DAY.fullmatch(text)
    if not found:
        raise ValueError(text)
    return (date(int(found[3]), _MONTHS[found[2]], int(found[1])) - _EPOCH).days * 86400


@lru_cache(maxsize=65536)
def days_of(text: str) -> int:
    """Days since 1970 of '2019-03-05'; ValueError where it is no date."""
    return (date.fromisoformat(text) - _EPOCH).days


def seconds(text: str) -> int:
    """Seconds since 1970 of 'Mon, 2 Apr 2007 19:18:42 GMT'; ValueError where it is no date."""
    try:
        if text.endswith(" GMT"):
            return _day(text[:-13]) + _MINUTES[text[-12:-7]] + _SECONDS[text[-7:-4]]
    except (ValueError, KeyError):
        pass
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, IndexError):
        raise ValueError(f"not a version date: {text!r}") from None
