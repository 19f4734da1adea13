"""arXiv's categories and identifiers: their canonical forms.

Sources: taxonomy and identifiers of arXiv's own `arxiv-base` package (2026), info.arxiv.org/help/arxiv_identifier.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

CATEGORIES: tuple[str, ...] = tuple(
    """
    astro-ph.CO astro-ph.EP astro-ph.GA astro-ph.HE astro-ph.IM astro-ph.SR
    cond-mat.dis-nn cond-mat.mes-hall cond-mat.mtrl-sci cond-mat.other cond-mat.quant-gas cond-mat.soft
    cond-mat.stat-mech cond-mat.str-el cond-mat.supr-con
    cs.AI cs.AR cs.CC cs.CE cs.CG cs.CL cs.CR cs.CV cs.CY cs.DB cs.DC cs.DL cs.DM cs.DS cs.ET cs.FL cs.GL cs.GR cs.GT
    cs.HC cs.IR cs.IT cs.LG cs.LO cs.MA cs.MM cs.MS cs.NE cs.NI cs.OH cs.OS cs.PF cs.PL cs.RO cs.SC cs.SD cs.SE cs.SI
    econ.EM econ.GN econ.TH eess.AS eess.IV eess.SP eess.SY gr-qc hep-ex hep-lat hep-ph hep-th
    math-ph math.AC math.AG math.AP math.AT math.CA math.CO math.CT math.CV math.DG math.DS math.FA math.GM math.GN
    math.GR math.GT math.HO math.KT math.LO math.MG math.NA math.NT math.OA math.OC math.PR math.QA math.RA math.RT
    math.SG math.SP math.ST nlin.AO nlin.CD nlin.CG nlin.PS nlin.SI nucl-ex nucl-th
    physics.acc-ph physics.ao-ph physics.app-ph physics.atm-clus physics.atom-ph physics.bio-ph physics.chem-ph
    physics.class-ph physics.comp-ph physics.data-an physics.ed-ph physics.flu-dyn physics.gen-ph physics.geo-ph
    physics.hist-ph physics.ins-det physics.med-ph physics.optics physics.plasm-ph physics.pop-ph physics.soc-ph
    physics.space-ph
    q-bio.BM q-bio.CB q-bio.GN q-bio.MN q-bio.NC q-bio.OT q-bio.PE q-bio.QM q-bio.SC q-bio.TO
    q-fin.CP q-fin.GN q-fin.MF q-fin.PM q-fin.PR q-fin.RM q-fin.ST q-fin.TR quant-ph
    stat.AP stat.CO stat.ME stat.ML stat.OT
    """.split()
)

# A record lists both names of a pair, so a submission would count twice under them.
CATEGORY_ALIASES = {
    "math.MP": "math-ph",
    "stat.TH": "math.ST",
    "math.IT": "cs.IT",
    "q-fin.EC": "econ.GN",
    "cs.SY": "eess.SY",
    "cs.NA": "math.NA",
}
SUBSUMED_ARCHIVES = {
    "cmp-lg": "cs.CL",
    "adap-org": "nlin.AO",
    "comp-gas": "nlin.CG",
    "chao-dyn": "nlin.CD",
    "solv-int": "nlin.SI",
    "patt-sol": "nlin.PS",
    "alg-geom": "math.AG",
    "dg-ga": "math.DG",
    "funct-an": "math.FA",
    "q-alg": "math.QA",
    "mtrl-th": "cond-mat.mtrl-sci",
    "supr-con": "cond-mat.supr-con",
    "acc-phys": "physics.acc-ph",
    "ao-sci": "physics.ao-ph",
    "atom-ph": "physics.atom-ph",
    "bayes-an": "physics.data-an",
    "chem-ph": "physics.chem-ph",
    "plasm-ph": "physics.plasm-ph",
}
_CANONICAL_NAMES = {**CATEGORY_ALIASES, **SUBSUMED_ARCHIVES}


@lru_cache(maxsize=65536)
def canonical_categories(raw_categories: str) -> str:
    """Space-separated categories in canonical form: primary first, then the cross-lists sorted, each once.

    Names that arXiv folded into another ('cs.SY', 'cmp-lg') become that other. The order of cross-lists carries no
    meaning, so two records with the same set get the same text.
    """
    names = [_CANONICAL_NAMES.get(name, name) for name in raw_categories.split()]
    return " ".join([names[0], *sorted(set(names[1:]) - {names[0]})]) if names else ""


def list_category_names(category: str) -> list[str]:
    """Every name under which arXiv's search may list a canonical category, that name first."""
    return [category, *(alias for alias, canonical in CATEGORY_ALIASES.items() if canonical == category)]


