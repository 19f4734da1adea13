"""The settings of the weekly job: what it watches, where its folders go, and how long they stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.periods import parse
from trendcli.core.settings import as_text, checked, read, setting

SOURCES = ("arxiv", "oai")


def _names(value: Any) -> tuple[str, ...]:
    listed = value.split() if isinstance(value, str) else value
    if not isinstance(listed, Sequence) or not all(isinstance(item, str) for item in listed):
        raise ValueError("expected a list of names")
    return tuple(dict.fromkeys(listed))


def _source(value: Any) -> str:
    if value not in SOURCES:
        raise ValueError(f"expected one of {', '.join(SOURCES)}")
    return str(value)


def _day(value: Any) -> str:
    text = as_text(value)
    try:
        parse(text)
    except UsageError as error:
        raise ValueError(str(error).rstrip(".")) from None
    return text


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("expected a whole number, 0 or more")
    return value


@dataclass(frozen=True)
class Job:
    """Every setting of the weekly job, checked."""

    out: str = setting("trend-weekly", as_text, "The folder that holds a folder for each week.")
    watch: tuple[str, ...] = setting(
        ("large-language-models", "diffusion-models", "rl"),
        _names,
        "Topics to watch: their new papers are listed, and alerts are raised for them. The longer the list, the larger "
        "a change has to be before it is one.",
    )
    pack: str = setting("ml", as_text, "The topics that are compared.")
    scope: str | None = setting(
        None, as_text, "A named scope to count in. Empty: what the store covers, or `ml` where that is more."
    )
    source: str = setting("arxiv", _source, "Where new submissions come from: arxiv, or oai for whole categories.")
    since: str | None = setting(
        None,
        _day,
        "From when to fetch what was never fetched before: all that an empty store lacks, or a category that is new in "
        "the scope. Empty: the year before the last one, so that there are two whole years to compare.",
    )
    keep: int = setting(104, _number, "How many weeks stay; 0 for all.")
    notify: str | None = setting(
        None, as_text, "A command that gets the digest of each new week on its standard input, such as a mailer."
    )


def load(path: Path | None) -> Job:
    """The job of a settings file, or the shipped defaults; SettingsError for an unknown name or a bad value.

    A relative `out` of a file is beside that file, since cron starts elsewhere.
    """
    if path is None:
        return Job()
    values = checked(Job, read(path), str(path))
    if "out" in values:
        values["out"] = str(path.absolute().parent / Path(values["out"]).expanduser())
    return Job(**values)
