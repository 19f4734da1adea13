from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from tests.worlds import coverage_record, fill, live_rows, paper
from trendcli.core.errors import StoreDamaged, StoreMissing
from trendcli.store.commits import read_commit
from trendcli.store.compaction import compact_store
from trendcli.store.manifest import COUNTS_ONLY_KIND, DataFile
from trendcli.store.quarantine import quarantine_leftovers
from trendcli.store.rebuild import rebuild_manifest
from trendcli.store.store import Store


def month(number: int, count: int = 3) -> list[object]:
    return [paper(f"18{number:02d}.{n:05d}", f"2018-{number:02d}-{n:02d}") for n in range(1, count + 1)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three months, a compacted revision, and two delta files, of which the second revises a row of the first."""
    root = tmp_path / "store"
    fill(root, [*month(1), *month(2), *month(3)], [coverage_record(until="2018-04-01")])
    store = fill(root, [paper("1801.00001", "2018-01-01", "Second", version=2)], [coverage_record(until="2018-05-01")])
    with store.write_lock():
        compact_store(store)
    fill(
        root, [*month(4), paper("1802.00001", "2018-02-01", "Second", version=2)], [coverage_record(until="2018-06-01")]
    )
    return fill(root, [paper("1804.00001", "2018-04-01", "Second", version=2)], [coverage_record(until="2018-07-01")])


def lose_manifest(root: Path, *, and_copies: bool) -> None:
    (root / "manifest.json").unlink()
    if and_copies:
        shutil.rmtree(root / "manifests")


def test_a_data_file_tells_of_the_commit_that_wrote_it(store: Store) -> None:
    files = {file.path: read_commit(store.file_path(file)) for file in store.manifest.files}
    assert [commit and commit.manifest.generation for commit in files.values()] == [3, 1, 1, 4, 5]
    newest = files[store.manifest.files[-1].path]
    assert newest and newest.stems == ("000005-000",)
    assert newest.manifest.ledger == store.manifest.ledger
    assert newest.manifest.files == store.manifest.files[:-1]


@pytest.mark.parametrize("and_copies", [False, True])
def test_a_lost_manifest_is_made_again_from_files(store: Store, and_copies: bool) -> None:
    before = Store.open(store.root)
    lose_manifest(store.root, and_copies=and_copies)
    with pytest.raises(StoreDamaged):
        Store.open(store.root)
    origin = "the data files" if and_copies else "a kept generation"
    first, *others = rebuild_manifest(store.root)
    assert first == f"Rebuilt the manifest at generation 5 from {origin}."
    assert [note.partition(",")[0] for note in others] == (
        ["Commits that brought no submissions left no trace in them"] if and_copies else []
    )
    after = Store.open(store.root)
    assert (after.manifest.files, after.manifest.ledger) == (before.manifest.files, before.manifest.ledger)
    assert live_rows(after) == live_rows(before)
    assert rebuild_manifest(store.root) == ["The manifest is intact; nothing was rebuilt."]


@pytest.mark.parametrize("and_copies", [False, True])
def test_an_older_manifest_is_recognised_and_never_acted_upon(store: Store, tmp_path: Path, and_copies: bool) -> None:
    old_manifest = (store.root / "manifest.json").read_bytes()
    for number in (5, 6):
        fill(store.root, month(number), [coverage_record(until=f"2018-{number + 3:02d}-01")])
    before = Store.open(store.root)
    (store.root / "manifest.json").write_bytes(old_manifest)
    if and_copies:
        shutil.rmtree(store.root / "manifests")
        opened = Store.open(store.root)  # as it was: true, and nothing shows that there was more until it is written
        assert opened.manifest == store.manifest
    else:
        with pytest.raises(StoreDamaged, match="is older than the store: generation 5, where 7 was committed"):
            Store.open(store.root)
    data = {path.name: path.read_bytes() for path in store.root.glob("arxiv/*/*.parquet")}
    rebuild_manifest(store.root)
    assert live_rows(Store.open(store.root)) == live_rows(before)
    assert Store.open(store.root).manifest.ledger == before.manifest.ledger
    assert {path.name: path.read_bytes() for path in store.root.rglob("*.parquet")} == data


def test_what_came_without_a_file_is_lost_with_the_copies_and_said(store: Store) -> None:
    fill(store.root, [], [coverage_record(until="2018-09-01")])
    lose_manifest(store.root, and_copies=True)
    rebuild_manifest(store.root)
    after = Store.open(store.root)
    assert live_rows(after) == live_rows(store)
    assert max(record.until for record in after.manifest.ledger) == date(2018, 7, 1)  # the next fetch asks again


def test_a_damaged_file_becomes_a_gap(store: Store) -> None:
    path = store.file_path(store.manifest.files[1])
    path.write_bytes(path.read_bytes()[:-9])
    lose_manifest(store.root, and_copies=False)
    notes = rebuild_manifest(store.root)
    assert any(
        note.startswith(f"{store.manifest.files[1].path} is missing: 3 submissions from 2018-02-01") for note in notes
    )
    after = Store.open(store.root)
    assert [row[0] for row in live_rows(after) if row[0].startswith("1802")] == ["1802.00001"]  # of the delta file
    assert after.manifest.submission_count == len(live_rows(after)) == 10
    assert after.build_coverage().worst_status("cs.LG", date(2018, 2, 1), date(2018, 2, 4)) == "partial"
    assert [kept.name for kept in (store.root / "quarantine").rglob("*.parquet")] == [path.name]


def test_files_of_a_killed_commit_are_no_state(store: Store) -> None:
    """Of two files that a commit was to write one is there; its submissions are taken in, its coverage is not."""
    other = store.root.parent / "other"
    shutil.copytree(store.root, other)
    fill(other, month(7), [coverage_record(until="2019-01-01")])
    (stray,) = (path for path in other.glob("arxiv/updates/000006*"))
    shutil.copy(stray, store.root / "arxiv" / "updates")
    lose_manifest(store.root, and_copies=False)
    notes = rebuild_manifest(store.root)
    assert len(live_rows(Store.open(store.root))) == len(live_rows(store)) + 3
    assert "at generation 6 from the data files" in notes[0]  # all files of that commit are there


def test_files_of_the_first_versions_are_collected_and_their_coverage_is_unknown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = live_rows(store)
    monkeypatch.setattr("trendcli.store.rebuild.read_commit", lambda path: None)
    lose_manifest(store.root, and_copies=True)
    notes = rebuild_manifest(store.root)
    assert "The coverage of the store is lost" in notes[1]
    after = Store.open(store.root)
    assert live_rows(after) == before and after.manifest.submission_count == 12
    assert [(record.status, record.categories) for record in after.manifest.ledger] == [("unknown", ("*",))]


def test_two_copies_that_went_on_separately_are_brought_together(store: Store) -> None:
    other = Store.open(Path(shutil.copytree(store.root, store.root.parent / "other")))
    fill(store.root, month(5), [coverage_record(until="2018-08-01")])
    for number in (6, 7):
        fill(other.root, month(number), [coverage_record(until="2018-08-01", categories=["cs.CL"])])
    shutil.copytree(other.root / "arxiv", store.root / "arxiv", dirs_exist_ok=True)
    shutil.copytree(other.root / "manifests", store.root / "manifests", dirs_exist_ok=True)
    with pytest.raises(StoreDamaged, match="older than the store"):
        Store.open(store.root)
    notes = rebuild_manifest(store.root)
    assert notes[-1] == "Added 3 new and 0 newer submissions from unnamed data files."
    after = Store.open(store.root)
    assert len({row[0] for row in live_rows(after)}) == len(live_rows(after)) == after.manifest.submission_count == 21


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format": 4}'])
def test_a_damaged_manifest_is_kept_aside(store: Store, damage: bytes) -> None:
    (store.root / "manifest.json").write_bytes(damage)
    rebuild_manifest(store.root)
    assert live_rows(Store.open(store.root)) == live_rows(store)
    (kept,) = (store.root / "quarantine").rglob("manifest.json")
    assert kept.read_bytes() == damage


def test_without_any_file_there_is_nothing_to_rebuild(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="contains no data files"):
        rebuild_manifest(tmp_path / "none")


def test_made_up_data_stay_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "store", month(1), synthetic=True)
    monkeypatch.setattr("trendcli.store.rebuild.read_commit", lambda path: None)
    lose_manifest(tmp_path / "store", and_copies=True)
    rebuild_manifest(tmp_path / "store")
    assert Store.open(tmp_path / "store").manifest.synthetic


def test_a_rebuild_that_was_interrupted_is_finished_and_nothing_acts_on_half_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = live_rows(store)
    monkeypatch.setattr("trendcli.store.rebuild.read_commit", lambda path: None)
    lose_manifest(store.root, and_copies=True)

    def interrupt(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("trendcli.store.rebuild.upsert_batches", interrupt)
        rebuild_manifest(store.root)
    for attempt in (lambda: Store.open(store.root), lambda: fill(store.root, month(5))):
        with pytest.raises(StoreDamaged, match="was interrupted. Run `trend doctor --rebuild` again"):
            attempt()
    rebuild_manifest(store.root)
    assert live_rows(Store.open(store.root)) == before


def test_a_manifest_whose_files_are_gone_beside_others_is_older(store: Store) -> None:
    """As one of before a compaction that comes back to a store without kept generations."""
    old_manifest = (store.root / "manifest.json").read_bytes()
    with store.write_lock():
        compact_store(store)
    before = live_rows(store)
    (store.root / "manifest.json").write_bytes(old_manifest)
    shutil.rmtree(store.root / "manifests")
    for path in store.root.glob("arxiv/updates/*"):
        path.unlink()
    opened = Store.open(store.root)
    with (
        pytest.raises(StoreDamaged, match="is missing, and there are data files that it does not name"),
        opened.write_lock(),
    ):
        quarantine_leftovers(opened)
    rebuild_manifest(store.root)
    assert live_rows(Store.open(store.root)) == before


def test_counts_of_a_cluster_have_no_file_and_stay(tmp_path: Path) -> None:
    store = Store.open_or_create(tmp_path)
    day = date(2018, 1, 1)
    counts = DataFile("arxiv/elsewhere/corpus.0123456789ab.parquet", COUNTS_ONLY_KIND, 10, day, day)
    with store.write_lock():
        store.commit([counts], [coverage_record()])
    (tmp_path / "manifest.json").write_bytes(b"{")
    rebuild_manifest(tmp_path)
    assert Store.open(tmp_path).manifest.files == (counts,)