_PHYSICS_ARCHIVES = (
    "astro-ph cond-mat gr-qc hep-ex hep-lat hep-ph hep-th math-ph nlin nucl-ex nucl-th physics quant-ph".split()
)


def archive_of(category: str) -> str:
    """The archive of a category: 'cs' of 'cs.LG', 'quant-ph' of itself."""
    return category.partition(".")[0]


def oai_set(category: str) -> str:
    """The set of arXiv's OAI-PMH that holds a category or an archive: 'cs:cs:LG', 'physics:quant-ph', 'cs'."""
    archive, _, subject = category.partition(".")
    if archive in _PHYSICS_ARCHIVES:
        return f"physics:{archive}" + (f":{subject}" if subject else "")
    return f"{archive}:{archive}:{subject}" if subject else archive


def expand_categories(pattern: str, extra_categories: Iterable[str] = ()) -> list[str]:
    """The canonical categories that a name or a glob such as 'cs.*' stands for; empty where none is known by it."""
    name = _CANONICAL_NAMES.get(pattern, pattern)
    known = sorted({*CATEGORIES, *extra_categories})
    return [category for category in known if fnmatch.fnmatchcase(category, name)]


_ID_PREFIX = re.compile(r"^(?:https?://(?:[a-z]+\.)?arxiv\.org/(?:abs|pdf)/|arxiv:|oai:arxiv\.org:)", re.IGNORECASE)
_NEW_STYLE_ID = re.compile(r"(\d{4}\.\d{4,5})(?:v([1-9]\d*))?")
_OLD_STYLE_ID = re.compile(r"([a-z]+(?:-[a-z]{2,})?)(?:\.[a-z-]{2,})?/(\d{7})(?:v([1-9]\d*))?", re.IGNORECASE)


def parse_arxiv_id(raw_id: str) -> tuple[str, int | None]:
    """The identifier without prefix, subclass and version, and the version (None where none was written).

    ValueError where it is no arXiv identifier. New style since 2007-04 ('0704.0001', five digits from 1501), old style
    before ('math/0611800', also written 'math.CA/0611800').
    """
    plain = 9 <= len(raw_id) <= 10 and raw_id[4] == "." and raw_id.isascii()  # nearly every one of a bulk file
    if plain and (raw_id[:4] + raw_id[5:]).isdigit() and "01" <= raw_id[2:4] <= "12":
        return raw_id, None
    text = _ID_PREFIX.sub("", raw_id.strip())
    found = _NEW_STYLE_ID.fullmatch(text)
    if found and "01" <= found[1][2:4] <= "12":
        return found[1], int(found[2]) if found[2] else None
    found = _OLD_STYLE_ID.fullmatch(text)
    if found and "01" <= found[2][2:4] <= "12":
        return f"{found[1].lower()}/{found[2]}", int(found[3]) if found[3] else None
    raise ValueError(f"Not an arXiv identifier: {raw_id[:60]!r}")


class StructuralBreak(NamedTuple):
    """A day, the categories that it touches (globs), what changed, and who says so."""

    day: date
    categories: tuple[str, ...]
    description: str
    source: str


_TAXONOMY_SOURCE = "arXiv's category taxonomy"


STRUCTURAL_BREAKS = (
    StructuralBreak(date(2003, 9, 1), ("q-bio.*",), "q-bio begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2007, 4, 1), ("stat.*",), "stat begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2008, 12, 1), ("q-fin.*",), "q-fin begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2009, 1, 1), ("astro-ph", "astro-ph.*"), "astro-ph is split into six", _TAXONOMY_SOURCE),
    StructuralBreak(date(2017, 4, 1), ("physics.app-ph",), "physics.app-ph begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2017, 9, 18), ("eess.AS", "eess.IV", "eess.SP"), "eess begins", _TAXONOMY_SOURCE),
    StructuralBreak(date(2017, 9, 26), ("econ.*",), "econ begins", _TAXONOMY_SOURCE),
    StructuralBreak(
        date(2019, 6, 11), ("eess.SY", "math.NA"), "cs.SY becomes eess.SY, cs.NA joins math.NA", _TAXONOMY_SOURCE
    ),
    StructuralBreak(
        date(2025, 10, 31),
        ("cs.*",),
        "reviews and position papers in cs only after peer review",
        "arXiv blog, 2025-10-31",
    ),
)


def find_breaks(since: date, until: date, categories: Sequence[str]) -> list[StructuralBreak]:
    """The breaks inside (since, until) that touch any of some categories, each of which may be a glob."""
    return [
        item
        for item in STRUCTURAL_BREAKS
        if since < item.day < until
        and any(fnmatchcase(name, glob) or fnmatchcase(glob, name) for name in categories for glob in item.categories)
    ]
