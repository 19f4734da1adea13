"""The command fetch for a venue: one year, as a whole, from OpenReview."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trendcli.cli.base import CommonOptions
from trendcli.cli.commands.importing import (
    build_pace,
    harvest_with_progress,
    print_venue_summary,
    raise_for_failure,
)

if TYPE_CHECKING:
    from trendcli.core.report import Report
    from trendcli.core.settings import Settings
    from trendcli.core.types import CoverageRecord
    from trendcli.sources.openreview_venues import VenueLayout
    from trendcli.store.store import Store


def fetch_venue_year(
    common: CommonOptions,
    store: Store,
    venue: str,
    year: int,
    refresh: bool,
    dry_run_output: tuple[str | None, Path | None] | None,
    fail_if_unchanged: bool,
) -> None:
    """Fetch a year of a venue, unless it is stored with its decisions and `refresh` is false.

    `dry_run_output` is the format and file of a dry run, which only reports what would be requested.
    """
    from trendcli.core.types import Request
    from trendcli.sources.harvest import HarvestResult
    from trendcli.sources.openreview import Credentials, OpenReview
    from trendcli.sources.openreview_venues import find_layout
    from trendcli.sources.venue_lists import compare_with_list, next_list_time

    settings, layout = common.resolved_settings[0], find_layout(venue, year)
    final_record = None if refresh else _find_final_record(store, layout, year)
    if dry_run_output:
        report_format, output = dry_run_output
        common.write_report(_build_plan_report(settings, layout, venue, year, final_record), report_format, output)
        return
    if final_record:
        common.print_note(f"0 new, 0 revised: {_format_final_note(final_record, venue, year)}")
        raise_for_failure(HarvestResult(), fail_if_unchanged)
        return
    urls = (settings.openreview_v1_url, settings.openreview_url)
    login = Credentials(*(os.environ.get(f"OPENREVIEW_{name}", "") for name in ("USERNAME", "PASSWORD", "TOKEN")))
    source = OpenReview(
        venue,
        year,
        urls,
        build_pace(common, *urls),
        login,
        settings.contact,
        partial(next_list_time, store),
        partial(compare_with_list, store),
    )
    result = harvest_with_progress(common, store, source, [Request(())])
    print_venue_summary(common, result, venue, year, has_decisions=bool(layout.decision_field))
    for note in _describe_gaps(layout, venue, year) if result.coverage_records else ():
        common.print_note(note)
    raise_for_failure(result, fail_if_unchanged)


def _find_final_record(store: Store, layout: VenueLayout, year: int) -> CoverageRecord | None:
    """Return the coverage record after which a year need not be fetched again: complete, with all decisions.

    It is the newest one about the year, if it is from OpenReview: an imported list may be someone else's.
    """
    last_category = "accepted" if layout.decision_field else "submitted"
    records = [
        record for record in store.manifest.ledger if record.since.year == year and last_category in record.categories
    ]
    return records[-1] if records and (records[-1].source, records[-1].status) == ("openreview", "complete") else None


def _format_final_note(final_record: CoverageRecord, venue: str, year: int) -> str:
    return (
        f"{venue} {year} was fetched with its decisions on {final_record.answered_at:%Y-%m-%d}. To fetch it again, use "
        "--refresh."
    )


def _describe_gaps(layout: VenueLayout, venue: str, year: int) -> list[str]:
    """Return notes on what OpenReview does not publish of a year."""
    notes = []
    if not layout.decision_field:
        notes.append(f"OpenReview has no decisions for {venue} {year}, so accepted counts are n/a.")
    if not layout.lists_rejected:
        notes.append(
            f"{venue} publishes rejected submissions only if their authors agreed, so only the accepted ones are "
            "complete: use --submission-status accepted."
        )
    return notes


def _build_plan_report(
    settings: Settings, layout: VenueLayout, venue: str, year: int, final_record: CoverageRecord | None
) -> Report:
    """Return the report of which lists of OpenReview a fetch would request."""
    from trendcli.core.report import Column, Report
    from trendcli.reports.notes import format_count

    url = settings.openreview_url if layout.api_version == 2 else settings.openreview_v1_url
    invitations = {} if final_record else layout.states_by_invitation(year)
    rows = [{"invitation": name, "holds": state or "submissions"} for name, state in invitations.items()]
    return Report(
        kind="plan",
        title=f"A fetch would request {format_count(len(rows), 'list')} from {url} (API v{layout.api_version})",
        corpus=venue,
        synthetic=False,
        query={
            "source": "openreview", "venue": venue, "year": year, "api": f"v{layout.api_version}", "address": url,
        },
        columns=[Column("invitation", "Invitation", "text"), Column("holds", "Contents", "text")],
        rows=rows,
        notes=["Nothing was fetched.", *([_format_final_note(final_record, venue, year)] if final_record else [])],
    )  # fmt: skip
