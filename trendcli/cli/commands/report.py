"""Commands that build one report from the store: report, explain, verify and chart; and export."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trendcli.cli.base import CommonOptions, read_text
from trendcli.cli.conflicts import Conflict, changed_flags, check_conflicts, given_flags
from trendcli.cli.options import (
    FormatOption,
    LimitOption,
    OutcomeOption,
    OutputOption,
    PeriodUnit,
    SelectionOptions,
    VersusOption,
    check_outcome,
)
from trendcli.core.errors import FindingsReported, UsageError, suggest_names
from trendcli.core.registry import CHARTS, REPORTS, load_entry
from trendcli.store.manifest import ARXIV

if TYPE_CHECKING:
    from trendcli.core.report import Report
    from trendcli.store.store import Store


@dataclass(frozen=True)
class LayoutOptions:
    """How a report is laid out: its periods, comparison, rows and their order."""

    by: Annotated[
        PeriodUnit | None, typer.Option(help="Length of the periods in a series, or of the two compared.")
    ] = None
    vs: VersusOption = None
    across: Annotated[str | None, typer.Option(metavar="category", help="One row per category of the scope.")] = None
    rolling: Annotated[
        int, typer.Option(min=1, metavar="N", help="Rolling sum over N periods of a series, e.g. 12 months.")
    ] = 1
    rebase: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="Show the shares of a series relative to this period (= 100)."),
    ] = None
    sensitivity: Annotated[
        bool,
        typer.Option(
            "--sensitivity",
            help="Also compute the change for title-only matches, strict matches and primary categories.",
        ),
    ] = False
    sort: Annotated[str, typer.Option(metavar="COLUMN", help="Column to sort a comparison by.")] = "relative_change"
    reverse: Annotated[bool, typer.Option("--reverse", help="Sort in ascending order.")] = False
    limit: LimitOption = 0
    min_count: Annotated[
        int, typer.Option(min=0, metavar="N", help="Only topics with at least N submissions in either period.")
    ] = 0
    include_partial: Annotated[
        bool,
        typer.Option(
            "--include-partial", help="Also compare incomplete periods, and show counts of periods with gaps."
        ),
    ] = False


_REPORT_CONFLICTS = (
    Conflict(
        "--outcome",
        (
            *("--decompose", "--explain", "--chart", "--by", "--vs", "--across", "--rolling", "--rebase"),
            *("--sensitivity", "--include-partial"),
        ),
        "Use it with --period, topics or a pack, --sort, --reverse, --limit and --min-count.",
    ),
    Conflict(
        "--decompose", ("--explain", "--sensitivity", "--across", "--sort"), "--decompose prints a table of its own."
    ),
)
# what a chart that is drawn from a kind of report does not take
_CHART_CONFLICTS = {
    "comparison": Conflict("", ("--rolling", "--rebase", "--log"), "It compares two periods."),
    "series": Conflict(
        "", ("--vs", "--log"), "It shows the shares of all periods; to compare two, use a change chart."
    ),
    "volume": Conflict("", ("--vs", "--rebase"), "It shows the counts of all periods."),
}


def show_report(
    common: CommonOptions,
    selection: SelectionOptions,
    layout: LayoutOptions,
    format: FormatOption = None,
    output: OutputOption = None,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also save a chart of the report (.png, .svg or .pdf).")
    ] = None,
    decompose: Annotated[
        bool,
        typer.Option(
            "--decompose", help="Split the change into a shift between primary categories and a change within them."
        ),
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", hidden=True)] = False,
    outcome: OutcomeOption = None,
) -> None:
    """Report counts, shares and relative changes of topics.

    Without --topic, or with --vs: one row per topic, comparing a period with an earlier one (by default the last
    complete year with the year before). With --topic: one row per period. With --by and no topic: the volume of the
    scope. With --outcome: how many submissions of each topic a venue accepted.
    """
    check_outcome(outcome)
    values = {"--outcome": outcome, "--decompose": decompose, "--explain": explain, "--chart": chart}
    check_conflicts(changed_flags(layout) | given_flags(values), _REPORT_CONFLICTS)
    shows_volume = layout.by is not None and not (selection.has_named_topics or selection.pack or selection.within)
    is_series = layout.vs is None and (selection.has_named_topics or shows_volume) and not layout.sensitivity
    if outcome:
        report = _build_report(common, selection, layout, "acceptance")
    elif explain:
        report = _build_explanation(common, selection, layout)
    elif is_series and not decompose:
        report = _build_report(common, selection, layout, "series", use_default_pack=False)
    else:
        _check_no_series_options(layout)
        report = _build_report(common, selection, layout, "decomposition" if decompose else "comparison")
    if chart is not None:
        chart_kinds = [name for name, entry in CHARTS.items() if entry.report == report.kind]
        if not chart_kinds:
            raise UsageError(f"There is no chart of this report ({report.kind}): leave out --chart.")
        _save_chart(common, report, chart_kinds[0], chart)
    common.write_report(report, format, output)


def _check_no_series_options(layout: LayoutOptions) -> None:
    if layout.rolling > 1 or layout.rebase:
        raise UsageError("--rolling and --rebase apply to a series only: name a topic with -t, and leave out --vs.")


def show_explanation(
    common: CommonOptions,
    selection: SelectionOptions,
    layout: LayoutOptions,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Explain one number, step by step.

    Shows the change of a topic, its formulas with the numbers filled in, what drives it, and the newest papers. With
    --pack, the topic is tested together with those of the pack, as in the table of `trend report`.
    """
    common.write_report(_build_explanation(common, selection, layout), format, output)


