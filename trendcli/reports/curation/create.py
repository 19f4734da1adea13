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
from trendcli.core.normalize import normalize_text
from trendcli.core.types import Progress, Scope, Topic, ignore_progress
from trendcli.core.yaml import quote_yaml
from trendcli.reports.curation.acronyms import iter_long_forms
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import file_rows_sql, scope_filter_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics import loader as topic_files
from trendcli.topics.patterns import phrase_regex

# an acronym is taken where more than half of its definitions are the phrase; what occurs once may be a slip of the pen
MIN_DEFINITION_SHARE, MIN_OCCURRENCES = 0.5, 2
_TOPIC_ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]*")
_ACRONYM_REGEX = r"\s*\(\s*([A-Z][A-Za-z0-9-]{1,9}?)s?\s*[);,]"
_MAX_LISTED, _MAX_OTHER_FORMS = 6, 3


@dataclass(frozen=True)
class TopicDraft:
    """A topic made of a term.

    `forms` are the spellings of the term with the submissions that hold each, `notes` say where the acronyms come from,
    and `warnings` what a person should look at before relying on them.
    """

    id: str
    name: str
    phrases: tuple[str, ...]
    acronyms: tuple[str, ...]
    form_counts: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def draft_topic(
    store: Store, scope: Scope, topic_id: str, term: str, progress: Progress = ignore_progress
) -> TopicDraft:
    """A topic `name` of a term, by the texts of the submissions in a scope; UsageError where name or term cannot be."""
    if not _TOPIC_ID_PATTERN.fullmatch(topic_id):
        slug = re.sub(r"[^a-z0-9]+", "-", topic_id.lower()).strip("-")
        raise UsageError(
            f"A topic's name has small letters, digits and hyphens: {slug or 'graph-nets'}, not {topic_id!r}."
        )
    try:
        phrase_regex(term, any_case=True)
    except ValueError as error:
        raise UsageError(f"The term {term!r} {error}.") from None
    if "*" in term:
        raise UsageError("A term is words; a star may be written into the topic file afterwards.")
    *words, last = re.split(r"[ -]+", normalize_text(term).strip())
    stem, plurals = _split_plural(last)
    loose = r"(?i)\b" + r"([ -]?)".join(map(re.escape, [*words, stem])) + rf"({plurals})\b"
    progress(0, None, "looking for the forms of the term")
    forms: Counter[str] = Counter()
    joined: Counter[int] = Counter()
    endings: Counter[str] = Counter()
    defined: Counter[str] = Counter()
    for _, text in _iter_matching_texts(store, scope, loose):
        found = list(re.finditer(loose, text, re.ASCII))
        forms.update({match[0].lower() for match in found})
        joined.update({gap for match in found for gap in range(len(words)) if not match[gap + 1]})
        endings.update({match[len(words) + 1].lower() for match in found})
        after = {match[len(words) + 2]: match for match in re.finditer(loose + _ACRONYM_REGEX, text, re.ASCII)}
        # what stands behind the term may be short for more than it: deep recurrent neural networks (DRNN)
        defined.update(
            acronym
            for acronym, match in after.items()
            if re.fullmatch(loose, next(iter_long_forms(acronym, match[0]), ""))
        )
    head = "".join(word + ("-" if joined[gap] >= MIN_OCCURRENCES else " ") for gap, word in enumerate(words))
    # a phrase has a plural s of its own, so that only other plurals need one more
    singular = stem + ("y" if endings["y"] else "")
    phrases = [head + (singular if endings["y"] or endings[""] else last)]
    for ending, times in _rank_counts(endings):
        form = f"{head}{stem}{ending}".replace("-", " ")
        known = any(re.fullmatch(phrase_regex(phrase, any_case=True), form, re.ASCII) for phrase in phrases)
        if times >= MIN_OCCURRENCES and not known:
            phrases.append(f"{head}{stem}{ending}")
    acronyms: list[str] = []
    notes, warnings = [], []
    for acronym, times in _rank_counts(defined):
        if times >= MIN_OCCURRENCES and acronym.upper() not in (other.upper() for other in acronyms):
            progress(0, None, f"looking for {acronym}")
            taken, note, warning = _assess_acronym(store, scope, acronym, phrases)
            acronyms += [acronym] if taken else []
            notes.append(note)
            warnings += [warning] if warning else []
    if not forms:
        warnings.append(f"Nothing that is stored holds {normalize_text(term)!r}; the topic is written as you spelt it.")
    plain = normalize_text(term)
    title = plain[:1].upper() + plain[1:]
    told = tuple(_rank_counts(forms))
    return TopicDraft(topic_id, title, tuple(phrases), tuple(acronyms), told, tuple(notes), tuple(warnings))


def _split_plural(word: str) -> tuple[str, str]:
    """What a word has in common with its plural or singular, and what follows it: polic(y), network(s), process(es)."""
    if re.search(r"(?i)[^aeiou](?:y|ies)$", word):
        return re.sub(r"(?i)(?:y|ies)$", "", word), "y|ies"
    return (word[:-1] if re.search(r"(?i)[^su]s$", word) and len(word) > 3 else word), "s|es|"


