"""OpenReview's lists of the submissions to a conference, through openreview-py.

The package logs in and knows both APIs. By itself it waits for ever, tries eight times, prints that to stdout and asks
for codes at a terminal; its sessions are given a Transport, which rules all of that out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import requests

from trendcli.core.errors import ActionRequiredError, RetryableError, SettingsError, SourceUnreachable, UsageError
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Submission
from trendcli.sources.clock import parse_moment
from trendcli.sources.failures import quote_text
from trendcli.sources.http import (
    RETRY_ADVICE,
    RETRY_STATUSES,
    InvalidResponse,
    Transport,
    mount_transport,
    parse_retry_after,
)
from trendcli.sources.openreview_venues import build_submission, find_decision, find_layout
from trendcli.sources.pace import Pace, clamp_wait
from trendcli.sources.reply import LimitExceeded
from trendcli.sources.venue_lists import ListComparison, build_coverage_records, wrong_year_error
from trendcli.store.records import build_batch_table

# notes a request: the most that the APIs send
NOTES_PER_PAGE = 1000
# fewer where each note comes with its replies
NOTES_PER_PAGE_WITH_REPLIES = 200
# characters that begin or end a value of a reply; 1,000 notes have about 200,000. A value takes 60 bytes of memory
MAX_MARKS = 4_000_000
# seconds; a rate limit that is lifted sooner is waited for
MAX_RATE_LIMIT_WAIT_S = 120.0
_NOTHING_STORED = "A year is stored as a whole, so nothing was stored"
_LOGIN_ADVICE = "Set OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD to those of an account at openreview.net"


class Credentials(NamedTuple):
    """An account: a name and a password, or a token; all empty to go without a login."""

    username: str = ""
    password: str = ""
    token: str = ""


class OpenReview:
    """The submissions to a venue in a year as a Source; `urls` are those of API v1 and v2.

    `find_list_time(answered_at)` returns the time of the list by that of the answer. `compare_with_list(ids, year)`
    returns what the store holds besides a list. Raises UsageError where OpenReview does not hold that year or
    openreview-py is not installed, SettingsError for incomplete or malformed credentials.
    """

    name = "openreview"

    def __init__(
        self,
        venue: str,
        year: int,
        urls: tuple[str, str],
        pace: Pace,
        credentials: Credentials | None = None,
        contact: str = "",
        find_list_time: Callable[[datetime], datetime] = lambda answered_at: answered_at,
        compare_with_list: Callable[[Iterable[str], int], ListComparison] = lambda ids, year: ListComparison(),
    ) -> None:
        self.venue, self.year, self.urls, self.credentials = venue, year, urls, credentials or Credentials()
        self.find_list_time, self.compare_with_list = find_list_time, compare_with_list
        self.layout = find_layout(venue, year)
        self.declared_count: int | None = None
        self.uncounted_invitations: list[str] = []
        if bool(self.credentials.username) != bool(self.credentials.password) and not self.credentials.token:
            missing = "OPENREVIEW_PASSWORD" if self.credentials.username else "OPENREVIEW_USERNAME"
            raise SettingsError(f"The login to OpenReview is incomplete: set {missing}. No request was sent.")
        token = self.credentials.token.strip()
        if token and not re.fullmatch(r"(Bearer )?[!-~]+", token):
            raise SettingsError(
                "OPENREVIEW_TOKEN is not a token: it contains a space or an invalid character. No request was sent."
            )
        self.credentials = self.credentials._replace(token=token)
        self.transport = _OpenReviewTransport(pace, contact, self._check_response)
        self.client = self._build_client(self.layout.api_version)

    def _build_client(self, api_version: int) -> Any:
        """Build a client of the package, which sends requests through the Transport only."""
        try:
            import openreview
            from openreview.api import OpenReviewClient
        except ImportError:
            raise UsageError("Fetching from OpenReview needs a package: pip install openreview-py.") from None
        kind, url = (OpenReviewClient, self.urls[1]) if api_version == 2 else (openreview.Client, self.urls[0])
        try:
            # without a token it would log in at once; with one that it cannot read it sends nothing
            client = kind(baseurl=url.rstrip("/"), token="none")
        except openreview.OpenReviewException:
            raise _build_address_error(api_version) from None
        client.token = None
        del client.headers["Authorization"]
        mount_transport(client.session, self.transport)
        return client

    def _log_in(self) -> None:
        """Log in where credentials were given; both APIs take the same token, which v2 issues."""
        token = self.credentials.token.removeprefix("Bearer ")
        if not token and self.credentials.username:
            login_client = self._build_client(2)
            login_client.login_user(self.credentials.username, self.credentials.password)
            token = login_client.token
        if token:
            self.client.headers["Authorization"] = f"Bearer {token}"
            self.transport.has_login = True

    def _check_response(self, body: bytes, url: str) -> bytes | None:
        """Return the body of a list without the halves of characters that JSON can hold and no file."""
        if sum(map(body.count, (b'"', b",", b"[", b"{"))) > MAX_MARKS:
            raise LimitExceeded(f"made of more than {MAX_MARKS:,} values")
        try:
            value: Any = json.loads(body)
        except (ValueError, RecursionError):
            raise InvalidResponse("not JSON") from None
        if not isinstance(value, dict):
            raise InvalidResponse("not a JSON object")
        if urlsplit(url).path.endswith("/login"):
            if value.get("mfaPending"):
                raise ActionRequiredError(
                    "This OpenReview account requires a second factor, which no program should enter. Use an account "
                    "without one, or log in by hand and set OPENREVIEW_TOKEN to the token. Nothing was stored."
                )
            try:
                has_token = isinstance(value["token"], str) and bool(value["token"] and value["user"]["profile"]["id"])
            except (KeyError, TypeError):
                has_token = False
            if not has_token:
                raise InvalidResponse("a login without a token")
            return None
        notes = value.get("notes")
        if not isinstance(notes, list) or not all(map(_is_note, notes)):
            raise InvalidResponse("no list of notes")
        titles = [note["content"]["title"] for note in notes if note["content"].get("title")]
        if any(isinstance(title, Mapping) != (self.layout.api_version == 2) for title in titles):
            raise _build_address_error(self.layout.api_version)
        if "after" not in parse_qs(urlsplit(url).query):
            count = value.get("count")
            self.declared_count = count if isinstance(count, int) else None
        if b"\\ud" not in body.lower():
            return None
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """Yield one batch, the whole year; unreadable notes are faults, which leave it partial."""
        states = self.layout.states_by_invitation(self.year)
        try:
            self._log_in()
            notes = [
                (note, state)
                for invitation, state in states.items()
                for note in self._fetch_list(invitation, state, progress)
            ]
        except requests.exceptions.RequestException as error:
            raise RetryableError(
                f"Cannot read OpenReview's response ({quote_text(str(error))}). {_NOTHING_STORED}; {RETRY_ADVICE}."
            ) from None
        listed_at = self.find_list_time(self.transport.answered_at.replace(microsecond=0))
        submissions: dict[str, Submission] = {}
        decisions: dict[str, str] = {}
        faults = {
            invitation: f"{invitation}: OpenReview reports no count, so some submissions may be missing"
            for invitation in self.uncounted_invitations
        }
        for note, state in notes:
            ident = note.forum or note.id
            try:
                decision = state or find_decision(self.layout, self.year, note)
                submissions[ident] = build_submission(note, self.year, decision, listed_at)
                decisions[ident] = decision
            except ValueError as error:
                faults[ident] = f"{ident}: {error}"
        for ident in faults:  # of what is in two lists, the one that says more may be the one that is unreadable
            submissions.pop(ident, None)
            decisions.pop(ident, None)
        comparison = self.compare_with_list([*submissions, *faults], self.year)
        if comparison.other_years:
            raise wrong_year_error("in OpenReview's list", self.venue, self.year, comparison.other_years)
        records = build_coverage_records(
            self.name,
            self.year,
            decisions.values(),
            listed_at,
            query=" ".join(states),
            version=f"API v{self.layout.api_version}",
            expected=len(submissions.keys() | faults.keys()),
            comparison=comparison,
        )
        if not self.layout.lists_rejected:
            records = tuple(map(_limit_to_accepted, records))
        table = build_batch_table(list(submissions.values()), self.name, listed_at, self.venue)
        clock_note = self.transport.describe_clock_difference()
        notes_for_user = (*comparison.format_notes(self.venue, self.year), *([clock_note] if clock_note else []))
        yield Batch(table, records, tuple(faults.values()), notes_for_user)

    def _fetch_list(self, invitation: str, state: str, progress: Progress) -> list[Any]:
        """Return every note of a list; only a list that separates some `state` may be missing or empty.

        Raises RetryableError where fewer or more notes arrive than OpenReview declares.
        """
        for _ in range(2):  # submissions may be withdrawn between two pages
            try:
                notes = self._fetch_notes(invitation, progress)
            except _ListNotFound:
                notes, self.declared_count = [], 0
            if self.declared_count == len(notes):
                break
        else:
            if self.declared_count is not None:
                raise RetryableError(
                    f"OpenReview reported {self.declared_count:,} notes of {invitation} but sent {len(notes):,}, "
                    f"twice. {_NOTHING_STORED}; {RETRY_ADVICE}."
                )
            self.uncounted_invitations.append(invitation)
        if not notes and not state:
            raise RetryableError(
                f"OpenReview lists no submissions to {self.venue} {self.year} ({invitation}): they are not public yet, "
                "or hidden from this login. Nothing was stored."
            )
        # v1 takes the name as a prefix
        return [note for note in notes if self.layout.api_version == 2 or note.invitation in (None, invitation)]

    def _fetch_notes(self, invitation: str, progress: Progress) -> list[Any]:
        with_replies = "." in self.layout.decision_field
        size = NOTES_PER_PAGE_WITH_REPLIES if with_replies else NOTES_PER_PAGE
        options = {"details": "directReplies"} if with_replies else {}
        notes: dict[str, Any] = {}
        last_id = None
        while True:
            # v2 declares a count on request or with an offset, v1 always
            position = {"after": last_id} if last_id else {"offset": 0, "with_count": True}
            page = self.client.get_notes(invitation=invitation, limit=size, sort="id", **options, **position)
            new_notes = {note.id: note for note in page if note.id not in notes}
            notes |= new_notes
            progress(len(notes), self.declared_count, f"notes of {invitation.rpartition('/')[2]}")
            if not new_notes or len(notes) >= (self.declared_count or math.inf):
                return list(notes.values())
            last_id = page[-1].id


def _is_note(note: Any) -> bool:
    return (
        isinstance(note, dict)
        and isinstance(note.get("id"), str)
        and isinstance(note.get("content"), dict)
        and isinstance(note.get("forum"), str | None)
        and isinstance(note.get("details"), dict | None)
    )


def _build_address_error(api_version: int) -> SettingsError:
    name = "openreview_url" if api_version == 2 else "openreview_v1_url"
    return SettingsError(
        f"The setting {name} is the address of API v{3 - api_version}, not v{api_version}. Nothing was stored."
    )


def _limit_to_accepted(record: CoverageRecord) -> CoverageRecord:
    """Return a coverage record of a list without the rejected submissions: complete at most for the accepted."""
    return record if record.categories == ("accepted",) else replace(record, status="partial")


class _ListNotFound(RetryableError):
    """OpenReview has no such list."""


class _OpenReviewTransport(Transport):
    """The Transport that knows what OpenReview's refusals mean; `has_login` is whether requests carry a login."""

    site_name = "OpenReview"
    stored_message = _NOTHING_STORED
    max_wait_s = MAX_RATE_LIMIT_WAIT_S
    has_login = False

    def check_status(self, response: requests.Response, attempt: int) -> None:
        """Raise where retrying is no use, by status and name of the error; see Transport."""
        status, error = response.status_code, _read_error(response)
        is_login = urlsplit(response.url).path.endswith("/login")
        message = quote_text(str(error.get("message") or f"status {status}")).rstrip(".")
        is_html = response.content.lstrip().startswith(b"<")
        if error.get("name") == "ChallengeRequiredError" or (status == 200 and is_html):
            if not self.has_login and not is_login:
                raise SourceUnreachable(
                    "OpenReview asks clients without a login to prove that they are human. "
                    f"{_LOGIN_ADVICE}. Nothing was stored."
                )
            if attempt > 1:
                raise SourceUnreachable(
                    "OpenReview asks this client to prove that it is human although it is logged in; this happens "
                    f"occasionally. Nothing was stored; {RETRY_ADVICE}."
                )
        elif is_login and status in (400, 401, 403, 404, 422):
            raise ActionRequiredError(
                f"OpenReview refuses the login ({message}). {_LOGIN_ADVICE}, and check that it opens the site. "
                "Nothing was stored."
            )
        elif status == 401 or (status == 403 and error.get("name")):
            raise ActionRequiredError(
                f"OpenReview does not show this list {'to this' if self.has_login else 'without a'} login ({message}). "
                f"{_LOGIN_ADVICE}; tokens expire. Nothing was stored."
            )
        elif status == 404:
            raise _ListNotFound(f"OpenReview has no such list ({message}). Nothing was stored.", status=status)
        elif 400 <= status < 500 and status not in {403, *RETRY_STATUSES}:
            raise RetryableError(f"OpenReview rejected the query: {message}. Nothing was stored.", status=status)
        else:
            super().check_status(response, attempt)

    def requested_wait_s(self, response: requests.Response) -> float:
        """Return the seconds that a response asks the client to wait, in its headers or its body."""
        waits = [super().requested_wait_s(response)]
        if response.status_code == 429:
            waits.append(parse_retry_after(response.headers.get("ratelimit-reset")))
            details = _read_error(response).get("details")
            resets_at = parse_moment(str(details.get("resetTime"))) if isinstance(details, Mapping) else None
            if resets_at:
                waits.append(clamp_wait((resets_at - self.answered_at).total_seconds()))
        return max(waits)


def _read_error(response: requests.Response) -> Mapping[str, Any]:
    """Return the body of an error; empty where it is not a JSON object."""
    if response.status_code == 200:
        return {}
    try:
        value: Any = json.loads(response.content)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}
