"""report, explain, verify, chart and export: which report is built from which options, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from trendcli.core.registry import CHARTS


@pytest.mark.journey
def test_the_options_choose_the_form_of_a_report(store: Path) -> None:
    comparison = run("report", "--store", store, "--pack", "iclr")
    assert comparison.exit_code == 0
    assert "2019 against 2018, cs.LG" in comparison.stdout and "-10.7" in comparison.stdout
    years = run("report", "--store", store, "--topic", "gan", "--format", "csv")
    assert [row["count"] for row in csv.DictReader(io.StringIO(years.stdout))] == ["70", "100"]
    months = run("report", "--store", store, "-t", "gan", "--by", "month", "--since", "2019", "--format", "jsonl")
    assert sum(json.loads(text)["count"] for text in months.stdout.splitlines()) == 100
    versus = run("report", "--store", store, "-t", "gan", "--vs", "2018", "--format", "json")
    assert json.loads(versus.stdout)["kind"] == "comparison"
    ad_hoc = run("report", "--store", store, "--query", "adversarial network", "--format", "json")
    assert [row["count"] for row in json.loads(ad_hoc.stdout)["rows"]] == [70, 100]
    volume = run("report", "--store", store, "--by", "year", "--format", "json")
    assert [row["count"] for row in json.loads(volume.stdout)["rows"]] == [1000, 1600]


@pytest.mark.journey
def test_the_options_of_a_report_change_its_rows(store: Path) -> None:
    def rows(*words: Any) -> list[dict[str, Any]]:
        result = run("report", "--store", store, *words, "--format", "json")
        assert result.exit_code == 0, result.output
        report_rows: list[dict[str, Any]] = json.loads(result.stdout)["rows"]
        return report_rows

    assert [row["category"] for row in rows("-t", "gan", "--vs", "2018", "--across", "category")] == ["cs.LG"]
    assert {row["base_2"] for row in rows("--within", "generative-models")} == {100}
    assert rows("-t", "gan", "--and", "generative-models", "--vs", "2018")[0]["count_2"] == 100
    assert rows("-t", "gan", "--decompose")[0]["mix"] == 0
    assert rows("-t", "gan", "--sensitivity")[0]["robust"] is False  # there is no verdict to survive
    assert rows("-t", "gan", "--rolling", "2", "--by", "year")[-1]["count"] == 170
    assert rows("-t", "gan", "--rebase", "2018")[0]["index"] == 100


@pytest.mark.journey
def test_options_that_do_not_fit_a_report_get_a_sentence(store: Path, tmp_path: Path) -> None:
    for words, message in [
        (["--rolling", "3"], "--rolling and --rebase apply to a series only"),
        (["-t", "gan", "--decompose", "--rebase", "2018"], "--rolling and --rebase apply to a series only"),
        (["-t", "gan", "--explain", "-t", "rnn"], "An explanation covers one topic"),
        (["--by", "year", "--across", "category"], "--across and --rebase need a topic"),
        (["-t", "gan", "--sort", "count"], "A series is in time order"),
        (["-t", "gan", "--decompose", "--across", "category"], "--decompose cannot be combined with --across."),
        (["--outcome", "accepted", "--chart", "x.png"], "--outcome cannot be combined with --chart."),
        (["--outcome", "accepted", "--vs", "2018", "--by", "year"], "--outcome cannot be combined with --by or --vs."),
        (["--outcome", "rejected"], "--outcome accepts only 'accepted'"),
        (["-t", "gan", "--last", "9999y"], "starts before 1900"),
        (["-t", "gan", "--rolling", "30000", "--by", "month"], "starts before 1900"),
        (["-t", "gan", "--since", "0001"], "Years are 1900 to 2200"),
        (["-t", "rnn", "--rebase", "2018"], "--rebase 2018 has no share above 0"),
        (
            ["-t", "gan", "--decompose", "--chart", tmp_path / "x.png"],
            "There is no chart of this report (decomposition)",
        ),
    ]:
        result = run("report", "--store", store, *words)
        assert (result.exit_code, message in result.output) == (2, True), (words, result.output)


def test_an_explanation_has_its_numbers_in_every_format(store: Path) -> None:
    for name in ("table", "md", "html", "json"):
        page = run("explain", "--store", store, "-t", "gan", "--format", name)
        assert page.exit_code == 0, page.output
        for text in ("70 / 1,000 = 7.00 %", "How it is computed", "generative adversarial network", "Generative adversarial networks at work"):  # fmt: skip
            assert text in page.stdout, (name, text)
    assert json.loads(run("explain", "--store", store, "-t", "gan", "--format", "json").stdout)["sections"][0]["rows"]


def test_a_saved_report_is_verified(store: Path, tmp_path: Path) -> None:
    saved = tmp_path / "r.json"
    assert run("report", "--store", store, "--pack", "iclr", "--format", "json", "-o", saved).exit_code == 0
    same = run("verify", saved, "--store", store)
    assert (same.exit_code, "Reproduced: the same query gives the same report." in same.stdout) == (0, True)
    saved.write_text(saved.read_text().replace('"count_1": 70', '"count_1": 71'))
    edited = run("verify", saved, "--store", store, "--format", "csv")
    assert edited.exit_code == 4
    assert "unexplained,gan 2019 count_1,71,70" in edited.stdout
    for content, message in (
        ("{", "is not JSON"),
        ("[]", "not a report that can be reproduced"),
        (None, "other.json: No such file or directory."),
    ):
        other = tmp_path / "other.json"
        other.unlink(missing_ok=True)
        if content is not None:
            other.write_text(content)
        result = run("verify", other, "--store", store)
        assert (result.exit_code, message in result.output) == (2, True), result.output


@pytest.mark.journey
def test_each_chart_is_saved(store: Path, tmp_path: Path) -> None:
    for kind, words in (
        ("lines", ["-t", "gan"]),
        ("change", ["--pack", "iclr"]),
        ("volume", []),
        ("heatmap", ["--pack", "directions"]),
    ):
        assert run("chart", kind, "--store", store, *words, "-o", tmp_path / f"{kind}.svg").exit_code == 0
        assert (tmp_path / f"{kind}.svg").read_bytes().startswith(b"<?xml")
    assert run("report", "--store", store, "-t", "gan", "--chart", tmp_path / "c.png").exit_code == 0
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.journey
def test_options_that_do_not_fit_a_chart_get_a_sentence(store: Path, tmp_path: Path) -> None:
    for words, message in [
        (["pie"], "No chart 'pie'. Known: lines, change, volume, heatmap."),
        (["line"], "No chart 'line' (did you mean lines?)"),
        (["lines"], "Name the topics to draw"),
        (["lines", "-t", "gan", "--vs", "2018"], "`trend chart lines` cannot be combined with --vs."),
        (["lines", "-t", "gan", "--log"], "`trend chart lines` cannot be combined with --log."),
        (["change", "--rebase", "2018"], "`trend chart change` cannot be combined with --rebase."),
        (["volume", "--rebase", "2018"], "`trend chart volume` cannot be combined with --rebase."),
        (["heatmap", "--rebase", "2018"], "`trend chart heatmap` cannot be combined with --rebase."),
    ]:
        result = run("chart", *words, "--store", store, "-o", tmp_path / "x.png")
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    for name, ending in (("c.gif", ".gif"), ("c", "a file without an extension")):
        result = run("chart", "volume", "--store", store, "-o", tmp_path / name)
        assert result.exit_code == 2 and f"Cannot save a chart as {ending}; use .png, .svg or .pdf." in result.stderr


def test_a_registered_chart_takes_the_options_of_its_report(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHARTS, "bars", CHARTS["change"])
    words = ["chart", "bars", "--store", store, "-t", "gan", "-o", tmp_path / "x.svg"]
    assert run(*words, "--vs", "2018").exit_code == 0
    assert "`trend chart bars` cannot be combined with --rolling." in run(*words, "--rolling", "2").stderr


@pytest.mark.journey
def test_the_submissions_of_a_selection_are_exported(store: Path, tmp_path: Path) -> None:
    result = run("export", "--store", store, "-t", "gan", "-o", tmp_path / "e.csv")
    assert result.stderr == f"Wrote 170 submissions to {tmp_path / 'e.csv'}.\n"
    refused = run("export", "--store", store, "-o", tmp_path / "x.xlsx")
    assert refused.exit_code == 2 and ".parquet or .csv" in refused.stderr
