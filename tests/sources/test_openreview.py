"""Fetching a conference, against a stand-in of both of OpenReview's APIs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("openreview", reason="openreview-py is not installed: pip install openreview-py")

from trendcli.cli import build_app
from trendcli.core.errors import (
    ActionRequiredError,
    RetryableError,
    SettingsError,
    SourceUnreachable,
    TrendError,
    UsageError,
)
from trendcli.core.types import Request, ignore_progress
from trendcli.demo.openreview import (
    DEMO_PASSWORD,
    DEMO_TOKEN,
    OpenReviewStandIn,
    VenueSubmission,
    build_submissions,
    run_stand_in,
)
from trendcli.sources import http as transport
from trendcli.sources import openreview_venues as lists
from trendcli.sources.harvest import HarvestResult, harvest_source
from trendcli.sources.http import Pace
from trendcli.sources.openreview import Credentials, OpenReview
from trendcli.sources.venue_lists import decision_categories
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store, list_venues

ENTRIES = build_submissions()
ADA = Credentials("ada@example.org", DEMO_PASSWORD)
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
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No login but that of the test, and no patience of minutes."""
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"OPENREVIEW_{name}", raising=False)
    monkeypatch.setattr(transport, "TIMEOUTS_S", (1, 0.3))


@pytest.fixture
def standin() -> Iterator[OpenReviewStandIn]:
    """ICLR 2024, in pages of 150."""
    running = OpenReviewStandIn(ENTRIES)
    running.max_notes_per_page = 150
    with run_stand_in(running):
        yield running


def source(
    standin: OpenReviewStandIn, venue: str = "iclr", year: int = 2024, login: Credentials = ADA, **options: Any
) -> OpenReview:
    pace = options.get("pace") or Pace(None, 0.0, lambda seconds: None)
    return OpenReview(venue, year, (f"{standin.url}/v1", f"{standin.url}/v2"), pace, login)


def fetched(
    standin: OpenReviewStandIn, root: Path, venue: str = "iclr", year: int = 2024, **options: Any
) -> HarvestResult:
    """A year brought into the store of its venue; the error where it was stopped."""
    store = Store.open_or_create(root, corpus=venue)
    done = harvest_source(
        store, source(standin, venue, year, **options), [Request(())], ignore_progress, lambda fault: None
    )
    if done.stop_error:
        raise done.stop_error
    return done


def rows(root: Path) -> dict[str, tuple[str, ...]]:
    store, columns = Store.open(root), "id, categories, title, abstract, keywords, authors"
    files = file_rows_sql(store, store.list_files(), columns)
    with store.connect() as db:
        return {row[0]: row[1:] for row in db.execute(f"SELECT {columns} FROM ({files})").fetchall()}


def expected(entry: VenueSubmission, decided: str) -> tuple[str, ...]:
    authors = ", ".join(entry.authors) if "accepted" in decision_categories(decided) else ""
    return (decision_categories(decided), entry.title, entry.abstract, "; ".join(entry.keywords), authors)


def run(*words: object, env: dict[str, str]) -> Result:
    return CliRunner().invoke(build_app([str(word) for word in words]), [str(word) for word in words], env=env)


YEAR = ("fetch", "--source", "openreview", "--venue", "iclr", "--year", "2024")


