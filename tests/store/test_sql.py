from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds import fill, paper
from trendcli.core.types import Scope
from trendcli.store.sql import create_temp_table, file_rows_sql, live_rows_sql, scope_filter_sql, sql_list, sql_string
from trendcli.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A month file of two submissions, and a delta file that replaces the first."""
    fill(tmp_path, [paper("1801.00001", "2018-01-05", "Old"), paper("1801.00002", "2018-01-06", "Other")])
    return fill(tmp_path, [paper("1801.00001", "2018-01-05", "New", version=2)])


def test_a_row_that_was_replaced_is_left_out(store: Store) -> None:
    month, delta = store.manifest.files
    with store.connect() as db:
        live = db.execute(f"{file_rows_sql(store, [month, delta], 'title')} ORDER BY title").fetchall()
        every = db.execute(
            f"{file_rows_sql(store, [month, delta], 'title', live_only=False)} ORDER BY title"
        ).fetchall()
        given = f"SELECT * FROM (VALUES ({month.file_id}, 0), ({month.file_id}, 1)) AS given (file, row)"
        given_live = db.execute(live_rows_sql(store, given)).fetchall()
    assert live == [("New", delta.file_id, 0), ("Other", month.file_id, 1)]
    assert every == [("New", delta.file_id, 0), ("Old", month.file_id, 0), ("Other", month.file_id, 1)]
    assert given_live == [(month.file_id, 1)]


def test_without_files_there_are_no_rows_but_the_same_types(store: Store) -> None:
    columns = "id, version, v1_at, withdrawn, as_of, row_hash"
    with store.connect() as db:
        some, none = (db.sql(file_rows_sql(store, files, columns)) for files in (store.list_files(), []))
        assert (none.columns, none.types) == (some.columns, some.types)
        assert none.fetchall() == []


def test_rows_at_hand_become_a_table(store: Store) -> None:
    with store.connect() as db:
        create_temp_table(db, "pairs", "key BIGINT, topic VARCHAR", [(1, "it's"), (2, None)])
        assert db.execute("SELECT * FROM pairs ORDER BY key").fetchall() == [(1, "it's"), (2, None)]
        create_temp_table(db, "pairs", "key BIGINT, topic VARCHAR", [])
        assert db.execute("SELECT count(*), count(topic) FROM pairs").fetchall() == [(0, 0)]


def test_text_literals_are_quoted() -> None:
    assert sql_string("it's") == "'it''s'"
    assert sql_list(["a", "b'"]) == "['a', 'b''']"
    assert sql_list([]) == "[]"


@pytest.mark.parametrize(
    ("globs", "primary_only", "expected"),
    [
        (("cs.LG",), False, ["cs.LG", "cs.CL cs.LG"]),
        (("cs.LG",), True, ["cs.LG"]),
        (("cs.*",), True, ["cs.LG", "cs.CL cs.LG", "cs.LGX"]),
        (("stat.ML", "math.*"), False, ["math-ph stat.ML"]),
        ((), False, ["cs.LG", "cs.CL cs.LG", "cs.LGX", "math-ph stat.ML"]),
    ],
)
def test_a_scope_is_matched_by_whole_categories(
    store: Store, globs: tuple[str, ...], primary_only: bool, expected: list[str]
) -> None:
    texts = "(VALUES ('cs.LG'), ('cs.CL cs.LG'), ('cs.LGX'), ('math-ph stat.ML')) AS row (listed)"
    with store.connect() as db:
        rows = db.execute(
            f"SELECT listed FROM {texts} WHERE {scope_filter_sql('listed', Scope('s', globs), primary_only)}"
        )
        assert [text for (text,) in rows.fetchall()] == expected
