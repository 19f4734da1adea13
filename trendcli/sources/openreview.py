"""OpenReview's lists of the submissions to a conference, through openreview-py.

The package logs in and knows both APIs. By itself it waits for ever, asks eight times over, prints that to stdout and
asks for codes at a terminal; so its sessions are given a Transport, which keeps all of that out.
"""

from __future__ import annotations

import json
import re
import time as clock
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import requests

from trendcli.core.errors import ActionRequiredError, RetryableError, SettingsError, SourceUnreachable, UsageError
from trendcli.core.types import Batch, CoverageRecord, Progress, Request, Submission
from trendcli.sources import openreview_venues as lists
from trendcli.sources import venue_lists as venues
from trendcli.sources.http import RETRY_STATUSES, InvalidResponse, Pace, Transport, parse_retry_after
from trendcli.sources.venue_lists import ListComparison
from trendcli.store import records as parts

# notes a request: the most that the APIs send, and less where each brings its replies
NOTES_PER_PAGE, NOTES_PER_PAGE_WITH_REPLIES = 1000, 200
# a limit that is lifted sooner is waited for
MAX_RATE_LIMIT_WAIT_S = 120.0
_NOTHING_STORED = "A year is stored whole or not at all, so nothing was stored"
_LOGIN_ADVICE = "Set OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD to those of an account at openreview.net"


class Credentials(NamedTuple):
    """What the environment says of an account: a name and a password, or a token; all empty where it says nothing."""

    username: str = ""
    password: str = ""
    token: str = ""


