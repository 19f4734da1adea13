"""Acronyms with another meaning, told apart by the words around them where no phrase of their topic occurs.

The measure, and how well it separates meanings, are in docs/how-to/checking-topics.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from trendcli.core.types import Rule
from trendcli.reports.curation.acronyms import (
    compute_word_weights,
    estimate_recall,
    find_words,
    is_same_sense,
    surrounding_words,
    typical_words,
)
from trendcli.reports.curation.check_input import (
    MAX_EXAMPLES,
    CheckInput,
    TopicFinding,
    format_examples,
    is_name_rule,
)
from trendcli.stats.proportions import wilson_interval
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import file_rows_sql
from trendcli.topics.highlight import find_matches

# submissions with a phrase of the topic from which its meaning is learnt, at least
MIN_PHRASE_SURROUNDINGS = 20
# submissions looked at, of the phrases of a topic and of each acronym, at most
MAX_SURROUNDINGS = 400
# submissions from which the background is learnt
BACKGROUND_SAMPLE_SIZE = 1000
# an acronym that fits less than half as often as the phrases themselves means something else
MIN_RELATIVE_FIT = 0.5
# words named as typical of the other meaning
_MAX_TYPICAL_WORDS = 5


class _SubmissionText(NamedTuple):
    """What is read of a submission; `primary_category` is '' in a venue."""

    submission_id: str
    primary_category: str
    title: str
    body: str


class _LoneUse(NamedTuple):
    """A submission that holds an acronym but no phrase of its topic, and the words around the acronym."""

    words: frozenset[str]
    text: _SubmissionText


def find_other_meanings(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Yield acronyms and names that occur without a phrase of their topic, among words that do not fit the phrases'."""
    rules = check_input.rules
    name_rules = {
        topic_key: rule
        for topic_key, rule in rules.items()
        if topic_key in check_input.rule_counts and is_name_rule(rule)
    }
    phrases = {topic_key: rule for topic_key, rule in rules.items() if rule.kind == "phrase"}
    _create_sample_tables(check_input, name_rules, phrases)
    texts = _read_texts(check_input, "SELECT file, row FROM sampled UNION SELECT file, row FROM background")
    # by topic and acronym, 0 for the phrases: the rule that matches, and where
    samples: dict[tuple[str, int], list[tuple[int, tuple[int, int]]]] = {}
    rows = check_input.db.execute("SELECT topic, which, rule, file, row FROM sampled ORDER BY ALL").fetchall()
    for topic, which, rule_key, file, row in rows:
        samples.setdefault((topic, which), []).append((rule_key, (file, row)))
    background_rows = check_input.db.execute("SELECT file, row FROM background ORDER BY hash(file, row)").fetchall()
    background = [_background_surroundings(row, texts[file, row]) for file, row in background_rows]
    for (topic, key), rule in sorted(name_rules.items()):
        phrase_uses, lone_uses = samples.get((topic, 0), []), samples.get((topic, key), [])
        if len(phrase_uses) < MIN_PHRASE_SURROUNDINGS or not lone_uses:
            continue
        own_words = {
            word for topic_key in phrases if topic_key[0] == topic for word in find_words(phrases[topic_key].text)
        }
        phrase_surroundings = [
            _match_surroundings(rules[topic, rule_key], texts[location], own_words)
            for rule_key, location in phrase_uses
        ]
        yield from _find_misfit_categories(
            topic,
            rule,
            compute_word_weights(phrase_surroundings, background),
            MIN_RELATIVE_FIT * estimate_recall(phrase_surroundings, background),
            phrase_surroundings,
            [
                _LoneUse(_match_surroundings(rule, texts[location], own_words), texts[location])
                for _, location in lone_uses
            ],
        )


def _create_sample_tables(
    check_input: CheckInput,
    name_rules: Mapping[tuple[str, int], Rule],
    phrases: Mapping[tuple[str, int], Rule],
) -> None:
    """Create `sampled`, submissions with a phrase (`which` is 0) or a lone acronym (its key), and `background`.

    Both are samples by the hash of a row, a fixed order that has nothing to do with what is written.
    """
    check_input.create_table(
        "kind",
        "topic VARCHAR, rule BIGINT, name BOOLEAN",
        [(*topic_key, topic_key in name_rules) for topic_key in (*name_rules, *phrases)],
    )
    check_input.db.execute(
        f"""
        CREATE TEMP TABLE sampled AS
        WITH labelled AS (
            SELECT *, bool_or(NOT name) OVER (PARTITION BY topic, file, row) AS phrased
            FROM checked_match JOIN kind USING (topic, rule)
        )
        SELECT topic, CASE WHEN phrased THEN 0 ELSE rule END AS which, min(rule) AS rule, file, row
        FROM labelled WHERE NOT (phrased AND name)
        GROUP BY topic, which, file, row
        QUALIFY row_number() OVER (PARTITION BY topic, which ORDER BY hash(file, row)) <= {MAX_SURROUNDINGS}
        """
    )
    check_input.db.execute(
        f"""CREATE TEMP TABLE background AS SELECT file, row FROM paper
            ORDER BY hash(file, row) LIMIT {BACKGROUND_SAMPLE_SIZE}"""
    )


