from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.reports.helpers import build_report
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import TrendError, UsageError
from trendcli.core.report import Report
from trendcli.core.types import Submission
from trendcli.output.machine import render_json
from trendcli.reports.judgements import Judgement, append_judgements
from trendcli.reports.trends.verify import verify_report
from trendcli.store.compaction import compact_store
from trendcli.store.ingest import upsert_batches
from trendcli.store.records import build_batch_table
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.loader import load_library

TOPICS = "topics:\n  apple:\n    phrases: [apple]\n  pear:\n    phrases: [pear]\npacks:\n  all: [apple, pear]\n"


def world() -> list[Submission]:
    """In 2018 30 of 60 and in 2019 40 of 60 are about apples, the rest about pears."""
    return [
        paper(f"{y}{n % 12 + 1:02d}.{n:05d}", f"20{y}-{n % 12 + 1:02d}-05", "An apple" if n < apples else "A pear")
        for y, apples in ((18, 30), (19, 40))
        for n in range(60)
    ]


@pytest.fixture
def own(topic_file: Any) -> Library:
    return load_library(topic_file(TOPICS).parent)


def save_report(report: Report) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(render_json(report))
    return values


def causes(store: Store, library: Library, before: dict[str, Any]) -> list[str]:
    rows = verify_report(store, library, before).rows
    return list(dict.fromkeys(row["cause"] for row in rows if row["cause"] != "number"))


FORMS: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("comparison", (), {"pack": "all"}),
    ("comparison", ("apple",), {"period": "2019-03", "vs": "2018-03"}),
    ("comparison", ("pear", "apple"), {"since": "2019-01", "until": "2019-03"}),
    ("comparison", ("apple",), {"across": "category"}),
    ("comparison", ("apple",), {"queries": ["a pear"], "sensitivity": True, "sort": "topic", "limit": 1}),
    ("decomposition", ("apple",), {}),
    ("series", ("apple", "pear"), {"by": "quarter", "rolling": 2, "index": "2018-Q3"}),
    ("series", ("apple",), {"by": "week", "since": "2018-06", "match": "title", "author": "abel"}),
    ("series", (), {"by": "month"}),
    ("series", ("apple",), {"last": "5m", "by": "month", "both": ["pear"], "as_of": "2019-10-30"}),
]


@pytest.mark.journey
@pytest.mark.parametrize(("form", "names", "words"), FORMS)
def test_the_same_store_gives_the_same_report(
    tmp_path: Path, own: Library, form: str, names: tuple[str, ...], words: dict[str, Any]
) -> None:
    store = fill(tmp_path / "store", world())
    report = build_report(form, store, own, *names, **words)
    verification = verify_report(store, own, save_report(report))
    assert (list(verification.rows), verification.notes[0]) == ([], "Reproduced: the same query gives the same report.")


