"""Acronyms with another meaning: the words around those that stand without a phrase of their topic, by category.

The measure, and how well it tells meanings apart, stand in docs/how-to/checking-topics.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from trendcli.core.types import Rule
from trendcli.reports.curation import acronyms
from trendcli.reports.curation.findings import MAX_EXAMPLES, CheckInput, TopicFinding, format_examples, is_name_rule
from trendcli.stats.proportions import wilson_interval
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import file_rows_sql
from trendcli.topics.highlight import find_matches

# so many surroundings of phrases have to be known, and so many are looked at; an acronym whose surroundings fit less
# than half as often as those of the phrases themselves means something else
MIN_PHRASE_SURROUNDINGS, MAX_SURROUNDINGS, BACKGROUND_SAMPLE_SIZE, MIN_RELATIVE_FIT = 20, 400, 1000, 0.5


def find_other_meanings(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Acronyms and names that stand without any phrase of their topic, among words that do not fit the phrases'."""
    names = {
        place: rule
        for place, rule in check_input.rules.items()
        if place in check_input.rule_counts and is_name_rule(rule)
    }
    phrases = {place: rule for place, rule in check_input.rules.items() if rule.kind == "phrase"}
    check_input.create_table(
        "kind", "topic VARCHAR, rule BIGINT, name BOOLEAN", [(*at, at in names) for at in (*names, *phrases)]
    )
    # a fixed order that has nothing to do with what is written
    check_input.db.execute(
        f"""
        CREATE TEMP TABLE shown AS
        WITH told AS (
            SELECT *, bool_or(NOT name) OVER (PARTITION BY topic, file, row) AS phrased
            FROM found JOIN kind USING (topic, rule)
        )
        SELECT topic, CASE WHEN phrased THEN 0 ELSE rule END AS which, min(rule) AS rule, file, row
        FROM told WHERE NOT (phrased AND name)
        GROUP BY topic, which, file, row
        QUALIFY row_number() OVER (PARTITION BY topic, which ORDER BY hash(file, row)) <= {MAX_SURROUNDINGS}
        """
    )
    check_input.db.execute(
        f"""CREATE TEMP TABLE others AS SELECT file, row FROM paper
            ORDER BY hash(file, row) LIMIT {BACKGROUND_SAMPLE_SIZE}"""
    )
    texts = _read_texts(check_input, "SELECT file, row FROM shown UNION SELECT file, row FROM others")
    beside: dict[tuple[str, int], list[tuple[int, tuple[int, int]]]] = {}
    rows = check_input.db.execute("SELECT topic, which, rule, file, row FROM shown ORDER BY ALL").fetchall()
    for topic, which, rule, file, row in rows:
        beside.setdefault((topic, which), []).append((rule, (file, row)))
    others = check_input.db.execute("SELECT file, row FROM others ORDER BY hash(file, row)").fetchall()
    noise = [_background_surroundings(place[1], texts[place]) for place in others]
    for (topic, key), rule in sorted(names.items()):
        known, alone = beside.get((topic, 0), []), beside.get((topic, key), [])
        if len(known) < MIN_PHRASE_SURROUNDINGS or not alone:
            continue
        own = {word for place in phrases if place[0] == topic for word in acronyms.find_words(phrases[place].text)}
        like = [_match_surroundings(check_input.rules[topic, which], texts[place], own) for which, place in known]
        weight, least = (
            acronyms.compute_word_weights(like, noise),
            MIN_RELATIVE_FIT * acronyms.estimate_recall(like, noise),
        )
        yield from _find_misfit_categories(
            topic, rule, weight, least, like, [(_match_surroundings(rule, texts[p], own), texts[p]) for _, p in alone]
        )


class _SubmissionText(NamedTuple):
    submission_id: str
    primary_category: str
    title: str
    body: str


