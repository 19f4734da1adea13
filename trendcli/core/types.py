"""The nouns that cross the boundaries of the program. Standard library only: every layer may import them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

MATCH_MODES = ("any", "title", "strict")
# what `trend topics check` may find of a topic; docs/how-to/checking-topics.md says when
FINDING_KINDS = ("nothing", "overlap", "carries", "other-meaning", "too-early", "renamed")


class Submission(NamedTuple):
    """One e-print or conference submission as a source states it; make it with `parts.submission`.

    `v1_at` and `updated_at` are seconds since 1970 UTC (first and latest version), `as_of` is the day, counted from
    1970, on which the source vouched for this state, `categories` is canonical and space-separated, primary first, and
    `authors` is one line as the source writes it, which `text.author_names` takes apart. `keywords` are the authors',
    joined by "; ", of a conference submission; None for an e-print, which has none.
    """

    id: str
    version: int
    v1_at: int
    updated_at: int
    title: str
    abstract: str
    authors: str
    categories: str
    comments: str | None
    journal_ref: str | None
    doi: str | None
    withdrawn: bool
    as_of: int
    row_hash: int
    keywords: str | None = None


class Window(NamedTuple):
    """The days [since, until); None where a side is open."""

    since: date | None
    until: date | None


class Request(NamedTuple):
    """What a source is asked for: submissions of some categories (() for all) with a v1 date in the window.

    A source that knows only when metadata changed is asked for what has `changed` since a day (None: ever), and goes on
    at `reached` where an earlier harvest of the same question did not finish.
    """

    categories: tuple[str, ...]
    window: Window = Window(None, None)
    changed_since: date | None = None
    resume_from: date | None = None


@dataclass(frozen=True)
class CoverageRecord:
    """One line of the coverage ledger: what was asked of a source, and how whole the reply was.

    `categories` holds canonical names, or '*' for all of them. The days [since, until) were asked for; what lies after
    `answered_at` is not covered. `status` is 'complete', 'partial' (a known hole), 'failed' (nothing that can be relied
    on) or 'unknown' (a file that did not say what it covers). `expected` is None where the source declares no total.
    `changed` are the days of change that a source was asked for that knows no other: from, and how far it came.
    """

    source: str
    categories: tuple[str, ...]
    since: date
    until: date
    answered_at: datetime
    status: str
    expected: int | None
    received: int
    query: str
    version: str
    changed: tuple[date, date] | None = None

    @property
    def request_key(self) -> tuple[object, ...]:
        """What was asked, whenever it was: a later answer to it stands for an earlier one that was not whole."""
        return (self.source, self.categories, *((self.changed[0],) if self.changed else (self.since, self.until)))


class Batch(NamedTuple):
    """What a source hands over at a time.

    `part` holds submissions, as an Arrow table of `parts.schema` or as the path of a file of them, or is None.
    `answers` say what has been covered by this batch and those since the last answer; together they are one commit.
    `faults` are sentences about input that could not be read, `notes` about what else a person should know of it.
    """

    submissions: pa.Table | Path | None
    coverage_records: tuple[CoverageRecord, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Progress(Protocol):
    """Told how far long work has come; does nothing unless somebody watches."""

    def __call__(self, done: float, total: float | None, what: str) -> None:
        """`done` of `total` (None: unknown), and what that is."""


def ignore_progress(done: float, total: float | None, what: str) -> None:
    """A Progress that nobody watches."""


class Source(Protocol):
    """A place that submissions come from."""

    name: str

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """Every submission that was asked for; others may come along, in any order, and one may come twice.

        What could not be had whole is said in the status of an Answer. TryLater where the source cannot be asked.
        """
        ...


@dataclass(frozen=True)
class Rule:
    """One expression of a topic: `kind` is 'phrase', 'acronym' or 'pattern', `text` is what the person wrote.

    A match that lies inside a match of one of `exclude` does not count. `key` identifies what is matched: rules with
    equal keys match alike, whatever topic they belong to.
    """

    kind: str
    text: str
    regex: str
    exclude: tuple[str, ...]
    key: int


class ExpectedFinding(NamedTuple):
    """A finding of a topic that is known and right: one of FINDINGS, the rules or topics it is about, and why."""

    finding: str
    of: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Topic:
    """A named rule over title and abstract; `guard` holds category globs of which a submission must have one.

    `since` holds (the text of a rule, or '*' for all, and the month or year before which the thing did not exist), and
    `expect` what a check of the topic may find; neither changes what matches.
    """

    id: str
    name: str
    parents: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    exclude: tuple[str, ...] = ()
    guard: tuple[str, ...] = ()
    origin: str = ""
    since: tuple[tuple[str, str], ...] = ()
    expect: tuple[ExpectedFinding, ...] = ()


@dataclass(frozen=True)
class Scope:
    """A fixed set of canonical categories: the base of shares. `name` is how it was asked for."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """Which submissions are counted, and which topics among them; None and () leave a side open.

    A topic counts only what matches all topics of `both` as well. With `within` the base is what matches that topic.
    """

    scope: Scope
    topics: tuple[str, ...] = ()
    window: Window = Window(None, None)
    match: str = "any"
    primary_only: bool = False
    author: str | None = None
    id: str | None = None
    as_of: date | None = None
    both: tuple[str, ...] = ()
    within: str | None = None
    corpus: str = "arxiv"
