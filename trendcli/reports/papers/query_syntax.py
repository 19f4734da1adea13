"""The language of `--search`: what a person writes -> an expression that the index and a scan read alike.

A word is a run of ASCII letters, digits and other characters beyond ASCII, in any case; all else parts words. Text is
compared in lower case, as DuckDB makes it, on both ways.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.normalize import normalize_text

MAX_SEARCH_WORDS = 32  # words and phrases of one query, and words of one phrase
MAX_WORD_LETTERS = 200  # letters of a word
_PIECE_PATTERN = re.compile(r'(-?)(?:([A-Za-z_]+):)?(?:"([^"]*)"(\*?)|([^\s"]+))')
# what parts words in text in lower case, and what they consist of: all else, since a class of all letters beyond ASCII
# takes Python 10 ms to compile; and the former as RE2 reads it
_SEPARATOR_CLASS = r"[\x00-/:-`{-\x7f]"
_LETTER_CLASS = f"[^{_SEPARATOR_CLASS[1:]}"
_RE2_SEPARATOR_CLASS = r"[^0-9a-z\x{80}-\x{10FFFF}]"
_WORD_PATTERN = re.compile(f"{_LETTER_CLASS}+")
# These are the words of the full-text index; those of reports/terms/tokens.py are ASCII alone, and keep underscores.


@dataclass(frozen=True)
class SearchTerm:
    """A word or phrase in any of some fields; `spellings` are ways to write it, each a run of words.

    `ending` is 's' where a plural s may follow the last word, '*' where any letters may, and '' where nothing may.
    """

    text: str
    spellings: tuple[tuple[str, ...], ...]
    ending: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class And:
    """All of the parts."""

    operands: tuple[SearchExpr, ...]


@dataclass(frozen=True)
class Or:
    """At least one of the parts."""

    operands: tuple[SearchExpr, ...]


@dataclass(frozen=True)
class AndNot:
    """What is wanted, without what is not."""

    included: SearchExpr
    excluded: SearchExpr


SearchExpr = SearchTerm | And | Or | AndNot


@dataclass(frozen=True)
class SearchQuery:
    """What must hold; what earns points, `must` first, and how many; the most there are; and the terms, to be shown."""

    requirement: SearchExpr
    points: tuple[tuple[SearchExpr, int], ...]
    max_points: int
    terms: tuple[SearchTerm, ...]


def split_words(text: str) -> list[str]:
    """The words of a canonical text, in lower case."""
    return _WORD_PATTERN.findall(text.lower())


def parse_search_query(text: str, fields: Sequence[str]) -> SearchQuery:
    """The query that a person wrote, over some fields of a corpus; UsageError, with what is wrong, where it is none.

    A point for each word or phrase that occurs and one more where it does in the title; the same for each two that
    stand beside each other in the query and in the text.
    """
    clauses, unwanted = _parse_clauses(text, tuple(fields))
    terms = tuple(dict.fromkeys(term for clause in clauses for term in clause))
    pairs = [
        _join_terms(one, two)
        for (one, *others), (two, *more) in pairwise(clauses)
        if not (others or more) and one.fields == two.fields == tuple(fields) and one.ending != "*"
    ]
    parts = tuple(Or(clause) if len(clause) > 1 else clause[0] for clause in clauses)
    must: SearchExpr = And(parts) if len(parts) > 1 else parts[0]
    if unwanted:
        must = AndNot(must, Or(tuple(unwanted)))
    sure = {clause[0] for clause in clauses if len(clause) == 1}
    points: list[tuple[SearchExpr, int]] = [(must, len(sure))]
    points += [(term, 1) for term in (*terms, *pairs) if term not in sure]
    titled = [_restrict_to_field(term, "title") for term in (*terms, *pairs) if "title" in term.fields]
    points += [(term, 1) for term in titled]
    return SearchQuery(must, tuple(points), len(terms) + len(pairs) + len(titled), terms)


def to_fts5(expr: SearchExpr, columns: Sequence[str]) -> str:
    """The expression as SQLite's FTS5 reads it, over its columns; nothing that a person wrote is in it but words."""
    if isinstance(expr, SearchTerm):
        runs = [f'"{" ".join(run)}"' + (" *" if expr.ending == "*" else "") for run in _word_runs(expr)]
        either = f"({' OR '.join(runs)})"
        # to leave out no column takes as long as all the rest
        return either if set(expr.fields) >= set(columns) else f"({{{' '.join(expr.fields)}}} : {either})"
    if isinstance(expr, AndNot):
        return f"({to_fts5(expr.included, columns)} NOT {to_fts5(expr.excluded, columns)})"
    word = " AND " if isinstance(expr, And) else " OR "
    return f"({word.join(to_fts5(part, columns) for part in expr.operands)})"


