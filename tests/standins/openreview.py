"""A stand-in of OpenReview's two APIs on 127.0.0.1: a synthetic conference, a login, and the faults of the real ones.

It imitates /v1/notes with plain values and always a count, invitations as prefixes of names; /v2/notes with values in
objects and a count on request; pages by `after` of 1,000 notes at most; /v2/login for both. The wording of errors is as
others report it, since the real servers could not be asked.
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
from email.utils import format_datetime
from typing import Any

from trendcli.demo.corpus import build_corpus
from trendcli.demo.server import HttpRequest, HttpResponse, run_http_server

DEMO_PASSWORD = "made up"
DEMO_TOKEN = "a-made-up-token"
# how many of 100 submissions get each decision
_DECISION_WEIGHTS = {"oral": 2, "spotlight": 5, "poster": 23, "rejected": 50, "withdrawn": 17, "desk-rejected": 3}


@dataclass(frozen=True)
class VenueSubmission:
    """A submission to the synthetic conference, and its decision."""

    id: str
    number: int
    title: str
    abstract: str
    keywords: tuple[str, ...]
    authors: tuple[str, ...]
    decision: str


def build_submissions(seed: int = 1, count: int = 400) -> list[VenueSubmission]:
    """Return the submissions by number; the same seed gives the same ones. Some have no keywords."""
    rng = random.Random(seed)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    entries = []
    for number, submission in enumerate(build_corpus(seed, {2018: count}), 1):
        ident = "".join(rng.choices(letters, k=10))
        decision = rng.choices(list(_DECISION_WEIGHTS), list(_DECISION_WEIGHTS.values()))[0]
        keywords = tuple(topic.replace("-", " ") for topic in sorted(submission.topics))
        title, abstract, authors = submission.title, submission.abstract, submission.authors
        entries.append(VenueSubmission(ident, number, title, abstract, keywords, authors, decision))
    return entries


class OpenReviewStandIn:
    """The state of the server: its conference, who may see it, faults to show, and the requests that came.

    `decision_field` says where decisions stand, as in `sources.openreview_venues.VenueLayout`; the API follows from it.
    Without `has_decided`, no decisions are shown yet.
    """

    def __init__(
        self,
        submissions: Sequence[VenueSubmission],
        group: str = "ICLR.cc/2024/Conference",
        decision_field: str = "venueid",
    ) -> None:
        self.submissions, self.group, self.decision_field = list(submissions), group, decision_field
        self.has_decided = True
        self.requires_login = True
        self.requires_second_factor = False
        self.max_notes_per_page = 1000
        self.pending_faults: list[tuple[Fault, Callable[[HttpRequest], bool]]] = []
        self.requests: list[HttpRequest] = []
        self.url = ""
        # another address to which every request is redirected; what the site says the time is
        self.redirect_to = ""
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def api_version(self) -> int:
        """The version of the API that holds the conference."""
        return 2 if self.decision_field == "venueid" else 1

    def build_environment(self) -> dict[str, str]:
        """Return the variables that make `trend` log in and send its requests here."""
        addresses = {"TREND_OPENREVIEW_URL": f"{self.url}/v2", "TREND_OPENREVIEW_V1_URL": f"{self.url}/v1"}
        login = {"OPENREVIEW_USERNAME": "ada@example.org", "OPENREVIEW_PASSWORD": DEMO_PASSWORD}
        # an interval below arXiv's is accepted only where arXiv is not asked either
        return {**addresses, **login, "TREND_ARXIV_URL": self.url, "TREND_REQUEST_INTERVAL_S": "0"}

    def inject_fault(self, fault: str, times: int = 1, when: Callable[[HttpRequest], bool] | None = None) -> None:
        """Show a fault of FAULTS on the next `times` requests for which `when` holds (default: those for notes)."""
        self.pending_faults += [(FAULTS[fault], when or (lambda request: request.path.endswith("/notes")))] * times

    def answer_request(self, request: HttpRequest) -> HttpResponse:
        """Record a request and return its response, with a fault where one is due."""
        self.requests.append(request)
        if self.redirect_to:
            return HttpResponse(307, b"", headers=(("Location", f"{self.redirect_to}{request.path}"),))
        response = self._route_request(request)
        response = response._replace(headers=(*response.headers, ("Date", format_datetime(self.clock(), usegmt=True))))
        for number, (show_fault, when) in enumerate(self.pending_faults):
            if when(request):
                del self.pending_faults[number]
                return show_fault(self, request, response)
        return response

    def _route_request(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/v2/login":
            return self._check_login(json.loads(request.body))
        if request.path not in ("/v1/notes", "/v2/notes"):
            return _error_response(404, "NotFoundError", f"{request.path} was not found")
        if request.authorization not in ("", f"Bearer {DEMO_TOKEN}"):
            return _error_response(401, "TokenExpiredError", "Token has expired, please log in again")
        if self.requires_login and not request.authorization:
            return _challenge_response(self, request, _json_response({}))
        if int(request.query.get("limit", "1000")) > 1000:
            return _error_response(400, "ValidationError", "limit must be <= 1000")
        return self._page_response(2 if request.path == "/v2/notes" else 1, request.query)

    def _check_login(self, login: dict[str, Any]) -> HttpResponse:
        if login["password"] != DEMO_PASSWORD:
            return _error_response(400, "Error", "Invalid username or password")
        if self.requires_second_factor:
            return _json_response(
                {"mfaPending": True, "mfaPendingToken": "x", "mfaMethods": ["totp"], "preferredMethod": "totp"}
            )
        return _json_response({"token": DEMO_TOKEN, "user": {"id": login["id"], "profile": {"id": "~Ada_Abel1"}}})

    def _page_response(self, api_version: int, query: dict[str, str]) -> HttpResponse:
        invitation = query["invitation"]
        notes = self.list_notes() if api_version == self.api_version else []
        matches = [note for note in notes if invitation in note.get("invitations", [])]
        if api_version == 1:
            matches = [note for note in notes if re.match(invitation, note["invitation"])]
        matches.sort(key=lambda note: note["id"])
        rest = [note for note in matches if note["id"] > query.get("after", "")]
        page = rest[: min(int(query.get("limit", "1000")), self.max_notes_per_page)]
        if query.get("details") != "directReplies":
            page = [{key: value for key, value in note.items() if key != "details"} for note in page]
        with_count = api_version == 1 or query.get("count") == "true" or "offset" in query
        return _json_response({"notes": page, **({"count": len(matches)} if with_count else {})})

    def list_notes(self) -> list[dict[str, Any]]:
        """Return every note of every list, as the API that holds the conference writes it."""
        if self.api_version == 2:
            return [self._build_note(entry, "Submission") for entry in self.submissions]
        if self.group.endswith("/conference"):
            return [self._build_note(entry, "submission") for entry in self.submissions]
        separate = {"withdrawn": "Withdrawn_Submission", "desk-rejected": "Desk_Rejected_Submission"}
        listed = [
            self._build_note(entry, separate.get(entry.decision, "Blind_Submission")) for entry in self.submissions
        ]
        # some stand in two lists
        return listed + [
            self._build_note(entry, "Blind_Submission")
            for entry in self.submissions
            if entry.decision == "withdrawn" and entry.number % 5 == 0
        ]

    def _build_note(self, submission: VenueSubmission, name: str) -> dict[str, Any]:
        decision = submission.decision
        if not self.has_decided and decision in ("oral", "spotlight", "poster", "rejected"):
            decision = "undecided"
        invitation, is_accepted = f"{self.group}/-/{name}", decision in ("oral", "spotlight", "poster")
        content: dict[str, Any] = {
            "title": submission.title,
            "abstract": submission.abstract,
            "keywords": list(submission.keywords),
            "authors": list(submission.authors) if is_accepted else ["Anonymous"],
            "authorids": ["ada@example.org", "~Bo_Brandt1"]
            if is_accepted
            else [f"{self.group}/Paper{submission.number}/Authors"],
        }
        content |= self._decision_content(decision)
        note = {
            "id": submission.id,
            "forum": submission.id,
            "number": submission.number,
            "cdate": 1_700_000_000_000 + submission.number,
        }
        if self.api_version == 1:
            replies = [
                {"invitation": f"{self.group}/Paper{submission.number}/-/Official_Review", "content": {"rating": "6"}}
            ]
            reply, _, field = self.decision_field.rpartition(".")
            if reply and decision not in ("undecided", "withdrawn", "desk-rejected"):
                word = "Reject" if decision == "rejected" else f"Accept ({decision.capitalize()})"
                replies.append(
                    {"invitation": f"{self.group}/Paper{submission.number}/-/{reply}", "content": {field: word}}
                )
            return {**note, "invitation": invitation, "content": content, "details": {"directReplies": replies}}
        if not is_accepted:
            del content["authors"], content["authorids"]
        wrapped = {key: {"value": value} for key, value in content.items()}
        return {**note, "invitations": [invitation], "domain": self.group, "content": wrapped}

    def _decision_content(self, decision: str) -> dict[str, str]:
        """Return the fields of a note's content that state its decision."""
        year = re.sub(r"\D", "", self.group)
        short = f"{self.group.partition('.')[0]} {year}"
        submitted = f"Submitted to {short}"
        if self.decision_field == "venueid":
            names = {
                "undecided": "/Submission",
                "rejected": "/Rejected_Submission",
                "withdrawn": "/Withdrawn_Submission",
                "desk-rejected": "/Desk_Rejected_Submission",
            }
            suffix = names.get(decision, "")
            words = {"": f"{short} {decision}", "/Rejected_Submission": submitted}
            return {"venueid": self.group + suffix, "venue": words.get(suffix, f"{short} Conference{suffix}")}
        if self.decision_field == "venue" and decision not in ("undecided", "withdrawn", "desk-rejected"):
            return {"venue": submitted if decision == "rejected" else f"{short} {decision}", "venueid": self.group}
        if self.decision_field == "decision":
            return {"decision": "submitted, no decision" if decision == "undecided" else decision}
        return {}


