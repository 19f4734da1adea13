"""Use-case terms: which runs of words more, or fewer, submissions hold than in an earlier period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports import significance as evidence
from trendcli.reports.base import build_report, describe_period, is_withheld, label_columns
from trendcli.reports.notes import coverage_phrase, status_command
from trendcli.reports.significance import History, PeriodPair
from trendcli.reports.terms import near_duplicates as folding
from trendcli.reports.terms import ngrams, texts, tokens
from trendcli.reports.terms.ngrams import NgramCounts
from trendcli.stats import proportions as change
from trendcli.stats import screening as movers
from trendcli.stats.distributions import IntArray
from trendcli.stats.proportions import FDR, MIN_COUNT, compute_share
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, comparison_periods

TERM_COLUMNS = (
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
MAX_EXAMPLES, MAX_SHOWN_VARIANTS = 3, 3
UNCLEAR_VERDICT = "no clear change"


@dataclass(frozen=True)
class TermFilter:
    """Which terms are tested, of so many words and in so many submissions of both periods together, and how many shown.

    20 is as few as can be told from chance among tens of thousands. `shown` is of rising and of falling ones each
    (0: all).
    """

    min_words: int = 1
    max_words: int = ngrams.MAX_NGRAM_WORDS
    min_count: int = 20
    limit: int = 20

    @property
    def query_fields(self) -> dict[str, Any]:
        """The same by the names of the command line."""
        return {"words": f"{self.min_words}-{self.max_words}", "min_count": self.min_count, "limit": self.limit}


class TermTests(NamedTuple):
    """All terms that were tested, their counts by period (the earlier, the later, their history), and what came out.

    `bases` are those of the periods.
    """

    ngrams: NgramCounts
    totals: IntArray
    overdispersion: movers.TermOverdispersion
    result: movers.ScreeningResult

    @property
    def test_count(self) -> int:
        """How many tests there were."""
        return int((~np.isnan(self.result.p)).sum())


def build_term_changes(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    term_filter: TermFilter | None = None,
    progress: Progress = ignore_progress,
) -> Report:
    """The terms whose share rises or falls between two periods, near-duplicates folded, common language left out.

    Without dates the last complete year against the one before. A topic of the question makes its matches the base.
    NoCoverage where one of the periods is not whole.
    """
    term_filter = term_filter or TermFilter()
    context = narrow_base_to_topic(bind(store, library, query, default_scope, progress))
    later, earlier = comparison_periods(context)
    pair = earlier, later
    check_periods_complete(context, pair)
    past = evidence.find_history(context, pair)
    chosen = [*pair, *past.periods]
    counted = context.count_submissions(chosen)
    read = texts.read_texts(context, chosen)
    every = ngrams.count_ngrams(
        read.tokens, read.group_of, term_filter.min_count, read.group_mask([0, 1]), term_filter.max_words
    )
    found = run_term_tests(every.terms, read.sum_by_period(every.counts), read.period_totals, past, term_filter)
    rows, common = _build_rows(context, read, found, pair)
    return build_report(
        context,
        "terms",
        f"Terms{topic_suffix(context)}, {later.label} against {earlier.label}",
        label_columns(TERM_COLUMNS, earlier, later),
        [row for sign in (1, -1) for row in _select_rows(rows, sign, term_filter.limit)],
        [describe_period(item, counted, context.period_status(item)) for item in pair],
        counted,
        _build_notes(found, rows, common, term_filter, past, searched_fields(context)),
        {"by": later.unit, "period": later.label, "vs": earlier.label, **term_filter.query_fields},
        summary={"tested": found.test_count, "common": common},
    )


def narrow_base_to_topic(bound: BoundQuery) -> BoundQuery:
    """The same context with the topic of its question as the base; UsageError where that is not one topic."""
    selection = bound.selection
    if len(selection.topics) > 1 or selection.both or (selection.topics and selection.within):
        raise UsageError("Terms are counted within one topic at most: name one with -t or --within, and no --and.")
    if selection.match == "strict":
        raise UsageError("A submission holds a term or does not: --match any, or title for titles alone.")
    within = selection.topics[0] if selection.topics else selection.within
    return replace(bound, selection=replace(selection, topics=(), within=within))


def topic_suffix(bound: BoundQuery) -> str:
    """Which topic the base is narrowed to, behind what is counted in it; empty where to none."""
    within = bound.selection.within
    return f" on {bound.library.get_topic(within).name}" if within else ""


def searched_fields(bound: BoundQuery) -> Sequence[str]:
    """The parts of a submission that terms are looked for in."""
    return ("title",) if bound.selection.match == "title" else bound.store.text_fields


def check_periods_complete(bound: BoundQuery, required_periods: Sequence[Any], reason: str = "") -> None:
    """NoCoverage where a period is not whole, with a sentence about why it was asked for."""
    for item in required_periods:
        verdict = bound.period_status(item)
        if is_withheld(verdict, bound.query):
            missing = coverage_phrase(bound.selection.corpus, verdict.missing_categories)
            why = f"it is not {missing}" if verdict.missing_categories else "it is not over yet"
            raise CoverageMissing(
                f"{item.label} is not whole: {why}. {reason}Name other periods, or see "
                f"{status_command(bound.selection.corpus)}; --include-partial takes what is there."
            )


def run_term_tests(
    term_names: Sequence[str], counts: IntArray, totals: IntArray, period_history: History, term_filter: TermFilter
) -> TermTests:
    """Test every term; the first columns of `counts` and `bases` are the pair, then the periods of its history.

    Terms of common words, and parts of longer terms that no other submission holds, are not in the family.
    """
    length = np.array([term.count(" ") + 1 for term in term_names], int)
    both = counts[:, :2].sum(axis=1)
    chosen = (length >= term_filter.min_words) & (length <= term_filter.max_words) & (both >= term_filter.min_count)
    chosen &= np.array([not folding.is_stopword_phrase(term) for term in term_names], bool)
    of = NgramCounts(list(term_names), counts).select_rows(chosen)
    of = of.select_rows(folding.drop_subsumed(of.terms, of.counts[:, :2].sum(axis=1)))
    places, history = (
        [evidence.calendar_index(item) for item in period_history.periods],
        slice(2, 2 + len(period_history.periods)),
    )
    asked = movers.is_testable(of.counts[:, 0], of.counts[:, 1])
    spread = movers.estimate_term_overdispersion(
        of.counts[:, history], totals[history], places, period_history.unit, period_history.segment_of, asked
    )
    judged = movers.screen_terms(of.counts[:, 0], int(totals[0]), of.counts[:, 1], int(totals[1]), spread)
    return TermTests(of, totals, spread, judged)


def _build_rows(
    bound: BoundQuery, tokenized: texts.TokenizedSelection, term_tests: TermTests, pair: PeriodPair
) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each group of near-duplicates that moved by itself, and the terms that are common language.

    Those that moved among all that were tested come first.
    """
    groups, common = group_changed_terms(tokenized, term_tests, [0, 1])
    leaders = np.array([group[0] for group in groups], np.int64)
    one, two = term_tests.ngrams.counts[leaders, 0], term_tests.ngrams.counts[leaders, 1]
    moved = movers.compute_term_changes(
        one, int(term_tests.totals[0]), two, int(term_tests.totals[1]), term_tests.overdispersion.select_terms(leaders)
    )
    held = ngrams.find_documents(tokenized.tokens, [term_tests.ngrams.terms[leader] for leader in leaders.tolist()])
    rows = []
    for group, mine, shift in zip(groups, held, moved, strict=True):
        side = mine[tokenized.submission_mask([1 if (shift.points or 0.0) > 0 else 0])[mine]]
        rows.append(_build_row(bound, term_tests, group, shift, texts.newest_ids(tokenized, side, MAX_EXAMPLES), pair))
    rows.sort(key=lambda row: (row["verdict"] == UNCLEAR_VERDICT, -abs(nearest_interval_end(row)), row["term"]))
    flagged = {term_tests.ngrams.terms[place] for place in np.flatnonzero(term_tests.result.direction).tolist()}
    return rows, sorted(common & flagged)


