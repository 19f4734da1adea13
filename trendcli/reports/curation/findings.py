"""Checks of topics by what their rules match: one generator for each kind of finding.

Each threshold is a constant with its reason; docs/how-to/checking-topics.md explains them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from trendcli.core.types import Rule, Scope
from trendcli.reports.curation.check_input import (
    MAX_EXAMPLES,
    CheckInput,
    TopicFinding,
    format_examples,
    is_name_rule,
)
from trendcli.stats.proportions import TwoProportions, compute_changes
from trendcli.store.sql import scope_filter_sql

# no match in n submissions means, at 95 %, that a rule matches fewer than 3 in n (the rule of three): here 1 in 10,000
MIN_CANDIDATES = 30_000
# share of all that two rules or topics match which both match: from three quarters on they are one
MIN_JACCARD = 0.75
# submissions of each rule; with fewer, a large overlap is chance
MIN_JACCARD_COUNT = 10
# share of a topic that lies within another: from nine tenths on it is a part of it, whatever the files say
MIN_CONTAINED_SHARE = 0.9
# submissions of each topic
MIN_CONTAINED_COUNT = 20
# share of a topic that only one rule matches: from four fifths on, the trend of the topic is that of the rule
MIN_DOMINANT_SHARE = 0.8
# submissions of the topic
MIN_DOMINANT_COUNT = 20
# by whether a rule is a name: months without a match between a few early matches and the rest, and how many times as
# large the rest is; an acronym may have meant something else, while a phrase says what it means and needs more
QUIET_MONTHS_AND_GROWTH = {True: (24, 10), False: (36, 50)}
# early matches before such a gap, at most
MAX_SCATTERED_MATCHES = 5
# submissions of a rule in the two spans compared; fewer show no trend
MIN_RENAMED_COUNT = 20
# years in each span; shares of single years jump
MIN_RENAMED_YEARS = 2
# share of a rise that another rule's loss explains: half of it is most of it
MIN_RENAMED_FRACTION = 0.5


def find_silent_rules(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Yield rules without a match, if enough submissions are in their categories and after their start."""
    silent_by_guard: dict[tuple[str, ...], list[tuple[str, Rule]]] = {}
    for (topic, key), rule in check_input.rules.items():
        if (topic, key) not in check_input.rule_counts:
            silent_by_guard.setdefault(check_input.category_globs(topic), []).append((topic, rule))
    check_input.db.execute(
        "CREATE TEMP TABLE volume AS SELECT categories, strftime(v1_at, '%Y-%m-01') AS month, count(*) AS number "
        "FROM paper GROUP BY ALL"
    )
    check_input.db.execute("CREATE TEMP TABLE sets AS SELECT DISTINCT categories FROM volume")
    for guard, silent_rules in silent_by_guard.items():
        category_filter = scope_filter_sql("categories", Scope("", guard))
        month_counts = check_input.db.execute(
            f"""SELECT month, sum(number)::BIGINT FROM volume SEMI JOIN
                (SELECT categories FROM sets WHERE {category_filter}) USING (categories) GROUP BY month"""
        ).fetchall()
        for topic, rule in silent_rules:
            start = check_input.rule_start(topic, rule) or ""
            candidates = sum(count for month, count in month_counts if month >= start)
            if candidates >= MIN_CANDIDATES:
                since = f" since {start[:7]}" if start else ""
                yield TopicFinding(
                    topic,
                    "nothing",
                    rule.text,
                    f"matches none of the {candidates:,} submissions{since} that it could match: fewer than 1 in "
                    f"{candidates // 3:,}, with 95 % confidence",
                    "the rule has no effect: check its spelling, or delete it",
                )


