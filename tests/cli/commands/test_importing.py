"""import, and what all commands share that fill a store: windows, summaries, and failures."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest

from tests.commands import TREND, run
from tests.standins.snapshot import line, months, write
from tests.worlds import coverage_record, fill, gan_world, paper
from trendcli.cli.commands.importing import parse_venue_year, parse_window, raise_for_failure, summarize_harvest
from trendcli.core.errors import RetryableError, StoreUnchanged, UsageError
from trendcli.core.types import Window
from trendcli.sources.harvest import HarvestResult
from trendcli.store.ingest import UpsertCounts
from trendcli.store.store import Store


def test_lines_that_cannot_be_read_exit_with_3(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", line("0704.0001"), "no json", line("0704.0002"))
    result = run("import", path, "--store", tmp_path / "store")
    assert result.exit_code == 3
    assert "line 2: " in result.stderr and "2 new" in result.stderr and "1 error, see above" in result.stderr
    assert Store.open(tmp_path / "store").manifest.submission_count == 2


def test_a_file_that_does_not_say_what_it_covers_is_of_unknown_coverage(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", line("0704.0001"))
    unknown = run("import", path, "--store", tmp_path / "a")
    assert "1 new, 0 revised, 0 unchanged" in unknown.stderr and "coverage unknown\n" in unknown.stderr
    assert "import again with --complete all or --complete CATEGORY,..." in unknown.stderr
    complete = run("import", path, "--store", tmp_path / "b", "--complete", "all")
    assert complete.stderr.endswith(", complete\n")


@pytest.mark.journey
def test_a_snapshot_is_read_from_a_pipe(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *months(2018, 1, 2))
    with Path(path).open("rb") as stream:
        process = subprocess.run(
            [*TREND, "import", "-", "--store", tmp_path / "s"], stdin=stream, capture_output=True, text=True
        )
    assert (process.returncode, process.stdout) == (0, "")
    assert "238 new" in process.stderr


def test_real_data_do_not_go_into_a_made_up_store(tmp_path: Path) -> None:
    fill(tmp_path / "made-up", gan_world()[:3], [coverage_record()], synthetic=True)
    path = write(tmp_path / "s.jsonl", line("0704.0001"))
    result = run("import", path, "--store", tmp_path / "made-up")
    assert result.exit_code == 2 and "holds made-up data" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "snapsot"], "No format 'snapsot' (did you mean snapshot?)"),
        (["--venue", "iclr"], "A venue list needs --venue and --year"),
        (["--format", "openreview"], "A venue list needs --venue and --year"),
        (["--venue", "iclr", "--year", "2021", "--since", "2020"], "--venue cannot be combined with --since."),
        (["--format", "snapshot", "--venue", "iclr"], "--format snapshot cannot be combined with --venue."),
        ([], "is not an arXiv snapshot"),
    ],
)
def test_a_wrong_import_gets_a_sentence(tmp_path: Path, words: list[str], message: str) -> None:
    result = run("import", __file__, *words, "--store", tmp_path)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_a_venue_has_a_name_and_a_year() -> None:
    assert parse_venue_year("ICLR", 2021) == ("iclr", 2021)
    for venue, year, message in (
        (None, 2021, "needs --venue and --year"),
        ("arxiv", 2021, "arXiv is not a venue"),
        ("../x", 2021, "Not a venue name"),
        ("iclr", 21, "--year 21 is out of range"),
    ):
        with pytest.raises(UsageError, match=message):
            parse_venue_year(venue, year)


def test_a_window_goes_from_the_first_day_of_since_to_before_that_of_until() -> None:
    assert parse_window("2019-Q2", "2020") == Window(date(2019, 4, 1), date(2020, 1, 1))
    assert parse_window(None, None) == Window(None, None)
    with pytest.raises(UsageError, match="--since 2019-01-01 is not before --until 2019-01-01. Nothing was changed"):
        parse_window("2019", "2019-01")
    with pytest.raises(UsageError, match="--since 2199-01-01 is in the future"):
        parse_window("2199", None)


def test_a_harvest_is_summed_up_in_a_line() -> None:
    counts = UpsertCounts(new=1200, revised=3, repeated=40)
    records = [
        coverage_record(["cs.LG"]),
        coverage_record(["cs.CL"], "2018-06-01", "2021-01-01"),
        coverage_record(["cs.CV"], status="failed"),
    ]
    partial = HarvestResult(counts, records)
    # the third request failed, and days after an answer are not covered by it
    assert summarize_harvest(partial) == "1,200 new, 3 revised, 40 unchanged, 2018-01-01 to 2020-06-01, incomplete"
    assert summarize_harvest(HarvestResult(counts, records[:1])).endswith(", 2018-01-01 to 2020-01-01, complete")
    assert summarize_harvest(HarvestResult(coverage_records=[coverage_record(status="unknown")])).endswith(
        "coverage unknown"
    )


def test_a_harvest_that_failed_raises() -> None:
    raise_for_failure(HarvestResult(), False)
    stop_error = RetryableError("Throttled.")
    for result, message in (
        (HarvestResult(faults=["line 2"], stop_error=stop_error), "Throttled."),
        (HarvestResult(faults=["line 2", "line 5"]), "2 errors, see above; everything readable is stored."),
    ):
        with pytest.raises(RetryableError, match=message):
            raise_for_failure(result, False)
    with pytest.raises(StoreUnchanged, match="Nothing is new."):
        raise_for_failure(HarvestResult(UpsertCounts(repeated=3)), True)
    raise_for_failure(HarvestResult(UpsertCounts(revised=1)), True)


def test_an_import_says_what_it_moved_to_the_quarantine(tmp_path: Path) -> None:
    store = fill(tmp_path / "store", [paper("1801.00001", "2018-01-05")], [coverage_record()])
    leftover = store.root / "arxiv/months/2018-02.00000000000a.parquet"
    leftover.write_bytes(b"half")
    path = write(tmp_path / "s.jsonl", line("0704.0002"))
    done = run("import", path, "--store", store.root)
    assert done.exit_code == 0 and not leftover.exists()
    assert "Moved arxiv/months/2018-02.00000000000a.parquet to the quarantine" in done.stderr
