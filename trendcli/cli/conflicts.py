"""Options that cannot be combined: a table for each command, and one check of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from trendcli.core.errors import UsageError


class Conflict(NamedTuple):
    """An option, the options that it cannot be combined with, and a sentence on what to do instead, or ""."""

    option: str
    excluded: tuple[str, ...]
    advice: str = ""


def format_flag(name: str) -> str:
    """Return the flag of an option's parameter: 'min_count' -> '--min-count'."""
    return f"--{name.replace('_', '-')}"


def changed_flags(group: Any) -> set[str]:
    """Return the flags of an option group whose values differ from their defaults."""
    return {format_flag(field.name) for field in fields(group) if getattr(group, field.name) not in (field.default, [])}


def given_flags(values: Mapping[str, Any]) -> set[str]:
    """Return the flags whose values are true."""
    return {flag for flag, value in values.items() if value}


def join_flags(flags: Sequence[str], conjunction: str) -> str:
    """Return flags as a list in words: '--a, --b or --c'."""
    return f" {conjunction} ".join(filter(None, (", ".join(flags[:-1]), flags[-1])))


def check_conflicts(given: Collection[str], conflicts: Sequence[Conflict]) -> None:
    """Raise UsageError for the first conflict between the flags that were given."""
    for conflict in conflicts:
        excluded = [flag for flag in conflict.excluded if flag in given]
        if conflict.option in given and excluded:
            advice = f" {conflict.advice}" if conflict.advice else ""
            raise UsageError(f"{conflict.option} cannot be combined with {join_flags(excluded, 'or')}.{advice}")
