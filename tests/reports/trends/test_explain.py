from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.helpers import build_report
from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.core.settings import Settings
from trendcli.core.types import Scope
from trendcli.reports.trends.explain import build_explanation
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


def test_one_number_on_one_page(gans: Store, library: Library) -> None:
    query, known = parse_query(library, topics=["gan"], scope=Settings().resolve_scope(None))
    page = build_explanation(gans, known, query, ML)
    steps = {row["step"]: row["formula"] for row in page.sections[0].rows}
    assert steps["share 2018"].startswith("70 / 1,000 = 7.00 %")
    assert steps["relative change"] == "6.2500 % / 7.0000 % - 1 = -10.7 %"
    assert steps["count change"] == "100 / 70 - 1 = +42.9 %"
    assert "from 24 months within the periods" in steps["overdispersion"]
    assert steps["verdict"] == "no clear change: q is above 0.05"
    phrases = page.sections[1].rows
    assert (phrases[0]["phrase"], phrases[0]["count_1"], phrases[0]["count_2"]) == (
        "generative adversarial network",
        70,
        100,
    )
    assert len(page.sections[2].rows) == 5
    assert {row["v1"][:4] for row in page.sections[2].rows} == {"2019"}
    with pytest.raises(UsageError, match="Only one number can be explained at a time"):
        build_explanation(gans, known, parse_query(library)[0], ML)
    table = {row["topic"]: row for row in build_report("comparison", gans, library, pack="ml").rows}
    among = build_explanation(
        gans, known, parse_query(library, topics=["gan"], pack="ml", limit=1, min_count=500)[0], ML
    )
    assert list(among.rows) == [table["gan"]]
    q_step = {row["step"]: row["formula"] for row in among.sections[0].rows}["q"]
    tested = sum(row["p"] is not None for row in table.values())
    assert q_step == f"{table['gan']['q']:.4g} among {tested} tested topics (Benjamini-Hochberg)"
    assert {row["topic"] for row in among.sections[1].rows} == {"gan"}


def test_without_a_number_there_is_no_formula(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, [paper("1901.00001", "2019-01-05", "A GAN")], [coverage_record(since="2019-01-01")])
    query, known = parse_query(library, topics=["gan"], scope=Scope("x", ("cs.LG",)), period="2019")
    (step,) = build_explanation(store, known, query, ML).sections[0].rows
    assert step == {"step": "no number", "formula": "2018 or 2019 has a gap in coverage; see `trend status`"}
