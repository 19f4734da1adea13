"""Venues from the shell: decisions as categories, lists without abstracts or decisions, and what reports say of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from typer.testing import Result

from tests.commands import run
from tests.worlds import coverage_record
from trendcli.core.errors import UsageError
from trendcli.core.types import Scope, Submission
from trendcli.reports.trends.acceptance import build_acceptance
from trendcli.reports.trends.series import build_series
from trendcli.sources.venue_lists import build_venue_submission
from trendcli.store.corpus import restrict_text_fields
from trendcli.store.ingest import upsert_batches
from trendcli.store.manifest import ARXIV
from trendcli.store.quarantine import find_leftovers
from trendcli.store.records import build_batch_table
from trendcli.store.store import TEXT_FIELDS, Store
from trendcli.topics.library import Library
from trendcli.topics.loader import load_library
from trendcli.topics.query import Query, parse_query

SUBMITTED = Scope("submitted", ("submitted",))
RULES = """
topics:
  graph: {name: Graphs, phrases: [graph network], categories: [cs.LG]}
  nothing: {phrases: [nowhere to be found]}
"""
# of each decision: how many submissions, and how many of them have "graph network" in title, keywords and abstract
WORLD = {
    2020: {
        "Poster": (20, 4, 2, 0),
        "Oral": (10, 1, 0, 0),
        "Reject": (50, 3, 4, 0),
        "Withdraw": (15, 5, 0, 0),
        "Desk Reject": (5, 0, 1, 0),
    },
    2021: {"Poster": (40, 2, 3, 5), "Reject": (60, 6, 0, 4), "Withdraw": (20, 2, 1, 1)},
}


def papers_of(year: int, **changes: Any) -> list[dict[str, Any]]:
    """The list of a year of WORLD; only that of 2021 has abstracts."""
    papers = []
    for status, (number, *hits) in WORLD[year].items():
        places = [place for place, amount in zip(TEXT_FIELDS, hits, strict=True) for _ in range(amount)]
        for item, place in enumerate(places + [""] * (number - len(places))):
            keywords = "deep learning theory" if item % 2 else ""
            paper = {
                "id": f"{year}-{status}-{item}",
                "title": "A Graph Network" if place == "title" else "On nothing",
                "status": status,
                "keywords": "deep learning;graph networks" if place == "keywords" else keywords,
            }
            abstract = "A graph-network." if place == "abstract" else "We say little."
            papers.append({**paper, **({"abstract": abstract} if year == 2021 else {}), **changes})
    return papers


def write_list(path: Path, year: int, **changes: Any) -> Path:
    """The list of a year as a file."""
    path.write_text(json.dumps(papers_of(year, **changes)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with both lists of WORLD, imported from the shell, for tests to copy."""
    folder = tmp_path_factory.mktemp("lists")
    for year in WORLD:
        file = write_list(folder / f"{year}.json", year)
        result = run("import", str(file), "--venue", "ICLR", "--year", str(year), "--store", str(folder / "store"))
        assert result.exit_code == 0, result.output
    return folder / "store"


@pytest.fixture
def root(lists: Path, tmp_path: Path) -> Path:
    """A store of its own with both lists of WORLD."""
    return Path(shutil.copytree(lists, tmp_path / "store"))


def topics_of(root: Path) -> Library:
    """The topics of RULES alone."""
    folder = root.parent / "topics"
    folder.mkdir(exist_ok=True)
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    return load_library(folder)


def open_venue(root: Path, *fields: str) -> Store:
    """The store of the venue, read by some fields; by those that all its lists have where none is named."""
    store = Store.open(root / "venues" / "iclr")
    return restrict_text_fields(store, fields or None)


def rows(root: Path, scope: Scope = SUBMITTED, fields: Sequence[str] = ()) -> list[tuple[int | None, int | None]]:
    """Count and base of the topic graph, by year."""
    library = topics_of(root)
    query, _ = parse_query(library, topics=["graph"], scope=scope, corpus="iclr")
    report = build_series(open_venue(root, *fields), library, query, SUBMITTED)
    return [(row["count"], row["base"]) for row in report.rows]


def test_each_status_is_a_base_of_its_own(root: Path) -> None:
    fields = ("title", "keywords")
    assert rows(root, SUBMITTED, fields) == [(20, 100), (14, 120)]
    assert rows(root, Scope("active", ("active",)), fields) == [(14, 80), (11, 100)]
    assert rows(root, Scope("accepted", ("accepted",)), fields) == [(7, 30), (5, 40)]