def _read_texts(check_input: CheckInput, rows_sql: str) -> dict[tuple[int, int], _SubmissionText]:
    """The texts of some submissions by place; a venue's have no primary category."""
    title, rest = check_input.store.text_expressions
    primary = "split_part(categories, ' ', 1)" if check_input.store.corpus == ARXIV else "''"
    check_input.db.execute(f"CREATE OR REPLACE TEMP TABLE place AS {rows_sql}")
    holding = {file for (file,) in check_input.db.execute("SELECT DISTINCT file FROM place").fetchall()}
    files = [item for item in check_input.store.manifest.files if item.file_id in holding]
    read = file_rows_sql(check_input.store, files, f"id, {primary}, {title}, {rest} AS rest", live_only=False)
    rows = check_input.db.execute(f"SELECT * FROM ({read}) SEMI JOIN place USING (file, row)").fetchall()
    return {(file, row): _SubmissionText(*values) for *values, file, row in rows}


def _match_surroundings(rule: Rule, text: _SubmissionText, excluded_words: set[str]) -> frozenset[str]:
    places = find_matches(rule, text.title, text.body)
    if not places:
        return frozenset()
    joined, first = f"{text.title}\n{text.body}", places[0]
    offset = 0 if first.field == "title" else len(text.title) + 1
    return acronyms.surrounding_words(joined, offset + first.start, offset + first.end, excluded_words)


def _background_surroundings(row_number: int, text: _SubmissionText) -> frozenset[str]:
    """The words around a spot that follows from the row of a submission, and so from nothing that it says."""
    joined = f"{text.title}\n{text.body}"
    spot = row_number * 7919 % (len(joined) or 1)
    return acronyms.surrounding_words(joined, spot, spot)


def _find_misfit_categories(
    topic: str,
    rule: Rule,
    word_weights: Mapping[str, float],
    min_fit: float,
    phrase_surroundings: Sequence[frozenset[str]],
    lone_uses: Sequence[tuple[frozenset[str], _SubmissionText]],
) -> Iterator[TopicFinding]:
    """The categories in which most surroundings of an acronym do not fit; those with few submissions as one group."""
    groups: dict[str, list[tuple[frozenset[str], _SubmissionText]]] = {}
    for surrounding, text in lone_uses:
        groups.setdefault(text.primary_category, []).append((surrounding, text))
    said: dict[str, tuple[int, int]] = {}
    strange: list[tuple[frozenset[str], _SubmissionText]] = []
    pooled: list[str] = []
    for name, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        fitting = sum(acronyms.is_same_sense(surrounding, word_weights) for surrounding, _ in members)
        if (wilson_interval(fitting, len(members))[1] or 0) < min_fit:
            said[name] = fitting, len(members)
            strange += [item for item in members if not acronyms.is_same_sense(item[0], word_weights)]
        elif (wilson_interval(0, len(members))[1] or 0) >= min_fit:
            pooled.append(name)
    rest = [item for name in pooled for item in groups[name]]
    fitting = sum(acronyms.is_same_sense(surrounding, word_weights) for surrounding, _ in rest)
    if rest and (wilson_interval(fitting, len(rest))[1] or 0) < min_fit:
        said["categories with few"] = fitting, len(rest)
        strange += [item for item in rest if not acronyms.is_same_sense(item[0], word_weights)]
    if said:
        where = ", ".join(f"{number} of {of}{f' in {name}' if name else ''}" for name, (number, of) in said.items())
        near = acronyms.typical_words([surrounding for surrounding, _ in strange], phrase_surroundings, 5)
        ids = tuple(text.submission_id for _, text in strange[:MAX_EXAMPLES])
        yield TopicFinding(
            topic,
            "other-meaning",
            rule.text,
            f"without a phrase of the topic it stands among words that fit the phrases' in only {where}"
            + (f"; near it: {', '.join(near)}" if near else "")
            + format_examples(ids),
            "exclude the other long form, as in `exclude: [reverse nearest neighbor (RNN)]`, or keep categories out",
            ids,
        )
