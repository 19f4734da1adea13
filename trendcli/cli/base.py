"""What all commands share: the common options, and the settings, store and output that they lead to."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.streams import print_message, write_stdout
from trendcli.core.errors import StoreMissing, UsageError, suggest_names
from trendcli.core.registry import FORMATS, load_entry
from trendcli.core.types import Progress, ignore_progress

if TYPE_CHECKING:
    from trendcli.core.report import Report
    from trendcli.core.settings import Settings
    from trendcli.core.types import Scope
    from trendcli.store.store import Store
    from trendcli.topics.library import Library


# characters of a file that is read as a whole, such as a saved report: a row of terms has about 890 of them
MAX_TEXT_CHARS = 32 << 20


class Color(StrEnum):
    """When output is coloured."""

    auto = "auto"
    always = "always"
    never = "never"


@dataclass(frozen=True)
class CommonOptions:
    """The options of every command, and the settings, store and output that they lead to."""

    store: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the store [TREND_STORE, else the user's data folder].")
    ] = None
    settings: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings file [TREND_SETTINGS].")] = None
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No notes, warnings or progress on stderr.")] = False
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log requests and commits to stderr.")] = False
    color: Annotated[Color, typer.Option(help="Use colour: auto (on a terminal), always or never.")] = Color.auto

    @cached_property
    def resolved_settings(self) -> tuple[Settings, dict[str, str]]:
        """The settings, and the origin of each by its name."""
        from trendcli.core.settings import load_settings

        return load_settings(self.settings, flags={"store": str(self.store) if self.store else None})

    def store_root(self, corpus: str = "arxiv") -> Path:
        """Return the folder of the store of a corpus."""
        from trendcli.core.settings import store_path

        root = store_path(self.resolved_settings[0])
        return root if corpus == "arxiv" else root / "venues" / corpus

    def open_store(self, corpus: str = "arxiv") -> Store:
        """Open the store of a corpus; raise StoreMissing, with the command that fills it, where there is none."""
        from trendcli.store.identity import FolderState, inspect_folder
        from trendcli.store.store import Store, list_venues

        venues = list_venues(self.store_root())
        if corpus == "arxiv" and venues and inspect_folder(self.store_root()) == FolderState.empty:
            raise StoreMissing(
                f"The store {self.store_root()} has no arXiv submissions, only these venues: {' '.join(venues)}. Use "
                f"--corpus {venues[0]}, or add arXiv with `trend import FILE` or `trend fetch --since 2024-01`."
            )
        if corpus != "arxiv" and corpus not in venues:
            raise StoreMissing(
                f"The store {self.store_root()} has no venue {corpus!r}{suggest_names(corpus, venues)}. "
                f"Stored venues: {' '.join(venues) or 'none'}. Add one with "
                "`trend import FILE --venue iclr --year 2021`."
            )
        return Store.open(self.store_root(corpus))

    def load_library(self) -> Library:
        """Return the shipped topics and the user's own, from the cache where none of their files has changed."""
        from trendcli.core.settings import config_folder
        from trendcli.store.result_cache import program_key, read_result, write_result
        from trendcli.topics.library import library_from_json

        # neither the store nor the day: a key for each day would fill the cache with copies of 320 kB
        key = program_key("topics", self._list_topic_files())
        library = read_result(self.store_root(), key, library_from_json)
        if library is None:
            from trendcli.topics.loader import load_library

            own_path = self.resolved_settings[0].topics
            library = load_library(config_folder() / "topics", Path(own_path) if own_path else None)
            if (self.store_root() / "manifest.json").exists():
                write_result(self.store_root(), key, library)
        return library

    def _list_topic_files(self) -> list[Path]:
        from trendcli.core.settings import config_folder

        own_path = self.resolved_settings[0].topics
        folders = [config_folder() / "topics", *([Path(own_path)] if own_path else [])]
        return [path for folder in folders for path in (folder, *(sorted(folder.iterdir()) if folder.is_dir() else ()))]

    def default_scope(self) -> Scope:
        """Return the scope that is read where the store covers more than it."""
        return self.resolved_settings[0].named_scope("ml")

    def cached_report(self, query_text: str, compute: Callable[[], Report], corpus: str = "arxiv") -> Report:
        """Return the report of a query, from the cache where nothing that it depends on has changed.

        `query_text` identifies the query; the data, settings, topic files and judgements are part of the key as well.
        """
        from trendcli.store.result_cache import read_result, report_from_json, result_key, write_result

        root = self.store_root(corpus)
        judgement_files = sorted(root.glob("judgements/*.jsonl"))
        key = result_key(
            root, f"{query_text} {self.resolved_settings[0]}", [*self._list_topic_files(), *judgement_files]
        )
        report = read_result(root, key, report_from_json)
        if report is None:
            report = compute()
            write_result(root, key, report)
        return report

    def print_note(self, message: str) -> None:
        """Print a sentence on stderr, unless --quiet."""
        if not self.quiet:
            print_message(message)

    @contextlib.contextmanager
    def progress_bar(self) -> Iterator[Progress]:
        """Show a progress bar on a terminal; nothing in a pipe, in cron or with --quiet."""
        if self.quiet or not sys.stderr.isatty():
            yield ignore_progress
            return
        from rich import progress
        from rich.console import Console

        columns = (
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.description}"),
        )
        with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=None)
            yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what)

    def write_report(self, report: Report, format_name: str | None, output: Path | None) -> None:
        """Print a report or write it to a file, in the named format or else the one of the file's ending."""
        format_name = format_name or infer_format(output)
        self.write_output(self.render_report(report, format_name, to_file=output is not None), output, format_name)

    def write_output(self, text: str, output: Path | None, format_name: str = "table") -> None:
        """Print a text, where `output` is None or '-', or write it to a file and say so."""
        if output is None or str(output) == "-":
            write_stdout(text, format_name)
        else:
            write_text(output, text)
            self.print_note(f"Wrote {output}.")

    def render_report(self, report: Report, format_name: str, *, to_file: bool) -> str:
        """Return a report in one of the registered formats; raise UsageError for any other."""
        if format_name not in FORMATS:
            raise UsageError(
                f"No format {format_name!r}{suggest_names(format_name, FORMATS)}. Known: {', '.join(FORMATS)}."
            )
        render = load_entry(FORMATS[format_name])
        if format_name != "table":
            return str(render(report))
        is_terminal = sys.stdout.isatty() and not to_file
        is_colored = self.color == Color.always or (
            self.color == Color.auto and is_terminal and not os.environ.get("NO_COLOR")
        )
        width = shutil.get_terminal_size().columns if is_terminal or self.color == Color.always else None
        return str(render(report, width=width, color=is_colored))


