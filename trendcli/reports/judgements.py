"""What people judged: which submissions are on a topic that its rule caught, kept beside the store as JSON lines.

    STORE/judgements/<topic>.jsonl      a line an answer: id, relevant, rule, scope, stratum, of, at

`rule` is the key of the topic's rules when it was asked, `stratum` the period of the submission, and `of` how many the
rule caught of that period in that scope, so that a file says by itself how precise the rule is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import isclose
from pathlib import Path
from typing import NamedTuple

from trendcli.core.errors import StoreDamaged, UsageError
from trendcli.core.periods import parse_period_label
from trendcli.store.store import Store
from trendcli.topics.library import Library

JUDGEMENTS_FOLDER = "judgements"


class Judgement(NamedTuple):
    """One answer: whether a submission of a stratum, in which a rule caught `of`, is on the topic; `at` is a day."""

    id: str
    relevant: bool
    rule: str
    scope: str
    stratum: str
    of: int
    at: str


class Precision(NamedTuple):
    """How much of what a rule caught is right: a share with its 95 % interval, None where nothing was judged."""

    judged_count: int
    relevant_count: int
    share: float | None
    low: float | None
    high: float | None


def judgements_path(store: Store, topic: str) -> Path:
    """Where the answers about a topic are kept."""
    return store.root / JUDGEMENTS_FOLDER / f"{topic}.jsonl"


def read_judgements(store: Store, topic: str) -> list[Judgement]:
    """All answers about a topic, the oldest first; a line that was cut off by a crash is passed over."""
    try:
        lines = judgements_path(store, topic).read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeError) as error:
        raise StoreDamaged(f"Cannot read {judgements_path(store, topic)}: {error}.") from None
    found = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            found.append(Judgement(**json.loads(line)))
            parse_period_label(found[-1].stratum)
        except (ValueError, TypeError, UsageError):
            where = f"{judgements_path(store, topic)}:{number}"
            raise StoreDamaged(f"{where} is no judgement; mend the line or take it out.") from None
    return found


def append_judgements(store: Store, topic: str, new_judgements: Iterable[Judgement]) -> None:
    """Keep answers behind those that are there; a line that was cut off goes."""
    path = judgements_path(store, topic)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        stream.truncate(path.read_bytes().rfind(b"\n") + 1)
        for answer in new_judgements:
            stream.write(json.dumps(answer._asdict(), ensure_ascii=False).encode() + b"\n")


def compute_precision(is_relevant: Iterable[bool]) -> Precision:
    """The share that is right, with Wilson's interval."""
    from trendcli.stats.proportions import (
        wilson_interval,  # numpy comes with it, and few reports are of topics that were judged
    )

    listed = list(is_relevant)
    right = sum(listed)
    low, high = wilson_interval(right, len(listed))
    return Precision(len(listed), right, right / len(listed) if listed else None, low, high)


def compute_stratified_precision(strata: Mapping[str, tuple[int, Sequence[bool]]]) -> Precision:
    """The precision over strata of (how many were caught, answers), each weighing as much as it caught.

    The interval is Wilson's with the effective number of answers, (sum w)² / sum w² over answers that weigh what they
    stand for (Kish 1965). Strata without an answer are left out.
    """
    from trendcli.stats.proportions import wilson_interval

    asked = [(of, answers) for of, answers in strata.values() if answers and of]
    judged, right = sum(len(answers) for _, answers in asked), sum(sum(answers) for _, answers in asked)
    if not judged:
        return Precision(0, 0, None, None, None)
    total = sum(of for of, _ in asked)
    share = sum(of * sum(answers) / len(answers) for of, answers in asked) / total
    effective = total**2 / sum(of**2 / len(answers) for of, answers in asked)
    low, high = wilson_interval(share * effective, effective)
    return Precision(
        judged, right, share, 0.0 if isclose(share, 0, abs_tol=1e-12) else low, 1.0 if isclose(share, 1) else high
    )


def precision_notes(store: Store, library: Library, topics: Iterable[str], scope: str) -> list[str]:
    """A sentence for each topic whose present rule was judged: in the scope of a report, or else where it last was."""
    folder = store.root / JUDGEMENTS_FOLDER
    try:
        known = {path.stem for path in folder.iterdir()}
    except OSError:
        return []
    said = []
    for topic in topics:
        answers = read_judgements(store, topic) if topic in known else []
        answers = [item for item in answers if item.rule == library.match_hash(topic)]
        if not answers:
            continue
        where = scope if any(item.scope == scope for item in answers) else answers[-1].scope
        answers = [item for item in answers if item.scope == where]
        unit = parse_period_label(answers[-1].stratum).unit
        latest = {item.id: item for item in answers if parse_period_label(item.stratum).unit == unit}
        strata: dict[str, tuple[int, list[bool]]] = {}
        for item in latest.values():
            strata[item.stratum] = item.of, [*strata.get(item.stratum, (0, []))[1], item.relevant]
        found = compute_stratified_precision(strata)
        day = max(item.at for item in latest.values())
        there = "" if where == scope else f" in {where}"
        said.append(
            f"{topic}: {found.relevant_count} of {found.judged_count} sampled papers of "
            f"{_format_strata(strata)}{there} were judged right "
            f"(precision {format_precision(found)}, each {unit} by what it catches; sampled {day[:7]})."
        )
    return said


def _format_strata(labels: Iterable[str]) -> str:
    """Some periods of one unit: as a span where they follow on each other, else each."""
    listed = sorted(map(parse_period_label, labels))
    if len(listed) > 1 and all(one.end == two.start for one, two in pairwise(listed)):
        return f"{listed[0].label} to {listed[-1].label}"
    *others, last = (item.label for item in listed)
    return f"{', '.join(others)} and {last}" if others else last


def drop_precision_notes(report_notes: Iterable[str]) -> list[str]:
    """The notes of a report but those of `notes`: people judge after a report was saved, and no number of it moves."""
    return [note for note in report_notes if " sampled papers" not in note]


def format_precision(estimate: Precision) -> str:
    """A precision in percent with its interval: '92 %, [81, 97] %'."""
    if estimate.share is None or estimate.low is None or estimate.high is None:
        return "unknown"
    return f"{100 * estimate.share:.0f} %, [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}] %"
