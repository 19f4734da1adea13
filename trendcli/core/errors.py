"""Every way in which `trend` can fail on purpose, each with the exit code it ends in.

TrendError
├── UsageError      2   the command line asks for something that cannot be
├── SettingsError   2   a settings file or variable is wrong
├── TopicError      2   a topic file is wrong
├── TryLater        3   the source is throttled, malformed or incomplete, or input lines are bad; what came is stored
│   ├── Unreachable 3   nobody answers, or arXiv refuses this machine; nothing was asked
│   └── Locked      3   another process writes to this store
├── NeedsPerson     4   a person must act
│   ├── StoreMissing    4
│   ├── StoreDamaged    4
│   ├── StoreTooNew     4
│   ├── Findings        4   something is wrong that only a person can judge
│   └── NoCoverage      4   no cell of the answer can be computed
└── Unchanged       5   nothing new, where `--fail-if-unchanged` asked for it

Anything else that escapes is a bug, shows its traceback and exits with 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TrendError(Exception):
    """A failure to be told in a sentence: what failed, what is unchanged, the next command."""

    exit_code = 1


class UsageError(TrendError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class SettingsError(TrendError):
    """A settings file, variable or flag is wrong."""

    exit_code = 2


class TopicError(TrendError):
    """A topic file is wrong; the message names file and line."""

    exit_code = 2


class RetryableError(TrendError):
    """The source is throttled, malformed or incomplete, or input lines are bad; what came is stored."""

    exit_code = 3


class SourceUnreachable(RetryableError):
    """Nobody answers at the address, or the site refuses this machine."""


class StoreLocked(RetryableError):
    """Another process writes to this store."""


class ActionRequiredError(TrendError):
    """Nothing goes on until a person acts."""

    exit_code = 4


class StoreMissing(ActionRequiredError):
    """There is no store at this path."""


class StoreDamaged(ActionRequiredError):
    """A file that the store's manifest names is missing or unreadable."""


class StoreTooNew(ActionRequiredError):
    """The store was written by a newer program."""


class FindingsReported(ActionRequiredError):
    """A check found something that a person must judge; what, stands in its output."""


class CoverageMissing(ActionRequiredError):
    """No cell of the answer can be computed, because the records it needs were never fetched."""


class StoreUnchanged(TrendError):
    """Nothing new came, and `--fail-if-unchanged` asked to be told so."""

    exit_code = 5


def suggest_names(unknown_name: str, known_names: Iterable[str]) -> str:
    """A clause that names the known words closest to `word`: ' (did you mean gan?)', or '' when none is close."""
    close = difflib.get_close_matches(unknown_name, list(known_names), n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(close)}?)" if close else ""
