"""A report as one static page; text from submissions is escaped and can never become markup."""

from __future__ import annotations

from html import escape

from trendcli.core.report import Report
from trendcli.output.values import clean_report, column_heading, format_cell, is_numeric_column

_PAGE_STYLE = """
body {
  font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff
}
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
caption { text-align: left; font-size: 1.3rem; font-weight: 600; margin-bottom: .5rem }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top }
.n { text-align: right; white-space: nowrap }
.made-up { background: #ffe9b3; padding: .5rem .8rem; font-weight: 600 }
footer { color: #555; font-size: .9rem; margin-top: 1rem }
.wide { overflow-x: auto }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #16181b } th, td { border-color: #3a3d42 } footer { color: #aaa }
  .made-up { background: #5a4300 }
}
"""


def render_html(report: Report) -> str:
    """Return the report as an HTML page that needs neither a server nor the network."""
    report = clean_report(report)
    banner = '<p class="made-up">MADE-UP DATA</p>\n' if report.synthetic else ""
    notes = "\n".join(f"<p>{escape(note)}</p>" for note in report.notes)
    sections = "\n".join(
        _render_table(section) + "".join(f"\n<p>{escape(note)}</p>" for note in section.notes)
        for section in report.sections
    )
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{"MADE-UP DATA: " if report.synthetic else ""}{escape(report.title)}</title>
<style>{_PAGE_STYLE}</style>
{banner}{_render_table(report)}
{sections}
<footer>
{notes}
</footer>
</html>
"""


def _render_table(report: Report) -> str:
    def render_row(values: list[str], tag: str) -> str:
        cells = zip(values, report.columns, strict=True)
        return "".join(
            f"<{tag}{' class=n' if is_numeric_column(column) else ''}>{escape(value)}</{tag}>"
            for value, column in cells
        )

    header = render_row([column_heading(column) for column in report.columns], "th")
    rows = "\n".join(
        f"<tr>{render_row([format_cell(row, column) for column in report.columns], 'td')}</tr>" for row in report.rows
    )
    return f"""<div class="wide"><table>
<caption>{escape(report.title)}</caption>
<thead><tr>{header}</tr></thead>
<tbody>
{rows}
</tbody>
</table></div>"""
