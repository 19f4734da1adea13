"""The marker of the folder of weeks: which files belong to the weekly job, and which to the user.

Nothing is written into a folder that is neither empty nor marked, and in a marked one nothing of another origin is
replaced or removed. The marker also keeps the identity of the feed, which must not change with the host or the path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID, uuid4

from trendcli.core.errors import StoreTooNew, UsageError
from trendcli.core.files import write_file_atomically
from trendcli.core.periods import parse_period
from trendcli.output.machine import format_json

MARKER_NAME = "trend-weekly.json"
_KIND = "trend-weekly"
_FORMAT_VERSION = 1
_EXPLANATION = (
    "The folder of `trend weekly`, which adds, replaces and removes weeks here and leaves all other files unchanged. "
    "`feed` identifies the feed; without this file, the folder is refused."
)
# files that hosts and desktops put into an otherwise empty folder; the job writes none of these
_HARMLESS_NAMES = frozenset(
    (".git", ".gitattributes", ".gitignore", ".nojekyll", "CNAME", "robots.txt", ".DS_Store", "lost+found")
)
_OWN_FILE_PATTERN = re.compile(
    r"(index\.html|digest\.md|report\.json|papers\.csv|(lines|change|volume)\.(svg|png))(\.\d+\.draft)?"
)
_WEEK_PATTERN = re.compile(r"\d{4}-W\d{2}")
_WORK_PATTERN = re.compile(r"\.(\d{4}-W\d{2}|latest)\.(draft|old)")
_DRAFT_PATTERN = re.compile(r"(index\.html|feed\.xml|trend-weekly\.json)\.\d+\.draft")
# how every version has begun the document of a week
_DOCUMENT_PATTERN = re.compile(rb'\{\s*"kind": "weekly",')
_EARLIER_INDEX_PATTERN = re.compile(
    rb'<title>[^<]*(?:Weekly research trends|Research trends by week)</title>\s*<link [^>]*href="feed\.xml">'
)
_FEED_PATTERN = re.compile(r"<id>(urn:uuid:[0-9a-f-]{36})</id>\s.*<author><name>trendcli", re.DOTALL)
# bytes at the start of a page or feed in which its origin shows
_HEAD_BYTES = 16_384
# names in an error message
_MAX_SHOWN_NAMES = 3


def check_folder(out: Path) -> None:
    """Raise UsageError where `out`, or a name in it that the job needs, does not belong to the job; touch nothing.

    A folder belongs to the job if it is empty or absent, carries the marker, or was written before there were markers.
    Raise StoreTooNew for a folder of a newer version.
    """
    if not out.is_dir():
        if out.exists() or out.is_symlink():
            raise UsageError(f"{out} is not a folder. Nothing was changed. Choose a new or empty folder with --out.")
        return
    if _read_marker(out) is None and not _is_unmarked_own(out):
        others = sorted(path.name for path in out.iterdir() if not _is_harmless(path))
        if others:
            raise UsageError(
                f"{out} contains other files ({_format_names(others)}), but `trend weekly` needs its own folder. "
                f"Nothing was changed. Choose a new or empty folder, e.g. --out {out / 'trend-weekly'}."
            )
    if foreign := sorted(path.name for path in out.iterdir() if _is_foreign(path)):
        raise UsageError(
            f"{out} contains files that `trend weekly` did not write but whose names it needs: "
            f"{_format_names(foreign)}. Nothing was changed. Rename or move them, or choose another folder with --out."
        )


def read_feed_identity(out: Path) -> str:
    """Return the URN that identifies the feed of a folder, and write the marker that stores it if there is none."""
    marker = _read_marker(out)
    if marker:
        return str(marker["feed"])
    identity = _read_earlier_identity(out) or uuid4().urn
    marker = {"kind": _KIND, "format": _FORMAT_VERSION, "feed": identity, "about": _EXPLANATION}
    write_file_atomically(out / MARKER_NAME, format_json(marker).encode())
    return identity


def list_week_folders(out: Path) -> list[Path]:
    """Return the paths whose name is that of a week, in order."""
    return sorted(path for path in out.iterdir() if _is_week_name(path.name))


def list_work_folders(out: Path) -> list[Path]:
    """Return the leftovers of a killed job: replaced folders, then drafts; only the job uses such names."""
    paths = [path for path in out.iterdir() if _WORK_PATTERN.fullmatch(path.name)]
    return sorted(paths, key=lambda path: path.suffix, reverse=True)


def list_draft_files(out: Path) -> list[Path]:
    """Return the half-written files beside the weeks that a killed job left."""
    return [path for path in out.iterdir() if _DRAFT_PATTERN.fullmatch(path.name) and _is_file(path)]


def list_own_files(folder: Path) -> list[Path]:
    """Return the files of a week that the job wrote, including half-written ones, but no files of the user."""
    return [path for path in folder.iterdir() if _OWN_FILE_PATTERN.fullmatch(path.name) and _is_file(path)]


def _read_marker(out: Path) -> Mapping[str, object] | None:
    """Read the marker; None if there is none or it is damaged. Raise StoreTooNew for that of a newer version."""
    try:
        marker = json.loads((out / MARKER_NAME).read_bytes())
        if marker["kind"] != _KIND or not isinstance(marker["format"], int):
            return None
        if marker["format"] > _FORMAT_VERSION:
            raise StoreTooNew(
                f"{out} was written by a newer version of trendcli. Nothing was changed. Update trendcli, or choose "
                "another folder with --out."
            )
        return marker if _is_urn(marker["feed"]) else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _is_urn(text: object) -> bool:
    """Return whether a text is a UUID as a URN (RFC 4122)."""
    try:
        return isinstance(text, str) and UUID(text).urn == text
    except ValueError:
        return False


def _read_earlier_identity(out: Path) -> str | None:
    """Return the identity in the feed that an earlier version wrote; None without one."""
    match = _FEED_PATTERN.search(_read_start(out / "feed.xml").decode("utf-8", "replace"))
    return match[1] if match and _is_urn(match[1]) else None


def _is_unmarked_own(out: Path) -> bool:
    """Return whether a folder without a readable marker contains a week that the job wrote."""
    return any(_is_own_document(week / "report.json") for week in list_week_folders(out))


def _is_harmless(path: Path) -> bool:
    """Return whether a file may lie in a folder in which the job starts."""
    # of a job that was killed before it wrote the marker
    is_left_over = (path.name == ".lock" and _is_empty(path)) or bool(_DRAFT_PATTERN.fullmatch(path.name))
    return path.name in _HARMLESS_NAMES or (is_left_over and _is_file(path))


def _is_foreign(path: Path) -> bool:
    """Return whether a path has a name that the job needs but was not written by it."""
    name = path.name
    if name == ".lock":
        return not _is_empty(path)
    if name == MARKER_NAME:
        # a damaged one still shows what it was
        return not _is_file(path) or not (_is_empty(path) or _KIND.encode() in _read_start(path))
    if name == "index.html":
        return not _is_file(path) or not (_is_empty(path) or _is_own_index(path))
    if name == "feed.xml":
        return not _is_file(path) or not (_is_empty(path) or b"<author><name>trendcli" in _read_start(path))
    if name == "latest" or _is_week_name(name):
        return not _is_own_week(path)
    return bool(_WORK_PATTERN.fullmatch(name)) and not _is_folder(path)


def _is_week_name(name: str) -> bool:
    if not _WEEK_PATTERN.fullmatch(name):
        return False
    try:
        parse_period(name)
    except UsageError:  # a year has no week 99
        return False
    return True


def _is_own_week(folder: Path) -> bool:
    """Return whether a folder holds a week, or nothing that has the name of a file of a week."""
    if not _is_folder(folder):
        return False
    files = [path for path in list_own_files(folder) if not _is_empty(path)]
    return not files or any(_is_own_document(path) or _is_own_page(path) for path in files)


def _is_own_document(path: Path) -> bool:
    return path.name.startswith("report.json") and bool(_DOCUMENT_PATTERN.match(_read_start(path)))


def _is_own_page(path: Path) -> bool:
    return path.name.startswith("index.html") and b'<meta name="generator" content="trendcli' in _read_start(path)


def _is_own_index(path: Path) -> bool:
    """Return whether a page is the list of weeks, also one of an earlier version, which did not name its program."""
    return _is_own_page(path) or bool(_EARLIER_INDEX_PATTERN.search(_read_start(path)))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _is_empty(path: Path) -> bool:
    return _is_file(path) and path.stat().st_size == 0


def _read_start(path: Path) -> bytes:
    """Return the first bytes of a file; none if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError:
        return b""


def _format_names(names: Sequence[str]) -> str:
    others = len(names) - _MAX_SHOWN_NAMES
    shown = ", ".join(names[:_MAX_SHOWN_NAMES])
    return f"{shown} and {others:,} more" if others > 0 else shown
