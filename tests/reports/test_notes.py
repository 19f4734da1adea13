from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.reports.helpers import bind_words, build_report
from tests.worlds import coverage_record, fill, paper
from trendcli.core import __version__
from trendcli.reports.judgements import Judgement, append_judgements
from trendcli.reports.notes import (
    abbreviate_list,
    build_provenance,
    common_notes,
    coverage_phrase,
    format_count,
    join_words,
    list_sources,
    overdispersion_note,
    pooled_overdispersion_note,
    status_command,
    verdict_note,
)
from trendcli.store.store import Store
from trendcli.topics.library import Library


def build_period(label: str, status: str, **fields: Any) -> dict[str, Any]:
    return {"label": label, "start": f"{label}-01-01", "end": f"{int(label) + 1}-01-01", "status": status, **fields}


def test_a_note_says_how_many_tests_a_verdict_is_corrected_for() -> None:
    assert verdict_note(16, "topic") == (
        "Verdicts control the false discovery rate at 5 % over 16 topics (Benjamini-Hochberg); intervals are per row."
    )
    assert "over 1 topic, 2 categories and 9 periods (" in verdict_note(1, "topic", category=2, period=9)
    assert "over 2 topics and 9 periods (" in verdict_note(2, "topic", category=1, period=9)
    assert "over 12,345 terms (" in verdict_note(12345, "term")


def test_overdispersion_is_stated_as_a_range() -> None:
    assert overdispersion_note(1.0, 1.42) == (
        "Month-to-month noise is 1.0–1.4 times what chance predicts; intervals are widened to match."
    )
    assert overdispersion_note(1.31, 1.34, "week").startswith("Week-to-week noise is 1.3 times what chance predicts;")
    assert overdispersion_note(1.0, 1.04) == "Month-to-month noise is no larger than chance predicts."
    assert "averages 1.05 times" in pooled_overdispersion_note(1.05)


def test_counts_and_lists_are_written_as_words() -> None:
    assert [format_count(number, "day") for number in (1, 2)] == ["1 day", "2 days"]
    assert [format_count(number, "category") for number in (0, 1, 2000)] == [
        "0 categories",
        "1 category",
        "2,000 categories",
    ]
    assert [join_words(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert abbreviate_list(list("abcdef")) == "a b c d e f"
    assert abbreviate_list(list("abcdefgh")) == "a b c d e f and 2 more"


def test_missing_coverage_is_named_in_the_terms_of_the_corpus() -> None:
    assert coverage_phrase("arxiv", ["cs.CL", "cs.LG"]) == "covered for cs.CL cs.LG"
    assert coverage_phrase("iclr", ["accepted"]) == "decided"
    assert coverage_phrase("iclr", ["accepted", "active"]) == "in a complete list of iclr"
    assert (status_command("arxiv"), status_command("iclr")) == ("`trend status`", "`trend status --corpus iclr`")


def test_common_notes_name_base_data_and_source(gans: Store, library: Library) -> None:
    assert common_notes(bind_words(gans, library, "gan"), []) == [
        "Base: every submission in cs.LG (primary or cross-listed), counted once, by the date of its first version.",
        f"Data as of 2020-01-01. Source: arXiv via test (made by hand). Match: any. trendcli {__version__}.",
        "Thank you to arXiv for use of its open access interoperability.",
    ]


@pytest.mark.parametrize(
    ("options", "base"),
    [
        ({"primary_only": True}, "every submission in cs.LG (primary category), counted once,"),
        ({"across": "category"}, "every submission in cs.LG (primary or cross-listed), counted once in each category,"),
        (
            {"author": "Abel"},
            "every submission in cs.LG (primary or cross-listed) by authors named Abel, counted once,",
        ),
        ({"within": "generative-models"}, "every submission on Generative models in cs.LG (primary or cross-listed),"),
    ],
)
def test_the_base_is_what_a_query_narrows_it_to(
    gans: Store, library: Library, options: dict[str, Any], base: str
) -> None:
    assert common_notes(bind_words(gans, library, "gan", **options), [])[0].startswith(f"Base: {base}")


def test_as_of_an_earlier_day_the_note_says_so(gans: Store, library: Library) -> None:
    note = common_notes(bind_words(gans, library, "gan", as_of="2019-06-30", match="title"), [])[1]
    assert note.startswith("Data as of 2019-07-01.") and "Match: title, as of the end of 2019-06-30." in note


def test_periods_that_are_not_complete_are_named(gans: Store, library: Library) -> None:
    periods = [
        build_period("2015", "unknown"),
        build_period("2016", "provisional"),
        build_period("2017", "partial", missing=["cs.CL"]),
        build_period("2018", "partial"),
        build_period("2019", "complete"),
    ]
    assert common_notes(bind_words(gans, library, "gan"), periods)[1:5] == [
        "Coverage unknown: the imported file does not say what it covers, so submissions may be missing.",
        "Provisional (~), may still grow: 2016.",
        "Incomplete, so n/a: 2017 (not covered for cs.CL).",
        "Not yet over on the data date: 2018.",
    ]
    partial = common_notes(bind_words(gans, library, "gan", include_partial=True), periods)
    assert "Incomplete, so counts are too low: 2017 (not covered for cs.CL)." in partial


def test_the_latest_record_of_each_source_is_named(tmp_path: Path, library: Library) -> None:
    records = [
        coverage_record(at="2020-06-01", source="oai", version="old"),
        coverage_record(at="2020-07-01", source="oai", version="new"),
        coverage_record(["cs.CL"], at="2020-08-01", source="arxiv"),
    ]
    bound = bind_words(fill(tmp_path, [paper("1801.00001", "2018-01-05")], records), library, "gan")
    sources = [(item["source"], item["version"]) for item in list_sources(bound)]
    assert sources == [("arxiv", "made by hand"), ("oai", "new")]


def test_provenance_names_data_rules_and_sources(gans: Store, library: Library) -> None:
    provenance = build_report("comparison", gans, library, "gan").provenance
    assert set(provenance) == {"program", "store", "data", "bases", "rules", "sources", "match"}
    assert set(provenance["data"]) >= {"2018", "2019", "2018-01", "2019-12"}  # and the months of overdispersion
    assert provenance["rules"] == {"gan": library.match_hash("gan")}
    assert provenance["sources"] == [
        {"source": "test", "version": "made by hand", "answered_at": "2020-06-01T00:00:00Z"}
    ]
    assert build_report("comparison", gans, library, "gan").provenance == provenance


def test_the_precision_of_a_judged_rule_is_a_note_and_in_the_provenance(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", "A GAN")])
    rule = library.match_hash("gan")
    append_judgements(store, "gan", [Judgement("1801.00001", True, rule, "cs.LG", "2018", 1, "2026-11-21")])
    bound = bind_words(store, library, "gan")
    note = build_provenance(bound)["precision"]["gan"]
    assert note.startswith("gan: 1 of 1 sampled submissions of 2018") and common_notes(bound, [])[0] == note
    assert "precision" not in build_provenance(bind_words(store, library, "gan", author="Abel"))


def test_synthetic_data_are_marked(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")], [coverage_record()], synthetic=True)
    report = build_report("series", store, library, "gan")
    assert report.synthetic
    assert any(note.startswith("MADE-UP DATA") for note in report.notes)
    assert any("Source: an invented corpus." in note for note in report.notes)
    assert not any("arXiv via" in note or "Thank you" in note for note in report.notes)
