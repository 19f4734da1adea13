"""Schedules that run `trend weekly` on a machine: a crontab line, and a systemd service with its timer.

They run on Monday morning, UTC: arXiv announces at 20:00 New York time from Sunday to Thursday, and the week before has
ended.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from trendcli.core.errors import UsageError

# by UTC
START_HOUR = 7
START_MINUTE = 17
# Monday, as cron counts days
START_WEEKDAY = 1
# a line break would begin a new line of the schedule, with a command of its own
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


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

    Summer time moves the job by an hour, still hours after the announcement. Raise UsageError for a path or variable
    that a line cannot hold.
    """
    texts = [*command_words, *environment.values(), str(log_path)]
    check_schedule_texts(texts)
    # some crons drop one of two backslashes, some do not
    if backslashed := [text for text in texts if "\\" in text]:
        raise UsageError(
            f"A crontab line cannot hold the backslash in {backslashed[0]!r}. Use another path, or --systemd."
        )
    local = datetime(2024, 1, START_WEEKDAY, START_HOUR, START_MINUTE) + utc_offset  # a Monday
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in environment.items())
    make_folder = "" if log_path.parent.is_dir() else f"mkdir -p {shlex.quote(str(log_path.parent))} && "
    line = f"{make_folder}{variables}{shlex.join(command_words)} >> {shlex.quote(str(log_path))} 2>&1"
    escaped = line.replace("%", r"\%")  # a bare percent sign is a new line to cron
    return f"{local.minute} {local.hour} * * {local.isoweekday() % 7} {escaped}\n"


def check_schedule_texts(texts: Iterable[str]) -> None:
    """Raise UsageError if a text that goes into a schedule has a line break or another control character."""
    for text in texts:
        if _CONTROL_CHARACTERS.search(text):
            raise UsageError(
                f"A schedule cannot hold {text!r}, which contains a line break or another control character. Nothing "
                "was printed. Change it and run the command again."
            )


def render_systemd_units(command_words: list[str], environment: Mapping[str, str]) -> str:
    """Render a systemd user service and its timer, each below the path of its file.

    Raise UsageError for a path or variable that a line cannot hold.
    """
    check_schedule_texts([*command_words, *environment.values()])
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
