"""Real records, where they are at hand: the counts against counts by hand, the matcher against plain `re`."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from filelock import FileLock

from tests.commands import run
from tests.conftest import SHARED
from tests.worlds import ML
from trendcli.core import periods
from trendcli.core.normalize import normalize_text
from trendcli.core.settings import Settings, config_folder
from trendcli.core.types import Selection, ignore_progress
from trendcli.reports.papers.listing import list_submissions
from trendcli.reports.trends.comparison import build_comparison, build_decomposition
from trendcli.reports.trends.series import build_series
from trendcli.store.store import Store
from trendcli.topics.counting import count_breakdown, count_submissions
from trendcli.topics.library import Library
from trendcli.topics.loader import load_library
from trendcli.topics.matcher import Matcher
from trendcli.topics.query import bind, parse_query

pytestmark = [
    pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="no real records at hand (../shared/data)"),
    pytest.mark.xdist_group("real"),  # the records are read once
]

RECORDS = SHARED / "data/arxiv/cs-stat-2010-2019.parquet"
YEARS = range(2012, 2020)


@cache
def real_records(category: str) -> list[dict[str, Any]]:
    """The real records that are listed in a category."""
    table = pq.read_table(RECORDS)
    return table.filter(pc.match_substring_regex(table["categories"], rf"(^| ){category}( |$)")).to_pylist()


@pytest.fixture(scope="module")
def neural(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of every cs.NE submission of 2010-2019, imported from lines in the format of the bulk snapshot.

    Test processes share it: whoever comes first fills it and matches all topics.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "neural"
    with FileLock(f"{folder}.lock"):
        if not (folder / "store").exists():
            folder.mkdir(exist_ok=True)
            _fill(folder)
    return folder / "store"


def _fill(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_snapshot", SHARED / "tools/make_snapshot.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    rng = random.Random(1)
    with (folder / "ne.jsonl").open("w", encoding="utf-8") as out:
        for row in real_records("cs.NE"):
            out.write(json.dumps(tool.record(row, row["id"], tool.SHIFTS[0], rng)) + "\n")
    done = run("import", folder / "ne.jsonl", "--store", folder / "draft", "--complete", "cs.NE")
    assert done.exit_code == 0, done.output
    known, filled = load_library(config_folder() / "topics"), Store.open(folder / "draft")
    count_submissions(
        filled, known, Selection(ML, tuple(known.topics)), [periods.parse_period("2018")], ignore_progress
    )
    (folder / "draft").rename(folder / "store")


def regex_of(phrase: str, flags: int = 0) -> re.Pattern[str]:
    """The grammar of docs/how-to/topics.md once more, written apart from the program's."""
    words = phrase.removesuffix("*").split(" ")
    body = "[ -]".join("[ -]?".join(map(re.escape, word.split("-"))) for word in words)
    ending = r"\w*" if phrase.endswith("*") else "s?"
    edge = r"\b" if phrase[-1].isalnum() or phrase.endswith("*") else ""
    return re.compile(rf"\b{body}{ending if edge else ''}{edge}", flags | re.ASCII)


@cache
def definitions() -> Mapping[str, Mapping[str, Any]]:
    return {
        name: body
        for path in (config_folder() / "topics").glob("*.yaml")
        for name, body in (yaml.safe_load(path.read_text(encoding="utf-8")).get("topics") or {}).items()
    }


@cache
def rules_of(name: str) -> tuple[list[re.Pattern[str]], list[re.Pattern[str]], list[str]]:
    """(rules, exclusions, guard) of one topic, from its YAML."""
    body = definitions()[name]
    rules = [regex_of(normalize_text(phrase), re.IGNORECASE) for phrase in body.get("phrases", [])]
    rules += [regex_of(normalize_text(acronym)) for acronym in body.get("acronyms", [])]
    rules += [re.compile(pattern, re.ASCII) for pattern in body.get("patterns", [])]
    excluded = [regex_of(normalize_text(phrase), re.IGNORECASE) for phrase in body.get("exclude", [])]
    return rules, excluded, list(body.get("categories", []))


