"""What the command fetch does for a conference: one year, whole, from OpenReview."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trendcli.cli.base import CommonOptions
from trendcli.cli.importing import harvest_with_progress, print_venue_summary, raise_for_failure

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
    """Fetch a year of a conference, unless that was done after it had decided; or with `shown` say what would be."""
    from trendcli.core.settings import pace_path
    from trendcli.core.types import Request
    from trendcli.sources.harvest import HarvestResult
    from trendcli.sources.http import Pace
    from trendcli.sources.openreview import Credentials, OpenReview
    from trendcli.sources.openreview_venues import find_layout
    from trendcli.sources.venue_lists import compare_with_list, next_list_time

    settings, how = common.resolved_settings[0], find_layout(venue, year)
    frozen = None if refresh else _frozen_record(store, how, year)
    if dry_run_output:
        common.write_report(_build_plan_report(settings, how, venue, year, frozen), *dry_run_output)
        return
    if frozen:
        common.print_note(
            f"0 new, 0 revised: {venue} {year} was fetched on {frozen.answered_at:%Y-%m-%d}, after it had decided, and "
            "is frozen. To ask once more, say --refresh."
        )
        raise_for_failure(HarvestResult(), fail_if_unchanged)
        return
    urls = (settings.openreview_v1_url, settings.openreview_url)
    login = Credentials(*(os.environ.get(f"OPENREVIEW_{name}", "") for name in ("USERNAME", "PASSWORD", "TOKEN")))
    pace = Pace(pace_path(), max(map(settings.interval_for_url, urls)))
    source = OpenReview(
        venue, year, urls, pace, login, settings.contact, next_list_time(store), partial(compare_with_list, store)
    )
    done = harvest_with_progress(common, store, source, [Request(())])
    print_venue_summary(common, done, venue, year, bool(how.decision_field))
    for sentence in _describe_gaps(how, venue, year) if done.coverage_records else ():
        common.print_note(sentence)
    raise_for_failure(done, fail_if_unchanged)


def _frozen_record(store: Store, how: VenueLayout, year: int) -> CoverageRecord | None:
    """The answer after which a year need not be asked for again: whole, and with every decision that there will be.

    The newest about the year, and from OpenReview: what was imported may be another's list.
    """
    last = "accepted" if how.decision_field else "submitted"
    said = [answer for answer in store.manifest.ledger if answer.since.year == year and last in answer.categories]
    return said[-1] if said and (said[-1].source, said[-1].status) == ("openreview", "complete") else None


def _describe_gaps(how: VenueLayout, venue: str, year: int) -> list[str]:
    """What OpenReview does not show of a year, as sentences."""
    said = []
    if not how.decision_field:
        said.append(f"OpenReview has no decisions of {venue} {year}, so nothing is known of what was accepted.")
    if not how.lists_rejected:
        said.append(
            f"{venue} shows rejected submissions only where their authors agreed, so the list vouches for the accepted "
            "ones alone: take --status accepted."
        )
    return said


def _build_plan_report(
    settings: Settings, how: VenueLayout, venue: str, year: int, frozen: CoverageRecord | None
) -> Report:
    """Which lists of OpenReview a fetch would ask for."""
    from trendcli.core.report import Column, Report

    url = settings.openreview_url if how.api_version == 2 else settings.openreview_v1_url
    invitations = {} if frozen else how.states_by_invitation(year)
    rows = [{"invitation": name, "holds": state or "submissions"} for name, state in invitations.items()]
    notes = ["Nothing was fetched."]
    if frozen:
        notes.append(
            f"{venue} {year} was fetched on {frozen.answered_at:%Y-%m-%d}, after it had decided; see --refresh."
        )
    return Report(
        kind="plan",
        title=f"A fetch would ask {url} (API v{how.api_version}) for {len(rows)} list{'' if len(rows) == 1 else 's'}",
        corpus=venue,
        synthetic=False,
        query={"source": "openreview", "venue": venue, "year": year, "api": f"v{how.api_version}", "address": url},
        columns=[Column("invitation", "Invitation", "text"), Column("holds", "Holds", "text")],
        rows=rows,
        notes=notes,
    )
