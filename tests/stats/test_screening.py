from __future__ import annotations

import numpy as np
import pytest

from trendcli.stats import proportions as change
from trendcli.stats import screening as movers
from trendcli.stats.proportions import TwoProportions

PLACES = list(range(60))
BLOCKS = [-1] * 36 + [0] * 12 + [1] * 12


def test_q_is_that_of_the_reports() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5, 0.01, np.nan])
    q = movers.adjust_p_values(p).tolist()
    expected = change.benjamini_hochberg([None if np.isnan(value) else float(value) for value in p])
    assert [None if np.isnan(value) else value for value in q] == pytest.approx(expected)


def test_tests_and_intervals_agree_with_those_of_one_change() -> None:
    one, two = np.array([10, 0, 3, 200]), np.array([40, 30, 4, 150])
    spread = movers.TermOverdispersion(np.array([1.0, 1.2, 1.0, 2.0]), np.array([np.inf, np.inf, np.inf, 30.0]), True)
    found = movers.test_many(one, 1000, two, 1500, spread)
    assert np.isnan(found.p[2])  # both counts below 5
    for row in (0, 1, 3):
        alone = change.compute_change(
            TwoProportions(int(one[row]), 1000, int(two[row]), 1500, float(spread.phi[row]), 30.0 if row == 3 else None)
        )
        assert found.p[row] == pytest.approx(alone.p)
        assert movers.compute_term_changes(one, 1000, two, 1500, spread)[row] == alone
    assert found.direction.tolist() == [1, 1, 0, -1]
    assert np.isnan(movers.test_many(one, 0, two, 1500, spread).p).all()


def test_a_term_that_jumps_more_than_others_has_its_own_dispersion() -> None:
    rng = np.random.default_rng(5)
    bases = np.full(60, 400)
    counts = rng.binomial(bases, 0.05, (300, 60))
    counts[0] = rng.binomial(bases, rng.beta(1, 19, 60))  # the same mean, and many times the variance
    phi, df, known = movers.estimate_term_overdispersion(counts, bases, PLACES, "month", BLOCKS, np.ones(300, bool))
    assert known and phi[0] > 5 and phi.min() == pytest.approx(np.sort(phi)[10]) and 1 <= phi.min() < 1.3
    assert ((df > 60) & (df < 120)).all()
    # what is not tested tells nothing of the others
    without = movers.estimate_term_overdispersion(counts, bases, PLACES, "month", BLOCKS, np.arange(300) > 0)
    assert without.phi.min() < phi.min()
    # a few terms stand alone, each with its own φ and degrees of freedom
    few = movers.estimate_term_overdispersion(counts[:50], bases, PLACES, "month", BLOCKS, np.ones(50, bool))
    assert few.phi.min() == 1 and few.phi[0] == phi[0] and (few.df < 60).all()
    assert (
        movers.estimate_term_overdispersion(
            counts[:, :5], bases[:5], PLACES[:5], "month", BLOCKS[-5:], np.ones(300, bool)
        ).is_estimated
        is False
    )
    assert (
        movers.estimate_term_overdispersion(counts[:0], bases, PLACES, "month", BLOCKS, np.ones(0, bool)).phi.tolist()
        == []
    )


@pytest.mark.slow
def test_planted_changes_are_found_and_little_else() -> None:
    """100 runs of 3,000 terms by month, φ 1 to 1.4, of which 100 treble or fall to a third."""
    rng, false, found = np.random.default_rng(6), [], []
    bases = rng.integers(900, 1100, 60)
    for _ in range(100):
        share = np.repeat(np.exp(rng.uniform(np.log(0.001), np.log(0.05), 3000))[:, None], 60, axis=1)
        share[:100, 48:] *= np.where(rng.random(100) < 0.5, 3, 1 / 3)[:, None]
        rho = rng.uniform(0, 0.4, 3000)[:, None] / bases
        moved = rng.beta(share * (1 / rho - 1), (1 - share) * (1 / rho - 1))
        counts = rng.binomial(bases, moved)
        spread = movers.estimate_term_overdispersion(counts, bases, PLACES, "month", BLOCKS, np.ones(3000, bool))
        one, two = counts[:, 36:48].sum(axis=1), counts[:, 48:].sum(axis=1)
        told = movers.test_many(one, int(bases[36:48].sum()), two, int(bases[48:].sum()), spread).direction != 0
        false.append(told[100:].sum() / max(told.sum(), 1))
        found.append(told[:100].mean())
    assert np.mean(false) <= 0.05 and np.mean(found) > 0.8
