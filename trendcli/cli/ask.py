"""Commands that read the store and answer: report, chart, papers, export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.frame import Common
from trendcli.cli.select import Format, Output, Select, Unit
from trendcli.errors import UsageError, nearest
from trendcli.registry import CHARTS, load

if TYPE_CHECKING:
    from trendcli.models import Report


@dataclass(frozen=True)
class Shape:
    """How a report is laid out."""

    by: Annotated[Unit | None, typer.Option(help="Periods of a series, or of the two that are compared.")] = None
    vs: Annotated[str | None, typer.Option(help="The earlier period: one by name, 'previous' or 'year-ago'.")] = None
    sort: Annotated[str, typer.Option(help="Sort a comparison by this column.")] = "relative_change"
    reverse: Annotated[bool, typer.Option("--reverse", help="Smallest first.")] = False
    limit: Annotated[int, typer.Option(min=0, help="At most so many rows; 0 for all.")] = 0
    min_count: Annotated[int, typer.Option(min=0, help="Only topics with so many in one of the periods.")] = 0
    include_partial: Annotated[
        bool, typer.Option("--include-partial", help="Show periods that are not whole, marked.")
    ] = False


def report(
    common: Common,
    select: Select,
    shape: Shape,
    format: Format = None,
    output: Output = None,
    chart: Annotated[Path | None, typer.Option(help="Also save a chart of it (.png, .svg, .pdf).")] = None,
) -> None:
    """Counts, shares and relative change of topics.

    Without --topic, or with --vs: a row a topic, a period against an earlier one (the last complete year against the
    one before). With --topic: a row a period. With --by and no topic: the volume of the scope.
    """
    volume = shape.by is not None and not select.topical and not select.pack
    form = "series" if shape.vs is None and (select.topical or volume) else "comparison"
    found = _answer(common, select, shape, form)
    if chart is not None:
        _draw(common, found, {"comparison": "change", "series": "lines", "volume": "volume"}[found.kind], chart)
    common.show(found, format, output)


def chart(
    common: Common,
    select: Select,
    shape: Shape,
    kind: Annotated[str, typer.Argument(help="lines, change, volume or heatmap.", autocompletion=lambda: list(CHARTS))],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file: .png, .svg or .pdf.")],
) -> None:
    """Save a chart: lines (shares over time), change (a bar a topic), volume (submissions), heatmap (many topics)."""
    if kind not in CHARTS:
        raise UsageError(f"No chart {kind!r}{nearest(kind, CHARTS)}. Known: {', '.join(CHARTS)}.")
    if kind == "lines" and not (select.topical or select.pack):
        raise UsageError("Name the topics to draw: trend chart lines -t rnn -t gan -o chart.png")
    packed = kind == "heatmap" or (kind == "lines" and select.pack)
    form = "comparison" if kind == "change" else "all series" if packed else "series"
    _draw(common, _answer(common, select, shape, form), kind, output)


def papers(
    common: Common,
    select: Select,
    limit: Annotated[int, typer.Option(min=0, help="At most so many, the newest; 0 for all.")] = 50,
    format: Annotated[str | None, typer.Option("--format", help="table, json, jsonl, csv, md, html or bibtex.")] = None,
    output: Output = None,
) -> None:
    """List the submissions behind a number, newest first, each with the phrase that matched."""
    from trendcli.listing import submissions

    question, library = select.question(common, pack=False, limit=limit)
    with common.progress() as progress:
        found = submissions(common.open(), library, question, common.default_scope(), progress)
    common.show(found, format, output)


def export(
    common: Common,
    select: Select,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file: .parquet or .csv.")],
) -> None:
    """Write the submissions of a selection as one clean file for other tools."""
    from trendcli.listing import export as write

    question, library = select.question(common, pack=False)
    with common.progress() as progress:
        number, gaps = write(common.open(), library, question, common.default_scope(), output, progress)
    for gap in gaps:
        common.say(gap)
    common.say(f"Wrote {number:,} submissions to {output}.")


def _answer(common: Common, select: Select, shape: Shape, form: str) -> Report:
    """The report of a form: 'comparison' over a pack, 'series' over named topics, 'all series' over a pack."""

    def ask() -> Report:
        from trendcli import report as reports

        question, library = select.question(
            common,
            pack=form != "series",
            by=shape.by.value if shape.by else None,
            vs=shape.vs,
            sort=shape.sort,
            reverse=shape.reverse,
            limit=shape.limit,
            min_count=shape.min_count,
            include_partial=shape.include_partial,
        )
        make = reports.comparison if form == "comparison" else reports.series
        with common.progress() as progress:
            return make(common.open(), library, question, common.default_scope(), progress)

    return common.answered(f"{form} {select} {shape}", ask)


def _draw(common: Common, found: Report, kind: str, path: Path) -> None:
    from trendcli.charts import FORMATS, save

    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise UsageError(f"A chart is saved as .png, .svg or .pdf, not {path.suffix or 'without an ending'}.")
    save(load(CHARTS[kind])(found), path)
    common.say(f"Wrote {path}.")
