"""The kinds of torture, in the order in which they begin: those that take longest come first."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind: its module, what it tries, the name of its cases, and in how many parts it is tried at full scale."""

    module: str
    what: str
    cases: str
    parts: int = 1


KINDS = {
    "year": Kind(
        "year",
        "53 weeks of `fetch` and `weekly` against a stand-in of arXiv that lives on: outages, zeros, faults, gaps of "
        "three weeks, a clock that jumps",
        "weeks",
    ),
    "fuzz": Kind(
        "fuzz",
        "changed input for every parser: snapshots, venue lists, replies of arXiv and OpenReview, YAML, options, "
        "searches, patterns, saved reports, and the store's own files",
        "inputs",
        4,
    ),
    "damage": Kind(
        "damage",
        "one file of a store changed by a bit, a digit, a lost sector, a cut, zeros, another file's content, or removed",
        "files",
        4,
    ),
    "kills": Kind(
        "kills",
        "SIGKILL, SIGTERM and SIGINT at random moments of import, compaction, report, index, weekly, doctor --fix and "
        "--rebuild",
        "trials",
        4,
    ),
    "disks": Kind(
        "disks",
        "a disk that is full or broken (ENOSPC, EIO) from the n-th write, sync, rename or new file on",
        "runs",
        3,
    ),
    "bombs": Kind("bombs", "input and replies that grow without end: at most 10 s and 500 MB each", "bombs", 2),
    "copies": Kind(
        "copies",
        "copies of a store merged, conflict copies, a manifest that is older or lost, all lost but the data",
        "cases",
        2,
    ),
    "streams": Kind("streams", "stdout in other encodings, closed, full, or with nobody who reads", "runs"),
    "clocks": Kind(
        "clocks", "a clock that is ahead, behind or at 1970 while arXiv's is right; an outage of zeros", "worlds"
    ),
    "locks": Kind("locks", "locks that do nothing or do not exist, with three reports and an import at once", "rounds"),
    "workers": Kind("workers", "a worker process killed in an import and in a report", "kills"),
    "loss": Kind(
        "loss", "folders of a person named as --store and --out, and a manifest that names other files", "cases"
    ),
}