def find_overlaps(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Yield pairs that match almost the same: rules of one topic, or topics of which neither contains the other."""
    yield from _find_rule_overlaps(check_input)
    yield from _find_topic_overlaps(check_input)


def _find_rule_overlaps(check_input: CheckInput) -> Iterator[TopicFinding]:
    counts, rules = check_input.rule_counts, check_input.rules
    pairs = check_input.db.execute(
        f"""
        WITH frequent AS (
            SELECT topic, rule FROM checked_match GROUP BY topic, rule HAVING count(*) >= {MIN_JACCARD_COUNT}
        ),
        matches AS (SELECT checked_match.* FROM checked_match SEMI JOIN frequent USING (topic, rule))
        SELECT topic, a.rule, b.rule, count(*) AS both_match FROM matches AS a JOIN matches AS b
            USING (topic, file, row)
        WHERE a.rule < b.rule GROUP BY ALL ORDER BY topic, both_match DESC, a.rule
        """
    ).fetchall()
    for topic, key_1, key_2, both in pairs:
        (smaller, text), (larger, other) = sorted(
            (counts[topic, key], rules[topic, key].text) for key in (key_1, key_2)
        )
        if both >= MIN_JACCARD * (smaller + larger - both):
            yield TopicFinding(
                topic,
                "overlap",
                text,
                f"shares {both:,} submissions with the rule {other}: {_format_percent(both / smaller)} of its own "
                f"{smaller:,}, {_format_percent(both / larger)} of the other's {larger:,}",
                "one of the two adds little: delete it, unless their usage may diverge",
            )


def _find_topic_overlaps(check_input: CheckInput) -> Iterator[TopicFinding]:
    sizes = check_input.topic_sizes
    families = {name: {topic.id for topic in check_input.library.topic_family(name)} for name in sizes}
    pairs = check_input.db.execute(
        f"""
        WITH large AS (SELECT topic FROM hit GROUP BY topic HAVING count(*) >= {MIN_CONTAINED_COUNT}),
        matches AS (SELECT hit.* FROM hit SEMI JOIN large USING (topic))
        SELECT a.topic, b.topic, count(*) FROM matches AS a JOIN matches AS b USING (file, row)
        WHERE a.topic < b.topic GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    overlaps: list[tuple[str, str, int]] = []  # smaller topic, larger topic, submissions of both
    for name_1, name_2, both in pairs:
        is_related = name_1 in families[name_2] or name_2 in families[name_1]
        if not is_related and {name_1, name_2} & set(check_input.topic_names):
            (smaller, inner), (larger, outer) = sorted((sizes[name], name) for name in (name_1, name_2))
            if both >= MIN_JACCARD * (smaller + larger - both) or both >= MIN_CONTAINED_SHARE * smaller:
                overlaps.append((inner, outer, both))
    for inner, outer, both in overlaps:
        if any(other == inner and outer != nearer and nearer in families[outer] for other, nearer, _ in overlaps):
            continue  # it overlaps with a part of the outer one, which is a finding of its own
        topic, subject = (inner, outer) if inner in check_input.topic_names else (outer, inner)
        yield TopicFinding(
            topic,
            "overlap",
            subject,
            f"{both:,} submissions in common: {_format_percent(both / sizes[inner])} of the {sizes[inner]:,} of "
            f"{inner}, {_format_percent(both / sizes[outer])} of the {sizes[outer]:,} of {outer}",
            f"their trends are not independent: make {inner} a child of {outer} (`parents`), or separate the two",
        )


def find_dominant_rules(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Yield rules that are the only match in most submissions of a topic that has other rules."""
    sole_matches = check_input.db.execute(
        """
        WITH named AS (SELECT DISTINCT file, row, topic, rule FROM topic_match),
        counted AS (SELECT *, count(*) OVER (PARTITION BY file, row, topic) AS together FROM named)
        SELECT topic, rule, count(*) FROM counted WHERE together = 1 GROUP BY topic, rule
        """
    ).fetchall()
    for topic, key, count in sorted(sole_matches):
        size = check_input.topic_sizes.get(topic, 0)
        if topic not in check_input.topic_names or size < MIN_DOMINANT_COUNT or count < MIN_DOMINANT_SHARE * size:
            continue
        family_rules = {
            rule.key: (rule, member.id) for member in check_input.library.topic_family(topic) for rule in member.rules
        }
        if len(family_rules) > 1:
            rule, owner = family_rules[key]
            owner_note = f" (a rule of {owner})" if owner != topic else ""
            yield TopicFinding(
                topic,
                "carries",
                rule.text,
                f"is the only match in {count:,} of {size:,} submissions, {_format_percent(count / size)}{owner_note}",
                "the topic's trend is mostly that of this rule: judge a sample (`trend topics sample`), and look for "
                "synonyms",
            )


def find_early_matches(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Yield rules that match before their thing existed, or before a gap of years that many matches follow."""
    yield from _find_matches_before_start(check_input)  # creates the table that the next one excludes
    yield from _find_matches_before_gap(check_input)


def _find_matches_before_start(check_input: CheckInput) -> Iterator[TopicFinding]:
    starts = [
        (topic, key, start)
        for (topic, key), rule in check_input.rules.items()
        if (start := check_input.rule_start(topic, rule))
    ]
    check_input.create_table("start", "topic VARCHAR, rule BIGINT, since DATE", starts)
    early_matches = check_input.db.execute(
        # in two steps, or DuckDB pairs every start with every submission before it
        f"""WITH dated AS MATERIALIZED (SELECT * FROM checked_match JOIN start USING (topic, rule))
            SELECT topic, rule, since, count(*), list(id ORDER BY v1_at, id)[1:{MAX_EXAMPLES + 1}]
            FROM dated JOIN paper USING (file, row) WHERE v1_at < since GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    for topic, key, start, count, ids in early_matches:
        yield TopicFinding(
            topic,
            "too-early",
            check_input.rules[topic, key].text,
            f"{count:,} of {check_input.rule_counts[topic, key]:,} submissions predate {start:%Y-%m}, the start set "
            f"by `since`{format_examples(ids)}",
            "they probably mean something else: exclude their wording, or restrict `categories`",
            tuple(ids[:MAX_EXAMPLES]),
        )


def _find_matches_before_gap(check_input: CheckInput) -> Iterator[TopicFinding]:
    first_matches: dict[tuple[str, int], list[tuple[str, datetime]]] = {}
    rows = check_input.db.execute(
        f"""SELECT topic, rule, id, v1_at FROM checked_match JOIN paper USING (file, row)
            ANTI JOIN start USING (topic, rule)
            QUALIFY row_number() OVER (PARTITION BY topic, rule ORDER BY v1_at, id) <= {MAX_SCATTERED_MATCHES + 1}
            ORDER BY topic, rule, v1_at, id"""
    ).fetchall()
    for topic, key, submission_id, v1_at in rows:
        first_matches.setdefault((topic, key), []).append((submission_id, v1_at))
    for (topic, key), matches in first_matches.items():
        rule, count = check_input.rules[topic, key], check_input.rule_counts[topic, key]
        quiet_months, growth = QUIET_MONTHS_AND_GROWTH[is_name_rule(rule)]
        for early in range(len(matches) - 1, 0, -1):
            (_, before_gap), (_, after_gap) = matches[early - 1 : early + 1]
            months = 12 * (after_gap.year - before_gap.year) + after_gap.month - before_gap.month
            if months >= quiet_months and count - early >= growth * early:
                ids = [submission_id for submission_id, _ in matches[:early]]
                yield TopicFinding(
                    topic,
                    "too-early",
                    rule.text,
                    f"{early} of {count:,} submissions are from {before_gap:%Y-%m} or earlier, the next from "
                    f"{after_gap:%Y-%m}{format_examples(ids)}",
                    "check whether the early ones mean the same; if not, exclude their wording, or set `since`",
                    tuple(ids),
                )
                break


class _RuleShift(NamedTuple):
    """A rule's submissions in an early and a late span, its change of share, and the sign of a significant one."""

    text: str
    early: int
    late: int
    points: float
    direction: int


def find_renamings(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Yield rules that rise by what another rule of their topic loses, while the topic itself does not rise as much.

    The first third of the complete years is compared with the last third.
    """
    third = len(check_input.complete_years) // 3
    if third < MIN_RENAMED_YEARS:
        return
    spans = check_input.complete_years[:third], check_input.complete_years[-third:]
    labels = [f"{years[0].label}–{years[-1].label}" for years in spans]
    span_counts = ", ".join(
        f"count(*) FILTER (v1_at >= TIMESTAMP '{years[0].start}' AND v1_at < TIMESTAMP '{years[-1].end}')"
        for years in spans
    )
    assert check_input.rules is not None  # creates the table `checked_match`
    (totals,) = check_input.db.execute(f"SELECT {span_counts} FROM paper").fetchall()
    topic_counts = {
        topic: counts
        for topic, *counts in check_input.db.execute(
            f"SELECT topic, {span_counts} FROM hit JOIN paper USING (file, row) GROUP BY topic"
        ).fetchall()
    }
    rows = check_input.db.execute(
        f"SELECT topic, rule, {span_counts} FROM checked_match JOIN paper USING (file, row) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    rows = [row for row in rows if row[2] + row[3] >= MIN_RENAMED_COUNT]
    if not all(totals) or not rows:
        return
    changes = compute_changes([TwoProportions(early, totals[0], late, totals[1]) for _, _, early, late in rows])
    shifts: dict[str, list[_RuleShift]] = {}
    for (topic, key, early, late), change in zip(rows, changes, strict=True):
        falls, rises = change.ci_high is not None and change.ci_high < 0, (change.ci_low or 0) > 0
        shift = _RuleShift(
            check_input.rules[topic, key].text, early, late, change.points or 0.0, int(rises) - int(falls)
        )
        shifts.setdefault(topic, []).append(shift)
    for topic, topic_shifts in shifts.items():
        early, late = topic_counts[topic]
        topic_rise = late / totals[1] - early / totals[0]
        falling = [shift for shift in topic_shifts if shift.direction < 0]
        if not falling:
            continue
        old = min(falling, key=lambda shift: (shift.points, shift))
        for new in topic_shifts:
            # a word that lost far more went out of use by itself: what rose is no name for that
            is_alike = MIN_RENAMED_FRACTION * new.points <= -old.points <= new.points / MIN_RENAMED_FRACTION
            if new.direction > 0 and is_alike and topic_rise < MIN_RENAMED_FRACTION * new.points:
                yield TopicFinding(
                    topic,
                    "renamed",
                    new.text,
                    f"from {labels[0]} to {labels[1]} it rises {new.early:,} → {new.late:,} while {old.text} falls "
                    f"{old.early:,} → {old.late:,}; topic: {early:,} → {late:,}, all submissions: {totals[0]:,} → "
                    f"{totals[1]:,}",
                    f"its rise is mostly a new name for {old.text}: keep both rules, and do not interpret either alone",
                )


def _format_percent(share: float) -> str:
    return f"{100 * share:.0f} %"
