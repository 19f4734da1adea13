"""Fixtures of the tests of topic definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import coverage_record, fill, papers_of_day
from trendcli.core.report import Report
from trendcli.core.types import Submission
from trendcli.reports.curation.check import check_topics
from trendcli.topics.loader import load_library
from trendcli.topics.query import parse_query


@pytest.fixture
def papers() -> Callable[..., list[Submission]]:
    """Build submissions of one day with one abstract: papers('2012-03-01', 40, 'A seen word.')."""
    numbers = {"next": 0}

    def build(day: str, number: int, abstract: str = "We say little.", **changes: Any) -> list[Submission]:
        first, numbers["next"] = numbers["next"], numbers["next"] + number
        return papers_of_day(day, number, abstract, first_number=first, **changes)

    return build


@pytest.fixture
def check(tmp_path: Path, topic_file: Any) -> Callable[..., Report]:
    """Check the topics of a file by submissions, in a store that covers 2010 to 2019: check(submissions, 'topics: …').

    Names of topics follow, all by default; options are those of the query.
    """
    store_numbers = count()

    def run_check(
        submissions: Sequence[Submission],
        topics: str,
        *names: str,
        include_explained: bool = False,
        **options: Any,
    ) -> Report:
        covered = [coverage_record(["*"], since="2010-01-01", until="2020-01-01")]
        store = fill(tmp_path / f"store-{next(store_numbers)}", submissions, covered)
        library = load_library(topic_file(topics).parent)
        query, library = parse_query(library, topics=names or sorted(library.topics), **options)
        return check_topics(store, library, query, include_explained=include_explained)

    return run_check