def verify_file(
    common: CommonOptions,
    file: Annotated[Path, typer.Argument(help="Report saved with --format json.")],
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Reproduce a saved report and list what differs, and why.

    Possible causes are new or revised data, changed rules and a different program version. Exits with code 4
    if anything differs.
    """
    from trendcli.reports.trends.verify import verify_report

    try:
        saved_report = json.loads(read_text(file))
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}.") from None
    with common.progress_bar() as progress:
        report = verify_report(_open_saved_store(common, saved_report), common.load_library(), saved_report, progress)
    common.write_report(report, format, output)
    if report.rows:
        raise FindingsReported(
            f"{file} differs from the report that the store gives now; the differences are listed above."
        )


def _open_saved_store(common: CommonOptions, saved_report: Any) -> Store:
    """Open the store that a saved report is about, restricted to the same fields."""
    saved = saved_report if isinstance(saved_report, dict) else {}
    query = saved.get("query")
    corpus, fields = saved.get("corpus"), query.get("fields") if isinstance(query, dict) else None
    has_fields = isinstance(fields, list) and all(isinstance(name, str) for name in fields)
    return SelectionOptions(
        corpus=corpus if isinstance(corpus, str) else ARXIV, fields=",".join(fields) if has_fields and fields else None
    ).open_store(common)


def draw_chart(
    common: CommonOptions,
    selection: SelectionOptions,
    layout: LayoutOptions,
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="lines, change, volume or heatmap.", autocompletion=lambda: list(CHARTS)),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Output file: .png, .svg or .pdf.")],
    log: Annotated[bool, typer.Option("--log", help="Show volume on a logarithmic axis.")] = False,
) -> None:
    """Save a chart: lines, change, volume or heatmap.

    lines: shares over time; change: one bar per topic; volume: submissions by period; heatmap: shares of many topics.
    """
    if kind not in CHARTS:
        raise UsageError(f"No chart {kind!r}{suggest_names(kind, CHARTS)}. Known: {', '.join(CHARTS)}.")
    if kind == "lines" and not (selection.has_named_topics or selection.pack):
        raise UsageError("Name the topics to draw, e.g. trend chart lines -t rnn -t gan -o chart.png")
    command, report_kind = f"`trend chart {kind}`", CHARTS[kind].report
    conflicts = [_CHART_CONFLICTS.get(report_kind, Conflict("", ()))._replace(option=command)]
    if kind == "heatmap":
        conflicts.append(Conflict(command, ("--rebase",), "Its colours show shares; use a lines chart."))
    check_conflicts({command} | changed_flags(layout) | given_flags({"--log": log}), conflicts)
    report = _build_report(common, selection, layout, report_kind, use_default_pack=report_kind != "volume")
    _save_chart(common, report, kind, output, **({"log": True} if log else {}))


def export_selection(
    common: CommonOptions,
    selection: SelectionOptions,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Output file: .parquet or .csv.")],
) -> None:
    """Export the submissions of a selection for other tools."""
    from trendcli.reports.papers.listing import export_submissions

    query, library = selection.build_query(common, use_default_pack=False)
    with common.progress_bar() as progress:
        submission_count, gap_notes = export_submissions(
            selection.open_store(common), library, query, selection.default_scope(common), output, progress
        )
    for note in gap_notes:
        common.print_note(note)
    common.print_note(f"Wrote {submission_count:,} submissions to {output}.")


def _build_report(
    common: CommonOptions,
    selection: SelectionOptions,
    layout: LayoutOptions,
    kind: str,
    *,
    use_default_pack: bool = True,
) -> Report:
    """Return a report of a kind in REPORTS, from the cache where it is current."""

    def compute_report() -> Report:
        query, library = selection.build_query(
            common,
            use_default_pack=use_default_pack,
            by=layout.by.value if layout.by else None,
            vs=layout.vs,
            across=layout.across,
            rolling=layout.rolling,
            index=layout.rebase,
            sensitivity=layout.sensitivity,
            sort=layout.sort,
            reverse=layout.reverse,
            limit=layout.limit,
            min_count=layout.min_count,
            include_partial=layout.include_partial,
        )
        build = load_entry(REPORTS[kind])
        with common.progress_bar() as progress:
            report: Report = build(
                selection.open_store(common), library, query, selection.default_scope(common), progress
            )
        return report

    return common.cached_report(f"{kind} {use_default_pack} {selection} {layout}", compute_report, selection.corpus)


def _build_explanation(common: CommonOptions, selection: SelectionOptions, layout: LayoutOptions) -> Report:
    _check_no_series_options(layout)
    if sum(len(names or ()) for names in (selection.topic, selection.query, selection.keyword)) != 1:
        raise UsageError("An explanation covers one topic: name it with -t.")
    return _build_report(common, selection, layout, "explanation", use_default_pack=False)


def _save_chart(common: CommonOptions, report: Report, kind: str, path: Path, **options: bool) -> None:
    from trendcli.output.charts import FIGURE_FORMATS, save_figure

    if path.suffix.lower().lstrip(".") not in FIGURE_FORMATS:
        ending = path.suffix or "a file without an extension"
        raise UsageError(f"Cannot save a chart as {ending}; use .png, .svg or .pdf.")
    save_figure(load_entry(CHARTS[kind])(report, **options), path)
    common.print_note(f"Wrote {path}.")
