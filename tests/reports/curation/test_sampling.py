from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import run
from tests.conftest import ML, answer, fill, paper
from trendcli.core.errors import UsageError
from trendcli.reports import judgements
from trendcli.reports.curation import sampling
from trendcli.reports.curation.sampling import TopicSample
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 GANs in 2017, 20 in 2018 and 30 in 2019."""
    papers = [
        paper(f"{year % 100}03.{number:05d}", f"{year}-03-{number % 28 + 1:02d}", f"A GAN of {year}, {number}")
        for year, many in ((2017, 3), (2018, 20), (2019, 30))
        for number in range(many)
    ]
    return fill(tmp_path_factory.mktemp("sampling") / "store", papers, [answer(since="2017-01-01")]).root


@pytest.fixture
def root(filled: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(filled, tmp_path / "store"))


def drawn(root: Path, library: Library, number: int, seed: int = 0, **words: Any) -> TopicSample:
    question, known = parse_query(library, topics=["gan"], **{"by": "year", **words})
    return sampling.draw_sample(Store.open(root), known, question, ML, sample_size=number, seed=seed)


def ids(sample: TopicSample) -> set[str]:
    return {row["id"] for row in sample.rows}


def test_equal_parts_come_from_each_period(root: Path, library: Library) -> None:
    def parts(number: int, **words: Any) -> dict[str, int]:
        rows = drawn(root, library, number, **words).rows
        return {name: sum(row["period"] == name for row in rows) for name in sorted({row["period"] for row in rows})}

    assert parts(6) == {"2017": 2, "2018": 2, "2019": 2}
    assert parts(8) == {"2017": 2, "2018": 3, "2019": 3}  # what is left over goes to the largest
    assert parts(25) == {"2017": 3, "2018": 11, "2019": 11}  # and what a period does not have to the others
    assert parts(100) == {"2017": 3, "2018": 20, "2019": 30}
    assert parts(4, since="2018") == {"2018": 2, "2019": 2}
    assert parts(2, by="quarter") == {"2018-Q1": 1, "2019-Q1": 1}
    assert parts(3, by="month") == {"2017-03": 1, "2018-03": 1, "2019-03": 1}


def test_a_larger_sample_holds_a_smaller_one(root: Path, library: Library) -> None:
    small, large = drawn(root, library, 6), drawn(root, library, 20)
    assert ids(small) < ids(large) and ids(small) == ids(drawn(root, library, 6))
    assert ids(small) != ids(drawn(root, library, 6, seed=1))
    assert small.period_sizes == {"2017": 3, "2018": 20, "2019": 30}
    row = small.rows[0]
    assert row["snippet"] == row["title"] and row["url"].endswith(row["id"])


def test_nothing_is_asked_twice_whatever_the_rule_was(root: Path, library: Library) -> None:
    sample = drawn(root, library, 6)
    first, second = (row["id"] for row in sample.list_unjudged()[:2])
    old = judgements.Judgement(first, True, "another rule", "ml", "2017", 9, "2020-01-01")
    judgements.append_judgements(Store.open(root), "gan", [old])
    sample = sampling.record_answers(drawn(root, library, 6), {second: False}, "2026-11-21")
    assert {row["id"] for row in sample.list_unjudged()} == ids(sample) - {first, second}
    again = drawn(root, library, 6)
    assert again.answers == sample.answers
    # the older answer now counts for the present rule, with its own day, and is written once
    assert again.answers[first].rule == library.match_hash("gan") and again.answers[first].at == "2020-01-01"
    size = judgements.judgements_path(Store.open(root), "gan").stat().st_size
    sampling.record_answers(again, {}, "2026-11-22")
    assert judgements.judgements_path(Store.open(root), "gan").stat().st_size == size


def test_those_who_stop_have_judged_some_of_each_period(root: Path, library: Library) -> None:
    assert [row["period"] for row in drawn(root, library, 6).list_unjudged()] == ["2017", "2018", "2019"] * 2


def test_precision_by_period_and_of_all(root: Path, library: Library) -> None:
    sample = drawn(root, library, 6)
    by_period: dict[str, list[str]] = {}
    for row in sample.rows:
        by_period.setdefault(row["period"], []).append(row["id"])
    answers = {by_period["2018"][0]: True, by_period["2018"][1]: False, by_period["2019"][0]: True}
    report = sampling.build_precision_report(sampling.record_answers(sample, answers, "2026-11-21"))
    rows = {row["period"]: (row["caught"], row["sampled"], row["judged"], row["right"]) for row in report.rows}
    assert rows == {"2017": (3, 2, 0, 0), "2018": (20, 2, 2, 1), "2019": (30, 2, 1, 1), "all": (53, 6, 3, 2)}
    shares = [row["precision"] for row in report.rows]
    assert shares[:3] == [None, 0.5, 1.0] and shares[3] == pytest.approx((20 * 0.5 + 30) / 50)
    assert "Without a judgement, and so not in it: 2017." in report.notes
    assert any("2 of 3 sampled papers of 2018 to 2019 were judged right" in note for note in report.notes)


def test_answers_are_read_from_a_file() -> None:
    lines = '{"id": "1", "relevant": "y"}\n{"id": "2", "relevant": false}\n\n{"id": "3", "relevant": null}\n'
    assert sampling.parse_answers(lines, "x") == {"1": True, "2": False}
    assert sampling.parse_answers("id,title,relevant\n1,A,Yes\n2,B,no\n3,C,\n", "x") == {"1": True, "2": False}
    assert sampling.parse_answers("id;title;relevant\n1;A, B;y\n", "x") == {"1": True}
    for text, message in (
        ("id,relevant\n1,y\n1,n\n", "x:3: 1 was judged the other way above"),
        ("id,relevant\n1,maybe\n", "x:2: 'maybe' is neither y nor n"),
        ("id,title\n1,A\n", "x:2: expected `id` and `relevant`"),
        ('{"id": "1"}\n', "x:1: expected"),
        ('{"id": \n', "x:1: not JSON"),
    ):
        with pytest.raises(UsageError, match="x:") as failed:
            sampling.parse_answers(text, "x")
        assert message in str(failed.value)


def test_a_sample_is_judged_elsewhere_and_read_back(root: Path, tmp_path: Path) -> None:
    shown = run("topics", "sample", "gan", "-n", 6, "--format", "csv", "--store", root)
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert len(rows) == 6 and {row["relevant"] for row in rows} == {""}
    file = tmp_path / "judged.csv"
    file.write_text("\ufeffid,relevant\n" + "".join(f"{row['id']},{'yn'[n == 0]}\n" for n, row in enumerate(rows)))
    words = ("topics", "sample", "gan", "--judged", file, "--store", root)
    wrong = run(*words, "-n", 3)
    assert wrong.exit_code == 2 and "not in this sample" in wrong.stderr
    done = run(*words, "-n", 6, "--format", "json")
    assert json.loads(done.stdout)["rows"][-1]["judged"] == 6
    report = run("report", "-t", "gan", "--store", root)
    assert "gan: 5 of 6 sampled papers of 2017 to 2019 were judged right (precision " in report.stdout
    again = run("topics", "sample", "gan", "-n", 6, "-o", tmp_path / "precision.csv", "--store", root)
    assert "All 6 are judged: this is their precision" in again.stderr
    assert "Nobody is asked without a terminal" in run("topics", "sample", "gan", "-n", 8, "--store", root).stderr
    more = run("topics", "sample", "gan", "-n", 8, "--format", "jsonl", "--store", root).stdout.splitlines()
    assert sorted(json.loads(line)["relevant"] or "" for line in more) == ["", "", "n", *["y"] * 5]
    none = run("topics", "sample", "gan", "--judged", tmp_path / "none", "--store", root)
    assert none.exit_code == 2 and "none: No such file or directory.\n" in none.stderr
    assert run("topics", "sample", "gan", "--by", "week", "--store", root).exit_code == 2


def test_a_new_answer_changes_a_report_that_is_remembered(root: Path, library: Library) -> None:
    before = run("report", "-t", "gan", "--store", root).stdout
    sample = drawn(root, library, 1)
    sampling.record_answers(sample, {sample.rows[0]["id"]: True}, "2026-11-21")
    assert "judged" not in before and "1 of 1 sampled papers" in run("report", "-t", "gan", "--store", root).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal")
def test_in_a_terminal_each_is_asked_about_and_each_answer_kept_at_once(root: Path, library: Library) -> None:
    keyboard, terminal = pty.openpty()
    os.write(keyboard, b"y\nwhat\nn\ns\nq\n")
    words = [sys.executable, "-m", "trendcli", "topics", "sample", "gan", "-n", "6", "--store", str(root)]
    done = subprocess.run(words, stdin=terminal, capture_output=True, text=True, check=True, timeout=60)
    os.close(terminal)
    os.close(keyboard)
    assert "[1/6] 2017" in done.stderr and "[4/6] 2017" in done.stderr and done.stderr.count("GANs? y/n/s/q: ") == 5
    told = [line.split()[:5] for line in done.stdout.splitlines() if line.startswith(("2", "all"))]
    assert told == [
        ["2017", "3", "2", "1", "1"],
        ["2018", "20", "2", "1", "0"],
        ["2019", "30", "2", "0", "0"],
        ["all", "53", "6", "2", "1"],
    ]
    assert len(drawn(root, library, 6).list_unjudged()) == 4


def test_a_mended_rule_takes_over_the_answers_to_its_sample(root: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    words = ("topics", "sample", "nets", "-n", 4, "--store", root)
    settings = {"TREND_TOPICS": str(rules)}
    rules.write_text("topics:\n  nets: {name: Nets, phrases: [GAN]}\n", encoding="utf-8")
    sample = list(csv.DictReader(io.StringIO(run(*words, "--format", "csv", env=settings).stdout)))
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"id": row["id"], "relevant": "y"} for row in sample]), encoding="utf-8")
    assert "4 answers read" in run(*words, "--judged", answers, env=settings).stderr
    rules.write_text("topics:\n  nets: {name: Nets, phrases: [GAN, nobody says this]}\n", encoding="utf-8")
    report = ("report", "-t", "nets", "--store", root)
    assert "sampled papers" not in run(*report, env=settings).stdout
    assert "All 4 are judged" in run(*words, env=settings).stderr
    assert "4 of 4 sampled papers" in run(*report, env=settings).stdout


@pytest.mark.parametrize("text", ["[" * 9999, "{" + '"a":[' * 9999, 'id,relevant\n"' + "x" * 200_000 + '",y\n'])
def test_a_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"f:\d+: not|f: not"):
        sampling.parse_answers(text, "f")
