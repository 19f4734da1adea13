"""SELECT: the options by which every reading command chooses submissions, and how they become a Question."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trendcli.cli.base import CommonOptions
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
    """Periods of a calendar."""

    year = "year"
    quarter = "quarter"
    month = "month"
    week = "week"


def _complete_topics(incomplete: str) -> list[str]:
    return [name for name in sorted(CommonOptions().load_library().topics) if name.startswith(incomplete)]


def _complete_packs(incomplete: str) -> list[str]:
    return [name for name in sorted(CommonOptions().load_library().packs) if name.startswith(incomplete)]


def _complete_scopes(incomplete: str) -> list[str]:
    return [name for name in sorted(CommonOptions().resolved_settings[0].scopes) if name.startswith(incomplete)]


def _complete_corpora(incomplete: str) -> list[str]:
    from trendcli.store.store import list_venues

    return [name for name in ["arxiv", *list_venues(CommonOptions().store_root())] if name.startswith(incomplete)]


def _complete_categories(incomplete: str) -> list[str]:
    from trendcli.core.arxiv import CATEGORIES

    return [name for name in CATEGORIES if name.startswith(incomplete)]


CategoriesOption = Annotated[
    list[str] | None,
    typer.Option(
        "-c", "--category", help="A category, such as cs.LG or 'cs.*'; repeatable.", autocompletion=_complete_categories
    ),
]
CorpusOption = Annotated[
    str, typer.Option(help="arxiv, or a venue that was imported, such as iclr.", autocompletion=_complete_corpora)
]
OutcomeOption = Annotated[str | None, typer.Option(help="'accepted': what a venue accepted more or less often.")]
SinceOption = Annotated[
    str | None, typer.Option(help="First date inside: 2019, 2019-Q2, 2019-03, 2019-W12 or 2019-03-05.")
]
UntilOption = Annotated[str | None, typer.Option(help="First date outside.")]
FormatOption = Annotated[str | None, typer.Option("--format", help="table, md, csv, json, jsonl or html.")]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", help="Write to a file; its ending chooses the format.")
]


def check_outcome(outcome: str) -> None:
    """UsageError for an outcome that is not known."""
    if outcome != "accepted":
        raise UsageError(f"No outcome {outcome!r}: --outcome accepted.")


@dataclass(frozen=True)
class SelectionOptions:
    """Which submissions, which topics."""

    topic: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--topic",
            help="A topic by name; repeatable. See `trend topics list`.",
            autocompletion=_complete_topics,
        ),
    ] = None
    both: Annotated[
        list[str] | None,
        typer.Option(
            "--and", help="Only what matches this topic as well; repeatable.", autocompletion=_complete_topics
        ),
    ] = None
    within: Annotated[
        str | None,
        typer.Option(help="Shares of this topic: its children, or the topics named.", autocompletion=_complete_topics),
    ] = None
    pack: Annotated[
        str | None, typer.Option(help="The topics of a pack, where none is named [ml].", autocompletion=_complete_packs)
    ] = None
    query: Annotated[list[str] | None, typer.Option(help="A phrase as a topic made on the spot; repeatable.")] = None
    keyword: Annotated[list[str] | None, typer.Option(help="A whole keyword of a venue as a topic; repeatable.")] = None
    period: Annotated[str | None, typer.Option(help="A period: 2019, 2019-Q2, 2019-03, 2019-W12.")] = None
    since: SinceOption = None
    until: UntilOption = None
    last: Annotated[
        str | None, typer.Option(help="As many complete periods back from the data, such as 24m or 3y.")
    ] = None
    category: CategoriesOption = None
    scope: Annotated[str | None, typer.Option(help="A named set of categories.", autocompletion=_complete_scopes)] = (
        None
    )
    primary_only: Annotated[bool, typer.Option("--primary-only", help="Count by primary category alone.")] = False
    author: Annotated[str | None, typer.Option(help="Only submissions with this in their author line.")] = None
    id: Annotated[str | None, typer.Option(help="Only this submission.")] = None
    match: Annotated[MatchMode, typer.Option(help="any: title or abstract; title; strict: title, or two mentions.")] = (
        MatchMode.any
    )
    as_of: Annotated[
        str | None, typer.Option(help="As if it were that day: nothing submitted later, periods as incomplete as then.")
    ] = None

    corpus: CorpusOption = "arxiv"
    fields: Annotated[
        str | None, typer.Option(help="Of a venue: where rules are matched, such as title,keywords [all there are].")
    ] = None
    status: Annotated[
        VenueStatus | None,
        typer.Option(help="Of a venue: submitted (all), active (not withdrawn or desk-rejected) or accepted."),
    ] = None

    def open_store(self, common: CommonOptions) -> Store:
        """The store of the corpus, read by the fields that were named."""
        if self.corpus == "arxiv":
            return common.open_store()
        from trendcli.store.corpus import restrict_text_fields

        if self.keyword and self.fields not in (None, "keywords"):
            raise UsageError("A whole keyword is looked for among keywords: leave out --fields, or take a --query.")
        named = "keywords" if self.keyword else self.fields
        return restrict_text_fields(
            common.open_store(self.corpus), None if named is None else [name.strip() for name in named.split(",")]
        )

    def default_scope(self, common: CommonOptions) -> Scope:
        """The scope that is read where none is named."""
        from trendcli.core.types import Scope

        return common.default_scope() if self.corpus == "arxiv" else Scope("submitted", ("submitted",))

    def _build_scope(self, common: CommonOptions) -> Scope | None:
        from trendcli.core.types import Scope

        if self.corpus == "arxiv":
            if self.fields or self.status or self.keyword:
                raise UsageError("--fields, --status and --keyword belong to a venue: name one with --corpus.")
            return common.resolved_settings[0].resolve_scope(self.category, self.scope)
        if self.category or self.scope or self.primary_only:
            raise UsageError(f"{self.corpus} has no categories; --status says which of its submissions are counted.")
        return Scope(self.status.value, (self.status.value,)) if self.status else None

    def build_query(self, common: CommonOptions, *, use_default_pack: bool, **options: Any) -> tuple[Query, Library]:
        """The question that the options ask, and the topics it may name; with `pack`, all of a pack where none is."""
        from trendcli.topics.query import parse_query

        return parse_query(
            common.load_library(),
            topics=self.topic or (),
            queries=self.query or (),
            keywords=self.keyword or (),
            pack=self.pack or ("ml" if use_default_pack and not (self.has_named_topics or self.within) else None),
            both=self.both or (),
            within=self.within,
            children=use_default_pack,  # a list without a topic is the whole base
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
        """Whether topics were named one by one."""
        return bool(self.topic or self.query or self.keyword)
