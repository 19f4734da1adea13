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

from trendcli.core.errors import StoreMissing, TrendError, UsageError, nearest
from trendcli.core.types import Progress, silent

if TYPE_CHECKING:
    from trendcli.core.settings import Settings
    from trendcli.core.types import Report, Scope
    from trendcli.store.store import Store
    from trendcli.topics.library import Library


class Color(StrEnum):
    """When to colour."""

    auto = "auto"
    always = "always"
    never = "never"


@dataclass(frozen=True)
class Common:
    """The options that every command takes, and what they give access to."""

    store: Annotated[Path | None, typer.Option(help="Where the records are kept [TREND_STORE].")] = None
    settings: Annotated[Path | None, typer.Option(help="A settings file.")] = None
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No notes, warnings and progress on stderr.")] = False
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log requests and commits on stderr.")] = False
    color: Annotated[Color, typer.Option(help="Colour on a terminal, always, or never.")] = Color.auto

    @cached_property
    def resolved(self) -> tuple[Settings, dict[str, str]]:
        """The settings and their origins."""
        from trendcli.core.settings import resolve

        return resolve(self.settings, flags={"store": str(self.store) if self.store else None})

    def root(self, corpus: str = "arxiv") -> Path:
        """Where the store of a corpus lies."""
        from trendcli.core.settings import store_path

        root = store_path(self.resolved[0])
        return root if corpus == "arxiv" else root / "venues" / corpus

    def open(self, corpus: str = "arxiv") -> Store:
        """The store of a corpus, which must be there."""
        from trendcli.store.store import Store, venues

        known = venues(self.root())
        if corpus == "arxiv" and known and not (self.root() / "manifest.json").exists():
            raise StoreMissing(
                f"The store {self.root()} holds no arXiv submissions, but those to {' '.join(known)}: "
                f"--corpus {known[0]}. Bring arXiv's in with `trend import FILE` or `trend fetch --since 2024-01`."
            )
        if corpus != "arxiv" and corpus not in known:
            held = f"It holds {' '.join(known)}" if known else "It holds none"
            raise StoreMissing(
                f"The store {self.root()} has no venue {corpus!r}{nearest(corpus, known)}. {held}; bring a list in "
                "with `trend import FILE --venue iclr --year 2021`."
            )
        return Store.open(self.root(corpus))

    def library(self) -> Library:
        """The shipped topics and the user's own, as they were read before where their files are the same."""
        from trendcli.core.settings import configs
        from trendcli.store import result_cache as answers
        from trendcli.topics import library as topics

        name = answers.key(self.root(), "topics", self._topic_files())
        found = answers.recall(self.root(), name, topics.library)
        if found is None:
            from trendcli.topics.loader import load

            own = self.resolved[0].topics
            found = load(configs() / "topics", Path(own) if own else None)
            if (self.root() / "manifest.json").exists():
                answers.remember(self.root(), name, found)
        return found

    def _topic_files(self) -> list[Path]:
        from trendcli.core.settings import configs

        folders = [configs() / "topics", *([Path(self.resolved[0].topics)] if self.resolved[0].topics else [])]
        return [path for folder in folders for path in (folder, *(sorted(folder.iterdir()) if folder.is_dir() else ()))]

    def default_scope(self) -> Scope:
        """The scope that is read where the store holds more than it."""
        return self.resolved[0].scope_named("ml")

    def answered(self, question: str, ask: Callable[[], Report], corpus: str = "arxiv") -> Report:
        """The answer to a question, from memory where nothing has changed that it depends on."""
        from trendcli.store import result_cache as answers

        root = self.root(corpus)
        judged = sorted(root.glob("judgements/*.jsonl"))
        name = answers.key(root, f"{question} {self.resolved[0]}", [*self._topic_files(), *judged])
        found = answers.recall(root, name, answers.report)
        if found is None:
            found = ask()
            answers.remember(root, name, found)
        return found

    def say(self, message: str) -> None:
        """A sentence for people, on stderr."""
        if not self.quiet:
            typer.echo(message, err=True)

    @contextlib.contextmanager
    def progress(self) -> Iterator[Progress]:
        """A progress bar on a terminal; nothing in a pipe, in cron or with --quiet."""
        if self.quiet or not sys.stderr.isatty():
            yield silent
            return
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=None)
            yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what)

    def show(self, report: Report, name: str | None, output: Path | None) -> None:
        """Print a report, or write it to a file, in a format that was named or follows from the file's ending."""
        text = self.rendered(report, name or _by_ending(output), to_file=output is not None)
        if output is None or str(output) == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            write_text(output, text)
            self.say(f"Wrote {output}.")

    def rendered(self, report: Report, name: str, *, to_file: bool) -> str:
        """A report as text in one of the registered formats."""
        from trendcli.core import registry

        if name not in registry.FORMATS:
            raise UsageError(
                f"No format {name!r}{nearest(name, registry.FORMATS)}. Known: {', '.join(registry.FORMATS)}."
            )
        render = registry.load(registry.FORMATS[name])
        if name != "table":
            return str(render(report))
        terminal = sys.stdout.isatty() and not to_file
        colored = self.color == Color.always or (
            self.color == Color.auto and terminal and not os.environ.get("NO_COLOR")
        )
        width = shutil.get_terminal_size().columns if terminal or self.color == Color.always else None
        return str(render(report, width=width, color=colored))


_ENDINGS = {
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


def _by_ending(output: Path | None) -> str:
    ending = output.suffix.lower() if output else ""
    if ending not in _ENDINGS:
        known = ", ".join(filter(None, _ENDINGS))
        raise UsageError(f"No format ends in {ending}. Known: {known}; or name one with --format.")
    return _ENDINGS[ending]


def write_text(path: Path, text: str) -> None:
    """Write a file whole, or say in a sentence why not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror}.") from None


Command = Callable[..., None]


def command(app: typer.Typer, name: str) -> Callable[[Command], Command]:
    """Register a function as a command.

    Parameters whose type is a dataclass become an option for each of its fields, so that commands share groups of
    options. What goes wrong on purpose becomes a sentence and an exit code here, and nowhere else.
    """

    def register(function: Command) -> Command:
        app.command(name)(_flat(function, wants_context=False))
        return function

    return register


def callback(app: typer.Typer) -> Callable[[Command], Command]:
    """Register a function that runs before every command, with the options that stand before the command's name."""

    def register(function: Command) -> Command:
        app.callback()(_flat(function, wants_context=True))
        return function

    return register


def _flat(function: Command, *, wants_context: bool) -> Command:
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

    def run(ctx: typer.Context, **values: Any) -> None:
        for group, kind in groups.items():
            given = {item.name: values.pop(item.name) for item in fields(kind)}
            if kind is Common and ctx.obj:  # said before the command's name, and not said again after it
                given = {
                    item.name: getattr(ctx.obj, item.name) if given[item.name] == item.default else given[item.name]
                    for item in fields(kind)
                }
            values[group] = kind(**given)
            if kind is Common and values[group].verbose:
                logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
        with _failing_well():
            function(**({"ctx": ctx} if wants_context else {}), **values)

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


@contextlib.contextmanager
def _failing_well() -> Iterator[None]:
    """Turn what goes wrong on purpose into a sentence on stderr and an exit code; a bug keeps its traceback."""
    try:
        yield
    except TrendError as error:
        typer.echo(f"trend: {error}", err=True)
        raise SystemExit(error.code) from None
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
