"""fetch of a venue: when a year is final, and what OpenReview does not publish; see also tests/sources/test_openreview.py."""

from __future__ import annotations

from pathlib import Path

from tests.commands import run
from tests.worlds import coverage_record, fill
from trendcli.cli.commands.venue_fetch import _describe_gaps, _find_final_record
from trendcli.core.types import CoverageRecord
from trendcli.sources.openreview_venues import find_layout


def record(categories: list[str], status: str = "complete", source: str = "openreview") -> CoverageRecord:
    return coverage_record(categories, "2024-01-01", "2025-01-01", "2024-06-01", status, source=source)


def test_a_year_is_final_once_its_decisions_are_complete(tmp_path: Path) -> None:
    layout = find_layout("iclr", 2024)
    submitted, accepted = record(["submitted"]), record(["accepted"])
    for number, (records, expected) in enumerate(
        [
            ([submitted], None),
            ([submitted, record(["accepted"], "partial")], None),
            ([submitted, accepted], accepted),
            ([submitted, accepted, record(["accepted"], source="paperlists")], None),  # may be someone else's list
        ]
    ):
        store = fill(tmp_path / str(number), [], records, corpus="iclr")
        assert _find_final_record(store, layout, 2024) == expected
        assert _find_final_record(store, layout, 2023) is None


def test_what_openreview_does_not_publish_is_named() -> None:
    assert _describe_gaps(find_layout("iclr", 2024), "iclr", 2024) == []
    (gap,) = _describe_gaps(find_layout("neurips", 2023), "neurips", 2023)
    assert gap.endswith("only the accepted ones are complete: use --submission-status accepted.")
    assert "has no decisions for iclr 2014" in _describe_gaps(find_layout("iclr", 2014), "iclr", 2014)[0]


def test_a_dry_run_lists_the_lists_that_would_be_requested(tmp_path: Path) -> None:
    words = ["fetch", "--source", "openreview", "--venue", "iclr", "--year", "2024", "--dry-run"]
    result = run(*words, "--store", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert "A fetch would request 1 list from https://api2.openreview.net (API v2)" in result.stdout
    fill(tmp_path / "venues" / "iclr", [], [record(["submitted", "accepted"])], corpus="iclr")
    final = run(*words, "--store", tmp_path).stdout
    assert "A fetch would request 0 lists" in final
    assert "iclr 2024 was fetched with its decisions on 2024-06-01. To fetch it again, use --refresh." in final
