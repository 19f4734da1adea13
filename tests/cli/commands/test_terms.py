"""terms: options that exclude each other, and lengths of terms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import run
from trendcli.cli.commands.terms import _parse_word_range
from trendcli.core.errors import UsageError


def test_the_length_of_terms_is_a_number_or_a_range() -> None:
    assert [_parse_word_range(text) for text in ("1-4", "2", "3-3")] == [(1, 4), (2, 2), (3, 3)]
    for text in ("0", "5", "3-2", "two", "", "-2"):
        with pytest.raises(UsageError, match="Terms have one to four words"):
            _parse_word_range(text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--name-like", "*GAN", "--min-count", "5"], "--name-like cannot be combined with --min-count."),
        (["--name-like", "*GAN", "--backtest", "2018"], "--name-like cannot be combined with --backtest."),
        (["--backtest", "2018", "--limit", "3"], "--backtest cannot be combined with --limit."),
        (["--backtest", "2018", "--last", "3y"], "--backtest cannot be combined with --last."),
        (["--outcome", "accepted", "--vs", "2018"], "--outcome cannot be combined with --vs."),
        (["--outcome", "accepted", "--include-partial"], "--outcome cannot be combined with --include-partial."),
        (["--outcome", "rejected"], "--outcome accepts only 'accepted'"),
        (
            ["--corpus", "iclr", "--outcome", "accepted", "--fields", "keywords", "--words", "2"],
            "--words cannot be combined with keywords",
        ),
    ],
)
def test_options_that_exclude_each_other_get_a_sentence(tmp_path: Path, words: list[str], message: str) -> None:
    result = run("terms", "--store", tmp_path, *words)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_terms_that_rise_are_reported(store: Path) -> None:
    result = run("terms", "--store", store, "--period", "2019", "--vs", "2018", "--words", "1", "--format", "json")
    assert result.exit_code == 0, result.output
