from __future__ import annotations

import csv
import io
import json
import os
import pty
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.reports.curation.sampling import (
    TopicSample,
    build_precision_report,
    draw_sample,
    parse_answers,
    record_answers,
)
from trendcli.reports.judgements import Judgement, append_judgements, judgements_path
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


@pytest.fixture(scope="module")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 GANs in 2017, 20 in 2018 and 30 in 2019."""
    papers = [
        paper(f"{year % 100}03.{number:05d}", f"{year}-03-{number % 28 + 1:02d}", f"A GAN of {year}, {number}")
        for year, count in ((2017, 3), (2018, 20), (2019, 30))
        for number in range(count)
    ]
    return fill(tmp_path_factory.mktemp("sampling") / "store", papers, [coverage_record(since="2017-01-01")]).root


@pytest.fixture
def root(filled_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled_store, tmp_path / "store"))


def draw(root: Path, library: Library, number: int, seed: int = 0, **options: Any) -> TopicSample:
    query, library = parse_query(library, topics=["gan"], **{"by": "year", **options})
    return draw_sample(Store.open(root), library, query, ML, sample_size=number, seed=seed)


def ids(sample: TopicSample) -> set[str]:
    return {row["id"] for row in sample.rows}


@pytest.mark.journey
def test_a_sample_has_equal_numbers_of_each_period(root: Path, library: Library) -> None:
    def counts_by_period(number: int, **options: Any) -> dict[str, int]:
        return dict(Counter(row["period"] for row in draw(root, library, number, **options).rows))

    assert counts_by_period(6) == {"2017": 2, "2018": 2, "2019": 2}
    assert counts_by_period(8) == {"2017": 2, "2018": 3, "2019": 3}  # the largest get the remainder
    assert counts_by_period(25) == {"2017": 3, "2018": 11, "2019": 11}  # and what a smaller period lacks
    assert counts_by_period(100) == {"2017": 3, "2018": 20, "2019": 30}
    assert counts_by_period(4, since="2018") == {"2018": 2, "2019": 2}
    assert counts_by_period(2, by="quarter") == {"2018-Q1": 1, "2019-Q1": 1}
    assert counts_by_period(3, by="month") == {"2017-03": 1, "2018-03": 1, "2019-03": 1}


def test_a_larger_sample_contains_a_smaller_one(root: Path, library: Library) -> None:
    small, large = draw(root, library, 6), draw(root, library, 20)
    assert ids(small) < ids(large) and ids(small) == ids(draw(root, library, 6))
    assert ids(small) != ids(draw(root, library, 6, seed=1))
    assert small.period_sizes == {"2017": 3, "2018": 20, "2019": 30}
    row = small.rows[0]
    assert row["snippet"] == row["title"] and row["url"].endswith(row["id"])


def test_a_submission_judged_under_another_rule_is_not_asked_about_again(root: Path, library: Library) -> None:
    sample = draw(root, library, 6)
    first, second = (row["id"] for row in sample.list_unjudged()[:2])
    old = Judgement(first, True, "another rule", "ml", "2017", 9, "2020-01-01")
    append_judgements(Store.open(root), "gan", [old])
    sample = record_answers(draw(root, library, 6), {second: False}, "2026-11-21")
    assert {row["id"] for row in sample.list_unjudged()} == ids(sample) - {first, second}
    again = draw(root, library, 6)
    assert again.answers == sample.answers
    # the older answer now counts for the present rule, with its own day, and is written only once
    assert again.answers[first].rule == library.match_hash("gan") and again.answers[first].at == "2020-01-01"
    size = judgements_path(Store.open(root), "gan").stat().st_size
    record_answers(again, {}, "2026-11-22")
    assert judgements_path(Store.open(root), "gan").stat().st_size == size


def test_periods_take_turns_so_that_one_may_stop_anywhere(root: Path, library: Library) -> None:
    assert [row["period"] for row in draw(root, library, 6).list_unjudged()] == ["2017", "2018", "2019"] * 2


def test_precision_is_given_by_period_and_overall(root: Path, library: Library) -> None:
    sample = draw(root, library, 6)
    by_period: dict[str, list[str]] = {}
    for row in sample.rows:
        by_period.setdefault(row["period"], []).append(row["id"])
    answers = {by_period["2018"][0]: True, by_period["2018"][1]: False, by_period["2019"][0]: True}
    report = build_precision_report(record_answers(sample, answers, "2026-11-21"))
    rows = {row["period"]: (row["caught"], row["sampled"], row["judged"], row["right"]) for row in report.rows}
    assert rows == {"2017": (3, 2, 0, 0), "2018": (20, 2, 2, 1), "2019": (30, 2, 1, 1), "all": (53, 6, 3, 2)}
    shares = [row["precision"] for row in report.rows]
    assert shares[:3] == [None, 0.5, 1.0] and shares[3] == pytest.approx((20 * 0.5 + 30) / 50)
    assert "Not included, since nothing is judged: 2017." in report.notes
    assert any("2 of 3 sampled submissions of 2018 to 2019 were judged relevant" in note for note in report.notes)


def test_answers_are_read_from_a_file() -> None:
    lines = '{"id": "1", "relevant": "y"}\n{"id": "2", "relevant": false}\n\n{"id": "3", "relevant": null}\n'
    assert parse_answers(lines, "x") == {"1": True, "2": False}
    assert parse_answers("id,title,relevant\n1,A,Yes\n2,B,no\n3,C,\n", "x") == {"1": True, "2": False}
    assert parse_answers("id;title;relevant\n1;A, B;y\n", "x") == {"1": True}
    for text, message in (
        ("id,relevant\n1,y\n1,n\n", "x:3: this contradicts an earlier answer to 1"),
        ("id,relevant\n1,maybe\n", "x:2: 'maybe' is neither y nor n"),
        ("id,title\n1,A\n", "x:2: expected `id` and `relevant`"),
        ('{"id": "1"}\n', "x:1: expected"),
        ('{"id": \n', "x:1: not JSON"),
    ):
        with pytest.raises(UsageError, match="x:") as failed:
            parse_answers(text, "x")
        assert message in str(failed.value)


@pytest.mark.journey
def test_a_sample_is_judged_elsewhere_and_read_back(root: Path, tmp_path: Path) -> None:
    table = run("topics", "sample", "gan", "-n", 6, "--format", "csv", "--store", root)
    rows = list(csv.DictReader(io.StringIO(table.stdout)))
    assert len(rows) == 6 and {row["relevant"] for row in rows} == {""}
    file = tmp_path / "judged.csv"
    file.write_text("\ufeffid,relevant\n" + "".join(f"{row['id']},{'yn'[n == 0]}\n" for n, row in enumerate(rows)))
    command = ("topics", "sample", "gan", "--judged", file, "--store", root)
    too_small = run(*command, "-n", 3)
    assert too_small.exit_code == 2 and "not in this sample" in too_small.stderr
    result = run(*command, "-n", 6, "--format", "json")
    assert json.loads(result.stdout)["rows"][-1]["judged"] == 6
    report = run("report", "-t", "gan", "--store", root)
    assert "gan: 5 of 6 sampled submissions of 2017 to 2019 were judged relevant: precision " in report.stdout
    again = run("topics", "sample", "gan", "-n", 6, "-o", tmp_path / "precision.csv", "--store", root)
    assert "All 6 are judged; the precision follows" in again.stderr
    assert "Not on a terminal" in run("topics", "sample", "gan", "-n", 8, "--store", root).stderr
    more = run("topics", "sample", "gan", "-n", 8, "--format", "jsonl", "--store", root).stdout.splitlines()
    assert sorted(json.loads(line)["relevant"] or "" for line in more) == ["", "", "n", *["y"] * 5]
    none = run("topics", "sample", "gan", "--judged", tmp_path / "none", "--store", root)
    assert none.exit_code == 2 and "none: No such file or directory.\n" in none.stderr
    assert run("topics", "sample", "gan", "--by", "week", "--store", root).exit_code == 2


@pytest.mark.journey
def test_a_new_answer_changes_a_cached_report(root: Path, library: Library) -> None:
    before = run("report", "-t", "gan", "--store", root).stdout
    sample = draw(root, library, 1)
    record_answers(sample, {sample.rows[0]["id"]: True}, "2026-11-21")
    assert "judged" not in before and "1 of 1 sampled submissions" in run("report", "-t", "gan", "--store", root).stdout


@pytest.mark.journey
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal")
def test_in_a_terminal_each_answer_is_saved_at_once(root: Path, library: Library) -> None:
    keyboard, terminal = pty.openpty()
    os.write(keyboard, b"y\nwhat\nn\ns\nq\n")
    command = [sys.executable, "-m", "trendcli", "topics", "sample", "gan", "-n", "6", "--store", str(root)]
    result = subprocess.run(command, stdin=terminal, capture_output=True, text=True, check=True, timeout=60)
    os.close(terminal)
    os.close(keyboard)
    assert (
        "[1/6] 2017" in result.stderr and "[4/6] 2017" in result.stderr and result.stderr.count("GANs? y/n/s/q: ") == 5
    )
    rows = [line.split()[:5] for line in result.stdout.splitlines() if line.startswith(("2", "all"))]
    assert rows == [
        ["2017", "3", "2", "1", "1"],
        ["2018", "20", "2", "1", "0"],
        ["2019", "30", "2", "0", "0"],
        ["all", "53", "6", "2", "1"],
    ]
    assert len(draw(root, library, 6).list_unjudged()) == 4


@pytest.mark.journey
def test_a_corrected_rule_takes_over_the_answers_to_its_sample(root: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    command = ("topics", "sample", "nets", "-n", 4, "--store", root)
    env = {"TREND_TOPICS": str(rules)}
    rules.write_text("topics:\n  nets: {name: Nets, phrases: [GAN]}\n", encoding="utf-8")
    sample = list(csv.DictReader(io.StringIO(run(*command, "--format", "csv", env=env).stdout)))
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"id": row["id"], "relevant": "y"} for row in sample]), encoding="utf-8")
    assert "Read 4 answers" in run(*command, "--judged", answers, env=env).stderr
    rules.write_text("topics:\n  nets: {name: Nets, phrases: [GAN, nobody says this]}\n", encoding="utf-8")
    report = ("report", "-t", "nets", "--store", root)
    assert "sampled submissions" not in run(*report, env=env).stdout
    assert "All 4 are judged" in run(*command, env=env).stderr
    assert "4 of 4 sampled submissions" in run(*report, env=env).stdout


@pytest.mark.parametrize("text", ["[" * 9999, "{" + '"a":[' * 9999, 'id,relevant\n"' + "x" * 200_000 + '",y\n'])
def test_a_file_that_cannot_be_parsed_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"f:\d+: not|f: not"):
        parse_answers(text, "f")
