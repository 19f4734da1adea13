"""Split text into words: one tokeniser, and what a word is for each of its uses.

The uses differ on purpose; on the same abstracts no two of these patterns give the same words. N-grams are counted on
whole columns of text by reports/terms/tokens.py, whose words are those that the phrase of a topic matches
(topics/patterns.py): runs of ASCII letters, digits and underscores.
"""

from __future__ import annotations

import re

# search: letters and digits of any script; everything else separates, an underscore too, as in the full-text index.
# Written as what does not separate, since a class of all letters beyond ASCII takes Python 10 ms to compile
SEPARATOR_CLASS = r"[\x00-/:-`{-\x7f]"
LETTER_CLASS = f"[^{SEPARATOR_CLASS[1:]}"
SEARCH_WORD = f"{LETTER_CLASS}+"
# titles: terms are shown as written and compared only with other titles, so "c++" is a word, and an inner hyphen or
# apostrophe holds one together ("self-attention", "alzheimer's")
TITLE_WORD = r"[a-z0-9][a-z0-9+]*(?:[-'][a-z0-9+]+)*"
# surroundings of an acronym: evidence of its sense, for which digits, underscores and single letters are noise
CONTEXT_WORD = r"[a-z][a-z]+"


def split_words(text: str, word_pattern: str) -> list[str]:
    """Return the words of a text in their order, in lower case, as one of the patterns above defines them."""
    return re.findall(word_pattern, text.lower())
