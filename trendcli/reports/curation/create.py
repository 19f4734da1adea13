"""Use-case new: turn a term into a topic, with the forms and the acronym that the stored text uses for it."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml

from trendcli.core.errors import TopicError, UsageError
from trendcli.core.normalize import normalize_text
from trendcli.core.types import Progress, Scope, Topic, ignore_progress
from trendcli.core.yaml import compose_yaml, quote_yaml
from trendcli.reports.terms.acronym_definitions import MIN_DEFINITION_SHARE, iter_long_forms
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import file_rows_sql, scope_filter_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics.loader import load_library
from trendcli.topics.patterns import phrase_regex

# submissions with a form or a definition; what occurs once may be a typing error
MIN_OCCURRENCES = 2
_TOPIC_ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]*")
# an acronym in brackets right behind the term
_ACRONYM_REGEX = r"\s*\(\s*([A-Z][A-Za-z0-9-]{1,9}?)s?\s*[);,]"
# forms, or categories, named in a comment or warning
_MAX_LISTED = 6
# other definitions of an acronym named in its note
_MAX_OTHER_DEFINITIONS = 3


@dataclass(frozen=True)
class TopicDraft:
    """A topic made from a term.

    `form_counts` are the spellings of the term with the submissions that contain each, `notes` say how each acronym is
    defined, and `warnings` what a person should look at before relying on the topic.
    """

    id: str
    name: str
    phrases: tuple[str, ...]
    acronyms: tuple[str, ...]
    form_counts: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


class _FormCounts(NamedTuple):
    """How many submissions contain each form of a term, by what varies in it.

    `forms` are whole spellings, `joined_gaps` the gaps between words, from 0, that are left out (autoencoder),
    `endings` those of the last word, and `acronyms` those that the term defines.
    """

    forms: Counter[str]
    joined_gaps: Counter[int]
    endings: Counter[str]
    acronyms: Counter[str]


def draft_topic(
    store: Store, scope: Scope, topic_id: str, term: str, progress: Progress = ignore_progress
) -> TopicDraft:
    """Draft a topic from a term, by the texts of the submissions in a scope.

    Raise UsageError for an id that is not of lowercase letters, digits and hyphens, and for a term that is no phrase.
    """
    _check_id_and_term(topic_id, term)
    normal_term = normalize_text(term)
    *words, last_word = re.split(r"[ -]+", normal_term.strip())
    stem, endings_regex = _split_plural(last_word)
    term_regex = r"(?i)\b" + r"([ -]?)".join(map(re.escape, [*words, stem])) + rf"({endings_regex})\b"
    progress(0, None, "finding the forms of the term")
    counts = _count_forms(store, scope, term_regex, len(words))
    phrases = _choose_phrases(words, stem, last_word, counts)
    acronyms: list[str] = []
    notes, warnings = [], []
    for acronym, count in _rank_counts(counts.acronyms):
        if count >= MIN_OCCURRENCES and acronym.upper() not in (other.upper() for other in acronyms):
            progress(0, None, f"finding the definitions of {acronym}")
            is_accepted, note, warning = _assess_acronym(store, scope, acronym, phrases)
            acronyms += [acronym] if is_accepted else []
            notes.append(note)
            warnings += [warning] if warning else []
    if not counts.forms:
        warnings.append(f"No stored submission contains {normal_term!r}; the topic is spelled as you typed it.")
    return TopicDraft(
        id=topic_id,
        name=normal_term[:1].upper() + normal_term[1:],
        phrases=tuple(phrases),
        acronyms=tuple(acronyms),
        form_counts=tuple(_rank_counts(counts.forms)),
        notes=tuple(notes),
        warnings=tuple(warnings),
    )


def _check_id_and_term(topic_id: str, term: str) -> None:
    if not _TOPIC_ID_PATTERN.fullmatch(topic_id):
        slug = re.sub(r"[^a-z0-9]+", "-", topic_id.lower()).strip("-")
        raise UsageError(
            f"A topic name consists of lowercase letters, digits and hyphens: {slug or 'graph-nets'}, not {topic_id!r}."
        )
    try:
        phrase_regex(term, any_case=True)
    except ValueError as error:
        raise UsageError(f"The term {term!r} {error}.") from None
    if "*" in term:
        raise UsageError("A term cannot contain *; add it to the phrase in the topic file afterwards.")


def _split_plural(word: str) -> tuple[str, str]:
    """Return what a word has in common with its plural or singular, and a regex of endings: polic(y), network(s)."""
    if re.search(r"(?i)[^aeiou](?:y|ies)$", word):
        return re.sub(r"(?i)(?:y|ies)$", "", word), "y|ies"
    return (word[:-1] if re.search(r"(?i)[^su]s$", word) and len(word) > 3 else word), "s|es|"


def _count_forms(store: Store, scope: Scope, term_regex: str, gap_count: int) -> _FormCounts:
    """Count the forms of a term; the groups of its regex are the gaps between its words, and its ending."""
    counts = _FormCounts(Counter(), Counter(), Counter(), Counter())
    for _, text in _iter_matching_texts(store, scope, term_regex):
        matches = list(re.finditer(term_regex, text, re.ASCII))
        counts.forms.update({match[0].lower() for match in matches})
        counts.joined_gaps.update({gap for match in matches for gap in range(gap_count) if not match[gap + 1]})
        counts.endings.update({match[gap_count + 1].lower() for match in matches})
        definitions = {
            match[gap_count + 2]: match[0] for match in re.finditer(term_regex + _ACRONYM_REGEX, text, re.ASCII)
        }
        # an acronym behind the term may be short for more than it: deep recurrent neural networks (DRNN)
        counts.acronyms.update(
            acronym
            for acronym, definition in definitions.items()
            if re.fullmatch(term_regex, next(iter_long_forms(acronym, definition), ""))
        )
    return counts


def _choose_phrases(words: Sequence[str], stem: str, last_word: str, counts: _FormCounts) -> list[str]:
    """Return the phrases that match the forms of a term: one, and another for each plural that is more than an added s.

    A hyphen in a phrase matches a hyphen, a space or nothing, and a phrase matches its plural with an s.
    """
    head = "".join(
        word + ("-" if counts.joined_gaps[gap] >= MIN_OCCURRENCES else " ") for gap, word in enumerate(words)
    )
    singular = stem + ("y" if counts.endings["y"] else "")
    phrases = [head + (singular if counts.endings["y"] or counts.endings[""] else last_word)]
    for ending, count in _rank_counts(counts.endings):
        form = f"{head}{stem}{ending}".replace("-", " ")
        is_matched = any(re.fullmatch(phrase_regex(phrase, any_case=True), form, re.ASCII) for phrase in phrases)
        if count >= MIN_OCCURRENCES and not is_matched:
            phrases.append(f"{head}{stem}{ending}")
    return phrases


def _rank_counts(counts: Counter[str]) -> list[tuple[str, int]]:
    """Sort counts, the largest first and equal ones by name."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _assess_acronym(store: Store, scope: Scope, acronym: str, phrases: Sequence[str]) -> tuple[bool, str, str]:
    """Return whether most definitions of an acronym are the phrases, a note on them, and a warning or ''.

    The warning is about the submissions that contain an accepted acronym without a phrase.
    """
    patterns = [re.compile(phrase_regex(phrase, any_case=True), re.ASCII) for phrase in phrases]
    long_forms: Counter[str] = Counter()
    lone_uses: Counter[str] = Counter()  # submissions without a phrase, by primary category
    for primary_category, text in _iter_matching_texts(store, scope, phrase_regex(acronym, any_case=False)):
        long_forms.update(set(iter_long_forms(acronym, text)))
        if not any(pattern.search(text) for pattern in patterns):
            lone_uses[primary_category] += 1
    other_forms = Counter(
        {form: n for form, n in long_forms.items() if not any(pattern.fullmatch(form) for pattern in patterns)}
    )
    own_count, total = long_forms.total() - other_forms.total(), long_forms.total()
    note = f"({acronym}): {own_count:,} of {total:,} definitions"
    if other_forms:
        listed = [f"{form} {count:,}" for form, count in _rank_counts(other_forms)[:_MAX_OTHER_DEFINITIONS]]
        more = len(other_forms) - len(listed)
        note += f"; also {', '.join([*listed, *([f'and {more} more'] if more else [])])}"
    if own_count <= MIN_DEFINITION_SHARE * total:
        return False, f"{note}: omitted", ""
    if not lone_uses:
        return True, note, ""
    categories = ", ".join(f"{name} {count:,}".strip() for name, count in _rank_counts(lone_uses)[:_MAX_LISTED])
    rest = f" and {len(lone_uses) - _MAX_LISTED} more categories" if len(lone_uses) > _MAX_LISTED else ""
    return (
        True,
        note,
        f"{acronym} also occurs in {lone_uses.total():,} submissions without the phrase ({categories}{rest}). "
        "`trend topics check` examines the words around it.",
    )


