"""Reports of the store of 70 of 1,000 and 100 of 1,600."""

from __future__ import annotations

import pytest

from tests.reports.helpers import build_report
from trendcli.core.report import Report
from trendcli.store.store import Store
from trendcli.topics.library import Library


@pytest.fixture
def comparison(gans: Store, library: Library) -> Report:
    return build_report("comparison", gans, library, "gan", "rnn")


@pytest.fixture
def quarterly_series(gans: Store, library: Library) -> Report:
    return build_report("series", gans, library, "gan", "rnn", by="quarter")