class OpenReview:
    """The submissions to a venue in a year as a Source; `urls` are those of API v1 and v2.

    UsageError where OpenReview does not hold that year, or where openreview-py is not installed.
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
        listed_at: datetime | None = None,
        compare_with_list: Callable[[Iterable[str], int], ListComparison] = lambda ids, year: ListComparison(),
    ) -> None:
        self.venue, self.year, self.urls, self.credentials = venue, year, urls, credentials or Credentials()
        self.listed_at, self.compare_with_list = listed_at, compare_with_list
        self.layout = lists.find_layout(venue, year)
        self.declared_count: int | None = None
        self.uncounted_invitations: list[str] = []
        if bool(self.credentials.username) != bool(self.credentials.password) and not self.credentials.token:
            lacking = "OPENREVIEW_PASSWORD" if self.credentials.username else "OPENREVIEW_USERNAME"
            raise SettingsError(f"Of the login to OpenReview, {lacking} is not set. Nothing was asked.")
        token = self.credentials.token.strip()
        if token and not re.fullmatch(r"(Bearer )?[!-~]+", token):
            raise SettingsError("OPENREVIEW_TOKEN is no token: it holds a space or another sign. Nothing was asked.")
        self.credentials = self.credentials._replace(token=token)
        self.transport = _OpenReviewTransport(pace, contact, self._check_response)
        self.client = self._build_client(self.layout.api_version)

    def _build_client(self, api_version: int) -> Any:
        """A client of the package that asks nobody yet, and later only through the Transport."""
        try:
            import openreview
            from openreview.api import OpenReviewClient
        except ImportError:
            raise UsageError("Fetching from OpenReview needs a package: pip install openreview-py.") from None
        kind, url = (OpenReviewClient, self.urls[1]) if api_version == 2 else (openreview.Client, self.urls[0])
        try:
            # without a token it would log in while it is made; with one that it cannot read it sends nothing
            client = kind(baseurl=url.rstrip("/"), token="none")
        except openreview.OpenReviewException:
            raise _build_address_error(api_version) from None
        client.token = None
        del client.headers["Authorization"]
        client.session.mount("https://", self.transport)
        client.session.mount("http://", self.transport)
        return client

    def _log_in(self) -> None:
        """Log in where an account is named; both APIs take the same token, and v2 gives it."""
        token = self.credentials.token.removeprefix("Bearer ")
        if not token and self.credentials.username:
            other = self._build_client(2)
            other.login_user(self.credentials.username, self.credentials.password)
            token = other.token
        if token:
            self.client.headers["Authorization"] = f"Bearer {token}"
            self.transport.has_login = True

    def _check_response(self, body: bytes, url: str) -> None:
        try:
            reply: Any = json.loads(body)
        except ValueError:
            raise InvalidResponse("a reply that is no JSON") from None
        if not isinstance(reply, dict):
            raise InvalidResponse("a reply that is no object")
        if urlsplit(url).path.endswith("/login"):
            if reply.get("mfaPending"):
                raise ActionRequiredError(
                    "The account at OpenReview asks for a second factor, which no program should give. Take an account "
                    "without one, or log in by hand and put the token into OPENREVIEW_TOKEN. Nothing was stored."
                )
            try:
                known = bool(reply["token"] and reply["user"]["profile"]["id"])
            except (KeyError, TypeError):
                known = False
            if not known:
                raise InvalidResponse("a login without a token")
            return
        notes = reply.get("notes")
        if not isinstance(notes, list) or not all(map(_is_note, notes)):
            raise InvalidResponse("a reply without a list of notes")
        titles = [note["content"]["title"] for note in notes if note["content"].get("title")]
        if any(isinstance(title, Mapping) != (self.layout.api_version == 2) for title in titles):
            raise _build_address_error(self.layout.api_version)
        if "after" not in parse_qs(urlsplit(url).query):
            count = reply.get("count")
            self.declared_count = count if isinstance(count, int) else None

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """See Source; one batch, the whole year. Single notes that cannot be read are faults, and leave it partial."""
        at = self.listed_at or datetime.now(UTC).replace(microsecond=0)
        try:
            self._log_in()
            listed = [
                (note, state)
                for name, state in self.layout.states_by_invitation(self.year).items()
                for note in self._fetch_list(name, state, progress)
            ]
        except requests.exceptions.RequestException as error:
            raise RetryableError(
                f"OpenReview's reply could not be read ({error}). {_NOTHING_STORED}; try later."
            ) from None
        found: dict[str, tuple[Submission, str]] = {}
        faults = {
            name: f"{name}: OpenReview does not say how many there are, so some may be missing"
            for name in self.uncounted_invitations
        }
        for note, state in listed:
            ident = note.forum or note.id
            try:
                decided = state or lists.find_decision(self.layout, self.year, note)
                found[ident] = lists.build_submission(note, self.year, decided, at), decided
            except ValueError as error:
                faults[ident] = f"{ident}: {error}"
        for ident in faults:  # of what is in two lists, the one that tells more may be the one that cannot be read
            found.pop(ident, None)
        stored = self.compare_with_list([*found, *faults], self.year)
        if stored.other_years:
            raise venues.wrong_year_error("that OpenReview lists", self.venue, self.year, stored.other_years)
        decisions = [decided for _, decided in found.values()]
        expected = len(found.keys() | faults.keys())
        query = " ".join(self.layout.states_by_invitation(self.year))
        told = venues.build_coverage_records(
            self.name, self.year, decisions, at, query, f"API v{self.layout.api_version}", expected, stored
        )
        if not self.layout.lists_rejected:
            told = tuple(map(_limit_to_accepted, told))
        table = parts.build_batch_table([submission for submission, _ in found.values()], self.name, at, self.venue)
        yield Batch(table, told, tuple(faults.values()), stored.format_notes(self.venue, self.year))

    def _fetch_list(self, invitation: str, state: str, progress: Progress) -> list[Any]:
        """Every note of a list; one that only sorts submissions apart may be missing or empty. TryLater for a part."""
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
                    f"OpenReview declares {self.declared_count:,} notes of {invitation} and sent "
                    f"{len(notes):,}, twice. "
                    f"{_NOTHING_STORED}; try later."
                )
            self.uncounted_invitations.append(invitation)
        if not notes and not state:
            raise RetryableError(
                f"OpenReview lists no submissions to {self.venue} {self.year} ({invitation}): they are not shown yet, "
                "or not to this login. Nothing was stored."
            )
        # v1 takes the name for the beginning of one
        return [note for note in notes if self.layout.api_version == 2 or note.invitation in (None, invitation)]

    def _fetch_notes(self, invitation: str, progress: Progress) -> list[Any]:
        replies = "." in self.layout.decision_field
        options = {"details": "directReplies"} if replies else {}
        found: dict[str, Any] = {}
        last = None
        while True:
            # v2 declares a count where it is asked for it, or has an offset; v1 always
            place = {"after": last} if last else {"offset": 0, "with_count": True}
            size = NOTES_PER_PAGE_WITH_REPLIES if replies else NOTES_PER_PAGE
            page = self.client.get_notes(invitation=invitation, limit=size, sort="id", **options, **place)
            fresh = {note.id: note for note in page if note.id not in found}
            found |= fresh
            progress(len(found), self.declared_count, f"notes of {invitation.rpartition('/')[2]}")
            if not fresh or len(found) == self.declared_count:
                return list(found.values())
            last = page[-1].id


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
        f"The setting {name} is the address of API v{3 - api_version}, not of v{api_version}. Nothing was stored."
    )


def _limit_to_accepted(record: CoverageRecord) -> CoverageRecord:
    """What an answer vouches for where rejected submissions are not listed: who was accepted, and no more."""
    return record if record.categories == ("accepted",) else replace(record, status="partial")


class _ListNotFound(RetryableError):
    """OpenReview knows no such list."""


class _OpenReviewTransport(Transport):
    """What OpenReview's refusals mean; `known` is whether requests carry a login."""

    site_name = "OpenReview"
    stored_message = _NOTHING_STORED
    has_login = False

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """See Transport; TryLater at once where another process was told to wait for long."""
        wait = self.pace.seconds_until_turn(request.url or "")
        if wait > max(MAX_RATE_LIMIT_WAIT_S, self.pace.interval_s):
            raise _build_wait_error("OpenReview limits requests, or did not answer when it was last asked", wait)
        return super().send(request, *args, **kwargs)

    def check_status(self, response: requests.Response, attempt: int) -> None:
        """See Transport; what is left to it is asked again."""
        status, error = response.status_code, _read_error(response)
        login = urlsplit(response.url).path.endswith("/login")
        said = str(error.get("message") or f"status {status}").rstrip(".")
        page = response.content.lstrip().startswith(b"<")
        if error.get("name") == "ChallengeRequiredError" or (status == 200 and page):
            if not self.has_login and not login:
                raise SourceUnreachable(
                    "OpenReview asks who comes without a login to show that a person is there (a challenge). "
                    f"{_LOGIN_ADVICE}. Nothing was stored."
                )
            if attempt > 1:
                raise SourceUnreachable(
                    "OpenReview asks for a challenge although there is a login, as it does at times. Nothing was "
                    "stored; try again later."
                )
        elif login and status in (400, 401, 403, 404, 422):
            raise ActionRequiredError(
                f"OpenReview refuses the login ({said}). {_LOGIN_ADVICE}, and see that it opens the site. "
                f"Nothing was stored."
            )
        elif status == 401 or (status == 403 and error.get("name")):
            raise ActionRequiredError(
                f"OpenReview does not show this list to {'this' if self.has_login else 'nobody without a'} "
                f"login ({said}). "
                f"{_LOGIN_ADVICE}; tokens expire. Nothing was stored."
            )
        elif status == 404:
            raise _ListNotFound(f"OpenReview knows no such list ({said}). Nothing was stored.")
        elif status == 429 and (wait := self.requested_wait_s(response)) > MAX_RATE_LIMIT_WAIT_S:
            self.pace.hold_site(response.url, wait)
            raise _build_wait_error("OpenReview takes no more requests for now", wait)
        elif 400 <= status < 500 and status not in {403, *RETRY_STATUSES}:
            raise RetryableError(f"OpenReview cannot answer the query ({said}). Nothing was stored.")
        else:
            super().check_status(response, attempt)

    def requested_wait_s(self, response: requests.Response) -> float:
        """Seconds that a reply asks for, by its headers or its body."""
        waits = [super().requested_wait_s(response)]
        if response.status_code == 429:
            waits.append(parse_retry_after(response.headers.get("ratelimit-reset")))
            with suppress(KeyError, TypeError, ValueError):
                waits.append(
                    datetime.fromisoformat(_read_error(response)["details"]["resetTime"]).timestamp() - clock.time()
                )
        return max(waits)


def _build_wait_error(reason: str, wait_s: float) -> RetryableError:
    until = datetime.fromtimestamp(clock.time() + wait_s + 59, UTC)
    return RetryableError(f"{reason}: ask again after {until:%Y-%m-%d %H:%M} UTC. {_NOTHING_STORED}.")


def _read_error(response: requests.Response) -> Mapping[str, Any]:
    """The body of an error, where it is an object."""
    if response.status_code == 200:
        return {}
    try:
        value: Any = json.loads(response.content)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}
