"""What to install so that `trend weekly` runs: a crontab line, a service and its timer, a workflow.

Monday morning UTC: arXiv announces at 20:00 New York time from Sunday to Thursday, and the week before has ended.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

# Monday, by UTC
START_MINUTE, START_HOUR, START_WEEKDAY = 17, 7, 1


def build_command(
    store_path: Path, settings_path: Path | None, config_path: Path | None, out_folder: Path
) -> list[str]:
    """The words of the job with absolute paths, as cron knows neither folder nor PATH."""
    words = [sys.executable, "-m", "trendcli", "--store", str(store_path)]
    words += ["--settings", str(settings_path)] if settings_path else []
    return [*words, "weekly", *([str(config_path)] if config_path else []), "--out", str(out_folder)]


def render_crontab(
    command_words: list[str], environment: Mapping[str, str], log_path: Path, utc_offset: timedelta
) -> str:
    """A line for `crontab -e`, in the time of a machine that is `offset` ahead of UTC.

    Summer time moves the job by an hour, which still lies hours after the announcement.
    """
    local = datetime(2024, 1, START_WEEKDAY, START_HOUR, START_MINUTE) + utc_offset  # a Monday
    known = "".join(f"{name}={shlex.quote(value)} " for name, value in environment.items())
    made = "" if log_path.parent.is_dir() else f"mkdir -p {shlex.quote(str(log_path.parent))} && "
    line = f"{made}{known}{shlex.join(command_words)} >> {shlex.quote(str(log_path))} 2>&1"
    escaped = line.replace("%", r"\%")  # which means a new line to cron
    return f"{local.minute} {local.hour} * * {local.isoweekday() % 7} {escaped}\n"


def render_systemd_units(command_words: list[str], environment: Mapping[str, str]) -> str:
    """A service and a timer of the user, each under the path of its file."""
    line = " ".join(_quote_systemd(word).replace("$", "$$") for word in command_words)
    known = "".join(f"Environment={_quote_systemd(f'{name}={value}')}\n" for name, value in environment.items())
    return f"""# ~/.config/systemd/user/trend-weekly.service
[Unit]
Description=Research trends of the week
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
{known}ExecStart={line}

# ~/.config/systemd/user/trend-weekly.timer
[Unit]
Description=Research trends every Monday morning

[Timer]
OnCalendar=Mon *-*-* {START_HOUR:02d}:{START_MINUTE:02d}:00 UTC
Persistent=true
RandomizedDelaySec=20min

[Install]
WantedBy=timers.target

# then: systemctl --user enable --now trend-weekly.timer; loginctl enable-linger
# the log: journalctl --user -u trend-weekly
"""


def _quote_systemd(word: str) -> str:
    return '"' + word.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"') + '"'


def render_github_workflow(config_path: Path | None) -> str:
    """A workflow that keeps the store as an asset of a release between runs, and publishes the folders as pages."""
    # the workflow runs in the folder of the repository
    named = f" {shlex.quote(Path(os.path.relpath(config_path)).as_posix())}" if config_path else ""
    return f"""# .github/workflows/weekly.yml
# The store and the weeks live in the release `trend-store` between runs; a cache would be dropped after seven days.
# The log is that of the run. Pages have to be enabled with the source "GitHub Actions".
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
      - run: pip install trendcli  # where PyPI does not have it yet: pip install git+https://ADDRESS
      - name: the store and the weeks of the last run
        run: |
          gh release view trend-store || gh release create trend-store --notes "What trend has stored"
          gh release download trend-store --pattern trend.tar --output - | tar -x || echo "a first run"
      - name: the job
        run: trend --store store weekly{named} --out weeks
      - name: keep them, also after an incomplete run
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