def _word_runs(term: SearchTerm) -> list[tuple[str, ...]]:
    """The runs of words that a term stands for, with their plurals; any of '*' begin with one of them."""
    plural = [(*way[:-1], f"{way[-1]}s") for way in term.spellings] if term.ending == "s" else []
    return [*term.spellings, *plural]


def to_sql(expr: SearchExpr) -> str:
    """The same as SQL over columns that hold the fields in lower case.

    An expression is asked only of texts that hold the letters: a plain search is several times as fast.
    """
    if isinstance(expr, SearchTerm):
        return (
            "("
            + " OR ".join(_term_to_sql(expr, spelling, name) for name in expr.fields for spelling in expr.spellings)
            + ")"
        )
    if isinstance(expr, AndNot):
        return f"({to_sql(expr.included)} AND NOT {to_sql(expr.excluded)})"
    return f"({(' AND ' if isinstance(expr, And) else ' OR ').join(map(to_sql, expr.operands))})"


def add_requirement(expr: SearchExpr, requirement: SearchExpr) -> SearchExpr:
    """`expr` with what else `must` asks for: its parts that are not seen at once to hold where `expr` does."""
    parts = [
        part
        for part in (requirement.operands if isinstance(requirement, And) else (requirement,))
        if not _implies(expr, part)
    ]
    return And((expr, *parts)) if parts else expr


def _implies(one: SearchExpr, other: SearchExpr) -> bool:
    if isinstance(other, Or):
        return any(_implies(one, part) for part in other.operands)
    if not (isinstance(one, SearchTerm) and isinstance(other, SearchTerm)):
        return one is other
    if (one.spellings, one.ending) == (other.spellings, other.ending):
        return set(one.fields) <= set(other.fields)
    if "*" in (one.ending, other.ending) or not set(one.fields) <= set(other.fields):
        return False
    return all(any(_contains_run(run, part) for part in _word_runs(other)) for run in _word_runs(one))


def _contains_run(run: Sequence[str], part: Sequence[str]) -> bool:
    places = range(len(run) - len(part) + 1)
    return any(tuple(run[place : place + len(part)]) == tuple(part) for place in places)


def find_term(term: SearchTerm, text: str) -> tuple[int, int] | None:
    """Where a term first stands in a canonical text: from which character to which; None where it does not."""
    ending = {"*": f"{_LETTER_CLASS}*", "s": "s?", "": ""}[term.ending]
    either = "|".join(f"{_SEPARATOR_CLASS}+".join(spelling) for spelling in term.spellings)
    found = re.search(f"(?<!{_LETTER_CLASS})(?:{either}){ending}(?!{_LETTER_CLASS})", text.lower())
    return found.span() if found else None


def _term_to_sql(term: SearchTerm, spelling: Sequence[str], column: str) -> str:
    tail = {"*": "", "s": f"s?({_RE2_SEPARATOR_CLASS}|$)", "": f"({_RE2_SEPARATOR_CLASS}|$)"}[term.ending]
    regex = f"(^|{_RE2_SEPARATOR_CLASS}){f'{_RE2_SEPARATOR_CLASS}+'.join(spelling)}{tail}"
    return f"contains({column}, '{max(spelling, key=len)}') AND regexp_matches({column}, '{regex}')"


