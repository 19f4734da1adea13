"""Which rule makes which submission count for which topic: tags, the families of topics, and their guards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trendcli.core.types import Progress, Scope
from trendcli.store import cache
from trendcli.store.manifest import ARXIV, DataFile
from trendcli.store.sql import create_temp_table, sql_string
from trendcli.store.store import Store
from trendcli.topics import tags
from trendcli.topics.library import Library, ancestors_by_topic

if TYPE_CHECKING:
    import duckdb

RuleAssignments = list[tuple[int, str, str, tuple[str, ...]]]  # (rule key, own topic, counted topic, guard)


def ensure_topic_rule_matches(
    store: Store, library: Library, topics: Iterable[str], files: Sequence[DataFile], progress: Progress
) -> tuple[list[cache.CacheBlock], RuleAssignments]:
    """The tags of some files for all rules of some topics and those below them, and which rule counts for which."""
    counted = ancestors_by_topic(library, topics)
    members = [library.get_topic(name) for name in counted]
    pieces = tags.ensure_rule_matches(store, files, [rule for topic in members for rule in topic.rules], progress)
    rules = [
        (rule.key, topic.id, parent, topic.guard if store.corpus == ARXIV else ())
        for topic in members
        for rule in topic.rules
        for parent in sorted(counted[topic.id])
    ]
    return pieces, rules


def create_topic_match_table(
    db: duckdb.DuckDBPyConnection, blocks: Sequence[cache.CacheBlock], assignments: RuleAssignments
) -> None:
    """Make the table `mention` of `db`: which rule made a submission of `paper` count for which topic, guards applied.

    In steps, since DuckDB takes four times as long for all of them as one query.
    """
    guards = {guard: number for number, guard in enumerate(sorted({guard for *_, guard in assignments} | {()}))}
    asked = [(key, parent, guards[guard]) for key, _, parent, guard in assignments]
    globs = [(number, glob) for guard, number in guards.items() for glob in guard or ("*",)]
    create_temp_table(db, "asked", "key BIGINT, topic VARCHAR, guard INTEGER", asked)
    create_temp_table(db, "given", "guard INTEGER, pattern VARCHAR", globs)
    empty = "SELECT 0::BIGINT AS file, 0::BIGINT AS row, 0::BIGINT AS rule, false AS title, false AS strict WHERE false"
    db.execute(
        f"""CREATE TEMP TABLE named AS
            SELECT tag.file, tag.row, tag.rule, tag.title, tag.strict, asked.topic, asked.guard, listed.categories
            FROM ({tags.blocks_sql(db, blocks, "tag", empty)}) AS tag
            JOIN asked ON tag.rule = asked.key
            JOIN paper AS listed ON tag.file = listed.file AND tag.row = listed.row"""
    )
    db.execute(
        """CREATE TEMP TABLE allowed AS
            WITH pair AS MATERIALIZED (SELECT DISTINCT guard, categories FROM named),
            category AS (SELECT DISTINCT unnest(string_split(categories, ' ')) AS name FROM pair),
            passed AS MATERIALIZED (
                SELECT guard, list(DISTINCT name) AS names
                FROM given JOIN category ON name GLOB pattern GROUP BY guard
            )
            SELECT guard, categories FROM pair JOIN passed USING (guard)
            WHERE list_has_any(string_split(categories, ' '), names)"""
    )
    db.execute(
        """CREATE TEMP TABLE mention AS
            SELECT file, row, topic, rule, title, strict FROM named JOIN allowed USING (guard, categories)"""
    )
    db.execute("DROP TABLE named")


def scope_filter_sql(column: str, scope: Scope, primary_only: bool = False) -> str:
    """SQL: whether a column of categories lies in a scope, by its primary category or by any that is listed."""
    if not scope.categories:
        return "true"
    return f"regexp_matches({column}, {sql_string(_globs_regex(scope.categories, primary_only))})"


def _globs_regex(globs: Iterable[str], primary_only: bool = False) -> str:
    names = "|".join(re.escape(glob).replace(r"\*", r"[^ ]*") for glob in globs)
    return f"^({names})( |$)" if primary_only else f"(^| )({names})( |$)"
