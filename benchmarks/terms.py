"""How fast terms are counted, and whether their verdicts keep their promise; writes the end of docs/explanation/terms.md.

    python benchmarks/terms.py file.jsonl     a file in the format of arXiv's bulk snapshot

scikit-learn is compared with where it is installed (pip install scikit-learn), and left out where it is not. Each way of
counting has a process of its own; time is that of counting alone, and memory what comes on top of the texts.
Ends with exit code 1 where a promise is not kept.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scale

from trendcli.core.periods import list_periods, parse_period
from trendcli.core.types import Scope
from trendcli.reports.significance import calendar_index, find_history
from trendcli.reports.terms.near_duplicates import drop_subsumed
from trendcli.reports.terms.ngrams import count_ngrams
from trendcli.reports.terms.stopwords import NON_PLURALS, STOPWORDS, is_stopword_phrase
from trendcli.reports.terms.texts import read_texts
from trendcli.reports.terms.tokens import tokenize_batches
from trendcli.stats.distributions import IntArray
from trendcli.stats.proportions import FDR, wilson_interval
from trendcli.stats.screening import ScreeningResult, estimate_term_overdispersion, screen_terms
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import bind, parse_query

PAGE = scale.ROOT / "docs" / "explanation" / "terms.md"
MARK = "<!-- measured: written by `python benchmarks/terms.py` -->\n"
WINDOW, LEAST, LONGEST, RUNS, DEALT = 100_000, 10, 3, 100, 300
WORD = re.compile(r"[a-z0-9_]+")
ROW = re.compile(r"[a-z0-9_]+(?:[ -][a-z0-9_]+)*")


def ours(table: pa.Table) -> dict[str, tuple[int, ...]]:
    """As the program counts."""
    words = tokenize_batches([(batch["text"],) for batch in table.to_batches(16384)])
    found = count_ngrams(words, table["window"].to_numpy().astype(np.int64), LEAST, max_words=LONGEST)
    return dict(zip(found.terms, map(tuple, found.counts.tolist()), strict=True))


def naive(listed: list[str], windows: list[int]) -> dict[str, tuple[int, ...]]:
    """The same rule with a Counter."""
    lower = [re.sub(r"[^\x00-\x7f]", ".", text).lower() for text in listed]
    often = Counter(word for text in lower for word in WORD.findall(text))
    single = {}
    for word in often:
        plural = (
            len(word) > 3 and word[-1] == "s" and word[-2] != "s" and not {word, word[:-1]} & (STOPWORDS | NON_PLURALS)
        )
        single[word] = word[:-1] if plural and often[word[:-1]] >= max(1, 0.01 * often[word]) else word
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for text, window in zip(lower, windows, strict=True):
        held = set()
        for row in ROW.findall(text):
            words = re.split("[ -]", row)
            for start, first in enumerate(words):
                if first in STOPWORDS or first.isdigit():
                    continue
                for end in range(start, min(start + LONGEST, len(words))):
                    last = words[end]
                    if last not in STOPWORDS and (end > start or sum(map(str.isalpha, first)) > 1):
                        held.add(" ".join([*words[start:end], single[last]]))
        counts[window].update(held)
    every = counts[0] + counts[1]
    return {term: (counts[0][term], counts[1][term]) for term, number in every.items() if number >= LEAST}


def vectorizer(listed: list[str], windows: list[int]) -> dict[str, tuple[int, ...]]:
    """scikit-learn's CountVectorizer, whose terms cross clauses and are not folded."""
    from sklearn.feature_extraction.text import CountVectorizer

    made = CountVectorizer(ngram_range=(1, LONGEST), min_df=LEAST, binary=True, token_pattern=r"[a-z0-9_]+", stop_words=list(STOPWORDS))  # fmt: skip
    matrix = made.fit_transform(listed)
    side = np.array(windows)
    amounts = [np.asarray(matrix[side == window].sum(axis=0)).ravel().tolist() for window in (0, 1)]
    return dict(zip(made.get_feature_names_out().tolist(), zip(*amounts, strict=True), strict=True))


WAYS = {"ours": ours, "naive": naive, "vectorizer": vectorizer}