def infer_format(output: Path | None, default: str = "table") -> str:
    """Return the format that a file's ending stands for, `default` without a file or ending.

    Raise UsageError for an ending of no registered format.
    """
    ending = output.suffix.lower() if output else ""
    if not ending:
        return default
    formats = {file_ending: name for name, entry in FORMATS.items() for file_ending in entry.endings}
    if ending not in formats:
        raise UsageError(
            f"No format has the extension {ending}. Known: {', '.join(formats)}; or choose one with --format."
        )
    return formats[ending]


def read_text(path: Path, encoding: str = "utf-8-sig") -> str:
    """Read a file that a user named, with or without a byte order mark; raise UsageError with the reason."""
    try:
        with path.open(encoding=encoding) as stream:
            text = stream.read(MAX_TEXT_CHARS + 1)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"Cannot read {path}: {reason}.") from None
    if len(text) > MAX_TEXT_CHARS:
        raise UsageError(f"Cannot read {path}: it has more than {MAX_TEXT_CHARS >> 20} million characters.")
    return text


def write_text(path: Path, text: str) -> None:
    """Write a file, and its folder if it is missing; raise UsageError with the reason if that fails.

    The file is complete or as it was; ActionRequiredError says that the disk is full.
    """
    from trendcli.core.files import write_named_file

    write_named_file(path, text.encode(errors="replace"))
