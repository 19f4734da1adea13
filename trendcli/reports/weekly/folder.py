"""Use-case weekly: a folder for each week, whole or not there at all, with an index, the latest week and a feed beside.

    OUT/2026-W47/   index.html digest.md report.json papers.csv lines|change|volume.png|svg
    OUT/latest/     the same of the newest week
    OUT/index.html  OUT/feed.xml

A week is drawn from the store alone, so the same store gives the same bytes. One whose days were still filling is
looked at again at each run, and drawn again where its numbers have changed.
"""

from __future__ import annotations

import filecmp
import json
import platform
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any, NotRequired, TypedDict
from uuid import NAMESPACE_URL, uuid5

import filelock
import msgspec

from trendcli import __version__
from trendcli.core import periods
from trendcli.core.errors import Locked, NoCoverage, UsageError
from trendcli.core.periods import Period
from trendcli.core.types import Progress, Window, silent
from trendcli.output import weekly_texts as pages
from trendcli.output.machine import indented
from trendcli.output.weekly_page import Chart, render
from trendcli.reports.trends.comparison import comparison
from trendcli.reports.trends.series import series
from trendcli.reports.weekly.digest import MONTHS, Watch, digest
from trendcli.store.store import write_synced

_WEEK = re.compile(r"\d{4}-W\d{2}")
# what says when a document was made and of which store, and not what it says
_MADE = ("drawn", "key", "charts", "data_as_of", "warnings", "notes", "provenance")
# so many weeks are made up at most, since nobody reads more; so many of the newest are looked through for missing files
MOST, FEW = 53, 8


