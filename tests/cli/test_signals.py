"""Ctrl-C and SIGTERM at any moment: while modules are imported, in a query, while another one is handled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.journey
PROGRAM = """
import sys, time
from contextlib import suppress
from trendcli.cli.registration import exit_on_error
from trendcli.cli.signals import end_on_signals
with end_on_signals(), exit_on_error():
    {body}
"""
# a line that says so once the block around it has been entered: a signal before that would find another program
WAIT = 'print("ready", flush=True); time.sleep(30)'


def interrupt(code: str, *numbers: int) -> tuple[int, str]:
    """Run a program, send it a signal for each line it prints, and return how it ended and what it said on stderr."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a runner in the background would ignore it
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    for number in numbers or [0]:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(number)  # 0 is none
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


INTERRUPTED = "trend: interrupted; the store is intact and keeps everything committed so far.\n"


@pytest.mark.parametrize(
    ("body", "numbers", "code", "stderr"),
    [
        (WAIT, [signal.SIGINT], 130, INTERRUPTED),
        (WAIT, [signal.SIGTERM], 143, INTERRUPTED),
        # a library makes an error of its own of it
        (f"""
    try:
        {WAIT}
    except KeyboardInterrupt:
        raise RuntimeError("Query interrupted")""", [signal.SIGINT], 130, INTERRUPTED),
        (f"""
    try:
        {WAIT}
    except KeyboardInterrupt:
        raise AssertionError("anything")""", [signal.SIGINT], 130, ""),
        # a second one while the first is handled
        (f"""
    try:
        {WAIT}
    finally:
        {WAIT}""", [signal.SIGINT, signal.SIGINT], 130, ""),
    ],
)  # fmt: skip
def test_a_signal_ends_with_its_code_and_no_traceback(body: str, numbers: list[int], code: int, stderr: str) -> None:
    assert interrupt(PROGRAM.format(body=body), *numbers) == (code, stderr)


def test_what_a_block_cleans_up_is_cleaned_up_on_sigterm(tmp_path: Path) -> None:
    body = f"""
    from pathlib import Path
    from trendcli.core.files import atomic_draft
    with atomic_draft(Path({str(tmp_path / "a")!r})) as draft:
        draft.write_text("half")
        print("ready", flush=True)
        time.sleep(30)"""
    code, _ = interrupt(PROGRAM.format(body=body), signal.SIGTERM)
    assert code == 143 and list(tmp_path.iterdir()) == []


def test_an_interrupt_while_the_program_is_imported() -> None:
    code = (
        "import sys, time\nfrom importlib.abc import MetaPathFinder\n"
        "class Slow(MetaPathFinder):\n    def find_spec(self, name, path, target=None):\n"
        "        if name == 'typer':\n            print('ready', flush=True)\n            time.sleep(30)\n"
        "sys.meta_path.insert(0, Slow())\nfrom trendcli.__main__ import main\nmain()\n"
    )
    assert interrupt(code, signal.SIGINT) == (130, "")


def test_a_job_in_the_background_still_ignores_interrupts() -> None:
    body = WAIT.replace("30", "0.5")
    assert interrupt("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + PROGRAM.format(body=body), signal.SIGINT) == (0, "")  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows")
def test_workers_leave_an_interrupt_to_the_main_process() -> None:
    code = """
import os, signal, time
from trendcli.core.parallel import create_pool
from trendcli.cli.registration import exit_on_error
from trendcli.cli.signals import end_on_signals
os.setpgrp()
if __name__ == "__main__":
    with end_on_signals(), exit_on_error(), create_pool() as pool:
        waiting = [pool.submit(time.sleep, 0.3) for _ in range(200)]
        waiting[0].result()
        print("ready", flush=True)
        os.killpg(0, signal.SIGINT)
        time.sleep(60)
"""
    started = time.monotonic()
    assert interrupt(code) == (130, INTERRUPTED)
    assert time.monotonic() - started < 20  # and not the minute that the tasks would take
    assert os.getpgrp() != 0
