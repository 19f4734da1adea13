"""The query language of `--search`: what a person writes -> an expression that means the same to index and scan.

A word is a run of ASCII letters, digits and characters beyond ASCII, in any case; everything else separates words. Both
compare text in lower case, as DuckDB makes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.normalize import LETTER_CLASS, SEARCH_WORD, SEPARATOR_CLASS, normalize_text, split_words

MAX_SEARCH_WORDS = 32  # words and phrases in a query, and words in a phrase
MAX_WORD_LETTERS = 200  # letters in a word
_PIECE_PATTERN = re.compile(r'(-?)(?:([A-Za-z_]+):)?(?:"([^"]*)"(\*?)|([^\s"]+))')
_RE2_SEPARATOR_CLASS = r"[^0-9a-z\x{80}-\x{10FFFF}]"  # core.normalize.SEPARATOR_CLASS in the syntax of RE2


@dataclass(frozen=True)
class SearchTerm:
    """A word or phrase in any of some fields; each of its `spellings` is a sequence of words.

    `ending` is what may follow the last word: 's' for a plural s, '*' for any letters, '' for nothing.
    """

    text: str
    spellings: tuple[tuple[str, ...], ...]
    ending: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class And:
    """All of the operands."""

    operands: tuple[SearchExpr, ...]


@dataclass(frozen=True)
class Or:
    """At least one of the operands."""

    operands: tuple[SearchExpr, ...]


@dataclass(frozen=True)
class AndNot:
    """What matches one expression and not another."""

    included: SearchExpr
    excluded: SearchExpr


SearchExpr = SearchTerm | And | Or | AndNot


@dataclass(frozen=True)
class SearchQuery:
    """A search query with its scoring.

    `requirement` must match. `points` are (expression, points that it earns), the requirement first, and `max_points`
    is what a perfect match scores. `terms` are the words and phrases to highlight.
    """

    requirement: SearchExpr
    points: tuple[tuple[SearchExpr, int], ...]
    max_points: int
    terms: tuple[SearchTerm, ...]


def parse_search_query(text: str, fields: Sequence[str]) -> SearchQuery:
    """Parse a query over some fields of a corpus; raise UsageError, which says what is wrong, if it is malformed.

    A word or phrase that occurs earns a point, and another one if it occurs in the title. So do two that are adjacent
    both in the query and in the text.
    """
    clauses, excluded = _parse_clauses(text, tuple(fields))
    terms = tuple(dict.fromkeys(term for clause in clauses for term in clause))
    pairs = [
        _join_terms(left, right)
        for (left, *left_alternatives), (right, *right_alternatives) in pairwise(clauses)
        if not (left_alternatives or right_alternatives)
        and left.fields == right.fields == tuple(fields)
        and left.ending != "*"
    ]
    operands = tuple(Or(clause) if len(clause) > 1 else clause[0] for clause in clauses)
    requirement: SearchExpr = And(operands) if len(operands) > 1 else operands[0]
    if excluded:
        requirement = AndNot(requirement, Or(tuple(excluded)))
    required_terms = {clause[0] for clause in clauses if len(clause) == 1}
    points: list[tuple[SearchExpr, int]] = [(requirement, len(required_terms))]
    points += [(term, 1) for term in (*terms, *pairs) if term not in required_terms]
    title_terms = [_restrict_to_field(term, "title") for term in (*terms, *pairs) if "title" in term.fields]
    points += [(term, 1) for term in title_terms]
    return SearchQuery(requirement, tuple(points), len(terms) + len(pairs) + len(title_terms), terms)


def to_fts5(expr: SearchExpr, columns: Sequence[str]) -> str:
    """Return the expression in the syntax of SQLite's FTS5; of what a person wrote it holds nothing but words."""
    if isinstance(expr, SearchTerm):
        phrases = [f'"{" ".join(run)}"' + (" *" if expr.ending == "*" else "") for run in _word_runs(expr)]
        alternatives = f"({' OR '.join(phrases)})"
        # a filter that names all columns would double the time
        return alternatives if set(expr.fields) >= set(columns) else f"({{{' '.join(expr.fields)}}} : {alternatives})"
    if isinstance(expr, AndNot):
        return f"({to_fts5(expr.included, columns)} NOT {to_fts5(expr.excluded, columns)})"
    operator = " AND " if isinstance(expr, And) else " OR "
    return f"({operator.join(to_fts5(operand, columns) for operand in expr.operands)})"


