"""Topic files: YAML read into a Library and checked.

docs/how-to/topics.md describes the grammar. Every error names the file and the line, and the closest known word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from trendcli.core.errors import TopicError, suggest_names
from trendcli.core.normalize import normalize_text
from trendcli.core.types import FINDING_KINDS, ExpectedFinding, Topic
from trendcli.core.yaml import compose_yaml, read_yaml_text
from trendcli.topics.library import Library
from trendcli.topics.patterns import pattern_regex, phrase_regex, rule_from_regex

_TOPIC_KEYS = ("name", "parents", "phrases", "acronyms", "patterns", "exclude", "categories", "since", "expect")
_ALL_RULES = "*"  # in `since`: all rules of a topic
# a year or a month, 1900 to 2099
_MONTH_REGEX = re.compile(r"(?:19|20)\d\d(?:-(?:0[1-9]|1[0-2]))?")


def load_library(shipped_folder: Path, user_path: Path | None = None, *, check_patterns: bool = False) -> Library:
    """Load the shipped topic files and a user's own file or folder as one library.

    A user's definition replaces the shipped one of the same name. With `check_patterns` the patterns of the shipped
    files are compiled too, which is otherwise left to the tests; a user's always are. Raise TopicError for any fault.
    """
    topics: dict[str, Topic] = {}
    packs: dict[str, tuple[str, ...]] = {}
    pack_locations: dict[str, str] = {}
    replaced_ids: list[str] = []
    shipped_files = sorted(shipped_folder.glob("*.yaml"))
    for paths, is_user in ((shipped_files, False), (_list_user_files(user_path), True)):
        origins: dict[str, str] = {}
        for path in paths:
            reader = _TopicFileReader(path, check_patterns=is_user or check_patterns)
            for topic in reader.iter_topics():
                if topic.id in origins:
                    raise TopicError(f"{topic.origin}: topic {topic.id!r} is already defined in {origins[topic.id]}.")
                origins[topic.id] = topic.origin
                replaced_ids += [topic.id] if topic.id in topics else []
                topics[topic.id] = topic
            for name, members, location in reader.iter_packs():
                packs[name], pack_locations[name] = members, location
    _check_references(topics, packs, pack_locations)
    return Library(topics, packs, tuple(replaced_ids))


def _list_user_files(user_path: Path | None) -> list[Path]:
    if user_path is None:
        return []
    if user_path.is_dir():
        return sorted([*user_path.glob("*.yaml"), *user_path.glob("*.yml")])
    if not user_path.exists():
        raise TopicError(f"No topic file or folder at {user_path}; check the setting `topics`.")
    return [user_path]


def _check_references(
    topics: Mapping[str, Topic], packs: Mapping[str, tuple[str, ...]], pack_locations: Mapping[str, str]
) -> None:
    """Raise TopicError for an unknown name, for a topic that is its own ancestor and for one that can match nothing."""
    parent_ids = {parent for topic in topics.values() for parent in topic.parents}
    for topic in topics.values():
        for parent in topic.parents:
            if parent not in topics:
                raise TopicError(
                    f"{topic.origin}: topic {topic.id!r} has an unknown parent {parent!r}"
                    f"{suggest_names(parent, topics)}."
                )
        if not topic.rules and topic.id not in parent_ids:
            raise TopicError(
                f"{topic.origin}: topic {topic.id!r} has neither rules nor children, so it matches nothing."
            )
        ancestors, queue = set(), list(topic.parents)
        while queue:
            ancestor = queue.pop()
            if ancestor == topic.id:
                raise TopicError(f"{topic.origin}: topic {topic.id!r} is its own ancestor; its parents form a cycle.")
            if ancestor not in ancestors and ancestor in topics:
                ancestors.add(ancestor)
                queue.extend(topics[ancestor].parents)
    for topic in topics.values():
        known_names = {rule.text for rule in topic.rules} | topics.keys()
        for expected in topic.expect:
            for name in expected.of:
                if name not in known_names and not _is_rule_of_descendant(name, topic.id, topics):
                    raise TopicError(
                        f"{topic.origin}: topic {topic.id!r} expects a finding about {name!r}, which is neither one "
                        f"of its rules nor a topic{suggest_names(name, known_names)}."
                    )
    for pack, members in packs.items():
        for member in members:
            if member not in topics:
                raise TopicError(
                    f"{pack_locations[pack]}: pack {pack!r} contains an unknown topic {member!r}"
                    f"{suggest_names(member, topics)}."
                )


def _is_rule_of_descendant(rule_text: str, topic_id: str, topics: Mapping[str, Topic]) -> bool:
    return any(
        rule.text == rule_text
        for member in Library(topics, {}).topic_family(topic_id)
        for rule in member.rules
        if member.id != topic_id
    )


def read_topic_file(path: Path) -> str:
    """Return the text of a topic file, line ends unchanged; raise TopicError where it is unreadable or not UTF-8."""
    return read_yaml_text(path, "topic file", TopicError)


class _TopicFileReader:
    """One topic file as YAML nodes, which carry their line numbers."""

    def __init__(self, path: Path, *, check_patterns: bool) -> None:
        self.path, self.check_patterns = path, check_patterns
        root = compose_yaml(read_topic_file(path), path, TopicError)
        self.sections = {key.value: value for key, value in self._mapping_pairs(root)} if root is not None else {}
        for key, _ in self._mapping_pairs(root) if root is not None else ():
            if key.value not in ("topics", "packs"):
                suggestion = suggest_names(key.value, ("topics", "packs"))
                raise self._build_error(key, f"unknown key {key.value!r}{suggestion}; expected `topics` or `packs`")

    def _build_error(self, node: yaml.Node, message: str) -> TopicError:
        return TopicError(f"{self._format_location(node)}: {message}.")

    def _format_location(self, node: yaml.Node) -> str:
        return f"{self.path}:{node.start_mark.line + 1}"

    def _mapping_pairs(self, node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        if isinstance(node, yaml.ScalarNode) and node.value == "":
            return []
        if not isinstance(node, yaml.MappingNode):
            raise self._build_error(node, "expected `key: value` lines")
        keys = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._build_error(key, "expected a plain name as the key")
            if key.value in keys:
                raise self._build_error(key, f"duplicate key {key.value!r}")
            keys.add(key.value)
        return list(node.value)

    def _iter_strings(self, node: yaml.Node) -> Iterator[yaml.ScalarNode]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._build_error(node, "expected a list, such as [one, two]")
        for entry in node.value:
            if not isinstance(entry, yaml.ScalarNode) or entry.tag == "tag:yaml.org,2002:null":
                raise self._build_error(entry, "expected text")
            if entry.value.endswith("\n"):
                raise self._build_error(entry, "expected one line, such as 'deep network'")
            if entry.tag != "tag:yaml.org,2002:str" and not entry.style:
                raise self._build_error(entry, f"YAML does not read {entry.value} as text; put it in quotes")
            yield entry

    def iter_topics(self) -> Iterator[Topic]:
        """Yield the topics of this file in its order."""
        for key, body in self._mapping_pairs(self.sections["topics"]) if "topics" in self.sections else ():
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", key.value):
                raise self._build_error(
                    key, f"invalid topic name {key.value!r}; use lowercase letters, digits and hyphens"
                )
            yield self._parse_topic(key, body)

    def iter_packs(self) -> Iterator[tuple[str, tuple[str, ...], str]]:
        """Yield the packs of this file: name, members, and location as 'path:line'."""
        for key, body in self._mapping_pairs(self.sections["packs"]) if "packs" in self.sections else ():
            yield key.value, tuple(entry.value for entry in self._iter_strings(body)), self._format_location(key)

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
                raise self._build_error(node, f"the `name` of topic {key.value!r} must be non-empty text")
        for entry in values.get("exclude", ()):
            self._build_phrase_regex(entry, any_case=True)
        exclude = [normalize_text(entry.value) for entry in values.get("exclude", ())]
        rules = [
            rule_from_regex(kind, entry.value, self._build_rule_regex(kind, entry), exclude)
            for kind, listed in (("phrase", "phrases"), ("acronym", "acronyms"), ("pattern", "patterns"))
            for entry in values.get(listed, ())
        ]
        guard = tuple(entry.value for entry in values.get("categories", ()))
        return Topic(
            id=key.value,
            name=name,
            parents=tuple(entry.value for entry in values.get("parents", ())),
            rules=tuple(rules),
            exclude=tuple(entry.value for entry in values.get("exclude", ())),
            guard=guard,
            origin=self._format_location(key),
            since=self._parse_since(since, {rule.text for rule in rules}),
            expect=tuple(expect),
        )

    def _parse_since(self, node: yaml.Node, rules: set[str]) -> tuple[tuple[str, str], ...]:
        """Parse `since: 2018-10`, or a mapping from rules to such months in which * stands for all other rules."""
        if isinstance(node, yaml.ScalarNode):
            return ((_ALL_RULES, self._parse_month(node)),)
        months = []
        for key, month in self._mapping_pairs(node):
            if key.value != _ALL_RULES and key.value not in rules:
                raise self._build_error(
                    key, f"{key.value!r} is not a rule of this topic{suggest_names(key.value, rules)}"
                )
            months.append((key.value, self._parse_month(month)))
        return tuple(months)

    def _parse_month(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not _MONTH_REGEX.fullmatch(node.value):
            raise self._build_error(node, "expected a month or a year, such as 2018-10 or 2018")
        return str(node.value)

    def _parse_expected_findings(self, node: yaml.Node) -> list[ExpectedFinding]:
        """Parse a list of `{finding: carries, of: [deep net], because: a sentence}`."""
        if not isinstance(node, yaml.SequenceNode):
            raise self._build_error(node, "expected a list of mappings with `finding`, `of` and `because`")
        findings = []
        for entry in node.value:
            fields = {key.value: value for key, value in self._mapping_pairs(entry)}
            if set(fields) != set(ExpectedFinding._fields):
                raise self._build_error(entry, "expected `finding`, `of` and `because`, and nothing else")
            finding, because = fields["finding"], fields["because"]
            if not isinstance(finding, yaml.ScalarNode) or finding.value not in FINDING_KINDS:
                raise self._build_error(finding, f"expected one of {', '.join(FINDING_KINDS)}")
            if not isinstance(because, yaml.ScalarNode) or not because.value.strip():
                raise self._build_error(because, "expected a sentence that says why the finding is acceptable")
            of = tuple(word.value for word in self._iter_strings(fields["of"]))
            findings.append(ExpectedFinding(finding.value, of, because.value.strip()))
        return findings

    def _build_rule_regex(self, kind: str, entry: yaml.ScalarNode) -> str:
        if kind != "pattern":
            return self._build_phrase_regex(entry, any_case=kind == "phrase")
        if not self.check_patterns:
            return f"(?m){entry.value}"
        try:
            return pattern_regex(entry.value)
        except ValueError as error:
            raise self._build_error(entry, f"pattern {entry.value!r} {error}") from None

    def _build_phrase_regex(self, entry: yaml.ScalarNode, *, any_case: bool) -> str:
        try:
            return phrase_regex(entry.value, any_case=any_case)
        except ValueError as error:
            raise self._build_error(entry, f"phrase {entry.value!r} {error}") from None
