"""Which rules match which submissions: one pure function from an Arrow batch of text to an Arrow batch of matches.

google-re2's Set runs many rules at once in linear time, so no person's pattern can hang it. What a Set cannot tell
(where, how often, inside an excluded phrase or not) is asked rule by rule, of the few texts that the Set names.
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

# 4 MB is too little for 1,400 rules, 32 MB is as fast as any more; the rest is room for 10,000 rules
MAX_MEMORY_BYTES = 256 << 20
# a gap, as in r"\bAI\b.{0,80}\bpoor countries", and a class of characters that might hold what looks like one
_BOUNDED_GAP = re.compile(r"(?<=[^\\][.\])])\{\d*,\d+\}")
_AMBIGUOUS_CLASS = re.compile(r"\[\^?\]|\[[^\]]*\{")
_UNLIMITED_REACH = 1 << 30  # longer than any text

MATCH_SCHEMA = pa.schema([("row", pa.uint32()), ("rule", pa.int64()), ("title", pa.bool_()), ("strict", pa.bool_())])

# how a text of title, line break and abstract matches one rule that the Set named for it: of the text, of the text in
# lower case with hyphens as spaces (in which plain searches are cheap), and of the length of the title
MatchGrader = Callable[[bytes, bytes, int], int]
# whether a mention lies within an excluded phrase: of the same two texts, where it begins and ends
ExclusionTest = Callable[[bytes, bytes, int, int], bool]
_NO_MATCH, _ONE_MATCH, _TWO_MATCHES, _TITLE_MATCH = range(4)
_LOWERCASE_TABLE = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-", b"abcdefghijklmnopqrstuvwxyz ")


class Matcher:
    """The rules of a set, compiled once; `match` may be called for any number of batches."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = list({rule.key: rule for rule in rules}.values())
        self.rule_keys = pa.array([rule.key for rule in self.rules], pa.int64())
        self.find_rules = _build_rule_finder([_loosen_gaps(rule.regex) for rule in self.rules])
        self.graders: list[MatchGrader | None] = [None] * len(self.rules)

    def match_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The matches of a batch with columns `title` and `abstract` (canonical text, no nulls).

        One row a (submission, rule): `row` is the index in the batch, `rule` the key of the rule, `title` whether it
        matches the title, `strict` whether it matches the title or at least twice (the mode of that name).
        """
        titles = batch["title"].cast(pa.binary())
        joined = pc.binary_join_element_wise(titles, batch["abstract"].cast(pa.binary()), b"\n")
        texts = joined.to_numpy(zero_copy_only=False).tolist()  # a fifth faster than to_pylist()
        cuts = pc.binary_length(titles).to_pylist()
        rows: list[int] = []
        which: list[int] = []
        levels: list[int] = []
        for row, hits in enumerate(map(self.find_rules, texts)):
            if hits:  # the wrapper says None where nothing matches
                text, cut = texts[row], cuts[row]
                lower = text.translate(_LOWERCASE_TABLE)
                for hit in hits:
                    rows.append(row)
                    which.append(hit)
                    levels.append((self.graders[hit] or self._add_grader(hit))(text, lower, cut))
        level = pa.array(levels, pa.int8())
        found = pa.record_batch(
            [
                pa.array(rows, pa.uint32()),
                self.rule_keys.take(pa.array(which, pa.uint32())),
                pc.equal(level, _TITLE_MATCH),
                pc.greater_equal(level, _TWO_MATCHES),
            ],
            schema=MATCH_SCHEMA,
        )
        return found.filter(pc.greater(level, _NO_MATCH))

    def _add_grader(self, rule_index: int) -> MatchGrader:
        self.graders[rule_index] = judge = _build_grader(self.rules[rule_index])
        return judge


@lru_cache(maxsize=1)
def cached_matcher(rules: tuple[Rule, ...]) -> Matcher:
    """A matcher of some rules, the same one where a worker is asked again for batch after batch."""
    return Matcher(rules)


def _loosen_gaps(regex: str) -> str:
    """An expression that matches all that `regex` does, and more: its gaps may be of any length.

    Each letter of a gap is a state of the automaton, times all that other rules wait for: a dozen gaps of 80 letters
    made 1,600 rules three times as slow. The judge looks at what was found with the rule's own expression.
    """
    return regex if _AMBIGUOUS_CLASS.search(regex) else _BOUNDED_GAP.sub("*", regex)


def _build_grader(rule: Rule) -> MatchGrader:
    excluded = _build_exclusion_test(rule.exclude) if rule.exclude else None
    # beyond ASCII, RE2 and `re` on bytes fold case differently
    if rule.kind == "pattern" or not rule.regex.isascii():
        return _build_pattern_grader(rule.regex, excluded)
    return _build_phrase_grader(rule.text, rule.regex, excluded)


def _build_phrase_grader(phrase: str, regex: str, is_excluded: ExclusionTest | None) -> MatchGrader:
    """A phrase or acronym: looked for only where its letters stand, which a plain search finds fastest."""
    literal, before = _required_literal(phrase)
    compiled = _compile_lazily(regex)

    def grade_match(text: bytes, lower: bytes, cut: int) -> int:
        place = lower.find(literal)
        # the Set vouches for one mention, and letters that stand once hold no second
        if not is_excluded and place > cut and lower.find(literal, place + 1) < 0:
            return _ONE_MATCH
        search, level, past = compiled().search, _NO_MATCH, 0
        while place >= 0:
            found = search(text, max(past, place - before))
            if not found:
                break
            start, past = found.span()
            if not (is_excluded and is_excluded(text, lower, start, past)):
                if start < cut:
                    return _TITLE_MATCH
                if level == _ONE_MATCH:
                    return _TWO_MATCHES
                level = _ONE_MATCH
            place = lower.find(literal, past)
        return level

    return grade_match


def _build_pattern_grader(regex: str, is_excluded: ExclusionTest | None) -> MatchGrader:
    """A person's pattern, by RE2, which no pattern can hang; it may not reach over the end of the title."""
    search = re2.compile(regex.encode()).search

    def count_matches(text: bytes, lower: bytes, start: int, end: int, enough: int) -> int:
        number = 0
        while number < enough and (found := search(text, start, end)):
            first, start = found.span()
            number += not (is_excluded and is_excluded(text, lower, first, start))
            start += first == start
        return number

    def grade_match(text: bytes, lower: bytes, cut: int) -> int:
        if count_matches(text, lower, 0, cut, 1):
            return _TITLE_MATCH
        return count_matches(text, lower, cut + 1, len(text), 2)

    return grade_match


