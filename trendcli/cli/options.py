"""The options by which every reading command selects submissions and topics, and how they become a query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.conflicts import Conflict, changed_flags, check_conflicts
from trendcli.core.errors import UsageError

if TYPE_CHECKING:
    from trendcli.core.types import Scope
    from trendcli.store.store import Store
    from trendcli.topics.library import Library
    from trendcli.topics.query import Query


class MatchMode(Enum):
    """How a topic must match."""

    any = "any"
    title = "title"
    strict = "strict"


class VenueStatus(StrEnum):
    """Which submissions to a venue are counted."""

    submitted = "submitted"
    active = "active"
    accepted = "accepted"


class PeriodUnit(StrEnum):
    """Length of a calendar period."""

    year = "year"
    quarter = "quarter"
    month = "month"
    week = "week"


def filter_by_prefix(names: Iterable[str], prefix: str) -> list[str]:
    """Return the names that a word which is being typed may become."""
    return [name for name in names if name.startswith(prefix)]


def complete_topics(incomplete: str) -> list[str]:
    """Return the topics that begin with what was typed."""
    return filter_by_prefix(sorted(CommonOptions().load_library().topics), incomplete)


def complete_packs(incomplete: str) -> list[str]:
    """Return the packs that begin with what was typed."""
    return filter_by_prefix(sorted(CommonOptions().load_library().packs), incomplete)


def complete_scopes(incomplete: str) -> list[str]:
    """Return the named scopes that begin with what was typed."""
    return filter_by_prefix(sorted(CommonOptions().resolved_settings[0].scopes), incomplete)


def complete_corpora(incomplete: str) -> list[str]:
    """Return the corpora of the default store that begin with a text."""
    from trendcli.store.store import list_venues

    return filter_by_prefix(["arxiv", *list_venues(CommonOptions().store_root())], incomplete)


def _complete_categories(incomplete: str) -> list[str]:
    from trendcli.core.arxiv import CATEGORIES

    return filter_by_prefix(CATEGORIES, incomplete)


CategoriesOption = Annotated[
    list[str] | None,
    typer.Option(
        "-c",
        "--category",
        metavar="CATEGORY",
        help="Category, e.g. cs.LG or 'cs.*'; repeatable.",
        autocompletion=_complete_categories,
    ),
]
ScopeOption = Annotated[
    str | None, typer.Option(metavar="SCOPE", help="Named set of categories.", autocompletion=complete_scopes)
]
CorpusOption = Annotated[
    str,
    typer.Option(metavar="CORPUS", help="arxiv, or an imported venue, e.g. iclr.", autocompletion=complete_corpora),
]
OutcomeOption = Annotated[
    str | None, typer.Option(metavar="accepted", help="Venues only: share of accepted submissions, by topic.")
]
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Start (inclusive): 2019, 2019-Q2, 2019-03, 2019-W12 or 2019-03-05."),
]
UntilOption = Annotated[str | None, typer.Option(metavar="DATE", help="End (exclusive).")]
VersusOption = Annotated[
    str | None,
    typer.Option(metavar="PERIOD", help="Earlier period to compare with: a period, 'previous' or 'year-ago'."),
]
LimitOption = Annotated[int, typer.Option(min=0, metavar="N", help="Show at most N rows (0: all).")]
FormatOption = Annotated[
    str | None, typer.Option("--format", metavar="FORMAT", help="table, md, csv, json, jsonl or html.")
]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Output file; its extension sets the format.")
]
FailIfUnchangedOption = Annotated[
    bool, typer.Option("--fail-if-unchanged", help="Exit with code 5 if there is nothing new.")
]


def check_outcome(outcome: str | None) -> None:
    """Raise UsageError for a value of --outcome that is neither None nor 'accepted'."""
    if outcome not in (None, "accepted"):
        raise UsageError(f"--outcome accepts only 'accepted', not {outcome!r}.")


@dataclass(frozen=True)
class SelectionOptions:
    """Which submissions are read, and which topics are counted in them."""

    topic: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--topic",
            metavar="TOPIC",
            help="Topic by name; repeatable. See `trend topics list`.",
            autocompletion=complete_topics,
        ),
    ] = None
    both: Annotated[
        list[str] | None,
        typer.Option(
            "--and",
            metavar="TOPIC",
            help="Only submissions that also match this topic; repeatable.",
            autocompletion=complete_topics,
        ),
    ] = None
    within: Annotated[
        str | None,
        typer.Option(
            metavar="TOPIC",
            help="Shares of this topic's submissions: of its subtopics, or of the topics named.",
            autocompletion=complete_topics,
        ),
    ] = None
    pack: Annotated[
        str | None,
        typer.Option(
            metavar="PACK", help="Topics of a pack, used if no topic is named [ml].", autocompletion=complete_packs
        ),
    ] = None
    query: Annotated[
        list[str] | None, typer.Option(metavar="PHRASE", help="Phrase as an ad-hoc topic; repeatable.")
    ] = None
    keyword: Annotated[
        list[str] | None,
        typer.Option(metavar="KEYWORD", help="Venues only: whole keyword as an ad-hoc topic; repeatable."),
    ] = None
    period: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="Period: 2019, 2019-Q2, 2019-03 or 2019-W12.")
    ] = None
    since: SinceOption = None
    until: UntilOption = None
    last: Annotated[str | None, typer.Option(metavar="SPAN", help="The last N complete periods, e.g. 24m or 3y.")] = (
        None
    )
    category: CategoriesOption = None
    scope: ScopeOption = None
    primary_only: Annotated[
        bool, typer.Option("--primary-only", help="Count a submission in its primary category only.")
    ] = False
    author: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only submissions whose author list contains this text.")
    ] = None
    id: Annotated[str | None, typer.Option(metavar="ID", help="Only the submission with this identifier.")] = None
    match: Annotated[
        MatchMode,
        typer.Option(help="any: title or abstract; title: title only; strict: title, or at least two matches."),
    ] = MatchMode.any
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Report as if run on this day: without later submissions, periods as incomplete as then.",
        ),
    ] = None

    corpus: CorpusOption = "arxiv"
    fields: Annotated[
        str | None,
        typer.Option(metavar="FIELDS", help="Venues only: fields to match, e.g. title,keywords [all available]."),
    ] = None
    submission_status: Annotated[
        VenueStatus | None,
        typer.Option(help="Venues only: submitted (all), active (not withdrawn or desk-rejected) or accepted."),
    ] = None

    def open_store(self, common: CommonOptions) -> Store:
        """Open the store of the corpus, restricted to the named fields."""
        if self.corpus == "arxiv":
            return common.open_store()
        from trendcli.store.corpus import restrict_text_fields

        if self.keyword and self.fields not in (None, "keywords"):
            raise UsageError("--keyword matches keywords only: leave out --fields, or use --query.")
        fields = "keywords" if self.keyword else self.fields
        return restrict_text_fields(
            common.open_store(self.corpus), None if fields is None else [name.strip() for name in fields.split(",")]
        )

    def default_scope(self, common: CommonOptions) -> Scope:
        """Return the scope that is read if none is named."""
        from trendcli.core.types import Scope

        return common.default_scope() if self.corpus == "arxiv" else Scope("submitted", ("submitted",))

    def _build_scope(self, common: CommonOptions) -> Scope | None:
        from trendcli.core.types import Scope

        check_conflicts({f"--corpus {self.corpus}", *changed_flags(self)}, [self._corpus_conflict()])
        if self.corpus == "arxiv":
            return common.resolved_settings[0].resolve_scope(self.category, self.scope)
        return Scope(self.submission_status.value, (self.submission_status.value,)) if self.submission_status else None

    def _corpus_conflict(self) -> Conflict:
        if self.corpus == "arxiv":
            venue_options = ("--fields", "--submission-status", "--keyword")
            return Conflict("--corpus arxiv", venue_options, "Choose a venue, e.g. --corpus iclr.")
        return Conflict(
            f"--corpus {self.corpus}",
            ("--category", "--scope", "--primary-only"),
            f"{self.corpus} has no categories; use --submission-status to choose which submissions are counted.",
        )

    def build_query(self, common: CommonOptions, *, use_default_pack: bool, **options: Any) -> tuple[Query, Library]:
        """Return the query of these options, and the library that its topics are in.

        With `use_default_pack`, all topics of the pack `ml` are counted if none is named. `options` are further
        arguments of parse_query.
        """
        from trendcli.topics.query import parse_query

        return parse_query(
            common.load_library(),
            topics=self.topic or (),
            queries=self.query or (),
            keywords=self.keyword or (),
            pack=self.pack or ("ml" if use_default_pack and not (self.has_named_topics or self.within) else None),
            both=self.both or (),
            within=self.within,
            children=use_default_pack,  # a list without a topic is of all submissions
            scope=self._build_scope(common),
            period=self.period,
            since=self.since,
            until=self.until,
            last=self.last,
            match=self.match.value,
            primary_only=self.primary_only,
            author=self.author,
            id=self.id,
            as_of=self.as_of,
            corpus=self.corpus,
            **options,
        )

    @property
    def has_named_topics(self) -> bool:
        """Whether topics are named one by one."""
        return bool(self.topic or self.query or self.keyword)