def memory(key: str) -> float:
    """MB that this process holds (VmRSS), or held at most (VmHWM)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def measure(way: str, path: Path) -> None:
    """Count in one way; prints seconds, MB above the texts, terms, and a hash of terms and counts."""
    table = pq.read_table(path)
    given = (table,) if way == "ours" else (table["text"].to_pylist(), table["window"].to_pylist())
    if way != "ours":
        del table
    Path("/proc/self/clear_refs").write_text("5")  # from here on the most is counted anew
    before, start = memory("VmRSS"), time.perf_counter()
    found = WAYS[way](*given)  # type: ignore[operator]
    seconds, most = time.perf_counter() - start, memory("VmHWM") - before
    print(json.dumps([seconds, most, len(found), hash(frozenset(found.items()))]))


def measured(way: str, path: Path) -> tuple[float, float, int, int]:
    words = [sys.executable, __file__, "--measure", way, str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
    found: tuple[float, float, int, int] = tuple(json.loads(done.stdout))
    return found


def written(store: Store, path: Path, where: str, windows: bool) -> None:
    """The abstracts of a store in the order of their days, as two windows of the oldest and the newest, or as one."""
    with store.connect() as db:
        rows = db.sql(f"SELECT abstract AS text FROM ({file_rows_sql(store, store.list_files(), 'abstract, v1_at, categories')}) WHERE {where} ORDER BY v1_at, abstract").to_arrow_table()  # fmt: skip
    if windows:
        size = min(WINDOW, len(rows))
        parts = [(rows[:size], 0), (rows[len(rows) - size :], 1)]
    else:
        parts = [(rows, 0)]
    tables = [part.append_column("window", pa.array([number] * len(part), pa.int64())) for part, number in parts]
    pq.write_table(pa.concat_tables(tables), path)


class Null:
    """Terms of 2017 and 2018 by day, and of the three years before by month, in which days can be dealt out anew."""

    def __init__(self, root: Path) -> None:
        scope = Scope("all", ("cs.LG", "stat.ML", "cs.AI", "cs.CL", "cs.CV", "cs.NE", "cs.RO", "cs.IR"))
        query, library = parse_query(Library({}, {}), period="2018", vs="2017", scope=scope)
        bound = bind(Store.open(root), library, query, scope)
        pair = parse_period("2017"), parse_period("2018")
        self.past = find_history(bound, pair)
        beside = [item for item, block in zip(self.past.periods, self.past.segment_of, strict=True) if block < 0]
        days = list_periods(pair[0].start, pair[1].end, "day")
        read = read_texts(bound, [*pair, *beside, *days])
        every = count_ngrams(read.tokens, read.group_of, 20, read.group_mask([0, 1]))
        counts, bases = read.sum_by_period(every.counts), read.period_totals
        kept = np.array([not is_stopword_phrase(name) for name in every.terms])
        names = [name for name, keep in zip(every.terms, kept, strict=True) if keep]
        counts = counts[kept]
        counts = counts[drop_subsumed(names, counts[:, :2].sum(axis=1))]
        cut = 2 + len(beside)
        self.beside, self.beside_bases = counts[:, 2:cut], bases[2:cut]
        self.days, self.day_bases = counts[:, cut:].astype(np.float32), bases[cut:]
        self.month = np.array([day.start.year * 12 + day.start.month - 1 for day in days])
        self.month -= self.month[0]
        self.week = np.array([day.start.toordinal() // 7 for day in days])
        self.week -= self.week[0]
        self.places = [calendar_index(item) for item in self.past.periods]

    def dealt(
        self, month: IntArray, planted: np.ndarray | None = None, rng: np.random.Generator | None = None
    ) -> ScreeningResult:
        """The verdicts where each day lies in that month of 24; with `planted` shares (terms × months) beside."""
        into = np.zeros((len(month), 24), np.float32)
        into[np.arange(len(month)), month] = 1
        counts, bases = np.rint(self.days @ into).astype(np.int64), (self.day_bases @ into).astype(np.int64)
        beside = self.beside
        if planted is not None and rng is not None:
            counts = np.vstack([counts, rng.binomial(bases, planted)])
            beside = np.vstack([beside, rng.binomial(self.beside_bases, planted[:, :1])])
        every, of = np.hstack([beside, counts]), np.concatenate([self.beside_bases, bases])
        overdispersion = estimate_term_overdispersion(
            every, of, self.places, "month", self.past.segment_of, np.ones(len(every), bool)
        )
        one, two = counts[:, :12].sum(axis=1), counts[:, 12:].sum(axis=1)
        return screen_terms(one, int(bases[:12].sum()), two, int(bases[12:].sum()), overdispersion)


def calibrated(null: Null, broken: list[str]) -> list[str]:
    """Lines of the page: days, weeks and months dealt out anew, and planted changes."""
    rng, lines = np.random.default_rng(20), []
    weeks = int(null.week.max()) + 1
    deals = {
        "days": lambda: null.month[rng.permutation(len(null.month))],
        "weeks": lambda: np.minimum(rng.permutation(weeks)[null.week] * 24 // weeks, 23),
        "months": lambda: rng.permutation(24)[null.month],
    }
    for name, deal in deals.items():
        tables, p_low, flags = 0, [], 0
        for _ in range(DEALT):
            found = null.dealt(deal())
            number = int((found.direction != 0).sum())
            tables, flags = tables + (number > 0), flags + number
            p_low.append(np.mean(found.p[~np.isnan(found.p)] <= 0.001))
        if (wilson_interval(tables, DEALT)[0] or 0) > FDR:
            broken.append(f"{name} dealt out anew: {tables} of {DEALT} tables with a verdict")
        lines.append(
            f"| {name} of two years | {DEALT} | {len(null.days):,} | {tables} | {flags} | {np.mean(p_low):.5f} |"
        )
    return lines


def planted(null: Null, broken: list[str]) -> str:
    """A sentence: 200 terms whose share triples or falls to a third among those in which nothing changed."""
    rng, false, found = np.random.default_rng(21), [], []
    for _ in range(RUNS):
        share = np.exp(rng.uniform(np.log(0.002), np.log(0.03), 200))
        shares = np.repeat(share[:, None], 24, axis=1)
        shares[:, 12:] *= np.where(rng.random(200) < 0.5, 3.0, 1 / 3)[:, None]
        told = null.dealt(null.month[rng.permutation(len(null.month))], shares, rng).direction != 0
        real = told[len(null.days) :]
        false.append((told.sum() - real.sum()) / max(told.sum(), 1))
        found.append(real.mean())
    if np.mean(false) > FDR:
        broken.append(f"false discoveries {np.mean(false):.3f}")
    return (
        f"With 200 planted terms among these {len(null.days):,} (shares of 0.2 to 3 %, tripled or reduced to a third in the later\n"
        f"year, days permuted; {RUNS} runs) {100 * np.mean(found):.0f} % of the planted ones are flagged, and "
        f"{100 * np.mean(false):.1f} % of the flagged terms were not planted."
    )


def main() -> None:
    """Measure, calibrate, and write the section."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--measure", choices=WAYS)
    parser.add_argument("file", type=Path, help="a file in the format of the bulk snapshot")
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure, asked.file)
        return
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "store"
        subprocess.run(
            [*scale.TREND, "-q", "--store", str(root), "import", str(asked.file), "--complete", "all"], check=True
        )
        store = Store.open(root)
        two, year = Path(scratch) / "two.parquet", Path(scratch) / "year.parquet"
        written(store, two, "true", windows=True)
        written(store, year, "contains(categories, 'cs.CL') AND year(v1_at) = 2018", windows=False)
        size, megabytes = pq.read_metadata(two).num_rows, pq.read_table(two)["text"].nbytes / 1e6
        runs = [measured("ours", two) for _ in range(3)]
        best = min(runs)
        others = {"naive": "a Counter with the same rule"}
        if importlib.util.find_spec("sklearn"):
            others["vectorizer"] = "scikit-learn's CountVectorizer, the same stopwords"
        rows = [f"| this | {best[0]:.1f} | {best[1]:,.0f} | {best[2]:,} | 1 |"]
        for way, what in others.items():
            found = measured(way, two)
            rows.append(f"| {what} | {found[0]:.1f} | {found[1]:,.0f} | {found[2]:,} | {found[0] / best[0]:.1f} |")
            if way == "naive" and found[2:] != best[2:]:
                broken.append("the counts differ from those of a Counter")
            if way == "vectorizer" and found[0] < 8 * best[0]:
                broken.append(f"only {found[0] / best[0]:.1f} times as fast as CountVectorizer")
        broken += [f"{best[0]:.1f} s"] if best[0] > 12 else []
        broken += [f"{best[1]:.0f} MB"] if best[1] > 1000 else []
        small = min(measured("ours", year) for _ in range(3))
        papers = pq.read_metadata(year).num_rows
        commands = []
        for words in (
            "--period 2018 --vs 2017",
            "--period 2018 --vs 2017 -c cs.CL",
            "--backtest 2015:2018",
            "--name-like *GAN",
        ):
            ran = scale.run([*scale.TREND, "-q", "--store", str(root), "terms", *words.split()], watch=True)
            commands.append(f"| `trend terms {words}` | {ran.seconds:.1f} | {ran.whole:,.0f} |")
        null = Null(root)
        dealt, said = calibrated(null, broken), planted(null, broken)
    text = f"""*Written by `python benchmarks/terms.py` on {datetime.date.today()}: one process and core, on a shared machine.*

Terms of 1 to {LONGEST} words in {LEAST} or more of {size:,} abstracts ({megabytes:,.0f} MB: the oldest and the newest {WINDOW:,} of the file, as two
windows); memory excludes the texts. All terms and counts equal those of the Counter.

| method | seconds | MB | terms | relative time |
|---|---:|---:|---:|---:|
{chr(10).join(rows)}

The {papers:,} abstracts of cs.CL of 2018 take {small[0]:.2f} s.

| command, whole process, first run | seconds | MB |
|---|---:|---:|
{chr(10).join(commands)}

By construction nothing changes when the days, weeks or months of real records of 2017 and 2018 are permuted between the two years:

| permuted | tables | terms per table | tables with any verdict | verdicts in total | p ≤ 0.001 |
|---|---:|---:|---:|---:|---:|
{chr(10).join(dealt)}

{said}
"""
    before = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    PAGE.write_text(before + MARK + text, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(scale.ROOT)}")
    if broken:
        sys.exit("Not kept:\n" + "\n".join(broken))


if __name__ == "__main__":
    main()
