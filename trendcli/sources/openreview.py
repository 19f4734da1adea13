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

from trendcli.core.errors import NeedsPerson, SettingsError, TryLater, Unreachable, UsageError
from trendcli.core.types import Answer, Ask, Batch, Progress, Submission
from trendcli.sources import openreview_venues as lists
from trendcli.sources.http import RETRIED, Faulty, Transport, retry_after
from trendcli.sources.pace import Pace
from trendcli.store import corpus as venues
from trendcli.store import records as parts
from trendcli.store.corpus import Beside

# notes a request: the most that the APIs send, and less where each brings its replies
PAGE, WITH_REPLIES = 1000, 200
# a limit that is lifted sooner is waited for
BEARABLE_S = 120.0
_WHOLE = "A year is stored whole or not at all, so nothing was stored"
_LOGIN = "Set OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD to those of an account at openreview.net"


class Login(NamedTuple):
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
        login: Login | None = None,
        contact: str = "",
        at: datetime | None = None,
        beside: Callable[[Iterable[str], int], Beside] = lambda ids, year: Beside(),
    ) -> None:
        self.venue, self.year, self.urls, self.login = venue, year, urls, login or Login()
        self.at, self.beside = at, beside
        self.held = lists.held(venue, year)
        self.declared: int | None = None
        self.uncounted: list[str] = []
        if bool(self.login.username) != bool(self.login.password) and not self.login.token:
            lacking = "OPENREVIEW_PASSWORD" if self.login.username else "OPENREVIEW_USERNAME"
            raise SettingsError(f"Of the login to OpenReview, {lacking} is not set. Nothing was asked.")
        token = self.login.token.strip()
        if token and not re.fullmatch(r"(Bearer )?[!-~]+", token):
            raise SettingsError("OPENREVIEW_TOKEN is no token: it holds a space or another sign. Nothing was asked.")
        self.login = self.login._replace(token=token)
        self.transport = _Transport(pace, contact, self._check)
        self.client = self._client(self.held.api)

    def _client(self, api: int) -> Any:
        """A client of the package that asks nobody yet, and later only through the Transport."""
        try:
            import openreview
            from openreview.api import OpenReviewClient
        except ImportError:
            raise UsageError("Fetching from OpenReview needs a package: pip install openreview-py.") from None
        kind, url = (OpenReviewClient, self.urls[1]) if api == 2 else (openreview.Client, self.urls[0])
        try:
            # without a token it would log in while it is made; with one that it cannot read it sends nothing
            client = kind(baseurl=url.rstrip("/"), token="none")
        except openreview.OpenReviewException:
            raise _wrong_address(api) from None
        client.token = None
        del client.headers["Authorization"]
        client.session.mount("https://", self.transport)
        client.session.mount("http://", self.transport)
        return client

    def _authorize(self) -> None:
        """Log in where an account is named; both APIs take the same token, and v2 gives it."""
        token = self.login.token.removeprefix("Bearer ")
        if not token and self.login.username:
            other = self._client(2)
            other.login_user(self.login.username, self.login.password)
            token = other.token
        if token:
            self.client.headers["Authorization"] = f"Bearer {token}"
            self.transport.known = True

    def _check(self, body: bytes, url: str) -> None:
        try:
            reply: Any = json.loads(body)
        except ValueError:
            raise Faulty("a reply that is no JSON") from None
        if not isinstance(reply, dict):
            raise Faulty("a reply that is no object")
        if urlsplit(url).path.endswith("/login"):
            if reply.get("mfaPending"):
                raise NeedsPerson(
                    "The account at OpenReview asks for a second factor, which no program should give. Take an account "
                    "without one, or log in by hand and put the token into OPENREVIEW_TOKEN. Nothing was stored."
                )
            try:
                known = bool(reply["token"] and reply["user"]["profile"]["id"])
            except (KeyError, TypeError):
                known = False
            if not known:
                raise Faulty("a login without a token")
            return
        notes = reply.get("notes")
        if not isinstance(notes, list) or not all(map(_is_note, notes)):
            raise Faulty("a reply without a list of notes")
        titles = [note["content"]["title"] for note in notes if note["content"].get("title")]
        if any(isinstance(title, Mapping) != (self.held.api == 2) for title in titles):
            raise _wrong_address(self.held.api)
        if "after" not in parse_qs(urlsplit(url).query):
            count = reply.get("count")
            self.declared = count if isinstance(count, int) else None

    def batches(self, ask: Ask, progress: Progress) -> Iterator[Batch]:
        """See Source; one batch, the whole year. Single notes that cannot be read are faults, and leave it partial."""
        at = self.at or datetime.now(UTC).replace(microsecond=0)
        try:
            self._authorize()
            listed = [
                (note, state)
                for name, state in self.held.invitations(self.year).items()
                for note in self._whole(name, state, progress)
            ]
        except requests.exceptions.RequestException as error:
            raise TryLater(f"OpenReview's reply could not be read ({error}). {_WHOLE}; try later.") from None
        found: dict[str, tuple[Submission, str]] = {}
        faults = {
            name: f"{name}: OpenReview does not say how many there are, so some may be missing"
            for name in self.uncounted
        }
        for note, state in listed:
            ident = note.forum or note.id
            try:
                decided = state or lists.decided(self.held, self.year, note)
                found[ident] = lists.submission(note, self.year, decided, at), decided
            except ValueError as error:
                faults[ident] = f"{ident}: {error}"
        for ident in faults:  # of what is in two lists, the one that tells more may be the one that cannot be read
            found.pop(ident, None)
        stored = self.beside([*found, *faults], self.year)
        if stored.years:
            raise venues.misplaced("that OpenReview lists", self.venue, self.year, stored.years)
        decisions = [decided for _, decided in found.values()]
        expected = len(found.keys() | faults.keys())
        query = " ".join(self.held.invitations(self.year))
        told = venues.answers(self.name, self.year, decisions, at, query, f"API v{self.held.api}", expected, stored)
        if not self.held.rejected:
            told = tuple(map(_sure, told))
        table = parts.table([submission for submission, _ in found.values()], self.name, at, self.venue)
        yield Batch(table, told, tuple(faults.values()), stored.notes(self.venue, self.year))

    def _whole(self, invitation: str, state: str, progress: Progress) -> list[Any]:
        """Every note of a list; one that only sorts submissions apart may be missing or empty. TryLater for a part."""
        for _ in range(2):  # submissions may be withdrawn between two pages
            try:
                notes = self._paged(invitation, progress)
            except _Absent:
                notes, self.declared = [], 0
            if self.declared == len(notes):
                break
        else:
            if self.declared is not None:
                raise TryLater(
                    f"OpenReview declares {self.declared:,} notes of {invitation} and sent {len(notes):,}, twice. "
                    f"{_WHOLE}; try later."
                )
            self.uncounted.append(invitation)
        if not notes and not state:
            raise TryLater(
                f"OpenReview lists no submissions to {self.venue} {self.year} ({invitation}): they are not shown yet, "
                "or not to this login. Nothing was stored."
            )
        # v1 takes the name for the beginning of one
        return [note for note in notes if self.held.api == 2 or note.invitation in (None, invitation)]

    def _paged(self, invitation: str, progress: Progress) -> list[Any]:
        replies = "." in self.held.told
        options = {"details": "directReplies"} if replies else {}
        found: dict[str, Any] = {}
        last = None
        while True:
            # v2 declares a count where it is asked for it, or has an offset; v1 always
            place = {"after": last} if last else {"offset": 0, "with_count": True}
            size = WITH_REPLIES if replies else PAGE
            page = self.client.get_notes(invitation=invitation, limit=size, sort="id", **options, **place)
            fresh = {note.id: note for note in page if note.id not in found}
            found |= fresh
            progress(len(found), self.declared, f"notes of {invitation.rpartition('/')[2]}")
            if not fresh or len(found) == self.declared:
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


