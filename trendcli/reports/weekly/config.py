"""The settings of the weekly job: what it watches, where its folders go, and how long they stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.periods import parse_period
from trendcli.core.settings import check_settings, check_text, read_settings_file, setting_field

WEEKLY_SOURCES = ("arxiv", "oai")


def _check_names(value: Any) -> tuple[str, ...]:
    listed = value.split() if isinstance(value, str) else value
    if not isinstance(listed, Sequence) or not all(isinstance(item, str) for item in listed):
        raise ValueError("expected a list of names")
    return tuple(dict.fromkeys(listed))


def _check_source(value: Any) -> str:
    if value not in WEEKLY_SOURCES:
        raise ValueError(f"expected one of {', '.join(WEEKLY_SOURCES)}")
    return str(value)


def _check_day(value: Any) -> str:
    text = check_text(value)
    try:
        parse_period(text)
    except UsageError as error:
        raise ValueError(str(error).rstrip(".")) from None
    return text


def _check_count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("expected a whole number, 0 or more")
    return value


@dataclass(frozen=True)
class WeeklyConfig:
    """Every setting of the weekly job, checked."""

    out: str = setting_field("trend-weekly", check_text, "The folder that holds a folder for each week.")
    watch: tuple[str, ...] = setting_field(
        ("large-language-models", "diffusion-models", "rl"),
        _check_names,
        "Topics to watch: their new papers are listed, and alerts are raised for them. The longer the list, the larger "
        "a change has to be before it is one.",
    )
    pack: str = setting_field("ml", check_text, "The topics that are compared.")
    scope: str | None = setting_field(
        None, check_text, "A named scope to count in. Empty: what the store covers, or `ml` where that is more."
    )
    source: str = setting_field(
        "arxiv", _check_source, "Where new submissions come from: arxiv, or oai for whole categories."
    )
    since: str | None = setting_field(
        None,
        _check_day,
        "From when to fetch what was never fetched before: all that an empty store lacks, or a category that is new in "
        "the scope. Empty: the year before the last one, so that there are two whole years to compare.",
    )
    keep: int = setting_field(104, _check_count, "How many weeks stay; 0 for all.")
    notify: str | None = setting_field(
        None, check_text, "A command that gets the digest of each new week on its standard input, such as a mailer."
    )


def load_weekly_config(path: Path | None) -> WeeklyConfig:
    """The job of a settings file, or the shipped defaults; SettingsError for an unknown name or a bad value.

    A relative `out` of a file is beside that file, since cron starts elsewhere.
    """
    if path is None:
        return WeeklyConfig()
    values = check_settings(WeeklyConfig, read_settings_file(path), str(path))
    if "out" in values:
        values["out"] = str(path.absolute().parent / Path(values["out"]).expanduser())
    return WeeklyConfig(**values)
