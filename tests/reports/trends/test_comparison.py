from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import run
from tests.conftest import ML, answer, fill, paper
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.report import Report
from trendcli.core.settings import Settings
from trendcli.core.types import Scope
from trendcli.reports.trends.comparison import build_comparison, build_decomposition
from trendcli.reports.trends.explain import build_explanation
from trendcli.reports.trends.series import build_series
from trendcli.store.store import Store
from trendcli.topics import library as topics
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


def ask(form: str, store: Store, library: Library, *names: str, **words: Any) -> Report:
    """A report from a person's words."""
    scope = Settings().resolve_scope(words.pop("categories", None))
    question, known = parse_query(library, topics=names, scope=scope, **words)
    forms = {"comparison": build_comparison, "decomposition": build_decomposition, "series": build_series}
    return forms[form](store, known, question, ML)


def test_seventy_of_a_thousand_and_a_hundred_of_sixteen_hundred(gans: Store, library: Library) -> None:
    found = ask("comparison", gans, library, "gan")
    assert [(item["label"], item["base"], item["complete"]) for item in found.periods] == [
        ("2018", 1000, True),
        ("2019", 1600, True),
    ]
    row = found.rows[0]
    assert {key: row[key] for key in ("topic", "name", "count_1", "count_2", "share_1", "share_2", "status")} == {
        "topic": "gan", "name": "GANs", "count_1": 70, "count_2": 100, "share_1": 0.07, "share_2": 0.0625, "status": "complete",
    }  # fmt: skip
    assert row["relative_change"] == pytest.approx(-0.107143, abs=1e-6)
    assert row["count_change"] == pytest.approx(0.428571, abs=1e-6)
    assert (row["rank_1"], row["rank_2"], row["change"]) == (1, 1, None)
    assert found.data_as_of == "2020-01-01T00:00:00Z"


def test_a_comparison_of_a_pack(gans: Store, library: Library) -> None:
    found = ask("comparison", gans, library, pack="ml")
    assert len(found.rows) == len(library.packs["ml"])
    by_topic = {row["topic"]: row for row in found.rows}
    assert by_topic["generative-models"]["count_2"] == by_topic["gan"]["count_2"] == 100
    assert by_topic["gan"]["rank_2"] == by_topic["generative-models"]["rank_2"] == 1
    assert by_topic["rnn"]["rank_2"] == 3  # ties share the smaller rank
    assert by_topic["rnn"]["relative_change"] is None
    assert found.rows[0]["topic"] in ("gan", "generative-models")
    assert [row["topic"] for row in found.rows[2:]] == sorted(row["topic"] for row in found.rows[2:])


def test_sorting_never_depends_on_ties(tmp_path: Path, library: Library) -> None:
    def world(name: str, year: int) -> list[Any]:
        return [paper(f"{year % 100}01.{n:05d}", f"{year}-01-05", name if n < 10 else "x") for n in range(40)]

    titles = {"Transfer learning": 2018, "Causal inference and transfer learning": 2019}
    store = fill(tmp_path, [item for name, year in titles.items() for item in world(name, year)], [answer()])
    names = ("transfer-learning", "causality", "rnn", "gan")
    down = ask("comparison", store, library, *names)
    assert [row["topic"] for row in down.rows] == ["causality", "transfer-learning", "gan", "rnn"]
    assert (down.rows[0]["change"], down.rows[1]["relative_change"]) == ("new", 0.0)
    up = ask("comparison", store, library, *names, reverse=True)
    assert [row["topic"] for row in up.rows] == ["transfer-learning", "causality", "gan", "rnn"]
    assert [row["topic"] for row in ask("comparison", store, library, *names, sort="count_2").rows[:2]] == [
        "causality",
        "transfer-learning",
    ]
    assert [row["topic"] for row in ask("comparison", store, library, *names, sort="topic", limit=2).rows] == [
        "causality",
        "gan",
    ]
    assert [row["topic"] for row in ask("comparison", store, library, *names, min_count=1).rows] == [
        "causality",
        "transfer-learning",
    ]
    for word in ("period_1", "ci_open", "status"):
        with pytest.raises(UsageError, match=f"Cannot sort by '{word}'"):
            ask("comparison", store, library, *names, sort=word)
    with pytest.raises(UsageError, match="Cannot sort by 'verdict_title'"):
        ask("comparison", store, library, *names, sort="verdict_title", sensitivity=True)
    assert len(ask("comparison", store, library, *names, sort="verdict").rows) == len(names)
    with pytest.raises(UsageError, match=r"Cannot sort by 'count2' \(did you mean count_"):
        ask("comparison", store, library, *names, sort="count2")


