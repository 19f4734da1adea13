"""Old spellings of options and commands: the same output as the new ones, with a note, and in no help."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import run
from tests.worlds import coverage_record, fill, paper
from trendcli.cli.deprecated import RENAMED_COMMANDS, RENAMED_OPTIONS, format_option_note, parameter_name

REBASE_NOTE = "--index is now --rebase; the old name will be removed in 1.0.\n"
STATUS_NOTE = "--status is now --submission-status; the old name will be removed in 1.0.\n"
EXPLAIN_NOTE = "--explain is now `trend explain`; the old name will be removed in 1.0.\n"
MATCH_NOTE = "`trend topics explain` is now `trend topics match`; the old name will be removed in 1.0.\n"


@pytest.fixture
def venue_store(tmp_path: Path) -> Path:
    """A store with a venue of two submissions, of which one is accepted and on GANs."""
    papers = [
        paper("2020-1", "2020-01-01", "A GAN", categories="poster accepted active submitted", keywords=""),
        paper("2020-2", "2020-01-01", "On nothing", categories="rejected active submitted", keywords=""),
    ]
    record = coverage_record(["submitted", "active", "accepted"], "2020-01-01", "2021-01-01", "2019-10-01")
    fill(tmp_path / "store" / "venues" / "iclr", papers, [record], corpus="iclr")
    return tmp_path / "store"


def assert_same_with_note(old_words: list[str], new_words: list[str], note: str) -> None:
    old, new = run(*old_words), run(*new_words)
    assert new.exit_code == 0 and new.stdout, new.stderr
    assert (old.exit_code, old.stdout) == (0, new.stdout)
    assert old.stderr == note + new.stderr
    quiet = run(*old_words, "-q")
    assert (quiet.stdout, quiet.stderr) == (new.stdout, "")


def test_index_is_now_rebase(store: Path) -> None:
    words = ["report", "--store", str(store), "-t", "gan"]
    assert_same_with_note([*words, "--index", "2018"], [*words, "--rebase", "2018"], REBASE_NOTE)


@pytest.mark.journey
def test_status_is_now_submission_status(venue_store: Path) -> None:
    words = ["report", "--store", str(venue_store), "--corpus", "iclr", "-t", "gan", "--format", "csv"]
    assert ",1,1," in run(*words, "--submission-status", "accepted").stdout
    assert_same_with_note([*words, "--status", "accepted"], [*words, "--submission-status", "accepted"], STATUS_NOTE)


def test_report_explain_is_now_a_command(store: Path) -> None:
    words = ["--store", str(store), "-t", "gan"]
    assert_same_with_note(["report", *words, "--explain"], ["explain", *words], EXPLAIN_NOTE)


@pytest.mark.journey
def test_topics_explain_is_now_topics_match(store: Path) -> None:
    words = ["1801.00000", "--store", str(store)]
    assert_same_with_note(["topics", "explain", *words], ["topics", "match", *words], MATCH_NOTE)


def test_the_new_spelling_wins_where_both_are_given(store: Path) -> None:
    words = ["report", "--store", str(store), "-t", "gan"]
    both = run(*words, "--index", "2019", "--rebase", "2018")
    assert both.stdout == run(*words, "--rebase", "2018").stdout
    assert both.stderr == REBASE_NOTE


def test_an_old_option_before_a_wrong_one_fails_like_the_new_one(store: Path) -> None:
    result = run("report", "--store", store, "-t", "gan", "--index", "soon")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{REBASE_NOTE}trend: Not a date")


def test_old_spellings_are_in_no_help() -> None:
    for words in (["report"], ["explain"], ["chart", "lines"], ["papers"], ["terms"], ["digest"], ["export"]):
        options = {line.split()[0] for line in run(*words, "--help").stdout.splitlines() if line.startswith("  --")}
        assert options and not options & set(RENAMED_OPTIONS)
    commands = [line.split()[0] for line in run("topics", "--help").stdout.splitlines() if line.startswith("  ")]
    assert "match" in commands and "explain" not in commands


def test_each_old_name_stands_for_a_new_one() -> None:
    assert parameter_name("--submission-status") == "submission_status"
    assert format_option_note("--index") + "\n" == REBASE_NOTE
    assert not set(RENAMED_OPTIONS) & set(RENAMED_OPTIONS.values())
    assert not set(RENAMED_COMMANDS) & set(RENAMED_COMMANDS.values())
