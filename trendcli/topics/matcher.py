"""The matcher of rules: a pure function from an Arrow batch of texts to an Arrow batch of matches.

A google-re2 Set runs all rules at once in linear time, so no user's pattern can hang it. What a Set cannot say (where
and how often a rule matches, inside an excluded phrase or not) is decided rule by rule, in the few texts that it finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial

import re2

from trendcli.core.arrow import pa, pc
from trendcli.core.normalize import normalize_text
from trendcli.core.types import Rule
from trendcli.topics.patterns import phrase_regex

# memory of the automaton: 4 MB is too little for 1,400 rules and 32 MB as fast as more; the rest allows 10,000 rules
MAX_MEMORY_BYTES = 256 << 20
# a gap, as in r"\bAI\b.{0,80}\bpoor countries"
_BOUNDED_GAP = re.compile(r"(?<=[^\\][.\])])\{\d*,\d+\}")
# a character class that might contain what looks like a gap
_AMBIGUOUS_CLASS = re.compile(r"\[\^?\]|\[[^\]]*\{")
# bytes; longer than any text
_UNLIMITED_REACH = 1 << 30

MATCH_SCHEMA = pa.schema([("row", pa.uint32()), ("rule", pa.int64()), ("title", pa.bool_()), ("strict", pa.bool_())])

# (text, lower, title_length) -> grade of one rule that the Set found in the text. `text` is title, line break and
# abstract; `lower` is the same in lower case with hyphens as spaces, in which plain searches are cheap
MatchGrader = Callable[[bytes, bytes, int], int]
# (text, lower, start, end) -> whether the match [start, end) lies inside an excluded phrase
ExclusionTest = Callable[[bytes, bytes, int, int], bool]
# grades: matches in the abstract, up to two, or one in the title
_NO_MATCH = 0
_ONE_MATCH = 1
_TWO_MATCHES = 2
_TITLE_MATCH = 3
_LOWERCASE_TABLE = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-", b"abcdefghijklmnopqrstuvwxyz ")


class Matcher:
    """A set of rules, compiled once for any number of batches; rules with equal keys count as one."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = list({rule.key: rule for rule in rules}.values())
        self.rule_keys = pa.array([rule.key for rule in self.rules], pa.int64())
        self.find_rules = _build_rule_finder([_loosen_gaps(rule.regex) for rule in self.rules])
        self.graders: list[MatchGrader | None] = [None] * len(self.rules)

    def match_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the matches in a batch with the columns `title` and `abstract` (normalised text, no nulls).

        One row per submission and rule, as in MATCH_SCHEMA: `row` is the index in the batch, `rule` the key of the
        rule, `title` whether it matches the title, `strict` whether it matches the title or at least twice.
        """
        titles = batch["title"].cast(pa.binary())
        joined = pc.binary_join_element_wise(titles, batch["abstract"].cast(pa.binary()), b"\n")
        texts = joined.to_numpy(zero_copy_only=False).tolist()  # a fifth faster than to_pylist()
        title_lengths = pc.binary_length(titles).to_pylist()
        rows: list[int] = []
        rule_indices: list[int] = []
        grades: list[int] = []
        for row, candidates in enumerate(map(self.find_rules, texts)):
            if candidates:
                text, title_length = texts[row], title_lengths[row]
                lower = text.translate(_LOWERCASE_TABLE)
                for rule_index in candidates:
                    rows.append(row)
                    rule_indices.append(rule_index)
                    grade_match = self.graders[rule_index] or self._add_grader(rule_index)
                    grades.append(grade_match(text, lower, title_length))
        grade = pa.array(grades, pa.int8())
        matches = pa.record_batch(
            [
                pa.array(rows, pa.uint32()),
                self.rule_keys.take(pa.array(rule_indices, pa.uint32())),
                pc.equal(grade, _TITLE_MATCH),
                pc.greater_equal(grade, _TWO_MATCHES),
            ],
            schema=MATCH_SCHEMA,
        )
        return matches.filter(pc.greater(grade, _NO_MATCH))

    def _add_grader(self, rule_index: int) -> MatchGrader:
        self.graders[rule_index] = grader = _build_grader(self.rules[rule_index])
        return grader


@lru_cache(maxsize=1)
def cached_matcher(rules: tuple[Rule, ...]) -> Matcher:
    """Return the matcher of some rules; the last one is kept for a worker that matches batch after batch."""
    return Matcher(rules)


def _loosen_gaps(regex: str) -> str:
    """Return an expression that matches all that `regex` does, and more: its bounded gaps may have any length.

    Each character of a gap is a state of the automaton, multiplied by all that other rules wait for: a dozen gaps of 80
    characters made 1,600 rules three times as slow. The grader then applies the rule's own expression.
    """
    return regex if _AMBIGUOUS_CLASS.search(regex) else _BOUNDED_GAP.sub("*", regex)


def _build_grader(rule: Rule) -> MatchGrader:
    is_excluded = _build_exclusion_test(rule.exclude) if rule.exclude else None
    # beyond ASCII, RE2 and `re` on bytes fold case differently
    if rule.kind == "pattern" or not rule.regex.isascii():
        return _build_pattern_grader(rule.regex, is_excluded)
    return _build_phrase_grader(rule.text, rule.regex, is_excluded)


def _build_phrase_grader(phrase: str, regex: str, is_excluded: ExclusionTest | None) -> MatchGrader:
    """Build the grader of a phrase or acronym, which is tried only around its literal: a plain search is fastest."""
    literal, offset = _required_literal(phrase)
    compiled = _compile_lazily(regex)

    def grade_match(text: bytes, lower: bytes, title_length: int) -> int:
        position = lower.find(literal)
        # the Set guarantees one match, and a literal that occurs once cannot hold a second
        if not is_excluded and position > title_length and lower.find(literal, position + 1) < 0:
            return _ONE_MATCH
        search, grade, end = compiled().search, _NO_MATCH, 0
        while position >= 0:
            match = search(text, max(end, position - offset))
            if not match:
                break
            start, end = match.span()
            if not (is_excluded and is_excluded(text, lower, start, end)):
                if start < title_length:
                    return _TITLE_MATCH
                if grade == _ONE_MATCH:
                    return _TWO_MATCHES
                grade = _ONE_MATCH
            position = lower.find(literal, end)
        return grade

    return grade_match


def _build_pattern_grader(regex: str, is_excluded: ExclusionTest | None) -> MatchGrader:
    """Build the grader of a pattern, by RE2, which no pattern can hang; no match crosses the end of the title."""
    search = re2.compile(regex.encode()).search

    def count_matches(text: bytes, lower: bytes, start: int, end: int, max_count: int) -> int:
        count = 0
        while count < max_count and (match := search(text, start, end)):
            match_start, start = match.span()
            count += not (is_excluded and is_excluded(text, lower, match_start, start))
            start += match_start == start  # go on behind an empty match
        return count

    def grade_match(text: bytes, lower: bytes, title_length: int) -> int:
        if count_matches(text, lower, 0, title_length, 1):
            return _TITLE_MATCH
        return count_matches(text, lower, title_length + 1, len(text), _TWO_MATCHES)

    return grade_match


def _build_exclusion_test(phrases: Sequence[str]) -> ExclusionTest:
    """Build the test of whether a match lies inside one of the excluded phrases.

    It looks no further from the match than the longest phrase reaches.
    """
    exclusions = [
        (_required_literal(phrase)[0], _compile_lazily(phrase_regex(phrase, any_case=True))) for phrase in phrases
    ]
    reach = max(_UNLIMITED_REACH if phrase.endswith("*") else len(phrase) + 2 for phrase in phrases)

    def is_excluded(text: bytes, lower: bytes, start: int, end: int) -> bool:
        low, high = max(0, start - reach), end + reach
        context = lower[low:high]
        for literal, compiled in exclusions:
            if literal in context:
                search = compiled().search
                exclusion = search(text, low, high)
                while exclusion:
                    if exclusion.start() <= start and end <= exclusion.end():
                        return True
                    exclusion = search(text, exclusion.start() + 1, high)
        return False

    return is_excluded


def _build_rule_finder(regexes: Sequence[str]) -> Callable[[bytes], Sequence[int] | None]:
    """Build a function from a text to the indices of the expressions that match it; None, too, stands for none."""
    options = re2.Options()
    options.max_mem = MAX_MEMORY_BYTES
    rule_set = re2.Set.SearchSet(options)
    for regex in regexes:
        rule_set.Add(regex.encode())
    rule_set.Compile()
    # re2.Set wraps a compiled set in the private attribute `_set`. Its own Match only tells str from bytes, which takes
    # a tenth of the whole matching time, so that it is passed by where the attribute exists.
    find_rules: Callable[[bytes], Sequence[int] | None] = getattr(rule_set, "_set", rule_set).Match
    return find_rules


def _required_literal(phrase: str) -> tuple[bytes, int]:
    """Return (literal, offset): bytes in every match of a phrase, and how many bytes of the match precede them at most.

    The literal is in lower case with hyphens as spaces, as the text has to be in which it is looked for.
    """
    words = normalize_text(phrase).rstrip("*").strip().lower()
    return max(words.split("-"), key=len).strip().encode(), len(words.encode())


def _compile_lazily(regex: str) -> Callable[[], re.Pattern[bytes]]:
    """Return a function that compiles an expression when first called: all take a second, and few are used."""
    return cache(partial(re.compile, regex.encode()))
