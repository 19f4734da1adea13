from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from trendcli.core.normalize import normalize_text
from trendcli.topics.patterns import build_rule, phrase_regex


def is_match(kind: str, rule_text: str, text: str) -> bool:
    """Whether a rule matches a text, by RE2 and by Python's re alike."""
    regex = build_rule(kind, rule_text).regex
    matches_by_re = re.search(regex, text, re.ASCII) is not None
    assert (re2.search(regex, text) is not None) == matches_by_re
    return matches_by_re


@pytest.mark.parametrize(
    ("phrase", "yes", "no"),
    [
        (
            "recurrent neural network",
            ["Recurrent Neural Networks", "recurrent-neural network", "a recurrent neural-network."],
            [
                "recurrent neural networking",
                "recurrentneural network",
                "nonrecurrent neural network",
                "recurrent  neural network",
            ],
        ),
        ("meta-learning", ["meta-learning", "Meta Learning", "metalearning"], ["meta--learning", "metal earning"]),
        ("disentangle*", ["disentangle", "Disentangled", "disentanglement"], ["entangle", "predisentangle"]),
        ("bert", ["BERT", "bert", "BERTs"], ["Hilbert", "berth"]),
        ("c++", ["in C++ code", "C++"], ["c+ +"]),
        ("naïve bayes", ["naive Bayes"], ["nave bayes"]),
        ("earth mover's distance", ["Earth Mover's Distance", "earth mover's distances"], ["earth movers distance"]),
    ],
)
def test_a_phrase_matches_its_spellings_and_nothing_else(phrase: str, yes: list[str], no: list[str]) -> None:
    assert [text for text in yes if not is_match("phrase", phrase, text)] == []
    assert [text for text in no if is_match("phrase", phrase, text)] == []


@pytest.mark.parametrize(
    ("acronym", "yes", "no"),
    [
        ("RNN", ["an RNN.", "RNNs", "(RNN)", "RNN-based"], ["rnn", "RNNx", "GRNN", "Rnn"]),
        ("RL", ["deep RL", "RL-based"], ["URL", "world", "rl"]),
        ("GPT-3", ["GPT-3", "GPT3", "GPT 3"], ["gpt-3", "GPT-35"]),
    ],
)
def test_acronyms_keep_their_case(acronym: str, yes: list[str], no: list[str]) -> None:
    assert [text for text in yes if not is_match("acronym", acronym, text)] == []
    assert [text for text in no if is_match("acronym", acronym, text)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?i)\b(?:deep|neural|graph)\b.{0,200}\b(?:network|learn)",
        r"\bAI\b.{0,80}\bpoor countries",
        r"(?i)\bthe\b.{0,100}\blearning",
        r"\w+ \w+ \w+ learning",
        r"\b(\w+ ){12}learning",
        r"(x+x+)+y",
    ],
)
def test_patterns_that_people_write_are_fast_enough(pattern: str) -> None:
    assert build_rule("pattern", pattern)


def test_patterns_are_taken_as_written() -> None:
    assert is_match("pattern", r"\b(?:Bi|Conv)LSTMs?\b", "a BiLSTM")
    assert not is_match("pattern", r"\b(?:Bi|Conv)LSTMs?\b", "a bilstm")
    assert is_match("pattern", r"(?i)^towards\b", "Towards peace")


@pytest.mark.parametrize(
    ("kind", "rule_text", "reason"),
    [
        ("phrase", "", "no letter or digit"),
        ("phrase", " - ", "no letter or digit"),
        ("phrase", "*", "no letter or digit"),
        ("phrase", "mitigat* bias", "a * before its end"),
        ("pattern", "(unclosed", "not a valid RE2 expression"),
        ("pattern", "a(?=b)", "not a valid RE2 expression"),
        ("pattern", r"(a)\1", "not a valid RE2 expression"),
        ("pattern", "x*", "matches everything"),
        ("pattern", ".", "matches everything"),
        ("pattern", r"\Astart", "start and end of title and abstract"),
        ("pattern", "a(?i)b", "not in Python's re"),
        ("pattern", "[a-z]{3}.{300}[aeiou]", "ms for one abstract, and 1 is allowed; begin it with a word"),
        ("pattern", "[a-z]" + "." * 300 + "[aeiou]", "ms for one abstract"),
        ("pattern", "[a-z]{3}.{2,300}Q", "ms for one abstract"),
        ("pattern", "[a-z]{2}.{0,1000}Q", "ms for one abstract"),
        ("pattern", "(?i)(e.{0,80}){3}q", "ms for one abstract"),
        ("pattern", "(" * 900 + "a" + ")" * 900, "not in Python's re"),
    ],
)
def test_invalid_rules(kind: str, rule_text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        build_rule(kind, rule_text)


@given(st.text("abcXYZ 0-.'+*()[]", min_size=1, max_size=30))
def test_a_phrase_matches_itself_or_is_invalid(phrase: str) -> None:
    try:
        regex = phrase_regex(phrase, any_case=True)
    except ValueError:
        return
    plain = normalize_text(phrase).rstrip("*").strip()
    assert re.search(regex, plain, re.ASCII), (phrase, regex)


def test_a_key_stands_for_what_is_matched() -> None:
    assert build_rule("phrase", "deep learning").key == build_rule("phrase", "deep  learning").key
    assert build_rule("phrase", "deep learning").key != build_rule("acronym", "deep learning").key
    excluded = ["deep learning of x", "very deep learning"]
    assert build_rule("phrase", "deep learning").key != build_rule("phrase", "deep learning", excluded).key
    assert (
        build_rule("phrase", "deep learning", excluded).key == build_rule("phrase", "deep learning", excluded[::-1]).key
    )


def test_a_rule_keeps_the_exclusions_that_can_contain_its_match() -> None:
    excluded = ["meta-learning in schools", "the metalearning", "metals", "learning", "school*"]
    assert build_rule("phrase", "meta learning", excluded).exclude == (
        "meta-learning in schools",
        "school*",
        "the metalearning",
    )
    assert build_rule("phrase", "metal", excluded).exclude == (
        "meta-learning in schools",
        "metals",
        "school*",
        "the metalearning",
    )
    assert build_rule("pattern", "x+y", excluded).exclude == tuple(sorted(excluded))


PHRASES = st.lists(st.sampled_from("a b as b-a ab ba* a-bs".split()), min_size=1, max_size=3).map(
    lambda words: " ".join(word.rstrip("*") for word in words[:-1]) + " " + words[-1]
)


@given(PHRASES, PHRASES, st.text("ab s-", max_size=14))
def test_a_dropped_exclusion_would_have_excluded_nothing(phrase: str, excluded: str, text: str) -> None:
    if build_rule("phrase", phrase, [excluded]).exclude:
        return
    spans = [match.span() for match in re.finditer(phrase_regex(excluded, any_case=True), text, re.ASCII)]
    for match in re.finditer(phrase_regex(phrase, any_case=True), text, re.ASCII):
        assert not any(start <= match.start() and match.end() <= end for start, end in spans)
