"""Functions as commands: options from groups, and errors that end a command with a sentence and an exit code."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.commands import TREND, run
from tests.standins.arxiv import ArxivStandIn
from trendcli.cli.base import CommonOptions
from trendcli.cli.registration import register_command
from trendcli.core.errors import CoverageMissing, RetryableError, UsageError


@dataclass(frozen=True)
class Layout:
    limit: Annotated[int, typer.Option(metavar="N")] = 3
    rebase: Annotated[str | None, typer.Option(metavar="PERIOD")] = None


def invoke(function: Any, *words: str, old_path: str | None = None) -> Result:
    app = typer.Typer()
    register_command(app, "try", old_path)(function)
    return CliRunner().invoke(app, list(words))


def test_a_group_becomes_an_option_for_each_field() -> None:
    received: list[Any] = []

    def command(common: CommonOptions, layout: Layout, name: str) -> None:
        received.append((layout, name))

    assert invoke(command, "gan", "--limit", "5").exit_code == 0
    assert invoke(command, "gan", "--index", "2018").stderr.startswith("--index is now --rebase;")
    assert invoke(command, "gan", "-q", "--index", "2018").stderr == ""
    assert received == [(Layout(5), "gan"), (Layout(3, "2018"), "gan"), (Layout(3, "2018"), "gan")]


def test_an_old_name_of_a_command_prints_a_note() -> None:
    def command(common: CommonOptions) -> None:
        typer.echo("ran")

    result = invoke(command, old_path="topics explain")
    assert (result.stdout, result.exit_code) == ("ran\n", 0)
    assert result.stderr.startswith("`trend topics explain` is now `trend topics match`;")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("No."), 2, "trend: No.\n"),
        (RetryableError("Later."), 3, "trend: Later.\n"),
        (CoverageMissing("Fetch."), 4, "trend: Fetch.\n"),
        (KeyboardInterrupt(), 130, "trend: interrupted; the store is intact and keeps everything committed so far.\n"),
        (
            OSError(28, "No space left on device", "/a/b"),
            4,
            "trend: No space left on device: /a/b. Everything stored before this command is intact.\n",
        ),
    ],
)
def test_an_expected_error_is_a_sentence_and_an_exit_code(error: BaseException, code: int, message: str) -> None:
    def command(common: CommonOptions) -> None:
        raise error

    result = invoke(command)
    assert (result.exit_code, result.stderr) == (code, message)


def test_a_warning_of_the_library_is_one_line_and_quiet_hides_it() -> None:
    def command(common: CommonOptions) -> None:
        logging.getLogger("trendcli.store.cache").warning("%s is damaged\x1b; it is computed again", "a/b")
        logging.getLogger("trendcli.store.cache").info("not shown")
        typer.echo("ran")

    for _ in range(2):  # and not twice the second time
        result = invoke(command)
        assert (result.stdout, result.stderr) == ("ran\n", "trend: a/b is damaged; it is computed again.\n")
    assert invoke(command, "--quiet").stderr == ""


def test_messages_are_short_and_without_control_characters() -> None:
    def command(common: CommonOptions) -> None:
        raise UsageError(f"No topic \x1b[31m{'x' * 10**6}. See `trend topics list`.")

    stderr = invoke(command).stderr
    assert stderr.startswith("trend: No topic [31mxxx") and stderr.endswith("x. See `trend topics list`.\n")
    assert len(stderr) < 2100


def test_errors_of_the_parser_are_short_too() -> None:
    for words in (
        ["report", "--limit", "x" * 5000],
        ["report", f"--{'x' * 5000}"],
        ["x" * 5000],
        ["chart", "x" * 5000],
    ):
        result = run(*words)
        assert result.exit_code == 2 and 0 < len(result.stderr) < 2500
        assert "Usage: " in result.stderr


def test_a_bug_keeps_its_traceback() -> None:
    def command(common: CommonOptions) -> None:
        raise ValueError("a bug")

    assert isinstance(invoke(command).exception, ValueError)


def test_options_before_and_after_the_command_are_the_same(store: Path) -> None:
    after, before = run("report", "--store", store, "-t", "gan"), run("--store", store, "report", "-t", "gan")
    variable = run("report", "-t", "gan", env={"TREND_STORE": str(store)})
    assert after.exit_code == 0
    assert after.stdout == before.stdout == variable.stdout


@pytest.mark.journey
def test_verbose_logs_requests(standin: ArxivStandIn, tmp_path: Path) -> None:
    env = {**os.environ, "TREND_ARXIV_URL": standin.url, "TREND_REQUEST_INTERVAL_S": "0"}
    process = subprocess.run(
        [*TREND, "fetch", "-c", "cs.LG", "--since", "2018-01", "--until", "2018-02", "-v", "--store", tmp_path],
        env=env,
        capture_output=True,
        text=True,
    )
    assert process.stderr.count("max_results=1:") >= 1 and "submittedDate" in process.stderr


@pytest.mark.journey
def test_a_reader_that_leaves_early_ends_it_silently(store: Path) -> None:
    command = f"{sys.executable} -m trendcli papers --store {store} --limit 0 --format jsonl | head -n 1"
    process = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert process.stdout.count("\n") == 1
    assert process.stderr == ""


@pytest.mark.journey
def test_an_interrupt_exits_with_130(standin: ArxivStandIn, tmp_path: Path) -> None:
    standin.inject_fault("503", times=99)
    env = {
        **os.environ,
        "TREND_ARXIV_URL": standin.url,
        "TREND_REQUEST_INTERVAL_S": "2.5",
        "TREND_STORE": str(tmp_path / "s"),
    }
    # what a shell starts in the background, as some runners do, ignores interrupts, and so would its children
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*TREND, "fetch", "-c", "cs.LG", "--since", "2018"], env=env, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not standin.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; the store is intact" in stderr
