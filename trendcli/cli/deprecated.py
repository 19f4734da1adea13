"""Old spellings of options and commands, which work for one more release: hidden from help, with a note on stderr."""

from __future__ import annotations

REMOVED_IN = "1.0"
# old option -> the new one, or the command that took its place, wherever a command has it
RENAMED_OPTIONS = {
    "--index": "--rebase",
    "--status": "--submission-status",
    "--explain": "`trend explain`",
}
# old command -> the new one
RENAMED_COMMANDS = {"topics explain": "topics match"}


def parameter_name(flag: str) -> str:
    """Return the name of the Python parameter that holds an option: '--min-count' -> 'min_count'."""
    return flag.removeprefix("--").replace("-", "_")


def format_option_note(old: str) -> str:
    """Return what to tell a user of an old option."""
    return f"{old} is now {RENAMED_OPTIONS[old]}; the old name will be removed in {REMOVED_IN}."


def format_command_note(old: str) -> str:
    """Return what to tell a user of an old command."""
    return f"`trend {old}` is now `trend {RENAMED_COMMANDS[old]}`; the old name will be removed in {REMOVED_IN}."
