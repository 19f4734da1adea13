"""The weekly job as cron runs it: folders that are right, whole, and the same again."""

from __future__ import annotations

import atexit
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.cli.test_cli import run
from tests.cli.test_fetch import recent
from tests.conftest import answer, fill, paper
from trendcli.core import periods
from trendcli.core.report import Report
from trendcli.core.types import Submission
from trendcli.demo.server import ArxivStandIn, run_stand_in
from trendcli.output.weekly_texts import describe_chart
from trendcli.reports.weekly import digest
from trendcli.reports.weekly import folder as weekly
from trendcli.store.store import Store
from trendcli.topics import query as question

FILES = {"change.png", "change.svg", "digest.md", "index.html", "lines.png", "lines.svg", "papers.csv", "report.json", "volume.png", "volume.svg"}  # fmt: skip


def world(weeks: int = 170, last: str = "2019-W20", busy: int = 4) -> list[Submission]:
    """20 submissions a week up to `last`, of which 5 are about GANs, and 15 in the last `busy` weeks."""
    found = []
    end = periods.parse_period(last).start
    for back in range(weeks):
        monday = end - timedelta(weeks=back)
        gans = 15 if back < busy else 5
        for number in range(20):
            day = monday + timedelta(days=number % 7)
            title = f"Generative adversarial networks, part {number}" if number < gans else "On nothing"
            found.append(paper(f"{day:%y%m}.{back * 20 + number:05d}", str(day), title))
    return found


def filled(root: Path) -> None:
    """A store of `world`, all of it covered, in which a week has been looked at before."""
    shutil.copytree(_drawn_from(), root, dirs_exist_ok=True)


@cache
def _drawn_from() -> Path:
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder)
    fill(folder, world(), [answer(since="2016-01-01", until="2019-06-03", at="2019-07-01")])
    run("digest", "--pack", "iclr", "-t", "gan", "-t", "rl", "--store", folder)
    return folder


