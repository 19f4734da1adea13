"""`trend terms` on worlds that a reader can compute by hand, and on the real records where they are at hand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.test_cli import run
from tests.conftest import ML, answer, fill, paper
from trendcli.core import periods
from trendcli.core.errors import UsageError
from trendcli.core.types import Scope, Submission
from trendcli.reports.terms import terms as use_case
from trendcli.reports.terms import texts
from trendcli.reports.terms.new_names import glob_to_regex
from trendcli.reports.terms.ngrams import NgramCounts
from trendcli.reports.terms.terms import TermFilter, build_term_changes, group_changed_terms
from trendcli.sources import venue_lists
from trendcli.stats import screening as movers
from trendcli.store import ingest
from trendcli.store import records as parts
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import bind, parse_query

# how many of 300 submissions of each year hold it
PLANTED = {
    "Of graph neural networks (GNNs).": (8, 90),
    "A Graph-neural network (GNN).": (2, 30),
    "By inductive logic programs.": (90, 12),
    "With kernel methods.": (60, 60),
    "Our state-of-the-art results of extensive experiments on large scale data.": (20, 120),
}


def world() -> list[Submission]:
    found = []
    for side, year in enumerate((2018, 2019)):
        texts = [text for text, numbers in PLANTED.items() for _ in range(numbers[side])]
        for number in range(300):
            said = [texts[place] for place in range(number, len(texts), 300)]
            day = f"{year}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
            title = "On nothing" if number % 2 else f"Topic x{number}y{year}"
            found.append(
                paper(f"{year % 100}{number % 12 + 1:02d}.{number:05d}", day, title, " ".join(["Nothing.", *said]))
            )
    return found


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("planted") / "store", world()).root


def asked(root: Path, *words: Any) -> dict[str, Any]:
    done = run("terms", "--store", root, *words, "--format", "json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_planted_changes_are_found_and_folded(planted: Path) -> None:
    found = asked(planted, "--period", 2019, "--vs", 2018)
    rows = {row["term"]: row for row in found["rows"]}
    assert list(rows) == ["graph neural network", "inductive logic programs"]
    row = rows["graph neural network"]
    assert (row["count_1"], row["base_1"], row["count_2"], row["base_2"]) == (10, 300, 120, 300)
    assert row["relative_change"] == pytest.approx(11.0) and row["ci_low"] > 4 and row["q"] < 1e-4
    assert (row["verdict"], row["change"]) == ("rising", None)
    # "graph neural" has no submission of its own, so it is no other test; the acronym is folded by its definition
    assert [item["term"] for item in row["variants"]] == ["gnn"]
    assert row["variants"][0] == {"term": "gnn", "count_1": 10, "count_2": 120}
    assert [example["url"][:22] for example in row["examples"]] == ["https://arxiv.org/abs/"] * 3
    newest = sorted((p.v1_at, p.id) for p in world() if "raph" in p.abstract)[-3:]
    assert {example["id"] for example in row["examples"]} == {ident for _, ident in newest}
    assert (rows["inductive logic programs"]["count_1"], rows["inductive logic programs"]["count_2"]) == (90, 12)
    assert rows["inductive logic programs"]["verdict"] == "falling"
    assert found["kind"] == "terms" and found["summary"]["tested"] >= 3
    assert found["periods"][0]["base"] == 300 and set(found["provenance"]["data"]) >= {"2018", "2019"}


def test_a_window_is_compared_with_the_one_before_it(planted: Path) -> None:
    by_days = asked(planted, "--since", "2019-01", "--until", "2020-01")
    by_year = asked(planted, "--period", 2019, "--vs", 2018)
    assert [item["base"] for item in by_days["periods"]] == [300, 300]
    same = ("term", "count_1", "count_2", "relative_change")
    assert [[row[key] for key in same] for row in by_days["rows"][:2]] == [
        [row[key] for key in same] for row in by_year["rows"][:2]
    ]


def test_what_is_said_is_what_was_read(planted: Path) -> None:
    assert "by title, with" in str(asked(planted, "--match", "title")["notes"])
    assert "All with p ≤ 0.05 are listed" in str(asked(planted, "--limit", 0)["notes"])
    assert "together, and 5 or more of one:" in str(asked(planted, "--min-count", 1)["notes"])
    assert asked(planted, "--within", "gnn")["title"].startswith("Terms on Graph networks, 2019 against 2018")


def test_keys_that_do_not_fit_are_refused_and_not_made_up(monkeypatch: pytest.MonkeyPatch, planted: Path) -> None:
    monkeypatch.setattr("trendcli.reports.terms.ngrams._MAX_KEY_BITS", 8)
    done = run("terms", "--store", planted, "--period", "2019", "--vs", "2018", "--min-count", 3)
    assert done.exit_code == 2 and "larger --min-count" in done.stderr


def test_counts_are_those_of_the_report_of_a_query(planted: Path) -> None:
    found = asked(planted, "--min-count", 1, "--limit", 0)
    for row in found["rows"]:
        said = run(
            "report", "--store", planted, "--query", row["term"], "--vs", 2018, "--period", 2019, "--format", "json"
        )
        (same,) = json.loads(said.stdout)["rows"]
        for key in ("count_1", "count_2", "share_1", "share_2", "relative_change", "change"):
            assert same[key] == row[key], (row["term"], key)


def test_options_of_terms(planted: Path) -> None:
    pairs = asked(planted, "--words", 2, "--limit", 1)["rows"]
    assert {row["term"].count(" ") for row in pairs} == {1} and len(pairs) == 2
    assert asked(planted, "--match", "title")["rows"] == []
    assert (
        asked(planted, "-c", "cs.LG", "--period", "2019-Q2", "--vs", "2018-Q2")["rows"][0]["term"]
        == "graph neural network"
    )
    within = asked(planted, "--query", "inductive logic")
    assert within["periods"][0]["base"] == 90 and "inductive logic" in " ".join(within["notes"])
    table = run("terms", "--store", planted)
    assert "graph neural network" in table.stdout and "terms of 1 to 4 words were tested" in table.stdout
    rows = list(csv.DictReader(io.StringIO(run("terms", "--store", planted, "--format", "csv").stdout)))
    assert rows[0]["verdict"] == "rising"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--words", "5"], 2, "one to four words"),
        (["--words", "3-2"], 2, "one to four words"),
        (["--period", "2021"], 4, "not whole"),
        (["-t", "gan", "-t", "rnn"], 2, "one topic at most"),
        (["--match", "strict"], 2, "--match any"),
        (["--outcome", "accepted"], 2, "--corpus iclr"),
        (["--outcome", "rejected"], 2, "'accepted'"),
        (["--name-like", "GAN"], 2, "star"),
        (["--backtest", "2019"], 2, "two years"),
        (["--backtest", "2018:2019", "--period", "2019"], 2, "its years itself"),
        (["--backtest", "2018:2019", "--name-like", "*GAN"], 2, "one at a time"),
        (["--name-like", "*GAN", "--vs", "2018"], 2, "--vs belongs"),
        (["--name-like", ""], 2, "letters and a star"),
        (["--name-like", "*GAN", "--words", "2"], 2, "without --words"),
        (["--words", "²"], 2, "one to four words"),
        (["--backtest", "2018:2019", "--limit", "5"], 2, "without --limit"),
        (["--outcome", "accepted", "--include-partial"], 2, "without --include-partial"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(planted: Path, words: list[str], code: int, said: str) -> None:
    done = run("terms", "--store", planted, *words)
    assert (done.exit_code, done.stdout) == (code, "") and said in done.stderr, done.output


def submissions(year: int, listed: Sequence[tuple[str, str, str]]) -> list[Submission]:
    return [
        venue_lists.build_venue_submission(id=f"v{year}n{number:04d}", year=year, decision=decided, title=title, abstract="",
                          keywords=keywords.split("; "), authors=["A. One"], listed_at=datetime(2022, 6, 1, tzinfo=UTC))
        for number, (decided, title, keywords) in enumerate(listed)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2021: 40 of 50 on transformers accepted, 60 of 250 others, 30 withdrawn; 12 of the others on Deep-Learning."""
    root = tmp_path_factory.mktemp("venue") / "store"
    listed = [
        (
            "poster" if n < 40 else "rejected",
            f"Vision transformers x{n}y",
            f"vision transformer{'s' * (n % 5 == 0)}; self-attention",
        )
        for n in range(50)
    ]
    listed += [
        (
            "poster" if n < 60 else "rejected",
            f"On nothing x{n}z",
            "deep learning; nothing at all" if n < 12 else f"Kernel-Methods; k{n}",
        )
        for n in range(250)
    ]
    listed += [("withdrawn", "Vision transformers", "vision transformers")] * 30
    store = Store.open_or_create(root / "venues" / "toy", corpus="toy")
    found = submissions(2021, listed)
    with store.write_lock():
        ledger = venue_lists.build_coverage_records(
            "test", 2021, [item.categories.split()[0] for item in found], datetime(2022, 6, 1, tzinfo=UTC), "", ""
        )
        ingest.upsert_batches(
            store, [parts.build_batch_table(found, "test", datetime(2022, 6, 1, tzinfo=UTC), "toy")], list(ledger)
        )
    return root


