"""Use-case weekly: a folder for each week, complete or absent, with an index, the latest week and a feed.

    OUT/2026-W47/   index.html digest.md report.json papers.csv lines|change|volume.png|svg
    OUT/latest/     a copy of the newest week
    OUT/index.html  OUT/feed.xml  OUT/trend-weekly.json

Only files and folders that the job wrote are replaced or removed; what a person put beside them stays, also within the
folder of a week.
"""

from __future__ import annotations

import errno
import filecmp
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

import msgspec

from trendcli.core.errors import ActionRequiredError, StoreLocked, UsageError
from trendcli.core.files import exclusive_lock, write_file_atomically
from trendcli.core.periods import Period, list_periods, parse_period
from trendcli.output.weekly_texts import render_feed, render_index
from trendcli.reports.weekly.marker import (
    check_folder,
    list_draft_files,
    list_own_files,
    list_week_folders,
    list_work_folders,
    read_feed_identity,
)

# weeks that are backfilled at most, since nobody reads more
MAX_BACKFILLED_WEEKS = 53
# newest weeks that are checked for missing files
RECHECKED_WEEKS = 8
# errors for missing permissions, as opposed to a failing disk
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG)


@contextmanager
def lock_folder(out: Path) -> Iterator[None]:
    """Lock the folder, so that one job writes it at a time; raise StoreLocked if another does.

    Raise UsageError, and touch nothing, if the folder is not the job's own or cannot be written. What a killed job left
    is recovered first.
    """
    check_folder(out)
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(out / ".lock", timeout_s=0))
        except TimeoutError:
            raise StoreLocked(
                f"Another weekly job is writing to {out}. Nothing was changed; try again later."
            ) from None
        except OSError as error:
            raise UsageError(f"Cannot write {out}: {error.strerror}.") from None
        with explain_write_errors(out):
            read_feed_identity(out)
            _recover_folders(out)
        yield


@contextmanager
def explain_write_errors(out: Path) -> Iterator[None]:
    """Raise UsageError where the folder may not be written to, ActionRequiredError where the disk is full or fails."""
    try:
        yield
    except TimeoutError:  # of a lock
        raise
    except OSError as error:
        reason = f"Cannot write to {error.filename or out}: {error.strerror or error}. Complete weeks are unchanged."
        if error.errno in _REFUSALS:
            raise UsageError(reason) from None
        advice = "Free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Check the disk"
        raise ActionRequiredError(f"{reason} {advice}, then run the same command again.") from None


def list_weeks(out: Path) -> list[Period]:
    """Return the weeks that have a folder with a document, in order."""
    return list(_read_heads(out))


def list_due_weeks(out: Path, last_week: Period, keep: int) -> list[Period]:
    """Return the weeks to draw up to `last_week`, in order: missed ones since the newest, and incomplete ones.

    Incomplete are weeks that were still filling, those with a damaged document, and recent ones that lack a file.
    `keep` is how many weeks are kept (0: all).
    """
    heads = _read_heads(out)
    weeks = list(heads)
    missed = list_periods(weeks[-1].end, last_week.end, "week") if weeks else [last_week]
    filling = [week for week in weeks if heads[week]["week"]["status"] in ("provisional", "partial")]
    damaged = [week for week in weeks[-RECHECKED_WEEKS:] if not is_complete(out, week, heads[week])]
    damaged += [
        week
        for path in list_week_folders(out)
        if (week := parse_period(path.name)) not in heads and list_own_files(path)
    ]
    backfilled = missed[-min(keep or MAX_BACKFILLED_WEEKS, MAX_BACKFILLED_WEEKS) :]
    return sorted({*backfilled, *(week for week in (*filling, *damaged) if week <= last_week)})


class _WeekHead(TypedDict):
    label: str
    start: str
    end: str
    status: Literal["complete", "provisional", "partial", "unknown"]
    base: int | None
    base_year_ago: int | None


class _NamedVerdict(TypedDict):
    name: str
    verdict: NotRequired[str]


class _Origin(TypedDict):
    program: str


class DigestHead(TypedDict):
    """The head of a week's document, which the index is made from; the rest, up to a megabyte, is not read."""

    title: str
    week: _WeekHead
    synthetic: bool
    drawn: list[str]
    key: NotRequired[str]
    charts: list[str]
    warnings: list[str]
    alerts: list[_NamedVerdict]
    records: list[_NamedVerdict]
    papers: list[msgspec.Raw]
    provenance: _Origin


def _read_heads(out: Path) -> dict[Period, DigestHead]:
    """Read the heads of all weeks that have a folder with a document, in the order of the weeks."""
    weeks = [parse_period(path.name) for path in list_week_folders(out)]
    return {week: head for week in weeks if (head := read_head(out, week))}


