"""Commands that read the store and answer: report, explain, verify, chart, export."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trendcli.cli.base import Common
from trendcli.cli.options import Format, Outcome, Output, Select, Unit, accepts
from trendcli.core.errors import Findings, UsageError, nearest
from trendcli.core.registry import CHARTS, REPORTS, load

if TYPE_CHECKING:
    from trendcli.core.types import Report
    from trendcli.store.store import Store


@dataclass(frozen=True)
class Shape:
    """How a report is laid out."""

    by: Annotated[Unit | None, typer.Option(help="Periods of a series, or of the two that are compared.")] = None
    vs: Annotated[str | None, typer.Option(help="The earlier period: one by name, 'previous' or 'year-ago'.")] = None
    across: Annotated[str | None, typer.Option(help="'category': a row for each category of the scope.")] = None
    rolling: Annotated[int, typer.Option(min=1, help="Add up so many periods of a series, such as 12 months.")] = 1
    index: Annotated[str | None, typer.Option(help="Show a series with the share of this period as 100.")] = None
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="The same change by title alone, strictly, by primary category.")
    ] = False
    sort: Annotated[str, typer.Option(help="Sort a comparison by this column.")] = "relative_change"
    reverse: Annotated[bool, typer.Option("--reverse", help="Smallest first.")] = False
    limit: Annotated[int, typer.Option(min=0, help="At most so many rows; 0 for all.")] = 0
    min_count: Annotated[int, typer.Option(min=0, help="Only topics with so many in one of the periods.")] = 0
    include_partial: Annotated[
        bool, typer.Option("--include-partial", help="Compare periods that are not whole, and show what holes hold.")
    ] = False


_OVER_TIME = "--rolling and --index belong to a series: name a topic with -t, and no --vs."


def report(
    common: Common,
    select: Select,
    shape: Shape,
    format: Format = None,
    output: Output = None,
    chart: Annotated[Path | None, typer.Option(help="Also save a chart of it (.png, .svg, .pdf).")] = None,
    decompose: Annotated[
        bool, typer.Option("--decompose", help="Was the change inside the categories, or did the categories change?")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="One topic's change on one page, as `trend explain`.")
    ] = False,
    outcome: Outcome = None,
) -> None:
    """Counts, shares and relative change of topics.

    Without --topic, or with --vs: a row a topic, a period against an earlier one (the last complete year against the
    one before). With --topic: a row a period. With --by and no topic: the volume of the scope. With --outcome: how many
    submissions of each topic a venue accepted.
    """
    if outcome is not None:
        accepts(outcome)
        said = {"decompose": decompose, "explain": explain, "chart": chart}
        said |= {item.name: getattr(shape, item.name) != item.default for item in fields(Shape)}
        if beside := [_flag(name) for name, given in said.items() if given and name not in _ORDER]:
            raise UsageError(
                f"--outcome goes without {' and '.join(beside)}: with --period, a topic or a pack, and "
                f"{', '.join(map(_flag, _ORDER))}."
            )
        common.show(_answer(common, select, shape, "acceptance"), format, output)
        return
    volume = shape.by is not None and not (select.topical or select.pack or select.within)
    over_time = shape.vs is None and (select.topical or volume)
    compares = decompose or explain or shape.sensitivity or not over_time
    form = "decomposition" if decompose else "explanation" if explain else "comparison" if compares else "series"
    if compares and (shape.rolling > 1 or shape.index):
        raise UsageError(_OVER_TIME)
    if decompose and (explain or shape.sensitivity or shape.across or shape.sort != Shape.sort):
        raise UsageError("--decompose goes without --explain, --sensitivity, --across and --sort: it has its own rows.")
    found = _explained(common, select, shape) if explain else _answer(common, select, shape, form)
    if chart is not None:
        kinds = {"comparison": "change", "series": "lines", "volume": "volume"}
        if found.kind not in kinds:
            raise UsageError(f"There is no chart of {found.kind}.")
        _draw(common, found, kinds[found.kind], chart)
    common.show(found, format, output)


_ORDER = ("sort", "reverse", "limit", "min_count")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def explain(common: Common, select: Select, shape: Shape, format: Format = None, output: Output = None) -> None:
    """One number on one page: the change of a topic, its formulas with the numbers in them, what drives it, papers.

    With --pack the topic is judged among those of the pack, as in the table of `trend report`.
    """
    if shape.rolling > 1 or shape.index:
        raise UsageError(_OVER_TIME)
    common.show(_explained(common, select, shape), format, output)


def verify(
    common: Common,
    file: Annotated[Path, typer.Argument(help="A report saved with --format json.")],
    format: Format = None,
    output: Output = None,
) -> None:
    """Make a saved report again and say what differs, and why: new or revised data, changed rules, changed program."""
    from trendcli.reports.trends.verify import verified

    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"Cannot read {file}: {reason}.") from None
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}.") from None
    with common.progress() as progress:
        found = verified(_saved_store(common, saved), common.library(), saved, progress)
    common.show(found, format, output)
    if found.rows:
        raise Findings(f"{file} differs from what the store says now; see above.")


def _saved_store(common: Common, saved: Any) -> Store:
    """The store that a saved report speaks of, read as it was."""
    query = saved.get("query") if isinstance(saved, dict) else None
    corpus = saved.get("corpus", "arxiv") if isinstance(saved, dict) else "arxiv"
    fields = query.get("fields") if isinstance(query, dict) else None
    return Select(corpus=corpus, fields=",".join(fields) if fields else None).open(common)


def chart(
    common: Common,
    select: Select,
    shape: Shape,
    kind: Annotated[str, typer.Argument(help="lines, change, volume or heatmap.", autocompletion=lambda: list(CHARTS))],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file: .png, .svg or .pdf.")],
    log: Annotated[bool, typer.Option("--log", help="Volume on a logarithmic axis.")] = False,
) -> None:
    """Save a chart: lines (shares over time), change (a bar a topic), volume (submissions), heatmap (many topics)."""
    if kind not in CHARTS:
        raise UsageError(f"No chart {kind!r}{nearest(kind, CHARTS)}. Known: {', '.join(CHARTS)}.")
    if kind == "lines" and not (select.topical or select.pack):
        raise UsageError("Name the topics to draw: trend chart lines -t rnn -t gan -o chart.png")
    if kind == "change" and (shape.rolling > 1 or shape.index):
        raise UsageError(_OVER_TIME)
    if kind != "change" and shape.vs:
        raise UsageError(f"--vs belongs to a change chart; a {kind} chart shows periods side by side.")
    if kind in ("heatmap", "volume") and shape.index:
        raise UsageError(f"--index belongs to a lines chart, not to a {kind} chart.")
    packed = kind == "heatmap" or (kind == "lines" and select.pack)
    form = "comparison" if kind == "change" else "all series" if packed else "series"
    if log and kind != "volume":
        raise UsageError("--log is for a volume chart: shares begin at zero.")
    _draw(common, _answer(common, select, shape, form), kind, output, **({"log": True} if log else {}))


def export(
    common: Common,
    select: Select,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file: .parquet or .csv.")],
) -> None:
    """Write the submissions of a selection as one clean file for other tools."""
    from trendcli.reports.papers.listing import export as write

    question, library = select.question(common, pack=False)
    with common.progress() as progress:
        number, gaps = write(select.open(common), library, question, select.default_scope(common), output, progress)
    for gap in gaps:
        common.say(gap)
    common.say(f"Wrote {number:,} submissions to {output}.")


def _answer(common: Common, select: Select, shape: Shape, form: str) -> Report:
    """The report of a form, one of REPORTS; a 'series' is of named topics, and 'all series' of a pack."""

    def ask() -> Report:
        question, library = select.question(
            common,
            pack=form not in ("series", "explanation"),
            by=shape.by.value if shape.by else None,
            vs=shape.vs,
            across=shape.across,
            rolling=shape.rolling,
            index=shape.index,
            sensitivity=shape.sensitivity,
            sort=shape.sort,
            reverse=shape.reverse,
            limit=shape.limit,
            min_count=shape.min_count,
            include_partial=shape.include_partial,
        )
        make = load(REPORTS[form.removeprefix("all ")])
        with common.progress() as progress:
            found: Report = make(select.open(common), library, question, select.default_scope(common), progress)
        return found

    return common.answered(f"{form} {select} {shape}", ask, select.corpus)


def _explained(common: Common, select: Select, shape: Shape) -> Report:
    if sum(len(named or ()) for named in (select.topic, select.query, select.keyword)) != 1:
        raise UsageError("One number is explained at a time: name one topic with -t.")
    return _answer(common, select, shape, "explanation")


def _draw(common: Common, found: Report, kind: str, path: Path, **options: bool) -> None:
    from trendcli.output.charts import FORMATS, save

    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise UsageError(f"A chart is saved as .png, .svg or .pdf, not {path.suffix or 'without an ending'}.")
    save(load(CHARTS[kind])(found, **options), path)
    common.say(f"Wrote {path}.")
