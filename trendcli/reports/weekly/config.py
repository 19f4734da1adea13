"""Settings of the weekly job: what it watches, where its folders go, and how many weeks it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.periods import parse_period
from trendcli.core.registry import SOURCES
from trendcli.core.settings import check_settings, check_text, expand_path, read_settings_file, setting_field

# seconds; a job that waits for a whole day would meet the next one
MAX_NOTIFY_TIMEOUT_S = 86_400


def _check_names(value: Any) -> tuple[str, ...]:
    names = value.split() if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise ValueError("expected a list of names")
    return tuple(dict.fromkeys(names))


def _check_folder(value: Any) -> str:
    return str(expand_path(check_text(value)))


def _check_source(value: Any) -> str:
    names = [name for name, entry in SOURCES.items() if entry.updates_arxiv]
    if value not in names:
        raise ValueError(f"expected one of {', '.join(names)}")
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


def _check_timeout(value: Any) -> float:
    seconds = float(check_text(value))
    if not 0 < seconds <= MAX_NOTIFY_TIMEOUT_S:
        raise ValueError(f"expected a number of seconds above 0, and at most {MAX_NOTIFY_TIMEOUT_S:,}")
    return seconds


@dataclass(frozen=True)
class WeeklyConfig:
    """Every setting of the weekly job, checked."""

    out: str = setting_field("trend-weekly", _check_folder, "Output folder, with a folder for each week.")
    watch: tuple[str, ...] = setting_field(
        ("large-language-models", "diffusion-models", "rl"),
        _check_names,
        "Topics to watch: their new papers are listed, and alerts are raised for them. The longer the list, the larger "
        "a change must be to raise an alert.",
    )
    pack: str = setting_field("ml", check_text, "Topics to compare, as the name of a pack.")
    scope: str | None = setting_field(
        None,
        check_text,
        "Named scope in which submissions are counted. Empty: all that the store covers, or `ml` if it covers more.",
    )
    source: str = setting_field(
        "arxiv", _check_source, "Source of new submissions: arxiv, or oai for whole categories."
    )
    since: str | None = setting_field(
        None,
        _check_day,
        "Start of the first fetch, for an empty store and for a category that is new in the scope. Empty: January 1 of "
        "the year before last, so that two complete years can be compared.",
    )
    keep: int = setting_field(104, _check_count, "Number of weeks to keep (0: all).")
    notify: str | None = setting_field(
        None, check_text, "Command that reads the digest of each new week on its standard input, e.g. a mailer."
    )
    notify_timeout_s: float = setting_field(
        60.0,
        _check_timeout,
        "Seconds after which the `notify` command is stopped. The week stays pending, and the next run sends it again.",
    )


def load_weekly_config(path: Path | None) -> WeeklyConfig:
    """Load the settings of a file, or the defaults without one.

    A relative `out` is resolved against the folder of the file, since cron starts in another one. Raise SettingsError
    for an unknown name or an invalid value.
    """
    if path is None:
        return WeeklyConfig()
    values = check_settings(WeeklyConfig, read_settings_file(path), str(path))
    if "out" in values:
        values["out"] = str(path.absolute().parent / values["out"])
    return WeeklyConfig(**values)
