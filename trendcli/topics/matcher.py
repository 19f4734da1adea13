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
from trendcli.core.normalize import canonical
from trendcli.core.types import Rule
from trendcli.topics.patterns import phrase_regex

# 4 MB is too little for 1,400 rules, 32 MB is as fast as any more; the rest is room for 10,000 rules
MAX_MEMORY = 256 << 20
# a gap, as in r"\bAI\b.{0,80}\bpoor countries", and a class of characters that might hold what looks like one
_GAP = re.compile(r"(?<=[^\\][.\])])\{\d*,\d+\}")
_ODD_CLASS = re.compile(r"\[\^?\]|\[[^\]]*\{")
_ANYWHERE = 1 << 30  # longer than any text

MATCHES = pa.schema([("row", pa.uint32()), ("rule", pa.int64()), ("title", pa.bool_()), ("strict", pa.bool_())])

# how a text of title, line break and abstract matches one rule that the Set named for it: of the text, of the text in
# lower case with hyphens as spaces (in which plain searches are cheap), and of the length of the title
Judge = Callable[[bytes, bytes, int], int]
# whether a mention lies within an excluded phrase: of the same two texts, where it begins and ends
Excluded = Callable[[bytes, bytes, int, int], bool]
_NONE, _ONCE, _TWICE, _TITLE = range(4)
_PLAIN = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-", b"abcdefghijklmnopqrstuvwxyz ")


class Matcher:
    """The rules of a set, compiled once; `match` may be called for any number of batches."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = list({rule.key: rule for rule in rules}.values())
        self.keys = pa.array([rule.key for rule in self.rules], pa.int64())
        self.finder = _finder([_loosened(rule.regex) for rule in self.rules])
        self.judges: list[Judge | None] = [None] * len(self.rules)

    def match(self, batch: pa.RecordBatch) -> pa.RecordBatch:
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
        for row, hits in enumerate(map(self.finder, texts)):
            if hits:  # the wrapper says None where nothing matches
                text, cut = texts[row], cuts[row]
                lower = text.translate(_PLAIN)
                for hit in hits:
                    rows.append(row)
                    which.append(hit)
                    levels.append((self.judges[hit] or self._judge(hit))(text, lower, cut))
        level = pa.array(levels, pa.int8())
        found = pa.record_batch(
            [
                pa.array(rows, pa.uint32()),
                self.keys.take(pa.array(which, pa.uint32())),
                pc.equal(level, _TITLE),
                pc.greater_equal(level, _TWICE),
            ],
            schema=MATCHES,
        )
        return found.filter(pc.greater(level, _NONE))

    def _judge(self, hit: int) -> Judge:
        self.judges[hit] = judge = _judge(self.rules[hit])
        return judge


@lru_cache(maxsize=1)
def matcher_of(rules: tuple[Rule, ...]) -> Matcher:
    """A matcher of some rules, the same one where a worker is asked again for batch after batch."""
    return Matcher(rules)


def _loosened(regex: str) -> str:
    """An expression that matches all that `regex` does, and more: its gaps may be of any length.

    Each letter of a gap is a state of the automaton, times all that other rules wait for: a dozen gaps of 80 letters
    made 1,600 rules three times as slow. The judge looks at what was found with the rule's own expression.
    """
    return regex if _ODD_CLASS.search(regex) else _GAP.sub("*", regex)


def _judge(rule: Rule) -> Judge:
    excluded = _excluded(rule.exclude) if rule.exclude else None
    # beyond ASCII, RE2 and `re` on bytes fold case differently
    if rule.kind == "pattern" or not rule.regex.isascii():
        return _judge_of_pattern(rule.regex, excluded)
    return _judge_of_phrase(rule.text, rule.regex, excluded)


def _judge_of_phrase(phrase: str, regex: str, excluded: Excluded | None) -> Judge:
    """A phrase or acronym: looked for only where its letters stand, which a plain search finds fastest."""
    literal, before = _literal(phrase)
    compiled = _lazy(regex)

    def judge(text: bytes, lower: bytes, cut: int) -> int:
        place = lower.find(literal)
        # the Set vouches for one mention, and letters that stand once hold no second
        if not excluded and place > cut and lower.find(literal, place + 1) < 0:
            return _ONCE
        search, level, past = compiled().search, _NONE, 0
        while place >= 0:
            found = search(text, max(past, place - before))
            if not found:
                break
            start, past = found.span()
            if not (excluded and excluded(text, lower, start, past)):
                if start < cut:
                    return _TITLE
                if level == _ONCE:
                    return _TWICE
                level = _ONCE
            place = lower.find(literal, past)
        return level

    return judge


def _judge_of_pattern(regex: str, excluded: Excluded | None) -> Judge:
    """A person's pattern, by RE2, which no pattern can hang; it may not reach over the end of the title."""
    search = re2.compile(regex.encode()).search

    def mentions(text: bytes, lower: bytes, start: int, end: int, enough: int) -> int:
        number = 0
        while number < enough and (found := search(text, start, end)):
            first, start = found.span()
            number += not (excluded and excluded(text, lower, first, start))
            start += first == start
        return number

    def judge(text: bytes, lower: bytes, cut: int) -> int:
        if mentions(text, lower, 0, cut, 1):
            return _TITLE
        return mentions(text, lower, cut + 1, len(text), 2)

    return judge


def _excluded(phrases: Sequence[str]) -> Excluded:
    """Whether a mention lies within an excluded phrase, which has to stand this near to hold it."""
    exclusions = [(_literal(phrase)[0], _lazy(phrase_regex(phrase, any_case=True))) for phrase in phrases]
    reach = max(_ANYWHERE if phrase.endswith("*") else len(phrase) + 2 for phrase in phrases)

    def excluded(text: bytes, lower: bytes, start: int, end: int) -> bool:
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

    return excluded


def _finder(regexes: Sequence[str]) -> Callable[[bytes], Sequence[int]]:
    """A function from a text to the indices of the expressions that match it."""
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    made = re2.Set.SearchSet(options)
    for regex in regexes:
        made.Add(regex.encode())
    made.Compile()
    # the wrapper's own Match only tells str from bytes, at a tenth of the whole time
    return getattr(made, "_set", made).Match  # type: ignore[no-any-return]


def _literal(phrase: str) -> tuple[bytes, int]:
    """Bytes that every mention of a phrase holds once the text is in lower case with hyphens as spaces, and how many
    bytes of the mention stand before them at most."""
    words = canonical(phrase).rstrip("*").strip().lower()
    return max(words.split("-"), key=len).strip().encode(), len(words.encode())


def _lazy(regex: str) -> Callable[[], re.Pattern[bytes]]:
    """An expression that is compiled when it is first asked for: all of them take a second, and most are never."""
    return cache(partial(re.compile, regex.encode()))
