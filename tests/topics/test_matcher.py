from __future__ import annotations

import pyarrow as pa
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from trendcli.core.types import Rule
from trendcli.topics.highlight import find_matches
from trendcli.topics.matcher import Matcher, _loosen_gaps
from trendcli.topics.patterns import build_rule


def match(rules: list[Rule], *texts: tuple[str, str]) -> set[tuple[int, str, bool, bool]]:
    """(row, text of the rule, title, strict) of every match in submissions of (title, abstract)."""
    batch = pa.record_batch({"title": [title for title, _ in texts], "abstract": [abstract for _, abstract in texts]})
    rule_texts = {rule.key: rule.text for rule in rules}
    return {
        (row["row"], rule_texts[row["rule"]], row["title"], row["strict"])
        for row in Matcher(rules).match_batch(batch).to_pylist()
    }


def match_plainly(rules: list[Rule], *texts: tuple[str, str]) -> set[tuple[int, str, bool, bool]]:
    """The same by one Python expression after another."""
    rows = set()
    for row, (title, abstract) in enumerate(texts):
        for rule in rules:
            matches = find_matches(rule, title, abstract)
            if matches:
                in_title = any(match.field == "title" for match in matches)
                rows.add((row, rule.text, in_title, in_title or len(matches) > 1))
    return rows


def test_a_match_in_the_title_or_two_elsewhere_are_strict() -> None:
    rules = [build_rule("phrase", "deep learning"), build_rule("acronym", "RNN")]
    texts = [
        ("Deep learning at work", "Nothing here."),
        ("On work", "Deep learning once."),
        ("On work", "Deep learning, and deep-learning again."),
        ("On work", "An RNN beats RNNs."),
        ("On rnn", "no"),
    ]
    assert match(rules, *texts) == {
        (0, "deep learning", True, True),
        (1, "deep learning", False, False),
        (2, "deep learning", False, True),
        (3, "RNN", False, True),
    }


def test_a_match_inside_an_excluded_span_does_not_count_and_others_do() -> None:
    pie = build_rule("phrase", "apple pie", ["apple pie chart"])
    texts = [
        ("An apple pie chart", "Nothing."),
        ("An apple pie chart", "We bake an apple pie."),
        ("Apple pies", "An apple pie chart."),
        ("x", "An apple pie chart, then apple pie, then apple pie."),
    ]
    assert match([pie], *texts) == {
        (1, "apple pie", False, False),
        (2, "apple pie", True, True),
        (3, "apple pie", False, True),
    }


def test_overlapping_phrases_are_all_found() -> None:
    rules = [
        build_rule("phrase", text)
        for text in ("deep reinforcement learning", "reinforcement learning", "deep reinforcement")
    ]
    assert {text for _, text, _, _ in match(rules, ("Deep reinforcement learning", ""))} == {
        rule.text for rule in rules
    }


def test_nothing_is_matched_across_title_and_abstract() -> None:
    rules = [
        build_rule("phrase", "deep learning"),
        build_rule("pattern", r"deep\s+learning"),
        build_rule("pattern", r"deep[^x]learning"),
    ]
    assert match(rules, ("Nothing deep", "learning here")) == set()


def test_anchors_match_at_the_edges_of_title_and_abstract() -> None:
    rules = [build_rule("pattern", "^Towards"), build_rule("pattern", r"end\.$")]
    texts = [("Towards x", "y"), ("x", "Towards y"), ("the end.", "y"), ("x", "the end."), ("x Towards", "end. x")]
    assert {(row, text) for row, text, _, _ in match(rules, *texts)} == {
        (0, "^Towards"), (1, "^Towards"), (2, r"end\.$"), (3, r"end\.$"),
    }  # fmt: skip


def test_without_rules_or_rows_nothing_matches() -> None:
    assert match([], ("a", "b")) == set()
    assert match([build_rule("phrase", "x")]) == set()
    assert match([build_rule("phrase", "x")], ("", "")) == set()


WORDS = st.sampled_from(
    "deep learning Deep Learning learnings RNN RNNs rnn apple pie chart meta metalearning meta-learning x".split()
)
TEXT = st.lists(st.tuples(WORDS, st.sampled_from([" ", "-", ", ", ". "])), max_size=12).map(
    lambda pairs: "".join(word + gap for word, gap in pairs).strip()
)
RULES = [
    build_rule("phrase", "deep learning"),
    build_rule("phrase", "meta-learning"),
    build_rule("phrase", "learn*"),
    build_rule("acronym", "RNN"),
    build_rule(
        "phrase",
        "apple pie",
        ["apple pie chart", "deep apple pie"],
    ),
    build_rule("pattern", r"(?i)\bdeep\b.{0,20}\blearning\b"),
    build_rule("pattern", "^deep"),
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4))
def test_the_matcher_agrees_with_pythons_re(texts: list[tuple[str, str]]) -> None:
    assert match(RULES, *texts) == match_plainly(RULES, *texts)


def test_no_pattern_can_hang_the_matcher() -> None:
    rule = build_rule("pattern", r"\b(?:a+)+b\b")
    assert match([rule], ("x", "a" * 5000 + "!")) == set()


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"\bAI\b.{0,5}\bpoor", "AI for poor", "AI for a few more poor"),
        (r"\bcat[^.]{1,3}dog", "cat a dog", "cat.dog"),
        (r"\b(?:big ){2,3}cat", "big big cat", "big cat"),
        (r"x[.{0,5}]y", "x{y", "x*y"),  # a class that holds what looks like a gap
        (r"x[]{0,3}]y", "x}y", "x*y"),
        (r"x\.{2,3}y", "x..y", "x.y"),
        (r"x\{0,3\}y", "x{0,3}y", "xy"),
    ],
)
def test_loosened_gaps_match_no_more_than_the_rule(pattern: str, matching: str, other: str) -> None:
    rules = [build_rule("pattern", pattern), build_rule("phrase", "deep learning")]
    texts = [(matching, "no"), ("no", matching), (other, "no"), ("no", f"{matching} and then {matching}")]
    assert {row for row, *_ in match(rules, *texts)} == {0, 1, 3}
    assert match(rules, *texts) == match_plainly(rules, *texts)


def test_a_pattern_with_a_long_gap_is_small_in_the_automaton() -> None:
    loosened = _loosen_gaps(r"(?m)\bAI\b[^.\n]{0,80}\bpoor")
    assert loosened == r"(?m)\bAI\b[^.\n]*\bpoor"
    assert re2.compile(loosened).programsize < 50
    assert re2.compile(r"(?m)\bAI\b[^.\n]{0,80}\bpoor").programsize > 150
