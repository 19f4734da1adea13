"""Records as the bulk snapshot writes them, for files that a test writes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from trendcli.core.types import Request, Window, ignore_progress
from trendcli.sources.harvest import HarvestResult, harvest_source
from trendcli.sources.snapshot import Snapshot
from trendcli.store.store import Store


def line(id: str, v1: str = "Mon, 2 Apr 2007 19:18:42 GMT", *later: str, **changes: Any) -> dict[str, Any]:
    """Return a record of some versions, given by their dates."""
    return {
        "id": id,
        "submitter": "A B",
        "authors": "A. One and\n  B. Two",
        "title": "On\n  nothing",
        "comments": None,
        "journal-ref": None,
        "doi": None,
        "report-no": None,
        "categories": "cs.LG stat.ML",
        "license": None,
        "abstract": "  We say\nlittle.\n",
        "versions": [{"version": f"v{number}", "created": day} for number, day in enumerate([v1, *later], 1)],
        "update_date": "2008-11-26",
        "authors_parsed": [["One", "A.", ""], ["Two", "B.", ""]],
        **changes,
    }


def dated_line(year: int, month: int, day: int, number: int, **changes: Any) -> dict[str, Any]:
    """Return a record submitted at noon of a day, with a number within its month."""
    noon = format_datetime(datetime(year, month, day, 12, tzinfo=UTC), usegmt=True)
    ident = f"{year % 100:02d}{month:02d}.{number:0{5 if year >= 2015 else 4}d}"
    return line(ident, noon, **{"update_date": str(date(year, month, day)), **changes})


def months(year: int, first: int, last: int, gap: int = 0, each: int = 120) -> list[dict[str, Any]]:
    """Return the records 1 to `each` - 1 of some months; with `gap`, every `gap`-th number is missing."""
    return [
        dated_line(year, month, number % 28 + 1, number)
        for month in range(first, last + 1)
        for number in range(1, each)
        if not gap or number % gap
    ]


def write(path: Path, *lines: dict[str, Any] | str) -> str:
    """Write records, or lines as they are, to a file and return its path."""
    texts = (item if isinstance(item, str) else json.dumps(item) for item in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return str(path)


def load_snapshot(
    root: Path, path: str, *categories: str, window: Window = Window(None, None), **options: Any
) -> tuple[Store, HarvestResult]:
    """Import a file; `options` are those of Snapshot."""
    store, source = Store.open_or_create(root), Snapshot(path, root, **options)
    return store, harvest_source(store, source, [Request(categories, window)], ignore_progress, lambda fault: None)
