"""arXiv's categories and identifiers in canonical form, and the days on which its categories changed.

Sources: taxonomy and identifiers of arXiv's own `arxiv-base` package (2026), info.arxiv.org/help/arxiv_identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
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

# a record lists both names of a pair, so that a submission would count twice
CATEGORY_ALIASES = {
    "math.MP": "math-ph",
    "stat.TH": "math.ST",
    "math.IT": "cs.IT",
    "q-fin.EC": "econ.GN",
    "cs.SY": "eess.SY",
    "cs.NA": "math.NA",
}
# archives that became categories
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
# also those that arXiv may yet add, and none of the MSC and ACM classes ('68T05', 'I.2.6') that its API has listed as
# categories: 1 % of the records of 2024 to 2026 in one export
_CATEGORY_NAME = re.compile(r"[a-z]+(-[a-z]+)*(\.[A-Za-z]+(-[A-Za-z]+)*)?")
_CANONICAL_NAMES = {**CATEGORY_ALIASES, **SUBSUMED_ARCHIVES}


@lru_cache(maxsize=65536)
def canonical_categories(raw_categories: str) -> str:
    """Return space-separated categories in canonical form: primary first, then the cross-lists sorted, each once.

    Names that arXiv merged into another ('cs.SY', 'cmp-lg') become that other. The order of cross-lists carries no
    meaning, so two records with the same set get the same text; '' stays ''. Cross-lists that are no names are left
    out. Raise ValueError for a primary category that is none.
    """
    raw_names = raw_categories.split()
    if raw_names and not _CATEGORY_NAME.fullmatch(raw_names[0]):
        raise ValueError(f"not a category: {raw_names[0][:40]!r}")
    names = [_CANONICAL_NAMES.get(name, name) for name in raw_names if _CATEGORY_NAME.fullmatch(name)]
    return " ".join([names[0], *sorted(set(names[1:]) - {names[0]})]) if names else ""


def list_category_names(category: str) -> list[str]:
    """Return the names under which arXiv's search may list a canonical category, the canonical one first."""
    return [category, *(alias for alias, canonical in CATEGORY_ALIASES.items() if canonical == category)]


# archives that OAI-PMH groups under physics
_PHYSICS_ARCHIVES = (
    "astro-ph cond-mat gr-qc hep-ex hep-lat hep-ph hep-th math-ph nlin nucl-ex nucl-th physics quant-ph".split()
)


def archive_of(category: str) -> str:
    """Return the archive of a category: 'cs' for 'cs.LG', 'quant-ph' for itself."""
    return category.partition(".")[0]


def oai_set(category: str) -> str:
    """Return the OAI-PMH set that holds a category or an archive: 'cs:cs:LG', 'physics:quant-ph', 'cs'."""
    archive, _, subject = category.partition(".")
    if archive in _PHYSICS_ARCHIVES:
        return f"physics:{archive}" + (f":{subject}" if subject else "")
    return f"{archive}:{archive}:{subject}" if subject else archive


def expand_categories(pattern: str, extra_categories: Iterable[str] = ()) -> list[str]:
    """Return the canonical categories that a name or a glob such as 'cs.*' stands for, sorted; [] for an unknown name.

    `extra_categories` are known beside those of arXiv's taxonomy.
    """
    name = _CANONICAL_NAMES.get(pattern, pattern)
    categories = sorted({*CATEGORIES, *extra_categories})
    return [category for category in categories if fnmatchcase(category, name)]


# share of a month's identifiers, up to its highest, from which it counts as complete: arXiv never assigned the rest
MIN_ID_DENSITY = 0.97
_ID_PREFIX = re.compile(r"^(?:https?://(?:[a-z]+\.)?arxiv\.org/(?:abs|pdf)/|arxiv:|oai:arxiv\.org:)", re.IGNORECASE)
_NEW_STYLE_ID = re.compile(r"(\d{4}\.\d{4,5})(?:v([1-9]\d{0,3}))?", re.ASCII)
_OLD_STYLE_ID = re.compile(
    r"([a-z]+(?:-[a-z]{2,})?)(?:\.[a-z-]{2,})?/(\d{7})(?:v([1-9]\d{0,3}))?", re.IGNORECASE | re.ASCII
)
# archives that old-style identifiers begin with; those that began later (stat, q-fin, eess, econ) have none
_OLD_STYLE_ARCHIVES = frozenset(
    """
    acc-phys adap-org alg-geom ao-sci astro-ph atom-ph bayes-an chao-dyn chem-ph cmp-lg comp-gas cond-mat cs dg-ga
    funct-an gr-qc hep-ex hep-lat hep-ph hep-th math math-ph mtrl-th nlin nucl-ex nucl-th patt-sol physics plasm-ph
    q-alg q-bio quant-ph solv-int supr-con
    """.split()
)


