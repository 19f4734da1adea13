"""Use-case new: a term made into a topic, with the forms and the acronym in which the stored text has it."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from trendcli.core.errors import TopicError, UsageError
from trendcli.core.normalize import canonical
from trendcli.core.types import Progress, Scope, Topic, silent
from trendcli.reports.curation.acronyms import definitions
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import read_files, sql_text
from trendcli.store.store import Store
from trendcli.topics import loader as topic_files
from trendcli.topics.mentions import in_scope
from trendcli.topics.patterns import phrase_regex

# an acronym is taken where more than half of its definitions are the phrase; what occurs once may be a slip of the pen
MOST, TWICE = 0.5, 2
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")
_ACRONYM = r"\s*\(\s*([A-Z][A-Za-z0-9-]{1,9}?)s?\s*[);,]"
_SHOWN, _OTHERS = 6, 3


@dataclass(frozen=True)
class Coined:
    """A topic made of a term.

    `forms` are the spellings of the term with the submissions that hold each, `notes` say where the acronyms come from,
    and `warnings` what a person should look at before relying on them.
    """

    id: str
    name: str
    phrases: tuple[str, ...]
    acronyms: tuple[str, ...]
    forms: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def coined(store: Store, scope: Scope, name: str, term: str, progress: Progress = silent) -> Coined:
    """A topic `name` of a term, by the texts of the submissions in a scope; UsageError where name or term cannot be."""
    if not _SLUG.fullmatch(name):
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        raise UsageError(f"A topic's name has small letters, digits and hyphens: {slug or 'graph-nets'}, not {name!r}.")
    try:
        phrase_regex(term, any_case=True)
    except ValueError as error:
        raise UsageError(f"The term {term!r} {error}.") from None
    if "*" in term:
        raise UsageError("A term is words; a star may be written into the topic file afterwards.")
    *words, last = re.split(r"[ -]+", canonical(term).strip())
    stem, plurals = _stem(last)
    loose = r"(?i)\b" + r"([ -]?)".join(map(re.escape, [*words, stem])) + rf"({plurals})\b"
    progress(0, None, "looking for the forms of the term")
    forms: Counter[str] = Counter()
    joined: Counter[int] = Counter()
    endings: Counter[str] = Counter()
    defined: Counter[str] = Counter()
    for _, text in _holding(store, scope, loose):
        found = list(re.finditer(loose, text, re.ASCII))
        forms.update({match[0].lower() for match in found})
        joined.update({gap for match in found for gap in range(len(words)) if not match[gap + 1]})
        endings.update({match[len(words) + 1].lower() for match in found})
        after = {match[len(words) + 2]: match for match in re.finditer(loose + _ACRONYM, text, re.ASCII)}
        # what stands behind the term may be short for more than it: deep recurrent neural networks (DRNN)
        defined.update(
            acronym for acronym, match in after.items() if re.fullmatch(loose, next(definitions(acronym, match[0]), ""))
        )
    head = "".join(word + ("-" if joined[gap] >= TWICE else " ") for gap, word in enumerate(words))
    # a phrase has a plural s of its own, so that only other plurals need one more
    singular = stem + ("y" if endings["y"] else "")
    phrases = [head + (singular if endings["y"] or endings[""] else last)]
    for ending, times in _ranked(endings):
        form = f"{head}{stem}{ending}".replace("-", " ")
        known = any(re.fullmatch(phrase_regex(phrase, any_case=True), form, re.ASCII) for phrase in phrases)
        if times >= TWICE and not known:
            phrases.append(f"{head}{stem}{ending}")
    acronyms: list[str] = []
    notes, warnings = [], []
    for acronym, times in _ranked(defined):
        if times >= TWICE and acronym.upper() not in (other.upper() for other in acronyms):
            progress(0, None, f"looking for {acronym}")
            taken, note, warning = _judged(store, scope, acronym, phrases)
            acronyms += [acronym] if taken else []
            notes.append(note)
            warnings += [warning] if warning else []
    if not forms:
        warnings.append(f"Nothing that is stored holds {canonical(term)!r}; the topic is written as you spelt it.")
    plain = canonical(term)
    title = plain[:1].upper() + plain[1:]
    told = tuple(_ranked(forms))
    return Coined(name, title, tuple(phrases), tuple(acronyms), told, tuple(notes), tuple(warnings))


def _stem(word: str) -> tuple[str, str]:
    """What a word has in common with its plural or singular, and what follows it: polic(y), network(s), process(es)."""
    if re.search(r"(?i)[^aeiou](?:y|ies)$", word):
        return re.sub(r"(?i)(?:y|ies)$", "", word), "y|ies"
    return (word[:-1] if re.search(r"(?i)[^su]s$", word) and len(word) > 3 else word), "s|es|"


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first, equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _judged(store: Store, scope: Scope, acronym: str, phrases: Sequence[str]) -> tuple[bool, str, str]:
    """Whether an acronym belongs to phrases, by its definitions; those; and where it stands without a phrase."""
    ours = [re.compile(phrase_regex(phrase, any_case=True), re.ASCII) for phrase in phrases]
    forms: Counter[str] = Counter()
    without: Counter[str] = Counter()
    lone = 0
    for primary, text in _holding(store, scope, phrase_regex(acronym, any_case=False)):
        forms.update(set(definitions(acronym, text)))
        if not any(regex.search(text) for regex in ours):
            without[primary] += 1
            lone += 1
    mine = sum(number for form, number in forms.items() if any(regex.fullmatch(form) for regex in ours))
    total = forms.total()
    taken = mine > MOST * total
    others = [f"{form} {number}" for form, number in _ranked(forms) if not any(r.fullmatch(form) for r in ours)]
    told = [*others[:_OTHERS], *([f"and {len(others) - _OTHERS} more"] if len(others) > _OTHERS else [])]
    note = f"({acronym}): {mine} of {total} definitions" + (f"; also {', '.join(told)}" if told else "")
    where = ", ".join(f"{name} {number}" if name else f"{number}" for name, number in _ranked(without)[:_SHOWN])
    more = f" and {len(without) - _SHOWN} more categories" if len(without) > _SHOWN else ""
    warning = f"{acronym} also stands in {lone:,} submissions that never hold the phrase ({where}{more})."
    if not taken:
        return False, f"{note}: left out", ""
    return True, note, f"{warning} `trend topics check` looks at the words around it." if lone else ""


def _holding(store: Store, scope: Scope, regex: str) -> Iterator[tuple[str, str]]:
    """(primary category, text) of the submissions of a scope that an expression matches; a venue's have no category."""
    title, rest = store.texts
    primary = "split_part(categories, ' ', 1)" if store.corpus == ARXIV else "''"
    read = read_files(store, store.files(), f"categories, {primary} AS place, {title} || chr(10) || {rest} AS text")
    with store.connect() as db:
        db.execute(
            f"""SELECT place, text FROM ({read})
                WHERE {in_scope("categories", scope)} AND regexp_matches(text, {sql_text(regex)})"""
        )
        while rows := db.fetchmany(2000):
            yield from rows


