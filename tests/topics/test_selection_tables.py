from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.topics.worlds import LG_CL
from tests.worlds import fill, paper
from trendcli.core.types import MATCH_MODES, Scope, Selection, Window, ignore_progress
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.selection_tables import MATCH_MODE_FILTERS, create_selection_tables, selection_filter_sql

IN_SCOPE = [1, 2, 3, 4, 5, 6, 7, 9, 10]  # of FRUIT_WORLD; 8 is in cs.CV alone


@pytest.fixture
def db(fruit_store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the store of the fruit world."""
    with fruit_store.connect() as connection:
        yield connection


def create_tables(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    *topics: str,
    extra_columns: str = "id",
    candidate_rows_sql: str = "",
    **changes: Any,
) -> None:
    """Create the tables of a selection, in cs.LG and cs.CL unless another scope is given."""
    selection = Selection(**{"scope": LG_CL, "topics": topics, **changes})
    files = store.list_files()
    create_selection_tables(db, store, library, selection, files, ignore_progress, extra_columns, candidate_rows_sql)


def listed_numbers(db: duckdb.DuckDBPyConnection, condition: str = "true") -> list[int]:
    """Return the submissions of `paper`, by the number at the end of their identifiers."""
    return [
        int(ident[-5:]) for (ident,) in db.execute(f"SELECT id FROM paper WHERE {condition} ORDER BY id").fetchall()
    ]


def counted_numbers(db: duckdb.DuckDBPyConnection) -> dict[str, list[int]]:
    """Return by topic the submissions that count for it, in the same way."""
    rows = db.execute("SELECT topic, id FROM hit JOIN paper USING (file, row) ORDER BY topic, id").fetchall()
    numbers: dict[str, list[int]] = {}
    for topic, ident in rows:
        numbers.setdefault(topic, []).append(int(ident[-5:]))
    return numbers


def create_candidates(db: duckdb.DuckDBPyConnection, store: Store, *ids: str) -> str:
    """Create a table of rows without identifiers, as a search yields them; return the SQL that reads it."""
    rows_sql = file_rows_sql(store, store.list_files(), "id, v1_at, categories")
    db.execute(
        f"CREATE TEMP TABLE candidate AS SELECT file, row, '' AS id, v1_at, categories FROM ({rows_sql}) "
        f"WHERE id IN {(*ids, '')}"
    )
    return "SELECT file, row, id, v1_at, categories FROM candidate"


def test_each_match_mode_has_a_filter() -> None:
    assert tuple(MATCH_MODE_FILTERS) == MATCH_MODES


@pytest.mark.parametrize(
    ("changes", "numbers"),
    [
        ({}, [1, 2, 3]),
        ({"primary_only": True}, [1, 3]),
        ({"window": Window(date(2018, 1, 2), None)}, [2, 3]),
        ({"window": Window(None, date(2018, 1, 2))}, [1]),  # the last day is not part of it
        ({"as_of": date(2018, 1, 3)}, [1, 2]),
        ({"window": Window(None, date(2018, 1, 2)), "as_of": date(2018, 1, 3)}, [1]),  # the earlier of the two
        ({"window": Window(None, date(2018, 1, 3)), "as_of": date(2018, 1, 2)}, [1]),
        ({"scope": Scope("cs.CL", ("cs.CL",))}, [3]),
    ],
)
def test_rows_lie_in_the_scope_and_the_window(changes: dict[str, Any], numbers: list[int]) -> None:
    selection = Selection(**{"scope": LG_CL, **changes})
    rows_sql = """(VALUES (1, 'cs.LG', TIMESTAMP '2018-01-01 23:59:59'), (2, 'cs.CV cs.LG', TIMESTAMP '2018-01-02'),
        (3, 'cs.CL', TIMESTAMP '2018-01-03'), (4, 'cs.CV', TIMESTAMP '2018-01-01')) AS t (number, categories, v1_at)"""
    with duckdb.connect() as memory:
        query = f"SELECT number FROM {rows_sql} WHERE {selection_filter_sql(selection)} ORDER BY number"
        assert [number for (number,) in memory.execute(query).fetchall()] == numbers


def test_submissions_of_the_scope_and_those_that_count_for_a_topic(
    db: duckdb.DuckDBPyConnection, fruit_store: Store, fruit_library: Library
) -> None:
    create_tables(db, fruit_store, fruit_library, "apple", "pear", "jam")
    assert listed_numbers(db) == listed_numbers(db, "inside") == IN_SCOPE
    assert counted_numbers(db) == {"apple": [1, 2, 5, 7, 9, 10], "pear": [2, 4, 7], "jam": [7]}


def test_without_a_topic_nothing_counts(
    db: duckdb.DuckDBPyConnection, fruit_store: Store, fruit_library: Library
) -> None:
    create_tables(db, fruit_store, fruit_library)
    assert (listed_numbers(db, "inside"), counted_numbers(db)) == (IN_SCOPE, {})


def test_a_submission_counts_once_and_keeps_every_rule_that_matches(
    db: duckdb.DuckDBPyConnection, fruit_store: Store, fruit_library: Library
) -> None:
    create_tables(db, fruit_store, fruit_library, "apple", id="1803.00005")
    texts = {rule.key: rule.text for rule in fruit_library.topics["apple"].rules}
    rules = db.execute("SELECT rule, title, strict FROM topic_match").fetchall()
    assert {(texts[rule], title, strict) for rule, title, strict in rules} == {
        ("apple", False, False),
        ("apple pie", False, False),
    }
    assert db.execute("SELECT count(*) FROM hit").fetchall() == [(1,)]


@pytest.mark.parametrize("mode", ["title", "strict"])
def test_a_match_mode_narrows_what_counts_and_not_the_rules(
    db: duckdb.DuckDBPyConnection, fruit_store: Store, fruit_library: Library, mode: str
) -> None:
    create_tables(db, fruit_store, fruit_library, "apple", match=mode)
    assert counted_numbers(db) == {"apple": [1, 2, 7, 9, 10]}  # 5 has it once, in the abstract
    rows = db.execute("SELECT DISTINCT id FROM topic_match JOIN paper USING (file, row) ORDER BY id").fetchall()
    assert [int(ident[-5:]) for (ident,) in rows] == [1, 2, 5, 7, 9, 10]


def test_within_a_topic_only_its_submissions_belong_to_the_total(
    db: duckdb.DuckDBPyConnection, fruit_store: Store, fruit_library: Library
) -> None:
    create_tables(db, fruit_store, fruit_library, "apple", within="pear")
    assert (listed_numbers(db), listed_numbers(db, "inside")) == (IN_SCOPE, [2, 4, 7])
    assert counted_numbers(db) == {"apple": [2, 7]}  # pear itself was not asked for


def test_both_topics_leave_the_total_as_it_is(
    db: duckdb.DuckDBPyConnection, fruit_store: Store, fruit_library: Library
) -> None:
    create_tables(db, fruit_store, fruit_library, "apple", "fruit", both=("pear", "apple"))
    assert listed_numbers(db, "inside") == IN_SCOPE
    assert counted_numbers(db) == {"apple": [2, 7], "fruit": [2, 7]}


def test_within_and_both_are_narrowed_together(
    db: duckdb.DuckDBPyConnection, fruit_store: Store, fruit_library: Library
) -> None:
    create_tables(db, fruit_store, fruit_library, "fruit", both=("jam",), within="pear")
    assert (listed_numbers(db, "inside"), counted_numbers(db)) == ([2, 4, 7], {"fruit": [7]})


def test_a_window_an_identifier_and_a_primary_category_select(fruit_store: Store, fruit_library: Library) -> None:
    def select(**changes: Any) -> tuple[list[int], dict[str, list[int]]]:
        with fruit_store.connect() as db:
            create_tables(db, fruit_store, fruit_library, "apple", **changes)
            return listed_numbers(db), counted_numbers(db)

    assert select(window=Window(date(2018, 2, 1), date(2018, 4, 1))) == ([3, 4, 5, 6], {"apple": [5]})
    assert select(as_of=date(2018, 2, 1)) == ([1, 2], {"apple": [1, 2]})
    assert select(id="1804.00007") == ([7], {"apple": [7]})
    assert select(id="1805.00008") == ([], {})  # out of scope
    assert select(primary_only=True) == ([1, 2, 3, 4, 5, 6, 7, 10], {"apple": [1, 2, 5, 7, 10]})


def test_an_author_is_found_without_accents_and_case(tmp_path: Path, fruit_library: Library) -> None:
    store = fill(
        tmp_path / "store",
        [
            paper("1801.00001", "2018-01-05", "An apple", authors="José Älvarez, Bo Brandt"),
            paper("1801.00002", "2018-01-05", "An apple", authors="Josephine Alva"),
        ],
    )
    for name, numbers in (("jose alvarez", [1]), ("JOSÉ", [1, 2]), ("O'Abel", [])):
        with store.connect() as db:
            create_tables(db, store, fruit_library, "apple", author=name)
            assert listed_numbers(db) == numbers, name
            assert "authors" not in [column for column, *_ in db.execute("DESCRIBE paper").fetchall()]


def test_further_columns_are_read_once_each(
    db: duckdb.DuckDBPyConnection, fruit_store: Store, fruit_library: Library
) -> None:
    create_tables(db, fruit_store, fruit_library, extra_columns="id, title, v1_at", id="1804.00007")
    columns = [column for column, *_ in db.execute("DESCRIBE paper").fetchall()]
    assert columns == ["file", "row", "id", "v1_at", "categories", "title", "inside"]
    assert db.execute("SELECT title FROM paper").fetchall() == [("JAM",)]


def test_candidates_are_taken_as_they_are_where_they_have_all_columns(
    db: duckdb.DuckDBPyConnection, fruit_store: Store, fruit_library: Library
) -> None:
    candidates = create_candidates(db, fruit_store, "1801.00001", "1803.00006", "1805.00008")
    create_tables(db, fruit_store, fruit_library, "apple", candidate_rows_sql=candidates)
    days = db.execute("SELECT id, v1_at::DATE FROM paper ORDER BY v1_at").fetchall()
    assert days == [("", date(2018, 1, 5)), ("", date(2018, 3, 4))]  # 8 is out of scope
    assert db.execute("SELECT count(*) FROM hit").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [({"extra_columns": "id, title"}, [1, 6]), ({"author": "Abel"}, [1, 6]), ({"id": "1803.00006"}, [6])],
)
def test_what_candidates_lack_is_read_from_their_files(
    db: duckdb.DuckDBPyConnection,
    fruit_store: Store,
    fruit_library: Library,
    options: dict[str, Any],
    numbers: list[int],
) -> None:
    candidates = create_candidates(db, fruit_store, "1801.00001", "1803.00006", "1805.00008")
    create_tables(db, fruit_store, fruit_library, "apple", candidate_rows_sql=candidates, **options)
    assert listed_numbers(db) == numbers
    assert counted_numbers(db) == ({"apple": [1]} if 1 in numbers else {})
