"""Test published claims on real records, and write docs/explanation/claims.md.

    make claims SNAPSHOT=file.jsonl LISTS=folder [WORDS='...']

SNAPSHOT is in the format of arXiv's bulk snapshot, and has to be complete for cs.NE, cs.RO and cs.IR in 2010 to 2019 and for
cs.CL to 2018: the page says no more than that. The folder LISTS holds iclr2020.json to iclr2022.json of paperlists.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "explanation" / "claims.md"
TREND = [sys.executable, "-m", "trendcli"]


class Claim(NamedTuple):
    """What was claimed, by whom, the commands that test it, and what their reports cannot say."""

    claim: str
    source: str
    commands: tuple[str, ...]
    caveat: str


ICLR_SOURCE = "ICLR 2019 submission statistics"
CORPUS_CAVEAT = "ICLR is a different corpus: these are arXiv submissions, by category."
CLAIMS = (
    Claim(
        "Recurrent networks take the biggest dip",
        ICLR_SOURCE,
        (
            "report -t rnn --vs 2018 --period 2019 -c cs.NE -c cs.RO -c cs.IR",
            "report -t rnn --vs 2018 --period 2019 -c cs.NE -c cs.RO -c cs.IR --across category",
            "report --pack iclr --vs 2018 --period 2019 -c cs.NE -c cs.RO -c cs.IR --sort relative_change --reverse --min-count 50 --limit 3",
        ),
        CORPUS_CAVEAT,
    ),
    Claim(
        "There were more GAN papers, and their relative change was negative",
        ICLR_SOURCE,
        ("report -t gan --vs 2018 --period 2019 -c cs.NE -c cs.RO -c cs.IR",),
        CORPUS_CAVEAT + " GANs belong to cs.CV and cs.LG, which these records contain only in part.",
    ),
    Claim(
        "Reinforcement learning is still the most popular topic by submissions",
        ICLR_SOURCE,
        ("report --pack iclr --vs 2018 --period 2019 -c cs.NE -c cs.RO -c cs.IR --sort rank_2 --limit 3",),
        CORPUS_CAVEAT + " Rank depends on what the list calls a topic: a broad one ranks above a narrow one.",
    ),
    Claim(
        "Recurrent networks have never been popular in robotics",
        ICLR_SOURCE + " (there: in computer vision and reinforcement learning)",
        ("report -t rnn --across category --period 2018 --vs 2017 -c cs.NE -c cs.RO -c cs.CL -c cs.IR",),
        "No category of computer vision or reinforcement learning is complete here.",
    ),
    Claim(
        "In language, recurrent networks are replaced by attention",
        ICLR_SOURCE,
        (
            "report -t rnn -t attention -c cs.CL --period 2018 --vs 2017",
            "report -t rnn -t attention -c cs.CL --by quarter --since 2013 --until 2019",
        ),
        "cs.CL is complete only to 2018, so the years after the claim are missing.",
    ),
    Claim(
        "Word embeddings are hot (word2vec 1.72 of its earlier monthly share)",
        "Karpathy 2017, full texts of six categories",
        ("report -t word-embeddings -c cs.CL --period 2016 --vs 2015", "report -t word-embeddings -c cs.CL --period 2018 --vs 2017"),
        "Full texts mention more than titles and abstracts do; the categories differ.",
    ),
    Claim(
        "LSTM is hot (1.98 of its earlier monthly share)",
        "Karpathy 2017, full texts of six categories",
        ("report --query LSTM -c cs.NE -c cs.CL --period 2016 --vs 2015", "report --query LSTM -c cs.NE -c cs.CL --period 2018 --vs 2017"),
        "Full texts mention more than titles and abstracts do; the categories differ.",
    ),
    Claim(
        "Differential evolution and wavelet transforms decline (0.171 and 0.228 of their earlier monthly share)",
        "Karpathy 2017, full texts of six categories",
        ('report --query "differential evolution" --query "wavelet transform" -c cs.NE --period 2016 --vs 2015',
         'report --query "differential evolution" --query "wavelet transform" -c cs.NE --since 2015 --until 2017 --vs "2012-01 to 2013-12"'),
        "Full texts mention more than titles and abstracts do; the categories differ.",
    ),
    Claim(
        "AI and machine-learning papers per month double about every 23 months",
        "Krenn et al. 2023, cs.AI cs.LG cs.NE stat.ML 1992 to 2020",
        (
            "report --by month -c cs.NE -c cs.RO -c cs.IR",
            "report --by month -c cs.NE",
            "report --by month -c cs.CL --until 2019",
        ),
        "cs.AI, cs.LG and stat.ML, which grew faster, are incomplete here, so their growth cannot be measured.",
    ),
    Claim(
        "Papers increase exponentially",
        "often said of machine learning and AI on arXiv",
        ("report --by year -c cs.NE -c cs.RO -c cs.IR",),
        "A straight line in the logarithm over ten years says nothing about the next ten.",
    ),
    Claim(
        "Deep learning, GANs, attention and sequence-to-sequence models took over, ontologies and logic gave way",
        "often said of machine learning from 2014 to 2018",
        ("terms --period 2018 --vs 2014 --limit 12", "terms --backtest 2015:2018"),
        "The scope ml is incomplete here, so terms of cs.CV and cs.LG rise less than they did, and few are significant in a single year.",
    ),
    Claim(
        "ICLR received 2,594, 3,014 and 3,422 submissions in 2020 to 2022",
        "papercopilot/paperlists, including withdrawn and desk-rejected submissions",
        tuple(f"report --corpus iclr --by year --submission-status {status}" for status in ("submitted", "active", "accepted")),
        "Counts on other sites exclude withdrawn submissions, or were taken on another day.",
    ),
    Claim(
        "The keyword deep learning falls at ICLR, from 19 % in 2018 to 11 % in 2020",
        "deepsense.ai, ICLR 2018 to 2020",
        ('report --corpus iclr --keyword "deep learning"',),
        "The lists of 2018 and 2019 are not available, so the fall is followed from where the claim ends.",
    ),
    Claim(
        "Graph neural networks at ICLR: from 12 papers in 2018 to 111 in 2020",
        "deepsense.ai, by abstracts and keywords",
        (
            'report --corpus iclr --query "graph neural network"',
            'report --corpus iclr --keyword "graph neural networks" --keyword "graph neural network"',
            "report --corpus iclr -t gnn",
        ),
        "These lists have no abstracts, so papers that name them nowhere else are not counted.",
    ),
    Claim(
        "Reinforcement learning is the largest topic of ICLR",
        ICLR_SOURCE,
        (
            "report --corpus iclr --pack iclr --vs 2020 --period 2021 --sort rank_2 --limit 3",
            "report --corpus iclr --pack iclr --vs 2021 --period 2022 --sort rank_2 --limit 3",
        ),
        "2019 is not available. Architectures and representation learning are groups of topics.",
    ),
    Claim(
        "Recurrent networks and GANs lose share at ICLR",
        ICLR_SOURCE,
        (
            "report --corpus iclr --pack iclr --vs 2020 --period 2021 --reverse --min-count 50 --limit 3",
            "report --corpus iclr --pack iclr --vs 2020 --period 2022 --reverse --min-count 50 --limit 3",
            "report --corpus iclr -t rnn -t gan --vs 2020 --period 2022",
        ),
        "The claim compares 2019 with 2018, which are not available. A conference list has no months, so overdispersion "
        "cannot be estimated, and intervals may be too narrow.",
    ),
    Claim(
        "Some topics are accepted more often than others",
        "often asked of ICLR",
        tuple(
            f"report --corpus iclr --pack iclr --outcome accepted --period {year} --min-count 60 --limit 2{order}"
            for year in (2020, 2021, 2022)
            for order in ("", " --reverse")
        ),
        "This is association, not causation: who writes on a topic, and how well, is not in the lists.",
    ),
    Claim(
        "The most predictive keywords",
        ICLR_SOURCE + " (keywords by acceptance)",
        tuple(f"terms --corpus iclr --fields keywords --outcome accepted --period {year} --limit 3" for year in (2020, 2021, 2022)),
        "As above; and a keyword is what authors chose to write.",
    ),
)  # fmt: skip


def run_query(store: Path, command: str) -> dict[str, Any]:
    """Run a command on a store and return its report, as JSON has it."""
    arguments = [*TREND, "-q", "--store", str(store), *shlex.split(command), "--format", "json"]
    report: dict[str, Any] = json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)
    return report


def format_percent(value: float | None) -> str:
    """Return a fraction in percent, signed; 'none' for None."""
    return "none" if value is None else f"{100 * value:+.1f} %"


def format_interval(low: float | None, high: float | None) -> str:
    """Return an interval in percent with a leading space; '' where there is none, … for an open end."""
    return "" if low is None else f" [{100 * low:+.1f}, {'…' if high is None else f'{100 * high:+.1f}'}]"


def describe_venue_report(report: dict[str, Any]) -> list[str]:
    """Describe a report on a conference: a line per row, or a line per topic with its years."""
    rows = report["rows"]
    if report["kind"] == "volume":
        return [f"{report['title']}: " + ", ".join(f"{row['count']:,} in {row['period']}" for row in rows)]
    if "rate" in (rows[0] if rows else {}):
        return [
            f"{row.get('name') or row['term']}: {row['accepted']} of {row['count']} accepted, {100 * row['rate']:.1f} % against "
            f"{100 * row['others']:.1f} % for the others, relative difference {format_percent(row['relative_change'])}"
            f"{format_interval(row['ci_low'], row['ci_high'])}, q {row['q']:.3f}: **{row['verdict']}**"
            for row in rows
        ]
    lines: dict[str, list[str]] = {}
    for row in rows:
        change = (
            ""
            if row["relative_change"] is None
            else (
                f", {format_percent(row['relative_change'])}{format_interval(row['ci_low'], row['ci_high'])}: **{row['verdict']}**"
            )
        )
        lines.setdefault(row["name"], []).append(
            f"{row['count']} of {row['base']:,} in {row['period']} ({100 * row['share']:.2f} %{change})"
        )
    return [f"{name}: {'; '.join(years)}" for name, years in lines.items()]


def describe_term_report(report: dict[str, Any]) -> list[str]:
    """Describe a report on terms: the rising and the falling ones, or how many of a backtest were still up."""
    rows = report["rows"]
    if report["kind"] == "backtest":
        return [
            f"{row['period']}: {row['still_up']} of {row['flagged']} still up, {row['random_up']} of {row['random']} random terms"
            for row in rows
        ]
    rows_by_verdict = {verdict: [row for row in rows if row["verdict"] == verdict] for verdict in ("rising", "falling")}
    terms_by_verdict = {
        verdict: ", ".join(f"{row['term']} {row['count_1']} → {row['count_2']}" for row in verdict_rows)
        for verdict, verdict_rows in rows_by_verdict.items()
    }
    return [f"{verdict}: {terms}" for verdict, terms in terms_by_verdict.items()] + [report["notes"][0]]


def describe_report(report: dict[str, Any]) -> list[str]:
    """Describe a report: a line per row, or the growth or the turning points of a series."""
    if report["kind"] in ("terms", "backtest"):
        return describe_term_report(report)
    if report["corpus"] != "arxiv" and report["kind"] != "comparison":
        return describe_venue_report(report)
    if report["kind"] == "comparison":
        return [
            f"{row['name']}{' in ' + row['category'] if 'category' in row else ''}, {row['period_1']} → {row['period_2']}: "
            f"{row['count_1']:,} → {row['count_2']:,} of {row['base_1']:,} → {row['base_2']:,}, share "
            f"{100 * row['share_1']:.2f} → {100 * row['share_2']:.2f} %, relative change "
            f"{row['change'] if row['relative_change'] is None else format_percent(row['relative_change'])}"
            f"{format_interval(row['ci_low'], row['ci_high'])}"
            f"{', rank ' + str(row['rank_1']) + ' → ' + str(row['rank_2']) if len(report['rows']) > 1 else ''}: **{row['verdict']}**"
            for row in report["rows"]
        ]
    if report["kind"] == "volume":
        growth = report["summary"]["growth"]
        doubling_months = growth["doubling_months"]
        return [
            f"{report['title']}: growth {format_percent(growth['growth'])} a year{format_interval(growth['ci_low'], growth['ci_high'])}, "
            f"R² {growth['r_squared']:.2f} over {growth['periods']} periods; "
            + (
                f"doubles in {doubling_months:.0f} months [{growth['doubling_low']:.0f}, {growth['doubling_high']:.0f}]"
                if doubling_months
                else "no doubling time"
            )
        ]
    turns = report["summary"]["turns"]
    crossovers = [
        f"{turn['name']} passes {turn['other_name']} in {turn['period']}" for turn in turns if turn["turn"] == "cross"
    ]
    complete_rows = [row for row in report["rows"] if row["status"] != "partial" and row["share"] is not None]
    last = max(row["period"] for row in complete_rows)
    shares = [f"{row['name']} {100 * row['share']:.1f} % in {last}" for row in complete_rows if row["period"] == last]
    return ["; ".join([*(crossovers or ["neither overtakes the other for three periods"]), *shares])]


def build_page(store: Path, make_words: str) -> str:
    """Run the commands of every claim, and return the page."""
    lines = [
        "# Claims, tested on real records",
        "",
        f"*Written by `make claims{' ' + make_words if make_words else ''}` on {datetime.date.today()}, by running the commands listed",
        "below each claim. The records are arXiv's of 2010 to 2019, complete for cs.NE, cs.RO and cs.IR, and for cs.CL to 2018;",
        "2019 is provisional, because the file ends soon after it. Those of ICLR are the lists of papercopilot/paperlists.*",
        "",
        "A share is the fraction of submissions in the scope whose title or abstract matches the topic's rules. Intervals are",
        "95 %; verdicts control the false discovery rate over the rows of each command ([Method](method.md)).",
    ]
    for number, claim in enumerate(CLAIMS, 1):
        lines += ["", f"## {number}. {claim.claim}", "", f"Claimed by: {claim.source}.", ""]
        for command in claim.commands:
            lines += [f"- `trend {command}`", *(f"  - {line}" for line in describe_report(run_query(store, command)))]
        lines += ["", f"What these records cannot say: {claim.caveat}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Import the file and the lists, test the claims, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--words", default="", help="the arguments of make, as the page should show them")
    parser.add_argument("file", type=Path, help="a file in the format of the bulk snapshot, or a store")
    parser.add_argument("lists", type=Path, help="a folder of iclr2020.json to iclr2022.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = arguments.file
        if arguments.file.is_file():
            store = Path(scratch) / "store"
            subprocess.run(
                [*TREND, "-q", "--store", str(store), "import", str(arguments.file), "--complete", "all"], check=True
            )
        for year in (2020, 2021, 2022):
            import_words = ("import", str(arguments.lists / f"iclr{year}.json"), "--venue", "iclr", "--year", str(year))
            subprocess.run([*TREND, "-q", "--store", str(store), *import_words], check=True)
        PAGE.write_text(build_page(store, arguments.words), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
