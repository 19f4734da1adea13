r"""Normal form of text: the one spelling in which titles, abstracts and phrases are compared.

arXiv's sources spell the same words differently: the bulk snapshot keeps line breaks and LaTeX ("Schr\"odinger",
"$\alpha$-divergence"), the API sends Unicode ("Schrödinger", "$α$-divergence"). Rules are matched with ASCII word
bounds, so both become plain ASCII where a plain spelling exists: "Schrodinger", "alpha-divergence".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial


def _lazy_pattern(pattern: str) -> Callable[[], re.Pattern[str]]:
    """Return a pattern that is compiled on first use: together they take 10 ms, and most commands use few."""
    return cache(partial(re.compile, pattern))


_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi "
    "psi omega"
).split()
_GREEK_LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
# of ASCII, without tab and line breaks
_CONTROL_CODES = (*range(0x00, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F)
_CONTROL_TABLE = dict.fromkeys(_CONTROL_CODES)
_TRANSLATION_TABLE: dict[int, str | None] = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-"),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"'),
    **dict.fromkeys([0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000], " "),
    # soft hyphen, zero-width and bidirectional controls: invisible, and they split words
    **dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF], None),
    **dict.fromkeys([*_CONTROL_CODES, *range(0x80, 0x85), *range(0x86, 0xA0)], None),
    # halves of surrogate pairs, which no file can hold
    **dict.fromkeys(range(0xD800, 0xE000), None),
    **{ord(letter): name for letter, name in zip(_GREEK_LETTERS, _GREEK_NAMES, strict=True)},
    **{ord(letter.upper()): name.capitalize() for letter, name in zip(_GREEK_LETTERS, _GREEK_NAMES, strict=True)},
    **{
        ord(variant): name
        for variant, name in zip("ςϑϕϵϱϖµℓ", "sigma theta phi epsilon rho pi mu ell".split(), strict=True)
    },
    **{
        ord(letter): plain
        for letter, plain in zip("ßæÆœŒøØłŁđĐðÐþÞı", "ss ae AE oe OE o O l L d D d D th Th i".split(), strict=True)
    },
}
_SYMBOL_NAMES = "|".join(
    [*_GREEK_NAMES, *(name.capitalize() for name in _GREEK_NAMES), "ell", "varepsilon", "vartheta", "varphi", "varrho"]
)
_ACCENT_COMMAND = (
    r"""(?:["'`^~=.]\s*(?:\{\s*\\?([A-Za-z])\s*\}|\\?([A-Za-z]))"""
    r"|[cvHukrbdt](?:\s*\{\s*\\?([A-Za-z])\s*\}|\s+([A-Za-z])(?![A-Za-z])))"
)
_LETTER_COMMAND = r"(ss|ae|AE|oe|OE|aa|AA|[oOlLij])(?![A-Za-z])(?:\{\})?"
_FONT_COMMAND = r"(?:emph|text[a-z]*|math(?:rm|bf|it|sf|tt|cal|bb|frak|scr)|mbox|operatorname|underline)\s*\{([^{}]*)\}"
# Each expression starts with a literal, which `re` finds at the speed of a plain search; a look-behind checks what may
# stand before it. What the groups hold remains.
_GROUPED_COMMAND = _lazy_pattern(
    rf"\{{\\(?:(?:{_ACCENT_COMMAND}|{_LETTER_COMMAND})|(?:em|it|bf|sc|tt|sf|rm|sl)\s+([^{{}}]*))\}}"
)
_LATEX_COMMAND = _lazy_pattern(
    rf"\\(?:{_ACCENT_COMMAND}|{_LETTER_COMMAND}\s?|(?:var)?({_SYMBOL_NAMES})(?![A-Za-z])|([&%_# ])|-|{_FONT_COMMAND})"
)
_BRACED_TEXT = _lazy_pattern(r"\{(?<![\\_^A-Za-z}\]]\{)([A-Za-z0-9][A-Za-z0-9 ,.:;'/-]*)\}")
_INLINE_MATH = _lazy_pattern(r"\$([^\s$\\](?:[^$\\]{0,18}[^\s$\\])?)\$")
_LATEX_TIE = _lazy_pattern(r"~(?<=\S~)(?=\S)")
# a dash of two or three hyphens between words, or a word broken after its hyphen ("time- varying", not "pre- and
# post-")
_LOOSE_HYPHEN = _lazy_pattern(
    r"-(?:-(?<=[\w)\]}.,'\"]--)-?(?=[\w({\['\"$\\])"
    r"|(?<=[A-Za-z0-9]-) (?=[a-z])(?!(?:and|or|to|nor|but|as|vs|versus|through|und|et|y)\b))"
)


def _strip_accents(text: str) -> str:
    """Return text with Latin letters without accents and ligatures split; other scripts stay as they are."""
    with suppress(UnicodeError):  # UTF-8 that was once read as Latin-1 ("Î±" for "α"), as recorded replies hold it
        text = text.encode("latin-1").decode("utf-8")
    text = text.translate(_TRANSLATION_TABLE)
    if text.isascii():
        return text
    chars: list[str] = []
    for char in unicodedata.normalize("NFKD", text):
        if unicodedata.combining(char) and chars and chars[-1].isascii():
            continue
        chars.append(char)
    # compatibility forms may bring back what the table removes (a double prime is two primes)
    return unicodedata.normalize("NFC", "".join(chars)).translate(_TRANSLATION_TABLE)


def normalize_text(text: str) -> str:
    """Return text on one line, in the form that is stored and matched; '' stays ''.

    Line breaks and no-break spaces become single spaces, other control characters are dropped, words broken at a hyphen
    are joined ("time- varying"), dashes and quotes become ASCII, accents are dropped, Greek letters become their names,
    and simple LaTeX loses its markup.
    """
    if not text.isascii():
        text = _strip_accents(text)
    text = text.strip()
    if "\n" in text:
        text = text.replace("\n", " ")
    if "\\" in text:
        text = _strip_commands(text)
    if "{" in text:
        text = _BRACED_TEXT().sub(_matched_group, text)
    if "$" in text:
        text = _INLINE_MATH().sub(_matched_group, text)
    if "~" in text:
        text = _LATEX_TIE().sub(" ", text)
    if "'" in text or "`" in text:
        text = text.replace("``", '"').replace("''", '"').replace("`", "'")
    if "\t" in text or "\r" in text:
        text = text.replace("\t", " ").replace("\r", " ")
    if not text.isprintable():
        text = text.translate(_CONTROL_TABLE)
    while "  " in text:
        text = text.replace("  ", " ")
    if "-" in text:
        text = _LOOSE_HYPHEN().sub("-", text)
    return text.strip(" ")


def _strip_commands(text: str) -> str:
    if "{\\" in text:
        text = _GROUPED_COMMAND().sub(_matched_group, text)
    return _LATEX_COMMAND().sub(_matched_group, text)


def _matched_group(match: re.Match[str]) -> str:
    r"""Return the one group that took part, or ''; a template such as "\1" takes five times as long."""
    return match[match.lastindex] if match.lastindex else ""


_COMBINING_ACCENTS = dict(
    zip(
        "\"'`^~=.cvHukrd",
        "\u0308\u0301\u0300\u0302\u0303\u0304\u0307\u0327\u030c\u030b\u0306\u0328\u030a\u0323",
        strict=True,
    )
)
_ACCENTED_LETTER = _lazy_pattern(
    r"""\{?\\(["'`^~=.]|[cvHukrd](?![A-Za-z]))\s*(?:\{\s*\\?([A-Za-z])\s*\}|\\?([A-Za-z]))\}?"""
)
_AFFILIATION_NOTE = _lazy_pattern(r"\s*\((?:[^()]|\([^()]*\))*\)")


def format_one_line(text: str) -> str:
    r"""Return text that is shown and not matched (authors, comments) on one line, printable, LaTeX accents as letters.

    'J. Bal\'azs and\n  Y. Li' becomes 'J. Balázs and Y. Li'.
    """
    if "\\" in text:
        text = _strip_commands(
            _ACCENTED_LETTER().sub(lambda match: (match[2] or match[3]) + _COMBINING_ACCENTS[match[1]], text)
        )
        text = unicodedata.normalize("NFC", text)
    if "  " in text:
        text = " ".join(text.split())
    return keep_printable(text).strip()


def keep_printable(text: str) -> str:
    """Return text on one line, without control characters and what else cannot be seen; '' stays ''."""
    if text.isprintable():
        return text
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def split_author_line(author_line: str) -> list[str]:
    """Return the names in an author line such as 'A. One, B. Two (Lab) and C. Three'."""
    names = re.split(r",\s*(?:and\s+)?|\s+and\s+", _AFFILIATION_NOTE().sub("", author_line))
    return [name.strip() for name in names if name.strip()]


# What a word is depends on the use: on the same abstracts no two of these patterns give the same words. N-grams are
# counted on whole columns of text by reports/terms/tokens.py.
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
