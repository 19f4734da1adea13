"""A problem of a store, as the checks return it and a report lists it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MAX_EXAMPLES = 3
FIX_COMMAND = "`trend doctor --fix`"
REBUILD_COMMAND = "`trend doctor --rebuild`"


class StoreProblem(NamedTuple):
    """A problem of a store: what is wrong, where, and what to do."""

    what: str
    where: str
    do: str


def format_examples(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    others = len(names) - MAX_EXAMPLES
    return ", ".join(names[:MAX_EXAMPLES]) + (f" and {others:,} more" if others > 0 else "")
