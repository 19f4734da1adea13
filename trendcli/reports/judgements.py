"""Judgements by people of which matched submissions are on a topic, and the precision of its rules by them.

They lie beside the store as JSON lines, one judgement a line:

    STORE/judgements/<topic>.jsonl      a line with the hash of all others; checksum, id, relevant, rule, scope,
                                        stratum, of, at

`rule` is the hash of the topic's rules when it was judged, `stratum` the period of the submission, and `of` how many
submissions the rules matched in that period and scope, so a file is enough to estimate the precision. Files of the
first versions have neither hash nor checksums.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from math import isclose
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_128_hexdigest

from trendcli.core.checked_json import format_checked_json, parse_checked_json
from trendcli.core.errors import StoreDamaged, UsageError
from trendcli.core.files import exclusive_lock, read_error, write_file_atomically
from trendcli.core.json import from_json
from trendcli.core.periods import parse_period_label
from trendcli.store.store import Store
from trendcli.topics.library import Library

JUDGEMENTS_FOLDER = "judgements"
# how the first line of a file begins
_HASH_HEAD = b'{"content": '


class Judgement(NamedTuple):
    """Whether a submission is on a topic whose rules matched `of` submissions of its stratum; `at` is an ISO day."""

    id: str
    relevant: bool
    rule: str
    scope: str
    stratum: str
    of: int
    at: str


class Precision(NamedTuple):
    """The relevant share of the judged submissions with its 95 % interval; None where nothing was judged."""

    judged_count: int
    relevant_count: int
    share: float | None
    low: float | None
    high: float | None


def judgements_path(store: Store, topic: str) -> Path:
    """Return the path of the judgements of a topic."""
    return store.root / JUDGEMENTS_FOLDER / f"{topic}.jsonl"


def read_judgements(store: Store, topic: str) -> list[Judgement]:
    """Return all judgements of a topic, the oldest first; raise StoreDamaged if the file is damaged.

    Of a file of the first versions, a last line that a crash cut off is left out.
    """
    path = judgements_path(store, topic)
    try:
        return [_parse_judgement(line) for line in _read_lines(path)]
    except (ValueError, UsageError, RecursionError) as error:
        raise StoreDamaged(
            f"{path} is damaged ({str(error)[:120]}). Nothing was changed. Restore it from a backup, or run "
            "`trend doctor --fix` to keep the readable judgements."
        ) from None


def append_judgements(store: Store, topic: str, new_judgements: Iterable[Judgement]) -> None:
    """Append judgements to those of a topic; raise StoreDamaged, and write nothing, if the file is damaged."""
    path = judgements_path(store, topic)
    with exclusive_lock(path.with_name("lock")):
        judgements = [*read_judgements(store, topic), *new_judgements]
        write_file_atomically(path, _format_judgements(judgements))


def repair_judgements(path: Path, quarantine: Path) -> int:
    """Keep the valid judgements of a damaged file, and return how many lines are lost.

    The damaged file is copied to a folder of the quarantine first. Raise OSError where it cannot be read or written.
    """
    with exclusive_lock(path.with_name("lock")):
        content = path.read_bytes()
        write_file_atomically(quarantine / JUDGEMENTS_FOLDER / path.name, content)
        judgements: list[Judgement] = []
        lines = [line for line in content.split(b"\n") if line and not line.startswith(_HASH_HEAD)]
        for line in lines:
            with suppress(ValueError, UsageError, RecursionError):
                judgements.append(_parse_judgement(line))
        write_file_atomically(path, _format_judgements(judgements))
    return len(lines) - len(judgements)


def _read_lines(path: Path) -> list[bytes]:
    """Return the lines of a file of judgements; raise ValueError if they are damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreDamaged(f"{read_error(path, error)} Nothing was changed.") from None
    head, _, body = content.partition(b"\n")
    if not head.startswith(_HASH_HEAD):
        if head and b'"id"' not in head:
            raise ValueError("its first line is neither a hash nor a judgement")
        return content.split(b"\n")[:-1]
    if json.loads(head) != {"content": xxh3_128_hexdigest(body)}:
        raise ValueError("its content does not match its hash")
    return body.splitlines()


def _format_judgements(judgements: Iterable[Judgement]) -> bytes:
    body = b"".join(format_checked_json(judgement._asdict()) + b"\n" for judgement in judgements)
    return json.dumps({"content": xxh3_128_hexdigest(body)}).encode() + b"\n" + body


