"""Document frequencies of n-grams: in how many submissions, of each of some groups, each run of words occurs.

A term is 1 to 4 adjacent words that neither begin nor end with a stopword; its last word counts with and without a
plural s. Terms become integers: the id of the term without its last word, the last word, and the submission, packed
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
_MAX_SORTED_KEYS = 32_000_000  # keys that are sorted together: 256 MB
_KEYS_PER_PIECE = 2_000_000  # sorted keys that are counted together: small enough for the caches
_MAX_KEY_BITS = 63  # of a signed integer

BoolArray = NDArray[np.bool_]


class NgramCounts(NamedTuple):
    """Terms, and in how many submissions of each group they are: `counts` is terms × groups."""

    terms: list[str]
    counts: IntArray

    def select_rows(self, rows: BoolArray | NDArray[np.intp]) -> NgramCounts:
        """Return the terms of a mask or of indices."""
        indices = np.arange(len(self.terms))[rows]
        return NgramCounts([self.terms[index] for index in indices.tolist()], self.counts[indices])


class _FrequentWords(NamedTuple):
    """The frequent words: which may begin a term, end one or be one, and the id of each without its plural s."""

    words: list[str]
    can_begin: BoolArray
    can_end: BoolArray
    can_stand_alone: BoolArray
    singular_ids: Int32Array


class _WordRuns(NamedTuple):
    """Runs of words in a block: the index of their first word, and the id of each run without its last word."""

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
    """Return the terms of up to `max_words` words in at least `min_documents` submissions, sorted, with their counts.

    `group_of` has the group of each submission. With `counted_groups` (one truth value per group) only submissions of
    those groups count towards `min_documents`; counts are given for all groups. UsageError if the keys of so many terms
    and submissions do not fit into 63 bits.
    """
    if counted_groups is None:
        counted_groups = np.ones(int(group_of.max(initial=-1)) + 1, bool)
    is_counted = counted_groups[group_of]
    frequent, blocks = _find_frequent_words(tokens, is_counted, min_documents)
    bits, codes = _pack_group_codes(group_of, len(counted_groups))
    size, prefixes = max(len(frequent.words), 1), [""]
    can_begin = np.append(frequent.can_begin, False)
    starts = [np.flatnonzero(can_begin[block.word_ids]).astype(np.int32) for block in blocks]
    runs = [
        _WordRuns(block, first, np.zeros(len(first), np.int32)) for block, first in zip(blocks, starts, strict=True)
    ]
    terms: list[str] = []
    counts: list[IntArray] = []
    for length in range(1, max_words + 1):
        can_end = np.append(frequent.can_stand_alone if length == 1 else frequent.can_end, False)
        for keys, key_counts in _iter_ngram_counts(
            runs, length, can_end, frequent.singular_ids, codes, bits, counted_groups, min_documents
        ):
            terms += _spell_keys(keys, prefixes, frequent.words)
            counts.append(key_counts)
        if length < max_words:
            frequent_keys = _find_frequent_keys(runs, length, size, is_counted, min_documents)
            runs = [
                _WordRuns(one.block, *_select_frequent_runs(*_extend_runs(one, length, size), frequent_keys))
                for one in runs
            ]
            prefixes = _spell_keys(frequent_keys, prefixes, frequent.words)
    every_count = np.concatenate(counts) if counts else np.zeros((0, len(counted_groups)), np.int64)
    # in an order that does not depend on that of the submissions
    order = np.array(sorted(range(len(terms)), key=terms.__getitem__), np.intp)
    return NgramCounts(terms, every_count).select_rows(order)


def _pack_group_codes(group_of: IntArray, group_count: int) -> tuple[int, Int32Array | IntArray]:
    """Return a code for each submission, and the number of its low bits.

    The low bits number the submission within its group; the group is above them.
    """
    sizes = np.bincount(group_of, minlength=group_count)
    bits = int(max(sizes.max(initial=1) - 1, 1)).bit_length()
    order = np.argsort(group_of, kind="stable")
    within_group = np.arange(len(group_of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    codes = np.empty(len(group_of), np.int64)
    codes[order] = group_of[order] << bits | within_group
    return bits, codes.astype(np.int32) if bits + group_count.bit_length() < 32 else codes


def _spell_keys(keys: IntArray, prefixes: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the terms of keys: a key is the index of a prefix times the number of words, plus that of the last."""
    size = len(words)
    return [f"{prefixes[key // size]} {words[key % size]}".lstrip() for key in keys.tolist()]


