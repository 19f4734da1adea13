"""Functions as commands: options from their signatures and option groups, old spellings, and errors as exit codes."""

from __future__ import annotations

import contextlib
import inspect
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, get_args, get_type_hints

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.deprecated import RENAMED_OPTIONS, format_command_note, format_option_note, parameter_name
from trendcli.cli.streams import discard_stream, has_lost_reader, print_message
from trendcli.core.errors import RetryableError, UsageError
from trendcli.core.foreign_errors import is_interrupt, translate_error
from trendcli.core.text import SURROGATES

log = logging.getLogger(__name__)

CommandFunction = Callable[..., None]


def register_command(
    app: typer.Typer, name: str, old_path: str | None = None
) -> Callable[[CommandFunction], CommandFunction]:
    """Return a decorator that registers a function as a command.

    A parameter whose type is a dataclass becomes one option for each of its fields, so that commands share groups of
    options. `old_path` is the command's key in RENAMED_COMMANDS where this registers its old name: it is hidden and
    prints a note. Here, and nowhere else, an expected error becomes a sentence on stderr and an exit code.
    """

    def register_function(function: CommandFunction) -> CommandFunction:
        note = format_command_note(old_path) if old_path else None
        app.command(name, hidden=note is not None)(_flatten_options(function, wants_context=False, note=note))
        return function

    return register_function


def register_callback(app: typer.Typer) -> Callable[[CommandFunction], CommandFunction]:
    """Return a decorator that registers a function to run before each command, with the options before its name."""

    def register_function(function: CommandFunction) -> CommandFunction:
        app.callback()(_flatten_options(function, wants_context=True))
        return function

    return register_function


def _flatten_options(function: CommandFunction, *, wants_context: bool, note: str | None = None) -> CommandFunction:
    """Return the function with its dataclass parameters spread out, since Typer reads options from signatures.

    An option that was renamed can be given by its old spelling too, which prints a note, as `note` is printed.
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if is_dataclass(hint):
            groups[parameter.name] = hint
            field_hints = get_type_hints(hint, include_extras=True)
            parameters += [
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=field.default,
                    annotation=field_hints[field.name],
                )
                for field in fields(hint)
            ]
        elif hint is not typer.Context:
            parameters.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))
    # arguments stand before options in the help, whatever order the function has them in
    parameters.sort(key=lambda parameter: parameter.default is not inspect.Parameter.empty)
    parameters.insert(0, inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))
    old_parameters = _build_old_parameters(parameters)
    parameters += old_parameters.values()

    def run_command(ctx: typer.Context, **values: Any) -> None:
        texts = list(values.values())
        notes = [note] if note else []
        notes += [format_option_note(flag) for flag in RENAMED_OPTIONS if values.get(parameter_name(flag))]
        for new_name, old_parameter in old_parameters.items():
            old_value = values.pop(old_parameter.name)
            values[new_name] = old_value if values[new_name] is None else values[new_name]
        for group, kind in groups.items():
            options = {field.name: values.pop(field.name) for field in fields(kind)}
            if kind is CommonOptions and ctx.obj:  # given before the command's name, and not again after it
                options = {
                    field.name: getattr(ctx.obj, field.name)
                    if options[field.name] == field.default
                    else options[field.name]
                    for field in fields(kind)
                }
            values[group] = kind(**options)
            if kind is CommonOptions:
                _start_output(values[group], notes)
        with exit_on_error():
            _check_encoding(texts)
            function(**({"ctx": ctx} if wants_context else {}), **values)

    run_command.__name__, run_command.__doc__ = function.__name__, function.__doc__
    run_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run_command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run_command


def _build_old_parameters(parameters: list[inspect.Parameter]) -> dict[str, inspect.Parameter]:
    """Return a hidden parameter with the old spelling for each that was renamed, by the new name."""
    annotations = {parameter.name: parameter.annotation for parameter in parameters}
    return {
        new_name: inspect.Parameter(
            parameter_name(flag),
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[get_args(annotations[new_name])[0], typer.Option(flag, hidden=True)],
        )
        for flag, new_flag in RENAMED_OPTIONS.items()
        if (new_name := parameter_name(new_flag)) in annotations
    }


def _check_encoding(values: list[Any]) -> None:
    """Raise UsageError for text that is not UTF-8; paths may contain any bytes."""
    for value in values:
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and SURROGATES.search(text):
                raise UsageError(f"{text!r} is not UTF-8 text. Nothing was changed.")


def _start_output(common: CommonOptions, notes: list[str]) -> None:
    """Send warnings, and with --verbose the log, to stderr; print the notes that precede the command."""
    if common.verbose:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    else:
        logging.getLogger("trendcli").handlers = [logging.NullHandler() if common.quiet else _MessageHandler()]
    for note in notes:
        common.print_note(note)


@contextlib.contextmanager
def exit_on_error() -> Iterator[None]:
    """Turn an expected error into a sentence on stderr and an exit code; a bug keeps its traceback."""
    try:
        yield
    except BrokenPipeError:
        if not has_lost_reader(sys.stdout):  # a pipe to a worker
            from concurrent.futures import BrokenExecutor

            print_message(f"trend: {translate_error(BrokenExecutor())}")
            raise SystemExit(RetryableError.exit_code) from None
        discard_stream(sys.stdout)  # the reader has gone, as `head` does
        raise SystemExit(0) from None
    except (Exception, KeyboardInterrupt) as error:
        if is_interrupt(error):
            print_message("trend: interrupted; the store is intact and keeps everything committed so far.")
            raise SystemExit(130) from None
        translated = translate_error(error)
        if translated is None:
            raise
        if translated is not error:
            log.info("the error in full:", exc_info=error)
        if getattr(error, "filename", None) == "stdout":
            discard_stream(sys.stdout)
        print_message(f"trend: {translated}")
        raise SystemExit(translated.exit_code) from None


class _MessageHandler(logging.Handler):
    """Prints each warning of the package as one line on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record as a sentence."""
        print_message(f"trend: {record.getMessage().removesuffix('.')}.")
