"""`python -m trendcli` is `trend`."""

from trendcli.cli import main

main()
