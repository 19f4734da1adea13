"""`trend terms` on a corpus that a reader can compute by hand, and on the real records where they are at hand."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.commands import run
from tests.reports.terms.worlds import planted_world, run_terms
from tests.worlds import ML, coverage_record, fill, paper
from trendcli.reports.terms.base import TermFilter
from trendcli.reports.terms.terms import build_term_changes
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


def test_planted_changes_have_verdicts_and_near_duplicates_are_merged(planted_store: Path) -> None:
    report = run_terms(planted_store, "--period", 2019, "--vs", 2018)
    rows = {row["term"]: row for row in report["rows"]}
    assert list(rows) == ["graph neural network", "inductive logic programs"]
    row = rows["graph neural network"]
    assert (row["count_1"], row["base_1"], row["count_2"], row["base_2"]) == (10, 300, 120, 300)
    assert row["relative_change"] == pytest.approx(11.0) and row["ci_low"] > 4 and row["q"] < 1e-4
    assert (row["verdict"], row["change"]) == ("rising", None)
    # "graph neural" has no submission of its own, so it is no other test; the acronym is merged by its definition
    assert [item["term"] for item in row["variants"]] == ["gnn"]
    assert row["variants"][0] == {"term": "gnn", "count_1": 10, "count_2": 120}
    assert [example["url"][:22] for example in row["examples"]] == ["https://arxiv.org/abs/"] * 3
    newest = sorted((p.v1_at, p.id) for p in planted_world() if "raph" in p.abstract)[-3:]
    assert {example["id"] for example in row["examples"]} == {submission_id for _, submission_id in newest}
    assert (rows["inductive logic programs"]["count_1"], rows["inductive logic programs"]["count_2"]) == (90, 12)
    assert rows["inductive logic programs"]["verdict"] == "falling"
    assert report["kind"] == "terms" and report["summary"]["tested"] >= 3
    assert report["periods"][0]["base"] == 300 and set(report["provenance"]["data"]) >= {"2018", "2019"}


def test_a_window_is_compared_with_the_one_before_it(planted_store: Path) -> None:
    by_days = run_terms(planted_store, "--since", "2019-01", "--until", "2020-01")
    by_year = run_terms(planted_store, "--period", 2019, "--vs", 2018)
    assert [item["base"] for item in by_days["periods"]] == [300, 300]
    same = ("term", "count_1", "count_2", "relative_change")
    assert [[row[key] for key in same] for row in by_days["rows"][:2]] == [
        [row[key] for key in same] for row in by_year["rows"][:2]
    ]


@pytest.mark.journey
def test_notes_and_title_say_what_was_read(planted_store: Path) -> None:
    assert "Searched: title." in str(run_terms(planted_store, "--match", "title")["notes"])
    assert "All with p ≤ 0.05 are listed" in str(run_terms(planted_store, "--limit", 0)["notes"])
    assert "across both periods and at least 5 in one of them:" in str(
        run_terms(planted_store, "--min-count", 1)["notes"]
    )
    assert run_terms(planted_store, "--within", "gnn")["title"].startswith("Terms on Graph networks, 2019 against 2018")


@pytest.mark.journey
def test_counts_are_those_of_the_report_of_a_query(planted_store: Path) -> None:
    for row in run_terms(planted_store, "--min-count", 1, "--limit", 0)["rows"]:
        result = run(
            "report",
            "--store",
            planted_store,
            "--query",
            row["term"],
            "--vs",
            2018,
            "--period",
            2019,
            "--format",
            "json",
        )
        (same,) = json.loads(result.stdout)["rows"]
        for key in ("count_1", "count_2", "share_1", "share_2", "relative_change", "change"):
            assert same[key] == row[key], (row["term"], key)


@pytest.mark.journey
def test_options_narrow_what_is_tested_and_shown(planted_store: Path) -> None:
    pairs = run_terms(planted_store, "--words", 2, "--limit", 1)["rows"]
    assert {row["term"].count(" ") for row in pairs} == {1} and len(pairs) == 2
    assert run_terms(planted_store, "--match", "title")["rows"] == []
    assert (
        run_terms(planted_store, "-c", "cs.LG", "--period", "2019-Q2", "--vs", "2018-Q2")["rows"][0]["term"]
        == "graph neural network"
    )
    within = run_terms(planted_store, "--query", "inductive logic")
    assert within["periods"][0]["base"] == 90 and "inductive logic" in " ".join(within["notes"])
    table = run("terms", "--store", planted_store)
    assert "graph neural network" in table.stdout and "terms of 1 to 4 words that occur" in table.stdout
    rows = list(csv.DictReader(io.StringIO(run("terms", "--store", planted_store, "--format", "csv").stdout)))
    assert rows[0]["verdict"] == "rising"


@pytest.mark.journey
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--words", "5"], 2, "one to four words"),
        (["--words", "3-2"], 2, "one to four words"),
        (["--period", "2021"], 4, "2020 is incomplete"),
        (["-t", "gan", "-t", "rnn"], 2, "at most one topic"),
        (["--match", "strict"], 2, "--match any"),
        (["--outcome", "accepted"], 2, "--corpus iclr"),
        (["--outcome", "rejected"], 2, "'accepted'"),
        (["--name-like", "GAN"], 2, "star"),
        (["--backtest", "2019"], 2, "two years"),
        (["--backtest", "2018:2019", "--period", "2019"], 2, "--backtest cannot be combined with --period"),
        (["--backtest", "2018:2019", "--name-like", "*GAN"], 2, "--name-like cannot be combined with --backtest"),
        (["--name-like", "*GAN", "--vs", "2018"], 2, "--name-like cannot be combined with --vs"),
        (["--name-like", ""], 2, "letters and a star"),
        (["--name-like", "*GAN", "--words", "2"], 2, "--name-like cannot be combined with --words"),
        (["--words", "²"], 2, "one to four words"),
        (["--backtest", "2018:2019", "--limit", "5"], 2, "--backtest cannot be combined with --limit"),
        (["--outcome", "accepted", "--include-partial"], 2, "--outcome cannot be combined with --include-partial"),
    ],
)
def test_an_invalid_request_is_refused_in_a_sentence(
    planted_store: Path, words: list[str], code: int, message: str
) -> None:
    done = run("terms", "--store", planted_store, *words)
    assert (done.exit_code, done.stdout) == (code, "") and message in done.stderr, done.output


def test_a_topic_with_nothing_in_a_period_has_no_rows_and_a_note(planted_store: Path) -> None:
    report = run_terms(planted_store, "-t", "gan")
    assert report["rows"] == [] and "has no submissions" in report["notes"][0]


@pytest.mark.journey
def test_counts_of_real_terms_are_those_of_queries(tmp_path: Path, shared: Path) -> None:
    table = pq.read_table(shared / "data/arxiv/cs-stat-2010-2019.parquet")
    records = table.filter(pc.match_substring_regex(table["categories"], r"(^| )cs\.NE( |$)")).to_pylist()
    papers = [
        paper(row["id"], str(row["created"])[:10], row["title"], row["abstract"], categories="cs.NE")
        for row in records
        if row["created"].year in (2016, 2017)
    ]
    store = fill(tmp_path, papers, [coverage_record(("cs.NE",), "2016-01-01", "2018-01-01")])
    query, library = parse_query(Library({}, {}), period="2017", vs="2016")
    report = build_term_changes(store, library, query, ML, TermFilter(limit=60))
    assert len(report.rows) > 40
    for row in report.rows[::7]:
        result = run(
            "report", "--store", tmp_path, "--query", row["term"], "--vs", 2016, "--period", 2017, "--format", "json"
        )
        (same,) = json.loads(result.stdout)["rows"]
        assert (same["count_1"], same["count_2"]) == (row["count_1"], row["count_2"]), row["term"]


@pytest.mark.journey
@pytest.mark.parametrize(
    "words",
    [
        ["terms", "--period", 2019],
        ["terms", "--query", "nothing", "--words", "2-3", "--min-count", 30, "--limit", 1, "--since", "2019-03"],
        ["terms", "--name-like", "GN*"],
        ["terms", "--backtest", "2018:2019", "--include-partial"],
        ["terms", "--corpus", "toy", "--include-partial"],
        ["terms", "--corpus", "toy", "--outcome", "accepted", "--min-count", 10],
        ["terms", "--corpus", "toy", "--outcome", "accepted", "--min-count", 10, "--fields", "keywords"],
        [
            "report",
            "--corpus",
            "toy",
            "--outcome",
            "accepted",
            "--query",
            "nothing",
            "--submission-status",
            "submitted",
        ],
    ],
)
def test_a_saved_report_is_verified_and_an_edited_one_is_not(
    planted_store: Path, venue: Path, tmp_path: Path, words: list[Any]
) -> None:
    root = ["--store", venue if "toy" in words else planted_store]
    saved = run(*words, *root, "--format", "json")
    assert saved.exit_code == 0, saved.output
    file = tmp_path / "saved.json"
    file.write_text(saved.stdout, encoding="utf-8")
    done = run("verify", file, *root)
    assert done.exit_code == 0, done.output
    assert "Reproduced: the same query gives the same report." in done.stdout and "(no rows)" not in done.stdout
    edited = json.loads(saved.stdout)
    if edited["rows"]:
        key = next(key for key, value in edited["rows"][0].items() if type(value) is int)
        edited["rows"][0][key] += 1
        file.write_text(json.dumps(edited), encoding="utf-8")
        again = run("verify", file, *root)
        where = str(edited["rows"][0].get("term", ""))
        assert (again.exit_code, "unexplained" in again.stdout, where in again.stdout) == (4, True, True)