def group_changed_terms(
    tokenized: texts.TokenizedSelection, term_tests: TermTests, period_indices: Sequence[int]
) -> tuple[list[list[int]], set[str]]:
    """The terms that moved by themselves, by their places among those tested, in groups of near-duplicates.

    A group goes one way. It is named by its first, which is one that moved among all where there is one. Common
    language is in no group and comes beside; `pair` numbers the two periods.
    """
    places = np.flatnonzero(term_tests.result.p <= FDR)
    sign = np.sign(
        term_tests.ngrams.counts[places, 1] * term_tests.totals[0]
        - term_tests.ngrams.counts[places, 0] * term_tests.totals[1]
    )
    names = [term_tests.ngrams.terms[place] for place in places.tolist()]
    both = tokenized.submission_mask(period_indices)
    held = [numbers[both[numbers]] for numbers in ngrams.find_documents(tokenized.tokens, names)]
    common = texts.find_common_terms(tokenized, names, held, both)
    kept = [number for number, name in enumerate(names) if name not in common]
    acronyms = [names[number] for number in kept if " " not in names[number]]
    long_form = folding.find_long_forms(tokens.count_acronym_definitions(tokenized.tokens, acronyms))
    groups = []
    for way in (1, -1):
        chosen = [number for number in kept if sign[number] == way]
        folded = folding.group_near_duplicates(
            [names[number] for number in chosen], [held[number] for number in chosen], long_form
        )
        groups += [[int(places[chosen[member]]) for member in group] for group in folded]
    return [sorted(group, key=lambda place: term_tests.result.direction[place] == 0) for group in groups], common