def _find_frequent_words(
    tokens: TokenizedDocuments, is_counted: BoolArray, min_documents: int
) -> tuple[_FrequentWords, list[TokenBlock]]:
    """Return the words that may be in a frequent term, and the blocks in the ids of these (-1 for all others)."""
    frequencies = np.zeros(len(tokens.vocabulary), np.int64)
    for block in tokens.blocks:
        frequencies += np.bincount(block.word_ids[block.repeat_by_length(is_counted)], minlength=len(frequencies))
    with_plurals = frequencies.copy()
    plural_ids = np.flatnonzero(tokens.singular_ids != np.arange(len(tokens.singular_ids)))
    np.add.at(with_plurals, tokens.singular_ids[plural_ids], frequencies[plural_ids])
    is_frequent = with_plurals[tokens.singular_ids] >= min_documents
    new_ids = np.where(is_frequent, np.cumsum(is_frequent) - 1, -1).astype(np.int32)
    words = tokens.vocabulary.filter(pa.array(is_frequent)).to_pylist()
    is_lexical = np.array([word not in STOPWORDS for word in words], bool)
    is_number = np.array([word.isdigit() for word in words], bool)
    has_letters = np.array([sum(map(str.isalpha, word)) > 1 for word in words], bool)
    frequent = _FrequentWords(
        words, is_lexical & ~is_number, is_lexical, is_lexical & has_letters, new_ids[tokens.singular_ids[is_frequent]]
    )
    return frequent, [block._replace(word_ids=new_ids[block.word_ids]) for block in tokens.blocks]


