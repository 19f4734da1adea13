"""Topic files: YAML to a Library, checked.

The grammar stands in docs/topics.md. Every error names file and line, and the nearest known word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from trendcli.core.errors import TopicError, nearest
from trendcli.core.normalize import canonical
from trendcli.core.types import FINDINGS, Expected, Topic
from trendcli.topics.library import Library
from trendcli.topics.patterns import made, pattern_regex, phrase_regex

_KEYS = ("name", "parents", "phrases", "acronyms", "patterns", "exclude", "categories", "since", "expect")
_EVERY = "*"  # stands for all rules of a topic
_MONTH = re.compile(r"(?:19|20)\d\d(?:-(?:0[1-9]|1[0-2]))?")


def load(shipped: Path, own: Path | None = None, *, check_patterns: bool = False) -> Library:
    """The shipped topic files and a user's own file or folder as one library.

    A user's definition replaces the shipped one of the same name. `check_patterns` also compiles every pattern of the
    shipped files, which is otherwise left to the tests; the user's are always checked. TopicError for anything wrong.
    """
    topics: dict[str, Topic] = {}
    packs: dict[str, tuple[str, ...]] = {}
    places: dict[str, str] = {}
    replaced: list[str] = []
    files = [(path, False) for path in sorted(shipped.glob("*.yaml"))] + [(path, True) for path in _own_files(own)]
    for theirs in (False, True):
        seen: dict[str, str] = {}
        for path in [path for path, user in files if user == theirs]:
            reader = _Reader(path, check=theirs or check_patterns)
            for topic in reader.topics():
                if topic.id in seen:
                    raise TopicError(f"{topic.origin}: topic {topic.id!r} is already defined in {seen[topic.id]}.")
                seen[topic.id] = topic.origin
                replaced += [topic.id] if topic.id in topics else []
                topics[topic.id] = topic
            for name, members, place in reader.packs():
                packs[name], places[name] = members, place
    _check(topics, packs, places)
    return Library(topics, packs, tuple(replaced))


def _own_files(own: Path | None) -> list[Path]:
    if own is None:
        return []
    if own.is_dir():
        return sorted([*own.glob("*.yaml"), *own.glob("*.yml")])
    if not own.exists():
        raise TopicError(f"No topic file or folder at {own} (the setting `topics` names it).")
    return [own]


def _check(topics: Mapping[str, Topic], packs: Mapping[str, tuple[str, ...]], places: Mapping[str, str]) -> None:
    """Every name that is used exists, nobody is their own ancestor, and every topic can match something."""
    children = {parent for topic in topics.values() for parent in topic.parents}
    for topic in topics.values():
        for parent in topic.parents:
            if parent not in topics:
                raise TopicError(
                    f"{topic.origin}: topic {topic.id!r} has an unknown parent {parent!r}{nearest(parent, topics)}."
                )
        if not topic.rules and topic.id not in children:
            raise TopicError(
                f"{topic.origin}: topic {topic.id!r} has neither rules nor children, so it can match nothing."
            )
        trail, queue = set(), list(topic.parents)
        while queue:
            ancestor = queue.pop()
            if ancestor == topic.id:
                raise TopicError(f"{topic.origin}: topic {topic.id!r} is its own ancestor; its parents form a cycle.")
            if ancestor not in trail and ancestor in topics:
                trail.add(ancestor)
                queue.extend(topics[ancestor].parents)
    for topic in topics.values():
        known = {rule.text for rule in topic.rules} | topics.keys()
        for item in topic.expect:
            for word in item.of:
                if word not in known and not _of_a_child(word, topic.id, topics):
                    raise TopicError(
                        f"{topic.origin}: topic {topic.id!r} expects a finding of {word!r}, which is neither one of "
                        f"its rules nor a topic{nearest(word, known)}."
                    )
    for name, members in packs.items():
        for member in members:
            if member not in topics:
                raise TopicError(
                    f"{places[name]}: pack {name!r} names an unknown topic {member!r}{nearest(member, topics)}."
                )


def _of_a_child(word: str, name: str, topics: Mapping[str, Topic]) -> bool:
    return any(
        rule.text == word for member in Library(topics, {}).family(name) for rule in member.rules if member.id != name
    )


def text_of(path: Path) -> str:
    """The text of a topic file, its line ends as they are; TopicError where it cannot be read or is not UTF-8."""
    data = b""
    try:
        data = path.read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise TopicError(f"Cannot read the topic file {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TopicError(f"{path}:{line}: not UTF-8; save the file in that encoding.") from None


def composed(text: str, path: Path, loader: Any = yaml.SafeLoader) -> yaml.Node | None:
    """The nodes of the topic file at a path with this text, None where it is empty; TopicError where it is not YAML."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=loader)
        return root
    except yaml.reader.ReaderError as error:  # it has a position, and no mark
        line, why = text.count("\n", 0, error.position) + 1, f"the character {chr(error.character)!r} has no place here"
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, why = mark.line + 1 if mark else 0, str(getattr(error, "problem", None) or error)
    raise TopicError(f"{path}{f':{line}' if line else ''}: not valid YAML: {why}.")


