"""Registries of what is chosen by name: sources, formats, reports, charts. An entry is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class RegistryEntry(NamedTuple):
    """An object that is chosen by name: where to import it from, as 'module:attribute', and one line of help.

    `updates_arxiv` is whether a source can be asked for what is new on arXiv, as `trend fetch` and the weekly job do;
    `fetches_venues` is whether `trend fetch` can ask it for a year of a venue; `endings` are those of a format's files;
    `report` is the kind of report that a chart is drawn from.
    """

    target: str
    help: str
    updates_arxiv: bool = False
    fetches_venues: bool = False
    endings: tuple[str, ...] = ()
    report: str = ""


SOURCES = {
    "arxiv": RegistryEntry(
        "trendcli.sources.arxiv_api:ArxivApi",
        "arXiv's search API: selected categories in a time window",
        updates_arxiv=True,
    ),
    "oai": RegistryEntry(
        "trendcli.sources.oai:OaiPmh",
        "arXiv's OAI-PMH interface: the initial harvest of whole categories, and updates",
        updates_arxiv=True,
    ),
    "snapshot": RegistryEntry(
        "trendcli.sources.snapshot:Snapshot", "the bulk snapshot of arXiv's metadata, JSON Lines"
    ),
    "openreview": RegistryEntry(
        "trendcli.sources.openreview:OpenReview", "submissions to a conference, from OpenReview", fetches_venues=True
    ),
    "paperlists": RegistryEntry(
        "trendcli.sources.paperlists:Paperlist", "submissions to a conference, from a JSON file (paperlists)"
    ),
}
FORMATS = {
    "table": RegistryEntry(
        "trendcli.output.table:render_table", "aligned text, with borders and colour on a terminal", endings=(".txt",)
    ),
    "md": RegistryEntry(
        "trendcli.output.markdown:render_markdown", "a Markdown table with its notes", endings=(".md",)
    ),
    "csv": RegistryEntry(
        "trendcli.output.machine:render_csv", "comma-separated values with a header line", endings=(".csv",)
    ),
    "json": RegistryEntry(
        "trendcli.output.machine:render_json", "the whole report as one JSON object", endings=(".json",)
    ),
    "jsonl": RegistryEntry("trendcli.output.machine:render_jsonl", "one JSON object per row", endings=(".jsonl",)),
    "html": RegistryEntry("trendcli.output.html:render_html", "a self-contained page", endings=(".html", ".htm")),
    "bibtex": RegistryEntry(
        "trendcli.output.bibtex:render_bibtex", "BibTeX entries (`trend papers` only)", endings=(".bib",)
    ),
}
REPORTS = {
    "acceptance": RegistryEntry(
        "trendcli.reports.trends.acceptance:build_acceptance", "acceptance rates at a venue, one row per topic"
    ),
    "comparison": RegistryEntry(
        "trendcli.reports.trends.comparison:build_comparison", "two periods compared, one row per topic"
    ),
    "decomposition": RegistryEntry(
        "trendcli.reports.trends.comparison:build_decomposition", "the change in a share decomposed by primary category"
    ),
    "explanation": RegistryEntry(
        "trendcli.reports.trends.explain:build_explanation", "one number explained step by step"
    ),
    "series": RegistryEntry("trendcli.reports.trends.series:build_series", "one row per topic and period"),
    "volume": RegistryEntry("trendcli.reports.trends.series:build_series", "submissions by period"),
    "terms": RegistryEntry(
        "trendcli.reports.terms.terms:build_term_changes", "rising and falling terms between two periods"
    ),
    "outcome": RegistryEntry(
        "trendcli.reports.terms.acceptance_terms:build_acceptance_terms", "terms associated with acceptance at a venue"
    ),
    "names": RegistryEntry(
        "trendcli.reports.terms.new_names:build_new_names", "new names that match a pattern, by year"
    ),
    "backtest": RegistryEntry(
        "trendcli.reports.terms.backtest:build_backtest", "rising terms of past years, checked a year later"
    ),
}
# caches by row that compaction has to update when it rewrites files: functions of (store, row map)
REMAPPERS = {
    "rule matches": RegistryEntry("trendcli.topics.matches:remap", "which rules match each row"),
    "aggregates": RegistryEntry("trendcli.topics.aggregates:remap", "counts by month of each file"),
    "full-text index": RegistryEntry("trendcli.reports.papers.fulltext_build:remap", "the words of each row"),
}
CHARTS = {
    "lines": RegistryEntry(
        "trendcli.output.charts:draw_lines", "share of each topic by period, with its interval", report="series"
    ),
    "change": RegistryEntry(
        "trendcli.output.charts:draw_change",
        "relative change between two periods, one bar per topic",
        report="comparison",
    ),
    "volume": RegistryEntry("trendcli.output.charts:draw_volume", "submissions by period", report="volume"),
    "heatmap": RegistryEntry(
        "trendcli.output.charts:draw_heatmap", "shares of many topics by period, as colours", report="series"
    ),
}


def load_entry(entry: RegistryEntry) -> Any:
    """Import the object that an entry names."""
    module, _, name = entry.target.partition(":")
    return getattr(import_module(module), name)