def test_terms_that_go_with_acceptance(venue: Path) -> None:
    found = asked(venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 10)
    (row,) = (row for row in found["rows"] if row["term"] == "vision transformer")
    assert row["verdict"] == "more often accepted"
    assert (row["count"], row["accepted"]) == (50, 40)
    assert row["rate"] == 0.8 and row["others"] == 0.24 and row["relative_change"] == pytest.approx(0.8 / 0.24 - 1)
    assert row["rate_low"] < 0.8 < row["rate_high"] and row["ci_low"] > 1
    assert found["summary"] == {"tested": found["summary"]["tested"], "accepted": 100, "submissions": 300}
    every = asked(venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 10, "--status", "submitted")
    (row,) = (row for row in every["rows"] if row["term"] == "vision transformer")
    assert (row["count"], row["accepted"]) == (80, 40)


def test_decisions_are_no_language(tmp_path: Path) -> None:
    """A term that is as common among the oral as among the rejected is no common language for that."""
    decided = ("oral", "spotlight", "poster", "rejected", "withdrawn", "desk-rejected")
    store = Store.open_or_create(tmp_path / "venues" / "toy", corpus="toy")
    for year, every in ((2020, 20), (2021, 4)):
        listed = [
            (name, "Widget lattices" if n % every == 0 else "On nothing", "") for name in decided for n in range(250)
        ]
        found = submissions(year, listed)
        at = datetime(year + 1, 6, 1, tzinfo=UTC)
        with store.write_lock():
            ledger = venue_lists.build_coverage_records("test", year, [item[0] for item in listed], at, "", "")
            ingest.upsert_batches(store, [parts.build_batch_table(found, "test", at, "toy")], list(ledger))
    rising = [row for row in asked(tmp_path, "--corpus", "toy", "--period", 2021)["rows"] if row["verdict"] == "rising"]
    assert [(row["term"], row["count_1"], row["count_2"]) for row in rising] == [("widget lattices", 78, 378)]