def normalize_arxiv_id(raw_id: str) -> tuple[str, int | None]:
    """Return an identifier without prefix, subject class and version, and its version (None if it has none).

    Only the form is checked, so that whatever a store holds can be looked up. Raise ValueError for anything else.
    """
    text = _ID_PREFIX.sub("", raw_id.strip())
    match = _NEW_STYLE_ID.fullmatch(text)
    if match and "01" <= match[1][2:4] <= "12":
        return match[1], int(match[2]) if match[2] else None
    match = _OLD_STYLE_ID.fullmatch(text)
    if match and "01" <= match[2][2:4] <= "12":
        return f"{match[1].lower()}/{match[2]}", int(match[3]) if match[3] else None
    raise ValueError(f"Not an arXiv identifier: {raw_id[:60]!r}")


def parse_arxiv_id(raw_id: str) -> tuple[str, int | None]:
    """Return an identifier without prefix, subject class and version, and its version (None if it has none).

    Identifiers are new style since 2007-04 ('0704.0001', with five digits since 1501) and old style before
    ('math/0611800', also written 'math.CA/0611800'). Raise ValueError for anything else, also for one that arXiv
    cannot have given: another number of digits, the number 0, an unknown archive, a month before its style or ahead.
    """
    month, _, number = raw_id.partition(".")  # nearly every one of a bulk file is plain
    is_plain = number.isdigit() and month.isdigit() and raw_id.isascii()
    if is_plain and len(number) == _count_digits(month) and number.strip("0"):
        return raw_id, None
    ident, version = normalize_arxiv_id(raw_id)
    reason = _find_id_fault(ident)
    if reason:
        raise ValueError(f"Not an arXiv identifier: {ident!r}: {reason}")
    return ident, version


def _find_id_fault(ident: str) -> str:
    """Return why arXiv cannot have given an identifier in canonical form; '' if it can."""
    archive, _, number = ident.rpartition("/")
    month, number = (number[:4], number[4:]) if archive else ident.split(".")
    if not number.strip("0"):
        return "numbers begin at 1"
    if archive:
        is_old = "9107" <= month <= "9912" or month <= "0703"
        is_known = archive in _OLD_STYLE_ARCHIVES and is_old
        return "" if is_known else "old-style identifiers date from 1991-07 to 2007-03 and name an archive of that time"
    digits = _count_digits(month)
    if not digits:
        return "identifiers of this form begin in 2007-04" if month < "0704" else "its month is in the future"
    if len(number) == digits:
        return ""
    hint = "; if pandas wrote the file, read identifiers with dtype=str, since numbers lose a final zero"
    return f"identifiers of {month} have {digits} digits after the dot{hint if len(number) < digits else ''}"


@lru_cache(maxsize=4096)
def _count_digits(month: str) -> int:
    """Return how many digits follow the dot in new-style identifiers of a month such as '1501'; 0 if it has none.

    A month may be one ahead, since clocks and time zones differ. What a long process takes for ahead stays so.
    """
    if len(month) != 4 or not "01" <= month[2:] <= "12" or month < "0704":
        return 0
    newest = datetime.now(UTC) + timedelta(days=31)
    return 0 if month > f"{newest:%y%m}" else 5 if month >= "1501" else 4


class StructuralBreak(NamedTuple):
    """A day on which a curve may bend because arXiv changed its categories or its rules, not because topics changed.

    `categories` are globs, `description` says what changed, and `source` who says so.
    """

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
        "cs accepts reviews and position papers only after peer review",
        "arXiv blog, 2025-10-31",
    ),
)


def find_breaks(since: date, until: date, categories: Sequence[str]) -> list[StructuralBreak]:
    """Return the breaks after `since` and before `until` that concern any of some categories or globs, in order."""
    return [
        entry
        for entry in STRUCTURAL_BREAKS
        if since < entry.day < until
        and any(fnmatchcase(name, glob) or fnmatchcase(glob, name) for name in categories for glob in entry.categories)
    ]