def _parse_clauses(text: str, fields: tuple[str, ...]) -> tuple[list[tuple[SearchTerm, ...]], list[SearchTerm]]:
    """What must occur, each clause by one of its terms, and what must not."""
    text = normalize_text(text)
    if text.count('"') % 2:
        raise UsageError('A quotation mark is left open: write "graph neural" with one on each side.')
    clauses: list[tuple[SearchTerm, ...]] = []
    unwanted: list[SearchTerm] = []
    either = waiting = False
    pieces = [found.groups() for found in _PIECE_PATTERN.finditer(text)]
    for minus, field, phrase, star, word in pieces:
        if word in ("OR", "AND") and not (minus or field):
            if waiting or not clauses:
                raise UsageError(f"{word} stands between two words: write graph {word} tree.")
            either, waiting = word == "OR", True
            continue
        if word == "NOT" and not field:
            raise UsageError('Write -word for a word that must not occur; "NOT" in quotes is a word like others.')
        term = _parse_term((word or "") if phrase is None else phrase + star, field, fields)
        if minus and waiting:
            raise UsageError(f"-{term.text} cannot stand behind AND or OR: what must not occur stands by itself.")
        if minus:
            unwanted.append(term)
        elif either:
            clauses[-1] = tuple(dict.fromkeys((*clauses[-1], term)))
        elif (term,) not in clauses:
            clauses.append((term,))
        either = waiting = False
    if waiting:
        raise UsageError("The query ends with AND or OR: write graph OR tree.")
    if any(len(clause) > 1 for clause in clauses) and any(set("()") & set(word or "") for *_, word in pieces):
        raise UsageError("Parentheses do not group: OR binds its two neighbours, as in graph OR tree kernel.")
    if not clauses:
        raise UsageError(
            "Say what must occur as well, not only what must not."
            if unwanted
            else 'Nothing to look for: name words or a "quoted phrase".'
        )
    if len(pieces) > MAX_SEARCH_WORDS:
        raise UsageError(f"A query has at most {MAX_SEARCH_WORDS} words and phrases, not {len(pieces)}.")
    return clauses, unwanted


def _parse_term(text: str, field: str | None, fields: tuple[str, ...]) -> SearchTerm:
    if field and field.lower() not in fields:
        raise UsageError(
            f"No field {field!r}{suggest_names(field.lower(), fields)}. Known here: {', '.join(fields)}; in quotes, "
            f'"{field}:{text}", it is a phrase. Categories, authors and dates have options of their own.'
        )
    if text.endswith(":") and text[:-1].lower() in fields:
        raise UsageError(f"{text} wants a word right behind it: {text}word.")
    star = text.endswith("*")
    if "*" in text.rstrip("*"):
        raise UsageError(f"{text!r} has a star that is not at its end; only the end of a word may be left open.")
    spellings = tuple(dict.fromkeys(tuple(split_words(way)) for way in (text, text.replace("-", ""))))
    if not spellings[0]:
        raise UsageError(f"{text!r} holds no letter or digit to look for.")
    if len(spellings[0]) > MAX_SEARCH_WORDS:
        raise UsageError(f"A phrase has at most {MAX_SEARCH_WORDS} words, not {len(spellings[0]):,}: {text[:40]}...")
    if (longest := max(map(len, spellings[0]))) > MAX_WORD_LETTERS:
        raise UsageError(f"A word has at most {MAX_WORD_LETTERS} letters, not {longest:,}: {text[:40]}...")
    if star and len(spellings[0][-1]) < 2:
        raise UsageError(f"{text!r} would find nearly everything: write at least two letters before the star.")
    ending = "*" if star else "" if spellings[0][-1].endswith("s") else "s"
    return SearchTerm(text, spellings, ending, (field.lower(),) if field else fields)


def _join_terms(one: SearchTerm, two: SearchTerm) -> SearchTerm:
    """Two terms as one phrase; the first may be in the plural as well."""
    first = [*one.spellings, *((*way[:-1], f"{way[-1]}s") for way in one.spellings if one.ending == "s")]
    ways = tuple((*left, *right) for left in first for right in two.spellings)
    return SearchTerm(f"{one.text} {two.text}", ways, two.ending, one.fields)


def _restrict_to_field(term: SearchTerm, field: str) -> SearchTerm:
    return SearchTerm(term.text, term.spellings, term.ending, (field,))
