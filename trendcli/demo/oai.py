"""The shapes that arXiv's OAI-PMH answers in, as of 2026: lists by day and id, pages by offset, stateless tokens."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlencode
from xml.sax.saxutils import escape, quoteattr

from trendcli.core.arxiv import oai_set
from trendcli.demo.corpus import SyntheticSubmission

RECORDS_PER_PAGE, IDENTIFIERS_PER_PAGE = 2_500, 20_000
FIRST_DATESTAMP = date(2005, 9, 16)
_KNOWN_ARGUMENTS = {"verb", "metadataPrefix", "from", "until", "set", "resumptionToken", "identifier"}


class Archive:
    """Papers as the interface lists them: by day of change and identifier, set by set."""

    def __init__(self, submissions: Sequence[SyntheticSubmission]) -> None:
        self.submissions = submissions
        self._submissions_by_set: dict[str, list[SyntheticSubmission]] = {}

    def list_changed(self, set_name: str, since: date, until: date) -> list[SyntheticSubmission]:
        """The papers of a set that changed from `since` to `until`."""
        if set_name not in self._submissions_by_set:
            matches = _build_set_predicate(set_name)
            ordered = sorted(self.submissions, key=lambda paper: (metadata_datestamp(paper), paper.id))
            self._submissions_by_set[set_name] = [paper for paper in ordered if matches(paper)]
        found = self._submissions_by_set[set_name]
        return found[
            bisect_left(found, since, key=metadata_datestamp) : bisect_right(found, until, key=metadata_datestamp)
        ]


def render_response(archive: Archive, query: dict[str, str], page_sizes: tuple[int, int], today: date) -> bytes:
    """The reply to one request, errors included; `sizes` are those of pages of records and of identifiers."""
    verb, token = query.get("verb", ""), query.get("resumptionToken")
    if verb not in ("ListRecords", "ListIdentifiers", "GetRecord"):
        return _render_envelope({}, _render_error("badVerb", f"Bad verb. Verb '{verb}' not implemented."))
    if set(query) - _KNOWN_ARGUMENTS:
        return _render_envelope({}, _render_error("badArgument", "Illegal argument."))
    asked, skip = dict(query), 0
    if token is not None:
        asked = dict(parse_qsl(unquote(token)))
        day, number = asked.pop("day", ""), asked.pop("skip", "")
        if asked.get("verb") != verb or not number.isdigit():
            return _render_envelope(query, _render_error("badResumptionToken", _INVALID_TOKEN_TEXT + "malformed"))
        if day != str(today):
            return _render_envelope(query, _render_error("badResumptionToken", _INVALID_TOKEN_TEXT + "expired"))
        skip = int(number)
    if asked.get("metadataPrefix") != "arXivRaw":
        return _render_envelope({}, _render_error("badArgument", "metadataPrefix required"))
    if verb == "GetRecord":
        ident = asked.get("identifier", "").removeprefix("oai:arXiv.org:")
        found = [paper for paper in archive.submissions if paper.id == ident]
        body = (
            f"<GetRecord>{render_record(found[0])}</GetRecord>"
            if found
            else _render_error("idDoesNotExist", "Not here")
        )
        return _render_envelope(query, body)
    try:
        since, until = (date.fromisoformat(asked.get(key, "") or str(FIRST_DATESTAMP)) for key in ("from", "until"))
    except ValueError:
        return _render_envelope({}, _render_error("badArgument", "not a date"))
    until = until if "until" in asked else date.max
    if since < FIRST_DATESTAMP or ("until" in asked and until > today) or since > until:
        return _render_envelope({}, _render_error("badArgument", "from or until out of range"))
    listed = archive.list_changed(asked.get("set", ""), since, until)
    size = page_sizes[verb == "ListIdentifiers"]
    page, rest = listed[skip : skip + size], len(listed) > skip + size
    if not page:
        return _render_envelope(query, _render_error("noRecordsMatch", _NO_MATCH_TEXT))
    body = "".join(render_record(paper) if verb == "ListRecords" else render_header(paper) for paper in page)
    if rest:
        # as the real one does it: from the last day on, less what has been sent of that day
        last = metadata_datestamp(page[-1])
        sent = sum(metadata_datestamp(paper) == last for paper in listed[: skip + size])
        new = {**asked, "from": str(last), "skip": str(sent), "day": str(today)}
        midnight = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(1)
        body += (
            f"<resumptionToken expirationDate='{midnight:%Y-%m-%dT%H:%M:%SZ}'>{quote(urlencode(new))}</resumptionToken>"
        )
    elif token is not None:
        body += "<resumptionToken/>"
    return _render_envelope(query, f"<{verb}>{body}</{verb}>")


_INVALID_TOKEN_TEXT = "The value of the resumptionToken argument is invalid or expired. Reason: "
_NO_MATCH_TEXT = (
    "The combination of the values of the from, until, set and metadataPrefix arguments results in an empty list."
)


def metadata_datestamp(submission: SyntheticSubmission) -> date:
    """The datestamp of a paper: the day on which its metadata changed last."""
    return submission.changed or max((submission.versions[-1] + timedelta(days=1)).date(), FIRST_DATESTAMP)


def _build_set_predicate(name: str) -> Callable[[SyntheticSubmission], bool]:
    if not name:
        return lambda paper: True
    return lambda paper: any(f"{oai_set(category)}:".startswith(f"{name}:") for category in paper.categories)


def render_header(submission: SyntheticSubmission) -> str:
    """The header of a paper."""
    sets = "".join(f"<setSpec>{oai_set(category)}</setSpec>" for category in submission.categories)
    return (
        f"<header><identifier>oai:arXiv.org:{submission.id}</identifier>"
        f"<datestamp>{metadata_datestamp(submission)}</datestamp>{sets}</header>"
    )


def render_record(submission: SyntheticSubmission) -> str:
    """The record of a paper in the form arXivRaw, elements in the order of the real ones."""
    versions = "".join(
        f'<version version="v{number}"><date>{at:%a, %d %b %Y %H:%M:%S} GMT</date><size>13kb</size>'
        + ("<source_type>I</source_type>" if submission.withdrawn and number == len(submission.versions) else "")
        + "</version>"
        for number, at in enumerate(submission.versions, 1)
    )
    fields = [
        ("title", submission.title),
        ("authors", ", ".join(submission.authors)),
        ("categories", " ".join(submission.categories)),
        ("comments", submission.comment),
        ("journal-ref", submission.journal_ref),
        ("doi", submission.doi),
        ("license", "http://arxiv.org/licenses/nonexclusive-distrib/1.0/"),
        ("abstract", f"  {submission.abstract}\n"),
    ]
    written = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields if value is not None)
    return (
        f"<record>{render_header(submission)}<metadata>"
        '<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://arxiv.org/OAI/arXivRaw/ http://arxiv.org/OAI/arXivRaw.xsd">'
        f"<id>{submission.id}</id><submitter>{escape(submission.authors[0])}</submitter>{versions}{written}</arXivRaw>"
        "</metadata></record>"
    )


def _render_error(code: str, text: str) -> str:
    return f"<error code='{code}'>{text}</error>"


def _render_envelope(query: dict[str, str], body: str) -> bytes:
    asked = "".join(f" {key}={quoteattr(value)}" for key, value in query.items() if re.fullmatch(r"\w+", key))
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">\n'
        f"<responseDate>{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</responseDate>\n"
        f"<request{asked}>http://oaipmh.arxiv.org/oai</request>\n{body}\n</OAI-PMH>\n"
    ).encode()
