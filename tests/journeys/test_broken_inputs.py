"""Thousands of broken inputs, made from real ones where they are at hand: each is read, or refused in a sentence."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import pytest

from tests.conftest import SHARED
from tests.standins.mutations import mutate_bytes, mutate_json
from trendcli.core.arxiv import normalize_arxiv_id, parse_arxiv_id
from trendcli.core.errors import UsageError
from trendcli.core.types import Request, ignore_progress
from trendcli.sources.paperlists import Paperlist
from trendcli.sources.snapshot_records import RecordFilter, parse_block, parse_epoch_day, parse_version_date
from trendcli.store.records import read_batch

needs_real_records = pytest.mark.skipif(
    not (SHARED / "data").is_dir(), reason="no real records at hand (../shared/data)"
)


@needs_real_records
def test_of_broken_real_records_none_stops_a_block(tmp_path: Path) -> None:
    paths = sorted((SHARED / "data/kaggle").glob("*.jsonl"))
    records = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    rng = random.Random(17)
    good = json.dumps(records[5]).encode()
    for _ in range(100):
        lines = [mutate_json(rng, rng.choice(records)).replace(b"\n", b" ") for _ in range(20)]
        record_filter = RecordFilter(frozenset(rng.choice([[], ["cs.LG"]])), 0, 1 << 40)
        parsed = parse_block(b"\n".join([*lines, good]), record_filter, tmp_path / "batch.arrow")
        assert parsed.line_count == 21
        assert all(0 < number < 21 for number, _ in parsed.input_errors)
        if not record_filter.categories:
            assert parsed.batch_path and records[5]["id"] in read_batch(parsed.batch_path)["id"].to_pylist()


@needs_real_records
def test_no_broken_real_list_is_a_bug(tmp_path: Path) -> None:
    lists = [json.loads(path.read_bytes()) for path in sorted((SHARED / "data/openreview").glob("*.json"))]
    rng, path = random.Random(18), tmp_path / "list.json"
    for _ in range(400):
        path.write_bytes(mutate_json(rng, rng.sample(rng.choice(lists), 4)))
        with contextlib.suppress(UsageError):
            (batch,) = Paperlist(str(path), "iclr", 2021).iter_batches(Request(()), ignore_progress)
            assert batch.submissions.num_rows  # type: ignore[union-attr]


def test_a_broken_identifier_is_read_the_same_twice_or_refused() -> None:
    written = [b"0704.0001", b"1909.00010", b"math/0611800", b"math.CA/0611800v2", b"http://arxiv.org/abs/1709.03221v1"]
    rng = random.Random(19)
    for _ in range(5000):
        text = mutate_bytes(rng, rng.choice(written)).decode("utf-8", "replace")
        for parse in (parse_arxiv_id, normalize_arxiv_id):
            with contextlib.suppress(ValueError):
                ident, _ = parse(text)
                assert ident.isascii() and parse(ident) == (ident, None)


def test_a_broken_date_is_a_date_of_four_digits_or_refused() -> None:
    rng = random.Random(20)
    for _ in range(5000):
        with contextlib.suppress(ValueError):
            text = mutate_bytes(rng, b"Mon, 2 Apr 2007 19:18:42 GMT").decode("utf-8", "replace")
            assert 315_532_800 <= parse_version_date(text) < 253_402_300_800 + 86_400
        with contextlib.suppress(ValueError):
            assert abs(parse_epoch_day(mutate_bytes(rng, b"2019-03-05").decode("utf-8", "replace"))) < 3_000_000
