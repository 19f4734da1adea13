"""Translation of errors of Python and of libraries into expected failures, each with an exit code.

A full disk, a damaged file, hostile input or lack of memory can raise nearly anything, from nearly anywhere. Here, and
nowhere else, such an error becomes a TrendError.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trendcli.core.errors import (
    ActionRequiredError,
    RetryableError,
    SourceUnreachable,
    StoreDamaged,
    TrendError,
    UsageError,
)


def is_interrupt(error: BaseException) -> bool:
    """Return whether the user interrupted the program, including errors by which libraries report that."""
    return (
        isinstance(error, KeyboardInterrupt)
        or not _class_names(error).isdisjoint({"duckdb.InterruptException", "pyarrow.ArrowCancelled"})
        or (isinstance(error, RuntimeError) and str(error) == "Query interrupted")
    )


def translate_error(error: BaseException) -> TrendError | None:
    """Translate an error of Python or a library into an expected failure; return None for a bug.

    Classes are told by their names, since importing their libraries would take longer than most commands.
    """
    if isinstance(error, TrendError):
        return error
    names = _class_names(error)
    for translate, class_names in _TRANSLATIONS:
        if not names.isdisjoint(class_names):
            return translate(error)
    return None


def disk_error_number(error: BaseException) -> int | None:
    """Return the errno of a disk error, including those that an engine reports in words; None for other errors."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if _class_names(error).isdisjoint(_ENGINE_ERRORS):
        return None
    return next((number for number in _DISK_ERRORS if os.strerror(number) in str(error)), None)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise errors of Python and of libraries as the corresponding TrendError; leave bugs unchanged."""
    try:
        yield
    except Exception as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        translated = translate_error(error)
        if translated is None or translated is error:
            raise
        raise translated from error


def _class_names(error: BaseException) -> set[str]:
    """Return the names of an error's classes, each after the library that it comes from: 'duckdb.IOException'.

    Arrow raises some errors as plain OSErrors, which count as 'pyarrow.OSError'.
    """
    names = {f"{kind.__module__.partition('.')[0].lstrip('_')}.{kind.__name__}" for kind in type(error).__mro__}
    if isinstance(error, OSError):
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        if trace and str(trace.tb_frame.f_globals.get("__name__")).startswith("pyarrow."):
            names.add("pyarrow.OSError")
    return names


def _translate_memory(error: BaseException) -> TrendError:
    return ActionRequiredError(
        "Not enough memory. Everything stored is intact. Choose fewer topics or a shorter span (--since, --until), or "
        "close other programs, then run the command again."
    )


def _translate_worker(error: BaseException) -> TrendError:
    return RetryableError(
        "A worker process was killed, usually because memory ran out. Everything stored before this command is intact. "
        "Close other programs or choose a smaller part, then run the command again."
    )


def _translate_disk(error: BaseException) -> TrendError:
    """Name the file, or give the system's reason; treat a name that no disk can hold as a mistake in the command."""
    if not isinstance(error, OSError):  # messages of engines are long, in JSON, and name a draft
        file = _QUOTED_FILE.search(str(error))
        location = f": {file['path']}" if file else ""
        reason = os.strerror(disk_error_number(error) or 0)
        return ActionRequiredError(f"{reason}{location}. Everything stored before this command is intact.")
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return UsageError(f"{error.strerror}: {error.filename}. Nothing was changed.")
    if error.errno == errno.ENOENT and _DATA_FILE.search(str(error.filename)):
        return _build_damage_error(str(error.filename), error)
    location = f": {error.filename}" if error.filename else ""
    return ActionRequiredError(
        f"{error.strerror or _first_line(error)}{location}. Everything stored before this command is intact."
    )


def _translate_data(error: BaseException) -> TrendError | None:
    """Translate an engine's error on data: a failing disk, or a missing or damaged file."""
    text, number = str(error), disk_error_number(error)
    if number and number != errno.ENOENT:
        return _translate_disk(error)
    if any(phrase in text for phrase in _MEMORY_PHRASES):
        return _translate_memory(error)
    names_file = _DATA_FILE.search(text)
    if not names_file and not _class_names(error).isdisjoint(_WRONG_QUERIES):
        return None
    return _build_damage_error(names_file["path"] if names_file else "A file of the store", error)


def _build_damage_error(file: str, error: BaseException) -> TrendError:
    return StoreDamaged(
        f"{file} is missing or damaged ({_first_line(error)}). Nothing was changed. Run `trend doctor` to list the "
        "damage, then `trend doctor --fix`."
    )


def _translate_text(error: BaseException) -> TrendError:
    return ActionRequiredError(
        f"Data cannot be read or written ({_first_line(error)}). Everything stored before this command is intact."
    )


def _translate_number(error: BaseException) -> TrendError:
    return UsageError(f"A number is too large ({_first_line(error)}). Nothing was changed.")


def _translate_depth(error: BaseException) -> TrendError:
    return UsageError("The input is nested too deeply to be read. Nothing was changed.")


def _translate_words(error: BaseException) -> TrendError | None:
    """Translate errors by their text if bugs can raise the same class."""
    if "embedded null" in str(error):
        return UsageError(f"A path contains a NUL character ({_first_line(error)}). Nothing was changed.")
    return _translate_memory(error) if "can't start new thread" in str(error) else None


def _translate_network(error: BaseException) -> TrendError:
    return SourceUnreachable(
        f"The connection failed ({_first_line(error)}). Everything received so far is stored; try again later."
    )


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's text, without its full stop, shortened if it is long."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0].removesuffix(".")
    return line if len(line) <= 200 else f"{line[:200]}…"


_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.EMFILE)
_ENGINE_ERRORS = {"duckdb.Error", "pyarrow.ArrowException", "pyarrow.OSError"}
_MEMORY_PHRASES = ("failed to allocate", "Out of Memory", "could not allocate", "Cannot allocate memory")
# engines quote the path of a file; those of the store are parquet, those of its index npy
_DATA_FILE = re.compile(r"""(?:^|["'])(?P<path>[^"'\n]+?\.(?:parquet|npy|arrow))(?=$|["'\\])""")
_QUOTED_FILE = re.compile(r"""file \\?["'](?P<path>[^"'\\]+?)(\.\d+\.draft)?\\?["']""")
_WRONG_QUERIES = {f"duckdb.{name}Exception" for name in ("Binder", "Catalog", "Parser", "Syntax", "NotImplemented")}
# the first match counts: classes that libraries derive from Python's own come before these
_TRANSLATIONS: tuple[tuple[Callable[[BaseException], TrendError | None], set[str]], ...] = (
    (_translate_memory, {"builtins.MemoryError", "duckdb.OutOfMemoryException", "pyarrow.ArrowCapacityError"}),
    (_translate_worker, {"concurrent.BrokenExecutor"}),
    (_translate_depth, {"builtins.RecursionError"}),
    (_translate_data, _ENGINE_ERRORS),
    (_translate_network, {"requests.RequestException", "urllib3.HTTPError", "http.HTTPException"}),
    (_translate_disk, {"builtins.OSError"}),
    (
        _translate_text,
        {"builtins.UnicodeError", "builtins.EOFError", "json.JSONDecodeError", "msgspec.DecodeError", "csv.Error"}
        | {"yaml.YAMLError", "lxml.LxmlError", "zlib.error", "lzma.LZMAError", "zipfile.BadZipFile"},
    ),
    (_translate_number, {"builtins.ArithmeticError"}),
    (_translate_words, {"builtins.ValueError", "builtins.RuntimeError"}),
)
