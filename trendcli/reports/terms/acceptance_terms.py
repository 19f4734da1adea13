"""Use-case outcome: which keywords go with acceptance to a conference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendcli.core.arrow import pc
from trendcli.core.errors import UsageError
from trendcli.core.types import Column, Progress, Report, Scope, silent
from trendcli.reports.base import assembled, described
from trendcli.reports.terms import near_duplicates as folding
from trendcli.reports.terms import ngrams, texts, tokens
from trendcli.reports.terms.stopwords import NO_PLURAL
from trendcli.reports.terms.terms import EXAMPLES, Wanted, based, nearest, on, shown
from trendcli.reports.trends.acceptance import DIFFERENCE, RATES, VERDICTS, compared, decided, rated, total
from trendcli.stats import proportions as change
from trendcli.stats.proportions import FALSE, Change, Sides
from trendcli.stats.screening import Ints
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Question, resolve

COLUMNS = (
    Column("term", "Term", "text", 0),
    *RATES,
    Column("also", "Also", "text", 4),
    Column("paper", "Such as", "text", 5),
)
UNCLEAR = VERDICTS["no clear change"]

Held = NDArray[np.int32]


def outcome(
    store: Store,
    library: Library,
    question: Question,
    default: Scope,
    wanted: Wanted | None = None,
    progress: Progress = silent,
) -> Report:
    """Terms by how much more, or less, often the submissions that hold them were accepted than all others.

    The base is the scope of the question in one period, the last whole year where none is named. Where keywords alone
    are read, a term is a whole keyword. UsageError of arXiv; NoCoverage where the decisions are not known.
    """
    wanted = wanted or Wanted()
    if store.corpus == ARXIV:
        raise UsageError("Who was accepted is known of a venue alone: name one, such as --corpus iclr.")
    context = based(resolve(store, library, question, default, progress))
    period = decided(context)
    counted = context.count([period])
    read = texts.read(context, [period])
    taken = pc.match_substring_regex(read.categories, "(^| )accepted( |$)").to_numpy().astype(np.int64)
    base, won = len(taken), int(taken.sum())
    whole_keywords = store.fields == ("keywords",)
    every = _keywords(read) if whole_keywords else _terms(read, wanted)
    held = {term: np.unique(np.concatenate(list(forms.values()))) for term, forms in every.items()}
    names = sorted(term for term, at in held.items() if len(at) >= wanted.least and not folding.generic(term))
    sides = [_sides(taken, held[name]) for name in names]
    moved = change.compared(sides)
    qs = change.adjusted([found.p for found in moved])
    chosen = [place for place, found in enumerate(moved) if found.p is not None and found.p <= FALSE]
    acronyms = [names[place] for place in chosen if " " not in names[place]]
    long_form = folding.long_forms(tokens.defined(read.words, acronyms))
    rows = []
    for way in (1, -1):
        mine = [place for place in chosen if way * (moved[place].points or 0.0) > 0]
        folded = folding.folded([names[place] for place in mine], [held[names[place]] for place in mine], long_form)
        for group in folded:
            place, *others = (mine[member] for member in group)
            forms = every[names[place]] if len(every[names[place]]) > 1 else {}
            alike = {**forms, **{names[other]: held[names[other]] for other in others}}
            variants = [{"term": term, **_counted(taken, at)} for term, at in alike.items()]
            examples = texts.newest(read, held[names[place]], EXAMPLES)
            rows.append(
                _row(names[place], sides[place], moved[place], qs[place])
                | shown(context, names[place], variants, examples)
            )
    rows.sort(key=lambda row: (row["verdict"] == UNCLEAR, -abs(nearest(row)), row["term"]))
    ways = [[row for row in rows if way * row["points"] > 0] for way in (1, -1)]
    listed = [row for one in ways for row in one[: wanted.shown or None]]
    number = {verdict: sum(row["verdict"].startswith(verdict) for row in rows) for verdict in ("more", "less")}
    what = "keywords" if whole_keywords else f"terms of {wanted.shortest} to {wanted.longest} words"
    tested = sum(found.p is not None for found in moved)
    most = f", {wanted.shown} each way at most" if wanted.shown else ""
    return assembled(
        context,
        "outcome",
        f"Terms that go with acceptance{on(context)}, {period.label}",
        COLUMNS,
        listed,
        [described(period, counted, context.verdict(period))],
        counted,
        [
            total(won, base),
            DIFFERENCE,
            f"{tested:,} {what} were tested, those in {wanted.least} or more submissions: {number['more']} go with "
            f"acceptance, {number['less']} with rejection, near-duplicates folded. Listed are those with p ≤ {FALSE}"
            f"{most}, in the order of the end of the interval that is nearer to no difference, so that a rare term "
            "with a high rate does not stand above a common one that is sure.",
            "Verdicts hold over all that were tested (q ≤ 0.05, Benjamini-Hochberg); intervals hold row by row.",
        ],
        {"period": period.label, "outcome": "accepted", **wanted.query},
        summary={"tested": tested, "accepted": won, "submissions": base},
    )


def _counted(taken: Ints, held: Held) -> dict[str, int]:
    return {"count": len(held), "accepted": int(taken[held].sum())}


def _sides(taken: Ints, held: Held) -> Sides:
    """The submissions without a term, and those with it."""
    won = int(taken[held].sum())
    return Sides(int(taken.sum()) - won, len(taken) - len(held), won, len(held))


def _row(term: str, sides: Sides, moved: Change, q: float | None) -> dict[str, Any]:
    verdict = change.verdict(sides.count_1, sides.count_2, moved.points, q)
    return {
        "term": term,
        **rated(sides),
        **compared(moved._asdict()),
        "q": q,
        "verdict": VERDICTS.get(verdict, verdict),
    }


def _terms(read: texts.Texts, wanted: Wanted) -> dict[str, dict[str, Held]]:
    """Terms, and the submissions that hold each."""
    found = ngrams.count(read.words, np.zeros(read.words.texts, np.int64), wanted.least, longest=wanted.longest)
    length = np.array([name.count(" ") + 1 for name in found.names], int)
    kept = found.chosen(length >= wanted.shortest)
    kept = kept.chosen(folding.distinct(kept.names, kept.counts.sum(axis=1)))
    held = zip(kept.names, ngrams.holders(read.words, kept.names), strict=True)
    return {name: {name: numbers} for name, numbers in held}


def _keywords(read: texts.Texts) -> dict[str, dict[str, Held]]:
    """Whole keywords, and the submissions that hold each with and without a plural s; a hyphen is a space."""
    lines = read.keywords.to_pylist()
    listed = [{word.strip().lower().replace("-", " ") for word in line.split(";")} - {""} for line in lines]
    known = {word for words in listed for word in words}
    held: dict[str, dict[str, list[int]]] = {}
    for number, words in enumerate(listed):
        for word in words:
            plural = word[-1] == "s" and word[:-1] in known and word.split()[-1] not in NO_PLURAL
            single = word[:-1] if plural else word
            held.setdefault(single, {}).setdefault(word, []).append(number)
    return {
        term: {word: np.array(numbers, np.int32) for word, numbers in sorted(forms.items())}
        for term, forms in held.items()
    }
