"""Settings: the shipped defaults, a settings file, TREND_* variables and flags; the later override the earlier.

A setting is one field with its default, its check and its documentation; configs/settings.yaml is generated from them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trendcli.core.arxiv import CATEGORIES, expand_categories
from trendcli.core.errors import SettingsError, UsageError, suggest_names
from trendcli.core.types import Scope
from trendcli.core.yaml import find_control_character, load_yaml, quote_yaml, read_yaml_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# characters of a wrong value that a message quotes
MAX_SHOWN_CHARS = 200
_DEFAULT_SCOPES = {
    "ml": "cs.LG stat.ML cs.AI cs.CL cs.CV cs.NE cs.RO cs.IR cs.MA eess.AS eess.IV".split(),
    "language": "cs.CL eess.AS".split(),
    "vision": "cs.CV eess.IV".split(),
    "core": "cs.LG stat.ML cs.NE cs.CL cs.CV cs.AI".split(),
}


def is_loopback(url: str) -> bool:
    """Return whether a URL points at this machine itself."""
    from ipaddress import ip_address  # 10 ms, and only unusual settings need it

    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def check_text(value: Any) -> str:
    """Return a setting as text, also a number or a date, as YAML reads them; ValueError for anything else."""
    if not isinstance(value, str | int | float | date) or isinstance(value, bool):
        raise ValueError("expected text")
    text = str(value).removesuffix("\n")  # as folded text ends
    if find_control_character(text):
        raise ValueError("expected one line without control characters")
    return text


def check_path(value: Any) -> str | None:
    """Return a setting as a path with ~ expanded, or None for an empty one; ValueError if it is not text."""
    return None if value in (None, "") else str(expand_path(check_text(value)))


def expand_path(text: str) -> Path:
    """Return a path with ~ expanded; raise ValueError for an unknown user."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"no home folder for {text.partition('/')[0]}") from None


def _check_url(value: Any) -> str:
    text = check_text(value)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:  # raises for a port out of range
        raise ValueError("expected an http or https URL")
    return text


def _check_seconds(value: Any) -> float:
    seconds = float(check_text(value))
    if not 0 <= seconds <= 3600:
        raise ValueError("expected 0 to 3600 seconds")
    return seconds


def _check_positive(value: Any) -> float:
    number = float(check_text(value))
    if not 0 < number <= 86_400:
        raise ValueError("expected more than 0, and at most 86400")
    return number


def _check_header_text(value: Any) -> str:
    text = check_text(value)
    if not (text.isascii() and (text.isprintable() or not text)):
        raise ValueError("expected ASCII text of one line, since it is sent in a header")
    return text


def _check_scopes(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, Mapping):
        raise ValueError("expected `name: [category, ...]` lines")
    scopes = {}
    for name, categories in value.items():
        patterns = categories.split() if isinstance(categories, str) else categories
        if not isinstance(patterns, list) or not patterns or not all(isinstance(item, str) for item in patterns):
            raise ValueError(f"scope {name!r} needs a list of categories")
        # an unknown name is taken for a category that arXiv has added since
        scopes[str(name)] = [
            category
            for pattern in patterns
            for category in expand_categories(pattern, () if "*" in pattern else (pattern,))
        ]
    return scopes


def setting_field(default: Any, check: Callable[[Any], Any], doc: str) -> Any:
    """Return a dataclass field for a setting, with its default, the check of a given value, and its documentation.

    `check` returns the value in its final type, or raises ValueError or TypeError.
    """
    metadata = {"doc": doc, "check": check}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """All settings, resolved and checked."""

    store: str | None = setting_field(
        None, check_path, "Folder of the store. Empty: the user's data directory for `trend`."
    )
    arxiv_url: str = setting_field(
        "https://export.arxiv.org/api/query", _check_url, "arXiv's search API; change it only for a mirror or tests."
    )
    oai_url: str = setting_field(
        "https://oaipmh.arxiv.org/oai", _check_url, "arXiv's OAI-PMH interface, for `trend fetch --source oai`."
    )
    openreview_url: str = setting_field(
        "https://api2.openreview.net",
        _check_url,
        "OpenReview's API v2, for `trend fetch --source openreview` and its login.",
    )
    openreview_v1_url: str = setting_field(
        "https://api.openreview.net", _check_url, "OpenReview's API v1, which serves conferences up to 2023."
    )
    request_interval_s: float = setting_field(
        3.0,
        _check_seconds,
        "Seconds between two requests. arXiv's terms require at least 3; less is allowed for a loopback address only.",
    )
    reply_size_mb: float = setting_field(
        32.0, _check_positive, "Megabytes of a reply, as sent and as unpacked, after which it is read no further."
    )
    reply_duration_s: float = setting_field(
        300.0,
        _check_positive,
        "Seconds of a reply, from its first byte to its last, after which it is read no further.",
    )
    contact: str = setting_field(
        "", _check_header_text, "Email or web address at which arXiv can reach you, sent in the User-Agent header."
    )
    topics: str | None = setting_field(
        None,
        check_path,
        "Your own topic file or folder of topic files. Topics in it replace shipped ones of the same name.",
    )
    scope: str = setting_field("ml", check_text, "Scope that `trend fetch` fetches if no category is given.")
    scopes: dict[str, list[str]] = setting_field(
        _DEFAULT_SCOPES,
        _check_scopes,
        "Named sets of categories, for --scope. Yours are added to these; `cs.*` stands for all of cs.",
    )

    def interval_for_url(self, url: str) -> float:
        """Return the seconds between two requests to a URL; SettingsError if arXiv's terms require more."""
        if self.request_interval_s < 3 and not is_loopback(url):
            raise SettingsError(
                f"request_interval_s is {self.request_interval_s:g}, but arXiv's terms require at least 3 seconds; "
                "less is allowed for a loopback address only."
            )
        return self.request_interval_s

    def resolve_scope(self, categories: Sequence[str] | None, name: str | None = None) -> Scope | None:
        """Return the scope of some categories or globs, or the named scope; None if neither is given.

        Raise UsageError for an unknown category or if both are given, SettingsError for an unknown name.
        """
        if categories and name:
            raise UsageError("Give categories or a scope, not both.")
        if name or not categories:
            return self.named_scope(name) if name else None
        scope_categories = [category for scope in self.scopes.values() for category in scope]
        expanded: list[str] = []
        for pattern in categories:
            matches = expand_categories(pattern, scope_categories)
            if not matches:
                raise UsageError(
                    f"No category {pattern!r}{suggest_names(pattern, CATEGORIES)}. "
                    "If it is new on arXiv, name it in a scope in your settings file."
                )
            expanded += matches
        expanded = list(dict.fromkeys(expanded))
        return Scope(" ".join(expanded), tuple(expanded))

    def named_scope(self, name: str) -> Scope:
        """Return the scope of a name; SettingsError with similar names if there is none."""
        if name not in self.scopes:
            raise SettingsError(
                f"No scope {name!r}{suggest_names(name, self.scopes)}. Known: {', '.join(sorted(self.scopes))}."
            )
        return Scope(name, tuple(dict.fromkeys(self.scopes[name])))


