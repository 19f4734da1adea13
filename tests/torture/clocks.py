"""A clock that is wrong for one run while arXiv's is right: every month that is called complete is complete.

Also an outage in which arXiv answers that there is nothing, which is no coverage.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tests.standins.arxiv import run_stand_in
from tests.torture.bench import Bench, Ran, first_line
from tests.torture.simulated import LivingArxiv, as_utc, at_time, write_site
from tests.torture.stores import World
from trendcli.demo.corpus import build_corpus

# submissions of a year, about two a day
YEARLY_COUNTS = {2017: 300, 2018: 700}
CATEGORY = "cs.LG"
# true days of the fetches; the clock is wrong, or the server dead, at the second one
DAYS = ["2018-03-05", "2018-03-19", "2018-03-20", "2018-04-23", "2018-07-02", "2018-10-29", "2019-02-04"]
# a fetch takes one second on a machine that is free; who waits for a clock waits for an hour
SECONDS_UNTIL_HUNG = 40.0


class Fault(NamedTuple):
    """What is wrong at the second fetch: the clock is off by so many days, or at a moment, or the server is dead."""

    days: int = 0
    moment: str = ""
    is_dead: bool = False
    source: str = "arxiv"
    words: tuple[str, ...] = ()


WORLDS = {
    "450 days ahead": Fault(days=450),
    "the server answers that there is nothing": Fault(is_dead=True),
    "400 days behind": Fault(days=-400),
    "at 1970": Fault(moment="1970-01-02"),
    "at 2038": Fault(moment="2038-01-19"),
    "two days ahead": Fault(days=2),
    "40 days ahead": Fault(days=40),
    "450 days ahead, OAI": Fault(days=450, source="oai"),
    "400 days behind, OAI": Fault(days=-400, source="oai"),
    "nothing, OAI": Fault(is_dead=True, source="oai"),
}


def torture(bench: Bench, world: World) -> None:
    """Live through the same year with each fault."""
    names = list(WORLDS) if bench.is_full else list(WORLDS)[:2]
    standin = LivingArxiv(build_corpus(5, YEARLY_COUNTS))
    bench.env["PYTHONPATH"] = f"{write_site(bench.folder / 'site')}:{bench.env['PYTHONPATH']}"
    with run_stand_in(standin):
        for name, fault in bench.share_items({name: WORLDS[name] for name in names}):
            live_through(bench, standin, bench.folder / f"store-{len(name)}-{names.index(name)}", fault)


def live_through(bench: Bench, standin: LivingArxiv, store: Path, fault: Fault) -> None:
    """Fetch on each day, with the fault on the second; then compare every month."""
    shutil.rmtree(bench.folder / "state", ignore_errors=True)
    days = DAYS if bench.is_full else DAYS[:2] + DAYS[-1:]
    for number, day in enumerate(days):
        true = as_utc(f"{day}T07:00")
        is_faulty = number == 1
        told = None
        if is_faulty and (fault.days or fault.moment):
            told = as_utc(fault.moment) if fault.moment else true + timedelta(days=fault.days)
        standin.is_dead = is_faulty and fault.is_dead
        words = ["fetch", "-c", CATEGORY, "--source", fault.source]
        words += ["--since", "2018-01"] if number == 0 or is_faulty else []
        ran = run_at(bench, standin, store, words, true, told)
        if ran.is_hung:
            bench.report("waits without a word", f"{day}; stderr {ran.err!r}")
        else:
            bench.judge(ran, f"fetch on {day}")
        if is_faulty and bench.is_full:  # the other commands, too, end as documented
            for other in (["status"], ["doctor"], ["report", "-c", CATEGORY], ["weekly", "--out", bench.folder / "w"]):
                bench.judge(run_at(bench, standin, store, other, true, told), f"{other[0]} with the wrong clock")
            check_weeks(bench, bench.folder / "w", true)
            shutil.rmtree(bench.folder / "w", ignore_errors=True)
    standin.is_dead = False
    compare_months(bench, standin, store, as_utc(f"{days[-1]}T08:00"))


def run_at(
    bench: Bench,
    standin: LivingArxiv,
    store: Path,
    words: Sequence[object],
    true: datetime,
    told: datetime | None = None,
) -> Ran:
    """Run a command whose clock tells `told` while it is `true`."""
    with at_time(standin, true, told) as env:
        return bench.run(store, *words, env={**standin.build_environment(), **env}, max_s=SECONDS_UNTIL_HUNG)


def check_weeks(bench: Bench, folder: Path, true: datetime) -> None:
    """Report weeks that have not ended, or from before arXiv."""
    for path in folder.glob("[12]???-W??"):
        if not "1991-W01" <= path.name < f"{true:%G-W%V}":
            bench.report("a week that cannot be", f"{path.name} on {true:%Y-%m-%d}")


def compare_months(bench: Bench, standin: LivingArxiv, store: Path, true: datetime) -> None:
    """Report months that are called complete and are not."""
    words = ["report", "-c", CATEGORY, "--by", "month", "--since", "2018-01", "--until", "2019-02", "--include-partial"]
    ran = run_at(bench, standin, store, [*words, "--format", "json"], true)
    doctor = run_at(bench, standin, store, ["doctor"], true)
    bench.judge(ran, "report")
    bench.judge(doctor, "doctor")
    truth = Counter(f"{item.published_at:%Y-%m}" for item in standin.all_submissions if CATEGORY in item.categories)
    complete = 0
    for row in json.loads(ran.out or b'{"rows": []}')["rows"]:
        if row["status"] == "complete":
            complete += 1
            if row["count"] != truth[row["period"]]:
                bench.report(
                    "silently wrong",
                    f"{row['period']}: {row['count']}, complete; true {truth[row['period']]}; doctor {first_line(doctor)}",
                )
    bench.count("complete months", complete)
    # by then, nothing stands in the way of the first three months: whoever asks again is answered
    if complete < 3:
        bench.report("no month is complete any more", f"{complete} complete; {first_line(ran)}")
