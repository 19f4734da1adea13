"""The language of `--search`: what a person writes -> an expression that the index and a scan read alike.

A word is a run of ASCII letters, digits and other characters beyond ASCII, in any case; all else parts words. Text is
compared in lower case, as DuckDB makes it, on both ways.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from trendcli.core.errors import UsageError, nearest
from trendcli.core.normalize import canonical

MOST = 32  # words and phrases of one query, and words of one phrase
LONGEST = 200  # letters of a word
_PIECE = re.compile(r'(-?)(?:([A-Za-z_]+):)?(?:"([^"]*)"(\*?)|([^\s"]+))')
# what parts words in text in lower case, and what they consist of: all else, since a class of all letters beyond ASCII
# takes Python 10 ms to compile; and the former as RE2 reads it
_BETWEEN = r"[\x00-/:-`{-\x7f]"
_LETTER = f"[^{_BETWEEN[1:]}"
_APART = r"[^0-9a-z\x{80}-\x{10FFFF}]"
_WORDS = re.compile(f"{_LETTER}+")


@dataclass(frozen=True)
class Term:
    """A word or phrase in any of some fields; `spellings` are ways to write it, each a run of words.

    `ending` is 's' where a plural s may follow the last word, '*' where any letters may, and '' where nothing may.
    """

    text: str
    spellings: tuple[tuple[str, ...], ...]
    ending: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Every:
    """All of the parts."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True)
class Either:
    """At least one of the parts."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True)
class But:
    """What is wanted, without what is not."""

    wanted: Expr
    unwanted: Expr


Expr = Term | Every | Either | But


@dataclass(frozen=True)
class Query:
    """What must hold; what earns points, `must` first, and how many; the most there are; and the terms, to be shown."""

    must: Expr
    points: tuple[tuple[Expr, int], ...]
    most: int
    terms: tuple[Term, ...]


def words(text: str) -> list[str]:
    """The words of a canonical text, in lower case."""
    return _WORDS.findall(text.lower())


def parse(text: str, fields: Sequence[str]) -> Query:
    """The query that a person wrote, over some fields of a corpus; UsageError, with what is wrong, where it is none.

    A point for each word or phrase that occurs and one more where it does in the title; the same for each two that
    stand beside each other in the query and in the text.
    """
    clauses, unwanted = _clauses(text, tuple(fields))
    terms = tuple(dict.fromkeys(term for clause in clauses for term in clause))
    pairs = [
        _side_by_side(one, two)
        for (one, *others), (two, *more) in pairwise(clauses)
        if not (others or more) and one.fields == two.fields == tuple(fields) and one.ending != "*"
    ]
    parts = tuple(Either(clause) if len(clause) > 1 else clause[0] for clause in clauses)
    must: Expr = Every(parts) if len(parts) > 1 else parts[0]
    if unwanted:
        must = But(must, Either(tuple(unwanted)))
    sure = {clause[0] for clause in clauses if len(clause) == 1}
    points: list[tuple[Expr, int]] = [(must, len(sure))]
    points += [(term, 1) for term in (*terms, *pairs) if term not in sure]
    titled = [_within(term, "title") for term in (*terms, *pairs) if "title" in term.fields]
    points += [(term, 1) for term in titled]
    return Query(must, tuple(points), len(terms) + len(pairs) + len(titled), terms)


def fts(expr: Expr, columns: Sequence[str]) -> str:
    """The expression as SQLite's FTS5 reads it, over its columns; nothing that a person wrote is in it but words."""
    if isinstance(expr, Term):
        runs = [f'"{" ".join(run)}"' + (" *" if expr.ending == "*" else "") for run in _runs(expr)]
        either = f"({' OR '.join(runs)})"
        # to leave out no column takes as long as all the rest
        return either if set(expr.fields) >= set(columns) else f"({{{' '.join(expr.fields)}}} : {either})"
    if isinstance(expr, But):
        return f"({fts(expr.wanted, columns)} NOT {fts(expr.unwanted, columns)})"
    word = " AND " if isinstance(expr, Every) else " OR "
    return f"({word.join(fts(part, columns) for part in expr.parts)})"


def _runs(term: Term) -> list[tuple[str, ...]]:
    """The runs of words that a term stands for, with their plurals; any of '*' begin with one of them."""
    plural = [(*way[:-1], f"{way[-1]}s") for way in term.spellings] if term.ending == "s" else []
    return [*term.spellings, *plural]


def sql(expr: Expr) -> str:
    """The same as SQL over columns that hold the fields in lower case.

    An expression is asked only of texts that hold the letters: a plain search is several times as fast.
    """
    if isinstance(expr, Term):
        return (
            "(" + " OR ".join(_sql(expr, spelling, name) for name in expr.fields for spelling in expr.spellings) + ")"
        )
    if isinstance(expr, But):
        return f"({sql(expr.wanted)} AND NOT {sql(expr.unwanted)})"
    return f"({(' AND ' if isinstance(expr, Every) else ' OR ').join(map(sql, expr.parts))})"