def test_the_limit_changes_no_number(gans: Store, library: Library) -> None:
    whole = ask("comparison", gans, library, pack="ml").rows
    assert ask("comparison", gans, library, pack="ml", limit=2).rows == whole[:2]


def test_a_series_by_year_and_by_month(gans: Store, library: Library) -> None:
    years = ask("series", gans, library, "gan")
    assert [(row["period"], row["count"], row["base"], row["share"], row["status"]) for row in years.rows] == [
        ("2018", 70, 1000, 0.07, "complete"),
        ("2019", 100, 1600, 0.0625, "complete"),
    ]
    assert years.rows[0]["relative_change"] is None  # 2017 was never asked for
    assert years.rows[1]["relative_change"] == pytest.approx(-0.107143, abs=1e-6)
    months = ask("series", gans, library, "gan", by="month", since="2018-06", until="2019-06")
    assert [row["period"] for row in months.rows] == [f"2018-{m:02d}" for m in range(6, 13)] + [
        f"2019-{m:02d}" for m in range(1, 6)
    ]
    same = next(row for row in months.rows if row["period"] == "2019-02")
    earlier = ask("series", gans, library, "gan", by="month", period="2018-02").rows[0]
    assert same["count_change"] == pytest.approx(same["count"] / earlier["count"] - 1)


def test_a_window_that_cuts_a_period_says_so(gans: Store, library: Library) -> None:
    found = ask("series", gans, library, "gan", since="2018-03")
    assert [(row["period"], row["start"], row["clipped"]) for row in found.rows] == [
        ("2018", "2018-03-01", True),
        ("2019", "2019-01-01", False),
    ]
    assert found.rows[0]["relative_change"] is None


def test_volume_needs_no_topic(gans: Store, library: Library) -> None:
    found = ask("series", gans, library, by="year")
    assert found.kind == "volume"
    assert [(row["period"], row["count"]) for row in found.rows] == [("2018", 1000), ("2019", 1600)]
    assert found.rows[1]["count_change"] == pytest.approx(0.6)


def test_vs(gans: Store, library: Library) -> None:
    def pair(**words: Any) -> list[str]:
        return [item["label"] for item in ask("comparison", gans, library, "gan", **words).periods]

    assert pair(vs="2018") == ["2018", "2019"]
    assert pair(period="2019-06", vs="previous") == ["2019-05", "2019-06"]
    assert pair(period="2019-06") == pair(period="2019-06", vs="year-ago") == ["2018-06", "2019-06"]
    assert pair(by="quarter") == ["2018-Q4", "2019-Q4"]
    assert pair(by="quarter", period="2019-Q3") == ["2018-Q3", "2019-Q3"]
    assert pair(since="2019-01", until="2019-03") == ["2018-11 to 2018-12", "2019-01 to 2019-02"]
    for words, message in [
        ({"vs": "2020"}, "is not before 2019"),
        ({"vs": "2018-03"}, "compare periods of the same unit"),
        ({"vs": "soon"}, "Not a date"),
        ({"since": "2019", "until": "2018"}, "reversed"),
        ({"period": "2019", "last": "3m"}, "Give one time window"),
        ({"period": "2019", "by": "month"}, "--by month does not fit --period 2019, which is a year; drop --by"),
    ]:
        with pytest.raises(UsageError, match=message):
            pair(**words)


def test_last_counts_complete_periods_back_from_the_data(gans: Store, library: Library) -> None:
    found = ask("series", gans, library, "gan", by="month", last="3m")
    assert [row["period"] for row in found.rows] == ["2019-10", "2019-11", "2019-12"]


