"""Types that cross the boundaries of packages; they need only the standard library, so that all may import them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

# where a rule has to match: in title or abstract; in the title; in the title, or twice in all
MATCH_MODES = ("any", "title", "strict")
# what `trend topics check` can report about a topic; docs/how-to/checking-topics.md explains each
FINDING_KINDS = ("nothing", "overlap", "carries", "other-meaning", "too-early", "renamed")


class Submission(NamedTuple):
    """One e-print or conference submission as a source states it; build it with `records.build_submission`.

    - `id`: canonical and without version
    - `version`: the number of the latest version; for a conference the time of its list, in seconds since 1970
    - `v1_at`, `updated_at`: when the first and the latest version were submitted, in seconds since 1970 UTC
    - `title`, `abstract`: normalized text
    - `authors`: one line as the source writes it, which `normalize.split_author_line` splits
    - `categories`: canonical and space-separated, primary first
    - `comments`, `journal_ref`, `doi`: as the source has them, or None
    - `as_of`: the day, counted from 1970, on which the source stated this
    - `row_hash`: identifies the content, so that an unchanged submission is not written again
    - `keywords`: those of a conference submission, joined by "; "; None for an e-print
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
    """The days from `since` to before `until`; None leaves a side open."""

    since: date | None
    until: date | None


class Request(NamedTuple):
    """What a source is asked for: the submissions of some categories (() for all) with a v1 date in the window.

    A source that knows only when metadata changed is asked for what has changed since `changed_since` (None: all), and
    continues at `resume_from` if an earlier harvest of the same request did not finish.
    """

    categories: tuple[str, ...]
    window: Window = Window(None, None)
    changed_since: date | None = None
    resume_from: date | None = None


@dataclass(frozen=True)
class CoverageRecord:
    """One line of the coverage ledger: what a source was asked for, and how complete the reply was.

    - `categories`: canonical names, or '*' for all
    - `since`, `until`: the v1 dates [since, until) that were asked for; days after `answered_at` are not covered
    - `status`: 'complete', 'partial' (a known gap), 'failed' (nothing to rely on) or 'unknown' (a file that does not
      say what it covers)
    - `expected`: the total that the source declared, None if it declares none; `received`: the submissions that came
    - `query`, `version`: the request as sent, and the interface or state of the file that answered
    - `changed`: for a source that is asked by date of change: the first day asked for, and the day that was reached
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
        """What was asked for, whenever it was: a later reply to it replaces an earlier one that was not complete."""
        return (self.source, self.categories, *((self.changed[0],) if self.changed else (self.since, self.until)))


class Batch(NamedTuple):
    """One delivery of a source.

    `submissions` is an Arrow table of the schema of `store.records`, the path of a file of that, or None.
    `coverage_records` describe this batch and those since the previous record; together they are one commit. `faults`
    are sentences about input that could not be read, `notes` about what else the user should know.
    """

    submissions: pa.Table | Path | None
    coverage_records: tuple[CoverageRecord, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Progress(Protocol):
    """A callback that is given the progress of long work."""

    def __call__(self, done: float, total: float | None, what: str) -> None:
        """Report that `done` of `total` are finished (None: total unknown); `what` names the work."""


def ignore_progress(done: float, total: float | None, what: str) -> None:
    """Do nothing: the Progress where nobody watches."""


class Source(Protocol):
    """A place that submissions come from: a class with this method and an entry in `registry.SOURCES`."""

    name: str

    def iter_batches(self, request: Request, progress: Progress) -> Iterator[Batch]:
        """Yield the submissions of a request; others may come with them, in any order, and one may come twice.

        The status of a coverage record says what is incomplete. Raise RetryableError if the source cannot be asked.
        """
        ...


@dataclass(frozen=True)
class Rule:
    """One expression of a topic: `kind` is 'phrase', 'acronym' or 'pattern', `text` as written in the topic file.

    `regex` is the RE2 expression that is matched. A match that lies inside a match of one of `exclude` does not count.
    `key` identifies what is matched: rules with equal keys match alike, whatever topic they belong to.
    """

    kind: str
    text: str
    regex: str
    exclude: tuple[str, ...]
    key: int


class ExpectedFinding(NamedTuple):
    """A finding about a topic that is accepted: its kind of FINDING_KINDS, the rules or topics concerned, and why."""

    finding: str
    of: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Topic:
    """A topic of research: a submission matches if any of its rules, or of its subtopics, matches title or abstract.

    - `parents`: ids of the topics that it is part of
    - `exclude`: expressions inside of which no rule matches
    - `guard`: category globs, of which a submission must have one; () for no condition
    - `origin`: the file and line that define it
    - `since`: pairs of a rule's text ('*' for all rules) and the month or year before which the thing did not exist
    - `expect`: findings that a check of the topic accepts; like `since` it does not change what matches
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
    """A fixed set of canonical categories, whose submissions are the total of shares; `name` is as it was asked for."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """Which submissions are counted, and which topics among them; None and () set no condition.

    With `both` a topic counts only submissions that match all those topics as well. With `within` the total is the
    submissions that match that topic instead of all of the scope. `match` is one of MATCH_MODES.
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
