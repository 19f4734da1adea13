"""The command schedule: schedules for the weekly job, on this machine or on GitHub, and a trial run."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.commands.weekly import ConfigArgument, OutOption, resolve_job
from trendcli.core.errors import UsageError

if TYPE_CHECKING:
    from trendcli.reports.weekly.trial import Trial


def show_schedule(
    common: CommonOptions,
    config: ConfigArgument = None,
    out: OutOption = None,
    cron: Annotated[bool, typer.Option("--cron", help="A line for `crontab -e` (the default).")] = False,
    systemd: Annotated[bool, typer.Option("--systemd", help="A systemd user service and its timer.")] = False,
    github: Annotated[bool, typer.Option("--github", help="A GitHub workflow that publishes the pages.")] = False,
    install: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="What the GitHub workflow installs: git+https://…@COMMIT, or a wheel in the repository "
            "[vendor/trendcli-*.whl].",
        ),
    ] = None,
    test: Annotated[
        bool,
        typer.Option(
            "--test",
            help="Also run the real job once, immediately, as cron or systemd would: in an empty environment. It "
            "fetches, writes and sends. Report how it ended, and exit with its code.",
        ),
    ] = False,
) -> None:
    """Print the crontab line that runs `trend weekly` every Monday.

    It runs at 07:17 UTC.
    """
    from trendcli.reports.weekly.config import load_weekly_config
    from trendcli.reports.weekly.marker import check_folder
    from trendcli.reports.weekly.schedule import build_command, render_crontab, render_systemd_units
    from trendcli.reports.weekly.trial import try_crontab, try_service

    if cron + systemd + github > 1:
        raise UsageError("Give one of --cron, --systemd and --github.")
    if github and test:
        raise UsageError(
            "--test runs the job on this machine; test a workflow on GitHub, with its button Run workflow."
        )
    if install and not github:
        raise UsageError("--install applies to --github only.")
    job = load_weekly_config(config)
    resolve_job(common, job, config)
    if github:
        typer.echo(_render_workflow(common, config, install), nl=False)
        return
    folder = (out or Path(job.out)).absolute()
    try:
        check_folder(folder)
    except UsageError as error:  # the folder may be acceptable by Monday
        common.print_note(f"The job would be refused: {error}")
    settings_file = _find_settings_file(common)
    command_words = build_command(
        common.store_root().absolute(),
        settings_file and settings_file.absolute(),
        config and config.absolute(),
        folder,
    )
    environment = _list_settings_variables(common)
    log_path = folder.parent / f"{folder.name or 'trend-weekly'}.log"
    if systemd:
        text = render_systemd_units(command_words, environment)
    else:
        utc_offset = datetime.now().astimezone().utcoffset() or timedelta(0)
        text = render_crontab(command_words, environment, log_path, utc_offset)
    typer.echo(text, nl=False)
    if test:
        common.print_note("Running the job once, as on Mondays. The first fetch may take hours.")
        trial = try_service(command_words, environment) if systemd else try_crontab(text, log_path)
        _report_trial(common, trial, folder)


def _report_trial(common: CommonOptions, trial: Trial, folder: Path) -> None:
    """Report how the job ended and where its log and page are; raise its error."""
    common.print_note(
        f"The job ran for {trial.seconds:,.0f} s with only {trial.description}. Exit code: {trial.exit_code}."
    )
    common.print_note(f"Log: {trial.log}")
    page = folder / "latest" / "index.html"
    common.print_note(f"Newest page: {page}" if page.is_file() else f"No page was written to {folder}.")
    trial.raise_for_failure()


def _find_settings_file(common: CommonOptions) -> Path | None:
    """Return the settings file that is in use here, including the user's own, which a job might not find."""
    named = common.settings or os.environ.get("TREND_SETTINGS")
    origins = common.resolved_settings[1].values()
    files = [origin for origin in origins if origin not in ("default", "flag") and not origin.startswith("TREND_")]
    return Path(named or files[0]) if named or files else None


def _list_settings_variables(common: CommonOptions) -> dict[str, str]:
    """Return the variables that set settings here, since a scheduled job does not see them.

    The store is left out, which the command names. A path is made absolute, also one from the settings file, since the
    job starts in another folder.
    """
    settings, origins = common.resolved_settings
    names = sorted(name for name, origin in origins.items() if origin == f"TREND_{name.upper()}" and name != "store")
    variables = {origins[name]: os.environ[origins[name]] for name in names}
    if settings.topics and ("TREND_TOPICS" in variables or not Path(settings.topics).is_absolute()):
        variables["TREND_TOPICS"] = str(Path(settings.topics).absolute())
    return variables


def _render_workflow(common: CommonOptions, config: Path | None, install: str | None) -> str:
    """Render the GitHub workflow, with the files that it needs as paths in the repository."""
    from trendcli.reports.weekly.workflow import (
        WHEEL_PATTERN,
        check_install_address,
        check_repository_root,
        find_install_address,
        relative_to_repository,
        render_github_workflow,
    )

    root = Path.cwd()
    check_repository_root(root)
    settings, origins = common.resolved_settings
    settings_file = _find_settings_file(common)
    variables = {
        origin: os.environ[origin]
        for name, origin in sorted(origins.items())
        if origin == f"TREND_{name.upper()}" and name != "store"
    }
    topics = relative_to_repository(Path(settings.topics), root, "The setting `topics`") if settings.topics else None
    if topics and "TREND_TOPICS" in variables:
        variables["TREND_TOPICS"] = topics
    elif settings.topics and Path(settings.topics).is_absolute():
        raise UsageError(
            f"The setting `topics` in {origins['topics']} is an absolute path, which does not exist in a GitHub "
            f"workflow. Write `topics: {topics}` there."
        )
    if install:
        address = check_install_address(install, root)
    else:
        address = find_install_address() or WHEEL_PATTERN
        if address == WHEEL_PATTERN and not list(root.glob(WHEEL_PATTERN)):
            common.print_note(
                f"The workflow installs {WHEEL_PATTERN}, which does not exist yet. Build it from a clone of trendcli "
                "with `pip wheel --no-deps --wheel-dir vendor CLONE`, or name an address with --install."
            )
    return render_github_workflow(
        address,
        relative_to_repository(config, root, "The job file") if config else None,
        relative_to_repository(settings_file, root, "The settings file") if settings_file else None,
        variables,
        (topics,) if topics else (),
    )
