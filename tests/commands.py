"""Run the command line: in this process, as a program of its own, or on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import Any

from typer.testing import CliRunner, Result

from trendcli.cli import build_app

TREND = [sys.executable, "-m", "trendcli"]


def run(*words: Any, env: dict[str, str] | None = None) -> Result:
    """Run a command line in this process."""
    arguments = [str(word) for word in words]
    return CliRunner().invoke(build_app(arguments), arguments, env=env or {})


def run_on_terminal(*words: Any, columns: int, **env: str) -> str:
    """Return what a command shows on a terminal of that width."""
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **env}
    process = subprocess.Popen([*TREND, *map(str, words)], stdout=slave, stderr=slave, stdin=slave, env=environment)
    os.close(slave)
    shown = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # the end of a terminal
            break
        if not chunk:
            break
        shown += chunk
    process.wait(timeout=30)
    os.close(master)
    return shown.decode()
