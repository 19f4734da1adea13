"""The process that tries one part of the cases of a kind: `python -m tests.torture.part ARGUMENTS`."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

from tests.torture.bench import Bench, PartArguments
from tests.torture.kinds import KINDS
from tests.torture.stores import World


def main() -> None:
    """Try the cases; nothing is printed, since what happens is written to the journal."""
    arguments = PartArguments(**json.loads(sys.argv[1]))
    bench = Bench(arguments)
    os.environ.clear()
    os.environ.update(bench.env)
    os.chdir(bench.folder)
    module = import_module(f"tests.torture.{KINDS[arguments.kind].module}")
    module.torture(bench, World(Path(arguments.world)))


if __name__ == "__main__":
    main()
