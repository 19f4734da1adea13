"""The command line as a whole: its commands, version and help, and the message and exit code of a wrong one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.commands import run
from trendcli import __version__, cli
from trendcli.cli import build_app


def command_names(*words: str) -> list[str]:
    app = build_app(words)
    return [str(command.name) for command in [*app.registered_commands, *app.registered_groups]]


def test_version_and_help() -> None:
    assert run("--version").stdout.strip() == f"trendcli {__version__}"
    for words in ([], ["report"], ["topics"], ["topics", "list"], ["fetch"], ["import"], ["chart"], ["papers"]):
        assert run(*words, "--help").exit_code == 0
    assert run().exit_code == 2  # and shows the help


def test_the_version_is_printed_without_any_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["trend", "--version"])
    monkeypatch.setattr(cli, "build_app", lambda arguments: pytest.fail("set up commands"))
    cli.main()
    assert capsys.readouterr().out == f"trendcli {__version__}\n"


def test_every_command_has_a_line_of_help_that_is_not_cut() -> None:
    for words in ([], ["topics"]):
        _, _, commands = run(*words, "--help").stdout.partition("Commands:\n")
        assert commands and "..." not in commands


def test_only_the_commands_that_are_named_are_set_up() -> None:
    assert command_names("report", "-t", "rnn") == ["report"]
    assert command_names("--store", "papers", "report") == ["report", "papers"]  # a value may look like a command
    assert command_names("topics", "explain", "1706.03762") == ["explain", "topics"]
    assert len(command_names()) == len(command_names("reprot")) == 19
    assert run("reprot").exit_code == 2
    assert "report" in run("reprot").output


WRONG_COMMANDS = [
    (["report"], 4, "No store at"),
    (["report", "-t", "rn"], 2, "did you mean"),
    (["report", "--pack", "m"], 2, "No pack 'm'"),
    (["report", "--scope", "mll"], 2, "No scope 'mll' (did you mean ml?)"),
    (["report", "-c", "cs.LQ"], 2, "No category 'cs.LQ'"),
    (["report", "--format", "jsno"], 4, "No store at"),
    (["report", "--since", "yesterday", "-t", "gan"], 2, "Not a date"),
    (["fetch", "--since", "2019", "--until", "2018"], 2, "The window is reversed"),
    (["fetch"], 2, "Give a start"),
    (["fetch", "--since", "2099"], 2, "is in the future"),
    (["import", "/nonexistent/file"], 2, "Cannot read /nonexistent/file: No such file"),
    (["chart", "pie", "-o", "x.png"], 2, "No chart 'pie'"),
    (["chart", "lines", "-o", "x.png"], 2, "Name the topics to draw"),
    (["topics", "show", "gann"], 2, "No topic 'gann' (did you mean"),
    (["topics", "match", "abc"], 4, "No store at"),
    (["report", "--query", ""], 2, "no letter or digit"),
]


@pytest.mark.journey
@pytest.mark.parametrize(("words", "code", "message"), WRONG_COMMANDS)
def test_a_wrong_command_gets_a_sentence_and_an_exit_code(
    tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    result = run("--store", tmp_path / "none", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr and result.stderr.startswith("trend: ") and "Traceback" not in result.stderr
    assert not (tmp_path / "none" / "manifest.json").exists()