def test_few_submissions_are_no_test(venue: Path, tmp_path: Path) -> None:
    listed = [("poster" if n % 2 else "rejected", "Widget lattices" if n < 3 else "On nothing", "") for n in range(6)]
    store = Store.open_or_create(tmp_path / "venues" / "toy", corpus="toy")
    at = datetime(2022, 6, 1, tzinfo=UTC)
    with store.write_lock():
        ledger = venue_lists.build_coverage_records("test", 2021, [item[0] for item in listed], at, "", "")
        ingest.upsert_batches(
            store, [parts.build_batch_table(submissions(2021, listed), "test", at, "toy")], list(ledger)
        )
    assert asked(tmp_path, "--corpus", "toy", "--outcome", "accepted", "--min-count", 1)["summary"]["tested"] == 0
    found = asked(venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 10)
    assert found["summary"]["tested"] > 0 and "count_change" not in found["rows"][0]
    head = run(
        "terms", "--store", venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 900, "--format", "csv"
    )
    assert "rate_low,rate_high" in head.stdout and '"' not in head.stdout


def test_whole_keywords_go_with_acceptance(venue: Path) -> None:
    found = asked(venue, "--corpus", "toy", "--outcome", "accepted", "--min-count", 10, "--fields", "keywords")
    rows = {row["term"]: row for row in found["rows"]}
    assert set(rows) == {"self attention", "vision transformer", "deep learning", "nothing at all", "kernel methods"}
    assert (rows["kernel methods"]["count"], rows["kernel methods"]["accepted"]) == (238, 48)
    assert rows["kernel methods"]["verdict"] == "less often accepted"
    assert (rows["deep learning"]["count"], rows["deep learning"]["accepted"]) == (12, 12)
    assert rows["vision transformer"]["count"] == 50
    assert rows["vision transformer"]["also"] == "vision transformers"
    assert rows["vision transformer"]["variants"] == [
        {"term": "vision transformer", "count": 40, "accepted": 32}, {"term": "vision transformers", "count": 10, "accepted": 8}
    ]  # fmt: skip


