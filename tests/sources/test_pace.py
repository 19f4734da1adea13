from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trendcli.core.errors import SourceUnreachable
from trendcli.sources.http import MAX_WAIT_S, Pace, site_of_url

ARXIV = "https://export.arxiv.org/api/query?x"


@pytest.mark.parametrize(
    ("url", "site"),
    [
        (ARXIV, "arxiv.org"),
        ("https://oaipmh.arxiv.org/oai", "arxiv.org"),
        ("https://arxiv.org/stats", "arxiv.org"),
        ("http://127.0.0.1:8080/oai", "127.0.0.1:8080"),
        ("http://localhost:80/", "localhost:80"),
    ],
)
def test_all_of_arxiv_is_one_site(url: str, site: str) -> None:
    assert site_of_url(url) == site


def test_a_turn_waits_for_what_another_process_did(tmp_path: Path) -> None:
    """Two processes and two interfaces: every pair of requests is an interval apart, by the clock of the machine."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom trendcli.sources.http import Pace\n"
        f"pace = Pace(Path({str(tmp_path)!r}), 0.2)\n"
        "for _ in range(4):\n"
        "    with pace.take_turn(sys.argv[1]):\n"
        "        print(time.time()); time.sleep(0.03); print(time.time(), flush=True)\n"
    )
    words = [sys.executable, "-c", code]
    both = [
        subprocess.Popen([*words, url], stdout=subprocess.PIPE, text=True)
        for url in (ARXIV, "https://oaipmh.arxiv.org/oai")
    ]
    turns = sorted(
        (float(start), float(stop))
        for process in both
        for lines in [process.communicate(timeout=30)[0].split()]
        for start, stop in zip(lines[::2], lines[1::2], strict=True)
    )
    assert len(turns) == 8
    assert all(later[0] - earlier[1] >= 0.199 for earlier, later in zip(turns, turns[1:], strict=False))


def test_a_hold_lasts_for_every_process(tmp_path: Path) -> None:
    with Pace(tmp_path, 0.0).take_turn(ARXIV):
        Pace(tmp_path, 0.0).hold_site(ARXIV, 120.0)
    waits: list[float] = []
    with Pace(tmp_path, 3.0, waits.append).take_turn(ARXIV):
        pass
    assert waits == [pytest.approx(120.0, abs=2)]
    with Pace(tmp_path, 3.0, waits.append).take_turn(ARXIV):  # it was waited for once
        pass
    assert waits[1:] == [pytest.approx(3.0, abs=0.5)]


def test_nothing_is_asked_for_a_day_after_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(tmp_path, 0.0)
    with pace.take_turn(ARXIV):
        pace.block_site(ARXIV)
    with pytest.raises(
        SourceUnreachable, match=r"arxiv.org refused this machine \(403\).*before \d{4}-\d\d-\d\d \d\d:\d\d UTC"
    ):
        with Pace(tmp_path, 0.0).take_turn("https://oaipmh.arxiv.org/oai"):
            raise AssertionError("asked")
    with Pace(tmp_path, 0.0).take_turn("http://127.0.0.1:1/"):  # another site is another matter
        pass
    later = time.time() + 86_401
    monkeypatch.setattr("trendcli.sources.http.clock.time", lambda: later)
    with Pace(tmp_path, 0.0, lambda seconds: None).take_turn(ARXIV):
        pass


def test_a_clock_that_was_set_back_and_a_damaged_file(tmp_path: Path) -> None:
    waits: list[float] = []
    pace = Pace(tmp_path, 1.0, waits.append)
    (tmp_path / "arxiv.org.json").write_text(json.dumps({"next": time.time() + 1e9, "stopped": time.time() + 1e9}))
    with pace.take_turn(ARXIV):
        pass
    assert waits == [MAX_WAIT_S]
    (tmp_path / "arxiv.org.json").write_text('{"next": ')
    with pace.take_turn(ARXIV):
        pass


def test_where_nothing_can_be_kept_this_process_still_keeps_its_pace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (None, tmp_path / "file" / "pace"):
        waits: list[float] = []
        pace = Pace(folder, 3.0, waits.append)
        for _ in range(3):
            with pace.take_turn(ARXIV):
                pass
        assert waits == [pytest.approx(3.0, abs=0.5)] * 2