def nearest_interval_end(row: Mapping[str, Any]) -> float:
    """The end of a row's interval that is nearer to no change, on a scale on which halving is as much as doubling."""
    if row["points"] > 0:
        return float(np.log1p(max(row["ci_low"], 0.0)))
    return float(np.log1p(min(row["ci_high"], 0.0)))


def _build_row(
    bound: BoundQuery,
    term_tests: TermTests,
    members: Sequence[int],
    term_change: change.Change,
    examples: Sequence[str],
    pair: PeriodPair,
) -> dict[str, Any]:
    place, *others = members
    counts, (base_1, base_2) = term_tests.ngrams.counts, term_tests.totals[:2].tolist()
    one, two = counts[place, :2].tolist()
    variants = [
        {"term": term_tests.ngrams.terms[other], "count_1": int(counts[other, 0]), "count_2": int(counts[other, 1])}
        for other in others
    ]
    return {
        "term": term_tests.ngrams.terms[place],
        "period_1": pair[0].label,
        "period_2": pair[1].label,
        "base_1": base_1,
        "base_2": base_2,
        "count_1": one,
        "count_2": two,
        "share_1": compute_share(one, base_1),
        "share_2": compute_share(two, base_2),
        **term_change._asdict(),
        "dispersion": float(term_tests.overdispersion.phi[place]),
        "q": float(term_tests.result.q[place]),
        "verdict": {1: "rising", -1: "falling", 0: UNCLEAR_VERDICT}[int(term_tests.result.direction[place])],
        **build_example_fields(bound, term_tests.ngrams.terms[place], variants, examples),
    }


def build_example_fields(
    bound: BoundQuery, term: str, variants: Sequence[Mapping[str, Any]], examples: Sequence[str]
) -> dict[str, Any]:
    """The near-duplicates and the examples of a term's row, for programs and for people."""
    url = "https://arxiv.org/abs/" if bound.selection.corpus == ARXIV else ""
    others = [item["term"] for item in variants if item["term"] != term]
    more = [f"and {len(others) - MAX_SHOWN_VARIANTS} more"] if len(others) > MAX_SHOWN_VARIANTS else []
    return {
        "variants": list(variants),
        "also": ", ".join([*others[:MAX_SHOWN_VARIANTS], *more]),
        "examples": [{"id": name, **({"url": url + name} if url else {})} for name in examples],
        "paper": examples[0] if examples else "",
    }


def _select_rows(rows: Sequence[dict[str, Any]], direction: int, limit: int) -> list[dict[str, Any]]:
    """The first rows that go up (1) or down (-1): those that moved, and others to fill up."""
    chosen = [row for row in rows if direction * row["points"] > 0]
    return chosen[:limit] if limit else chosen


def _build_notes(
    term_tests: TermTests,
    rows: Sequence[Mapping[str, Any]],
    common_terms: Sequence[str],
    term_filter: TermFilter,
    period_history: History,
    fields: Sequence[str],
) -> list[str]:
    number = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ("rising", "falling")}
    least, most = (term_tests.overdispersion.phi.min(initial=1e9), term_tests.overdispersion.phi.max(initial=1.0))
    where = f"from the {period_history.unit}s {period_history.placement} the periods"
    if not term_tests.test_count:
        spread = ""
    elif not term_tests.overdispersion.is_estimated:
        spread = " Too little history to tell how much counts jump beyond chance, so intervals may be too narrow."
    elif len(term_tests.overdispersion.phi) < movers.MIN_POOLED_TERMS:
        spread = f" Dispersion {least:.1f} to {most:.1f} (1: chance alone), {where}."
    else:
        spread = (
            f" Dispersion {least:.2f}, the mean of all terms, or a term's own where larger (1: chance alone), {where}."
        )
    few = "" if term_filter.min_count >= 2 * MIN_COUNT else f", and {MIN_COUNT} or more of one"
    listed = f"{term_filter.limit} each way are listed" if term_filter.limit else f"All with p ≤ {FDR} are listed"
    notes = [
        f"{term_tests.test_count:,} terms of {term_filter.min_words} to {term_filter.max_words} words were "
        f"tested, those in {term_filter.min_count} "
        f"or more submissions of the two periods together{few}: {number['rising']} rise, {number['falling']} fall, "
        f"near-duplicates folded. {listed}, those first, by the end of the interval that is nearer to no change.",
        f"A term counts a submission once, by {' or '.join(fields)}, with or without a plural s; a hyphen is a space.",
        f"Verdicts hold over all terms tested (q ≤ {FDR}, Benjamini-Hochberg); intervals hold row by row.{spread}",
    ]
    if not term_tests.totals[:2].all():
        notes.insert(0, "One of the two periods has no submissions at all, so there is nothing to compare.")
    if common_terms:
        notes.append(
            f"{len(common_terms)} more that moved are common language and left out, such as "
            f"{', '.join(common_terms[:6])}."
        )
    return notes