def _parse_judgement(line: bytes) -> Judgement:
    """Return the judgement of a line; raise ValueError or UsageError if it is damaged."""
    value = json.loads(line)
    if isinstance(value, dict) and not value.keys() <= set(Judgement._fields):
        value = parse_checked_json(line)
    judgement = from_json(Judgement, value)
    parse_period_label(judgement.stratum)
    return judgement


def compute_precision(is_relevant: Iterable[bool]) -> Precision:
    """Return the precision of a simple random sample, with Wilson's interval."""
    from trendcli.stats.proportions import wilson_interval  # numpy comes with it, and few reports need it here

    judged = list(is_relevant)
    relevant_count = sum(judged)
    low, high = wilson_interval(relevant_count, len(judged))
    return Precision(len(judged), relevant_count, relevant_count / len(judged) if judged else None, low, high)


def compute_stratified_precision(strata: Mapping[str, tuple[int, Sequence[bool]]]) -> Precision:
    """Return the precision over strata of (number of matches, judgements), each weighted by its number of matches.

    The interval is Wilson's with the effective sample size (Σw)² / Σw² of judgements that weigh as many matches as each
    stands for (Kish 1965). Strata without a judgement are left out.
    """
    from trendcli.stats.proportions import wilson_interval

    judged = [(match_count, relevant) for match_count, relevant in strata.values() if relevant and match_count]
    judged_count = sum(len(relevant) for _, relevant in judged)
    relevant_count = sum(sum(relevant) for _, relevant in judged)
    if not judged_count:
        return Precision(0, 0, None, None, None)
    total = sum(match_count for match_count, _ in judged)
    share = sum(match_count * sum(relevant) / len(relevant) for match_count, relevant in judged) / total
    effective_size = total**2 / sum(match_count**2 / len(relevant) for match_count, relevant in judged)
    low, high = wilson_interval(share * effective_size, effective_size)
    low = 0.0 if isclose(share, 0, abs_tol=1e-12) else low
    high = 1.0 if isclose(share, 1) else high
    return Precision(judged_count, relevant_count, share, low, high)


def precision_notes(store: Store, library: Library, topics: Iterable[str], scope: str) -> dict[str, str]:
    """Return a note on the precision of each topic whose present rules were judged, by topic.

    It is that in the scope of a report, or else in the scope in which the topic was last judged.
    """
    try:
        judged_topics = {path.stem for path in (store.root / JUDGEMENTS_FOLDER).iterdir()}
    except OSError:
        return {}
    notes = {}
    for topic in topics:
        if topic not in judged_topics:
            continue
        judgements = [
            judgement for judgement in read_judgements(store, topic) if judgement.rule == library.match_hash(topic)
        ]
        if judgements:
            notes[topic] = _format_precision_note(topic, judgements, scope)
    return notes


def _format_precision_note(topic: str, judgements: Sequence[Judgement], report_scope: str) -> str:
    in_report_scope = any(judgement.scope == report_scope for judgement in judgements)
    scope = report_scope if in_report_scope else judgements[-1].scope
    judgements = [judgement for judgement in judgements if judgement.scope == scope]
    unit = parse_period_label(judgements[-1].stratum).unit
    latest = {judgement.id: judgement for judgement in judgements if parse_period_label(judgement.stratum).unit == unit}
    strata: dict[str, tuple[int, list[bool]]] = {}
    for judgement in latest.values():
        strata[judgement.stratum] = judgement.of, [*strata.get(judgement.stratum, (0, []))[1], judgement.relevant]
    precision = compute_stratified_precision(strata)
    where = "" if in_report_scope else f" in {scope}"
    return (
        f"{topic}: {precision.relevant_count} of {precision.judged_count} sampled submissions of "
        f"{_format_strata(strata)}{where} were judged relevant: precision {format_precision(precision)} "
        f"(each {unit} weighted by its matches; sampled {max(judgement.at for judgement in latest.values())[:7]})."
    )


def _format_strata(labels: Iterable[str]) -> str:
    """Return periods of one unit as a range where they are consecutive, else as a list."""
    periods = sorted(map(parse_period_label, labels))
    if len(periods) > 1 and all(one.end == two.start for one, two in pairwise(periods)):
        return f"{periods[0].label} to {periods[-1].label}"
    *others, last = (period.label for period in periods)
    return f"{', '.join(others)} and {last}" if others else last


def format_precision(precision: Precision) -> str:
    """Return a precision in percent with its interval: '92 %, [81, 97] %'."""
    if precision.share is None or precision.low is None or precision.high is None:
        return "unknown"
    return f"{100 * precision.share:.0f} %, [{100 * precision.low:.0f}, {100 * precision.high:.0f}] %"
