"""What the checks of topics share: their input, a database of all matches, and the finding that each of them yields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from trendcli.core.periods import Period
from trendcli.core.types import Rule
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.library import Library

if TYPE_CHECKING:
    import duckdb

# submissions named as examples of a finding
MAX_EXAMPLES = 5


class TopicFinding(NamedTuple):
    """One thing about a topic that a person should look at.

    `kind` is one of core.types.FINDING_KINDS, `subject` the rule or topic it is about, `detail` what was found,
    `advice` why that matters and what to do, `ids` example submissions.
    """

    topic: str
    kind: str
    subject: str
    detail: str
    advice: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckInput:
    """The input of every check: topics by name, and the matches of all topics of the library with the submissions.

    `db` holds the tables `paper`, `topic_match` and `hit` that counting.create_selection_tables makes; `complete_years`
    are the years that the data cover from end to end.
    """

    db: duckdb.DuckDBPyConnection
    store: Store
    library: Library
    topic_names: Sequence[str]
    complete_years: Sequence[Period]

    @cached_property
    def rules(self) -> Mapping[tuple[str, int], Rule]:
        """The rules of the topics to check, by topic and key; the first access creates the table `checked_match`.

        Its columns are topic, rule, file and row: one row for each rule and submission that it matches.
        """
        rules = {(name, rule.key): rule for name in self.topic_names for rule in self.library.get_topic(name).rules}
        self.create_table("checked_rule", "topic VARCHAR, rule BIGINT", list(rules))
        self.db.execute(
            "CREATE TEMP TABLE checked_match AS SELECT DISTINCT topic, rule, file, row FROM topic_match "
            "SEMI JOIN checked_rule USING (topic, rule)"
        )
        return rules

    @cached_property
    def rule_counts(self) -> Mapping[tuple[str, int], int]:
        """How many submissions each rule matches, by topic and key; rules without a match are absent."""
        assert self.rules is not None  # creates the table
        rows = self.db.execute("SELECT topic, rule, count(*) FROM checked_match GROUP BY topic, rule").fetchall()
        return {(topic, key): count for topic, key, count in rows}

    @cached_property
    def topic_sizes(self) -> Mapping[str, int]:
        """How many submissions each topic of the library matches; topics without a match are absent."""
        return dict(self.db.execute("SELECT topic, count(*) FROM hit GROUP BY topic").fetchall())

    def create_table(self, name: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """Create a temporary table from a few rows of values."""
        self.db.execute(f"CREATE TEMP TABLE {name} ({columns})")
        if rows:  # one statement a row would take a millisecond each
            values = [list(column) for column in zip(*rows, strict=True)]
            self.db.execute(f"INSERT INTO {name} SELECT {', '.join('unnest(?)' for _ in values)}", values)

    def rule_start(self, topic: str, rule: Rule) -> str | None:
        """Return the day, as '2012-06-01', before which the thing of a rule did not exist; None if no file states it.

        For a venue it is the first day of the year, since the submissions of a year have no other date.
        """
        starts = dict(self.library.get_topic(topic).since)
        month = starts.get(rule.text, starts.get("*"))
        return f"{month[: 7 if self.store.corpus == ARXIV else 4]}-01-01"[:10] if month else None

    def category_globs(self, topic: str) -> tuple[str, ...]:
        """Return the globs of categories that a topic is restricted to; () for a venue, which has no categories."""
        return self.library.get_topic(topic).guard if self.store.corpus == ARXIV else ()


def is_name_rule(rule: Rule) -> bool:
    """Return whether a rule looks for the capitals of an acronym or a name, not for words that say what they mean."""
    return rule.kind != "phrase" and "(?i)" not in rule.regex


def format_examples(ids: Sequence[str]) -> str:
    """Format the first identifiers of a list as ': 1203.00001 1203.00002 …'."""
    return f": {' '.join(ids[:MAX_EXAMPLES])}" + (" …" if len(ids) > MAX_EXAMPLES else "")