@contextmanager
def only_one(out: Path) -> Iterator[None]:
    """Hold the folder, so that one job writes it at a time; Locked where another does. A killed job holds nothing."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(out / ".lock", timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise Locked(f"Another weekly job writes {out}. Nothing was changed; try again later.") from None
    except OSError as error:
        raise UsageError(f"Cannot write {out}: {error.strerror}.") from None
    try:
        _recover(out)
        yield
    finally:
        lock.release()


def weeks(out: Path) -> list[Period]:
    """The weeks that have a folder with a document, in order."""
    return list(_heads(out))


def due(out: Path, last: Period, keep: int) -> list[Period]:
    """The weeks to draw, in order: those missed since the newest one, and those that were still filling."""
    heads = _heads(out)
    known = list(heads)
    missed = periods.between(known[-1].end, last.end, "week") if known else [last]
    filling = [item for item in known if heads[item]["week"]["status"] in ("provisional", "partial")]
    damaged = [item for item in known[-FEW:] if not _whole(out, item, heads[item])]
    return sorted({*missed[-min(keep or MOST, MOST) :], *(item for item in (*filling, *damaged) if item <= last)})


class Head(TypedDict):
    """What the list of weeks is made of: the part of a document that is read of each, since all of it is a megabyte."""

    title: str
    week: Mapping[str, Any]
    synthetic: bool
    drawn: list[str]
    key: NotRequired[str]
    charts: list[str]
    warnings: list[str]
    alerts: list[Mapping[str, Any]]
    records: list[Mapping[str, Any]]
    papers: list[msgspec.Raw]
    provenance: Mapping[str, Any]


def _heads(out: Path) -> dict[Period, Head]:
    """The heads of all weeks that have a folder with a document, in the order of the weeks."""
    found = {}
    for path in out.iterdir():
        if _WEEK.fullmatch(path.name):
            with suppress(UsageError):  # a year has no week 99
                item = periods.parse(path.name)
                found[item] = _head(out, item)
    return {item: head for item, head in sorted(found.items()) if head}


def _head(out: Path, item: Period) -> Head | None:
    """The head of the document of a week; None where there is none that can be read, so that it is drawn again."""
    try:
        found = msgspec.json.decode((out / item.label / "report.json").read_bytes(), type=Head)
    except (OSError, ValueError):
        return None
    return found if found["week"].get("label") == item.label else None


def _whole(out: Path, item: Period, head: Head) -> bool:
    """Whether all files of a week are there."""
    charts = [f"{name}.{kind}" for name in head["charts"] for kind in ("svg", "png")]
    return all((out / item.label / name).is_file() for name in ("index.html", "digest.md", "papers.csv", *charts))


def _key(*parts: Any) -> str:
    """A hash of all that a document can depend on."""
    return blake2b("\n".join(map(repr, parts)).encode(), digest_size=16).hexdigest()


def draw(out: Path, watch: Watch, item: Period, today: date, progress: Progress = silent) -> bool:
    """Whether the folder of a week was written: not where the same store, rules and program drew it before."""
    rules = [watch.library.key(name) for name in (*watch.watched, *watch.question.topics)]
    key = _key(__version__, watch.store.fingerprint(), item, watch.question, watch.watched, watch.default, rules)
    head = _head(out, item)
    if head and head.get("key") == key and _whole(out, item, head):
        return False
    made = digest(watch, item, today, progress)
    return write(out, item, {**made, "key": key}, lambda: charts(watch, item))


def write(out: Path, item: Period, made: Mapping[str, Any], draw: Callable[[], Sequence[Chart]]) -> bool:
    """Write the folder of a week; False, and nothing touched, where its document says the same already."""
    head = _head(out, item)
    if head and _whole(out, item, head):
        with suppress(ValueError):  # damaged where the head does not reach
            if _said(json.loads((out / item.label / "report.json").read_bytes())) == _said(made):
                return False
    drawn = [*[day for day in (head["drawn"] if head else []) if day not in made["drawn"]], *made["drawn"]]
    drawings = draw()
    report = {**made, "drawn": drawn, "charts": [chart.name for chart in drawings]}
    draft = out / f".{item.label}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    write_synced(draft / "report.json", indented(report).encode())
    write_synced(draft / "index.html", render(report, drawings).encode())
    write_synced(draft / "digest.md", pages.digest(report).encode())
    write_synced(draft / "papers.csv", pages.papers(report).encode())
    for chart in drawings:
        write_synced(draft / f"{chart.name}.svg", chart.svg)
        write_synced(draft / f"{chart.name}.png", chart.png)
    _swap(draft, out / item.label)
    return True


def charts(watch: Watch, item: Period) -> list[Chart]:
    """The watched topics by month, change by year, and the volume: those charts for which there is enough."""
    from trendcli.output import charts as drawing

    store, library, question, default = watch.store, watch.library, watch.question, watch.default
    until = periods.floor(item.end, "month")
    year = periods.previous(periods.holding(item.end, "year"))
    asked = replace(question, by="month", window=Window(periods.add_months(until, -MONTHS), until))
    some = replace(asked, topics=watch.watched[: drawing.MOST_LINES])
    names = " and ".join(library.topic(name).name for name in some.topics)

    wanted = [
        (drawing.lines, f"Share of {names} by month", series, some),
        (drawing.change, f"Relative change of topics, {year.label} against the year before", comparison,
         replace(question, period=year)),
        (drawing.volume, "Submissions by month", series, replace(asked, topics=())),
    ]  # fmt: skip
    found = []
    for draw, title, use_case, part in wanted if watch.watched else wanted[1:]:
        try:
            report = use_case(store, library, part, default)
            figure = draw(report)
        except (NoCoverage, UsageError):  # not enough is stored yet
            continue
        svg, png = (drawing.encode(figure, kind) for kind in ("svg", "png"))
        found.append(Chart(title, pages.in_words(report), svg, draw.__name__, png))
    return found


def finish(out: Path, keep: int, warnings: Sequence[str] = ()) -> None:
    """Let go of weeks beyond `keep`, and bring the latest week, the index and the feed in line with the folders.

    `warnings` are about the data as they are now, such as their age.
    """
    heads = _heads(out)
    known = list(heads)
    for item in known[:-keep] if keep else []:
        gone = (out / item.label).replace(out / f".{item.label}.draft")  # so that a kill leaves no half of it
        shutil.rmtree(gone)
    known = known[-keep:] if keep else known
    if not known:
        return
    reports = [heads[item] for item in reversed(known)]
    newest, latest = out / known[-1].label, out / "latest"
    if latest.is_symlink():  # a person may have made it one
        latest.unlink()
    names = {path.name for folder in (newest, latest) for path in folder.glob("*")}
    _, *apart = filecmp.cmpfiles(newest, latest, names, shallow=False)
    if any(apart):
        draft = out / ".latest.draft"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(newest, draft)
        _swap(draft, latest)
    # an identity that no other feed has, and this one keeps
    identity = uuid5(NAMESPACE_URL, f"{platform.node()} {out.absolute()}").urn
    texts = {"index.html": pages.index(reports, warnings), "feed.xml": pages.feed(reports, identity, warnings)}
    for name, text in texts.items():
        path = out / name
        if not path.is_file() or path.read_bytes() != text.encode():
            write_synced(path, text.encode())


def untold(out: Path) -> list[str]:
    """The weeks of which nobody has been told yet."""
    path = out / ".untold"
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def keep_untold(out: Path, labels: Sequence[str]) -> None:
    """Remember the weeks of which somebody is still to be told, whatever happens to this run."""
    if labels or (out / ".untold").is_file():
        write_synced(out / ".untold", "\n".join(labels).encode())


def summary(written: Sequence[str], made_on: date) -> str:
    """One line: what was drawn."""
    return f"{', '.join(written)} drawn on {made_on}" if written else "nothing new"


def _said(report: Mapping[str, Any]) -> dict[str, Any]:
    """A document without what says when it was made: the day, the age of the data, and the state of the whole store."""
    said = {name: value for name, value in report.items() if name not in _MADE}
    text: dict[str, Any] = json.loads(json.dumps({**said, "rules": report.get("provenance", {}).get("rules")}))
    return text


def _swap(draft: Path, place: Path) -> None:
    """Put a finished folder in the place of an older one; at any moment the one or the other can be recovered."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.replace(old)
    draft.replace(place)
    shutil.rmtree(old, ignore_errors=True)


def _recover(out: Path) -> None:
    """What a job that was killed left: an older folder comes back where the new one had not taken its place."""
    for old in out.glob(".*.old"):
        place = out / old.name[1:].removesuffix(".old")
        if not place.exists():
            old.replace(place)
        shutil.rmtree(old, ignore_errors=True)
    for draft in out.glob(".*.draft"):
        shutil.rmtree(draft, ignore_errors=True)
