"""The short form of `make torture`: each kind of torture, a few cases each, with one seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.bench import Bench, PartArguments
from tests.torture.kinds import KINDS
from tests.torture.page import format_table
from tests.torture.runner import Outcome, run_kinds
from tests.torture.stores import World, build_world

SEED = 1


@pytest.fixture(scope="session")
def torture_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world that all kinds take copies of."""
    folder = tmp_path_factory.mktemp("torture")
    setup = PartArguments(
        "setup", 0, 1, SEED, "short", str(folder / "setup"), str(folder / "world"), str(folder / "kept")
    )
    return build_world(Bench(setup), folder / "world", SEED)


@pytest.mark.journey
@pytest.mark.parametrize("kind", KINDS)
def test_the_rule_holds(kind: str, torture_world: World, tmp_path: Path) -> None:
    (outcome,) = run_kinds([kind], SEED, "short", tmp_path, tmp_path / "kept", world=torture_world.folder)
    assert outcome.counts["cases"] and outcome.counts["commands"]
    assert [f"{problem.cause}: {problem.where}" for problem in outcome.problems] == []


def test_the_table_says_what_was_tried() -> None:
    outcome = Outcome("loss")
    outcome.counts.update(cases=1200, commands=34)
    lines = format_table([outcome], 7, "short", "2026-01-02").splitlines()
    assert lines[0].startswith("Run on 2026-01-02 with trendcli ") and lines[0].endswith(", seed 7, at short scale.")
    assert lines[-2] == f"| loss | {KINDS['loss'].what} | 1,200 cases | 34 | 0 |"
    assert lines[-1] == "| all | | 1,200 | 34 | 0 |"
