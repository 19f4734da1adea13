"""The failures that `trend` expects, each with the exit code that the command ends with.

TrendError                      1
├── UsageError                  2   the command or call asks for something that does not exist or cannot be combined
├── SettingsError               2   a settings file, variable or flag is wrong
├── TopicError                  2   a topic file is wrong
├── RetryableError              3   a source is throttled, broken or incomplete, or input lines are bad; try again later
│   ├── SourceUnreachable       3   no answer, or arXiv refuses this machine
│   └── StoreLocked             3   another process is writing to the store
├── ActionRequiredError         4   a person must act first
│   ├── StoreMissing            4
│   ├── StoreDamaged            4
│   ├── StoreTooNew             4
│   ├── FindingsReported        4   a check found something to judge
│   └── CoverageMissing         4   the records that the answer needs were never fetched
└── StoreUnchanged              5   nothing new, with `--fail-if-unchanged`

`foreign_errors` turns what Python and libraries raise about a full disk, a damaged file or hostile input into one of
these. Any other exception is a bug: it shows its traceback and exits with 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TrendError(Exception):
    """Base class of expected failures; the message says what failed, what is unchanged, and the next command."""

    exit_code = 1

    @property
    def summary(self) -> str:
        """The first sentence of the message, without its full stop: what failed."""
        return str(self).partition(". ")[0].removesuffix(".")


class UsageError(TrendError):
    """The command line or a call asks for something that does not exist or cannot be combined; nothing was done."""

    exit_code = 2


class SettingsError(TrendError):
    """A settings file, variable or flag is wrong; the message names where the value comes from."""

    exit_code = 2


class TopicError(TrendError):
    """A topic file is wrong; the message names file and line."""

    exit_code = 2


class RetryableError(TrendError):
    """A source is throttled, broken or incomplete, or input lines are bad; everything received so far is stored."""

    exit_code = 3

    def __init__(self, message: str, *, status: int | None = None) -> None:
        """Keep the HTTP status of the reply that caused the error; None if something else did."""
        super().__init__(message)
        self.status = status


class SourceUnreachable(RetryableError):
    """The address does not answer, or the site refuses this machine."""


class StoreLocked(RetryableError):
    """Another process is writing to the store."""


class ActionRequiredError(TrendError):
    """The command cannot continue until a person acts; the message says what to do."""

    exit_code = 4


class StoreMissing(ActionRequiredError):
    """There is no store at the given path."""


class StoreDamaged(ActionRequiredError):
    """A file that belongs to the store is missing or unreadable."""


class StoreTooNew(ActionRequiredError):
    """The store was written by a newer version of the program; nothing was changed."""


class FindingsReported(ActionRequiredError):
    """A check found something that a person must judge; the output says what."""


class CoverageMissing(ActionRequiredError):
    """No number of the report can be computed, because the submissions it needs were never fetched."""


class StoreUnchanged(TrendError):
    """Nothing new arrived, and `--fail-if-unchanged` was given."""

    exit_code = 5


def suggest_names(unknown_name: str, known_names: Iterable[str]) -> str:
    """Return ' (did you mean gan?)' with up to three known names that resemble the unknown one; '' if none does."""
    similar = difflib.get_close_matches(unknown_name, list(known_names), n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(similar)}?)" if similar else ""
