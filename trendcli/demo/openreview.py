"""A stand-in of OpenReview's two APIs on 127.0.0.1: a made-up conference, a login, and the faults of the real ones.

What it imitates: /v1/notes with plain values and a count always, invitations as beginnings of names; /v2/notes with
values in objects and a count where one is asked for; pages by `after`, 1,000 notes at most; /v2/login for both. The
words of errors are as others report them, since the real ones could not be asked.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from trendcli.demo import corpus
from trendcli.demo.server import Reply, Request, listening

PASSWORD, TOKEN = "made up", "a-made-up-token"
# decisions of a hundred submissions
_OF_HUNDRED = {"oral": 2, "spotlight": 5, "poster": 23, "rejected": 50, "withdrawn": 17, "desk-rejected": 3}


@dataclass(frozen=True)
class Entry:
    """A submission to a made-up conference, and what became of it."""

    id: str
    number: int
    title: str
    abstract: str
    keywords: tuple[str, ...]
    authors: tuple[str, ...]
    decided: str


def make(seed: int = 1, size: int = 400) -> list[Entry]:
    """The submissions, by number; the same seed gives the same ones. Some have no keywords."""
    rng = random.Random(seed)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    entries = []
    for number, paper in enumerate(corpus.make(seed, {2018: size}), 1):
        name = "".join(rng.choices(letters, k=10))
        decided = rng.choices(list(_OF_HUNDRED), list(_OF_HUNDRED.values()))[0]
        words = tuple(topic.replace("-", " ") for topic in sorted(paper.topics))
        entries.append(Entry(name, number, paper.title, paper.abstract, words, paper.authors, decided))
    return entries


class StandIn:
    """The server's state: its conference, who may see it, the faults it has been told to show, what it was asked.

    `told` says where decisions stand, as in `sources.openreview_lists`; of it follows the API. With `decided` off, the
    venue has not decided yet. `cap` is the most notes that a page holds.
    """

    def __init__(self, entries: Sequence[Entry], group: str = "ICLR.cc/2024/Conference", told: str = "venueid") -> None:
        self.entries, self.group, self.told = list(entries), group, told
        self.decided, self.guarded, self.factor, self.cap = True, True, False, 1000
        self.faults: list[tuple[Fault, Callable[[Request], bool]]] = []
        self.requests: list[Request] = []
        self.url = ""

    @property
    def api(self) -> int:
        """The API that holds the conference."""
        return 2 if self.told == "venueid" else 1

    def env(self) -> dict[str, str]:
        """The variables that make `trend` ask this stand-in, logged in."""
        addresses = {"TREND_OPENREVIEW_URL": f"{self.url}/v2", "TREND_OPENREVIEW_V1_URL": f"{self.url}/v1"}
        login = {"OPENREVIEW_USERNAME": "ada@example.org", "OPENREVIEW_PASSWORD": PASSWORD}
        # a pace below arXiv's is taken where arXiv is not asked either
        return {**addresses, **login, "TREND_ARXIV_URL": self.url, "TREND_REQUEST_INTERVAL_S": "0"}

    def misbehave(self, fault: str, times: int = 1, when: Callable[[Request], bool] | None = None) -> None:
        """Show a fault of FAULTS on the next requests for which `when` holds: by default, those for notes."""
        self.faults += [(FAULTS[fault], when or (lambda asked: asked.path.endswith("/notes")))] * times

    def answer(self, asked: Request) -> Reply:
        """The reply to one request."""
        self.requests.append(asked)
        reply = self._answer(asked)
        for number, (fault, when) in enumerate(self.faults):
            if when(asked):
                del self.faults[number]
                return fault(self, asked, reply)
        return reply

    def _answer(self, asked: Request) -> Reply:
        if asked.path == "/v2/login":
            return self._login(json.loads(asked.body))
        if asked.path not in ("/v1/notes", "/v2/notes"):
            return _refusal(404, "NotFoundError", f"{asked.path} was not found")
        if asked.authorization not in ("", f"Bearer {TOKEN}"):
            return _refusal(401, "TokenExpiredError", "Token has expired, please log in again")
        if self.guarded and not asked.authorization:
            return _challenge(self, asked, _reply({}))
        if int(asked.query.get("limit", "1000")) > 1000:
            return _refusal(400, "ValidationError", "limit must be <= 1000")
        return self._page(2 if asked.path == "/v2/notes" else 1, asked.query)

    def _login(self, given: dict[str, Any]) -> Reply:
        if given["password"] != PASSWORD:
            return _refusal(400, "Error", "Invalid username or password")
        if self.factor:
            return _reply(
                {"mfaPending": True, "mfaPendingToken": "x", "mfaMethods": ["totp"], "preferredMethod": "totp"}
            )
        return _reply({"token": TOKEN, "user": {"id": given["id"], "profile": {"id": "~Ada_Abel1"}}})

    def _page(self, api: int, query: dict[str, str]) -> Reply:
        wanted = query["invitation"]
        notes = self.notes() if api == self.api else []
        found = [note for note in notes if wanted in note.get("invitations", [])]
        if api == 1:
            found = [note for note in notes if re.match(wanted, note["invitation"])]
        found.sort(key=lambda note: note["id"])
        rest = [note for note in found if note["id"] > query.get("after", "")]
        page = rest[: min(int(query.get("limit", "1000")), self.cap)]
        if query.get("details") != "directReplies":
            page = [{key: value for key, value in note.items() if key != "details"} for note in page]
        counted = api == 1 or query.get("count") == "true" or "offset" in query
        return _reply({"notes": page, **({"count": len(found)} if counted else {})})

    def notes(self) -> list[dict[str, Any]]:
        """Every note of every list, as the API that holds the conference writes it."""
        if self.api == 2:
            return [self._note(entry, "Submission") for entry in self.entries]
        if self.group.endswith("/conference"):
            return [self._note(entry, "submission") for entry in self.entries]
        apart = {"withdrawn": "Withdrawn_Submission", "desk-rejected": "Desk_Rejected_Submission"}
        listed = [self._note(entry, apart.get(entry.decided, "Blind_Submission")) for entry in self.entries]
        # some stand in two lists
        return listed + [
            self._note(entry, "Blind_Submission")
            for entry in self.entries
            if entry.decided == "withdrawn" and entry.number % 5 == 0
        ]

    def _note(self, entry: Entry, name: str) -> dict[str, Any]:
        decided = entry.decided
        if not self.decided and decided in ("oral", "spotlight", "poster", "rejected"):
            decided = "undecided"
        invitation, accepted = f"{self.group}/-/{name}", decided in ("oral", "spotlight", "poster")
        content: dict[str, Any] = {
            "title": entry.title,
            "abstract": entry.abstract,
            "keywords": list(entry.keywords),
            "authors": list(entry.authors) if accepted else ["Anonymous"],
            "authorids": ["ada@example.org", "~Bo_Brandt1"]
            if accepted
            else [f"{self.group}/Paper{entry.number}/Authors"],
        }
        content |= self._stated(decided)
        note = {"id": entry.id, "forum": entry.id, "number": entry.number, "cdate": 1_700_000_000_000 + entry.number}
        if self.api == 1:
            replies = [
                {"invitation": f"{self.group}/Paper{entry.number}/-/Official_Review", "content": {"rating": "6"}}
            ]
            reply, _, field = self.told.rpartition(".")
            if reply and decided not in ("undecided", "withdrawn", "desk-rejected"):
                word = "Reject" if decided == "rejected" else f"Accept ({decided.capitalize()})"
                replies.append({"invitation": f"{self.group}/Paper{entry.number}/-/{reply}", "content": {field: word}})
            return {**note, "invitation": invitation, "content": content, "details": {"directReplies": replies}}
        if not accepted:
            del content["authors"], content["authorids"]
        wrapped = {key: {"value": value} for key, value in content.items()}
        return {**note, "invitations": [invitation], "domain": self.group, "content": wrapped}

    def _stated(self, decided: str) -> dict[str, str]:
        """What the content of a note says of its decision."""
        year = re.sub(r"\D", "", self.group)
        short = f"{self.group.partition('.')[0]} {year}"
        submitted = f"Submitted to {short}"
        if self.told == "venueid":
            names = {
                "undecided": "/Submission",
                "rejected": "/Rejected_Submission",
                "withdrawn": "/Withdrawn_Submission",
                "desk-rejected": "/Desk_Rejected_Submission",
            }
            where = names.get(decided, "")
            words = {"": f"{short} {decided}", "/Rejected_Submission": submitted}
            return {"venueid": self.group + where, "venue": words.get(where, f"{short} Conference{where}")}
        if self.told == "venue" and decided not in ("undecided", "withdrawn", "desk-rejected"):
            return {"venue": submitted if decided == "rejected" else f"{short} {decided}", "venueid": self.group}
        if self.told == "decision":
            return {"decision": "submitted, no decision" if decided == "undecided" else decided}
        return {}


def _reply(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), "application/json")


def _refusal(status: int, name: str, message: str, **details: Any) -> Reply:
    return _reply({"name": name, "message": message, "status": status, "details": details}, status)


def _limited(seconds: float) -> Fault:
    def fault(standin: StandIn, asked: Request, reply: Reply) -> Reply:
        lifted = datetime.now(UTC) + timedelta(seconds=seconds)
        stamp = f"{lifted:%Y-%m-%dT%H:%M:%S}.{lifted.microsecond // 1000:03d}Z"
        return _refusal(429, "RateLimitError", "Too many requests", limit=98, remaining=0, resetTime=stamp)

    return fault


def _challenge(standin: StandIn, asked: Request, reply: Reply) -> Reply:
    return _refusal(403, "ChallengeRequiredError", "Challenge required", url=f"{standin.url}/challenge")


def _changed(change: Callable[[dict[str, Any]], None]) -> Fault:
    """A fault of which the reply is JSON as ever, with something in it changed."""

    def fault(standin: StandIn, asked: Request, reply: Reply) -> Reply:
        value = json.loads(reply.body)
        change(value)
        return _reply(value, reply.status)

    return fault


def _hang(standin: StandIn, asked: Request, reply: Reply) -> Reply:
    time.sleep(0.5)
    return reply


def _unwrapped(value: dict[str, Any]) -> None:
    for note in value["notes"]:
        note["content"] = {key: item["value"] for key, item in note["content"].items()}


Fault = Callable[[StandIn, Request, Reply], Reply]
FAULTS: dict[str, Fault] = {
    "challenge": _challenge,
    "challenge page": lambda s, q, r: Reply(200, b"<html><body>Verifying your browser</body></html>", "text/html"),
    "429 for a moment": _limited(2),
    "429 for half an hour": _limited(1800),
    "429 by header": lambda s, q, r: Reply(429, b"Too many requests", "text/plain", (("ratelimit-reset", "1800"),)),
    "503": lambda s, q, r: Reply(503, b"<html><body>Service unavailable</body></html>", "text/html"),
    "hang": _hang,
    "cut": lambda s, q, r: r._replace(cut=len(r.body) // 2),
    "torn": lambda s, q, r: r._replace(body=r.body[: len(r.body) // 2]),
    "refused": lambda s, q, r: Reply(403, b"<html><body>Access denied</body></html>", "text/html"),
    "forbidden": lambda s, q, r: _refusal(403, "ForbiddenError", "This Note is Forbidden"),
    "no such list": lambda s, q, r: _refusal(404, "NotFoundError", "The Invitation was not found"),
    "no notes": lambda s, q, r: _reply({"status": "ok"}),
    "counts too many": _changed(lambda value: value.update(count=value.get("count", 0) + 3)),
    "no count": _changed(lambda value: value.pop("count", None)),
    "skips one": _changed(lambda value: value.update(notes=value["notes"][1:])),
    "no title": _changed(lambda value: value["notes"][0]["content"].pop("title")),
    "the other form": _changed(_unwrapped),
}


@contextmanager
def serving(standin: StandIn) -> Iterator[StandIn]:
    """Run a stand-in on a free port while the block lasts; `url` is what /v1 and /v2 are below."""
    with listening(standin.answer) as address:
        standin.url = address
        yield standin
