"""papers, authors and index."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import run


@pytest.mark.journey
def test_the_submissions_behind_a_number_are_listed(store: Path) -> None:
    words = ["papers", "--store", store, "-t", "gan"]
    assert len(run(*words, "--period", "2018", "--limit", "0", "--format", "jsonl").stdout.splitlines()) == 70
    assert "70 submissions, newest 50 shown" in run(*words, "--period", "2018").stdout
    assert run(*words, "--limit", "2", "--format", "bibtex").stdout.count("@misc") == 2
    none = run(*words, "--and", "rnn", "--format", "jsonl")
    assert (none.exit_code, none.stdout) == (0, "")


def test_within_a_topic_the_same_submissions_are_listed_with_and_without_its_child(store: Path) -> None:
    for words in (["--within", "generative-models"], ["--within", "generative-models", "-t", "gan"]):
        result = run("papers", "--store", store, "--period", "2019", *words, "--limit", "0", "--format", "jsonl")
        assert len(result.stdout.splitlines()) == 100


def test_an_order_that_a_list_does_not_have_gets_a_sentence(store: Path) -> None:
    for words, message in (
        (["--like", "1801.00000", "--sort", "newest"], "--like cannot be combined with --sort"),
        (["--sort", "relevance"], "--sort relevance needs --search"),
    ):
        result = run("papers", "--store", store, *words)
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_authors_are_counted(store: Path) -> None:
    result = run("authors", "--store", store, "-t", "gan", "--format", "csv")
    assert [row.split(",")[1] for row in result.stdout.splitlines()[1:]] == ["170", "170"]


def test_an_index_is_built_once(store: Path) -> None:
    first, again = run("index", "--store", store), run("index", "--store", store)
    assert first.stderr.startswith("Indexing 2,600 submissions: this takes less than two minutes and ")
    assert "\nIndexed 2,600 submissions in " in first.stderr
    assert again.stderr.startswith("Nothing is new. The index is ")
