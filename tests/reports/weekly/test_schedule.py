from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from tests.commands import run
from trendcli.reports.weekly import schedule as schedules


def test_cron_starts_what_a_terminal_would(tmp_path: Path) -> None:
    words = schedules.build_command(
        tmp_path / "my store", tmp_path / "s.yaml", tmp_path / "50% of it.yaml", tmp_path / "out"
    )
    line = schedules.render_crontab(
        words, {"TREND_CONTACT": "me @ home"}, tmp_path / "no folder yet" / "a log", timedelta(0)
    )
    times, job = line[:-1].split(" ", 5)[:5], line[:-1].split(" ", 5)[5]
    assert times == ["17", "7", "*", "*", "1"]
    # cron makes a new line of a bare percent sign, and takes the backslash away
    assert "%" not in job.replace("\\%", "")
    said = shlex.split(job.replace("\\%", "%"))
    assert said[:4] == ["mkdir", "-p", str(tmp_path / "no folder yet"), "&&"]
    assert said[4] == "TREND_CONTACT=me @ home"
    assert said[5 : said.index(">>")] == words
    assert said[-3:] == [">>", str(tmp_path / "no folder yet" / "a log"), "2>&1"]


@pytest.mark.parametrize(("hours", "times"), [(9, "17 16 * * 1"), (-8, "17 23 * * 0"), (5.5, "47 12 * * 1"), (14, "17 21 * * 1")])  # fmt: skip
def test_cron_is_told_the_local_time_of_monday_morning_utc(hours: float, times: str) -> None:
    line = schedules.render_crontab(["trend"], {}, Path("log"), timedelta(hours=hours))
    assert line.startswith(f"{times} trend >> log")


def test_the_offset_is_that_of_the_machine() -> None:
    words = [sys.executable, "-m", "trendcli", "schedule"]
    told = subprocess.run(words, env={**os.environ, "TZ": "JST-9"}, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("17 16 * * 1 ")


def test_settings_said_by_variables_are_passed_on_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("topics:\n  nets:\n    phrases: [adversarial network]\n")
    (tmp_path / "settings.yaml").write_text("scope: vision\n")
    env = {"TREND_CONTACT": "me@example.org", "TREND_TOPICS": "mine.yaml"}
    more = {"TREND_SOAK": "300", "TREND_STORE": "store", "TREND_SETTINGS": "settings.yaml"}
    told = run("schedule", env={**env, **more})
    assert told.exit_code == 0, told.output
    said = [word for word in shlex.split(told.stdout) if word.startswith("TREND_")]
    # cron starts elsewhere, so paths are whole
    assert said == ["TREND_CONTACT=me@example.org", f"TREND_TOPICS={tmp_path / 'mine.yaml'}"]
    assert f"--store {tmp_path / 'store'} --settings {tmp_path / 'settings.yaml'} weekly" in told.stdout


def test_a_service_and_its_timer(tmp_path: Path) -> None:
    text = schedules.render_systemd_units(
        schedules.build_command(tmp_path / "50 % $store", None, None, tmp_path / "out"), {"TREND_TOPICS": "/a b"}
    )
    assert f'"{tmp_path}/50 %% $$store"' in text and 'Environment="TREND_TOPICS=/a b"\nExecStart=' in text
    assert "OnCalendar=Mon *-*-* 07:17:00 UTC" in text
    assert "journalctl" in text


def test_the_workflow_is_yaml_that_says_where_the_store_lives() -> None:
    text = schedules.render_github_workflow(Path("configs/my weekly.yaml"))
    found = yaml.safe_load(text)
    steps = found["jobs"]["weekly"]["steps"]
    assert found[True]["schedule"] == [{"cron": "17 7 * * 1"}]  # YAML takes `on` for true
    assert any("weekly 'configs/my weekly.yaml' --out weeks" in step.get("run", "") for step in steps)
    assert "The store and the weeks live in the release" in text


def test_the_printed_line_runs_as_cron_would(tmp_path: Path) -> None:
    """With cron's empty environment, and a store of which the week can be drawn."""
    from tests.reports.weekly.test_folder import filled

    filled(tmp_path / "my store")
    (tmp_path / "my job.yaml").write_text("watch: [gan]\npack: iclr\n")
    told = run(
        "schedule", "--cron", tmp_path / "my job.yaml", "--store", tmp_path / "my store", "--out", tmp_path / "out"
    )
    assert told.exit_code == 0
    command = told.stdout.split(" ", 5)[5].replace("\\%", "%").rstrip("\n")
    # the line as it is, but without the network, and for a week that is over
    command = command.replace(" --out ", " --no-fetch --date 2019-W20 --out ", 1)
    done = subprocess.run(["env", "-i", "PATH=/usr/bin:/bin", f"HOME={tmp_path}", "/bin/sh", "-c", command], cwd="/")
    log = (tmp_path / "out.log").read_text(encoding="utf-8")
    assert done.returncode == 0, log
    assert (tmp_path / "out" / "2019-W20" / "index.html").is_file()
    assert log.splitlines()[-1].startswith("done: 2019-W20 drawn on ")
    assert sys.executable in command and os.sep in command


def test_one_kind_at_a_time() -> None:
    assert run("schedule", "--cron", "--github").exit_code == 2
    assert "/trend-weekly.log" in run("schedule", "--out", "/").stdout
    assert run("schedule", "--systemd").stdout.startswith("# ~/.config/systemd/user/trend-weekly.service")