def test_rules_are_matched_in_the_fields_that_are_named(root: Path) -> None:
    assert rows(root, fields=("title",)) == [(13, 100), (10, 120)]
    assert rows(root, fields=("keywords",)) == [(7, 100), (4, 120)]


def test_a_year_whose_list_lacks_a_field_is_not_counted_in_it(root: Path) -> None:
    assert rows(root, fields=("title", "abstract")) == [(20, 120)]
    words = ("report", "--corpus", "iclr", "--query", "graph network", "--fields", "abstract", "--store", str(root))
    (row,) = json.loads(run(*words, "--period", "2021", "--vs", "2020", "--format", "json").stdout)["rows"]
    assert (row["count_1"], row["count_2"], row["relative_change"]) == (None, 10, None)


def test_where_no_list_has_a_field_nothing_is_counted(tmp_path: Path) -> None:
    file, store = write_list(tmp_path / "2020.json", 2020), str(tmp_path / "store")
    run("import", str(file), "--venue", "iclr", "--year", "2020", "--store", store)
    refused = run("report", "--corpus", "iclr", "-t", "rnn", "--fields", "abstract", "--store", store)
    assert refused.exit_code == 4 and "No list of iclr has abstracts; use --fields title,keywords." in refused.output


def test_years_are_counted_alike_where_one_list_has_no_abstracts(root: Path) -> None:
    assert open_venue(root).text_fields == ("title", "keywords")
    assert rows(root) == [(20, 100), (14, 120)]
    shown = run("report", "--corpus", "iclr", "--query", "graph network", "--store", str(root))
    assert "matched in title and keywords; not every list has abstracts" in shown.output
    assert "Without keywords: 47 of 100 in 2020, 57 of 120 in 2021" in shown.output


def test_where_a_list_has_abstracts_they_can_be_counted_in(root: Path) -> None:
    words = ("report", "--corpus", "iclr", "--query", "graph network", "--fields", "title,keywords,abstract")
    shown = run(*words, "--since", "2021", "--until", "2022", "--format", "json", "--store", str(root))
    (row,) = json.loads(shown.stdout)["rows"]
    assert (row["count"], row["base"]) == (24, 120)


def test_a_guard_is_for_categories_and_does_not_count_here(root: Path) -> None:
    assert topics_of(root).get_topic("graph").guard == ("cs.LG",)
    assert rows(root)[0] == (20, 100)


def test_acceptance_is_counted_by_topic(root: Path) -> None:
    library = topics_of(root)
    query, _ = parse_query(library, topics=["graph", "nothing"], corpus="iclr", period="2020")
    report = build_acceptance(open_venue(root), library, query, SUBMITTED)
    graph, nothing = sorted(report.rows, key=lambda row: row["topic"])
    assert (graph["count"], graph["accepted"], graph["rate"]) == (14, 7, 0.5)
    assert graph["others"] == pytest.approx((30 - 7) / (80 - 14))
    assert graph["relative_change"] == pytest.approx(0.5 / ((30 - 7) / (80 - 14)) - 1)
    assert graph["verdict"] == "no clear difference"
    assert (nothing["count"], nothing["rate"], nothing["verdict"]) == (0, None, "n/a")
    assert report.query["categories"] == ["active"]
    assert report.notes[0].startswith("Accepted: 30 of 80 submissions, 37.50 %")


def test_acceptance_needs_a_venue_and_a_scope_with_rejected_submissions(root: Path) -> None:
    library = topics_of(root)
    query, _ = parse_query(library, topics=["graph"], corpus="iclr", scope=Scope("accepted", ("accepted",)))
    with pytest.raises(UsageError, match="among accepted submissions is always 100"):
        build_acceptance(open_venue(root), library, query, SUBMITTED)
    assert run("report", "--outcome", "accepted", "--store", str(root)).exit_code == 4  # no arXiv store is there
    assert run("report", "--corpus", "iclr", "--outcome", "loved", "--store", str(root)).exit_code == 2