@pytest.fixture
def job(tmp_path: Path) -> list[Any]:
    """The words of a job over `world`, without the network."""
    filled(tmp_path / "store")
    (tmp_path / "job.yaml").write_text("watch: [gan, rl]\npack: iclr\n")
    return ["weekly", tmp_path / "job.yaml", "--store", tmp_path / "store", "--out", tmp_path / "out", "--no-fetch"]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weeks without charts, where a test is about something else: they take two thirds of the time."""
    monkeypatch.setattr(weekly, "draw_week_charts", lambda *_: [])


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


def everything(out: Path) -> dict[str, bytes]:
    """All files; of the feed without its identity, which is that of its folder."""
    found = {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    return {name: re.sub(rb"urn:uuid:[0-9a-f-]+", b"", data) if name == "feed.xml" else data for name, data in found.items()}  # fmt: skip


def test_a_week(job: list[Any], tmp_path: Path) -> None:
    done = run(*job, "--date", "2019-W20")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "out" / "2019-W20"
    assert {path.name for path in folder.iterdir()} == FILES
    found = told(folder)
    assert found["week"] == {"label": "2019-W20", "start": "2019-05-13", "end": "2019-05-20", "status": "complete", "base": 20, "base_year_ago": 20}  # fmt: skip
    gan = next(row for row in found["rows"] if row["topic"] == "gan")
    assert (gan["count"], gan["base"], gan["share"]) == (15, 20, 0.75)
    # numbers and lists say the same
    listed = run("papers", "--store", tmp_path / "store", "-t", "gan", "--period", "2019-W20", "--format", "jsonl", "--limit", 0)  # fmt: skip
    assert {paper["id"] for paper in found["papers"]} == {json.loads(line)["id"] for line in listed.stdout.splitlines()}
    assert len(found["papers"]) == gan["count"]
    assert [paper["topics"] for paper in found["papers"]] == [["gan"]] * 15
    # 60 GANs in four weeks, where 20 were expected
    (alert,) = found["alerts"]
    assert (alert["topic"], alert["verdict"], alert["count"], alert["weeks"]) == ("gan", "rising", 60, "2019-W17 to 2019-W20")  # fmt: skip
    assert alert["expected"] == pytest.approx(20, abs=1)
    # three weeks of 5, one of 15, and the first two days of another
    (record,) = found["records"]
    assert (record["topic"], record["period"], record["count"]) == ("gan", "2019-04", 35)
    year = gan["year"]
    assert (year["period"], year["vs"], year["count_1"], year["count_2"]) == ("2018", "2017", 260, 261)
    assert found["warnings"] == [] and found["months"][-1]["period"] == "2019-04"
    text = (folder / "digest.md").read_text(encoding="utf-8")
    assert "**GANs** rising: 60 in 2019-W17 to 2019-W20, 20 expected" in text
    assert "## GANs (15)" in text and "## Reinforcement learning (0)" in text
    assert (folder / "papers.csv").read_text(encoding="utf-8").count("\n") == 16


def test_what_the_charts_show_is_said_in_words(job: list[Any], tmp_path: Path) -> None:
    assert run(*job, "--date", "2019-W20").exit_code == 0
    page = (tmp_path / "out" / "2019-W20" / "index.html").read_text(encoding="utf-8")
    lines, change, volume = re.findall(r'<img src="[^"]*" alt="([^"]*)"', page)
    assert lines == (
        "GANs: 25.00 % in 2016-05, 40.70 % in 2019-04. Reinforcement learning: 0.00 % in 2016-05, 0.00 % in 2019-04."
    )
    assert change == "2018 vs 2017: largest rise Generative models, +0.3 %."
    assert volume == "Submissions: 88 in 2016-05, 86 in 2019-04."


def test_changes_in_words() -> None:
    rows = [
        {"name": name, "period_1": "2017", "period_2": "2018", "relative_change": value, "change": word}
        for name, value, word in (("A", 0.5, None), ("B", -0.25, None), ("C", None, "new"), ("D", 2.0, None))
    ]
    made = Report("comparison", "", "arxiv", False, {}, [], rows)
    assert describe_chart(made) == "2018 vs 2017: largest rise D, +200 %; largest fall B, -25.0 %; new: C."
    assert describe_chart(replace(made, rows=rows[:1])) == "2018 vs 2017: largest rise A, +50.0 %."
    assert describe_chart(replace(made, rows=[{**rows[0], "relative_change": 0.0}])) == "2018 vs 2017: no changes."


def test_the_list_of_weeks_the_latest_and_the_feed(job: list[Any], tmp_path: Path, plain: None) -> None:
    out = tmp_path / "out"
    for week in ("2019-W18", "2019-W20"):
        assert run(*job, "--date", week).exit_code == 0
    assert everything(out / "latest") == everything(out / "2019-W20")
    index = (out / "index.html").read_text(encoding="utf-8")
    assert index.index("2019-W20/index.html") < index.index("2019-W18/index.html")
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.fromstring((out / "feed.xml").read_bytes())
    entries = feed.findall(f"{atom}entry")
    assert [entry.findtext(f"{atom}title") for entry in entries] == ["Week 2019-W20", "Week 2019-W18"]
    for element in (feed, *entries):
        assert all(element.find(f"{atom}{name}") is not None for name in ("id", "title", "updated", "link"))
        datetime.fromisoformat(str(element.findtext(f"{atom}updated")))
    assert len({entry.findtext(f"{atom}id") for entry in entries}) == 2


def test_the_same_week_again_changes_no_byte(job: list[Any], tmp_path: Path, plain: None) -> None:
    run(*job, "--date", "2019-W20")
    before = everything(tmp_path / "out")
    again = run(*job, "--date", "2019-W20")
    assert (again.exit_code, everything(tmp_path / "out")) == (0, before)
    assert again.stderr.splitlines()[-1].startswith("nothing new. The data are ")
    assert run(*job, "--date", "2019-W20", "--fail-if-unchanged").exit_code == 5
    # from a store that was made another time, too
    (tmp_path / "other").mkdir()
    filled(tmp_path / "other" / "store")
    assert run(*job[:3], tmp_path / "other" / "store", "--out", tmp_path / "else", "--no-fetch", "--date", "2019-W20").exit_code == 0  # fmt: skip
    assert everything(tmp_path / "else" / "2019-W20") == everything(tmp_path / "out" / "2019-W20")


def test_a_week_whose_days_have_filled_is_drawn_again(tmp_path: Path, plain: None) -> None:
    root, out = tmp_path / "store", tmp_path / "out"
    fill(root, world()[1:], [answer(since="2016-01-01", until="2019-05-20", at="2019-05-20")])
    (tmp_path / "job.yaml").write_text("watch: [gan]\npack: iclr\n")
    words = ["weekly", tmp_path / "job.yaml", "--store", root, "--out", out, "--no-fetch", "--date", "2019-W20"]
    assert run(*words).exit_code == 0
    first = told(out / "2019-W20")
    assert (first["week"]["status"], first["week"]["base"], len(first["drawn"])) == ("provisional", 19, 1)
    page = out / "2019-W20" / "report.json"
    page.write_text(page.read_text().replace(first["drawn"][0], "2019-05-20"))  # drawn on another day
    # something is stored that this week does not speak of: it stays as it is
    fill(root, [paper("1905.99999", "2019-05-21")], [answer(since="2019-05-01", until="2019-05-22", at="2019-05-22")])
    assert run(*words).exit_code == 0
    assert told(out / "2019-W20")["drawn"] == ["2019-05-20"]
    fill(root, world()[:1], [answer(since="2019-05-01", until="2019-05-27", at="2019-06-20")])
    again = run(*words)
    assert "2019-W20: drawn again" in again.stderr
    second = told(out / "2019-W20")
    assert (second["week"]["status"], second["week"]["base"]) == ("complete", 20)
    assert second["drawn"] == ["2019-05-20", str(datetime.now(UTC).date())]
    assert ", updated " in (out / "2019-W20" / "index.html").read_text(encoding="utf-8")


def test_missed_weeks_are_made_up_in_order(tmp_path: Path) -> None:
    out = tmp_path / "out"
    last = periods.parse_period("2019-W20")
    assert [week.label for week in weekly.list_due_weeks(_made(out), last, 0)] == ["2019-W20"]
    _made(out, "2019-W16")
    assert [week.label for week in weekly.list_due_weeks(out, last, 0)] == [
        "2019-W17",
        "2019-W18",
        "2019-W19",
        "2019-W20",
    ]
    _made(out, "2019-W17", status="provisional")
    assert [week.label for week in weekly.list_due_weeks(out, last, 0)] == [
        "2019-W17",
        "2019-W18",
        "2019-W19",
        "2019-W20",
    ]
    assert [week.label for week in weekly.list_due_weeks(out, last, 2)] == ["2019-W17", "2019-W19", "2019-W20"]
    # a clock that went wrong does not ask for thousands
    assert len(weekly.list_due_weeks(out, periods.parse_period("2119-W20"), 0)) <= weekly.MAX_BACKFILLED_WEEKS + 1


def test_of_the_weeks_before_nothing_but_the_heads_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for label in ("2019-W16", "2019-W17"):
        _made(tmp_path, label, rows=[{"topic": "gan"}], papers=[{"id": "1905.00001"}, {"id": "1905.00002"}])
    monkeypatch.setattr(json, "loads", lambda *_: pytest.fail("read as a whole"))
    assert [week.label for week in weekly.list_weeks(tmp_path)] == ["2019-W16", "2019-W17"]
    assert [week.label for week in weekly.list_due_weeks(tmp_path, periods.parse_period("2019-W18"), 0)] == ["2019-W18"]
    weekly.update_folder(tmp_path, 0)
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert index.count("20 submissions, 18 a year earlier. 2 papers on watched topics.") == 2
    assert weekly._read_head(tmp_path, periods.parse_period("2019-W17")).keys() == {
        *weekly.DigestHead.__annotations__
    } - {"key"}


def _made(out: Path, label: str = "", status: str = "complete", **more: Any) -> Path:
    (out / label).mkdir(parents=True, exist_ok=True)
    if label:
        week = periods.parse_period(label)
        span = {"label": label, "start": str(week.start), "end": str(week.end), "status": status}
        head = {"title": label, "synthetic": False, "drawn": ["2019-07-01"], "charts": [], "warnings": [], "alerts": []}
        head |= {"week": {**span, "base": 20, "base_year_ago": 18}, "records": [], "papers": []}
        (out / label / "report.json").write_text(json.dumps({**head, "provenance": {"program": "trendcli"}, **more}))
        for name in ("index.html", "digest.md", "papers.csv"):
            (out / label / name).touch()
    return out


def test_after_three_weeks_without_a_network_all_is_made_up(tmp_path: Path, plain: None) -> None:
    now = datetime.now(UTC)
    ended = digest.last_ended_week(now.date())
    papers = [recent(n, (now.date() - ended.end).days + 35 - n / 2) for n in range(1, 70)]
    (tmp_path / "job.yaml").write_text(f"watch: [gan]\npack: iclr\nsince: '{(ended.end - timedelta(days=60)):%Y-%m}'\n")
    with run_stand_in(ArxivStandIn([])) as nothing:
        dead = nothing.build_environment()
    words = ["weekly", tmp_path / "job.yaml", "--store", tmp_path / "store", "--out", tmp_path / "out"]
    with run_stand_in(ArxivStandIn(papers)) as standin:
        env = standin.build_environment()
        first = run(*words, env=env)
        assert first.exit_code == 0, first.output
        assert f"done: {ended.label} drawn" in first.stderr
        # as if the job had last run three weeks ago
        old = weekly.list_weeks(tmp_path / "out")[0]
        three = periods.period_containing(old.start - timedelta(weeks=3), "week")
        (tmp_path / "out" / old.label).rename(tmp_path / "out" / three.label)
        path = tmp_path / "out" / three.label / "report.json"
        path.write_text(
            path.read_text(encoding="utf-8").replace(f'"label": "{old.label}"', f'"label": "{three.label}"')
        )
        assert run(*words, env=env).exit_code == 0
    labels = [week.label for week in weekly.list_weeks(tmp_path / "out")]
    assert labels == [periods.period_containing(three.start + timedelta(weeks=n), "week").label for n in range(4)]
    late = run(*words, "--date", str(now.date()), env=dead)
    assert late.exit_code in (0, 3)


def test_a_dead_network_draws_what_is_stored_and_says_try_later(job: list[Any], tmp_path: Path, plain: None) -> None:
    env = {"TREND_ARXIV_URL": "http://127.0.0.1:9/api", "TREND_REQUEST_INTERVAL_S": "0", "TREND_RETRY_S": "0"}
    done = run(*job[:-1], "--date", "2019-W20", env=env)
    assert done.exit_code == 3, done.output
    asked, _, drawn = done.stderr.splitlines()[-1].partition(" From what is stored: ")
    assert asked.endswith("Nothing was changed in the store; try later, by the same command.")
    assert drawn.startswith("2019-W20 drawn on") and "0 new" not in done.stderr
    assert (tmp_path / "out" / "2019-W20" / "index.html").is_file()


def test_old_data_are_called_old(tmp_path: Path, plain: None) -> None:
    now = datetime.now(UTC).date()
    ended = digest.last_ended_week(now)
    until = ended.end - timedelta(days=10)
    day = datetime(until.year, until.month, until.day, tzinfo=UTC)
    fill(tmp_path / "store", [paper("2401.00001", str(until - timedelta(days=20)))], [answer(since="2016-01-01", until=str(until), at=day.isoformat()[:19])])  # fmt: skip
    done = run("weekly", "--store", tmp_path / "store", "--out", tmp_path / "out", "--no-fetch")
    assert done.exit_code == 0, done.output
    age = (now - until).days
    assert f"{age} days old" in done.stderr.splitlines()[-1]
    # the week that the data begin, though nobody can say how it ends
    folder = tmp_path / "out" / periods.period_containing(until - timedelta(days=1), "week").label
    found = told(folder)
    assert found["week"]["status"] == "partial" and found["week"]["base"] == 0
    for name in ("digest.md", "index.html"):
        assert f"{age} days old" in (folder / name).read_text(encoding="utf-8")
    assert f"{age} days old" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert f"{age} days old" in (tmp_path / "out" / "feed.xml").read_text(encoding="utf-8")


def test_a_week_without_papers_and_a_week_of_holes(tmp_path: Path, plain: None) -> None:
    papers = [item for item in world() if not "2019-05-06" <= f"{datetime.fromtimestamp(item.v1_at, UTC):%Y-%m-%d}" < "2019-05-13"]  # fmt: skip
    covered = [answer(since="2016-01-01", until="2019-04-29", at="2019-07-01"), answer(since="2019-05-06", until="2019-06-03", at="2019-07-01")]  # fmt: skip
    fill(tmp_path / "store", papers, covered)
    (tmp_path / "job.yaml").write_text("watch: [gan]\npack: iclr\n")
    words = ["weekly", tmp_path / "job.yaml", "--store", tmp_path / "store", "--out", tmp_path / "out", "--no-fetch"]
    for week in ("2019-W18", "2019-W19"):
        assert run(*words, "--date", week).exit_code == 0
    holes, empty = (told(tmp_path / "out" / label) for label in ("2019-W18", "2019-W19"))
    # the week of holes held 20 submissions, and nobody may call that all
    assert (holes["week"]["status"], holes["week"]["base"], holes["rows"][0]["count"], holes["papers"]) == ("partial", None, None, [])  # fmt: skip
    assert any("hole in coverage" in warning for warning in holes["warnings"])
    text = (tmp_path / "out" / "2019-W18" / "digest.md").read_text(encoding="utf-8")
    assert "submissions n/a" in text and "## GANs (n/a)" in text and "No clear changes" not in text
    assert (empty["week"]["status"], empty["week"]["base"], empty["rows"][0]["count"], empty["papers"]) == ("complete", 0, 0, [])  # fmt: skip
    # a hole among the last four weeks: no alert is better than a wrong one
    assert all(alert["weeks"].startswith("2019-W14") for alert in empty["alerts"])


def test_weeks_of_long_ago_raise_no_alert(tmp_path: Path, plain: None) -> None:
    covered = [answer(since="2016-01-01", until="2019-05-20", at="2019-07-01"), answer(since="2019-07-29", until="2019-08-05", at="2019-08-05")]  # fmt: skip
    fill(tmp_path / "store", world(), covered)
    found = [json.loads(run("digest", "--store", tmp_path / "store", "-t", "gan", "--period", week, "--format", "json").stdout) for week in ("2019-W20", "2019-W31")]  # fmt: skip
    assert [(made["week"]["status"], len(made["alerts"])) for made in found] == [("complete", 1), ("provisional", 0)]


def test_a_first_run_on_an_empty_store(tmp_path: Path) -> None:
    missing = run("weekly", "--store", tmp_path / "none", "--out", tmp_path / "out", "--no-fetch")
    assert missing.exit_code == 4 and "trend fetch" in missing.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--date", "2199-W01"], 2, "has not ended yet"),
        (["--date", "yesterday"], 2, "yesterday"),
        (["--date", "2010-W05"], 4, "Nothing of 2010-W05 is covered; the data end on 2019-06-03"),
        (["--date", "2019-W30"], 4, "Nothing of 2019-W30 is covered"),
        (["--date", "2019"], 2, "takes a day or a week"),
    ],
)
def test_odd_dates(job: list[Any], more: list[str], code: int, said: str) -> None:
    done = run(*job, *more)
    assert done.exit_code == code, done.output
    assert said in done.stderr


def test_an_unknown_topic_is_named(job: list[Any], tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("watch: [gam]\n")
    done = run(*job, "--date", "2019-W20")
    assert (done.exit_code, "gam" in done.stderr and "job.yaml" in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_keep_limits_how_many_weeks_stay(job: list[Any], tmp_path: Path, plain: None) -> None:
    (tmp_path / "job.yaml").write_text("watch: [gan]\npack: iclr\nkeep: 2\n")
    for week in ("2019-W16", "2019-W17", "2019-W18"):
        assert run(*job, "--date", week).exit_code == 0
    assert [week.label for week in weekly.list_weeks(tmp_path / "out")] == ["2019-W17", "2019-W18"]
    assert "2019-W16" not in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_a_damaged_week_is_drawn_again_and_stops_nothing(job: list[Any], tmp_path: Path, plain: None) -> None:
    out = tmp_path / "out"
    for week in ("2019-W19", "2019-W20"):
        assert run(*job, "--date", week).exit_code == 0
    whole = everything(out)
    (out / "2019-W99").mkdir()
    (out / "2019-W99" / "report.json").write_text("{}")
    (out / "2019-W19" / "report.json").write_text("{")
    (out / "2019-W20" / "digest.md").unlink()
    assert run(*job, "--date", "2019-W20").exit_code == 0
    assert (out / "2019-W20" / "digest.md").is_file()
    assert run(*job, "--date", "2019-W19").exit_code == 0
    shutil.rmtree(out / "2019-W99")
    assert everything(out) == whole


def test_a_week_that_would_be_let_go_at_once_is_refused(job: list[Any], tmp_path: Path, plain: None) -> None:
    (tmp_path / "job.yaml").write_text("watch: [gan]\npack: iclr\nkeep: 1\n")
    assert run(*job, "--date", "2019-W20").exit_code == 0
    refused = run(*job, "--date", "2019-W18")
    assert refused.exit_code == 2 and "would be let go at once" in refused.stderr


def test_notify_gets_the_digest_of_a_new_week_once(job: list[Any], tmp_path: Path, plain: None) -> None:
    heard = tmp_path / "heard"
    words = [*job, "--date", "2019-W20", "--notify", f"cat >> '{heard}'"]
    assert run(*words).exit_code == 0
    assert heard.read_bytes() == (tmp_path / "out" / "2019-W20" / "digest.md").read_bytes()
    run(*words)
    assert heard.read_text().count("# Week 2019-W20") == 1
    failed = run(*job, "--date", "2019-W19", "--notify", "exit 7")
    assert failed.exit_code == 3 and "exit code 7" in failed.stderr
    assert (tmp_path / "out" / "2019-W19" / "index.html").is_file()
    # nobody was told, so the next run tells
    assert run(*words).exit_code == 0
    assert heard.read_text().count("# Week 2019-W19") == 1
    run(*words)
    assert heard.read_text().count("# Week") == 2


def test_one_job_at_a_time(job: list[Any], tmp_path: Path, plain: None) -> None:
    with weekly.lock_folder(tmp_path / "out"):
        done = run(*job, "--date", "2019-W20")
    assert done.exit_code == 3 and "Another weekly job writes" in done.stderr
    assert run(*job, "--date", "2019-W20").exit_code == 0


def test_a_killed_job_leaves_whole_folders_and_the_next_one_the_rest(job: list[Any], tmp_path: Path) -> None:
    def started(out: Path) -> subprocess.Popen[bytes]:
        words = [str(out) if word == tmp_path / "out" else str(word) for word in job]
        return subprocess.Popen([sys.executable, "-m", "trendcli", "-q", *words, "--date", "2019-W20"])

    assert run(*job, "--date", "2019-W19").exit_code == 0
    for name in ("whole", "killed"):
        shutil.copytree(tmp_path / "out", tmp_path / name)
    start = time.monotonic()
    assert started(tmp_path / "whole").wait() == 0
    took = time.monotonic() - start
    undisturbed = everything(tmp_path / "whole")
    process = started(tmp_path / "killed")
    time.sleep(0.9 * took)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for week in weekly.list_weeks(tmp_path / "killed"):
        assert {path.name for path in (tmp_path / "killed" / week.label).iterdir()} == FILES
    assert started(tmp_path / "killed").wait() == 0
    assert everything(tmp_path / "killed") == undisturbed


def test_what_a_killed_swap_left_comes_back(tmp_path: Path) -> None:
    _made(tmp_path, "2019-W20")
    (tmp_path / "2019-W20").rename(tmp_path / ".2019-W20.old")
    (tmp_path / ".2019-W21.draft").mkdir()
    with weekly.lock_folder(tmp_path):
        assert [week.label for week in weekly.list_weeks(tmp_path)] == ["2019-W20"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "2019-W20"]


def test_a_folder_that_cannot_be_written(job: list[Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(*job[:5], tmp_path / "file" / "out", "--no-fetch", "--date", "2019-W20")
    assert done.exit_code == 2 and "Cannot write" in done.stderr


def test_a_digest_of_any_window(tmp_path: Path) -> None:
    filled(tmp_path)
    month = run("digest", "--store", tmp_path, "-t", "gan", "--period", "2019-04", "--format", "json")
    found = json.loads(month.stdout)
    assert (found["kind"], found["week"]["label"], found["week"]["base"]) == ("digest", "2019-04", 86)
    assert len(found["papers"]) == next(row["count"] for row in found["rows"] if row["topic"] == "gan") == 35
    plain = run("digest", "--store", tmp_path)
    assert plain.exit_code == 0 and plain.stdout.startswith("# Week 2019-W22")
    page = run("digest", "--store", tmp_path, "-t", "gan", "--since", "2019-04-03", "--until", "2019-04-20", "--format", "html")  # fmt: skip
    assert page.stdout.startswith("<!doctype html>") and "2019-04-03 to 2019-04-19" in page.stdout
    assert run("digest", "--store", tmp_path, "--format", "pdf").exit_code == 2
    assert run("digest", "--store", tmp_path, "--period", "2031").exit_code == 4
    assert run("digest", "--store", tmp_path, "--period", "2018", "--last", "3m").exit_code == 2
    assert "days old" in plain.stdout  # the last week that is stored ended long ago
    assert run("digest", "--store", tmp_path, "-o", tmp_path / "d.html").exit_code == 0
    assert (tmp_path / "d.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert run("digest", "--store", tmp_path, "-o", tmp_path / "d.csv").exit_code == 2


def test_the_command_behind_a_count_asks_what_was_counted(tmp_path: Path) -> None:
    filled(tmp_path)
    asked = [
        "--store",
        tmp_path,
        "-t",
        "gan",
        "-c",
        "cs.LG",
        "--match",
        "title",
        "--author",
        "Ada Abel",
        "--as-of",
        "2020",
        "--pack",
        "iclr",
    ]
    made = json.loads(run("digest", *asked, "--period", "2019-04", "--format", "json").stdout)
    assert made["listing"] == "trend papers -c cs.LG --match title --author 'Ada Abel' --as-of 2020-12-31"
    words = shlex.split(f"{made['listing']} -t gan --period 2019-04 --limit 0 --format jsonl")[1:]
    listed = run(*words, "--store", tmp_path).stdout.splitlines()
    gan = next(row for row in made["rows"] if row["topic"] == "gan")
    assert len(listed) == gan["count"] == made["series"]["gan"]["count"][-1] == 35
    plain = json.loads(run("digest", "--store", tmp_path, "--scope", "ml", "--pack", "iclr", "--format", "json").stdout)
    assert plain["listing"] == "trend papers --scope ml"


def test_sentences_and_marks() -> None:
    row = {"title": "A survey of things", "abstract": "First words. We use a GAN, e.g. of old. See https://github.com/a/b.", "comments": "Code: https://gitlab.com/c/d"}  # fmt: skip
    match = {"field": "abstract", "text": "GAN", "snippet": "…"}
    assert digest._find_match_sentence(row, match) == "We use a GAN, e.g. of old."
    assert digest._find_match_sentence(row, {**match, "field": "title"}) == "A survey of things"
    assert digest._SURVEY_PATTERN.search(row["title"])
    assert digest._CODE_URL_PATTERN.findall(f"{row['comments']} {row['abstract']}") == ["https://gitlab.com/c/d", "https://github.com/a/b"]  # fmt: skip
    assert (
        digest.last_ended_week(date(2019, 5, 20)).label == digest.last_ended_week(date(2019, 5, 26)).label == "2019-W20"
    )


def test_text_from_papers_is_no_markup(tmp_path: Path, plain: None) -> None:
    evil = "A GAN</script><script>alert(1)</script> [x](javascript:alert(2)) **bold** $a_b$ <img src=x>"
    fill(tmp_path / "store", [*world()[20:], paper("1905.00001", "2019-05-14", evil)], [answer(since="2016-01-01", until="2019-06-03", at="2019-07-01")])  # fmt: skip
    (tmp_path / "job.yaml").write_text("watch: [gan]\npack: iclr\n")
    words = ["weekly", tmp_path / "job.yaml", "--store", tmp_path / "store", "--out", tmp_path / "out", "--no-fetch"]
    assert run(*words, "--date", "2019-W20").exit_code == 0
    text = (tmp_path / "out" / "2019-W20" / "digest.md").read_text(encoding="utf-8")
    assert r"\[x\](javascript:alert(2)) \*\*bold\*\* a\_b \<img src=x\>" in text
    page = (tmp_path / "out" / "2019-W20" / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and "<img src=x" not in page
    assert told(tmp_path / "out" / "2019-W20")["papers"][0]["title"].startswith("A GAN</script>")
    assert os.sep not in text.splitlines()[0]


def test_what_nothing_covers_is_said_before_anything_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    monkeypatch.setattr(question.BoundQuery, "count_submissions", lambda *_: pytest.fail("counted"))
    done = run("digest", "--store", tmp_path, "--period", "2031")
    assert done.exit_code == 4 and "Nothing of 2031 is covered; the data end on 2019-06-03" in done.stderr


def test_a_first_run_that_nobody_answers_says_so(tmp_path: Path) -> None:
    env = {"TREND_ARXIV_URL": "http://127.0.0.1:9/api", "TREND_REQUEST_INTERVAL_S": "0"}
    done = run("weekly", "--store", tmp_path / "none", "--out", tmp_path / "out", env=env)
    assert done.exit_code == 3 and "Cannot reach 127.0.0.1:9" in done.stderr, done.output
    with run_stand_in(ArxivStandIn([])) as standin:
        standin.inject_fault("500", times=99)
        done = run("weekly", "--store", tmp_path / "failed", "--out", tmp_path / "out", env=standin.build_environment())
    assert done.exit_code == 3 and "times in a row: status 500" in done.stderr, done.output


@pytest.mark.parametrize("source", ["arxiv", "oai"])
def test_a_category_that_is_new_in_the_scope_is_fetched_from_the_beginning(
    tmp_path: Path, plain: None, source: str
) -> None:
    today = datetime.now(UTC).date()
    since = today - timedelta(days=70)
    (tmp_path / "settings.yaml").write_text("scopes: {mine: [cs.LG, cs.CL]}\n")
    words = ["--store", tmp_path / "store", "--settings", tmp_path / "settings.yaml"]
    papers = [recent(n, n, category) for n, category in enumerate(["cs.LG", "cs.CL"] * 45, 1)]
    (tmp_path / "job.yaml").write_text(f"watch: [gan]\npack: iclr\nscope: mine\nsource: {source}\nsince: '{since}'\n")
    with run_stand_in(ArxivStandIn(papers)) as standin:
        assert run("fetch", *words, "--source", source, "-c", "cs.LG", "--since", since, env=standin.build_environment()).exit_code == 0  # fmt: skip
        done = run("weekly", tmp_path / "job.yaml", *words, "--out", tmp_path / "out", env=standin.build_environment())
    assert done.exit_code == 0, done.output
    spans = Store.open(tmp_path / "store").build_coverage().category_spans("cs.CL")
    assert (spans[0].since, spans[-1].until >= today) == (since, True)
    assert told(tmp_path / "out" / "latest")["week"]["base"] == 7
