from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.commands import run
from tests.standins.arxiv import ArxivStandIn
from tests.worlds import coverage_record, fill, paper
from trendcli.core.arrow import pa
from trendcli.core.errors import UsageError
from trendcli.core.types import ignore_progress
from trendcli.reports.doctor.check import check_store
from trendcli.reports.doctor.identifiers import parse_monthly_totals
from trendcli.reports.doctor.repair import repair_store
from trendcli.store.compaction import compact_store
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.data_files import data_schema, write_data_file
from trendcli.store.records import build_batch_table
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store
from trendcli.topics.library import Library

CATEGORIES = ["-c", "cs.LG", "-c", "cs.CL", "-c", "cs.CV", "-c", "cs.NE", "-c", "stat.ML"]


def problems_of(store: Store, totals: dict[str, int] | None = None) -> list[tuple[str, str]]:
    problems, _ = check_store(store, Library({}, {}), totals, ignore_progress)
    return [(problem.what, problem.where) for problem in problems]


def read_rows(store: Store) -> list[tuple[str, int, str]]:
    """Read the id, version and title of every submission."""
    with store.connect() as db:
        rows = file_rows_sql(store, store.list_files(), "id, version, title")
        return db.execute(f"SELECT id, version, title FROM ({rows}) ORDER BY id").fetchall()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    yield fill(
        tmp_path / "store",
        [paper(f"18{m:02d}.{n:05d}", f"2018-{m:02d}-{n:02d}") for m in (1, 2, 3) for n in range(1, 11)],
        [coverage_record([ALL_CATEGORIES], "2018-01-01", "2019-01-01")],
    )


def test_a_sound_store_has_no_problems(store: Store) -> None:
    assert problems_of(store) == []
    done = run("doctor", "--store", store.root)
    assert done.exit_code == 0 and "no findings" in done.stdout
    assert "Compared 3 months covered for all categories" in done.stdout


def test_leftovers_of_a_killed_run_are_set_aside(store: Store) -> None:
    draft = store.root / "arxiv/months/2018-09.77.draft"
    orphan = store.root / "arxiv/updates/000002-000.0123456789ab.parquet"
    for path in (draft, orphan):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    assert problems_of(store) == [
        ("leftover of a killed run", "arxiv/months/2018-09.77.draft"),
        ("leftover of a killed run", "arxiv/updates/000002-000.0123456789ab.parquet"),
    ]
    assert run("doctor", "--store", store.root).exit_code == 4
    fixed = run("doctor", "--store", store.root, "--fix")
    assert (fixed.exit_code, draft.exists(), orphan.exists()) == (0, False, False)
    assert "Moved arxiv/months/2018-09.77.draft to the quarantine." in fixed.stderr
    assert Store.open(store.root).manifest == store.manifest


