"""Do verdicts keep their promise? Simulations whose shape comes from real records, and the records themselves shuffled.

    make calibrate SNAPSHOT=file.jsonl [WORDS='...']    writes the section "Calibration" of docs/explanation/method.md

Ends with exit code 1 where a promise is not kept, or where leaving out the dispersion or the correction for many rows
would go unnoticed.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.stats import alerts
from trendcli.stats import overdispersion as dispersion
from trendcli.stats import proportions as change
from trendcli.stats.overdispersion import BACKGROUND, Overdispersion
from trendcli.stats.proportions import TwoProportions, wilson_interval

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "explanation" / "method.md"
MARKS = ("<!-- calibration: written by `make calibrate` -->\n", "<!-- end of calibration -->\n")
TREND = [sys.executable, "-m", "trendcli"]
HISTORY, TESTED = 36, 24
TOPICS, TABLES, RUNS = 90, 1000, 2000
ALPHAS = (0.05, 0.01, 0.001)
# as the program has it when two years are compared: three years beside them, and the months of each
BLOCKS = [BACKGROUND] * HISTORY + [0] * (TESTED // 2) + [1] * (TESTED // 2)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class World(NamedTuple):
    """What simulations take from records: bases by month, and of each topic its expected share by month, and its φ.

    The first HISTORY months follow the trend and season of the records, the TESTED ones keep the level and the season.
    """

    bases: Ints
    shares: Floats
    phis: Floats


class Rate(NamedTuple):
    """A rate, and out of how many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of

    @property
    def most(self) -> float:
        """The upper end of its 95 % interval."""
        return wilson_interval(self.hits, self.of)[1] or 1.0

    @property
    def least(self) -> float:
        """The lower end of its 95 % interval."""
        return wilson_interval(self.hits, self.of)[0] or 0.0


class Flat(NamedTuple):
    """What a table of topics that do not change gives: rates of p ≤ α by row, and of tables with any verdict."""

    rows: dict[float, Rate]
    tables: Rate


