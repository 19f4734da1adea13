"""Fixtures of all tests: no network, a small synthetic arXiv, and the real records where they are at hand."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the tests have the cores already, and it is read with numpy

from tests.standins.arxiv import ArxivStandIn, run_stand_in
from tests.worlds import ML, coverage_record, fill, gan_world, weekly_world
from trendcli.core.settings import config_folder
from trendcli.demo.corpus import SyntheticSubmission, build_corpus
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.loader import load_library

# a shared machine may stop for a moment anywhere
hypothesis_settings.register_profile("trend", deadline=None, max_examples=50)
hypothesis_settings.load_profile("trend")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only the loopback can be reached, and nobody's own settings, store or pace are seen."""
    connect = socket.socket.connect

    def local(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != getattr(socket, "AF_UNIX", None) and host not in ("127.0.0.1", "localhost", "::1"):
            raise AssertionError(f"a test asked for {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local)
    for name in ("STORE", "SETTINGS", "TOPICS", "SCOPE", "ARXIV_URL", "OAI_URL", "CONTACT", "REQUEST_INTERVAL_S"):
        monkeypatch.delenv(f"TREND_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))


@pytest.fixture
def shared() -> Path:
    """The folder of real data; the test is skipped where it is not at hand."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the real records are not at hand (no ../shared/data)")
    return SHARED


@pytest.fixture(scope="session")
def gans(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store of `gan_world`: the case that every output has to get right."""
    return fill(tmp_path_factory.mktemp("gans") / "store", gan_world())


@pytest.fixture(scope="session")
def read_only_weekly_store(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Path:
    """The store of `weekly_world`, covered up to 2019-06-03, whose rule matches are cached already."""
    from trendcli.reports.weekly.digest import DigestInput, build_digest, last_ended_week
    from trendcli.topics.query import Query

    covered = coverage_record(since="2016-01-01", until="2019-06-03", at="2019-07-01")
    store = fill(tmp_path_factory.mktemp("weekly") / "store", weekly_world(), [covered])
    digest_input = DigestInput(store, library, Query(topics=library.get_pack("iclr")), ("gan", "rl"), ML)
    build_digest(digest_input, last_ended_week(date(2019, 6, 3)), date(2019, 7, 1))
    return store.root


@pytest.fixture
def weekly_store(read_only_weekly_store: Path, tmp_path: Path) -> Path:
    """A copy of that store in the folder of a test."""
    return Path(shutil.copytree(read_only_weekly_store, tmp_path / "store"))


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weeks without charts, which take two thirds of the time."""
    monkeypatch.setattr("trendcli.reports.weekly.drawing.draw_week_charts", lambda *_: [])


@pytest.fixture(scope="session")
def library() -> Library:
    """The shipped topics."""
    return load_library(config_folder() / "topics", check_patterns=True)


SMALL = {2018: 250, 2019: 350}


@pytest.fixture(scope="session")
def small_corpus() -> list[SyntheticSubmission]:
    """600 made-up papers."""
    return build_corpus(seed=7, yearly_counts=SMALL)


@pytest.fixture
def standin(small_corpus: list[SyntheticSubmission]) -> Iterator[ArxivStandIn]:
    """A stand-in of arXiv that serves the small corpus."""
    with run_stand_in(ArxivStandIn(small_corpus)) as server:
        yield server


@pytest.fixture
def topic_file(tmp_path: Path) -> Any:
    """Write a topic file into a folder of its own: topic_file('topics: ...') -> its path."""

    def write(text: str, name: str = "own.yaml") -> Path:
        folder = tmp_path / "topics"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
