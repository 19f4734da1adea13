"""Which rules match which submissions: one pure function from an Arrow batch of text to an Arrow batch of matches.

google-re2's Set runs all rules at once in linear time, so no person's pattern can hang it. What a Set cannot tell
(where, how often, inside an excluded phrase or not) is asked rule by rule, of the few texts that the Set names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import re2

from trendcli.arrow import pa, pc
from trendcli.models import Rule
from trendcli.rules import phrase_regex
from trendcli.text import canonical

# 4 MB is too little for 1,400 rules, 32 MB is as fast as any more; the rest is room for 10,000 rules
MAX_MEMORY = 256 << 20
_ANYWHERE = 1 << 30  # longer than any text

MATCHES = pa.schema([("row", pa.uint32()), ("rule", pa.int64()), ("title", pa.bool_()), ("strict", pa.bool_())])

# how a text of title, line break and abstract matches one rule that the Set named for it: of the text, of the text in
# lower case with hyphens as spaces (in which plain searches are cheap), and of the length of the title
Judge = Callable[[bytes, bytes, int], int]
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
        self.rules = list({rule.key: rule for rule in rules}.values())
        self.keys = pa.array([rule.key for rule in self.rules], pa.int64())
        self.find = _finder([rule.regex for rule in self.rules])
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
        for row, hits in enumerate(map(self.find, texts)):
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
        rule = self.rules[hit]
        # beyond ASCII, RE2 and `re` on bytes fold case differently
        judge = _of_pattern(rule) if rule.kind == "pattern" or not rule.regex.isascii() else _of_phrase(rule)
        self.judges[hit] = judge
        return judge


def _of_phrase(rule: Rule) -> Judge:
    """A phrase or acronym is looked for where its letters stand; nothing else of a text can be a mention of it."""
    literal, before = _literal(rule.text)
    search = re.compile(rule.regex.encode()).search
    near, outside = _exclusions(rule)
    # an excluded span that holds a mention lies this near to it
    reach = max((_ANYWHERE if phrase.endswith("*") else len(phrase) + 1 for phrase in rule.exclude), default=0)

    def judge(text: bytes, lower: bytes, cut: int) -> int:
        place = lower.find(literal)
        if place < cut:
            if reach and near(lower[max(0, place - reach) : cut]):
                return outside(text, cut)
            if search(text, max(0, place - before), cut):
                return _TITLE
            place = lower.find(literal, cut)
        other = lower.find(literal, place + 1)
        if reach:
            last = place if other < 0 else lower.rfind(literal)
            if near(lower[max(cut, place - reach) : last + reach]):
                return outside(text, cut)
        if other < 0:
            return _ONCE
        first = search(text, max(cut, place - before))
        end = first.end() if first else len(text)
        place = lower.find(literal, end)
        return _TWICE if place >= 0 and search(text, max(end, place - before)) else _ONCE

    return judge


def _of_pattern(rule: Rule) -> Judge:
    """A person's pattern may see across the line break, which a phrase cannot; then it matches neither side."""
    once, twice = _finder([rule.regex]), _finder([f"{rule.regex}(?s:.*?){rule.regex}"])
    near, outside = _exclusions(rule)

    def judge(text: bytes, lower: bytes, cut: int) -> int:
        if rule.exclude and near(lower):
            return outside(text, cut)
        if once(text[:cut]):
            return _TITLE
        abstract = text[cut + 1 :]
        return (_TWICE if twice(abstract) else _ONCE) if once(abstract) else _NONE

    return judge


def _exclusions(rule: Rule) -> tuple[Callable[[bytes], bool], Callable[[bytes, int], int]]:
    """Whether a piece of lower text may hold an excluded span, and how a text matches outside of all of them."""
    literals = [_literal(phrase)[0] for phrase in rule.exclude]
    regex, excluded = re2.compile(rule.regex.encode()), [re2.compile(_excluding(p).encode()) for p in rule.exclude]

    def near(lower: bytes) -> bool:
        for literal in literals:  # noqa: SIM110 - any() would take twice as long, for every match
            if literal in lower:
                return True
        return False

    def outside(text: bytes, cut: int) -> int:
        return _TITLE if _count(regex, excluded, text[:cut], 1) else _count(regex, excluded, text[cut + 1 :], 2)

    return near, outside


def _count(regex: Any, excluded: Sequence[Any], text: bytes, enough: int) -> int:
    """How often an expression matches outside the excluded spans, counted up to `enough`."""
    spans = None
    count = 0
    for mention in regex.finditer(text):
        if spans is None:
            spans = [found.span() for other in excluded for found in other.finditer(text)]
        if not any(start <= mention.start() and mention.end() <= end for start, end in spans):
            count += 1
            if count == enough:
                break
    return count


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


def _excluding(phrase: str) -> str:
    return phrase_regex(phrase, any_case=True)


def mentions(rule: Rule, title: str, abstract: str) -> list[Mention]:
    """Every place in which one rule matches one submission, excluded spans left out; by Python's `re`, for display."""
    found = []
    for field, text in (("title", title), ("abstract", abstract)):
        spans = [match.span() for other in rule.exclude for match in re.finditer(_excluding(other), text, re.ASCII)]
        for match in re.finditer(rule.regex, text, re.ASCII):
            if not any(start <= match.start() and match.end() <= end for start, end in spans):
                found.append(Mention(field, match.start(), match.end()))
    return found
