"""Torture the program: `python -m tests.torture --seed N --scale short|full [--only kinds] [--write PAGE]`.

Exit code 1 where the rule was broken; the inputs that broke it lie in the folder that is named. The same seed tries
the same cases, but for the moments of kills.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tests.torture.kinds import KINDS
from tests.torture.page import write_table
from tests.torture.runner import Outcome, run_kinds
from trendcli.core import __version__

# examples that are printed of one cause
MAX_EXAMPLES = 3


def parse_arguments() -> argparse.Namespace:
    """Return the options; the seed is today's date unless one is given."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=int(f"{datetime.now(UTC):%Y%m%d}"))
    parser.add_argument("--scale", choices=["short", "full"], default="full")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds, separated by commas")
    parser.add_argument(
        "--kept", type=Path, default=Path("torture-cases"), help="folder for inputs that break the rule"
    )
    parser.add_argument("--work", type=Path, help="folder to work in, which is kept; by default a temporary one")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="page whose table of figures is written anew")
    return parser.parse_args()


def main() -> None:
    """Run what the options name."""
    options = parse_arguments()
    names = [name for name in KINDS if name in options.only.split(",")]
    start = time.monotonic()
    print(f"torture: trendcli {__version__}, seed {options.seed}, scale {options.scale}", flush=True)
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as temporary:
        folder = (options.work or Path(temporary)).absolute()
        outcomes = run_kinds(names, options.seed, options.scale, folder, options.kept.absolute())
    print_problems(outcomes)
    totals: Counter[str] = sum((outcome.counts for outcome in outcomes), Counter())
    problems = sum(len(outcome.problems) for outcome in outcomes)
    print(
        f"torture: {len(outcomes)} kinds, {totals['cases']:,} cases, {totals['commands']:,} commands, "
        f"{problems or 'no'} problem{'s' * (problems != 1)} in {time.monotonic() - start:.0f} s; seed {options.seed}"
        + (f"; inputs in {options.kept}" if options.kept.exists() and problems else "")
    )
    if options.write:
        write_table(options.write, outcomes, options.seed, options.scale)
    sys.exit(bool(problems))


def print_problems(outcomes: list[Outcome]) -> None:
    """Print a few problems of each cause."""
    for outcome in outcomes:
        shown: Counter[str] = Counter()
        for problem in outcome.problems:
            shown[problem.cause] += 1
            if shown[problem.cause] <= MAX_EXAMPLES:
                print(
                    f"  {problem.kind}: {problem.cause}: {problem.where}"
                    + (f" [{problem.kept}]" if problem.kept else "")
                )
        for note in outcome.notes:
            print(f"  {outcome.kind}: {note}")


if __name__ == "__main__":
    main()
