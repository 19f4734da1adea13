"""The shipped topics against the sentences in topic_sentences/: what they must match, must not, and match wrongly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from trendcli.core.normalize import normalize_text
from trendcli.core.settings import config_folder
from trendcli.topics import library as topics
from trendcli.topics import loader as topic_files
from trendcli.topics.highlight import find_matches
from trendcli.topics.library import Library
from trendcli.topics.patterns import phrase_regex

FOLDER = Path(__file__).parent / "sentences"
NAMES = sorted(topic_files.load_library(config_folder() / "topics").topics)


@pytest.fixture(scope="session")
def sentences() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        more = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        assert not set(found) & set(more)
        found |= more
    return found


def read(item: str | dict[str, str]) -> tuple[str, str]:
    """(text, categories) of a sentence; a plain one stands in cs.LG."""
    return (item, "cs.LG") if isinstance(item, str) else (item["text"], item.get("categories", "cs.LG"))


def matching(library: Library, name: str, item: str | dict[str, str]) -> list[str]:
    """The rules by which a sentence matches a topic."""
    text, categories = read(item)
    return [
        f"{topic.id}: {rule.text}"
        for topic in library.topic_family(name)
        if topics.is_allowed_by_guard(topic.guard, categories)
        for rule in topic.rules
        if find_matches(rule, normalize_text(text), "")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_matches_what_it_must_and_nothing_else(library: Library, sentences: dict[str, Any], name: str) -> None:
    own = sentences[name]
    assert len(own["matches"]) >= 2 and len(own["misses"]) >= 2
    assert [item for item in own["matches"] if not matching(library, name, item)] == []
    assert {read(item)[0]: rules for item in own["misses"] if (rules := matching(library, name, item))} == {}
    # a wrong catch that is listed as accepted is one, and says why it is left
    assert [item for item in own.get("accepted") or [] if not matching(library, name, item) or not item["why"]] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_exclusion_is_needed(library: Library, sentences: dict[str, Any], name: str) -> None:
    texts = [normalize_text(read(item)[0]) for item in sentences[name]["misses"]]
    for phrase in library.get_topic(name).exclude:
        regex = phrase_regex(phrase, any_case=True)
        assert any(re.search(regex, text, re.ASCII) for text in texts), f"no sentence needs {phrase!r}"


def test_the_sentences_are_of_topics_that_are_there(sentences: dict[str, Any]) -> None:
    assert set(sentences) == set(NAMES)


def test_the_packs(library: Library) -> None:
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