def _iter_matching_texts(store: Store, scope: Scope, regex: str) -> Iterator[tuple[str, str]]:
    """Yield (primary category, text) of a scope's submissions that a regex matches; the category is '' in a venue."""
    title, rest = store.text_expressions
    primary = "split_part(categories, ' ', 1)" if store.corpus == ARXIV else "''"
    texts_sql = file_rows_sql(
        store, store.list_files(), f"categories, {primary} AS primary_category, {title} || chr(10) || {rest} AS text"
    )
    with store.connect() as db:
        db.execute(
            f"""SELECT primary_category, text FROM ({texts_sql})
                WHERE {scope_filter_sql("categories", scope)} AND regexp_matches(text, {sql_string(regex)})"""
        )
        while rows := db.fetchmany(2000):
            yield from rows


def format_topic_yaml(topic_draft: TopicDraft) -> str:
    """Format a topic as lines of a topic file, indented by two spaces, with the counts and notes as comments."""
    listed = ", ".join(f"{form} {count:,}" for form, count in topic_draft.form_counts[:_MAX_LISTED])
    more = len(topic_draft.form_counts) - _MAX_LISTED
    lines = [f"  {topic_draft.id}:", f"    name: {quote_yaml(topic_draft.name)}"]
    if listed:
        lines.append(f"    # submissions with each form: {listed}" + (f" and {more} more" if more > 0 else ""))
    lines.append(f"    phrases: [{', '.join(map(quote_yaml, topic_draft.phrases))}]")
    lines += [f"    # {note}" for note in topic_draft.notes]
    if topic_draft.acronyms:
        lines.append(f"    acronyms: [{', '.join(map(quote_yaml, topic_draft.acronyms))}]")
    return "\n".join(lines) + "\n"


