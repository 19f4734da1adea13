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

from trendcli.cli import app
from trendcli.core.errors import NeedsPerson, SettingsError, TrendError, TryLater, Unreachable, UsageError
from trendcli.core.types import Ask, silent
from trendcli.demo.openreview import PASSWORD, TOKEN, Entry, StandIn, make, serving
from trendcli.sources import http as transport
from trendcli.sources import openreview_venues as lists
from trendcli.sources.harvest import Harvest, harvest
from trendcli.sources.openreview import Login, OpenReview
from trendcli.sources.pace import Pace
from trendcli.store.corpus import categories
from trendcli.store.sql import read_files
from trendcli.store.store import Store, venues

ENTRIES = make()
ADA = Login("ada@example.org", PASSWORD)
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
    monkeypatch.setattr(transport, "TIMEOUT", (1, 0.3))


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """ICLR 2024, in pages of 150."""
    running = StandIn(ENTRIES)
    running.cap = 150
    with serving(running):
        yield running


def source(standin: StandIn, venue: str = "iclr", year: int = 2024, login: Login = ADA, **options: Any) -> OpenReview:
    pace = options.get("pace") or Pace(None, 0.0, lambda seconds: None)
    return OpenReview(venue, year, (f"{standin.url}/v1", f"{standin.url}/v2"), pace, login)


def fetched(standin: StandIn, root: Path, venue: str = "iclr", year: int = 2024, **options: Any) -> Harvest:
    """A year brought into the store of its venue; the error where it was stopped."""
    store = Store.open_or_create(root, corpus=venue)
    done = harvest(store, source(standin, venue, year, **options), [Ask(())], silent, lambda fault: None)
    if done.stopped:
        raise done.stopped
    return done


def rows(root: Path) -> dict[str, tuple[str, ...]]:
    store, columns = Store.open(root), "id, categories, title, abstract, keywords, authors"
    files = read_files(store, store.files(), columns)
    with store.connect() as db:
        return {row[0]: row[1:] for row in db.execute(f"SELECT {columns} FROM ({files})").fetchall()}


def expected(entry: Entry, decided: str) -> tuple[str, ...]:
    authors = ", ".join(entry.authors) if "accepted" in categories(decided) else ""
    return (categories(decided), entry.title, entry.abstract, "; ".join(entry.keywords), authors)


def run(*words: object, env: dict[str, str]) -> Result:
    return CliRunner().invoke(app([str(word) for word in words]), [str(word) for word in words], env=env)


YEAR = ("fetch", "--source", "openreview", "--venue", "iclr", "--year", "2024")


def test_a_year_comes_whole_page_by_page(standin: StandIn, tmp_path: Path) -> None:
    done = fetched(standin, tmp_path)
    assert rows(tmp_path) == {e.id: expected(e, e.decided) for e in ENTRIES}
    assert (done.merged.new, done.whole) == (400, True)
    told = [(item.categories, item.status, item.expected, item.received) for item in done.answers]
    assert told == [((name,), "complete", 400, 400) for name in ("submitted", "active", "accepted")]
    answer = done.answers[0]
    assert (str(answer.since), str(answer.until), answer.version) == ("2024-01-01", "2025-01-01", "API v2")
    # each request once: a slow machine may have asked again
    asked = list(dict.fromkeys((item.path, item.query.get("after"), item.authorization) for item in standin.requests))
    assert [path for path, _, _ in asked] == ["/v2/login", "/v2/notes", "/v2/notes", "/v2/notes"]
    assert [after for _, after, _ in asked] == [None, None, *(sorted(e.id for e in ENTRIES)[at] for at in (149, 299))]
    assert {login for _, _, login in asked[1:]} == {f"Bearer {TOKEN}"}
    assert {item.agent.split("/")[0] for item in standin.requests} == {"trendcli"}


