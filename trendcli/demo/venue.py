"""A made-up conference with planted acceptance, as lists in the form of paperlists. Nothing in it was ever submitted.

Planted, and to be found again: graph networks have three times the odds of being accepted, recurrent networks a third.
"""

from __future__ import annotations

import random
from typing import Any

from trendcli.demo import corpus

NAME = "demo"
# submissions a year, and what becomes of a hundred of them that nothing is planted in
SIZES = {2018: 2000, 2019: 3000}
DECISIONS = {"Oral": 3, "Poster": 27, "Reject": 50, "Withdraw": 17, "Desk Reject": 3}
FACTORS = {"gnn": 3.0, "rnn": 1 / 3}


def lists(seed: int = 1) -> dict[int, list[dict[str, Any]]]:
    """The list of each year; the same seed gives the same ones. One submission in nine has no keywords."""
    rng = random.Random(seed)
    return {
        year: [_entry(f"{year}-{number:04d}", paper, rng) for number, paper in enumerate(_papers(seed, year, size), 1)]
        for year, size in SIZES.items()
    }


def _papers(seed: int, year: int, size: int) -> list[corpus.Paper]:
    return corpus.make(seed + year, {year: size})


def _entry(ident: str, paper: corpus.Paper, rng: random.Random) -> dict[str, Any]:
    factor = 1.0
    for topic in paper.topics:
        factor *= FACTORS.get(topic, 1.0)
    weights = [weight * (factor if name in ("Oral", "Poster") else 1) for name, weight in DECISIONS.items()]
    keywords = [topic.replace("-", " ") for topic in sorted(paper.topics)] or ["deep learning"]
    return {
        "id": ident,
        "title": paper.title,
        "abstract": paper.abstract,
        "keywords": "" if rng.random() < 1 / 9 else ";".join(keywords),
        "author": ";".join(paper.authors),
        "status": rng.choices(list(DECISIONS), weights)[0],
    }
