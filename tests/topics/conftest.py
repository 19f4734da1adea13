"""Fixtures of the fruit world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.topics.worlds import FRUIT_TOPICS, FRUIT_WORLD
from tests.worlds import fill
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.loader import load_library


@pytest.fixture
def fruit_library(topic_file: Any) -> Library:
    """The fruit topics."""
    return load_library(topic_file(FRUIT_TOPICS).parent)


@pytest.fixture
def fruit_store(tmp_path: Path) -> Store:
    """A store of the fruit world."""
    return fill(tmp_path / "store", FRUIT_WORLD)
