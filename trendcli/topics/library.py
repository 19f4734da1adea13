"""The topics that are known: looked up by name, by pack and by family, or made on the spot."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.normalize import normalize_text
from trendcli.core.types import ExpectedFinding, Rule, Topic
from trendcli.topics.patterns import build_rule, rule_from_regex


@dataclass(frozen=True)
class Library:
    """All topics and packs that are known; `replaced` names the shipped topics that a user's file redefines."""

    topics: Mapping[str, Topic]
    packs: Mapping[str, tuple[str, ...]]
    replaced: tuple[str, ...] = ()

    def get_topic(self, name: str) -> Topic:
        """The topic of that name; UsageError with the nearest known ones where there is none."""
        if name not in self.topics:
            raise UsageError(f"No topic {name!r}{suggest_names(name, self.topics)}. See `trend topics list`.")
        return self.topics[name]

    def get_pack(self, name: str) -> tuple[str, ...]:
        """The topic names of a pack, in its order; UsageError where there is none of that name."""
        if name not in self.packs:
            raise UsageError(f"No pack {name!r}{suggest_names(name, self.packs)}. See `trend topics list`.")
        return self.packs[name]

    def topic_family(self, name: str) -> list[Topic]:
        """The topic and all below it, each once: what a match of it may come from."""
        found, queue = {name: self.get_topic(name)}, [name]
        while queue:
            for child in self._children_by_parent.get(queue.pop(), ()):
                if child not in found:
                    found[child] = self.topics[child]
                    queue.append(child)
        return [found[key] for key in sorted(found)]

    @cached_property
    def _children_by_parent(self) -> Mapping[str, Sequence[str]]:
        children: dict[str, list[str]] = {}
        for topic in self.topics.values():
            for parent in topic.parents:
                children.setdefault(parent, []).append(topic.id)
        return children

    def match_hash(self, name: str) -> str:
        """A hash of everything that decides what the topic matches; names that people read are not in it."""
        parts = [f"{topic.guard}:{sorted(rule.key for rule in topic.rules)}" for topic in self.topic_family(name)]
        return blake2b("\n".join(sorted(parts)).encode(), digest_size=8).hexdigest()


def library_from_json(value: Any) -> Library:
    """A library of its JSON, as a mapping of its fields."""
    topics = {
        name: Topic(
            **{
                **topic,
                **{key: tuple(topic[key]) for key in ("parents", "exclude", "guard")},
                "rules": tuple(Rule(**{**rule, "exclude": tuple(rule["exclude"])}) for rule in topic["rules"]),
                "since": tuple((text, month) for text, month in topic["since"]),
                "expect": tuple(
                    ExpectedFinding(finding, tuple(of), because) for finding, of, because in topic["expect"]
                ),
            }
        )
        for name, topic in value["topics"].items()
    }
    return Library(topics, {name: tuple(listed) for name, listed in value["packs"].items()}, tuple(value["replaced"]))


# what the name of a topic made on the spot begins with
QUERY_PREFIX, KEYWORD_PREFIX = "query:", "keyword:"


def topic_from_phrase(text: str) -> Topic:
    """A topic made of one phrase, as `--query` asks for it; UsageError where the phrase is empty."""
    text = text.strip().strip('"')
    try:
        phrase = build_rule("phrase", text)
    except ValueError as error:
        raise UsageError(f"The query {text!r} {error}.") from None
    return Topic(
        id=f"{QUERY_PREFIX}{normalize_text(text)}", name=f'"{normalize_text(text)}"', rules=(phrase,), origin="--query"
    )


def topic_from_keyword(word: str) -> Topic:
    """A topic made of one whole keyword of a venue, as `--keyword` asks for it: any case, hyphens as spaces.

    UsageError where the word is empty, or several.
    """
    text = normalize_text(word.strip().strip('"')).lower()
    if not text.strip() or ";" in text:
        raise UsageError(f"The keyword {word!r} is empty or several; name one, such as --keyword 'deep learning'.")
    body = re.escape(text).replace(r"\ ", "[ -]").replace(r"\-", "[ -]")
    whole = rule_from_regex("pattern", text, f"(?mi)(?:^|; ){body}(?:; |$)", ())
    return Topic(id=f"{KEYWORD_PREFIX}{text}", name=f"keyword {text}", rules=(whole,), origin="--keyword")


def is_allowed_by_guard(guard: Iterable[str], categories: str) -> bool:
    """Whether a submission of these space-separated categories passes a topic's guard; an empty guard lets all pass."""
    globs = list(guard)
    return not globs or any(fnmatch.fnmatchcase(name, glob) for name in categories.split() for glob in globs)


def ancestors_by_topic(library: Library, topic_ids: Iterable[str]) -> dict[str, set[str]]:
    """For each topic below one of `ids`, itself included: which of `ids` it counts for."""
    counted: dict[str, set[str]] = {}
    for name in topic_ids:
        for member in library.topic_family(name):
            counted.setdefault(member.id, set()).add(name)
    return counted


def extend_library(library: Library, topics: Iterable[Topic]) -> Library:
    """The library with ad-hoc topics added."""
    return replace(library, topics={**library.topics, **{topic.id: topic for topic in topics}})
