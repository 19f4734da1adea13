"""Text in cells of CSV files: without control characters, and never a formula for a spreadsheet.

A spreadsheet computes a cell that begins with = + - @, whoever wrote it: titles, names and identifiers of records can.
Such text gets an apostrophe in front. Numbers are no text and stay as they are.
"""

from __future__ import annotations

import re

from trendcli.core.text import BLANKS, UNSHOWABLE, clean_text

# also behind spaces, and as the full-width characters that spreadsheets take for the same
_FORMULA = re.compile("[ \u3000]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
_FIRST_CHARACTERS = frozenset(" \u3000=+-@\uff1d\uff0b\uff0d\uff20")  # where none of them is first, nothing is matched


def protect_cell(text: str) -> str:
    """Return text that no spreadsheet computes, on one line without control characters."""
    text = clean_text(text)
    return f"'{text}" if text[:1] in _FIRST_CHARACTERS and _FORMULA.match(text) else text


def read_cell(text: str) -> str:
    """Return the text of a cell as it was before `protect_cell` put an apostrophe in front."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text, 1) else text


def protect_cell_sql(expression: str) -> str:
    """Return SQL for what `protect_cell` gives, of an SQL expression of text."""
    clean = f"regexp_replace({expression}, '{_to_re2(BLANKS.pattern)}', ' ', 'g')"
    clean = f"regexp_replace({clean}, '{_to_re2(UNSHOWABLE.pattern)}', '', 'g')"
    protected = f"regexp_replace({clean}, '^({_to_re2(_FORMULA.pattern)})', '''\\1')"
    # one look at plain ASCII, which nearly all texts are, takes half the time of three replacements
    return f"CASE WHEN regexp_matches({expression}, '[^ -~]|^ *[-=+@]') THEN {protected} ELSE {expression} END"


def _to_re2(pattern: str) -> str:
    """Return a pattern with all but printable ASCII escaped as DuckDB's regular expressions have it."""
    return "".join(c if c.isascii() and c.isprintable() else f"\\x{{{ord(c):x}}}" for c in pattern)
