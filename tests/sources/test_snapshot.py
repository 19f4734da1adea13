from __future__ import annotations

import gzip
import io
import json
import random
import sys
import zipfile
import zlib
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import fill
from tests.store.test_ingest import rows
from trendcli.core.errors import UsageError
from trendcli.core.periods import parse_period as period
from trendcli.core.types import Request, Window, ignore_progress
from trendcli.sources import snapshot
from trendcli.sources import snapshot_records as records
from trendcli.sources.harvest import HarvestResult, harvest_source
from trendcli.sources.snapshot import Snapshot
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.store import Store


def line(id: str, v1: str = "Mon, 2 Apr 2007 19:18:42 GMT", *more: str, **changes: Any) -> dict[str, Any]:
    """A record as the bulk snapshot writes it."""
    return {
        "id": id, "submitter": "A B", "authors": "A. One and\n  B. Two", "title": "On\n  nothing", "comments": None,
        "journal-ref": None, "doi": None, "report-no": None, "categories": "cs.LG stat.ML", "license": None,
        "abstract": "  We say\nlittle.\n", "versions": [{"version": f"v{n}", "created": day} for n, day in enumerate([v1, *more], 1)],
        "update_date": "2008-11-26", "authors_parsed": [["One", "A.", ""], ["Two", "B.", ""]], **changes,
    }  # fmt: skip


def write(path: Path, *lines: dict[str, Any] | str) -> str:
    path.write_text(
        "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in lines), encoding="utf-8"
    )
    return str(path)


def load(
    root: Path, path: str, *categories: str, window: Window = Window(None, None), **options: Any
) -> tuple[Store, HarvestResult]:
    store = Store.open_or_create(root)
    return store, harvest_source(
        store, Snapshot(path, **options), [Request(categories, window)], ignore_progress, lambda fault: None
    )


def test_what_is_read_of_a_record(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.jsonl",
        line(
            "0704.0010",
            "Mon, 2 Apr 2007 19:18:42 GMT",
            "Tue, 24 Jul 2007 20:10:27 GMT",
            doi="10.1/x",
            comments="v2,\n  withdrawn",
        ),
        line("math/0611800", "Mon, 27 Nov 2006 00:00:00 GMT", categories="math.MP math-ph"),
    )
    store, done = load(tmp_path / "store", path)
    assert done.upsert_counts.new == 2
    columns = "id, version, v1_at::VARCHAR, updated_at::VARCHAR, title, abstract, authors, categories, doi, withdrawn, as_of::VARCHAR"
    assert rows(store, columns) == [
        ("0704.0010", 2, "2007-04-02 19:18:42", "2007-07-24 20:10:27", "On nothing", "We say little.", "A. One and B. Two", "cs.LG stat.ML", "10.1/x", True, "2008-11-26"),
        ("math/0611800", 1, "2006-11-27 00:00:00", "2006-11-27 00:00:00", "On nothing", "We say little.", "A. One and B. Two", "math-ph", None, False, "2008-11-26"),
    ]  # fmt: skip


def test_the_update_date_is_no_submission_date(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", line("0704.0010", update_date="2023-05-05"))
    store, _ = load(tmp_path / "store", path)
    assert store.manifest.files[0].first == date(2007, 4, 2)


def test_the_entry_labelled_v1_counts_not_the_earliest(tmp_path: Path) -> None:
    odd = line("math-ph/0302016", "Fri, 7 Feb 2003 10:00:00 GMT", "Sun, 1 Dec 2002 10:00:00 GMT")
    shuffled = {
        **line("0704.0011"),
        "versions": [
            {"version": "v2", "created": "Tue, 24 Jul 2007 20:10:27 GMT"},
            {"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"},
        ],
    }
    store, _ = load(tmp_path / "store", write(tmp_path / "s.jsonl", odd, shuffled))
    assert rows(store, "id, v1_at::DATE::VARCHAR, version") == [
        ("0704.0011", "2007-04-02", 2),
        ("math-ph/0302016", "2003-02-07", 2),
    ]


@pytest.mark.parametrize("form", ["plain", "gz", "zip", "stdin", "stdin gz"])
def test_plain_compressed_or_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    text = "".join(json.dumps(line(f"0704.{n:04d}")) + "\n" for n in range(1, 400)).encode()
    monkeypatch.setattr(snapshot, "BLOCK_BYTES", 1 << 14)
    path = tmp_path / "s"
    if form == "plain":
        path.write_bytes(text)
    elif form == "gz":
        path.write_bytes(gzip.compress(text))
    elif form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("arxiv-metadata-oai-snapshot.json", text)
    else:
        stream = io.BufferedReader(io.BytesIO(gzip.compress(text) if form == "stdin gz" else text))
        monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": stream}))
        path = Path("-")
    store, done = load(tmp_path / "store", str(path))
    assert done.upsert_counts.new == store.manifest.submission_count == 399
    assert not done.faults


def test_blocks_that_end_anywhere_lose_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line(f"0704.{n:04d}", title="x" * (n % 97)) for n in range(1, 120)]
    lines = [{**item, "title": item["title"] or "y"} for item in lines]
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in lines))  # no line break at the end
    for size in (701, 997, 1500, 4096):
        monkeypatch.setattr(snapshot, "BLOCK_BYTES", size)
        store, _ = load(tmp_path / str(size), str(path))
        assert store.manifest.submission_count == 119


