"""Worlds that a reader can compute by hand, a small made-up arXiv, and the real records where they are at hand."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the tests have the cores already, and it is read with numpy

from trendcli.core.settings import config_folder
from trendcli.core.types import CoverageRecord, Scope, Submission
from trendcli.demo import corpus
from trendcli.demo.server import ArxivStandIn, run_stand_in
from trendcli.store import ingest
from trendcli.store import records as parts
from trendcli.store.store import Store
from trendcli.topics import loader as topic_files
from trendcli.topics.library import Library

# a shared machine may stop for a moment anywhere
hypothesis_settings.register_profile("trend", deadline=None, max_examples=50)
hypothesis_settings.load_profile("trend")

SHARED = Path(__file__).resolve().parents[2] / "shared"
ML = Scope("ml", tuple("cs.LG stat.ML cs.AI cs.CL cs.CV cs.NE cs.RO cs.IR cs.MA eess.AS eess.IV".split()))


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


def seconds(text: str) -> int:
    """A UTC moment such as '2019-03-05' or '2019-03-05T12:00' in seconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def days(text: str) -> int:
    """A date in days since 1970."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def paper(id: str, v1: str, title: str = "On nothing", abstract: str = "We say little.", **changes: Any) -> Submission:
    """A Submission with everything that a test does not care about filled in."""
    values: dict[str, Any] = {
        "version": 1,
        "v1_at": seconds(v1),
        "updated_at": seconds(v1),
        "authors": "Ada Abel, Bo Brandt",
        "categories": "cs.LG",
        "comments": None,
        "journal_ref": None,
        "doi": None,
        "as_of": days("2020-06-01"),
    }
    return parts.build_submission(id=id, title=title, abstract=abstract, **{**values, **changes})


def answer(
    categories: Sequence[str] = ("cs.LG",),
    since: str = "2018-01-01",
    until: str = "2020-01-01",
    at: str = "2020-06-01",
    status: str = "complete",
    **changes: Any,
) -> CoverageRecord:
    """A line of the ledger."""
    values: dict[str, Any] = {"source": "test", "expected": 1, "received": 1, "query": "", "version": "made by hand"}
    return CoverageRecord(
        categories=tuple(categories),
        since=date.fromisoformat(since),
        until=date.fromisoformat(until),
        answered_at=datetime.fromisoformat(at).replace(tzinfo=UTC),
        status=status,
        **{**values, **changes},
    )


def fill(root: Path, papers: Sequence[Submission], answers: Sequence[CoverageRecord] = (), **options: Any) -> Store:
    """A store at `root` with these submissions and answers added, as one commit."""
    store = Store.open_or_create(root, **options)
    table = parts.build_batch_table(papers, "test", datetime(2020, 6, 1, tzinfo=UTC))
    with store.write_lock():
        ingest.upsert_batches(store, [table] if papers else [], list(answers) or [answer()])
    return store


def mutated(body: bytes, rng: random.Random) -> bytes:
    """A page with some of its bytes changed, cut out, doubled or torn off."""
    text = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(text)), rng.randint(1, 40)
        kind = rng.randrange(5)
        if kind == 0:
            text[at] = rng.randrange(256)
        elif kind == 1:
            del text[at : at + length]
        elif kind == 2:
            text[at:at] = text[at : at + length]
        elif kind == 3:
            del text[at:]
            if not text:
                return b""
        else:
            text[at:at] = rng.choice(
                [b"<", b"&", b"]]>", b"</record>", b"<version/>", b"\x00", b"\xff", b"<date>x</date>"]
            )
    return bytes(text)


def gan_world() -> list[Submission]:
    """70 of 1,000 submissions in 2018 and 100 of 1,600 in 2019 are about GANs; the rest about nothing."""
    papers = []
    for year, base, gans in ((2018, 1000, 70), (2019, 1600, 100)):
        for number in range(base):
            title = "Generative adversarial networks at work" if number < gans else "On nothing"
            day = f"{year}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
            papers.append(paper(f"{year % 100}{number % 12 + 1:02d}.{number:05d}", day, title))
    return papers


@pytest.fixture(scope="session")
def gans(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store of `gan_world`: the case that every output has to get right."""
    return fill(tmp_path_factory.mktemp("gans") / "store", gan_world())


@pytest.fixture(scope="session")
def library() -> Library:
    """The shipped topics."""
    return topic_files.load_library(config_folder() / "topics", check_patterns=True)


SMALL = {2018: 250, 2019: 350}


@pytest.fixture(scope="session")
def small_corpus() -> list[corpus.SyntheticSubmission]:
    """600 made-up papers."""
    return corpus.build_corpus(seed=7, yearly_counts=SMALL)


@pytest.fixture
def standin(small_corpus: list[corpus.SyntheticSubmission]) -> Iterator[ArxivStandIn]:
    """A stand-in of arXiv that serves the small corpus."""
    with run_stand_in(ArxivStandIn(small_corpus)) as running:
        yield running


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
