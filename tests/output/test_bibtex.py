from __future__ import annotations

from dataclasses import replace

import pytest

from tests.output.worlds import papers_report
from trendcli.core.errors import UsageError
from trendcli.core.report import Report
from trendcli.output.bibtex import render_bibtex


def test_an_entry_by_hand() -> None:
    text = render_bibtex(papers_report("Costs 5% & more {unbalanced"))
    assert text.startswith("@misc{oabel2018_1801.00001,\n")
    assert r"title = {{Costs 5\% \& more unbalanced}}" in text
    assert "eprint = {1801.00001}" in text and "primaryClass = {cs.LG}" in text and "doi" not in text
    assert text.count("{") == text.count("}")


def test_maths_in_a_title_stays_as_it_is() -> None:
    assert "title = {{$x_1$ & more}}" in render_bibtex(papers_report("$x_1$ & more"))


def test_a_conference_submission_says_where_it_was_submitted() -> None:
    report = papers_report("A GAN")
    row = {**report.rows[0], "id": "abc", "year": 2021, "status": "Poster", "authors": []}
    text = render_bibtex(replace(report, corpus="iclr", rows=[row]))
    assert text.startswith("@misc{anonymous2021_abc,\n")
    assert "howpublished = {Submission to iclr 2021, Poster}" in text and "eprint" not in text


def test_made_up_data_are_marked() -> None:
    text = render_bibtex(replace(papers_report("A GAN"), synthetic=True))
    assert text.startswith("% MADE-UP DATA") and "note = {MADE-UP DATA: this paper does not exist}" in text


def test_other_reports_are_refused(comparison: Report) -> None:
    with pytest.raises(UsageError, match="Only `trend papers` can be written as BibTeX"):
        render_bibtex(comparison)