def _build_exclusion_test(phrases: Sequence[str]) -> ExclusionTest:
    """Whether a mention lies within an excluded phrase, which has to stand this near to hold it."""
    exclusions = [
        (_required_literal(phrase)[0], _compile_lazily(phrase_regex(phrase, any_case=True))) for phrase in phrases
    ]
    reach = max(_UNLIMITED_REACH if phrase.endswith("*") else len(phrase) + 2 for phrase in phrases)

    def is_excluded(text: bytes, lower: bytes, start: int, end: int) -> bool:
        low, high = max(0, start - reach), end + reach
        near = lower[low:high]
        for literal, compiled in exclusions:
            if literal in near:
                search = compiled().search
                found = search(text, low, high)
                while found:
                    if found.start() <= start and end <= found.end():
                        return True
                    found = search(text, found.start() + 1, high)
        return False

    return is_excluded


def _build_rule_finder(regexes: Sequence[str]) -> Callable[[bytes], Sequence[int]]:
    """A function from a text to the indices of the expressions that match it."""
    options = re2.Options()
    options.max_mem = MAX_MEMORY_BYTES
    made = re2.Set.SearchSet(options)
    for regex in regexes:
        made.Add(regex.encode())
    made.Compile()
    # the wrapper's own Match only tells str from bytes, at a tenth of the whole time
    return getattr(made, "_set", made).Match  # type: ignore[no-any-return]


def _required_literal(phrase: str) -> tuple[bytes, int]:
    """Bytes that every mention of a phrase holds once the text is in lower case with hyphens as spaces, and how many
    bytes of the mention stand before them at most."""
    words = normalize_text(phrase).rstrip("*").strip().lower()
    return max(words.split("-"), key=len).strip().encode(), len(words.encode())


def _compile_lazily(regex: str) -> Callable[[], re.Pattern[bytes]]:
    """An expression that is compiled when it is first asked for: all of them take a second, and most are never."""
    return cache(partial(re.compile, regex.encode()))
