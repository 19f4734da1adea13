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
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any, NotRequired, TypedDict
from uuid import NAMESPACE_URL, uuid5

import msgspec

from trendcli.core import periods
from trendcli.core.errors import CoverageMissing, StoreLocked, UsageError
from trendcli.core.files import exclusive_lock, write_file_atomically
from trendcli.core.periods import Period
from trendcli.core.types import Progress, Window, ignore_progress
from trendcli.core.version import __version__
from trendcli.output import weekly_texts as pages
from trendcli.output.machine import format_json
from trendcli.output.weekly_page import ChartImage, render_page
from trendcli.reports.trends.comparison import build_comparison
from trendcli.reports.trends.series import build_series
from trendcli.reports.weekly.digest import CURVE_MONTHS, DigestInput, build_digest

_WEEK_PATTERN = re.compile(r"\d{4}-W\d{2}")
# what says when a document was made and of which store, and not what it says
_VOLATILE_KEYS = ("drawn", "key", "charts", "data_as_of", "warnings", "notes", "provenance")
# so many weeks are made up at most, since nobody reads more; so many of the newest are looked through for missing files
MAX_BACKFILLED_WEEKS, RECHECKED_WEEKS = 53, 8


@contextmanager
def lock_folder(out: Path) -> Iterator[None]:
    """Hold the folder, so that one job writes it at a time; StoreLocked where another does."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(out / ".lock", timeout_s=0))
        except TimeoutError:
            raise StoreLocked(f"Another weekly job writes {out}. Nothing was changed; try again later.") from None
        except OSError as error:
            raise UsageError(f"Cannot write {out}: {error.strerror}.") from None
        _recover_folders(out)
        yield


def list_weeks(out: Path) -> list[Period]:
    """The weeks that have a folder with a document, in order."""
    return list(_read_heads(out))


def list_due_weeks(out: Path, last_week: Period, keep: int) -> list[Period]:
    """The weeks to draw, in order: those missed since the newest one, and those that were still filling."""
    heads = _read_heads(out)
    known = list(heads)
    missed = periods.list_periods(known[-1].end, last_week.end, "week") if known else [last_week]
    filling = [item for item in known if heads[item]["week"]["status"] in ("provisional", "partial")]
    damaged = [item for item in known[-RECHECKED_WEEKS:] if not _is_complete(out, item, heads[item])]
    return sorted(
        {
            *missed[-min(keep or MAX_BACKFILLED_WEEKS, MAX_BACKFILLED_WEEKS) :],
            *(item for item in (*filling, *damaged) if item <= last_week),
        }
    )


class DigestHead(TypedDict):
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


def _read_heads(out: Path) -> dict[Period, DigestHead]:
    """The heads of all weeks that have a folder with a document, in the order of the weeks."""
    found = {}
    for path in out.iterdir():
        if _WEEK_PATTERN.fullmatch(path.name):
            with suppress(UsageError):  # a year has no week 99
                item = periods.parse_period(path.name)
                found[item] = _read_head(out, item)
    return {item: head for item, head in sorted(found.items()) if head}


def _read_head(out: Path, week: Period) -> DigestHead | None:
    """The head of the document of a week; None where there is none that can be read, so that it is drawn again."""
    try:
        found = msgspec.json.decode((out / week.label / "report.json").read_bytes(), type=DigestHead)
    except (OSError, ValueError):
        return None
    return found if found["week"].get("label") == week.label else None


def _is_complete(out: Path, week: Period, head: DigestHead) -> bool:
    """Whether all files of a week are there."""
    charts = [f"{name}.{kind}" for name in head["charts"] for kind in ("svg", "png")]
    return all((out / week.label / name).is_file() for name in ("index.html", "digest.md", "papers.csv", *charts))


def _hash_inputs(*parts: Any) -> str:
    """A hash of all that a document can depend on."""
    return blake2b("\n".join(map(repr, parts)).encode(), digest_size=16).hexdigest()


def draw_week(
    out: Path, digest_input: DigestInput, week: Period, today: date, progress: Progress = ignore_progress
) -> bool:
    """Whether the folder of a week was written: not where the same store, rules and program drew it before."""
    rules = [
        digest_input.library.match_hash(name) for name in (*digest_input.watched_topics, *digest_input.query.topics)
    ]
    key = _hash_inputs(
        __version__,
        digest_input.store.compute_fingerprint(),
        week,
        digest_input.query,
        digest_input.watched_topics,
        digest_input.default_scope,
        rules,
    )
    head = _read_head(out, week)
    if head and head.get("key") == key and _is_complete(out, week, head):
        return False
    made = build_digest(digest_input, week, today, progress)
    return write_week(out, week, {**made, "key": key}, lambda: draw_week_charts(digest_input, week))


def write_week(
    out: Path, week: Period, document: Mapping[str, Any], build_charts: Callable[[], Sequence[ChartImage]]
) -> bool:
    """Write the folder of a week; False, and nothing touched, where its document says the same already."""
    head = _read_head(out, week)
    if head and _is_complete(out, week, head):
        with suppress(ValueError):  # damaged where the head does not reach
            if _stable_content(json.loads((out / week.label / "report.json").read_bytes())) == _stable_content(
                document
            ):
                return False
    drawn = [*[day for day in (head["drawn"] if head else []) if day not in document["drawn"]], *document["drawn"]]
    drawings = build_charts()
    report = {**document, "drawn": drawn, "charts": [chart.name for chart in drawings]}
    draft = out / f".{week.label}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    write_file_atomically(draft / "report.json", format_json(report).encode())
    write_file_atomically(draft / "index.html", render_page(report, drawings).encode())
    write_file_atomically(draft / "digest.md", pages.render_digest(report).encode())
    write_file_atomically(draft / "papers.csv", pages.render_submissions_csv(report).encode())
    for chart in drawings:
        write_file_atomically(draft / f"{chart.name}.svg", chart.svg)
        write_file_atomically(draft / f"{chart.name}.png", chart.png)
    _replace_folder(draft, out / week.label)
    return True


def draw_week_charts(digest_input: DigestInput, week: Period) -> list[ChartImage]:
    """The watched topics by month, change by year, and the volume: those charts for which there is enough."""
    from trendcli.output import charts as drawing

    store, library, question, default = (
        digest_input.store,
        digest_input.library,
        digest_input.query,
        digest_input.default_scope,
    )
    until = periods.period_start(week.end, "month")
    year = periods.previous_period(periods.period_containing(week.end, "year"))
    asked = replace(question, by="month", window=Window(periods.add_months(until, -CURVE_MONTHS), until))
    some = replace(asked, topics=digest_input.watched_topics[: drawing.MAX_LINES])
    names = " and ".join(library.get_topic(name).name for name in some.topics)

    wanted = [
        ("lines", drawing.draw_lines, f"Share of {names} by month", build_series, some),
        ("change", drawing.draw_change, f"Relative change of topics, {year.label} against the year before",
         build_comparison, replace(question, period=year)),
        ("volume", drawing.draw_volume, "Submissions by month", build_series, replace(asked, topics=())),
    ]  # fmt: skip
    found = []
    for name, draw, title, use_case, part in wanted if digest_input.watched_topics else wanted[1:]:
        try:
            report = use_case(store, library, part, default)
            figure = draw(report)
        except (CoverageMissing, UsageError):  # not enough is stored yet
            continue
        svg, png = (drawing.encode_figure(figure, kind) for kind in ("svg", "png"))
        found.append(ChartImage(title, pages.describe_chart(report), svg, name, png))
    return found


def update_folder(out: Path, keep: int, warnings: Sequence[str] = ()) -> None:
    """Let go of weeks beyond `keep`, and bring the latest week, the index and the feed in line with the folders.

    `warnings` are about the data as they are now, such as their age.
    """
    heads = _read_heads(out)
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
        _replace_folder(draft, latest)
    # an identity that no other feed has, and this one keeps
    identity = uuid5(NAMESPACE_URL, f"{platform.node()} {out.absolute()}").urn
    texts = {
        "index.html": pages.render_index(reports, warnings),
        "feed.xml": pages.render_feed(reports, identity, warnings),
    }
    for name, text in texts.items():
        path = out / name
        if not path.is_file() or path.read_bytes() != text.encode():
            write_file_atomically(path, text.encode())


def read_pending_weeks(out: Path) -> list[str]:
    """The weeks of which nobody has been told yet."""
    path = out / ".untold"
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def write_pending_weeks(out: Path, labels: Sequence[str]) -> None:
    """Remember the weeks of which somebody is still to be told, whatever happens to this run."""
    if labels or (out / ".untold").is_file():
        write_file_atomically(out / ".untold", "\n".join(labels).encode())


def format_summary(drawn_weeks: Sequence[str], drawn_on: date) -> str:
    """One line: what was drawn."""
    return f"{', '.join(drawn_weeks)} drawn on {drawn_on}" if drawn_weeks else "nothing new"


def _stable_content(report: Mapping[str, Any]) -> dict[str, Any]:
    """A document without what says when it was made: the day, the age of the data, and the state of the whole store."""
    said = {name: value for name, value in report.items() if name not in _VOLATILE_KEYS}
    text: dict[str, Any] = json.loads(json.dumps({**said, "rules": report.get("provenance", {}).get("rules")}))
    return text


def _replace_folder(draft: Path, folder: Path) -> None:
    """Put a finished folder in the place of an older one; at any moment the one or the other can be recovered."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    draft.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def _recover_folders(out: Path) -> None:
    """What a job that was killed left: an older folder comes back where the new one had not taken its place."""
    for old in out.glob(".*.old"):
        place = out / old.name[1:].removesuffix(".old")
        if not place.exists():
            old.replace(place)
        shutil.rmtree(old, ignore_errors=True)
    for draft in out.glob(".*.draft"):
        shutil.rmtree(draft, ignore_errors=True)
