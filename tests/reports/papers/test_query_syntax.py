from __future__ import annotations

import re
import sqlite3

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendcli.core.errors import UsageError
from trendcli.core.normalize import SEARCH_WORD, split_words
from trendcli.reports.papers.query_syntax import (
    And,
    SearchExpr,
    SearchQuery,
    SearchTerm,
    add_requirement,
    find_term,
    parse_search_query,
    to_fts5,
    to_sql,
)

FIELDS = ("title", "abstract")
TEXTS = [
    ("Graph neural networks", "We self-supervise a graph kernel."),
    ("On kernels of graphs", "A neural, graph. Self supervised (k-means)"),
    ("Selfsupervised trees", "the cost is O(n) and/or 2D: networking"),
    ("", "graph_neural 非線形 networks"),
]


def fts5_matches(db: sqlite3.Connection, expr: SearchExpr) -> list[int]:
    """Return which of TEXTS an expression matches by FTS5."""
    return [row[0] for row in db.execute("SELECT rowid FROM words WHERE words MATCH ?", (to_fts5(expr, FIELDS),))]


def matching_texts(query: SearchQuery) -> tuple[list[int], list[int]]:
    """Return which of TEXTS a query matches: by FTS5, and by SQL over the texts in lower case."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE words USING fts5(title, abstract, content='', columnsize=0, tokenize='ascii')")
    rows = [(number, *(text.lower() for text in texts)) for number, texts in enumerate(TEXTS)]
    db.executemany("INSERT INTO words(rowid, title, abstract) VALUES (?, ?, ?)", rows)
    by_index = fts5_matches(db, query.requirement)
    for expr, _ in query.points:
        shortened = fts5_matches(db, add_requirement(expr, query.requirement))
        assert shortened == fts5_matches(db, And((query.requirement, expr)))
    duck = duckdb.connect()
    duck.execute("CREATE TABLE texts (number INT, title VARCHAR, abstract VARCHAR)")
    duck.executemany("INSERT INTO texts VALUES (?, ?, ?)", rows)
    by_scan = duck.execute(f"SELECT number FROM texts WHERE {to_sql(query.requirement)} ORDER BY number").fetchall()
    return by_index, [row[0] for row in by_scan]


@pytest.mark.journey
@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("graph", [0, 1, 3]),  # graphs as well; an underscore parts words
        ("GRAPH Neural", [0, 1, 3]),
        ('"graph neural"', [0, 3]),
        ('"neural graph"', [1]),  # whatever stands between the words
        ("“graph neural”", [0, 3]),
        ("graph -kernel", [3]),
        ("graph -title:kernel", [0, 3]),
        ("kernel OR tree", [0, 1, 2]),
        ("kernel AND neural", [0, 1]),
        ("graph kernel OR tree", [0, 1]),
        ("title:graph", [0, 1]),
        ("abstract:graph", [0, 1, 3]),
        ("Title:kernel", [1]),
        ("network", [0, 3]),
        ("network*", [0, 2, 3]),
        ('"graph neural net*"', [0]),
        ("self-supervised", [1, 2]),
        ('"self-supervised"', [1, 2]),
        ("k-means", [1]),
        ("and/or", [2]),
        ("o(n)", [2]),
        ("非線形", [3]),
        ("kernels", [1]),  # a plural is taken as it is written
        ("gràph nëural -means", [0, 3]),
        ("nothing-like-it", []),
        ("(graph", [0, 1, 3]),
        # what FTS5 would take for operators, columns and functions is words, or nothing at all
        ("NEAR(graph neural)", []),
        ("^graph", [0, 1, 3]),
        ("graph + neural", None),
        ("{title}", []),
        ("'; DROP TABLE words; --", None),
        ("rank", []),
        ("%", None),
        ("\\", None),
    ],
)
def test_a_query_matches_alike_in_the_index_and_in_a_scan(query: str, matches: list[int] | None) -> None:
    if matches is None:
        with pytest.raises(UsageError, match="has no letter or digit"):
            parse_search_query(query, FIELDS)
    else:
        assert matching_texts(parse_search_query(query, FIELDS)) == (matches, matches)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "The query is empty"),
        ("  ", "The query is empty"),
        ('""', "has no letter or digit"),
        ('"graph', "quotation mark is not closed"),
        ("-molecule", "at least one word that must occur"),
        ("graph OR", "ends with AND or OR"),
        ("OR graph", "OR goes between two words, as in graph OR tree"),
        ("graph OR AND tree", "AND goes between two words"),
        ("graph OR -tree", "-tree cannot follow AND or OR"),
        ("graph NOT tree", "write -word"),
        ("(graph OR tree) kernel", "Parentheses do not group"),
        ("tilte:graph", r"No field 'tilte' \(did you mean title\?\). Known: title, abstract"),
        ("keywords:graph", "No field 'keywords'. Known: title, abstract"),
        ("title: graph", "needs a word right after it, as in title:word"),
        ("g*", "at least two letters"),
        ("*", "has no letter"),
        ("gr*ph", "star that is not at its end"),
        ("- graph", "has no letter or digit"),
        (" ".join(f"word{number}" for number in range(33)), "at most 32 words and phrases, not 33"),
        ("-".join("a" * 2001), "A phrase has at most 32 words, not 2,001: a-a-a"),
        (f'graph "{"tree " * 33}"', "A phrase has at most 32 words, not 33: tree tree"),
        ("g" * 201, "A word has at most 200 letters, not 201: ggg"),
    ],
)
def test_a_malformed_query_says_what_is_wrong(query: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_search_query(query, FIELDS)


@pytest.mark.journey
@given(st.text(alphabet=st.sampled_from("graph neural OR AND NOT NEAR -\"*^:(){}[]+,;'%\\~$_é非\n"), max_size=40))
def test_any_text_gives_the_same_matches_or_is_refused(text: str) -> None:
    try:
        query = parse_search_query(text, FIELDS)
    except UsageError:
        return
    by_index, by_scan = matching_texts(query)
    assert by_index == by_scan
    assert all(re.search(r"\w", term.text) for term in query.terms)


def test_points_by_hand() -> None:
    """One for what occurs, one more in the title; the same for adjacent words."""
    query = parse_search_query("graph kernel", FIELDS)
    (requirement, base), *bonuses = query.points
    assert (requirement, base, query.max_points) == (query.requirement, 2, 6)
    assert [(expr.text, expr.fields) for expr, _ in bonuses if isinstance(expr, SearchTerm)] == [
        ("graph kernel", FIELDS), ("graph", ("title",)), ("kernel", ("title",)), ("graph kernel", ("title",)),
    ]  # fmt: skip
    assert parse_search_query("abstract:graph", FIELDS).max_points == 1
    assert parse_search_query("graph graph OR tree", FIELDS).max_points == 4  # no pair with alternatives
    assert parse_search_query("graph graph", FIELDS) == parse_search_query("graph", FIELDS)


def test_words_are_split_at_everything_else() -> None:
    assert split_words("State-of-the-Art: 2D, naïve_x", SEARCH_WORD) == [
        "state",
        "of",
        "the",
        "art",
        "2d",
        "naïve",
        "x",
    ]


def test_a_term_is_found_at_whole_words() -> None:
    (term,) = parse_search_query('"graph neural"', FIELDS).terms
    text = "A graph-neural thing; subgraph neural"
    start, end = find_term(term, text) or (0, 0)
    assert text[start:end] == "graph-neural"
    assert find_term(term, "a subgraph neural net") is None
    (prefix,) = parse_search_query("netw*", FIELDS).terms
    start, end = find_term(prefix, "Two Networks") or (0, 0)
    assert (start, end) == (4, 12)


def test_a_requirement_that_a_phrase_implies_is_left_out() -> None:
    query = parse_search_query("graph neural tree OR kernel", FIELDS)
    pair = next(expr for expr, _ in query.points if isinstance(expr, SearchTerm) and expr.text == "graph neural")
    assert to_fts5(add_requirement(pair, query.requirement), FIELDS).count("AND") == 1
    title = next(expr for expr, _ in query.points if isinstance(expr, SearchTerm) and expr.fields == ("title",))
    assert to_fts5(add_requirement(title, query.requirement), FIELDS).count("AND") == 2 and title.text == "graph"
