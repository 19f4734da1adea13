"""Run the command line: `python -m trendcli` is the same as `trend`."""

from trendcli.cli import main

main()