@pytest.mark.parametrize("year", V1)
def test_the_years_of_the_first_api(year: int, tmp_path: Path) -> None:
    group, told = V1[year]
    standin = StandIn(ENTRIES, group, told)
    standin.cap = 150
    with serving(standin):
        done = fetched(standin, tmp_path, year=year)
    found, states = rows(tmp_path), {e.id: e.decided for e in ENTRIES}
    if year == 2014:
        states = dict.fromkeys(states, "undecided")
    elif year == 2017:  # a list of all, without a word of those that were withdrawn
        states = {ident: "undecided" if state in ("withdrawn", "desk-rejected") else state for ident, state in states.items()}  # fmt: skip
    assert {ident: row[0] for ident, row in found.items()} == {
        ident: categories(state) for ident, state in states.items()
    }
    assert done.merged.new == 400 and not done.faults
    assert all("Anonymous" not in row[4] and "@" not in row[4] for row in found.values())
    assert {item.path for item in standin.requests} == {"/v2/login", "/v1/notes"}
    doubled = sum(e.decided == "withdrawn" and e.number % 5 == 0 for e in ENTRIES)
    assert doubled > 3  # which stand in two lists, and count once, as withdrawn


@pytest.mark.parametrize("venue", ["neurips", "icml"])
def test_where_rejected_submissions_are_hidden_only_accepted_ones_are_vouched_for(venue: str, tmp_path: Path) -> None:
    name = {"neurips": "NeurIPS", "icml": "ICML"}[venue]
    with serving(StandIn(ENTRIES, f"{name}.cc/2024/Conference")) as standin:
        done = fetched(standin, tmp_path, venue)
    status = {answer.categories: answer.status for answer in done.answers}
    assert status == {("accepted",): "complete", ("submitted",): "partial", ("active",): "partial"}


def test_a_venue_that_decides_between_two_fetches(standin: StandIn, tmp_path: Path) -> None:
    env = {**standin.env(), "TREND_STORE": str(tmp_path)}
    standin.decided = False
    first = run(*YEAR, env=env)
    assert first.exit_code == 0 and first.stdout == ""
    assert first.stderr.startswith("400 new, 0 revised, 0 known, 2024-01-01 to 2025-01-01, complete\n")
    assert "iclr 2024 has not decided yet: its submissions are stored as undecided" in first.stderr
    assert Counter(row[0].split()[0] for row in rows(tmp_path / "venues/iclr").values()).keys() == {"undecided", "withdrawn", "desk-rejected"}  # fmt: skip
    report = run("report", "--corpus", "iclr", "--status", "accepted", "--period", "2024", "-t", "rnn", env=env)
    assert (report.exit_code, report.stdout) == (4, "") and "who was accepted" in report.stderr
    time.sleep(1.01 - time.time() % 1)  # the moment of a list is told in seconds
    standin.decided = True
    again = run(*YEAR, env=env)
    waited = sum(e.decided not in ("withdrawn", "desk-rejected") for e in ENTRIES)
    assert again.stderr == f"0 new, {waited} revised, {400 - waited} known, 2024-01-01 to 2025-01-01, complete\n"
    found = rows(tmp_path / "venues/iclr")
    assert found == {e.id: expected(e, e.decided) for e in ENTRIES}
    accepted = sum("accepted" in categories(e.decided) for e in ENTRIES)
    report = run("report", "--corpus", "iclr", "--status", "accepted", "--period", "2024", "-t", "rnn", "--format", "json", env=env)  # fmt: skip
    assert json.loads(report.stdout)["rows"][0]["base"] == accepted


def test_a_year_that_is_decided_and_stored_is_frozen(standin: StandIn, tmp_path: Path) -> None:
    env = {**standin.env(), "TREND_STORE": str(tmp_path)}
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
    with serving(StandIn(ENTRIES, *V1[2014])) as standin:
        env = {**standin.env(), "TREND_STORE": str(tmp_path)}
        done = run(*YEAR[:-1], 2014, env=env)
        assert done.exit_code == 0 and "OpenReview has no decisions of iclr 2014" in done.stderr
        assert "is frozen" in run(*YEAR[:-1], 2014, env=env).stderr


def test_some_decisions_leave_what_was_accepted_open(tmp_path: Path) -> None:
    with serving(StandIn(ENTRIES, *V1[2022])) as standin:
        standin._stated = lambda decided: {} if decided == "poster" else StandIn._stated(standin, decided)  # type: ignore[method-assign]
        env = {**standin.env(), "TREND_STORE": str(tmp_path)}
        done = run(*YEAR[:-1], 2022, env=env)
        assert done.exit_code == 0 and "have no decision yet" in done.stderr
        assert "is frozen" not in run(*YEAR[:-1], 2022, env=env).stderr


