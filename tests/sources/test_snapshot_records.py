"""Lines of the bulk snapshot: dates, versions, blocks of a file, and lines that cannot be read."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.standins.mutations import mutate_json
from tests.standins.snapshot import dated_line, line
from tests.worlds import days, seconds
from trendcli.sources.snapshot_records import (
    MAX_LINE_BYTES,
    MAX_LISTED_ERRORS,
    ParsedBlock,
    RecordFilter,
    parse_block,
    parse_epoch_day,
    parse_version_date,
)
from trendcli.store.records import read_batch

EVERYTHING = RecordFilter(frozenset(), 0, 1 << 40)


def parse(tmp_path: Path, *lines: dict[str, Any] | str, keep: RecordFilter = EVERYTHING) -> ParsedBlock:
    """Parse some records, or lines as they are, as one block."""
    text = "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in lines)
    return parse_block(text.encode(), keep, tmp_path / "batch.arrow")


def kept_rows(parsed: ParsedBlock) -> list[dict[str, Any]]:
    assert parsed.batch_path is not None
    rows: list[dict[str, Any]] = read_batch(parsed.batch_path).to_pylist()
    return rows


@given(st.datetimes(datetime(1991, 1, 1), datetime(2090, 1, 1)))
def test_days_of_one_digit_may_be_padded(at: datetime) -> None:
    at = at.replace(microsecond=0, tzinfo=UTC)
    padded = format_datetime(at, usegmt=True)
    assert parse_version_date(padded) == int(at.timestamp())
    weekday, day, rest = padded[:5], padded[5:7], padded[7:]
    assert parse_version_date(f"{weekday}{int(day)}{rest}") == int(at.timestamp())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon, 2 Apr 2007 19:18:42 GMT", "2007-04-02T19:18:42"),
        ("Mon, 02 Apr 2007 19:18:42 GMT", "2007-04-02T19:18:42"),
        ("Sun, 16 Sep 2018 23:59:59 GMT", "2018-09-16T23:59:59"),
        ("Mon, 2 Apr 2007 19:18:42 +0200", "2007-04-02T17:18:42"),
    ],
)
def test_dates_of_versions_are_parsed(text: str, moment: str) -> None:
    assert parse_version_date(text) == seconds(moment)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 16 Sep 2018/17:41:50 GMT",  # right in every position but that of the space
        "Sun, 16 Sep 2018 17:41-50 GMT",
        "Sun, 16 Sep 2018 25:41:50 GMT",
        "Sun, 31 Sep 2018 17:41:50 GMT",
        "Sun, 16 Sop 2018 17:41:50 GMT",
        "soon",
        "",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a version date"):
        parse_version_date(text)


def test_days_are_counted_from_1970() -> None:
    assert (parse_epoch_day("1970-01-01"), parse_epoch_day("2019-03-05")) == (0, 17_960)
    with pytest.raises(ValueError, match="2019-3-5"):
        parse_epoch_day("2019-3-5")


def test_a_block_is_summed_up(tmp_path: Path) -> None:
    first = line("0704.0010", "Mon, 2 Apr 2007 19:18:42 GMT", "Tue, 24 Jul 2007 20:10:27 GMT")
    last = dated_line(2018, 1, 5, 3, title="Last")
    parsed = parse(tmp_path, first, last)
    assert (parsed.line_count, parsed.kept_count, parsed.error_count) == (2, 2, 0)
    assert parsed.newest_update_day == days("2018-01-05")
    assert (parsed.first_v1_at, parsed.last_v1_at) == (seconds("2007-04-02T19:18:42"), seconds("2018-01-05T12:00"))
    assert parsed.id_bits == {"0704": 1 << 10, "1801": 1 << 3}
    rows = [(row["id"], row["version"], row["title"], row["updated_at"].isoformat()) for row in kept_rows(parsed)]
    assert rows == [
        ("0704.0010", 2, "On nothing", "2007-07-24T20:10:27"),
        ("1801.00003", 1, "Last", "2018-01-05T12:00:00"),
    ]


def test_the_entry_labelled_v1_has_the_first_date(tmp_path: Path) -> None:
    """It need not be the earliest, nor the first in the list."""
    record = line("math-ph/0302016")
    record["versions"] = [
        {"version": "v2", "created": "Sun, 1 Dec 2002 10:00:00 GMT"},
        {"version": "v1", "created": "Fri, 7 Feb 2003 10:00:00 GMT"},
    ]
    (row,) = kept_rows(parse(tmp_path, record))
    assert (row["version"], row["v1_at"].isoformat(), row["updated_at"].isoformat()) == (
        2,
        "2003-02-07T10:00:00",
        "2002-12-01T10:00:00",
    )


def test_a_filter_keeps_some_categories_and_dates_but_counts_all(tmp_path: Path) -> None:
    keep = RecordFilter(frozenset({"cs.CL"}), seconds("2018-01-01"), seconds("2019-01-01"))
    lines = [
        dated_line(2017, 12, 31, 1, categories="cs.CL"),
        dated_line(2018, 1, 1, 2, categories="cs.LG cs.CL"),
        dated_line(2018, 1, 1, 3, categories="cs.LG"),
        dated_line(2019, 1, 1, 4, categories="cs.CL"),
    ]
    parsed = parse(tmp_path, *lines, keep=keep)
    assert (parsed.line_count, parsed.kept_count) == (4, 1)
    assert [row["id"] for row in kept_rows(parsed)] == ["1801.00002"]
    assert parsed.first_v1_at == seconds("2017-12-31T12:00") and set(parsed.id_bits) == {"1712", "1801", "1901"}


def test_unreadable_lines_are_reported_by_number_and_reason(tmp_path: Path) -> None:
    lines: list[dict[str, Any] | str] = [
        line("0704.0001"),
        "not json",
        line("0704.0003", "soon"),
        {**line("0704.0004"), "versions": []},
        line("0704.0005", title=" "),
    ]
    parsed = parse(tmp_path, *lines)
    assert (parsed.line_count, parsed.kept_count, parsed.error_count) == (5, 1, 4)
    assert [number for number, _ in sorted(parsed.input_errors)] == [2, 3, 4, 5]
    assert [reason for _, reason in sorted(parsed.input_errors)][1:] == [
        "not a version date: 'soon'",
        "no version v1",
        "no title or no categories",
    ]


def test_only_the_first_reasons_are_kept(tmp_path: Path) -> None:
    parsed = parse(tmp_path, *["not json"] * (MAX_LISTED_ERRORS + 5))
    assert (parsed.error_count, len(parsed.input_errors)) == (MAX_LISTED_ERRORS + 5, MAX_LISTED_ERRORS)
    assert (parsed.batch_path, parsed.kept_count) == (None, 0)


def bad_lines() -> dict[str, bytes]:
    """Return lines that no snapshot should hold, each of which once ended a whole import or might."""
    record = json.dumps(line("0704.0002")).encode()
    return {
        "a byte that is not UTF-8": record.replace(b"On", b"\xe9", 1),
        "half of a surrogate pair": record.replace(b"On", b"\\ud800", 1),
        "the same, in bytes": record.replace(b"On", b"\xed\xa0\x80", 1),
        "NUL": record.replace(b"On", b"\x00", 1),
        "a title of control characters": record.replace(b"On\\n  nothing", b"\\u0000\\u001b", 1),
        "a huge year": record.replace(b"2 Apr 2007", b"1 Jan 99999999999", 1),
        "the last moment": record.replace(b"Mon, 2 Apr 2007 19:18:42 GMT", b"Fri, 31 Dec 9999 23:59:59 -2300", 1),
        "a year before all": record.replace(b"2 Apr 2007", b"2 Apr 0207", 1),
        "a date ahead": record.replace(b"2 Apr 2007", b"2 Apr 2907", 1),
        "a change ahead": record.replace(b"2008-11-26", b"9999-12-31", 1),
        "a version beyond all": record.replace(b'"v1"', b'"v99999999999", "created": "x"}, {"version": "v1"', 1),
        "a version of 5,000 digits": record.replace(b'"v1"', b'"v' + b"9" * 5000 + b'"', 1),
        "no category": record.replace(b"cs.LG", b"cs.\\u001b[2J", 1),
        "a pattern of categories": record.replace(b"cs.LG stat.ML", b"*", 1),
        "a number of pandas": record.replace(b"0704.0002", b"1909.0001", 1),
        "too deep": record.replace(b'"submitter": "A B"', b'"submitter": ' + b"[" * 100_000 + b"]" * 100_000, 1),
        "deep and open": b'{"id": ' + b"[" * 100_000,
        "too long": record.replace(b"On", b"x" * (MAX_LINE_BYTES + 1), 1),
        "digits": b"9" * 100_000,
    }


@pytest.mark.parametrize("kind", bad_lines())
def test_a_bad_line_costs_one_line(tmp_path: Path, kind: str) -> None:
    good = [json.dumps(line(f"0704.{number:04d}")).encode() for number in (1, 3)]
    text = b"\n".join([good[0], bad_lines()[kind], b"", good[1], b""])
    parsed = parse_block(text, EVERYTHING, tmp_path / "batch.arrow")
    assert [number for number, _ in parsed.input_errors] == [2]
    assert parsed.input_errors[0][1] and len(parsed.input_errors[0][1]) < 300
    assert [row["id"] for row in kept_rows(parsed)] == ["0704.0001", "0704.0003"]
    assert (parsed.line_count, parsed.error_count) == (4, 1)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    parsed = parse(tmp_path, "\ufeff" + json.dumps(line("0704.0001")), "\ufeff" + json.dumps(line("0704.0002")))
    assert (parsed.kept_count, parsed.error_count) == (2, 0)


def test_a_line_is_numbered_also_where_its_identifier_stands_twice(tmp_path: Path) -> None:
    parsed = parse(tmp_path, line("0704.0001"), line("0704.0001", "soon"))
    assert [number for number, _ in parsed.input_errors] == [2]


def test_control_characters_are_not_stored(tmp_path: Path) -> None:
    evil = "\x1b]0;x\x07\x0b\x7f\x9b\u202e\u2066"
    texts = dict.fromkeys(("title", "abstract", "authors", "comments", "journal-ref", "doi"), f"A{evil}B")
    row = kept_rows(parse(tmp_path, {**line("0704.0001"), **texts}))[0]
    stored = "".join(str(row[name]) for name in ("title", "abstract", "authors", "comments", "journal_ref", "doi"))
    assert stored.isprintable() and stored.isascii()


@pytest.mark.journey
def test_of_thousands_of_broken_records_none_stops_a_block(tmp_path: Path) -> None:
    originals = [line("0704.0001"), line("math/0611800"), dated_line(2018, 1, 5, 3)]
    rng = random.Random(5)
    good = json.dumps(line("0704.0009")).encode()
    for _ in range(300):
        lines = [mutate_json(rng, rng.choice(originals)).replace(b"\n", b" ") for _ in range(20)]
        parsed = parse_block(b"\n".join([*lines, good]), EVERYTHING, tmp_path / "batch.arrow")
        assert parsed.line_count == 21
        assert kept_rows(parsed)[-1]["id"] or parsed.kept_count
        assert "0704.0009" in [row["id"] for row in kept_rows(parsed)]
