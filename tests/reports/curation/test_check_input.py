from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.periods import list_periods
from trendcli.reports.curation.check_input import CheckInput, format_examples, is_name_rule
from trendcli.topics.library import Library
from trendcli.topics.loader import load_library
from trendcli.topics.query import bind, parse_query
from trendcli.topics.selection_tables import create_selection_tables

TOPICS = """
topics:
  nets: {name: Nets, phrases: [neural net, deep net], acronyms: [NN], since: {deep net: 2012-06}, categories: [cs.*]}
  trees: {name: Trees, phrases: [decision tree], since: 1984}
"""


@pytest.fixture
def library(topic_file: Any) -> Library:
    return load_library(topic_file(TOPICS).parent)


def test_matches_are_counted_by_rule_and_by_topic(tmp_path: Path, library: Library) -> None:
    texts = ["A neural net.", "A neural net and a deep net.", "A decision tree.", "Nothing."]
    submissions = [paper(f"1801.{n:05d}", "2018-01-05", "On it", text) for n, text in enumerate(texts)]
    store = fill(tmp_path / "store", submissions, [coverage_record()])
    query, _ = parse_query(library, topics=["nets", "trees"])
    bound = bind(store, library, query, ML)
    with store.connect() as db:
        create_selection_tables(db, store, library, bound.selection, store.list_files(None, None), bound.progress)
        years = list_periods(date(2018, 1, 1), date(2020, 1, 1), "year")
        check_input = CheckInput(db, store, library, ["nets"], years)
        texts_by_key = {rule.key: rule.text for rule in check_input.rules.values()}
        assert sorted(texts_by_key.values()) == ["NN", "deep net", "neural net"]
        counts = {texts_by_key[key]: count for (_, key), count in check_input.rule_counts.items()}
        # NN matches nothing and is absent; trees are not checked, but have a size
        assert counts == {"neural net": 2, "deep net": 1}
        assert check_input.topic_sizes == {"nets": 2, "trees": 1}


def test_the_start_of_a_rule_is_its_own_or_that_of_its_topic(tmp_path: Path, library: Library) -> None:
    check_input = CheckInput(None, fill(tmp_path / "store", []), library, ["nets"], [])  # type: ignore[arg-type]
    starts = {
        rule.text: check_input.rule_start(name, rule)
        for name in ("nets", "trees")
        for rule in library.get_topic(name).rules
    }
    assert starts == {"neural net": None, "deep net": "2012-06-01", "NN": None, "decision tree": "1984-01-01"}
    assert check_input.category_globs("nets") == ("cs.*",) and check_input.category_globs("trees") == ()


def test_acronyms_are_names_and_phrases_are_not(library: Library) -> None:
    assert {rule.text: is_name_rule(rule) for rule in library.get_topic("nets").rules} == {
        "neural net": False,
        "deep net": False,
        "NN": True,
    }


def test_five_examples_are_named() -> None:
    assert format_examples(["1", "2"]) == ": 1 2"
    assert format_examples(list("123456")) == ": 1 2 3 4 5 …"
