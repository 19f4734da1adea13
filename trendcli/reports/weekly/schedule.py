"""Schedules that run `trend weekly`: a crontab line, a systemd service with its timer, and a GitHub workflow.

They run on Monday morning, UTC: arXiv announces at 20:00 New York time from Sunday to Thursday, and the week before has
ended.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

# by UTC
START_HOUR = 7
START_MINUTE = 17
# Monday, as cron counts days
START_WEEKDAY = 1


def build_command(
    store_path: Path, settings_path: Path | None, config_path: Path | None, out_folder: Path
) -> list[str]:
    """Build the command of the job, for paths that are absolute, since cron knows neither the folder nor PATH."""
    command = [sys.executable, "-m", "trendcli", "--store", str(store_path)]
    command += ["--settings", str(settings_path)] if settings_path else []
    return [*command, "weekly", *([str(config_path)] if config_path else []), "--out", str(out_folder)]


def render_crontab(
    command_words: list[str], environment: Mapping[str, str], log_path: Path, utc_offset: timedelta
) -> str:
    """Render a line for `crontab -e`, in the local time of a machine that is `utc_offset` ahead of UTC.

    Summer time moves the job by an hour, still hours after the announcement.
    """
    local = datetime(2024, 1, START_WEEKDAY, START_HOUR, START_MINUTE) + utc_offset  # a Monday
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in environment.items())
    make_folder = "" if log_path.parent.is_dir() else f"mkdir -p {shlex.quote(str(log_path.parent))} && "
    line = f"{make_folder}{variables}{shlex.join(command_words)} >> {shlex.quote(str(log_path))} 2>&1"
    escaped = line.replace("%", r"\%")  # a bare percent sign is a new line to cron
    return f"{local.minute} {local.hour} * * {local.isoweekday() % 7} {escaped}\n"


def render_systemd_units(command_words: list[str], environment: Mapping[str, str]) -> str:
    """Render a systemd user service and its timer, each below the path of its file."""
    line = " ".join(_quote_systemd(word).replace("$", "$$") for word in command_words)
    variables = "".join(f"Environment={_quote_systemd(f'{name}={value}')}\n" for name, value in environment.items())
    return f"""# ~/.config/systemd/user/trend-weekly.service
[Unit]
Description=Research trends of the week
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
{variables}ExecStart={line}

# ~/.config/systemd/user/trend-weekly.timer
[Unit]
Description=Research trends every Monday morning

[Timer]
OnCalendar=Mon *-*-* {START_HOUR:02d}:{START_MINUTE:02d}:00 UTC
Persistent=true
RandomizedDelaySec=20min

[Install]
WantedBy=timers.target

# enable: systemctl --user enable --now trend-weekly.timer; loginctl enable-linger
# log: journalctl --user -u trend-weekly
"""


def _quote_systemd(word: str) -> str:
    return '"' + word.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"') + '"'


def render_github_workflow(config_path: Path | None) -> str:
    """Render a GitHub workflow that keeps the store in a release between runs, and publishes the weeks as pages."""
    # relative, since the workflow runs in the folder of the repository
    config_word = f" {shlex.quote(Path(os.path.relpath(config_path)).as_posix())}" if config_path else ""
    return f"""# .github/workflows/weekly.yml
# The release `trend-store` keeps the store and the weeks between runs; a cache would be dropped after seven days.
# Logs are those of the workflow run. Enable Pages with the source "GitHub Actions".
name: weekly
on:
  schedule:
    - cron: "{START_MINUTE} {START_HOUR} * * {START_WEEKDAY}"
  workflow_dispatch:
permissions:
  contents: write
  pages: write
  id-token: write
concurrency: weekly
jobs:
  weekly:
    runs-on: ubuntu-latest
    environment: github-pages
    env:
      GH_TOKEN: ${{{{ github.token }}}}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install trendcli  # not on PyPI yet? pip install git+https://ADDRESS
      - name: Restore the store and the weeks
        run: |
          gh release view trend-store || gh release create trend-store --notes "Data of trend weekly"
          gh release download trend-store --pattern trend.tar --output - | tar -x || echo "First run"
      - name: Run the weekly job
        run: trend --store store weekly{config_word} --out weeks
      - name: Save the store and the weeks, also after an incomplete run
        if: always()
        run: |
          tar -cf trend.tar store weeks
          gh release upload trend-store trend.tar --clobber
      - uses: actions/upload-pages-artifact@v3
        if: always()
        with:
          path: weeks
      - uses: actions/deploy-pages@v4
        if: always()
"""
