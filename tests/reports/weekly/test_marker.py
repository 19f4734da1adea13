from __future__ import annotations

import json
import platform
import shutil
import socket
import xml.etree.ElementTree as ET
from pathlib import Path
from uuid import UUID

import pytest

from tests.reports.weekly.folders import write_empty_week
from trendcli.core.errors import StoreTooNew, UsageError
from trendcli.reports.weekly.folder import lock_folder, update_folder
from trendcli.reports.weekly.marker import (
    MARKER_NAME,
    check_folder,
    list_draft_files,
    list_own_files,
    list_week_folders,
    list_work_folders,
    read_feed_identity,
)

ATOM = "{http://www.w3.org/2005/Atom}"
EARLIER_FEED = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<id>{identity}</id>
<title>Research trends by week</title>
<updated>2026-11-28T00:00:00Z</updated>
<author><name>trendcli 0.1.0</name></author>
</feed>"""
EARLIER_INDEX = """<!doctype html>
<html lang="en">
<head>
<title>MADE-UP DATA: Research trends by week</title>
<link rel="alternate" type="application/atom+xml" title="Weeks" href="feed.xml">
</head>
</html>"""


def read_tree(folder: Path) -> dict[str, bytes | str | None]:
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


def write_tree(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"mine: {name}")


def read_ids(out: Path) -> list[str | None]:
    feed = ET.fromstring((out / "feed.xml").read_bytes())
    return [feed.findtext(f"{ATOM}id"), *(entry.findtext(f"{ATOM}id") for entry in feed.iter(f"{ATOM}entry"))]


@pytest.mark.parametrize(
    "names",
    [
        ("latest/thesis.tex", "index.html", "feed.xml", ".notes.draft/a", ".vim.old/a", "vim/b"),
        ("index.html",),
        ("thesis.tex",),
        (".lock",),
        (".hidden",),
        (".2019-W20.draft/report.json",),
        (".2019-W20.old/index.html",),
        ("2019-W20/index.html",),
        ("2019-W20/report.json",),
        ("latest/index.html",),
        (".git/HEAD", "README.md", "src/main.py"),
        ("trend-weekly.json",),
        ("manifest.json", "arxiv/months/2019-01.0123456789ab.parquet"),
    ],
)
def test_a_folder_of_a_person_is_refused_and_left_as_it_is(tmp_path: Path, names: tuple[str, ...]) -> None:
    write_tree(tmp_path, *names)
    before = read_tree(tmp_path)
    with pytest.raises(UsageError, match="Nothing was changed") as error, lock_folder(tmp_path):
        pass
    assert any(name.split("/")[0] in str(error.value) for name in names)
    assert read_tree(tmp_path) == before


def test_many_names_are_counted_in_the_message(tmp_path: Path) -> None:
    write_tree(tmp_path, "a", "b", "c", "d", "e")
    with pytest.raises(
        UsageError, match=r"contains other files \(a, b, c and 2 more\), but `trend weekly` needs its own folder"
    ):
        check_folder(tmp_path)


def test_a_file_or_a_broken_link_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(UsageError, match="is not a folder"):
            check_folder(tmp_path / name)


def test_a_folder_that_is_absent_or_empty_or_a_bare_site_is_taken(tmp_path: Path) -> None:
    write_tree(tmp_path / "site", ".git/HEAD", "CNAME", ".nojekyll")
    (tmp_path / "empty").mkdir()
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / ".lock").touch()
    (tmp_path / "killed" / "trend-weekly.json.812.draft").write_text("{")
    before = read_tree(tmp_path / "site")
    for name in ("site", "empty", "absent", "killed"):
        with lock_folder(tmp_path / name):
            marker = json.loads((tmp_path / name / MARKER_NAME).read_text())
        assert (marker["kind"], marker["format"]) == ("trend-weekly", 1)
        assert UUID(marker["feed"]).version == 4 and UUID(marker["feed"]).urn == marker["feed"]
        assert not list_draft_files(tmp_path / name)
    after = read_tree(tmp_path / "site")
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    "name", ["latest/thesis.tex:link", "index.html", "feed.xml", "2019-W20:link", "2019-W20:file", "latest:link",
             "latest:file", "latest/index.html", ".latest.old:link", ".2019-W20.draft:file", "index.html:link",
             "2019-W20/index.html", ".lock"]
)  # fmt: skip
def test_what_a_person_puts_in_the_way_is_never_replaced(tmp_path: Path, name: str) -> None:
    out, theirs = tmp_path / "out", tmp_path / "theirs"
    with lock_folder(out):
        write_empty_week(out, "2019-W19")
    write_tree(theirs, "index.html", "report.json", "thesis.tex")
    path, _, kind = name.partition(":")
    target = out / path
    target.parent.mkdir(exist_ok=True)
    if name == "latest/thesis.tex:link":
        target.parent.rmdir()
        target.parent.symlink_to(theirs)
    elif kind == "link":
        target.symlink_to(theirs if "." not in path[1:] or path.startswith(".") else theirs / "index.html")
    else:
        target.write_text("mine")
    before = read_tree(tmp_path)
    with (
        pytest.raises(
            UsageError, match="did not write but whose names it needs.*Nothing was changed. Rename or move them"
        ),
        lock_folder(out),
    ):
        pass
    assert read_tree(tmp_path) == before


def test_a_folder_of_an_earlier_version_gets_the_marker_and_keeps_its_feed(tmp_path: Path) -> None:
    identity = "urn:uuid:a42e6ad6-43ef-52ac-9cc9-999245f0969e"
    write_empty_week(tmp_path, "2019-W20")
    shutil.copytree(tmp_path / "2019-W20", tmp_path / "latest")
    (tmp_path / "index.html").write_text(EARLIER_INDEX)
    (tmp_path / "feed.xml").write_text(EARLIER_FEED.format(identity=identity))
    (tmp_path / ".lock").touch()
    write_tree(tmp_path, "CNAME", "about.html")
    with lock_folder(tmp_path):
        update_folder(tmp_path, 0)
    assert read_ids(tmp_path)[0] == identity
    assert json.loads((tmp_path / MARKER_NAME).read_text())["feed"] == identity


@pytest.mark.parametrize("identity", ["urn:uuid:a42e6ad6-43ef", "https://example.org/feed", ""])
def test_an_invalid_identity_is_not_kept(tmp_path: Path, identity: str) -> None:
    write_empty_week(tmp_path, "2019-W20")
    (tmp_path / "feed.xml").write_text(EARLIER_FEED.format(identity=identity))
    assert UUID(read_feed_identity(tmp_path)).version == 4


def test_an_earlier_folder_with_an_index_of_a_person_is_refused(tmp_path: Path) -> None:
    write_empty_week(tmp_path, "2019-W20")
    write_tree(tmp_path, "index.html")
    with pytest.raises(UsageError, match=r"whose names it needs: index\.html\."):
        check_folder(tmp_path)


def test_a_week_that_only_looks_like_one_does_not_make_a_folder_ours(tmp_path: Path) -> None:
    write_empty_week(tmp_path, "2019-W19")
    (tmp_path / "2019-W19").rename(tmp_path / "2019-W99")
    write_empty_week(tmp_path, "2019-W20", kind="daily")
    with pytest.raises(UsageError, match="contains other files"):
        check_folder(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\x00trend-weekly", b'{"kind": "trend-weekly", "format": 1}'])
def test_a_damaged_marker_is_written_anew_with_the_identity_of_the_feed(tmp_path: Path, damage: bytes) -> None:
    with lock_folder(tmp_path):
        write_empty_week(tmp_path, "2019-W20")
        update_folder(tmp_path, 0)
    ids = read_ids(tmp_path)
    marker = (tmp_path / MARKER_NAME).read_bytes()
    (tmp_path / MARKER_NAME).write_bytes(damage)
    if damage == b"{":  # nothing shows that it was a marker
        with pytest.raises(UsageError, match=r"whose names it needs: trend-weekly\.json\."):
            check_folder(tmp_path)
        return
    with lock_folder(tmp_path):
        update_folder(tmp_path, 0)
    assert (tmp_path / MARKER_NAME).read_bytes() == marker and read_ids(tmp_path) == ids


def test_a_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARKER_NAME).write_text('{"kind": "trend-weekly", "format": 2, "feed": 7}')
    with pytest.raises(StoreTooNew, match="newer version of trendcli. Nothing was changed. Update trendcli"):
        check_folder(tmp_path)


def test_ids_depend_neither_on_the_host_nor_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    with lock_folder(out):
        write_empty_week(out, "2019-W19")
        update_folder(out, 0)
    ids = read_ids(out)
    assert len({*ids}) == 2
    for text in ids:
        assert text and UUID(text).urn == text
    monkeypatch.setattr(platform, "node", lambda: "other")
    monkeypatch.setattr(socket, "gethostname", lambda: "other")
    moved = out.rename(tmp_path / "moved")
    with lock_folder(moved):
        write_empty_week(moved, "2019-W20")
        (moved / "2019-W19" / "report.json").write_text(
            (moved / "2019-W19" / "report.json").read_text().replace('"2019-07-01"', '"2019-07-01", "2019-07-08"')
        )
        update_folder(moved, 0)
    again = read_ids(moved)
    assert (again[0], again[2]) == (ids[0], ids[1]) and again[1] not in ids
    feed = ET.fromstring((moved / "feed.xml").read_bytes())
    assert [entry.findtext(f"{ATOM}updated") for entry in feed.iter(f"{ATOM}entry")][1] == "2019-07-08T00:00:00Z"
    with lock_folder(out):  # another folder is another feed
        write_empty_week(out, "2019-W19")
        update_folder(out, 0)
    assert not {*read_ids(out)} & {*again}


def test_only_names_of_the_job_are_listed(tmp_path: Path) -> None:
    for name in (
        ".2019-W20.draft",
        ".2019-W20.old",
        ".latest.draft",
        ".vim.old",
        ".notes.draft",
        "2019-W20",
        "2019-W99",
    ):
        (tmp_path / name).mkdir()
    write_tree(tmp_path, "feed.xml.12.draft", "thesis.12.draft", "index.html.draft")
    write_tree(tmp_path / "2019-W20", "report.json", "lines.svg", "notes.md", "report.json.5.draft", "sub/lines.svg")
    work_folders = [path.name for path in list_work_folders(tmp_path)]
    assert work_folders[0] == ".2019-W20.old" and sorted(work_folders[1:]) == [".2019-W20.draft", ".latest.draft"]
    assert [path.name for path in list_week_folders(tmp_path)] == ["2019-W20"]
    assert [path.name for path in list_draft_files(tmp_path)] == ["feed.xml.12.draft"]
    assert sorted(path.name for path in list_own_files(tmp_path / "2019-W20")) == [
        "lines.svg", "report.json", "report.json.5.draft",
    ]  # fmt: skip
