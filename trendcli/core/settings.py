"""Settings: the shipped defaults, a settings file, TREND_* variables and flags, the later winning.

A setting is one field: its default, its check and its documentation. configs/settings.yaml is written from them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trendcli.core.arxiv import CATEGORIES, expand_categories
from trendcli.core.errors import SettingsError, UsageError, suggest_names
from trendcli.core.types import Scope
from trendcli.core.yaml import quote_yaml

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_DEFAULT_SCOPES = {
    "ml": "cs.LG stat.ML cs.AI cs.CL cs.CV cs.NE cs.RO cs.IR cs.MA eess.AS eess.IV".split(),
    "language": "cs.CL eess.AS".split(),
    "vision": "cs.CV eess.IV".split(),
    "core": "cs.LG stat.ML cs.NE cs.CL cs.CV cs.AI".split(),
}


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine itself."""
    from ipaddress import ip_address  # 10 ms that only unusual settings cost

    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def check_text(value: Any) -> str:
    """A setting that is a text; ValueError where it is none."""
    if isinstance(value, str | int | float | date) and not isinstance(value, bool):  # YAML reads a day as one
        return str(value)
    raise ValueError("expected a text")


def check_path(value: Any) -> str | None:
    """A setting that is a path, or empty."""
    return None if value in (None, "") else str(Path(check_text(value)).expanduser())


def _check_url(value: Any) -> str:
    text = check_text(value)
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise ValueError("expected an http or https address")
    return text


def _check_seconds(value: Any) -> float:
    seconds = float(check_text(value))
    if not 0 <= seconds <= 3600:
        raise ValueError("expected seconds, from 0 to 3600")
    return seconds


def _check_scopes(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, Mapping):
        raise ValueError("expected `name: [category, ...]` lines")
    found = {}
    for name, listed in value.items():
        names = listed.split() if isinstance(listed, str) else listed
        if not isinstance(names, list) or not names or not all(isinstance(item, str) for item in names):
            raise ValueError(f"scope {name!r} needs a list of categories")
        # a name that this program does not know is one that arXiv has added since
        found[str(name)] = [
            known for item in names for known in expand_categories(item, () if "*" in item else (item,))
        ]
    return found


def setting_field(default: Any, check: Callable[[Any], Any], doc: str) -> Any:
    """A field of a dataclass of settings: its default, what checks a value that was written, and its words."""
    metadata = {"doc": doc, "check": check}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Every setting, resolved and checked."""

    store: str | None = setting_field(
        None, check_path, "Where the records are kept. Empty: the user's data directory for `trend`."
    )
    arxiv_url: str = setting_field(
        "https://export.arxiv.org/api/query", _check_url, "arXiv's API. Another address is for mirrors and tests."
    )
    oai_url: str = setting_field(
        "https://oaipmh.arxiv.org/oai", _check_url, "arXiv's OAI-PMH interface, for `trend fetch --source oai`."
    )
    openreview_url: str = setting_field(
        "https://api2.openreview.net",
        _check_url,
        "OpenReview's API v2, for `trend fetch --source openreview`, and its login.",
    )
    openreview_v1_url: str = setting_field(
        "https://api.openreview.net", _check_url, "OpenReview's API v1, which holds conferences up to 2023."
    )
    request_interval_s: float = setting_field(
        3.0,
        _check_seconds,
        "Seconds between two requests. arXiv's terms ask for 3 or more; less is for a loopback address alone.",
    )
    contact: str = setting_field(
        "", check_text, "A mail or web address that arXiv may write to; it goes into the User-Agent."
    )
    topics: str | None = setting_field(
        None, check_path, "Your own topic file, or a folder of them. A topic of the same name replaces the shipped one."
    )
    scope: str = setting_field("ml", check_text, "The scope that `trend fetch` asks for when no category is named.")
    scopes: dict[str, list[str]] = setting_field(
        _DEFAULT_SCOPES,
        _check_scopes,
        "Named sets of categories, for --scope. Yours are added to these; `cs.*` means all of cs.",
    )

    def interval_for_url(self, url: str) -> float:
        """Seconds between two requests to an address; SettingsError where that is less than arXiv's terms ask for."""
        if self.request_interval_s < 3 and not is_loopback(url):
            raise SettingsError(
                f"request_interval_s is {self.request_interval_s:g}, and arXiv's terms ask for 3 seconds or more; "
                "less is allowed for a loopback address only."
            )
        return self.request_interval_s

    def resolve_scope(self, categories: Sequence[str] | None, name: str | None = None) -> Scope | None:
        """The scope of some categories or globs, or the one of a name; None where neither is given.

        UsageError for an unknown category, and where both are given.
        """
        if categories and name:
            raise UsageError("Name categories or a scope, not both.")
        if name or not categories:
            return self.named_scope(name) if name else None
        extra = [category for listed in self.scopes.values() for category in listed]
        chosen: list[str] = []
        for pattern in categories:
            found = expand_categories(pattern, extra)
            if not found:
                raise UsageError(
                    f"No category {pattern!r}{suggest_names(pattern, CATEGORIES)}. "
                    "One that arXiv has added since can be named in a scope of your settings file."
                )
            chosen += found
        chosen = list(dict.fromkeys(chosen))
        return Scope(" ".join(chosen), tuple(chosen))

    def named_scope(self, name: str) -> Scope:
        """The scope of that name; SettingsError with the nearest known ones where there is none."""
        if name not in self.scopes:
            raise SettingsError(
                f"No scope {name!r}{suggest_names(name, self.scopes)}. Known: {', '.join(sorted(self.scopes))}."
            )
        return Scope(name, tuple(dict.fromkeys(self.scopes[name])))


