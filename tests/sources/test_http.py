"""Transport: retries, redirects, waits that are asked for, clocks, and what a response that cannot be used ends in."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sources.conftest import NOON
from trendcli.core.errors import RetryableError, SettingsError, SourceUnreachable
from trendcli.demo.server import HttpRequest, HttpResponse, run_http_server
from trendcli.sources.http import (
    MAX_REDIRECTS,
    InvalidResponse,
    ReplyTooLarge,
    build_session,
    fetch_body,
    parse_retry_after,
)
from trendcli.sources.pace import DAY_S, Pace
from trendcli.sources.reply import ReplyLimits


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
        ("1e12", DAY_S),
        ("inf", DAY_S),
        ("nan", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY_S),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("Sat, 31 Feb 2026 00:00:00 GMT", 0.0),
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


def test_a_date_to_wait_for_is_compared_with_the_time_beside_it(clock: Any) -> None:
    """This machine's clock may be a year behind."""
    later = datetime(2027, 11, 21, 12, tzinfo=UTC)
    assert parse_retry_after("Sun, 21 Nov 2027 12:01:30 GMT", later) == 90.0


@pytest.mark.parametrize("asked", ["86400", "inf", "1e12", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_long_pause_ends_the_command_and_is_remembered(asked: str, tmp_path: Path, clock: Any) -> None:
    waits: list[float] = []
    with responses(HttpResponse(503, b"", headers=(("Retry-After", asked),))) as (address, requests):
        for reason in (
            "arXiv accepts no more requests for now (status 503)",
            "arXiv asked for a pause, or failed to answer",
        ):
            session, _ = build_session(Pace(tmp_path, 0.0, waits.append), "", check_ok)
            with pytest.raises(RetryableError) as error:
                session.get(address)
            assert str(error.value) == (
                f"{reason}. Everything received so far is stored; rerun the same command after 2026-11-22 12:00 UTC."
            )
    assert (waits, len(requests)) == ([], 1)


@pytest.mark.parametrize(
    ("stated", "answered_at", "is_said"),
    [
        (NOON - timedelta(days=450), NOON - timedelta(days=450), True),  # this machine's clock is ahead
        (NOON - timedelta(hours=20), NOON - timedelta(hours=20), False),
        (NOON + timedelta(days=450), NOON, True),  # or behind
    ],
)
def test_an_answer_is_of_the_earlier_clock(stated: datetime, answered_at: datetime, is_said: bool, clock: Any) -> None:
    with responses(HttpResponse(200, b"ok", headers=(("Date", format_datetime(stated, usegmt=True)),))) as (address, _):
        session, transport = build_session(Pace(None, 0.0), "", check_ok)
        session.get(address)
    assert transport.answered_at == answered_at
    sentence = f"arXiv's answer is dated {stated:%Y-%m-%d}, but this machine's clock says 2026-11-21: "
    assert transport.describe_clock_difference().startswith(sentence) is is_said


def test_another_body_can_be_handed_on() -> None:
    with responses(HttpResponse(200, b"no")) as (address, _):
        session, _ = build_session(Pace(None, 0.0), "", lambda body, url: body + b"w")
        assert session.get(address).content == b"now"


@pytest.mark.parametrize("packed", [b"\x1f\x8b\x08\x00garbage", b"ok"])
def test_a_reply_that_cannot_be_unpacked_is_requested_again(packed: bytes) -> None:
    broken = HttpResponse(200, packed, headers=(("Content-Encoding", "gzip"),))
    good = HttpResponse(200, gzip.compress(b"ok"), headers=(("Content-Encoding", "gzip"),))
    with responses(broken, broken, good) as (address, requests):
        session, _ = build_session(Pace(None, 0.0), "", check_ok)
        assert session.get(address).content == b"ok"
    assert len(requests) == 3


def redirect(location: str, status: int = 302) -> HttpResponse:
    """Build a redirect."""
    return HttpResponse(status, b"", headers=(("Location", location),))


def test_redirects_are_followed_but_not_for_ever() -> None:
    with responses(*[redirect("/next")] * MAX_REDIRECTS, HttpResponse(200, b"ok")) as (address, _):
        session, _ = build_session(Pace(None, 0.0), "", check_ok)
        assert session.get(address).content == b"ok"
    with responses(redirect("/next")) as (address, requests):
        session, _ = build_session(Pace(None, 0.0), "", check_ok)
        with pytest.raises(RetryableError, match="arXiv redirects more than 4 times. Everything received so far"):
            session.get(address)
    assert len(requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "http://[::1", "http://a:99999/", "//", "http://\xff\xfe/", "x:"]
)
def test_a_redirect_to_no_address_is_an_error(location: str) -> None:
    with responses(redirect(location)) as (address, _):
        session, _ = build_session(Pace(None, 0.0), "", check_ok)
        with pytest.raises(RetryableError):
            fetch_body(session, address)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("secret", [{"json": {"password": "x"}}, {"headers": {"Authorization": "Bearer x"}}])
def test_no_secret_follows_a_redirect_to_another_host(status: int, secret: dict[str, Any]) -> None:
    with responses(HttpResponse(200, b"ok")) as (other, stolen):
        with responses(redirect(f"{other}/login", status)) as (address, _):
            session, _ = build_session(Pace(None, 0.0), "", check_ok)
            with pytest.raises(
                RetryableError, match=r"redirects a login from 127.0.0.1:\d+ to 127.0.0.1:\d+, where it"
            ):
                session.post(address, **secret) if "json" in secret else session.get(address, **secret)
        assert stolen == []
        with responses(redirect(f"{other}/page", status)) as (address, _):  # without one, nothing is lost
            assert session.get(address).content == b"ok"


def test_a_login_may_be_redirected_within_its_host() -> None:
    with responses(redirect("/v2/login", 307), HttpResponse(200, b"ok")) as (address, requests):
        session, _ = build_session(Pace(None, 0.0), "", check_ok)
        session.post(address, json={"password": "x"})
    assert [request.body for request in requests] == [b'{"password": "x"}'] * 2


def test_a_reply_beyond_the_limits_is_not_requested_again() -> None:
    with responses(HttpResponse(200, b"ok" * 1000)) as (address, requests):
        session, _ = build_session(Pace(None, 0.0, limits=ReplyLimits(size_mb=0.001)), "", check_ok)
        with pytest.raises(ReplyTooLarge) as error:
            session.get(address)
    assert str(error.value) == (
        "arXiv sent a reply that is larger than 0.001 MB, so it was not read. Everything received so far is stored; "
        "rerun the same command later, or raise the setting reply_size_mb."
    )
    assert len(requests) == 1


def test_certificates_that_are_not_there_are_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent.pem")
    session, transport = build_session(Pace(None, 0.0), "", check_ok)
    with pytest.raises(SettingsError, match="names /nonexistent.pem, which does not exist"):
        session.get("https://127.0.0.1:9/")
    assert transport.request_count == 0


def test_a_site_without_encryption_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with responses(HttpResponse(200, b"ok")) as (address, requests):
        session, _ = build_session(Pace(None, 0.0), "", check_ok)
        with pytest.raises(SourceUnreachable, match="safely: no encrypted connection .*REQUESTS_CA_BUNDLE"):
            session.get(address.replace("http:", "https:"))
    assert requests == []


@pytest.mark.parametrize("proxy", ["nonsense://", "http://"])
def test_a_proxy_that_cannot_be_is_a_wrong_setting(proxy: str) -> None:
    session, _ = build_session(Pace(None, 0.0), "", check_ok)
    session.trust_env, session.proxies = False, {"http": proxy}
    with pytest.raises(SettingsError, match="Check the address in your settings, HTTP_PROXY"):
        session.get("http://127.0.0.1:9/")


def test_a_proxy_that_does_not_answer_is_named() -> None:
    session, _ = build_session(Pace(None, 0.0), "", check_ok)
    session.trust_env, session.proxies = False, {"http": "http://127.0.0.1:9"}
    with pytest.raises(
        SourceUnreachable, match="Cannot reach 127.0.0.1:8: no connection to the proxy .Connection refused"
    ):
        session.get("http://127.0.0.1:8/")
