"""Stores and a live arXiv for the tests of the command line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.arxiv import ArxivStandIn, recent_submission, run_stand_in
from trendcli.store.store import Store


@pytest.fixture
def store(gans: Store, tmp_path: Path) -> Path:
    """A copy of the store of 70 of 1,000 and 100 of 1,600."""
    shutil.copytree(gans.root, tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[ArxivStandIn, dict[str, str]]]:
    """An arXiv of the last 100 days, one submission a day."""
    with run_stand_in(ArxivStandIn([recent_submission(n, 100 - n) for n in range(1, 100)])) as standin:
        yield standin, {**standin.build_environment(), "TREND_STORE": str(tmp_path / "store")}
