"""The command line: flags -> one use-case -> print or write. Only this package prints, exits and reads settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from importlib import import_module
from typing import Annotated

import typer

from trendcli.cli.base import CommonOptions, register_callback, register_command
from trendcli.core.version import __version__

_COMMAND_TARGETS = {
    "demo": "importing:run_demo",
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
    "doctor": "store:run_doctor",
    "settings": "topics_list:show_settings",
    "digest": "weekly:show_digest",
    "weekly": "weekly:run_weekly_job",
    "schedule": "weekly:show_schedule",
}
_TOPIC_COMMAND_TARGETS = {
    "list": "topics_list:show_topics",
    "show": "topics_list:show_topic",
    "explain": "topics_list:show_matches",
    "check": "topics:run_topic_check",
    "sample": "topics:judge_topic_sample",
    "compare": "topics:show_topic_comparison",
    "new": "topics:write_new_topic",
}


def _print_version(wanted: bool) -> None:
    if wanted:
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
    """The command line for some words: of its commands those that they name, since each takes time to set up.

    All of them where none is named, as for the help and for completion in a shell.
    """
    every = (*_COMMAND_TARGETS, "topics")
    chosen = [name for name in every if name in arguments] or every
    made = typer.Typer(
        name="trend",
        help="An honest tracker of research trends on arXiv. Start with `trend demo`, which needs no network.",
        no_args_is_help=True,
        # plain help starts twice as fast and reads the same in a log
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    register_callback(made)(_set_common_options)
    for name in chosen:
        if name != "topics":
            register_command(made, name)(_load_command(_COMMAND_TARGETS[name]))
            continue
        topics = typer.Typer(
            help="What topics and packs there are, and why a submission matches.",
            no_args_is_help=True,
            rich_markup_mode=None,
        )
        made.add_typer(topics, name="topics")
        for inner, place in _TOPIC_COMMAND_TARGETS.items():
            register_command(topics, inner)(_load_command(place))
    return made


def _load_command(target: str) -> Callable[..., None]:
    module, _, name = target.partition(":")
    found: Callable[..., None] = getattr(import_module(f"trendcli.cli.{module}"), name)
    return found


def main() -> None:
    """Run the command line."""
    # its matrices are small: further threads would take a quarter more of the processors, and no less time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    build_app(sys.argv[1:])()