def _json_response(value: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, json.dumps(value).encode(), "application/json")


def _error_response(status: int, name: str, message: str, **details: Any) -> HttpResponse:
    return _json_response({"name": name, "message": message, "status": status, "details": details}, status)


def _build_rate_limit_fault(seconds: float) -> Fault:
    def show_fault(standin: OpenReviewStandIn, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        reset_at = datetime.now(UTC) + timedelta(seconds=seconds)
        stamp = f"{reset_at:%Y-%m-%dT%H:%M:%S}.{reset_at.microsecond // 1000:03d}Z"
        return _error_response(429, "RateLimitError", "Too many requests", limit=98, remaining=0, resetTime=stamp)

    return show_fault


def _challenge_response(standin: OpenReviewStandIn, request: HttpRequest, response: HttpResponse) -> HttpResponse:
    return _error_response(403, "ChallengeRequiredError", "Challenge required", url=f"{standin.url}/challenge")


def _build_json_fault(change: Callable[[dict[str, Any]], None]) -> Fault:
    """Build a fault that changes something in the JSON of a response."""

    def show_fault(standin: OpenReviewStandIn, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        value = json.loads(response.body)
        change(value)
        return _json_response(value, response.status)

    return show_fault


def _delay_response(standin: OpenReviewStandIn, request: HttpRequest, response: HttpResponse) -> HttpResponse:
    time.sleep(0.5)
    return response


def _unwrap_content(value: dict[str, Any]) -> None:
    for note in value["notes"]:
        note["content"] = {key: item["value"] for key, item in note["content"].items()}


Fault = Callable[[OpenReviewStandIn, HttpRequest, HttpResponse], HttpResponse]
FAULTS: dict[str, Fault] = {
    "challenge": _challenge_response,
    "challenge page": lambda s, q, r: HttpResponse(
        200, b"<html><body>Verifying your browser</body></html>", "text/html"
    ),
    "429 for a moment": _build_rate_limit_fault(2),
    "429 for half an hour": _build_rate_limit_fault(1800),
    "429 by header": lambda s, q, r: HttpResponse(
        429, b"Too many requests", "text/plain", (("ratelimit-reset", "1800"),)
    ),
    "429 until the year 9999": lambda s, q, r: _error_response(
        429, "RateLimitError", "Too many requests", resetTime="9999-12-31T23:59:59.999Z"
    ),
    "429 for ever": lambda s, q, r: HttpResponse(429, b"Too many", "text/plain", (("Retry-After", "inf"),)),
    "half a character": lambda s, q, r: r._replace(
        body=r.body.replace(b'"keywords": {"value": ["', b'"keywords": {"value": ["\\ud800')
    ),
    "503": lambda s, q, r: HttpResponse(503, b"<html><body>Service unavailable</body></html>", "text/html"),
    "hang": _delay_response,
    "cut": lambda s, q, r: r._replace(cut=len(r.body) // 2),
    "torn": lambda s, q, r: r._replace(body=r.body[: len(r.body) // 2]),
    "refused": lambda s, q, r: HttpResponse(403, b"<html><body>Access denied</body></html>", "text/html"),
    "forbidden": lambda s, q, r: _error_response(403, "ForbiddenError", "This Note is Forbidden"),
    "no such list": lambda s, q, r: _error_response(404, "NotFoundError", "The Invitation was not found"),
    "no notes": lambda s, q, r: _json_response({"status": "ok"}),
    "counts too many": _build_json_fault(lambda value: value.update(count=value.get("count", 0) + 3)),
    "no count": _build_json_fault(lambda value: value.pop("count", None)),
    "skips one": _build_json_fault(lambda value: value.update(notes=value["notes"][1:])),
    "no title": _build_json_fault(lambda value: value["notes"][0]["content"].pop("title")),
    "the other form": _build_json_fault(_unwrap_content),
}


@contextmanager
def run_stand_in(standin: OpenReviewStandIn) -> Iterator[OpenReviewStandIn]:
    """Run a stand-in on a free port during the block; /v1 and /v2 are below its `url`."""
    with run_http_server(standin.answer_request) as address:
        standin.url = address
        yield standin
