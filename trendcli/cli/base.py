"""What every command shares: its common options, its settings, how it prints, and how it fails."""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from trendcli.core.errors import StoreMissing, TrendError, UsageError, suggest_names
from trendcli.core.types import Progress, ignore_progress

if TYPE_CHECKING:
    from trendcli.core.report import Report
    from trendcli.core.settings import Settings
    from trendcli.core.types import Scope
    from trendcli.store.store import Store
    from trendcli.topics.library import Library


class Color(StrEnum):
    """When to colour."""

    auto = "auto"
    always = "always"
    never = "never"


@dataclass(frozen=True)
class CommonOptions:
    """The options that every command takes, and what they give access to."""

    store: Annotated[Path | None, typer.Option(help="Where the records are kept [TREND_STORE].")] = None
    settings: Annotated[Path | None, typer.Option(help="A settings file.")] = None
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No notes, warnings and progress on stderr.")] = False
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log requests and commits on stderr.")] = False
    color: Annotated[Color, typer.Option(help="Colour on a terminal, always, or never.")] = Color.auto

    @cached_property
    def resolved_settings(self) -> tuple[Settings, dict[str, str]]:
        """The settings and their origins."""
        from trendcli.core.settings import load_settings

        return load_settings(self.settings, flags={"store": str(self.store) if self.store else None})

    def store_root(self, corpus: str = "arxiv") -> Path:
        """Where the store of a corpus lies."""
        from trendcli.core.settings import store_path

        root = store_path(self.resolved_settings[0])
        return root if corpus == "arxiv" else root / "venues" / corpus

    def open_store(self, corpus: str = "arxiv") -> Store:
        """The store of a corpus, which must be there."""
        from trendcli.store.store import Store, list_venues

        known = list_venues(self.store_root())
        if corpus == "arxiv" and known and not (self.store_root() / "manifest.json").exists():
            raise StoreMissing(
                f"The store {self.store_root()} holds no arXiv submissions, but those to {' '.join(known)}: "
                f"--corpus {known[0]}. Bring arXiv's in with `trend import FILE` or `trend fetch --since 2024-01`."
            )
        if corpus != "arxiv" and corpus not in known:
            held = f"It holds {' '.join(known)}" if known else "It holds none"
            raise StoreMissing(
                f"The store {self.store_root()} has no venue {corpus!r}{suggest_names(corpus, known)}. {held}; "
                f"bring a list in "
                "with `trend import FILE --venue iclr --year 2021`."
            )
        return Store.open(self.store_root(corpus))

    def load_library(self) -> Library:
        """The shipped topics and the user's own, as they were read before where their files are the same."""
        from trendcli.core.settings import config_folder
        from trendcli.store import result_cache as answers
        from trendcli.topics import library as topics

        name = answers.result_key(self.store_root(), "topics", self._list_topic_files())
        found = answers.read_result(self.store_root(), name, topics.library_from_json)
        if found is None:
            from trendcli.topics.loader import load_library

            own = self.resolved_settings[0].topics
            found = load_library(config_folder() / "topics", Path(own) if own else None)
            if (self.store_root() / "manifest.json").exists():
                answers.write_result(self.store_root(), name, found)
        return found

    def _list_topic_files(self) -> list[Path]:
        from trendcli.core.settings import config_folder

        folders = [
            config_folder() / "topics",
            *([Path(self.resolved_settings[0].topics)] if self.resolved_settings[0].topics else []),
        ]
        return [path for folder in folders for path in (folder, *(sorted(folder.iterdir()) if folder.is_dir() else ()))]

    def default_scope(self) -> Scope:
        """The scope that is read where the store holds more than it."""
        return self.resolved_settings[0].named_scope("ml")

    def cached_report(self, query_text: str, compute: Callable[[], Report], corpus: str = "arxiv") -> Report:
        """The answer to a question, from memory where nothing has changed that it depends on."""
        from trendcli.store import result_cache as answers

        root = self.store_root(corpus)
        judged = sorted(root.glob("judgements/*.jsonl"))
        name = answers.result_key(
            root, f"{query_text} {self.resolved_settings[0]}", [*self._list_topic_files(), *judged]
        )
        found = answers.read_result(root, name, answers.report_from_json)
        if found is None:
            found = compute()
            answers.write_result(root, name, found)
        return found

    def print_note(self, message: str) -> None:
        """A sentence for people, on stderr."""
        if not self.quiet:
            typer.echo(message, err=True)

    @contextlib.contextmanager
    def progress_bar(self) -> Iterator[Progress]:
        """A progress bar on a terminal; nothing in a pipe, in cron or with --quiet."""
        if self.quiet or not sys.stderr.isatty():
            yield ignore_progress
            return
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=None)
            yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what)

    def write_report(self, report: Report, format_name: str | None, output: Path | None) -> None:
        """Print a report, or write it to a file, in a format that was named or follows from the file's ending."""
        text = self.render_report(report, format_name or _infer_format(output), to_file=output is not None)
        if output is None or str(output) == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            write_text(output, text)
            self.print_note(f"Wrote {output}.")

    def render_report(self, report: Report, format_name: str, *, to_file: bool) -> str:
        """A report as text in one of the registered formats."""
        from trendcli.core import registry

        if format_name not in registry.FORMATS:
            raise UsageError(
                f"No format {format_name!r}{suggest_names(format_name, registry.FORMATS)}. Known: "
                f"{', '.join(registry.FORMATS)}."
            )
        render = registry.load_entry(registry.FORMATS[format_name])
        if format_name != "table":
            return str(render(report))
        terminal = sys.stdout.isatty() and not to_file
        colored = self.color == Color.always or (
            self.color == Color.auto and terminal and not os.environ.get("NO_COLOR")
        )
        width = shutil.get_terminal_size().columns if terminal or self.color == Color.always else None
        return str(render(report, width=width, color=colored))


