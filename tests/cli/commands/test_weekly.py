"""weekly as cron runs it, and digest; see also tests/reports/weekly."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.commands import run
from tests.standins.arxiv import ArxivStandIn, recent_submission, run_stand_in
from tests.worlds import coverage_record, fill, paper, weekly_world
from trendcli.cli.base import CommonOptions
from trendcli.cli.commands.weekly import _parse_week, resolve_job
from trendcli.core.errors import SettingsError, UsageError
from trendcli.core.periods import period_containing
from trendcli.reports.weekly.config import WeeklyConfig
from trendcli.reports.weekly.digest import last_ended_week
from trendcli.reports.weekly.folder import list_weeks, lock_folder
from trendcli.reports.weekly.marker import MARKER_NAME
from trendcli.reports.weekly.notification import change_pending_weeks, read_pending_weeks
from trendcli.store.store import Store

NOW = datetime.now(UTC)
PAGES = {"digest.md", "index.html", "papers.csv", "report.json"}
CHARTS = {f"{name}.{suffix}" for name in ("change", "lines", "volume") for suffix in ("png", "svg")}


@pytest.fixture
def job(weekly_store: Path, tmp_path: Path) -> list[Any]:
    """The words of a job over `weekly_world`, without the network."""
    (tmp_path / "job.yaml").write_text("watch: [gan, rl]\npack: iclr\n")
    return ["weekly", tmp_path / "job.yaml", "--store", weekly_store, "--out", tmp_path / "out", "--no-fetch"]


def read_report(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def read_weeks(out: Path) -> dict[str, bytes]:
    """Read all files but the feed and the marker, whose identity is that of the folder."""
    paths = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name not in ("feed.xml", MARKER_NAME)]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.journey
def test_the_job_draws_a_week_once(job: list[Any], tmp_path: Path, without_charts: None) -> None:
    first = run(*job, "--date", "2019-W20")
    assert first.exit_code == 0, first.output
    assert {path.name for path in (tmp_path / "out" / "2019-W20").iterdir()} == PAGES
    files = read_weeks(tmp_path / "out")
    again = run(*job, "--date", "2019-W20")
    assert (again.exit_code, read_weeks(tmp_path / "out")) == (0, files)
    assert again.stderr.splitlines()[-1].startswith("nothing new. The data are ")
    assert run(*job, "--date", "2019-W20", "--fail-if-unchanged").exit_code == 5


@pytest.mark.journey
def test_a_clock_behind_the_data_draws_their_last_week(job: list[Any], tmp_path: Path, without_charts: None) -> None:
    with time_machine.travel("1970-01-05"):
        done = run(*job)
    assert done.exit_code == 0, done.output
    assert [week.label for week in list_weeks(tmp_path / "out")] == ["2019-W22"]


@pytest.mark.journey
def test_a_week_whose_days_have_filled_is_drawn_again(tmp_path: Path, without_charts: None) -> None:
    store, out = tmp_path / "store", tmp_path / "out"
    fill(store, weekly_world()[1:], [coverage_record(since="2016-01-01", until="2019-05-20", at="2019-05-20")])
    (tmp_path / "job.yaml").write_text("watch: [gan]\npack: iclr\n")
    command = ["weekly", tmp_path / "job.yaml", "--store", store, "--out", out, "--no-fetch", "--date", "2019-W20"]
    assert run(*command).exit_code == 0
    first = read_report(out / "2019-W20")
    assert (first["week"]["status"], first["week"]["base"], len(first["drawn"])) == ("provisional", 19, 1)
    path = out / "2019-W20" / "report.json"
    path.write_text(path.read_text().replace(first["drawn"][0], "2019-05-20"))  # drawn on another day
    # a submission of another week changes the store, but nothing in this week
    fill(
        store,
        [paper("1905.99999", "2019-05-21")],
        [coverage_record(since="2019-05-01", until="2019-05-22", at="2019-05-22")],
    )
    assert run(*command).exit_code == 0
    assert read_report(out / "2019-W20")["drawn"] == ["2019-05-20"]
    fill(store, weekly_world()[:1], [coverage_record(since="2019-05-01", until="2019-05-27", at="2019-06-20")])
    again = run(*command)
    assert "2019-W20: regenerated" in again.stderr
    second = read_report(out / "2019-W20")
    assert (second["week"]["status"], second["week"]["base"]) == ("complete", 20)
    assert second["drawn"] == ["2019-05-20", str(datetime.now(UTC).date())]
    assert "generated 2019-05-20, updated " in (out / "2019-W20" / "index.html").read_text(encoding="utf-8")


@pytest.mark.journey
def test_weeks_missed_without_a_network_are_backfilled(tmp_path: Path, without_charts: None) -> None:
    last_week = last_ended_week(NOW.date())
    submissions = [recent_submission(n, (NOW.date() - last_week.end).days + 35 - n / 2) for n in range(1, 70)]
    since = last_week.end - timedelta(days=60)
    (tmp_path / "job.yaml").write_text(f"watch: [gan]\npack: iclr\nsince: '{since:%Y-%m}'\n")
    with run_stand_in(ArxivStandIn([])) as stopped:
        unreachable = stopped.build_environment()
    out = tmp_path / "out"
    command = ["weekly", tmp_path / "job.yaml", "--store", tmp_path / "store", "--out", out]
    with run_stand_in(ArxivStandIn(submissions)) as standin:
        env = standin.build_environment()
        first = run(*command, env=env)
        assert first.exit_code == 0, first.output
        assert f"done: {last_week.label} generated" in first.stderr
        # as if the job had last run three weeks ago
        (week,) = list_weeks(out)
        old_week = period_containing(week.start - timedelta(weeks=3), "week")
        (out / week.label).rename(out / old_week.label)
        path = out / old_week.label / "report.json"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f'"label": "{week.label}"', f'"label": "{old_week.label}"'))
        assert run(*command, env=env).exit_code == 0
    expected = [period_containing(old_week.start + timedelta(weeks=n), "week").label for n in range(4)]
    assert [week.label for week in list_weeks(out)] == expected
    late = run(*command, "--date", str(NOW.date()), env=unreachable)
    assert late.exit_code in (0, 3)


@pytest.mark.journey
def test_without_a_network_the_stored_weeks_are_drawn(job: list[Any], tmp_path: Path, without_charts: None) -> None:
    env = {"TREND_ARXIV_URL": "http://127.0.0.1:9/api", "TREND_REQUEST_INTERVAL_S": "0", "TREND_RETRY_S": "0"}
    result = run(*job[:-1], "--date", "2019-W20", env=env)
    assert result.exit_code == 3, result.output
    failure, _, summary = result.stderr.splitlines()[-1].partition(" From the stored data: ")
    assert failure.endswith("The store is unchanged; rerun the same command later.")
    assert summary.startswith("2019-W20 generated on") and "0 new" not in result.stderr
    assert (tmp_path / "out" / "2019-W20" / "index.html").is_file()


@pytest.mark.journey
def test_every_page_says_how_old_the_data_are(tmp_path: Path, without_charts: None) -> None:
    data_end = last_ended_week(NOW.date()).end - timedelta(days=10)
    covered = coverage_record(since="2016-01-01", until=str(data_end), at=f"{data_end}T00:00:00")
    fill(tmp_path / "store", [paper("2401.00001", str(data_end - timedelta(days=20)))], [covered])
    out = tmp_path / "out"
    result = run("weekly", "--store", tmp_path / "store", "--out", out, "--no-fetch")
    assert result.exit_code == 0, result.output
    age = f"{(NOW.date() - data_end).days} days old"
    assert age in result.stderr.splitlines()[-1]
    # the last week of which there are data, though they do not reach its end
    week = out / period_containing(data_end - timedelta(days=1), "week").label
    report = read_report(week)
    assert report["week"]["status"] == "partial" and report["week"]["base"] == 0
    for path in (week / "digest.md", week / "index.html", out / "index.html", out / "feed.xml"):
        assert age in path.read_text(encoding="utf-8")


def test_without_a_store_nothing_is_written(tmp_path: Path) -> None:
    result = run("weekly", "--store", tmp_path / "none", "--out", tmp_path / "out", "--no-fetch")
    assert result.exit_code == 4 and "trend fetch" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.journey
@pytest.mark.parametrize(
    ("day", "exit_code", "message"),
    [
        ("2199-W01", 2, "has not ended yet"),
        ("yesterday", 2, "yesterday"),
        ("2010-W05", 4, "2010-W05 is not covered: the data end on 2019-06-03"),
        ("2019-W30", 4, "2019-W30 is not covered"),
        ("2019", 2, "takes a day or a week"),
    ],
)
def test_a_date_that_cannot_be_drawn_is_refused(job: list[Any], day: str, exit_code: int, message: str) -> None:
    result = run(*job, "--date", day)
    assert result.exit_code == exit_code, result.output
    assert message in result.stderr


def test_an_unknown_topic_is_named(job: list[Any], tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("watch: [gam]\n")
    result = run(*job, "--date", "2019-W20")
    assert (result.exit_code, "gam" in result.stderr and "job.yaml" in result.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.journey
def test_a_week_that_would_be_deleted_at_once_is_refused(job: list[Any], tmp_path: Path, without_charts: None) -> None:
    (tmp_path / "job.yaml").write_text("watch: [gan]\npack: iclr\nkeep: 1\n")
    assert run(*job, "--date", "2019-W20").exit_code == 0
    result = run(*job, "--date", "2019-W18")
    assert result.exit_code == 2 and [week.label for week in list_weeks(tmp_path / "out")] == ["2019-W20"]


@pytest.mark.journey
def test_notify_reads_the_digest_of_a_new_week_once(job: list[Any], tmp_path: Path, without_charts: None) -> None:
    mail = tmp_path / "mail"
    command = [*job, "--date", "2019-W20", "--notify", f"cat >> '{mail}'"]
    assert run(*command).exit_code == 0
    assert mail.read_bytes() == (tmp_path / "out" / "2019-W20" / "digest.md").read_bytes()
    run(*command)
    assert mail.read_text().count("# Week 2019-W20") == 1
    failed = run(*job, "--date", "2019-W19", "--notify", "exit 7")
    assert failed.exit_code == 3 and "exit code 7" in failed.stderr
    assert (tmp_path / "out" / "2019-W19" / "index.html").is_file()
    # the notification is pending, and the next run sends it
    assert run(*command).exit_code == 0
    assert mail.read_text().count("# Week 2019-W19") == 1
    run(*command)
    assert mail.read_text().count("# Week") == 2


@pytest.mark.journey
def test_a_second_job_in_the_same_folder_is_told_to_wait(job: list[Any], tmp_path: Path, without_charts: None) -> None:
    with lock_folder(tmp_path / "out"):
        result = run(*job, "--date", "2019-W20")
    assert result.exit_code == 3 and "Another weekly job is writing" in result.stderr
    assert run(*job, "--date", "2019-W20").exit_code == 0


@pytest.mark.journey
def test_a_killed_job_leaves_complete_weeks_and_the_next_one_finishes(job: list[Any], tmp_path: Path) -> None:
    def start(out: Path) -> subprocess.Popen[bytes]:
        words = [str(out) if word == tmp_path / "out" else str(word) for word in job]
        return subprocess.Popen([sys.executable, "-m", "trendcli", "-q", *words, "--date", "2019-W20"])

    assert run(*job, "--date", "2019-W19").exit_code == 0
    for name in ("undisturbed", "killed"):
        shutil.copytree(tmp_path / "out", tmp_path / name)
    started_at = time.monotonic()
    assert start(tmp_path / "undisturbed").wait() == 0
    duration = time.monotonic() - started_at
    process = start(tmp_path / "killed")
    time.sleep(0.9 * duration)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for week in list_weeks(tmp_path / "killed"):
        assert {path.name for path in (tmp_path / "killed" / week.label).iterdir()} == PAGES | CHARTS
    assert start(tmp_path / "killed").wait() == 0
    assert read_weeks(tmp_path / "killed") == read_weeks(tmp_path / "undisturbed")


def test_a_folder_that_cannot_be_written_is_refused(job: list[Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(*job[:5], tmp_path / "file" / "out", "--no-fetch", "--date", "2019-W20")
    assert result.exit_code == 2 and "Cannot write" in result.stderr


@pytest.mark.journey
def test_a_digest_may_be_of_any_window(weekly_store: Path, tmp_path: Path) -> None:
    command = ["digest", "--store", weekly_store]
    month = json.loads(run(*command, "-t", "gan", "--period", "2019-04", "--format", "json").stdout)
    assert (month["kind"], month["week"]["label"], month["week"]["base"]) == ("digest", "2019-04", 86)
    assert len(month["papers"]) == next(row["count"] for row in month["rows"] if row["topic"] == "gan") == 35
    default = run(*command)
    assert default.exit_code == 0 and default.stdout.startswith("# Week 2019-W22")
    assert "days old" in default.stdout  # the last week that is stored ended long ago
    window = run(*command, "-t", "gan", "--since", "2019-04-03", "--until", "2019-04-20", "--format", "html")
    assert window.stdout.startswith("<!doctype html>") and "2019-04-03 to 2019-04-19" in window.stdout
    assert run(*command, "--format", "pdf").exit_code == 2
    assert run(*command, "--period", "2031").exit_code == 4
    assert run(*command, "--period", "2018", "--last", "3m").exit_code == 2
    assert run(*command, "-o", tmp_path / "d.html").exit_code == 0
    assert (tmp_path / "d.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert run(*command, "-o", tmp_path / "d.csv").exit_code == 2


@pytest.mark.journey
def test_a_first_run_that_gets_no_reply_fails(tmp_path: Path) -> None:
    env = {"TREND_ARXIV_URL": "http://127.0.0.1:9/api", "TREND_REQUEST_INTERVAL_S": "0"}
    unreachable = run("weekly", "--store", tmp_path / "none", "--out", tmp_path / "out", env=env)
    assert unreachable.exit_code == 3 and "Cannot reach 127.0.0.1:9" in unreachable.stderr, unreachable.output
    with run_stand_in(ArxivStandIn([])) as standin:
        standin.inject_fault("500", times=99)
        env = standin.build_environment()
        failed = run("weekly", "--store", tmp_path / "failed", "--out", tmp_path / "out", env=env)
    assert failed.exit_code == 3 and "tries: status 500" in failed.stderr, failed.output


@pytest.mark.journey
@pytest.mark.parametrize("source", ["arxiv", "oai"])
def test_a_category_that_is_new_in_the_scope_is_fetched_from_the_start(
    tmp_path: Path, without_charts: None, source: str
) -> None:
    today = NOW.date()
    since = today - timedelta(days=70)
    (tmp_path / "settings.yaml").write_text("scopes: {mine: [cs.LG, cs.CL]}\n")
    (tmp_path / "job.yaml").write_text(f"watch: [gan]\npack: iclr\nscope: mine\nsource: {source}\nsince: '{since}'\n")
    common = ["--store", tmp_path / "store", "--settings", tmp_path / "settings.yaml"]
    submissions = [recent_submission(n, n, category) for n, category in enumerate(["cs.LG", "cs.CL"] * 45, 1)]
    with run_stand_in(ArxivStandIn(submissions)) as standin:
        env = standin.build_environment()
        fetched = run("fetch", *common, "--source", source, "-c", "cs.LG", "--since", since, env=env)
        assert fetched.exit_code == 0, fetched.output
        result = run("weekly", tmp_path / "job.yaml", *common, "--out", tmp_path / "out", env=env)
    assert result.exit_code == 0, result.output
    spans = Store.open(tmp_path / "store").build_coverage().category_spans("cs.CL")
    assert (spans[0].since, spans[-1].until >= today) == (since, True)
    assert read_report(tmp_path / "out" / "latest")["week"]["base"] == 7


def test_a_day_stands_for_the_last_week_that_ended_by_it() -> None:
    # 2019-05-19 is a Sunday, the last day of week 20
    assert [_parse_week(text).label for text in ("2019-05-19", "2019-05-20", "2019-W20")] == [
        "2019-W19",
        "2019-W20",
        "2019-W20",
    ]
    with pytest.raises(UsageError, match="--date takes a day or a week, e.g. 2019-05-20 or 2019-W20, not 2019-05"):
        _parse_week("2019-05")


@pytest.mark.journey
def test_a_name_that_does_not_exist_is_reported_with_its_file() -> None:
    library, query, watched = resolve_job(CommonOptions(), WeeklyConfig(watch=("gan",), scope="vision"), None)
    assert watched == ("gan",) and query.topics == tuple(library.get_pack("ml"))
    for job, message in (
        (WeeklyConfig(watch=("gann",)), "week.yaml: No topic 'gann'"),
        (WeeklyConfig(pack="m"), "week.yaml: No pack 'm'"),
        (WeeklyConfig(scope="mll"), "week.yaml: No scope 'mll'"),
    ):
        with pytest.raises(SettingsError, match=message):
            resolve_job(CommonOptions(), job, Path("week.yaml"))


@pytest.mark.journey
def test_a_digest_is_of_arxiv_and_has_its_own_formats(store: Path) -> None:
    for words, message in (
        (["--corpus", "iclr"], "A digest covers arXiv only; use `trend report --corpus iclr`."),
        (["--format", "csv"], "A digest has no format 'csv'. Known: md, html, json."),
        (["-o", "digest.txt"], "A digest has no format 'table'."),
    ):
        result = run("digest", "--store", store, *words)
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert run("digest", "--store", store, "--period", "2019-W40", "--format", "json").stdout.startswith("{")


@pytest.mark.journey
def test_a_folder_of_a_person_is_refused_before_anything_is_fetched(
    job: list[Any], tmp_path: Path, without_charts: None
) -> None:
    out = tmp_path / "out"
    (out / "latest").mkdir(parents=True)
    for name in ("latest/thesis.tex", "index.html", "feed.xml"):
        (out / name).write_text("mine")
    files = read_weeks(out)
    result = run(*job[:-1], env={"TREND_ARXIV_URL": "http://127.0.0.1:9/api"})
    assert result.exit_code == 2 and "127.0.0.1" not in result.stderr
    assert (
        "out contains other files (feed.xml, index.html, latest), but `trend weekly` needs its own folder"
        in result.stderr
    )
    assert read_weeks(out) == files and not (out / ".lock").exists()


@pytest.mark.journey
def test_a_notify_command_that_hangs_is_stopped(job: list[Any], tmp_path: Path, without_charts: None) -> None:
    (tmp_path / "job.yaml").write_text("watch: [gan]\npack: iclr\nnotify_timeout_s: 0.5\n")
    hanging = run(*job, "--date", "2019-W20", "--notify", "sleep 600")
    assert hanging.exit_code == 3, hanging.output
    assert "The notify command was stopped after 0.5 seconds (setting `notify_timeout_s`)" in hanging.stderr
    assert "Pending until the next run: 2019-W20. All weeks are generated." in hanging.stderr
    mail = tmp_path / "mail"
    assert run(*job, "--date", "2019-W20", "--notify", f"cat >> '{mail}'").exit_code == 0
    assert mail.read_text().count("# Week 2019-W20") == 1


@pytest.mark.journey
def test_a_pending_week_that_was_never_drawn_is_forgotten(job: list[Any], tmp_path: Path, without_charts: None) -> None:
    command = [*job, "--date", "2019-W20", "--notify", "true"]
    assert run(*command).exit_code == 0
    change_pending_weeks(tmp_path / "out", add=["2019-W01"])  # of a job that was killed
    assert run(*command).exit_code == 0
    assert read_pending_weeks(tmp_path / "out") == []


@pytest.mark.journey
def test_a_disk_that_is_full_is_a_sentence(
    job: list[Any], tmp_path: Path, without_charts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(*job, "--date", "2019-W19").exit_code == 0
    files = read_weeks(tmp_path / "out")

    def fail(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("trendcli.reports.weekly.drawing.write_file_atomically", fail)
    result = run(*job, "--date", "2019-W20")
    assert result.exit_code == 4 and "No space left on device. Complete weeks are unchanged. Free some" in result.stderr
    assert read_weeks(tmp_path / "out") == files


@pytest.mark.journey
def test_an_old_damaged_week_that_cannot_be_drawn_stops_no_later_one(
    job: list[Any], tmp_path: Path, without_charts: None
) -> None:
    out = tmp_path / "out"
    assert run(*job).exit_code == 0
    (newest,) = list_weeks(out)
    (out / "2010-W05").mkdir()  # before the store begins
    (out / "2010-W05" / "report.json").write_text('{"kind": "weekly", broken')
    result = run(*job)
    assert result.exit_code == 0 and "2010-W05: left as it is. 2010-W05 is not covered" in result.stderr
    (out / newest.label / "report.json").write_text('{"kind": "weekly", broken')
    result = run(*job)
    assert result.exit_code == 0 and f"done: {newest.label} generated" in result.stderr


@pytest.mark.journey
def test_a_damaged_store_draws_nothing(job: list[Any], tmp_path: Path, without_charts: None) -> None:
    assert run(*job, "--date", "2019-W20").exit_code == 0
    files = read_weeks(tmp_path / "out")
    manifest = tmp_path / "store" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:100])
    assert run(*job, "--date", "2019-W19").exit_code == 4
    assert read_weeks(tmp_path / "out") == files
