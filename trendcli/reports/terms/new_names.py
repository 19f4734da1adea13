"""New names by year: how many names that match a pattern such as "*GAN" appear for the first time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import list_periods
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Selection, Window, ignore_progress
from trendcli.reports.base import build_report, describe_period
from trendcli.reports.notes import status_command
from trendcli.reports.terms.base import narrow_base_to_topic, topic_suffix
from trendcli.stats.proportions import compute_share, wilson_interval
from trendcli.store.sql import file_rows_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, query_window
from trendcli.topics.selection_tables import create_selection_tables

NAME_COLUMNS = (
    Column("period", "Period", "text", 0),
    Column("new", "New names", "count", 0),
    Column("names", "Names", "count", 0),
    Column("count", "Submissions", "count", 0),
    Column("share", "Share", "share", 1),
    Column("share_low", "95 % interval of share", "share_interval", 3, second_key="share_high"),
    Column("most_new", "Most used new names", "text", 2),
    Column("status", "Status", "text", 1),
)
_MAX_LISTED_NAMES = 5  # names in a cell of a table; lists in JSON and notes have twice as many
_WILDCARD_REGEX = {"*": "[A-Za-z0-9-]*[A-Za-z0-9]", "?": "[A-Za-z0-9]"}


def glob_to_regex(glob: str) -> str:
    """Return a glob as a regular expression for whole words as written; UsageError without letters or a star.

    A star stands for one or more letters, digits and inner hyphens, a question mark for one letter or digit. A plural s
    may follow and is not in the group.
    """
    if (
        not re.fullmatch(r"[A-Za-z0-9*?-]+", glob)
        or not re.search(r"[A-Za-z0-9]{2}", glob)
        or not set(glob) & set("*?")
    ):
        raise UsageError(f"--name-like takes letters and a star, such as '*GAN', not {glob!r}.")
    # a leading star may end in a hyphen, as in f-GAN
    start = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9-])?" if glob[0] == "*" else ""
    body = "".join(_WILDCARD_REGEX.get(char, re.escape(char)) for char in glob.removeprefix("*"))
    return rf"\b({start}{body})s?\b"


def build_new_names(
    store: Store, library: Library, query: Query, default_scope: Scope, glob: str, progress: Progress = ignore_progress
) -> Report:
    """Return a row per year: the names of a kind that are used, in how many submissions, and which of them are new.

    Names are words as written, with a capital letter; a hyphen or a plural s makes no other name. A name is new if no
    earlier stored submission of the scope has it, however the selection is narrowed; None for the first year covered,
    where that is not known. UsageError unless whole years are requested; CoverageMissing if none is covered.
    """
    bound = narrow_base_to_topic(bind(store, library, query, default_scope, progress))
    glob_to_regex(glob)  # raises before anything is read
    since, until = query_window(bound, "year")
    has_window = query.period or query.last or any(query.window)
    if has_window and any((day.month, day.day) != (1, 1) for day in (since, until)):
        raise UsageError("New names are counted by year: give whole years, such as --since 2016 or --period 2018.")
    first = bound.coverage.first_covered_day(bound.selection.scope.categories) or since
    periods = list_periods(max(since, first), until, "year")
    if not periods:
        raise CoverageMissing(
            f"Nothing before {until} is covered: the store begins on {first}. See {status_command(store.corpus)}."
        )
    period_counts = bound.count_submissions(periods)
    narrow = replace(bound.selection, window=Window(None, periods[-1].end))
    wide = replace(narrow, match="any", author=None, id=None, within=None, primary_only=False)
    all_words = _read_matching_words(bound, wide, glob)
    singular_of = _map_singulars({word for _, words in all_words for word in words}, glob)
    selected_words = all_words if wide == narrow else _read_matching_words(bound, narrow, glob)
    spellings: dict[str, Counter[str]] = {}
    names_by_year: dict[int, Counter[str]] = {}
    submissions_by_year: Counter[int] = Counter()
    for year, names in _list_used_names(selected_words, singular_of):
        submissions_by_year[year] += 1
        names_by_year.setdefault(year, Counter()).update(names.keys())
        for key, name in names.items():
            spellings.setdefault(key, Counter())[name] += 1
    first_year_of: dict[str, int] = {}
    for year, names in sorted(_list_used_names(all_words, singular_of), key=itemgetter(0)):
        for key in names:
            first_year_of.setdefault(key, year)
    display_names = {key: max(counts, key=lambda name: (counts[name], name)) for key, counts in spellings.items()}
    rows = []
    for period in periods:
        year, status = period.start.year, bound.period_status(period)
        used = names_by_year.get(year, Counter())
        new = Counter({key: count for key, count in used.items() if first_year_of[key] == year})
        total, count = period_counts.totals[period], submissions_by_year[year]
        low, high = wilson_interval(count, total)
        is_shown = not status.has_gap or query.include_partial
        is_new_known = year > first.year
        new_names = _rank_names(new, display_names) if is_new_known else []
        rows.append(
            {
                "period": period.label,
                "start": str(period.start),
                "end": str(period.end),
                "new": len(new) if is_shown and is_new_known else None,
                "names": len(used) if is_shown else None,
                "count": count if is_shown else None,
                "base": total if is_shown else None,
                "share": compute_share(count, total) if is_shown else None,
                "share_low": low if is_shown else None,
                "share_high": high if is_shown else None,
                "new_names": new_names,
                "most_new": ", ".join(row["name"] for row in new_names[:_MAX_LISTED_NAMES]),
                "most_used": _rank_names(used, display_names)[: 2 * _MAX_LISTED_NAMES],
                "status": status.status,
            }
        )
    all_names: Counter[str] = sum((names_by_year.get(period.start.year, Counter()) for period in periods), Counter())
    ranked = _rank_names(all_names, display_names)[: 2 * _MAX_LISTED_NAMES]
    most_used = ", ".join(f"{row['name']} ({row['count']:,})" for row in ranked)
    return build_report(
        bound,
        "names",
        f"Names like {glob}{topic_suffix(bound)}",
        columns=NAME_COLUMNS,
        rows=rows,
        described_periods=[describe_period(period, period_counts, bound.period_status(period)) for period in periods],
        period_counts=period_counts,
        notes=[
            f"A name is a word with a capital letter that matches {glob} (a star is one or more characters). Spellings "
            "that differ only in hyphens, capitals or a plural s are one name.",
            f"New: no earlier stored submission in the scope has the name. The store covers the scope from {first} "
            f"on, so which names are new in {first.year} is unknown.",
            *([f"Most used in these years: {most_used}."] if most_used else []),
        ],
        resolved_options={"name_like": glob, "since": str(since), "until": str(until)},
    )


def _read_matching_words(bound: BoundQuery, selection: Selection, glob: str) -> list[tuple[int, list[str]]]:
    """Read the year and the words that match a glob, of each submission of a selection that has any."""
    store, regex = bound.store, glob_to_regex(glob)
    longest_literal = max(re.split(r"[*?]", glob), key=len)
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
            WHERE contains(text, {sql_string(longest_literal)}) AND regexp_matches(text, {sql_string(regex)})
            """
        ).fetchall()


def _map_singulars(words: Collection[str], glob: str) -> dict[str, str]:
    """Return each word without the plural s that a star at the end of the glob takes in; '' if that does not match.

    An s is a plural behind a capital letter, as in GANs, or if the same word occurs without it.
    """

    def find_singular(word: str) -> str:
        stem = word[:-1]
        if not (glob.endswith("*") and word.endswith("s") and (stem[-1:].isupper() or stem in words)):
            return word
        return stem if re.fullmatch(glob_to_regex(glob), stem) else ""

    return {word: find_singular(word) for word in words}


def _list_used_names(
    words_by_submission: Sequence[tuple[int, list[str]]], singular_of: Mapping[str, str]
) -> list[tuple[int, dict[str, str]]]:
    """Return the year of each submission that uses a name, and its names by keys without hyphens and capitals."""
    used_names = []
    for year, words in words_by_submission:
        spellings = sorted({singular_of[word] for word in words} - {""})
        if names := {name.replace("-", "").lower(): name for name in spellings if name != name.lower()}:
            used_names.append((year, names))
    return used_names


def _rank_names(counts: Counter[str], display_names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return names with their counts, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": display_names[key], "count": count} for key, count in ranked]
