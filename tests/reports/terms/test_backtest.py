from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.terms.worlds import run_terms
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.reports.terms.backtest import BACKTEST_COLUMNS, parse_backtest_years


def test_a_backtest_takes_two_years_in_order() -> None:
    assert parse_backtest_years("2015:2018") == (2015, 2018)
    for text in ("2015", "2018:2015", "2015:2015", "2015-01:2018", ":"):
        with pytest.raises(UsageError, match="two years"):
            parse_backtest_years(text)


@pytest.mark.journey
def test_backtest_looks_a_year_ahead(tmp_path: Path) -> None:
    """In 2018 two terms rise; in 2019 one stays, one falls below where it was."""
    papers = []
    for year, (stays, goes) in {2017: (5, 10), 2018: (80, 90), 2019: (60, 3)}.items():
        for number in range(200):
            sentences = [
                *(["Capsule networks."] if number < stays else []),
                *(["Bitcoin prices."] if number >= 200 - goes else []),
            ]
            steady = [f"Steady{kind}thing." for kind in "abcdef" if (number * 7 + ord(kind)) % 5 == 0]
            day = f"{year}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
            papers.append(
                paper(
                    f"{year % 100}{number % 12 + 1:02d}.{number:05d}",
                    day,
                    "On nothing",
                    " ".join([*sentences, *steady]),
                )
            )
    fill(tmp_path, papers, [coverage_record(since="2017-01-01")])
    report = run_terms(tmp_path, "--backtest", "2018:2019")
    assert [(row["period"], row["flagged"], row["still_up"], row["rate"]) for row in report["rows"]] == [
        ("2018", 2, 1, 0.5),
        ("all", 2, 1, 0.5),
    ]
    assert {(item["term"], item["still_up"]) for item in report["rows"][0]["terms"]} == {
        ("capsule networks", True),
        ("bitcoin prices", False),
    }
    assert 0 < report["rows"][0]["random"] <= 20 and report["rows"][0]["random_low"] is not None
    unknown = run_terms(tmp_path, "--backtest", "2018:2020", "--include-partial")["rows"]
    assert unknown[0] == report["rows"][0] and unknown[2] == report["rows"][1]  # nothing is stored of 2020
    assert (unknown[1]["period"], unknown[1]["still_up"], unknown[1]["rate"], unknown[1]["random_up"]) == (
        "2019", None, None, None,
    )  # fmt: skip


def test_no_two_columns_have_one_label() -> None:
    assert len({column.label for column in BACKTEST_COLUMNS}) == len(BACKTEST_COLUMNS)