def _rank_counts(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first, equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _assess_acronym(store: Store, scope: Scope, acronym: str, phrases: Sequence[str]) -> tuple[bool, str, str]:
    """Whether an acronym belongs to phrases, by its definitions; those; and where it stands without a phrase."""
    ours = [re.compile(phrase_regex(phrase, any_case=True), re.ASCII) for phrase in phrases]
    forms: Counter[str] = Counter()
    without: Counter[str] = Counter()
    lone = 0
    for primary, text in _iter_matching_texts(store, scope, phrase_regex(acronym, any_case=False)):
        forms.update(set(iter_long_forms(acronym, text)))
        if not any(regex.search(text) for regex in ours):
            without[primary] += 1
            lone += 1
    mine = sum(number for form, number in forms.items() if any(regex.fullmatch(form) for regex in ours))
    total = forms.total()
    taken = mine > MIN_DEFINITION_SHARE * total
    others = [f"{form} {number}" for form, number in _rank_counts(forms) if not any(r.fullmatch(form) for r in ours)]
    told = [
        *others[:_MAX_OTHER_FORMS],
        *([f"and {len(others) - _MAX_OTHER_FORMS} more"] if len(others) > _MAX_OTHER_FORMS else []),
    ]
    note = f"({acronym}): {mine} of {total} definitions" + (f"; also {', '.join(told)}" if told else "")
    where = ", ".join(
        f"{name} {number}" if name else f"{number}" for name, number in _rank_counts(without)[:_MAX_LISTED]
    )
    more = f" and {len(without) - _MAX_LISTED} more categories" if len(without) > _MAX_LISTED else ""
    warning = f"{acronym} also stands in {lone:,} submissions that never hold the phrase ({where}{more})."
    if not taken:
        return False, f"{note}: left out", ""
    return True, note, f"{warning} `trend topics check` looks at the words around it." if lone else ""


def _iter_matching_texts(store: Store, scope: Scope, regex: str) -> Iterator[tuple[str, str]]:
    """(primary category, text) of the submissions of a scope that an expression matches; a venue's have no category."""
    title, rest = store.text_expressions
    primary = "split_part(categories, ' ', 1)" if store.corpus == ARXIV else "''"
    read = file_rows_sql(
        store, store.list_files(), f"categories, {primary} AS place, {title} || chr(10) || {rest} AS text"
    )
    with store.connect() as db:
        db.execute(
            f"""SELECT place, text FROM ({read})
                WHERE {scope_filter_sql("categories", scope)} AND regexp_matches(text, {sql_string(regex)})"""
        )
        while rows := db.fetchmany(2000):
            yield from rows


def format_topic_yaml(topic_draft: TopicDraft) -> str:
    """A topic as the lines of a topic file, two spaces deep, with what was found in the text as comments."""
    told = ", ".join(f"{form} {number:,}" for form, number in topic_draft.form_counts[:_MAX_LISTED])
    more = (
        f" and {len(topic_draft.form_counts) - _MAX_LISTED} more" if len(topic_draft.form_counts) > _MAX_LISTED else ""
    )
    lines = [f"  {topic_draft.id}:", f"    name: {quote_yaml(topic_draft.name)}"]
    lines += [f"    # submissions with each form: {told}{more}"] if told else []
    lines += [f"    phrases: [{', '.join(map(quote_yaml, topic_draft.phrases))}]"]
    lines += [f"    # {note}" for note in topic_draft.notes]
    lines += [f"    acronyms: [{', '.join(map(quote_yaml, topic_draft.acronyms))}]"] if topic_draft.acronyms else []
    return "\n".join(lines) + "\n"


def insert_topic(file_text: str, topic_lines: str, path: Path) -> str:
    """A topic file with the lines of one more topic behind its last one; all that stood there stays as it was.

    New lines end as the first one does. TopicError where the file is not YAML, or in no form that can be added to.
    """
    end = "\r\n" if file_text.partition("\n")[0].endswith("\r") else "\n"
    root = topic_files.compose_yaml(file_text, path) if file_text.strip() else None
    if root is None:
        return _end_last_line(file_text, end) + f"topics:\n{topic_lines}".replace("\n", end)
    if not isinstance(root, yaml.MappingNode) and root.value:
        raise TopicError(f"{path}:{root.start_mark.line + 1}: this is no topic file, whose first line is `topics:`.")
    sections = {key.value: node for key, node in root.value or () if isinstance(key, yaml.ScalarNode)}
    if "topics" not in sections:
        return _end_last_line(file_text, end) + f"\ntopics:\n{topic_lines}".replace("\n", end)
    topics = sections["topics"]
    if not isinstance(topics, yaml.MappingNode) or topics.flow_style or root.start_mark.column:
        raise TopicError(f"{path}: write `topics:` and each topic on lines of their own, and this one can be added.")
    depth = topics.value[0][0].start_mark.column
    last: yaml.Node = topics
    while isinstance(last, yaml.CollectionNode) and last.value and not last.flow_style:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    mark = last.end_mark
    rows = _end_last_line(file_text, end).splitlines(keepends=True)
    place = min(mark.line + (mark.column > 0), len(rows))
    deep = [(" " * (depth - 2) + row if depth > 2 else row[2 - depth :]) + end for row in topic_lines.splitlines()]
    return "".join([*rows[:place], *deep, *rows[place:]])


def _end_last_line(text: str, line_ending: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}{line_ending}"


def read_back_topic(shipped_folder: Path, path: Path, file_text: str, topic_id: str) -> Topic:
    """The topic `name` of a file with this text at `path`, as it would load; TopicError where it would not."""
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / path.name
        draft.write_bytes(file_text.encode())
        try:
            return topic_files.load_library(shipped_folder, draft).get_topic(topic_id)
        except TopicError as error:
            raise TopicError(f"{str(error).replace(str(draft), str(path))} Nothing was written.") from None
