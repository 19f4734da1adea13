"""Pace: turns across processes, pauses that outlast a process, and clocks that jump."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.sources.conftest import NOON
from trendcli.core.errors import RetryableError, SourceUnreachable
from trendcli.core.files import exclusive_lock
from trendcli.sources import pace as pace_module
from trendcli.sources.pace import DAY_S, MAX_WAIT_S, Pace, TurnTooFar, clamp_wait, site_of_url
from trendcli.sources.reply import ReplyLimits

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
def test_all_hosts_of_arxiv_are_one_site(url: str, site: str) -> None:
    assert site_of_url(url) == site


@pytest.mark.journey
def test_turns_of_two_processes_are_an_interval_apart(tmp_path: Path) -> None:
    """Also through two interfaces of one site; measured by the clock of the machine."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom trendcli.sources.pace import Pace\n"
        f"pace = Pace(Path({str(tmp_path)!r}), 0.2)\n"
        "for _ in range(4):\n"
        "    with pace.take_turn(sys.argv[1]):\n"
        "        print(time.time()); time.sleep(0.03); print(time.time(), flush=True)\n"
    )
    command = [sys.executable, "-c", code]
    processes = [
        subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True)
        for url in (ARXIV, "https://oaipmh.arxiv.org/oai")
    ]
    turns = sorted(
        (float(start), float(stop))
        for process in processes
        for lines in [process.communicate(timeout=60)[0].split()]
        for start, stop in zip(lines[::2], lines[1::2], strict=True)
    )
    assert len(turns) == 8
    assert all(later[0] - earlier[1] >= 0.199 for earlier, later in zip(turns, turns[1:], strict=False))


def test_a_hold_lasts_for_every_process(tmp_path: Path, clock: Any) -> None:
    with Pace(tmp_path, 0.0).take_turn(ARXIV):
        Pace(tmp_path, 0.0).hold_site(ARXIV, 120.0)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.shift(seconds)

    for _ in range(2):
        with Pace(tmp_path, 3.0, sleep).take_turn(ARXIV):
            pass
    assert waits == [120.0, 3.0]  # the hold is waited for once


def test_no_request_is_sent_for_a_day_after_a_403(tmp_path: Path, clock: Any) -> None:
    pace = Pace(tmp_path, 0.0)
    with pace.take_turn(ARXIV):
        pace.block_site(ARXIV)
    with pytest.raises(SourceUnreachable) as refusal, Pace(tmp_path, 0.0).take_turn("https://oaipmh.arxiv.org/oai"):
        raise AssertionError("sent")
    assert str(refusal.value) == (
        "arxiv.org refused requests from this machine (status 403), so none are sent before 2026-11-22 12:00 UTC "
        f"(recorded in {tmp_path / 'arxiv.org.json'}). Everything received so far is stored."
    )
    with Pace(tmp_path, 0.0).take_turn("http://127.0.0.1:1/"):  # another site
        pass
    clock.shift(86_401)
    with Pace(tmp_path, 0.0, lambda seconds: None).take_turn(ARXIV):
        pass


def test_a_clock_set_back_and_a_damaged_state_file_stop_nothing(tmp_path: Path, clock: Any) -> None:
    """What a clock that was ahead has written costs one interval; what nobody can have written costs nothing."""
    waits: list[float] = []
    pace = Pace(tmp_path, 1.0, waits.append)
    with time_machine.travel(NOON + timedelta(days=450), tick=False), pace.take_turn(ARXIV):
        pace.hold_site(ARXIV, 300.0)
        pace.block_site(ARXIV)
    with Pace(tmp_path, 1.0, waits.append).take_turn(ARXIV):
        pass
    assert waits == [1.0]
    now = time.time()
    for state in (
        '{"next": ',
        "[" * 9999,
        '{"next": 5, "stopped": "x"}',
        json.dumps({"next": [now - 5, now + 1e9], "stopped": [now - 5, now + 1e9]}),
        '{"next": [NaN, Infinity], "stopped": [-Infinity, Infinity]}',
        '{"next": [0, 1e999], "stopped": [0]}',
    ):
        (tmp_path / "arxiv.org.json").write_text(state)
        waits.clear()
        with Pace(tmp_path, 1.0, waits.append).take_turn(ARXIV):
            pass
        assert waits == [], state


def test_nobody_waits_longer_than_the_limit(tmp_path: Path, clock: Any) -> None:
    """A pause of ten minutes is waited for, a longer one ends the turn; a day is the longest that is remembered."""
    said: list[str] = []
    pace = Pace(tmp_path, 3.0, lambda seconds: None, say_wait=said.append)
    with pace.take_turn(ARXIV):
        pace.hold_site(ARXIV, MAX_WAIT_S)
    with pace.take_turn(ARXIV):
        pace.hold_site(ARXIV, 1e12)
    assert said == ["Waiting 600 s before the next request to arxiv.org."]
    with pytest.raises(TurnTooFar) as far, Pace(tmp_path, 3.0).take_turn(ARXIV):
        raise AssertionError("sent")
    assert far.value.wait_s == DAY_S
    with Pace(tmp_path, DAY_S, lambda seconds: None).take_turn(ARXIV):  # who asks for longer intervals, gets them
        pass


def test_short_waits_are_not_announced(clock: Any) -> None:
    said: list[str] = []
    pace = Pace(None, 10.0, lambda seconds: None, say_wait=said.append)
    for _ in range(3):
        with pace.take_turn(ARXIV):
            pass
    assert said == []


def test_a_turn_that_another_process_holds_is_waited_for_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "SILENT_WAIT_S", 0.05)
    monkeypatch.setattr(pace_module, "MAX_WAIT_S", 0.05)
    said: list[str] = []
    pace = Pace(tmp_path, 0.0, limits=ReplyLimits(1.0, 0.1), say_wait=said.append)
    with exclusive_lock(tmp_path / "arxiv.org.lock"):
        with pytest.raises(RetryableError, match="Another process has held the turn at arxiv.org for too long"):
            pace.take_turn(ARXIV).__enter__()
    assert said == ["Waiting for another process that sends a request to arxiv.org."]
    with pace.take_turn(ARXIV):
        pass


@pytest.mark.parametrize(
    ("seconds", "clamped"), [(5.0, 5.0), (-1.0, 0.0), (math.nan, 0.0), (math.inf, DAY_S), (1e12, DAY_S)]
)
def test_what_a_site_asks_for_is_clamped(seconds: float, clamped: float) -> None:
    assert clamp_wait(seconds) == clamped


def test_a_process_keeps_its_pace_where_no_state_can_be_written(tmp_path: Path, clock: Any) -> None:
    (tmp_path / "file").write_text("")
    for folder in (None, tmp_path / "file" / "pace"):
        waits: list[float] = []
        pace = Pace(folder, 3.0, waits.append)
        for _ in range(3):
            with pace.take_turn(ARXIV):
                pass
        assert waits == [3.0] * 2
