from __future__ import annotations

import re
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


def read_fields(text: str) -> dict[str, str]:
    """Read one entry as BibTeX does: a value ends at the brace that closes it, with or without a backslash before."""
    fields, position = {}, text.index(",") + 1
    assert text.startswith("@misc{")
    while (found := re.compile(r"\s*([A-Za-z]+) = \{").match(text, position)) is not None:
        depth, start = 1, found.end()
        position = start
        while depth:
            depth += {"{": 1, "}": -1}.get(text[position], 0)
            position += 1
        assert found[1] not in fields
        fields[found[1]] = text[start : position - 1]
        position += text[position] == ","
    assert text[position:] == "\n}\n"  # nothing is left over
    return fields


NAMES = ["author", "title", "year", "eprint", "archivePrefix", "primaryClass", "doi", "url"]
BREAKOUTS = [
    "10.1/x},\n evil={y", "}}", "{{", "}{", "a } b { c", "\\", "\\\\", "ends in \\", "\\}", "\\{", "{\\}", "\\{a}", '"', "@misc{a,",
    "\n@misc{evil,\n title={x}}\n", "%", "50% of {x", "$x}$", "a\x00b\x1bc\x9bd\u202ee", "and", "Ada and Bo", " ", "{and}", "\\%", "\\\\%",
]  # fmt: skip


@pytest.mark.parametrize("text", BREAKOUTS)
def test_no_text_leaves_its_field(text: str) -> None:
    report = papers_report(text)
    row = {**report.rows[0], "authors": [text, "Bo Brandt"], "doi": text, "primary": "cs.LG"}
    fields = read_fields(render_bibtex(replace(report, rows=[row])))
    assert [name for name in fields if name != "doi"] == [name for name in NAMES if name != "doi"]
    assert fields["author"].endswith("Bo Brandt") and fields["eprint"] == "1801.00001"
    assert not re.search(
        r"(?<!\\)(\\\\)*%", fields["title"] + fields["author"]
    )  # the rest of its line would be a comment
    assert "".join(fields.values()).isprintable()


def test_titles_by_hand() -> None:
    for text, title in (
        ("A {GAN} for \\'e and {B}", "A {GAN} for \\'e and {B}"),
        ("50% of $x_1$ & more", "50\\% of $x_1$ & more"),
        ("already \\% escaped", "already \\% escaped"),
        ("Sets $\\{0,1\\}$", "Sets $\\{0,1\\}$"),
        ("a } b { c", "a  b  c"),
        ("ends in \\", "ends in "),
    ):
        assert read_fields(render_bibtex(papers_report(text)))["title"] == "{" + title + "}"


def test_a_name_that_contains_and_is_one_author() -> None:
    row = {**papers_report("x").rows[0], "authors": ["Command and Control", "Ada Abel", " "]}
    text = render_bibtex(replace(papers_report("x"), rows=[row]))
    assert "author = {{Command and Control} and Ada Abel}" in text


def test_a_key_has_only_what_every_program_accepts() -> None:
    row = {**papers_report("x").rows[0], "id": "a},b {c%", "authors": ["", "Bo"]}
    assert render_bibtex(replace(papers_report("x"), rows=[row])).startswith("@misc{anonymous2018_a__b__c_,\n")
