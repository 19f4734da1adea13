from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trendcli.core.errors import TopicError, UsageError
from trendcli.core.settings import config_folder
from trendcli.topics import library as topics
from trendcli.topics import loader as topic_files
from trendcli.topics.library import Library

GOOD = """
topics:
  fruit: {name: Fruit}
  apple:
    name: Apples
    parents: [fruit]
    phrases: [apple pie]
    acronyms: [APL]
    exclude: [apple pie chart]
    categories: [cs.*]
packs:
  orchard: [fruit, apple]
"""


def load(path: Path) -> Library:
    return topic_files.load_library(path.parent, check_patterns=True)


def test_a_file_is_read(topic_file: Any) -> None:
    library = load(topic_file(GOOD))
    apple = library.get_topic("apple")
    assert (apple.name, apple.parents, apple.guard) == ("Apples", ("fruit",), ("cs.*",))
    assert [(rule.kind, rule.text) for rule in apple.rules] == [("phrase", "apple pie"), ("acronym", "APL")]
    assert [rule.exclude for rule in apple.rules] == [("apple pie chart",), ()]
    assert library.get_pack("orchard") == ("fruit", "apple")
    assert [topic.id for topic in library.topic_family("fruit")] == ["apple", "fruit"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("topics: [", ":2: not valid YAML"),
        ("topics:\n  a: {phrases: [x]}\n b: 1", ":3: not valid YAML"),
        ("topic:\n  a: {phrases: [x]}", ":1: unknown key 'topic' (did you mean topics?)"),
        ("topics:\n  a:\n    phrase: [x]", ":3: unknown key 'phrase' in topic 'a' (did you mean phrases?)"),
        ("topics:\n  a:\n    phrases: x", ":3: expected a list"),
        ("topics:\n  a:\n    acronyms: [NO]", ":3: YAML does not read NO as text; put it in quotes"),
        ("topics:\n  a:\n    phrases: [x, '']", ":3: phrase '' contains no letter or digit"),
        ("topics:\n  a:\n    phrases:\n      - x\n      - '*'", ":5: phrase '*' contains no letter or digit"),
        ("topics:\n  a:\n    patterns: ['(']", ":3: pattern '(' is not a valid RE2 expression"),
        ("topics:\n  a:\n    patterns: ['.*']", ":3: pattern '.*' matches everything"),
        ("topics:\n  a: {phrases: [x]}\n  a: {phrases: [y]}", ":3: duplicate key 'a'"),
        ("topics:\n  A b: {phrases: [x]}", ":2: invalid topic name 'A b'; use lowercase letters"),
        ("topics:\n  a: {name: Nothing}", ":2: topic 'a' has neither rules nor children"),
        (
            "topics:\n  one: {phrases: [x], parents: [onee]}",
            ":2: topic 'one' has an unknown parent 'onee' (did you mean one?)",
        ),
        (
            "topics:\n  a: {phrases: [x], parents: [b]}\n  b: {phrases: [y], parents: [a]}",
            ":2: topic 'a' is its own ancestor",
        ),
        ("topics:\n  a: {phrases: [x]}\npacks:\n  p: [a, c]", ":4: pack 'p' contains an unknown topic 'c'"),
        ("- a", ":1: expected `key: value` lines"),
    ],
)
def test_errors_name_file_and_line(topic_file: Any, text: str, message: str) -> None:
    path = topic_file(text)
    with pytest.raises(TopicError) as caught:
        load(path)
    assert f"{path}{message}" in str(caught.value)


def test_the_same_topic_in_two_files_of_a_folder(topic_file: Any) -> None:
    topic_file("topics: {a: {phrases: [x]}}", "one.yaml")
    path = topic_file("topics: {a: {phrases: [y]}}", "two.yaml")
    with pytest.raises(TopicError, match=r"two.yaml:1: topic 'a' is already defined in .*one.yaml:1"):
        load(path)


