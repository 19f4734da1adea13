from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands import run
from tests.conftest import ML, answer, fill, paper
from tests.reports.papers.test_listing import listed as plainly
from trendcli.core.errors import ActionRequiredError, StoreLocked, UsageError
from trendcli.core.report import Report
from trendcli.core.settings import Settings
from trendcli.core.types import Submission, ignore_progress
from trendcli.reports.papers import fulltext as index
from trendcli.reports.papers import fulltext_build as indexing
from trendcli.reports.papers import listing, search
from trendcli.reports.papers import query_syntax as syntax
from trendcli.reports.papers.lookup import SearchRequest
from trendcli.store.compaction import compact_store
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query

WORLD = [
    paper("1801.00001", "2018-01-05", "Graph neural networks", "We learn."),
    paper(
        "1802.00002", "2018-02-05", "On molecules", "A graph, and neural nets: graph neural nets.", categories="cs.CL"
    ),
    paper("1903.00003", "2019-03-05", "Neural kernels", "Nothing of a graph."),
    paper("1904.00004", "2019-04-05", "On nothing", "A graph is a molecule; neural."),
    paper("1905.00005", "2019-05-05", "A GAN for a graph", "Neural.", authors="Cy Crane"),
]


def searched(store: Store, library: Library, text: str | None, *names: str, **words: Any) -> Report:
    """What a search lists, from a person's words."""
    scope = Settings().resolve_scope(words.pop("categories", None))
    wanted = SearchRequest(text, words.pop("like", None), words.pop("sort", "relevance"))
    question, known = parse_query(library, topics=names, scope=scope, children=False, **words)
    return listing.list_submissions(store, known, question, ML, search_request=wanted)


def ids(report: Report) -> list[str]:
    return [row["id"] for row in report.rows]


