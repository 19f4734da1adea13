"""Stores of the corpus on graphs, with and without a full-text index."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.papers.worlds import GRAPH_WORLD
from tests.worlds import coverage_record, fill
from trendcli.core.types import ignore_progress
from trendcli.reports.papers.fulltext import read_index
from trendcli.reports.papers.fulltext_build import build_index
from trendcli.store.store import Store


@pytest.fixture
def graph_store(tmp_path: Path) -> Store:
    """The store of GRAPH_WORLD, without an index."""
    return fill(tmp_path / "store", GRAPH_WORLD, [coverage_record(["cs.LG", "cs.CL"])])


@pytest.fixture(params=["scan", "index"])
def searched_store(request: pytest.FixtureRequest, graph_store: Store) -> Store:
    """The store of GRAPH_WORLD, searched in both ways."""
    if request.param == "index":
        build_index(graph_store, ignore_progress)
        assert read_index(graph_store).file_keys == {data_file.file_id for data_file in graph_store.manifest.files}
    return graph_store
