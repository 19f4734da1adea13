"""The command line: flags -> one use-case -> print or write. Only this package prints, exits and reads settings."""

from __future__ import annotations

from typing import Annotated

import typer

from trendcli import __version__
from trendcli.cli import ask, fetch, fill, health, look
from trendcli.cli.frame import Common, callback, command

app = typer.Typer(
    name="trend",
    help="An honest tracker of research trends on arXiv. Start with `trend demo`, which needs no network.",
    no_args_is_help=True,
    # plain help starts twice as fast and reads the same in a log
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
topics_app = typer.Typer(
    help="What topics and packs there are, and why a submission matches.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(topics_app, name="topics")


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


callback(app)(_main)
command(app, "demo")(fill.demo)
command(app, "fetch")(fetch.fetch)
command(app, "import")(fill.import_)
command(app, "report")(ask.report)
command(app, "explain")(ask.explain)
command(app, "verify")(ask.verify)
command(app, "chart")(ask.chart)
command(app, "papers")(ask.papers)
command(app, "export")(ask.export)
command(topics_app, "list")(look.topics_list)
command(topics_app, "show")(look.topics_show)
command(topics_app, "explain")(look.topics_explain)
command(app, "status")(health.status)
command(app, "doctor")(health.doctor)
command(app, "settings")(look.settings)


def main() -> None:
    """Run the command line."""
    app()
