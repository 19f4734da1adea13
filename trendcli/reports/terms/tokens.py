"""Texts as words, and words as numbers: what runs of words are counted in.

A text is lower-cased ASCII. Its words are runs of letters, digits and underscores, and two words stand in a row where
one space or one hyphen parts them: just so does the phrase of a topic match (rules.py), so that the count of a run of
words is that of the topic made of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.core.arrow import pa, pc
from trendcli.reports.terms.stopwords import NON_PLURALS, STOPWORDS

# what follows a word: anything else, the next word of the run, an opening bracket or a closing one
NEXT_IS_OTHER, NEXT_IS_WORD, NEXT_IS_OPENING, NEXT_IS_CLOSING = range(4)
# a word of more letters than that is a plural where without its s it is so common, beside it
_MIN_STEM_LENGTH, _MIN_SINGULAR_RATIO = 3, 0.01
# words of a run that an acronym in brackets may stand for
_MAX_DEFINITION_WORDS = 8
_BREAK_BYTE = ord(".")

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]


def _build_byte_table() -> bytes:
    """What each byte of a text becomes: words keep theirs, and all others sort below them."""
    table = bytearray([_BREAK_BYTE]) * 256
    for char in b"abcdefghijklmnopqrstuvwxyz0123456789_()":
        table[char] = char
    for char in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        table[char] = char + 32
    table[ord(" ")] = table[ord("-")] = ord(" ")
    return bytes(table)


_BYTE_TABLE, _FIRST_WORD_BYTE = _build_byte_table(), ord("0")


class TokenBlock(NamedTuple):
    """The words of some submissions in their order: the number of each, and what follows it.

    `first` is the number of the first submission, and `sizes` says how many words each has.
    """

    word_ids: Int32Array
    next_kinds: NDArray[np.int8]
    first_document: int
    document_lengths: Int32Array

    def repeat_by_length(self, document_values: NDArray[Any]) -> NDArray[Any]:
        """Of each word what `values` say of its submission; made when it is asked for, to hold less."""
        return np.repeat(
            document_values[self.first_document : self.first_document + len(self.document_lengths)],
            self.document_lengths,
        )


class TokenizedDocuments(NamedTuple):
    """The words of `texts` submissions, which are numbered as they were read.

    `names` are the words by number, and `stem` the number of each without its plural s.
    """

    blocks: list[TokenBlock]
    vocabulary: pa.Array
    singular_ids: Int32Array
    document_count: int


def tokenize_batches(batches: Iterable[Sequence[pa.Array]]) -> TokenizedDocuments:
    """The words of batches of submissions, each some arrays of canonical text alike in length: no run crosses them."""
    chunks, rest, number = [], [], 0
    for parts in batches:
        if len(parts[0]):
            words, after, sizes = _tokenize_batch(parts)
            chunks.append(words)
            rest.append((after, number, sizes))
            number += len(sizes)
    every = pa.chunked_array(chunks, pa.dictionary(pa.int32(), pa.string())).unify_dictionaries()
    names = every.chunk(0).dictionary if chunks else pa.array([], pa.string())
    numbers = [chunk.indices.to_numpy() for chunk in every.chunks]
    often = sum((np.bincount(word, minlength=len(names)) for word in numbers), np.zeros(len(names), np.int64))
    blocks = [TokenBlock(word, *parts) for word, parts in zip(numbers, rest, strict=True)]
    return TokenizedDocuments(blocks, names, _find_singular_ids(names, often), number)


def _tokenize_batch(columns: Sequence[pa.Array]) -> tuple[pa.DictionaryArray, NDArray[np.int8], Int32Array]:
    """The words of one batch, what follows each, and how many each submission has."""
    whole = pc.binary_join_element_wise(*(part.cast(pa.binary()) for part in columns), b"", b"\n")
    ends = np.frombuffer(whole.buffers()[1], np.int32)[1 : len(whole) + 1]
    plain = bytes(memoryview(whole.buffers()[2])[: ends[-1]]).translate(_BYTE_TABLE)
    inside = np.frombuffer(plain, np.uint8) >= _FIRST_WORD_BYTE
    starts = np.flatnonzero(inside[1:] & ~inside[:-1]).astype(np.int32) + np.int32(1)
    starts = np.concatenate([np.zeros(int(inside[0]), np.int32), starts])
    sizes = np.diff(np.searchsorted(starts, ends), prepend=0).astype(np.int32)
    # a word with all that follows it up to the next: so the pieces lie side by side, and nothing has to be copied
    cuts = pa.py_buffer(np.concatenate([starts, ends[-1:]]))
    pieces = pa.StringArray.from_buffers(len(starts), cuts, pa.py_buffer(plain)).dictionary_encode()
    names = pc.ascii_rtrim(pieces.dictionary, " ().")
    named = names.dictionary_encode()
    piece = pieces.indices.to_numpy()
    words = pa.DictionaryArray.from_arrays(named.indices.to_numpy()[piece], named.dictionary)
    return words, _classify_next(pieces.dictionary, names)[piece], sizes


def _classify_next(pieces: pa.Array, names: pa.Array) -> NDArray[np.int8]:
    size = pc.subtract(pc.binary_length(pieces), pc.binary_length(names)).to_numpy()
    found = np.full(len(pieces), NEXT_IS_OTHER, np.int8)
    found[pc.match_substring_regex(pieces, r"^\w+\)").to_numpy(zero_copy_only=False)] = NEXT_IS_CLOSING
    found[(size == 1) & pc.ends_with(pieces, " ").to_numpy(zero_copy_only=False)] = NEXT_IS_WORD
    found[(size == 2) & pc.ends_with(pieces, " (").to_numpy(zero_copy_only=False)] = NEXT_IS_OPENING
    return found


def _find_singular_ids(names: pa.Array, frequencies: IntArray) -> Int32Array:
    """The number of each word without its plural s, or its own."""
    whole = pa.array(sorted(STOPWORDS | NON_PLURALS))
    stem = np.arange(len(names), dtype=np.int32)
    plural = pc.and_(
        pc.match_substring_regex(names, f"^\\w{{{_MIN_STEM_LENGTH - 1},}}[^s]s$"), pc.invert(pc.is_in(names, whole))
    )
    plural = np.flatnonzero(plural.to_numpy(zero_copy_only=False))
    single = pc.utf8_slice_codeunits(names.take(pa.array(plural)), 0, -1)
    at = pc.index_in(pc.if_else(pc.is_in(single, whole), None, single), names, skip_nulls=True).fill_null(-1).to_numpy()
    there = (at >= 0) & (frequencies[at] >= np.maximum(_MIN_SINGULAR_RATIO * frequencies[plural], 1))
    stem[plural[there]] = at[there]
    return stem


def count_acronym_definitions(tokens: TokenizedDocuments, acronyms: Collection[str]) -> Counter[tuple[str, str]]:
    """How often each of some acronyms stands in brackets behind a run of words with its initials: (acronym, run).

    "graph neural networks (GNNs)" defines (gnn, graph neural network); stop words within the run may have no letter.
    """
    names, at = tokens.vocabulary, pc.index_in(pa.array(sorted(acronyms), pa.string()), tokens.vocabulary)
    chosen = np.zeros(len(names), bool)
    chosen[at.drop_null().to_numpy()] = True
    found: Counter[tuple[str, str]] = Counter()
    for block in tokens.blocks:
        inside = (
            (block.next_kinds[:-1] == NEXT_IS_OPENING)
            & (block.next_kinds[1:] == NEXT_IS_CLOSING)
            & chosen[tokens.singular_ids[block.word_ids[1:]]]
        )
        for place in np.flatnonzero(inside).tolist():
            start = place
            while start > 0 and place - start < _MAX_DEFINITION_WORDS and block.next_kinds[start - 1] == NEXT_IS_WORD:
                start -= 1
            run = names.take(pa.array(block.word_ids[start : place + 1])).to_pylist()
            acronym = names[int(tokens.singular_ids[block.word_ids[place + 1]])].as_py()
            if size := _count_initial_words(acronym, run):
                run[-1] = names[int(tokens.singular_ids[block.word_ids[place]])].as_py()
                found[acronym, " ".join(run[-size:])] += 1
    return found


def _count_initial_words(acronym: str, run: Sequence[str]) -> int:
    """How many of the last words of a run have an acronym for initials; 0 where none do."""
    left = len(acronym)
    for size, word in enumerate(reversed(run), 1):
        if word[0] == acronym[left - 1]:
            left -= 1
        elif word not in STOPWORDS:
            return 0
        if not left:
            return size
    return 0
