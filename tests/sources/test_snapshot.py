"""The bulk snapshot as a source: forms of the file, damage, and what a file covers."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
import time
import zipfile
import zlib
from datetime import date
from pathlib import Path

import pytest

from tests.standins.snapshot import dated_line, line, load_snapshot, months, write
from tests.worlds import fill, live_rows, paper
from trendcli.core.errors import UsageError
from trendcli.core.periods import parse_period
from trendcli.core.types import Window
from trendcli.sources import snapshot_blocks
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.store import Store

HASHES_OF_VERSION_0_2 = [5832798976934721802, 9147504457287064693, 3808334202066224327]


def test_a_record_is_stored_with_its_fields(tmp_path: Path) -> None:
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
    store, result = load_snapshot(tmp_path / "store", path)
    assert result.upsert_counts.new == 2
    columns = "id, version, v1_at::VARCHAR, updated_at::VARCHAR, title, abstract, authors, categories, doi, withdrawn, as_of::VARCHAR"
    assert live_rows(store, columns) == [
        ("0704.0010", 2, "2007-04-02 19:18:42", "2007-07-24 20:10:27", "On nothing", "We say little.", "A. One and B. Two", "cs.LG stat.ML", "10.1/x", True, "2008-11-26"),
        ("math/0611800", 1, "2006-11-27 00:00:00", "2006-11-27 00:00:00", "On nothing", "We say little.", "A. One and B. Two", "math-ph", None, False, "2008-11-26"),
    ]  # fmt: skip


def test_the_update_date_is_not_a_submission_date(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", line("0704.0010", update_date="2023-05-05"))
    store, _ = load_snapshot(tmp_path / "store", path)
    assert store.manifest.files[0].first == date(2007, 4, 2)


@pytest.mark.parametrize("form", ["plain", "gz", "zip", "stdin", "stdin gz"])
def test_a_file_may_be_plain_compressed_or_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    text = "".join(json.dumps(line(f"0704.{n:04d}")) + "\n" for n in range(1, 400)).encode()
    monkeypatch.setattr(snapshot_blocks, "BLOCK_BYTES", 1 << 14)
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
    store, result = load_snapshot(tmp_path / "store", str(path))
    assert result.upsert_counts.new == store.manifest.submission_count == 399
    assert not result.faults


def test_no_line_is_lost_wherever_blocks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line(f"0704.{n:04d}", title="x" * (n % 97)) for n in range(1, 120)]
    lines = [{**item, "title": item["title"] or "y"} for item in lines]
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in lines))  # no line break at the end
    for size in (701, 997, 1500, 4096):
        monkeypatch.setattr(snapshot_blocks, "BLOCK_BYTES", size)
        store, _ = load_snapshot(tmp_path / str(size), str(path))
        assert store.manifest.submission_count == 119


def test_bad_lines_are_reported_by_number_and_the_rest_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [
        '{"id": "0704.0002", "title": ', "not json", json.dumps({"id": "0704.0004"}), json.dumps(line("704.001")),
        json.dumps(line("0704.0006", "soon")), json.dumps({**line("0704.0007"), "versions": []}),
        json.dumps({**line("0704.0008"), "id": 704.0008}), json.dumps(line("0704.0009", categories=" ")),
    ]  # fmt: skip
    path = write(tmp_path / "s.jsonl", line("0704.0001"), *bad, "", line("0704.0010"), line("0704.0011"))
    for size in (1 << 20, 700):
        monkeypatch.setattr(snapshot_blocks, "BLOCK_BYTES", size)
        store, result = load_snapshot(tmp_path / str(size), path, complete_categories=[ALL_CATEGORIES])
        assert sorted(int(fault.split(":")[0].removeprefix("line ")) for fault in result.faults) == [
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            9,
        ]
        assert [row[0] for row in live_rows(store)] == ["0704.0001", "0704.0010", "0704.0011"]
        assert not result.is_complete
        # nobody knows what was lost, so nothing is complete
        assert {record.status for record in result.coverage_records} == {"unknown"}


def test_a_file_that_is_not_a_snapshot_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s.txt", "Once upon a time", "there was a file")
    with pytest.raises(UsageError, match=r"is not an arXiv snapshot \(line 1: .*Nothing was imported"):
        load_snapshot(tmp_path / "store", path)
    with pytest.raises(UsageError, match="Cannot read .*: No such file"):
        load_snapshot(tmp_path / "store", str(tmp_path / "none"))
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(UsageError, match="is not a valid zip file"):
        load_snapshot(tmp_path / "store", str(tmp_path / "cut.zip"))
    assert not (tmp_path / "store" / "manifest.json").exists()


def test_of_a_truncated_gzip_the_lines_before_the_cut_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_blocks, "BLOCK_BYTES", 1 << 12)
    rng = random.Random(1)
    text = "".join(json.dumps(line(f"0704.{n:04d}", abstract=str(rng.random()))) + "\n" for n in range(1, 900)).encode()
    path = tmp_path / "s.gz"
    path.write_bytes(gzip.compress(text)[:-5000])
    store, result = load_snapshot(tmp_path / "store", str(path), complete_categories=[ALL_CATEGORIES])
    assert 100 < store.manifest.submission_count < 899
    assert len(result.faults) in (1, 2) and "the input is truncated or damaged here" in result.faults[-1]
    assert {record.status for record in result.coverage_records} == {"unknown"}


def test_blank_lines_only_are_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"\n" * 10)
    with pytest.raises(UsageError, match="is empty"):
        load_snapshot(tmp_path / "store", str(tmp_path / "s"))


def test_the_batches_are_staged_in_the_store_and_nothing_is_left(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", line("0704.0001"))
    load_snapshot(tmp_path / "store", path)
    killed = tmp_path / "store" / "staging" / "import-77-0123456789abcdef"
    killed.mkdir(parents=True)
    (killed / "0.arrow").write_bytes(b"x")
    load_snapshot(tmp_path / "store", path)
    assert not killed.parent.exists()


@pytest.mark.journey
@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_import_leaves_nothing_for_good(tmp_path: Path) -> None:
    store, staging = tmp_path / "store", tmp_path / "store" / "staging"
    command = [sys.executable, "-m", "trendcli", "--store", store, "import", "-"]
    killed = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)})
    deadline = time.monotonic() + 60
    while not list(staging.glob("import-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    assert len(list(staging.iterdir())) == 1
    text = json.dumps(line("0704.0001")).encode() + b"\n"
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not staging.exists()
    # multiprocessing keeps an empty socket in a folder of its own
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("pymp-")] == ["store"]
    assert Store.open(store).manifest.submission_count == 1


def test_what_was_stored_before_is_read_again_as_repeats(tmp_path: Path) -> None:
    """The hash of a text without control characters is that of earlier versions, byte for byte."""
    texts = ["Über $\\alpha$-Divergenz:\n  Schr\\\"odinger's", "日本 -- x ``y''", "plain~text  {with} all"]
    hashes = [paper(f"1801.{n:05d}", "2018-01-05", text, text, doi="10.1/x").row_hash for n, text in enumerate(texts)]
    assert hashes == HASHES_OF_VERSION_0_2
    assert paper("1801.00000", "2018-01-05", f"\x1b{texts[0]}", f"{texts[0]}\x07").row_hash == hashes[0]


def test_months_with_dense_identifiers_are_complete(tmp_path: Path) -> None:
    lines = [*months(2018, 1, 4), dated_line(2018, 5, 2, 1), dated_line(2018, 5, 3, 2), dated_line(2018, 5, 4, 3)]
    store, result = load_snapshot(tmp_path / "store", write(tmp_path / "s.jsonl", *lines))
    spans = [(record.categories, record.since, record.until, record.status) for record in result.coverage_records]
    assert spans == [
        ((ALL_CATEGORIES,), date(2018, 1, 1), date(2018, 5, 4), "unknown"),
        ((ALL_CATEGORIES,), date(2018, 1, 1), date(2018, 5, 4), "complete"),
    ]
    coverage = store.build_coverage()
    assert coverage.status(parse_period("2018-03"), ["cs.LG"]).status == "complete"
    assert coverage.status(parse_period("2018-04"), ["cs.LG"]).status == "provisional"
    assert coverage.data_as_of(["cs.LG"]).isoformat() == "2018-05-04T00:00:00+00:00"  # type: ignore[union-attr]


def test_sparse_months_and_those_before_them_are_unknown(tmp_path: Path) -> None:
    lines = [*months(2018, 1, 2), *months(2018, 3, 3, gap=10), *months(2018, 4, 6)]
    store, result = load_snapshot(tmp_path / "store", write(tmp_path / "s.jsonl", *lines))
    spans = [(record.since, record.until) for record in result.coverage_records if record.status == "complete"]
    # submissions of February may have been announced in March, whose identifiers have gaps
    assert spans == [(date(2018, 1, 1), date(2018, 2, 1)), (date(2018, 4, 1), date(2018, 6, 28))]
    assert store.build_coverage().status(parse_period("2018-02"), ["cs.LG"]).status == "unknown"


def test_the_last_month_of_a_truncated_file_is_not_complete(tmp_path: Path) -> None:
    lines = months(2007, 4, 5)
    lines[0]["update_date"] = "2020-01-01"  # the snapshot was made years later, so months are missing at the end
    _, result = load_snapshot(tmp_path / "store", write(tmp_path / "s.jsonl", *lines))
    assert [(record.since, record.until) for record in result.coverage_records if record.status == "complete"] == [
        (date(2007, 4, 1), date(2007, 5, 1))
    ]


def test_a_file_may_be_declared_complete_for_some_categories(tmp_path: Path) -> None:
    lines = [dated_line(2018, 1, 5, 7), dated_line(2018, 3, 5, 9), dated_line(2019, 3, 5, 8, update_date="2019-06-01")]
    path = write(tmp_path / "s.jsonl", *lines)
    _, result = load_snapshot(tmp_path / "a", path, complete_categories=[ALL_CATEGORIES])
    assert (
        result.coverage_records[1].categories,
        result.coverage_records[1].since,
        result.coverage_records[1].until,
    ) == (
        (ALL_CATEGORIES,),
        date(2018, 1, 5),
        date(2019, 6, 1),
    )
    store, result = load_snapshot(
        tmp_path / "b",
        path,
        "cs.LG",
        window=Window(date(2018, 2, 1), date(2019, 1, 1)),
        complete_categories=["cs.LG", "cs.CL"],
    )
    assert store.manifest.submission_count == 1
    assert [(record.categories, record.since, record.until, record.status) for record in result.coverage_records] == [
        (("cs.LG",), date(2018, 2, 1), date(2018, 3, 6), "unknown"),
        (("cs.LG",), date(2018, 2, 1), date(2019, 1, 1), "complete"),
    ]


def test_a_category_of_a_complete_file_is_covered_from_the_beginning_of_the_file(tmp_path: Path) -> None:
    lines = [dated_line(2018, 1, 1, 1), dated_line(2018, 2, 5, 7, categories="cs.CL"), dated_line(2018, 3, 5, 9)]
    path = write(tmp_path / "s.jsonl", *lines)
    _, result = load_snapshot(tmp_path / "a", path, "cs.CL", complete_categories=[ALL_CATEGORIES])
    assert [record.since for record in result.coverage_records if record.status == "complete"] == [
        date(2018, 1, 1)
    ]  # not its first cs.CL


def test_a_file_of_unknown_coverage_ends_with_its_last_submission(tmp_path: Path) -> None:
    """Metadata may change years later, which says nothing about submissions of those years."""
    path = write(tmp_path / "s.jsonl", dated_line(2018, 1, 5, 7), dated_line(2018, 3, 5, 9, update_date="2024-06-01"))
    store, result = load_snapshot(tmp_path / "a", path)
    assert [(record.since, record.until, record.status) for record in result.coverage_records] == [
        (date(2018, 1, 1), date(2018, 3, 6), "unknown")
    ]
    moment = store.build_coverage().data_as_of(["cs.LG"])
    assert moment is not None and moment.date() == date(2018, 3, 6)


def test_an_empty_file_and_a_zip_of_two_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(UsageError, match="is empty. Nothing was imported"):
        load_snapshot(tmp_path / "a", str(tmp_path / "empty.jsonl"))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.json", "{}")
        archive.writestr("b.json", "{}")
    with pytest.raises(UsageError, match="contains 2 files"):
        load_snapshot(tmp_path / "a", str(tmp_path / "two.zip"))


def test_the_readable_part_of_a_damaged_archive_is_kept(tmp_path: Path) -> None:
    text = "".join(f"{json.dumps(item)}\n" for item in months(2018, 1, 2, each=2000)).encode()
    packed = gzip.compress(text)
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) * 2 // 3])
    readable = zlib.decompressobj(31).decompress(packed[: len(packed) * 2 // 3]).count(b"\n")
    store, result = load_snapshot(tmp_path / "a", str(tmp_path / "cut.gz"))
    assert 0.9 * readable <= store.manifest.submission_count <= readable and store.manifest.submission_count > 50
    assert "truncated or damaged here" in result.faults[0]


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *months(2018, 1, 2))
    store, _ = load_snapshot(tmp_path / "store", path)
    before = store.manifest
    store, result = load_snapshot(tmp_path / "store", path)
    assert (result.upsert_counts.new, result.upsert_counts.repeated) == (0, 238)
    assert store.manifest == before


def test_the_order_of_lines_does_not_matter(tmp_path: Path) -> None:
    lines = [*months(2018, 1, 3), line("math/0611800", "Mon, 27 Nov 2006 00:00:00 GMT"), dated_line(2018, 1, 9, 5)]
    shuffled = lines[:]
    random.Random(3).shuffle(shuffled)
    columns = "id, version, v1_at, title, categories, row_hash"
    one, _ = load_snapshot(tmp_path / "one", write(tmp_path / "1.jsonl", *lines))
    two, _ = load_snapshot(tmp_path / "two", write(tmp_path / "2.jsonl", *shuffled))
    assert live_rows(one, columns) == live_rows(two, columns)
    assert one.manifest.submission_count == 119 * 3 + 1  # one id stands twice


def test_an_import_adds_to_what_is_stored(tmp_path: Path) -> None:
    store = fill(
        tmp_path / "store",
        [paper("1801.00001", "2018-01-02", version=9, title="Newer"), paper("1801.99999", "2018-01-02")],
    )
    store, result = load_snapshot(tmp_path / "store", write(tmp_path / "s.jsonl", *months(2018, 1, 2)))
    assert (result.upsert_counts.new, result.upsert_counts.repeated) == (237, 1)
    assert ("1801.00001", 9, "Newer", "2018-01-02") in live_rows(store)
    assert {item.kind for item in store.manifest.files} == {"month"}  # so much at once is compacted


@pytest.mark.journey
def test_real_records_are_read_completely(shared: Path, tmp_path: Path) -> None:
    for name in ("snapshot_2007_first1000.jsonl", "snapshot_2019_cs_1000.jsonl"):
        path = shared / "data/kaggle" / name
        store, result = load_snapshot(tmp_path / name, str(path))
        assert result.upsert_counts.new == store.manifest.submission_count == 1000
        assert not result.faults
        assert {record.status for record in result.coverage_records} == {"unknown"}
        records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        versions = {record["id"]: len(record["versions"]) for record in records}
        assert {row[0]: row[1] for row in live_rows(store)} == versions