def test_bad_lines_are_numbered_counted_and_the_rest_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [
        '{"id": "0704.0002", "title": ', "not json", json.dumps({"id": "0704.0004"}), json.dumps(line("704.001")),
        json.dumps(line("0704.0006", "soon")), json.dumps({**line("0704.0007"), "versions": []}),
        json.dumps({**line("0704.0008"), "id": 704.0008}), json.dumps(line("0704.0009", categories=" ")),
    ]  # fmt: skip
    path = write(tmp_path / "s.jsonl", line("0704.0001"), *bad, "", line("0704.0010"), line("0704.0011"))
    for size in (1 << 20, 700):
        monkeypatch.setattr(snapshot, "BLOCK_BYTES", size)
        store, done = load(tmp_path / str(size), path, complete_categories=[ALL_CATEGORIES])
        assert sorted(int(fault.split(":")[0].removeprefix("line ")) for fault in done.faults) == [
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            9,
        ]
        assert [row[0] for row in rows(store)] == ["0704.0001", "0704.0010", "0704.0011"]
        assert not done.is_complete
        # nobody knows what was lost, so the file vouches for nothing
        assert {answer.status for answer in done.coverage_records} == {"unknown"}


def test_a_file_that_is_no_snapshot(tmp_path: Path) -> None:
    path = write(tmp_path / "s.txt", "Once upon a time", "there was a file")
    with pytest.raises(UsageError, match=r"is no arXiv snapshot \(line 1: .*Nothing was imported"):
        load(tmp_path / "store", path)
    with pytest.raises(UsageError, match="Cannot read .*: No such file"):
        load(tmp_path / "store", str(tmp_path / "none"))
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(UsageError, match="is no whole zip file"):
        load(tmp_path / "store", str(tmp_path / "cut.zip"))
    assert not (tmp_path / "store" / "manifest.json").exists()


def test_a_truncated_gzip_keeps_what_came_before_the_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "BLOCK_BYTES", 1 << 12)
    rng = random.Random(1)
    text = "".join(json.dumps(line(f"0704.{n:04d}", abstract=str(rng.random()))) + "\n" for n in range(1, 900)).encode()
    path = tmp_path / "s.gz"
    path.write_bytes(gzip.compress(text)[:-5000])
    store, done = load(tmp_path / "store", str(path), complete_categories=[ALL_CATEGORIES])
    assert 100 < store.manifest.submission_count < 899
    assert len(done.faults) in (1, 2) and "the input is cut or damaged here" in done.faults[-1]
    assert {answer.status for answer in done.coverage_records} == {"unknown"}


def dated(year: int, month: int, day: int, number: int, **changes: Any) -> dict[str, Any]:
    at = datetime(year, month, day, 12, tzinfo=UTC)
    changes = {"update_date": str(date(year, month, day)), **changes}
    return line(f"{year % 100:02d}{month:02d}.{number:05d}", format_datetime(at, usegmt=True), **changes)


def months(year: int, first: int, last: int, gap: int = 0, each: int = 120) -> list[dict[str, Any]]:
    return [dated(year, m, n % 28 + 1, n) for m in range(first, last + 1) for n in range(1, each) if not gap or n % gap]


