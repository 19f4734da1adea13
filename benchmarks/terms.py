"""Measure how fast terms are counted and whether their verdicts keep their error rates; write docs/explanation/terms.md.

    python benchmarks/terms.py file.jsonl     a file in the format of arXiv's bulk snapshot

scikit-learn is compared with where it is installed (pip install scikit-learn), and left out where it is not. Each way of
counting has a process of its own; time is that of counting alone, and memory excludes the texts.
Exits with code 1 if an error rate or a target is not kept.
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
MEASURED_MARK = "<!-- measured: written by `python benchmarks/terms.py` -->\n"
# abstracts of each of the two windows
WINDOW_SIZE = 100_000
# submissions that a counted term has at least
MIN_DOCUMENTS = 10
# words of a term at most
MAX_WORDS = 3
# runs with planted changes
RUNS = 100
# permutations of days, of weeks and of months
PERMUTATIONS = 300
WORD = re.compile(r"[a-z0-9_]+")
CLAUSE = re.compile(r"[a-z0-9_]+(?:[ -][a-z0-9_]+)*")


def count_as_program(table: pa.Table) -> dict[str, tuple[int, ...]]:
    """Return the counts of each term in the two windows, as the program counts them."""
    tokens = tokenize_batches([(batch["text"],) for batch in table.to_batches(16384)])
    ngrams = count_ngrams(tokens, table["window"].to_numpy().astype(np.int64), MIN_DOCUMENTS, max_words=MAX_WORDS)
    return dict(zip(ngrams.terms, map(tuple, ngrams.counts.tolist()), strict=True))


def count_naively(texts: list[str], windows: list[int]) -> dict[str, tuple[int, ...]]:
    """Return the same counts by the same rule with a Counter."""
    lower_texts = [re.sub(r"[^\x00-\x7f]", ".", text).lower() for text in texts]
    frequency = Counter(word for text in lower_texts for word in WORD.findall(text))
    singular_of = {}
    for word in frequency:
        is_plural = (
            len(word) > 3 and word[-1] == "s" and word[-2] != "s" and not {word, word[:-1]} & (STOPWORDS | NON_PLURALS)
        )
        singular_of[word] = word[:-1] if is_plural and frequency[word[:-1]] >= max(1, 0.01 * frequency[word]) else word
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for text, window in zip(lower_texts, windows, strict=True):
        terms = set()
        for clause in CLAUSE.findall(text):
            words = re.split("[ -]", clause)
            for start, first in enumerate(words):
                if first in STOPWORDS or first.isdigit():
                    continue
                for end in range(start, min(start + MAX_WORDS, len(words))):
                    last = words[end]
                    if last not in STOPWORDS and (end > start or sum(map(str.isalpha, first)) > 1):
                        terms.add(" ".join([*words[start:end], singular_of[last]]))
        counts[window].update(terms)
    totals = counts[0] + counts[1]
    return {term: (counts[0][term], counts[1][term]) for term, count in totals.items() if count >= MIN_DOCUMENTS}


def count_with_scikit_learn(texts: list[str], windows: list[int]) -> dict[str, tuple[int, ...]]:
    """Return the counts of scikit-learn's CountVectorizer, whose terms cross clauses and keep plurals apart."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(ngram_range=(1, MAX_WORDS), min_df=MIN_DOCUMENTS, binary=True, token_pattern=r"[a-z0-9_]+", stop_words=list(STOPWORDS))  # fmt: skip
    matrix = vectorizer.fit_transform(texts)
    window_of = np.array(windows)
    counts = [np.asarray(matrix[window_of == window].sum(axis=0)).ravel().tolist() for window in (0, 1)]
    return dict(zip(vectorizer.get_feature_names_out().tolist(), zip(*counts, strict=True), strict=True))


METHODS = {"ours": count_as_program, "naive": count_naively, "vectorizer": count_with_scikit_learn}