def insert_topic(file_text: str, topic_lines: str, path: Path) -> str:
    """Insert the lines of a topic after the last topic of a file's text; nothing else in it changes.

    New lines end as the first one does. Raise TopicError if the file is not YAML, or in a form that cannot be added to.
    """
    line_end = "\r\n" if file_text.partition("\n")[0].endswith("\r") else "\n"
    root = compose_yaml(file_text, path, TopicError, yaml.SafeLoader) if file_text.strip() else None
    if root is None:
        return _end_last_line(file_text, line_end) + f"topics:\n{topic_lines}".replace("\n", line_end)
    if not isinstance(root, yaml.MappingNode) and root.value:
        raise TopicError(
            f"{path}:{root.start_mark.line + 1}: this is not a topic file, which starts with `topics:`. "
            "Nothing was written."
        )
    sections = {key.value: node for key, node in root.value or () if isinstance(key, yaml.ScalarNode)}
    if "topics" not in sections:
        return _end_last_line(file_text, line_end) + f"\ntopics:\n{topic_lines}".replace("\n", line_end)
    topics = sections["topics"]
    if not isinstance(topics, yaml.MappingNode) or topics.flow_style or root.start_mark.column:
        raise TopicError(
            f"{path}: cannot add a topic; first put `topics:` and each topic on lines of their own. "
            "Nothing was written."
        )
    indent = topics.value[0][0].start_mark.column
    last_node: yaml.Node = topics
    while isinstance(last_node, yaml.CollectionNode) and last_node.value and not last_node.flow_style:
        last_node = last_node.value[-1][1] if isinstance(last_node, yaml.MappingNode) else last_node.value[-1]
    mark = last_node.end_mark
    lines = _end_last_line(file_text, line_end).splitlines(keepends=True)
    insert_at = min(mark.line + (mark.column > 0), len(lines))
    new_lines = [
        (" " * (indent - 2) + line if indent > 2 else line[2 - indent :]) + line_end
        for line in topic_lines.splitlines()
    ]
    return "".join([*lines[:insert_at], *new_lines, *lines[insert_at:]])


def _end_last_line(text: str, line_end: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}{line_end}"


def read_back_topic(shipped_folder: Path, path: Path, file_text: str, topic_id: str) -> Topic:
    """Return a topic as it would load from `path` if the file had this text; raise TopicError if it would not load."""
    with tempfile.TemporaryDirectory() as scratch:
        draft_path = Path(scratch) / path.name
        draft_path.write_bytes(file_text.encode())
        try:
            return load_library(shipped_folder, draft_path).get_topic(topic_id)
        except TopicError as error:
            raise TopicError(f"{str(error).replace(str(draft_path), str(path))} Nothing was written.") from None