def test_a_year_that_has_not_been_decided_has_no_rate_and_no_accepted(root: Path, tmp_path: Path) -> None:
    file = write_list(tmp_path / "2022.json", 2021, status="Active")
    text = file.read_text(encoding="utf-8").replace('"2021-', '"2022-')
    file.write_text(text, encoding="utf-8")
    assert run("import", str(file), "--venue", "iclr", "--year", "2022", "--store", str(root)).exit_code == 0
    asked = ("report", "--corpus", "iclr", "--query", "graph network", "--store", str(root))
    shown = json.loads(run(*asked, "--format", "json").stdout)
    assert [(row["count"], row["base"]) for row in shown["rows"]] == [(20, 100), (14, 120), (14, 120)]
    taken = json.loads(run(*asked, "--submission-status", "accepted", "--format", "json").stdout)
    assert [(row["count"], row["status"]) for row in taken["rows"]] == [
        (7, "complete"),
        (5, "complete"),
    ]
    named = run(*asked, "--submission-status", "accepted", "--since", "2021", "--until", "2023", "--format", "json")
    assert [(row["count"], row["status"]) for row in json.loads(named.stdout)["rows"]] == [
        (5, "complete"),
        (None, "partial"),
    ]
    refused = run(*asked, "--outcome", "accepted", "--period", "2022")
    assert refused.exit_code == 4 and "not all known" in refused.output
    latest = json.loads(run(*asked, "--outcome", "accepted", "--format", "json").stdout)
    assert latest["query"]["period"] == "2021"


def test_a_later_list_revises_decisions_and_nothing_else(root: Path, tmp_path: Path) -> None:
    def imported(file: Path) -> str:
        return run("import", str(file), "--venue", "iclr", "--year", "2021", "--store", str(root)).output

    assert "0 new, 0 revised, 120 unchanged" in imported(write_list(tmp_path / "again.json", 2021))
    papers = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    papers[0]["status"] = "Oral"
    (tmp_path / "again.json").write_text(json.dumps(papers), encoding="utf-8")
    assert "0 new, 1 revised, 119 unchanged" in imported(tmp_path / "again.json")
    assert rows(root, Scope("accepted", ("accepted",))) == [(7, 30), (5, 40)]


def test_a_keyword_is_matched_as_a_whole(root: Path) -> None:
    """'deep learning' is a keyword of few, and a part of 'deep learning theory' in many."""
    parts = [sum("deep" in paper["keywords"] for paper in papers_of(year)) for year in WORLD]

    def counts(*words: str) -> list[int]:
        shown = run("report", "--corpus", "iclr", *words, "--format", "json", "--store", str(root))
        return [row["count"] for row in json.loads(shown.stdout)["rows"]]

    assert counts("--keyword", "Deep-Learning") == [7, 4]
    assert counts("--query", "deep learning", "--fields", "keywords") == parts == [53, 63]
    assert counts("--keyword", "deep") == [0, 0]
    assert run("report", "--keyword", "x", "--store", str(root)).exit_code == 2
    assert run("report", "--corpus", "iclr", "--keyword", "a;b", "--store", str(root)).exit_code == 2


def test_the_submissions_behind_a_number(root: Path) -> None:
    words = (
        "papers",
        "--corpus",
        "iclr",
        "--query",
        "graph network",
        "--period",
        "2020",
        "--submission-status",
        "accepted",
    )
    shown = run(*words, "--format", "jsonl", "--store", str(root))
    papers = [json.loads(line) for line in shown.stdout.splitlines()]
    assert len(papers) == 7
    assert {paper["year"] for paper in papers} == {2020} and {paper["status"] for paper in papers} == {"poster", "oral"}
    assert {match["field"] for paper in papers for match in paper["matches"]} == {"title", "keywords"}
    assert all("v1" not in paper for paper in papers)
    assert papers[0]["url"].startswith("https://openreview.net/forum?id=2020-")


def test_notes_name_the_fields_that_were_read(root: Path) -> None:
    words = ("report", "--corpus", "iclr", "-t", "rnn", "--store", str(root))
    titles = run(*words, "--match", "title").stdout
    assert "Rules are matched in title; not every list" in titles and "Without keywords" not in titles
    assert "Without keywords: 47 of 100 in 2020, 57 of 120 in 2021." in run(*words, "--rolling", "2").stdout
    refused = run("report", "--corpus", "iclr", "-t", "rnn", "--period", "2019", "--store", str(root))
    assert "See `trend status --corpus iclr`." in refused.stderr


def test_a_damaged_venue_leaves_the_status_of_arxiv_readable(root: Path) -> None:
    Store.open_or_create(root).commit([])
    assert "Venue iclr: 220 submissions" in run("status", "--store", str(root)).stdout
    (root / "venues" / "iclr" / "manifest.json").write_text("{", encoding="utf-8")
    status = run("status", "--store", str(root))
    assert status.exit_code == 0 and "Venue iclr: a damaged list" in status.stdout


