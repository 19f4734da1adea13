"""Use-case names: how many new names of a kind, such as "*GAN", each year brings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from trendcli.core import periods
from trendcli.core.errors import NoCoverage, UsageError
from trendcli.core.types import Column, Progress, Report, Scope, Selection, Window, silent
from trendcli.reports.base import assembled, described
from trendcli.reports.notes import status_of
from trendcli.reports.terms.terms import based, on
from trendcli.stats import proportions as change
from trendcli.store.sql import read_files, sql_text
from trendcli.store.store import Store
from trendcli.topics.counting import select
from trendcli.topics.library import Library
from trendcli.topics.query import Context, Question, resolve, resolved_window

COLUMNS = (
    Column("period", "Period", "text", 0),
    Column("new", "New names", "count", 0),
    Column("names", "Names", "count", 0),
    Column("count", "Submissions", "count", 0),
    Column("share", "Share", "share", 1),
    Column("share_low,share_high", "95 % interval of share", "share_interval", 3),
    Column("most_new", "Most used of the new", "text", 2),
    Column("status", "Status", "text", 1),
)
# names that a row tells
_TOLD = 5
_INSIDE = {"*": "[A-Za-z0-9-]*[A-Za-z0-9]", "?": "[A-Za-z0-9]"}


def name_regex(glob: str) -> str:
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
    body = "".join(_INSIDE.get(char, re.escape(char)) for char in glob.removeprefix("*"))
    start = f"[A-Za-z0-9]{first}" if glob[0] == "*" else ""
    return rf"\b({start}{body})s?\b"


def names(
    store: Store, library: Library, question: Question, default: Scope, glob: str, progress: Progress = silent
) -> Report:
    """A row a year: names of a kind that no submission stored from before has, all that are used, and by how many.

    Names are words as written, with a capital letter; a hyphen and a plural s make no new name. What is from before is
    looked for in all of the scope, whatever the selection is narrowed to. In the first year that the store covers none
    can be told to be new: null. UsageError where a year is cut; NoCoverage where none is covered.
    """
    context = based(resolve(store, library, question, default, progress))
    name_regex(glob)  # before anything is read
    since, until = resolved_window(context, "year")
    named = question.period or question.last or any(question.window)
    if named and any((day.month, day.day) != (1, 1) for day in (since, until)):
        raise UsageError("New names are told by year: name whole years, such as --since 2016 or --period 2018.")
    first = context.coverage.first_day(context.selection.scope.categories) or since
    shown = periods.between(max(since, first), until, "year")
    if not shown:
        raise NoCoverage(
            f"Nothing before {until} is covered; the store begins on {first}. See {status_of(store.corpus)}."
        )
    counted = context.count(shown)
    asked = replace(context.selection, window=Window(None, shown[-1].end))
    wide = replace(asked, match="any", author=None, id=None, within=None, primary_only=False)
    every = _written(context, wide, glob)
    single = _singles({name for _, names in every for name in names}, glob)
    used_by = _used(every if wide == asked else _written(context, asked, glob), single)
    spelt: dict[str, Counter[str]] = {}
    by_year: dict[int, Counter[str]] = {}
    using: Counter[int] = Counter()
    for year, held in used_by:
        using[year] += 1
        by_year.setdefault(year, Counter()).update(held.keys())
        for key, name in held.items():
            spelt.setdefault(key, Counter())[name] += 1
    begun: dict[str, int] = {}
    for year, held in sorted(_used(every, single), key=itemgetter(0)):
        for key in held:
            begun.setdefault(key, year)
    called = {key: max(forms, key=lambda name: (forms[name], name)) for key, forms in spelt.items()}
    rows = []
    for item in shown:
        year, verdict = item.start.year, context.verdict(item)
        used = by_year.get(year, Counter())
        new = Counter({key: number for key, number in used.items() if begun[key] == year})
        base, count = counted.bases[item], using[year]
        low, high = change.wilson(count, base)
        known = not verdict.hole or question.include_partial
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
                "share": change.share(count, base) if known else None,
                "share_low": low if known else None,
                "share_high": high if known else None,
                "new_names": _ranked(new, called) if told else [],
                "most_new": ", ".join(row["name"] for row in _ranked(new, called)[:_TOLD]) if told else "",
                "most_used": _ranked(used, called)[: 2 * _TOLD],
                "status": verdict.status,
            }
        )
    total: Counter[str] = sum((by_year.get(item.start.year, Counter()) for item in shown), Counter())
    most = ", ".join(f"{row['name']} ({row['count']})" for row in _ranked(total, called)[: 2 * _TOLD])
    return assembled(
        context,
        "names",
        f"Names like {glob}{on(context)}",
        COLUMNS,
        rows,
        [described(item, counted, context.verdict(item)) for item in shown],
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


def _written(context: Context, selection: Selection, glob: str) -> list[tuple[int, list[str]]]:
    """The year of each submission of a selection that has words like `glob`, and which."""
    store, regex, longest = context.store, name_regex(glob), max(re.split(r"[*?]", glob), key=len)
    files = store.files(*selection.window)
    title, rest = store.texts
    text = f"{title} || chr(10) || {rest}" if selection.match == "any" else title
    with store.connect() as db:
        select(db, store, context.library, selection, files, context.progress)
        return db.execute(
            f"""
            SELECT year(v1_at), list_distinct(regexp_extract_all(text, {sql_text(regex)}, 1))
            FROM ({read_files(store, files, f"{text} AS text", live=False)})
            JOIN (FROM paper WHERE inside) USING (file, row)
            WHERE contains(text, {sql_text(longest)}) AND regexp_matches(text, {sql_text(regex)})
            """
        ).fetchall()


def _singles(written: Collection[str], glob: str) -> dict[str, str]:
    """Each name without its plural s, where a star at the end of the glob took that in; empty where that is no name.

    An s is a plural behind a capital letter, as in GANs, or where the same name occurs without it.
    """

    def single(name: str) -> str:
        short = name[:-1]
        if not (glob.endswith("*") and name.endswith("s") and (short[-1:].isupper() or short in written)):
            return name
        return short if re.fullmatch(name_regex(glob), short) else ""

    return {name: single(name) for name in written}


def _used(written: Sequence[tuple[int, list[str]]], single: Mapping[str, str]) -> list[tuple[int, dict[str, str]]]:
    """The year of each submission that uses a name, and its names by keys without hyphens and capitals."""
    found = []
    for year, words in written:
        names = sorted({single[word] for word in words} - {""})
        if held := {name.replace("-", "").lower(): name for name in names if name != name.lower()}:
            found.append((year, held))
    return found


def _ranked(counts: Counter[str], called: dict[str, str]) -> list[dict[str, Any]]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": called[key], "count": number} for key, number in ranked]