def read_head(out: Path, week: Period) -> DigestHead | None:
    """Read the head of a week's document; None if it is missing or damaged, so that the week is drawn again."""
    try:
        head = msgspec.json.decode((out / week.label / "report.json").read_bytes(), type=DigestHead)
        for day in (*head["drawn"], head["week"]["start"], head["week"]["end"]):
            date.fromisoformat(day)
    except (OSError, ValueError, RecursionError):
        return None
    return head if head["week"]["label"] == week.label and head["drawn"] else None


def is_complete(out: Path, week: Period, head: DigestHead) -> bool:
    """Return whether all files of a week exist."""
    charts = [f"{name}.{suffix}" for name in head["charts"] for suffix in ("svg", "png")]
    return all((out / week.label / name).is_file() for name in ("index.html", "digest.md", "papers.csv", *charts))


def update_folder(out: Path, keep: int, warnings: Sequence[str] = ()) -> None:
    """Delete the oldest weeks beyond `keep` (0: none), and update the latest week, the index and the feed.

    `warnings` are about the data as they are now, such as their age. Raise as `explain_write_errors` does.
    """
    heads = _read_heads(out)
    weeks = list(heads)
    with explain_write_errors(out):
        for week in weeks[:-keep] if keep else []:
            draft = _build_draft_path(out, week.label)
            # renamed first, so that a job that is killed leaves no half of it
            (out / week.label).replace(draft)
            _discard_draft(draft)
        weeks = weeks[-keep:] if keep else weeks
        if not weeks:
            return
        _update_latest(out, weeks[-1])
        reports = [heads[week] for week in reversed(weeks)]
        pages = {
            "index.html": render_index(reports, warnings),
            "feed.xml": render_feed(reports, read_feed_identity(out), warnings),
        }
        for name, text in pages.items():
            path = out / name
            if not path.is_file() or path.read_bytes() != text.encode():
                write_file_atomically(path, text.encode())


def _update_latest(out: Path, newest_week: Period) -> None:
    """Make the folder `latest` a copy of the newest week, unless it is one."""
    newest, latest = out / newest_week.label, out / "latest"
    names = {path.name for folder in (newest, latest) if folder.is_dir() for path in list_own_files(folder)}
    _, mismatches, errors = filecmp.cmpfiles(newest, latest, names, shallow=False)
    if mismatches or errors:
        with drafted_folder(out, "latest") as draft:
            for path in list_own_files(newest):
                shutil.copyfile(path, draft / path.name)


def format_summary(drawn_weeks: Sequence[str], drawn_on: date) -> str:
    """Format one line on the weeks that were drawn."""
    return f"{', '.join(drawn_weeks)} generated on {drawn_on}" if drawn_weeks else "nothing new"


def _build_draft_path(out: Path, name: str) -> Path:
    return out / f".{name}.draft"


@contextmanager
def drafted_folder(out: Path, name: str) -> Iterator[Path]:
    """Yield an empty folder to write, which takes the place of `name` when the block ends; after an error remove it.

    At any moment the old folder or the new one can be recovered.
    """
    draft = _build_draft_path(out, name)
    draft.mkdir(exist_ok=True)
    _remove_own_files(draft)
    draft.mkdir(exist_ok=True)
    try:
        yield draft
    except BaseException:
        _discard_draft(draft)  # free the space on a full disk
        raise
    folder, old = out / name, _build_old_path(out, name)
    if folder.exists():
        folder.replace(old)
    draft.replace(folder)
    _settle_replaced(old, folder)


def _build_old_path(out: Path, name: str) -> Path:
    return out / f".{name}.old"


def _settle_replaced(old: Path, folder: Path) -> None:
    """Move the user's files from a replaced folder to its successor, and remove the rest."""
    if not old.exists():
        return
    own_files = list_own_files(old)
    for path in old.iterdir():
        if path not in own_files and not (folder / path.name).exists():
            path.replace(folder / path.name)
    _remove_own_files(old)


def _discard_draft(draft: Path) -> None:
    """Remove a draft; the user's files in it, or in the expired week that it was, stay under the week's name."""
    _remove_own_files(draft)
    folder = draft.with_name(draft.name[1:].removesuffix(".draft"))
    if draft.exists() and not folder.exists():
        draft.replace(folder)


def _remove_own_files(folder: Path) -> None:
    """Remove the files of a week that the job wrote, and the folder if nothing else is in it."""
    for path in list_own_files(folder):
        path.unlink()
    with suppress(OSError):  # not empty
        folder.rmdir()


def _recover_folders(out: Path) -> None:
    """Undo what a killed job left: restore a folder whose replacement was not in place yet, and delete drafts."""
    for path in list_work_folders(out):
        folder = out / path.name[1:].removesuffix(path.suffix)
        if path.suffix == ".draft":
            _discard_draft(path)
        elif folder.exists():
            _settle_replaced(path, folder)
        else:
            path.replace(folder)
    for path in list_draft_files(out):
        path.unlink()
