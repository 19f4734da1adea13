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
from trendcli.reports.terms.stopwords import STOPWORDS
from trendcli.reports.terms.tokens import NEXT_IS_WORD, Int32Array, IntArray, TokenBlock, TokenizedDocuments

MAX_NGRAM_WORDS = 4
# keys that are sorted together, and sorted keys that are counted together
_MAX_SORTED_KEYS, _KEYS_PER_PIECE = 32_000_000, 2_000_000

# of a signed integer
_MAX_KEY_BITS = 63

BoolArray = NDArray[np.bool_]


class NgramCounts(NamedTuple):
    """Terms, and how many submissions hold each: `counts` is terms × groups."""

    terms: list[str]
    counts: IntArray

    def select_rows(self, rows: BoolArray | NDArray[np.intp]) -> NgramCounts:
        """Some of them."""
        places = np.arange(len(self.terms))[rows]
        return NgramCounts([self.terms[place] for place in places.tolist()], self.counts[places])


class _FrequentWords(NamedTuple):
    """The frequent words: which may begin a term, end one, be one; and the number of each without its plural s."""

    words: list[str]
    can_begin: BoolArray
    can_end: BoolArray
    can_stand_alone: BoolArray
    singular_ids: Int32Array


class _WordRuns(NamedTuple):
    """Runs of words in a block: where they begin, and the number of each without its last word."""

    block: TokenBlock
    starts: Int32Array
    prefix_ids: Int32Array


def count_ngrams(
    tokens: TokenizedDocuments,
    group_of: IntArray,
    min_documents: int,
    counted_groups: BoolArray | None = None,
    max_words: int = MAX_NGRAM_WORDS,
) -> NgramCounts:
    """The terms of up to `longest` words that at least `least` submissions hold, by name, and how many of each group.

    `groups` numbers the group of each submission. With `chosen` (a truth a group) `least` asks for submissions of those
    groups alone; the others are counted beside them.
    """
    counted_groups = np.ones(int(group_of.max(initial=-1)) + 1, bool) if counted_groups is None else counted_groups
    number = len(counted_groups)
    asked = counted_groups[group_of]
    known, blocks = _find_frequent_words(tokens, asked, min_documents)
    bits, code = _pack_group_codes(group_of, number)
    size, prefixes = max(len(known.words), 1), [""]
    begins = np.append(known.can_begin, False)
    places = [np.flatnonzero(begins[block.word_ids]).astype(np.int32) for block in blocks]
    runs = [
        _WordRuns(block, place, np.zeros(len(place), np.int32)) for block, place in zip(blocks, places, strict=True)
    ]
    names: list[str] = []
    counts: list[IntArray] = []
    for length in range(1, max_words + 1):
        ends = np.append(known.can_stand_alone if length == 1 else known.can_end, False)
        for found, amounts in _iter_ngram_counts(
            runs, length, ends, known.singular_ids, code, bits, counted_groups, min_documents
        ):
            names += _spell_keys(found, prefixes, known.words)
            counts.append(amounts)
        if length < max_words:
            often = _find_frequent_keys(runs, length, size, asked, min_documents)
            runs = [
                _WordRuns(one.block, *_select_frequent_runs(*_extend_runs(one, length, size), often)) for one in runs
            ]
            prefixes = _spell_keys(often, prefixes, known.words)
    every = np.concatenate(counts) if counts else np.zeros((0, number), np.int64)
    # whatever order the submissions were read in
    return NgramCounts(names, every).select_rows(np.array(sorted(range(len(names)), key=names.__getitem__), np.intp))


def _pack_group_codes(group_of: IntArray, group_count: int) -> tuple[int, Int32Array | IntArray]:
    """A number for each submission: that of its group, and in so many bits below it which one of the group it is."""
    size = np.bincount(group_of, minlength=group_count)
    bits = int(max(size.max(initial=1) - 1, 1)).bit_length()
    order = np.argsort(group_of, kind="stable")
    within = np.arange(len(group_of)) - np.repeat(np.cumsum(size) - size, size)
    code = np.empty(len(group_of), np.int64)
    code[order] = group_of[order] << bits | within
    return bits, code.astype(np.int32) if bits + group_count.bit_length() < 32 else code


def _spell_keys(keys: IntArray, prefixes: Sequence[str], names: Sequence[str]) -> list[str]:
    """The words of keys."""
    size = len(names)
    return [f"{prefixes[key // size]} {names[key % size]}".lstrip() for key in keys.tolist()]


