"""Topic files: YAML to a Library, checked.

The grammar stands in docs/how-to/topics.md. Every error names file and line, and the nearest known word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from trendcli.core.errors import TopicError, suggest_names
from trendcli.core.normalize import normalize_text
from trendcli.core.types import FINDING_KINDS, ExpectedFinding, Topic
from trendcli.topics.library import Library
from trendcli.topics.patterns import pattern_regex, phrase_regex, rule_from_regex

_TOPIC_KEYS = ("name", "parents", "phrases", "acronyms", "patterns", "exclude", "categories", "since", "expect")
_ALL_RULES = "*"  # stands for all rules of a topic
_MONTH_REGEX = re.compile(r"(?:19|20)\d\d(?:-(?:0[1-9]|1[0-2]))?")


def load_library(shipped_folder: Path, user_path: Path | None = None, *, check_patterns: bool = False) -> Library:
    """The shipped topic files and a user's own file or folder as one library.

    A user's definition replaces the shipped one of the same name. `check_patterns` also compiles every pattern of the
    shipped files, which is otherwise left to the tests; the user's are always checked. TopicError for anything wrong.
    """
    topics: dict[str, Topic] = {}
    packs: dict[str, tuple[str, ...]] = {}
    places: dict[str, str] = {}
    replaced: list[str] = []
    files = [(path, False) for path in sorted(shipped_folder.glob("*.yaml"))] + [
        (path, True) for path in _list_user_files(user_path)
    ]
    for theirs in (False, True):
        seen: dict[str, str] = {}
        for path in [path for path, user in files if user == theirs]:
            reader = _TopicFileReader(path, check_patterns=theirs or check_patterns)
            for topic in reader.iter_topics():
                if topic.id in seen:
                    raise TopicError(f"{topic.origin}: topic {topic.id!r} is already defined in {seen[topic.id]}.")
                seen[topic.id] = topic.origin
                replaced += [topic.id] if topic.id in topics else []
                topics[topic.id] = topic
            for name, members, place in reader.iter_packs():
                packs[name], places[name] = members, place
    _check_references(topics, packs, places)
    return Library(topics, packs, tuple(replaced))


def _list_user_files(user_path: Path | None) -> list[Path]:
    if user_path is None:
        return []
    if user_path.is_dir():
        return sorted([*user_path.glob("*.yaml"), *user_path.glob("*.yml")])
    if not user_path.exists():
        raise TopicError(f"No topic file or folder at {user_path} (the setting `topics` names it).")
    return [user_path]


def _check_references(
    topics: Mapping[str, Topic], packs: Mapping[str, tuple[str, ...]], places: Mapping[str, str]
) -> None:
    """Every name that is used exists, nobody is their own ancestor, and every topic can match something."""
    children = {parent for topic in topics.values() for parent in topic.parents}
    for topic in topics.values():
        for parent in topic.parents:
            if parent not in topics:
                raise TopicError(
                    f"{topic.origin}: topic {topic.id!r} has an unknown parent {parent!r}"
                    f"{suggest_names(parent, topics)}."
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
                if word not in known and not _is_rule_of_descendant(word, topic.id, topics):
                    raise TopicError(
                        f"{topic.origin}: topic {topic.id!r} expects a finding of {word!r}, which is neither one of "
                        f"its rules nor a topic{suggest_names(word, known)}."
                    )
    for name, members in packs.items():
        for member in members:
            if member not in topics:
                raise TopicError(
                    f"{places[name]}: pack {name!r} names an unknown topic {member!r}{suggest_names(member, topics)}."
                )


def _is_rule_of_descendant(word: str, name: str, topics: Mapping[str, Topic]) -> bool:
    return any(
        rule.text == word
        for member in Library(topics, {}).topic_family(name)
        for rule in member.rules
        if member.id != name
    )


def read_topic_file(path: Path) -> str:
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


def compose_yaml(text: str, path: Path, loader: Any = yaml.SafeLoader) -> yaml.Node | None:
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


class _TopicFileReader:
    """One topic file as YAML nodes, which know their lines."""

    def __init__(self, path: Path, *, check_patterns: bool) -> None:
        self.path, self.check_patterns = path, check_patterns
        root = compose_yaml(read_topic_file(path), path, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self.sections = {key.value: value for key, value in self._mapping_pairs(root)} if root is not None else {}
        for key, _ in self._mapping_pairs(root) if root is not None else ():
            if key.value not in ("topics", "packs"):
                raise self._build_error(
                    key,
                    f"unknown key {key.value!r}{suggest_names(key.value, ('topics', 'packs'))}; `topics` or `packs`",
                )

    def _build_error(self, node: yaml.Node, message: str) -> TopicError:
        return TopicError(f"{self._format_location(node)}: {message}.")

    def _format_location(self, node: yaml.Node) -> str:
        return f"{self.path}:{node.start_mark.line + 1}"

    def _mapping_pairs(self, node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        if isinstance(node, yaml.ScalarNode) and node.value == "":
            return []
        if not isinstance(node, yaml.MappingNode):
            raise self._build_error(node, "expected `key: value` lines here")
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._build_error(key, "expected a plain name here")
            if key.value in seen:
                raise self._build_error(key, f"{key.value!r} stands twice")
            seen.add(key.value)
        return list(node.value)

    def _iter_strings(self, node: yaml.Node) -> Iterator[yaml.ScalarNode]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._build_error(node, "expected a list here, such as [one, two]")
        for item in node.value:
            if not isinstance(item, yaml.ScalarNode) or item.tag == "tag:yaml.org,2002:null":
                raise self._build_error(item, "expected a text here")
            if item.tag != "tag:yaml.org,2002:str" and not item.style:
                raise self._build_error(item, f"{item.value} is no text to YAML; write it in quotes")
            yield item

    def iter_topics(self) -> Iterator[Topic]:
        """The topics of this file in its order."""
        for key, body in self._mapping_pairs(self.sections["topics"]) if "topics" in self.sections else ():
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", key.value):
                raise self._build_error(key, f"topic name {key.value!r}: use small letters, digits and hyphens")
            yield self._parse_topic(key, body)

    def iter_packs(self) -> Iterator[tuple[str, tuple[str, ...], str]]:
        """The packs of this file: name, members, and where it stands."""
        for key, body in self._mapping_pairs(self.sections["packs"]) if "packs" in self.sections else ():
            yield key.value, tuple(item.value for item in self._iter_strings(body)), self._format_location(key)

    def _parse_topic(self, key: yaml.ScalarNode, body: yaml.Node) -> Topic:
        values: dict[str, list[yaml.ScalarNode]] = {}
        name, expect = key.value, list[ExpectedFinding]()
        since: yaml.Node = yaml.MappingNode("", [])
        for field, node in self._mapping_pairs(body):
            if field.value not in _TOPIC_KEYS:
                raise self._build_error(
                    field,
                    f"unknown key {field.value!r} in topic {key.value!r}{suggest_names(field.value, _TOPIC_KEYS)}",
                )
            if field.value == "since":
                since = node
            elif field.value == "expect":
                expect = self._parse_expected_findings(node)
            elif field.value != "name":
                values[field.value] = list(self._iter_strings(node))
            elif isinstance(node, yaml.ScalarNode) and node.value.strip():
                name = node.value.strip()
            else:
                raise self._build_error(node, f"topic {key.value!r} needs a name that people can read")
        for item in values.get("exclude", ()):
            self._build_phrase_regex(item, any_case=True)
        exclude = [normalize_text(item.value) for item in values.get("exclude", ())]
        rules = [
            rule_from_regex(kind, item.value, self._build_rule_regex(kind, item), exclude)
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
            origin=self._format_location(key),
            since=self._parse_since(since, {rule.text for rule in rules}),
            expect=tuple(expect),
        )

    def _parse_since(self, node: yaml.Node, rules: set[str]) -> tuple[tuple[str, str], ...]:
        """`since: 2018-10`, or a mapping of rules to such months, in which a star stands for all others."""
        if isinstance(node, yaml.ScalarNode):
            return ((_ALL_RULES, self._parse_month(node)),)
        found = []
        for key, month in self._mapping_pairs(node):
            if key.value != _ALL_RULES and key.value not in rules:
                raise self._build_error(key, f"{key.value!r} is no rule of this topic{suggest_names(key.value, rules)}")
            found.append((key.value, self._parse_month(month)))
        return tuple(found)

    def _parse_month(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not _MONTH_REGEX.fullmatch(node.value):
            raise self._build_error(node, "expected a month or a year here, such as 2018-10 or 2018")
        return str(node.value)

    def _parse_expected_findings(self, node: yaml.Node) -> list[ExpectedFinding]:
        """A list of `{finding: carries, of: [deep net], because: a sentence}`."""
        if not isinstance(node, yaml.SequenceNode):
            raise self._build_error(node, "expected a list of `finding`, `of` and `because` here")
        found = []
        for item in node.value:
            given = {key.value: value for key, value in self._mapping_pairs(item)}
            if set(given) != set(ExpectedFinding._fields):
                raise self._build_error(item, "expected `finding`, `of` and `because` here")
            finding, because = given["finding"], given["because"]
            if not isinstance(finding, yaml.ScalarNode) or finding.value not in FINDING_KINDS:
                raise self._build_error(finding, f"expected one of {', '.join(FINDING_KINDS)} here")
            if not isinstance(because, yaml.ScalarNode) or not because.value.strip():
                raise self._build_error(because, "expected a sentence here that says why it is fine")
            of = tuple(word.value for word in self._iter_strings(given["of"]))
            found.append(ExpectedFinding(finding.value, of, because.value.strip()))
        return found

    def _build_rule_regex(self, kind: str, item: yaml.ScalarNode) -> str:
        if kind != "pattern":
            return self._build_phrase_regex(item, any_case=kind == "phrase")
        if not self.check_patterns:
            return f"(?m){item.value}"
        try:
            return pattern_regex(item.value)
        except ValueError as error:
            raise self._build_error(item, f"pattern {item.value!r} {error}") from None

    def _build_phrase_regex(self, item: yaml.ScalarNode, *, any_case: bool) -> str:
        try:
            return phrase_regex(item.value, any_case=any_case)
        except ValueError as error:
            raise self._build_error(item, f"phrase {item.value!r} {error}") from None