def test_submissions_of_a_year_are_in_no_order_of_days(root: Path) -> None:
    listed = run("papers", "--corpus", "iclr", "--limit", "2", "--store", str(root)).stdout
    assert "220 submissions, 2 shown, latest year first" in listed


def test_a_bibtex_entry_says_where_a_submission_was_sent(root: Path) -> None:
    words = ("papers", "--corpus", "iclr", "--period", "2021", "--submission-status", "accepted", "--limit", "1")
    shown = run(*words, "--format", "bibtex", "--store", str(root)).stdout
    assert "howpublished = {Submission to iclr 2021, poster}" in shown and "arXiv" not in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("report --corpus iclr --by month -t rnn", "dated by year only"),
        ("report --corpus iclr --since 2020-03 -t rnn", "dated by year only"),
        ("report --corpus iclr -c cs.LG -t rnn", "has no categories"),
        ("report --corpus iclr --across category -t rnn", "neither days nor categories"),
        ("digest --corpus iclr", "A digest covers arXiv only"),
        ("report --corpus iclr -t rnn --fields keywords --match title", "--match title matches nothing"),
        (
            "terms --corpus iclr --outcome accepted --submission-status accepted --period 2021",
            "among accepted submissions is always 100",
        ),
        ("report --corpus iclr --decompose -t rnn --period 2021", "has no categories"),
        ("report --corpus iclr --fields titel -t rnn", "did you mean title"),
        ("report --corpus iclr -t rnn --outcome accepted --since 2020", "name one with --period"),
        (
            "report --corpus iclr --outcome accepted --vs 2020 --explain",
            "--outcome cannot be combined with --explain or --vs",
        ),
        ("import x.json --venue iclr", "needs --venue and --year"),
        ("import x.json --year 2021 --format snapshot", "--format snapshot cannot be combined with --year"),
        ("import x.json --venue arxiv --year 2021", "arXiv is not a venue"),
        ("import x.json --venue iclr --year 21", "--year 21 is out of range"),
        ("import x.json --venue iclr --year 2021 --complete all", "--venue cannot be combined with --complete"),
    ],
)
def test_what_a_venue_cannot_answer_is_refused(root: Path, words: str, says: str) -> None:
    result = run(*words.split(), "--store", str(root))
    assert result.exit_code == 2 and says in result.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("report -t rnn --period 2019", "2019-01-01 to 2020-01-01 is in a complete list of iclr"),
        ("report -t rnn --period 2019 --vs 2018", "Neither 2018 nor 2019 is in a complete list of iclr"),
        ("papers -t rnn --period 2019", "is not in a complete list of iclr"),
        ("terms --period 2020 --vs 2019", "2019 is incomplete: it is not in a complete list of iclr. Choose"),
        ("terms --backtest 2020:2021", "A backtest compares 2020 with the year before it."),
    ],
)
def test_a_year_without_a_list_is_reported_as_such(root: Path, words: str, says: str) -> None:
    result = run(*words.split(), "--corpus", "iclr", "--store", str(root))
    assert (result.exit_code, result.stdout) == (4, "") and says in result.stderr.replace("\n", " ")


def test_one_of_two_years_without_a_list_is_named(root: Path) -> None:
    shown = run("report", "--corpus", "iclr", "-t", "rnn", "--period", "2020", "--vs", "2019", "--store", str(root))
    assert "Incomplete, so n/a: 2019 (not in a complete list of iclr)." in shown.stdout


def test_a_venue_that_is_not_there_is_named_with_the_next_best(root: Path) -> None:
    result = run("report", "--corpus", "icrl", "-t", "rnn", "--store", str(root))
    assert result.exit_code == 4 and "did you mean iclr" in result.output and "Stored venues: iclr" in result.output


