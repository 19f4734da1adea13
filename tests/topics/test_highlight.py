from __future__ import annotations

from trendcli.topics.highlight import find_matches
from trendcli.topics.patterns import build_rule


def test_matches_say_where() -> None:
    matches = find_matches(build_rule("phrase", "deep learning"), "Deep learning", "On deep-learning.", "deep learning")
    assert matches == [("title", 0, 13), ("keywords", 0, 13), ("abstract", 3, 16)]


def test_a_match_inside_an_excluded_phrase_is_left_out() -> None:
    rule = build_rule("phrase", "apple pie", ["apple pie chart"])
    assert find_matches(rule, "An Apple Pie Chart", "An apple pie.") == [("abstract", 3, 12)]


def test_excluded_phrases_that_overlap_each_other_all_exclude() -> None:
    rule = build_rule("phrase", "b c", ["a b", "a b c", "b c b"])
    assert find_matches(rule, "a b c b c d", "") == [("title", 6, 9)]
    assert find_matches(rule, "b c b c b", "") == []


def test_no_pattern_hangs_and_offsets_are_in_characters() -> None:
    rule = build_rule("pattern", r"(?:x+x+)+y|b[ae]r")
    assert find_matches(rule, "Ünder a bar", "x" * 5000) == [("title", 8, 11)]
