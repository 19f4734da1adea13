"""Output to stdout and stderr in any encoding, also if they are closed or the reader of a pipe has exited."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from io import TextIOWrapper
from typing import TextIO

import typer

from trendcli.core.text import clean_message

# characters of tables, notes and help that a Windows code page may lack; others lose their accents or become "?"
_SUBSTITUTES = {
    "→": "->", "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "─": "-", "│": "|", "×": "x", "±": "+/-", "≤": "<=",
    "≥": ">=", "·": ".", "φ": "phi", "μ": "mu", "α": "alpha", "κ": "kappa", "Σ": "sum", "’": "'", "‘": "'", "“": '"',
    "”": '"', "ß": "ss",
}  # fmt: skip
# how data are encoded where stdout is a file or a pipe and not UTF-8: what can say any character in ASCII does, so
# that it also survives a shell that decodes it (Windows PowerShell); all else is UTF-8, as in a file of -o
_ASCII_FORMATS = {"json": "trend.json", "jsonl": "trend.json", "html": "xmlcharrefreplace"}


def prepare_streams() -> None:
    """Let stdout and stderr accept any text, also if they are closed or have a small character set."""
    codecs.register_error("trend.text", _substitute_characters)
    codecs.register_error("trend.json", _escape_json)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed; the next file opened would get its number, and with it what is printed
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        if isinstance(stream := getattr(sys, name), TextIOWrapper) and mode == "w":
            stream.reconfigure(errors="trend.text")


def write_stdout(text: str, format_name: str = "table") -> None:
    """Write a report to stdout: a table for people in the terminal's encoding, other formats for programs as UTF-8.

    Raise OSError, with stdout as its file, where it cannot be written; its reader is gone with a BrokenPipeError.
    """
    try:
        buffer = getattr(sys.stdout, "buffer", None)
        if format_name == "table" or buffer is None or sys.stdout.isatty():
            sys.stdout.write(text)
        else:
            sys.stdout.flush()
            is_utf8 = codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"
            errors = "" if is_utf8 else _ASCII_FORMATS.get(format_name, "")
            buffer.write(text.encode("ascii", errors) if errors else text.encode("utf-8", "replace"))
        sys.stdout.flush()
    except OSError as error:
        error.filename = "stdout"
        raise


def print_message(text: str) -> None:
    """Print a message on stderr; ignore a closed or full stderr, since data matter more than a message."""
    try:
        typer.echo(clean_message(text), err=True)
    except OSError:
        discard_stream(sys.stderr)


def has_lost_reader(stream: TextIO) -> bool:
    """Return whether a stream is a pipe that nobody reads any more; True where the system cannot tell."""
    import select

    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # Windows has no poll; a stream of a test has no number
        return True


def discard_stream(stream: TextIO) -> None:
    """Discard the rest of a stream, about which Python would complain at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _substitute_characters(error: UnicodeError) -> tuple[str, int]:
    import unicodedata

    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = [
        _SUBSTITUTES.get(character)
        or unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
        or "?"
        for character in error.object[error.start : error.end]
    ]
    return "".join(plain), error.end


def _escape_json(error: UnicodeError) -> tuple[str, int]:
    import json

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
