"""What the reports on terms share: the filter of terms, the base of a query, and the fields of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import Period
from trendcli.reports.base import is_withheld
from trendcli.reports.notes import coverage_phrase, status_command
from trendcli.reports.terms.ngrams import MAX_NGRAM_WORDS
from trendcli.store.manifest import ARXIV
from trendcli.topics.query import BoundQuery

MAX_EXAMPLES = 3  # example submissions of a row
MAX_SHOWN_VARIANTS = 3  # near-duplicates of a row in a table; JSON has all


@dataclass(frozen=True)
class TermFilter:
    """Which terms are tested, by their number of words and of submissions, and how many are shown.

    `min_count` is of the two periods together: fewer than about 20 cannot be told from chance among tens of thousands
    of tests. `limit` is of rising and of falling terms each (0: all).
    """

    min_words: int = 1
    max_words: int = MAX_NGRAM_WORDS
    min_count: int = 20
    limit: int = 20

    @property
    def query_fields(self) -> dict[str, Any]:
        """The filter as the fields of a report's query, named like the options."""
        return {"words": f"{self.min_words}-{self.max_words}", "min_count": self.min_count, "limit": self.limit}


def narrow_base_to_topic(bound: BoundQuery) -> BoundQuery:
    """Return a query with its topic, if any, as the base; UsageError unless that is one topic at most."""
    selection = bound.selection
    if len(selection.topics) > 1 or selection.both or (selection.topics and selection.within):
        raise UsageError("Terms are counted within at most one topic: give one -t or --within, and no --and.")
    if selection.match == "strict":
        raise UsageError("Terms have no strict match: use --match any, or --match title for titles alone.")
    within = selection.topics[0] if selection.topics else selection.within
    return replace(bound, selection=replace(selection, topics=(), within=within))


def topic_suffix(bound: BoundQuery) -> str:
    """Return " on <topic>" for the topic that a base is narrowed to, for titles; '' for none."""
    within = bound.selection.within
    return f" on {bound.library.get_topic(within).name}" if within else ""


def searched_fields(bound: BoundQuery) -> Sequence[str]:
    """Return the fields of a submission that terms are looked for in."""
    return ("title",) if bound.selection.match == "title" else bound.store.text_fields


def check_periods_complete(bound: BoundQuery, required_periods: Sequence[Period], reason: str = "") -> None:
    """Raise CoverageMissing if a period is incomplete; `reason` is a sentence on why it is needed, with a space."""
    for period in required_periods:
        status = bound.period_status(period)
        if is_withheld(status, bound.query):
            missing = coverage_phrase(bound.selection.corpus, status.missing_categories)
            cause = f"it is not {missing}" if status.missing_categories else "it has not ended yet"
            raise CoverageMissing(
                f"{period.label} is incomplete: {cause}. {reason}Choose other periods (see "
                f"{status_command(bound.selection.corpus)}), or count what is there with --include-partial."
            )


def build_example_fields(
    bound: BoundQuery, term: str, variants: Sequence[Mapping[str, Any]], example_ids: Sequence[str]
) -> dict[str, Any]:
    """Return the fields of a row on near-duplicates and examples: in full for programs, shortened for tables."""
    url = "https://arxiv.org/abs/" if bound.selection.corpus == ARXIV else ""
    others = [variant["term"] for variant in variants if variant["term"] != term]
    more = [f"and {len(others) - MAX_SHOWN_VARIANTS} more"] if len(others) > MAX_SHOWN_VARIANTS else []
    return {
        "variants": list(variants),
        "also": ", ".join([*others[:MAX_SHOWN_VARIANTS], *more]),
        "examples": [{"id": example_id, **({"url": url + example_id} if url else {})} for example_id in example_ids],
        "paper": example_ids[0] if example_ids else "",
    }


def nearest_interval_end(row: Mapping[str, Any]) -> float:
    """Return the end of a row's interval that is nearer to no change, on a log scale: halving is as far as doubling."""
    if row["points"] > 0:
        return float(np.log1p(max(row["ci_low"], 0.0)))
    return float(np.log1p(min(row["ci_high"], 0.0)))