def _find_frequent_words(
    tokens: TokenizedDocuments, is_counted: BoolArray, min_documents: int
) -> tuple[_FrequentWords, list[TokenBlock]]:
    """What is known of the frequent words, and the blocks in numbers of these (-1 for all others)."""
    often = np.zeros(len(tokens.vocabulary), np.int64)
    for block in tokens.blocks:
        often += np.bincount(block.word_ids[block.repeat_by_length(is_counted)], minlength=len(often))
    both = often.copy()
    plural = np.flatnonzero(tokens.singular_ids != np.arange(len(tokens.singular_ids)))
    np.add.at(both, tokens.singular_ids[plural], often[plural])
    kept = both[tokens.singular_ids] >= min_documents
    number = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    names = tokens.vocabulary.filter(pa.array(kept)).to_pylist()
    lexical = np.array([name not in STOPWORDS for name in names], bool)
    digits = np.array([name.isdigit() for name in names], bool)
    alone = np.array([sum(map(str.isalpha, name)) > 1 for name in names], bool)
    known = _FrequentWords(names, lexical & ~digits, lexical, lexical & alone, number[tokens.singular_ids[kept]])
    return known, [block._replace(word_ids=number[block.word_ids]) for block in tokens.blocks]


def _iter_ngram_counts(
    runs: Sequence[_WordRuns],
    length: int,
    can_end: BoolArray,
    singular_ids: Int32Array,
    code: NDArray[Any],
    bits: int,
    counted_groups: BoolArray,
    min_documents: int,
) -> Iterator[tuple[IntArray, IntArray]]:
    """The keys of runs that enough submissions of the chosen groups hold, and how many of each group do."""
    size, number, wide = len(can_end) - 1, len(counted_groups), (len(counted_groups) - 1).bit_length()
    total = sum(len(one.starts) for one in runs)
    most = max((int(one.prefix_ids.max()) for one in runs if len(one.prefix_ids)), default=0)
    if ((most + 1) * size).bit_length() + bits + wide > _MAX_KEY_BITS:
        raise UsageError(
            f"Runs of {length} words in so many submissions do not fit into memory: take a larger --min-count, fewer "
            "--words, or a smaller scope."
        )
    parts = 1 + total // _MAX_SORTED_KEYS

    def iter_packed_keys(part: int) -> Iterator[IntArray]:
        for block, place, prefix in runs:
            last = block.word_ids[place + np.int32(length - 1)]
            held = can_end[last] if parts == 1 else can_end[last] & ((singular_ids[last] + prefix) % parts == part)
            key = prefix[held] * np.int64(size) + singular_ids[last[held]]
            yield key << bits + wide | block.repeat_by_length(code)[place[held]]

    for part in range(parts):
        for piece in _iter_sorted_pieces(iter_packed_keys(part), total, bits + wide):
            cell = piece[_mark_changes(piece)] >> bits
            first = np.flatnonzero(_mark_changes(cell))
            cell, held = cell[first], np.diff(np.append(first, len(cell)))
            key, group = cell >> wide, cell & ((1 << wide) - 1)
            first = np.flatnonzero(_mark_changes(key))
            enough = np.add.reduceat(held * counted_groups[group], first) >= min_documents
            kept = np.repeat(enough, np.diff(np.append(first, len(key))))
            amounts = np.zeros((int(enough.sum()), number), np.int64)
            amounts[np.cumsum(_mark_changes(key[kept])) - 1, group[kept]] = held[kept]
            yield key[first[enough]], amounts


