"""The shapes that arXiv's OAI-PMH answers in, as of 2026: lists by day and id, pages by offset, stateless tokens."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlencode
from xml.sax.saxutils import escape, quoteattr

from trendcli.core.arxiv import oai_set
from trendcli.demo.corpus import Paper

RECORDS, IDENTIFIERS = 2_500, 20_000
FIRST = date(2005, 9, 16)
_KNOWN = {"verb", "metadataPrefix", "from", "until", "set", "resumptionToken", "identifier"}


class Archive:
    """Papers as the interface lists them: by day of change and identifier, set by set."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self.papers = papers
        self._sets: dict[str, list[Paper]] = {}

    def listed(self, name: str, since: date, until: date) -> list[Paper]:
        """The papers of a set that changed from `since` to `until`."""
        if name not in self._sets:
            matches = _in_set(name)
            ordered = sorted(self.papers, key=lambda paper: (changed(paper), paper.id))
            self._sets[name] = [paper for paper in ordered if matches(paper)]
        found = self._sets[name]
        return found[bisect_left(found, since, key=changed) : bisect_right(found, until, key=changed)]


def respond(archive: Archive, query: dict[str, str], sizes: tuple[int, int], today: date) -> bytes:
    """The reply to one request, errors included; `sizes` are those of pages of records and of identifiers."""
    verb, token = query.get("verb", ""), query.get("resumptionToken")
    if verb not in ("ListRecords", "ListIdentifiers", "GetRecord"):
        return _reply({}, _error("badVerb", f"Bad verb. Verb '{verb}' not implemented."))
    if set(query) - _KNOWN:
        return _reply({}, _error("badArgument", "Illegal argument."))
    asked, skip = dict(query), 0
    if token is not None:
        asked = dict(parse_qsl(unquote(token)))
        day, number = asked.pop("day", ""), asked.pop("skip", "")
        if asked.get("verb") != verb or not number.isdigit():
            return _reply(query, _error("badResumptionToken", _INVALID + "malformed"))
        if day != str(today):
            return _reply(query, _error("badResumptionToken", _INVALID + "expired"))
        skip = int(number)
    if asked.get("metadataPrefix") != "arXivRaw":
        return _reply({}, _error("badArgument", "metadataPrefix required"))
    if verb == "GetRecord":
        ident = asked.get("identifier", "").removeprefix("oai:arXiv.org:")
        found = [paper for paper in archive.papers if paper.id == ident]
        body = f"<GetRecord>{record(found[0])}</GetRecord>" if found else _error("idDoesNotExist", "Not here")
        return _reply(query, body)
    try:
        since, until = (date.fromisoformat(asked.get(key, "") or str(FIRST)) for key in ("from", "until"))
    except ValueError:
        return _reply({}, _error("badArgument", "not a date"))
    until = until if "until" in asked else date.max
    if since < FIRST or ("until" in asked and until > today) or since > until:
        return _reply({}, _error("badArgument", "from or until out of range"))
    listed = archive.listed(asked.get("set", ""), since, until)
    size = sizes[verb == "ListIdentifiers"]
    page, rest = listed[skip : skip + size], len(listed) > skip + size
    if not page:
        return _reply(query, _error("noRecordsMatch", _EMPTY))
    body = "".join(record(paper) if verb == "ListRecords" else header(paper) for paper in page)
    if rest:
        # as the real one does it: from the last day on, less what has been sent of that day
        last = changed(page[-1])
        sent = sum(changed(paper) == last for paper in listed[: skip + size])
        new = {**asked, "from": str(last), "skip": str(sent), "day": str(today)}
        midnight = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(1)
        body += (
            f"<resumptionToken expirationDate='{midnight:%Y-%m-%dT%H:%M:%SZ}'>{quote(urlencode(new))}</resumptionToken>"
        )
    elif token is not None:
        body += "<resumptionToken/>"
    return _reply(query, f"<{verb}>{body}</{verb}>")


_INVALID = "The value of the resumptionToken argument is invalid or expired. Reason: "
_EMPTY = "The combination of the values of the from, until, set and metadataPrefix arguments results in an empty list."


def changed(paper: Paper) -> date:
    """The datestamp of a paper: the day on which its metadata changed last."""
    return paper.changed or max((paper.versions[-1] + timedelta(days=1)).date(), FIRST)


def _in_set(name: str) -> Callable[[Paper], bool]:
    if not name:
        return lambda paper: True
    return lambda paper: any(f"{oai_set(category)}:".startswith(f"{name}:") for category in paper.categories)


def header(paper: Paper) -> str:
    """The header of a paper."""
    sets = "".join(f"<setSpec>{oai_set(category)}</setSpec>" for category in paper.categories)
    return (
        f"<header><identifier>oai:arXiv.org:{paper.id}</identifier>"
        f"<datestamp>{changed(paper)}</datestamp>{sets}</header>"
    )


def record(paper: Paper) -> str:
    """The record of a paper in the form arXivRaw, elements in the order of the real ones."""
    versions = "".join(
        f'<version version="v{number}"><date>{at:%a, %d %b %Y %H:%M:%S} GMT</date><size>13kb</size>'
        + ("<source_type>I</source_type>" if paper.withdrawn and number == len(paper.versions) else "")
        + "</version>"
        for number, at in enumerate(paper.versions, 1)
    )
    fields = [
        ("title", paper.title),
        ("authors", ", ".join(paper.authors)),
        ("categories", " ".join(paper.categories)),
        ("comments", paper.comment),
        ("journal-ref", paper.journal_ref),
        ("doi", paper.doi),
        ("license", "http://arxiv.org/licenses/nonexclusive-distrib/1.0/"),
        ("abstract", f"  {paper.abstract}\n"),
    ]
    written = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields if value is not None)
    return (
        f"<record>{header(paper)}<metadata>"
        '<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://arxiv.org/OAI/arXivRaw/ http://arxiv.org/OAI/arXivRaw.xsd">'
        f"<id>{paper.id}</id><submitter>{escape(paper.authors[0])}</submitter>{versions}{written}</arXivRaw>"
        "</metadata></record>"
    )


def _error(code: str, text: str) -> str:
    return f"<error code='{code}'>{text}</error>"


def _reply(query: dict[str, str], body: str) -> bytes:
    asked = "".join(f" {key}={quoteattr(value)}" for key, value in query.items() if re.fullmatch(r"\w+", key))
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">\n'
        f"<responseDate>{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</responseDate>\n"
        f"<request{asked}>http://oaipmh.arxiv.org/oai</request>\n{body}\n</OAI-PMH>\n"
    ).encode()