def block(topic: Coined) -> str:
    """A topic as the lines of a topic file, two spaces deep, with what was found in the text as comments."""
    told = ", ".join(f"{form} {number:,}" for form, number in topic.forms[:_SHOWN])
    more = f" and {len(topic.forms) - _SHOWN} more" if len(topic.forms) > _SHOWN else ""
    lines = [f"  {topic.id}:", f"    name: {_quoted(topic.name)}"]
    lines += [f"    # submissions with each form: {told}{more}"] if told else []
    lines += [f"    phrases: [{', '.join(map(_quoted, topic.phrases))}]"]
    lines += [f"    # {note}" for note in topic.notes]
    lines += [f"    acronyms: [{', '.join(map(_quoted, topic.acronyms))}]"] if topic.acronyms else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A text as YAML reads it back, within brackets."""
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9 -]*", text) and yaml.safe_load(text) == text else repr(text)


def inserted(old: str, lines: str, path: Path) -> str:
    """A topic file with the lines of one more topic behind its last one; all that stood there stays as it was.

    New lines end as the first one does. TopicError where the file is not YAML, or in no form that can be added to.
    """
    end = "\r\n" if old.partition("\n")[0].endswith("\r") else "\n"
    root = topic_files.composed(old, path) if old.strip() else None
    if root is None:
        return _ended(old, end) + f"topics:\n{lines}".replace("\n", end)
    if not isinstance(root, yaml.MappingNode) and root.value:
        raise TopicError(f"{path}:{root.start_mark.line + 1}: this is no topic file, whose first line is `topics:`.")
    sections = {key.value: node for key, node in root.value or () if isinstance(key, yaml.ScalarNode)}
    if "topics" not in sections:
        return _ended(old, end) + f"\ntopics:\n{lines}".replace("\n", end)
    topics = sections["topics"]
    if not isinstance(topics, yaml.MappingNode) or topics.flow_style or root.start_mark.column:
        raise TopicError(f"{path}: write `topics:` and each topic on lines of their own, and this one can be added.")
    depth = topics.value[0][0].start_mark.column
    last: yaml.Node = topics
    while isinstance(last, yaml.CollectionNode) and last.value and not last.flow_style:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    mark = last.end_mark
    rows = _ended(old, end).splitlines(keepends=True)
    place = min(mark.line + (mark.column > 0), len(rows))
    deep = [(" " * (depth - 2) + row if depth > 2 else row[2 - depth :]) + end for row in lines.splitlines()]
    return "".join([*rows[:place], *deep, *rows[place:]])


def _ended(text: str, end: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}{end}"


def read_back(shipped: Path, path: Path, text: str, name: str) -> Topic:
    """The topic `name` of a file with this text at `path`, as it would load; TopicError where it would not."""
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / path.name
        draft.write_bytes(text.encode())
        try:
            return topic_files.load(shipped, draft).topic(name)
        except TopicError as error:
            raise TopicError(f"{str(error).replace(str(draft), str(path))} Nothing was written.") from None
