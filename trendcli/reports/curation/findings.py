"""What may be wrong with the rules of topics, found in what they match: one function a kind of finding.

Each threshold is a constant with its reason; docs/how-to/checking-topics.md says them in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from trendcli.core.periods import Period
from trendcli.core.types import Rule, Scope
from trendcli.stats.proportions import TwoProportions, compute_changes
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import scope_filter_sql
from trendcli.store.store import Store
from trendcli.topics.library import Library

if TYPE_CHECKING:
    import duckdb

# nothing in n submissions says, at 95 %, that a rule matches fewer than 3 in n (the rule of three): here 1 in 10,000
MIN_CANDIDATES = 30_000
# two that share three quarters of what they find together are one; below ten submissions that is chance
MIN_JACCARD, MIN_JACCARD_COUNT = 0.75, 10
# nine tenths of a topic inside another make it a part of it, whatever the files say
MIN_CONTAINED_SHARE, MIN_CONTAINED_COUNT = 0.9, 20
# where four fifths hang on one rule, the trend of the topic is that of the rule
MIN_DOMINANT_SHARE, MIN_DOMINANT_COUNT = 0.8, 20
# a quiet of so many months between a few matches and a crowd so many times as large: an acronym may have meant
# something else, while a phrase says what it means, so that more is needed to wonder about it
QUIET_MONTHS_AND_GROWTH = {True: (24, 10), False: (36, 50)}
MAX_SCATTERED_MATCHES = 5
# a rule that is found less often says nothing about its trend, shares of single years jump, and half of a rise is most
MIN_RENAMED_COUNT, MIN_RENAMED_YEARS, MIN_RENAMED_FRACTION = 20, 2, 0.5
MAX_EXAMPLES = 5


class TopicFinding(NamedTuple):
    """One thing that a person should look at: `kind` is one of models.FINDINGS, `of` the rule or topic it is about."""

    topic: str
    kind: str
    subject: str
    detail: str
    advice: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckInput:
    """What is looked at: `db` holds the tables of `counting.select` for all topics of the library.

    `names` are the topics that were asked for, `years` the whole years that the data cover.
    """

    db: duckdb.DuckDBPyConnection
    store: Store
    library: Library
    topic_names: Sequence[str]
    complete_years: Sequence[Period]

    @cached_property
    def rules(self) -> Mapping[tuple[str, int], Rule]:
        """The rules of the topics asked for, by topic and key; makes the table `found` (topic, rule, file, row)."""
        rules = {(name, rule.key): rule for name in self.topic_names for rule in self.library.get_topic(name).rules}
        self.create_table("own", "topic VARCHAR, rule BIGINT", list(rules))
        self.db.execute(
            "CREATE TEMP TABLE found AS SELECT DISTINCT topic, rule, file, row FROM topic_match SEMI JOIN own "
            "USING (topic, rule)"
        )
        return rules

    @cached_property
    def rule_counts(self) -> Mapping[tuple[str, int], int]:
        """How many submissions each rule finds; rules without one are not in it."""
        assert self.rules is not None
        rows = self.db.execute("SELECT topic, rule, count(*) FROM found GROUP BY topic, rule").fetchall()
        return {(topic, rule): number for topic, rule, number in rows}

    @cached_property
    def topic_sizes(self) -> Mapping[str, int]:
        """How many submissions each topic of the library has."""
        return dict(self.db.execute("SELECT topic, count(*) FROM hit GROUP BY topic").fetchall())

    def create_table(self, name: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """Make a table of a few columns and rows."""
        self.db.execute(f"CREATE TEMP TABLE {name} ({columns})")
        if rows:  # one statement a row would take a millisecond each
            listed = [list(column) for column in zip(*rows, strict=True)]
            self.db.execute(f"INSERT INTO {name} SELECT {', '.join('unnest(?)' for _ in listed)}", listed)

    def rule_start(self, topic: str, rule: Rule) -> str | None:
        """The first day of the month or year before which the thing of a rule did not exist; None where nobody says.

        Of a venue the first of the year, since the submissions of a year have no other date.
        """
        known = dict(self.library.get_topic(topic).since)
        month = known.get(rule.text, known.get("*"))
        return f"{month[: 7 if self.store.corpus == ARXIV else 4]}-01-01"[:10] if month else None

    def category_globs(self, topic: str) -> tuple[str, ...]:
        """The categories of a topic; those of a venue are none."""
        return self.library.get_topic(topic).guard if self.store.corpus == ARXIV else ()


def find_silent_rules(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Rules that match nothing, where enough lies in their categories and after their beginning."""
    by_guard: dict[tuple[str, ...], list[tuple[str, Rule]]] = {}
    for (topic, key), rule in check_input.rules.items():
        if (topic, key) not in check_input.rule_counts:
            by_guard.setdefault(check_input.category_globs(topic), []).append((topic, rule))
    check_input.db.execute(
        "CREATE TEMP TABLE volume AS SELECT categories, strftime(v1_at, '%Y-%m-01') AS month, count(*) AS number "
        "FROM paper GROUP BY ALL"
    )
    check_input.db.execute("CREATE TEMP TABLE sets AS SELECT DISTINCT categories FROM volume")
    for guard, places in by_guard.items():
        allowed = scope_filter_sql("categories", Scope("", guard))
        months = check_input.db.execute(
            f"""SELECT month, sum(number)::BIGINT FROM volume SEMI JOIN
                (SELECT categories FROM sets WHERE {allowed}) USING (categories) GROUP BY month"""
        ).fetchall()
        for topic, rule in places:
            since = check_input.rule_start(topic, rule) or ""
            base = sum(number for month, number in months if month >= since)
            if base >= MIN_CANDIDATES:
                after = f" since {since[:7]}" if since else ""
                yield TopicFinding(
                    topic,
                    "nothing",
                    rule.text,
                    f"in none of {base:,} submissions{after} that it could match, so in fewer than 1 in {base // 3:,}",
                    "look for a slip of the pen, or take it out",
                )