def config_folder() -> Path:
    """The folder of shipped configuration: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def load_settings(
    file: Path | None = None, environ: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> tuple[Settings, dict[str, str]]:
    """The settings, and for each its origin: 'default', the file, the variable or 'flag'.

    `file` is the one named by --settings; else TREND_SETTINGS, else settings.yaml in the user's configuration
    directory where it exists. SettingsError for an unknown name, a bad value or an unreadable file.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins = {item.name: "default" for item in fields(Settings)}
    path = file or (Path(environ["TREND_SETTINGS"]) if environ.get("TREND_SETTINGS") else _user_settings_path())
    variables = {name: f"TREND_{name.upper()}" for name in origins if name != "scopes"}
    said: list[tuple[str, Mapping[str, Any]]] = [(str(path), read_settings_file(path))] if path else []
    said += [(variable, {name: environ.get(variable) or None}) for name, variable in variables.items()]
    for origin, given in [*said, ("flag", flags or {})]:
        found = check_settings(Settings, given, origin)
        values |= found
        origins |= dict.fromkeys(found, origin)
    settings = Settings(**{**values, "scopes": {**_DEFAULT_SCOPES, **values.get("scopes", {})}})
    settings.interval_for_url(settings.arxiv_url)
    settings.named_scope(settings.scope)
    return settings, origins


def check_settings(
    settings_class: type[DataclassInstance], raw_values: Mapping[str, Any], origin: str
) -> dict[str, Any]:
    """What was given for the fields of a class of settings, checked; without what is None, which leaves the default.

    SettingsError, which names the origin, for an unknown name or a bad value.
    """
    known = {item.name: item for item in fields(settings_class)}
    found: dict[str, Any] = {}
    for name, value in raw_values.items():
        if name not in known:
            raise SettingsError(
                f"{origin}: unknown setting {name!r}{suggest_names(name, known)}. Known: {', '.join(known)}."
            )
        try:
            if value is not None:
                found[name] = known[name].metadata["check"](value)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{origin}: setting {name!r} is {value!r}: {error}.") from None
    return found


def store_path(settings: Settings) -> Path:
    """Where the store lies: the setting, else the user's data directory for `trend`."""
    if settings.store:
        return Path(settings.store)
    import platformdirs  # 20 ms that only an unnamed store costs

    return Path(platformdirs.user_data_dir("trend", appauthor=False))


def pace_path() -> Path:
    """Where the pace of requests is kept, for all stores of a user on a machine."""
    import platformdirs

    return Path(platformdirs.user_state_dir("trend", appauthor=False)) / "pace"


def _user_settings_path() -> Path | None:
    path = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "trend" / "settings.yaml"
    return path if path.is_file() else None


def read_settings_file(path: Path) -> Mapping[str, Any]:
    """The names and values of a YAML file; SettingsError with its line where it cannot be read."""
    import yaml

    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"Cannot read the settings file {path}: {reason}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise SettingsError(
            f"{path}{f':{mark.line + 1}' if mark else ''}: not valid YAML: {getattr(error, 'problem', None) or error}."
        ) from None
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise SettingsError(f"{path}: expected `name: value` lines.")
    return values


def settings_to_yaml(settings: DataclassInstance, origins: Mapping[str, str] | None = None) -> str:
    """The settings as a commented YAML file, which `resolve` reads back; `origins` are added to the comments."""
    lines = []
    for item in fields(settings):
        value = getattr(settings, item.name)
        if value and item.metadata["check"] is check_path:
            value = str(Path(value).absolute())  # the file will be read from other folders
        origin = f" [{origins[item.name]}]" if origins else ""
        lines += [f"# {item.metadata['doc']}{origin}"]
        if isinstance(value, dict):
            lines += [f"{item.name}:", *(f"  {name}: [{', '.join(listed)}]" for name, listed in value.items())]
        elif isinstance(value, tuple):
            lines.append(f"{item.name}: [{', '.join(value)}]")
        elif isinstance(value, int | float):
            lines.append(f"{item.name}: {value:g}")
        else:
            lines.append(f"{item.name}: {quote_yaml(value)}" if value else f"{item.name}:")
        lines.append("")
    return "\n".join(lines)