@pytest.mark.journey
def test_four_causes_are_named_and_a_compaction_is_none(
    tmp_path: Path, own: Library, topic_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fill(tmp_path / "a", world()[:60])
    with store.write_lock():  # a delta file, which a compaction moves into months
        upsert_batches(
            store, [build_batch_table(world()[60:], "test", coverage_record().answered_at)], [coverage_record()]
        )
    before = save_report(build_report("comparison", store, own, "apple"))
    with store.write_lock():
        compact_store(store)
    assert causes(store, own, before) == []

    moved = [replace_date(p, "2018-06-30") if p.id == "1903.00002" else p for p in world()]
    date_store = fill(tmp_path / "date", moved)
    verification = verify_report(date_store, own, before).rows
    assert [(row["where"], row["cause"]) for row in verification if row["where"] in ("2018", "2019")] == [
        ("2018", "changed dates"), ("2019", "changed dates"),
    ]  # fmt: skip
    assert causes(date_store, own, before) == ["changed dates"]

    with store.write_lock():
        revised = world()[61]._replace(version=2, title="Apples, anew")
        fresh = paper(revised.id, "2019-02-05", revised.title, version=2, as_of=revised.as_of + 1)
        upsert_batches(store, [build_batch_table([fresh], "test", coverage_record().answered_at)], [coverage_record()])
    assert causes(store, own, before) == ["revised data"]
    assert verify_report(store, own, before).rows[0]["now"] == "same number, with other texts or versions"

    store = fill(tmp_path / "again", world())
    folder = topic_file(TOPICS.replace("[apple]", "[apple, pear]")).parent
    assert causes(store, load_library(folder), before) == ["changed rules"]
    monkeypatch.setattr("trendcli.reports.notes.__version__", "9.9")
    assert causes(store, own, before) == ["changed program"]


def replace_date(submission: Submission, day: str) -> Submission:
    return paper(submission.id, day, submission.title)


@pytest.mark.parametrize("words", [{"within": "pear"}, {"both": ["pear"]}])
def test_changed_rules_of_the_base_topic_are_named_as_a_cause(
    tmp_path: Path, own: Library, topic_file: Any, words: dict[str, Any]
) -> None:
    store = fill(tmp_path / "store", world())
    before = save_report(build_report("comparison", store, own, "apple", **words))
    folder = topic_file(TOPICS.replace("[pear]", "[pear, apple]")).parent
    assert causes(store, load_library(folder), before) == ["changed rules"]


def test_new_data_and_grown_coverage_are_named_as_causes(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path / "store", world(), [coverage_record(until="2019-07-01", at="2019-07-01")])
    before = save_report(build_report("series", store, own, "apple"))
    assert [row["status"] for row in before["rows"]] == ["complete", "partial"]
    fill(tmp_path / "store", [paper("1912.09999", "2019-12-05", "An apple")], [coverage_record()])
    verification = verify_report(Store.open(tmp_path / "store"), own, before)
    assert [(row["cause"], row["where"]) for row in verification.rows[:3]] == [
        ("new data", "2019"), ("new data", "2019-12"), ("changed coverage", "2019"),
    ] or causes(Store.open(tmp_path / "store"), own, before) == ["new data", "changed coverage"]  # fmt: skip
    assert ("number", "apple 2019 count", "40", "41") in [tuple(row.values()) for row in verification.rows]


def test_an_edited_file_is_unexplained(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path / "store", world())
    before = save_report(build_report("comparison", store, own, "apple"))
    before["rows"][0]["count_2"] = 55
    verification = verify_report(store, own, before)
    assert [tuple(row.values()) for row in verification.rows] == [("unexplained", "apple 2019 count_2", "55", "40")]
    assert verification.notes[0].startswith("None of the inputs has changed")


def test_what_stands_outside_the_rows_is_compared_as_well(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path / "store", world())
    before = save_report(build_report("series", store, own, by="month"))
    for edit in (
        lambda report: report["periods"][0].update(base=1),
        lambda report: report.update(title="All is falling"),
        lambda report: report["notes"].append("All is falling."),
        lambda report: report.update(synthetic=True),
        lambda report: report["summary"].update(growth={"growth": 9.0}),
    ):
        edited = json.loads(json.dumps(before))
        edit(edited)
        assert {row["cause"] for row in verify_report(store, own, edited).rows} == {"unexplained"}


@pytest.mark.journey
@pytest.mark.parametrize("wrong", [{}, [], {"kind": "comparison"}, {"kind": "papers", "query": {}}, {"query": 3}, None])
def test_anything_else_is_refused(tmp_path: Path, own: Library, wrong: Any) -> None:
    with pytest.raises(UsageError, match="not a report that can be reproduced"):
        verify_report(fill(tmp_path / "store", world()), own, wrong)


def test_a_broken_report_or_one_of_another_kind_is_refused(tmp_path: Path, own: Library) -> None:
    store = fill(tmp_path / "store", world())
    before = save_report(build_report("comparison", store, own, "apple"))
    provenance = {**before["provenance"], "bases": {}}
    for broken in (
        {"provenance": provenance},
        {"periods": [{"status": "complete"}]},
        {"rows": 5},
        {"rows": [5]},
        {"periods": None},
        {"kind": "explanation"},
    ):
        with pytest.raises(UsageError, match="not a report that can be reproduced"):
            verify_report(store, own, {**before, **broken})


def test_a_note_on_precision_is_not_compared(tmp_path: Path, own: Library) -> None:
    """People judge after a report was saved, and no number moves."""
    store = fill(tmp_path / "store", world())
    before = save_report(build_report("comparison", store, own, "apple"))
    judgement = Judgement("1901.00001", True, own.match_hash("apple"), "cs.LG", "2019", 40, "2026-11-21")
    append_judgements(store, "apple", [judgement])
    judged = save_report(build_report("comparison", store, own, "apple"))
    assert judged["provenance"]["precision"]["apple"] in judged["notes"]
    assert causes(store, own, before) == []
    append_judgements(store, "apple", [judgement._replace(id="1901.00013", relevant=False)])
    assert causes(store, own, judged) == []
    judged["notes"].append("All is falling.")
    assert causes(store, own, judged) == ["unexplained"]


@pytest.mark.parametrize("number", range(10))
def test_a_saved_report_with_values_of_other_types_is_refused_or_reproduced(
    tmp_path_factory: pytest.TempPathFactory, own: Library, number: int
) -> None:
    rng = random.Random(number)
    root = tmp_path_factory.getbasetemp() / "mutated"
    store = Store.open(root) if (root / "manifest.json").exists() else fill(root, world())
    saved = save_report(build_report("series", store, own, "apple", by="year"))
    for _ in range(25):
        node = mutated = json.loads(json.dumps(saved))
        while isinstance(node, (dict, list)) and node:
            key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
            if not isinstance(node[key], (dict, list)) or rng.random() < 0.3:
                node[key] = rng.choice(
                    [None, True, 0, -1, 1e308, 10**30, "", "\x00", "a" * 500, [], {}, ["x"], [1], {"a": 1}]
                )
                break
            node = node[key]
        with contextlib.suppress(TrendError):
            verify_report(store, own, mutated)
