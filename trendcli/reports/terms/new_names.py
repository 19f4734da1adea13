"""Use-case names: how many new names of a kind, such as "*GAN", each year brings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from trendcli.core import periods
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Selection, Window, ignore_progress
from trendcli.reports.base import build_report, describe_period
from trendcli.reports.notes import status_command
from trendcli.reports.terms.terms import narrow_base_to_topic, topic_suffix
from trendcli.stats import proportions as change
from trendcli.store.sql import file_rows_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics.counting import create_selection_tables
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, query_window

NAME_COLUMNS = (
    Column("period", "Period", "text", 0),
    Column("new", "New names", "count", 0),
    Column("names", "Names", "count", 0),
    Column("count", "Submissions", "count", 0),
    Column("share", "Share", "share", 1),
    Column("share_low", "95 % interval of share", "share_interval", 3, second_key="share_high"),
    Column("most_new", "Most used of the new", "text", 2),
    Column("status", "Status", "text", 1),
)
# names that a row tells
_MAX_LISTED_NAMES = 5
_WILDCARD_REGEX = {"*": "[A-Za-z0-9-]*[A-Za-z0-9]", "?": "[A-Za-z0-9]"}


def glob_to_regex(glob: str) -> str:
    """A glob as an expression for whole words as written; UsageError where it has no letters or no star.

    A star stands for one or more letters, digits and inner hyphens, a question mark for one. A plural s may follow.
    """
    if (
        not re.fullmatch(r"[A-Za-z0-9*?-]+", glob)
        or not re.search(r"[A-Za-z0-9]{2}", glob)
        or not set(glob) & set("*?")
    ):
        raise UsageError(f"Names are looked for by letters and a star, such as --name-like '*GAN', not {glob!r}.")
    first = "(?:[A-Za-z0-9-]*[A-Za-z0-9-])?" if glob[0] == "*" else ""
    body = "".join(_WILDCARD_REGEX.get(char, re.escape(char)) for char in glob.removeprefix("*"))
    start = f"[A-Za-z0-9]{first}" if glob[0] == "*" else ""
    return rf"\b({start}{body})s?\b"


def build_new_names(
    store: Store, library: Library, query: Query, default_scope: Scope, glob: str, progress: Progress = ignore_progress
) -> Report:
    """A row a year: names of a kind that no submission stored from before has, all that are used, and by how many.

    Names are words as written, with a capital letter; a hyphen and a plural s make no new name. What is from before is
    looked for in all of the scope, whatever the selection is narrowed to. In the first year that the store covers none
    can be told to be new: null. UsageError where a year is cut; NoCoverage where none is covered.
    """
    context = narrow_base_to_topic(bind(store, library, query, default_scope, progress))
    glob_to_regex(glob)  # before anything is read
    since, until = query_window(context, "year")
    named = query.period or query.last or any(query.window)
    if named and any((day.month, day.day) != (1, 1) for day in (since, until)):
        raise UsageError("New names are told by year: name whole years, such as --since 2016 or --period 2018.")
    first = context.coverage.first_covered_day(context.selection.scope.categories) or since
    shown = periods.list_periods(max(since, first), until, "year")
    if not shown:
        raise CoverageMissing(
            f"Nothing before {until} is covered; the store begins on {first}. See {status_command(store.corpus)}."
        )
    counted = context.count_submissions(shown)
    asked = replace(context.selection, window=Window(None, shown[-1].end))
    wide = replace(asked, match="any", author=None, id=None, within=None, primary_only=False)
    every = _read_matching_words(context, wide, glob)
    single = _map_singulars({name for _, names in every for name in names}, glob)
    used_by = _list_used_names(every if wide == asked else _read_matching_words(context, asked, glob), single)
    spelt: dict[str, Counter[str]] = {}
    by_year: dict[int, Counter[str]] = {}
    using: Counter[int] = Counter()
    for year, held in used_by:
        using[year] += 1
        by_year.setdefault(year, Counter()).update(held.keys())
        for key, name in held.items():
            spelt.setdefault(key, Counter())[name] += 1
    begun: dict[str, int] = {}
    for year, held in sorted(_list_used_names(every, single), key=itemgetter(0)):
        for key in held:
            begun.setdefault(key, year)
    called = {key: max(forms, key=lambda name: (forms[name], name)) for key, forms in spelt.items()}
    rows = []
    for item in shown:
        year, verdict = item.start.year, context.period_status(item)
        used = by_year.get(year, Counter())
        new = Counter({key: number for key, number in used.items() if begun[key] == year})
        base, count = counted.totals[item], using[year]
        low, high = change.wilson_interval(count, base)
        known = not verdict.has_gap or query.include_partial
        told = year > first.year
        rows.append(
            {
                "period": item.label,
                "start": str(item.start),
                "end": str(item.end),
                "new": len(new) if known and told else None,
                "names": len(used) if known else None,
                "count": count if known else None,
                "base": base if known else None,
                "share": change.compute_share(count, base) if known else None,
                "share_low": low if known else None,
                "share_high": high if known else None,
                "new_names": _rank_names(new, called) if told else [],
                "most_new": ", ".join(row["name"] for row in _rank_names(new, called)[:_MAX_LISTED_NAMES])
                if told
                else "",
                "most_used": _rank_names(used, called)[: 2 * _MAX_LISTED_NAMES],
                "status": verdict.status,
            }
        )
    total: Counter[str] = sum((by_year.get(item.start.year, Counter()) for item in shown), Counter())
    most = ", ".join(f"{row['name']} ({row['count']})" for row in _rank_names(total, called)[: 2 * _MAX_LISTED_NAMES])
    return build_report(
        context,
        "names",
        f"Names like {glob}{topic_suffix(context)}",
        NAME_COLUMNS,
        rows,
        [describe_period(item, counted, context.period_status(item)) for item in shown],
        counted,
        [
            f"A name is a word as written that fits {glob}, a star being one character or more, with a capital letter; "
            "hyphens and a plural s make no other name.",
            f"New: no submission of the scope has it that is stored from before; the store covers it from {first} on, "
            f"so of {first.year} itself nothing can be said.",
            *([f"Most used in these years: {most}."] if most else []),
        ],
        {"name_like": glob, "since": str(since), "until": str(until)},
    )


def _read_matching_words(bound: BoundQuery, selection: Selection, glob: str) -> list[tuple[int, list[str]]]:
    """The year of each submission of a selection that has words like `glob`, and which."""
    store, regex, longest = bound.store, glob_to_regex(glob), max(re.split(r"[*?]", glob), key=len)
    files = store.list_files(*selection.window)
    title, rest = store.text_expressions
    text = f"{title} || chr(10) || {rest}" if selection.match == "any" else title
    with store.connect() as db:
        create_selection_tables(db, store, bound.library, selection, files, bound.progress)
        return db.execute(
            f"""
            SELECT year(v1_at), list_distinct(regexp_extract_all(text, {sql_string(regex)}, 1))
            FROM ({file_rows_sql(store, files, f"{text} AS text", live_only=False)})
            JOIN (FROM paper WHERE inside) USING (file, row)
            WHERE contains(text, {sql_string(longest)}) AND regexp_matches(text, {sql_string(regex)})
            """
        ).fetchall()


def _map_singulars(matching_words: Collection[str], glob: str) -> dict[str, str]:
    """Each name without its plural s, where a star at the end of the glob took that in; empty where that is no name.

    An s is a plural behind a capital letter, as in GANs, or where the same name occurs without it.
    """

    def find_singular(name: str) -> str:
        short = name[:-1]
        if not (glob.endswith("*") and name.endswith("s") and (short[-1:].isupper() or short in matching_words)):
            return name
        return short if re.fullmatch(glob_to_regex(glob), short) else ""

    return {name: find_singular(name) for name in matching_words}


def _list_used_names(
    words_by_submission: Sequence[tuple[int, list[str]]], singular_of: Mapping[str, str]
) -> list[tuple[int, dict[str, str]]]:
    """The year of each submission that uses a name, and its names by keys without hyphens and capitals."""
    found = []
    for year, words in words_by_submission:
        names = sorted({singular_of[word] for word in words} - {""})
        if held := {name.replace("-", "").lower(): name for name in names if name != name.lower()}:
            found.append((year, held))
    return found


def _rank_names(counts: Counter[str], display_names: dict[str, str]) -> list[dict[str, Any]]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": display_names[key], "count": number} for key, number in ranked]
