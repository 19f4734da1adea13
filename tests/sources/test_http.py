"""Pace and transport: turns across processes, retries, and what a response that cannot be used ends in."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from trendcli.core.errors import RetryableError, SourceUnreachable
from trendcli.demo.server import HttpRequest, HttpResponse, run_http_server
from trendcli.sources.http import InvalidResponse, build_session, parse_retry_after
from trendcli.sources.pace import Pace, site_of_url

ARXIV = "https://export.arxiv.org/api/query?x"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    """A clock that stands at noon unless a test moves it."""
    with time_machine.travel(NOON, tick=False) as coordinates:
        yield coordinates


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

    assert Pace(tmp_path, 3.0).seconds_until_turn(ARXIV) == 120.0
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
    waits: list[float] = []
    pace = Pace(tmp_path, 1.0, waits.append)
    (tmp_path / "arxiv.org.json").write_text(json.dumps({"next": time.time() + 1e9, "stopped": time.time() + 1e9}))
    assert pace.seconds_until_turn(ARXIV) == 0.0
    with pace.take_turn(ARXIV):
        pass
    assert waits == [MAX_WAIT_S]
    (tmp_path / "arxiv.org.json").write_text('{"next": ')
    with pace.take_turn(ARXIV):
        pass


def test_a_process_keeps_its_pace_where_no_state_can_be_written(tmp_path: Path, clock: Any) -> None:
    (tmp_path / "file").write_text("")
    for folder in (None, tmp_path / "file" / "pace"):
        waits: list[float] = []
        pace = Pace(folder, 3.0, waits.append)
        for _ in range(3):
            with pace.take_turn(ARXIV):
                pass
        assert waits == [3.0] * 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("120", 120.0),
        ("-5", 0.0),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float, clock: Any) -> None:
    assert parse_retry_after(header) == seconds


def check_ok(body: bytes, url: str) -> None:
    if body != b"ok":
        raise InvalidResponse("not ok")


@contextmanager
def responses(*queue: HttpResponse) -> Iterator[tuple[str, list[HttpRequest]]]:
    """Serve some responses in turn, and the last of them from then on; yields the address and the requests."""
    requests: list[HttpRequest] = []

    def answer(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        return queue[min(len(requests), len(queue)) - 1]

    with run_http_server(answer) as address:
        yield address, requests


def test_a_response_is_handed_on_once_it_is_complete() -> None:
    waits: list[float] = []
    queue = (
        HttpResponse(503, b""),
        HttpResponse(200, b"no"),
        HttpResponse(200, b"okay", cut=2),
        HttpResponse(200, b"ok"),
    )
    with responses(*queue) as (address, requests):
        session, transport = build_session(Pace(None, 0.0, waits.append), "mailto:a@example.org", check_ok)
        assert session.get(address).content == b"ok"
    assert (transport.request_count, len(requests)) == (4, 4)
    assert {request.user_agent.partition(" ")[2] for request in requests} == {"(mailto:a@example.org)"}


@pytest.mark.parametrize(
    ("response", "status", "message"),
    [
        (
            HttpResponse(503, b""),
            503,
            "arXiv sent no usable response in 5 tries: status 503. Everything received so far is stored; "
            "rerun the same command later.",
        ),
        (
            HttpResponse(200, b"no"),
            200,
            "arXiv sent no usable response in 5 tries: not ok. Everything received so far is stored; "
            "rerun the same command later.",
        ),
        (
            HttpResponse(400, b"<feed><summary>start must be an integer</summary></feed>"),
            400,
            "arXiv rejected the query: start must be an integer (status 400). Everything received so far is stored.",
        ),
        (HttpResponse(410, b""), 410, "arXiv rejected the query: status 410. Everything received so far is stored."),
    ],
)
def test_an_error_states_its_status(response: HttpResponse, status: int, message: str) -> None:
    with responses(response) as (address, requests):
        session, _ = build_session(Pace(None, 0.0, lambda seconds: None), "", check_ok)
        with pytest.raises(RetryableError) as error:
            session.get(address)
    assert (error.value.status, str(error.value)) == (status, message)
    assert len(requests) == (5 if status in (200, 503) else 1)


def test_a_connection_that_is_cut_has_no_status() -> None:
    with responses(HttpResponse(200, b"okay", cut=2)) as (address, _):
        session, _ = build_session(Pace(None, 0.0, lambda seconds: None), "", check_ok)
        with pytest.raises(RetryableError, match="in 5 tries: the connection was cut during the response") as error:
            session.get(address)
    assert error.value.status is None
