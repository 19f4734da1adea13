"""What the command fetch does for a conference: one year, whole, from OpenReview."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trendcli.cli.base import Common
from trendcli.cli.importing import end, harvested, told_of

if TYPE_CHECKING:
    from trendcli.core.settings import Settings
    from trendcli.core.types import Answer, Report
    from trendcli.sources.openreview_venues import Held
    from trendcli.store.store import Store


def fetch_year(
    common: Common,
    store: Store,
    venue: str,
    year: int,
    refresh: bool,
    shown: tuple[str | None, Path | None] | None,
    fail_if_unchanged: bool,
) -> None:
    """Fetch a year of a conference, unless that was done after it had decided; or with `shown` say what would be."""
    from trendcli.core.settings import pace_path
    from trendcli.core.types import Ask
    from trendcli.sources.harvest import Harvest
    from trendcli.sources.openreview import Login, OpenReview
    from trendcli.sources.openreview_venues import held
    from trendcli.sources.pace import Pace
    from trendcli.store.corpus import beside, moment

    settings, how = common.resolved[0], held(venue, year)
    frozen = None if refresh else _frozen(store, how, year)
    if shown:
        common.show(_lists(settings, how, venue, year, frozen), *shown)
        return
    if frozen:
        common.say(
            f"0 new, 0 revised: {venue} {year} was fetched on {frozen.answered_at:%Y-%m-%d}, after it had decided, and "
            "is frozen. To ask once more, say --refresh."
        )
        end(Harvest(), fail_if_unchanged)
        return
    urls = (settings.openreview_v1_url, settings.openreview_url)
    login = Login(*(os.environ.get(f"OPENREVIEW_{name}", "") for name in ("USERNAME", "PASSWORD", "TOKEN")))
    pace = Pace(pace_path(), max(map(settings.interval_for, urls)))
    source = OpenReview(venue, year, urls, pace, login, settings.contact, moment(store), partial(beside, store))
    done = harvested(common, store, source, [Ask(())])
    told_of(common, done, venue, year, bool(how.told))
    for sentence in _shown(how, venue, year) if done.answers else ():
        common.say(sentence)
    end(done, fail_if_unchanged)


def _frozen(store: Store, how: Held, year: int) -> Answer | None:
    """The answer after which a year need not be asked for again: whole, and with every decision that there will be.

    The newest about the year, and from OpenReview: what was imported may be another's list.
    """
    last = "accepted" if how.told else "submitted"
    said = [answer for answer in store.manifest.ledger if answer.since.year == year and last in answer.categories]
    return said[-1] if said and (said[-1].source, said[-1].status) == ("openreview", "complete") else None


def _shown(how: Held, venue: str, year: int) -> list[str]:
    """What OpenReview does not show of a year, as sentences."""
    said = []
    if not how.told:
        said.append(f"OpenReview has no decisions of {venue} {year}, so nothing is known of what was accepted.")
    if not how.rejected:
        said.append(
            f"{venue} shows rejected submissions only where their authors agreed, so the list vouches for the accepted "
            "ones alone: take --status accepted."
        )
    return said


def _lists(settings: Settings, how: Held, venue: str, year: int, frozen: Answer | None) -> Report:
    """Which lists of OpenReview a fetch would ask for."""
    from trendcli.core.types import Column, Report

    url = settings.openreview_url if how.api == 2 else settings.openreview_v1_url
    invitations = {} if frozen else how.invitations(year)
    rows = [{"invitation": name, "holds": state or "submissions"} for name, state in invitations.items()]
    notes = ["Nothing was fetched."]
    if frozen:
        notes.append(
            f"{venue} {year} was fetched on {frozen.answered_at:%Y-%m-%d}, after it had decided; see --refresh."
        )
    return Report(
        kind="plan",
        title=f"A fetch would ask {url} (API v{how.api}) for {len(rows)} list{'' if len(rows) == 1 else 's'}",
        corpus=venue,
        synthetic=False,
        query={"source": "openreview", "venue": venue, "year": year, "api": f"v{how.api}", "address": url},
        columns=[Column("invitation", "Invitation", "text"), Column("holds", "Holds", "text")],
        rows=rows,
        notes=notes,
    )