def test_new_names_of_a_kind(tmp_path: Path) -> None:
    said = [
        "CycleGAN and GAN",
        "CycleGANs, StyleGAN-based",
        "Cycle-GAN again",
        "a StyleGAN; a f-GAN",
        "BEGANs and organ",
        "GAN",
    ]
    days = ["2018-02-03", "2018-05-03", "2019-01-09", "2019-03-03", "2019-06-03", "2019-07-07"]
    papers = [paper(f"1801.{n:05d}", day, text) for n, (day, text) in enumerate(zip(days, said, strict=True))]
    papers += [paper("1701.00001", "2017-03-03", "No names")]
    fill(tmp_path, papers, [answer(since="2017-01-01")])
    found = asked(tmp_path, "--name-like", "*GAN")
    assert [(row["period"], row["new"], row["names"], row["count"]) for row in found["rows"]] == [
        ("2017", None, 0, 0), ("2018", 2, 2, 2), ("2019", 2, 4, 3),
    ]  # fmt: skip
    assert found["rows"][2]["new_names"] == [{"name": "BEGAN", "count": 1}, {"name": "f-GAN", "count": 1}]
    assert found["rows"][2]["share"] == 0.75 and "CycleGAN (3)" in " ".join(found["notes"])
    later = asked(tmp_path, "--name-like", "*GAN", "--period", 2019)
    assert later["rows"] == found["rows"][2:] and "Most used in these years: BEGAN (1), CycleGAN (1)," in str(later)
    since = asked(tmp_path, "--name-like", "*GAN", "--since", 2019)
    assert since["rows"] == later["rows"]  # what lies before the window is from before all the same
    titles = asked(tmp_path, "--name-like", "*GAN", "--match", "title", "--period", 2019)
    assert titles["rows"][0]["names"] == 4
    for words, code in ((("--until", "2019-05"), 2), (("--period", "2018-02"), 2), (("--period", 2005), 4)):
        assert run("terms", "--store", tmp_path, "--name-like", "*GAN", *words).exit_code == code


def test_a_name_is_new_among_all_of_the_scope(tmp_path: Path) -> None:
    """CycleGAN is in an abstract of 2018, before it is in a title, and before anybody writes of it with an RNN."""
    papers = [
        paper("1701.00001", "2017-03-03", "No names"),
        paper("1801.00001", "2018-03-03", "On images", "CycleGAN helps."),
        paper("1901.00001", "2019-03-03", "CycleGAN for an RNN", "A NewGAN."),
    ]
    fill(tmp_path, papers, [answer(since="2017-01-01")])
    for words in (("-t", "rnn"), ("--match", "title"), ("--primary-only",), ("--author", "A. Author")):
        row = asked(tmp_path, "--name-like", "*GAN", "--period", 2019, *words)["rows"][0]
        assert "CycleGAN" not in [name["name"] for name in row["new_names"]]
    assert "Names like *GAN on Recurrent" in asked(tmp_path, "--name-like", "*GAN", "-t", "rnn")["title"]


def test_a_plural_is_no_other_name_behind_a_star_either(tmp_path: Path) -> None:
    said = ["GANs", "DeepESNs and DeepChess", "DeepESN, DeepWalks", "A DeepWalk"]
    papers = [paper(f"1801.{n:05d}", "2018-02-03", text) for n, text in enumerate(said)]
    fill(tmp_path, papers, [answer(since="2017-01-01")])
    rows = asked(tmp_path, "--name-like", "Deep*")["rows"]
    assert {name["name"]: name["count"] for name in rows[1]["new_names"]} == {
        "DeepESN": 2,
        "DeepWalk": 2,
        "DeepChess": 1,
    }
    assert asked(tmp_path, "--name-like", "GAN*")["rows"][1]["count"] == 0
    # what is a plural among all is one in a part of them
    narrow = asked(tmp_path, "--name-like", "Deep*", "--query", "DeepESN")["rows"][1]
    assert {name["name"] for name in narrow["new_names"]} == {"DeepESN", "DeepWalk", "DeepChess"}


def test_of_the_first_year_no_name_is_told_to_be_new(tmp_path: Path) -> None:
    fill(tmp_path, [paper("1801.00001", "2018-03-03", "CycleGAN"), paper("1901.00001", "2019-03-03", "CycleGAN")])
    rows = asked(tmp_path, "--name-like", "Cycle*")["rows"]
    assert [(row["new"], row["names"]) for row in rows] == [(None, 1), (0, 1)]
    for bad in ("GAN", "*", "*G", "a b*", "*G[A]N"):
        with pytest.raises(UsageError):
            glob_to_regex(bad)


