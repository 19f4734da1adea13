from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from trendcli.core.types import Request
from trendcli.sources.snapshot import Snapshot
from trendcli.store.store import Store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def scale() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scale", ROOT / "benchmarks" / "scale.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made_up_store(scale: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    """A made-up snapshot of 600 records, and the store of it."""
    from trendcli.core.types import ignore_progress
    from trendcli.sources.harvest import harvest_source

    folder = tmp_path_factory.mktemp("scale")
    path = scale.write_made_up_snapshot(folder / "made.jsonl", 600)
    store = Store.open_or_create(folder / "store")
    done = harvest_source(store, Snapshot(str(path), store.root, ["*"]), [Request(())], ignore_progress, lambda _: None)
    assert (done.upsert_counts.new, done.faults) == (600, [])
    return path, store


def test_a_small_benchmark_counts_as_duckdb_does(
    scale: ModuleType, made_up_store: tuple[Path, Store], tmp_path: Path
) -> None:
    _, store = made_up_store
    _, duckdb_counts = scale.count_with_duckdb([store.file_path(file) for file in store.manifest.files])
    assert scale.count_ten_topics(store.root, tmp_path) == duckdb_counts
    assert sum(duckdb_counts.values()) > 50


def test_samples_and_weeks_hold_what_they_say(
    scale: ModuleType, made_up_store: tuple[Path, Store], tmp_path: Path
) -> None:
    path, _ = made_up_store
    every = path.read_text(encoding="utf-8").splitlines()
    sample = scale.write_sample(path, tmp_path / "sample.jsonl", 100, 600).read_text(encoding="utf-8").splitlines()
    assert len(sample) == 100
    assert set(sample) <= set(every)
    known = {json.loads(line)["id"] for line in every}
    week = scale.write_weekly_update(path, tmp_path / "week.jsonl", 1, 600).read_text(encoding="utf-8")
    records = [json.loads(line) for line in week.splitlines()]
    assert len({record["id"] for record in records}) == len(records) == 180
    assert sum(record["id"] in known for record in records) == 60


def test_what_was_matched_is_read_from_the_log(scale: ModuleType) -> None:
    log = "… matched 15000 submissions with 3 rules\nother\n… matched 20 submissions with 1 rules\n"
    assert scale.count_matched(log) == 15020
    assert scale.format_spread([3.0, 1.0, 2.0]) == "2.00 (1.00–3.00)"
