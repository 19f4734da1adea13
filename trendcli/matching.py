"""Which rules match which submissions: one pure function from an Arrow batch of text to an Arrow batch of matches.

google-re2's Set runs many rules at once in linear time, so no person's pattern can hang it. What a Set cannot tell
(where, how often, inside an excluded phrase or not) is asked rule by rule, of the few texts that the Set names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import NamedTuple

import re2

from trendcli.arrow import pa, pc
from trendcli.models import Rule
from trendcli.rules import phrase_regex
from trendcli.text import canonical

# 4 MB is too little for 1,400 rules, 32 MB is as fast as any more; the rest is room for 10,000 rules
MAX_MEMORY = 256 << 20
# instructions of RE2: only patterns with gaps have more, such as r"\bAI\b.{0,80}\bpoor countries"
_LONG = 150
_ANYWHERE = 1 << 30  # longer than any text

MATCHES = pa.schema([("row", pa.uint32()), ("rule", pa.int64()), ("title", pa.bool_()), ("strict", pa.bool_())])

# how a text of title, line break and abstract matches one rule that the Set named for it: of the text, of the text in
# lower case with hyphens as spaces (in which plain searches are cheap), and of the length of the title
Judge = Callable[[bytes, bytes, int], int]
# where one rule is mentioned: of the same two texts, from one place to another
Spans = Callable[[bytes, bytes, int, int], Iterator[tuple[int, int]]]
_NONE, _ONCE, _TWICE, _TITLE = range(4)
_PLAIN = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-", b"abcdefghijklmnopqrstuvwxyz ")


class Mention(NamedTuple):
    """One place in which a rule matches: `field` is 'title' or 'abstract', [start, end) counts characters."""

    field: str
    start: int
    end: int


class Matcher:
    """The rules of a set, compiled once; `match` may be called for any number of batches."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        # each letter of a gap is a state, times all that other rules wait for, so such rules have a Set of their own
        self.rules = sorted({rule.key: rule for rule in rules}.values(), key=_is_long)
        self.keys = pa.array([rule.key for rule in self.rules], pa.int64())
        self.short = sum(not _is_long(rule) for rule in self.rules)
        regexes = [rule.regex for rule in self.rules]
        self.finders = _finder(regexes[: self.short]), _finder(regexes[self.short :])
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
        found_short, found_long = (list(map(find, texts)) for find in self.finders)
        for row, (some, more) in enumerate(zip(found_short, found_long, strict=True)):
            if some or more:  # the wrapper says None where nothing matches
                hits = [*(some or ()), *(self.short + hit for hit in more or ())]
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


def _is_long(rule: Rule) -> bool:
    return rule.kind == "pattern" and re2.compile(rule.regex).programsize > _LONG


def _judge(rule: Rule) -> Judge:
    # beyond ASCII, RE2 and `re` on bytes fold case differently
    plain = rule.kind != "pattern" and rule.regex.isascii()
    spans = _spans_of_phrase(rule.text, rule.regex) if plain else _spans_of_pattern(rule.regex)
    excluded = _excluded(rule.exclude) if rule.exclude else None
    literal = _literal(rule.text)[0] if plain and not excluded else None

    def judge(text: bytes, lower: bytes, cut: int) -> int:
        for start, end in spans(text, lower, 0, cut):
            if not (excluded and excluded(text, lower, start, end)):
                return _TITLE
        # the Set vouches for one mention, and letters that stand once hold no second
        if literal and lower.find(literal, lower.find(literal, cut) + 1) < 0:
            return _ONCE
        count = _NONE
        for start, end in spans(text, lower, cut + 1, len(text)):
            if not (excluded and excluded(text, lower, start, end)):
                if count == _ONCE:
                    return _TWICE
                count = _ONCE
        return count

    return judge


def _spans_of_phrase(phrase: str, regex: str) -> Spans:
    """Where a phrase or acronym is mentioned: only where its letters stand, which a plain search finds fastest."""
    literal, before = _literal(phrase)
    compiled = _lazy(regex)

    def spans(text: bytes, lower: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        place = lower.find(literal, start, end)
        while place >= 0:
            found = compiled().search(text, max(start, place - before), end)
            if not found:
                return
            yield found.span()
            start = found.end()
            place = lower.find(literal, start, end)

    return spans


def _spans_of_pattern(regex: str) -> Spans:
    """Where a person's pattern matches, by RE2, which no pattern can hang."""
    find = re2.compile(regex.encode()).finditer

    def spans(text: bytes, lower: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        return ((start + found.start(), start + found.end()) for found in find(text[start:end]))

    return spans


def _excluded(phrases: Sequence[str]) -> Callable[[bytes, bytes, int, int], bool]:
    """Whether a mention lies within an excluded phrase, which has to stand this near to hold it."""
    exclusions = [(_literal(phrase)[0], _lazy(_excluding(phrase))) for phrase in phrases]
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


def _excluding(phrase: str) -> str:
    return phrase_regex(phrase, any_case=True)


def mentions(rule: Rule, title: str, abstract: str) -> list[Mention]:
    """Every place in which one rule matches one submission, excluded spans left out; by Python's `re`, for display."""
    found = []
    # what is looked ahead at may overlap what was found before
    exclusions = [re.compile(f"(?=({_excluding(phrase)[4:]}))", re.ASCII | re.IGNORECASE) for phrase in rule.exclude]
    for field, text in (("title", title), ("abstract", abstract)):
        spans = [match.span(1) for regex in exclusions for match in regex.finditer(text)]
        for match in re.finditer(rule.regex, text, re.ASCII):
            if not any(start <= match.start() and match.end() <= end for start, end in spans):
                found.append(Mention(field, match.start(), match.end()))
    return found
