"""topics list, show and match."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import run


def test_the_topics_of_a_pack_are_listed() -> None:
    report = json.loads(run("topics", "list", "--pack", "iclr", "--format", "json").stdout)
    assert "generative-models" in [row["topic"] for row in report["rows"]]
    assert report["title"] == f"{len(report['rows'])} topics in pack iclr"


def test_a_topic_that_replaces_a_shipped_one_is_marked(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("topics:\n  gan: {phrases: [adversarial network]}\n")
    report = json.loads(run("topics", "list", "--format", "json", env={"TREND_TOPICS": str(own)}).stdout)
    (origin,) = [row["origin"] for row in report["rows"] if row["topic"] == "gan"]
    assert origin == f"{own}:2 (replaces the shipped topic)"


@pytest.mark.journey
def test_a_topic_is_shown_with_its_rules_and_a_pack_with_its_members() -> None:
    assert "pattern  " in run("topics", "show", "rnn").stdout
    assert "meta-rl" in run("topics", "show", "directions").stdout


def test_a_submission_is_shown_with_the_topics_that_match_it(store: Path) -> None:
    result = run("topics", "match", "1801.00000", "--store", store)
    assert "gan" in result.stdout and "adversarial network" in result.stdout