def test_a_query_is_a_topic(gans: Store, library: Library) -> None:
    found = ask("series", gans, library, queries=["generative adversarial network"])
    assert [(row["topic"], row["count"]) for row in found.rows] == [
        ("query:generative adversarial network", n) for n in (70, 100)
    ]


def test_over_a_hole_there_is_no_number(tmp_path: Path, library: Library) -> None:
    world = [paper(f"{y}01.{n:05d}", f"20{y}-01-05", "A GAN") for y in (17, 18, 19) for n in range(9)]
    covered = [answer(since="2017-01-01", until="2018-06-01"), answer(since="2018-06-02", until="2020-01-01")]
    store = fill(tmp_path, world, covered)
    years = ask("series", store, library, "gan")
    assert [(row["period"], row["status"], row["count"], row["share"]) for row in years.rows] == [
        ("2017", "complete", 9, 1.0), ("2018", "partial", None, None), ("2019", "complete", 9, 1.0),
    ]  # fmt: skip
    assert [row["relative_change"] for row in years.rows] == [None, None, None]
    assert any("Not whole, so n/a: 2018 (not covered for cs.LG)" in note for note in years.notes)
    row = ask("comparison", store, library, "gan").rows[0]
    assert (row["count_1"], row["count_2"], row["relative_change"], row["status"]) == (None, 9, None, "partial")
    shown = ask("comparison", store, library, "gan", include_partial=True).rows[0]
    assert (shown["count_1"], shown["relative_change"], shown["status"]) == (9, 0.0, "partial")
    # without dates the last period without a hole is taken, and there is an answer to give
    assert [item["label"] for item in ask("comparison", store, library, "gan", vs="2017").periods] == ["2017", "2019"]


def test_a_running_year_is_shown_and_left_out_of_change(tmp_path: Path, library: Library) -> None:
    world = [paper(f"{y}01.{n:05d}", f"20{y}-01-05", "A GAN") for y in (18, 19) for n in range(9)]
    store = fill(tmp_path, world, [answer(since="2018-01-01", until="2019-07-01", at="2019-07-01")])
    rows = ask("series", store, library, "gan").rows
    assert [(row["period"], row["status"], row["count"], row["relative_change"]) for row in rows] == [
        ("2018", "complete", 9, None), ("2019", "partial", 9, None),
    ]  # fmt: skip
    found = ask("series", store, library, "gan")
    assert any("Not over yet as of the data: 2019" in note for note in found.notes)
    with pytest.raises(CoverageMissing, match="2017 is not covered|Neither|No year|n/a"):
        ask("comparison", store, library, "gan", period="2017", vs="2016")