def _read_texts(check_input: CheckInput, rows_sql: str) -> dict[tuple[int, int], _SubmissionText]:
    """Read the texts of some submissions, by file and row."""
    title, rest = check_input.store.text_expressions
    primary = "split_part(categories, ' ', 1)" if check_input.store.corpus == ARXIV else "''"
    check_input.db.execute(f"CREATE OR REPLACE TEMP TABLE acronym_row AS {rows_sql}")
    file_ids = {file_id for (file_id,) in check_input.db.execute("SELECT DISTINCT file FROM acronym_row").fetchall()}
    files = [file for file in check_input.store.manifest.files if file.file_id in file_ids]
    texts_sql = file_rows_sql(check_input.store, files, f"id, {primary}, {title}, {rest} AS rest", live_only=False)
    rows = check_input.db.execute(f"SELECT * FROM ({texts_sql}) SEMI JOIN acronym_row USING (file, row)").fetchall()
    return {(file, row): _SubmissionText(*values) for *values, file, row in rows}


def _match_surroundings(rule: Rule, text: _SubmissionText, excluded_words: set[str]) -> frozenset[str]:
    """Return the words around the first match of a rule; none where it does not match."""
    matches = find_matches(rule, text.title, text.body)
    if not matches:
        return frozenset()
    first = matches[0]
    offset = 0 if first.field == "title" else len(text.title) + 1
    return surrounding_words(f"{text.title}\n{text.body}", offset + first.start, offset + first.end, excluded_words)


def _background_surroundings(row_number: int, text: _SubmissionText) -> frozenset[str]:
    """Return the words around a spot that follows from the row of a submission, and so from nothing that it says."""
    title_and_body = f"{text.title}\n{text.body}"
    position = row_number * 7919 % (len(title_and_body) or 1)
    return surrounding_words(title_and_body, position, position)


def _find_misfit_categories(
    topic: str,
    rule: Rule,
    word_weights: Mapping[str, float],
    min_fit: float,
    phrase_surroundings: Sequence[frozenset[str]],
    lone_uses: Sequence[_LoneUse],
) -> Iterator[TopicFinding]:
    """Yield a finding if an acronym fits too rarely in some primary categories; small ones are tested as one group."""
    uses_by_category: dict[str, list[_LoneUse]] = {}
    for use in lone_uses:
        uses_by_category.setdefault(use.text.primary_category, []).append(use)
    misfit_counts: dict[str, tuple[int, int]] = {}  # fitting and all uses, by name of a group
    misfits: list[_LoneUse] = []
    small_group: list[_LoneUse] = []

    def split_uses(uses: Sequence[_LoneUse]) -> tuple[int, list[_LoneUse]]:
        """Return how many uses fit, and those that do not."""
        strange = [use for use in uses if not is_same_sense(use.words, word_weights)]
        return len(uses) - len(strange), strange

    def is_misfit(fitting: int, total: int) -> bool:
        return (wilson_interval(fitting, total)[1] or 0) < min_fit

    for category, uses in sorted(uses_by_category.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        fitting, strange = split_uses(uses)
        if is_misfit(fitting, len(uses)):
            misfit_counts[category] = fitting, len(uses)
            misfits += strange
        elif not is_misfit(0, len(uses)):  # too small to be a misfit by itself, even if nothing in it fits
            small_group += uses
    fitting, strange = split_uses(small_group)
    if small_group and is_misfit(fitting, len(small_group)):
        misfit_counts["small categories"] = fitting, len(small_group)
        misfits += strange
    if misfit_counts:
        fits = ", ".join(
            f"{fitting} of {total} submissions{f' in {category}' if category else ''}"
            for category, (fitting, total) in misfit_counts.items()
        )
        words = typical_words([use.words for use in misfits], phrase_surroundings, _MAX_TYPICAL_WORDS)
        ids = tuple(use.text.submission_id for use in misfits[:MAX_EXAMPLES])
        yield TopicFinding(
            topic,
            "other-meaning",
            rule.text,
            f"without a phrase of the topic, its context fits the topic in only {fits}"
            + (f"; typical words: {', '.join(words)}" if words else "")
            + format_examples(ids),
            "it probably means something else there: exclude the other long form, e.g. "
            "`exclude: [reverse nearest neighbor (RNN)]`, or restrict `categories`",
            ids,
        )
