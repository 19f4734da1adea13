"""YAML: reading with limits, so that no file can fill the memory, and writing that keeps comments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trendcli.core.errors import TrendError
from trendcli.core.files import read_error

if TYPE_CHECKING:
    import yaml

# bytes of a file; the largest shipped one has 105 kB, and 2 MB take three seconds
MAX_YAML_BYTES = 2_000_000
# levels of nesting; topic files have 6. The parser recurses, and overflows its stack at some ten thousand
MAX_YAML_DEPTH = 20
# characters of one value, which messages quote
MAX_VALUE_CHARS = 10_000
# characters that aliases repeat altogether: nine lines of them can stand for gigabytes
MAX_ALIASED_CHARS = 100_000
# reasons of the parser quote what they found
_MAX_REASON_CHARS = 200
# characters of plain scalars that are written here; all others are quoted, although YAML would allow some of them
_PLAIN_SCALAR = re.compile(r"[A-Za-z/][\w./:@+ -]*")
_BIDI_CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def read_yaml_text(path: Path, kind: str, error_class: type[TrendError]) -> str:
    """Return the text of a file, line ends unchanged; `kind` says what it is, such as 'settings file'.

    Raise `error_class` where it is unreadable, not UTF-8 or larger than MAX_YAML_BYTES.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_YAML_BYTES + 1)
    except OSError as error:
        raise error_class(read_error(f"the {kind} {path}", error)) from None
    if len(content) > MAX_YAML_BYTES:
        raise error_class(f"The {kind} {path} is larger than {MAX_YAML_BYTES // 1_000_000} MB.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise error_class(f"{path}:{line}: not UTF-8; save the file as UTF-8.") from None


def load_yaml(text: str, path: Path, error_class: type[TrendError]) -> Any:
    """Return the values of a file's text; raise `error_class`, with `path` and the line, where it is not valid YAML."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Names the line of a value that does not fit its tag, as in `!!int x`."""

        def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep)
            except yaml.YAMLError:
                raise
            except Exception as error:
                raise yaml.constructor.ConstructorError(
                    None, None, f"a value that does not fit its type {node.tag!r}", node.start_mark
                ) from error

    return _read_checked(text, path, error_class, lambda: yaml.load(text, Loader))


def compose_yaml(text: str, path: Path, error_class: type[TrendError], loader: Any = None) -> yaml.Node | None:
    """Return the root node of a file's text, None where it is empty; `loader` is the class that reads it.

    Raise `error_class`, with `path` and the line, where it is not valid YAML.
    """
    import yaml

    loader = loader or getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    root: yaml.Node | None = _read_checked(text, path, error_class, lambda: yaml.compose(text, loader))
    return root


def _read_checked(text: str, path: Path, error_class: type[TrendError], read: Callable[[], Any]) -> Any:
    """Check the limits of a text and return the result of `read`; raise `error_class` for any fault."""
    import yaml

    try:
        _check_limits(text)
        return read()
    except yaml.reader.ReaderError as error:  # has a position instead of a mark
        line = text.count("\n", 0, error.position) + 1
        reason = f"not valid YAML: the character {chr(error.character)!r} is not allowed"
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, reason = mark.line + 1 if mark else 0, str(getattr(error, "problem", None) or error)[:_MAX_REASON_CHARS]
        if type(error) is not yaml.MarkedYAMLError:  # one of these limits
            reason = f"not valid YAML: {reason}"
    raise error_class(f"{path}{f':{line}' if line else ''}: {reason}.")


def _check_limits(text: str) -> None:
    """Raise MarkedYAMLError for what is too deep, too long or repeats too much, and for control characters.

    Events come one by one and without recursion, so that nothing has to be built to see it.
    """
    import yaml

    chars_by_anchor: dict[str, int] = {}
    open_collections: list[tuple[str | None, int]] = []  # the anchor of each, and the characters before it
    chars = aliased_chars = 0

    def raise_if(is_fault: bool, event: yaml.Event, problem: str) -> None:
        if is_fault:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)  # type: ignore[arg-type]

    for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.ScalarEvent):
            raise_if(len(event.value) > MAX_VALUE_CHARS, event, f"a value of more than {MAX_VALUE_CHARS:,} characters")
            control = find_control_character(event.value.removesuffix("\n"))  # which folded text ends with
            raise_if(control == "\n", event, "a value of several lines; write it on one, or fold it with >-")
            raise_if(bool(control), event, f"the control character {control!r} in a value")
            chars += len(event.value) + 1
            if event.anchor:
                chars_by_anchor[event.anchor] = len(event.value) + 1
        elif isinstance(event, yaml.AliasEvent):
            is_endless = event.anchor in (anchor for anchor, _ in open_collections)
            raise_if(is_endless, event, f"the alias {event.anchor!r} inside its own anchor")
            repeated = chars_by_anchor.get(event.anchor or "", 0)
            aliased_chars += repeated
            chars += repeated
            raise_if(aliased_chars > MAX_ALIASED_CHARS, event, "aliases that expand to more text than allowed")
        elif isinstance(event, yaml.CollectionStartEvent):
            open_collections.append((event.anchor, chars))
            raise_if(len(open_collections) > MAX_YAML_DEPTH, event, f"nested more than {MAX_YAML_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, chars_before = open_collections.pop()
            chars += 1
            if anchor:
                chars_by_anchor[anchor] = chars - chars_before


def find_control_character(text: str) -> str:
    """Return the first line break or control character of a text; '' if there is none."""
    if text.isprintable():
        return ""
    return next(
        (
            char
            for char in text
            if char < " " or "\x7f" <= char <= "\x9f" or char in _BIDI_CONTROLS or char in "\u2028\u2029"
        ),
        "",
    )


def quote_yaml(text: str) -> str:
    """Return text as a YAML scalar that is read back as that text, also in a list; quoted only if it has to be."""
    import yaml  # late, because settings are read by every command

    if _PLAIN_SCALAR.fullmatch(text):
        try:
            if yaml.safe_load(f"[{text}]") == [text]:
                return text
        except yaml.YAMLError:
            pass
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=False)  # line breaks survive only as escapes
