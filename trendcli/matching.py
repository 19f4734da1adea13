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
from trendcli.text import canonical

# 4 MB is too little for 1,400 rules, 32 MB is as fast as any more; the rest is room for 10,000 rules
MAX_MEMORY = 256 << 20

MATCHES = pa.schema([("row", pa.uint32()), ("rule", pa.int64()), ("title", pa.bool_()), ("strict", pa.bool_())])

_NONE, _ONCE, _TWICE, _TITLE = range(4)


class Mention(NamedTuple):
    """One place in which a rule matches: `field` is 'title' or 'abstract', [start, end) counts characters."""

    field: str
    start: int
    end: int


class Matcher:
    """The rules of a set, compiled once; `match` may be called for any number of batches."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = list({rule.key: rule for rule in rules}.values())
        self.find = _finder([rule.regex for rule in self.rules])
        self.judges: dict[int, Callable[[bytes, bytes, int], int]] = {}

    def match(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The matches of a batch with columns `title` and `abstract` (canonical text, no nulls).

        One row a (submission, rule): `row` is the index in the batch, `rule` the key of the rule, `title` whether it
        matches the title, `strict` whether it matches the title or at least twice (the mode of that name).
        """
        titles = batch["title"].cast(pa.binary())
        texts = pc.binary_join_element_wise(titles, batch["abstract"].cast(pa.binary()), b"\n").to_pylist()
        cuts = pc.binary_length(titles).to_pylist()
        named: list[list[int]] = [[] for _ in self.rules]
        lower: dict[int, bytes] = {}
        for row, hits in enumerate(map(self.find, texts)):
            if hits:  # the wrapper says None where nothing matches
                lower[row] = texts[row].lower().replace(b"-", b" ")
                for hit in hits:
                    named[hit].append(row)
        rows: list[int] = []
        keys: list[int] = []
        levels: list[int] = []
        # rule by rule, since a small automaton that stays in the processor's cache answers fastest
        for hit, candidates in enumerate(named):
            if not candidates:
                continue
            judge = self.judges.get(hit)
            if judge is None:
                judge = self.judges[hit] = _judge(self.rules[hit])
            rows += candidates
            keys += [self.rules[hit].key] * len(candidates)
            levels += [judge(texts[row], lower[row], cuts[row]) for row in candidates]
        level = pa.array(levels, pa.int8())
        found = pa.record_batch(
            [
                pa.array(rows, pa.uint32()),
                pa.array(keys, pa.int64()),
                pc.equal(level, _TITLE),
                pc.greater_equal(level, _TWICE),
            ],
            schema=MATCHES,
        )
        return found.filter(pc.greater(level, _NONE))


def _judge(rule: Rule) -> Callable[[bytes, bytes, int], int]:
    """How a text of title, line break and abstract matches one rule, given that the Set named it.

    Of the text itself, of the text in lower case with hyphens as spaces (in which plain searches are cheap), and of
    the length of the title.
    """
    if rule.exclude:
        regex, excluded = re2.compile(rule.regex.encode()), [re2.compile(other.encode()) for other in rule.exclude]

        def careful(text: bytes, lower: bytes, cut: int) -> int:
            return _TITLE if _count(regex, excluded, text[:cut], 1) else _count(regex, excluded, text[cut + 1 :], 2)

        return careful
    once, twice = _finder([rule.regex]), _finder([f"{rule.regex}(?s:.*?){rule.regex}"])
    if rule.kind == "pattern":  # a person's pattern may see across the line break, a phrase cannot

        def pattern(text: bytes, lower: bytes, cut: int) -> int:
            if once(text[:cut]):
                return _TITLE
            abstract = text[cut + 1 :]
            return (_TWICE if twice(abstract) else _ONCE) if once(abstract) else _NONE

        return pattern
    literal = _literal(rule)

    def plain(text: bytes, lower: bytes, cut: int) -> int:
        first = lower.find(literal)
        if first < cut:
            if once(text[:cut]):
                return _TITLE
            first = lower.find(literal, cut)
        return _TWICE if lower.find(literal, first + 1) > 0 and twice(text) else _ONCE

    return plain


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


def _literal(rule: Rule) -> bytes:
    """Bytes that every mention of a phrase or acronym holds, once the text is in lower case with hyphens as spaces.

    A text with fewer than two of them has no second mention, which spares most texts the dearer question.
    """
    words = canonical(rule.text).rstrip("*").strip().lower()
    return max(words.split("-"), key=len).strip().encode()


def mentions(rule: Rule, title: str, abstract: str) -> list[Mention]:
    """Every place in which one rule matches one submission, excluded spans left out; by Python's `re`, for display."""
    found = []
    for field, text in (("title", title), ("abstract", abstract)):
        spans = [match.span() for regex in rule.exclude for match in re.finditer(regex, text, re.ASCII)]
        for match in re.finditer(rule.regex, text, re.ASCII):
            if not any(start <= match.start() and match.end() <= end for start, end in spans):
                found.append(Mention(field, match.start(), match.end()))
    return found