def find_overlaps(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Rules of one topic, or topics not above one another, that find almost the same."""
    counts, rules = check_input.rule_counts, check_input.rules
    pairs = check_input.db.execute(
        f"""
        WITH often AS (SELECT topic, rule FROM found GROUP BY topic, rule HAVING count(*) >= {MIN_JACCARD_COUNT}),
        kept AS (SELECT found.* FROM found SEMI JOIN often USING (topic, rule))
        SELECT topic, a.rule, b.rule, count(*) AS both_find FROM kept AS a JOIN kept AS b USING (topic, file, row)
        WHERE a.rule < b.rule GROUP BY ALL ORDER BY topic, both_find DESC, a.rule
        """
    ).fetchall()
    for topic, one, two, both in pairs:
        fewer, more = sorted((counts[topic, key], rules[topic, key].text) for key in (one, two))
        if both >= MIN_JACCARD * (fewer[0] + more[0] - both):
            yield TopicFinding(
                topic,
                "overlap",
                fewer[1],
                f"of its {fewer[0]:,} submissions {both:,} are also found by {more[1]}, which finds {more[0]:,}"
                f" ({_format_percent(both / fewer[0])} of the one, {_format_percent(both / more[0])} of the other)",
                "one of the two is enough, unless both are wanted for years to come",
            )
    families = {
        name: {topic.id for topic in check_input.library.topic_family(name)} for name in check_input.topic_sizes
    }
    shared = check_input.db.execute(
        f"""
        WITH large AS (SELECT topic FROM hit GROUP BY topic HAVING count(*) >= {MIN_CONTAINED_COUNT}),
        kept AS (SELECT hit.* FROM hit SEMI JOIN large USING (topic))
        SELECT a.topic, b.topic, count(*) FROM kept AS a JOIN kept AS b USING (file, row)
        WHERE a.topic < b.topic GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    inside: list[tuple[str, str, int]] = []
    for one, two, both in shared:
        if one not in families[two] and two not in families[one] and {one, two} & set(check_input.topic_names):
            (small, inner), (large, outer) = sorted((check_input.topic_sizes[name], name) for name in (one, two))
            if both >= MIN_JACCARD * (small + large - both) or both >= MIN_CONTAINED_SHARE * small:
                inside.append((inner, outer, both))
    for inner, outer, both in inside:
        if any(other == inner and outer != nearer and nearer in families[outer] for other, nearer, _ in inside):
            continue  # it lies in a part of the outer one
        small, large = check_input.topic_sizes[inner], check_input.topic_sizes[outer]
        topic, other = (inner, outer) if inner in check_input.topic_names else (outer, inner)
        yield TopicFinding(
            topic,
            "overlap",
            other,
            f"{both:,} submissions of both: {_format_percent(both / small)} of the {small:,} of {inner}, "
            f"{_format_percent(both / large)} of the {large:,} of {outer}",
            f"say that {inner} is a part of {outer} (`parents`), or tell the two apart",
        )


def find_dominant_rules(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Rules that alone find most of their topic, where it has others."""
    alone = check_input.db.execute(
        """
        WITH named AS (SELECT DISTINCT file, row, topic, rule FROM topic_match),
        counted AS (SELECT *, count(*) OVER (PARTITION BY file, row, topic) AS together FROM named)
        SELECT topic, rule, count(*) FROM counted WHERE together = 1 GROUP BY topic, rule
        """
    ).fetchall()
    for topic, key, number in sorted(alone):
        size = check_input.topic_sizes.get(topic, 0)
        if topic not in check_input.topic_names or size < MIN_DOMINANT_COUNT or number < MIN_DOMINANT_SHARE * size:
            continue
        every = {
            rule.key: (rule, member.id) for member in check_input.library.topic_family(topic) for rule in member.rules
        }
        if len(every) > 1:
            rule, owner = every[key]
            whose = f" (a rule of {owner})" if owner != topic else ""
            yield TopicFinding(
                topic,
                "carries",
                rule.text,
                f"finds {number:,} of {size:,} submissions by itself, {_format_percent(number / size)}{whose}",
                "judge a sample of it (`trend topics sample`); think of other words for the same thing",
            )


def find_early_matches(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Matches before the thing existed, or before a quiet of years that ended in a crowd."""
    starts = [
        (topic, key, since)
        for (topic, key), rule in check_input.rules.items()
        if (since := check_input.rule_start(topic, rule))
    ]
    check_input.create_table("start", "topic VARCHAR, rule BIGINT, since DATE", starts)
    early = check_input.db.execute(
        # in two steps, or DuckDB pairs every beginning with every submission before it
        f"""WITH dated AS MATERIALIZED (SELECT * FROM found JOIN start USING (topic, rule))
            SELECT topic, rule, since, count(*), list(id ORDER BY v1_at, id)[1:{MAX_EXAMPLES + 1}]
            FROM dated JOIN paper USING (file, row) WHERE v1_at < since GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    for topic, key, since, number, ids in early:
        yield TopicFinding(
            topic,
            "too-early",
            check_input.rules[topic, key].text,
            f"{number:,} of {check_input.rule_counts[topic, key]:,} submissions are from before {since:%Y-%m}, "
            f"when it did not exist{format_examples(ids)}",
            "they mean something else: exclude their words, or keep their categories out",
            tuple(ids[:MAX_EXAMPLES]),
        )
    firsts: dict[tuple[str, int], list[tuple[str, datetime]]] = {}
    rows = check_input.db.execute(
        f"""SELECT topic, rule, id, v1_at FROM found JOIN paper USING (file, row) ANTI JOIN start USING (topic, rule)
            QUALIFY row_number() OVER (PARTITION BY topic, rule ORDER BY v1_at, id) <= {MAX_SCATTERED_MATCHES + 1}
            ORDER BY topic, rule, v1_at, id"""
    ).fetchall()
    for topic, key, ident, moment in rows:
        firsts.setdefault((topic, key), []).append((ident, moment))
    for (topic, key), first in firsts.items():
        rule, number = check_input.rules[topic, key], check_input.rule_counts[topic, key]
        longest, times = QUIET_MONTHS_AND_GROWTH[is_name_rule(rule)]
        for before in range(len(first) - 1, 0, -1):
            (_, last), (_, following) = first[before - 1 : before + 1]
            months = 12 * (following.year - last.year) + following.month - last.month
            if months >= longest and number - before >= times * before:
                ids = [ident for ident, _ in first[:before]]
                yield TopicFinding(
                    topic,
                    "too-early",
                    rule.text,
                    f"{before} of {number:,} submissions came until {last:%Y-%m}, "
                    f"the next not before {following:%Y-%m}{format_examples(ids)}",
                    "look whether they mean the same; if not, exclude their words or say `since`",
                    tuple(ids),
                )
                break


def find_renamings(check_input: CheckInput) -> Iterator[TopicFinding]:
    """Rules that rise by what another rule of their topic loses, while the topic itself does not rise like that."""
    third = len(check_input.complete_years) // 3
    if third < MIN_RENAMED_YEARS:
        return
    spans = [
        (part[0].start, part[-1].end)
        for part in (check_input.complete_years[:third], check_input.complete_years[-third:])
    ]
    within = [f"v1_at >= TIMESTAMP '{start}' AND v1_at < TIMESTAMP '{end}'" for start, end in spans]
    sums = ", ".join(f"count(*) FILTER ({part})" for part in within)
    assert check_input.rules is not None
    (bases,) = check_input.db.execute(f"SELECT {sums} FROM paper").fetchall()
    topics = {
        name: pair
        for name, *pair in check_input.db.execute(
            f"SELECT topic, {sums} FROM hit JOIN paper USING (file, row) GROUP BY topic"
        ).fetchall()
    }
    rows = check_input.db.execute(
        f"SELECT topic, rule, {sums} FROM found JOIN paper USING (file, row) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    rows = [row for row in rows if row[2] + row[3] >= MIN_RENAMED_COUNT]
    if not all(bases) or not rows:
        return
    moved = compute_changes([TwoProportions(early, bases[0], late, bases[1]) for _, _, early, late in rows])
    by_topic: dict[str, list[tuple[str, int, int, float, int]]] = {}
    for (topic, key, early, late), change in zip(rows, moved, strict=True):
        falls, rises = change.ci_high is not None and change.ci_high < 0, (change.ci_low or 0) > 0
        way = int(rises) - int(falls)
        by_topic.setdefault(topic, []).append(
            (check_input.rules[topic, key].text, early, late, change.points or 0.0, way)
        )
    labels = [
        f"{part[0].label}–{part[-1].label}"
        for part in (check_input.complete_years[:third], check_input.complete_years[-third:])
    ]
    for topic, told in by_topic.items():
        early, late = topics[topic]
        whole = late / bases[1] - early / bases[0]
        for text, before, after, points, way in told:
            losses = [(other[3], other) for other in told if other[4] < 0]
            # a word that lost far more went out of use by itself: what rose is no name for that
            alike = losses and MIN_RENAMED_FRACTION * points <= -min(losses)[0] <= points / MIN_RENAMED_FRACTION
            if way > 0 and alike and whole < MIN_RENAMED_FRACTION * points:
                old = min(losses)[1]
                yield TopicFinding(
                    topic,
                    "renamed",
                    text,
                    f"{before} → {after:,} of the submissions from {labels[0]} to {labels[1]}, while {old[0]} went "
                    f"{old[1]} → {old[2]:,} and the topic {early} → {late:,}, in a base of {bases[0]:,} → {bases[1]:,}",
                    f"keep both: its rise alone is mostly a new name for {old[0]}",
                )


def is_name_rule(rule: Rule) -> bool:
    """Whether a rule looks for the capitals of an acronym or a name, and not for words that say what they mean."""
    return rule.kind != "phrase" and "(?i)" not in rule.regex


def _format_percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def format_examples(ids: Sequence[str]) -> str:
    """The first of some identifiers, behind a colon."""
    return f": {' '.join(ids[:MAX_EXAMPLES])}" + (" …" if len(ids) > MAX_EXAMPLES else "")