# fault, how often it shows, the error that it ends in (None: none), and words of it
FAULTS: list[tuple[str, int, type[TrendError] | None, str]] = [
    ("503", 2, None, ""),
    ("503", 5, TryLater, "OpenReview did not answer as it should, 5 times in a row: status 503"),
    ("hang", 1, None, ""),
    ("cut", 1, None, ""),
    ("torn", 1, None, ""),
    ("torn", 5, TryLater, "a reply that is no JSON"),
    ("no notes", 5, TryLater, "a reply without a list of notes"),
    ("429 for a moment", 1, None, ""),
    (
        "429 for half an hour",
        1,
        TryLater,
        r"takes no more requests for now: ask again after \d{4}-\d\d-\d\d \d\d:\d\d UTC",
    ),
    ("429 by header", 1, TryLater, "takes no more requests for now: ask again after"),
    ("challenge", 1, None, ""),
    ("challenge", 2, Unreachable, "a challenge although there is a login, as it does at times.*try again later"),
    ("challenge page", 2, Unreachable, "a challenge although there is a login"),
    ("refused", 1, Unreachable, "OpenReview refuses this machine .403.. Nothing more is asked of it for 24 hours"),
    ("forbidden", 1, NeedsPerson, "does not show this list to this login .This Note is Forbidden."),
    ("no such list", 1, TryLater, "OpenReview lists no submissions to iclr 2024"),
    ("skips one", 1, None, ""),
    (
        "skips one",
        9,
        TryLater,
        "declares 400 notes of .*/-/Submission and sent 397, twice. A year is stored whole or not",
    ),
    ("counts too many", 1, None, ""),
    ("counts too many", 9, TryLater, "declares 403 notes of .* and sent 400, twice"),
    ("no count", 1, None, ""),
    ("the other form", 1, SettingsError, "openreview_url is the address of API v1, not of v2"),
]


@pytest.mark.parametrize(
    ("fault", "times", "error", "words"), FAULTS, ids=lambda value: value if isinstance(value, str) else None
)
def test_every_fault_is_overcome_or_leaves_the_store_as_it_was(
    standin: StandIn, tmp_path: Path, fault: str, times: int, error: type[TrendError] | None, words: str
) -> None:
    standin.misbehave(fault, times)
    if error is None:
        done = fetched(standin, tmp_path)
        assert (done.merged.new, done.whole, len(rows(tmp_path))) == (400, True, 400)
        return
    with pytest.raises(error, match=words):
        fetched(standin, tmp_path)
    assert not (tmp_path / "manifest.json").exists() and not list(tmp_path.rglob("*.parquet"))


def test_what_was_stored_stays_when_a_later_fetch_is_broken_off(standin: StandIn, tmp_path: Path) -> None:
    fetched(standin, tmp_path)
    before = (tmp_path / "manifest.json").read_bytes()
    standin.misbehave("503", 5, lambda asked: "after" in asked.query)
    with pytest.raises(TryLater, match="so nothing was stored; try later"):
        fetched(standin, tmp_path)
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_a_short_limit_is_waited_for(standin: StandIn, tmp_path: Path) -> None:
    waits: list[float] = []
    standin.misbehave("429 for a moment")
    fetched(standin, tmp_path, pace=Pace(None, 0.0, waits.append))
    assert [wait for wait in waits if wait > 0.1] == [pytest.approx(2.0, abs=0.5)]


def test_a_long_limit_is_remembered_by_every_process(standin: StandIn, tmp_path: Path) -> None:
    env = {**standin.env(), "TREND_STORE": str(tmp_path / "store"), "XDG_STATE_HOME": str(tmp_path / "state")}
    standin.misbehave("429 for half an hour")
    lifted = datetime.now(UTC) + timedelta(minutes=30)
    told = run(*YEAR, env=env)
    moments = [f"{lifted + timedelta(minutes=late):%Y-%m-%d %H:%M} UTC" for late in (0, 1)]
    assert told.exit_code == 3 and any(moment in told.stderr for moment in moments)
    asked = len(standin.requests)
    again = run(*YEAR, env=env)
    assert again.exit_code == 3 and any(moment in again.stderr for moment in moments)
    assert len(standin.requests) == asked and venues(tmp_path / "store") == []


