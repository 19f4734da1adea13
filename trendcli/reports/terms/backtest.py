"""Use-case backtest: how many of the terms that were flagged as rising in past years were still up a year later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trendcli.core.errors import UsageError
from trendcli.core.periods import Period, parse
from trendcli.core.types import Column, Progress, Report, Scope, silent
from trendcli.reports import significance as evidence
from trendcli.reports.base import assembled, described
from trendcli.reports.terms import ngrams, texts
from trendcli.reports.terms.terms import Tested, Wanted, based, gathered, on, tested, whole
from trendcli.stats import proportions as change
from trendcli.stats.screening import Ints
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Question, resolve

COLUMNS = (
    Column("period", "Flagged in", "text", 0),
    Column("flagged", "Terms", "count", 0),
    Column("still_up", "Up a year later", "count", 0),
    Column("rate", "Rate", "share", 0),
    Column("rate_low,rate_high", "95 % interval", "share_interval", 1),
    Column("random", "Random terms", "count", 1),
    Column("random_up", "Random up", "count", 1),
    Column("random_rate", "Rate of random terms", "share", 0),
    Column("random_low,random_high", "95 % interval of random", "share_interval", 2),
)
# so many random terms are drawn for each, among so many that are nearest in count, always alike
_EACH, _NEAREST, _SEED = 10, 50, 2018


def years_of(text: str) -> tuple[int, int]:
    """The years of '2015:2018'; UsageError where it is none or too short."""
    first, _, last = text.partition(":")
    found = [parse(part) for part in (first, last) if part]
    if len(found) != 2 or any(item.unit != "year" for item in found) or found[0].start >= found[1].start:
        raise UsageError(f"A backtest takes two years, such as --backtest 2015:2018, not {text!r}.")
    return found[0].start.year, found[1].start.year


def backtest(
    store: Store,
    library: Library,
    question: Question,
    default: Scope,
    span: tuple[int, int],
    wanted: Wanted | None = None,
    progress: Progress = silent,
) -> Report:
    """For each year but the last of a span the terms that rose against the year before, and what became of them.

    A term is still up where its share a year later is above that of the year before it was flagged. Beside each stand
    random terms that were tested as well, did not rise, and are alike in count.
    """
    wanted = wanted or Wanted()
    context = based(resolve(store, library, question, default, progress))
    years = [parse(str(year)) for year in range(span[0] - 1, span[1] + 1)]
    whole(context, years[:1], f"A backtest compares {span[0]} with the year before it. ")
    whole(context, years[1:])
    pasts = {
        later: evidence.history(context, (earlier, later)) for earlier, later in zip(years, years[1:-1], strict=False)
    }
    chosen = list(dict.fromkeys([*years, *(item for past in pasts.values() for item in past.chosen)]))
    counted = context.count(chosen)
    read = texts.read(context, chosen)
    asked = read.within(range(len(years) - 1))
    every = ngrams.count(read.words, read.groups, wanted.least, asked, wanted.longest)
    counts, bases = read.counts(every.counts), read.bases
    rng, rows = np.random.default_rng(_SEED), []
    for number, (later, past) in enumerate(pasts.items()):
        columns = [number, number + 1, *(chosen.index(item) for item in past.chosen), number + 2]
        # the year after is the last column, and no part of the test
        of = tested(every.names, counts[:, columns], bases[columns], past, wanted)
        groups, _ = gathered(read, of, [number, number + 1])
        flagged = np.array(sorted(group[0] for group in groups if of.judged.verdict[group[0]] == 1), np.int64)
        rows.append(_row(later, of, flagged, _alike(of, flagged, rng)))
    rows.append(_together(rows))
    return assembled(
        context,
        "backtest",
        f"Rising terms{on(context)} of {span[0]} to {span[1] - 1}, a year later",
        COLUMNS,
        rows,
        [described(item, counted, context.verdict(item)) for item in years],
        counted,
        [
            "Flagged: the terms that rise in a year against the year before, as `trend terms` has them, duplicates "
            "folded. Up a year later: their share is then above that of the year before they were flagged.",
            f"Random terms: for each {_EACH} that were tested in the same years, did not rise, and are held by about "
            f"as many submissions of the two years together (of the {_NEAREST} nearest, drawn with seed {_SEED}).",
        ],
        {"backtest": f"{span[0]}:{span[1]}", **wanted.query},
    )


def _alike(of: Tested, flagged: Ints, rng: np.random.Generator) -> Ints:
    """For each flagged term some others that did not rise and are nearly as common; none twice."""
    both = of.terms.counts[:, :2].sum(axis=1)
    others = (of.judged.verdict != 1) & ~np.isnan(of.judged.p)
    found: list[int] = []
    for place in flagged.tolist():
        pool = np.flatnonzero(others)
        near = pool[np.argsort(np.abs(np.log(both[pool] / both[place])), kind="stable")[:_NEAREST]]
        drawn = rng.choice(near, min(_EACH, len(near)), replace=False)
        found += drawn.tolist()
        others[drawn] = False
    return np.array(found, np.int64)


def _row(later: Period, of: Tested, flagged: Ints, random: Ints) -> dict[str, Any]:
    if not of.bases[[0, -1]].all():  # a share of nothing is not down
        names = [{"term": of.terms.names[place], "still_up": None} for place in flagged.tolist()]
        return _rated(later.label, len(flagged), None, len(random), None, names)
    shares = of.terms.counts[:, [0, -1]] / of.bases[[0, -1]]
    up = shares[:, 1] > shares[:, 0]
    names = [{"term": of.terms.names[place], "still_up": bool(up[place])} for place in flagged.tolist()]
    return _rated(later.label, len(flagged), int(up[flagged].sum()), len(random), int(up[random].sum()), names)


def _together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = [row for row in rows if row["still_up"] is not None]
    flagged, up, random, random_up = (
        sum(row[key] for row in known) for key in ("flagged", "still_up", "random", "random_up")
    )
    return _rated("all", flagged, up, random, random_up, [])


def _rated(
    label: str, flagged: int, up: int | None, random: int, random_up: int | None, terms: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    low, high = (None, None) if up is None else change.wilson(up, flagged)
    random_low, random_high = (None, None) if random_up is None else change.wilson(random_up, random)
    return {
        "period": label,
        "flagged": flagged,
        "still_up": up,
        "rate": None if up is None else change.share(up, flagged),
        "rate_low": low,
        "rate_high": high,
        "random": random,
        "random_up": random_up,
        "random_rate": None if random_up is None else change.share(random_up, random),
        "random_low": random_low,
        "random_high": random_high,
        "terms": list(terms),
    }