def also(expr: Expr, must: Expr) -> Expr:
    """`expr` with what else `must` asks for: its parts that are not seen at once to hold where `expr` does."""
    parts = [part for part in (must.parts if isinstance(must, Every) else (must,)) if not _implies(expr, part)]
    return Every((expr, *parts)) if parts else expr


def _implies(one: Expr, other: Expr) -> bool:
    if isinstance(other, Either):
        return any(_implies(one, part) for part in other.parts)
    if not (isinstance(one, Term) and isinstance(other, Term)):
        return one is other
    if (one.spellings, one.ending) == (other.spellings, other.ending):
        return set(one.fields) <= set(other.fields)
    if "*" in (one.ending, other.ending) or not set(one.fields) <= set(other.fields):
        return False
    return all(any(_holds(run, part) for part in _runs(other)) for run in _runs(one))


def _holds(run: Sequence[str], part: Sequence[str]) -> bool:
    places = range(len(run) - len(part) + 1)
    return any(tuple(run[place : place + len(part)]) == tuple(part) for place in places)


def stands(term: Term, text: str) -> tuple[int, int] | None:
    """Where a term first stands in a canonical text: from which character to which; None where it does not."""
    ending = {"*": f"{_LETTER}*", "s": "s?", "": ""}[term.ending]
    either = "|".join(f"{_BETWEEN}+".join(spelling) for spelling in term.spellings)
    found = re.search(f"(?<!{_LETTER})(?:{either}){ending}(?!{_LETTER})", text.lower())
    return found.span() if found else None


def _sql(term: Term, spelling: Sequence[str], name: str) -> str:
    tail = {"*": "", "s": f"s?({_APART}|$)", "": f"({_APART}|$)"}[term.ending]
    regex = f"(^|{_APART}){f'{_APART}+'.join(spelling)}{tail}"
    return f"contains({name}, '{max(spelling, key=len)}') AND regexp_matches({name}, '{regex}')"


def _clauses(text: str, fields: tuple[str, ...]) -> tuple[list[tuple[Term, ...]], list[Term]]:
    """What must occur, each clause by one of its terms, and what must not."""
    text = canonical(text)
    if text.count('"') % 2:
        raise UsageError('A quotation mark is left open: write "graph neural" with one on each side.')
    clauses: list[tuple[Term, ...]] = []
    unwanted: list[Term] = []
    either = waiting = False
    pieces = [found.groups() for found in _PIECE.finditer(text)]
    for minus, field, phrase, star, word in pieces:
        if word in ("OR", "AND") and not (minus or field):
            if waiting or not clauses:
                raise UsageError(f"{word} stands between two words: write graph {word} tree.")
            either, waiting = word == "OR", True
            continue
        if word == "NOT" and not field:
            raise UsageError('Write -word for a word that must not occur; "NOT" in quotes is a word like others.')
        term = _term((word or "") if phrase is None else phrase + star, field, fields)
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
    if len(pieces) > MOST:
        raise UsageError(f"A query has at most {MOST} words and phrases, not {len(pieces)}.")
    return clauses, unwanted


def _term(text: str, field: str | None, fields: tuple[str, ...]) -> Term:
    if field and field.lower() not in fields:
        raise UsageError(
            f"No field {field!r}{nearest(field.lower(), fields)}. Known here: {', '.join(fields)}; in quotes, "
            f'"{field}:{text}", it is a phrase. Categories, authors and dates have options of their own.'
        )
    if text.endswith(":") and text[:-1].lower() in fields:
        raise UsageError(f"{text} wants a word right behind it: {text}word.")
    star = text.endswith("*")
    if "*" in text.rstrip("*"):
        raise UsageError(f"{text!r} has a star that is not at its end; only the end of a word may be left open.")
    spellings = tuple(dict.fromkeys(tuple(words(way)) for way in (text, text.replace("-", ""))))
    if not spellings[0]:
        raise UsageError(f"{text!r} holds no letter or digit to look for.")
    if len(spellings[0]) > MOST:
        raise UsageError(f"A phrase has at most {MOST} words, not {len(spellings[0]):,}: {text[:40]}...")
    if (longest := max(map(len, spellings[0]))) > LONGEST:
        raise UsageError(f"A word has at most {LONGEST} letters, not {longest:,}: {text[:40]}...")
    if star and len(spellings[0][-1]) < 2:
        raise UsageError(f"{text!r} would find nearly everything: write at least two letters before the star.")
    ending = "*" if star else "" if spellings[0][-1].endswith("s") else "s"
    return Term(text, spellings, ending, (field.lower(),) if field else fields)


def _side_by_side(one: Term, two: Term) -> Term:
    """Two terms as one phrase; the first may be in the plural as well."""
    first = [*one.spellings, *((*way[:-1], f"{way[-1]}s") for way in one.spellings if one.ending == "s")]
    ways = tuple((*left, *right) for left in first for right in two.spellings)
    return Term(f"{one.text} {two.text}", ways, two.ending, one.fields)


def _within(term: Term, field: str) -> Term:
    return Term(term.text, term.spellings, term.ending, (field,))
