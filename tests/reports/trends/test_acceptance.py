from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.worlds import coverage_record, paper
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.report import Report
from trendcli.core.types import Scope, Submission
from trendcli.reports.trends.acceptance import (
    acceptance_rate_fields,
    build_acceptance,
    drop_count_change,
    format_acceptance_rate,
)
from trendcli.stats.proportions import TwoProportions, wilson_interval
from trendcli.store.ingest import upsert_batches
from trendcli.store.records import build_batch_table
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query

SUBMITTED = Scope("submitted", ("submitted",))
ACCEPTED, REJECTED = "poster accepted active submitted", "rejected active submitted"
WITHDRAWN = "withdrawn submitted"


def venue_world() -> list[Submission]:
    """In 2021 30 of 40 submissions on GANs are accepted and 40 of 160 others; 10 more on GANs are withdrawn."""
    groups = [("A GAN", ACCEPTED, 30), ("A GAN", REJECTED, 10), ("A GAN", WITHDRAWN, 10)]
    groups += [("On nothing", ACCEPTED, 40), ("On nothing", REJECTED, 120)]
    rows = [(title, categories) for title, categories, count in groups for _ in range(count)]
    return [paper(f"2021-{n}", "2021-01-01", title, categories=of) for n, (title, of) in enumerate(rows)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The list of 2021, decided, and that of 2022, which is not."""
    decided = coverage_record(["submitted", "active", "accepted"], "2021-01-01", "2022-01-01")
    open_year = [
        coverage_record(["submitted", "active"], "2022-01-01", "2023-01-01", at="2021-06-01"),
        coverage_record(["accepted"], "2022-01-01", "2023-01-01", at="2021-06-01", status="partial"),
    ]
    store = Store.open_or_create(tmp_path, corpus="iclr")
    papers = [*venue_world(), paper("2022-1", "2022-01-01", "A GAN", categories="active submitted")]
    with store.write_lock():
        batch = build_batch_table(papers, "test", datetime(2021, 6, 1, tzinfo=UTC), "iclr")
        upsert_batches(store, [batch], [decided, *open_year])
    return store.with_text_fields(["title"])


def acceptance(store: Store, library: Library, **options: object) -> Report:
    query, known = parse_query(library, topics=["gan", "rnn"], corpus="iclr", sort="count", **options)
    return build_acceptance(store, known, query, SUBMITTED)


def test_the_accepted_share_of_a_topic_against_all_others(store: Store, library: Library) -> None:
    report = acceptance(store, library, period="2021")
    gan, rnn = report.rows
    assert (gan["topic"], gan["count"], gan["accepted"], gan["rate"]) == ("gan", 40, 30, 0.75)
    assert (gan["rate_low"], gan["rate_high"]) == wilson_interval(30, 40)
    assert gan["others"] == 40 / 160  # without the withdrawn, which were not decided on
    assert gan["relative_change"] == pytest.approx(0.75 / 0.25 - 1)
    assert gan["verdict"] == "more often accepted" and "count_change" not in gan
    assert (rnn["count"], rnn["rate"], rnn["verdict"]) == (0, None, "n/a")
    assert report.notes[:3] == [
        "Accepted: 70 of 200 submissions, 35.00 % [28.73, 41.84] (95 % Wilson interval).",
        "Relative difference is the rate divided by that of all other submissions, minus 1, with its 95 % interval. "
        "Association, not causation.",
        "Verdicts control the false discovery rate at 5 % over 1 topic (Benjamini-Hochberg); intervals are per row.",
    ]


def test_without_a_period_it_is_the_last_decided_year(store: Store, library: Library) -> None:
    assert acceptance(store, library).query["period"] == "2021"
    with pytest.raises(CoverageMissing, match="The decisions of iclr 2022 are not all known"):
        acceptance(store, library, period="2022")
    with pytest.raises(CoverageMissing, match="No complete list of iclr 2019 is stored"):
        acceptance(store, library, period="2019")


def test_acceptance_is_refused_where_none_can_differ(store: Store, gans: Store, library: Library) -> None:
    with pytest.raises(UsageError, match="Acceptance differs by year"):
        acceptance(store, library, since="2021")
    with pytest.raises(UsageError, match="among accepted submissions is always 100"):
        acceptance(store, library, scope=Scope("accepted", ("accepted",)))
    with pytest.raises(UsageError, match="arXiv does not accept or reject"):
        build_acceptance(gans, library, parse_query(library, topics=["gan"])[0], SUBMITTED)


def test_rates_of_nothing_do_not_exist() -> None:
    fields = acceptance_rate_fields(TwoProportions(5, 10, 0, 0))
    assert (fields["count"], fields["rate"], fields["rate_low"], fields["others"]) == (0, None, None, 0.5)
    assert format_acceptance_rate(0, 0) == "Accepted: 0 of 0 submissions."


def test_a_change_of_counts_is_dropped() -> None:
    assert drop_count_change({"count": 1, "count_change": 0.5}) == {"count": 1}