def _word_runs(term: SearchTerm) -> list[tuple[str, ...]]:
    """Return the sequences of words that a term stands for, with plurals; for the ending '*' they are prefixes."""
    plurals = [(*spelling[:-1], f"{spelling[-1]}s") for spelling in term.spellings] if term.ending == "s" else []
    return [*term.spellings, *plurals]


def to_sql(expr: SearchExpr) -> str:
    """Return the expression as SQL over columns that hold the fields in lower case.

    A regular expression is tried only on texts that contain the letters: a plain search is several times as fast.
    """
    if isinstance(expr, SearchTerm):
        return (
            "("
            + " OR ".join(_term_to_sql(expr, spelling, field) for field in expr.fields for spelling in expr.spellings)
            + ")"
        )
    if isinstance(expr, AndNot):
        return f"({to_sql(expr.included)} AND NOT {to_sql(expr.excluded)})"
    return f"({(' AND ' if isinstance(expr, And) else ' OR ').join(map(to_sql, expr.operands))})"


def add_requirement(expr: SearchExpr, requirement: SearchExpr) -> SearchExpr:
    """Return `expr` and `requirement`, without those parts of the requirement that `expr` plainly implies."""
    operands = requirement.operands if isinstance(requirement, And) else (requirement,)
    remaining = [operand for operand in operands if not _implies(expr, operand)]
    return And((expr, *remaining)) if remaining else expr


def _implies(one: SearchExpr, other: SearchExpr) -> bool:
    """Return whether whatever matches `one` matches `other`; False also if that is not plain to see."""
    if isinstance(other, Or):
        return any(_implies(one, operand) for operand in other.operands)
    if not (isinstance(one, SearchTerm) and isinstance(other, SearchTerm)):
        return one is other
    if (one.spellings, one.ending) == (other.spellings, other.ending):
        return set(one.fields) <= set(other.fields)
    if "*" in (one.ending, other.ending) or not set(one.fields) <= set(other.fields):
        return False
    return all(any(_contains_run(run, part) for part in _word_runs(other)) for run in _word_runs(one))


def _contains_run(run: Sequence[str], part: Sequence[str]) -> bool:
    starts = range(len(run) - len(part) + 1)
    return any(tuple(run[start : start + len(part)]) == tuple(part) for start in starts)


def find_term(term: SearchTerm, text: str) -> tuple[int, int] | None:
    """Return the (start, end) of the first occurrence of a term in a canonical text, or None."""
    ending = {"*": f"{LETTER_CLASS}*", "s": "s?", "": ""}[term.ending]
    alternatives = "|".join(f"{SEPARATOR_CLASS}+".join(spelling) for spelling in term.spellings)
    match = re.search(f"(?<!{LETTER_CLASS})(?:{alternatives}){ending}(?!{LETTER_CLASS})", text.lower())
    return match.span() if match else None


def _term_to_sql(term: SearchTerm, spelling: Sequence[str], column: str) -> str:
    tail = {"*": "", "s": f"s?({_RE2_SEPARATOR_CLASS}|$)", "": f"({_RE2_SEPARATOR_CLASS}|$)"}[term.ending]
    regex = f"(^|{_RE2_SEPARATOR_CLASS}){f'{_RE2_SEPARATOR_CLASS}+'.join(spelling)}{tail}"
    return f"contains({column}, '{max(spelling, key=len)}') AND regexp_matches({column}, '{regex}')"


