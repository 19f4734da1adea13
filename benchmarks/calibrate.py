"""Do verdicts keep their error rates? Simulations shaped like real records, and permutations of the records themselves.

    make calibrate SNAPSHOT=file.jsonl [WORDS='...']    writes the section "Calibration" of docs/explanation/method.md

Exits with code 1 if an error rate is not kept, or if leaving out the overdispersion or the correction for many tests
would go unnoticed.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.stats.alerts import OVERDISPERSION_WEEKS, POOLED_WEEKS, YEARLY_FALSE_ALERT_RATE, find_alerts
from trendcli.stats.distributions import FloatArray, IntArray
from trendcli.stats.multiple_testing import benjamini_hochberg
from trendcli.stats.overdispersion import (
    BACKGROUND,
    NOT_ESTIMATED,
    Overdispersion,
    background_design,
    estimate_overdispersion,
)
from trendcli.stats.proportions import FDR, TwoProportions, compute_changes, nan_to_none, wilson_interval

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "explanation" / "method.md"
MARKS = ("<!-- calibration: written by `make calibrate` -->\n", "<!-- end of calibration -->\n")
TREND = [sys.executable, "-m", "trendcli"]
# months before those under test
HISTORY = 36
# months under test: two years
TESTED = 24
# topics of a table
TOPICS = 90
# simulated tables
TABLES = 1000
# runs of the other simulations
RUNS = 2000
ALPHAS = (0.05, 0.01, 0.001)
# as the program has it when two years are compared: three years of background, and the months of each year
SEGMENTS = [BACKGROUND] * HISTORY + [0] * (TESTED // 2) + [1] * (TESTED // 2)
# numbers of topics of a weekly list
WATCHED_COUNTS = (3, 6, 12)
# submissions of all topics in a week
WEEKLY_TOTAL = 1000


class World(NamedTuple):
    """What simulations take from records: `totals` by month, and of each topic its expected `shares` by month and its
    φ.

    `totals` has shape (months,), `shares` (topics, months), `phi` (topics,). The first HISTORY months follow the trend
    and season of the records, the TESTED ones keep the level and the season.
    """

    totals: IntArray
    shares: FloatArray
    phi: FloatArray


class Rate(NamedTuple):
    """A rate as `hits` out of `total`."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total

    @property
    def upper(self) -> float:
        """The upper end of its 95 % interval."""
        return wilson_interval(self.hits, self.total)[1] or 1.0

    @property
    def lower(self) -> float:
        """The lower end of its 95 % interval."""
        return wilson_interval(self.hits, self.total)[0] or 0.0


class NullRates(NamedTuple):
    """Rates of errors in tables of topics that do not change: of rows with p ≤ α, by α, and of tables with a verdict."""

    rows: dict[float, Rate]
    tables: Rate


