"""What digests are built from in tests: the store of `weekly_world`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds import ML
from trendcli.reports.weekly.digest import DigestInput
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Query


@pytest.fixture
def digest_input(read_only_weekly_store: Path, library: Library) -> DigestInput:
    return DigestInput(
        Store.open(read_only_weekly_store), library, Query(topics=library.get_pack("iclr")), ("gan", "rl"), ML
    )