def _parse_clauses(text: str, fields: tuple[str, ...]) -> tuple[list[tuple[SearchTerm, ...]], list[SearchTerm]]:
    """Return the clauses of a query, of each of which one term must occur, and the terms that must not occur."""
    text = normalize_text(text)
    if text.count('"') % 2:
        raise UsageError('A quotation mark is not closed: write a phrase as "graph neural".')
    clauses: list[tuple[SearchTerm, ...]] = []
    excluded: list[SearchTerm] = []
    joins_clause = follows_operator = False
    pieces = [match.groups() for match in _PIECE_PATTERN.finditer(text)]
    for minus, field, phrase, star, word in pieces:
        if word in ("OR", "AND") and not (minus or field):
            if follows_operator or not clauses:
                raise UsageError(f"{word} goes between two words, as in graph {word} tree.")
            joins_clause, follows_operator = word == "OR", True
            continue
        if word == "NOT" and not field:
            raise UsageError("To exclude a word, write -word; to search for the word NOT, put it in quotes.")
        term = _parse_term((word or "") if phrase is None else phrase + star, field, fields)
        if minus and follows_operator:
            raise UsageError(f"-{term.text} cannot follow AND or OR: an exclusion applies to the whole query.")
        if minus:
            excluded.append(term)
        elif joins_clause:
            clauses[-1] = tuple(dict.fromkeys((*clauses[-1], term)))
        elif (term,) not in clauses:
            clauses.append((term,))
        joins_clause = follows_operator = False
    if follows_operator:
        raise UsageError("The query ends with AND or OR: write a word after it, as in graph OR tree.")
    if any(len(clause) > 1 for clause in clauses) and any(set("()") & set(word or "") for *_, word in pieces):
        raise UsageError(
            "Parentheses do not group: OR joins the terms on either side of it, as in graph OR tree kernel."
        )
    if not clauses:
        raise UsageError(
            "A query needs at least one word that must occur, not only exclusions."
            if excluded
            else 'The query is empty: give words or a "quoted phrase".'
        )
    if len(pieces) > MAX_SEARCH_WORDS:
        raise UsageError(f"A query has at most {MAX_SEARCH_WORDS} words and phrases, not {len(pieces)}.")
    return clauses, excluded


def _parse_term(text: str, field: str | None, fields: tuple[str, ...]) -> SearchTerm:
    if field and field.lower() not in fields:
        raise UsageError(
            f"No field {field!r}{suggest_names(field.lower(), fields)}. Known: {', '.join(fields)}. To search for "
            f'it as a phrase, write "{field}:{text}". Categories, authors and dates have options of their own.'
        )
    if text.endswith(":") and text[:-1].lower() in fields:
        raise UsageError(f"{text} needs a word right after it, as in {text}word.")
    has_star = text.endswith("*")
    if "*" in text.rstrip("*"):
        raise UsageError(f"{text!r} has a star that is not at its end; only the end of a word can be a wildcard.")
    spellings = tuple(
        dict.fromkeys(tuple(split_words(variant, SEARCH_WORD)) for variant in (text, text.replace("-", "")))
    )
    words = spellings[0]
    if not words:
        raise UsageError(f"{text!r} has no letter or digit to search for.")
    if len(words) > MAX_SEARCH_WORDS:
        raise UsageError(f"A phrase has at most {MAX_SEARCH_WORDS} words, not {len(words):,}: {text[:40]}...")
    if (longest := max(map(len, words))) > MAX_WORD_LETTERS:
        raise UsageError(f"A word has at most {MAX_WORD_LETTERS} letters, not {longest:,}: {text[:40]}...")
    if has_star and len(words[-1]) < 2:
        raise UsageError(f"{text!r} would match nearly everything: write at least two letters before the star.")
    ending = "*" if has_star else "" if words[-1].endswith("s") else "s"
    return SearchTerm(text, spellings, ending, (field.lower(),) if field else fields)


def _join_terms(one: SearchTerm, other: SearchTerm) -> SearchTerm:
    """Return two terms as one phrase; the first may be in the plural as well."""
    spellings = tuple((*left, *right) for left in _word_runs(one) for right in other.spellings)
    return SearchTerm(f"{one.text} {other.text}", spellings, other.ending, one.fields)


def _restrict_to_field(term: SearchTerm, field: str) -> SearchTerm:
    return SearchTerm(term.text, term.spellings, term.ending, (field,))
