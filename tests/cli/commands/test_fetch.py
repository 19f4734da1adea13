"""fetch: what is requested, over weeks, and what a person is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.commands import run
from tests.standins.arxiv import ArxivStandIn, expected_rows, recent_submission, rows
from tests.standins.snapshot import line
from tests.worlds import coverage_record, edit_manifest, fill, gan_world
from trendcli.core.registry import SOURCES, RegistryEntry
from trendcli.core.types import Batch, Progress, Request
from trendcli.demo.corpus import SyntheticSubmission
from trendcli.store.store import Store

DUMMY_SOURCE: Any = None
NOW = datetime.now(UTC)
TODAY = NOW.date()
CATEGORIES = ("cs.LG", "cs.CL", "cs.CV", "cs.NE", "stat.ML")
CATEGORY_OPTIONS = [word for name in CATEGORIES for word in ("-c", name)]


def age_records(root: Path, days: int) -> None:
    """Make the store believe that all its coverage records are some days older."""

    def age_ledger(manifest: dict[str, Any]) -> None:
        for record in manifest["ledger"]:
            at = datetime.fromisoformat(record["answered_at"]) - timedelta(days=days)
            record["answered_at"] = at.isoformat()
            if record["changed"]:
                record["changed"][1] = str(at.date())

    edit_manifest(root, age_ledger)


@pytest.mark.journey
@pytest.mark.parametrize("source", ["arxiv", "oai"])
def test_weeks_of_upkeep_by_either_source(
    live: tuple[ArxivStandIn, dict[str, str]], tmp_path: Path, source: str
) -> None:
    standin, env = live
    words = ["fetch", "--source", source]
    first = run(*words, "-c", "cs.LG", "--since", str(TODAY - timedelta(days=90)), env=env)
    assert first.exit_code == 0, first.stderr
    stored = Store.open(tmp_path / "store").manifest.submission_count
    assert stored in (90, 91) or source == "oai"
    assert re.search(rf"{stored} new, 0 revised, 0 unchanged, .* to {TODAY}, complete", first.stderr)
    assert "0 new, 0 revised: everything is covered or was fetched today" in run(*words, env=env).stderr
    age_records(tmp_path / "store", 8)  # a week and a day later
    old = standin.submissions[80]
    standin.submissions = [
        *[replace(p, versions=(*p.versions, NOW), title="Anew", changed=TODAY) if p is old else p for p in standin.submissions],
        recent_submission(900, 1.5, changed=TODAY), recent_submission(901, 12, changed=TODAY),
    ]  # fmt: skip
    again = run(*words, env=env)
    assert again.exit_code == 0 and again.stderr.startswith("2 new, 1 revised")
    assert rows(Store.open(tmp_path / "store"))[old.id][4] == "Anew"
    status = json.loads(run("status", "--format", "json", env=env).stdout)
    assert [row["status"] for row in status["rows"]] == ["complete", "provisional"]
    assert status["rows"][0]["until"] == str(TODAY - timedelta(days=14))
    assert "0 days old" in " ".join(status["notes"])


@pytest.mark.journey
def test_a_snapshot_joins_on_to_what_is_fetched(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    """Import what was known on a day, fetch the rest by either source: all of it once, and no gap between.

    The day of the fetch is soon after the last submission: years without any would not be believed.
    """
    moment = datetime(2019, 6, 1, tzinfo=UTC)
    end = datetime(2020, 1, 1, tzinfo=UTC)
    standin.submissions = small_corpus = [p for p in small_corpus if p.versions[-1] < end]

    def text(at: datetime) -> str:
        return f"{at:%a, %d %b %Y %H:%M:%S} GMT"

    known = [p for p in small_corpus if p.published_at < moment]
    lines = []
    for p in known:
        dates = [at for at in p.versions if at < moment]
        fields = {"title": p.title, "abstract": p.abstract, "authors": ", ".join(p.authors), "comments": p.comment}
        day, listed = str(dates[-1].date()), " ".join(p.categories)
        lines.append(line(p.id, *map(text, dates), **fields, categories=listed, update_date=day))
    lines[-1]["update_date"] = "2019-06-01"
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(record) + "\n" for record in lines))
    for source in ("arxiv", "oai"):
        env = {**standin.build_environment(), "TREND_STORE": str(tmp_path / source)}
        assert run("import", tmp_path / "s.jsonl", "--complete", "all", env=env).exit_code == 0
        with time_machine.travel(end + timedelta(hours=12)):
            fetched = run("fetch", "--source", source, env=env)
        assert fetched.exit_code == 0, fetched.stderr
        assert fetched.stderr.startswith(f"{len(small_corpus) - len(known)} new, ")
        store = Store.open(tmp_path / source)
        stored_rows = rows(store)
        assert stored_rows.keys() == expected_rows(small_corpus).keys() and store.manifest.submission_count == len(
            small_corpus
        )
        if source == "oai":  # changes bring every revision, the API's window those of the last weeks
            assert stored_rows == expected_rows(small_corpus)
        spans = store.build_coverage().category_spans("cs.LG")
        assert [s.status for s in spans] == ["complete", "provisional"] and spans[0].since.year == 2018
        years = json.loads(run("report", "--by", "year", *CATEGORY_OPTIONS, "--format", "json", env=env).stdout)["rows"]
        counts = [sum(p.published_at.year == year for p in small_corpus) for year in (2018, 2019)]
        assert [row["count"] for row in years[:2]] == counts


def test_without_a_store_it_needs_a_start(live: tuple[ArxivStandIn, dict[str, str]]) -> None:
    standin, env = live
    refused = run("fetch", env=env)
    assert refused.exit_code == 2 and "nothing to resume. Give a start, e.g. --since 2024-01." in refused.stderr
    assert "cs.LG stat.ML cs.AI" in refused.stderr  # the scope of the settings
    assert standin.requests == []


def test_options_that_do_not_fit_get_a_sentence(live: tuple[ArxivStandIn, dict[str, str]]) -> None:
    _, env = live
    for words, message in (
        (["--source", "oia"], "No source 'oia' (did you mean oai?)"),
        (["--source", "oai", "--until", "2020"], "--source oai cannot be combined with --until"),
        (["--since", "2020", "--until", "2019"], "The window is reversed"),
        (["--since", "2099"], "is in the future"),
        (
            ["-c", "cs.LG", "--since", "2024", "--format", "json"],
            "--format and --output need --dry-run. Nothing was fetched.",
        ),
        (["-c", "cs.XX", "--since", "2024"], "No category 'cs.XX'"),
        (["--venue", "iclr", "--year", "2024"], "--source arxiv cannot be combined with --venue or --year."),
        (["--source", "openreview", "-c", "cs.LG"], "--source openreview cannot be combined with --category."),
        (
            ["--source", "openreview", "--again"],
            "--source openreview cannot be combined with --again. A year of a venue",
        ),
        (["--again"], "--again needs a start: give --since, and --until unless the days to repeat end today."),
        (["--again", "-c", "cs.LG", "--until", "2020"], "--again needs a start"),
        (["--again", "--source", "oai", "--since", "2019", "--until", "2020"], "--source oai cannot be combined with"),
    ):
        result = run("fetch", *words, env=env)
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


@pytest.mark.journey
def test_a_dry_run_shows_what_would_be_requested(standin: ArxivStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path / "store")}
    plan = run(
        "fetch", *CATEGORY_OPTIONS, "--since", "2018", "--until", "2020", "--dry-run", "--format", "json", env=env
    )
    plan_rows = json.loads(plan.stdout)["rows"]
    assert len(standin.requests) == 1  # one for the total
    assert plan_rows == [
        {
            "categories": "cs.LG cs.CL cs.CV cs.NE stat.ML", "since": "2018-01-01", "until": "2020-01-01",
            "submissions": 600, "slices": 2, "requests": 4, "minutes": 0.2,
        }
    ]  # fmt: skip
    assert not (tmp_path / "store").exists()
    standin.requests.clear()
    run("fetch", *CATEGORY_OPTIONS, "--since", "2018", "--until", "2020", env=env)
    assert len(standin.requests) == plan_rows[0]["requests"]
    text = run("fetch", "--source", "oai", *CATEGORY_OPTIONS, "--since", "2017", "--dry-run", env=env)
    assert "A fetch would send" in text.stdout and "Dates are change dates" in text.stdout


def test_a_dry_run_without_a_network_shows_upper_bounds(tmp_path: Path) -> None:
    env = {"TREND_ARXIV_URL": "http://127.0.0.1:9/q", "TREND_REQUEST_INTERVAL_S": "0", "TREND_STORE": str(tmp_path)}
    plan = run("fetch", "-c", "cs.LG", "--since", "2024-01", "--until", "2024-02", "--dry-run", env=env)
    assert plan.exit_code == 0 and "These are upper bounds, at 900 submissions a day" in plan.stdout
    assert "Cannot reach 127.0.0.1:9: Connection refused." in plan.stdout
    assert "27,900" in plan.stdout  # 31 days of the busiest month there was
    changes = run("fetch", "--source", "oai", "-c", "cs.LG", "--since", "2024-01", "--dry-run", env=env).stdout
    # a list of changes declares no total, so the API is asked for one
    assert "Cannot reach 127.0.0.1:9: Connection refused." in changes
    assert "Nothing was fetched from oaipmh.arxiv.org." in changes


def test_a_span_can_be_fetched_again(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    """What a faulty server left out, and called complete, comes with --again; the ledger follows the later answer."""
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path / "store")}
    window = ("--since", "2018", "--until", "2019")
    whole = standin.submissions
    standin.submissions = whole[::2]
    assert run("fetch", *CATEGORY_OPTIONS, *window, env=env).exit_code == 0
    standin.submissions, standin.last_results = whole, ("", [])
    standin.requests.clear()
    assert "everything is covered" in run("fetch", *CATEGORY_OPTIONS, *window, env=env).stderr
    plan = json.loads(run("fetch", "--again", *window, "--dry-run", "--format", "json", env=env).stdout)["rows"]
    assert [(row["categories"], row["since"], row["until"], row["submissions"]) for row in plan] == [
        (" ".join(sorted(CATEGORIES)), "2018-01-01", "2019-01-01", 250)
    ]
    again = run("fetch", "--again", *window, env=env)
    assert again.exit_code == 0 and again.stderr.startswith(
        "125 new, 0 revised, 125 unchanged, 2018-01-01 to 2019-01-01"
    )
    assert rows(Store.open(tmp_path / "store")) == expected_rows(
        [p for p in small_corpus if p.published_at.year == 2018]
    )
    standin.inject_fault(
        "entry without a date", times=99, when=lambda query: query["max_results"] != "1" and query["start"] == "0"
    )
    assert run("fetch", "--again", "-c", "cs.LG", *window, env=env).exit_code == 3
    standin.pending_faults = []
    coverage = Store.open(tmp_path / "store").build_coverage()
    assert [span.status for span in coverage.category_spans("cs.LG")] == ["partial"]
    assert [span.status for span in coverage.category_spans("cs.CL")] == ["complete"]
    assert run("fetch", "--again", "-c", "cs.LG", *window, env=env).exit_code == 0
    coverage = Store.open(tmp_path / "store").build_coverage()
    assert [span.status for span in coverage.category_spans("cs.LG")] == ["complete"]


def test_changes_can_be_fetched_again(standin: ArxivStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path / "store")}
    words = ("fetch", "--source", "oai", "-c", "cs.LG")
    assert run(*words, env=env).exit_code == 0
    assert "everything is covered or was fetched today" in run(*words, env=env).stderr
    standin.requests.clear()
    again = run(*words, "--again", "--since", "2019-06", env=env)
    assert again.exit_code == 0 and "0 new, 0 revised" in again.stderr
    assert [query["from"] for query in standin.requests] == ["2019-06-01"] * 2


def test_an_outage_is_said_and_ended_by_the_next_fetch(standin: ArxivStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path / "store")}
    words = ("fetch", "-c", "cs.LG", "--since", "2018", "--until", "2020")
    standin.inject_fault("no results", times=99)
    failed = run(*words, env=env)
    assert failed.exit_code == 3 and "arXiv reports no submissions to cs.LG, and none at any time" in failed.stderr
    standin.pending_faults = []
    assert run("fetch", "-c", "cs.LG", "--until", "2020", env=env).exit_code == 0  # asks for what failed
    spans = Store.open(tmp_path / "store").build_coverage().category_spans("cs.LG")
    assert [(span.status, str(span.since), str(span.until)) for span in spans] == [
        ("complete", "2018-01-01", "2020-01-01")
    ]


def test_an_answer_of_the_future_is_named(tmp_path: Path) -> None:
    """An earlier program believed a clock that was ahead, and called days complete that had not been."""
    ahead = TODAY + timedelta(days=450)
    fill(tmp_path, gan_world()[:3], [coverage_record(since="2018-01-01", until=str(ahead), at=str(ahead))])
    result = run("fetch", "-c", "cs.LG", "--since", "2019", "--store", tmp_path)
    assert result.exit_code == 3
    assert f"clock says {TODAY}, but the store has an answer of {ahead}, so nothing was requested" in result.stderr


def test_a_contact_that_is_no_header_is_a_wrong_setting(live: tuple[ArxivStandIn, dict[str, str]]) -> None:
    standin, env = live
    for contact in ("日本", "a\nb: c", "a\x1b"):
        refused = run("fetch", "-c", "cs.LG", "--since", "2024", env={**env, "TREND_CONTACT": contact})
        assert refused.exit_code == 2 and "setting 'contact' is" in refused.stderr
    assert standin.requests == []


@pytest.mark.journey
def test_a_failed_fetch_is_shown_and_repeated(live: tuple[ArxivStandIn, dict[str, str]], tmp_path: Path) -> None:
    standin, env = live
    standin.inject_fault("500", times=999, when=lambda query: query["max_results"] != "1")
    failed = run("fetch", "-c", "cs.LG", "--since", str(TODAY - timedelta(days=60)), env=env)
    assert failed.exit_code == 3
    assert "no usable response in 5 tries: status 500. Everything received so far is stored" in failed.stderr
    assert "0 new" not in failed.stderr
    assert "failed: " in run("status", env=env).stdout
    assert run("doctor", env=env).exit_code == 4
    standin.pending_faults = []
    (tmp_path / "store").joinpath("x").write_text("")
    assert run("fetch", env=env).exit_code == 0
    assert "failed: " not in run("status", env=env).stdout
    assert run("doctor", env=env).exit_code == 0


def test_a_refusal_holds_for_the_next_command(live: tuple[ArxivStandIn, dict[str, str]], tmp_path: Path) -> None:
    standin, env = live
    env = {**env, "XDG_STATE_HOME": str(tmp_path / "state")}
    standin.inject_fault("403")
    assert run("fetch", "-c", "cs.LG", "--since", "2019", env=env).exit_code == 3
    request_count = len(standin.requests)
    for words in (["--source", "oai"], [], ["--store", tmp_path / "other"]):
        result = run("fetch", *words, "-c", "cs.LG", "--since", "2019", env=env)
        assert (
            result.exit_code == 3
            and "refused requests from this machine (status 403), so none are sent before" in result.stderr
        )
    assert len(standin.requests) == request_count


def test_progress_is_for_terminals_and_cron_hears_nothing(live: tuple[ArxivStandIn, dict[str, str]]) -> None:
    _, env = live
    quiet = run("fetch", "-q", "-c", "cs.LG", "--since", str(TODAY - timedelta(days=30)), env=env)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")


def test_submissions_of_a_window_are_fetched_once(standin: ArxivStandIn, tmp_path: Path) -> None:
    env = {"TREND_ARXIV_URL": standin.url, "TREND_REQUEST_INTERVAL_S": "0", "TREND_STORE": str(tmp_path / "store")}
    first = run("fetch", "-c", "cs.CL", "-c", "cs.LG", "--since", "2018", "--until", "2019", env=env)
    assert first.exit_code == 0, first.stderr
    assert first.stdout == ""
    new = int(first.stderr.split(" new")[0].replace(",", ""))
    assert 100 < new <= 250 and "2018-01-01 to 2019-01-01, complete" in first.stderr
    again = run(
        "fetch", "-c", "cs.CL", "-c", "cs.LG", "--since", "2018", "--until", "2019", "--fail-if-unchanged", env=env
    )
    assert again.exit_code == 5 and "0 new, 0 revised: everything is covered" in again.stderr
    assert run("report", "--by", "year", env=env).exit_code == 0


def test_an_incomplete_fetch_exits_with_3(standin: ArxivStandIn, tmp_path: Path) -> None:
    standin.inject_fault("entry without a date", times=99, when=lambda query: query["max_results"] != "1")
    env = {"TREND_ARXIV_URL": standin.url, "TREND_REQUEST_INTERVAL_S": "0", "TREND_STORE": str(tmp_path / "store")}
    result = run("fetch", "-c", "cs.LG", "--since", "2018", "--until", "2019", env=env)
    assert result.exit_code == 3
    assert "stored as partial" in result.stderr and "incomplete" in result.stderr
    nothing = run("report", "-t", "gan", env=env)
    assert nothing.exit_code == 4 and "not covered" not in nothing.stdout


def test_an_unreachable_network(tmp_path: Path) -> None:
    env = {"TREND_ARXIV_URL": "http://127.0.0.1:9/api/query", "TREND_REQUEST_INTERVAL_S": "0"}
    result = run("fetch", "-c", "cs.LG", "--since", "2018", "--store", tmp_path / "s", env=env)
    assert result.exit_code == 3
    assert "Cannot reach 127.0.0.1:9" in result.stderr and "The store is unchanged" in result.stderr


def test_a_registered_source_is_fetched_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[Request] = []

    class Dummy:
        name = "dummy"

        def __init__(self, url: str, pace: object, contact: str) -> None:
            assert (url, contact) == ("", "a@example.org")

        def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
            requests.append(request)
            yield Batch(None, (coverage_record(["cs.LG"], "2024-01-01", str(TODAY + timedelta(days=1)), str(TODAY)),))

    monkeypatch.setattr("tests.cli.commands.test_fetch.DUMMY_SOURCE", Dummy)
    monkeypatch.setitem(
        SOURCES, "dummy", RegistryEntry("tests.cli.commands.test_fetch:DUMMY_SOURCE", "", updates_arxiv=True)
    )
    env = {"TREND_STORE": str(tmp_path), "TREND_CONTACT": "a@example.org"}
    result = run("fetch", "--source", "dummy", "-c", "cs.LG", "--since", "2024-01", env=env)
    assert result.exit_code == 0, result.stderr
    assert [request.categories for request in requests] == [("cs.LG",)]
    assert "Known: arxiv, oai, openreview, dummy." in run("fetch", "--source", "no", env=env).stderr


def test_made_up_and_real_data_do_not_mix(tmp_path: Path) -> None:
    fill(tmp_path, gan_world()[:3], [coverage_record()], synthetic=True)
    result = run("fetch", "-c", "cs.LG", "--since", "2018", "--store", tmp_path)
    assert result.exit_code == 2 and "holds made-up data" in result.stderr
