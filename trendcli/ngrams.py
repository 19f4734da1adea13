"""Runs of words: in how many submissions each occurs, in each of some groups of them.

A text is lower-cased ASCII. Its words are runs of letters, digits and underscores, and two words stand in a row where
one space or one hyphen parts them: just so does the phrase of a topic match (rules.py), so that the count of a term is
that of the topic made of it. A term is 1 to 4 words in a row; its last word counts with and without a plural s.

Words become integers, and terms become integers made of those: the number of the term without its last word, the last
word, and the submission, packed into 64 bits. Sorting them brings equal ones together, and run lengths are counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.arrow import pa, pc
from trendcli.words import STOP

LONGEST = 4
# what follows a word: anything else, the next word of the run, an opening bracket or a closing one
_ELSE, _NEXT, _OPENS, _CLOSES = range(4)
# a word of more letters than that is a plural where without its s it is so common, beside it
_STEM, _PLURAL = 3, 0.01
# keys that are sorted together, and sorted keys that are counted together
_SORTED, _AT_ONCE = 32_000_000, 2_000_000
_BREAK = ord(".")

Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Truths = NDArray[np.bool_]


def _table() -> bytes:
    """What each byte of a text becomes: words keep theirs, and all others sort below them."""
    table = bytearray([_BREAK]) * 256
    for char in b"abcdefghijklmnopqrstuvwxyz0123456789_()":
        table[char] = char
    for char in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        table[char] = char + 32
    table[ord(" ")] = table[ord("-")] = ord(" ")
    return bytes(table)


_BYTES, _FIRST = _table(), ord("0")


class Block(NamedTuple):
    """The words of some submissions in their order: the number of each, what follows it, and the submission."""

    word: Numbers
    after: NDArray[np.int8]
    text: Numbers | Ints


class Words(NamedTuple):
    """The words of all submissions, which are numbered as they were read: `names` by number, and `texts`, how many."""

    blocks: list[Block]
    names: pa.Array
    texts: int


class Terms(NamedTuple):
    """Terms, and how many submissions hold each: `counts` is terms × groups."""

    names: list[str]
    counts: Ints

    def chosen(self, which: Truths | NDArray[np.intp]) -> Terms:
        """Some of them."""
        places = np.arange(len(self.names))[which]
        return Terms([self.names[place] for place in places.tolist()], self.counts[places])


def read(batches: Iterable[Sequence[pa.Array]]) -> Words:
    """The words of batches of submissions, each some arrays of canonical text alike in length: no run crosses them."""
    chunks, afters, texts, number = [], [], [], 0
    for parts in batches:
        if len(parts[0]):
            words, after, text = _words(parts)
            chunks.append(words)
            afters.append(after)
            texts.append(text + np.int32(number))
            number += len(parts[0])
    every = pa.chunked_array(chunks, pa.dictionary(pa.int32(), pa.string())).unify_dictionaries()
    names = every.chunk(0).dictionary if chunks else pa.array([], pa.string())
    numbers = [chunk.indices.to_numpy() for chunk in every.chunks]
    return Words([Block(*parts) for parts in zip(numbers, afters, texts, strict=True)], names, number)


def _words(parts: Sequence[pa.Array]) -> tuple[pa.DictionaryArray, NDArray[np.int8], Numbers]:
    """The words of one batch, what follows each, and the row it stands in."""
    whole = pc.binary_join_element_wise(*(part.cast(pa.binary()) for part in parts), b"", b"\n")
    ends = np.frombuffer(whole.buffers()[1], np.int32)[1 : len(whole) + 1]
    plain = bytes(memoryview(whole.buffers()[2])[: ends[-1]]).translate(_BYTES)
    inside = np.frombuffer(plain, np.uint8) >= _FIRST
    starts = np.flatnonzero(inside[1:] & ~inside[:-1]).astype(np.int32) + np.int32(1)
    starts = np.concatenate([np.zeros(int(inside[0]), np.int32), starts])
    number = np.diff(np.searchsorted(starts, ends), prepend=0)
    # a word with all that follows it up to the next: so the pieces lie side by side, and nothing has to be copied
    cuts = pa.py_buffer(np.concatenate([starts, ends[-1:]]))
    pieces = pa.StringArray.from_buffers(len(starts), cuts, pa.py_buffer(plain)).dictionary_encode()
    names = pc.ascii_rtrim(pieces.dictionary, " ().")
    named = names.dictionary_encode()
    piece = pieces.indices.to_numpy()
    words = pa.DictionaryArray.from_arrays(named.indices.to_numpy()[piece], named.dictionary)
    return words, _after(pieces.dictionary, names)[piece], np.repeat(np.arange(len(whole), dtype=np.int32), number)


def _after(pieces: pa.Array, names: pa.Array) -> NDArray[np.int8]:
    size = pc.subtract(pc.binary_length(pieces), pc.binary_length(names)).to_numpy()
    found = np.full(len(pieces), _ELSE, np.int8)
    found[pc.match_substring_regex(pieces, r"^\w+\)").to_numpy(zero_copy_only=False)] = _CLOSES
    found[(size == 1) & pc.ends_with(pieces, " ").to_numpy(zero_copy_only=False)] = _NEXT
    found[(size == 2) & pc.ends_with(pieces, " (").to_numpy(zero_copy_only=False)] = _OPENS
    return found


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
    """The terms of up to `longest` words that at least `least` submissions hold, and how many of each group do.

    `groups` numbers the group of each submission. With `chosen` (a truth a group) `least` asks for submissions of those
    groups alone; the others are counted beside them.
    """
    number = int(groups.max(initial=-1)) + 1
    chosen = np.ones(number, bool) if chosen is None else chosen
    known, blocks = _frequent(words, chosen[groups], least)
    bits, code = _coded(groups, number)
    size, prefixes = max(len(known.names), 1), [""]
    runs = []
    for block in blocks:
        place = np.flatnonzero(np.append(known.begins, False)[block.word]).astype(np.int32)
        runs.append(_Runs(block._replace(text=code[block.text]), place, np.zeros(len(place), np.int32)))
    names: list[str] = []
    counts: list[Ints] = []
    for length in range(1, longest + 1):
        ends = np.append(known.alone if length == 1 else known.ends, False)
        for found, amounts in _counted(runs, length, ends, known.stem, bits, chosen, least):
            names += _spelt(found, prefixes, known.names)
            counts.append(amounts)
        if length < longest:
            keys = [_going_on(one, length, size) for one in runs]
            asked = [chosen[one.block.text[at] >> bits] for one, (at, _) in zip(runs, keys, strict=True)]
            often = _often([key[these] for these, (_, key) in zip(asked, keys, strict=True)], least)
            runs = [_Runs(one.block, *_kept(at, key, often)) for one, (at, key) in zip(runs, keys, strict=True)]
            prefixes = _spelt(often, prefixes, known.names)
    return Terms(names, np.concatenate(counts) if counts else np.zeros((0, number), np.int64))


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
        often += np.bincount(block.word[asked[block.text]], minlength=len(often))
    stem = _stems(words.names, often)
    both = often.copy()
    plural = np.flatnonzero(stem != np.arange(len(stem)))
    np.add.at(both, stem[plural], often[plural])
    kept = both[stem] >= least
    number = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    names = words.names.filter(pa.array(kept)).to_pylist()
    lexical = np.array([name not in STOP for name in names], bool)
    digits = np.array([name.isdigit() for name in names], bool)
    alone = np.array([sum(map(str.isalpha, name)) > 1 for name in names], bool)
    known = _Known(names, lexical & ~digits, lexical, lexical & alone, number[stem[kept]])
    return known, [block._replace(word=number[block.word]) for block in words.blocks]


def _stems(names: pa.Array, often: Ints) -> Ints:
    """The number of each word without its plural s, or its own."""
    stem = np.arange(len(names))
    ending = pc.and_(pc.ends_with(names, "s"), pc.greater(pc.binary_length(names), _STEM))
    plural = np.flatnonzero(pc.and_not(ending, pc.is_in(names, pa.array(sorted(STOP)))).to_numpy(zero_copy_only=False))
    single = pc.utf8_slice_codeunits(names.take(pa.array(plural)), 0, -1)
    single = pc.if_else(pc.is_in(single, pa.array(sorted(STOP))), None, single)
    at = pc.index_in(single, names, skip_nulls=True).fill_null(-1).to_numpy()
    there = (at >= 0) & (often[at] >= np.maximum(_PLURAL * often[plural], 1))
    stem[plural[there]] = at[there]
    return stem


def _counted(
    runs: Sequence[_Runs], length: int, ends: Truths, stem: Numbers, bits: int, chosen: Truths, least: int
) -> Iterator[tuple[Ints, Ints]]:
    """The keys of runs that enough submissions of the chosen groups hold, and how many of each group do."""
    size, number, wide = len(ends) - 1, len(chosen), (len(chosen) - 1).bit_length()
    total = sum(len(one.place) for one in runs)
    parts = 1 + total // _SORTED

    def packed(part: int) -> Iterator[Ints]:
        for block, place, prefix in runs:
            last = block.word[place + np.int32(length - 1)]
            held = ends[last] if parts == 1 else ends[last] & ((stem[last] + prefix) % parts == part)
            key = prefix[held] * np.int64(size) + stem[last[held]]
            yield key << bits + wide | block.text[place[held]]

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


def _going_on(runs: _Runs, length: int, size: int) -> tuple[Numbers, Ints]:
    """The runs after which a frequent word comes next: where they begin, and their keys, with no plural folded."""
    last = runs.place + np.int32(length - 1)
    goes = runs.block.after == _NEXT
    goes[:-1] &= runs.block.word[1:] >= 0
    on = goes[last]
    return runs.place[on], runs.prefix[on] * np.int64(size) + runs.block.word[last[on]]


def _kept(places: Numbers, keys: Ints, often: Ints) -> tuple[Numbers, Numbers]:
    """Of runs and their keys those that are frequent, with the number of each."""
    prefix = pc.index_in(pa.array(keys), pa.array(often)).fill_null(-1).to_numpy()
    there = prefix >= 0
    return places[there], prefix[there]


def _often(keys: Sequence[Ints], least: int) -> Ints:
    """The keys that occur at least so often."""
    total = sum(map(len, keys))
    parts = 1 + total // _SORTED
    found = [np.zeros(0, np.int64)]
    for part in range(parts):
        for piece in _sorted((key if parts == 1 else key[key % parts == part] for key in keys), total, 0):
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
