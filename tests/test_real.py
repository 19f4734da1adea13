"""Real records, where they are at hand: the counts against counts by hand, the matcher against plain `re`."""

from __future__ import annotations

import importlib.util
import json
import random
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from tests.conftest import SHARED
from tests.test_cli import run
from trendcli.matching import Matcher
from trendcli.settings import configs
from trendcli.text import canonical
from trendcli.topics import Library

pytestmark = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="no real records at hand (../shared/data)")

RECORDS = SHARED / "data/arxiv/cs-stat-2010-2019.parquet"
YEARS = range(2012, 2020)


@cache
def real(category: str) -> list[dict[str, Any]]:
    """The real records that are listed in a category."""
    table = pq.read_table(RECORDS)
    return table.filter(pc.match_substring_regex(table["categories"], rf"(^| ){category}( |$)")).to_pylist()


@pytest.fixture(scope="module")
def neural(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of every cs.NE submission of 2010-2019, imported from lines in the format of the bulk snapshot."""
    spec = importlib.util.spec_from_file_location("make_snapshot", SHARED / "tools/make_snapshot.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    folder = tmp_path_factory.mktemp("neural")
    rng = random.Random(1)
    with (folder / "ne.jsonl").open("w", encoding="utf-8") as out:
        for row in real("cs.NE"):
            out.write(json.dumps(tool.record(row, row["id"], tool.SHIFTS[0], rng)) + "\n")
    done = run("import", folder / "ne.jsonl", "--store", folder / "store", "--complete", "cs.NE")
    assert done.exit_code == 0, done.output
    return folder / "store"


def regex_of(phrase: str, flags: int = 0) -> re.Pattern[str]:
    """The grammar of docs/topics.md once more, written apart from the program's."""
    words = phrase.removesuffix("*").split(" ")
    body = "[ -]".join("[ -]?".join(map(re.escape, word.split("-"))) for word in words)
    ending = r"\w*" if phrase.endswith("*") else "s?"
    edge = r"\b" if phrase[-1].isalnum() or phrase.endswith("*") else ""
    return re.compile(rf"\b{body}{ending if edge else ''}{edge}", flags | re.ASCII)


@cache
def definitions() -> Mapping[str, Mapping[str, Any]]:
    return {
        name: body
        for path in (configs() / "topics").glob("*.yaml")
        for name, body in (yaml.safe_load(path.read_text(encoding="utf-8")).get("topics") or {}).items()
    }


@cache
def rules_of(name: str) -> tuple[list[re.Pattern[str]], list[re.Pattern[str]], list[str]]:
    """(rules, exclusions, guard) of one topic, from its YAML."""
    body = definitions()[name]
    rules = [regex_of(canonical(phrase), re.IGNORECASE) for phrase in body.get("phrases", [])]
    rules += [regex_of(canonical(acronym)) for acronym in body.get("acronyms", [])]
    rules += [re.compile(pattern, re.ASCII) for pattern in body.get("patterns", [])]
    excluded = [regex_of(canonical(phrase), re.IGNORECASE) for phrase in body.get("exclude", [])]
    return rules, excluded, list(body.get("categories", []))


def family(name: str) -> list[str]:
    """A topic and all below it."""
    below = [child for child, body in definitions().items() if name in body.get("parents", [])]
    return sorted({name, *(deeper for child in below for deeper in family(child))})


def times(regex: re.Pattern[str], excluded: list[re.Pattern[str]], text: str) -> int:
    spans = [found.span() for other in excluded for found in other.finditer(text)]
    return sum(not any(a <= m.start() and m.end() <= b for a, b in spans) for m in regex.finditer(text))


def matches(name: str, title: str, abstract: str, categories: list[str], mode: str = "any") -> bool:
    """Whether a submission matches a topic, by plain `re`."""
    for topic in family(name):
        rules, excluded, guard = rules_of(topic)
        globs = [re.escape(glob).replace(r"\*", ".*") for glob in guard]
        if guard and not any(re.fullmatch(glob, category) for glob in globs for category in categories):
            continue
        for rule in rules:
            if times(rule, excluded, title):
                return True
            if mode != "title" and times(rule, excluded, abstract) >= (2 if mode == "strict" else 1):
                return True
    return False


def test_the_share_of_rnn_in_neural_computing_by_year(neural: Path) -> None:
    said = run("report", "--store", neural, "-t", "rnn", "-c", "cs.NE", "--since", 2012, "--until", 2020, "--format", "json")  # fmt: skip
    bases: Counter[int] = Counter()
    counts: Counter[int] = Counter()
    for row in real("cs.NE"):
        year = row["created"].year
        bases[year] += 1
        counts[year] += matches("rnn", canonical(row["title"]), canonical(row["abstract"]), row["categories"].split())
    found = {int(row["period"]): (row["count"], row["base"], row["status"]) for row in json.loads(said.stdout)["rows"]}
    # the records end in 2019, so the last weeks of it were seen too soon to be sure
    status = {year: "complete" if year < 2019 else "provisional" for year in YEARS}
    assert found == {year: (counts[year], bases[year], status[year]) for year in YEARS}
    assert counts[2016] / bases[2016] > 2 * counts[2012] / bases[2012] > 0  # what everybody saw then


SELECTIONS = [
    (["-t", "rnn", "--period", "2016"], "rnn", "any"),
    (["-t", "rnn", "--period", "2016", "--match", "title"], "rnn", "title"),
    (["-t", "rnn", "--period", "2017-Q3", "--match", "strict"], "rnn", "strict"),
    (["-t", "gan", "--period", "2018"], "gan", "any"),
    (["-t", "cnn", "--period", "2015", "-c", "cs.CV"], "cnn", "any"),
    (["-t", "architectures", "--period", "2017-03"], "architectures", "any"),
    (["-t", "generative-models", "--period", "2017-Q2"], "generative-models", "any"),
    (["-t", "rl", "--period", "2011"], "rl", "any"),
    (["-t", "rl", "--period", "2018-02", "--match", "strict"], "rl", "strict"),
    (["-t", "pruning", "--period", "2019-Q1"], "pruning", "any"),
    (["-t", "attention", "--period", "2018-Q4"], "attention", "any"),
    (["-t", "bio-inspired", "--period", "2013"], "bio-inspired", "any"),
    (["-t", "optimization", "--period", "2012"], "optimization", "any"),
    (["-t", "dl-theory", "--period", "2018", "-c", "stat.*"], "dl-theory", "any"),
    (["-t", "nas", "--since", "2012", "--until", "2014"], "nas", "any"),
    (["-t", "transfer-learning", "--period", "2019-W20"], "transfer-learning", "any"),
    (["-t", "meta-learning", "--since", "2018-06-05", "--until", "2018-11-17"], "meta-learning", "any"),
    (["-t", "regularization", "--period", "2014-11", "--match", "title"], "regularization", "title"),
    (["-t", "dl-for-science", "--period", "2016-Q1"], "dl-for-science", "any"),
    (["-t", "fairness", "--period", "2019", "--primary-only", "-c", "cs.NE"], "fairness", "any"),
]


@pytest.mark.parametrize(("options", "topic", "mode"), SELECTIONS, ids=lambda value: "-".join(value) if isinstance(value, list) else value)  # fmt: skip
def test_a_count_is_its_list_and_a_plain_count(
    neural: Path, tmp_path: Path, options: list[str], topic: str, mode: str
) -> None:
    where = options[2:]
    scope = [] if "-c" in options else ["-c", "cs.*"]
    listed = run("papers", "--store", neural, *options, *scope, "--limit", 0, "--format", "jsonl")
    ids = [json.loads(line)["id"] for line in listed.stdout.splitlines()]
    everything = run("export", "--store", neural, *where, *scope, "-o", tmp_path / "all.parquet")
    assert everything.exit_code == 0, everything.output
    table = pq.read_table(tmp_path / "all.parquet").to_pylist()
    plain = {
        row["id"]
        for row in table
        if matches(topic, row["title"], row["abstract"].strip("\n"), row["categories"].split(), mode)
    }
    assert set(ids) == plain and len(ids) == len(plain)
    said = run("report", "--store", neural, *options, *scope, "--include-partial", "--format", "json")
    rows = json.loads(said.stdout)["rows"]
    assert (sum(row["count"] for row in rows), sum(row["base"] for row in rows)) == (len(plain), len(table))


def differences(library: Library, records: list[tuple[str, str]], step: int) -> list[tuple[str, int]]:
    """Where the matcher and `re` disagree: of every rule it named, and of each `step`-th (rule, record) it did not."""
    rules = list({rule.key: rule for topic in library.topics.values() for rule in topic.rules}.values())
    compiled = {r.key: (re.compile(r.regex, re.ASCII), [regex_of(o, re.IGNORECASE) for o in r.exclude]) for r in rules}
    matcher, wrong = Matcher(rules), []
    for start in range(0, len(records), 2000):
        part = records[start : start + 2000]
        batch = pa.record_batch({"title": [title for title, _ in part], "abstract": [text for _, text in part]})
        named = {
            (row, key): (title, strict)
            for row, key, title, strict in zip(*(matcher.match(batch)[i].to_pylist() for i in range(4)), strict=True)
        }
        for number, rule in enumerate(rules):
            regex, excluded = compiled[rule.key]
            for row, (title, abstract) in enumerate(part):
                said = named.get((row, rule.key))
                if said is None and (row + number) % step:
                    continue
                in_title, in_abstract = times(regex, excluded, title), times(regex, excluded, abstract)
                expected = (in_title > 0, in_title > 0 or in_abstract > 1) if in_title or in_abstract else None
                if said != expected:
                    wrong.append((rule.text, start + row))
    return wrong


def records(number: int) -> list[tuple[str, str]]:
    """The canonical text of so many real records, spread over all of them."""
    table = pq.read_table(RECORDS, columns=["title", "abstract"])
    rows = table.take(list(range(0, len(table), len(table) // number))).to_pylist()[:number]
    return [(canonical(row["title"]), canonical(row["abstract"])) for row in rows]


def test_the_matcher_and_re_agree(library: Library) -> None:
    assert differences(library, records(1500), step=197) == []


@pytest.mark.slow
def test_the_matcher_and_re_agree_on_20_000_records_and_every_rule(library: Library) -> None:
    assert differences(library, records(20_000), step=1) == []
