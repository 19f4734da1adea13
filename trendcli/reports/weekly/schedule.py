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
MINUTE, HOUR, DAY = 17, 7, 1


def command(store: Path, settings: Path | None, config: Path | None, out: Path) -> list[str]:
    """The words of the job with absolute paths, as cron knows neither folder nor PATH."""
    words = [sys.executable, "-m", "trendcli", "--store", str(store)]
    words += ["--settings", str(settings)] if settings else []
    return [*words, "weekly", *([str(config)] if config else []), "--out", str(out)]


def cron(words: list[str], variables: Mapping[str, str], log: Path, offset: timedelta) -> str:
    """A line for `crontab -e`, in the time of a machine that is `offset` ahead of UTC.

    Summer time moves the job by an hour, which still lies hours after the announcement.
    """
    local = datetime(2024, 1, DAY, HOUR, MINUTE) + offset  # a Monday
    known = "".join(f"{name}={shlex.quote(value)} " for name, value in variables.items())
    made = "" if log.parent.is_dir() else f"mkdir -p {shlex.quote(str(log.parent))} && "
    line = f"{made}{known}{shlex.join(words)} >> {shlex.quote(str(log))} 2>&1"
    escaped = line.replace("%", r"\%")  # which means a new line to cron
    return f"{local.minute} {local.hour} * * {local.isoweekday() % 7} {escaped}\n"


def systemd(words: list[str], variables: Mapping[str, str]) -> str:
    """A service and a timer of the user, each under the path of its file."""
    line = " ".join(_quoted(word).replace("$", "$$") for word in words)
    known = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in variables.items())
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
OnCalendar=Mon *-*-* {HOUR:02d}:{MINUTE:02d}:00 UTC
Persistent=true
RandomizedDelaySec=20min

[Install]
WantedBy=timers.target

# then: systemctl --user enable --now trend-weekly.timer; loginctl enable-linger
# the log: journalctl --user -u trend-weekly
"""


def _quoted(word: str) -> str:
    return '"' + word.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"') + '"'


def github(config: Path | None) -> str:
    """A workflow that keeps the store as an asset of a release between runs, and publishes the folders as pages."""
    # the workflow runs in the folder of the repository
    named = f" {shlex.quote(Path(os.path.relpath(config)).as_posix())}" if config else ""
    return f"""# .github/workflows/weekly.yml
# The store and the weeks live in the release `trend-store` between runs; a cache would be dropped after seven days.
# The log is that of the run. Pages have to be enabled with the source "GitHub Actions".
name: weekly
on:
  schedule:
    - cron: "{MINUTE} {HOUR} * * {DAY}"
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
