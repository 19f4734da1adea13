"""Use-case weekly: a folder for each week, complete or absent, with an index, the latest week and a feed.

    OUT/2026-W47/   index.html digest.md report.json papers.csv lines|change|volume.png|svg
    OUT/latest/     a copy of the newest week
    OUT/index.html  OUT/feed.xml

A week is drawn from the store alone, so the same store gives the same bytes. A week whose days were still filling is
checked at each run, and drawn again if its numbers have changed.
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

from trendcli.core import __version__
from trendcli.core.errors import CoverageMissing, StoreLocked, UsageError
from trendcli.core.files import exclusive_lock, write_file_atomically
from trendcli.core.periods import (
    Period,
    add_months,
    list_periods,
    parse_period,
    period_containing,
    period_start,
    previous_period,
)
from trendcli.core.types import Progress, Window, ignore_progress
from trendcli.output.machine import format_json
from trendcli.output.weekly_page import ChartImage, render_page
from trendcli.output.weekly_texts import (
    describe_chart,
    render_digest,
    render_feed,
    render_index,
    render_submissions_csv,
)
from trendcli.reports.trends.comparison import build_comparison
from trendcli.reports.trends.series import build_series
from trendcli.reports.weekly.digest import CURVE_MONTHS, DigestInput, build_digest

# weeks that are backfilled at most, since nobody reads more
MAX_BACKFILLED_WEEKS = 53
# newest weeks that are checked for missing files
RECHECKED_WEEKS = 8
_WEEK_PATTERN = re.compile(r"\d{4}-W\d{2}")
# parts of a document that say when it was made, and of which store, and not what it says
_VOLATILE_KEYS = ("drawn", "key", "charts", "data_as_of", "warnings", "notes", "provenance")
# holds the labels of weeks whose notification is pending
_PENDING_FILE = ".untold"


@contextmanager
def lock_folder(out: Path) -> Iterator[None]:
    """Lock the folder, so that one job writes it at a time; raise StoreLocked if another does.

    What a killed job left is recovered first.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(out / ".lock", timeout_s=0))
        except TimeoutError:
            raise StoreLocked(
                f"Another weekly job is writing to {out}. Nothing was changed; try again later."
            ) from None
        except OSError as error:
            raise UsageError(f"Cannot write {out}: {error.strerror}.") from None
        _recover_folders(out)
        yield


def list_weeks(out: Path) -> list[Period]:
    """Return the weeks that have a folder with a document, in order."""
    return list(_read_heads(out))


def list_due_weeks(out: Path, last_week: Period, keep: int) -> list[Period]:
    """Return the weeks to draw up to `last_week`, in order: missed ones since the newest, and incomplete ones.

    Incomplete are weeks that were still filling, and recent ones that lack a file. `keep` is how many weeks are kept
    (0: all).
    """
    heads = _read_heads(out)
    weeks = list(heads)
    missed = list_periods(weeks[-1].end, last_week.end, "week") if weeks else [last_week]
    filling = [week for week in weeks if heads[week]["week"]["status"] in ("provisional", "partial")]
    damaged = [week for week in weeks[-RECHECKED_WEEKS:] if not _is_complete(out, week, heads[week])]
    backfilled = missed[-min(keep or MAX_BACKFILLED_WEEKS, MAX_BACKFILLED_WEEKS) :]
    return sorted({*backfilled, *(week for week in (*filling, *damaged) if week <= last_week)})


class DigestHead(TypedDict):
    """The head of a week's document, which the index is made from; the rest, up to a megabyte, is not read."""

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
    """Read the heads of all weeks that have a folder with a document, in the order of the weeks."""
    heads = {}
    for path in out.iterdir():
        if _WEEK_PATTERN.fullmatch(path.name):
            with suppress(UsageError):  # a year has no week 99
                week = parse_period(path.name)
                heads[week] = _read_head(out, week)
    return {week: head for week, head in sorted(heads.items()) if head}


def _read_head(out: Path, week: Period) -> DigestHead | None:
    """Read the head of a week's document; None if it is missing or damaged, so that the week is drawn again."""
    try:
        head = msgspec.json.decode((out / week.label / "report.json").read_bytes(), type=DigestHead)
    except (OSError, ValueError):
        return None
    return head if head["week"].get("label") == week.label else None


def _is_complete(out: Path, week: Period, head: DigestHead) -> bool:
    """Return whether all files of a week exist."""
    charts = [f"{name}.{suffix}" for name in head["charts"] for suffix in ("svg", "png")]
    return all((out / week.label / name).is_file() for name in ("index.html", "digest.md", "papers.csv", *charts))


def _hash_inputs(*parts: Any) -> str:
    """Hash all that a document can depend on."""
    return blake2b("\n".join(map(repr, parts)).encode(), digest_size=16).hexdigest()


def draw_week(
    out: Path, digest_input: DigestInput, week: Period, today: date, progress: Progress = ignore_progress
) -> bool:
    """Draw the folder of a week; return False if the same store, rules and program have drawn it before."""
    topics = *digest_input.watched_topics, *digest_input.query.topics
    rules = [digest_input.library.match_hash(name) for name in topics]
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
    document = build_digest(digest_input, week, today, progress)
    return write_week(out, week, {**document, "key": key}, lambda: draw_week_charts(digest_input, week))


