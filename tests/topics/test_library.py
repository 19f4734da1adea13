from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.topics.worlds import FRUIT_NAMES, FRUIT_TOPICS
from trendcli.core.errors import UsageError
from trendcli.topics.highlight import find_matches
from trendcli.topics.library import (
    Library,
    ancestors_by_topic,
    extend_library,
    is_allowed_by_guard,
    library_from_json,
    topic_from_keyword,
    topic_from_phrase,
)
from trendcli.topics.loader import load_library


def test_close_names_are_suggested(library: Library) -> None:
    with pytest.raises(UsageError, match=r"No topic 'rn' \(did you mean .*rnn"):
        library.get_topic("rn")
    with pytest.raises(UsageError, match="No pack 'nothing'"):
        library.get_pack("nothing")


def test_a_family_is_a_topic_with_all_its_descendants(fruit_library: Library) -> None:
    assert [topic.id for topic in fruit_library.topic_family("fruit")] == ["apple", "fruit", "jam", "pear"]
    assert [topic.id for topic in fruit_library.topic_family("pear")] == ["jam", "pear"]
    assert fruit_library.get_pack("all") == FRUIT_NAMES


def test_a_topic_counts_for_its_ancestors(fruit_library: Library) -> None:
    assert ancestors_by_topic(fruit_library, ["fruit", "pear"]) == {
        "fruit": {"fruit"},
        "apple": {"fruit"},
        "pear": {"fruit", "pear"},
        "jam": {"fruit", "pear"},
    }


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("name: Fruit", "name: Obst", False),
        ("apple pie]", "apple tart]", True),
        ("stat.*", "math.*", True),
        ("apple computer", "apple trees", True),
    ],
)
def test_a_match_hash_changes_with_what_matches_and_not_with_names(
    topic_file: Callable[[str], Path], old: str, new: str, changes: bool
) -> None:
    before = load_library(topic_file(FRUIT_TOPICS).parent).match_hash("fruit")
    after = load_library(topic_file(FRUIT_TOPICS.replace(old, new)).parent).match_hash("fruit")
    assert (after != before) == changes


def test_a_guard_admits_categories_by_glob() -> None:
    assert is_allowed_by_guard([], "hep-th")
    assert is_allowed_by_guard(["cs.*", "stat.ML"], "math.ST stat.ML")
    assert not is_allowed_by_guard(["cs.*", "stat.ML"], "math.ST stat.ME")


def test_a_query_is_a_topic_of_one_phrase(fruit_library: Library) -> None:
    topic = topic_from_phrase('"Graph neural network"')
    assert (topic.id, topic.name) == ("query:Graph neural network", '"Graph neural network"')
    assert [(rule.kind, rule.text) for rule in topic.rules] == [("phrase", "Graph neural network")]
    assert extend_library(fruit_library, [topic]).get_topic(topic.id) == topic
    assert topic.id not in fruit_library.topics
    with pytest.raises(UsageError, match="The query '' contains no letter or digit"):
        topic_from_phrase("  ")


def test_a_keyword_matches_as_a_whole() -> None:
    topic = topic_from_keyword("Self-Supervised learning")
    (rule,) = topic.rules
    assert topic.id == "keyword:self-supervised learning"

    def matches(keywords: str) -> bool:
        return bool(find_matches(rule, "", "", keywords))

    assert matches("graphs; self supervised learning; vision") and matches("SELF-SUPERVISED LEARNING")
    assert not matches("self-supervised learning of graphs")
    for keyword in ("", "a; b"):
        with pytest.raises(UsageError, match="--keyword takes one keyword"):
            topic_from_keyword(keyword)


def test_a_library_is_read_back_from_its_json(library: Library) -> None:
    assert library_from_json(json.loads(json.dumps(library, default=vars))) == library
