from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.commands import run
from trendcli.core.errors import UsageError
from trendcli.reports.weekly.schedule import build_command, render_crontab, render_systemd_units


def test_the_crontab_line_starts_what_a_terminal_would(tmp_path: Path) -> None:
    command = build_command(tmp_path / "my store", tmp_path / "s.yaml", tmp_path / "50% of it.yaml", tmp_path / "out")
    line = render_crontab(command, {"TREND_CONTACT": "me @ home"}, tmp_path / "no folder yet" / "a log", timedelta(0))
    times, job = line[:-1].split(" ", 5)[:5], line[:-1].split(" ", 5)[5]
    assert times == ["17", "7", "*", "*", "1"]
    # cron makes a new line of a bare percent sign, and takes the backslash away
    assert "%" not in job.replace("\\%", "")
    words = shlex.split(job.replace("\\%", "%"))
    assert words[:4] == ["mkdir", "-p", str(tmp_path / "no folder yet"), "&&"]
    assert words[4] == "TREND_CONTACT=me @ home"
    assert words[5 : words.index(">>")] == command
    assert words[-3:] == [">>", str(tmp_path / "no folder yet" / "a log"), "2>&1"]


@pytest.mark.parametrize(("hours", "times"), [(9, "17 16 * * 1"), (-8, "17 23 * * 0"), (5.5, "47 12 * * 1"), (14, "17 21 * * 1")])  # fmt: skip
def test_the_crontab_line_has_the_local_time_of_monday_morning_utc(hours: float, times: str) -> None:
    line = render_crontab(["trend"], {}, Path("log"), timedelta(hours=hours))
    assert line.startswith(f"{times} trend >> log")


def test_the_offset_is_that_of_the_machine() -> None:
    command = [sys.executable, "-m", "trendcli", "schedule"]
    result = subprocess.run(command, env={**os.environ, "TZ": "JST-9"}, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("17 16 * * 1 ")


def test_only_variables_that_are_settings_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("topics:\n  nets:\n    phrases: [adversarial network]\n")
    (tmp_path / "settings.yaml").write_text("scope: vision\n")
    env = {"TREND_CONTACT": "me@example.org", "TREND_TOPICS": "mine.yaml"}
    not_passed_on = {"TREND_SOAK": "300", "TREND_STORE": "store", "TREND_SETTINGS": "settings.yaml"}
    result = run("schedule", env={**env, **not_passed_on})
    assert result.exit_code == 0, result.output
    variables = [word for word in shlex.split(result.stdout) if word.startswith("TREND_")]
    # cron starts elsewhere, so paths are absolute
    assert variables == ["TREND_CONTACT=me@example.org", f"TREND_TOPICS={tmp_path / 'mine.yaml'}"]
    assert f"--store {tmp_path / 'store'} --settings {tmp_path / 'settings.yaml'} weekly" in result.stdout


def test_a_service_and_its_timer(tmp_path: Path) -> None:
    text = render_systemd_units(
        build_command(tmp_path / "50 % $store", None, None, tmp_path / "out"), {"TREND_TOPICS": "/a b"}
    )
    assert f'"{tmp_path}/50 %% $$store"' in text and 'Environment="TREND_TOPICS=/a b"\nExecStart=' in text
    assert "OnCalendar=Mon *-*-* 07:17:00 UTC" in text
    assert "journalctl" in text


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x00", "\x1b[2J", "a\u2028b"])
def test_a_text_that_would_break_the_line_is_refused(text: str) -> None:
    for words, variables, log in (
        ([text], {}, "log"),
        (["trend"], {"TREND_CONTACT": text}, "log"),
        (["trend"], {}, text),
    ):
        with pytest.raises(UsageError, match="line break or another control character"):
            render_crontab(words, variables, Path(log), timedelta(0))
    for words, variables in (([text], {}), (["trend"], {"TREND_CONTACT": text})):
        with pytest.raises(UsageError, match="line break or another control character"):
            render_systemd_units(words, variables)


def test_a_backslash_which_crons_read_differently_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot hold the backslash"):
        render_crontab(["trend", "a\\%b"], {}, Path("log"), timedelta(0))


@pytest.mark.parametrize(
    "text", ["it's", "$(touch pwned)", "`touch pwned`", "a;b&c|d>e", '"', "#", "日本", "50 %", "*", "~", ""]
)
def test_every_other_text_reaches_the_program_as_it_is(tmp_path: Path, text: str) -> None:
    command = [sys.executable, "-c", "import os, sys; print(ascii(sys.argv[1:] + [os.environ['TREND_CONTACT']]))", text]
    line = render_crontab(command, {"TREND_CONTACT": text}, tmp_path / f"log of {text.replace('/', '')}", timedelta(0))
    job = line.rstrip("\n").split(" ", 5)[5].replace("\\%", "%")
    subprocess.run(["/bin/sh", "-c", job], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, check=True)
    (log,) = tmp_path.glob("log of *")
    assert log.read_text() == f"{[text, text]!a}\n"


@pytest.mark.journey
def test_the_printed_line_runs_as_cron_would(read_only_weekly_store: Path, tmp_path: Path) -> None:
    """With cron's empty environment, and a store from which a week can be drawn."""
    store, config, out = tmp_path / "my store", tmp_path / "my job.yaml", tmp_path / "out"
    shutil.copytree(read_only_weekly_store, store)
    config.write_text("watch: [gan]\npack: iclr\n")
    result = run("schedule", "--cron", config, "--store", store, "--out", out)
    assert result.exit_code == 0
    command = result.stdout.split(" ", 5)[5].replace("\\%", "%").rstrip("\n")
    assert sys.executable in command and os.sep in command
    # the line as it is, but without the network, and for a week that is over
    command = command.replace(" --out ", " --no-fetch --date 2019-W20 --out ", 1)
    cron = ["env", "-i", "PATH=/usr/bin:/bin", f"HOME={tmp_path}", "/bin/sh", "-c", command]
    exit_code = subprocess.run(cron, cwd="/").returncode
    log = (tmp_path / "out.log").read_text(encoding="utf-8")
    assert exit_code == 0, log
    assert (out / "2019-W20" / "index.html").is_file()
    assert log.splitlines()[-1].startswith("done: 2019-W20 generated on ")


def test_one_kind_of_schedule_is_printed() -> None:
    assert run("schedule", "--cron", "--github").exit_code == 2
    assert "/trend-weekly.log" in run("schedule", "--out", "/").stdout
    assert run("schedule", "--systemd").stdout.startswith("# ~/.config/systemd/user/trend-weekly.service")
