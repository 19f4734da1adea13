from __future__ import annotations

import json
import shutil
from math import isclose
from pathlib import Path

import pytest

from tests.commands import run
from tests.worlds import fill, paper
from trendcli.core.errors import StoreDamaged
from trendcli.reports.judgements import (
    Judgement,
    append_judgements,
    compute_precision,
    compute_stratified_precision,
    format_precision,
    judgements_path,
    precision_notes,
    read_judgements,
)
from trendcli.stats.proportions import wilson_interval
from trendcli.store.store import Store
from trendcli.topics.library import Library


def build_judgement(ident: str, relevant: bool, rule: str = "old", stratum: str = "2018", of: int = 30) -> Judgement:
    return Judgement(ident, relevant, rule, "ml", stratum, of, "2026-11-21")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return fill(tmp_path / "store", [paper("1801.00001", "2018-01-05")])


def test_judgements_are_appended(store: Store) -> None:
    assert read_judgements(store, "gan") == []
    append_judgements(store, "gan", [build_judgement("1", True)])
    append_judgements(store, "gan", [build_judgement("2", False), build_judgement("3", True)])
    assert [(item.id, item.relevant) for item in read_judgements(store, "gan")] == [
        ("1", True),
        ("2", False),
        ("3", True),
    ]


def test_a_file_of_the_first_versions_is_read_and_gets_a_hash(store: Store) -> None:
    path = judgements_path(store, "gan")
    path.parent.mkdir(parents=True)
    lines = [json.dumps(build_judgement(number, True)._asdict()) for number in "123"]
    path.write_text("\n".join(lines) + '\n{"id": "4", "rele')  # a crash cut off the last line
    assert [item.id for item in read_judgements(store, "gan")] == ["1", "2", "3"]
    append_judgements(store, "gan", [build_judgement("5", True)])
    assert [item.id for item in read_judgements(store, "gan")] == ["1", "2", "3", "5"]
    assert list(json.loads(path.read_text().splitlines()[0])) == ["content"]


def test_damage_to_judgements_is_noticed_and_the_whole_ones_are_kept(store: Store) -> None:
    append_judgements(store, "gan", [build_judgement(number, True) for number in "123"])
    path = judgements_path(store, "gan")
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        for damaged in (bytes([*content[:place], content[place] ^ 1, *content[place + 1 :]]), content[:place]):
            path.write_bytes(damaged)
            if damaged:
                with pytest.raises(StoreDamaged, match=r"gan\.jsonl is damaged .*`trend doctor --fix`"):
                    read_judgements(store, "gan")
    path.write_bytes(content.replace(b'"relevant": true', b'"relevant": fals', 1))
    assert run("doctor", "--store", store.root).exit_code == 4
    fixed = run("doctor", "--fix", "--store", store.root)
    assert (fixed.exit_code, [item.id for item in read_judgements(store, "gan")]) == (0, ["2", "3"])
    assert "Kept the readable judgements in judgements/gan.jsonl; lost 1 line." in fixed.stderr


def test_the_precision_of_one_period_has_a_wilson_interval() -> None:
    assert compute_precision([True] * 46 + [False] * 4) == (50, 46, 0.92, *wilson_interval(46, 50))
    assert compute_precision([]) == (0, 0, None, None, None)


def test_the_overall_precision_weights_periods_by_their_matches() -> None:
    # 9 of 10 in a year that caught 300 and 1 of 2 in one that caught 100: 0.75 * 0.9 + 0.25 * 0.5
    precision = compute_stratified_precision(
        {"2018": (300, [True] * 9 + [False]), "2019": (100, [True, False]), "2020": (50, [])}
    )
    assert (precision.judged_count, precision.relevant_count) == (12, 10) and isclose(precision.share or 0, 0.8)
    effective = 400**2 / (300**2 / 10 + 100**2 / 2)
    low, high = wilson_interval(0.8 * effective, effective)
    assert isclose(precision.low or 0, low or 1) and isclose(precision.high or 0, high or 1)
    # in proportion it is as if there were no periods
    same = compute_stratified_precision({"2018": (300, [True] * 9), "2019": (100, [True] * 2 + [False])})
    assert isclose(same.low or 0, wilson_interval(11, 12)[0] or 1)
    whole = compute_stratified_precision({"2018": (7, [True] * 3), "2019": (3, [True])})
    assert whole.share == whole.high == 1.0
    assert compute_stratified_precision({"2018": (7, [])}).share is None