def _wrong_address(api: int) -> SettingsError:
    name = "openreview_url" if api == 2 else "openreview_v1_url"
    return SettingsError(f"The setting {name} is the address of API v{3 - api}, not of v{api}. Nothing was stored.")


def _sure(answer: Answer) -> Answer:
    """What an answer vouches for where rejected submissions are not listed: who was accepted, and no more."""
    return answer if answer.categories == ("accepted",) else replace(answer, status="partial")


class _Absent(TryLater):
    """OpenReview knows no such list."""


class _Transport(Transport):
    """What OpenReview's refusals mean; `known` is whether requests carry a login."""

    site = "OpenReview"
    kept = _WHOLE
    known = False

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """See Transport; TryLater at once where another process was told to wait for long."""
        wait = self.pace.waiting(request.url or "")
        if wait > max(BEARABLE_S, self.pace.interval_s):
            raise _too_early("OpenReview limits requests, or did not answer when it was last asked", wait)
        return super().send(request, *args, **kwargs)

    def settle(self, response: requests.Response, attempt: int) -> None:
        """See Transport; what is left to it is asked again."""
        status, error = response.status_code, _error(response)
        login = urlsplit(response.url).path.endswith("/login")
        said = str(error.get("message") or f"status {status}").rstrip(".")
        page = response.content.lstrip().startswith(b"<")
        if error.get("name") == "ChallengeRequiredError" or (status == 200 and page):
            if not self.known and not login:
                raise Unreachable(
                    "OpenReview asks who comes without a login to show that a person is there (a challenge). "
                    f"{_LOGIN}. Nothing was stored."
                )
            if attempt > 1:
                raise Unreachable(
                    "OpenReview asks for a challenge although there is a login, as it does at times. Nothing was "
                    "stored; try again later."
                )
        elif login and status in (400, 401, 403, 404, 422):
            raise NeedsPerson(
                f"OpenReview refuses the login ({said}). {_LOGIN}, and see that it opens the site. Nothing was stored."
            )
        elif status == 401 or (status == 403 and error.get("name")):
            raise NeedsPerson(
                f"OpenReview does not show this list to {'this' if self.known else 'nobody without a'} login ({said}). "
                f"{_LOGIN}; tokens expire. Nothing was stored."
            )
        elif status == 404:
            raise _Absent(f"OpenReview knows no such list ({said}). Nothing was stored.")
        elif status == 429 and (wait := self.told_to_wait(response)) > BEARABLE_S:
            self.pace.hold(response.url, wait)
            raise _too_early("OpenReview takes no more requests for now", wait)
        elif 400 <= status < 500 and status not in {403, *RETRIED}:
            raise TryLater(f"OpenReview cannot answer the query ({said}). Nothing was stored.")
        else:
            super().settle(response, attempt)

    def told_to_wait(self, response: requests.Response) -> float:
        """Seconds that a reply asks for, by its headers or its body."""
        waits = [super().told_to_wait(response)]
        if response.status_code == 429:
            waits.append(retry_after(response.headers.get("ratelimit-reset")))
            with suppress(KeyError, TypeError, ValueError):
                waits.append(
                    datetime.fromisoformat(_error(response)["details"]["resetTime"]).timestamp() - clock.time()
                )
        return max(waits)


def _too_early(why: str, seconds: float) -> TryLater:
    until = datetime.fromtimestamp(clock.time() + seconds + 59, UTC)
    return TryLater(f"{why}: ask again after {until:%Y-%m-%d %H:%M} UTC. {_WHOLE}.")


def _error(response: requests.Response) -> Mapping[str, Any]:
    """The body of an error, where it is an object."""
    if response.status_code == 200:
        return {}
    try:
        value: Any = json.loads(response.content)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}
