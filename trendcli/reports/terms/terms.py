"""Use-case terms: which runs of words more, or fewer, submissions hold than in an earlier period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from trendcli.core.errors import NoCoverage, UsageError
from trendcli.core.types import Column, Progress, Report, Scope, silent
from trendcli.reports import significance as evidence
from trendcli.reports.base import assembled, described, hidden, labelled, share
from trendcli.reports.notes import covered_for, status_of
from trendcli.reports.significance import History, Pair
from trendcli.reports.terms import near_duplicates as folding
from trendcli.reports.terms import ngrams, texts, tokens
from trendcli.reports.terms.ngrams import Terms
from trendcli.stats import proportions as change
from trendcli.stats import screening as movers
from trendcli.stats.proportions import FALSE, FEW
from trendcli.stats.screening import Ints
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Context, Question, resolve, two_periods

COLUMNS = (
    Column("term", "Term", "text", 0),
    Column("count_1", "Count 1", "count", 0),
    Column("count_2", "Count 2", "count", 0),
    Column("share_1", "Share 1", "share", 5),
    Column("share_2", "Share 2", "share", 5),
    Column("relative_change", "Relative change", "change", 1),
    Column("ci_low,ci_high", "95 % interval", "interval", 0),
    Column("q", "q", "p", 2),
    Column("verdict", "Verdict", "verdict", 0),
    Column("also", "Also", "text", 3),
    Column("paper", "Such as", "text", 5),
)
# example papers of a row, and near-duplicates that a table tells
EXAMPLES, ALSO = 3, 3
UNCLEAR = "no clear change"


@dataclass(frozen=True)
class Wanted:
    """Which terms are tested, of so many words and in so many submissions of both periods together, and how many shown.

    20 is as few as can be told from chance among tens of thousands. `shown` is of rising and of falling ones each
    (0: all).
    """

    shortest: int = 1
    longest: int = ngrams.LONGEST
    least: int = 20
    shown: int = 20

    @property
    def query(self) -> dict[str, Any]:
        """The same by the names of the command line."""
        return {"words": f"{self.shortest}-{self.longest}", "min_count": self.least, "limit": self.shown}


class Tested(NamedTuple):
    """All terms that were tested, their counts by period (the earlier, the later, their history), and what came out.

    `bases` are those of the periods.
    """

    terms: Terms
    bases: Ints
    spread: movers.Spread
    judged: movers.Judged

    @property
    def number(self) -> int:
        """How many tests there were."""
        return int((~np.isnan(self.judged.p)).sum())


def terms(
    store: Store,
    library: Library,
    question: Question,
    default: Scope,
    wanted: Wanted | None = None,
    progress: Progress = silent,
) -> Report:
    """The terms whose share rises or falls between two periods, near-duplicates folded, common language left out.

    Without dates the last complete year against the one before. A topic of the question makes its matches the base.
    NoCoverage where one of the periods is not whole.
    """
    wanted = wanted or Wanted()
    context = based(resolve(store, library, question, default, progress))
    later, earlier = two_periods(context)
    pair = earlier, later
    whole(context, pair)
    past = evidence.history(context, pair)
    chosen = [*pair, *past.chosen]
    counted = context.count(chosen)
    read = texts.read(context, chosen)
    every = ngrams.count(read.words, read.groups, wanted.least, read.within([0, 1]), wanted.longest)
    found = tested(every.names, read.counts(every.counts), read.bases, past, wanted)
    rows, common = _rows(context, read, found, pair)
    return assembled(
        context,
        "terms",
        f"Terms{on(context)}, {later.label} against {earlier.label}",
        labelled(COLUMNS, earlier, later),
        [row for sign in (1, -1) for row in _first(rows, sign, wanted.shown)],
        [described(item, counted, context.verdict(item)) for item in pair],
        counted,
        _notes(found, rows, common, wanted, past, fields_read(context)),
        {"by": later.unit, "period": later.label, "vs": earlier.label, **wanted.query},
        summary={"tested": found.number, "common": common},
    )


def based(context: Context) -> Context:
    """The same context with the topic of its question as the base; UsageError where that is not one topic."""
    selection = context.selection
    if len(selection.topics) > 1 or selection.both or (selection.topics and selection.within):
        raise UsageError("Terms are counted within one topic at most: name one with -t or --within, and no --and.")
    if selection.match == "strict":
        raise UsageError("A submission holds a term or does not: --match any, or title for titles alone.")
    within = selection.topics[0] if selection.topics else selection.within
    return replace(context, selection=replace(selection, topics=(), within=within))


def on(context: Context) -> str:
    """Which topic the base is narrowed to, behind what is counted in it; empty where to none."""
    within = context.selection.within
    return f" on {context.library.topic(within).name}" if within else ""


def fields_read(context: Context) -> Sequence[str]:
    """The parts of a submission that terms are looked for in."""
    return ("title",) if context.selection.match == "title" else context.store.fields


def whole(context: Context, chosen: Sequence[Any], about: str = "") -> None:
    """NoCoverage where a period is not whole, with a sentence about why it was asked for."""
    for item in chosen:
        verdict = context.verdict(item)
        if hidden(verdict, context.question):
            missing = covered_for(context.selection.corpus, verdict.missing)
            why = f"it is not {missing}" if verdict.missing else "it is not over yet"
            raise NoCoverage(
                f"{item.label} is not whole: {why}. {about}Name other periods, or see "
                f"{status_of(context.selection.corpus)}; --include-partial takes what is there."
            )


def tested(names: Sequence[str], counts: Ints, bases: Ints, past: History, wanted: Wanted) -> Tested:
    """Test every term; the first columns of `counts` and `bases` are the pair, then the periods of its history.

    Terms of common words, and parts of longer terms that no other submission holds, are not in the family.
    """
    length = np.array([term.count(" ") + 1 for term in names], int)
    both = counts[:, :2].sum(axis=1)
    chosen = (length >= wanted.shortest) & (length <= wanted.longest) & (both >= wanted.least)
    chosen &= np.array([not folding.generic(term) for term in names], bool)
    of = Terms(list(names), counts).chosen(chosen)
    of = of.chosen(folding.distinct(of.names, of.counts[:, :2].sum(axis=1)))
    places, history = [evidence.place(item) for item in past.chosen], slice(2, 2 + len(past.chosen))
    asked = movers.testable(of.counts[:, 0], of.counts[:, 1])
    spread = movers.spread(of.counts[:, history], bases[history], places, past.unit, past.blocks, asked)
    judged = movers.judged(of.counts[:, 0], int(bases[0]), of.counts[:, 1], int(bases[1]), spread)
    return Tested(of, bases, spread, judged)


def _rows(context: Context, read: texts.Texts, found: Tested, pair: Pair) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each group of near-duplicates that moved by itself, and the terms that are common language.

    Those that moved among all that were tested come first.
    """
    groups, common = gathered(read, found, [0, 1])
    leaders = np.array([group[0] for group in groups], np.int64)
    one, two = found.terms.counts[leaders, 0], found.terms.counts[leaders, 1]
    moved = movers.changes(one, int(found.bases[0]), two, int(found.bases[1]), found.spread.of(leaders))
    held = ngrams.holders(read.words, [found.terms.names[leader] for leader in leaders.tolist()])
    rows = []
    for group, mine, shift in zip(groups, held, moved, strict=True):
        side = mine[read.inside([1 if (shift.points or 0.0) > 0 else 0])[mine]]
        rows.append(_row(context, found, group, shift, texts.newest(read, side, EXAMPLES), pair))
    rows.sort(key=lambda row: (row["verdict"] == UNCLEAR, -abs(nearest(row)), row["term"]))
    flagged = {found.terms.names[place] for place in np.flatnonzero(found.judged.verdict).tolist()}
    return rows, sorted(common & flagged)


