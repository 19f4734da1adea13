"""`trend fetch` and `trend status` as a person uses them, over weeks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.standins.arxiv import ArxivStandIn, expected, rows, run_stand_in
from tests.standins.snapshot import line
from trendcli.cli import build_app
from trendcli.demo.corpus import SyntheticSubmission
from trendcli.store.store import Store

NOW = datetime.now(UTC)
TODAY = NOW.date()
CATEGORIES = ("cs.LG", "cs.CL", "cs.CV", "cs.NE", "stat.ML")
ASKED = [word for name in CATEGORIES for word in ("-c", name)]


def run(*words: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(build_app([str(word) for word in words]), [str(word) for word in words], env=env or {})


def recent(number: int, days_ago: float, category: str = "cs.LG", **changes: Any) -> SyntheticSubmission:
    at = NOW - timedelta(days=days_ago)
    return SyntheticSubmission(
        f"{at:%y%m}.{number:05d}", (at,), f"Paper {number}", "a", ("Ada Abel",), (category,), **changes
    )


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[ArxivStandIn, dict[str, str]]]:
    """An arXiv of the last 100 days, one submission a day."""
    with run_stand_in(ArxivStandIn([recent(n, 100 - n) for n in range(1, 100)])) as standin:
        yield standin, {**standin.build_environment(), "TREND_STORE": str(tmp_path / "store")}


def answered(root: Path, days: int) -> None:
    """Make the store believe that all its answers were given some days ago."""
    path = root / "manifest.json"
    value = json.loads(path.read_text())
    for item in value["ledger"]:
        at = datetime.fromisoformat(item["answered_at"]) - timedelta(days=days)
        item["answered_at"] = at.isoformat()
        if item["changed"]:
            item["changed"][1] = str(at.date())
    path.write_text(json.dumps(value))


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
    assert re.search(rf"{stored} new, 0 revised, 0 known, .* to {TODAY}, complete", first.stderr)
    assert "0 new, 0 revised: all of it is covered, or was answered today" in run(*words, env=env).stderr
    answered(tmp_path / "store", 8)  # a week and a day later
    old = standin.submissions[80]
    standin.submissions = [
        *[replace(p, versions=(*p.versions, NOW), title="Anew", changed=TODAY) if p is old else p for p in standin.submissions],
        recent(900, 1.5, changed=TODAY), recent(901, 12, changed=TODAY),
    ]  # fmt: skip
    again = run(*words, env=env)
    assert again.exit_code == 0 and again.stderr.startswith("2 new, 1 revised")
    assert rows(Store.open(tmp_path / "store"))[old.id][4] == "Anew"
    status = json.loads(run("status", "--format", "json", env=env).stdout)
    assert [row["status"] for row in status["rows"]] == ["complete", "provisional"]
    assert status["rows"][0]["until"] == str(TODAY - timedelta(days=14))
    assert "0 days old" in " ".join(status["notes"])


def test_a_snapshot_joins_on_to_what_is_fetched(
    standin: ArxivStandIn, small_corpus: list[SyntheticSubmission], tmp_path: Path
) -> None:
    """Import what was known on a day, fetch the rest by either source: all of it once, and no gap between."""
    moment = datetime(2019, 6, 1, tzinfo=UTC)

    def text(at: datetime) -> str:
        return f"{at:%a, %d %b %Y %H:%M:%S} GMT"

    known = [p for p in small_corpus if p.published_at < moment]
    lines = []
    for p in known:
        dates = [at for at in p.versions if at < moment]
        told = {"title": p.title, "abstract": p.abstract, "authors": ", ".join(p.authors), "comments": p.comment}
        day, listed = str(dates[-1].date()), " ".join(p.categories)
        lines.append(line(p.id, *map(text, dates), **told, categories=listed, update_date=day))
    lines[-1]["update_date"] = "2019-06-01"
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(item) + "\n" for item in lines))
    for source in ("arxiv", "oai"):
        env = {**standin.build_environment(), "TREND_STORE": str(tmp_path / source)}
        assert run("import", tmp_path / "s.jsonl", "--complete", "all", env=env).exit_code == 0
        fetched = run("fetch", "--source", source, env=env)
        assert fetched.exit_code == 0, fetched.stderr
        assert fetched.stderr.startswith(f"{600 - len(known)} new, ")
        store = Store.open(tmp_path / source)
        found = rows(store)
        assert found.keys() == expected(small_corpus).keys() and store.manifest.submission_count == 600
        if source == "oai":  # changes bring every revision, the API's window those of the last weeks
            assert found == expected(small_corpus)
        spans = store.build_coverage().category_spans("cs.LG")
        assert [s.status for s in spans] == ["complete", "provisional"] and spans[0].since.year == 2018
        years = json.loads(run("report", "--by", "year", *ASKED, "--format", "json", env=env).stdout)["rows"]
        assert [row["count"] for row in years[:2]] == [250, 350]


def test_without_a_store_it_asks_from_when(live: tuple[ArxivStandIn, dict[str, str]]) -> None:
    standin, env = live
    refused = run("fetch", env=env)
    assert refused.exit_code == 2 and "Say from when, such as --since 2024-01" in refused.stderr
    assert "cs.LG stat.ML cs.AI" in refused.stderr  # the scope of the settings
    assert standin.requests == []


def test_bad_words(live: tuple[ArxivStandIn, dict[str, str]]) -> None:
    _, env = live
    for words, message in (
        (["--source", "oia"], "No source 'oia' (did you mean oai?)"),
        (["--source", "oai", "--until", "2020"], "takes no --until"),
        (["--since", "2020", "--until", "2019"], "The window is reversed"),
        (["--since", "2099"], "lies in the future"),
        (["-c", "cs.LG", "--since", "2024", "--format", "json"], "are for --dry-run"),
        (["-c", "cs.XX", "--since", "2024"], "No category 'cs.XX'"),
    ):
        done = run("fetch", *words, env=env)
        assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_a_dry_run_says_what_would_be_asked(standin: ArxivStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path / "store")}
    plan = run("fetch", *ASKED, "--since", "2018", "--until", "2020", "--dry-run", "--format", "json", env=env)
    told = json.loads(plan.stdout)["rows"]
    assert len(standin.requests) == 1  # one for the total
    assert told == [
        {
            "categories": "cs.LG cs.CL cs.CV cs.NE stat.ML", "since": "2018-01-01", "until": "2020-01-01",
            "submissions": 600, "slices": 2, "requests": 4, "minutes": 0.2,
        }
    ]  # fmt: skip
    assert not (tmp_path / "store").exists()
    standin.requests.clear()
    run("fetch", *ASKED, "--since", "2018", "--until", "2020", env=env)
    assert len(standin.requests) == told[0]["requests"]
    text = run("fetch", "--source", "oai", *ASKED, "--since", "2017", "--dry-run", env=env)
    assert "A fetch would send" in text.stdout and "Dates are those on which submissions were changed" in text.stdout


def test_a_dry_run_without_a_network_says_at_most(tmp_path: Path) -> None:
    env = {"TREND_ARXIV_URL": "http://127.0.0.1:9/q", "TREND_REQUEST_INTERVAL_S": "0", "TREND_STORE": str(tmp_path)}
    plan = run("fetch", "-c", "cs.LG", "--since", "2024-01", "--until", "2024-02", "--dry-run", env=env)
    assert plan.exit_code == 0 and "These numbers are no count but an upper estimate, 900 submissions" in plan.stdout
    assert "Cannot reach 127.0.0.1:9: Connection refused." in plan.stdout
    assert "27,900" in plan.stdout  # 31 days of the busiest month there was
    changes = run("fetch", "--source", "oai", "-c", "cs.LG", "--since", "2024-01", "--dry-run", env=env).stdout
    # a list of changes declares no total, so that the API is asked for one
    assert "Cannot reach 127.0.0.1:9: Connection refused." in changes
    assert "Nothing was fetched from oaipmh.arxiv.org." in changes


def test_status_by_month_and_what_was_never_asked(live: tuple[ArxivStandIn, dict[str, str]]) -> None:
    _, env = live
    for since, until in (("2019-01", "2019-02"), ("2019-04", "2019-05-10")):
        run("fetch", "-c", "cs.CL", "--since", since, "--until", until, env=env)
    spans = json.loads(run("status", "--format", "json", env=env).stdout)["rows"]
    assert [(row["since"], row["status"]) for row in spans] == [
        ("2019-01-01", "complete"),
        ("2019-02-01", "never asked"),
        ("2019-04-01", "complete"),
    ]
    months = json.loads(run("status", "--by", "month", "--format", "json", env=env).stdout)["rows"]
    assert [(row["month"], row["status"]) for row in months] == [
        ("2019-01", "complete"),
        ("2019-02", "never asked"),
        ("2019-03", "never asked"),
        ("2019-04", "complete"),
        ("2019-05", "complete"),
    ]
    notes = " ".join(json.loads(run("status", "--format", "json", env=env).stdout)["notes"])
    assert "Data as of 2019-05-10" in notes and "asks for what was submitted since 2019-05-10" in notes
    assert run("status", "--by", "week", env=env).exit_code == 2


def test_what_failed_is_told_and_made_good(live: tuple[ArxivStandIn, dict[str, str]], tmp_path: Path) -> None:
    standin, env = live
    standin.inject_fault("500", times=999, when=lambda query: query["max_results"] != "1")
    failed = run("fetch", "-c", "cs.LG", "--since", str(TODAY - timedelta(days=60)), env=env)
    assert failed.exit_code == 3
    assert (
        "in 5 tries: status 500. Everything received so far is stored; rerun the same command later." in failed.stderr
    )
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
    asked = len(standin.requests)
    for words in (["--source", "oai"], [], ["--store", tmp_path / "other"]):
        done = run("fetch", *words, "-c", "cs.LG", "--since", "2019", env=env)
        assert (
            done.exit_code == 3
            and "refused requests from this machine (status 403), so none are sent before" in done.stderr
        )
    assert len(standin.requests) == asked


def test_progress_is_for_terminals_and_cron_hears_nothing(live: tuple[ArxivStandIn, dict[str, str]]) -> None:
    _, env = live
    quiet = run("fetch", "-q", "-c", "cs.LG", "--since", str(TODAY - timedelta(days=30)), env=env)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
