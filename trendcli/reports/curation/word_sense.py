"""Acronyms with another meaning: the words around those that stand without a phrase of their topic, by category.

The measure, and how well it tells meanings apart, stand in docs/checking-topics.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from trendcli.core.types import Rule
from trendcli.reports.curation import acronyms
from trendcli.reports.curation.findings import EXAMPLES, Finding, World, is_name, such_as
from trendcli.stats.proportions import wilson
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import read_files
from trendcli.topics.highlight import mentions

# so many surroundings of phrases have to be known, and so many are looked at; an acronym whose surroundings fit less
# than half as often as those of the phrases themselves means something else
KNOWN, LOOKED_AT, ELSEWHERE, FITS = 20, 400, 1000, 0.5


def other_meaning(world: World) -> Iterator[Finding]:
    """Acronyms and names that stand without any phrase of their topic, among words that do not fit the phrases'."""
    names = {place: rule for place, rule in world.rules.items() if place in world.counts and is_name(rule)}
    phrases = {place: rule for place, rule in world.rules.items() if rule.kind == "phrase"}
    world.table("kind", "topic VARCHAR, rule BIGINT, name BOOLEAN", [(*at, at in names) for at in (*names, *phrases)])
    # a fixed order that has nothing to do with what is written
    world.db.execute(
        f"""
        CREATE TEMP TABLE shown AS
        WITH told AS (
            SELECT *, bool_or(NOT name) OVER (PARTITION BY topic, file, row) AS phrased
            FROM found JOIN kind USING (topic, rule)
        )
        SELECT topic, CASE WHEN phrased THEN 0 ELSE rule END AS which, min(rule) AS rule, file, row
        FROM told WHERE NOT (phrased AND name)
        GROUP BY topic, which, file, row
        QUALIFY row_number() OVER (PARTITION BY topic, which ORDER BY hash(file, row)) <= {LOOKED_AT}
        """
    )
    world.db.execute(
        f"""CREATE TEMP TABLE others AS SELECT file, row FROM paper
            ORDER BY hash(file, row) LIMIT {ELSEWHERE}"""
    )
    texts = _texts(world, "SELECT file, row FROM shown UNION SELECT file, row FROM others")
    beside: dict[tuple[str, int], list[tuple[int, tuple[int, int]]]] = {}
    rows = world.db.execute("SELECT topic, which, rule, file, row FROM shown ORDER BY ALL").fetchall()
    for topic, which, rule, file, row in rows:
        beside.setdefault((topic, which), []).append((rule, (file, row)))
    others = world.db.execute("SELECT file, row FROM others ORDER BY hash(file, row)").fetchall()
    noise = [_anywhere(place[1], texts[place]) for place in others]
    for (topic, key), rule in sorted(names.items()):
        known, alone = beside.get((topic, 0), []), beside.get((topic, key), [])
        if len(known) < KNOWN or not alone:
            continue
        own = {word for place in phrases if place[0] == topic for word in acronyms.words(phrases[place].text)}
        like = [_around(world.rules[topic, which], texts[place], own) for which, place in known]
        weight, least = acronyms.weights(like, noise), FITS * acronyms.recognised(like, noise)
        yield from _strangers(
            topic, rule, weight, least, like, [(_around(rule, texts[p], own), texts[p]) for _, p in alone]
        )


class _Text(NamedTuple):
    id: str
    primary: str
    title: str
    rest: str


def _texts(world: World, places: str) -> dict[tuple[int, int], _Text]:
    """The texts of some submissions by place; a venue's have no primary category."""
    title, rest = world.store.texts
    primary = "split_part(categories, ' ', 1)" if world.store.corpus == ARXIV else "''"
    world.db.execute(f"CREATE OR REPLACE TEMP TABLE place AS {places}")
    holding = {file for (file,) in world.db.execute("SELECT DISTINCT file FROM place").fetchall()}
    files = [item for item in world.store.manifest.files if item.key in holding]
    read = read_files(world.store, files, f"id, {primary}, {title}, {rest} AS rest", live=False)
    rows = world.db.execute(f"SELECT * FROM ({read}) SEMI JOIN place USING (file, row)").fetchall()
    return {(file, row): _Text(*values) for *values, file, row in rows}


def _around(rule: Rule, text: _Text, without: set[str]) -> frozenset[str]:
    places = mentions(rule, text.title, text.rest)
    if not places:
        return frozenset()
    joined, first = f"{text.title}\n{text.rest}", places[0]
    offset = 0 if first.field == "title" else len(text.title) + 1
    return acronyms.around(joined, offset + first.start, offset + first.end, without)


def _anywhere(row: int, text: _Text) -> frozenset[str]:
    """The words around a spot that follows from the row of a submission, and so from nothing that it says."""
    joined = f"{text.title}\n{text.rest}"
    spot = row * 7919 % (len(joined) or 1)
    return acronyms.around(joined, spot, spot)


def _strangers(
    topic: str,
    rule: Rule,
    weight: Mapping[str, float],
    least: float,
    like: Sequence[frozenset[str]],
    alone: Sequence[tuple[frozenset[str], _Text]],
) -> Iterator[Finding]:
    """The categories in which most surroundings of an acronym do not fit; those with few submissions as one group."""
    groups: dict[str, list[tuple[frozenset[str], _Text]]] = {}
    for surrounding, text in alone:
        groups.setdefault(text.primary, []).append((surrounding, text))
    said: dict[str, tuple[int, int]] = {}
    strange: list[tuple[frozenset[str], _Text]] = []
    pooled: list[str] = []
    for name, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        fitting = sum(acronyms.fits(surrounding, weight) for surrounding, _ in members)
        if (wilson(fitting, len(members))[1] or 0) < least:
            said[name] = fitting, len(members)
            strange += [item for item in members if not acronyms.fits(item[0], weight)]
        elif (wilson(0, len(members))[1] or 0) >= least:
            pooled.append(name)
    rest = [item for name in pooled for item in groups[name]]
    fitting = sum(acronyms.fits(surrounding, weight) for surrounding, _ in rest)
    if rest and (wilson(fitting, len(rest))[1] or 0) < least:
        said["categories with few"] = fitting, len(rest)
        strange += [item for item in rest if not acronyms.fits(item[0], weight)]
    if said:
        where = ", ".join(f"{number} of {of}{f' in {name}' if name else ''}" for name, (number, of) in said.items())
        near = acronyms.typical([surrounding for surrounding, _ in strange], like, 5)
        ids = tuple(text.id for _, text in strange[:EXAMPLES])
        yield Finding(
            topic,
            "other-meaning",
            rule.text,
            f"without a phrase of the topic it stands among words that fit the phrases' in only {where}"
            + (f"; near it: {', '.join(near)}" if near else "")
            + such_as(ids),
            "exclude the other long form, as in `exclude: [reverse nearest neighbor (RNN)]`, or keep categories out",
            ids,
        )
