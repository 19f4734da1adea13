"""Commands that read the store and answer: report, explain, verify, chart, export."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.options import FormatOption, OutcomeOption, OutputOption, PeriodUnit, SelectionOptions, check_outcome
from trendcli.core.errors import FindingsReported, UsageError, suggest_names
from trendcli.core.registry import CHARTS, REPORTS, load_entry

if TYPE_CHECKING:
    from trendcli.core.report import Report
    from trendcli.store.store import Store


@dataclass(frozen=True)
class LayoutOptions:
    """How a report is laid out."""

    by: Annotated[PeriodUnit | None, typer.Option(help="Periods of a series, or of the two that are compared.")] = None
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


_SERIES_ONLY_MESSAGE = "--rolling and --index belong to a series: name a topic with -t, and no --vs."


def show_report(
    common: CommonOptions,
    selection: SelectionOptions,
    layout: LayoutOptions,
    format: FormatOption = None,
    output: OutputOption = None,
    chart: Annotated[Path | None, typer.Option(help="Also save a chart of it (.png, .svg, .pdf).")] = None,
    decompose: Annotated[
        bool, typer.Option("--decompose", help="Was the change inside the categories, or did the categories change?")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="One topic's change on one page, as `trend explain`.")
    ] = False,
    outcome: OutcomeOption = None,
) -> None:
    """Counts, shares and relative change of topics.

    Without --topic, or with --vs: a row a topic, a period against an earlier one (the last complete year against the
    one before). With --topic: a row a period. With --by and no topic: the volume of the scope. With --outcome: how many
    submissions of each topic a venue accepted.
    """
    if outcome is not None:
        check_outcome(outcome)
        said = {"decompose": decompose, "explain": explain, "chart": chart}
        said |= {item.name: getattr(layout, item.name) != item.default for item in fields(LayoutOptions)}
        if beside := [_format_flag(name) for name, given in said.items() if given and name not in _ORDER_OPTIONS]:
            raise UsageError(
                f"--outcome goes without {' and '.join(beside)}: with --period, a topic or a pack, and "
                f"{', '.join(map(_format_flag, _ORDER_OPTIONS))}."
            )
        common.write_report(_answer_query(common, selection, layout, "acceptance"), format, output)
        return
    volume = layout.by is not None and not (selection.has_named_topics or selection.pack or selection.within)
    over_time = layout.vs is None and (selection.has_named_topics or volume)
    compares = decompose or explain or layout.sensitivity or not over_time
    form = "decomposition" if decompose else "explanation" if explain else "comparison" if compares else "series"
    if compares and (layout.rolling > 1 or layout.index):
        raise UsageError(_SERIES_ONLY_MESSAGE)
    if decompose and (explain or layout.sensitivity or layout.across or layout.sort != LayoutOptions.sort):
        raise UsageError("--decompose goes without --explain, --sensitivity, --across and --sort: it has its own rows.")
    found = _build_explanation(common, selection, layout) if explain else _answer_query(common, selection, layout, form)
    if chart is not None:
        kinds = {"comparison": "change", "series": "lines", "volume": "volume"}
        if found.kind not in kinds:
            raise UsageError(f"There is no chart of {found.kind}.")
        _save_chart(common, found, kinds[found.kind], chart)
    common.write_report(found, format, output)


_ORDER_OPTIONS = ("sort", "reverse", "limit", "min_count")


def _format_flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def show_explanation(
    common: CommonOptions,
    selection: SelectionOptions,
    layout: LayoutOptions,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """One number on one page: the change of a topic, its formulas with the numbers in them, what drives it, papers.

    With --pack the topic is judged among those of the pack, as in the table of `trend report`.
    """
    if layout.rolling > 1 or layout.index:
        raise UsageError(_SERIES_ONLY_MESSAGE)
    common.write_report(_build_explanation(common, selection, layout), format, output)


def verify_file(
    common: CommonOptions,
    file: Annotated[Path, typer.Argument(help="A report saved with --format json.")],
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Make a saved report again and say what differs, and why: new or revised data, changed rules, changed program."""
    from trendcli.reports.trends.verify import verify_report

    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"Cannot read {file}: {reason}.") from None
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}.") from None
    with common.progress_bar() as progress:
        found = verify_report(_open_saved_store(common, saved), common.load_library(), saved, progress)
    common.write_report(found, format, output)
    if found.rows:
        raise FindingsReported(f"{file} differs from what the store says now; see above.")