def gathered(read: texts.Texts, found: Tested, pair: Sequence[int]) -> tuple[list[list[int]], set[str]]:
    """The terms that moved by themselves, by their places among those tested, in groups of near-duplicates.

    A group goes one way. It is named by its first, which is one that moved among all where there is one. Common
    language is in no group and comes beside; `pair` numbers the two periods.
    """
    places = np.flatnonzero(found.judged.p <= FALSE)
    sign = np.sign(found.terms.counts[places, 1] * found.bases[0] - found.terms.counts[places, 0] * found.bases[1])
    names = [found.terms.names[place] for place in places.tolist()]
    both = read.inside(pair)
    held = [numbers[both[numbers]] for numbers in ngrams.holders(read.words, names)]
    common = texts.common(read, names, held, both)
    kept = [number for number, name in enumerate(names) if name not in common]
    acronyms = [names[number] for number in kept if " " not in names[number]]
    long_form = folding.long_forms(tokens.defined(read.words, acronyms))
    groups = []
    for way in (1, -1):
        chosen = [number for number in kept if sign[number] == way]
        folded = folding.folded([names[number] for number in chosen], [held[number] for number in chosen], long_form)
        groups += [[int(places[chosen[member]]) for member in group] for group in folded]
    return [sorted(group, key=lambda place: found.judged.verdict[place] == 0) for group in groups], common