def config_folder() -> Path:
    """Return the folder of shipped configuration: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def load_settings(
    file: Path | None = None, environ: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> tuple[Settings, dict[str, str]]:
    """Load the settings, and return with them the origin of each: 'default', the file, the variable or 'flag'.

    `file` is the one given by --settings; otherwise the one that TREND_SETTINGS names, or settings.yaml in the user's
    configuration directory if it exists. Raise SettingsError for an unknown name, a bad value or an unreadable file.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins = {field.name: "default" for field in fields(Settings)}
    path = file or (Path(environ["TREND_SETTINGS"]) if environ.get("TREND_SETTINGS") else _user_settings_path())
    variables = {name: f"TREND_{name.upper()}" for name in origins if name != "scopes"}
    layers: list[tuple[str, Mapping[str, Any]]] = [(str(path), read_settings_file(path))] if path else []
    layers += [(variable, {name: environ.get(variable) or None}) for name, variable in variables.items()]
    for origin, raw_values in [*layers, ("flag", flags or {})]:
        layer_values = check_settings(Settings, raw_values, origin)
        values |= layer_values
        origins |= dict.fromkeys(layer_values, origin)
    settings = Settings(**{**values, "scopes": {**_DEFAULT_SCOPES, **values.get("scopes", {})}})
    settings.interval_for_url(settings.arxiv_url)
    settings.named_scope(settings.scope)
    return settings, origins


def check_settings(
    settings_class: type[DataclassInstance], raw_values: Mapping[str, Any], origin: str
) -> dict[str, Any]:
    """Return the given values of a class of settings, checked; None is left out, so that the default holds.

    Raise SettingsError, which names the origin, for an unknown name or a bad value.
    """
    known_fields = {field.name: field for field in fields(settings_class)}
    values: dict[str, Any] = {}
    for name, value in raw_values.items():
        if name not in known_fields:
            raise SettingsError(
                f"{origin}: unknown setting {name!r}{suggest_names(name, known_fields)}. "
                f"Known: {', '.join(known_fields)}."
            )
        try:
            if value is not None:
                values[name] = known_fields[name].metadata["check"](value)
        except (TypeError, ValueError) as error:
            shown = repr(value)
            shown = shown if len(shown) <= MAX_SHOWN_CHARS else f"{shown[:MAX_SHOWN_CHARS]}..."
            raise SettingsError(f"{origin}: setting {name!r} is {shown}: {error}.") from None
    return values


def store_path(settings: Settings) -> Path:
    """Return the folder of the store: the setting, or the user's data directory for `trend`."""
    if settings.store:
        return Path(settings.store)
    import platformdirs  # 20 ms, and only the default store needs it

    return Path(platformdirs.user_data_dir("trend", appauthor=False))


def pace_path() -> Path:
    """Return the folder that records when requests were made, shared by all stores of a user on a machine."""
    import platformdirs

    return Path(platformdirs.user_state_dir("trend", appauthor=False)) / "pace"


def _user_settings_path() -> Path | None:
    path = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "trend" / "settings.yaml"
    return path if path.is_file() else None


def read_settings_file(path: Path) -> Mapping[str, Any]:
    """Return the names and values of a YAML file; SettingsError, with the line, if it cannot be read."""
    values = load_yaml(read_yaml_text(path, "settings file", SettingsError), path, SettingsError)
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise SettingsError(f"{path}: expected `name: value` lines.")
    return values


def settings_to_yaml(settings: DataclassInstance, origins: Mapping[str, str] | None = None) -> str:
    """Return settings as a commented YAML file, which `load_settings` reads back; comments show the `origins`."""
    lines = []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value and field.metadata["check"] is check_path:
            value = str(Path(value).absolute())  # the file will be read from other folders
        origin = f" [{origins[field.name]}]" if origins else ""
        lines += [f"# {field.metadata['doc']}{origin}"]
        if isinstance(value, dict):
            lines += [f"{field.name}:", *(f"  {name}: [{', '.join(members)}]" for name, members in value.items())]
        elif isinstance(value, tuple):
            lines.append(f"{field.name}: [{', '.join(value)}]")
        elif isinstance(value, int | float):
            lines.append(f"{field.name}: {value:g}")
        else:
            lines.append(f"{field.name}: {quote_yaml(value)}" if value else f"{field.name}:")
        lines.append("")
    return "\n".join(lines)
