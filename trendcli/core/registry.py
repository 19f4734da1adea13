"""What can be chosen by name: each name stands for 'module:attribute' and one line of help, loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """Where a thing lies, as 'module:attribute', and what it is, in a line."""

    target: str
    help: str


SOURCES = {
    "arxiv": Entry("trendcli.sources.arxiv_api:ArxivApi", "arXiv's search API, for windows of some categories"),
    "oai": Entry(
        "trendcli.sources.oai:OaiPmh", "arXiv's OAI-PMH, for a first fill of whole categories and their upkeep"
    ),
    "snapshot": Entry("trendcli.sources.snapshot:Snapshot", "the bulk snapshot of arXiv's metadata, as JSON lines"),
    "openreview": Entry(
        "trendcli.sources.openreview:OpenReview", "OpenReview's lists of the submissions to a conference"
    ),
    "paperlists": Entry("trendcli.sources.paperlists:Paperlist", "a list of the submissions to a conference, as JSON"),
}
FORMATS = {
    "table": Entry("trendcli.output.table:render", "aligned text; boxes and colour on a terminal"),
    "md": Entry("trendcli.output.markdown:render", "a Markdown table with its notes"),
    "csv": Entry("trendcli.output.machine:csv_text", "comma-separated values, one header line"),
    "json": Entry("trendcli.output.machine:json_text", "the whole report as one JSON object"),
    "jsonl": Entry("trendcli.output.machine:jsonl_text", "one JSON object a row"),
    "html": Entry("trendcli.output.html:render", "one static page"),
    "bibtex": Entry("trendcli.output.bibtex:render", "BibTeX entries, of `trend papers` alone"),
}
REPORTS = {
    "acceptance": Entry("trendcli.reports.trends.acceptance:acceptance", "a row a topic, how many a venue accepted"),
    "comparison": Entry(
        "trendcli.reports.trends.comparison:comparison", "a row a topic, a period against an earlier one"
    ),
    "decomposition": Entry(
        "trendcli.reports.trends.comparison:decomposition", "a change of share, by primary category"
    ),
    "explanation": Entry("trendcli.reports.trends.explain:explained", "one number on one page"),
    "series": Entry("trendcli.reports.trends.series:series", "a row a period for each topic"),
    "volume": Entry("trendcli.reports.trends.series:series", "submissions by period"),
    "terms": Entry("trendcli.reports.terms.terms:terms", "terms that rise or fall between two periods"),
    "outcome": Entry("trendcli.reports.terms.acceptance_terms:outcome", "terms that go with acceptance to a venue"),
    "names": Entry("trendcli.reports.terms.new_names:names", "new names of a kind by year"),
    "backtest": Entry("trendcli.reports.terms.backtest:backtest", "rising terms of past years, a year later"),
}
CHARTS = {
    "lines": Entry("trendcli.output.charts:lines", "share of each topic by period, with its interval"),
    "change": Entry("trendcli.output.charts:change", "relative change between two periods, a bar a topic"),
    "volume": Entry("trendcli.output.charts:volume", "submissions by period"),
    "heatmap": Entry("trendcli.output.charts:heatmap", "share of many topics by period, as colours"),
}


def load(entry: Entry) -> Any:
    """The thing that an entry stands for."""
    module, _, name = entry.target.partition(":")
    return getattr(import_module(module), name)
