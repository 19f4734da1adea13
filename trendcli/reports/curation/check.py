"""Use-case check: what may be wrong with the rules of topics, and what of it their files explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trendcli.core import periods
from trendcli.core.periods import Period
from trendcli.core.types import Column, Progress, Report, Scope, Window, silent
from trendcli.reports.curation.findings import NOTHING, Finding, World, carries, nothing, overlap, renamed, too_early
from trendcli.reports.curation.word_sense import other_meaning
from trendcli.reports.notes import as_of_text, common_notes, provenance
from trendcli.store.store import Store
from trendcli.topics.counting import select
from trendcli.topics.library import Library
from trendcli.topics.query import Context, Question, query_of, resolve

# by default rules are checked against all there is: what a report counts is a part of it
EVERYTHING = Scope("everything stored", ("*",))
_KINDS = (nothing, overlap, carries, other_meaning, too_early, renamed)
_COLUMNS = (
    Column("topic", "Topic", "text"),
    Column("finding", "Finding", "text"),
    Column("of", "Of", "text"),
    Column("detail", "Detail", "text"),
    Column("advice", "What to do", "text"),
)
_EXPECTED = Column("expected", "Why it is fine", "text")


def checked(
    store: Store,
    library: Library,
    question: Question,
    default: Scope = EVERYTHING,
    progress: Progress = silent,
    *,
    every: bool = False,
) -> Report:
    """What was found of the question's topics: a row a finding; with `every` also those that their files explain.

    Rows: topic, finding (one of models.FINDINGS), of (the rule or topic it is about), detail, advice, ids, and expected
    (the sentence of the topic file, or None). The summary counts `unexplained` ones.
    """
    context = resolve(store, library, question, default, progress)
    total, silent_rules, found = _found(context)
    slips = [finding for finding in found if finding.kind == "nothing" and _explained(library, finding) is None]
    elsewhere = _elsewhere(context, slips)
    found = [finding for finding in found if finding not in elsewhere]
    rows = [_row(finding, _explained(library, finding)) for finding in found]
    open_ = [row for row in rows if row["expected"] is None]
    explained = [row for row in rows if row["expected"] is not None]
    missing = list(_missing(library, question.topics, found))
    notes = [f"{_number(len(explained), 'finding')} explained in the topic files (--all shows them)."]
    unsure = silent_rules - len(elsewhere) - sum(finding.kind == "nothing" for finding in found)
    few = f"of fewer than {NOTHING:,} submissions that they could match, which are too few to tell."
    shown = [*open_, *(explained + missing if every else [])]
    return Report(
        kind="check",
        title=f"{_number(len(open_), 'finding')} in {_number(len(question.topics), 'topic')}, "
        f"over {total:,} submissions",
        corpus=context.selection.corpus,
        synthetic=store.manifest.synthetic,
        query=query_of(context),
        columns=(*_COLUMNS[:-1], *([_EXPECTED] if every else []), _COLUMNS[-1]),
        rows=sorted(shown, key=lambda row: list(question.topics).index(row["topic"])),
        data_as_of=as_of_text(context.data_as_of),
        notes=[
            *(notes if explained else []),
            *([f"{_number(unsure, 'more rule')} found nothing, {few}"] if unsure else []),
            *(
                [f"{_number(len(elsewhere), 'rule')} found nothing here, but do in all that is stored."]
                if elsewhere
                else []
            ),
            *common_notes(context, []),
        ],
        provenance=provenance(context),
        summary={"unexplained": len(open_), "explained": len(explained)},
    )


def _found(context: Context) -> tuple[int, int, list[Finding]]:
    """How many submissions were looked at, how many rules match nothing, and what was found.

    Topics are compared with all others of the library.
    """
    every = context.counting_as(topics=tuple(context.library.topics)).selection
    with context.store.connect() as db:
        select(db, context.store, context.library, every, context.store.files(*every.window), context.progress)
        (number,) = db.execute("SELECT count(*) FROM paper").fetchall()[0]
        world = World(db, context.store, context.library, context.question.topics, _years(context))
        found = [finding for kind in _KINDS for finding in kind(world)]
        return number, len(world.rules) - len(world.counts), found


def _elsewhere(context: Context, silent_rules: Sequence[Finding]) -> list[Finding]:
    """Those rules that match nothing in a part of what is stored, but do in the rest: they are no slip of the pen."""
    topics = tuple(dict.fromkeys(finding.topic for finding in silent_rules))
    wide = {"scope": EVERYTHING, "window": Window(None, None), "author": None, "id": None, "primary_only": False}
    every = context.counting_as(topics=topics, **wide).selection
    if not topics or every == context.counting_as(topics=topics).selection:
        return []
    with context.store.connect() as db:
        select(db, context.store, context.library, every, context.store.files(None, None), context.progress)
        found = set(db.execute("SELECT DISTINCT topic, rule FROM mention").fetchall())
    rules = {
        (topic, rule.text)
        for topic in topics
        for rule in context.library.topic(topic).rules
        if (topic, rule.key) in found
    }
    return [finding for finding in silent_rules if (finding.topic, finding.of) in rules]


def _years(context: Context) -> list[Period]:
    """The whole years that are looked at."""
    since, until = context.selection.window
    categories = context.selection.scope.categories
    first = max(filter(None, (since, context.coverage.first_day(categories))), default=None)
    last = min(filter(None, (until, context.data_as_of.date())))
    years = periods.between(first, last, "year") if first else []
    return [item for item in years if first and item.start >= first and item.end <= last]


def _explained(library: Library, finding: Finding) -> str | None:
    """The sentence by which a topic file expects a finding; of two topics that overlap either may say it."""
    sides = [(finding.topic, finding.of)]
    if finding.kind == "overlap" and finding.of in library.topics:
        sides.append((finding.of, finding.topic))
    for topic, of in sides:
        for item in library.topic(topic).expect:
            if item.finding == finding.kind and of in item.of:
                return item.because
    return None


def _missing(library: Library, topics: Sequence[str], found: Sequence[Finding]) -> Iterator[dict[str, Any]]:
    """What topic files expect and was not found."""
    there = {(finding.kind, *pair) for finding in found for pair in _both(finding)}
    for topic in topics:
        for item in library.topic(topic).expect:
            for of in item.of:
                if (item.finding, topic, of) not in there:
                    detail = "expected, and not found here; the data may be too few to tell"
                    yield _row(Finding(topic, item.finding, of, detail, "if it never is, take it out"), item.because)


def _both(finding: Finding) -> tuple[tuple[str, str], tuple[str, str]]:
    return (finding.topic, finding.of), (finding.of, finding.topic)


def _row(finding: Finding, expected: str | None) -> dict[str, Any]:
    return {
        "topic": finding.topic,
        "finding": finding.kind,
        "of": finding.of,
        "detail": finding.detail,
        "advice": finding.advice,
        "ids": list(finding.ids),
        "expected": expected,
    }


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def by_year(store: Store, library: Library, question: Question, default: Scope, progress: Progress = silent) -> str:
    """A sentence: how many submissions the only topic of a question matches, by year."""
    context = resolve(store, library, question, default, progress)
    first = context.coverage.first_day(context.selection.scope.categories)
    years = periods.between(first, context.data_as_of.date(), "year") if first else []
    counted = context.count(years)
    (topic,) = question.topics
    told = [f"{item.label} {number:,}" for item in years if (number := counted.counts[topic, item])]
    total = sum(counted.counts[topic, item] for item in years)
    by = f": {', '.join(told)}." if told else "."
    return f"It matches {total:,} of {sum(counted.bases.values()):,} submissions{by}"
