"""The options that select submissions and topics: their completion, their query, and values that do not fit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import run
from trendcli.cli.base import CommonOptions
from trendcli.cli.options import MatchMode, SelectionOptions, VenueStatus, check_outcome
from trendcli.core.errors import UsageError
from trendcli.core.types import Scope


@pytest.mark.journey
def test_completion_knows_topics_packs_scopes_and_categories() -> None:
    def complete(words: str) -> str:
        env = {
            **os.environ,
            "_TREND_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split())),
        }
        code = "import sys; sys.argv = ['trend']; from trendcli.cli import main; main()"
        return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True).stdout

    assert "model-based-rl" in complete("trend report --topic ")
    assert "directions" in complete("trend report --pack ")
    assert "vision" in complete("trend report --scope ")
    assert "eess.AS" in complete("trend fetch -c ")


def test_a_selection_becomes_a_query(tmp_path: Path) -> None:
    common = CommonOptions(store=tmp_path)
    selection = SelectionOptions(
        topic=["gan"], both=["rnn"], query=["on nothing"], category=["cs.LG"], match=MatchMode.title
    )
    query, library = selection.build_query(common, use_default_pack=True, limit=7)
    assert query.topics[0] == "gan" and library.get_topic(query.topics[1]).name == '"on nothing"'
    assert (query.both, query.match, query.limit) == (("rnn",), "title", 7)
    assert query.scope == Scope("cs.LG", ("cs.LG",))


def test_the_default_pack_is_taken_where_no_topic_is_named(tmp_path: Path) -> None:
    common = CommonOptions(store=tmp_path)
    query, library = SelectionOptions().build_query(common, use_default_pack=True)
    assert query.topics == tuple(library.get_pack("ml"))
    assert SelectionOptions().build_query(common, use_default_pack=False)[0].topics == ()
    assert SelectionOptions(topic=["gan"]).build_query(common, use_default_pack=True)[0].topics == ("gan",)


def test_a_status_of_a_venue_is_a_scope(tmp_path: Path) -> None:
    common = CommonOptions(store=tmp_path)
    selection = SelectionOptions(corpus="iclr", submission_status=VenueStatus.accepted)
    assert selection.build_query(common, use_default_pack=False)[0].scope == Scope("accepted", ("accepted",))
    assert selection.default_scope(common) == Scope("submitted", ("submitted",))


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (SelectionOptions(fields="title"), "--corpus arxiv cannot be combined with --fields. Choose a venue"),
        (
            SelectionOptions(keyword=["rl"], submission_status=VenueStatus.active),
            "--corpus arxiv cannot be combined with --submission-status or --keyword. Choose a venue",
        ),
        (
            SelectionOptions(corpus="iclr", category=["cs.LG"], primary_only=True),
            "--corpus iclr cannot be combined with --category or --primary-only. iclr has no categories",
        ),
    ],
)
def test_options_of_another_corpus_are_refused(tmp_path: Path, selection: SelectionOptions, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        selection.build_query(CommonOptions(store=tmp_path), use_default_pack=False)
    assert str(caught.value).startswith(message)


def test_the_only_outcome_is_accepted() -> None:
    check_outcome(None)
    check_outcome("accepted")
    with pytest.raises(UsageError, match="--outcome accepts only 'accepted', not 'rejected'"):
        check_outcome("rejected")


@pytest.mark.journey
def test_values_that_do_not_fit_get_a_sentence(store: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("")
    cases = [
        (["report", "--format", "jsno"], 2, "No format 'jsno' (did you mean json"),
        (["report", "--sort", "q2"], 2, "Cannot sort by 'q2'"),
        (["report", "-c", "cs.CV"], 4, "It covers cs.LG"),
        (["report", "-o", tmp_path / "own.yaml" / "r.json"], 2, "Cannot write"),
        (["papers", "--period", "2014"], 4, "2014-01-01 to 2015-01-01 is not covered for cs.LG"),
        (["report", "--match", "fuzzy"], 2, "fuzzy"),
        (["papers", "--id", "x"], 2, "Not an arXiv identifier"),
        (["report", "-t", "gan", "-o", "x.exe"], 2, "No format has the extension .exe"),
        (["report", "--settings", tmp_path / "no.yaml"], 2, "Cannot read the settings file"),
    ]  # fmt: skip
    for words, code, message in cases:
        result = run(*words, "--store", store)
        assert (result.exit_code, message in result.stderr) == (code, True), (words, result.stderr)


@pytest.mark.journey
def test_a_damaged_manifest_and_a_wrong_topic_file_get_a_sentence(store: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("topics:\n  a:\n    phrase: [x]\n")
    result = run("topics", "list", env={"TREND_TOPICS": str(own)})
    assert result.exit_code == 2 and f"{own}:3: unknown key 'phrase'" in result.stderr
    before = (store / "manifest.json").read_bytes()
    (store / "manifest.json").write_text("{")
    assert run("report", "--store", store).exit_code == 4
    (store / "manifest.json").write_bytes(before)
    assert run("report", "--store", store, "--pack", "iclr").exit_code == 0
