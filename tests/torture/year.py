"""A year of weeks: `trend weekly` every Monday against an arXiv that lives on, through outages, zeros, faults and gaps.

At the end every week's numbers are those of the stand-in, doctor finds nothing, and the store has not outgrown its data.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

from tests.standins.arxiv import run_stand_in
from tests.torture.bench import Bench, Ran, first_line
from tests.torture.simulated import LivingArxiv, age_files, as_utc, at_time, real_now, write_site
from tests.torture.stores import World
from trendcli.demo.corpus import CATEGORY_WEIGHTS, build_corpus

YEARLY_COUNTS = {2017: 250, 2018: 500, 2019: 700}
FIRST_MONDAY = as_utc("2018-12-31T07:17")
FAULTS = ["429", "503", "500", "truncated xml", "empty page", "html with 200", "connection cut", "short page"]
# bytes of the store per submission at the end, and of its growth over the last quarter of the year without data
MAX_BYTES_PER_SUBMISSION = 20_000
CONFIG = "watch: [rl, gan]\nscope: made\nsince: 2017\nkeep: 8\n"
SETTINGS = f"scopes:\n  made: [{', '.join(CATEGORY_WEIGHTS)}]\n"


def torture(bench: Bench, world: World) -> None:
    """Live through the year week by week."""
    standin = LivingArxiv(build_corpus(9, YEARLY_COUNTS))
    bench.env["PYTHONPATH"] = f"{write_site(bench.folder / 'site')}:{bench.env['PYTHONPATH']}"
    (bench.folder / "settings.yaml").write_text(SETTINGS)
    (bench.folder / "job.yaml").write_text(CONFIG)
    bench.env["TREND_SETTINGS"] = str(bench.folder / "settings.yaml")
    store, out, sizes = bench.folder / "store", bench.folder / "weekly", {}
    with run_stand_in(standin):
        weeks = bench.pick_number(2, 53)
        events = plan_events(weeks, random.Random(bench.arguments.seed))
        monday = FIRST_MONDAY
        for number, _ in bench.share_cases(weeks):
            monday = FIRST_MONDAY + timedelta(weeks=number)
            event = events.get(number, "")
            if event == "off":
                continue
            ran = live_week(bench, standin, store, monday, event, out)
            if number % 13 == 12:
                sizes[number] = measure_store(store)
                bench.note(f"after {number + 1} weeks: {format_sizes(sizes[number])}")
        end = monday + timedelta(days=1)
        # a last run without faults mends what an outage left
        ran = live_week(bench, standin, store, end, "", out)
        if ran.code not in (0, 5):
            bench.report("the year ends with an error", first_line(ran))
        compare_weeks(bench, standin, store, out, end)
        check_sizes(bench, sizes)


def plan_events(weeks: int, rng: random.Random) -> dict[int, str]:
    """Return what goes wrong in which week; the first and the last two go well."""
    if weeks < 10:
        return {1: "zeros"}
    events = {}
    for event, count in (("faults", 8), ("zeros", 3), ("down", 4), ("ahead", 2), ("behind", 2), ("refused", 1)):
        for number in rng.sample(range(2, weeks - 3), count):
            events[number] = event
    gap = rng.randrange(10, weeks - 10)
    return events | dict.fromkeys(range(gap, gap + 3), "off")


def live_week(bench: Bench, standin: LivingArxiv, store: Path, now: datetime, event: str, out: Path) -> Ran:
    """Run the weekly job at a moment, with an event."""
    since = real_now()
    told = now + timedelta(days={"ahead": 200, "behind": -300}.get(event, 0))
    standin.is_dead = event == "zeros"
    standin.random_faults = (0.3, FAULTS) if event == "faults" else (0.0, ())
    standin.pending_faults = []
    if event == "refused":
        standin.inject_fault("403", 3)
    env = {**standin.build_environment()}
    if event == "down":
        env["TREND_ARXIV_URL"] = "http://127.0.0.1:9/api/query"
    with at_time(standin, now, told) as clock:
        ran = bench.run(store, "weekly", bench.folder / "job.yaml", "--out", out, env={**env, **clock})
    bench.judge(ran, f"{now:%G-W%V}, {event or 'a good week'}")
    if ran.code and not event:
        bench.count("good weeks with an error")
    for folder in (store, out, bench.folder / "state"):
        age_files(folder, since, now)
    return ran


def compare_weeks(bench: Bench, standin: LivingArxiv, store: Path, out: Path, now: datetime) -> None:
    """Compare the numbers of every week with those of the stand-in, in the store and on the pages."""
    truth = Counter(f"{item.published_at:%G-W%V}" for item in standin.all_submissions if item.published_at <= now)
    words = [
        "report",
        "--scope",
        "made",
        "--by",
        "week",
        "--since",
        "2018-01",
        "--until",
        str(now.date()),
        "--format",
        "json",
    ]
    with at_time(standin, now) as clock:
        env = {**standin.build_environment(), **clock}
        ran, doctor = (bench.run(store, *asked, env=env) for asked in ([*words, "--include-partial"], ["doctor"]))
    bench.judge(ran, "report at the end")
    bench.judge(doctor, "doctor at the end")
    if doctor.code:
        bench.report("doctor finds something after the year", doctor.out.decode()[:500] + first_line(doctor))
    rows = json.loads(ran.out or b'{"rows": []}')["rows"]
    for row in rows:
        if row["status"] == "complete" and row["count"] != truth[row["period"]]:
            bench.report("silently wrong", f"{row['period']}: {row['count']}, complete; true {truth[row['period']]}")
    complete = [row["period"] for row in rows if row["status"] == "complete"]
    bench.count("complete weeks", len(complete))
    settled = now.date() - timedelta(weeks=6)
    missing = [row["period"] for row in rows if row["status"] != "complete" and row["period"] < f"{settled:%G-W%V}"]
    if missing or not rows:
        bench.report("old weeks are not complete", f"{missing}")
    for path in sorted(out.glob("[12]???-W??/report.json")):
        week = json.loads(path.read_text(encoding="utf-8"))["week"]
        is_over = date.fromisoformat(week["end"]) <= settled
        if (is_over or week["status"] == "complete") and week["base"] != truth[week["label"]]:
            bench.report(
                "a page is wrong", f"{week['label']}: {week['base']}, {week['status']}; true {truth[week['label']]}"
            )
        bench.count("pages")


def measure_store(store: Path) -> dict[str, int]:
    """Return the bytes of the parts of a store."""
    sizes: Counter[str] = Counter()
    for path in store.rglob("*"):
        if path.is_file():
            parts = path.relative_to(store).parts
            sizes[parts[0] if parts[0] != "cache" or len(parts) < 3 else f"cache/{parts[1]}"] += path.stat().st_size
            sizes["all"] += path.stat().st_size
            sizes["files"] += 1
    return dict(sizes)


def format_sizes(sizes: dict[str, int]) -> str:
    """Return sizes in kB, the largest first."""
    files = sizes.get("files", 0)
    told = sorted(((size, name) for name, size in sizes.items() if name != "files"), reverse=True)
    return ", ".join(f"{name} {size / 1000:,.0f} kB" for size, name in told[:8]) + f", {files} files"


def check_sizes(bench: Bench, sizes: dict[int, dict[str, int]]) -> None:
    """Report a store that outgrows its data: more than linear over the year, or far more than its texts."""
    if len(sizes) < 4:
        return
    ordered = [sizes[number]["all"] for number in sorted(sizes)]
    if ordered[-1] > MAX_BYTES_PER_SUBMISSION * sum(YEARLY_COUNTS.values()):
        bench.report("the store has outgrown its data", format_sizes(sizes[max(sizes)]))
    if ordered[-1] - ordered[-2] > 2 * (ordered[1] - ordered[0]) + 500_000:
        bench.report("the store grows faster and faster", str(ordered))