def family(name: str) -> list[str]:
    """A topic and all below it."""
    below = [child for child, body in definitions().items() if name in body.get("parents", [])]
    return sorted({name, *(deeper for child in below for deeper in family(child))})


def count_matches(regex: re.Pattern[str], excluded: list[re.Pattern[str]], text: str) -> int:
    matches = [match.span() for match in regex.finditer(text)]
    spans = [match.span() for other in excluded for match in other.finditer(text)] if matches else []
    return sum(not any(a <= start and end <= b for a, b in spans) for start, end in matches)


def is_match(name: str, title: str, abstract: str, categories: list[str], mode: str = "any") -> bool:
    """Whether a submission matches a topic, by plain `re`."""
    for topic in family(name):
        rules, excluded, guard = rules_of(topic)
        globs = [re.escape(glob).replace(r"\*", ".*") for glob in guard]
        if guard and not any(re.fullmatch(glob, category) for glob in globs for category in categories):
            continue
        for rule in rules:
            if count_matches(rule, excluded, title):
                return True
            if mode != "title" and count_matches(rule, excluded, abstract) >= (2 if mode == "strict" else 1):
                return True
    return False


def test_the_yearly_share_of_rnn_equals_a_count_by_hand(neural: Path) -> None:
    result = run("report", "--store", neural, "-t", "rnn", "-c", "cs.NE", "--since", 2012, "--until", 2020, "--format", "json")  # fmt: skip
    totals: Counter[int] = Counter()
    counts: Counter[int] = Counter()
    for row in real_records("cs.NE"):
        year = row["created"].year
        totals[year] += 1
        counts[year] += is_match(
            "rnn", normalize_text(row["title"]), normalize_text(row["abstract"]), row["categories"].split()
        )
    reported = {
        int(row["period"]): (row["count"], row["base"], row["status"]) for row in json.loads(result.stdout)["rows"]
    }
    # the records end in 2019, so the last weeks of it were seen too soon to be sure
    status = {year: "complete" if year < 2019 else "provisional" for year in YEARS}
    assert reported == {year: (counts[year], totals[year], status[year]) for year in YEARS}
    assert counts[2016] / totals[2016] > 2 * counts[2012] / totals[2012] > 0  # what everybody saw then


LARGE = [
    "rnn",
    "cnn",
    "gan",
    "rl",
    "optimization",
    "architectures",
    "attention",
    "bio-inspired",
    "dl-theory",
    "transfer-learning",
]


# `TREND_SOAK=1 pytest` asks for more
SELECTIONS = 200 if os.environ.get("TREND_SOAK") else 30


def draw_selections(number: int) -> list[dict[str, Any]]:
    """Random selections: topics, windows, scopes and modes of every kind."""
    rng = random.Random(20)
    drawn = []
    for _ in range(number):
        year, month = rng.randint(2012, 2019), rng.randint(1, 12)
        window = rng.choice([
            {"period": f"{year}"}, {"period": f"{year}-Q{rng.randint(1, 4)}"}, {"period": f"{year}-{month:02d}"},
            {"period": f"{year}-W{rng.randint(1, 50):02d}"}, {"since": f"{year}-{month:02d}-09", "until": f"{year + 1}-05-03"},
        ])  # fmt: skip
        drawn.append(
            {
                **window,
                "topics": [rng.choice(LARGE if rng.random() < 0.6 else sorted(definitions()))],
                "scope": Settings().resolve_scope(
                    rng.choice([["cs.NE"], ["cs.*"], ["stat.*", "q-bio.NC"], ["cs.LG", "cs.CV"]])
                ),
                "match": rng.choice(["any", "any", "title", "strict"]),
                "primary_only": rng.random() < 0.2,
                "both": [rng.choice(["optimization", "architectures"])] if rng.random() < 0.2 else [],
                "author": "wang" if rng.random() < 0.1 else None,
            }
        )
    return drawn


