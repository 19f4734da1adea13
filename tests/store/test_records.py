from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.worlds import paper, seconds
from trendcli.store.records import batch_schema, build_batch_table, month_slices, read_batch, write_batch_file

FETCHED_AT = datetime(2020, 6, 1, 12, 30, 0, 999, tzinfo=UTC)


def test_texts_are_put_in_canonical_form() -> None:
    submission = paper(
        "1801.00001", "2018-01-05", "  A\n title ", authors="A\nB", categories="stat.ML cs.LG", doi=" 10.1/x "
    )
    assert (submission.title, submission.authors, submission.doi) == ("A title", "A B", "10.1/x")
    assert submission.categories == "stat.ML cs.LG"
    assert paper("1801.00001", "2018-01-05", comments=" ", journal_ref="").comments is None


def test_a_withdrawal_is_stated_or_read_from_the_comments() -> None:
    stated = [paper("1801.00001", "2018-01-05", withdrawn=flag, comments=text).withdrawn for flag, text in (
        (False, None), (True, None), (False, "Withdrawn by the author"), (False, "10 pages"),
    )]  # fmt: skip
    assert stated == [False, True, True, False]


def test_the_hash_is_of_what_counts_can_depend_on() -> None:
    def row_hash(**changes: object) -> int:
        return paper("1801.00001", "2018-01-05", **changes).row_hash  # type: ignore[arg-type]

    same = [row_hash(), row_hash(title="On  nothing"), row_hash(comments="10 pages"), row_hash(authors="Cy Cole")]
    other = [row_hash(title="On"), row_hash(abstract="On"), row_hash(categories="cs.CL"), row_hash(version=2)]
    assert len(set(same)) == 1 and len({*same, *other}) == 5
    assert all(0 <= value < 2**63 for value in (*same, *other))
    venue = {row_hash(keywords="a"), row_hash(keywords="b"), row_hash(keywords="a", authors="Cy Cole")}
    assert len(venue) == 3 and row_hash(keywords="a", version=2) in venue


def test_a_batch_is_ordered_by_its_v1_dates_and_knows_its_months() -> None:
    submissions = [paper(f"x/{day}", day) for day in ("2018-03-31T23:59", "2018-01-05", "2018-03-01", "2018-01-06")]
    batch = build_batch_table(submissions, "test", FETCHED_AT)
    assert batch.schema == batch_schema() and "over_file" not in batch.schema.names
    assert batch["id"].to_pylist() == ["x/2018-01-05", "x/2018-01-06", "x/2018-03-01", "x/2018-03-31T23:59"]
    assert batch["v1_at"][0].as_py() == datetime.fromtimestamp(seconds("2018-01-05"), UTC).replace(tzinfo=None)
    assert set(batch["fetched_at"].to_pylist()) == {datetime(2020, 6, 1, 12, 30)}
    assert month_slices(batch) == {"2018-01": (0, 2), "2018-03": (2, 2)}
    assert build_batch_table([], "test", FETCHED_AT).num_rows == 0


def test_a_batch_of_a_venue_has_keywords() -> None:
    submission = paper("iclr/1", "2018-01-01", keywords="deep learning;  graphs")
    assert build_batch_table([submission], "test", FETCHED_AT, "iclr")["keywords"].to_pylist() == [
        "deep learning; graphs"
    ]


def test_a_file_gives_the_batch_back(tmp_path: Path) -> None:
    batch = build_batch_table([paper("1801.00001", "2018-01-05")], "test", FETCHED_AT)
    assert read_batch(write_batch_file(batch, tmp_path / "batch")) == batch == read_batch(batch)
