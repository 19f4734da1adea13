"""topics check, sample, compare and new: what the commands add to the reports that they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import run
from trendcli.cli.base import CommonOptions
from trendcli.cli.commands.topics import SubmissionOptions, _is_in_settings, _output_topic_path, _own_topic_path
from trendcli.core.errors import UsageError
from trendcli.core.types import Scope
from trendcli.reports.curation.check import ALL_STORED_SCOPE


def test_a_users_own_topic_is_counted(store: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text(
        "topics:\n  nets:\n    name: Nets\n    phrases: [adversarial network]\npacks:\n  mine: [nets, gan]\n"
    )
    result = run("report", "--store", store, "--pack", "mine", "--format", "json", env={"TREND_TOPICS": str(own)})
    assert {row["topic"]: row["count_2"] for row in json.loads(result.stdout)["rows"]} == {"nets": 100, "gan": 100}


def test_rules_are_tried_on_all_that_is_stored() -> None:
    assert SubmissionOptions().widest_scope(CommonOptions()) == ALL_STORED_SCOPE
    venue = SubmissionOptions(corpus="iclr", since="2020")
    assert venue.widest_scope(CommonOptions()) == Scope("submitted", ("submitted",))
    selection = venue.to_selection(["gan"], "ml")
    assert (selection.topic, selection.pack, selection.corpus, selection.since) == (["gan"], "ml", "iclr", "2020")


def test_a_sample_is_drawn_by_year_quarter_or_month(store: Path) -> None:
    result = run("topics", "sample", "gan", "--store", store, "--by", "week")
    assert result.exit_code == 2 and "A sample accepts only --by year, quarter or month." in result.stderr


def test_a_sample_is_printed_where_nobody_can_be_asked(store: Path) -> None:
    result = run("topics", "sample", "gan", "--store", store, "-n", "4")
    assert result.exit_code == 0
    assert result.stderr == "Not on a terminal, so the sample is printed for you to judge.\n"


@pytest.mark.journey
def test_answers_of_a_file_must_be_about_the_sample(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("id,relevant\n9999.99999,y\n")
    result = run("topics", "sample", "gan", "--store", store, "-n", "4", "--judged", path)
    assert result.exit_code == 2
    assert "answers for 1 submissions that are not in this sample, such as 9999.99999" in result.stderr
    assert "No answer was saved." in result.stderr
    sample = run("topics", "sample", "gan", "--store", store, "-n", "4", "--format", "json")
    path.write_text("id,relevant\n" + "".join(f"{row['id']},y\n" for row in json.loads(sample.stdout)["rows"]))
    judged = run("topics", "sample", "gan", "--store", store, "-n", "4", "--judged", path)
    assert "Read 4 answers; 0 changed an earlier one." in judged.stderr
    again = run("topics", "sample", "gan", "--store", store, "-n", "4")
    assert again.stderr == "All 4 are judged; the precision follows. A larger -n draws more.\n"


def test_a_new_topic_goes_to_the_named_file_or_folder(tmp_path: Path) -> None:
    assert _output_topic_path(tmp_path, "graph-nets") == tmp_path / "graph-nets.yaml"
    assert _output_topic_path(tmp_path / "own.yml", "graph-nets") == tmp_path / "own.yml"
    with pytest.raises(UsageError, match="is not a topic file: its name must end in .yaml or .yml. Nothing"):
        _output_topic_path(tmp_path / "own.txt", "graph-nets")
    with pytest.raises(UsageError, match="To write graph-nets.yaml into a folder, create the folder first."):
        _output_topic_path(tmp_path / "none", "graph-nets")


def test_a_new_topic_goes_to_the_file_or_folder_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _own_topic_path(CommonOptions(), "graph-nets") is None
    monkeypatch.setenv("TREND_TOPICS", str(tmp_path))
    assert _own_topic_path(CommonOptions(), "graph-nets") == tmp_path / "graph-nets.yaml"
    assert _is_in_settings(CommonOptions(), tmp_path / "graph-nets.yaml")
    assert not _is_in_settings(CommonOptions(), tmp_path / "deeper" / "graph-nets.yaml")
    monkeypatch.setenv("TREND_TOPICS", str(tmp_path / "own.yaml"))
    assert _own_topic_path(CommonOptions(), "graph-nets") == tmp_path / "own.yaml"


def test_a_topic_that_exists_is_not_written_again(store: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("topics:\n  nets: {phrases: [adversarial network]}\n")
    words = ["topics", "new", "nets", "--from", "adversarial network", "--store", store]
    result = run(*words, env={"TREND_TOPICS": str(own)})
    assert result.exit_code == 2 and "Topic 'nets' already exists, at" in result.stderr
