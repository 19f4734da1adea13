"""The table of figures in docs/explanation/reliability.md, written between two markers by the run that found them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.torture.kinds import KINDS
from tests.torture.runner import Outcome
from trendcli.core import __version__

BEGIN, END = "<!-- torture: begin -->", "<!-- torture: end -->"


def format_table(outcomes: Sequence[Outcome], seed: int, scale: str, day: str) -> str:
    """Return the table of what was tried, how often, and how many problems there were."""
    lines = [f"Run on {day} with trendcli {__version__}, seed {seed}, at {scale} scale.", ""]
    lines += ["| kind | what was tried | cases | commands | problems |", "|---|---|--:|--:|--:|"]
    for outcome in outcomes:
        kind, counts = KINDS[outcome.kind], outcome.counts
        lines.append(
            f"| {outcome.kind} | {kind.what} | {counts['cases']:,} {kind.cases} | {counts['commands']:,} | "
            f"{len(outcome.problems)} |"
        )
    cases, commands = (sum(outcome.counts[name] for outcome in outcomes) for name in ("cases", "commands"))
    problems = sum(len(outcome.problems) for outcome in outcomes)
    return "\n".join([*lines, f"| all | | {cases:,} | {commands:,} | {problems} |"])


def write_table(page: Path, outcomes: Sequence[Outcome], seed: int, scale: str) -> None:
    """Write the table between the markers of a page; ValueError where they are missing."""
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no markers {BEGIN} and {END}")
    table = format_table(outcomes, seed, scale, f"{datetime.now(UTC):%Y-%m-%d}")
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    page.write_text(pattern.sub(lambda _: f"{BEGIN}\n{table}\n{END}", text), encoding="utf-8")
