"""The command line: options -> one call of a lower package -> output. Only here is anything printed or exited."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from trendcli.cli.base import CommonOptions
from trendcli.cli.deprecated import RENAMED_COMMANDS
from trendcli.cli.registration import exit_on_error, register_callback, register_command
from trendcli.cli.signals import end_on_signals
from trendcli.cli.streams import prepare_streams
from trendcli.core import __version__
from trendcli.core.text import clean_message

_COMMAND_TARGETS = {
    "demo": "demo:run_demo",
    "fetch": "fetch:fetch_submissions",
    "import": "importing:import_file",
    "report": "report:show_report",
    "explain": "report:show_explanation",
    "verify": "report:verify_file",
    "chart": "report:draw_chart",
    "papers": "papers:show_submissions",
    "authors": "papers:show_authors",
    "index": "papers:update_index",
    "terms": "terms:show_terms",
    "export": "report:export_selection",
    "status": "store:show_status",
    "doctor": "doctor:run_doctor",
    "settings": "settings:show_settings",
    "digest": "weekly:show_digest",
    "weekly": "weekly:run_weekly_job",
    "schedule": "schedule:show_schedule",
    "topics list": "topics_list:show_topics",
    "topics show": "topics_list:show_topic",
    "topics match": "topics_list:show_matches",
    "topics check": "topics:run_topic_check",
    "topics sample": "topics:judge_topic_sample",
    "topics compare": "topics:show_topic_comparison",
    "topics new": "topics:write_new_topic",
}
_ALL_TARGETS = _COMMAND_TARGETS | {old: _COMMAND_TARGETS[new] for old, new in RENAMED_COMMANDS.items()}
_GROUP_HELP = {"topics": "List, match, check, compare and create topics."}


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"trendcli {__version__}")
        raise typer.Exit


def _set_common_options(
    ctx: typer.Context,
    common: CommonOptions,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    ctx.obj = common


def build_app(arguments: Collection[str] = ()) -> typer.Typer:
    """Return the command line with the commands that its arguments name, since each takes time to set up.

    All commands are set up where none is named, as for the help and for completion in a shell.
    """
    paths = [path for path in _ALL_TARGETS if path.split()[0] in arguments] or list(_ALL_TARGETS)
    app = typer.Typer(
        name="trend",
        cls=_Commands,
        help="Track research trends on arXiv. Start with `trend demo`, which needs no network.",
        no_args_is_help=True,
        # plain help starts twice as fast and reads the same in a log
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    register_callback(app)(_set_common_options)
    groups = {"": app}
    for path in paths:
        group, _, name = path.rpartition(" ")
        if group not in groups:
            groups[group] = typer.Typer(help=_GROUP_HELP[group], no_args_is_help=True, rich_markup_mode=None)
            app.add_typer(groups[group], name=group)
        old_path = path if path in RENAMED_COMMANDS else None
        register_command(groups[group], name, old_path)(_load_command(_ALL_TARGETS[path]))
    return app


def _load_command(target: str) -> Callable[..., None]:
    module, _, name = target.partition(":")
    command: Callable[..., None] = getattr(import_module(f"trendcli.cli.commands.{module}"), name)
    return command


class _Commands(TyperGroup):
    """All commands; long errors of their options are shortened."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command line and exit with its code."""
        with exit_on_error():
            try:
                code = super().main(*args, **{**options, "standalone_mode": False})
            except Exception as error:
                # an error of the parser; the module of its class differs between versions of Typer
                if not hasattr(error, "format_message"):
                    raise
                error.message = clean_message(error.message)  # type: ignore[attr-defined]
                error.show()  # type: ignore[attr-defined]
                code = error.exit_code  # type: ignore[attr-defined]
        raise SystemExit(code or 0)


def main() -> None:
    """Run the command line."""
    # its matrices are small: further threads would take a quarter more of the processors, and no less time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = sys.argv[1:]
    prepare_streams()
    with end_on_signals(), exit_on_error():
        if arguments == ["--version"]:  # without any command: to set up all of them takes 0.1 s of CPU
            typer.echo(f"trendcli {__version__}")
            return
        build_app(arguments)()
