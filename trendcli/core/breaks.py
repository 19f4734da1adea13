"""Days on which arXiv's rules or categories changed, so that a curve may bend though nothing happened in research."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import NamedTuple


class StructuralBreak(NamedTuple):
    """A day, the categories that it touches (globs), what changed, and who says so."""

    day: date
    categories: tuple[str, ...]
    description: str
    source: str


_TAXONOMY_SOURCE = "arXiv's category taxonomy"
STRUCTURAL_BREAKS = (
    StructuralBreak(date(2003, 9, 1), ("q-bio.*",), "q-bio begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2007, 4, 1), ("stat.*",), "stat begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2008, 12, 1), ("q-fin.*",), "q-fin begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2009, 1, 1), ("astro-ph", "astro-ph.*"), "astro-ph is split into six", _TAXONOMY_SOURCE),
    StructuralBreak(date(2017, 4, 1), ("physics.app-ph",), "physics.app-ph begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2017, 9, 18), ("eess.AS", "eess.IV", "eess.SP"), "eess begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2017, 9, 26), ("econ.*",), "econ begins", _TAXONOMY_SOURCE),
    StructuralBreak(
        date(2019, 6, 11), ("eess.SY", "math.NA"), "cs.SY becomes eess.SY, cs.NA joins math.NA", _TAXONOMY_SOURCE
    ),
    StructuralBreak(
        date(2025, 10, 31),
        ("cs.*",),
        "reviews and position papers in cs only after peer review",
        "arXiv blog, 2025-10-31",
    ),
)


def find_breaks(since: date, until: date, categories: Sequence[str]) -> list[StructuralBreak]:
    """The breaks inside (since, until) that touch any of some categories, each of which may be a glob."""
    return [
        item
        for item in STRUCTURAL_BREAKS
        if since < item.day < until
        and any(fnmatchcase(name, glob) or fnmatchcase(glob, name) for name in categories for glob in item.categories)
    ]
