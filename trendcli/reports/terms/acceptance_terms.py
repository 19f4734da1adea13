"""Use-case outcome: which keywords go with acceptance to a conference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendcli.core.arrow import pc
from trendcli.core.errors import UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.base import build_report, describe_period
from trendcli.reports.terms import near_duplicates as folding
from trendcli.reports.terms import ngrams, texts, tokens
from trendcli.reports.terms.stopwords import NON_PLURALS
from trendcli.reports.terms.terms import (
    MAX_EXAMPLES,
    TermFilter,
    build_example_fields,
    narrow_base_to_topic,
    nearest_interval_end,
    topic_suffix,
)
from trendcli.reports.trends.acceptance import (
    ACCEPTANCE_VERDICTS,
    DIFFERENCE_NOTE,
    RATE_COLUMNS,
    acceptance_rate_fields,
    drop_count_change,
    find_decided_year,
    format_acceptance_rate,
)
from trendcli.stats import proportions as change
from trendcli.stats.distributions import IntArray
from trendcli.stats.multiple_testing import benjamini_hochberg
from trendcli.stats.proportions import FDR, Change, TwoProportions
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Query, bind

ACCEPTANCE_TERM_COLUMNS = (
    Column("term", "Term", "text", 0),
    *RATE_COLUMNS,
    Column("also", "Also", "text", 4),
    Column("paper", "Such as", "text", 5),
)
UNCLEAR_VERDICT = ACCEPTANCE_VERDICTS["no clear change"]

DocumentIndices = NDArray[np.int32]


def build_acceptance_terms(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    term_filter: TermFilter | None = None,
    progress: Progress = ignore_progress,
) -> Report:
    """Terms by how much more, or less, often the submissions that hold them were accepted than all others.

    The base is the scope of the question in one period, the last whole year where none is named. Where keywords alone
    are read, a term is a whole keyword. UsageError of arXiv; NoCoverage where the decisions are not known.
    """
    term_filter = term_filter or TermFilter()
    if store.corpus == ARXIV:
        raise UsageError("Who was accepted is known of a venue alone: name one, such as --corpus iclr.")
    context = narrow_base_to_topic(bind(store, library, query, default_scope, progress))
    period = find_decided_year(context)
    counted = context.count_submissions([period])
    read = texts.read_texts(context, [period])
    taken = pc.match_substring_regex(read.categories, "(^| )accepted( |$)").to_numpy().astype(np.int64)
    base, won = len(taken), int(taken.sum())
    whole_keywords = store.text_fields == ("keywords",)
    every = _find_keyword_documents(read) if whole_keywords else _find_term_documents(read, term_filter)
    held = {term: np.unique(np.concatenate(list(forms.values()))) for term, forms in every.items()}
    names = sorted(
        term for term, at in held.items() if len(at) >= term_filter.min_count and not folding.is_stopword_phrase(term)
    )
    sides = [_term_proportions(taken, held[name]) for name in names]
    moved = change.compute_changes(sides)
    qs = change.nan_to_none(benjamini_hochberg([found.p for found in moved]))
    chosen = [place for place, found in enumerate(moved) if found.p is not None and found.p <= FDR]
    acronyms = [names[place] for place in chosen if " " not in names[place]]
    long_form = folding.find_long_forms(tokens.count_acronym_definitions(read.tokens, acronyms))
    rows = []
    for way in (1, -1):
        mine = [place for place in chosen if way * (moved[place].points or 0.0) > 0]
        folded = folding.group_near_duplicates(
            [names[place] for place in mine], [held[names[place]] for place in mine], long_form
        )
        for group in folded:
            place, *others = (mine[member] for member in group)
            forms = every[names[place]] if len(every[names[place]]) > 1 else {}
            alike = {**forms, **{names[other]: held[names[other]] for other in others}}
            variants = [{"term": term, **_acceptance_counts(taken, at)} for term, at in alike.items()]
            examples = texts.newest_ids(read, held[names[place]], MAX_EXAMPLES)
            rows.append(
                _build_row(names[place], sides[place], moved[place], qs[place])
                | build_example_fields(context, names[place], variants, examples)
            )
    rows.sort(key=lambda row: (row["verdict"] == UNCLEAR_VERDICT, -abs(nearest_interval_end(row)), row["term"]))
    ways = [[row for row in rows if way * row["points"] > 0] for way in (1, -1)]
    listed = [row for one in ways for row in one[: term_filter.limit or None]]
    number = {verdict: sum(row["verdict"].startswith(verdict) for row in rows) for verdict in ("more", "less")}
    what = "keywords" if whole_keywords else f"terms of {term_filter.min_words} to {term_filter.max_words} words"
    tested = sum(found.p is not None for found in moved)
    most = f", {term_filter.limit} each way at most" if term_filter.limit else ""
    return build_report(
        context,
        "outcome",
        f"Terms that go with acceptance{topic_suffix(context)}, {period.label}",
        ACCEPTANCE_TERM_COLUMNS,
        listed,
        [describe_period(period, counted, context.period_status(period))],
        counted,
        [
            format_acceptance_rate(won, base),
            DIFFERENCE_NOTE,
            f"{tested:,} {what} were tested, those in {term_filter.min_count} or more submissions: "
            f"{number['more']} go with "
            f"acceptance, {number['less']} with rejection, near-duplicates folded. Listed are those with p ≤ {FDR}"
            f"{most}, in the order of the end of the interval that is nearer to no difference, so that a rare term "
            "with a high rate does not stand above a common one that is sure.",
            "Verdicts hold over all that were tested (q ≤ 0.05, Benjamini-Hochberg); intervals hold row by row.",
        ],
        {"period": period.label, "outcome": "accepted", **term_filter.query_fields},
        summary={"tested": tested, "accepted": won, "submissions": base},
    )


def _acceptance_counts(is_accepted: IntArray, documents: DocumentIndices) -> dict[str, int]:
    return {"count": len(documents), "accepted": int(is_accepted[documents].sum())}


def _term_proportions(is_accepted: IntArray, documents: DocumentIndices) -> TwoProportions:
    """The submissions without a term, and those with it."""
    won = int(is_accepted[documents].sum())
    return TwoProportions(int(is_accepted.sum()) - won, len(is_accepted) - len(documents), won, len(documents))


def _build_row(term: str, pair: TwoProportions, term_change: Change, q_value: float | None) -> dict[str, Any]:
    verdict = change.classify_change(pair.count_1, pair.count_2, term_change.points, q_value)
    return {
        "term": term,
        **acceptance_rate_fields(pair),
        **drop_count_change(term_change._asdict()),
        "q": q_value,
        "verdict": ACCEPTANCE_VERDICTS.get(verdict, verdict),
    }


def _find_term_documents(
    tokenized: texts.TokenizedSelection, term_filter: TermFilter
) -> dict[str, dict[str, DocumentIndices]]:
    """Terms, and the submissions that hold each."""
    found = ngrams.count_ngrams(
        tokenized.tokens,
        np.zeros(tokenized.tokens.document_count, np.int64),
        term_filter.min_count,
        max_words=term_filter.max_words,
    )
    length = np.array([name.count(" ") + 1 for name in found.terms], int)
    kept = found.select_rows(length >= term_filter.min_words)
    kept = kept.select_rows(folding.drop_subsumed(kept.terms, kept.counts.sum(axis=1)))
    held = zip(kept.terms, ngrams.find_documents(tokenized.tokens, kept.terms), strict=True)
    return {name: {name: numbers} for name, numbers in held}


def _find_keyword_documents(tokenized: texts.TokenizedSelection) -> dict[str, dict[str, DocumentIndices]]:
    """Whole keywords, and the submissions that hold each with and without a plural s; a hyphen is a space."""
    lines = tokenized.keywords.to_pylist()
    listed = [{word.strip().lower().replace("-", " ") for word in line.split(";")} - {""} for line in lines]
    known = {word for words in listed for word in words}
    held: dict[str, dict[str, list[int]]] = {}
    for number, words in enumerate(listed):
        for word in words:
            plural = word[-1] == "s" and word[:-1] in known and word.split()[-1] not in NON_PLURALS
            single = word[:-1] if plural else word
            held.setdefault(single, {}).setdefault(word, []).append(number)
    return {
        term: {word: np.array(numbers, np.int32) for word, numbers in sorted(forms.items())}
        for term, forms in held.items()
    }
