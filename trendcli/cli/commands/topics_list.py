"""Commands that show topics as they are defined, and which of them match a submission: topics list, show and match."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.options import CorpusOption, FormatOption, OutputOption, complete_packs, complete_topics
from trendcli.core.text import clean_text

if TYPE_CHECKING:
    from trendcli.topics.library import Library


def show_topics(
    common: CommonOptions,
    pack: Annotated[
        str | None, typer.Option(metavar="PACK", help="Only the topics of a pack.", autocompletion=complete_packs)
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List topics and packs, and where each topic is defined."""
    from trendcli.core.report import Column, Report

    library = common.load_library()
    packs_of: dict[str, list[str]] = {}
    for pack_name, members in library.packs.items():
        for member in members:
            packs_of.setdefault(member, []).append(pack_name)
    rows = []
    for name in library.get_pack(pack) if pack else sorted(library.topics):
        topic = library.get_topic(name)
        rows.append(
            {
                "topic": name,
                "name": topic.name,
                "parents": ", ".join(topic.parents),
                "rules": len(topic.rules),
                "packs": ", ".join(packs_of.get(name, ())),
                "origin": topic.origin + (" (replaces the shipped topic)" if name in library.replaced else ""),
            }
        )
    pack_sizes = "; ".join(f"{name} ({len(members)})" for name, members in sorted(library.packs.items()))
    report = Report(
        kind="topics",
        title=f"{len(rows)} topics" + (f" in pack {pack}" if pack else ""),
        corpus="arxiv",
        synthetic=False,
        query={"pack": pack},
        columns=[
            Column("topic", "Topic", "text"),
            Column("name", "Name", "text"),
            Column("parents", "Parents", "text", 1),
            Column("rules", "Rules", "count"),
            Column("packs", "Packs", "text", 2),
            Column("origin", "Defined in", "text", 3),
        ],
        rows=rows,
        notes=[f"Packs: {pack_sizes}."],
    )
    common.write_report(report, format, output)


def show_topic(
    common: CommonOptions,
    name: Annotated[
        str, typer.Argument(metavar="TOPIC", help="Topic or pack by name.", autocompletion=complete_topics)
    ],
) -> None:
    """Show the rules of a topic, or the members of a pack."""
    library = common.load_library()
    if name in library.packs and name not in library.topics:
        lines = [f"{member:28} {library.get_topic(member).name}" for member in library.get_pack(name)]
    else:
        lines = list(_describe_topic(library, name))
    common.write_output("".join(f"{clean_text(line)}\n" for line in lines), None)


def _describe_topic(library: Library, name: str) -> Iterator[str]:
    """Yield the lines that show a topic."""
    topic = library.get_topic(name)
    yield f"{name}: {topic.name}"
    yield f"defined in {topic.origin}"
    descendants = [member.id for member in library.topic_family(name) if member.id != name]
    for label, values in (("parents", topic.parents), ("includes", descendants)):
        if values:
            yield f"{label}: {', '.join(values)}"
    for kind in ("phrase", "acronym", "pattern"):
        yield from (f"{kind:8} {rule.text}" for rule in topic.rules if rule.kind == kind)
    yield from (f"exclude  {phrase}" for phrase in topic.exclude)
    if topic.guard:
        yield f"only in  {', '.join(topic.guard)}"
    yield from (f"since    {month}" + (f": {text}" if text != "*" else "") for text, month in topic.since)
    for expectation in topic.expect:
        yield f"expect   {expectation.finding} of {', '.join(expectation.of)}: {expectation.because}"


def show_matches(
    common: CommonOptions,
    id: Annotated[str, typer.Argument(metavar="ID", help="Submission, e.g. 1706.03762.")],
    topic: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--topic",
            metavar="TOPIC",
            help="Also explain why this topic does not match; repeatable.",
            autocompletion=complete_topics,
        ),
    ] = None,
    corpus: CorpusOption = "arxiv",
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show which topics match a submission, and by which words."""
    from trendcli.reports.papers.listing import explain_matches

    report = explain_matches(common.open_store(corpus), common.load_library(), id, topic or ())
    common.write_report(report, format, output)
