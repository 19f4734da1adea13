from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from trendcli.core.errors import ActionRequiredError, RetryableError, UsageError
from trendcli.reports.weekly import trial
from trendcli.reports.weekly.schedule import render_crontab
from trendcli.reports.weekly.trial import Trial, build_login_variables, describe_exit, try_crontab, try_service

pytestmark = pytest.mark.skipif(os.name != "posix", reason="cron and systemd are of POSIX")
SHOW_ENVIRONMENT = "import os; print(sorted(set(os.environ) - {'LC_CTYPE', 'PWD', 'SHLVL', '_'}), os.getcwd())"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(trial, "build_login_variables", lambda: {"HOME": str(home), "LOGNAME": "me"})
    return home


def test_the_line_runs_in_the_environment_of_cron(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREND_SCOPE", "of this shell")
    log = tmp_path / "50% log"
    log.write_text("of last week\n")
    words = [sys.executable, "-c", SHOW_ENVIRONMENT]
    line = render_crontab(words, {"TREND_CONTACT": "100% me"}, log, timedelta(0))
    result = try_crontab(line, log)
    assert result.exit_code == 0
    assert result.last_words == f"['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TREND_CONTACT'] {home}"
    assert log.read_text().startswith("of last week\n")
    result.raise_for_failure()


def test_a_service_runs_with_its_variables(home: Path) -> None:
    result = try_service([sys.executable, "-c", SHOW_ENVIRONMENT], {"TREND_CONTACT": "me"})
    assert result.last_words == f"['HOME', 'LOGNAME', 'PATH', 'TREND_CONTACT'] {home}"
    assert result.log == "journalctl --user -u trend-weekly"


def test_only_what_this_run_said_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("of last week\n")
    assert try_crontab(render_crontab(["true"], {}, log, timedelta(0)), log).last_words == "it printed nothing."


@pytest.mark.parametrize(
    ("code", "error_class", "words"),
    [
        ("exit(2)", UsageError, "exit code 2: it printed"),
        ("exit('trend: no network')", ActionRequiredError, "exit code 1: no network"),
        ("print('trend: later.'); exit(3)", RetryableError, "exit code 3: later."),
        ("exit(4)", ActionRequiredError, "exit code 4"),
        ("exit(77)", ActionRequiredError, "exit code 77"),
        ("import os; os.kill(os.getpid(), 9)", ActionRequiredError, "signal SIGKILL"),
    ],
)
def test_a_failure_has_the_exit_code_of_the_job(code: str, error_class: type[Exception], words: str) -> None:
    with pytest.raises(error_class, match=f"As scheduled, the job fails with {words}"):
        try_service([sys.executable, "-c", code], {}).raise_for_failure()


def test_a_program_that_cannot_be_found_is_named(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = try_crontab(render_crontab(["/no/python"], {}, log, timedelta(0)), log)
    with pytest.raises(ActionRequiredError, match=r"exit code 127 \(the program was not found\): .*/no/python"):
        result.raise_for_failure()
    with pytest.raises(ActionRequiredError, match="the job cannot be started: /no/python"):
        try_service(["/no/python"], {})


def test_exit_codes_in_words() -> None:
    assert describe_exit(126) == "exit code 126 (the program cannot be run)"
    assert Trial("", 0, 1.0, "log", "").raise_for_failure() is None  # type: ignore[func-returns-value]


def test_home_is_that_of_the_list_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    monkeypatch.setenv("HOME", "/elsewhere")
    monkeypatch.setenv("LOGNAME", "other")
    user = pwd.getpwuid(os.getuid())
    assert build_login_variables() == {"HOME": user.pw_dir, "LOGNAME": user.pw_name}
