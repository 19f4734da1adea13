from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.reports.helpers import build_report
from tests.worlds import coverage_record, fill, paper
from trendcli.reports.trends.turning_points import find_turning_points, format_turning_point
from trendcli.topics.library import Library


def rows(topic: str, shares: list[float | None], verdicts: dict[int, str], **fields: Any) -> list[dict[str, Any]]:
    """Return rows of the years from 2010 on; without a share a year is partial."""
    return [
        {
            "topic": topic,
            "name": topic.upper(),
            "period": f"{2010 + number}",
            "count": None if share is None else round(100 * share),
            "share": share,
            "verdict": verdicts.get(number, "no clear change"),
            "status": "partial" if share is None else "complete",
            "clipped": False,
            **fields,
        }
        for number, share in enumerate(shares)
    ]


def test_crossovers_and_first_occurrences(tmp_path: Path, library: Library) -> None:
    def year(y: int, gans: int, rnns: int) -> list[Any]:
        titles = ["A GAN"] * gans + ["LSTM networks"] * rnns + ["x"] * (50 - gans - rnns)
        return [paper(f"{y}01.{n:05d}", f"20{y}-03-05", title) for n, title in enumerate(titles)]

    counts = [(12, 0, 9), (13, 0, 9), (14, 2, 9), (15, 9, 5), (16, 12, 4), (17, 14, 4)]
    store = fill(tmp_path, [p for y, g, r in counts for p in year(y, g, r)], [coverage_record(since="2012-01-01")])
    report = build_report("series", store, library, "gan", "rnn", until="2018")
    assert report.summary["turns"] == [
        {"turn": "first seen", "topic": "gan", "name": "GANs", "period": "2014"},
        {"turn": "cross", "topic": "gan", "name": "GANs", "period": "2015", "other": "rnn",
         "other_name": "Recurrent networks (RNN, LSTM, GRU)"},
    ]  # fmt: skip
    assert {
        "First occurrence in 2014: GANs.",
        "Crossover in 2015: GANs above Recurrent networks (RNN, LSTM, GRU), for at least 3 periods that do not overlap.",
    } <= set(report.notes)
    # a topic that occurs before the window does not first occur in it; one that does not may, in the first period too
    later = [
        build_report("series", store, library, "gan", since=since, until="2018").summary["turns"]
        for since in ("2014", "2015")
    ]
    assert [[turn["period"] for turn in turns] for turns in later] == [["2014"], []]


def test_a_resurgence_follows_three_quiet_years() -> None:
    line = rows("gan", [0.5, 0.01, 0.01, 0.01, 0.3], {4: "rising"})
    (turning_point,) = find_turning_points(line, "year", [], None, 3)
    assert turning_point == {"turn": "comeback", "topic": "gan", "name": "GAN", "period": "2014"}
    assert format_turning_point(turning_point) == "Resurgence in 2014: GAN, after at least 3 quiet years."
    assert find_turning_points(line, "quarter", [], None, 3) == []  # quiet is told of years


def test_lines_cross_within_a_category_and_not_over_a_gap() -> None:
    low, high = [0.1] * 3 + [0.5] * 3, [0.2] * 6
    crossing = [*rows("a", low, {}, category="cs.LG"), *rows("b", high, {}, category="cs.LG")]
    (turning_point,) = find_turning_points(crossing, "month", [], None, 3)
    assert format_turning_point(turning_point) == (
        "Crossover in cs.LG in 2013: A above B, for at least 3 periods that do not overlap."
    )
    apart = [*rows("a", low, {}, category="cs.LG"), *rows("b", high, {}, category="cs.CL")]
    assert find_turning_points(apart, "month", [], None, 3) == []
    gap = [*rows("a", [*low[:3], None, *low[3:]], {}), *rows("b", [*high, 0.2], {})]
    assert find_turning_points(gap, "month", [], None, 3) == []
