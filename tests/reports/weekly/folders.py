"""Folders of weeks that are made by hand, and what is in a folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from trendcli.core.periods import Period, parse_period

CHARTS = {f"{name}.{suffix}" for name in ("change", "lines", "volume") for suffix in ("png", "svg")}
FILES = {"digest.md", "index.html", "papers.csv", "report.json", *CHARTS}


def labels(weeks: list[Period]) -> list[str]:
    return [week.label for week in weeks]


def read_files(out: Path) -> dict[str, bytes]:
    """Read all files, without the identity of the feed, which is that of its folder."""
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    return {name: re.sub(rb"urn:uuid:[0-9a-f-]+", b"", data) for name, data in files.items()}


def write_empty_week(out: Path, label: str, status: str = "complete", **changes: Any) -> None:
    """Write the folder of a week as small as it may be."""
    week = parse_period(label)
    document = {
        "kind": "weekly",
        "title": label,
        "week": {
            "label": label, "start": str(week.start), "end": str(week.end), "status": status, "base": 20,
            "base_year_ago": 18,
        },
        "synthetic": False, "drawn": ["2019-07-01"], "charts": [], "warnings": [], "alerts": [], "records": [],
        "papers": [], "provenance": {"program": "trendcli"},
    }  # fmt: skip
    (out / label).mkdir(parents=True)
    (out / label / "report.json").write_text(json.dumps({**document, **changes}))
    for name in ("index.html", "digest.md", "papers.csv"):
        (out / label / name).touch()