def world(counts: Ints, bases: Ints, places: Sequence[int]) -> World:
    """The shape of real counts (topics × months) of HISTORY + TESTED months."""
    found = dispersion.estimate_overdispersion(counts, bases, places, "month", BLOCKS)
    design = dispersion.background_design(places[:HISTORY], "month")
    shares = counts[:, :HISTORY] / bases[:HISTORY]
    solved, *_ = np.linalg.lstsq(design, shares.T, rcond=None)
    least = 0.5 / bases.sum()
    past = np.maximum((design @ solved).T, least)
    season = np.array([[row[place % 12] for place in places[HISTORY:]] for row in _seasons(past, places)])
    level = np.maximum(counts[:, HISTORY:].sum(axis=1) / bases[HISTORY:].sum(), least)
    ahead = level[:, None] * season
    # the months weigh otherwise in the second year, and what did not change has to have the same share in both
    weights = bases[HISTORY:].reshape(2, -1)
    first, second = ((ahead.reshape(len(ahead), 2, -1) * weights).sum(axis=2) / weights.sum(axis=1)).T
    ahead[:, TESTED // 2 :] *= (first / second)[:, None]
    return World(bases, np.minimum(np.hstack([past, ahead]), 0.9), np.array([item.phi for item in found]))


def _seasons(past: Floats, places: Sequence[int]) -> Floats:
    """Of each topic twelve factors: the mean of each month of the year over the mean of all."""
    months = np.asarray(places[:HISTORY]) % 12
    means = np.column_stack([past[:, months == month].mean(axis=1) for month in range(12)])
    found: Floats = means / means.mean(axis=1, keepdims=True)
    return found


def drawn(rng: np.random.Generator, bases: Ints, shares: Floats, phis: Floats | float) -> Ints:
    """Counts (topics × months) whose variance is φ times that of independent draws."""
    phi = np.broadcast_to(np.asarray(phis, float).reshape(-1, 1), shares.shape)
    spread = np.maximum((phi - 1) / np.maximum(bases - 1, 1), 1e-12)
    factor = 1 / spread - 1
    moved = rng.beta(shares * factor, (1 - shares) * factor)
    found: Ints = rng.binomial(bases, np.where(phi > 1, moved, shares))
    return found


def table(counts: Ints, bases: Ints, places: Sequence[int], with_dispersion: bool = True) -> list[float | None]:
    """The p of each topic as the program gives it: the last TESTED months as two years, φ from those before."""
    past = dispersion.estimate_overdispersion(counts, bases, places, "month", BLOCKS)
    half = HISTORY + TESTED // 2
    n_1, n_2 = int(bases[HISTORY:half].sum()), int(bases[half:].sum())
    spread = past if with_dispersion else [Overdispersion()] * len(past)
    return tested(counts[:, HISTORY:half].sum(axis=1), n_1, counts[:, half:].sum(axis=1), n_2, spread)


def tested(
    counts_1: Ints, base_1: int, counts_2: Ints, base_2: int, spread: Sequence[Overdispersion]
) -> list[float | None]:
    """The p of each row; None where it is not tested."""
    rows = zip(counts_1.tolist(), counts_2.tolist(), spread, strict=True)
    return [
        found.p
        for found in change.compute_changes(TwoProportions(one, base_1, two, base_2, *of) for one, two, of in rows)
    ]


def flat(
    shape: World,
    phis: Floats | float,
    tables: int,
    seed: int,
    *,
    with_dispersion: bool = True,
    with_correction: bool = True,
) -> Flat:
    """Tables in which nothing changed between the two years."""
    rng, places = np.random.default_rng(seed), list(range(HISTORY + TESTED))
    return _summed(
        (
            table(drawn(rng, shape.bases, shape.shares, phis), shape.bases, places, with_dispersion)
            for _ in range(tables)
        ),
        with_correction,
    )


def _summed(tables: object, with_correction: bool = True) -> Flat:
    hits, rows, verdicts, number = dict.fromkeys(ALPHAS, 0), 0, 0, 0
    for ps in tables:  # type: ignore[attr-defined]
        known = [p for p in ps if p is not None]
        rows, number = rows + len(known), number + 1
        for alpha in ALPHAS:
            hits[alpha] += sum(p <= alpha for p in known)
        qs = change.benjamini_hochberg(ps) if with_correction else ps
        verdicts += any(q is not None and q <= change.FDR for q in qs)
    return Flat({alpha: Rate(hit, rows) for alpha, hit in hits.items()}, Rate(verdicts, number))


def false_discoveries(shape: World, phi: float, tables: int, seed: int) -> tuple[float, float]:
    """(mean false-discovery proportion, share of true changes found) where a tenth of the topics moved by half."""
    rng, places = np.random.default_rng(seed), list(range(HISTORY + TESTED))
    topics, half = len(shape.shares), HISTORY + TESTED // 2
    proportions, found = [], 0
    for _ in range(tables):
        moved = rng.choice(topics, topics // 10, replace=False)
        shares = shape.shares.copy()
        shares[moved, half:] *= np.where(rng.random(len(moved)) < 0.5, 1.5, 1 / 1.5)[:, None]
        qs = change.benjamini_hochberg(
            table(drawn(rng, shape.bases, np.minimum(shares, 0.9), phi), shape.bases, places)
        )
        told = {place for place, q in enumerate(qs) if q is not None and q <= change.FDR}
        proportions.append(len(told - set(moved.tolist())) / max(len(told), 1))
        found += len(told & set(moved.tolist()))
    return float(np.mean(proportions)), found / (tables * (topics // 10))


def shuffled(
    counts: Ints,
    bases: Ints,
    sides: NDArray[np.bool_],
    blocks: Ints,
    past: Sequence[Overdispersion],
    times: int,
    seed: int,
) -> Flat:
    """Real counts by day, whose blocks of days are dealt out anew to the two periods: nothing can have changed.

    `sides` says of each day whether it lies in the later period, and `blocks` which days stay together.
    """
    rng = np.random.default_rng(seed)
    names, place = np.unique(blocks, return_inverse=True)
    by_block = np.array([np.bincount(place, row, len(names)) for row in counts]).astype(int)
    base = np.bincount(place, bases, len(names)).astype(int)
    later = sum(bool(sides[place == number].mean() > 0.5) for number in range(len(names)))

    def one() -> list[float | None]:
        chosen = np.zeros(len(names), bool)
        chosen[rng.choice(len(names), later, replace=False)] = True
        c_2, n_2 = by_block[:, chosen].sum(axis=1), int(base[chosen].sum())
        c_1, n_1 = by_block[:, ~chosen].sum(axis=1), int(base[~chosen].sum())
        return tested(c_1, n_1, c_2, n_2, past)

    return _summed(one() for _ in range(times))


class Cell(NamedTuple):
    """How often the interval held the true change, for one expected count, true ratio, ratio of bases and φ."""

    expected: float
    ratio: float
    bases: float
    phi: float
    rate: Rate


def coverage(runs: int, seed: int, expected: Sequence[float] = (5, 10, 20, 50, 200)) -> list[Cell]:
    """Planted changes: year against year of a topic whose smaller expected count is `expected`."""
    rng, places = np.random.default_rng(seed), list(range(HISTORY + TESTED))
    cells = []
    for phi in (1.0, 1.5, 2.0):
        for count in expected:
            for ratio in (0.5, 1.0, 2.0):
                for grown in (1.0, 1.6):
                    month = 500
                    share = count / (12 * month) / min(1.0, ratio * grown)
                    bases = np.array([month] * (HISTORY + 12) + [round(month * grown)] * 12)
                    shares = np.array([share] * (HISTORY + 12) + [share * ratio] * 12)
                    counts = drawn(rng, bases, np.broadcast_to(shares, (runs, len(shares))), phi)
                    past = dispersion.estimate_overdispersion(counts, bases, places, "month", BLOCKS)
                    n_1, n_2 = int(bases[HISTORY:-12].sum()), int(bases[-12:].sum())
                    c_1, c_2 = counts[:, HISTORY:-12].sum(axis=1).tolist(), counts[:, -12:].sum(axis=1).tolist()
                    pairs = [
                        TwoProportions(one, n_1, two, n_2, *of) for one, two, of in zip(c_1, c_2, past, strict=True)
                    ]
                    held = sum(
                        found.ci_low is None
                        or (found.ci_low <= ratio - 1 and (found.ci_high is None or ratio - 1 <= found.ci_high))
                        for found in change.compute_changes(pairs)
                    )
                    cells.append(Cell(count, ratio, grown, phi, Rate(held, runs)))
    return cells


# the weekly list: of how many topics, how large they are, and how many a week all are
WATCHED = (3, 6, 12)
WEEKLY = 1000


def weekly(rng: np.random.Generator, bases: Ints, shares: Floats, phi: float, watched: int) -> NDArray[np.str_]:
    """The verdicts of alerts (rows × looks) on drawn weekly counts, from the first week that can be looked at on."""
    counts, span = drawn(rng, bases, shares, phi), alerts.POOLED_WEEKS + alerts.OVERDISPERSION_WEEKS
    looks = range(span, len(bases) + 1)
    weeks = list(range(span))
    found = [alerts.find_alerts(counts[:, end - span : end], bases[end - span : end], weeks, watched) for end in looks]
    return np.array([[alert.verdict for alert in look] for look in found]).T


def alarms(phi: float, watched: int, years: int, seed: int) -> Rate:
    """Years in which nothing changes and any topic of the list is shown; the base grows, and has a season."""
    time = np.arange(alerts.POOLED_WEEKS + alerts.OVERDISPERSION_WEEKS + 51)
    bases = (WEEKLY * 1.25 ** ((time - time[-52]) / 52) * (1 + 0.25 * np.sin(time * 2 * np.pi / 52))).astype(np.int64)
    shares = np.repeat(np.geomspace(0.1, 0.006, watched), years)[:, None] * np.ones(len(time))
    found = weekly(np.random.default_rng(seed), bases, shares, phi, watched) != "no clear change"
    return Rate(int(found.any(axis=1).reshape(watched, years).any(axis=0).sum()), years)


def doublings(phi: float, watched: int, runs: int, seed: int) -> Rate:
    """Doublings of a topic of 50 submissions a month that are seen when six weeks are over."""
    before = alerts.POOLED_WEEKS + alerts.OVERDISPERSION_WEEKS
    shares = np.full((runs, before + 6), 50 * 12 / 52 / WEEKLY)
    shares[:, before:] *= 2
    found = weekly(np.random.default_rng(seed), np.full(before + 6, WEEKLY), shares, phi, watched)[:, 1:]
    return Rate(int((found == "rising").any(axis=1).sum()), runs)


class Records(NamedTuple):
    """What is read of a store once: by month over five years, and by day over the last two, of the largest topics."""

    months: Ints
    bases: Ints
    places: list[int]
    days: Ints
    day_bases: Ints
    dates: list[datetime.date]


def read(path: Path, last: int = 2019) -> Records:
    """Counts of the TOPICS largest topics of the shipped `ml` pack; years `last` − 4 to `last`, all of cs and stat."""
    from trendcli.core import periods
    from trendcli.core.settings import config_folder
    from trendcli.core.types import Scope, Selection, ignore_progress
    from trendcli.store.store import Store
    from trendcli.topics import loader as topic_files
    from trendcli.topics.counting import count_submissions

    store, library = Store.open(path), topic_files.load_library(config_folder() / "topics")
    scope = Scope("cs and stat", ("cs.*", "stat.*"))
    months = periods.list_periods(datetime.date(last - 4, 1, 1), datetime.date(last + 1, 1, 1), "month")
    every = count_submissions(store, library, Selection(scope, library.get_pack("ml")), months, ignore_progress)
    size = {topic: sum(every.counts[topic, month] for month in months) for topic in library.get_pack("ml")}
    names = tuple(sorted(size, key=lambda topic: (-size[topic], topic))[:TOPICS])
    days = periods.list_periods(datetime.date(last - 1, 1, 1), datetime.date(last + 1, 1, 1), "day")
    daily = count_submissions(store, library, Selection(scope, names), days, ignore_progress)
    return Records(
        np.array([[every.counts[topic, month] for month in months] for topic in names]),
        np.array([every.totals[month] for month in months]),
        [month.start.year * 12 + month.start.month - 1 for month in months],
        np.array([[daily.counts[topic, day] for day in days] for topic in names]),
        np.array([daily.totals[day] for day in days]),
        [day.start for day in days],
    )


def shuffled_years(records: Records, times: int) -> Flat:
    """Days of two years dealt out anew; φ as the program has it."""
    past = dispersion.estimate_overdispersion(records.months, records.bases, records.places, "month", BLOCKS)
    sides = np.array([day.year == records.dates[-1].year for day in records.dates])
    return shuffled(records.days, records.day_bases, sides, np.arange(len(sides)), past, times, 2)


def shuffled_months(records: Records, times: int) -> Flat:
    """Weeks of each month and of the same month a year earlier dealt out anew; φ from the other months."""
    found = []
    for month in range(1, 13):
        inside = np.array([day.month == month for day in records.dates])
        dates = [day for day in records.dates if day.month == month]
        kept = [
            place for place in range(HISTORY + TESTED) if records.places[place] % 12 != month - 1 or place < HISTORY
        ]
        kept = kept[-HISTORY:]
        past = dispersion.estimate_overdispersion(
            records.months[:, kept], records.bases[kept], [records.places[place] for place in kept], "month"
        )
        found.append(
            shuffled(
                records.days[:, inside],
                records.day_bases[inside],
                np.array([day.year == dates[-1].year for day in dates]),
                np.array([day.toordinal() // 7 for day in dates]),
                past,
                times // 12,
                month,
            )
        )
    rows = {
        alpha: Rate(sum(one.rows[alpha].hits for one in found), sum(one.rows[alpha].of for one in found))
        for alpha in ALPHAS
    }
    return Flat(rows, Rate(sum(one.tables.hits for one in found), sum(one.tables.of for one in found)))


def kept(found: Flat) -> list[str]:
    """What a run with nothing to find has to keep, and does not."""
    broken = [
        f"p ≤ {alpha} in {rate.value:.4f} of the rows" for alpha, rate in found.rows.items() if rate.least > alpha
    ]
    if found.tables.least > change.FDR:
        broken.append(f"a verdict in {found.tables.value:.3f} of the tables")
    return broken


def main() -> None:
    """Run every proof, write the section, and say what does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--words", default="", help="how it was asked for, as it should read")
    parser.add_argument("file", type=Path, help="a file in the format of the bulk snapshot, or a store")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = asked.file
        if asked.file.is_file():
            store = Path(scratch) / "store"
            words = ["-q", "--store", str(store), "import", str(asked.file), "--complete", "all"]
            subprocess.run([*TREND, *words], check=True)
        records = read(store)
    shape = world(records.months, records.bases, records.places)
    broken: list[str] = []

    def held(name: str, found: Flat) -> str:
        wrong = kept(found)
        broken.extend(f"{name}: {what}" for what in wrong)
        rates = " | ".join(f"{found.rows[alpha].value:.5f}" for alpha in ALPHAS)
        return f"| {name} | {found.tables.of:,} | {found.tables.value:.3f} | {rates} | {'**no**' if wrong else 'yes'} |"

    lines = []
    for name, phis in (("1", 1.0), ("1.5", 1.5), ("2", 2.0), ("as in the records", shape.phis)):
        lines.append(held(f"simulated, φ {name}", flat(shape, phis, TABLES, 1)))
    lines.append(held("records, days of two years permuted", shuffled_years(records, TABLES)))
    lines.append(held("records, weeks of two months permuted", shuffled_months(records, TABLES)))
    without = []
    for name, phi, options in (
        ("simulated, φ 2, **without overdispersion**", 2.0, {"with_dispersion": False}),
        ("simulated, φ 1, **without Benjamini-Hochberg**", 1.0, {"with_correction": False}),
    ):
        found = flat(shape, phi, TABLES, 1, **options)
        if not kept(found):
            broken.append(f"{name}: would go unnoticed")
        rates = " | ".join(f"{found.rows[alpha].value:.5f}" for alpha in ALPHAS)
        without.append(f"| {name} | {TABLES:,} | {found.tables.value:.3f} | {rates} | {'no, as expected' if kept(found) else '**yes**'} |")  # fmt: skip
    changed = []
    for phi in (1.0, 1.5, 2.0):
        proportion, power = false_discoveries(shape, phi, TABLES // 2, 3)
        broken += [f"false discoveries at φ {phi}: {proportion:.3f}"] if proportion > change.FDR else []
        changed.append(f"| {phi:g} | {TABLES // 2:,} | {proportion:.4f} | {power:.2f} |")
    cells = coverage(RUNS, 4)
    broken += [f"coverage {cell}" for cell in cells if cell.rate.value < 0.94]
    least = {phi: min((cell for cell in cells if cell.phi == phi), key=lambda cell: cell.rate.value) for phi in (1.0, 1.5, 2.0)}  # fmt: skip
    watch = []
    for phi in (1.0, 1.5, 2.0):
        for watched in WATCHED:
            false, seen = alarms(phi, watched, RUNS, 5), doublings(phi, watched, RUNS, 6)
            broken += (
                [f"alerts at φ {phi}, {watched} topics: {false}"]
                if false.least > alerts.YEARLY_FALSE_ALERT_RATE
                else []
            )
            broken += [f"doublings at φ {phi}: {seen}"] if watched == WATCHED[0] and seen.value < 0.8 else []
            watch.append(f"| {phi:g} | {watched} | {false.value:.3f} | {false.most:.3f} | {seen.value:.2f} |")
    quantiles = np.quantile(shape.phis, [0.1, 0.5, 0.9, 1.0])
    text = f"""
*Written by `make calibrate{" " + asked.words if asked.words else ""}` on {datetime.date.today()}, {TOPICS} topics, {int(records.bases.sum()):,} submissions of 2015 to 2019.*

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
{chr(10).join(f"| {cell.phi:g} | {cell.expected:g} | {cell.ratio:g} | {cell.bases:g} | {100 * cell.rate.value:.1f} % |" for cell in least.values())}

Alerts of the weekly report, in {RUNS:,} simulated years in which nothing changes, for lists of {", ".join(map(str, WATCHED))} topics (0.6 to 10 % of {WEEKLY:,}
submissions a week, which grow by a quarter a year and have a season): a list should show any alert in at most
{100 * alerts.YEARLY_FALSE_ALERT_RATE:.0f} % of them. The last column is the fraction of doublings, of one topic of 50 submissions a month, that are detected within
six complete weeks; the longer the list, the larger a change has to be.

| φ | topics watched | unchanged years with any alert | upper limit (95 %) | doublings detected |
|---:|---:|---:|---:|---:|
{chr(10).join(watch)}

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