def test_a_list_is_what_was_counted_and_a_plain_count_of_it_agrees(
    neural: Path, library: Library, tmp_path: Path
) -> None:
    """Random selections; of every twentieth all stored records are counted by plain `re` as well."""
    result = run("export", "--store", neural, "-c", "cs.*", "-o", tmp_path / "all.parquet")
    assert result.exit_code == 0, result.output
    exported = pq.read_table(tmp_path / "all.parquet").to_pylist()
    store, listed_count = Store.open(neural), 0
    for number, words in enumerate(draw_selections(SELECTIONS)):
        query, _ = parse_query(library, include_partial=True, **words)
        span = query.period or periods.period_from_dates(*query.window)  # type: ignore[arg-type]
        counted = bind(store, library, query, ML).count_submissions([span])
        papers = list_submissions(store, library, query, ML)
        ids = [row["id"] for row in papers.rows]
        assert len(set(ids)) == len(ids) == counted.counts[words["topics"][0], span], words
        assert all(row["matches"] for row in papers.rows) or words["match"] != "any"
        listed_count += len(ids)
        if number % 20 == 0:
            series = build_series(store, library, query, ML)
            assert sum(row["count"] for row in series.rows) == len(ids)
            inside = [row for row in exported if span.start <= row["v1"].date() < span.end]
            assert {row["id"] for row in inside if is_selected(row, words)} == set(ids), words
    assert listed_count > 7 * SELECTIONS


def is_selected(row: Mapping[str, Any], words: Mapping[str, Any]) -> bool:
    """Whether a record belongs to a selection, by plain means."""
    categories = row["categories"].split()
    globs = [re.escape(glob).replace(r"\*", ".*") for glob in words["scope"].categories]
    inside = categories[:1] if words["primary_only"] else categories
    return (
        any(re.fullmatch(glob, category) for glob in globs for category in inside)
        and (words["author"] is None or words["author"] in strip_accents(row["authors"]))
        and all(
            is_match(topic, row["title"], row["abstract"].strip("\n"), categories, words["match"])
            for topic in [*words["topics"], *words["both"]]
        )
    )


def strip_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)).lower()


CONSERVED = [["cs.NE"], ["cs.NE", "cs.LG", "cs.CV"], ["cs.*"]]


@pytest.mark.parametrize("categories", CONSERVED, ids=" ".join)
def test_categories_and_months_add_up_to_their_totals(neural: Path, library: Library, categories: list[str]) -> None:
    store, pack = Store.open(neural), library.get_pack("ml")
    selection = Selection(Settings().resolve_scope(categories) or ML, pack)
    years = [periods.parse_period(str(year)) for year in YEARS]
    months = periods.list_periods(years[0].start, years[-1].end, "month")
    days = periods.list_periods(date(2018, 12, 17), date(2019, 2, 4), "day")
    weeks = periods.list_periods(days[0].start, date(2019, 2, 4), "week")
    by_year, by_month = (
        count_submissions(store, library, selection, spans, ignore_progress) for spans in (years, months)
    )
    by_week, by_day = (count_submissions(store, library, selection, spans, ignore_progress) for spans in (weeks, days))
    by_primary = count_breakdown(store, library, selection, years, ignore_progress, "primary")
    by_category = count_breakdown(store, library, selection, years, ignore_progress, "category")
    for long_counts, short_counts, long_periods, short_periods in (
        (by_year, by_month, years, months),
        (by_week, by_day, weeks, days),
    ):
        for long_period in long_periods:
            inside = [period for period in short_periods if long_period.start <= period.start < long_period.end]
            assert long_counts.totals[long_period] == sum(short_counts.totals[period] for period in inside)
            for topic in pack:
                assert long_counts.counts[topic, long_period] == sum(
                    short_counts.counts[topic, period] for period in inside
                )
    for year in years:
        assert by_year.totals[year] == sum(counts.totals[year] for counts in by_primary.values())
        assert max(counts.totals[year] for counts in by_category.values()) <= by_year.totals[year]
        for topic in pack:
            number = by_year.counts[topic, year]
            assert number == sum(counts.counts[topic, year] for counts in by_primary.values())
            # a cross-listed submission is in several categories, and once in their union
            assert max(counts.counts[topic, year] for counts in by_category.values()) <= number
            assert number <= sum(counts.counts[topic, year] for counts in by_category.values())
            for parent in library.get_topic(topic).parents:
                assert number <= by_year.counts.get((parent, year), number)
    decomposition = build_decomposition(
        store, library, parse_query(library, pack="ml", period="2018", scope=selection.scope)[0], ML
    )
    for row in decomposition.rows:
        assert row["within"] + row["mix"] == pytest.approx(row["points"], abs=1e-12)
        assert row["points"] == pytest.approx(row["share_2"] - row["share_1"], abs=1e-12)


