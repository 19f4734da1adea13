from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendcli.core.arxiv import (
    CATEGORIES,
    CATEGORY_ALIASES,
    SUBSUMED_ARCHIVES,
    canonical_categories,
    expand_categories,
    list_category_names,
    parse_arxiv_id,
)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("0704.0010", ("0704.0010", None)),
        ("1706.03762v7", ("1706.03762", 7)),
        ("http://arxiv.org/abs/1709.03221v1", ("1709.03221", 1)),
        ("https://arxiv.org/pdf/1709.03221", ("1709.03221", None)),
        ("arXiv:1709.03221", ("1709.03221", None)),
        ("oai:arXiv.org:0806.4129", ("0806.4129", None)),
        ("math/0611800", ("math/0611800", None)),
        ("math.CA/0611800v2", ("math/0611800", 2)),
        ("quant-ph/0201082v1", ("quant-ph/0201082", 1)),
        ("HEP-TH/9901001", ("hep-th/9901001", None)),
    ],
)
def test_identifiers(written: str, canonical: tuple[str, int | None]) -> None:
    assert parse_arxiv_id(written) == canonical


@pytest.mark.parametrize(
    "written", ["abc", "704.001", "0704.001", "1713.00001", "1706.037621", "math/061180", "", "1706.03762v0"]
)
def test_no_identifier(written: str) -> None:
    with pytest.raises(ValueError, match="Not an arXiv identifier"):
        parse_arxiv_id(written)


@given(st.integers(7, 40), st.integers(1, 12), st.integers(1, 99999), st.integers(1, 20))
def test_an_identifier_survives_every_way_of_writing_it(year: int, month: int, number: int, version: int) -> None:
    ident = f"{year:02d}{month:02d}.{number:05d}"
    for written in (ident, f"arXiv:{ident}", f"http://arxiv.org/abs/{ident}", f"  {ident} "):
        assert parse_arxiv_id(written) == (ident, None)
    assert parse_arxiv_id(f"{ident}v{version}") == (ident, version)


def test_aliases_are_folded_before_anything_is_counted() -> None:
    assert canonical_categories("math-ph math.MP") == "math-ph"
    assert canonical_categories("cs.NA math.NA cs.LG") == "math.NA cs.LG"
    assert (
        canonical_categories("physics.med-ph cs.NA math.NA physics.optics") == "physics.med-ph math.NA physics.optics"
    )
    assert canonical_categories("cmp-lg") == "cs.CL"
    assert canonical_categories("") == ""


def test_the_order_of_cross_lists_means_nothing() -> None:
    assert (
        canonical_categories("cs.LG stat.ML cs.AI")
        == canonical_categories("cs.LG cs.AI stat.ML")
        == "cs.LG cs.AI stat.ML"
    )
    assert canonical_categories("stat.ML cs.LG") == "stat.ML cs.LG"  # the first is the primary


def test_every_alias_leads_to_a_known_category() -> None:
    assert set(CATEGORY_ALIASES.values()) | set(SUBSUMED_ARCHIVES.values()) <= set(CATEGORIES)
    assert not set(CATEGORY_ALIASES) & set(CATEGORIES)
    assert list_category_names("math.NA") == ["math.NA", "cs.NA"]


def test_names_and_globs() -> None:
    assert expand_categories("cs.LG") == ["cs.LG"]
    assert expand_categories("cs.SY") == ["eess.SY"]
    assert expand_categories("stat.*") == ["stat.AP", "stat.CO", "stat.ME", "stat.ML", "stat.OT"]
    assert expand_categories("cs.XX") == []
    assert expand_categories("cs.XX", ["cs.XX"]) == ["cs.XX"]


def test_the_list_is_arxivs(shared: Path) -> None:
    listed = {key.split("|")[0] for key in json.loads((shared / "data/reference/category_months.json").read_text())}
    assert listed == set(CATEGORIES) | set(CATEGORY_ALIASES)
