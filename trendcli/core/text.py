"""Text that is safe to display: without control characters, and of limited length."""

from __future__ import annotations

import re

MAX_MESSAGE_LENGTH = 2000  # characters: the longest that names what is known has 1,200; a value given may have millions
BLANKS = re.compile("[\t-\r\x1c-\x1e\x85\u2028\u2029]+")  # tabs and all ends of lines
# terminal controls (C0, C1), bidirectional overrides and isolates, and characters that XML forbids
UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ufffe\uffff]")
SURROGATES = re.compile("[\ud800-\udfff]")  # bytes of the command line or the environment that are not UTF-8


def clean_text(text: str) -> str:
    """Return text on one line without control characters, as records and topic files may hold them."""
    if text.isprintable():
        return text
    return SURROGATES.sub("\ufffd", UNSHOWABLE.sub("", BLANKS.sub(" ", text)))


def clean_message(text: str) -> str:
    """Return a message without control characters, shortened in the middle if it is too long; keep line breaks."""
    if len(text) > MAX_MESSAGE_LENGTH:  # the beginning says what failed, the end what to do
        text = f"{text[: MAX_MESSAGE_LENGTH * 2 // 3]} […] {text[-MAX_MESSAGE_LENGTH // 3 :]}"
    return "\n".join(map(clean_text, text.split("\n")))