def find_documents(tokens: TokenizedDocuments, terms: Sequence[str]) -> list[Int32Array]:
    """Of each of some terms, as `count` names them, the submissions that hold it, in order."""
    size, longest = max(len(tokens.vocabulary), 1), max((len(term.split()) for term in terms), default=0)
    numbers = pc.index_in(pa.array([word for term in terms for word in term.split()], pa.string()), tokens.vocabulary)
    known = iter(numbers.fill_null(-1).to_pylist())
    spelt = [tuple(next(known) for _ in term.split()) for term in terms]
    # by length: the keys of what terms begin with and go on, and of the terms that end there, with their places
    prefixes: dict[tuple[int, ...], int] = {(): 0}
    wanted: list[tuple[IntArray, IntArray, list[int]]] = []
    for length in range(1, longest + 1):
        ending = [place for place, term in enumerate(spelt) if len(term) == length and min(term) >= 0]
        heads = list(dict.fromkeys(term[:length] for term in spelt if len(term) > length and min(term) >= 0))
        keys = [prefixes[run[:-1]] * size + run[-1] for run in (*heads, *(spelt[place] for place in ending))]
        wanted.append((np.array(keys[: len(heads)], np.int64), np.array(keys[len(heads) :], np.int64), ending))
        prefixes = {head: number for number, head in enumerate(heads)}
    first = np.zeros(size, bool)
    for heads_of, ends_of, _ in wanted[:1]:
        first[heads_of], first[ends_of] = True, True
    found: list[list[Int32Array]] = [[] for _ in terms]
    every = np.arange(tokens.document_count)
    for block in tokens.blocks:
        place = np.flatnonzero(first[block.word_ids] | first[tokens.singular_ids[block.word_ids]]).astype(np.int32)
        runs = _WordRuns(block, place, np.zeros(len(place), np.int32))
        for length, (on, ends, ending) in enumerate(wanted, 1):
            last = block.word_ids[runs.starts + np.int32(length - 1)]
            at, which = _select_frequent_runs(
                runs.starts, runs.prefix_ids * np.int64(size) + tokens.singular_ids[last], ends
            )
            pairs = np.unique(which.astype(np.int64) << 32 | block.repeat_by_length(every)[at])
            cuts = np.searchsorted(pairs >> 32, np.arange(len(ending) + 1))
            for row, term in enumerate(ending):
                found[term].append((pairs[cuts[row] : cuts[row + 1]] & 0xFFFFFFFF).astype(np.int32))
            runs = _WordRuns(block, *_select_frequent_runs(*_extend_runs(runs, length, size), on))
    return [np.concatenate(parts) if parts else np.zeros(0, np.int32) for parts in found]


def _extend_runs(runs: _WordRuns, length: int, size: int) -> tuple[Int32Array, IntArray]:
    """The runs after which a frequent word comes next: where they begin, and their keys, with no plural folded."""
    last = runs.starts + np.int32(length - 1)
    goes = runs.block.next_kinds == NEXT_IS_WORD
    goes[:-1] &= runs.block.word_ids[1:] >= 0
    on = goes[last]
    return runs.starts[on], runs.prefix_ids[on] * np.int64(size) + runs.block.word_ids[last[on]]


def _select_frequent_runs(starts: Int32Array, keys: IntArray, frequent_keys: IntArray) -> tuple[Int32Array, Int32Array]:
    """Of runs and their keys those that are frequent, with the number of each."""
    prefix = pc.index_in(pa.array(keys), pa.array(frequent_keys)).fill_null(-1).to_numpy()
    there = prefix >= 0
    return starts[there], prefix[there]


def _find_frequent_keys(
    runs: Sequence[_WordRuns], length: int, size: int, is_counted: BoolArray, min_documents: int
) -> IntArray:
    """The keys of `_going_on` that occur at least so often in the asked submissions."""
    total = sum(len(one.starts) for one in runs)
    parts = 1 + total // _MAX_SORTED_KEYS

    def iter_key_chunks(part: int) -> Iterator[IntArray]:
        for one in runs:
            place, keys = _extend_runs(one, length, size)
            held = one.block.repeat_by_length(is_counted)[place]
            yield keys[held if parts == 1 else held & (keys % parts == part)]

    found = [np.zeros(0, np.int64)]
    for part in range(parts):
        for piece in _iter_sorted_pieces(iter_key_chunks(part), total, 0):
            first = np.flatnonzero(_mark_changes(piece))
            found.append(piece[first[np.diff(np.append(first, len(piece))) >= min_documents]])
    return np.concatenate(found)


def _mark_changes(values: IntArray) -> BoolArray:
    """Where a sorted value differs from the one before."""
    found = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


def _iter_sorted_pieces(chunks: Iterable[IntArray], max_values: int, shift: int) -> Iterator[IntArray]:
    """The values of some chunks in order, `most` at most, in pieces that are small enough for the caches.

    Those of one key, which lies above `shift` bits, stay together.
    """
    every, size = np.empty(max_values, np.int64), 0  # room that is not written to takes no memory
    for chunk in chunks:
        every[size : size + len(chunk)] = chunk
        size += len(chunk)
    every = every[:size]
    every.sort()
    start = 0
    while start < size:
        after = (every[min(start + _KEYS_PER_PIECE, size) - 1] >> shift) + 1 << shift
        stop = int(np.searchsorted(every, after))
        yield every[start:stop]
        start = stop
