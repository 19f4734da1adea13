"""Notifications of new weeks: the pending weeks, and the command that reads their digests.

A week is pending from before it is drawn until the command has succeeded, so a killed job loses no notification.
A command that hangs delays neither the drawing of weeks nor other jobs.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from trendcli.core.files import exclusive_lock, write_file_atomically
from trendcli.reports.weekly.folder import explain_write_errors

_PENDING_FILE = ".untold"
_PENDING_LOCK = ".untold.lock"
# held while commands run, so that of two jobs only one sends a digest
_SENDING_LOCK = ".notify.lock"


def read_pending_weeks(out: Path) -> list[str]:
    """Read the labels of the weeks whose notification is pending."""
    path = out / _PENDING_FILE
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def change_pending_weeks(out: Path, add: Sequence[str] = (), remove: Collection[str] = ()) -> None:
    """Add weeks to those whose notification is pending, and remove some; several jobs may do so at once."""
    with explain_write_errors(out), exclusive_lock(out / _PENDING_LOCK):
        earlier = read_pending_weeks(out)
        later = [label for label in dict.fromkeys([*earlier, *add]) if label not in remove]
        if later != earlier:
            write_file_atomically(out / _PENDING_FILE, "\n".join(later).encode())


def send_digests(out: Path, command: str, timeout_s: float) -> str:
    """Run a command with the digest of each pending week on its standard input; return what failed, '' if nothing did.

    Weeks for which the command fails stay pending; so do all others once it has run for `timeout_s` seconds and was
    stopped, or where another job is still sending after that time.
    """
    failures: dict[str, str] = {}
    try:
        with explain_write_errors(out), exclusive_lock(out / _SENDING_LOCK, timeout_s):
            for label in read_pending_weeks(out):
                exit_code = _run_command(command, out / label / "digest.md", timeout_s)
                if exit_code == 0:
                    change_pending_weeks(out, remove=[label])
                elif exit_code is not None:
                    failures[label] = f"failed with exit code {exit_code} for {label}"
    except subprocess.TimeoutExpired:
        failures["timeout"] = f"was stopped after {timeout_s:g} seconds (setting `notify_timeout_s`)"
    except TimeoutError:
        return "Another weekly job is still sending digests; the next run sends the rest."
    if not failures:
        return ""
    pending = ", ".join(read_pending_weeks(out))
    return f"The notify command {' and '.join(failures.values())}. Pending until the next run: {pending}."


def _run_command(command: str, digest: Path, timeout_s: float) -> int | None:
    """Run a shell command that reads a digest; return its exit code, None if the week is not drawn yet.

    Raise TimeoutExpired after stopping it and every process that it started.
    """
    try:
        stream = digest.open("rb")
    except FileNotFoundError:
        return None
    with stream, subprocess.Popen(command, shell=True, stdin=stream, start_new_session=True) as process:
        try:
            return process.wait(timeout_s)
        except BaseException:
            _kill_with_children(process)
            raise


def _kill_with_children(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        # the shell leads the session that `start_new_session` began; it may have ended just now
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