def test_a_year_comes_whole_page_by_page(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    done = fetched(standin, tmp_path)
    assert rows(tmp_path) == {e.id: expected(e, e.decision) for e in ENTRIES}
    assert (done.upsert_counts.new, done.is_complete) == (400, True)
    told = [(item.categories, item.status, item.expected, item.received) for item in done.coverage_records]
    assert told == [((name,), "complete", 400, 400) for name in ("submitted", "active", "accepted")]
    answer = done.coverage_records[0]
    assert (str(answer.since), str(answer.until), answer.version) == ("2024-01-01", "2025-01-01", "API v2")
    # each request once: a slow machine may have asked again
    asked = list(dict.fromkeys((item.path, item.query.get("after"), item.authorization) for item in standin.requests))
    assert [path for path, _, _ in asked] == ["/v2/login", "/v2/notes", "/v2/notes", "/v2/notes"]
    assert [after for _, after, _ in asked] == [None, None, *(sorted(e.id for e in ENTRIES)[at] for at in (149, 299))]
    assert {login for _, _, login in asked[1:]} == {f"Bearer {DEMO_TOKEN}"}
    assert {item.user_agent.split("/")[0] for item in standin.requests} == {"trendcli"}


@pytest.mark.parametrize("year", V1)
def test_the_years_of_the_first_api(year: int, tmp_path: Path) -> None:
    group, told = V1[year]
    standin = OpenReviewStandIn(ENTRIES, group, told)
    standin.max_notes_per_page = 150
    with run_stand_in(standin):
        done = fetched(standin, tmp_path, year=year)
    found, states = rows(tmp_path), {e.id: e.decision for e in ENTRIES}
    if year == 2014:
        states = dict.fromkeys(states, "undecided")
    elif year == 2017:  # a list of all, without a word of those that were withdrawn
        states = {ident: "undecided" if state in ("withdrawn", "desk-rejected") else state for ident, state in states.items()}  # fmt: skip
    assert {ident: row[0] for ident, row in found.items()} == {
        ident: decision_categories(state) for ident, state in states.items()
    }
    assert done.upsert_counts.new == 400 and not done.faults
    assert all("Anonymous" not in row[4] and "@" not in row[4] for row in found.values())
    assert {item.path for item in standin.requests} == {"/v2/login", "/v1/notes"}
    doubled = sum(e.decision == "withdrawn" and e.number % 5 == 0 for e in ENTRIES)
    assert doubled > 3  # which stand in two lists, and count once, as withdrawn


@pytest.mark.parametrize("venue", ["neurips", "icml"])
def test_where_rejected_submissions_are_hidden_only_accepted_ones_are_vouched_for(venue: str, tmp_path: Path) -> None:
    name = {"neurips": "NeurIPS", "icml": "ICML"}[venue]
    with run_stand_in(OpenReviewStandIn(ENTRIES, f"{name}.cc/2024/Conference")) as standin:
        done = fetched(standin, tmp_path, venue)
    status = {answer.categories: answer.status for answer in done.coverage_records}
    assert status == {("accepted",): "complete", ("submitted",): "partial", ("active",): "partial"}


def test_a_venue_that_decides_between_two_fetches(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    standin.has_decided = False
    first = run(*YEAR, env=env)
    assert first.exit_code == 0 and first.stdout == ""
    assert first.stderr.startswith("400 new, 0 revised, 0 known, 2024-01-01 to 2025-01-01, complete\n")
    assert "iclr 2024 has not decided yet: its submissions are stored as undecided" in first.stderr
    assert Counter(row[0].split()[0] for row in rows(tmp_path / "venues/iclr").values()).keys() == {"undecided", "withdrawn", "desk-rejected"}  # fmt: skip
    report = run("report", "--corpus", "iclr", "--status", "accepted", "--period", "2024", "-t", "rnn", env=env)
    assert (report.exit_code, report.stdout) == (4, "") and "who was accepted" in report.stderr
    time.sleep(1.01 - time.time() % 1)  # the moment of a list is told in seconds
    standin.has_decided = True
    again = run(*YEAR, env=env)
    waited = sum(e.decision not in ("withdrawn", "desk-rejected") for e in ENTRIES)
    assert again.stderr == f"0 new, {waited} revised, {400 - waited} known, 2024-01-01 to 2025-01-01, complete\n"
    found = rows(tmp_path / "venues/iclr")
    assert found == {e.id: expected(e, e.decision) for e in ENTRIES}
    accepted = sum("accepted" in decision_categories(e.decision) for e in ENTRIES)
    report = run("report", "--corpus", "iclr", "--status", "accepted", "--period", "2024", "-t", "rnn", "--format", "json", env=env)  # fmt: skip
    assert json.loads(report.stdout)["rows"][0]["base"] == accepted


def test_a_year_that_is_decided_and_stored_is_frozen(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    assert run(*YEAR, env=env).exit_code == 0
    asked = len(standin.requests)
    frozen = run(*YEAR, env=env)
    assert frozen.exit_code == 0 and "after it had decided, and is frozen" in frozen.stderr
    assert run(*YEAR, "--fail-if-unchanged", env=env).exit_code == 5
    assert "for 0 lists" in run(*YEAR, "--dry-run", env=env).stdout
    assert len(standin.requests) == asked
    refreshed = run(*YEAR, "--refresh", env=env)
    assert refreshed.stderr.startswith("0 new, 0 revised, 400 known") and len(standin.requests) > asked


def test_decisions_that_never_come_are_not_waited_for(tmp_path: Path) -> None:
    with run_stand_in(OpenReviewStandIn(ENTRIES, *V1[2014])) as standin:
        env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
        done = run(*YEAR[:-1], 2014, env=env)
        assert done.exit_code == 0 and "OpenReview has no decisions of iclr 2014" in done.stderr
        assert "is frozen" in run(*YEAR[:-1], 2014, env=env).stderr


def test_some_decisions_leave_what_was_accepted_open(tmp_path: Path) -> None:
    with run_stand_in(OpenReviewStandIn(ENTRIES, *V1[2022])) as standin:
        standin._decision_content = lambda decided: (
            {} if decided == "poster" else OpenReviewStandIn._decision_content(standin, decided)
        )  # type: ignore[method-assign]
        env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
        done = run(*YEAR[:-1], 2022, env=env)
        assert done.exit_code == 0 and "have no decision yet" in done.stderr
        assert "is frozen" not in run(*YEAR[:-1], 2022, env=env).stderr


# fault, how often it shows, the error that it ends in (None: none), and words of it
FAULTS: list[tuple[str, int, type[TrendError] | None, str]] = [
    ("503", 2, None, ""),
    ("503", 5, RetryableError, "OpenReview did not answer as it should, 5 times in a row: status 503"),
    ("hang", 1, None, ""),
    ("cut", 1, None, ""),
    ("torn", 1, None, ""),
    ("torn", 5, RetryableError, "a reply that is no JSON"),
    ("no notes", 5, RetryableError, "a reply without a list of notes"),
    ("429 for a moment", 1, None, ""),
    (
        "429 for half an hour",
        1,
        RetryableError,
        r"takes no more requests for now: ask again after \d{4}-\d\d-\d\d \d\d:\d\d UTC",
    ),
    ("429 by header", 1, RetryableError, "takes no more requests for now: ask again after"),
    ("challenge", 1, None, ""),
    ("challenge", 2, SourceUnreachable, "a challenge although there is a login, as it does at times.*try again later"),
    ("challenge page", 2, SourceUnreachable, "a challenge although there is a login"),
    (
        "refused",
        1,
        SourceUnreachable,
        "OpenReview refuses this machine .403.. Nothing more is asked of it for 24 hours",
    ),
    ("forbidden", 1, ActionRequiredError, "does not show this list to this login .This Note is Forbidden."),
    ("no such list", 1, RetryableError, "OpenReview lists no submissions to iclr 2024"),
    ("skips one", 1, None, ""),
    (
        "skips one",
        9,
        RetryableError,
        "declares 400 notes of .*/-/Submission and sent 397, twice. A year is stored whole or not",
    ),
    ("counts too many", 1, None, ""),
    ("counts too many", 9, RetryableError, "declares 403 notes of .* and sent 400, twice"),
    ("no count", 1, None, ""),
    ("the other form", 1, SettingsError, "openreview_url is the address of API v1, not of v2"),
]


@pytest.mark.parametrize(
    ("fault", "times", "error", "words"), FAULTS, ids=lambda value: value if isinstance(value, str) else None
)
def test_every_fault_is_overcome_or_leaves_the_store_as_it_was(
    standin: OpenReviewStandIn, tmp_path: Path, fault: str, times: int, error: type[TrendError] | None, words: str
) -> None:
    standin.inject_fault(fault, times)
    if error is None:
        done = fetched(standin, tmp_path)
        assert (done.upsert_counts.new, done.is_complete, len(rows(tmp_path))) == (400, True, 400)
        return
    with pytest.raises(error, match=words):
        fetched(standin, tmp_path)
    assert not (tmp_path / "manifest.json").exists() and not list(tmp_path.rglob("*.parquet"))


def test_what_was_stored_stays_when_a_later_fetch_is_broken_off(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    fetched(standin, tmp_path)
    before = (tmp_path / "manifest.json").read_bytes()
    standin.inject_fault("503", 5, lambda asked: "after" in asked.query)
    with pytest.raises(RetryableError, match="so nothing was stored; try later"):
        fetched(standin, tmp_path)
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_a_short_limit_is_waited_for(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    waits: list[float] = []
    standin.inject_fault("429 for a moment")
    fetched(standin, tmp_path, pace=Pace(None, 0.0, waits.append))
    assert [wait for wait in waits if wait > 0.1] == [pytest.approx(2.0, abs=0.5)]


def test_a_long_limit_is_remembered_by_every_process(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {
        **standin.build_environment(),
        "TREND_STORE": str(tmp_path / "store"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    standin.inject_fault("429 for half an hour")
    lifted = datetime.now(UTC) + timedelta(minutes=30)
    told = run(*YEAR, env=env)
    moments = [f"{lifted + timedelta(minutes=late):%Y-%m-%d %H:%M} UTC" for late in (0, 1)]
    assert told.exit_code == 3 and any(moment in told.stderr for moment in moments)
    asked = len(standin.requests)
    again = run(*YEAR, env=env)
    assert again.exit_code == 3 and any(moment in again.stderr for moment in moments)
    assert len(standin.requests) == asked and list_venues(tmp_path / "store") == []


def test_without_a_login(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    with pytest.raises(
        SourceUnreachable, match="comes without a login.*Set OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD"
    ):
        fetched(standin, tmp_path, login=Credentials())
    standin.requires_login = False
    standin.inject_fault("challenge page")
    with pytest.raises(SourceUnreachable, match="comes without a login"):
        fetched(standin, tmp_path, login=Credentials())
    assert len(standin.requests) == 2  # neither was asked again
    assert fetched(standin, tmp_path, login=Credentials()).upsert_counts.new == 400
    assert all(not asked.authorization and asked.path == "/v2/notes" for asked in standin.requests)


def test_logins_that_fail(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    with pytest.raises(
        ActionRequiredError, match="OpenReview refuses the login .Invalid username or password."
    ) as refused:
        fetched(standin, tmp_path, login=Credentials("ada@example.org", "wrong"))
    assert refused.value.exit_code == 4 and "wrong" not in str(refused.value)
    with pytest.raises(SettingsError, match="OPENREVIEW_PASSWORD is not set"):
        fetched(standin, tmp_path, login=Credentials("ada@example.org"))
    with pytest.raises(ActionRequiredError, match="does not show this list to this login .Token has expired"):
        fetched(standin, tmp_path, login=Credentials(token="old"))
    standin.requires_second_factor = True
    with pytest.raises(ActionRequiredError, match="second factor.*OPENREVIEW_TOKEN"):
        fetched(standin, tmp_path)
    assert fetched(standin, tmp_path, login=Credentials(token=f"Bearer {DEMO_TOKEN}")).upsert_counts.new == 400
    assert [asked.path for asked in standin.requests].count("/v2/login") == 2
    assert "ada@example.org" not in "".join(path.read_text(errors="ignore") for path in tmp_path.rglob("*.json"))


def test_nothing_of_the_package_reaches_stdout_or_asks_at_a_terminal(
    standin: OpenReviewStandIn, tmp_path: Path
) -> None:
    """Its own tries are printed and its codes asked for at a terminal; a child with one shows neither."""
    import pty

    standin.inject_fault("503", 2)
    standin.requires_second_factor = True
    env = {
        **standin.build_environment(),
        "TREND_STORE": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PATH": "/usr/bin",
    }
    _, slave = pty.openpty()
    words = [sys.executable, "-W", "error", "-m", "trendcli", *YEAR]
    asked = subprocess.run(words, env=env, stdin=slave, capture_output=True, text=True, timeout=60)
    assert (asked.returncode, asked.stdout) == (4, "") and "second factor" in asked.stderr
    standin.requires_second_factor = False
    done = subprocess.run(words, env=env, stdin=slave, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "400 new, 0 revised, 0 known, 2024-01-01 to 2025-01-01, complete\n"


def test_a_note_that_cannot_be_read_leaves_the_year_partial(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    standin.inject_fault("no title")
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    done = run(*YEAR, env=env)
    first = min(e.id for e in ENTRIES)
    assert done.exit_code == 3 and f"trend: {first}: it has no title" in done.stderr
    assert "399 new" in done.stderr and "incomplete" in done.stderr
    assert "is frozen" not in run(*YEAR, env=env).stderr and len(rows(tmp_path / "venues/iclr")) == 400


def test_states_that_nobody_has_seen_are_named(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    standin._decision_content = lambda decided: {"venueid": f"{standin.group}/{decided}"}  # type: ignore[method-assign]
    done = fetched(standin, tmp_path)
    assert len(done.faults) == 400 and "unknown venueid 'ICLR.cc/2024/Conference/" in done.faults[0]


@pytest.mark.parametrize(
    ("where", "written", "decided"),
    [
        ("", "ICLR 2024 oral", "oral"),
        ("", "ICML 2025 spotlightposter", "spotlight"),
        ("", "ICML 2026 regular", "accept"),
        ("", "Submitted to ICLR 2024", "accept"),  # of v2 the venueid decides, and nothing else
        ("/Rejected_Submission", "ICLR 2024 poster", "rejected"),
        ("/Submission", "ICLR 2024 Conference Submission", "undecided"),
    ],
)
def test_states_of_the_second_api(where: str, written: str, decided: str) -> None:
    note = Note({"venueid": {"value": f"ICLR.cc/2024/Conference{where}"}, "venue": {"value": written}})
    assert lists.find_decision(lists.find_layout("iclr", 2024), 2024, note) == decided


@pytest.mark.parametrize(
    ("year", "written", "decided"),
    [
        (2013, {"decision": "conferenceOral-iclr2013-conference"}, "oral"),
        (2013, {"decision": "conferencePoster-iclr2013-workshop"}, "workshop"),
        (2013, {"decision": "reject"}, "rejected"),
        (2017, {"venue": "ICLR 2017 Invite to Workshop"}, "workshop"),
        (2017, {"venue": "Submitted to ICLR 2017"}, "rejected"),
        (2018, {"withdrawal": "Confirmed"}, "withdrawn"),
        (2022, {"venue": "ICLR 2022 Submitted", "venueid": "ICLR.cc/2022/Conference"}, "rejected"),
        (2023, {"venue": "ICLR 2023 notable top 5%"}, "accept"),
        (2023, {}, "undecided"),
    ],
)
def test_states_of_the_first_api(year: int, written: dict[str, str], decided: str) -> None:
    assert lists.find_decision(lists.find_layout("iclr", year), year, Note(written)) == decided


def test_decisions_in_replies() -> None:
    def replies(*words: str) -> Note:
        return Note({}, [{"invitation": "ICLR.cc/2020/Conference/Paper7/-/Decision", "content": {"decision": word}} for word in words])  # fmt: skip

    how = lists.find_layout("iclr", 2020)
    assert lists.find_decision(how, 2020, replies("Accept (Talk)")) == "talk"
    assert lists.find_decision(how, 2020, replies("Reject", "Reject")) == "rejected"
    with pytest.raises(ValueError, match="several decisions .Accept .Poster., Reject."):
        lists.find_decision(how, 2020, replies("Reject", "Accept (Poster)"))


class Note:
    """What is read of a note of the package."""

    def __init__(self, content: dict[str, Any], replies: list[dict[str, Any]] | None = None) -> None:
        self.id = self.forum = "x"
        self.content, self.details = content, {"directReplies": replies or []}


def test_authors_are_names_or_nobody() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def authors(value: Any) -> str:
        return lists.build_submission(Note({"title": "On nothing", "authors": value}), 2024, "poster", at).authors

    assert authors(["Ada Abel", "Bo Brandt"]) == "Ada Abel, Bo Brandt"
    assert authors("Ada Abel, Bo Brandt") == "Ada Abel, Bo Brandt"
    assert authors({"value": [{"fullname": "Ada Abel", "username": "~Ada_Abel1"}]}) == "Ada Abel"
    assert authors(["Anonymous"]) == authors(["a@example.org", "~Ada_Abel1"]) == authors({"readers": []}) == ""


@pytest.mark.parametrize("year", [2012, 2015, 2016, 2101])
def test_years_that_cannot_be_had_say_why(year: int) -> None:
    with pytest.raises(UsageError, match="ICLR 2015 was not on it, and of 2016 it has the workshop alone"):
        lists.find_layout("iclr", year)


def test_usage(standin: OpenReviewStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    told = {
        ("fetch", "--source", "openreview", "--venue", "icl", "--year", 2024): "did you mean icml or iclr?",
        ("fetch", "--source", "openreview", "--venue", "iclr"): "wants --venue and --year",
        ("fetch", "--venue", "iclr", "--year", 2024): "belong to --source openreview",
        (*YEAR, "--since", "2020"): "A conference is fetched whole",
        (*YEAR, "--format", "csv"): "--format and --output are for --dry-run",
    }
    for words, sentence in told.items():
        done = run(*words, env=env)
        assert (done.exit_code, sentence in done.stderr) == (2, True), done.stderr
    plan = json.loads(run(*YEAR[:-1], 2021, "--dry-run", "--format", "json", env=env).stdout)
    assert plan["query"]["api"] == "v1" and plan["query"]["address"] == f"{standin.url}/v1"
    assert [row["invitation"].rpartition("/")[2] for row in plan["rows"]] == ["Blind_Submission", "Desk_Rejected_Submission", "Withdrawn_Submission"]  # fmt: skip
    monkeypatch.setitem(sys.modules, "openreview", None)
    missing = run(*YEAR, env=env)
    assert missing.exit_code == 2 and "pip install openreview-py" in missing.stderr
    assert standin.requests == [] and not (tmp_path / "venues").exists()


def test_addresses_of_the_wrong_generation(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    def of(year: int, v1: str, v2: str) -> OpenReview:
        return OpenReview("iclr", year, (v1, v2), Pace(None, 0.0), ADA)

    with pytest.raises(SettingsError, match="openreview_url is the address of API v1, not of v2"):
        of(2024, "https://api.openreview.net", "https://api.openreview.net")
    with pytest.raises(SettingsError, match="openreview_v1_url is the address of API v2, not of v1"):
        of(2020, "https://api2.openreview.net", "https://api2.openreview.net")
    swapped = OpenReview(
        "iclr", 2024, (f"{standin.url}/v2", f"{standin.url}/v1"), Pace(None, 0.0), Credentials(token=DEMO_TOKEN)
    )
    with pytest.raises(RetryableError, match="OpenReview lists no submissions to iclr 2024"):
        list(swapped.iter_batches(Request(()), ignore_progress))


def test_nobody_answers(tmp_path: Path) -> None:
    nobody = OpenReviewStandIn([])
    nobody.url = "http://127.0.0.1:9"
    with pytest.raises(SourceUnreachable, match="Cannot reach 127.0.0.1:9: Connection refused. Nothing was changed"):
        fetched(nobody, tmp_path)


def test_a_list_that_never_says_how_many_is_not_called_whole(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    standin.inject_fault("no count", 99)
    done = fetched(standin, tmp_path)
    assert {answer.status for answer in done.coverage_records} == {"partial"} and done.upsert_counts.new == 400
    assert "does not say how many" in done.faults[0]


def test_the_token_is_checked_and_never_shown(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    for token in ("SECRET SECRET", "SECRET€"):
        done = run(*YEAR, env={**env, "OPENREVIEW_TOKEN": token})
        assert done.exit_code == 2 and "OPENREVIEW_TOKEN is no token" in done.stderr and "SECRET" not in done.stderr
    assert run(*YEAR, env={**env, "OPENREVIEW_TOKEN": f"{DEMO_TOKEN}\n"}).exit_code == 0


def test_submissions_of_another_year_are_not_taken(standin: OpenReviewStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path)}
    papers = [{"id": entry.id, "title": entry.title, "status": "Poster"} for entry in ENTRIES[:9]]
    (tmp_path / "list.json").write_text(json.dumps(papers), encoding="utf-8")
    assert run("import", tmp_path / "list.json", "--venue", "iclr", "--year", 2023, env=env).exit_code == 0
    done = run(*YEAR, env=env)
    assert done.exit_code == 2 and "are stored as iclr 2023, so they are not of 2024" in done.stderr
    assert {row[0] for row in rows(tmp_path / "venues" / "iclr").values()} == {decision_categories("poster")}


def test_an_empty_venueid_is_no_acceptance() -> None:
    how = lists.find_layout("iclr", 2024)
    for where in ("", "/Submission", None):
        with pytest.raises(ValueError, match="unknown venueid"):
            lists.find_decision(how, 2024, Note({"venueid": {"value": where}, "venue": {"value": ""}}))