def test_a_saved_report_of_a_venue_can_be_made_again(root: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    words = ("report", "--corpus", "iclr", "--keyword", "deep learning", "--store", str(root))
    assert run(*words, "--format", "json", "-o", str(saved)).exit_code == 0
    assert run("verify", str(saved), "--store", str(root)).exit_code == 0


def test_status_and_doctor_read_a_venue(root: Path) -> None:
    result = run("status", "--corpus", "iclr", "--store", str(root))
    assert "2020: 100 submissions, 47 without keywords, 100 without abstract." in result.output
    assert run("doctor", "--corpus", "iclr", "--store", str(root)).exit_code == 0
    none = run("status", "--store", str(root))
    assert none.exit_code == 4 and "only these venues: iclr" in none.output


def test_a_run_on_arxiv_leaves_the_venues_alone(root: Path) -> None:
    draft = root / "venues" / "iclr" / "iclr" / "months" / "x.draft"
    draft.write_text("", encoding="utf-8")
    assert find_leftovers(Store.open_or_create(root)) == []
    assert Store.open_or_create(root).corpus == ARXIV


def test_where_only_the_accepted_are_listed_they_are_the_base(tmp_path: Path) -> None:
    """A venue that hides what it rejected vouches for the accepted alone."""
    rows = [decided_submission(f"p{number}", "poster", 2024) for number in range(3)] + [
        decided_submission("r", "rejected", 2024)
    ]
    at = datetime(2024, 9, 1, tzinfo=UTC)
    whole = {"accepted": "complete", "active": "partial", "submitted": "partial"}
    known = [
        coverage_record((name,), "2024-01-01", "2025-01-01", "2024-09-01", status) for name, status in whole.items()
    ]
    store = Store.open_or_create(tmp_path, corpus="icml")
    with store.write_lock():
        upsert_batches(store, [build_batch_table(rows, "test", at, "icml")], known)
    (row,) = build_series(restrict_text_fields(store), topics_of(tmp_path), Query(by="year"), SUBMITTED).rows
    assert (row["count"], row["status"]) == (3, "complete")


def decided_submission(id: str, decided: str, year: int) -> Submission:
    """A submission of which only the decision matters."""
    words = {"title": "On nothing", "abstract": "", "keywords": ["x"], "authors": []}
    return build_venue_submission(
        id=id, year=year, decision=decided, listed_at=datetime(2024, 9, 1, tzinfo=UTC), **words
    )  # type: ignore[arg-type]


def test_no_field_is_not_every_field(root: Path) -> None:
    for command in ("report", "papers", "terms"):
        result = run(command, "--corpus", "iclr", "--query", "x", "--fields", "", "--store", str(root))
        assert result.exit_code == 2 and "No field" in result.output


def test_a_list_of_another_year_than_is_named_changes_nothing(root: Path, tmp_path: Path) -> None:
    """Otherwise the named year would be complete and empty."""
    before = (root / "venues" / "iclr" / "manifest.json").read_bytes()
    file = write_list(tmp_path / "2020.json", 2020)
    result = run("import", str(file), "--venue", "iclr", "--year", "2022", "--store", str(root))
    assert result.exit_code == 2 and "are already stored as iclr 2020, so they cannot belong to 2022" in result.output
    assert (root / "venues" / "iclr" / "manifest.json").read_bytes() == before


def test_quotes_around_a_phrase_are_no_part_of_it(root: Path) -> None:
    def counts(*words: str) -> list[int]:
        shown = run("report", "--corpus", "iclr", *words, "--format", "json", "--store", str(root)).stdout
        return [row["count"] for row in json.loads(shown)["rows"]]

    assert counts("--query", '"graph network"') == counts("--query", "graph network") == [20, 14]
    assert counts("--keyword", '"deep learning"') == [7, 4]


def test_a_list_without_its_venue_is_not_taken_for_a_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    file.write_text(json.dumps(papers_of(2020)), encoding="utf-8")
    result = run("import", str(file), "--store", str(tmp_path / "store"))
    assert result.exit_code == 2 and "to import a venue list, add --venue and --year" in result.output


def import_list(store: Path, papers: Sequence[dict[str, Any]], year: int = 2020) -> Result:
    """What the shell says of a list that is imported."""
    file = store.parent / f"list{year}.json"
    file.write_text(json.dumps(papers), encoding="utf-8")
    return run("import", str(file), "--venue", "iclr", "--year", str(year), "--store", str(store))


def acceptance_of(store: Path, year: int = 2020) -> tuple[int, int | None]:
    """The exit code of acceptance by topic in a year, and how many were accepted; None where that is unknown."""
    words = ("report", "--corpus", "iclr", "--store", str(store), "--query", "graph network")
    refused = run(*words, "--outcome", "accepted", "--period", str(year))
    shown = run(
        *words, "--submission-status", "accepted", "--since", str(year), "--until", str(year + 1), "--format", "json"
    )
    assert shown.exit_code in (0, 4)
    return refused.exit_code, json.loads(shown.stdout)["rows"][0]["base"] if shown.exit_code == 0 else None


@pytest.mark.journey
@pytest.mark.parametrize("year", [2020, 2026])
@time_machine.travel(datetime(2026, 11, 21, 12, tzinfo=UTC), tick=False)
def test_the_later_of_two_lists_decides_however_close_they_come(tmp_path: Path, year: int) -> None:
    """Also within a second, in the running year, and whether or not the later one has decisions."""
    decided, store = papers_of(2021), tmp_path / "store"
    waiting = [{**paper, "status": "Active"} for paper in decided]
    assert "0 revised" in import_list(store, waiting, year).stderr
    assert "120 revised, 0 unchanged" in import_list(store, decided, year).stderr
    assert acceptance_of(store, year) == (0, 40)
    later = import_list(store, waiting, year)
    assert (
        "120 revised, 0 unchanged" in later.stderr
        and "have no decision yet or are unreadable" in later.stderr
        and later.exit_code == 0
    )
    assert acceptance_of(store, year) == (4, None)
    assert import_list(store, [*decided, {"id": ""}], year).exit_code == 3
    assert acceptance_of(store, year)[0] == 4
    import_list(store, decided, year)
    assert acceptance_of(store, year) == (0, 40)
    shown = run("status", "--corpus", "iclr", "--store", str(store)).stdout
    assert "brought" not in shown


def test_what_a_later_list_leaves_out_is_reported_and_stays(tmp_path: Path) -> None:
    waiting, store = [{**paper, "status": "Active"} for paper in papers_of(2020)], tmp_path / "store"
    import_list(store, waiting)
    shorter = import_list(store, papers_of(2020)[:90])
    assert "10 stored submissions to iclr 2020 are not in this list and remain unchanged." in shorter.stderr
    assert "10 of them have no decision, so accepted counts are n/a." in shorter.stderr and shorter.exit_code == 0
    assert acceptance_of(store) == (4, None)


def test_authors_that_are_named_later_are_stored(tmp_path: Path) -> None:
    store = tmp_path / "store"
    import_list(store, papers_of(2020))
    assert "100 revised" in import_list(store, papers_of(2020, author="A. One;B. Two")).stderr
    found = run("authors", "--corpus", "iclr", "--store", str(store), "--format", "json")
    assert [(row["author"], row["submissions"]) for row in json.loads(found.stdout)["rows"]] == [
        ("A. One", 100), ("B. Two", 100),
    ]  # fmt: skip


def test_a_made_up_store_takes_no_real_list(tmp_path: Path) -> None:
    Store.open_or_create(tmp_path / "store", synthetic=True).commit([])
    refused = import_list(tmp_path / "store", papers_of(2020))
    assert refused.exit_code == 2 and "made-up data" in refused.stderr
    words = ("fetch", "--source", "openreview", "--venue", "iclr", "--year", "2024", "--store", str(tmp_path / "store"))
    refused = run(*words)
    assert refused.exit_code == 2 and "made-up data" in refused.stderr
    assert not (tmp_path / "store" / "venues").exists()


def test_a_field_that_a_few_have_is_not_counted_in(tmp_path: Path) -> None:
    papers, store = papers_of(2020), tmp_path / "store"
    import_list(
        store, [{**paper, "abstract": "A graph network."} if n < 49 else paper for n, paper in enumerate(papers)]
    )
    asked = ("report", "--corpus", "iclr", "--query", "graph network", "--store", str(store))
    assert run(*asked, "--fields", "abstract").exit_code == 4
    assert json.loads(run(*asked, "--format", "json").stdout)["query"]["fields"] == ["title", "keywords"]


def test_a_list_that_is_hardly_one_is_refused_or_read_in_part(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (tmp_path / "deep.json").write_text("[" * 3000 + "]" * 3000, encoding="utf-8")
    deep = run("import", str(tmp_path / "deep.json"), "--venue", "iclr", "--year", "2020", "--store", str(store))
    assert deep.exit_code == 2 and "Nothing was imported" in deep.stderr
    odd = [{"id": " a", "title": "One"}, {"id": "a", "title": "Two"}, {"id": "b", "title": "\u200b"}]
    result = import_list(store, odd)
    assert result.exit_code == 3 and "duplicate id a" in result.stderr and "no title or no id" in result.stderr
    assert Store.open(store / "venues" / "iclr").manifest.submission_count == 1
