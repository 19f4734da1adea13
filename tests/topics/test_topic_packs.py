"""The shipped topics against sentences/: what they must match, what they must not, and accepted wrong matches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from trendcli.core.normalize import normalize_text
from trendcli.core.settings import config_folder
from trendcli.topics.highlight import find_matches
from trendcli.topics.library import Library, is_allowed_by_guard
from trendcli.topics.loader import load_library
from trendcli.topics.patterns import phrase_regex

FOLDER = Path(__file__).parent / "sentences"
NAMES = sorted(load_library(config_folder() / "topics").topics)


@pytest.fixture(scope="session")
def sentences() -> dict[str, dict[str, Any]]:
    by_topic: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        assert not set(by_topic) & set(content)
        by_topic |= content
    return by_topic


def text_and_categories(sentence: str | dict[str, str]) -> tuple[str, str]:
    """(text, categories) of a sentence; a plain one is in cs.LG."""
    if isinstance(sentence, str):
        return sentence, "cs.LG"
    return sentence["text"], sentence.get("categories", "cs.LG")


def matching_rules(library: Library, name: str, sentence: str | dict[str, str]) -> list[str]:
    """The rules by which a sentence matches a topic."""
    text, categories = text_and_categories(sentence)
    return [
        f"{topic.id}: {rule.text}"
        for topic in library.topic_family(name)
        if is_allowed_by_guard(topic.guard, categories)
        for rule in topic.rules
        if find_matches(rule, normalize_text(text), "")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_matches_what_it_must_and_nothing_else(library: Library, sentences: dict[str, Any], name: str) -> None:
    own = sentences[name]
    assert len(own["matches"]) >= 2 and len(own["misses"]) >= 2
    assert [item for item in own["matches"] if not matching_rules(library, name, item)] == []
    wrong = {str(item): rules for item in own["misses"] if (rules := matching_rules(library, name, item))}
    assert wrong == {}
    # a wrong match that is listed as accepted is one, and says why it is left
    accepted = own.get("accepted") or []
    assert [item for item in accepted if not matching_rules(library, name, item) or not item["why"]] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_exclusion_is_needed(library: Library, sentences: dict[str, Any], name: str) -> None:
    texts = [normalize_text(text_and_categories(item)[0]) for item in sentences[name]["misses"]]
    for phrase in library.get_topic(name).exclude:
        regex = phrase_regex(phrase, any_case=True)
        assert any(re.search(regex, text, re.ASCII) for text in texts), f"no sentence needs {phrase!r}"


def test_there_are_sentences_for_every_topic(sentences: dict[str, Any]) -> None:
    assert set(sentences) == set(NAMES)


def test_the_packs_have_the_expected_topics(library: Library) -> None:
    assert set(library.packs) == {"ml", "iclr", "directions"}
    assert len(library.packs["directions"]) == 14
    assert 35 <= len(library.packs["iclr"]) <= 50
    assert set(library.packs["ml"]) == set(library.topics)
    parents = {parent for name in library.packs["iclr"] for parent in library.get_topic(name).parents}
    assert parents - {"multimodal", "value-alignment"} <= set(library.packs["iclr"]), (
        "the hierarchy of the posts is in it"
    )


def test_the_seed_topics_are_all_there(shared: Path, library: Library) -> None:
    seeds = yaml.safe_load((shared / "topics/seed-topics.yaml").read_text(encoding="utf-8"))
    renamed = {"video": "video-generation"}
    assert {renamed.get(name, name) for name in seeds} <= set(library.topics)
