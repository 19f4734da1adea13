"""Running a printed schedule once, in the environment in which cron or systemd would run it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trendcli.core.errors import ActionRequiredError, RetryableError, TrendError, UsageError

# exit codes of the job that mean the same for the trial
_ERRORS: Mapping[int, type[TrendError]] = {2: UsageError, 3: RetryableError, 4: ActionRequiredError}
# bytes at the end of a log in which its last lines are looked for
_TAIL_BYTES = 4_096
_SERVICE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Trial:
    """A run of the job: its environment in words, how it ended, and its last output."""

    description: str
    exit_code: int
    seconds: float
    log: str
    last_words: str

    def raise_for_failure(self) -> None:
        """Raise the error with the exit code of the job; ActionRequiredError for a code that the job never gives."""
        if self.exit_code:
            error_class = _ERRORS.get(self.exit_code, ActionRequiredError)
            raise error_class(f"As scheduled, the job fails with {describe_exit(self.exit_code)}: {self.last_words}")


def describe_exit(exit_code: int) -> str:
    """Describe an exit code, in words if it comes from the shell or a signal."""
    if exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    reasons = {126: " (the program cannot be run)", 127: " (the program was not found)"}
    return f"exit code {exit_code}{reasons.get(exit_code, '')}"


def try_crontab(line: str, log_path: Path) -> Trial:
    """Run the command of a crontab line as cron does: with `sh`, in the home folder, in an empty environment."""
    command = re.sub(r"\\%", "%", line.rstrip("\n").split(" ", 5)[5])
    size = log_path.stat().st_size if log_path.is_file() else 0
    environment = {**build_login_variables(), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    return _run_job(["/bin/sh", "-c", command], environment, log_path, size)


def try_service(command_words: Sequence[str], variables: Mapping[str, str]) -> Trial:
    """Run the command of a systemd service as the user's service manager does, in the home folder."""
    return _run_job(command_words, {**build_login_variables(), "PATH": _SERVICE_PATH, **variables}, None, 0)


def build_login_variables() -> dict[str, str]:
    """Return HOME and LOGNAME from the system's user database, not from the shell."""
    try:
        import pwd

        user = pwd.getpwuid(os.getuid())
    except (ImportError, KeyError):
        return {"HOME": str(Path.home()), "LOGNAME": os.environ.get("LOGNAME", "")}
    return {"HOME": user.pw_dir, "LOGNAME": user.pw_name}


def _run_job(words: Sequence[str], environment: Mapping[str, str], log_path: Path | None, log_start: int) -> Trial:
    """Run the job; read its messages from its output, and from the log from `log_start` on."""
    home = environment["HOME"]
    started_at = time.monotonic()
    try:
        result = subprocess.run(
            words,
            env=environment,
            cwd=home if Path(home).is_dir() else "/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise ActionRequiredError(f"As scheduled, the job cannot be started: {shlex.join(words)}: {error}.") from None
    output = result.stdout
    if log_path and log_path.is_file():
        with log_path.open("rb") as stream:
            stream.seek(max(log_start, log_path.stat().st_size - _TAIL_BYTES))
            output += stream.read()
    lines = output[-_TAIL_BYTES:].decode("utf-8", "replace").split("\n")
    said = [line.strip().removeprefix("trend: ") for line in lines if line.strip()]
    return Trial(
        description=" ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items()),
        exit_code=result.returncode,
        seconds=time.monotonic() - started_at,
        log=str(log_path) if log_path else "journalctl --user -u trend-weekly",
        last_words=said[-1] if said else "it printed nothing.",
    )
