"""Use-case outcome: which keywords go with acceptance to a conference."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from trendcli import change, folding, ngrams, tokens
from trendcli.arrow import pc
from trendcli.change import FALSE, Sides
from trendcli.errors import NoCoverage, UsageError
from trendcli.manifest import ARXIV
from trendcli.models import Column, Progress, Report, Scope, silent
from trendcli.question import Question, resolve, two_periods
from trendcli.reports import texts
from trendcli.reports.shared import assembled, described
from trendcli.reports.terms import EXAMPLES, Wanted, based, nearest, shown, whole
from trendcli.store import Store
from trendcli.topics import Library

COLUMNS = (
    Column("term", "Term", "text", 0),
    Column("count", "Submissions", "count", 0),
    Column("accepted", "Accepted", "count", 1),
    Column("rate", "Accepted", "share", 0),
    Column("rate_low,rate_high", "95 % interval", "share_interval", 4),
    Column("rate_without", "Of all others", "share", 2),
    Column("relative_change", "Relative difference", "change", 1),
    Column("ci_low,ci_high", "95 % interval", "interval", 0),
    Column("q", "q", "p", 2),
    Column("verdict", "Verdict", "verdict", 0),
    Column("also", "Also", "text", 3),
    Column("paper", "Such as", "text", 5),
)
UNCLEAR = "no clear difference"


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
    period, _ = two_periods(context)
    if period.unit != "year":
        raise UsageError("Acceptance differs from year to year: name one, such as --period 2022.")
    whole(context, [period])
    if context.verdict(period, "accepted").hole:
        raise NoCoverage(
            f"Who was accepted to {store.corpus} in {period.label} is not known (yet); see `trend status`."
        )
    counted = context.count([period])
    read = texts.read(context, [period])
    taken = pc.match_substring_regex(read.categories, "(^| )accepted( |$)").to_numpy().astype(np.int64)
    base, won = len(taken), int(taken.sum())
    every = _keywords(read) if store.fields == ("keywords",) else _terms(read, wanted)
    held = {
        term: numbers for term, numbers in every.items() if len(numbers) >= wanted.least and not folding.generic(term)
    }
    names = sorted(held)
    sides = [
        Sides(won - int(taken[held[name]].sum()), base - len(held[name]), int(taken[held[name]].sum()), len(held[name]))
        for name in names
    ]
    moved = change.compared(sides)
    qs = change.adjusted([found.p for found in moved])
    chosen = [place for place, found in enumerate(moved) if found.p is not None and found.p <= FALSE]
    long_form = folding.long_forms(
        tokens.defined(read.words, [names[place] for place in chosen if " " not in names[place]])
    )
    rows = []
    for way in (1, -1):
        mine = [place for place in chosen if way * (moved[place].points or 0.0) > 0]
        for group in folding.folded(
            [names[place] for place in mine], [held[names[place]] for place in mine], long_form
        ):
            place, *others = (mine[member] for member in group)
            two, q = sides[place], qs[place]
            low, high = change.wilson(two.count_2, two.base_2)
            clear = q is not None and q <= FALSE
            variants = [
                {"term": names[other], "count": sides[other].base_2, "accepted": sides[other].count_2}
                for other in others
            ]
            rows.append(
                {
                    "term": names[place],
                    "count": two.base_2,
                    "accepted": two.count_2,
                    "rate": change.share(two.count_2, two.base_2),
                    "rate_low": low,
                    "rate_high": high,
                    "count_without": two.base_1,
                    "accepted_without": two.count_1,
                    "rate_without": change.share(two.count_1, two.base_1),
                    **moved[place]._asdict(),
                    "q": q,
                    "verdict": ("more often accepted" if way > 0 else "less often accepted") if clear else UNCLEAR,
                    **shown(context, variants, texts.newest(read, held[names[place]], EXAMPLES)),
                }
            )
    rows.sort(key=lambda row: (row["verdict"] == UNCLEAR, -abs(nearest(row)), row["term"]))
    listed = [
        row for way in (1, -1) for row in [one for one in rows if way * one["points"] > 0][: wanted.shown or None]
    ]
    number = {verdict: sum(row["verdict"].startswith(verdict) for row in rows) for verdict in ("more", "less")}
    what = "keywords" if store.fields == ("keywords",) else f"terms of {wanted.shortest} to {wanted.longest} words"
    return assembled(
        context,
        "outcome",
        f"Terms that go with acceptance, {period.label}",
        COLUMNS,
        listed,
        [described(period, counted, context.verdict(period))],
        counted,
        [
            f"{won:,} of {base:,} submissions were accepted ({100 * won / max(base, 1):.1f} %). {len(names):,} {what} "
            f"were tested, those in {wanted.least} or more submissions: {number['more']} go with acceptance, "
            f"{number['less']} with rejection, near-duplicates folded.",
            "Relative difference: the rate of acceptance with the term over that without it, minus 1. Rows are in the "
            "order of the end of the interval that is nearer to no difference, so that a rare term with a high rate "
            "does not stand above a common one that is sure.",
            "Verdicts hold over all that were tested (q ≤ 0.05, Benjamini-Hochberg); intervals hold row by row. To go "
            "with acceptance is not to cause it.",
        ],
        {"period": period.label, "outcome": "accepted", **asdict(wanted)},
        summary={"tested": len(names), "accepted": won, "submissions": base},
    )


def _terms(read: texts.Texts, wanted: Wanted) -> dict[str, Any]:
    """The submissions that hold each term."""
    found = ngrams.count(read.words, np.zeros(read.words.texts, np.int64), wanted.least, longest=wanted.longest)
    length = np.array([name.count(" ") + 1 for name in found.names], int)
    kept = found.chosen(length >= wanted.shortest)
    kept = kept.chosen(folding.distinct(kept.names, kept.counts.sum(axis=1)))
    return dict(zip(kept.names, ngrams.holders(read.words, kept.names), strict=True))


def _keywords(read: texts.Texts) -> dict[str, Any]:
    """The submissions that hold each whole keyword: in lower case, hyphens as spaces, with or without a plural s."""
    listed = [
        [word.strip().lower().replace("-", " ") for word in line.split(";")] for line in read.keywords.to_pylist()
    ]
    known = {word for words in listed for word in words if word}
    held: dict[str, list[int]] = {}
    for number, words in enumerate(listed):
        single = {word[:-1] if word[:-1] in known and word[-1] == "s" else word for word in words if word}
        for word in single:
            held.setdefault(word, []).append(number)
    return {word: np.array(numbers, np.int32) for word, numbers in held.items()}
