from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendcli.core.arxiv import (
    CATEGORIES,
    CATEGORY_ALIASES,
    STRUCTURAL_BREAKS,
    SUBSUMED_ARCHIVES,
    archive_of,
    canonical_categories,
    expand_categories,
    find_breaks,
    list_category_names,
    normalize_arxiv_id,
    oai_set,
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
def test_an_identifier_is_read_without_prefix_and_subject_class(
    written: str, canonical: tuple[str, int | None]
) -> None:
    assert parse_arxiv_id(written) == canonical


@pytest.mark.parametrize(
    "written", ["abc", "704.001", "0704.001", "1713.00001", "1706.037621", "math/061180", "", "1706.03762v0"]
)
def test_anything_else_is_not_an_identifier(written: str) -> None:
    with pytest.raises(ValueError, match="Not an arXiv identifier"):
        parse_arxiv_id(written)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("1909.0001", "identifiers of 1909 have 5 digits after the dot; .*dtype=str"),
        ("http://arxiv.org/abs/1909.0001v2", "identifiers of 1909 have 5 digits"),
        ("0704.00010", "identifiers of 0704 have 4 digits after the dot$"),
        ("1412.00010", "identifiers of 1412 have 4 digits"),
        ("1501.0001", "identifiers of 1501 have 5 digits"),
        ("0703.0001", "begin in 2007-04"),
        ("9912.00001", "in the future"),
        ("0704.0000", "numbers begin at 1"),
        ("1801.00000v1", "numbers begin at 1"),
        ("math/0611000", "numbers begin at 1"),
        ("math/0704001", "1991-07 to 2007-03"),
        ("hep-th/9106001", "1991-07 to 2007-03"),
        ("hep-th/0801001", "1991-07 to 2007-03"),
        ("stat/0601001", "an archive of that time"),
        ("foo/0611800", "an archive of that time"),
    ],
)
def test_an_identifier_that_arxiv_cannot_have_given_is_refused(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_arxiv_id(written)
    assert normalize_arxiv_id(written)  # a store may hold it


@pytest.mark.parametrize(
    "written", ["0704.0001", "1412.9999", "1501.00001", "hep-th/9107001", "math/0001001", "cs/0703150"]
)
def test_the_first_and_the_last_of_each_style_are_identifiers(written: str) -> None:
    assert parse_arxiv_id(written) == (written, None)


def test_an_identifier_may_be_a_month_ahead_since_clocks_differ() -> None:
    soon = datetime.now(UTC) + timedelta(days=25)
    assert parse_arxiv_id(f"{soon:%y%m}.00001")[0] == f"{soon:%y%m}.00001"


@given(st.integers(8, 24), st.integers(1, 12), st.integers(1, 9999), st.integers(1, 20))
def test_an_identifier_survives_every_way_of_writing_it(year: int, month: int, number: int, version: int) -> None:
    arxiv_id = f"{year:02d}{month:02d}.{number:0{5 if year > 14 else 4}d}"
    for written in (arxiv_id, f"arXiv:{arxiv_id}", f"http://arxiv.org/abs/{arxiv_id}", f"  {arxiv_id} "):
        assert parse_arxiv_id(written) == (arxiv_id, None)
    assert parse_arxiv_id(f"{arxiv_id}v{version}") == (arxiv_id, version)


def test_aliases_become_the_canonical_category() -> None:
    assert canonical_categories("math-ph math.MP") == "math-ph"
    assert canonical_categories("cs.NA math.NA cs.LG") == "math.NA cs.LG"
    assert (
        canonical_categories("physics.med-ph cs.NA math.NA physics.optics") == "physics.med-ph math.NA physics.optics"
    )
    assert canonical_categories("cmp-lg") == "cs.CL"
    assert canonical_categories("") == ""


@pytest.mark.parametrize("name", ["*", "cs.\x1b[2J", "cs.LG;", "=1+1", "\u202ecs", "\x00"])
def test_what_is_no_name_is_no_category(name: str) -> None:
    with pytest.raises(ValueError, match="not a category"):
        canonical_categories(f"{name} cs.LG")
    assert canonical_categories(f"cs.LG {name} stat.ML") == "cs.LG stat.ML"


def test_the_order_of_cross_lists_does_not_matter() -> None:
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


def test_names_and_globs_expand_to_categories() -> None:
    assert expand_categories("cs.LG") == ["cs.LG"]
    assert expand_categories("cs.SY") == ["eess.SY"]
    assert expand_categories("stat.*") == ["stat.AP", "stat.CO", "stat.ME", "stat.ML", "stat.OT"]
    assert expand_categories("cs.XX") == []
    assert expand_categories("cs.XX", ["cs.XX"]) == ["cs.XX"]


def test_categories_have_an_archive_and_an_oai_set() -> None:
    assert (archive_of("cs.LG"), archive_of("quant-ph")) == ("cs", "quant-ph")
    assert (oai_set("cs.LG"), oai_set("cs"), oai_set("quant-ph")) == ("cs:cs:LG", "cs", "physics:quant-ph")
    assert oai_set("astro-ph.CO") == "physics:astro-ph:CO"


def test_the_categories_are_those_of_real_records(shared: Path) -> None:
    categories = {key.split("|")[0] for key in json.loads((shared / "data/reference/category_months.json").read_text())}
    assert categories == set(CATEGORIES) | set(CATEGORY_ALIASES)


@pytest.mark.parametrize(
    ("categories", "years", "days"),
    [
        (["cs.LG"], (2010, 2026), ["2025-10-31"]),
        (["cs.LG"], (2010, 2025), []),
        (["eess.SY", "cs.RO"], (2015, 2020), ["2019-06-11"]),
        (["eess.*"], (2015, 2020), ["2017-09-18", "2019-06-11"]),
        (["stat.ML"], (2000, 2010), ["2007-04-01"]),
        (["hep-th"], (1990, 2030), []),
    ],
)
def test_breaks_are_found_by_window_and_category(
    categories: list[str], years: tuple[int, int], days: list[str]
) -> None:
    breaks = find_breaks(date(years[0], 1, 1), date(years[1], 1, 1), categories)
    assert [str(entry.day) for entry in breaks] == days


def test_breaks_name_categories_and_come_in_order() -> None:
    for entry in STRUCTURAL_BREAKS:
        for glob in entry.categories:
            assert re.fullmatch(r"[a-z-]+(\.(\*|[A-Za-z-]+))?", glob), glob
        assert entry.description and entry.source
    assert [entry.day for entry in STRUCTURAL_BREAKS] == sorted(entry.day for entry in STRUCTURAL_BREAKS)


def test_classes_of_other_systems_are_no_categories() -> None:
    """MSC and ACM classes, which arXiv's API has listed among the categories."""
    assert canonical_categories("cs.CV 68T05 I.2.10;I.4.6 cs.LG I.2.6; G.3") == "cs.CV cs.LG"
    assert canonical_categories("math.AG 14F05, (primary) cs.NE") == "math.AG cs.NE"
    for primary in ("68T05 cs.LG", "I.2.6", "Mon, cs.LG", "cs..LG", "cs.LG."):
        with pytest.raises(ValueError, match="not a category"):
            canonical_categories(primary)


def test_every_category_and_archive_is_a_category() -> None:
    for name in (
        *CATEGORIES,
        *CATEGORY_ALIASES,
        *SUBSUMED_ARCHIVES,
        "astro-ph",
        "cond-mat",
        "physics",
        "nlin",
        "cs.ZZ",
    ):
        assert canonical_categories(name)