def test_dense_months_vouch_for_themselves(tmp_path: Path) -> None:
    lines = [*months(2018, 1, 4), dated(2018, 5, 2, 1), dated(2018, 5, 3, 2), dated(2018, 5, 4, 3)]
    store, done = load(tmp_path / "store", write(tmp_path / "s.jsonl", *lines))
    spans = [(a.categories, a.since, a.until, a.status) for a in done.coverage_records]
    assert spans == [
        ((ALL_CATEGORIES,), date(2018, 1, 1), date(2018, 5, 4), "unknown"),
        ((ALL_CATEGORIES,), date(2018, 1, 1), date(2018, 5, 4), "complete"),
    ]
    coverage = store.build_coverage()
    assert coverage.status(period("2018-03"), ["cs.LG"]).status == "complete"
    assert coverage.status(period("2018-04"), ["cs.LG"]).status == "provisional"
    assert coverage.data_as_of(["cs.LG"]).isoformat() == "2018-05-04T00:00:00+00:00"  # type: ignore[union-attr]


def test_sparse_months_and_those_before_them_stay_unknown(tmp_path: Path) -> None:
    lines = [*months(2018, 1, 2), *months(2018, 3, 3, gap=10), *months(2018, 4, 6)]
    store, done = load(tmp_path / "store", write(tmp_path / "s.jsonl", *lines))
    spans = [(a.since, a.until) for a in done.coverage_records if a.status == "complete"]
    # submissions of February may have been announced in March, whose ids have holes
    assert spans == [(date(2018, 1, 1), date(2018, 2, 1)), (date(2018, 4, 1), date(2018, 6, 28))]
    assert store.build_coverage().status(period("2018-02"), ["cs.LG"]).status == "unknown"


def test_a_file_cut_short_does_not_vouch_for_its_last_month(tmp_path: Path) -> None:
    lines = months(2007, 4, 5)
    lines[0]["update_date"] = "2020-01-01"  # the snapshot was made years later, so months are missing at the end
    _, done = load(tmp_path / "store", write(tmp_path / "s.jsonl", *lines))
    assert [(a.since, a.until) for a in done.coverage_records if a.status == "complete"] == [
        (date(2007, 4, 1), date(2007, 5, 1))
    ]


def test_said_to_be_complete(tmp_path: Path) -> None:
    lines = [dated(2018, 1, 5, 7), dated(2018, 3, 5, 9), dated(2019, 3, 5, 8, update_date="2019-06-01")]
    path = write(tmp_path / "s.jsonl", *lines)
    _, done = load(tmp_path / "a", path, complete_categories=[ALL_CATEGORIES])
    assert (done.coverage_records[1].categories, done.coverage_records[1].since, done.coverage_records[1].until) == (
        (ALL_CATEGORIES,),
        date(2018, 1, 5),
        date(2019, 6, 1),
    )
    store, done = load(
        tmp_path / "b",
        path,
        "cs.LG",
        window=Window(date(2018, 2, 1), date(2019, 1, 1)),
        complete_categories=["cs.LG", "cs.CL"],
    )
    assert store.manifest.submission_count == 1
    assert [(a.categories, a.since, a.until, a.status) for a in done.coverage_records] == [
        (("cs.LG",), date(2018, 2, 1), date(2018, 3, 6), "unknown"),
        (("cs.LG",), date(2018, 2, 1), date(2019, 1, 1), "complete"),
    ]


def test_a_part_of_a_whole_file_is_covered_from_where_the_file_begins(tmp_path: Path) -> None:
    lines = [dated(2018, 1, 1, 1), dated(2018, 2, 5, 7, categories="cs.CL"), dated(2018, 3, 5, 9)]
    path = write(tmp_path / "s.jsonl", *lines)
    _, done = load(tmp_path / "a", path, "cs.CL", complete_categories=[ALL_CATEGORIES])
    assert [a.since for a in done.coverage_records if a.status == "complete"] == [
        date(2018, 1, 1)
    ]  # not its first cs.CL


