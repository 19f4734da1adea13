"""A synthetic conference with planted acceptance, as lists in the format of paperlists. Nothing in it was submitted.

Planted, for reports to find again: graph networks have three times the odds of acceptance, recurrent networks a third.
"""

from __future__ import annotations

import random
from typing import Any

from trendcli.demo.corpus import SyntheticSubmission, build_corpus

VENUE_NAME = "demo"
# submissions a year
YEARLY_COUNTS = {2018: 2000, 2019: 3000}
# statuses of 100 submissions in which nothing is planted
STATUS_WEIGHTS = {"Oral": 3, "Poster": 27, "Reject": 50, "Withdraw": 17, "Desk Reject": 3}
# what a topic multiplies the odds of acceptance by
TOPIC_ODDS_FACTORS = {"gnn": 3.0, "rnn": 1 / 3}


def build_lists(seed: int = 1) -> dict[int, list[dict[str, Any]]]:
    """Build the list of each year; the same seed gives the same ones. One submission in nine has no keywords."""
    rng = random.Random(seed)
    return {
        year: [
            _build_entry(f"{year}-{number:04d}", submission, rng)
            for number, submission in enumerate(build_corpus(seed + year, {year: count}), 1)
        ]
        for year, count in YEARLY_COUNTS.items()
    }


def _build_entry(ident: str, submission: SyntheticSubmission, rng: random.Random) -> dict[str, Any]:
    factor = 1.0
    for topic in submission.topics:
        factor *= TOPIC_ODDS_FACTORS.get(topic, 1.0)
    weights = [weight * (factor if name in ("Oral", "Poster") else 1) for name, weight in STATUS_WEIGHTS.items()]
    keywords = [topic.replace("-", " ") for topic in sorted(submission.topics)] or ["deep learning"]
    return {
        "id": ident,
        "title": submission.title,
        "abstract": submission.abstract,
        "keywords": "" if rng.random() < 1 / 9 else ";".join(keywords),
        "author": ";".join(submission.authors),
        "status": rng.choices(list(STATUS_WEIGHTS), weights)[0],
    }
