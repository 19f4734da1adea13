"""Tokenise texts: words as numbers, the form in which n-grams are counted.

A word is a run of ASCII letters, digits and underscores, in lower case. Two words are adjacent where exactly one space
or one hyphen separates them. The phrase of a topic matches by the same rule (topics/patterns.py), so the count of an
n-gram is that of the topic made of it.

Words are split on Arrow buffers: text by text, with a regular expression and a Counter, counting takes nine times as
long (docs/explanation/terms.md). Words for other uses are those of core/normalize.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.core.arrow import pa, pc
from trendcli.reports.terms.stopwords import NON_PLURALS, STOPWORDS

# what follows a word
NEXT_IS_OTHER = 0  # anything that is not below: punctuation, two spaces, the end of the text
NEXT_IS_WORD = 1  # one space or hyphen: the next word is adjacent
NEXT_IS_OPENING = 2  # one space and an opening bracket
NEXT_IS_CLOSING = 3  # a closing bracket

_MIN_STEM_LENGTH = 3  # letters of a word without its plural s; shorter words ("gas", "GPs") stay as they are
_MIN_SINGULAR_RATIO = 0.01  # occurrences of the singular per plural; below, the s is part of the word ("news")
_BREAK_BYTE = ord(".")

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]


def _build_byte_table() -> bytes:
    """Return what each byte of a text becomes: those of words keep theirs, all others sort below them."""
    table = bytearray([_BREAK_BYTE]) * 256
    for char in b"abcdefghijklmnopqrstuvwxyz0123456789_()":
        table[char] = char
    for char in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        table[char] = char + 32
    table[ord(" ")] = table[ord("-")] = ord(" ")
    return bytes(table)


_BYTE_TABLE = _build_byte_table()
_FIRST_WORD_BYTE = ord("0")  # the lowest byte of a word


class TokenBlock(NamedTuple):
    """The words of some submissions in their order.

    `word_ids` and `next_kinds` (NEXT_IS_…) have one value per word. `document_lengths` is the number of words of each
    submission, the first of which is number `first_document`.
    """

    word_ids: Int32Array
    next_kinds: NDArray[np.int8]
    first_document: int
    document_lengths: Int32Array

    def repeat_by_length(self, document_values: NDArray[Any]) -> NDArray[Any]:
        """Return for each word the value of its submission; computed on demand, since it takes as much as the words.

        `document_values` has one value per submission of all blocks.
        """
        return np.repeat(
            document_values[self.first_document : self.first_document + len(self.document_lengths)],
            self.document_lengths,
        )


class TokenizedDocuments(NamedTuple):
    """The words of `document_count` submissions, which are numbered in the order in which they were read.

    `vocabulary` has the words by id, `singular_ids` the id of each word without its plural s, or its own.
    """

    blocks: list[TokenBlock]
    vocabulary: pa.Array
    singular_ids: Int32Array
    document_count: int


def tokenize_batches(batches: Iterable[Sequence[pa.Array]]) -> TokenizedDocuments:
    """Tokenise batches of submissions, each a few arrays of normalised text of one length (such as title and abstract).

    No run of words crosses from one array to the next.
    """
    word_chunks, block_fields, document_count = [], [], 0
    for columns in batches:
        if len(columns[0]):
            words, next_kinds, document_lengths = _tokenize_batch(columns)
            word_chunks.append(words)
            block_fields.append((next_kinds, document_count, document_lengths))
            document_count += len(document_lengths)
    words = pa.chunked_array(word_chunks, pa.dictionary(pa.int32(), pa.string())).unify_dictionaries()
    vocabulary = words.chunk(0).dictionary if word_chunks else pa.array([], pa.string())
    ids_by_block = [chunk.indices.to_numpy() for chunk in words.chunks]
    frequencies = sum(
        (np.bincount(word_ids, minlength=len(vocabulary)) for word_ids in ids_by_block),
        np.zeros(len(vocabulary), np.int64),
    )
    blocks = [TokenBlock(word_ids, *fields) for word_ids, fields in zip(ids_by_block, block_fields, strict=True)]
    return TokenizedDocuments(blocks, vocabulary, _find_singular_ids(vocabulary, frequencies), document_count)


def _tokenize_batch(columns: Sequence[pa.Array]) -> tuple[pa.DictionaryArray, NDArray[np.int8], Int32Array]:
    """Return the words of a batch, what follows each, and the number of words of each submission."""
    joined = pc.binary_join_element_wise(*(column.cast(pa.binary()) for column in columns), b"", b"\n")
    ends = np.frombuffer(joined.buffers()[1], np.int32)[1 : len(joined) + 1]
    text = bytes(memoryview(joined.buffers()[2])[: ends[-1]]).translate(_BYTE_TABLE)
    in_word = np.frombuffer(text, np.uint8) >= _FIRST_WORD_BYTE
    starts = np.flatnonzero(in_word[1:] & ~in_word[:-1]).astype(np.int32) + np.int32(1)
    starts = np.concatenate([np.zeros(int(in_word[0]), np.int32), starts])
    document_lengths = np.diff(np.searchsorted(starts, ends), prepend=0).astype(np.int32)
    # a piece is a word with all that follows it up to the next: so pieces lie side by side, and nothing is copied
    offsets = pa.py_buffer(np.concatenate([starts, ends[-1:]]))
    pieces = pa.StringArray.from_buffers(len(starts), offsets, pa.py_buffer(text)).dictionary_encode()
    piece_words = pc.ascii_rtrim(pieces.dictionary, " ().")
    distinct_words = piece_words.dictionary_encode()
    piece_ids = pieces.indices.to_numpy()
    words = pa.DictionaryArray.from_arrays(distinct_words.indices.to_numpy()[piece_ids], distinct_words.dictionary)
    return words, _classify_next(pieces.dictionary, piece_words)[piece_ids], document_lengths


def _classify_next(pieces: pa.Array, piece_words: pa.Array) -> NDArray[np.int8]:
    """Return what follows the word of each piece (NEXT_IS_…)."""
    gap_length = pc.subtract(pc.binary_length(pieces), pc.binary_length(piece_words)).to_numpy()
    kinds = np.full(len(pieces), NEXT_IS_OTHER, np.int8)
    kinds[pc.match_substring_regex(pieces, r"^\w+\)").to_numpy(zero_copy_only=False)] = NEXT_IS_CLOSING
    kinds[(gap_length == 1) & pc.ends_with(pieces, " ").to_numpy(zero_copy_only=False)] = NEXT_IS_WORD
    kinds[(gap_length == 2) & pc.ends_with(pieces, " (").to_numpy(zero_copy_only=False)] = NEXT_IS_OPENING
    return kinds


def _find_singular_ids(vocabulary: pa.Array, frequencies: IntArray) -> Int32Array:
    """Return the id of each word without its plural s, or its own id if it is no plural of a word that occurs."""
    unchanged = pa.array(sorted(STOPWORDS | NON_PLURALS))
    singular_ids = np.arange(len(vocabulary), dtype=np.int32)
    is_candidate = pc.and_(
        pc.match_substring_regex(vocabulary, f"^\\w{{{_MIN_STEM_LENGTH - 1},}}[^s]s$"),
        pc.invert(pc.is_in(vocabulary, unchanged)),
    )
    plural_ids = np.flatnonzero(is_candidate.to_numpy(zero_copy_only=False))
    stems = pc.utf8_slice_codeunits(vocabulary.take(pa.array(plural_ids)), 0, -1)
    stems = pc.if_else(pc.is_in(stems, unchanged), None, stems)
    stem_ids = pc.index_in(stems, vocabulary, skip_nulls=True).fill_null(-1).to_numpy()
    is_plural = (stem_ids >= 0) & (
        frequencies[stem_ids] >= np.maximum(_MIN_SINGULAR_RATIO * frequencies[plural_ids], 1)
    )
    singular_ids[plural_ids[is_plural]] = stem_ids[is_plural]
    return singular_ids