def test_without_a_login(standin: StandIn, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="comes without a login.*Set OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD"):
        fetched(standin, tmp_path, login=Login())
    standin.guarded = False
    standin.misbehave("challenge page")
    with pytest.raises(Unreachable, match="comes without a login"):
        fetched(standin, tmp_path, login=Login())
    assert len(standin.requests) == 2  # neither was asked again
    assert fetched(standin, tmp_path, login=Login()).merged.new == 400
    assert all(not asked.authorization and asked.path == "/v2/notes" for asked in standin.requests)


def test_logins_that_fail(standin: StandIn, tmp_path: Path) -> None:
    with pytest.raises(NeedsPerson, match="OpenReview refuses the login .Invalid username or password.") as refused:
        fetched(standin, tmp_path, login=Login("ada@example.org", "wrong"))
    assert refused.value.code == 4 and "wrong" not in str(refused.value)
    with pytest.raises(SettingsError, match="OPENREVIEW_PASSWORD is not set"):
        fetched(standin, tmp_path, login=Login("ada@example.org"))
    with pytest.raises(NeedsPerson, match="does not show this list to this login .Token has expired"):
        fetched(standin, tmp_path, login=Login(token="old"))
    standin.factor = True
    with pytest.raises(NeedsPerson, match="second factor.*OPENREVIEW_TOKEN"):
        fetched(standin, tmp_path)
    assert fetched(standin, tmp_path, login=Login(token=f"Bearer {TOKEN}")).merged.new == 400
    assert [asked.path for asked in standin.requests].count("/v2/login") == 2
    assert "ada@example.org" not in "".join(path.read_text(errors="ignore") for path in tmp_path.rglob("*.json"))


