"""In how many submissions each run of words occurs, in each of some groups of them.

A term is 1 to 4 words in a row that neither begins nor ends with a stop word; its last word counts with and without a
plural s. Terms become integers: the number of the term without its last word, the last word, and the submission, packed
into 64 bits. Sorting brings equal ones together, and run lengths are counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.core.arrow import pa, pc
from trendcli.core.errors import UsageError
from trendcli.reports.terms.stopwords import STOP
from trendcli.reports.terms.tokens import NEXT, Block, Ints, Numbers, Words

LONGEST = 4
# keys that are sorted together, and sorted keys that are counted together
_SORTED, _AT_ONCE = 32_000_000, 2_000_000

# of a signed integer
_BITS = 63

Truths = NDArray[np.bool_]


class Terms(NamedTuple):
    """Terms, and how many submissions hold each: `counts` is terms × groups."""

    names: list[str]
    counts: Ints

    def chosen(self, which: Truths | NDArray[np.intp]) -> Terms:
        """Some of them."""
        places = np.arange(len(self.names))[which]
        return Terms([self.names[place] for place in places.tolist()], self.counts[places])


class _Known(NamedTuple):
    """The frequent words: which may begin a term, end one, be one; and the number of each without its plural s."""

    names: list[str]
    begins: Truths
    ends: Truths
    alone: Truths
    stem: Numbers


class _Runs(NamedTuple):
    """Runs of words in a block: where they begin, and the number of each without its last word."""

    block: Block
    place: Numbers
    prefix: Numbers


def count(words: Words, groups: Ints, least: int, chosen: Truths | None = None, longest: int = LONGEST) -> Terms:
    """The terms of up to `longest` words that at least `least` submissions hold, by name, and how many of each group.

    `groups` numbers the group of each submission. With `chosen` (a truth a group) `least` asks for submissions of those
    groups alone; the others are counted beside them.
    """
    chosen = np.ones(int(groups.max(initial=-1)) + 1, bool) if chosen is None else chosen
    number = len(chosen)
    asked = chosen[groups]
    known, blocks = _frequent(words, asked, least)
    bits, code = _coded(groups, number)
    size, prefixes = max(len(known.names), 1), [""]
    begins = np.append(known.begins, False)
    places = [np.flatnonzero(begins[block.word]).astype(np.int32) for block in blocks]
    runs = [_Runs(block, place, np.zeros(len(place), np.int32)) for block, place in zip(blocks, places, strict=True)]
    names: list[str] = []
    counts: list[Ints] = []
    for length in range(1, longest + 1):
        ends = np.append(known.alone if length == 1 else known.ends, False)
        for found, amounts in _counted(runs, length, ends, known.stem, code, bits, chosen, least):
            names += _spelt(found, prefixes, known.names)
            counts.append(amounts)
        if length < longest:
            often = _often(runs, length, size, asked, least)
            runs = [_Runs(one.block, *_kept(*_going_on(one, length, size), often)) for one in runs]
            prefixes = _spelt(often, prefixes, known.names)
    every = np.concatenate(counts) if counts else np.zeros((0, number), np.int64)
    # whatever order the submissions were read in
    return Terms(names, every).chosen(np.array(sorted(range(len(names)), key=names.__getitem__), np.intp))


def _coded(groups: Ints, number: int) -> tuple[int, Numbers | Ints]:
    """A number for each submission: that of its group, and in so many bits below it which one of the group it is."""
    size = np.bincount(groups, minlength=number)
    bits = int(max(size.max(initial=1) - 1, 1)).bit_length()
    order = np.argsort(groups, kind="stable")
    within = np.arange(len(groups)) - np.repeat(np.cumsum(size) - size, size)
    code = np.empty(len(groups), np.int64)
    code[order] = groups[order] << bits | within
    return bits, code.astype(np.int32) if bits + number.bit_length() < 32 else code


def _spelt(keys: Ints, prefixes: Sequence[str], names: Sequence[str]) -> list[str]:
    """The words of keys."""
    size = len(names)
    return [f"{prefixes[key // size]} {names[key % size]}".lstrip() for key in keys.tolist()]


def _frequent(words: Words, asked: Truths, least: int) -> tuple[_Known, list[Block]]:
    """What is known of the frequent words, and the blocks in numbers of these (-1 for all others)."""
    often = np.zeros(len(words.names), np.int64)
    for block in words.blocks:
        often += np.bincount(block.word[block.each(asked)], minlength=len(often))
    both = often.copy()
    plural = np.flatnonzero(words.stem != np.arange(len(words.stem)))
    np.add.at(both, words.stem[plural], often[plural])
    kept = both[words.stem] >= least
    number = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    names = words.names.filter(pa.array(kept)).to_pylist()
    lexical = np.array([name not in STOP for name in names], bool)
    digits = np.array([name.isdigit() for name in names], bool)
    alone = np.array([sum(map(str.isalpha, name)) > 1 for name in names], bool)
    known = _Known(names, lexical & ~digits, lexical, lexical & alone, number[words.stem[kept]])
    return known, [block._replace(word=number[block.word]) for block in words.blocks]


def _counted(
    runs: Sequence[_Runs],
    length: int,
    ends: Truths,
    stem: Numbers,
    code: NDArray[Any],
    bits: int,
    chosen: Truths,
    least: int,
) -> Iterator[tuple[Ints, Ints]]:
    """The keys of runs that enough submissions of the chosen groups hold, and how many of each group do."""
    size, number, wide = len(ends) - 1, len(chosen), (len(chosen) - 1).bit_length()
    total = sum(len(one.place) for one in runs)
    most = max((int(one.prefix.max()) for one in runs if len(one.prefix)), default=0)
    if ((most + 1) * size).bit_length() + bits + wide > _BITS:
        raise UsageError(
            f"Runs of {length} words in so many submissions do not fit into memory: take a larger --min-count, fewer "
            "--words, or a smaller scope."
        )
    parts = 1 + total // _SORTED

    def packed(part: int) -> Iterator[Ints]:
        for block, place, prefix in runs:
            last = block.word[place + np.int32(length - 1)]
            held = ends[last] if parts == 1 else ends[last] & ((stem[last] + prefix) % parts == part)
            key = prefix[held] * np.int64(size) + stem[last[held]]
            yield key << bits + wide | block.each(code)[place[held]]

    for part in range(parts):
        for piece in _sorted(packed(part), total, bits + wide):
            cell = piece[_changes(piece)] >> bits
            first = np.flatnonzero(_changes(cell))
            cell, held = cell[first], np.diff(np.append(first, len(cell)))
            key, group = cell >> wide, cell & ((1 << wide) - 1)
            first = np.flatnonzero(_changes(key))
            enough = np.add.reduceat(held * chosen[group], first) >= least
            kept = np.repeat(enough, np.diff(np.append(first, len(key))))
            amounts = np.zeros((int(enough.sum()), number), np.int64)
            amounts[np.cumsum(_changes(key[kept])) - 1, group[kept]] = held[kept]
            yield key[first[enough]], amounts


def holders(words: Words, terms: Sequence[str]) -> list[Numbers]:
    """Of each of some terms, as `count` names them, the submissions that hold it, in order."""
    size, longest = max(len(words.names), 1), max((len(term.split()) for term in terms), default=0)
    numbers = pc.index_in(pa.array([word for term in terms for word in term.split()], pa.string()), words.names)
    known = iter(numbers.fill_null(-1).to_pylist())
    spelt = [tuple(next(known) for _ in term.split()) for term in terms]
    # by length: the keys of what terms begin with and go on, and of the terms that end there, with their places
    prefixes: dict[tuple[int, ...], int] = {(): 0}
    wanted: list[tuple[Ints, Ints, list[int]]] = []
    for length in range(1, longest + 1):
        ending = [place for place, term in enumerate(spelt) if len(term) == length and min(term) >= 0]
        heads = list(dict.fromkeys(term[:length] for term in spelt if len(term) > length and min(term) >= 0))
        keys = [prefixes[run[:-1]] * size + run[-1] for run in (*heads, *(spelt[place] for place in ending))]
        wanted.append((np.array(keys[: len(heads)], np.int64), np.array(keys[len(heads) :], np.int64), ending))
        prefixes = {head: number for number, head in enumerate(heads)}
    first = np.zeros(size, bool)
    for heads_of, ends_of, _ in wanted[:1]:
        first[heads_of], first[ends_of] = True, True
    found: list[list[Numbers]] = [[] for _ in terms]
    every = np.arange(words.texts)
    for block in words.blocks:
        place = np.flatnonzero(first[block.word] | first[words.stem[block.word]]).astype(np.int32)
        runs = _Runs(block, place, np.zeros(len(place), np.int32))
        for length, (on, ends, ending) in enumerate(wanted, 1):
            last = block.word[runs.place + np.int32(length - 1)]
            at, which = _kept(runs.place, runs.prefix * np.int64(size) + words.stem[last], ends)
            pairs = np.unique(which.astype(np.int64) << 32 | block.each(every)[at])
            cuts = np.searchsorted(pairs >> 32, np.arange(len(ending) + 1))
            for row, term in enumerate(ending):
                found[term].append((pairs[cuts[row] : cuts[row + 1]] & 0xFFFFFFFF).astype(np.int32))
            runs = _Runs(block, *_kept(*_going_on(runs, length, size), on))
    return [np.concatenate(parts) if parts else np.zeros(0, np.int32) for parts in found]


def _going_on(runs: _Runs, length: int, size: int) -> tuple[Numbers, Ints]:
    """The runs after which a frequent word comes next: where they begin, and their keys, with no plural folded."""
    last = runs.place + np.int32(length - 1)
    goes = runs.block.after == NEXT
    goes[:-1] &= runs.block.word[1:] >= 0
    on = goes[last]
    return runs.place[on], runs.prefix[on] * np.int64(size) + runs.block.word[last[on]]


def _kept(places: Numbers, keys: Ints, often: Ints) -> tuple[Numbers, Numbers]:
    """Of runs and their keys those that are frequent, with the number of each."""
    prefix = pc.index_in(pa.array(keys), pa.array(often)).fill_null(-1).to_numpy()
    there = prefix >= 0
    return places[there], prefix[there]


def _often(runs: Sequence[_Runs], length: int, size: int, asked: Truths, least: int) -> Ints:
    """The keys of `_going_on` that occur at least so often in the asked submissions."""
    total = sum(len(one.place) for one in runs)
    parts = 1 + total // _SORTED

    def chunks(part: int) -> Iterator[Ints]:
        for one in runs:
            place, keys = _going_on(one, length, size)
            held = one.block.each(asked)[place]
            yield keys[held if parts == 1 else held & (keys % parts == part)]

    found = [np.zeros(0, np.int64)]
    for part in range(parts):
        for piece in _sorted(chunks(part), total, 0):
            first = np.flatnonzero(_changes(piece))
            found.append(piece[first[np.diff(np.append(first, len(piece))) >= least]])
    return np.concatenate(found)


def _changes(values: Ints) -> Truths:
    """Where a sorted value differs from the one before."""
    found = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


def _sorted(chunks: Iterable[Ints], most: int, shift: int) -> Iterator[Ints]:
    """The values of some chunks in order, `most` at most, in pieces that are small enough for the caches.

    Those of one key, which lies above `shift` bits, stay together.
    """
    every, size = np.empty(most, np.int64), 0  # room that is not written to takes no memory
    for chunk in chunks:
        every[size : size + len(chunk)] = chunk
        size += len(chunk)
    every = every[:size]
    every.sort()
    start = 0
    while start < size:
        after = (every[min(start + _AT_ONCE, size) - 1] >> shift) + 1 << shift
        stop = int(np.searchsorted(every, after))
        yield every[start:stop]
        start = stop
