"""The command settings."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.core.errors import UsageError
from trendcli.core.text import clean_text


def show_settings(
    common: CommonOptions,
    format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="yaml or json.")] = "yaml",
) -> None:
    """Print every setting with its value and its origin.

    The YAML output, which describes each setting, is a valid settings file.
    """
    from trendcli.core.settings import settings_to_yaml, store_path

    settings, origins = common.resolved_settings
    if format == "yaml":
        typer.echo(settings_to_yaml(settings, origins), nl=False)
        typer.echo(f"# The store is at {clean_text(str(store_path(settings)))}")
    elif format == "json":
        typer.echo(json.dumps({**asdict(settings), "store": str(store_path(settings))}, indent=1))
    else:
        raise UsageError(f"No format {format!r}. Known: yaml, json.")