def find_differences(library: Library, records: list[tuple[str, str]], step: int) -> list[tuple[str, int]]:
    """Where the matcher and `re` disagree: of every rule it named, and of each `step`-th (rule, record) it did not."""
    rules = list({rule.key: rule for topic in library.topics.values() for rule in topic.rules}.values())
    compiled = {r.key: (re.compile(r.regex, re.ASCII), [regex_of(o, re.IGNORECASE) for o in r.exclude]) for r in rules}
    matcher, wrong = Matcher(rules), []
    for start in range(0, len(records), 2000):
        chunk = records[start : start + 2000]
        batch = pa.record_batch({"title": [title for title, _ in chunk], "abstract": [text for _, text in chunk]})
        named = {
            (row, key): (title, strict)
            for row, key, title, strict in zip(
                *(matcher.match_batch(batch)[i].to_pylist() for i in range(4)), strict=True
            )
        }
        for number, rule in enumerate(rules):
            regex, excluded = compiled[rule.key]
            for row, (title, abstract) in enumerate(chunk):
                reported = named.get((row, rule.key))
                if reported is None and (row + number) % step:
                    continue
                in_title, in_abstract = count_matches(regex, excluded, title), count_matches(regex, excluded, abstract)
                expected = (in_title > 0, in_title > 0 or in_abstract > 1) if in_title or in_abstract else None
                if reported != expected:
                    wrong.append((rule.text, start + row))
    return wrong


