"""All known topics, by name, pack and family, and ad-hoc topics made from a phrase or a keyword."""

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
    """All known topics and packs, by name; `replaced` lists the shipped topics that a user's file redefines."""

    topics: Mapping[str, Topic]
    packs: Mapping[str, tuple[str, ...]]
    replaced: tuple[str, ...] = ()

    def get_topic(self, name: str) -> Topic:
        """Return the topic of that name; raise UsageError with the closest known names where there is none."""
        if name not in self.topics:
            raise UsageError(f"No topic {name!r}{suggest_names(name, self.topics)}. See `trend topics list`.")
        return self.topics[name]

    def get_pack(self, name: str) -> tuple[str, ...]:
        """Return the topic names of a pack in its order; raise UsageError where there is no such pack."""
        if name not in self.packs:
            raise UsageError(f"No pack {name!r}{suggest_names(name, self.packs)}. See `trend topics list`.")
        return self.packs[name]

    def topic_family(self, name: str) -> list[Topic]:
        """Return the topic and all its descendants, each once, by name: their rules are the topic's rules."""
        members, queue = {name: self.get_topic(name)}, [name]
        while queue:
            for child in self._children_by_parent.get(queue.pop(), ()):
                if child not in members:
                    members[child] = self.topics[child]
                    queue.append(child)
        return [members[member] for member in sorted(members)]

    @cached_property
    def _children_by_parent(self) -> Mapping[str, Sequence[str]]:
        children: dict[str, list[str]] = {}
        for topic in self.topics.values():
            for parent in topic.parents:
                children.setdefault(parent, []).append(topic.id)
        return children

    def match_hash(self, name: str) -> str:
        """Return a hash of all that decides what the topic matches, not of its names: 16 hexadecimal digits."""
        parts = [f"{topic.guard}:{sorted(rule.key for rule in topic.rules)}" for topic in self.topic_family(name)]
        return blake2b("\n".join(sorted(parts)).encode(), digest_size=8).hexdigest()


def library_from_json(value: Any) -> Library:
    """Build a library from the JSON object of its fields, as `json.dumps(library, default=vars)` writes it."""
    # by hand, since commands read it at their start: 3 ms for 135 topics of 1,600 rules; `from_json` takes 17 µs a rule
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
    return Library(topics, {name: tuple(members) for name, members in value["packs"].items()}, tuple(value["replaced"]))


# prefixes of the names of ad-hoc topics
QUERY_PREFIX = "query:"
KEYWORD_PREFIX = "keyword:"


def topic_from_phrase(text: str) -> Topic:
    """Build the ad-hoc topic of `--query`: one phrase. Raise UsageError where the phrase is empty or invalid."""
    text = text.strip().strip('"')
    try:
        phrase = build_rule("phrase", text)
    except ValueError as error:
        raise UsageError(f"The query {text!r} {error}.") from None
    return Topic(
        id=f"{QUERY_PREFIX}{normalize_text(text)}", name=f'"{normalize_text(text)}"', rules=(phrase,), origin="--query"
    )


def topic_from_keyword(keyword: str) -> Topic:
    """Build the ad-hoc topic of `--keyword`: one whole keyword of a venue, in any case, hyphens equal to spaces.

    Raise UsageError where the keyword is empty or a list.
    """
    text = normalize_text(keyword.strip().strip('"')).lower()
    if not text.strip() or ";" in text:
        raise UsageError(f"--keyword takes one keyword, such as --keyword 'deep learning'; got {keyword!r}.")
    body = re.escape(text).replace(r"\ ", "[ -]").replace(r"\-", "[ -]")
    rule = rule_from_regex("pattern", text, f"(?mi)(?:^|; ){body}(?:; |$)", ())
    return Topic(id=f"{KEYWORD_PREFIX}{text}", name=f"keyword {text}", rules=(rule,), origin="--keyword")


def is_allowed_by_guard(guard: Iterable[str], categories: str) -> bool:
    """Return whether a guard admits a submission with these space-separated categories; an empty one admits all."""
    globs = list(guard)
    return not globs or any(fnmatch.fnmatchcase(name, glob) for name in categories.split() for glob in globs)


def ancestors_by_topic(library: Library, topic_ids: Iterable[str]) -> dict[str, set[str]]:
    """Map each member of the families of `topic_ids` to those of `topic_ids` that it counts for."""
    ancestors: dict[str, set[str]] = {}
    for name in topic_ids:
        for member in library.topic_family(name):
            ancestors.setdefault(member.id, set()).add(name)
    return ancestors


def extend_library(library: Library, topics: Iterable[Topic]) -> Library:
    """Return the library with ad-hoc topics added."""
    return replace(library, topics={**library.topics, **{topic.id: topic for topic in topics}})