def test_nothing_is_covered(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")], [answer(["cs.LG"], "2018-01-01", "2018-02-01")])
    with pytest.raises(CoverageMissing, match=r"does not cover cs.CV. It covers cs.LG"):
        ask("comparison", store, library, "gan", categories=["cs.CV"])
    with pytest.raises(CoverageMissing, match=r"No year is completely covered"):
        ask("comparison", store, library, "gan")
    with pytest.raises(CoverageMissing, match="Nothing from 2016-01-01 to 2017-01-01 is covered"):
        ask("series", store, library, "gan", period="2016")


def test_a_venue_of_which_no_year_is_whole(tmp_path: Path, library: Library) -> None:
    (tmp_path / "list.json").write_text('[{"id": "abc", "title": "A GAN", "status": "Poster", "keywords": ""}]')
    words = ("import", tmp_path / "list.json", "--venue", "iclr", "--year", "2021", "--store", tmp_path / "store")
    assert run(*words).exit_code == 0
    whole = Store.open(tmp_path / "store" / "venues" / "iclr")
    broken = tuple(replace(answer, status="partial") for answer in whole.manifest.ledger)
    store = Store(whole.root, replace(whole.manifest, ledger=broken), ("title",))
    question, known = parse_query(library, topics=["gan"], corpus="iclr")
    submitted = Scope("submitted", ("submitted",))
    with pytest.raises(CoverageMissing, match=r"Choose a year with --period, .* see `trend status --corpus iclr`"):
        build_comparison(store, known, question, submitted)
    for asked in ({"by": "month"}, {"by": "month", "period": "2021"}, {"period": "2021-03"}):
        question, known = parse_query(library, topics=["gan"], corpus="iclr", **asked)
        with pytest.raises(UsageError, match="dated by year only"):
            build_series(store, known, question, submitted)


def test_an_uncovered_category_makes_the_period_partial_and_is_named(gans: Store, library: Library) -> None:
    with pytest.raises(CoverageMissing, match="is covered for cs.CL"):
        ask("series", gans, library, "gan", categories=["cs.LG", "cs.CL"])
    found = ask("series", gans, library, "gan", categories=["cs.LG", "cs.CL"], include_partial=True)
    assert [(row["status"], row["count"]) for row in found.rows] == [("partial", 70), ("partial", 100)]
    assert found.coverage == {"status": "partial", "missing": ["cs.CL"]}


def test_the_scope_that_is_read_without_being_asked_for(tmp_path: Path, library: Library) -> None:
    def scope_of(*answers: Any) -> list[str]:
        store = fill(tmp_path / str(len(list(tmp_path.iterdir()))), [paper("1801.00001", "2018-01-05")], answers)
        return list(ask("series", store, library, "gan", include_partial=True).query["categories"])

    assert scope_of(answer(["cs.LG"])) == ["cs.LG"]
    assert scope_of(answer(["cs.LG"]), answer(["cs.CL"])) == ["cs.CL", "cs.LG"]
    assert scope_of(answer(["*"])) == list(ML.categories)
    assert scope_of(answer(["*"], status="unknown")) == list(ML.categories)
    assert scope_of(answer([*ML.categories, "hep-th"])) == list(ML.categories)


def test_provenance(gans: Store, library: Library) -> None:
    found = ask("comparison", gans, library, "gan")
    assert set(found.provenance) == {"program", "store", "data", "bases", "rules", "sources", "match"}
    assert set(found.provenance["data"]) >= {"2018", "2019", "2018-01", "2019-12"}  # and what the dispersion rests on
    assert found.provenance["rules"] == {"gan": library.match_hash("gan")}
    assert found.provenance["sources"] == [
        {"source": "test", "version": "made by hand", "answered_at": "2020-06-01T00:00:00Z"}
    ]
    assert ask("comparison", gans, library, "gan").provenance == found.provenance


def test_made_up_data_are_marked(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")], [answer()], synthetic=True)
    found = ask("series", store, library, "gan")
    assert found.synthetic
    assert any(note.startswith("MADE-UP DATA") for note in found.notes)
    assert not any("arXiv" in note and "Source" in note for note in found.notes)


def test_as_of(gans: Store, library: Library) -> None:
    found = ask("series", gans, library, "gan", as_of="2019-06-30", by="year")
    assert [(row["period"], row["status"]) for row in found.rows] == [("2018", "complete"), ("2019", "partial")]
    assert found.data_as_of == "2019-07-01T00:00:00Z"
    assert found.rows[1]["base"] == sum(
        row["base"] for row in ask("series", gans, library, "gan", by="month", since="2019", until="2019-07").rows
    )


def test_weeks(gans: Store, library: Library) -> None:
    found = ask("series", gans, library, "gan", by="week", since="2019-01-07", until="2019-02-04")
    assert [row["period"] for row in found.rows] == ["2019-W02", "2019-W03", "2019-W04", "2019-W05"]
    days = ask("series", gans, library, by="week", since="2019-01-07", until="2019-02-04")
    assert [row["base"] for row in found.rows] == [row["count"] for row in days.rows]


def test_a_scope_by_name_is_named(gans: Store, library: Library) -> None:
    question, known = parse_query(library, topics=["gan"], scope=Scope("core", ("cs.LG",)))
    assert build_series(gans, known, question, ML).title == "GANs by year, scope core"
    assert topics.topic_from_phrase("x").id == "query:x"


def test_what_lies_before_the_window_is_counted_where_it_is_compared_with(gans: Store, library: Library) -> None:
    """A series in weeks is counted from tags, where the window of the question must not hide the year before."""
    every = {row["period"]: row for row in ask("series", gans, library, "gan", by="week").rows}
    some = ask("series", gans, library, "gan", by="week", since="2019-03-04", until="2019-04-01").rows
    assert len(some) == 4
    for row in some:
        alike = every[row["period"]]
        assert row["count_change"] is not None
        assert {**row, "q": 0, "verdict": ""} == {**alike, "q": 0, "verdict": ""}
    cut = ask("comparison", gans, library, "gan", since="2019-03-04", until="2019-03-19").rows[0]
    assert (cut["count_1"], cut["base_1"]) > (0, 0)


def fruit_world() -> list[Any]:
    """Apples: of cs.LG 10 of 40 and then 20 of 40, of cs.CL 5 of 20 and then 5 of 60; all of 2018 and 2019."""
    return [
        paper(f"{y}01.{n + 500 * (name == 'cs.CL'):05d}", f"20{y}-03-05", "A GAN" if n < gans else "x", categories=name)
        for name, counts in (("cs.LG", ((18, 10, 40), (19, 20, 40))), ("cs.CL", ((18, 5, 20), (19, 5, 60))))
        for y, gans, base in counts
        for n in range(base)
    ]


def test_across_categories(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, fruit_world(), [answer(["cs.LG", "cs.CL"])])
    found = ask("comparison", store, library, "gan", across="category", sort="category")
    rows = [(r["category"], r["count_1"], r["base_1"], r["count_2"], r["base_2"], r["rank_1"], r["rank_2"]) for r in found.rows]  # fmt: skip
    assert rows == [("cs.CL", 5, 20, 5, 60, 2, 2), ("cs.LG", 10, 40, 20, 40, 1, 1)]
    assert [column.key for column in found.columns][:2] == ["category", "rank_1,rank_2"]
    years = ask("series", store, library, "gan", across="category")
    assert "1 topic, 2 categories, 1 comparison (" in " ".join(found.notes)
    assert any(note.startswith("A submission counts in each") for note in years.notes)
    assert any("each category for itself" in note for note in years.notes)
    assert [(r["category"], r["period"], r["count"], r["base"]) for r in years.rows] == [
        ("cs.CL", "2018", 5, 20), ("cs.CL", "2019", 5, 60), ("cs.LG", "2018", 10, 40), ("cs.LG", "2019", 20, 40),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="accepts only 'category', not 'topic'"):
        ask("comparison", store, library, "gan", across="topic")


def test_a_hole_in_one_category_is_a_hole_in_its_row_alone(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, fruit_world(), [answer(["cs.LG"]), answer(["cs.CL"], until="2019-01-01")])
    found = ask("comparison", store, library, "gan", categories=["cs.LG", "cs.CL"], period="2019", across="category")
    assert {row["category"]: (row["count_2"], row["status"]) for row in found.rows} == {
        "cs.CL": (None, "partial"), "cs.LG": (20, "complete"),
    }  # fmt: skip


def test_decomposition(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, fruit_world(), [answer(["cs.LG", "cs.CL"])])
    found = ask("decomposition", store, library, "gan")
    whole = found.rows[0]
    assert (whole["category"], whole["points"]) == ("all", pytest.approx(25 / 100 - 15 / 60))
    assert whole["within"] + whole["mix"] == pytest.approx(whole["points"])
    for key in ("points", "within", "mix"):
        assert sum(row[key] for row in found.rows[1:]) == pytest.approx(whole[key])
    # cs.LG: from 1/4 to 1/2 at a mean weight of (2/3 + 2/5)/2
    assert {row["category"]: row["within"] for row in found.rows}["cs.LG"] == pytest.approx((2 / 3 + 2 / 5) / 2 / 4)
    several = ask("decomposition", store, library, "gan", "rnn")
    assert [row["category"] for row in several.rows] == ["all", "all"]


def test_sensitivity(tmp_path: Path, library: Library) -> None:
    def year(y: int, titles: int, abstracts: int) -> list[Any]:
        texts = [("A GAN", "x")] * titles + [("x", "We use a GAN.")] * abstracts
        texts += [("x", "y")] * (1000 - len(texts))
        return [paper(f"{y}{n % 12 + 1:02d}.{n:05d}", f"20{y}-{n % 12 + 1:02d}-05", t, a) for n, (t, a) in enumerate(texts)]  # fmt: skip

    robust = fill(tmp_path / "a", [*year(18, 60, 60), *year(19, 240, 240)])
    row = ask("comparison", robust, library, "gan", sensitivity=True).rows[0]
    assert (row["verdict"], row["robust"]) == ("rising", True)
    assert {name: row[f"relative_change_{name}"] for name in ("any", "title", "strict", "primary")} == dict.fromkeys(
        ("any", "title", "strict", "primary"), 3.0
    )
    mixed = fill(tmp_path / "b", [*year(18, 60, 60), *year(19, 50, 430)])
    row = ask("comparison", mixed, library, "gan", sensitivity=True).rows[0]
    assert (row["verdict"], row["robust"], row["relative_change_title"] < 0) == ("rising", False, True)


def test_a_rolling_sum_and_an_index(gans: Store, library: Library) -> None:
    months = {row["period"]: row for row in ask("series", gans, library, "gan", by="month").rows}
    rolled = ask("series", gans, library, "gan", by="month", rolling=12, index="2018-12", since="2018-12")
    first, last = rolled.rows[0], rolled.rows[-1]
    assert (first["period"], first["count"], first["base"], first["index"]) == ("2018-01 to 2018-12", 70, 1000, 100.0)
    assert (last["period"], last["count"], last["base"]) == ("2019-01 to 2019-12", 100, 1600)
    assert last["index"] == pytest.approx(100 * 0.0625 / 0.07)
    assert last["relative_change"] == pytest.approx(-0.107143, abs=1e-6)  # against the twelve months before
    middle = next(row for row in rolled.rows if row["period"] == "2018-04 to 2019-03")
    assert middle["count"] == sum(months[f"2018-{m:02d}"]["count"] for m in range(4, 13)) + sum(
        months[f"2019-{m:02d}"]["count"] for m in range(1, 4)
    )
    assert middle["relative_change"] is None  # its twin begins before the data
    every = ask("series", gans, library, "gan", by="month", rolling=12).rows
    assert (every[0]["period"], len(every)) == ("2018-01 to 2018-12", 13)  # not what reaches back before the data
    assert "neighbours overlap" in rolled.notes[0]
    with pytest.raises(UsageError, match="The index has 2017 as 100, which is not a row"):
        ask("series", gans, library, "gan", index="2017")


def test_within_and_both(gans: Store, library: Library) -> None:
    found = ask("comparison", gans, library, within="generative-models")
    rows = {row["topic"]: row for row in found.rows}
    assert "gan" in rows and all("generative-models" in library.get_topic(name).parents for name in rows)
    assert (rows["gan"]["count_2"], rows["gan"]["base_2"], rows["gan"]["share_2"]) == (100, 100, 1.0)
    assert any("need not add up" in note for note in found.notes)
    assert any(note.startswith("Base: every submission on Generative models of cs.LG") for note in found.notes)
    both = ask("comparison", gans, library, "gan", both=["generative-models"]).rows[0]
    assert (both["count_2"], both["base_2"], both["name"]) == (100, 1600, "GANs and Generative models")
    for words, message in [
        ({"both": ["gan"]}, "--and needs a topic"),
        ({"within": "gan-none"}, "No topic"),
        ({"within": "automata"}, "no child topics"),
    ]:
        with pytest.raises(UsageError, match=message):
            ask("comparison", gans, library, **words)


def test_growth_of_a_volume(tmp_path: Path, library: Library) -> None:
    papers = [paper(f"{y}01.{n:05d}", f"20{y}-03-05") for y, base in zip(range(13, 19), (4, 8, 16, 32, 64, 128), strict=True) for n in range(base)]  # fmt: skip
    store = fill(tmp_path, papers, [answer(since="2013-01-01", until="2019-01-01")])
    found = ask("series", store, library, by="year")
    assert found.summary["growth"]["growth"] == pytest.approx(1)
    assert found.summary["growth"]["doubling_months"] == pytest.approx(12)
    assert [row["fitted"] for row in found.rows] == pytest.approx([4, 8, 16, 32, 64, 128])
    assert any("doubles in 12 months" in note for note in found.notes)
    assert ask("series", store, library, by="year", since="2016").summary["growth"] is None


def test_crossings_and_first_seen(tmp_path: Path, library: Library) -> None:
    def year(y: int, gans: int, rnns: int) -> list[Any]:
        titles = ["A GAN"] * gans + ["LSTM networks"] * rnns + ["x"] * (50 - gans - rnns)
        return [paper(f"{y}01.{n:05d}", f"20{y}-03-05", title) for n, title in enumerate(titles)]

    counts = [(12, 0, 9), (13, 0, 9), (14, 2, 9), (15, 9, 5), (16, 12, 4), (17, 14, 4)]
    store = fill(tmp_path, [p for y, g, r in counts for p in year(y, g, r)], [answer(since="2012-01-01")])
    found = ask("series", store, library, "gan", "rnn", until="2018")
    assert found.summary["turns"] == [
        {"turn": "first seen", "topic": "gan", "name": "GANs", "period": "2014"},
        {"turn": "cross", "topic": "gan", "name": "GANs", "period": "2015", "other": "rnn",
         "other_name": "Recurrent networks (RNN, LSTM, GRU)"},
    ]  # fmt: skip
    assert any(note.startswith("GANs passes Recurrent networks") for note in found.notes)
    # what was seen before the window is not first seen in it, and what was not is, though the window begins with it
    later = [
        ask("series", store, library, "gan", since=since, until="2018").summary["turns"] for since in ("2014", "2015")
    ]
    assert [[turn["period"] for turn in turns] for turns in later] == [["2014"], []]


def test_breaks_in_policy_are_noted_where_they_fall_into_the_window(tmp_path: Path, library: Library) -> None:
    world = [paper(f"{y}01.00001", f"20{y}-01-05", categories="eess.SY") for y in (18, 19)]
    store = fill(tmp_path, world, [answer(["eess.SY"])])
    found = ask("series", store, library, by="year")
    assert [item["day"] for item in found.breaks] == ["2019-06-11"]
    assert any(note.startswith("2019-06-11: cs.SY becomes eess.SY") for note in found.notes)
    assert ask("series", store, library, by="month", until="2019-06").breaks == []


def test_one_number_on_one_page(gans: Store, library: Library) -> None:
    question, known = parse_query(library, topics=["gan"], scope=Settings().resolve_scope(None))
    page = build_explanation(gans, known, question, ML)
    steps = {row["step"]: row["formula"] for row in page.sections[0].rows}
    assert steps["share 2018"].startswith("70 / 1,000 = 7.00 %")
    assert steps["relative change"] == "6.2500 % / 7.0000 % - 1 = -10.7 %"
    assert steps["count change"] == "100 / 70 - 1 = +42.9 %"
    assert "within the periods" in steps["dispersion"] and steps["verdict"].startswith("no clear change: q is above")
    phrases = page.sections[1].rows
    assert (phrases[0]["phrase"], phrases[0]["count_1"], phrases[0]["count_2"]) == (
        "generative adversarial network",
        70,
        100,
    )
    assert len(page.sections[2].rows) == 5
    assert {row["v1"][:4] for row in page.sections[2].rows} == {"2019"}
    with pytest.raises(UsageError, match="One number is explained at a time"):
        build_explanation(gans, known, parse_query(library)[0], ML)
    table = {row["topic"]: row for row in ask("comparison", gans, library, pack="ml").rows}
    among = build_explanation(
        gans, known, parse_query(library, topics=["gan"], pack="ml", limit=1, min_count=500)[0], ML
    )
    assert list(among.rows) == [table["gan"]]
    told = {row["step"]: row["formula"] for row in among.sections[0].rows}["q"]
    tested = sum(row["p"] is not None for row in table.values())
    assert told == f"{table['gan']['q']:.4g} among the {tested} topics that were tested"
    assert {row["topic"] for row in among.sections[1].rows} == {"gan"}


def test_the_status_goes_before_the_change_and_stays_where_a_row_is_cut(gans: Store, library: Library) -> None:
    ranks = {column.key: column.rank for column in ask("series", gans, library, "gan").columns}
    assert ranks["q"] > ranks["base"] > ranks["status"] > ranks["relative_change"] == ranks["verdict"]
    cut = ask("series", gans, library, "gan", since="2018-03")
    assert {column.key: column.rank for column in cut.columns}["status"] == 0