def nearest(row: Mapping[str, Any]) -> float:
    """The end of a row's interval that is nearer to no change, on a scale on which halving is as much as doubling."""
    if row["points"] > 0:
        return float(np.log1p(max(row["ci_low"], 0.0)))
    return float(np.log1p(min(row["ci_high"], 0.0)))


def _row(
    context: Context,
    found: Tested,
    members: Sequence[int],
    moved: change.Change,
    examples: Sequence[str],
    pair: Pair,
) -> dict[str, Any]:
    place, *others = members
    counts, (base_1, base_2) = found.terms.counts, found.bases[:2].tolist()
    one, two = counts[place, :2].tolist()
    variants = [
        {"term": found.terms.names[other], "count_1": int(counts[other, 0]), "count_2": int(counts[other, 1])}
        for other in others
    ]
    return {
        "term": found.terms.names[place],
        "period_1": pair[0].label,
        "period_2": pair[1].label,
        "base_1": base_1,
        "base_2": base_2,
        "count_1": one,
        "count_2": two,
        "share_1": share(one, base_1),
        "share_2": share(two, base_2),
        **moved._asdict(),
        "dispersion": float(found.spread.phi[place]),
        "q": float(found.judged.q[place]),
        "verdict": {1: "rising", -1: "falling", 0: UNCLEAR}[int(found.judged.verdict[place])],
        **shown(context, found.terms.names[place], variants, examples),
    }


def shown(
    context: Context, term: str, variants: Sequence[Mapping[str, Any]], examples: Sequence[str]
) -> dict[str, Any]:
    """The near-duplicates and the examples of a term's row, for programs and for people."""
    url = "https://arxiv.org/abs/" if context.selection.corpus == ARXIV else ""
    others = [item["term"] for item in variants if item["term"] != term]
    more = [f"and {len(others) - ALSO} more"] if len(others) > ALSO else []
    return {
        "variants": list(variants),
        "also": ", ".join([*others[:ALSO], *more]),
        "examples": [{"id": name, **({"url": url + name} if url else {})} for name in examples],
        "paper": examples[0] if examples else "",
    }


def _first(rows: Sequence[dict[str, Any]], sign: int, most: int) -> list[dict[str, Any]]:
    """The first rows that go up (1) or down (-1): those that moved, and others to fill up."""
    chosen = [row for row in rows if sign * row["points"] > 0]
    return chosen[:most] if most else chosen


def _notes(
    found: Tested,
    rows: Sequence[Mapping[str, Any]],
    common: Sequence[str],
    wanted: Wanted,
    past: History,
    fields: Sequence[str],
) -> list[str]:
    number = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ("rising", "falling")}
    least, most = (found.spread.phi.min(initial=1e9), found.spread.phi.max(initial=1.0))
    where = f"from the {past.unit}s {past.where} the periods"
    if not found.number:
        spread = ""
    elif not found.spread.known:
        spread = " Too little history to tell how much counts jump beyond chance, so intervals may be too narrow."
    elif len(found.spread.phi) < movers.MANY:
        spread = f" Dispersion {least:.1f} to {most:.1f} (1: chance alone), {where}."
    else:
        spread = (
            f" Dispersion {least:.2f}, the mean of all terms, or a term's own where larger (1: chance alone), {where}."
        )
    few = "" if wanted.least >= 2 * FEW else f", and {FEW} or more of one"
    listed = f"{wanted.shown} each way are listed" if wanted.shown else f"All with p ≤ {FALSE} are listed"
    notes = [
        f"{found.number:,} terms of {wanted.shortest} to {wanted.longest} words were tested, those in {wanted.least} "
        f"or more submissions of the two periods together{few}: {number['rising']} rise, {number['falling']} fall, "
        f"near-duplicates folded. {listed}, those first, by the end of the interval that is nearer to no change.",
        f"A term counts a submission once, by {' or '.join(fields)}, with or without a plural s; a hyphen is a space.",
        f"Verdicts hold over all terms tested (q ≤ {FALSE}, Benjamini-Hochberg); intervals hold row by row.{spread}",
    ]
    if not found.bases[:2].all():
        notes.insert(0, "One of the two periods has no submissions at all, so there is nothing to compare.")
    if common:
        notes.append(
            f"{len(common)} more that moved are common language and left out, such as {', '.join(common[:6])}."
        )
    return notes
