"""What the tests of several sources share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    """A clock that stands at noon unless a test moves it."""
    with time_machine.travel(NOON, tick=False) as coordinates:
        yield coordinates
