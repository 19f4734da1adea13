"""The command line: flags -> one use-case -> print or write. Only this package prints, exits and reads settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from importlib import import_module
from typing import Annotated

import typer

from trendcli import __version__
from trendcli.cli.base import Common, callback, command

_COMMANDS = {
    "demo": "importing:demo",
    "fetch": "fetch:fetch",
    "import": "importing:import_",
    "report": "report:report",
    "explain": "report:explain",
    "verify": "report:verify",
    "chart": "report:chart",
    "papers": "papers:papers",
    "authors": "papers:authors",
    "index": "papers:index",
    "terms": "terms:terms",
    "export": "report:export",
    "status": "store:status",
    "doctor": "store:doctor",
    "settings": "topics_list:settings",
    "digest": "weekly:digest",
    "weekly": "weekly:weekly",
    "schedule": "weekly:schedule",
}
_TOPICS = {
    "list": "topics_list:topics_list",
    "show": "topics_list:topics_show",
    "explain": "topics_list:topics_explain",
    "check": "topics:check",
    "sample": "topics:sample",
    "compare": "topics:compare",
    "new": "topics:new",
}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trendcli {__version__}")
        raise typer.Exit


def _main(
    ctx: typer.Context,
    common: Common,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    ctx.obj = common


def app(words: Collection[str] = ()) -> typer.Typer:
    """The command line for some words: of its commands those that they name, since each takes time to set up.

    All of them where none is named, as for the help and for completion in a shell.
    """
    every = (*_COMMANDS, "topics")
    chosen = [name for name in every if name in words] or every
    made = typer.Typer(
        name="trend",
        help="An honest tracker of research trends on arXiv. Start with `trend demo`, which needs no network.",
        no_args_is_help=True,
        # plain help starts twice as fast and reads the same in a log
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    callback(made)(_main)
    for name in chosen:
        if name != "topics":
            command(made, name)(_function(_COMMANDS[name]))
            continue
        topics = typer.Typer(
            help="What topics and packs there are, and why a submission matches.",
            no_args_is_help=True,
            rich_markup_mode=None,
        )
        made.add_typer(topics, name="topics")
        for inner, place in _TOPICS.items():
            command(topics, inner)(_function(place))
    return made


def _function(place: str) -> Callable[..., None]:
    module, _, name = place.partition(":")
    found: Callable[..., None] = getattr(import_module(f"trendcli.cli.{module}"), name)
    return found


def main() -> None:
    """Run the command line."""
    # its matrices are small: further threads would take a quarter more of the processors, and no less time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    app(sys.argv[1:])()
