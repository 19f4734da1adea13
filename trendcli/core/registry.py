"""What can be chosen by name: each name stands for 'module:attribute' and one line of help, loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class RegistryEntry(NamedTuple):
    """Where a thing lies, as 'module:attribute', and what it is, in a line."""

    target: str
    help: str


SOURCES = {
    "arxiv": RegistryEntry("trendcli.sources.arxiv_api:ArxivApi", "arXiv's search API, for windows of some categories"),
    "oai": RegistryEntry(
        "trendcli.sources.oai:OaiPmh", "arXiv's OAI-PMH, for a first fill of whole categories and their upkeep"
    ),
    "snapshot": RegistryEntry(
        "trendcli.sources.snapshot:Snapshot", "the bulk snapshot of arXiv's metadata, as JSON lines"
    ),
    "openreview": RegistryEntry(
        "trendcli.sources.openreview:OpenReview", "OpenReview's lists of the submissions to a conference"
    ),
    "paperlists": RegistryEntry(
        "trendcli.sources.paperlists:Paperlist", "a list of the submissions to a conference, as JSON"
    ),
}
FORMATS = {
    "table": RegistryEntry("trendcli.output.table:render_table", "aligned text; boxes and colour on a terminal"),
    "md": RegistryEntry("trendcli.output.markdown:render_markdown", "a Markdown table with its notes"),
    "csv": RegistryEntry("trendcli.output.machine:render_csv", "comma-separated values, one header line"),
    "json": RegistryEntry("trendcli.output.machine:render_json", "the whole report as one JSON object"),
    "jsonl": RegistryEntry("trendcli.output.machine:render_jsonl", "one JSON object a row"),
    "html": RegistryEntry("trendcli.output.html:render_html", "one static page"),
    "bibtex": RegistryEntry("trendcli.output.bibtex:render_bibtex", "BibTeX entries, of `trend papers` alone"),
}
REPORTS = {
    "acceptance": RegistryEntry(
        "trendcli.reports.trends.acceptance:build_acceptance", "a row a topic, how many a venue accepted"
    ),
    "comparison": RegistryEntry(
        "trendcli.reports.trends.comparison:build_comparison", "a row a topic, a period against an earlier one"
    ),
    "decomposition": RegistryEntry(
        "trendcli.reports.trends.comparison:build_decomposition", "a change of share, by primary category"
    ),
    "explanation": RegistryEntry("trendcli.reports.trends.explain:build_explanation", "one number on one page"),
    "series": RegistryEntry("trendcli.reports.trends.series:build_series", "a row a period for each topic"),
    "volume": RegistryEntry("trendcli.reports.trends.series:build_series", "submissions by period"),
    "terms": RegistryEntry(
        "trendcli.reports.terms.terms:build_term_changes", "terms that rise or fall between two periods"
    ),
    "outcome": RegistryEntry(
        "trendcli.reports.terms.acceptance_terms:build_acceptance_terms", "terms that go with acceptance to a venue"
    ),
    "names": RegistryEntry("trendcli.reports.terms.new_names:build_new_names", "new names of a kind by year"),
    "backtest": RegistryEntry(
        "trendcli.reports.terms.backtest:build_backtest", "rising terms of past years, a year later"
    ),
}
# what is computed of single rows and has to follow them when files are rewritten: functions of (store, row map)
REMAPPERS = {
    "rule matches": RegistryEntry("trendcli.topics.matches:remap", "which rule matches which row"),
    "full-text index": RegistryEntry("trendcli.reports.papers.fulltext_build:remap", "the words of each row"),
}
CHARTS = {
    "lines": RegistryEntry("trendcli.output.charts:draw_lines", "share of each topic by period, with its interval"),
    "change": RegistryEntry("trendcli.output.charts:draw_change", "relative change between two periods, a bar a topic"),
    "volume": RegistryEntry("trendcli.output.charts:draw_volume", "submissions by period"),
    "heatmap": RegistryEntry("trendcli.output.charts:draw_heatmap", "share of many topics by period, as colours"),
}


def load_entry(entry: RegistryEntry) -> Any:
    """The thing that an entry stands for."""
    module, _, name = entry.target.partition(":")
    return getattr(import_module(module), name)
