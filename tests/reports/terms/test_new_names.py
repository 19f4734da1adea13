from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.commands import run
from tests.reports.terms.worlds import run_terms
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.reports.terms.new_names import glob_to_regex


@pytest.mark.journey
def test_new_names_are_counted_by_year(tmp_path: Path) -> None:
    titles = [
        "CycleGAN and GAN",
        "CycleGANs, StyleGAN-based",
        "Cycle-GAN again",
        "a StyleGAN; a f-GAN",
        "BEGANs and organ",
        "GAN",
    ]
    days = ["2018-02-03", "2018-05-03", "2019-01-09", "2019-03-03", "2019-06-03", "2019-07-07"]
    papers = [paper(f"1801.{n:05d}", day, text) for n, (day, text) in enumerate(zip(days, titles, strict=True))]
    papers += [paper("1701.00001", "2017-03-03", "No names")]
    fill(tmp_path, papers, [coverage_record(since="2017-01-01")])
    report = run_terms(tmp_path, "--name-like", "*GAN")
    assert [(row["period"], row["new"], row["names"], row["count"]) for row in report["rows"]] == [
        ("2017", None, 0, 0), ("2018", 2, 2, 2), ("2019", 2, 4, 3),
    ]  # fmt: skip
    assert report["rows"][2]["new_names"] == [{"name": "BEGAN", "count": 1}, {"name": "f-GAN", "count": 1}]
    assert report["rows"][2]["share"] == 0.75 and "CycleGAN (3)" in " ".join(report["notes"])
    later = run_terms(tmp_path, "--name-like", "*GAN", "--period", 2019)
    assert later["rows"] == report["rows"][2:] and "Most used in these years: BEGAN (1), CycleGAN (1)," in str(later)
    since = run_terms(tmp_path, "--name-like", "*GAN", "--since", 2019)
    assert since["rows"] == later["rows"]  # what lies before the window is from before all the same
    by_title = run_terms(tmp_path, "--name-like", "*GAN", "--match", "title", "--period", 2019)
    assert by_title["rows"][0]["names"] == 4
    for words, code in ((("--until", "2019-05"), 2), (("--period", "2018-02"), 2), (("--period", 2005), 4)):
        assert run("terms", "--store", tmp_path, "--name-like", "*GAN", *words).exit_code == code


@pytest.mark.journey
def test_a_name_is_new_among_all_of_the_scope(tmp_path: Path) -> None:
    """CycleGAN is in an abstract of 2018, before it is in a title, and before anybody writes of it with an RNN."""
    papers = [
        paper("1701.00001", "2017-03-03", "No names"),
        paper("1801.00001", "2018-03-03", "On images", "CycleGAN helps."),
        paper("1901.00001", "2019-03-03", "CycleGAN for an RNN", "A NewGAN."),
    ]
    fill(tmp_path, papers, [coverage_record(since="2017-01-01")])
    for words in (("-t", "rnn"), ("--match", "title"), ("--primary-only",), ("--author", "A. Author")):
        row = run_terms(tmp_path, "--name-like", "*GAN", "--period", 2019, *words)["rows"][0]
        assert "CycleGAN" not in [name["name"] for name in row["new_names"]]
    assert "Names like *GAN on Recurrent" in run_terms(tmp_path, "--name-like", "*GAN", "-t", "rnn")["title"]


@pytest.mark.journey
def test_a_plural_behind_a_star_is_no_other_name(tmp_path: Path) -> None:
    titles = ["GANs", "DeepESNs and DeepChess", "DeepESN, DeepWalks", "A DeepWalk"]
    papers = [paper(f"1801.{n:05d}", "2018-02-03", text) for n, text in enumerate(titles)]
    fill(tmp_path, papers, [coverage_record(since="2017-01-01")])
    rows = run_terms(tmp_path, "--name-like", "Deep*")["rows"]
    assert {name["name"]: name["count"] for name in rows[1]["new_names"]} == {
        "DeepESN": 2,
        "DeepWalk": 2,
        "DeepChess": 1,
    }
    assert run_terms(tmp_path, "--name-like", "GAN*")["rows"][1]["count"] == 0
    # what is a plural in the whole scope is one in a part of it
    narrow = run_terms(tmp_path, "--name-like", "Deep*", "--query", "DeepESN")["rows"][1]
    assert {name["name"] for name in narrow["new_names"]} == {"DeepESN", "DeepWalk", "DeepChess"}


@pytest.mark.journey
def test_which_names_of_the_first_year_are_new_is_unknown(tmp_path: Path) -> None:
    fill(tmp_path, [paper("1801.00001", "2018-03-03", "CycleGAN"), paper("1901.00001", "2019-03-03", "CycleGAN")])
    rows = run_terms(tmp_path, "--name-like", "Cycle*")["rows"]
    assert [(row["new"], row["names"]) for row in rows] == [(None, 1), (0, 1)]


@pytest.mark.parametrize("glob", ["GAN", "*", "*G", "a b*", "*G[A]N", ""])
def test_a_glob_needs_letters_and_a_star(glob: str) -> None:
    with pytest.raises(UsageError, match="letters and a star"):
        glob_to_regex(glob)


def test_a_star_is_one_or_more_characters_and_a_question_mark_one() -> None:
    assert re.findall(glob_to_regex("*GAN"), "GAN CycleGANs f-GAN -GAN organ") == ["CycleGAN", "f-GAN"]
    assert re.findall(glob_to_regex("?NN"), "RNN CNNs NN DRNN") == ["RNN", "CNN"]
    assert re.findall(glob_to_regex("Deep*"), "DeepWalk Deep-FM Deep- Deep") == ["DeepWalk", "Deep-FM"]
