"""The input of a snapshot: packed, cut, damaged, endless or made to fill the memory."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.standins.mutations import mutate_bytes
from tests.standins.snapshot import line, load_snapshot, write
from trendcli.core.errors import UsageError
from trendcli.sources import snapshot_blocks
from trendcli.sources.snapshot_records import MAX_LINE_BYTES


def packed(path: Path, form: str, chunks: Iterable[bytes]) -> Path:
    """Write a file of some chunks: plain, gz, or zip with one of its methods."""
    if form == "plain":
        with path.open("wb") as plain:
            plain.writelines(chunks)
    elif form == "gz":
        with gzip.open(path, "wb", 1) as stream:
            for chunk in chunks:
                stream.write(chunk)
    else:
        with zipfile.ZipFile(path, "w", getattr(zipfile, form), compresslevel=1) as archive:
            with archive.open("s.json", "w") as member:
                for chunk in chunks:
                    member.write(chunk)
    return path


FORMS = ["plain", "gz", "ZIP_DEFLATED", "ZIP_STORED"]


@pytest.mark.parametrize("form", FORMS)
def test_a_line_that_is_too_long_is_one_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Wherever it begins and ends: within a block, over its end, or over several."""
    monkeypatch.setattr(snapshot_blocks, "BLOCK_BYTES", 1 << 21)
    good = [json.dumps(line(f"0704.{n:04d}")).encode() + b"\n" for n in range(1, 4)]
    for number, size in enumerate((MAX_LINE_BYTES + 1, 2 * MAX_LINE_BYTES, 3 * MAX_LINE_BYTES + 77)):
        long = b"x" * size + b"\n"
        path = packed(tmp_path / f"{number}", form, [good[0], long, good[1], long, good[2]])
        store, result = load_snapshot(tmp_path / f"store{number}", str(path))
        assert result.faults == [f"line {n}: longer than 4 MiB, which no record is" for n in (2, 4)]
        assert store.manifest.submission_count == 3
        assert {record.status for record in result.coverage_records} == {"unknown"}


@pytest.mark.parametrize("form", FORMS)
def test_a_line_as_long_as_allowed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(snapshot_blocks, "BLOCK_BYTES", 1 << 20)
    record = json.dumps(line("0704.0001")).encode()
    long = record[:-1] + b" " * (MAX_LINE_BYTES - 100 - len(record)) + b"}\n"
    store, result = load_snapshot(tmp_path / "store", str(packed(tmp_path / "s", form, [long, long, long])))
    assert not result.faults
    assert store.manifest.submission_count == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_line_that_does_not_end_ends_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(snapshot_blocks, "MAX_SKIPPED_BYTES", 8 << 20)
    good = json.dumps(line("0704.0001")).encode() + b"\n"
    bomb = itertools.repeat(b"x" * (1 << 20), 20)
    path = packed(tmp_path / "s", form, itertools.chain([good], bomb, [b"\n", good]))
    store, result = load_snapshot(tmp_path / "store", str(path))
    assert [fault.split(":")[0] for fault in result.faults] == ["line 2", "after line 2"]
    assert "does not end" in result.faults[1]
    assert store.manifest.submission_count == 1
    with pytest.raises(UsageError, match=r"is not an arXiv snapshot \(line 1: longer than 4 MiB"):
        load_snapshot(tmp_path / "other", str(packed(tmp_path / "b", form, itertools.repeat(b"x" * (1 << 20), 20))))


@pytest.mark.journey
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize("form", ["plain", "gz", "ZIP_DEFLATED"])
def test_a_bomb_takes_neither_time_nor_memory(tmp_path: Path, form: str) -> None:
    """400 MB without a line break; in the program itself, since what counts is the memory of a whole process."""
    path = packed(tmp_path / "bomb", form, itertools.repeat(b"x" * (1 << 20), 400))
    code = (
        "from trendcli.cli import main\n"
        "try: main()\n"
        "finally: print(int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) >> 10)"
    )
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, "--store", tmp_path / "store", "import", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "is not an arXiv snapshot (line 1: longer than 4 MiB" in done.stderr
    assert time.monotonic() - started < 10
    assert int(done.stdout) < 500


def test_a_flood_of_bad_lines_ends_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_blocks, "BLOCK_BYTES", 1 << 20)
    path = write(tmp_path / "s", line("0704.0001"), *["{}"] * 1_000_000, line("0704.0002"))
    store, result = load_snapshot(tmp_path / "store", path)
    assert "more than 50,000 bad lines at once" in result.faults[-1]
    assert len(result.faults) == 22
    assert store.manifest.submission_count == 1


def encrypted_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("s.json", "{}")
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


def unknown_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("s.json", "{}")
    content = bytearray(path.read_bytes())
    content[8] = content[content.index(b"PK\x01\x02") + 10] = 99
    path.write_bytes(content)


def bzip2_zip(path: Path) -> None:
    packed(path, "ZIP_BZIP2", [b"{}"])


@pytest.mark.parametrize(
    ("make", "reason"), [(encrypted_zip, "encrypted"), (unknown_zip, "deflate"), (bzip2_zip, "deflate")]
)
def test_a_zip_file_that_cannot_be_unpacked_is_refused(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    make(tmp_path / "s.zip")
    with pytest.raises(UsageError, match=rf"cannot be unpacked \(.*{reason}.*Nothing was imported.*unzip -p"):
        load_snapshot(tmp_path / "store", str(tmp_path / "s.zip"))


@pytest.mark.parametrize("form", ["gz", "ZIP_DEFLATED", "ZIP_STORED"])
@pytest.mark.journey
def test_no_damage_to_a_packed_file_is_a_bug(tmp_path: Path, form: str) -> None:
    lines = [json.dumps(line(f"0704.{n:04d}")).encode() + b"\n" for n in range(1, 40)]
    whole = packed(tmp_path / "s", form, lines).read_bytes()
    rng = random.Random(3)
    for number in range(40):
        (tmp_path / "s").write_bytes(mutate_bytes(rng, whole))
        with contextlib.suppress(UsageError):
            load_snapshot(tmp_path / f"store{number}", str(tmp_path / "s"))


def test_a_byte_order_mark_at_the_head_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("\ufeff" + json.dumps(line("0704.0001")) + "\n", encoding="utf-8")
    assert not load_snapshot(tmp_path / "store", str(path))[1].faults


@pytest.mark.skipif(os.name != "posix", reason="makes a named pipe")
def test_a_named_pipe_is_a_stream(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = json.dumps(line("0704.0001")).encode() + b"\n"
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(text,))
    writer.start()
    store, _ = load_snapshot(tmp_path / "store", str(tmp_path / "pipe"))
    writer.join()
    assert store.manifest.submission_count == 1
