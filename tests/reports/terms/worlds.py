"""Small corpora for the tests of terms, and short ways to tokenise texts and to run `trend terms` on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.commands import run
from tests.worlds import paper
from trendcli.core.types import Submission
from trendcli.reports.terms.tokens import TokenizedDocuments, tokenize_batches
from trendcli.sources.venue_lists import build_coverage_records, build_venue_submission
from trendcli.store.ingest import upsert_batches
from trendcli.store.records import build_batch_table
from trendcli.store.store import Store

# in how many of 300 submissions of 2018, and of 2019, each sentence is
PLANTED = {
    "Of graph neural networks (GNNs).": (8, 90),
    "A Graph-neural network (GNN).": (2, 30),
    "By inductive logic programs.": (90, 12),
    "With kernel methods.": (60, 60),
    "Our state-of-the-art results of extensive experiments on large scale data.": (20, 120),
}


def planted_world() -> list[Submission]:
    """Return 300 submissions of 2018 and of 2019 with the sentences of PLANTED; half have a title of their own."""
    submissions = []
    for side, year in enumerate((2018, 2019)):
        sentences = [sentence for sentence, counts in PLANTED.items() for _ in range(counts[side])]
        for number in range(300):
            abstract = " ".join(["Nothing.", *sentences[number::300]])
            day = f"{year}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
            title = "On nothing" if number % 2 else f"Topic x{number}y{year}"
            submissions.append(paper(f"{year % 100}{number % 12 + 1:02d}.{number:05d}", day, title, abstract))
    return submissions


def fill_venue(store: Store, year: int, rows: Sequence[tuple[str, str, str]]) -> None:
    """Add a list of a conference: (decision, title, keywords separated by semicolons) of each submission."""
    listed_at = datetime(year + 1, 6, 1, tzinfo=UTC)
    submissions = [
        build_venue_submission(
            id=f"v{year}n{number:04d}",
            year=year,
            decision=decision,
            title=title,
            abstract="",
            keywords=keywords.split("; "),
            authors=["A. One"],
            listed_at=listed_at,
        )
        for number, (decision, title, keywords) in enumerate(rows)
    ]
    decisions = [submission.categories.split()[0] for submission in submissions]
    ledger = build_coverage_records("test", year, decisions, listed_at, "", "")
    with store.write_lock():
        upsert_batches(store, [build_batch_table(submissions, "test", listed_at, store.corpus)], list(ledger))


def tokenize(texts: Sequence[Sequence[str]], batch_size: int = 3) -> TokenizedDocuments:
    """Tokenise pairs of title and abstract, a few at a time."""
    titles, bodies = (pa.array([text[column] for text in texts], pa.string()) for column in (0, 1))
    return tokenize_batches(
        (titles[start : start + batch_size], bodies[start : start + batch_size])
        for start in range(0, len(texts), batch_size)
    )


def run_terms(root: Path, *words: Any) -> dict[str, Any]:
    """Return the report of `trend terms` on a store."""
    result = run("terms", "--store", root, *words, "--format", "json")
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report