def test_nothing_of_the_package_reaches_stdout_or_asks_at_a_terminal(standin: StandIn, tmp_path: Path) -> None:
    """Its own tries are printed and its codes asked for at a terminal; a child with one shows neither."""
    import pty

    standin.misbehave("503", 2)
    standin.factor = True
    env = {**standin.env(), "TREND_STORE": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "PATH": "/usr/bin"}
    _, slave = pty.openpty()
    words = [sys.executable, "-W", "error", "-m", "trendcli", *YEAR]
    asked = subprocess.run(words, env=env, stdin=slave, capture_output=True, text=True, timeout=60)
    assert (asked.returncode, asked.stdout) == (4, "") and "second factor" in asked.stderr
    standin.factor = False
    done = subprocess.run(words, env=env, stdin=slave, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "400 new, 0 revised, 0 known, 2024-01-01 to 2025-01-01, complete\n"


def test_a_note_that_cannot_be_read_leaves_the_year_partial(standin: StandIn, tmp_path: Path) -> None:
    standin.misbehave("no title")
    env = {**standin.env(), "TREND_STORE": str(tmp_path)}
    done = run(*YEAR, env=env)
    first = min(e.id for e in ENTRIES)
    assert done.exit_code == 3 and f"trend: {first}: it has no title" in done.stderr
    assert "399 new" in done.stderr and "incomplete" in done.stderr
    assert "is frozen" not in run(*YEAR, env=env).stderr and len(rows(tmp_path / "venues/iclr")) == 400


def test_states_that_nobody_has_seen_are_named(standin: StandIn, tmp_path: Path) -> None:
    standin._stated = lambda decided: {"venueid": f"{standin.group}/{decided}"}  # type: ignore[method-assign]
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
    assert lists.decided(lists.held("iclr", 2024), 2024, note) == decided


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
    assert lists.decided(lists.held("iclr", year), year, Note(written)) == decided


def test_decisions_in_replies() -> None:
    def replies(*words: str) -> Note:
        return Note({}, [{"invitation": "ICLR.cc/2020/Conference/Paper7/-/Decision", "content": {"decision": word}} for word in words])  # fmt: skip

    how = lists.held("iclr", 2020)
    assert lists.decided(how, 2020, replies("Accept (Talk)")) == "talk"
    assert lists.decided(how, 2020, replies("Reject", "Reject")) == "rejected"
    with pytest.raises(ValueError, match="several decisions .Accept .Poster., Reject."):
        lists.decided(how, 2020, replies("Reject", "Accept (Poster)"))


class Note:
    """What is read of a note of the package."""

    def __init__(self, content: dict[str, Any], replies: list[dict[str, Any]] | None = None) -> None:
        self.id = self.forum = "x"
        self.content, self.details = content, {"directReplies": replies or []}


def test_authors_are_names_or_nobody() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def authors(value: Any) -> str:
        return lists.submission(Note({"title": "On nothing", "authors": value}), 2024, "poster", at).authors

    assert authors(["Ada Abel", "Bo Brandt"]) == "Ada Abel, Bo Brandt"
    assert authors("Ada Abel, Bo Brandt") == "Ada Abel, Bo Brandt"
    assert authors({"value": [{"fullname": "Ada Abel", "username": "~Ada_Abel1"}]}) == "Ada Abel"
    assert authors(["Anonymous"]) == authors(["a@example.org", "~Ada_Abel1"]) == authors({"readers": []}) == ""


@pytest.mark.parametrize("year", [2012, 2015, 2016, 2101])
def test_years_that_cannot_be_had_say_why(year: int) -> None:
    with pytest.raises(UsageError, match="ICLR 2015 was not on it, and of 2016 it has the workshop alone"):
        lists.held("iclr", year)


def test_usage(standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = {**standin.env(), "TREND_STORE": str(tmp_path)}
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


def test_addresses_of_the_wrong_generation(standin: StandIn, tmp_path: Path) -> None:
    def of(year: int, v1: str, v2: str) -> OpenReview:
        return OpenReview("iclr", year, (v1, v2), Pace(None, 0.0), ADA)

    with pytest.raises(SettingsError, match="openreview_url is the address of API v1, not of v2"):
        of(2024, "https://api.openreview.net", "https://api.openreview.net")
    with pytest.raises(SettingsError, match="openreview_v1_url is the address of API v2, not of v1"):
        of(2020, "https://api2.openreview.net", "https://api2.openreview.net")
    swapped = OpenReview("iclr", 2024, (f"{standin.url}/v2", f"{standin.url}/v1"), Pace(None, 0.0), Login(token=TOKEN))
    with pytest.raises(TryLater, match="OpenReview lists no submissions to iclr 2024"):
        list(swapped.batches(Ask(()), silent))


def test_nobody_answers(tmp_path: Path) -> None:
    nobody = StandIn([])
    nobody.url = "http://127.0.0.1:9"
    with pytest.raises(Unreachable, match="Cannot reach 127.0.0.1:9: Connection refused. Nothing was changed"):
        fetched(nobody, tmp_path)


def test_a_list_that_never_says_how_many_is_not_called_whole(standin: StandIn, tmp_path: Path) -> None:
    standin.misbehave("no count", 99)
    done = fetched(standin, tmp_path)
    assert {answer.status for answer in done.answers} == {"partial"} and done.merged.new == 400
    assert "does not say how many" in done.faults[0]


def test_the_token_is_checked_and_never_shown(standin: StandIn, tmp_path: Path) -> None:
    env = {**standin.env(), "TREND_STORE": str(tmp_path)}
    for token in ("SECRET SECRET", "SECRET€"):
        done = run(*YEAR, env={**env, "OPENREVIEW_TOKEN": token})
        assert done.exit_code == 2 and "OPENREVIEW_TOKEN is no token" in done.stderr and "SECRET" not in done.stderr
    assert run(*YEAR, env={**env, "OPENREVIEW_TOKEN": f"{TOKEN}\n"}).exit_code == 0


def test_submissions_of_another_year_are_not_taken(standin: StandIn, tmp_path: Path) -> None:
    env = {**standin.env(), "TREND_STORE": str(tmp_path)}
    papers = [{"id": entry.id, "title": entry.title, "status": "Poster"} for entry in ENTRIES[:9]]
    (tmp_path / "list.json").write_text(json.dumps(papers), encoding="utf-8")
    assert run("import", tmp_path / "list.json", "--venue", "iclr", "--year", 2023, env=env).exit_code == 0
    done = run(*YEAR, env=env)
    assert done.exit_code == 2 and "are stored as iclr 2023, so they are not of 2024" in done.stderr
    assert {row[0] for row in rows(tmp_path / "venues" / "iclr").values()} == {categories("poster")}


def test_an_empty_venueid_is_no_acceptance() -> None:
    how = lists.held("iclr", 2024)
    for where in ("", "/Submission", None):
        with pytest.raises(ValueError, match="unknown venueid"):
            lists.decided(how, 2024, Note({"venueid": {"value": where}, "venue": {"value": ""}}))