def records(number: int) -> list[tuple[str, str]]:
    """The canonical text of so many real records, spread over all of them."""
    table = pq.read_table(RECORDS, columns=["title", "abstract"])
    rows = table.take(list(range(0, len(table), len(table) // number))).to_pylist()[:number]
    return [(normalize_text(row["title"]), normalize_text(row["abstract"])) for row in rows]


def test_the_matcher_and_re_agree(library: Library) -> None:
    assert find_differences(library, records(1500), step=197) == []


@pytest.mark.slow
def test_the_matcher_and_re_agree_on_20_000_records_and_every_rule(library: Library) -> None:
    assert find_differences(library, records(20_000), step=1) == []


def test_verdict_interval_and_p_agree_in_every_row(neural: Path, library: Library) -> None:
    store, judged = Store.open(neural), 0
    for year in range(2012, 2019):
        words = {"pack": "ml", "period": str(year), "scope": Settings().resolve_scope(["cs.NE"])}
        rows = build_comparison(store, library, parse_query(library, **words)[0], ML).rows  # type: ignore[arg-type]
        again = build_comparison(store, library, parse_query(library, sort="count_2", reverse=True, limit=9, min_count=20, **words)[0], ML).rows  # type: ignore[arg-type]  # fmt: skip
        qs = {row["topic"]: (row["q"], row["verdict"]) for row in rows}
        assert all(qs[row["topic"]] == (row["q"], row["verdict"]) for row in again) and again
        for row in rows:
            assert (row["p"] is None) == (row["verdict"] in ("too few", "n/a"))
            if row["p"] is None:
                continue
            above, below = row["ci_low"] > 0, row["ci_high"] is not None and row["ci_high"] < 0
            assert (row["p"] < 0.05) == (above or below), row
            assert row["p"] <= row["q"] * (1 + 1e-12) and row["q"] <= 1
            assert row["verdict"] == ("no clear change" if row["q"] > 0.05 else "rising" if above else "falling"), row
            judged += row["verdict"] != "no clear change"
    assert judged > 1


@pytest.fixture(scope="module")
def iclr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of every submission to ICLR of 2020 to 2022, imported from the lists of papercopilot/paperlists."""
    root = tmp_path_factory.mktemp("iclr")
    for year in ICLR:
        words = ("import", str(SHARED / f"data/openreview/iclr{year}.json"), "--venue", "iclr", "--year", str(year))
        assert run(*words, "--store", str(root)).exit_code == 0
    return root


ICLR = {2020: 2594, 2021: 3014, 2022: 3422}
LEFT, TAKEN = {"Withdraw", "Desk Reject"}, {"Poster", "Spotlight", "Oral", "Talk"}


@cache
def read_list(year: int) -> list[dict[str, Any]]:
    """The list of a year as it lies there."""
    found: list[dict[str, Any]] = json.loads((SHARED / f"data/openreview/iclr{year}.json").read_text(encoding="utf-8"))
    return found


def report_rows(root: Path, *words: str) -> list[dict[str, Any]]:
    """The rows of a report on ICLR."""
    rows: list[dict[str, Any]] = json.loads(
        run("report", "--corpus", "iclr", *words, "--format", "json", "--store", str(root)).stdout
    )["rows"]
    return rows


def test_submissions_to_iclr_are_counted_by_status(iclr: Path) -> None:
    expected = {
        "submitted": list(ICLR.values()),
        "active": [sum(paper["status"] not in LEFT for paper in read_list(year)) for year in ICLR],
        "accepted": [sum(paper["status"] in TAKEN for paper in read_list(year)) for year in ICLR],
    }
    for status, totals in expected.items():
        assert [row["count"] for row in report_rows(iclr, "--by", "year", "--submission-status", status)] == totals


@pytest.mark.parametrize("word", ["deep learning", "graph neural networks", "reinforcement learning"])
def test_keywords_of_iclr_match_as_a_whole(iclr: Path, word: str) -> None:
    def has(paper: Mapping[str, Any]) -> bool:
        return word in [item.strip().lower().replace("-", " ") for item in (paper["keywords"] or "").split(";")]

    expected = [sum(map(has, read_list(year))) for year in ICLR]
    assert [row["count"] for row in report_rows(iclr, "--keyword", word)] == expected


def test_a_phrase_matches_titles_and_keywords_of_iclr(iclr: Path) -> None:
    """A phrase over titles and keywords, each for itself, as plain `re` finds it."""

    def has(paper: Mapping[str, Any]) -> bool:
        texts = (paper["title"], *(paper["keywords"] or "").split(";"))
        return any(re.search(r"\bgraph[ -]neural[ -]networks?\b", normalize_text(text), re.I | re.A) for text in texts)

    expected = [sum(map(has, read_list(year))) for year in ICLR]
    assert [row["count"] for row in report_rows(iclr, "--query", "graph neural network")] == expected


def test_the_acceptance_rates_of_iclr_are_those_of_the_lists(iclr: Path) -> None:
    for year in ICLR:
        active = [paper for paper in read_list(year) if paper["status"] not in LEFT]
        words = ("--outcome", "accepted", "--keyword", "deep learning", "--period", str(year))
        (row,) = report_rows(iclr, *words)
        holds = [
            "deep learning" in re.split(r"\s*;\s*", (paper["keywords"] or "").lower().replace("-", " ").strip())
            for paper in active
        ]
        taken = [paper["status"] in TAKEN for paper in active]
        assert row["count"] == sum(holds)
        assert row["accepted"] == sum(held and won for held, won in zip(holds, taken, strict=True))
        assert row["others"] == pytest.approx((sum(taken) - row["accepted"]) / (len(active) - row["count"]))