_FORMAT_BY_ENDING = {
    "": "table",
    ".txt": "table",
    ".json": "json",
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".md": "md",
    ".html": "html",
    ".htm": "html",
    ".bib": "bibtex",
}


def _infer_format(output: Path | None) -> str:
    ending = output.suffix.lower() if output else ""
    if ending not in _FORMAT_BY_ENDING:
        known = ", ".join(filter(None, _FORMAT_BY_ENDING))
        raise UsageError(f"No format ends in {ending}. Known: {known}; or name one with --format.")
    return _FORMAT_BY_ENDING[ending]


def write_text(path: Path, text: str) -> None:
    """Write a file whole, or say in a sentence why not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror}.") from None


CommandFunction = Callable[..., None]


def register_command(app: typer.Typer, name: str) -> Callable[[CommandFunction], CommandFunction]:
    """Register a function as a command.

    Parameters whose type is a dataclass become an option for each of its fields, so that commands share groups of
    options. What goes wrong on purpose becomes a sentence and an exit code here, and nowhere else.
    """

    def register_function(function: CommandFunction) -> CommandFunction:
        app.command(name)(_flatten_options(function, wants_context=False))
        return function

    return register_function


def register_callback(app: typer.Typer) -> Callable[[CommandFunction], CommandFunction]:
    """Register a function that runs before every command, with the options that stand before the command's name."""

    def register_function(function: CommandFunction) -> CommandFunction:
        app.callback()(_flatten_options(function, wants_context=True))
        return function

    return register_function


def _flatten_options(function: CommandFunction, *, wants_context: bool) -> CommandFunction:
    """The function with its dataclass parameters spread out, as Typer reads signatures."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {}
    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if is_dataclass(hint):
            groups[parameter.name] = hint
            inner = get_type_hints(hint, include_extras=True)
            for item in fields(hint):
                option = inspect.Parameter(
                    item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=inner[item.name]
                )
                parameters.append(option)
        elif hint is not typer.Context:
            parameters.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))
    # arguments stand before options in the help, whatever order the function has them in
    parameters.sort(key=lambda parameter: parameter.default is not inspect.Parameter.empty)
    parameters.insert(0, inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))

    def run_command(ctx: typer.Context, **values: Any) -> None:
        for group, kind in groups.items():
            given = {item.name: values.pop(item.name) for item in fields(kind)}
            if kind is CommonOptions and ctx.obj:  # said before the command's name, and not said again after it
                given = {
                    item.name: getattr(ctx.obj, item.name) if given[item.name] == item.default else given[item.name]
                    for item in fields(kind)
                }
            values[group] = kind(**given)
            if kind is CommonOptions and values[group].verbose:
                logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
        with _exit_on_error():
            function(**({"ctx": ctx} if wants_context else {}), **values)

    run_command.__name__, run_command.__doc__ = function.__name__, function.__doc__
    run_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run_command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run_command


@contextlib.contextmanager
def _exit_on_error() -> Iterator[None]:
    """Turn what goes wrong on purpose into a sentence on stderr and an exit code; a bug keeps its traceback."""
    try:
        yield
    except TrendError as error:
        typer.echo(f"trend: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("trend: interrupted; the store is whole, and what had been committed stays.", err=True)
        raise SystemExit(130) from None
    except BrokenPipeError:
        # the reader has gone; without this Python complains once more when it closes stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        where = f": {error.filename}" if error.filename else ""
        typer.echo(f"trend: {error.strerror or error}{where}. What the store held before is whole.", err=True)
        raise SystemExit(4) from None