def test_a_report_says_how_precise_a_rule_was_judged(store: Store, library: Library) -> None:
    key = library.match_hash("gan")
    assert precision_notes(store, library, ["gan", "rnn"], "ml") == {}
    append_judgements(store, "gan", [build_judgement("1", False), build_judgement("2", False)])
    assert precision_notes(store, library, ["gan"], "ml") == {}  # another rule was judged
    append_judgements(store, "gan", [build_judgement(str(n), n > 4, key) for n in range(50)])
    append_judgements(store, "gan", [build_judgement("4", True, key)])  # the last answer counts
    assert precision_notes(store, library, ["rnn", "gan"], "ml") == {
        "gan": "gan: 46 of 50 sampled submissions of 2018 were judged relevant: precision 92 %, [81, 97] % "
        "(each year weighted by its matches; sampled 2026-11)."
    }
    assert (
        "sampled submissions of 2018 in ml were judged relevant"
        in precision_notes(store, library, ["gan"], "cs.CV")["gan"]
    )
    line = json.loads(judgements_path(store, "gan").read_text().splitlines()[-1])
    assert set(line) == {"checksum", "id", "relevant", "rule", "scope", "stratum", "of", "at"}


def test_a_judgement_leaves_a_saved_report_verified(gans: Store, library: Library, tmp_path: Path) -> None:
    root, saved = tmp_path / "gans", tmp_path / "saved.json"
    shutil.copytree(gans.root, root)
    assert run("report", "-t", "gan", "--store", root, "--format", "json", "-o", saved).exit_code == 0
    append_judgements(
        Store.open(root), "gan", [build_judgement(str(n), n > 4, library.match_hash("gan")) for n in range(50)]
    )
    assert "sampled submissions" in run("report", "-t", "gan", "--store", root).stdout
    assert run("verify", saved, "--store", root).exit_code == 0


def test_the_periods_that_were_judged_are_named(store: Store, library: Library) -> None:
    key = library.match_hash("gan")
    append_judgements(store, "gan", [build_judgement("1", True, key, "2015"), build_judgement("2", True, key, "2017")])
    assert "2 of 2 sampled submissions of 2015 and 2017 were" in precision_notes(store, library, ["gan"], "ml")["gan"]
    append_judgements(store, "gan", [build_judgement("3", True, key, "2016")])
    assert "3 of 3 sampled submissions of 2015 to 2017 were" in precision_notes(store, library, ["gan"], "ml")["gan"]
    # months of another scope, judged later, are another sample
    append_judgements(store, "gan", [build_judgement("4", True, key, "2018-03")._replace(scope="cs.CL")])
    assert "3 of 3 sampled submissions of 2015 to 2017 were" in precision_notes(store, library, ["gan"], "ml")["gan"]
    append_judgements(store, "gan", [build_judgement("5", True, key, "lately")])
    with pytest.raises(StoreDamaged, match=r"gan\.jsonl is damaged \(Not a date: 'lately'"):
        read_judgements(store, "gan")


@pytest.mark.journey
def test_a_precision_stands_where_it_was_judged(gans: Store, library: Library, tmp_path: Path) -> None:
    root = tmp_path / "gans"
    shutil.copytree(gans.root, root)
    append_judgements(
        Store.open(root), "gan", [build_judgement(str(n), True, library.match_hash("gan")) for n in range(9)]
    )
    for words, there in (
        ((), True),
        (("--author", "A"), False),
        (("--primary-only",), False),
        (("--within", "vae"), False),
    ):
        shown = run("report", "-t", "gan", "--store", root, *words).stdout
        assert ("sampled submissions" in shown) == there, words


def test_a_precision_is_formatted_with_its_interval() -> None:
    assert format_precision(compute_precision([True] * 46 + [False] * 4)) == "92 %, [81, 97] %"
    assert format_precision(compute_precision([])) == "unknown"
