"""Who has the most submissions of a selection, by names as they are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import NamedTuple

from trendcli.core.normalize import author_names
from trendcli.core.types import Column, Progress, Report, Scope, silent
from trendcli.reports.notes import as_of_text, common_notes, few, provenance
from trendcli.reports.papers import lookup
from trendcli.reports.papers.listing import holes, selected, span
from trendcli.reports.papers.lookup import Wanted
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import read_files
from trendcli.store.store import Store
from trendcli.topics.counting import select
from trendcli.topics.library import Library
from trendcli.topics.query import Question, query_of

COLUMNS = (
    Column("author", "Author", "text", 0),
    Column("submissions", "Submissions", "count", 0),
    Column("share", "Share", "share", 1),
    Column("first", "First", "text", 2),
    Column("last", "Last", "text", 2),
)
CAVEAT = (
    "Names are counted as they are written: one name may stand for several people, and one person may have several "
    'names ("J. Smith" and "John Smith" are counted apart). Nothing here tells them apart.'
)
_LONG = 6  # words that no name has
_COLLABORATION = re.compile(r"\b(collaborations?|consortium|team|working group)\b", re.IGNORECASE)
_FOR = re.compile(r"^(?:on behalf of |for )?(?:the )?", re.IGNORECASE)
_NO_NAME = re.compile(r"(?:jr|sr|ii|iii|iv|et al|others|ph\.?d|m\.?d)\.?", re.IGNORECASE)


class Line(NamedTuple):
    """Who an author line names: each person once, and each collaboration."""

    people: frozenset[str]
    collaborations: frozenset[str]


def taken_apart(line: str) -> Line:
    """The people and collaborations of an author line; what is no name ("Jr.", "et al.") is left out.

    'The ATLAS Collaboration: A. One, B. Two' names two people and one collaboration.
    """
    people, collaborations = set(), set()
    for name in author_names(line.replace(":", ",")):
        if _COLLABORATION.search(name):
            collaborations.add(_FOR.sub("", name))
        elif not _NO_NAME.fullmatch(name) and any(map(str.isalpha, name)):
            people.add(name)
    return Line(frozenset(people), frozenset(collaborations))


def authors(
    store: Store,
    library: Library,
    question: Question,
    default: Scope,
    progress: Progress = silent,
    wanted: Wanted | None = None,
) -> Report:
    """A row an author of the selection, those with most submissions first; `question.limit` of them (0: all).

    Rows: author, submissions (each counts for all of its authors), share of all submissions of the selection, and the
    first and last year. Of what is `wanted` only a search, which narrows the selection.
    """
    context, where = selected(store, library, question, default, progress)
    with store.connect() as db:
        files = store.files(*context.selection.window)
        found = lookup.find(db, context, wanted, files) if wanted else None
        among = lookup.FOUND if found else ""
        select(db, store, library, context.selection, files, progress, "id, authors", among)
        chosen = "paper SEMI JOIN hit USING (file, row)" if question.topics else "paper WHERE inside"
        lines = db.execute(f"SELECT authors, year(v1_at) FROM {chosen}").fetchall()
        every = read_files(store, store.files(), "authors, v1_at")
        known = db.execute(f"SELECT authors, year(v1_at) FROM ({every})").fetchall() if store.corpus != ARXIV else []
    run_together = _run_together(known)
    lines = [(line, year) for line, year in lines if year not in run_together]
    counts, collaborations, nobody = Counter[str](), Counter[str](), Counter[int]()
    years: dict[str, tuple[int, int]] = {}
    for line, year in lines:
        who = taken_apart(line or "")
        counts.update(who.people)
        collaborations.update(who.collaborations)
        nobody[year] += not (who.people or who.collaborations)
        for name in who.people:
            first, last = years.get(name, (year, year))
            years[name] = min(first, year), max(last, year)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    rows = [
        {
            "author": name,
            "submissions": counts[name],
            "share": counts[name] / len(lines),
            "first": years[name][0],
            "last": years[name][1],
        }
        for name in ordered[: question.limit or None]
    ]
    names = ", ".join(library.topic(topic).name for topic in question.topics) or "submissions"
    shown = f", the first {len(rows):,} listed (--limit 0 for all)" if len(rows) < len(counts) else ""
    return Report(
        kind="authors",
        title=f"Authors of {names}{lookup.title(found) if found else ''}, {span(store, where)}",
        corpus=context.selection.corpus,
        synthetic=store.manifest.synthetic,
        query={
            **query_of(context),
            "since": str(where.since),
            "until": str(where.until),
            "search": asdict(wanted)["search"] if wanted else None,
        },
        columns=COLUMNS,
        rows=rows,
        data_as_of=as_of_text(context.stated_at),
        coverage={"total": len(lines), "authors": len(counts)},
        notes=[
            f"{len(counts):,} names in {len(lines):,} submissions{shown}.",
            CAVEAT,
            *_left_out(collaborations, nobody, run_together),
            *(found.looked.notes if found else []),
            *holes(context, where),
            *common_notes(context, []),
        ],
        provenance=provenance(context),
    )


def _run_together(lines: Iterable[tuple[str | None, int]]) -> frozenset[int]:
    """The years of a venue whose list writes all authors of a submission without anything between them."""
    apart, long = set[int](), set[int]()
    for line, year in lines:
        if line and "," in line:
            apart.add(year)
        elif line and len(line.split()) > _LONG:
            long.add(year)
    return frozenset(long - apart)


def _left_out(collaborations: Counter[str], nobody: Counter[int], run_together: Iterable[int]) -> Iterable[str]:
    if collaborations:
        most = ", ".join(f"{name} ({number:,})" for name, number in collaborations.most_common(3))
        yield f"Collaborations are no people and are left out: {most}" + (
            f" and {len(collaborations) - 3:,} more." if len(collaborations) > 3 else "."
        )
    years = sorted(year for year, number in nobody.items() if number)
    if years:
        yield f"{nobody.total():,} submissions name no authors ({few([str(year) for year in years])})."
    for year in sorted(run_together):
        yield f"The list of {year} writes names without anything between them, so that year is left out."
