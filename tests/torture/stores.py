"""The made-up world of every kind: records, a conference, a store with all kinds of files, and questions to ask it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.standins.snapshot import line, write
from tests.torture.bench import Bench, Ran
from trendcli.demo.corpus import SyntheticSubmission, build_corpus
from trendcli.demo.venue import build_lists

# submissions a year: enough for every month to have some on each topic, and few enough for a report in a tenth of a second
YEARLY_COUNTS = {2018: 700, 2019: 900}
VENUE, VENUE_YEAR, VENUE_COUNT = "made", 2019, 300
SCOPE = ["-c", "cs.*", "--include-partial"]
# what is asked before and after: all of it counts or lists submissions
QUESTIONS: dict[str, list[str]] = {
    "report": ["report", *SCOPE, "--format", "csv"],
    "years": ["report", *SCOPE, "-t", "rnn", "-t", "gan", "--by", "year", "--format", "csv"],
    "weeks": [
        "report", *SCOPE, "-t", "rnn", "--by", "week", "--since", "2019-09", "--until", "2019-11", "--format", "csv",
    ],
    "papers": ["papers", "-t", "rnn", *SCOPE[:2], "--format", "jsonl", "--limit", "0"],
    "search": ["papers", "--search", "neural network", *SCOPE[:2], "--format", "jsonl", "--limit", "0"],
    "venue": ["report", "--corpus", VENUE, "-t", "rnn", "--by", "year", "--format", "csv"],
    "accepted": ["report", "--corpus", VENUE, "--outcome", "accepted", "--format", "csv"],
    "sample": ["topics", "sample", "gan", "-n", "8"],
    "terms": ["terms", *SCOPE[:2], "--format", "csv", "--limit", "20"],
}  # fmt: skip
WEEK = ["weekly", "--no-fetch", "--date", "2019-W40"]


class World:
    """The files of the world below its folder, which no kind may change: each takes copies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # all records, those that came later as revisions, further revisions, and the first three records
        self.snapshot, self.revised, self.more, self.few = (
            folder / f"{name}.jsonl" for name in ("all", "revised", "more", "few")
        )
        self.venue_list = folder / "made2019.json"
        self.store, self.weeks = folder / "store", folder / "weeks"

    def read_lines(self) -> list[dict[str, Any]]:
        """Return the records of the snapshot."""
        return [json.loads(text) for text in self.snapshot.read_text(encoding="utf-8").splitlines()]

    def read_answers(self) -> dict[str, Ran]:
        """Return what the undamaged store answers to each question."""
        stored = json.loads((self.folder / "answers.json").read_text(encoding="utf-8"))
        return {name: Ran(code, out.encode(), err) for name, (code, out, err) in stored.items()}


def format_record(submission: SyntheticSubmission) -> dict[str, Any]:
    """Return a submission as a record of the bulk snapshot."""
    return line(
        submission.id,
        *(f"{at:%a, %d %b %Y %H:%M:%S} GMT" for at in submission.versions[:1]),
        title=submission.title,
        abstract=submission.abstract,
        authors=", ".join(submission.authors),
        categories=" ".join(submission.categories),
        update_date=f"{submission.published_at:%Y-%m-%d}",
    )


def revise_records(records: Sequence[dict[str, Any]], day: int) -> list[dict[str, Any]]:
    """Return records with one more version, of a day in January 2020."""
    revised = []
    for record in records:
        number = len(record["versions"]) + 1
        version = {"version": f"v{number}", "created": f"{day:02d} Jan 2020 10:00:00 GMT"}
        title = f"{record['title']}, revised"
        revised.append(
            {**record, "title": title, "versions": [*record["versions"], version], "update_date": "2020-01-31"}
        )
    return revised


def build_world(bench: Bench, folder: Path, seed: int) -> World:
    """Make the world: a store of 1,600 submissions with a delta file, a venue, an index, judgements and warm caches."""
    folder.mkdir(parents=True)
    world = World(folder)
    records = [format_record(submission) for submission in build_corpus(seed, YEARLY_COUNTS)]
    # the data end with the last record, which was changed a month after the year
    records[-1]["update_date"] = "2020-02-01"
    write(world.snapshot, *records)
    write(world.revised, *revise_records(records[900:940], 15))
    write(world.more, *revise_records(records[800:900], 17))
    write(world.few, *records[:3])
    entries = build_lists(seed)[VENUE_YEAR][:VENUE_COUNT]
    world.venue_list.write_text(json.dumps(entries), encoding="utf-8")
    fill_store(bench, world)
    bench.run(world.store, *WEEK, "--out", world.weeks)
    # twice: the second time from caches
    answers = [{name: bench.run(world.store, *words) for name, words in QUESTIONS.items()} for _ in range(2)][1]
    stored = {name: [ran.code, ran.out.decode(), ran.err] for name, ran in answers.items()}
    (folder / "answers.json").write_text(json.dumps(stored), encoding="utf-8")
    failed = {name: ran.err for name, ran in answers.items() if ran.code or not ran.out}
    if failed:
        raise RuntimeError(f"no store could be made that answers: {failed}")
    return world


def fill_store(bench: Bench, world: World) -> None:
    """Import everything, judge a sample, and build the index."""
    sample = world.folder / "sample.csv"
    steps: list[list[Any]] = [
        ["import", world.snapshot, "--complete", "all"],
        ["import", world.revised, "--complete", "all"],
        ["import", world.venue_list, "--venue", VENUE, "--year", VENUE_YEAR],
        ["index"],
        ["topics", "sample", "gan", "-n", "8", "--format", "csv", "-o", sample],
        ["topics", "sample", "gan", "-n", "8", "--judged", sample],
    ]
    for words in steps:
        if "--judged" in words:
            judge_sample(sample)
        ran = bench.run(world.store, *words)
        if ran.code:
            raise RuntimeError(f"{words[0]}: exit {ran.code}: {ran.err[-500:]}")


def judge_sample(path: Path) -> None:
    """Answer `y` to each submission of a sample but the first."""
    import csv

    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["id", "relevant"])
        writer.writeheader()
        writer.writerows({"id": row["id"], "relevant": "yn"[number == 0]} for number, row in enumerate(rows))


def remove_results(store: Path) -> None:
    """Remove remembered reports, so that what lies below them is read."""
    for folder in [*store.rglob("answers"), *store.rglob("results")]:
        shutil.rmtree(folder, ignore_errors=True)


def list_data_files(store: Path) -> list[Path]:
    """Return the data files of a store, also where they were moved to."""
    return sorted(path for path in store.rglob("*.parquet") if "cache" not in path.parts)


def read_versions(store: Path) -> dict[str, int]:
    """Return the newest version of each submission in any data file of a store, wherever it was moved to."""
    import pyarrow.parquet as pq

    versions: dict[str, int] = {}
    for path in list_data_files(store):
        table = pq.read_table(path, columns=["id", "version"], partitioning=None)
        for ident, version in zip(table["id"].to_pylist(), table["version"].to_pylist(), strict=True):
            versions[ident] = max(version, versions.get(ident, 0))
    return versions