def build_world(counts: IntArray, totals: IntArray, time_index: Sequence[int]) -> World:
    """Estimate the shape of real counts (topics × months) of HISTORY + TESTED months."""
    estimates = estimate_overdispersion(counts, totals, time_index, "month", SEGMENTS)
    design = background_design(time_index[:HISTORY], "month")
    coefficients, *_ = np.linalg.lstsq(design, (counts[:, :HISTORY] / totals[:HISTORY]).T, rcond=None)
    floor = 0.5 / totals.sum()
    history_shares = np.maximum((design @ coefficients).T, floor)
    factors = _seasonal_factors(history_shares, time_index[:HISTORY])[:, np.asarray(time_index[HISTORY:]) % 12]
    level = np.maximum(counts[:, HISTORY:].sum(axis=1) / totals[HISTORY:].sum(), floor)
    tested_shares = level[:, None] * factors
    # the months weigh otherwise in the second year, and what did not change has to have the same share in both
    weights = totals[HISTORY:].reshape(2, -1)
    by_year = tested_shares.reshape(len(tested_shares), 2, -1)
    share_1, share_2 = ((by_year * weights).sum(axis=2) / weights.sum(axis=1)).T
    tested_shares[:, TESTED // 2 :] *= (share_1 / share_2)[:, None]
    shares = np.minimum(np.hstack([history_shares, tested_shares]), 0.9)
    return World(totals, shares, np.array([estimate.phi for estimate in estimates]))


def _seasonal_factors(shares: FloatArray, time_index: Sequence[int]) -> FloatArray:
    """Return twelve factors for each topic: the mean of each month of the year over the mean of all."""
    months = np.asarray(time_index) % 12
    means = np.column_stack([shares[:, months == month].mean(axis=1) for month in range(12)])
    factors: FloatArray = means / means.mean(axis=1, keepdims=True)
    return factors


def draw_counts(rng: np.random.Generator, totals: IntArray, shares: FloatArray, phi: FloatArray | float) -> IntArray:
    """Draw counts (topics × periods) whose variance is φ times that of independent draws."""
    row_phi = np.broadcast_to(np.asarray(phi, float).reshape(-1, 1), shares.shape)
    correlation = np.maximum((row_phi - 1) / np.maximum(totals - 1, 1), 1e-12)
    factor = 1 / correlation - 1
    varied_shares = rng.beta(shares * factor, (1 - shares) * factor)
    counts: IntArray = rng.binomial(totals, np.where(row_phi > 1, varied_shares, shares))
    return counts


def table_p_values(
    counts: IntArray, totals: IntArray, time_index: Sequence[int], with_overdispersion: bool = True
) -> list[float | None]:
    """Return the p of each topic as the program gives it: the last TESTED months as two years, φ from all months."""
    estimates = estimate_overdispersion(counts, totals, time_index, "month", SEGMENTS)
    half = HISTORY + TESTED // 2
    total_1, total_2 = int(totals[HISTORY:half].sum()), int(totals[half:].sum())
    if not with_overdispersion:
        estimates = [NOT_ESTIMATED] * len(estimates)
    counts_1, counts_2 = counts[:, HISTORY:half].sum(axis=1), counts[:, half:].sum(axis=1)
    return row_p_values(counts_1, total_1, counts_2, total_2, estimates)


def row_p_values(
    counts_1: IntArray, total_1: int, counts_2: IntArray, total_2: int, estimates: Sequence[Overdispersion]
) -> list[float | None]:
    """Return the p of each row; None where it is not tested."""
    rows = zip(counts_1.tolist(), counts_2.tolist(), estimates, strict=True)
    pairs = (TwoProportions(count_1, total_1, count_2, total_2, *estimate) for count_1, count_2, estimate in rows)
    return [change.p for change in compute_changes(pairs)]


def simulate_unchanged(
    world: World,
    phi: FloatArray | float,
    tables: int,
    seed: int,
    *,
    with_overdispersion: bool = True,
    with_correction: bool = True,
) -> NullRates:
    """Simulate tables in which nothing changed between the two years."""
    rng, time_index = np.random.default_rng(seed), list(range(HISTORY + TESTED))
    return _null_rates(
        (
            table_p_values(
                draw_counts(rng, world.totals, world.shares, phi), world.totals, time_index, with_overdispersion
            )
            for _ in range(tables)
        ),
        with_correction,
    )


def _null_rates(tables: Iterable[list[float | None]], with_correction: bool = True) -> NullRates:
    """Count the errors in tables of p-values of topics that did not change."""
    hits, row_count, verdict_count, table_count = dict.fromkeys(ALPHAS, 0), 0, 0, 0
    for p_values in tables:
        tested = [p for p in p_values if p is not None]
        row_count, table_count = row_count + len(tested), table_count + 1
        for alpha in ALPHAS:
            hits[alpha] += sum(p <= alpha for p in tested)
        q_values = nan_to_none(benjamini_hochberg(p_values)) if with_correction else p_values
        verdict_count += any(q is not None and q <= FDR for q in q_values)
    rows = {alpha: Rate(count, row_count) for alpha, count in hits.items()}
    return NullRates(rows, Rate(verdict_count, table_count))


def simulate_changes(world: World, phi: float, tables: int, seed: int) -> tuple[float, float]:
    """Return (mean false discovery proportion, fraction of changes detected) where a tenth of the topics change by half."""
    rng, time_index = np.random.default_rng(seed), list(range(HISTORY + TESTED))
    topics, half = len(world.shares), HISTORY + TESTED // 2
    false_proportions, detected = [], 0
    for _ in range(tables):
        changed = rng.choice(topics, topics // 10, replace=False)
        shares = world.shares.copy()
        shares[changed, half:] *= np.where(rng.random(len(changed)) < 0.5, 1.5, 1 / 1.5)[:, None]
        counts = draw_counts(rng, world.totals, np.minimum(shares, 0.9), phi)
        q_values = benjamini_hochberg(table_p_values(counts, world.totals, time_index))
        flagged = set(np.flatnonzero(q_values <= FDR).tolist())
        false_proportions.append(len(flagged - set(changed.tolist())) / max(len(flagged), 1))
        detected += len(flagged & set(changed.tolist()))
    return float(np.mean(false_proportions)), detected / (tables * (topics // 10))


def permute_blocks(
    counts: IntArray,
    totals: IntArray,
    is_later: NDArray[np.bool_],
    block_of: IntArray,
    estimates: Sequence[Overdispersion],
    times: int,
    seed: int,
) -> NullRates:
    """Permute blocks of days of real counts (topics × days) between two periods, so that nothing can have changed.

    `is_later` says of each day whether it lies in the later period, and `block_of` which days stay together.
    """
    rng = np.random.default_rng(seed)
    blocks, block_index = np.unique(block_of, return_inverse=True)
    block_counts = np.array([np.bincount(block_index, row, len(blocks)) for row in counts]).astype(int)
    block_totals = np.bincount(block_index, totals, len(blocks)).astype(int)
    later_count = sum(bool(is_later[block_index == block].mean() > 0.5) for block in range(len(blocks)))

    def permuted_p_values() -> list[float | None]:
        later = np.zeros(len(blocks), bool)
        later[rng.choice(len(blocks), later_count, replace=False)] = True
        counts_1, total_1 = block_counts[:, ~later].sum(axis=1), int(block_totals[~later].sum())
        counts_2, total_2 = block_counts[:, later].sum(axis=1), int(block_totals[later].sum())
        return row_p_values(counts_1, total_1, counts_2, total_2, estimates)

    return _null_rates(permuted_p_values() for _ in range(times))


class CoverageCell(NamedTuple):
    """How often the interval contained the true change, for an expected count, true ratio, ratio of totals and φ."""

    expected: float
    ratio: float
    total_ratio: float
    phi: float
    rate: Rate


def simulate_coverage(
    runs: int, seed: int, expected_counts: Sequence[float] = (5, 10, 20, 50, 200)
) -> list[CoverageCell]:
    """Simulate planted changes from year to year of a topic, whose smaller expected count is one of `expected_counts`."""
    rng = np.random.default_rng(seed)
    settings = product((1.0, 1.5, 2.0), expected_counts, (0.5, 1.0, 2.0), (1.0, 1.6))
    return [
        CoverageCell(expected, ratio, total_ratio, phi, _coverage_rate(rng, runs, expected, ratio, total_ratio, phi))
        for phi, expected, ratio, total_ratio in settings
    ]


def _coverage_rate(
    rng: np.random.Generator, runs: int, expected: float, ratio: float, total_ratio: float, phi: float
) -> Rate:
    monthly_total, year = 500, slice(HISTORY, HISTORY + 12)
    share = expected / (12 * monthly_total) / min(1.0, ratio * total_ratio)
    totals = np.array([monthly_total] * (HISTORY + 12) + [round(monthly_total * total_ratio)] * 12)
    shares = np.array([share] * (HISTORY + 12) + [share * ratio] * 12)
    counts = draw_counts(rng, totals, np.broadcast_to(shares, (runs, len(shares))), phi)
    estimates = estimate_overdispersion(counts, totals, list(range(HISTORY + TESTED)), "month", SEGMENTS)
    total_1, total_2 = int(totals[year].sum()), int(totals[-12:].sum())
    rows = zip(counts[:, year].sum(axis=1).tolist(), counts[:, -12:].sum(axis=1).tolist(), estimates, strict=True)
    pairs = [TwoProportions(count_1, total_1, count_2, total_2, *estimate) for count_1, count_2, estimate in rows]
    contained = sum(
        change.ci_low is None
        or (change.ci_low <= ratio - 1 and (change.ci_high is None or ratio - 1 <= change.ci_high))
        for change in compute_changes(pairs)
    )
    return Rate(contained, runs)


def weekly_verdicts(
    rng: np.random.Generator, totals: IntArray, shares: FloatArray, phi: float, watched_count: int
) -> NDArray[np.str_]:
    """Return the verdicts of alerts (rows × looks) on drawn weekly counts, from the first week with enough history."""
    counts, span = draw_counts(rng, totals, shares, phi), POOLED_WEEKS + OVERDISPERSION_WEEKS
    weeks = list(range(span))
    looks = [
        find_alerts(counts[:, end - span : end], totals[end - span : end], weeks, watched_count)
        for end in range(span, len(totals) + 1)
    ]
    return np.array([[alert.verdict for alert in look] for look in looks]).T


def false_alert_rate(phi: float, watched_count: int, years: int, seed: int) -> Rate:
    """Simulate years in which no topic changes; a hit has an alert of the list. Totals grow and have a season."""
    time = np.arange(POOLED_WEEKS + OVERDISPERSION_WEEKS + 51)
    growth, season = 1.25 ** ((time - time[-52]) / 52), 1 + 0.25 * np.sin(time * 2 * np.pi / 52)
    totals = (WEEKLY_TOTAL * growth * season).astype(np.int64)
    shares = np.repeat(np.geomspace(0.1, 0.006, watched_count), years)[:, None] * np.ones(len(time))
    verdicts = weekly_verdicts(np.random.default_rng(seed), totals, shares, phi, watched_count)
    has_alert = (verdicts != "no clear change").any(axis=1)
    return Rate(int(has_alert.reshape(watched_count, years).any(axis=0).sum()), years)


def doubling_detection_rate(phi: float, watched_count: int, runs: int, seed: int) -> Rate:
    """Simulate doublings of a topic of 50 submissions a month; a hit is detected within six complete weeks."""
    before = POOLED_WEEKS + OVERDISPERSION_WEEKS
    shares = np.full((runs, before + 6), 50 * 12 / 52 / WEEKLY_TOTAL)
    shares[:, before:] *= 2
    totals = np.full(before + 6, WEEKLY_TOTAL)
    verdicts = weekly_verdicts(np.random.default_rng(seed), totals, shares, phi, watched_count)[:, 1:]
    return Rate(int((verdicts == "rising").any(axis=1).sum()), runs)


class Records(NamedTuple):
    """Real counts of the largest topics: by month over five years, and by day over the last two of them.

    `monthly_counts` is topics × months and `daily_counts` topics × days; `time_index` numbers the months along the
    calendar, `days` are the dates.
    """

    monthly_counts: IntArray
    monthly_totals: IntArray
    time_index: list[int]
    daily_counts: IntArray
    daily_totals: IntArray
    days: list[datetime.date]


def read_records(path: Path, last_year: int = 2019) -> Records:
    """Count the TOPICS largest topics of the shipped `ml` pack in cs and stat, five years up to `last_year`."""
    from trendcli.core.periods import list_periods
    from trendcli.core.settings import config_folder
    from trendcli.core.types import Scope, Selection, ignore_progress
    from trendcli.store.store import Store
    from trendcli.topics.counting import count_submissions
    from trendcli.topics.loader import load_library

    store, library = Store.open(path), load_library(config_folder() / "topics")
    scope = Scope("cs and stat", ("cs.*", "stat.*"))
    end = datetime.date(last_year + 1, 1, 1)
    months = list_periods(datetime.date(last_year - 4, 1, 1), end, "month")
    pack = library.get_pack("ml")
    monthly = count_submissions(store, library, Selection(scope, pack), months, ignore_progress)
    sizes = {topic: sum(monthly.counts[topic, month] for month in months) for topic in pack}
    topics = tuple(sorted(sizes, key=lambda topic: (-sizes[topic], topic))[:TOPICS])
    days = list_periods(datetime.date(last_year - 1, 1, 1), end, "day")
    daily = count_submissions(store, library, Selection(scope, topics), days, ignore_progress)
    return Records(
        np.array([[monthly.counts[topic, month] for month in months] for topic in topics]),
        np.array([monthly.totals[month] for month in months]),
        [month.start.year * 12 + month.start.month - 1 for month in months],
        np.array([[daily.counts[topic, day] for day in days] for topic in topics]),
        np.array([daily.totals[day] for day in days]),
        [day.start for day in days],
    )


def permute_days(records: Records, times: int) -> NullRates:
    """Permute the days of two years; φ as the program estimates it."""
    estimates = estimate_overdispersion(
        records.monthly_counts, records.monthly_totals, records.time_index, "month", SEGMENTS
    )
    is_later = np.array([day.year == records.days[-1].year for day in records.days])
    blocks = np.arange(len(is_later))
    return permute_blocks(records.daily_counts, records.daily_totals, is_later, blocks, estimates, times, 2)


def permute_weeks(records: Records, times: int) -> NullRates:
    """Permute the weeks of each month and of the same month a year earlier; φ from the other months."""
    results = []
    for month in range(1, 13):
        inside = np.array([day.month == month for day in records.days])
        days = [day for day in records.days if day.month == month]
        others = [row for row in range(HISTORY + TESTED) if records.time_index[row] % 12 != month - 1 or row < HISTORY][
            -HISTORY:
        ]
        estimates = estimate_overdispersion(
            records.monthly_counts[:, others],
            records.monthly_totals[others],
            [records.time_index[row] for row in others],
            "month",
        )
        results.append(
            permute_blocks(
                records.daily_counts[:, inside],
                records.daily_totals[inside],
                np.array([day.year == days[-1].year for day in days]),
                np.array([day.toordinal() // 7 for day in days]),
                estimates,
                times // 12,
                month,
            )
        )
    rows = {alpha: _add_rates(result.rows[alpha] for result in results) for alpha in ALPHAS}
    return NullRates(rows, _add_rates(result.tables for result in results))


def _add_rates(rates: Iterable[Rate]) -> Rate:
    all_rates = list(rates)
    return Rate(sum(rate.hits for rate in all_rates), sum(rate.total for rate in all_rates))


def find_excesses(result: NullRates) -> list[str]:
    """Return the error rates that are above what is promised, by the lower end of their 95 % intervals."""
    excesses = [
        f"p ≤ {alpha} in {rate.value:.4f} of the rows" for alpha, rate in result.rows.items() if rate.lower > alpha
    ]
    if result.tables.lower > FDR:
        excesses.append(f"a verdict in {result.tables.value:.3f} of the tables")
    return excesses


def main() -> None:
    """Run every simulation, write the section, and report what does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--words", default="", help="the arguments of make, as the page should show them")
    parser.add_argument("file", type=Path, help="a file in the format of the bulk snapshot, or a store")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = arguments.file
        if arguments.file.is_file():
            store = Path(scratch) / "store"
            command = ["-q", "--store", str(store), "import", str(arguments.file), "--complete", "all"]
            subprocess.run([*TREND, *command], check=True)
        records = read_records(store)
    world = build_world(records.monthly_counts, records.monthly_totals, records.time_index)
    broken: list[str] = []

    def null_row(name: str, result: NullRates) -> str:
        excesses = find_excesses(result)
        broken.extend(f"{name}: {excess}" for excess in excesses)
        rates = " | ".join(f"{result.rows[alpha].value:.5f}" for alpha in ALPHAS)
        return f"| {name} | {result.tables.total:,} | {result.tables.value:.3f} | {rates} | {'**no**' if excesses else 'yes'} |"

    lines = []
    for name, phi in (("1", 1.0), ("1.5", 1.5), ("2", 2.0), ("as in the records", world.phi)):
        lines.append(null_row(f"simulated, φ {name}", simulate_unchanged(world, phi, TABLES, 1)))
    lines.append(null_row("records, days of two years permuted", permute_days(records, TABLES)))
    lines.append(null_row("records, weeks of two months permuted", permute_weeks(records, TABLES)))
    without = []
    for name, phi, options in (
        ("simulated, φ 2, **without overdispersion**", 2.0, {"with_overdispersion": False}),
        ("simulated, φ 1, **without Benjamini-Hochberg**", 1.0, {"with_correction": False}),
    ):
        result = simulate_unchanged(world, phi, TABLES, 1, **options)
        if not find_excesses(result):
            broken.append(f"{name}: would go unnoticed")
        rates = " | ".join(f"{result.rows[alpha].value:.5f}" for alpha in ALPHAS)
        without.append(f"| {name} | {TABLES:,} | {result.tables.value:.3f} | {rates} | {'no, as expected' if find_excesses(result) else '**yes**'} |")  # fmt: skip
    changed = []
    for phi in (1.0, 1.5, 2.0):
        proportion, power = simulate_changes(world, phi, TABLES // 2, 3)
        broken += [f"false discoveries at φ {phi}: {proportion:.3f}"] if proportion > FDR else []
        changed.append(f"| {phi:g} | {TABLES // 2:,} | {proportion:.4f} | {power:.2f} |")
    cells = simulate_coverage(RUNS, 4)
    broken += [f"coverage {cell}" for cell in cells if cell.rate.value < 0.94]
    worst_cells = [min((cell for cell in cells if cell.phi == phi), key=lambda cell: cell.rate.value) for phi in (1.0, 1.5, 2.0)]  # fmt: skip
    alert_rows = []
    for phi in (1.0, 1.5, 2.0):
        for watched_count in WATCHED_COUNTS:
            false_alerts = false_alert_rate(phi, watched_count, RUNS, 5)
            doublings = doubling_detection_rate(phi, watched_count, RUNS, 6)
            if false_alerts.lower > YEARLY_FALSE_ALERT_RATE:
                broken.append(f"alerts at φ {phi}, {watched_count} topics: {false_alerts}")
            if watched_count == WATCHED_COUNTS[0] and doublings.value < 0.8:
                broken.append(f"doublings at φ {phi}: {doublings}")
            alert_rows.append(
                f"| {phi:g} | {watched_count} | {false_alerts.value:.3f} | {false_alerts.upper:.3f} | {doublings.value:.2f} |"
            )
    quantiles = np.quantile(world.phi, [0.1, 0.5, 0.9, 1.0])
    text = f"""
*Written by `make calibrate{" " + arguments.words if arguments.words else ""}` on {datetime.date.today()}, {TOPICS} topics, {int(records.monthly_totals.sum()):,} submissions of 2015 to 2019.*

The overdispersion of these topics over these years is {quantiles[1]:.2f} at the median ({quantiles[0]:.2f} at the 10th percentile, {quantiles[2]:.2f} at the 90th, {quantiles[3]:.2f} at most).
Simulated tables have the monthly totals, levels, trends and seasons of the records; between their two years nothing
changes. The error rate is kept if p ≤ α in at most α of the rows, and at most one table in twenty has any verdict (both
by the lower end of their 95 % intervals).

| nothing changed | tables | with any verdict | p ≤ 0.05 | p ≤ 0.01 | p ≤ 0.001 | kept |
|---|---:|---:|---:|---:|---:|---|
{chr(10).join([*lines, *without])}

When a tenth of the topics change by half, up or down:

| φ | tables | mean false discovery proportion | changes detected |
|---:|---:|---:|---:|
{chr(10).join(changed)}

The intervals of planted changes (expected counts of 5, 10, 20, 50 and 200 on the smaller side, true ratios of a half, 1 and
2, totals equal or 1.6 times as large, φ estimated; {RUNS:,} runs per cell, {len(cells)} cells) contain the true change
in {100 * np.mean([cell.rate.value for cell in cells]):.1f} % of the runs. The worst cells:

| φ | expected | ratio | totals | coverage |
|---:|---:|---:|---:|---:|
{chr(10).join(f"| {cell.phi:g} | {cell.expected:g} | {cell.ratio:g} | {cell.total_ratio:g} | {100 * cell.rate.value:.1f} % |" for cell in worst_cells)}

Alerts of the weekly report, in {RUNS:,} simulated years in which nothing changes, for lists of {", ".join(map(str, WATCHED_COUNTS))} topics (0.6 to 10 % of {WEEKLY_TOTAL:,}
submissions a week, which grow by a quarter a year and have a season): a list should show any alert in at most
{100 * YEARLY_FALSE_ALERT_RATE:.0f} % of them. The last column is the fraction of doublings, of one topic of 50 submissions a month, that are detected within
six complete weeks; the longer the list, the larger a change has to be.

| φ | topics watched | unchanged years with any alert | upper limit (95 %) | doublings detected |
|---:|---:|---:|---:|---:|
{chr(10).join(alert_rows)}

Every formula equals statsmodels or scipy to a relative 1e-9, zeros included; see `tests/stats/test_proportions.py`.
"""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(MARKS[0])
    PAGE.write_text(before + MARKS[0] + text.lstrip("\n") + MARKS[1] + rest.split(MARKS[1])[1], encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    if broken:
        sys.exit("Not kept:\n" + "\n".join(broken))


if __name__ == "__main__":
    main()