@pytest.fixture(params=["scan", "index"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The store of WORLD, searched in both ways."""
    store = fill(tmp_path / "store", WORLD, [answer(["cs.LG", "cs.CL"])])
    if request.param == "index":
        indexing.build_index(store, ignore_progress)
        assert index.read_index(store).file_keys == {item.file_id for item in store.manifest.files}
    return store


def test_the_best_come_first(world: Store, library: Library) -> None:
    found = searched(world, library, "graph neural")
    # 6 of 6 points; 3 by one word in the title or by standing side by side, newest first; 2
    assert ids(found) == ["1801.00001", "1905.00005", "1903.00003", "1802.00002", "1904.00004"]
    assert [row["score"] for row in found.rows] == [1.0, 0.5, 0.5, 0.5, 0.333]
    assert found.notes[0] == "5 submissions." and found.title.startswith("Submissions with graph neural, 2018-01-05")
    first = found.rows[3]["matches"][0]
    assert first == {
        "topic": "search", "phrase": "graph", "field": "abstract", "text": "graph",
        "snippet": "A graph, and neural nets: graph neural nets.",
    }  # fmt: skip
    assert [column.key for column in found.columns] == ["id", "v1", "title", "score", "matches"]
    few = searched(world, library, "graph neural", limit=2)
    assert ids(few) == ids(found)[:2]
    assert few.notes[0] == "5 submissions, the best 2 listed (--limit 0 for all)."
    newest = searched(world, library, "graph neural", limit=2, sort="newest")
    assert ids(newest) == ["1905.00005", "1904.00004"] and "the newest 2 listed" in newest.notes[0]
    assert ids(searched(world, library, "nothing-like-it")) == []


def test_within_a_selection(world: Store, library: Library) -> None:
    assert ids(searched(world, library, "graph -molecule")) == ["1905.00005", "1801.00001", "1903.00003"]
    assert ids(searched(world, library, "graph", since="2019", until="2019-05")) == ["1904.00004", "1903.00003"]
    assert ids(searched(world, library, "graph", categories=["cs.CL"])) == ["1802.00002"]
    assert ids(searched(world, library, "graph", author="Crane")) == ["1905.00005"]
    assert ids(searched(world, library, "graph", id="1904.00004")) == ["1904.00004"]
    assert ids(searched(world, library, "graph", as_of="2018-12")) == ["1801.00001", "1802.00002"]
    with_topic = searched(world, library, "neural", "gan")
    assert ids(with_topic) == ["1905.00005"]
    assert {match["topic"] for match in with_topic.rows[0]["matches"]} == {"search", "gan"}
    assert ids(searched(world, library, "graph", within="gan")) == ["1905.00005"]
    assert plainly(world, library).notes[0] == "5 submissions."


def test_a_revision_is_found_by_its_new_words_alone(world: Store, library: Library) -> None:
    fill(world.root, [paper("1903.00003", "2019-03-05", "Forest kernels", "No more.", version=2)], [answer()])
    store = Store.open(world.root)
    assert "1903.00003" not in ids(searched(store, library, "graph"))
    assert ids(searched(store, library, "forest")) == ["1903.00003"]
    indexing.build_index(store, ignore_progress)
    assert "1903.00003" not in ids(searched(store, library, "graph"))
    assert ids(searched(store, library, "forest")) == ["1903.00003"]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Submission], list[Submission], list[str]]:
    """What is stored first, what comes later (new, or in place of what is there), and queries."""
    word = st.sampled_from(
        ["graph", "graphs", "neural", "Self-supervised", "self", "supervised", "x", "naïve", "(graph)"]
    )
    text = st.lists(word, max_size=5).map(" ".join)
    row = st.tuples(st.integers(0, 15), text, text, st.sampled_from(["cs.LG", "cs.CL", "math.CO"]))

    def made(rows: list[tuple[int, str, str, str]], version: int) -> list[Submission]:
        latest = {number: rest for number, *rest in rows}
        return [
            paper(
                f"18{number % 12 + 1:02d}.{number:05d}", f"2018-{number % 12 + 1:02d}-05", title or "-", abstract,
                categories=categories, version=version,
            )
            for number, (title, abstract, categories) in latest.items()
        ]  # fmt: skip

    term = st.sampled_from(
        ["graph", "neural", "self-supervised", '"graph neural"', "title:self", "sup*", "-x", "-naive", "graph OR neural",
         '"self supervised" OR x', "naïve", "graphs"]
    )  # fmt: skip
    queries = st.lists(st.lists(term, min_size=1, max_size=3).map(" ".join), min_size=2, max_size=4)
    return (
        made(draw(st.lists(row, min_size=1, max_size=16)), 1),
        made(draw(st.lists(row, max_size=8)), 2),
        draw(queries),
    )


@settings(max_examples=5)
@given(worlds())
def test_the_index_and_a_scan_are_the_same_question(
    world: tuple[list[Submission], list[Submission], list[str]],
) -> None:
    """Without an index, with one of what came first, of both by parts, and after a fold: equal rows, order and scores."""
    first, later, queries = world
    library = Library({}, {})

    def answers(store: Store) -> list[Any]:
        found = []
        for text in queries:
            for words in ({"sort": "relevance"}, {"sort": "newest", "since": "2018-03"}, {"categories": ["cs.LG"]}):
                try:
                    report = searched(store, library, text, limit=5, **words)
                except UsageError as error:
                    found.append(str(error))
                else:
                    found.append((report.coverage, [(row["id"], row["score"], row["matches"]) for row in report.rows]))
        return found

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill(root, first, [answer(["*"])])
        indexing.build_index(Store.open(root), ignore_progress)
        fill(root, later, [answer(["*"], at="2020-06-02")])
        store = Store.open(root)
        in_part = answers(store)
        (index.index_folder(store) / "index.json").rename(root / "aside.json")
        scanned = answers(store)
        (root / "aside.json").rename(index.index_folder(store) / "index.json")
        indexing.build_index(store, ignore_progress)
        assert index.read_index(store).file_keys == {item.file_id for item in store.manifest.files}
        assert in_part == scanned == answers(store)
        with store.write_lock():
            compact_store(store)
        assert index.read_index(store).file_keys == {item.file_id for item in store.manifest.files}
        assert answers(store) == scanned


def test_segments_stay_few(tmp_path: Path) -> None:
    def papers(first: int, number: int) -> list[Submission]:
        return [paper(f"1801.{place:05d}", "2018-01-05", f"Paper {place}") for place in range(first, first + number)]

    store = fill(tmp_path / "store", papers(0, 50), [answer()])
    assert indexing.build_index(store, ignore_progress)[1] == 50
    assert indexing.build_index(store, ignore_progress)[1] == 0
    sizes = []
    for week in range(4):
        store = fill(store.root, papers(100 + 10 * week, 10), [answer(at=f"2020-07-0{week + 1}")])
        made, _ = indexing.build_index(store, ignore_progress)
        sizes.append(sorted(segment.row_count for segment in made.segments))
    assert sizes == [[10, 50], [20, 50], [10, 20, 50], [40, 50]]
    assert index.index_size(made) > 0
    written = {path.name for path in index.index_folder(store).glob("*.db")}
    indexing.build_index(store, ignore_progress)
    assert {
        path.name for path in index.index_folder(store).glob("*.db")
    } < written  # what nobody names goes with the next


def test_a_build_that_is_killed_leaves_nothing_that_counts(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fill(tmp_path / "store", WORLD, [answer(["cs.LG", "cs.CL"])])
    before = ids(searched(store, library, "graph"))
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom trendcli.reports.papers import fulltext_build as indexing\nfrom trendcli.store.store import Store\n"
        "indexing.build_index(Store.open(Path(sys.argv[1])), lambda *said: os._exit(9))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(store.root)], check=False).returncode == 9
    left = {path.suffix for path in index.index_folder(store).iterdir() if path.suffix}
    assert left == {".draft"} and index.read_index(store) == index.FulltextIndex()
    assert ids(searched(store, library, "graph")) == before

    def full(*_: Any) -> int:
        raise indexing.sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(indexing, "_write_words", full)
        with pytest.raises(ActionRequiredError, match="database or disk is full. Nothing was changed"):
            indexing.build_index(store, ignore_progress)
    assert {path.suffix for path in index.index_folder(store).iterdir() if path.suffix} == set()
    with indexing._lock_index(store), pytest.raises(StoreLocked, match="Another process builds the index"):
        indexing.build_index(store, ignore_progress)
    indexing.build_index(store, ignore_progress)
    assert ids(searched(store, library, "graph")) == before


@pytest.mark.parametrize("ending", ["db", "npy", "json"])
def test_what_is_damaged_is_built_anew(ending: str, tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path / "store", WORLD, [answer(["cs.LG", "cs.CL"])])
    before = ids(searched(store, library, "graph"))
    indexing.build_index(store, ignore_progress)
    (path,) = (one.with_suffix(f".{ending}") for one in index.index_folder(store).glob("*.db"))
    path.write_bytes(path.read_bytes()[: 8192 if ending == "db" else 100 if ending == "npy" else 5])
    assert ids(searched(store, library, "graph")) == before
    told = run("index", "--store", store.root).output
    assert "Indexed 5 submissions in" in told
    found = searched(store, library, "graph")
    assert ids(found) == before and not any("cannot be read" in note for note in found.notes)
    assert "Nothing was new" in run("index", "--store", store.root).output


def test_a_damaged_index_is_not_carried_along(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path / "store", WORLD, [answer(["cs.LG", "cs.CL"])])
    before = ids(searched(store, library, "graph"))
    indexing.build_index(store, ignore_progress)
    (places,) = index.index_folder(store).glob("*.npy")
    places.write_bytes(places.read_bytes()[:100])
    with store.write_lock():
        compact_store(store, ["2018-01"])
    assert ids(searched(store, library, "graph")) == before
    assert indexing.build_index(store, ignore_progress)[1] == 5


def test_a_damaged_index_changes_no_answer(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path / "store", WORLD, [answer(["cs.LG", "cs.CL"])])
    before = ids(searched(store, library, "graph"))
    indexing.build_index(store, ignore_progress)
    (words,) = index.index_folder(store).glob("*.db")
    words.write_bytes(b"no database" * 1000)
    found = searched(store, library, "graph")
    assert ids(found) == before
    assert any(
        note.startswith("The index of words cannot be read; `trend index` builds it anew.") for note in found.notes
    )
    words.unlink()
    assert index.read_index(store) == index.FulltextIndex() and ids(searched(store, library, "graph")) == before
    said = index.index_folder(store) / "index.json"
    said.write_text(json.dumps({**json.loads(said.read_text()), "version": 0}))
    assert index.read_index(store) == index.FulltextIndex()
    said.write_text("no JSON")
    assert index.read_index(store) == index.FulltextIndex()


def test_a_harvest_that_folds_carries_the_index_along(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path / "store", WORLD, [answer(["cs.LG", "cs.CL"])])
    store = fill(store.root, [paper("1903.00003", "2019-03-05", "Forests", "A tree.", version=2)], [answer()])
    indexing.build_index(store, ignore_progress)
    before = ids(searched(store, library, "graph OR tree"))
    with store.write_lock():
        compact_store(store)
    assert index.read_index(store).file_keys == {item.file_id for item in store.manifest.files}
    assert ids(searched(store, library, "graph OR tree")) == before
    with store.connect() as db:
        looked = search.search_submissions(
            db,
            store,
            syntax.parse_search_query("graph", store.text_fields),
            store.list_files(),
            "true",
            ignore_progress,
        )
    assert (looked.indexed_count, looked.read_count) == (5, 0)
    assert indexing.build_index(store, ignore_progress)[1] == 0


def test_from_python(world: Store) -> None:
    import trendcli

    assert ids(trendcli.submissions(world, search="graph neural", limit=1)) == ["1801.00001"]
    assert ids(trendcli.submissions(world, search="graph neural", limit=1, sort="newest")) == ["1905.00005"]
    assert ids(trendcli.submissions(world, like="1903.00003", limit=1)) == ["1904.00004"]
    assert trendcli.authors(world, ["gan"], search="graph").rows[0]["author"] == "Cy Crane"
    with pytest.raises(UsageError, match="two questions"):
        trendcli.submissions(world, search="graph", like="1801.00001")
    with pytest.raises(UsageError, match=r"No order 'newst' \(did you mean newest\?\)"):
        trendcli.submissions(world, search="graph", sort="newst")


def test_of_a_long_scan_it_says_how_to_be_faster() -> None:
    assert search.SearchStats(0, 19_999, 0.1).notes == []
    assert search.SearchStats(0, 50_000, 1.25).notes == [
        "Read 50,000 submissions without an index of words, in 1.2 s; `trend index` makes this fast."
    ]
    assert "that came after the index was made" in search.SearchStats(1, 50_000, 1.25).notes[0]


def test_a_venue_is_searched_by_its_keywords(tmp_path: Path) -> None:
    root = str(tmp_path / "store")
    papers = [
        {"id": "abc", "title": "Trees", "status": "Poster", "keywords": "graph kernel;x", "author": "A. One;B. Two"},
        {"id": "def", "title": "Graphs", "status": "Reject", "keywords": "", "author": "A. One;C. Three"},
    ]
    (tmp_path / "list.json").write_text(json.dumps(papers), encoding="utf-8")
    run("import", str(tmp_path / "list.json"), "--venue", "iclr", "--year", "2021", "--store", root)

    def found(text: str) -> list[str]:
        words = ("papers", "--corpus", "iclr", "--search", text, "--format", "jsonl", "--store", root)
        result = run(*words)
        assert result.exit_code == 0, result.output
        return [json.loads(line)["id"] for line in result.stdout.splitlines()]

    for _ in range(2):
        texts = ("graph", "keywords:graph", "title:graph", "keywords:graph -tree", "tree -keywords:y")
        assert [found(text) for text in texts] == [["def", "abc"], ["abc"], ["def"], [], ["abc"]]
        assert run("index", "--corpus", "iclr", "--store", root).exit_code == 0
    like = run("papers", "--corpus", "iclr", "--like", "abc", "--store", root)
    none = run("papers", "--corpus", "iclr", "--like", "nosuch", "--store", root)
    assert none.exit_code == 2 and "nosuch to iclr; `trend papers --corpus iclr` lists their ids" in none.stderr
    assert like.exit_code == 0 and "Submissions like abc: Trees" in like.output
    most = run("authors", "--corpus", "iclr", "--format", "jsonl", "--store", root)
    assert json.loads(most.stdout.splitlines()[0])["author"] == "A. One"


def test_the_command_line(tmp_path: Path) -> None:
    store = str(fill(tmp_path / "store", WORLD, [answer(["cs.LG", "cs.CL"])]).root)
    first = run("index", "--store", store)
    assert "Indexing 5 submissions: less than two minutes, and 1 MB." in first.output
    assert "Indexed 5 submissions in" in first.output and first.stdout == ""
    assert "Nothing was new. The index takes 0 MB in" in run("index", "--store", store).output
    for format in ("table", "json", "jsonl", "csv", "md", "html", "bibtex"):
        result = run("papers", "--search", "graph", "--format", format, "--store", store)
        assert result.exit_code == 0 and "1801.00001" in result.stdout, format
    for words, why in (
        (["--search", '"graph'], "quotation mark"),
        (["--search", "x", "--like", "1801.00001"], "are two questions"),
        (["--like", "1801.00001", "--sort", "newest"], "an order of its own"),
        (["--sort", "relevance"], "add --search"),
        (["--like", "nothing"], "Not an arXiv identifier"),
        (["--like", "1901.00009"], "does not hold 1901.00009. Fetch its month"),
    ):
        refused = run("papers", *words, "--store", store)
        assert refused.exit_code == 2 and why in refused.output and refused.stdout == "", words


def test_a_search_says_so_where_it_had_to_read_for_long() -> None:
    assert search.SearchStats(indexed_count=0, read_count=9, seconds=0.2).notes == []
    (note,) = search.SearchStats(indexed_count=5, read_count=40_000, seconds=2.5).notes
    assert note.startswith("Read 40,000 submissions that came after the index was made, in 2.5 s; `trend index`")


def test_submissions_that_fit_alike_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    """Where a row lies in the files changes with every fold, so that it is no order."""
    store = fill(tmp_path, [paper("1804.00003", "2018-04-05", "Graph graph")], [answer()])
    fill(
        tmp_path,
        [paper(f"1804.0000{number}", "2018-04-05", "Graph") for number in (2, 9, 4)],
        [answer(at="2020-07-01")],
    )
    store, library = Store.open(tmp_path), Library({}, {})
    assert ids(searched(store, library, "graph")) == ["1804.00002", "1804.00003", "1804.00004", "1804.00009"]
    assert ids(searched(store, library, "graph", limit=2)) == ["1804.00002", "1804.00003"]
    indexing.build_index(store, ignore_progress)
    assert ids(searched(store, library, "graph", limit=2)) == ["1804.00002", "1804.00003"]