def test_backtest_looks_a_year_ahead(tmp_path: Path) -> None:
    """In 2018 two terms rise; in 2019 one stays, one falls below where it was."""
    papers = []
    for year, (stays, goes) in {2017: (5, 10), 2018: (80, 90), 2019: (60, 3)}.items():
        for number in range(200):
            said = [
                *(["Capsule networks."] if number < stays else []),
                *(["Bitcoin prices."] if number >= 200 - goes else []),
            ]
            steady = [f"Steady{kind}thing." for kind in "abcdef" if (number * 7 + ord(kind)) % 5 == 0]
            day = f"{year}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
            papers.append(
                paper(f"{year % 100}{number % 12 + 1:02d}.{number:05d}", day, "On nothing", " ".join([*said, *steady]))
            )
    fill(tmp_path, papers, [answer(since="2017-01-01")])
    found = asked(tmp_path, "--backtest", "2018:2019")
    assert [(row["period"], row["flagged"], row["still_up"], row["rate"]) for row in found["rows"]] == [
        ("2018", 2, 1, 0.5),
        ("all", 2, 1, 0.5),
    ]
    assert {(item["term"], item["still_up"]) for item in found["rows"][0]["terms"]} == {
        ("capsule networks", True),
        ("bitcoin prices", False),
    }
    assert 0 < found["rows"][0]["random"] <= 20 and found["rows"][0]["random_low"] is not None
    unknown = asked(tmp_path, "--backtest", "2018:2020", "--include-partial")["rows"]
    assert unknown[0] == found["rows"][0] and unknown[2] == found["rows"][1]  # of 2020 nothing is there
    assert (unknown[1]["period"], unknown[1]["still_up"], unknown[1]["rate"], unknown[1]["random_up"]) == (
        "2019", None, None, None,
    )  # fmt: skip


def test_what_moved_among_all_gives_its_group_the_name(tmp_path: Path, library: Library) -> None:
    """Else a rise would be hidden in the row of a longer term that alone is not clear."""
    papers = [paper(f"18{number % 9 + 1:02d}.{number:05d}", "2018-03-05", "Alpha beta") for number in range(9)]
    store = fill(tmp_path, [*papers, paper("1909.00001", "2019-03-05", "Alpha beta")], [answer()])
    question, known = parse_query(library, scope=Scope("cs.LG", ("cs.LG",)))
    context = bind(store, known, question, ML)
    read = texts.read_texts(context, [periods.parse_period("2018"), periods.parse_period("2019")])
    names, counts = ["alpha beta", "alpha"], np.array([[9, 1], [9, 1]])
    spread = movers.TermOverdispersion(np.ones(2), np.full(2, np.inf), True)
    for verdict, first in (([0, -1], 1), ([0, 0], 0), ([-1, -1], 0)):
        judged = movers.ScreeningResult(np.array([0.04, 0.001]), np.array([0.2, 0.01]), np.array(verdict))
        of = use_case.TermTests(NgramCounts(names, counts), np.array([10, 20]), spread, judged)
        ((leader, _),), _ = group_changed_terms(read, of, [0, 1])
        assert leader == first


def test_a_topic_with_nothing_in_a_period_is_said(planted: Path) -> None:
    found = asked(planted, "-t", "gan")
    assert found["rows"] == [] and "no submissions at all" in found["notes"][0]


def test_counts_of_real_terms_are_those_of_queries(tmp_path: Path, shared: Path) -> None:
    from tests.journeys.test_real_records import real

    rows = [row for row in real("cs.NE") if row["created"].year in (2016, 2017)]
    papers = [
        paper(row["id"], str(row["created"])[:10], row["title"], row["abstract"], categories="cs.NE") for row in rows
    ]
    store = fill(tmp_path, papers, [answer(("cs.NE",), "2016-01-01", "2018-01-01")])
    library = Library({}, {})
    found = build_term_changes(
        store, library, parse_query(library, period="2017", vs="2016")[0], ML, TermFilter(limit=60)
    )
    assert len(found.rows) > 40
    for row in found.rows[::7]:
        done = run(
            "report", "--store", tmp_path, "--query", row["term"], "--vs", 2016, "--period", 2017, "--format", "json"
        )
        (same,) = json.loads(done.stdout)["rows"]
        assert (same["count_1"], same["count_2"]) == (row["count_1"], row["count_2"]), row["term"]


def test_no_two_columns_of_a_backtest_have_one_name() -> None:
    from trendcli.reports.terms.backtest import BACKTEST_COLUMNS

    assert len({column.label for column in BACKTEST_COLUMNS}) == len(BACKTEST_COLUMNS)


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
        ["report", "--corpus", "toy", "--outcome", "accepted", "--query", "nothing", "--status", "submitted"],
    ],
)
def test_what_was_saved_is_made_again(planted: Path, venue: Path, tmp_path: Path, words: list[Any]) -> None:
    root = ["--store", venue if "toy" in words else planted]
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
