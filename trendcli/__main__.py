"""Run the command line: `python -m trendcli` is the same as `trend`."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line; Ctrl-C ends it quietly also while it is being imported, which takes 0.1 s."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as by a job in the background
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(128 + number))
    from trendcli.cli import main as run_command_line

    run_command_line()


if __name__ == "__main__":
    main()