@pytest.mark.parametrize("harm", ["flipped", "cut", "gone"])
def test_a_damaged_file_is_found(store: Store, harm: str) -> None:
    path = store.file_path(store.manifest.files[1])
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(
            data[:100] + bytes([data[100] ^ 1]) + data[101:] if harm == "flipped" else data[: len(data) // 2]
        )
    ((what, where),) = problems_of(store)
    assert where == store.manifest.files[1].path
    assert what == ("missing" if harm == "gone" else "damaged: its content does not match its hash")


@pytest.mark.journey
def test_a_damaged_file_becomes_a_gap_that_the_next_fetch_fills(standin: ArxivStandIn, tmp_path: Path) -> None:
    env = {**standin.build_environment(), "TREND_STORE": str(tmp_path / "store")}
    first = run("fetch", *CATEGORIES, "--since", "2018", "--until", "2020", env=env)
    assert first.exit_code == 0, first.stderr
    store = Store.open(tmp_path / "store")
    before = read_rows(store)
    damaged = next(item for item in store.manifest.files if "2018-07" in item.path)
    store.file_path(damaged).write_bytes(b"PAR1 and nothing")
    assert run("doctor", env=env).exit_code == 4
    fixed = run("doctor", "--fix", env=env)
    assert f"Moved {damaged.path} to the quarantine: {damaged.rows} submissions" in fixed.stderr
    assert fixed.exit_code == 4 and "partial" in fixed.stdout  # the gap is still to be filled, and names the command
    (kept,) = (tmp_path / "store/quarantine").rglob(Path(damaged.path).name)
    assert kept.read_bytes() == b"PAR1 and nothing"
    gap = run("report", "--by", "month", "--since", "2018-06", "--until", "2018-09", "--format", "json", env=env)
    assert [row["count"] is None for row in json.loads(gap.stdout)["rows"]] == [False, True, False]
    # up to 2020: that the stand-in has nothing later would be doubted
    filled = run("fetch", "--until", "2020", env=env)
    assert filled.exit_code == 0 and f"{damaged.rows} new" in filled.stderr
    assert read_rows(Store.open(tmp_path / "store")) == before
    checked = run("doctor", env=env)
    assert checked.exit_code == 0, checked.stdout
    whole = run("report", "--by", "month", "--since", "2018-06", "--until", "2018-09", "--format", "json", env=env)
    assert all(row["count"] for row in json.loads(whole.stdout)["rows"])


def test_of_duplicates_the_newest_state_stays(store: Store) -> None:
    new = paper("1802.00003", "2018-02-03", "Anew", version=2)
    table = build_batch_table([new], "test", datetime(2020, 6, 1, tzinfo=UTC))
    none = {name: [None] for name in ("over_file", "over_row")}
    stray = pa.table({**{name: table[name] for name in table.column_names}, **none}, schema=data_schema())
    with store.write_lock():  # as no command would do it
        store.commit([write_data_file(store.root, "arxiv", "update", "000002-000", stray, b"")])
    assert problems_of(store) == [("duplicate submissions: 1", "1802.00003")]
    fixed = run("doctor", "--store", store.root, "--fix")
    assert fixed.exit_code == 0 and "Removed duplicate submissions in 1 month." in fixed.stderr
    repaired = Store.open(store.root)
    assert repaired.manifest.submission_count == 30
    assert ("1802.00003", 2, "Anew") in read_rows(repaired)


def test_impossible_dates_are_reported(tmp_path: Path) -> None:
    papers = [
        paper("1801.00001", "2018-01-31"),
        paper("1801.00002", "2018-02-01T20:00"),  # announced before its day was over
        paper("1801.00003", "2018-02-05"),
        paper("1801.00004", "2017-11-01"),  # held for moderation
        paper("math/9911001", "1975-01-01"),
        paper("1801.00006", "2099-01-01"),
    ]
    problems = problems_of(fill(tmp_path, papers, [coverage_record()]))
    assert problems == [
        ("impossible dates: 3", "1801.00003 (2018-02-05), 1801.00006 (2099-01-01), math/9911001 (1975-01-01)")
    ]


def test_gaps_in_identifiers_and_below_the_totals_are_reported(tmp_path: Path) -> None:
    papers = [paper(f"1802.{n:05d}", "2018-02-05") for n in range(1, 101) if not 40 <= n < 60]
    papers += [paper(f"1803.{n:05d}", "2018-03-05") for n in range(1, 101)]
    papers += [paper(f"math/0611{n:03d}", "2006-11-05") for n in range(1, 51)]
    whole = fill(tmp_path / "a", papers, [coverage_record([ALL_CATEGORIES], "2006-01-01", "2019-01-01")])
    assert problems_of(whole) == [("80 of 100 identifiers", "2018-02")]
    totals = {"2006-11": 60, "2018-02": 81, "2018-03": 100, "2018-04": 5}
    assert problems_of(whole, totals) == [("50 stored, 60 according to arXiv's totals", "2006-11"), ("80 of 100 identifiers", "2018-02"), ("80 stored, 81 according to arXiv's totals", "2018-02")]  # fmt: skip
    some = fill(tmp_path / "b", papers, [coverage_record(["cs.LG"], "2006-01-01", "2019-01-01")])
    problems, notes = check_store(some, Library({}, {}), totals, ignore_progress)
    assert problems == [] and "No month is covered for all categories" in notes[-1]


def test_totals_are_read_from_a_file_or_an_address(store: Store, standin: ArxivStandIn, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("month,submissions,historical_delta\n2018-01-01,10,0\n2018-02,99,0\n")
    by_file = run("doctor", "--store", store.root, "--totals", tmp_path / "t.csv")
    assert by_file.exit_code == 4 and "10 stored, 99 according to arXiv's totals" in by_file.stdout
    env = {"TREND_REQUEST_INTERVAL_S": "0", "TREND_ARXIV_URL": standin.url}
    fetched = run("doctor", "--store", store.root, "--totals", standin.totals_url, "--format", "json", env=env)
    assert "according to arXiv's totals" in json.loads(fetched.stdout)["rows"][0]["what"]
    assert run("doctor", "--store", store.root, "--totals", tmp_path / "no.csv").exit_code == 2
    with pytest.raises(UsageError, match="must have the columns `month` and `submissions`"):
        parse_monthly_totals("a,b\n1,2\n", "x.csv")
    with pytest.raises(UsageError, match="x.csv, line 3: expected a month and a number"):
        parse_monthly_totals("month,submissions\n2018-01,5\n2018-13,5\n", "x.csv")
    for text in (
        "month,submissions\n2018-01,\x00\n",
        f"month,submissions\n2018-01,{'9' * 200_000}\n",
        f"{'m' * 200_000},x\n",
    ):
        with pytest.raises(UsageError, match=r"x.csv, line \d: expected a month and a number|must have the columns"):
            parse_monthly_totals(text, "x.csv")


def test_arxivs_own_totals_are_read(shared: Path) -> None:
    totals = parse_monthly_totals((shared / "data/reference/monthly_submissions.csv").read_text(), "totals")
    assert (totals["1991-08"], totals["2025-10"], min(totals)) == (28, 27692, "1991-07")


def test_while_another_process_writes_leftovers_are_not_checked(store: Store) -> None:
    (store.root / "x.1.draft").write_text("")
    other = Store.open(store.root)
    with other.write_lock():
        problems, notes = check_store(store, Library({}, {}), None, ignore_progress)
    assert problems == [] and notes[1].startswith("Another process is writing")


def test_partial_coverage_records_are_problems_until_they_are_completed(tmp_path: Path) -> None:
    partial = coverage_record(
        since="2018-01-01", until="2018-02-01", status="partial", expected=9, received=7, source="arxiv"
    )
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")], [partial])
    assert problems_of(store) == [("partial: 7 of 9", "cs.LG, 2018-01-01 to 2018-02-01")]
    fill(tmp_path, [], [coverage_record(since="2018-01-01", until="2018-06-01", at="2020-07-01")])
    assert problems_of(Store.open(tmp_path)) == []


def test_repairing_a_sound_store_changes_nothing(store: Store) -> None:
    before = read_rows(store)
    with store.write_lock():
        assert repair_store(store, Library({}, {})) == []
    assert read_rows(Store.open(store.root)) == before
    assert compact_store(store).num_rows == 0
    assert store.build_coverage().worst_status(ALL_CATEGORIES, date(2018, 1, 1), date(2019, 1, 1)) == "complete"
