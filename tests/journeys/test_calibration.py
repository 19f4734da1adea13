"""The simulations of docs/explanation/method.md in short; `make calibrate` runs them at length and on real records."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.calibrate import (
    ALPHAS,
    HISTORY,
    TESTED,
    World,
    build_world,
    doubling_detection_rate,
    false_alert_rate,
    find_excesses,
    permute_blocks,
    simulate_changes,
    simulate_coverage,
    simulate_unchanged,
)
from trendcli.stats.alerts import YEARLY_FALSE_ALERT_RATE
from trendcli.stats.overdispersion import NOT_ESTIMATED
from trendcli.stats.proportions import FDR

MONTHS = np.arange(HISTORY + TESTED)


@pytest.fixture(scope="module")
def world() -> World:
    """90 topics of 0.2 to 10 % of totals that grow by a third a year, with trends and seasons."""
    rng = np.random.default_rng(8)
    totals = (1500 * 1.33 ** (MONTHS / 12) * (1 + 0.15 * np.sin(MONTHS * np.pi / 6))).astype(np.int64)
    slopes, seasons = rng.normal(0, 0.3, 90), rng.uniform(0, 0.3, 90)
    curve = np.exp(np.outer(slopes, MONTHS / 36)) * (1 + np.outer(seasons, np.sin(MONTHS * np.pi / 6 + 1)))
    means = np.geomspace(0.002, 0.1, 90)[:, None] * curve
    return build_world(rng.poisson(means * totals), totals, MONTHS.tolist())


@pytest.mark.parametrize("phi", [1.0, 1.5, 2.0])
def test_flat_topics_get_no_verdicts(world: World, phi: float) -> None:
    assert find_excesses(simulate_unchanged(world, phi, 60, 1)) == []


def test_it_would_be_noticed_if_overdispersion_or_the_correction_were_left_out(world: World) -> None:
    loose = find_excesses(simulate_unchanged(world, 2.0, 40, 1, with_overdispersion=False))
    assert len(loose) == len(ALPHAS) + 1
    (single,) = find_excesses(simulate_unchanged(world, 1.0, 40, 1, with_correction=False))
    assert single.startswith("a verdict in")


@pytest.mark.parametrize("phi", [1.0, 2.0])
def test_few_verdicts_are_false_discoveries(world: World, phi: float) -> None:
    proportion, power = simulate_changes(world, phi, 50, 3)
    assert proportion <= FDR
    assert power > 0.2


def test_intervals_contain_planted_changes() -> None:
    for cell in simulate_coverage(150, 4, expected_counts=(5, 50)):
        assert cell.rate.upper >= 0.94, cell


def test_a_permutation_moves_whole_blocks() -> None:
    """Two topics of which one comes in a burst of a week: permuted by week, no week is split."""
    days = np.arange(28)
    counts = np.array([np.full(28, 3), np.where(days // 7 == 1, 10, 0)])
    result = permute_blocks(counts, np.full(28, 50), days >= 14, days // 7, [NOT_ESTIMATED, NOT_ESTIMATED], 50, 1)
    assert (result.tables.total, result.rows[0.05].total) == (50, 100)
    # the burst lies on one side or the other, and is always as unlikely
    assert result.rows[0.05].hits == 50
    assert find_excesses(result) != []


def test_the_null_of_a_simulation_is_exact(world: World) -> None:
    expected = world.shares * world.totals
    half = HISTORY + TESTED // 2
    first = expected[:, HISTORY:half].sum(axis=1) / world.totals[HISTORY:half].sum()
    second = expected[:, half:].sum(axis=1) / world.totals[half:].sum()
    assert first == pytest.approx(second, rel=1e-12)


def test_a_year_without_changes_has_no_alert_and_doublings_have_one() -> None:
    false_alerts = false_alert_rate(2.0, 3, 100, 5)
    assert false_alerts.lower <= YEARLY_FALSE_ALERT_RATE
    assert doubling_detection_rate(2.0, 3, 150, 6).upper >= 0.8
