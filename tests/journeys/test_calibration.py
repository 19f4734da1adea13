"""The proofs of docs/explanation/method.md in short; `make calibrate` runs them at length and on real records."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import calibrate
from benchmarks.calibrate import HISTORY, TESTED, World
from trendcli.stats import alerts
from trendcli.stats import proportions as change
from trendcli.stats.overdispersion import NOT_ESTIMATED

MONTHS = np.arange(HISTORY + TESTED)


@pytest.fixture(scope="module")
def shape() -> World:
    """90 topics of 0.2 to 10 % of a base that grows by a third a year, with a trend, a season and deadlines."""
    rng = np.random.default_rng(8)
    bases = (1500 * 1.33 ** (MONTHS / 12) * (1 + 0.15 * np.sin(MONTHS * np.pi / 6))).astype(np.int64)
    slopes, seasons = rng.normal(0, 0.3, 90), rng.uniform(0, 0.3, 90)
    curve = np.exp(np.outer(slopes, MONTHS / 36)) * (1 + np.outer(seasons, np.sin(MONTHS * np.pi / 6 + 1)))
    means = np.geomspace(0.002, 0.1, 90)[:, None] * curve
    return calibrate.world(rng.poisson(means * bases), bases, MONTHS.tolist())


@pytest.mark.parametrize("phi", [1.0, 1.5, 2.0])
def test_flat_topics_get_no_verdicts(shape: World, phi: float) -> None:
    assert calibrate.kept(calibrate.flat(shape, phi, 60, 1)) == []


def test_it_would_be_noticed_if_dispersion_or_the_correction_were_left_out(shape: World) -> None:
    loose = calibrate.kept(calibrate.flat(shape, 2.0, 40, 1, with_dispersion=False))
    assert len(loose) == len(calibrate.ALPHAS) + 1
    (single,) = calibrate.kept(calibrate.flat(shape, 1.0, 40, 1, with_correction=False))
    assert single.startswith("a verdict in")


@pytest.mark.parametrize("phi", [1.0, 2.0])
def test_of_what_is_called_changed_few_did_not(shape: World, phi: float) -> None:
    false, found = calibrate.false_discoveries(shape, phi, 50, 3)
    assert false <= change.FDR
    assert found > 0.2


def test_intervals_hold_what_was_planted() -> None:
    for cell in calibrate.coverage(150, 4, expected=(5, 50)):
        assert (change.wilson_interval(cell.rate.hits, cell.rate.of)[1] or 0) >= 0.94, cell


def test_a_shuffle_keeps_the_whole_and_moves_whole_blocks() -> None:
    """Two topics of which one comes in bursts of a week: dealt out by week, no week is torn."""
    days = np.arange(28)
    counts = np.array([np.full(28, 3), np.where(days // 7 == 1, 10, 0)])
    found = calibrate.shuffled(counts, np.full(28, 50), days >= 14, days // 7, [NOT_ESTIMATED, NOT_ESTIMATED], 50, 1)
    assert (found.tables.of, found.rows[0.05].of) == (50, 100)
    # the burst lies on one side or the other, and is always as unlikely
    assert found.rows[0.05].hits == 50
    assert calibrate.kept(found) != []


def test_the_null_of_a_simulation_is_exact(shape: World) -> None:
    expected = shape.shares * shape.bases
    half = HISTORY + TESTED // 2
    first = expected[:, HISTORY:half].sum(axis=1) / shape.bases[HISTORY:half].sum()
    second = expected[:, half:].sum(axis=1) / shape.bases[half:].sum()
    assert first == pytest.approx(second, rel=1e-12)


def test_a_year_in_which_nothing_happens_has_no_alert() -> None:
    false = calibrate.alarms(2.0, 3, 100, 5)
    assert false.least <= alerts.YEARLY_FALSE_ALERT_RATE
    assert calibrate.doublings(2.0, 3, 150, 6).most >= 0.8
