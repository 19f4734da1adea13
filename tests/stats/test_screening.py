from __future__ import annotations

import numpy as np
import pytest

from trendcli.stats.proportions import TwoProportions, compute_change
from trendcli.stats.screening import (
    TermOverdispersion,
    compute_term_changes,
    estimate_term_overdispersion,
    screen_terms,
)

MONTHS = list(range(60))
SEGMENTS = [-1] * 36 + [0] * 12 + [1] * 12


def test_tests_and_intervals_agree_with_those_of_one_change() -> None:
    counts_1, counts_2 = np.array([10, 0, 3, 200]), np.array([40, 30, 4, 150])
    overdispersion = TermOverdispersion(np.array([1.0, 1.2, 1.0, 2.0]), np.array([np.inf, np.inf, np.inf, 30.0]), True)
    result = screen_terms(counts_1, 1000, counts_2, 1500, overdispersion)
    assert np.isnan(result.p[2])  # both counts below 5
    for row in (0, 1, 3):
        single = compute_change(
            TwoProportions(
                int(counts_1[row]),
                1000,
                int(counts_2[row]),
                1500,
                float(overdispersion.phi[row]),
                30.0 if row == 3 else None,
            )
        )
        assert result.p[row] == pytest.approx(single.p)
        assert compute_term_changes(counts_1, 1000, counts_2, 1500, overdispersion)[row] == single
    assert result.direction.tolist() == [1, 1, 0, -1]
    assert np.isnan(screen_terms(counts_1, 0, counts_2, 1500, overdispersion).p).all()


def test_a_term_that_varies_more_than_others_keeps_its_own_overdispersion() -> None:
    rng = np.random.default_rng(5)
    totals = np.full(60, 400)
    counts = rng.binomial(totals, 0.05, (300, 60))
    counts[0] = rng.binomial(totals, rng.beta(1, 19, 60))  # the same mean, and many times the variance
    phi, df, is_estimated = estimate_term_overdispersion(counts, totals, MONTHS, "month", SEGMENTS, np.ones(300, bool))
    assert is_estimated and phi[0] > 5 and phi.min() == pytest.approx(np.sort(phi)[10]) and 1 <= phi.min() < 1.3
    assert ((df > 60) & (df < 120)).all()
    # a term outside the pool adds nothing to it
    without = estimate_term_overdispersion(counts, totals, MONTHS, "month", SEGMENTS, np.arange(300) > 0)
    assert without.phi.min() < phi.min()
    # a few terms stand alone, each with its own φ and degrees of freedom
    few = estimate_term_overdispersion(counts[:50], totals, MONTHS, "month", SEGMENTS, np.ones(50, bool))
    assert few.phi.min() == 1 and few.phi[0] == phi[0] and (few.df < 60).all()
    assert (
        estimate_term_overdispersion(
            counts[:, :5], totals[:5], MONTHS[:5], "month", SEGMENTS[-5:], np.ones(300, bool)
        ).is_estimated
        is False
    )
    assert (
        estimate_term_overdispersion(counts[:0], totals, MONTHS, "month", SEGMENTS, np.ones(0, bool)).phi.tolist() == []
    )


@pytest.mark.slow
def test_planted_changes_are_found_and_little_else() -> None:
    """100 runs of 3,000 terms by month, φ 1 to 1.4, of which 100 treble or fall to a third."""
    rng, false_fractions, powers = np.random.default_rng(6), [], []
    totals = rng.integers(900, 1100, 60)
    for _ in range(100):
        share = np.repeat(np.exp(rng.uniform(np.log(0.001), np.log(0.05), 3000))[:, None], 60, axis=1)
        share[:100, 48:] *= np.where(rng.random(100) < 0.5, 3, 1 / 3)[:, None]
        rho = rng.uniform(0, 0.4, 3000)[:, None] / totals
        varied = rng.beta(share * (1 / rho - 1), (1 - share) * (1 / rho - 1))
        counts = rng.binomial(totals, varied)
        overdispersion = estimate_term_overdispersion(counts, totals, MONTHS, "month", SEGMENTS, np.ones(3000, bool))
        counts_1, counts_2 = counts[:, 36:48].sum(axis=1), counts[:, 48:].sum(axis=1)
        result = screen_terms(counts_1, int(totals[36:48].sum()), counts_2, int(totals[48:].sum()), overdispersion)
        is_flagged = result.direction != 0
        false_fractions.append(is_flagged[100:].sum() / max(is_flagged.sum(), 1))
        powers.append(is_flagged[:100].mean())
    assert np.mean(false_fractions) <= 0.05 and np.mean(powers) > 0.8
