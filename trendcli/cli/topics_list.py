"""Commands that show what there is: topics, settings."""

from __future__ import annotations

from typing import Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.options import CorpusOption, FormatOption, OutputOption, _complete_packs, _complete_topics
from trendcli.core.errors import UsageError


def show_topics(
    common: CommonOptions,
    pack: Annotated[str | None, typer.Option(help="Only the topics of a pack.", autocompletion=_complete_packs)] = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List packs and topics, and where each is defined."""
    from trendcli.core.report import Column, Report

    library = common.load_library()
    names = library.get_pack(pack) if pack else sorted(library.topics)
    packs: dict[str, list[str]] = {}
    for name, members in library.packs.items():
        for member in members:
            packs.setdefault(member, []).append(name)
    rows = []
    for name in names:
        topic = library.get_topic(name)
        rows.append(
            {
                "topic": name,
                "name": topic.name,
                "parents": ", ".join(topic.parents),
                "rules": len(topic.rules),
                "packs": ", ".join(packs.get(name, ())),
                "origin": topic.origin + (" (replaces the shipped one)" if name in library.replaced else ""),
            }
        )
    found = Report(
        kind="topics",
        title=f"{len(rows)} topics" + (f" of pack {pack}" if pack else ""),
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
        notes=[f"Packs: {'; '.join(f'{name} ({len(of)})' for name, of in sorted(library.packs.items()))}."],
    )
    common.write_report(found, format, output)


def show_topic(
    common: CommonOptions,
    name: Annotated[str, typer.Argument(help="A topic or a pack.", autocompletion=_complete_topics)],
) -> None:
    """Show the rules of a topic, or the members of a pack."""
    library = common.load_library()
    if name in library.packs and name not in library.topics:
        typer.echo("\n".join(f"{member:28} {library.get_topic(member).name}" for member in library.get_pack(name)))
        return
    topic = library.get_topic(name)
    below = [member.id for member in library.topic_family(name) if member.id != name]
    typer.echo(f"{name}: {topic.name}\ndefined in {topic.origin}")
    for label, values in (("parents", topic.parents), ("includes", below)):
        if values:
            typer.echo(f"{label}: {', '.join(values)}")
    for kind in ("phrase", "acronym", "pattern"):
        for rule in topic.rules:
            if rule.kind == kind:
                typer.echo(f"{kind:8} {rule.text}")
    for phrase in topic.exclude:
        typer.echo(f"exclude  {phrase}")
    if topic.guard:
        typer.echo(f"only in  {', '.join(topic.guard)}")
    for text, month in topic.since:
        typer.echo(f"since    {month}" + (f": {text}" if text != "*" else ""))
    for item in topic.expect:
        typer.echo(f"expect   {item.finding} of {', '.join(item.of)}: {item.because}")


def show_matches(
    common: CommonOptions,
    id: Annotated[str, typer.Argument(help="A submission, such as 1706.03762.")],
    topic: Annotated[
        list[str] | None,
        typer.Option("-t", "--topic", help="Also say why this topic does not match.", autocompletion=_complete_topics),
    ] = None,
    corpus: CorpusOption = "arxiv",
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """For one submission: each topic that matches, with the words that did it."""
    from trendcli.reports.papers.listing import explain_matches

    found = explain_matches(common.open_store(corpus), common.load_library(), id, topic or ())
    common.write_report(found, format, output)


def show_settings(
    common: CommonOptions, format: Annotated[str, typer.Option("--format", help="yaml or json.")] = "yaml"
) -> None:
    """Print every setting with its value, its origin and what it is for; the output is a settings file."""
    import json
    from dataclasses import asdict

    from trendcli.core.settings import settings_to_yaml, store_path

    resolved, origins = common.resolved_settings
    if format == "yaml":
        typer.echo(settings_to_yaml(resolved, origins), nl=False)
        typer.echo(f"# The store is at {store_path(resolved)}")
    elif format == "json":
        typer.echo(json.dumps({**asdict(resolved), "store": str(store_path(resolved))}, indent=1))
    else:
        raise UsageError(f"Settings are printed as yaml or json, not {format!r}.")