def read_memory(key: str) -> float:
    """Return the MB that this process uses (VmRSS), or its peak (VmHWM)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def measure_method(method: str, path: Path) -> None:
    """Count by one method; print seconds, MB above the texts, terms, and a hash of terms and counts."""
    table = pq.read_table(path)
    arguments = (table,) if method == "ours" else (table["text"].to_pylist(), table["window"].to_pylist())
    if method != "ours":
        del table
    Path("/proc/self/clear_refs").write_text("5")  # from here on the most is counted anew
    before, start = read_memory("VmRSS"), time.perf_counter()
    counts = METHODS[method](*arguments)  # type: ignore[operator]
    seconds, peak = time.perf_counter() - start, read_memory("VmHWM") - before
    print(json.dumps([seconds, peak, len(counts), hash(frozenset(counts.items()))]))


def run_measurement(method: str, path: Path) -> tuple[float, float, int, int]:
    """Run `measure_method` in a process of its own, and return what it prints."""
    command = [sys.executable, __file__, "--measure", method, str(path)]
    completed = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
    figures: tuple[float, float, int, int] = tuple(json.loads(completed.stdout))
    return figures


def write_texts(store: Store, path: Path, filter_sql: str, as_two_windows: bool) -> None:
    """Write the abstracts of a store by date, as two windows of the oldest and the newest or as one."""
    with store.connect() as db:
        rows = db.sql(f"SELECT abstract AS text FROM ({file_rows_sql(store, store.list_files(), 'abstract, v1_at, categories')}) WHERE {filter_sql} ORDER BY v1_at, abstract").to_arrow_table()  # fmt: skip
    if as_two_windows:
        size = min(WINDOW_SIZE, len(rows))
        slices = [(rows[:size], 0), (rows[len(rows) - size :], 1)]
    else:
        slices = [(rows, 0)]
    tables = [
        rows_of_window.append_column("window", pa.array([number] * len(rows_of_window), pa.int64()))
        for rows_of_window, number in slices
    ]
    pq.write_table(pa.concat_tables(tables), path)


class UnchangedRecords:
    """Terms of 2017 and 2018 by day, whose days can be permuted, and of the months around them as background."""

    def __init__(self, root: Path) -> None:
        scope = Scope("all", ("cs.LG", "stat.ML", "cs.AI", "cs.CL", "cs.CV", "cs.NE", "cs.RO", "cs.IR"))
        query, library = parse_query(Library({}, {}), period="2018", vs="2017", scope=scope)
        bound = bind(Store.open(root), library, query, scope)
        pair = parse_period("2017"), parse_period("2018")
        self.history = find_history(bound, pair)
        background = [
            period for period, segment in zip(self.history.periods, self.history.segment_of, strict=True) if segment < 0
        ]
        days = list_periods(pair[0].start, pair[1].end, "day")
        period_texts = read_texts(bound, [*pair, *background, *days])
        ngrams = count_ngrams(period_texts.tokens, period_texts.group_of, 20, period_texts.group_mask([0, 1]))
        counts, totals = period_texts.sum_by_period(ngrams.counts), period_texts.period_totals
        is_kept = np.array([not is_stopword_phrase(name) for name in ngrams.terms])
        names = [name for name, keep_name in zip(ngrams.terms, is_kept, strict=True) if keep_name]
        counts = counts[is_kept]
        counts = counts[drop_subsumed(names, counts[:, :2].sum(axis=1))]
        first_day = 2 + len(background)
        self.background_counts, self.background_totals = counts[:, 2:first_day], totals[2:first_day]
        self.daily_counts, self.daily_totals = counts[:, first_day:].astype(np.float32), totals[first_day:]
        self.month_of = np.array([day.start.year * 12 + day.start.month - 1 for day in days])
        self.month_of -= self.month_of[0]
        self.week_of = np.array([day.start.toordinal() // 7 for day in days])
        self.week_of -= self.week_of[0]
        self.time_index = [calendar_index(period) for period in self.history.periods]

    def screen_permuted(
        self, month_of: IntArray, planted: np.ndarray | None = None, rng: np.random.Generator | None = None
    ) -> ScreeningResult:
        """Return the verdicts where each day lies in the given month of 24.

        `planted` shares (terms × months), if given, are drawn with `rng` and added as further terms.
        """
        is_in_month = np.zeros((len(month_of), 24), np.float32)
        is_in_month[np.arange(len(month_of)), month_of] = 1
        counts = np.rint(self.daily_counts @ is_in_month).astype(np.int64)
        totals = (self.daily_totals @ is_in_month).astype(np.int64)
        background = self.background_counts
        if planted is not None and rng is not None:
            counts = np.vstack([counts, rng.binomial(totals, planted)])
            background = np.vstack([background, rng.binomial(self.background_totals, planted[:, :1])])
        all_counts, all_totals = np.hstack([background, counts]), np.concatenate([self.background_totals, totals])
        overdispersion = estimate_term_overdispersion(
            all_counts, all_totals, self.time_index, "month", self.history.segment_of, np.ones(len(all_counts), bool)
        )
        counts_1, counts_2 = counts[:, :12].sum(axis=1), counts[:, 12:].sum(axis=1)
        return screen_terms(counts_1, int(totals[:12].sum()), counts_2, int(totals[12:].sum()), overdispersion)


def permute_records(records: UnchangedRecords, broken: list[str]) -> list[str]:
    """Return the rows of the page on permuted days, weeks and months; add to `broken` what is not kept."""
    rng, lines = np.random.default_rng(20), []
    weeks = int(records.week_of.max()) + 1
    permutations = {
        "days": lambda: records.month_of[rng.permutation(len(records.month_of))],
        "weeks": lambda: np.minimum(rng.permutation(weeks)[records.week_of] * 24 // weeks, 23),
        "months": lambda: rng.permutation(24)[records.month_of],
    }
    for name, draw_permutation in permutations.items():
        table_count, low_p_rates, verdict_count = 0, [], 0
        for _ in range(PERMUTATIONS):
            screening = records.screen_permuted(draw_permutation())
            number = int((screening.direction != 0).sum())
            table_count, verdict_count = table_count + (number > 0), verdict_count + number
            low_p_rates.append(np.mean(screening.p[~np.isnan(screening.p)] <= 0.001))
        if (wilson_interval(table_count, PERMUTATIONS)[0] or 0) > FDR:
            broken.append(f"{name} permuted: {table_count} of {PERMUTATIONS} tables with a verdict")
        lines.append(
            f"| {name} of two years | {PERMUTATIONS} | {len(records.daily_counts):,} | {table_count} | {verdict_count} | {np.mean(low_p_rates):.5f} |"
        )
    return lines


def simulate_planted_changes(records: UnchangedRecords, broken: list[str]) -> str:
    """Return a sentence on 200 planted terms, whose share triples or falls to a third, among terms that did not change."""
    rng, false_rates, detected_rates = np.random.default_rng(21), [], []
    for _ in range(RUNS):
        share = np.exp(rng.uniform(np.log(0.002), np.log(0.03), 200))
        shares = np.repeat(share[:, None], 24, axis=1)
        shares[:, 12:] *= np.where(rng.random(200) < 0.5, 3.0, 1 / 3)[:, None]
        permuted_months = records.month_of[rng.permutation(len(records.month_of))]
        has_verdict = records.screen_permuted(permuted_months, shares, rng).direction != 0
        has_planted_verdict = has_verdict[len(records.daily_counts) :]
        false_rates.append((has_verdict.sum() - has_planted_verdict.sum()) / max(has_verdict.sum(), 1))
        detected_rates.append(has_planted_verdict.mean())
    if np.mean(false_rates) > FDR:
        broken.append(f"false discoveries {np.mean(false_rates):.3f}")
    return (
        f"With 200 planted terms among these {len(records.daily_counts):,} (shares of 0.2 to 3 %, tripled or reduced to a third in the later\n"
        f"year, days permuted; {RUNS} runs) {100 * np.mean(detected_rates):.0f} % of the planted ones are flagged, and "
        f"{100 * np.mean(false_rates):.1f} % of the flagged terms were not planted."
    )


def main() -> None:
    """Measure, calibrate, and write the section."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--measure", choices=METHODS)
    parser.add_argument("file", type=Path, help="a file in the format of the bulk snapshot")
    arguments = parser.parse_args()
    if arguments.measure:
        measure_method(arguments.measure, arguments.file)
        return
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "store"
        subprocess.run(
            [*scale.TREND, "-q", "--store", str(root), "import", str(arguments.file), "--complete", "all"], check=True
        )
        store = Store.open(root)
        two, year = Path(scratch) / "two.parquet", Path(scratch) / "year.parquet"
        write_texts(store, two, "true", as_two_windows=True)
        write_texts(store, year, "contains(categories, 'cs.CL') AND year(v1_at) = 2018", as_two_windows=False)
        size, megabytes = pq.read_metadata(two).num_rows, pq.read_table(two)["text"].nbytes / 1e6
        runs = [run_measurement("ours", two) for _ in range(3)]
        best = min(runs)
        others = {"naive": "a Counter with the same rule"}
        if importlib.util.find_spec("sklearn"):
            others["vectorizer"] = "scikit-learn's CountVectorizer, the same stopwords"
        rows = [f"| this | {best[0]:.1f} | {best[1]:,.0f} | {best[2]:,} | 1 |"]
        for method, description in others.items():
            figures = run_measurement(method, two)
            rows.append(
                f"| {description} | {figures[0]:.1f} | {figures[1]:,.0f} | {figures[2]:,} | {figures[0] / best[0]:.1f} |"
            )
            if method == "naive" and figures[2:] != best[2:]:
                broken.append("the counts differ from those of a Counter")
            if method == "vectorizer" and figures[0] < 8 * best[0]:
                broken.append(f"only {figures[0] / best[0]:.1f} times as fast as CountVectorizer")
        broken += [f"{best[0]:.1f} s"] if best[0] > 12 else []
        broken += [f"{best[1]:.0f} MB"] if best[1] > 1000 else []
        year_figures = min(run_measurement("ours", year) for _ in range(3))
        papers = pq.read_metadata(year).num_rows
        commands = []
        for options in (
            "--period 2018 --vs 2017",
            "--period 2018 --vs 2017 -c cs.CL",
            "--backtest 2015:2018",
            "--name-like *GAN",
        ):
            command_run = scale.run_command(
                [*scale.TREND, "-q", "--store", str(root), "terms", *options.split()], watch=True
            )
            commands.append(
                f"| `trend terms {options}` | {command_run.seconds:.1f} | {command_run.total_megabytes:,.0f} |"
            )
        records = UnchangedRecords(root)
        permuted_rows = permute_records(records, broken)
        planted_sentence = simulate_planted_changes(records, broken)
    text = f"""*Written by `python benchmarks/terms.py` on {datetime.date.today()}: one process and core, on a shared machine.*

Terms of 1 to {MAX_WORDS} words in {MIN_DOCUMENTS} or more of {size:,} abstracts ({megabytes:,.0f} MB: the oldest and the newest {WINDOW_SIZE:,} of the file, as two
windows); memory excludes the texts. All terms and counts equal those of the Counter.

| method | seconds | MB | terms | relative time |
|---|---:|---:|---:|---:|
{chr(10).join(rows)}

The {papers:,} abstracts of cs.CL of 2018 take {year_figures[0]:.2f} s.

| command, whole process, first run | seconds | MB |
|---|---:|---:|
{chr(10).join(commands)}

By construction nothing changes when the days, weeks or months of real records of 2017 and 2018 are permuted between the two years:

| permuted | tables | terms per table | tables with any verdict | verdicts in total | p ≤ 0.001 |
|---|---:|---:|---:|---:|---:|
{chr(10).join(permuted_rows)}

{planted_sentence}
"""
    before = PAGE.read_text(encoding="utf-8").split(MEASURED_MARK)[0]
    PAGE.write_text(before + MEASURED_MARK + text, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(scale.ROOT)}")
    if broken:
        sys.exit("Not kept:\n" + "\n".join(broken))


if __name__ == "__main__":
    main()
