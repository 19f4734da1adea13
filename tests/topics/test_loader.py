from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.standins.mutations import mutate_bytes
from trendcli.core.errors import TopicError
from trendcli.core.settings import config_folder
from trendcli.topics.library import Library, library_from_json
from trendcli.topics.loader import load_library

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


def load_shipped(path: Path) -> Library:
    """The library of a folder of topic files, as if they were shipped."""
    return load_library(path.parent, check_patterns=True)


def test_a_topic_file_is_read(topic_file: Any) -> None:
    library = load_shipped(topic_file(GOOD))
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
        ('topics:\n  a:\n    name: "A\\e[2J"', ":3: the control character '\\x1b' in a value"),
        ('topics:\n  a:\n    name: "A\\nB"', ":3: a value of several lines"),
        ('packs:\n  "a\\x9bb": [x]', ":2: the control character '\\x9b' in a value"),
        ("topics:\n  a:\n    phrases:\n      - |\n        x\n", ":4: expected one line"),
        ("topics:\n  a: &a {phrases: *a}", ":2: the alias 'a' inside its own anchor"),
        ("topics: " + "{a: " * 30, ":1: nested more than 20 levels deep"),
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
    with pytest.raises(TopicError) as error:
        load_shipped(path)
    assert f"{path}{message}" in str(error.value)


def test_the_same_topic_in_two_files_of_a_folder(topic_file: Any) -> None:
    topic_file("topics: {a: {phrases: [x]}}", "one.yaml")
    path = topic_file("topics: {a: {phrases: [y]}}", "two.yaml")
    with pytest.raises(TopicError, match=r"two.yaml:1: topic 'a' is already defined in .*one.yaml:1"):
        load_shipped(path)


def test_a_users_definition_replaces_the_shipped_one(topic_file: Any) -> None:
    path = topic_file("topics: {rnn: {name: Mine, phrases: [my network]}}\npacks: {mine: [rnn, gan]}")
    library = load_library(config_folder() / "topics", path)
    assert library.get_topic("rnn").name == "Mine"
    assert library.replaced == ("rnn",)
    assert library.get_pack("mine") == ("rnn", "gan")
    with pytest.raises(TopicError, match="No topic file or folder"):
        load_library(config_folder() / "topics", path / "nowhere")


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


def test_since_and_expect_change_no_match(topic_file: Any) -> None:
    library = load_shipped(topic_file(DATED))
    assert library.get_topic("apple").since == (("*", "2018-10"),)
    assert library.get_topic("pear").since == (("*", "2010"), (r"\bPT\b", "2012-03"))
    assert library.get_topic("apple").expect == (("carries", ("apple pie", "APL"), "there is no other name"),)
    plain = load_shipped(topic_file("topics: {apple: {phrases: [apple pie], acronyms: [APL]}}"))
    assert plain.match_hash("apple") == library.match_hash("apple")
    # and the JSON of a library holds it
    assert library_from_json(json.loads(json.dumps(library, default=vars))) == library


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
        ("name: ''", "the `name` of topic 'apple' must be non-empty text"),
    ],
)
def test_errors_in_since_and_expect(topic_file: Any, line: str, message: str) -> None:
    with pytest.raises(TopicError, match=r"own\.yaml:\d+: ") as error:
        load_shipped(topic_file(f"topics:\n  apple:\n    phrases: [apple pie]\n    {line}\n"))
    assert message in str(error.value)


def test_no_broken_topic_file_is_a_bug(tmp_path: Path) -> None:
    rng, path = random.Random(6), tmp_path / "t.yaml"
    rich = GOOD.encode().replace(
        b"    categories", b"    patterns: ['(?i)deep q[- ]network']\n    since: {'*': 2015-01}\n    categories"
    )
    for _ in range(500):
        path.write_bytes(mutate_bytes(rng, rich))
        with contextlib.suppress(TopicError):
            assert not load_library(tmp_path / "none", path).replaced
