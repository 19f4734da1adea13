"""weekly, digest and schedule: weeks, names and variables of a job; see also tests/reports/weekly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import run
from trendcli.cli.base import CommonOptions
from trendcli.cli.weekly import _list_settings_variables, _parse_week, _resolve_job, _run_notify_command
from trendcli.core.errors import RetryableError, SettingsError, UsageError
from trendcli.reports.weekly.config import WeeklyConfig
from trendcli.reports.weekly.folder import read_pending_weeks


def test_a_day_stands_for_the_last_week_that_ended_by_it() -> None:
    # 2019-05-19 is a Sunday, the last day of week 20
    assert [_parse_week(text).label for text in ("2019-05-19", "2019-05-20", "2019-W20")] == [
        "2019-W19",
        "2019-W20",
        "2019-W20",
    ]
    with pytest.raises(UsageError, match="--date takes a day or a week, e.g. 2019-05-20 or 2019-W20, not 2019-05"):
        _parse_week("2019-05")


def test_a_name_that_does_not_exist_is_reported_with_its_file() -> None:
    library, query, watched = _resolve_job(CommonOptions(), WeeklyConfig(watch=("gan",), scope="vision"), None)
    assert watched == ("gan",) and query.topics == tuple(library.get_pack("ml"))
    for job, message in (
        (WeeklyConfig(watch=("gann",)), "week.yaml: No topic 'gann'"),
        (WeeklyConfig(pack="m"), "week.yaml: No pack 'm'"),
        (WeeklyConfig(scope="mll"), "week.yaml: No scope 'mll'"),
    ):
        with pytest.raises(SettingsError, match=message):
            _resolve_job(CommonOptions(), job, Path("week.yaml"))


def test_a_schedule_has_the_variables_that_settings_come_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TREND_CONTACT", "a@example.org")
    monkeypatch.setenv("TREND_STORE", "elsewhere")
    monkeypatch.setenv("TREND_TOPICS", "own.yaml")
    monkeypatch.chdir(tmp_path)
    assert _list_settings_variables(CommonOptions()) == {
        "TREND_CONTACT": "a@example.org",
        "TREND_TOPICS": str(tmp_path / "own.yaml"),
    }


def test_a_week_for_which_the_notify_command_fails_stays_pending(tmp_path: Path) -> None:
    for label in ("2019-W20", "2019-W21"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "digest.md").write_text(label)
    _run_notify_command(None, tmp_path, ["2019-W20"])
    with pytest.raises(RetryableError, match="The notify command failed for 2019-W20; the next run tries again."):
        _run_notify_command("grep -q W21", tmp_path, ["2019-W19", "2019-W20", "2019-W21"])
    assert read_pending_weeks(tmp_path) == ["2019-W20"]
    _run_notify_command("grep -q W20", tmp_path, ["2019-W20"])
    assert read_pending_weeks(tmp_path) == []


def test_a_digest_is_of_arxiv_and_has_its_own_formats(store: Path) -> None:
    for words, message in (
        (["--corpus", "iclr"], "A digest is of arXiv; use `trend report --corpus iclr`."),
        (["--format", "csv"], "A digest has no format 'csv'. Known: md, html, json."),
        (["-o", "digest.txt"], "A digest has no format 'table'."),
    ):
        result = run("digest", "--store", store, *words)
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert run("digest", "--store", store, "--period", "2019-W40", "--format", "json").stdout.startswith("{")


def test_a_schedule_is_of_one_kind() -> None:
    result = run("schedule", "--cron", "--systemd")
    assert (result.exit_code, result.stderr) == (2, "trend: Give one of --cron, --systemd and --github.\n")