def test_a_users_definition_replaces_the_shipped_one(topic_file: Any) -> None:
    path = topic_file("topics: {rnn: {name: Mine, phrases: [my network]}}\npacks: {mine: [rnn, gan]}")
    library = topic_files.load_library(config_folder() / "topics", path)
    assert library.get_topic("rnn").name == "Mine"
    assert library.replaced == ("rnn",)
    assert library.get_pack("mine") == ("rnn", "gan")
    with pytest.raises(TopicError, match="No topic file or folder"):
        topic_files.load_library(config_folder() / "topics", path / "nowhere")


def test_names_that_are_close_are_offered(library: Library) -> None:
    with pytest.raises(UsageError, match=r"No topic 'rn' \(did you mean .*rnn"):
        library.get_topic("rn")
    with pytest.raises(UsageError, match="No pack"):
        library.get_pack("nothing")


def test_a_key_changes_with_the_rules_and_not_with_the_names(topic_file: Any) -> None:
    key = load(topic_file(GOOD)).match_hash("fruit")
    assert load(topic_file(GOOD.replace("Apples", "Pommes"))).match_hash("fruit") == key
    assert load(topic_file(GOOD.replace("apple pie]", "apple tart]"))).match_hash("fruit") != key
    assert load(topic_file(GOOD.replace("cs.*", "stat.*"))).match_hash("fruit") != key
    assert load(topic_file(GOOD.replace("apple pie chart", "apple pie tin"))).match_hash("fruit") != key


def test_guards() -> None:
    assert topics.is_allowed_by_guard([], "hep-th")
    assert topics.is_allowed_by_guard(["cs.*", "stat.ML"], "math.ST stat.ML")
    assert not topics.is_allowed_by_guard(["cs.*", "stat.ML"], "math.ST stat.ME")


def test_a_query_is_a_topic_of_one_phrase() -> None:
    topic = topics.topic_from_phrase("Graph neural network")
    assert [rule.kind for rule in topic.rules] == ["phrase"]
    with pytest.raises(UsageError, match="no letter or digit"):
        topics.topic_from_phrase("  ")


DATED = """
topics:
  apple:
    phrases: [apple pie]
    acronyms: [APL]
    since: 2018-10
    expect:
      - {finding: carries, of: [apple pie, APL], because: there is no other name}
  pear:
    phrases: [pear tart]
    patterns: ['\\bPT\\b']
    since: {'*': 2010, '\\bPT\\b': 2012-03}
    expect: [{finding: overlap, of: [apple], because: fruit}]
"""


def test_what_a_topic_says_of_itself_changes_no_match(topic_file: Any) -> None:
    library = load(topic_file(DATED))
    assert library.get_topic("apple").since == (("*", "2018-10"),)
    assert library.get_topic("pear").since == (("*", "2010"), (r"\bPT\b", "2012-03"))
    assert library.get_topic("apple").expect == (("carries", ("apple pie", "APL"), "there is no other name"),)
    plain = load(topic_file("topics: {apple: {phrases: [apple pie], acronyms: [APL]}}"))
    assert plain.match_hash("apple") == library.match_hash("apple")
    # and it is there again when topics are read from memory
    kept = json.loads(json.dumps(library, default=vars))
    assert topics.library_from_json(kept).topics == library.topics


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("since: last year", "expected a month or a year"),
        ("since: 2018-13", "expected a month or a year"),
        ("since: {apple pi: 2018}", "'apple pi' is not a rule of this topic (did you mean apple pie?)"),
        ("expect: {carries: fine}", "expected a list"),
        ("expect: [{finding: carries, of: [apple pie]}]", "expected `finding`, `of` and `because`"),
        ("expect: [{finding: carry, of: [apple pie], because: so}]", "expected one of nothing, overlap"),
        ("expect: [{finding: carries, of: [apple pie], because: ''}]", "expected a sentence"),
        ("expect: [{finding: carries, of: [apple pi], because: so}]", "neither one of its rules nor a topic"),
    ],
)
def test_errors_in_what_a_topic_says_of_itself(topic_file: Any, line: str, message: str) -> None:
    with pytest.raises(TopicError, match=r"own\.yaml:\d+: ") as failed:
        load(topic_file(f"topics:\n  apple:\n    phrases: [apple pie]\n    {line}\n"))
    assert message in str(failed.value)
