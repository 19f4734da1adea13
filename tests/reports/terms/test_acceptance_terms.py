from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import run
from tests.reports.terms.worlds import fill_venue, run_terms
from trendcli.store.store import Store


@pytest.mark.journey
def test_the_rate_of_a_term_is_compared_with_that_of_all_others(venue: Path) -> None:
    report = run_terms(venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 10)
    (row,) = (row for row in report["rows"] if row["term"] == "vision transformer")
    assert row["verdict"] == "more often accepted"
    assert (row["count"], row["accepted"]) == (50, 40)
    assert row["rate"] == 0.8 and row["others"] == 0.24 and row["relative_change"] == pytest.approx(0.8 / 0.24 - 1)
    assert row["rate_low"] < 0.8 < row["rate_high"] and row["ci_low"] > 1
    assert report["summary"] == {"tested": report["summary"]["tested"], "accepted": 100, "submissions": 300}
    submitted = run_terms(
        venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 10, "--submission-status", "submitted"
    )
    (row,) = (row for row in submitted["rows"] if row["term"] == "vision transformer")
    assert (row["count"], row["accepted"]) == (80, 40)


def test_a_term_of_few_submissions_is_not_tested(tmp_path: Path) -> None:
    rows = [("poster" if n % 2 else "rejected", "Widget lattices" if n < 3 else "On nothing", "") for n in range(6)]
    fill_venue(Store.open_or_create(tmp_path / "venues" / "toy", corpus="toy"), 2021, rows)
    report = run_terms(tmp_path, "--corpus", "toy", "--outcome", "accepted", "--min-count", 1)
    assert report["summary"]["tested"] == 0


def test_columns_are_those_of_acceptance(venue: Path) -> None:
    report = run_terms(venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 10)
    assert report["summary"]["tested"] > 0 and "count_change" not in report["rows"][0]
    header = run(
        "terms", "--store", venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 900, "--format", "csv"
    )
    assert "rate_low,rate_high" in header.stdout and '"' not in header.stdout


def test_with_fields_keywords_whole_keywords_are_compared(venue: Path) -> None:
    report = run_terms(venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 10, "--fields", "keywords")
    rows = {row["term"]: row for row in report["rows"]}
    assert set(rows) == {"self attention", "vision transformer", "deep learning", "nothing at all", "kernel methods"}
    assert (rows["kernel methods"]["count"], rows["kernel methods"]["accepted"]) == (238, 48)
    assert rows["kernel methods"]["verdict"] == "less often accepted"
    assert (rows["deep learning"]["count"], rows["deep learning"]["accepted"]) == (12, 12)
    assert rows["vision transformer"]["count"] == 50
    assert rows["vision transformer"]["also"] == "vision transformers"
    assert rows["vision transformer"]["variants"] == [
        {"term": "vision transformer", "count": 40, "accepted": 32}, {"term": "vision transformers", "count": 10, "accepted": 8}
    ]  # fmt: skip
