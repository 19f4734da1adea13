"""Fetching the list of a conference from a stand-in of both of OpenReview's APIs."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import time_machine

pytest.importorskip("openreview", reason="openreview-py is not installed: pip install openreview-py")

from tests.commands import run
from tests.standins.mutation import VALUES, mutate_json
from tests.standins.openreview import (
    DEMO_PASSWORD,
    DEMO_TOKEN,
    OpenReviewStandIn,
    VenueSubmission,
    build_submissions,
    run_stand_in,
)
from trendcli.core.errors import (
    ActionRequiredError,
    RetryableError,
    SettingsError,
    SourceUnreachable,
    TrendError,
)
from trendcli.core.types import Request, ignore_progress
from trendcli.sources.harvest import HarvestResult, harvest_source
from trendcli.sources.http import InvalidResponse
from trendcli.sources.openreview import Credentials, OpenReview
from trendcli.sources.pace import DAY_S, Pace
from trendcli.sources.venue_lists import decision_categories
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store, list_venues

ENTRIES = build_submissions()
ADA = Credentials("ada@example.org", DEMO_PASSWORD)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
# of ICLR in API v1: group and decision field by year
V1 = {
    2013: ("ICLR.cc/2013/conference", "decision"),
    2014: ("ICLR.cc/2014/conference", ""),
    2017: ("ICLR.cc/2017/conference", "venue"),
    2018: ("ICLR.cc/2018/Conference", "Acceptance_Decision.decision"),
    2019: ("ICLR.cc/2019/Conference", "Meta_Review.recommendation"),
    2020: ("ICLR.cc/2020/Conference", "Decision.decision"),
    2021: ("ICLR.cc/2021/Conference", "Decision.decision"),
    2022: ("ICLR.cc/2022/Conference", "venue"),
    2023: ("ICLR.cc/2023/Conference", "venue"),
}


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """No login but that of the test."""
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"OPENREVIEW_{name}", raising=False)


@pytest.fixture
def standin() -> Iterator[OpenReviewStandIn]:
    """ICLR 2024, in pages of 150."""
    running = OpenReviewStandIn(ENTRIES)
    running.max_notes_per_page = 150
    with run_stand_in(running):
        yield running


def fetch(
    standin: OpenReviewStandIn,
    root: Path,
    venue: str = "iclr",
    year: int = 2024,
    login: Credentials = ADA,
    pace: Pace | None = None,
) -> HarvestResult:
    """Fetch a year into the store of its venue; raises the error that stopped it."""
    store = Store.open_or_create(root, corpus=venue)
    urls = (f"{standin.url}/v1", f"{standin.url}/v2")
    source = OpenReview(venue, year, urls, pace or Pace(None, 0.0, lambda seconds: None), login)
    result = harvest_source(store, source, [Request(())], ignore_progress, lambda fault: None)
    if result.stop_error:
        raise result.stop_error
    return result


def rows(root: Path) -> dict[str, tuple[str, ...]]:
    """Return categories, title, abstract, keywords and authors of everything in a store, by identifier."""
    store, columns = Store.open(root), "id, categories, title, abstract, keywords, authors"
    stored = file_rows_sql(store, store.list_files(), columns)
    with store.connect() as db:
        return {row[0]: row[1:] for row in db.execute(f"SELECT {columns} FROM ({stored})").fetchall()}


def expected_row(entry: VenueSubmission, decision: str) -> tuple[str, ...]:
    """Return the row that a store should hold of a submission."""
    authors = ", ".join(entry.authors) if "accepted" in decision_categories(decision) else ""
    return (decision_categories(decision), entry.title, entry.abstract, "; ".join(entry.keywords), authors)


YEAR = ("fetch", "--source", "openreview", "--venue", "iclr", "--year", "2024")


def test_a_year_is_fetched_page_by_page(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    result = fetch(standin, tmp_path)
    assert rows(tmp_path) == {e.id: expected_row(e, e.decision) for e in ENTRIES}
    assert (result.upsert_counts.new, result.is_complete) == (400, True)
    records = [(item.categories, item.status, item.expected, item.received) for item in result.coverage_records]
    assert records == [((name,), "complete", 400, 400) for name in ("submitted", "active", "accepted")]
    record = result.coverage_records[0]
    assert (str(record.since), str(record.until), record.version) == ("2024-01-01", "2025-01-01", "API v2")
    requests = standin.requests
    assert [request.path for request in requests] == ["/v2/login", "/v2/notes", "/v2/notes", "/v2/notes"]
    last_ids = [sorted(entry.id for entry in ENTRIES)[index] for index in (149, 299)]
    assert [request.query.get("after") for request in requests] == [None, None, *last_ids]
    assert {request.authorization for request in requests[1:]} == {f"Bearer {DEMO_TOKEN}"}
    assert {request.user_agent.split("/")[0] for request in requests} == {"trendcli"}


@pytest.mark.journey
@pytest.mark.parametrize("year", V1)
def test_years_of_the_first_api_are_fetched(year: int, tmp_path: Path) -> None:
    standin = OpenReviewStandIn(ENTRIES, *V1[year])
    standin.max_notes_per_page = 150
    with run_stand_in(standin):
        result = fetch(standin, tmp_path, year=year)
    stored, decisions = rows(tmp_path), {entry.id: entry.decision for entry in ENTRIES}
    if year == 2014:
        decisions = dict.fromkeys(decisions, "undecided")
    elif year == 2017:  # a list of all, which does not say which were withdrawn
        hidden = ("withdrawn", "desk-rejected")
        decisions = {ident: "undecided" if value in hidden else value for ident, value in decisions.items()}
    assert {ident: row[0] for ident, row in stored.items()} == {
        ident: decision_categories(decision) for ident, decision in decisions.items()
    }
    assert result.upsert_counts.new == 400 and not result.faults
    assert all("Anonymous" not in row[4] and "@" not in row[4] for row in stored.values())
    assert {item.path for item in standin.requests} == {"/v2/login", "/v1/notes"}
    listed_twice = sum(e.decision == "withdrawn" and e.number % 5 == 0 for e in ENTRIES)
    assert listed_twice > 3  # they count once, as withdrawn


@pytest.mark.parametrize("venue", ["neurips", "icml"])
def test_where_rejected_submissions_are_hidden_only_the_accepted_are_complete(venue: str, tmp_path: Path) -> None:
    name = {"neurips": "NeurIPS", "icml": "ICML"}[venue]
    with run_stand_in(OpenReviewStandIn(ENTRIES, f"{name}.cc/2024/Conference")) as standin:
        result = fetch(standin, tmp_path, venue)
    status = {record.categories: record.status for record in result.coverage_records}
    assert status == {("accepted",): "complete", ("submitted",): "partial", ("active",): "partial"}


@pytest.mark.journey
def test_a_venue_that_decides_between_two_fetches(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    standin.has_decided = False
    first = run(*YEAR, env=env)
    assert first.exit_code == 0 and first.stdout == ""
    assert first.stderr.startswith("400 new, 0 revised, 0 unchanged, 2024-01-01 to 2025-01-01, complete\n")
    assert "iclr 2024 has no decisions yet: its submissions are stored as undecided" in first.stderr
    assert Counter(row[0].split()[0] for row in rows(tmp_path / "venues/iclr").values()).keys() == {"undecided", "withdrawn", "desk-rejected"}  # fmt: skip
    report = run(
        "report", "--corpus", "iclr", "--submission-status", "accepted", "--period", "2024", "-t", "rnn", env=env
    )
    assert (report.exit_code, report.stdout) == (4, "") and "covers the status accepted" in report.stderr
    standin.has_decided = True
    again = run(*YEAR, env=env)
    undecided = sum(entry.decision not in ("withdrawn", "desk-rejected") for entry in ENTRIES)
    assert (
        again.stderr == f"0 new, {undecided} revised, {400 - undecided} unchanged, 2024-01-01 to 2025-01-01, complete\n"
    )
    assert rows(tmp_path / "venues/iclr") == {e.id: expected_row(e, e.decision) for e in ENTRIES}
    accepted = sum("accepted" in decision_categories(e.decision) for e in ENTRIES)
    report = run("report", "--corpus", "iclr", "--submission-status", "accepted", "--period", "2024", "-t", "rnn", "--format", "json", env=env)  # fmt: skip
    assert json.loads(report.stdout)["rows"][0]["base"] == accepted


def test_a_year_that_is_decided_and_stored_is_frozen(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    assert run(*YEAR, env=env).exit_code == 0
    request_count = len(standin.requests)
    frozen = run(*YEAR, env=env)
    assert frozen.exit_code == 0 and "was fetched with its decisions on" in frozen.stderr
    assert run(*YEAR, "--fail-if-unchanged", env=env).exit_code == 5
    assert "request 0 lists" in run(*YEAR, "--dry-run", env=env).stdout
    assert len(standin.requests) == request_count
    refreshed = run(*YEAR, "--refresh", env=env)
    assert refreshed.stderr.startswith("0 new, 0 revised, 400 unchanged") and len(standin.requests) > request_count


def test_a_year_without_decisions_is_frozen_all_the_same(tmp_path: Path) -> None:
    with run_stand_in(OpenReviewStandIn(ENTRIES, *V1[2014])) as standin:
        env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
        done = run(*YEAR[:-1], 2014, env=env)
        assert done.exit_code == 0 and "OpenReview has no decisions for iclr 2014" in done.stderr
        assert "was fetched with its decisions" in run(*YEAR[:-1], 2014, env=env).stderr


def test_with_some_decisions_the_year_is_not_frozen(tmp_path: Path) -> None:
    with run_stand_in(OpenReviewStandIn(ENTRIES, *V1[2022])) as standin:
        standin._decision_content = lambda decision: (
            {} if decision == "poster" else OpenReviewStandIn._decision_content(standin, decision)
        )  # type: ignore[method-assign]
        env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
        done = run(*YEAR[:-1], 2022, env=env)
        assert done.exit_code == 0 and "have no decision yet or are unreadable" in done.stderr
        assert "was fetched with its decisions" not in run(*YEAR[:-1], 2022, env=env).stderr


# fault, how often it shows, the error that it ends in (None: none), and part of its message
FAULTS: list[tuple[str, int, type[TrendError] | None, str]] = [
    ("503", 2, None, ""),
    ("503", 5, RetryableError, "OpenReview sent no usable response in 5 tries: status 503"),
    ("hang", 1, None, ""),
    ("cut", 1, None, ""),
    ("torn", 1, None, ""),
    ("torn", 5, RetryableError, "in 5 tries: not JSON"),
    ("no notes", 5, RetryableError, "in 5 tries: no list of notes"),
    ("429 for a moment", 1, None, ""),
    (
        "429 for half an hour",
        1,
        RetryableError,
        r"accepts no more requests for now.*rerun the same command after \d{4}-\d\d-\d\d \d\d:\d\d UTC",
    ),
    ("429 by header", 1, RetryableError, "accepts no more requests for now"),
    ("429 until the year 9999", 1, RetryableError, "accepts no more requests for now"),
    ("429 for ever", 1, RetryableError, "accepts no more requests for now"),
    ("half a character", 1, None, ""),
    ("challenge", 1, None, ""),
    (
        "challenge",
        2,
        SourceUnreachable,
        "asks this client to prove that it is human although it is logged in; this happens",
    ),
    ("challenge page", 2, SourceUnreachable, "asks this client to prove that it is human although it is logged in"),
    (
        "refused",
        1,
        SourceUnreachable,
        "OpenReview refuses requests from this machine .status 403.. No more are sent for 24 hours",
    ),
    ("forbidden", 1, ActionRequiredError, "does not show this list to this login .This Note is Forbidden."),
    ("no such list", 1, RetryableError, "OpenReview lists no submissions to iclr 2024"),
    ("skips one", 1, None, ""),
    (
        "skips one",
        9,
        RetryableError,
        "reported 400 notes of .*/-/Submission but sent 397, twice. A year is stored as a whole",
    ),
    ("counts too many", 1, None, ""),
    ("counts too many", 9, RetryableError, "reported 403 notes of .* but sent 400, twice"),
    ("no count", 1, None, ""),
    ("the other form", 1, SettingsError, "openreview_url is the address of API v1, not v2"),
]


@pytest.mark.journey
@pytest.mark.parametrize(
    ("fault", "times", "error", "words"), FAULTS, ids=lambda value: value if isinstance(value, str) else None
)
def test_every_fault_is_overcome_or_leaves_the_store_as_it_was(
    standin: OpenReviewStandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    times: int,
    error: type[TrendError] | None,
    words: str,
) -> None:
    if fault == "hang":  # for 0.5 s; elsewhere, a slow machine must not time out
        monkeypatch.setattr("trendcli.sources.http.TIMEOUTS_S", (10, 0.3))
    standin.inject_fault(fault, times)
    if error is None:
        result = fetch(standin, tmp_path)
        assert (result.upsert_counts.new, result.is_complete, len(rows(tmp_path))) == (400, True, 400)
        return
    with pytest.raises(error, match=words):
        fetch(standin, tmp_path)
    assert not (tmp_path / "manifest.json").exists() and not list(tmp_path.rglob("*.parquet"))


def test_what_is_stored_stays_when_a_later_fetch_fails(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    fetch(standin, tmp_path)
    before = (tmp_path / "manifest.json").read_bytes()
    standin.inject_fault("503", 5, lambda request: "after" in request.query)
    with pytest.raises(RetryableError, match="so nothing was stored; rerun the same command later"):
        fetch(standin, tmp_path)
    assert (tmp_path / "manifest.json").read_bytes() == before


@pytest.mark.journey
def test_a_short_limit_is_waited_for(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    waits: list[float] = []
    standin.inject_fault("429 for a moment")
    with time_machine.travel(NOON, tick=False):
        fetch(standin, tmp_path, pace=Pace(None, 0.0, waits.append))
    assert waits == [pytest.approx(2.0, abs=0.001)]


def test_a_long_limit_is_remembered_by_every_process(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {
        **standin.build_environment(),
        "TREND_STORE": str(tmp_path / "store"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    standin.inject_fault("429 for half an hour")
    with time_machine.travel(NOON, tick=False):
        first = run(*YEAR, env=env)
        request_count = len(standin.requests)
        second = run(*YEAR, env=env)
    for result in (first, second):
        assert result.exit_code == 3 and "rerun the same command after 2026-11-21 12:30 UTC" in result.stderr
    assert len(standin.requests) == request_count and list_venues(tmp_path / "store") == []


def test_without_a_login(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    with pytest.raises(
        SourceUnreachable, match="asks clients without a login.*Set OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD"
    ):
        fetch(standin, tmp_path, login=Credentials())
    standin.requires_login = False
    standin.inject_fault("challenge page")
    with pytest.raises(SourceUnreachable, match="asks clients without a login"):
        fetch(standin, tmp_path, login=Credentials())
    assert len(standin.requests) == 2  # neither was retried
    assert fetch(standin, tmp_path, login=Credentials()).upsert_counts.new == 400
    assert all(not request.authorization and request.path == "/v2/notes" for request in standin.requests)


def test_a_password_stays_with_its_host(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    other = OpenReviewStandIn(ENTRIES)
    with run_stand_in(other):
        standin.redirect_to = other.url
        with pytest.raises(RetryableError, match="OpenReview redirects a login from .* so nothing was stored"):
            fetch(standin, tmp_path)
        with pytest.raises(RetryableError, match="OpenReview redirects a login from"):
            fetch(standin, tmp_path, login=Credentials(token=DEMO_TOKEN))
    assert other.requests == [] and len(standin.requests) == 2


def test_a_list_is_of_the_earlier_clock(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    """A clock that was ahead once does not date the list of a year; the later of two lists still wins."""
    with time_machine.travel(NOON + timedelta(days=450)):
        standin.clock = lambda: NOON
        result = fetch(standin, tmp_path)
    assert {record.answered_at for record in result.coverage_records} == {NOON}
    assert result.notes[-1].startswith(
        "OpenReview's answer is dated 2026-11-21, but this machine's clock says 2028-02-14"
    )


def test_mutated_lists_end_in_a_sentence_or_are_read() -> None:
    """600 mutations end in an expected error or in a batch; see test_what_a_mutated_error_says for refusals."""
    rng = random.Random(4)
    small = OpenReviewStandIn(ENTRIES[:6])
    accepted = 0
    for _ in range(600):
        source = OpenReview("iclr", 2024, ("http://127.0.0.1:9",) * 2, Pace(None, 0.0, lambda seconds: None))

        def send(request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
            query = dict(parse_qsl(urlsplit(request.url or "").query))
            value = json.loads(small._page_response(2, query).body)
            for _ in range(rng.randint(0, 3)):
                value = mutate_json(value, rng)
            body = json.dumps(value).encode()
            response = requests.Response()
            response.status_code, response.url, response.request = 200, request.url or "", request
            response._content = source._check_response(body, response.url) or body  # type: ignore[attr-defined]
            return response

        source.transport.send = send  # type: ignore[method-assign]
        try:
            accepted += sum(
                batch.submissions is not None for batch in source.iter_batches(Request(()), ignore_progress)
            )
        except (InvalidResponse, TrendError):
            continue
    assert accepted > 50


def test_what_a_mutated_error_says(standin: OpenReviewStandIn) -> None:
    """1,000 refusals, whatever they hold, end in one line and a wait of a day at most."""
    rng = random.Random(4)
    source = OpenReview("iclr", 2024, (standin.url,) * 2, Pace(None, 0.0, lambda seconds: None))
    for _ in range(1000):
        value = {"name": "RateLimitError", "message": "x", "details": {"resetTime": rng.choice(VALUES)}}
        for _ in range(rng.randint(0, 2)):
            value = mutate_json(value, rng)
        response = requests.Response()
        response.status_code, response.url = rng.choice((400, 401, 404, 422, 429, 500, 503)), f"{standin.url}/login"
        response._content = json.dumps(value).encode()  # type: ignore[attr-defined]
        response.headers["Retry-After"] = rng.choice(VALUES[:10])
        source.transport.server_times = [None]
        assert 0 <= source.transport.requested_wait_s(response) <= DAY_S
        try:
            source.transport.check_status(response, 1)
        except TrendError as error:
            assert str(error).isprintable() and len(str(error)) < 500


def test_logins_that_fail(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    with pytest.raises(
        ActionRequiredError, match="OpenReview refuses the login .Invalid username or password."
    ) as refused:
        fetch(standin, tmp_path, login=Credentials("ada@example.org", "wrong"))
    assert refused.value.exit_code == 4 and "wrong" not in str(refused.value)
    with pytest.raises(SettingsError, match="is incomplete: set OPENREVIEW_PASSWORD"):
        fetch(standin, tmp_path, login=Credentials("ada@example.org"))
    with pytest.raises(ActionRequiredError, match="does not show this list to this login .Token has expired"):
        fetch(standin, tmp_path, login=Credentials(token="old"))
    standin.requires_second_factor = True
    with pytest.raises(ActionRequiredError, match="second factor.*OPENREVIEW_TOKEN"):
        fetch(standin, tmp_path)
    assert fetch(standin, tmp_path, login=Credentials(token=f"Bearer {DEMO_TOKEN}")).upsert_counts.new == 400
    assert [request.path for request in standin.requests].count("/v2/login") == 2
    assert "ada@example.org" not in "".join(path.read_text(errors="ignore") for path in tmp_path.rglob("*.json"))


@pytest.mark.journey
def test_the_package_neither_prints_nor_asks_at_a_terminal(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    """By itself it prints its retries and asks for codes; a child process with a terminal shows neither."""
    import pty

    standin.inject_fault("503", 2)
    standin.requires_second_factor = True
    env = {
        **standin.build_environment(),
        "TREND_STORE": str(tmp_path / "store"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PATH": "/usr/bin",
    }
    _, slave = pty.openpty()
    command = [sys.executable, "-W", "error", "-m", "trendcli", *YEAR]
    refused = subprocess.run(command, env=env, stdin=slave, capture_output=True, text=True, timeout=60)
    assert (refused.returncode, refused.stdout) == (4, "") and "second factor" in refused.stderr
    standin.requires_second_factor = False
    done = subprocess.run(command, env=env, stdin=slave, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "400 new, 0 revised, 0 unchanged, 2024-01-01 to 2025-01-01, complete\n"


@pytest.mark.journey
def test_an_unreadable_note_leaves_the_year_partial(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    standin.inject_fault("no title")
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    done = run(*YEAR, env=env)
    first = min(e.id for e in ENTRIES)
    assert done.exit_code == 3 and f"trend: {first}: no title" in done.stderr
    assert "399 new" in done.stderr and "incomplete" in done.stderr
    assert (
        "was fetched with its decisions" not in run(*YEAR, env=env).stderr
        and len(rows(tmp_path / "venues/iclr")) == 400
    )


def test_unknown_states_are_reported(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    standin._decision_content = lambda decision: {"venueid": f"{standin.group}/{decision}"}  # type: ignore[method-assign]
    result = fetch(standin, tmp_path)
    assert len(result.faults) == 400 and "unknown venueid 'ICLR.cc/2024/Conference/" in result.faults[0]


def test_what_cannot_be_fetched_is_refused_before_any_request(
    standin: OpenReviewStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    messages = {
        ("fetch", "--source", "openreview", "--venue", "icl", "--year", 2024): "did you mean icml or iclr?",
        ("fetch", "--source", "openreview", "--venue", "iclr"): "needs --venue and --year",
        ("fetch", "--venue", "iclr", "--year", 2024): "--source arxiv cannot be combined with --venue or --year",
        (*YEAR, "--since", "2020"): "--source openreview cannot be combined with --since",
        (*YEAR, "--format", "csv"): "--format and --output need --dry-run",
    }
    for words, message in messages.items():
        done = run(*words, env=env)
        assert (done.exit_code, message in done.stderr) == (2, True), done.stderr
    plan = json.loads(run(*YEAR[:-1], 2021, "--dry-run", "--format", "json", env=env).stdout)
    assert plan["query"]["api"] == "v1" and plan["query"]["address"] == f"{standin.url}/v1"
    assert [row["invitation"].rpartition("/")[2] for row in plan["rows"]] == ["Blind_Submission", "Desk_Rejected_Submission", "Withdrawn_Submission"]  # fmt: skip
    monkeypatch.setitem(sys.modules, "openreview", None)
    missing = run(*YEAR, env=env)
    assert missing.exit_code == 2 and "pip install openreview-py" in missing.stderr
    assert standin.requests == [] and not (tmp_path / "venues").exists()


def test_addresses_of_the_wrong_api(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    def build_source(year: int, v1: str, v2: str) -> OpenReview:
        return OpenReview("iclr", year, (v1, v2), Pace(None, 0.0), ADA)

    with pytest.raises(SettingsError, match="openreview_url is the address of API v1, not v2"):
        build_source(2024, "https://api.openreview.net", "https://api.openreview.net")
    with pytest.raises(SettingsError, match="openreview_v1_url is the address of API v2, not v1"):
        build_source(2020, "https://api2.openreview.net", "https://api2.openreview.net")
    swapped = OpenReview(
        "iclr", 2024, (f"{standin.url}/v2", f"{standin.url}/v1"), Pace(None, 0.0), Credentials(token=DEMO_TOKEN)
    )
    with pytest.raises(RetryableError, match="OpenReview lists no submissions to iclr 2024"):
        list(swapped.iter_batches(Request(()), ignore_progress))


def test_an_address_that_nobody_answers(tmp_path: Path) -> None:
    absent = OpenReviewStandIn([])
    absent.url = "http://127.0.0.1:9"
    with pytest.raises(SourceUnreachable, match="Cannot reach 127.0.0.1:9: Connection refused. The store is unchanged"):
        fetch(absent, tmp_path)


def test_a_list_without_a_declared_count_is_not_complete(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    standin.inject_fault("no count", 99)
    result = fetch(standin, tmp_path)
    assert {record.status for record in result.coverage_records} == {"partial"} and result.upsert_counts.new == 400
    assert "reports no count" in result.faults[0]


def test_the_token_is_checked_and_never_shown(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    for token in ("SECRET SECRET", "SECRET€"):
        done = run(*YEAR, env={**env, "OPENREVIEW_TOKEN": token})
        assert done.exit_code == 2 and "OPENREVIEW_TOKEN is not a token" in done.stderr and "SECRET" not in done.stderr
    assert run(*YEAR, env={**env, "OPENREVIEW_TOKEN": f"{DEMO_TOKEN}\n"}).exit_code == 0


def test_submissions_of_another_year_are_refused(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path / "store")}
    papers = [{"id": entry.id, "title": entry.title, "status": "Poster"} for entry in ENTRIES[:9]]
    (tmp_path / "list.json").write_text(json.dumps(papers), encoding="utf-8")
    assert run("import", tmp_path / "list.json", "--venue", "iclr", "--year", 2023, env=env).exit_code == 0
    done = run(*YEAR, env=env)
    assert done.exit_code == 2 and "are already stored as iclr 2023, so they cannot belong to 2024" in done.stderr
    assert {row[0] for row in rows(tmp_path / "store" / "venues" / "iclr").values()} == {decision_categories("poster")}
