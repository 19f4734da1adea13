"""OAI-PMH as arXiv answers it in 2026: lists by day and identifier, pages by offset, stateless tokens."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlencode
from xml.sax.saxutils import escape, quoteattr

from trendcli.core.arxiv import oai_set
from trendcli.demo.corpus import SyntheticSubmission

RECORDS_PER_PAGE = 2_500
IDENTIFIERS_PER_PAGE = 20_000
# earlier ones are refused
FIRST_DATESTAMP = date(2005, 9, 16)
_KNOWN_ARGUMENTS = {"verb", "metadataPrefix", "from", "until", "set", "resumptionToken", "identifier"}


class Archive:
    """Submissions as the interface lists them: by day of change and identifier, set by set."""

    def __init__(self, submissions: Sequence[SyntheticSubmission]) -> None:
        self.submissions = submissions
        self._submissions_by_set: dict[str, list[SyntheticSubmission]] = {}

    def list_changed(self, set_name: str, since: date, until: date) -> list[SyntheticSubmission]:
        """Return the submissions of a set that changed in [since, until]."""
        if set_name not in self._submissions_by_set:
            is_member = _build_set_predicate(set_name)
            ordered = sorted(self.submissions, key=lambda submission: (metadata_datestamp(submission), submission.id))
            self._submissions_by_set[set_name] = [submission for submission in ordered if is_member(submission)]
        ordered = self._submissions_by_set[set_name]
        first = bisect_left(ordered, since, key=metadata_datestamp)
        return ordered[first : bisect_right(ordered, until, key=metadata_datestamp)]


def render_response(archive: Archive, query: dict[str, str], page_sizes: tuple[int, int], now: datetime) -> bytes:
    """Return the response to one request, errors included; `page_sizes` are of records and of identifiers."""
    today = now.date()
    verb, token = query.get("verb", ""), query.get("resumptionToken")
    if verb not in ("ListRecords", "ListIdentifiers", "GetRecord"):
        return _render_envelope(now, {}, _render_error("badVerb", f"Bad verb. Verb '{verb}' not implemented."))
    if set(query) - _KNOWN_ARGUMENTS:
        return _render_envelope(now, {}, _render_error("badArgument", "Illegal argument."))
    arguments, skip = dict(query), 0
    if token is not None:
        arguments = dict(parse_qsl(unquote(token)))
        day, number = arguments.pop("day", ""), arguments.pop("skip", "")
        if arguments.get("verb") != verb or not number.isdigit():
            return _render_envelope(now, query, _render_error("badResumptionToken", _INVALID_TOKEN_TEXT + "malformed"))
        if day != str(today):
            return _render_envelope(now, query, _render_error("badResumptionToken", _INVALID_TOKEN_TEXT + "expired"))
        skip = int(number)
    if arguments.get("metadataPrefix") != "arXivRaw":
        return _render_envelope(now, {}, _render_error("badArgument", "metadataPrefix required"))
    if verb == "GetRecord":
        ident = arguments.get("identifier", "").removeprefix("oai:arXiv.org:")
        matches = [submission for submission in archive.submissions if submission.id == ident]
        record = f"<GetRecord>{render_record(matches[0])}</GetRecord>" if matches else ""
        body = record or _render_error("idDoesNotExist", "Not here")
        return _render_envelope(now, query, body)
    try:
        since, until = (date.fromisoformat(arguments.get(key, "") or str(FIRST_DATESTAMP)) for key in ("from", "until"))
    except ValueError:
        return _render_envelope(now, {}, _render_error("badArgument", "not a date"))
    until = until if "until" in arguments else date.max
    if since < FIRST_DATESTAMP or ("until" in arguments and until > today) or since > until:
        return _render_envelope(now, {}, _render_error("badArgument", "from or until out of range"))
    listed = archive.list_changed(arguments.get("set", ""), since, until)
    size = page_sizes[verb == "ListIdentifiers"]
    page, rest = listed[skip : skip + size], len(listed) > skip + size
    if not page:
        return _render_envelope(now, query, _render_error("noRecordsMatch", _NO_MATCH_TEXT))
    body = "".join(
        render_record(submission) if verb == "ListRecords" else render_header(submission) for submission in page
    )
    if rest:
        # as the real one does: from the last day on, skipping what was already sent of that day
        last = metadata_datestamp(page[-1])
        skipped = sum(metadata_datestamp(submission) == last for submission in listed[: skip + size])
        new = {**arguments, "from": str(last), "skip": str(skipped), "day": str(today)}
        midnight = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(1)
        body += (
            f"<resumptionToken expirationDate='{midnight:%Y-%m-%dT%H:%M:%SZ}'>{quote(urlencode(new))}</resumptionToken>"
        )
    elif token is not None:
        body += "<resumptionToken/>"
    return _render_envelope(now, query, f"<{verb}>{body}</{verb}>")


_INVALID_TOKEN_TEXT = "The value of the resumptionToken argument is invalid or expired. Reason: "
_NO_MATCH_TEXT = (
    "The combination of the values of the from, until, set and metadataPrefix arguments results in an empty list."
)


def metadata_datestamp(submission: SyntheticSubmission) -> date:
    """Return the datestamp of a submission: the day on which its metadata last changed."""
    return submission.changed or max((submission.versions[-1] + timedelta(days=1)).date(), FIRST_DATESTAMP)


def _build_set_predicate(name: str) -> Callable[[SyntheticSubmission], bool]:
    if not name:
        return lambda submission: True
    return lambda submission: any(f"{oai_set(category)}:".startswith(f"{name}:") for category in submission.categories)


def render_header(submission: SyntheticSubmission) -> str:
    """Render the header of a submission."""
    sets = "".join(f"<setSpec>{oai_set(category)}</setSpec>" for category in submission.categories)
    return (
        f"<header><identifier>oai:arXiv.org:{submission.id}</identifier>"
        f"<datestamp>{metadata_datestamp(submission)}</datestamp>{sets}</header>"
    )


def render_record(submission: SyntheticSubmission) -> str:
    """Render the record of a submission as arXivRaw, with its elements in the order of the real ones."""
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


def _render_envelope(now: datetime, query: dict[str, str], body: str) -> bytes:
    arguments = "".join(f" {key}={quoteattr(value)}" for key, value in query.items() if re.fullmatch(r"\w+", key))
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">\n'
        f"<responseDate>{now:%Y-%m-%dT%H:%M:%SZ}</responseDate>\n"
        f"<request{arguments}>http://oaipmh.arxiv.org/oai</request>\n{body}\n</OAI-PMH>\n"
    ).encode()
