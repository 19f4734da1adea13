"""schedule, as it is printed and as it is tried."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.commands import run
from trendcli.cli.base import CommonOptions
from trendcli.cli.commands.schedule import _list_settings_variables
from trendcli.reports.weekly import trial

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = f"git+https://github.com/somebody/trendcli@{COMMIT}"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with settings, topics and a job of its own, in which commands run."""
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "mine-topics.yaml").write_text("topics:\n  mine:\n    name: Mine\n    phrases: [robot learning]\n")
    (root / "myset.yaml").write_text("contact: me@example.org\ntopics: mine-topics.yaml\n")
    (root / "mine.yaml").write_text("watch: [mine]\n")
    monkeypatch.chdir(root)
    monkeypatch.setattr("trendcli.reports.weekly.workflow.find_install_address", lambda: None)
    return root


def test_a_schedule_has_the_variables_that_settings_come_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TREND_CONTACT", "a@example.org")
    monkeypatch.setenv("TREND_STORE", "elsewhere")
    monkeypatch.setenv("TREND_TOPICS", "own.yaml")
    monkeypatch.chdir(tmp_path)
    assert _list_settings_variables(CommonOptions()) == {
        "TREND_CONTACT": "a@example.org",
        "TREND_TOPICS": str(tmp_path / "own.yaml"),
    }


def test_topics_of_a_settings_file_are_found_from_any_folder(repository: Path) -> None:
    variables = _list_settings_variables(CommonOptions(settings=Path("myset.yaml")))
    assert variables == {"TREND_TOPICS": str(repository / "mine-topics.yaml")}
    line = run("--settings", "myset.yaml", "schedule", "mine.yaml").stdout
    assert f"TREND_TOPICS={repository / 'mine-topics.yaml'} {sys.executable}" in line
    assert f"--settings {repository / 'myset.yaml'} weekly {repository / 'mine.yaml'} --out" in line


def test_the_users_own_settings_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "trend").mkdir()
    (tmp_path / "trend" / "settings.yaml").write_text("scope: vision\n")
    assert f"--settings {tmp_path / 'trend' / 'settings.yaml'} weekly" in run("schedule").stdout
    refused = run("schedule", "--github", "--install", ADDRESS)
    assert refused.exit_code == 2 and "The settings file is " in refused.stderr and "Copy it into" in refused.stderr


def test_a_schedule_is_of_one_kind() -> None:
    result = run("schedule", "--cron", "--systemd")
    assert (result.exit_code, result.stderr) == (2, "trend: Give one of --cron, --systemd and --github.\n")
    assert run("schedule", "--github", "--test").exit_code == 2
    assert run("schedule", "--install", ADDRESS).exit_code == 2


def test_a_line_break_is_refused_and_nothing_is_printed(tmp_path: Path) -> None:
    for contact in ("me@example.org\n* * * * * rm -rf /", "me\x07"):
        for kind in ("--cron", "--systemd", "--github"):
            result = run("schedule", kind, env={"TREND_CONTACT": contact})
            assert (result.exit_code, result.stdout) == (2, ""), result.output


def test_the_workflow_carries_settings_and_topics(repository: Path) -> None:
    result = run("--settings", "myset.yaml", "schedule", "--github", "mine.yaml", env={"TREND_SCOPE": "vision"})
    assert result.exit_code == 0, result.output
    assert "trend --store store --settings myset.yaml weekly mine.yaml --out weeks\n" in result.stdout
    assert 'TREND_SCOPE: "vision"' in result.stdout
    assert "# Commit with it: vendor/trendcli-*.whl, mine.yaml, myset.yaml, mine-topics.yaml\n" in result.stdout
    assert "pip wheel --no-deps --wheel-dir vendor CLONE" in result.stderr
    absolute = run(
        "schedule", "--github", "--install", ADDRESS, env={"TREND_TOPICS": str(repository / "mine-topics.yaml")}
    )
    assert 'TREND_TOPICS: "mine-topics.yaml"' in absolute.stdout and absolute.stderr == ""


def test_the_workflow_refers_to_no_file_outside_of_the_repository(repository: Path, tmp_path: Path) -> None:
    for name in ("settings.yaml", "topics.yaml", "job.yaml"):
        (tmp_path / name).write_text("")
    (tmp_path / "topics.yaml").write_text((repository / "mine-topics.yaml").read_text())
    (repository / "elsewhere.yaml").write_text("topics: ../topics.yaml\n")
    (repository / "absolute.yaml").write_text(f"topics: {repository / 'mine-topics.yaml'}\n")
    (repository / "link.yaml").symlink_to(tmp_path / "job.yaml")
    for words, message in (
        (
            ["--settings", "../settings.yaml", "schedule", "--github"],
            "The settings file is ../settings.yaml, outside",
        ),
        (["schedule", "--github", "../job.yaml"], "The job file is ../job.yaml, outside"),
        (["schedule", "--github", "link.yaml"], "The job file is link.yaml, outside"),
        (
            ["--settings", "elsewhere.yaml", "schedule", "--github"],
            "The setting `topics` is ../topics.yaml, outside",
        ),
        (["--settings", "absolute.yaml", "schedule", "--github"], "Write `topics: mine-topics.yaml` there."),
    ):
        result = run(*words)
        assert (result.exit_code, result.stdout) == (2, "") and message in result.stderr, result.output


def test_the_workflow_is_printed_in_the_root_of_a_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "sub").mkdir()
    monkeypatch.chdir(repository / "sub")
    result = run("schedule", "--github")
    assert result.exit_code == 2 and f"cd {repository}" in result.stderr


@pytest.mark.journey
@pytest.mark.skipif(os.name != "posix", reason="cron is of POSIX")
def test_a_schedule_is_tried_once(weekly_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, out = tmp_path / "home", tmp_path / "my out"
    home.mkdir()
    monkeypatch.setattr(trial, "build_login_variables", lambda: {"HOME": str(home), "LOGNAME": "me"})
    (tmp_path / "job.yaml").write_text("watch: [gan]\npack: iclr\n")
    settings = tmp_path / "50% off.yaml"
    settings.write_text("arxiv_url: http://127.0.0.1:9/api\nrequest_interval_s: 0\n")
    words = ["--settings", settings, "--store", weekly_store, "schedule", tmp_path / "job.yaml", "--out", out, "--test"]
    result = run(*words)
    # nobody answers there, so the job draws what is stored and ends with 3
    assert result.exit_code == 3, result.output
    assert len(result.stdout.splitlines()) == 1 and "\\%" in result.stdout
    assert f"HOME={home} LOGNAME=me SHELL=/bin/sh PATH=/usr/bin:/bin. Exit code: 3." in result.stderr
    assert f"Log: {tmp_path / 'my out.log'}" in result.stderr and f"Newest page: {out}" in result.stderr
    assert result.stderr.splitlines()[-1].startswith(
        "trend: As scheduled, the job fails with exit code 3: Cannot reach 127.0.0.1:9"
    )
    assert (out / "2019-W22" / "index.html").is_file()
    (tmp_path / "my out.log").unlink()
    (tmp_path / "my out.log").mkdir()
    unwritable = run(*words)
    assert unwritable.exit_code == 2 and "my out.log" in unwritable.stderr.splitlines()[-1]
    service = run(*words, "--systemd")
    assert service.exit_code == 3 and "Log: journalctl --user -u trend-weekly" in service.stderr
    (out / "index.html").write_text("mine")
    assert run(*words).exit_code == 2