def test_a_file_that_does_not_say_what_it_covers_ends_with_its_last_submission(tmp_path: Path) -> None:
    """Metadata is changed years later; that says nothing about submissions of those years."""
    path = write(tmp_path / "s.jsonl", dated(2018, 1, 5, 7), dated(2018, 3, 5, 9, update_date="2024-06-01"))
    store, done = load(tmp_path / "a", path)
    assert [(a.since, a.until, a.status) for a in done.coverage_records] == [
        (date(2018, 1, 1), date(2018, 3, 6), "unknown")
    ]
    moment = store.build_coverage().data_as_of(["cs.LG"])
    assert moment is not None and moment.date() == date(2018, 3, 6)


def test_an_empty_file_and_a_zip_of_two(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(UsageError, match="is empty. Nothing was imported"):
        load(tmp_path / "a", str(tmp_path / "empty.jsonl"))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.json", "{}")
        archive.writestr("b.json", "{}")
    with pytest.raises(UsageError, match="holds 2 files"):
        load(tmp_path / "a", str(tmp_path / "two.zip"))


def test_what_can_be_read_of_a_damaged_archive_is_kept(tmp_path: Path) -> None:
    text = "".join(f"{json.dumps(item)}\n" for item in months(2018, 1, 2, each=2000)).encode()
    packed = gzip.compress(text)
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) * 2 // 3])
    readable = zlib.decompressobj(31).decompress(packed[: len(packed) * 2 // 3]).count(b"\n")
    store, done = load(tmp_path / "a", str(tmp_path / "cut.gz"))
    assert 0.9 * readable <= store.manifest.submission_count <= readable and store.manifest.submission_count > 50
    assert "cut or damaged here" in done.faults[0]


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *months(2018, 1, 2))
    store, _ = load(tmp_path / "store", path)
    before = store.manifest
    store, done = load(tmp_path / "store", path)
    assert (done.upsert_counts.new, done.upsert_counts.repeated) == (0, 238)
    assert store.manifest == before


def test_a_shuffled_file_gives_the_same_rows(tmp_path: Path) -> None:
    lines = [*months(2018, 1, 3), line("math/0611800", "Mon, 27 Nov 2006 00:00:00 GMT"), dated(2018, 1, 9, 5)]
    shuffled = lines[:]
    random.Random(3).shuffle(shuffled)
    columns = "id, version, v1_at, title, categories, row_hash"
    one, _ = load(tmp_path / "one", write(tmp_path / "1.jsonl", *lines))
    two, _ = load(tmp_path / "two", write(tmp_path / "2.jsonl", *shuffled))
    assert rows(one, columns) == rows(two, columns)
    assert one.manifest.submission_count == 119 * 3 + 1  # one id stands twice


def test_an_import_joins_what_is_stored(tmp_path: Path) -> None:
    from tests.conftest import paper

    store = fill(
        tmp_path / "store",
        [paper("1801.00001", "2018-01-02", version=9, title="Newer"), paper("1801.99999", "2018-01-02")],
    )
    store, done = load(tmp_path / "store", write(tmp_path / "s.jsonl", *months(2018, 1, 2)))
    assert (done.upsert_counts.new, done.upsert_counts.repeated) == (237, 1)
    assert ("1801.00001", 9, "Newer", "2018-01-02") in rows(store)
    assert {item.kind for item in store.manifest.files} == {"month"}  # so much at once is folded in


@given(st.datetimes(datetime(1991, 1, 1), datetime(2090, 1, 1)))
def test_both_spellings_of_a_date(at: datetime) -> None:
    moment = at.replace(microsecond=0, tzinfo=UTC)
    padded = format_datetime(moment, usegmt=True)
    assert records.parse_version_date(padded) == int(moment.timestamp())
    head, day, tail = padded[:5], padded[5:7], padded[7:]
    assert records.parse_version_date(f"{head}{int(day)}{tail}") == int(moment.timestamp())


def test_the_real_lines(shared: Path, tmp_path: Path) -> None:
    for name, dated_before in (("snapshot_2007_first1000.jsonl", 0), ("snapshot_2019_cs_1000.jsonl", 0)):
        path = shared / "data/kaggle" / name
        store, done = load(tmp_path / name, str(path))
        assert done.upsert_counts.new == store.manifest.submission_count == 1000 - dated_before
        assert not done.faults
        assert {answer.status for answer in done.coverage_records} == {"unknown"}
        raw = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
        versions = {item["id"]: len(item["versions"]) for item in raw}
        assert {row[0]: row[1] for row in rows(store)} == versions
