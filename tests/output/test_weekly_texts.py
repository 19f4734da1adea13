from __future__ import annotations

from dataclasses import replace

from trendcli.core.report import Report
from trendcli.output.weekly_texts import describe_chart


def test_a_chart_of_changes_is_described_by_its_largest_ones() -> None:
    changes = (("A", 0.5, None), ("B", -0.25, None), ("C", None, "new"), ("D", 2.0, None))
    rows = [
        {"name": name, "period_1": "2017", "period_2": "2018", "relative_change": value, "change": word}
        for name, value, word in changes
    ]
    report = Report("comparison", "", "arxiv", False, {}, [], rows)
    assert describe_chart(report) == "2018 vs 2017: largest rise D, +200 %; largest fall B, -25.0 %; new: C."
    assert describe_chart(replace(report, rows=rows[:1])) == "2018 vs 2017: largest rise A, +50.0 %."
    unchanged = [{**rows[0], "relative_change": 0.0}]
    assert describe_chart(replace(report, rows=unchanged)) == "2018 vs 2017: no changes."