def _iter_ngram_counts(
    runs: Sequence[_WordRuns],
    length: int,
    can_end: BoolArray,
    singular_ids: Int32Array,
    codes: NDArray[Any],
    bits: int,
    counted_groups: BoolArray,
    min_documents: int,
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield keys of runs of `length` words in enough submissions of the counted groups, with their counts by group."""
    size, group_count = len(can_end) - 1, len(counted_groups)
    group_bits = (group_count - 1).bit_length()
    run_count = sum(len(one.starts) for one in runs)
    max_prefix = max((int(one.prefix_ids.max()) for one in runs if len(one.prefix_ids)), default=0)
    if ((max_prefix + 1) * size).bit_length() + bits + group_bits > _MAX_KEY_BITS:
        raise UsageError(
            f"Too many distinct terms of {length} words to count in this many submissions: use a larger --min-count, "
            "fewer --words or a smaller scope."
        )
    part_count = 1 + run_count // _MAX_SORTED_KEYS

    def iter_packed_keys(part: int) -> Iterator[IntArray]:
        for block, starts, prefix_ids in runs:
            last = block.word_ids[starts + np.int32(length - 1)]
            is_in_part = can_end[last]
            if part_count > 1:
                is_in_part &= (singular_ids[last] + prefix_ids) % part_count == part
            keys = prefix_ids[is_in_part] * np.int64(size) + singular_ids[last[is_in_part]]
            yield keys << bits + group_bits | block.repeat_by_length(codes)[starts[is_in_part]]

    for part in range(part_count):
        for packed_keys in _iter_sorted_pieces(iter_packed_keys(part), run_count, bits + group_bits):
            # each submission counts once, and what remains is a key and a group
            key_groups = packed_keys[_mark_changes(packed_keys)] >> bits
            first = np.flatnonzero(_mark_changes(key_groups))
            key_groups, document_counts = key_groups[first], np.diff(np.append(first, len(key_groups)))
            keys, groups = key_groups >> group_bits, key_groups & ((1 << group_bits) - 1)
            first = np.flatnonzero(_mark_changes(keys))
            is_enough = np.add.reduceat(document_counts * counted_groups[groups], first) >= min_documents
            is_kept = np.repeat(is_enough, np.diff(np.append(first, len(keys))))
            counts = np.zeros((int(is_enough.sum()), group_count), np.int64)
            counts[np.cumsum(_mark_changes(keys[is_kept])) - 1, groups[is_kept]] = document_counts[is_kept]
            yield keys[first[is_enough]], counts


def find_documents(tokens: TokenizedDocuments, terms: Sequence[str]) -> list[Int32Array]:
    """Return the submissions that contain each of some terms, spelt as by `count_ngrams`, in ascending order."""
    size = max(len(tokens.vocabulary), 1)
    max_words = max((len(term.split()) for term in terms), default=0)
    word_ids = pc.index_in(pa.array([word for term in terms for word in term.split()], pa.string()), tokens.vocabulary)
    next_ids = iter(word_ids.fill_null(-1).to_pylist())
    ids_of_terms = [tuple(next(next_ids) for _ in term.split()) for term in terms]
    # by length: the keys of heads, with which longer terms begin, the keys of terms that end there, and those terms
    head_ids: dict[tuple[int, ...], int] = {(): 0}
    levels: list[tuple[IntArray, IntArray, list[int]]] = []
    for length in range(1, max_words + 1):
        ending = [index for index, ids in enumerate(ids_of_terms) if len(ids) == length and min(ids) >= 0]
        heads = list(dict.fromkeys(ids[:length] for ids in ids_of_terms if len(ids) > length and min(ids) >= 0))
        keys = [head_ids[ids[:-1]] * size + ids[-1] for ids in (*heads, *(ids_of_terms[index] for index in ending))]
        levels.append((np.array(keys[: len(heads)], np.int64), np.array(keys[len(heads) :], np.int64), ending))
        head_ids = {head: number for number, head in enumerate(heads)}
    can_begin = np.zeros(size, bool)
    for head_keys, term_keys, _ in levels[:1]:
        can_begin[head_keys], can_begin[term_keys] = True, True
    chunks: list[list[Int32Array]] = [[] for _ in terms]
    document_numbers = np.arange(tokens.document_count)
    for block in tokens.blocks:
        is_start = can_begin[block.word_ids] | can_begin[tokens.singular_ids[block.word_ids]]
        starts = np.flatnonzero(is_start).astype(np.int32)
        runs = _WordRuns(block, starts, np.zeros(len(starts), np.int32))
        for length, (head_keys, term_keys, ending) in enumerate(levels, 1):
            last = block.word_ids[runs.starts + np.int32(length - 1)]
            run_keys = runs.prefix_ids * np.int64(size) + tokens.singular_ids[last]
            term_starts, term_numbers = _select_frequent_runs(runs.starts, run_keys, term_keys)
            documents = block.repeat_by_length(document_numbers)[term_starts]
            pairs = np.unique(term_numbers.astype(np.int64) << 32 | documents)
            cuts = np.searchsorted(pairs >> 32, np.arange(len(ending) + 1))
            for number, index in enumerate(ending):
                chunks[index].append((pairs[cuts[number] : cuts[number + 1]] & 0xFFFFFFFF).astype(np.int32))
            runs = _WordRuns(block, *_select_frequent_runs(*_extend_runs(runs, length, size), head_keys))
    return [np.concatenate(parts) if parts else np.zeros(0, np.int32) for parts in chunks]


def _extend_runs(runs: _WordRuns, length: int, size: int) -> tuple[Int32Array, IntArray]:
    """Return the runs behind which a frequent word is adjacent: starts, and keys that keep plurals apart."""
    last = runs.starts + np.int32(length - 1)
    is_followed = runs.block.next_kinds == NEXT_IS_WORD
    is_followed[:-1] &= runs.block.word_ids[1:] >= 0
    goes_on = is_followed[last]
    return runs.starts[goes_on], runs.prefix_ids[goes_on] * np.int64(size) + runs.block.word_ids[last[goes_on]]


def _select_frequent_runs(starts: Int32Array, keys: IntArray, frequent_keys: IntArray) -> tuple[Int32Array, Int32Array]:
    """Return the starts of the runs whose key is frequent, and the index of that key."""
    indices = pc.index_in(pa.array(keys), pa.array(frequent_keys)).fill_null(-1).to_numpy()
    is_frequent = indices >= 0
    return starts[is_frequent], indices[is_frequent]


def _find_frequent_keys(
    runs: Sequence[_WordRuns], length: int, size: int, is_counted: BoolArray, min_documents: int
) -> IntArray:
    """Return the keys of runs that go on (`_extend_runs`) and occur `min_documents` times in counted submissions."""
    run_count = sum(len(one.starts) for one in runs)
    part_count = 1 + run_count // _MAX_SORTED_KEYS

    def iter_key_chunks(part: int) -> Iterator[IntArray]:
        for one in runs:
            starts, keys = _extend_runs(one, length, size)
            is_in_part = one.block.repeat_by_length(is_counted)[starts]
            yield keys[is_in_part if part_count == 1 else is_in_part & (keys % part_count == part)]

    frequent_keys = [np.zeros(0, np.int64)]
    for part in range(part_count):
        for keys in _iter_sorted_pieces(iter_key_chunks(part), run_count, 0):
            first = np.flatnonzero(_mark_changes(keys))
            frequent_keys.append(keys[first[np.diff(np.append(first, len(keys))) >= min_documents]])
    return np.concatenate(frequent_keys)


def _mark_changes(values: IntArray) -> BoolArray:
    """Return where a sorted value differs from the one before."""
    is_changed = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=is_changed[1:])
    return is_changed


def _iter_sorted_pieces(chunks: Iterable[IntArray], max_values: int, shift: int) -> Iterator[IntArray]:
    """Yield the values of some chunks in order, in pieces that are small enough for the caches.

    There are at most `max_values`. Those of one key, which lies above `shift` bits, stay together.
    """
    values, size = np.empty(max_values, np.int64), 0  # room that is not written to takes no memory
    for chunk in chunks:
        values[size : size + len(chunk)] = chunk
        size += len(chunk)
    values = values[:size]
    values.sort()
    start = 0
    while start < size:
        after = (values[min(start + _KEYS_PER_PIECE, size) - 1] >> shift) + 1 << shift
        stop = int(np.searchsorted(values, after))
        yield values[start:stop]
        start = stop
