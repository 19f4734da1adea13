from __future__ import annotations

import errno
import json
import os
import re
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.reports.weekly.folders import FILES, labels, read_files
from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.errors import ActionRequiredError
from trendcli.core.periods import parse_period
from trendcli.core.settings import config_folder
from trendcli.reports.weekly import drawing
from trendcli.reports.weekly.digest import DigestInput
from trendcli.reports.weekly.drawing import draw_week
from trendcli.reports.weekly.folder import list_due_weeks, list_weeks
from trendcli.store.store import Store
from trendcli.topics.loader import load_library
from trendcli.topics.query import Query

TODAY = date(2019, 7, 1)


@pytest.mark.journey
def test_a_week_is_a_folder_of_pages_data_and_charts(digest_input: DigestInput, tmp_path: Path) -> None:
    assert draw_week(tmp_path, digest_input, parse_period("2019-W20"), TODAY)
    week = tmp_path / "2019-W20"
    assert {path.name for path in week.iterdir()} == FILES
    assert json.loads((week / "report.json").read_text(encoding="utf-8"))["charts"] == ["lines", "change", "volume"]
    assert (week / "digest.md").read_text(encoding="utf-8").startswith("# Week 2019-W20")
    assert (week / "papers.csv").read_text(encoding="utf-8").count("\n") == 16  # 15 GANs and a header
    # the charts are described for those who do not see them
    page = (week / "index.html").read_text(encoding="utf-8")
    lines, change, volume = re.findall(r'<img src="[^"]*" alt="([^"]*)"', page)
    assert lines == (
        "GANs: 25.00 % in 2016-05, 40.70 % in 2019-04. Reinforcement learning: 0.00 % in 2016-05, 0.00 % in 2019-04."
    )
    assert change == "2018 vs 2017: largest rise Generative models, +0.3 %."
    assert volume == "Submissions: 88 in 2016-05, 86 in 2019-04."


@pytest.mark.journey
def test_a_week_that_says_the_same_is_not_written_again(
    digest_input: DigestInput, weekly_store: Path, tmp_path: Path, without_charts: None
) -> None:
    week, out = parse_period("2019-W20"), tmp_path / "out"
    out.mkdir()
    assert draw_week(out, digest_input, week, TODAY)
    files = read_files(out)
    assert not draw_week(out, digest_input, week, date(2019, 7, 2))
    assert read_files(out) == files
    # another store of the same submissions gives the same bytes
    digest_input = DigestInput(
        Store.open(weekly_store), digest_input.library, digest_input.query, digest_input.watched_topics, ML
    )
    other = tmp_path / "other"
    other.mkdir()
    assert draw_week(other, digest_input, week, TODAY)
    assert read_files(other) == files


@pytest.mark.journey
def test_a_damaged_week_is_drawn_again(digest_input: DigestInput, tmp_path: Path, without_charts: None) -> None:
    for label in ("2019-W19", "2019-W20"):
        draw_week(tmp_path, digest_input, parse_period(label), TODAY)
    files = read_files(tmp_path)
    (tmp_path / "2019-W99").mkdir()  # no week, so it is passed over
    (tmp_path / "2019-W99" / "report.json").write_text("{}")
    (tmp_path / "2019-W19" / "report.json").write_text("{")
    (tmp_path / "2019-W20" / "digest.md").unlink()
    assert labels(list_weeks(tmp_path)) == ["2019-W20"]
    assert labels(list_due_weeks(tmp_path, parse_period("2019-W20"), 0)) == ["2019-W19", "2019-W20"]
    for label in ("2019-W19", "2019-W20"):
        assert draw_week(tmp_path, digest_input, parse_period(label), TODAY)
    shutil.rmtree(tmp_path / "2019-W99")
    assert read_files(tmp_path) == files


@pytest.mark.journey
def test_a_disk_that_fills_up_leaves_the_earlier_week(
    digest_input: DigestInput, tmp_path: Path, without_charts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = parse_period("2019-W20")
    draw_week(tmp_path, replace(digest_input, watched_topics=("gan",)), week, TODAY)
    files = read_files(tmp_path)
    write = drawing.write_file_atomically

    def fail_at_third_file(path: Path, content: bytes) -> None:
        if path.name == "digest.md":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, content)

    monkeypatch.setattr(drawing, "write_file_atomically", fail_at_third_file)
    with pytest.raises(ActionRequiredError, match="No space left on device"):
        draw_week(tmp_path, digest_input, week, TODAY)
    assert read_files(tmp_path) == files and [path.name for path in tmp_path.iterdir()] == ["2019-W20"]


@pytest.mark.journey
def test_control_characters_of_titles_and_names_leave_no_trace(tmp_path: Path, topic_file: object) -> None:
    path = topic_file(  # type: ignore[operator]
        "topics:\n  odd:\n    name: Odd name\n    phrases: [adversarial network]\n"
    )
    odd = paper(
        "1905.00001",
        "2019-05-14",
        "Bell\x07 and \x1b[31m\x9b escape ]( <b>",
        "On an\x1b adversarial network.\n# Not one",
    )
    store = fill(
        tmp_path / "store",
        [
            odd,
            *(
                paper(f"1{at:03d}.00002", f"201{at // 100}-{at % 100:02d}-02", "On an adversarial network")
                for at in (811, 812, 904)
            ),
        ],
        [coverage_record(since="2016-01-01", until="2019-06-03", at="2019-07-01")],
    )
    library = load_library(config_folder() / "topics", path)
    # no file may hold such a name, but other code may
    odd_topic = replace(library.topics["odd"], name="Odd\x1b[2J\x07 name")
    library = replace(library, topics={**library.topics, "odd": odd_topic})
    digest_input = DigestInput(store, library, Query(topics=("odd",)), ("odd",), ML)
    out = tmp_path / "out"
    out.mkdir()
    assert draw_week(out, digest_input, parse_period("2019-W20"), TODAY)
    for name in ("index.html", "digest.md", "papers.csv", "report.json", "volume.svg", "lines.svg"):
        text = (out / "2019-W20" / name).read_text(encoding="utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), name
        if name.endswith(".svg"):
            ET.fromstring(text)
    digest = (out / "2019-W20" / "digest.md").read_text(encoding="utf-8")
    assert "\n# Not one" not in digest and "Bell and \\[31m escape \\]( \\<b\\>" in digest
