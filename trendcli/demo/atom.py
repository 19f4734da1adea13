"""The query language of arXiv's API, and the Atom feeds that it answers in, as of November 2025."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from trendcli.demo.corpus import SyntheticSubmission

FEED_HEAD = (
    "<?xml version='1.0' encoding='UTF-8'?>\n"
    '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns:arxiv="http://arxiv.org/schemas/atom"'
    ' xmlns="http://www.w3.org/2005/Atom">\n'
)


def parse_query(search: str) -> Callable[[SyntheticSubmission], bool]:
    """Parse a search expression into a predicate; operators have no precedence and bind to the right.

    Raises ValueError where the expression is malformed.
    """
    tokens = re.findall(r"\(|\)|AND\b|OR\b|ANDNOT\b|\w+:\[[^\]]*\]|\w+:\"[^\"]*\"|\w+:[^\s()]+", search)
    if "".join(tokens).replace(" ", "") != search.replace(" ", ""):
        raise ValueError(f"cannot parse {search}")
    position = 0

    def parse_term() -> Callable[[SyntheticSubmission], bool]:
        nonlocal position
        if position >= len(tokens):
            raise ValueError(f"cannot parse {search}")
        token = tokens[position]
        position += 1
        if token == "(":
            inner = parse_expression()
            if position >= len(tokens) or tokens[position] != ")":
                raise ValueError(f"cannot parse {search}")
            position += 1
            return inner
        if ":" not in token:
            raise ValueError(f"cannot parse {search}")
        return _build_field_predicate(*token.split(":", 1))

    def parse_expression() -> Callable[[SyntheticSubmission], bool]:
        nonlocal position
        left = parse_term()
        if position >= len(tokens) or tokens[position] == ")":
            return left
        operator = tokens[position]
        position += 1
        right = parse_expression()
        if operator == "AND":
            return lambda submission: left(submission) and right(submission)
        if operator == "OR":
            return lambda submission: left(submission) or right(submission)
        return lambda submission: left(submission) and not right(submission)

    is_match = parse_expression()
    if position != len(tokens):
        raise ValueError(f"cannot parse {search}")
    return is_match


def _build_field_predicate(name: str, value: str) -> Callable[[SyntheticSubmission], bool]:
    if name == "cat":
        return lambda submission: any(fnmatch.fnmatchcase(category, value) for category in submission.categories)
    if name == "submittedDate":
        dates = re.fullmatch(r"\[(\d{12}) TO (\d{12})\]", value)
        if not dates:
            raise ValueError(f"cannot parse {name}:{value}")
        low, high = (datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC) for text in dates.groups())
        return lambda submission: low <= submission.published_at <= high
    texts: dict[str, Callable[[SyntheticSubmission], str]] = {
        "ti": lambda submission: submission.title,
        "abs": lambda submission: submission.abstract,
        "au": lambda submission: " ".join(submission.authors),
        "all": lambda submission: f"{submission.title} {submission.abstract} {' '.join(submission.authors)}",
    }
    if name not in texts:
        raise ValueError(f"cannot parse {name}:{value}")
    words = value.strip('"').lower()
    return lambda submission: words in texts[name](submission).lower()


def render_feed(
    submissions: Sequence[SyntheticSubmission],
    total: int,
    search: str,
    ids: str,
    start: int,
    size: int,
    answered_at: datetime,
) -> bytes:
    """Render a page of results as the API does; the query in its title is the one that ran, with ranges rewritten."""
    ran = re.sub(r"submittedDate:\[([^\]]*)\]", r'submittedDate:"\1"', search)
    title = f"search_query={ran}&id_list={ids}&start={start}&max_results={size}"
    link = f"https://arxiv.org/api/query?search_query={ran}&start={start}&max_results={size}&id_list={ids}"
    key = base64.b64encode(hashlib.sha1(title.encode()).digest()).decode()[:-1]
    return "".join(
        [
            FEED_HEAD,
            f"  <id>https://arxiv.org/api/{key}</id>\n",
            f"  <title>arXiv Query: {escape(title)}</title>\n",
            f"  <updated>{format_timestamp(answered_at)}</updated>\n",
            f'  <link href={quoteattr(link)} type="application/atom+xml"/>\n',
            f"  <opensearch:itemsPerPage>{size}</opensearch:itemsPerPage>\n",
            f"  <opensearch:totalResults>{total}</opensearch:totalResults>\n",
            f"  <opensearch:startIndex>{start}</opensearch:startIndex>\n",
            *map(render_entry, submissions),
            "</feed>\n",
        ]
    ).encode()


def render_entry(submission: SyntheticSubmission) -> str:
    """Render one entry of a feed, with its elements in the order of the real ones."""
    name = f"{submission.id}v{len(submission.versions)}"
    lines = [
        f"<id>http://arxiv.org/abs/{name}</id>",
        f"<title>{escape(submission.title)}</title>",
        f"<updated>{format_timestamp(submission.versions[-1])}</updated>",
        f'<link href="https://arxiv.org/abs/{name}" rel="alternate" type="text/html"/>',
        f'<link href="https://arxiv.org/pdf/{name}" rel="related" type="application/pdf" title="pdf"/>',
        f"<summary>{escape(submission.abstract)}</summary>",
        *(
            f'<category term={quoteattr(term)} scheme="http://arxiv.org/schemas/atom"/>'
            for term in submission.categories
        ),
        f"<published>{format_timestamp(submission.published_at)}</published>",
    ]
    if submission.comment is not None:
        lines.append(f"<arxiv:comment>{escape(submission.comment)}</arxiv:comment>")
    lines.append(f"<arxiv:primary_category term={quoteattr(submission.categories[0])}/>")
    if submission.journal_ref is not None:
        lines.append(f"<arxiv:journal_ref>{escape(submission.journal_ref)}</arxiv:journal_ref>")
    for number, author in enumerate(submission.authors):
        lines += ["<author>", f"  <name>{escape(author)}</name>"]
        lines += [
            f"  <arxiv:affiliation>{escape(text)}</arxiv:affiliation>"
            for text in submission.affiliations.get(number, ())
        ]
        lines.append("</author>")
    if submission.doi is not None:
        lines.append(f"<arxiv:doi>{escape(submission.doi)}</arxiv:doi>")
        lines.append(f'<link rel="related" href={quoteattr("https://doi.org/" + submission.doi)} title="doi"/>')
    return "  <entry>\n" + "".join(f"    {line}\n" for line in lines) + "  </entry>\n"


def format_timestamp(at: datetime) -> str:
    """Format a UTC moment as arXiv does, such as '2019-03-05T12:00:00Z'."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def render_error_feed(message: str, answered_at: datetime) -> bytes:
    """Render the feed of one entry by which the API reports an error; '' is the error that it does not explain."""
    link = f"https://arxiv.org/api/errors#{message.replace(' ', '_')}" if message else "https://arxiv.org/api/errors"
    now = format_timestamp(answered_at)
    return (
        f"{FEED_HEAD}  <id>https://arxiv.org/</id>\n  <title>arXiv Search Results</title>\n  <updated>{now}</updated>\n"
        "  <opensearch:itemsPerPage>1</opensearch:itemsPerPage>\n"
        "  <opensearch:totalResults>1</opensearch:totalResults>\n"
        "  <opensearch:startIndex>0</opensearch:startIndex>\n"
        f"  <entry>\n    <id>{escape(link)}</id>\n    <title>Error</title>\n    <updated>{now}</updated>\n"
        f'    <link href={quoteattr(link)} rel="alternate" type="text/html"/>\n'
        f"    <summary>{escape(message or 'internal error')}</summary>\n"
        "    <author>\n      <name>arXiv api core</name>\n    </author>\n  </entry>\n</feed>\n"
    ).encode()