class _Reader:
    """One topic file as YAML nodes, which know their lines."""

    def __init__(self, path: Path, *, check: bool) -> None:
        self.path, self.check = path, check
        root = composed(text_of(path), path, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self.sections = {key.value: value for key, value in self._pairs(root)} if root is not None else {}
        for key, _ in self._pairs(root) if root is not None else ():
            if key.value not in ("topics", "packs"):
                raise self._error(
                    key,
                    f"unknown key {key.value!r}{nearest(key.value, ('topics', 'packs'))}; `topics` or `packs`",
                )

    def _error(self, node: yaml.Node, message: str) -> TopicError:
        return TopicError(f"{self._place(node)}: {message}.")

    def _place(self, node: yaml.Node) -> str:
        return f"{self.path}:{node.start_mark.line + 1}"

    def _pairs(self, node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        if isinstance(node, yaml.ScalarNode) and node.value == "":
            return []
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, "expected `key: value` lines here")
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "expected a plain name here")
            if key.value in seen:
                raise self._error(key, f"{key.value!r} stands twice")
            seen.add(key.value)
        return list(node.value)

    def _strings(self, node: yaml.Node) -> Iterator[yaml.ScalarNode]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, "expected a list here, such as [one, two]")
        for item in node.value:
            if not isinstance(item, yaml.ScalarNode) or item.tag == "tag:yaml.org,2002:null":
                raise self._error(item, "expected a text here")
            if item.tag != "tag:yaml.org,2002:str" and not item.style:
                raise self._error(item, f"{item.value} is no text to YAML; write it in quotes")
            yield item

    def topics(self) -> Iterator[Topic]:
        """The topics of this file in its order."""
        for key, body in self._pairs(self.sections["topics"]) if "topics" in self.sections else ():
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", key.value):
                raise self._error(key, f"topic name {key.value!r}: use small letters, digits and hyphens")
            yield self._topic(key, body)

    def packs(self) -> Iterator[tuple[str, tuple[str, ...], str]]:
        """The packs of this file: name, members, and where it stands."""
        for key, body in self._pairs(self.sections["packs"]) if "packs" in self.sections else ():
            yield key.value, tuple(item.value for item in self._strings(body)), self._place(key)

    def _topic(self, key: yaml.ScalarNode, body: yaml.Node) -> Topic:
        values: dict[str, list[yaml.ScalarNode]] = {}
        name, expect = key.value, list[Expected]()
        since: yaml.Node = yaml.MappingNode("", [])
        for field, node in self._pairs(body):
            if field.value not in _KEYS:
                raise self._error(
                    field, f"unknown key {field.value!r} in topic {key.value!r}{nearest(field.value, _KEYS)}"
                )
            if field.value == "since":
                since = node
            elif field.value == "expect":
                expect = self._expected(node)
            elif field.value != "name":
                values[field.value] = list(self._strings(node))
            elif isinstance(node, yaml.ScalarNode) and node.value.strip():
                name = node.value.strip()
            else:
                raise self._error(node, f"topic {key.value!r} needs a name that people can read")
        for item in values.get("exclude", ()):
            self._phrase(item, any_case=True)
        exclude = [canonical(item.value) for item in values.get("exclude", ())]
        rules = [
            made(kind, item.value, self._regex(kind, item), exclude)
            for kind, listed in (("phrase", "phrases"), ("acronym", "acronyms"), ("pattern", "patterns"))
            for item in values.get(listed, ())
        ]
        guard = tuple(item.value for item in values.get("categories", ()))
        return Topic(
            id=key.value,
            name=name,
            parents=tuple(item.value for item in values.get("parents", ())),
            rules=tuple(rules),
            exclude=tuple(item.value for item in values.get("exclude", ())),
            guard=guard,
            origin=self._place(key),
            since=self._since(since, {rule.text for rule in rules}),
            expect=tuple(expect),
        )

    def _since(self, node: yaml.Node, rules: set[str]) -> tuple[tuple[str, str], ...]:
        """`since: 2018-10`, or a mapping of rules to such months, in which a star stands for all others."""
        if isinstance(node, yaml.ScalarNode):
            return ((_EVERY, self._month(node)),)
        found = []
        for key, month in self._pairs(node):
            if key.value != _EVERY and key.value not in rules:
                raise self._error(key, f"{key.value!r} is no rule of this topic{nearest(key.value, rules)}")
            found.append((key.value, self._month(month)))
        return tuple(found)

    def _month(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not _MONTH.fullmatch(node.value):
            raise self._error(node, "expected a month or a year here, such as 2018-10 or 2018")
        return str(node.value)

    def _expected(self, node: yaml.Node) -> list[Expected]:
        """A list of `{finding: carries, of: [deep net], because: a sentence}`."""
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, "expected a list of `finding`, `of` and `because` here")
        found = []
        for item in node.value:
            given = {key.value: value for key, value in self._pairs(item)}
            if set(given) != set(Expected._fields):
                raise self._error(item, "expected `finding`, `of` and `because` here")
            finding, because = given["finding"], given["because"]
            if not isinstance(finding, yaml.ScalarNode) or finding.value not in FINDINGS:
                raise self._error(finding, f"expected one of {', '.join(FINDINGS)} here")
            if not isinstance(because, yaml.ScalarNode) or not because.value.strip():
                raise self._error(because, "expected a sentence here that says why it is fine")
            of = tuple(word.value for word in self._strings(given["of"]))
            found.append(Expected(finding.value, of, because.value.strip()))
        return found

    def _regex(self, kind: str, item: yaml.ScalarNode) -> str:
        if kind != "pattern":
            return self._phrase(item, any_case=kind == "phrase")
        if not self.check:
            return f"(?m){item.value}"
        try:
            return pattern_regex(item.value)
        except ValueError as error:
            raise self._error(item, f"pattern {item.value!r} {error}") from None

    def _phrase(self, item: yaml.ScalarNode, *, any_case: bool) -> str:
        try:
            return phrase_regex(item.value, any_case=any_case)
        except ValueError as error:
            raise self._error(item, f"phrase {item.value!r} {error}") from None