def _open_saved_store(common: CommonOptions, saved: Any) -> Store:
    """The store that a saved report speaks of, read as it was."""
    query = saved.get("query") if isinstance(saved, dict) else None
    corpus = saved.get("corpus", "arxiv") if isinstance(saved, dict) else "arxiv"
    fields = query.get("fields") if isinstance(query, dict) else None
    return SelectionOptions(corpus=corpus, fields=",".join(fields) if fields else None).open_store(common)


def draw_chart(
    common: CommonOptions,
    selection: SelectionOptions,
    layout: LayoutOptions,
    kind: Annotated[str, typer.Argument(help="lines, change, volume or heatmap.", autocompletion=lambda: list(CHARTS))],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file: .png, .svg or .pdf.")],
    log: Annotated[bool, typer.Option("--log", help="Volume on a logarithmic axis.")] = False,
) -> None:
    """Save a chart: lines (shares over time), change (a bar a topic), volume (submissions), heatmap (many topics)."""
    if kind not in CHARTS:
        raise UsageError(f"No chart {kind!r}{suggest_names(kind, CHARTS)}. Known: {', '.join(CHARTS)}.")
    if kind == "lines" and not (selection.has_named_topics or selection.pack):
        raise UsageError("Name the topics to draw: trend chart lines -t rnn -t gan -o chart.png")
    if kind == "change" and (layout.rolling > 1 or layout.index):
        raise UsageError(_SERIES_ONLY_MESSAGE)
    if kind != "change" and layout.vs:
        raise UsageError(f"--vs belongs to a change chart; a {kind} chart shows periods side by side.")
    if kind in ("heatmap", "volume") and layout.index:
        raise UsageError(f"--index belongs to a lines chart, not to a {kind} chart.")
    packed = kind == "heatmap" or (kind == "lines" and selection.pack)
    form = "comparison" if kind == "change" else "all series" if packed else "series"
    if log and kind != "volume":
        raise UsageError("--log is for a volume chart: shares begin at zero.")
    _save_chart(common, _answer_query(common, selection, layout, form), kind, output, **({"log": True} if log else {}))


def export_selection(
    common: CommonOptions,
    selection: SelectionOptions,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file: .parquet or .csv.")],
) -> None:
    """Write the submissions of a selection as one clean file for other tools."""
    from trendcli.reports.papers.listing import export_submissions as write

    question, library = selection.build_query(common, use_default_pack=False)
    with common.progress_bar() as progress:
        number, gaps = write(
            selection.open_store(common), library, question, selection.default_scope(common), output, progress
        )
    for gap in gaps:
        common.print_note(gap)
    common.print_note(f"Wrote {number:,} submissions to {output}.")


def _answer_query(
    common: CommonOptions, selection: SelectionOptions, layout: LayoutOptions, report_kind: str
) -> Report:
    """The report of a form, one of REPORTS; a 'series' is of named topics, and 'all series' of a pack."""

    def compute_report() -> Report:
        question, library = selection.build_query(
            common,
            use_default_pack=report_kind not in ("series", "explanation"),
            by=layout.by.value if layout.by else None,
            vs=layout.vs,
            across=layout.across,
            rolling=layout.rolling,
            index=layout.index,
            sensitivity=layout.sensitivity,
            sort=layout.sort,
            reverse=layout.reverse,
            limit=layout.limit,
            min_count=layout.min_count,
            include_partial=layout.include_partial,
        )
        make = load_entry(REPORTS[report_kind.removeprefix("all ")])
        with common.progress_bar() as progress:
            found: Report = make(
                selection.open_store(common), library, question, selection.default_scope(common), progress
            )
        return found

    return common.cached_report(f"{report_kind} {selection} {layout}", compute_report, selection.corpus)


def _build_explanation(common: CommonOptions, selection: SelectionOptions, layout: LayoutOptions) -> Report:
    if sum(len(named or ()) for named in (selection.topic, selection.query, selection.keyword)) != 1:
        raise UsageError("One number is explained at a time: name one topic with -t.")
    return _answer_query(common, selection, layout, "explanation")


def _save_chart(common: CommonOptions, report: Report, kind: str, path: Path, **options: bool) -> None:
    from trendcli.output.charts import FIGURE_FORMATS, save_figure

    if path.suffix.lower().lstrip(".") not in FIGURE_FORMATS:
        raise UsageError(f"A chart is saved as .png, .svg or .pdf, not {path.suffix or 'without an ending'}.")
    save_figure(load_entry(CHARTS[kind])(report, **options), path)
    common.print_note(f"Wrote {path}.")