def write_week(
    out: Path, week: Period, document: Mapping[str, Any], build_charts: Callable[[], Sequence[ChartImage]]
) -> bool:
    """Write the folder of a week; return False, and change nothing, if its document already says the same."""
    head = _read_head(out, week)
    if head and _is_complete(out, week, head):
        with suppress(ValueError):  # damaged behind the head
            old_document = json.loads((out / week.label / "report.json").read_bytes())
            if _stable_content(old_document) == _stable_content(document):
                return False
    earlier_days = [day for day in (head["drawn"] if head else []) if day not in document["drawn"]]
    charts = build_charts()
    report = {**document, "drawn": [*earlier_days, *document["drawn"]], "charts": [chart.name for chart in charts]}
    draft = out / f".{week.label}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    write_file_atomically(draft / "report.json", format_json(report).encode())
    write_file_atomically(draft / "index.html", render_page(report, charts).encode())
    write_file_atomically(draft / "digest.md", render_digest(report).encode())
    write_file_atomically(draft / "papers.csv", render_submissions_csv(report).encode())
    for chart in charts:
        write_file_atomically(draft / f"{chart.name}.svg", chart.svg)
        write_file_atomically(draft / f"{chart.name}.png", chart.png)
    _replace_folder(draft, out / week.label)
    return True


def draw_week_charts(digest_input: DigestInput, week: Period) -> list[ChartImage]:
    """Draw the charts for which there are enough data: watched topics by month, change by year, and volume."""
    from trendcli.output.charts import MAX_LINES, draw_change, draw_lines, draw_volume, encode_figure

    library, watched = digest_input.library, digest_input.watched_topics
    until = period_start(week.end, "month")
    last_year = previous_period(period_containing(week.end, "year"))
    by_month = replace(digest_input.query, by="month", window=Window(add_months(until, -CURVE_MONTHS), until))
    watched_by_month = replace(by_month, topics=watched[:MAX_LINES])
    names = " and ".join(library.get_topic(name).name for name in watched_by_month.topics)

    charts = [
        ("change", f"Relative change of topics, {last_year.label} against the year before",
         draw_change, build_comparison, replace(digest_input.query, period=last_year)),
        ("volume", "Submissions by month", draw_volume, build_series, replace(by_month, topics=())),
    ]  # fmt: skip
    if watched:
        charts.insert(0, ("lines", f"Share of {names} by month", draw_lines, build_series, watched_by_month))
    images = []
    for name, title, draw_chart, build_report, query in charts:
        try:
            report = build_report(digest_input.store, library, query, digest_input.default_scope)
            figure = draw_chart(report)
        except (CoverageMissing, UsageError):  # not enough is stored yet
            continue
        svg, png = (encode_figure(figure, suffix) for suffix in ("svg", "png"))
        images.append(ChartImage(title, describe_chart(report), svg, name, png))
    return images


def update_folder(out: Path, keep: int, warnings: Sequence[str] = ()) -> None:
    """Delete the oldest weeks beyond `keep` (0: none), and update the latest week, the index and the feed.

    `warnings` are about the data as they are now, such as their age.
    """
    heads = _read_heads(out)
    weeks = list(heads)
    for week in weeks[:-keep] if keep else []:
        # renamed first, so that a job that is killed leaves no half of it
        shutil.rmtree((out / week.label).replace(out / f".{week.label}.draft"))
    weeks = weeks[-keep:] if keep else weeks
    if not weeks:
        return
    _update_latest(out, weeks[-1])
    reports = [heads[week] for week in reversed(weeks)]
    # an identity that no other feed has, and that this one keeps
    identity = uuid5(NAMESPACE_URL, f"{platform.node()} {out.absolute()}").urn
    pages = {
        "index.html": render_index(reports, warnings),
        "feed.xml": render_feed(reports, identity, warnings),
    }
    for name, text in pages.items():
        path = out / name
        if not path.is_file() or path.read_bytes() != text.encode():
            write_file_atomically(path, text.encode())


def _update_latest(out: Path, newest_week: Period) -> None:
    """Make the folder `latest` a copy of the newest week, unless it is one."""
    newest, latest = out / newest_week.label, out / "latest"
    if latest.is_symlink():  # a person may have made it one
        latest.unlink()
    names = {path.name for folder in (newest, latest) for path in folder.glob("*")}
    _, mismatches, errors = filecmp.cmpfiles(newest, latest, names, shallow=False)
    if mismatches or errors:
        draft = out / ".latest.draft"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(newest, draft)
        _replace_folder(draft, latest)


def read_pending_weeks(out: Path) -> list[str]:
    """Read the labels of the weeks whose notification is pending."""
    path = out / _PENDING_FILE
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def write_pending_weeks(out: Path, labels: Sequence[str]) -> None:
    """Store the labels of the weeks whose notification is pending, whatever happens to this run."""
    if labels or (out / _PENDING_FILE).is_file():
        write_file_atomically(out / _PENDING_FILE, "\n".join(labels).encode())


def format_summary(drawn_weeks: Sequence[str], drawn_on: date) -> str:
    """Format one line on the weeks that were drawn."""
    return f"{', '.join(drawn_weeks)} generated on {drawn_on}" if drawn_weeks else "nothing new"


def _stable_content(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document, as JSON reads it back, without the parts that say when and from which store it was made."""
    stable = {name: value for name, value in report.items() if name not in _VOLATILE_KEYS}
    content: dict[str, Any] = json.loads(json.dumps({**stable, "rules": report.get("provenance", {}).get("rules")}))
    return content


def _replace_folder(draft: Path, folder: Path) -> None:
    """Put a finished folder in the place of an older one; at any moment one of the two can be recovered."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    draft.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def _recover_folders(out: Path) -> None:
    """Undo what a killed job left: restore a folder whose replacement was not in place yet, and delete drafts."""
    for old in out.glob(".*.old"):
        folder = out / old.name[1:].removesuffix(".old")
        if not folder.exists():
            old.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    for draft in out.glob(".*.draft"):
        shutil.rmtree(draft, ignore_errors=True)
