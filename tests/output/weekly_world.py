"""The report of one made-up week with everything that its page can show, and one of a quiet week."""

from __future__ import annotations

import random
from typing import Any

from trendcli.output.weekly_page import ChartImage

INJECTION = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1> "
    '$\\alpha<\\beta$ "quotes" \u202eabc'
)  # fmt: skip
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 48"><path d="M5 43 L85 5" stroke="#0072B2"/></svg>'
CHARTS = [
    ChartImage("Share by month", "Two lines that rise.", SVG),
    ChartImage('A "title" & more', "<b>Bars</b> of all topics", SVG),
]
NAMES = {
    "rl": "Reinforcement learning",
    "gan": "Generative adversarial networks (GANs)",
    "attention": "Attention and transformers",
    "bayes": "Bayesian deep learning",
    "capsule": "Capsule networks",
    "distil": "Knowledge distillation",
    "few": "Few-shot and meta-learning",
    "graph": "Graph neural networks",
    "lstm": "LSTM and other recurrent networks",
    "nas": "Neural architecture search",
    "svm": "Support vector machines",
    "ode": "Neural ordinary differential equations",
}
# topic -> count of the week, then change, interval, verdict of quarter and year; 5 of 800 is 0.625 %, a tie
WEEK: dict[str, tuple[int | None, Any, Any]] = {
    "rl": (14, (0.4286, 0.12, 0.81, "rising"), (0.31, 0.2, 0.43, "rising")),
    "gan": (9, (0.11, -0.05, 0.3, "no clear change"), (1.4321, 1.02, 1.9, "rising")),
    "attention": (31, (0.052, -0.01, 0.12, "no clear change"), (12.5, 9.0, 17.2, "rising")),
    "bayes": (5, (-0.021, -0.3, 0.41, "no clear change"), (-0.1, -0.2, 0.01, "no clear change")),
    "capsule": (1, (-0.8, -0.99, 2.1, "too few"), None),
    "distil": (7, (0.25, -0.1, 0.7, "no clear change"), (0.61, 0.33, 0.95, "rising")),
    "few": (11, (0.3, 0.02, 0.66, "rising"), (0.8, 0.55, 1.1, "rising")),
    "graph": (20, (0.55, 0.3, 0.85, "rising"), (1.1, 0.8, 1.5, "rising")),
    "lstm": (16, (-0.2, -0.3, -0.09, "falling"), (-0.12, -0.18, -0.05, "falling")),
    "nas": (6, (None, None, None, "rising"), (3.0, 1.5, None, "rising")),
    "svm": (0, (-0.31, -0.45, -0.13, "falling"), (-0.42, -0.5, -0.33, "falling")),
    "ode": (None, None, None),
}


def build_months(count: int = 36, gap: int = 10) -> list[dict[str, Any]]:
    """Return months from 2016-06 on, one of which has no data; the last one is provisional."""
    months = []
    for at in range(count):
        year, month = divmod(2016 * 12 + 5 + at, 12)
        next_month = divmod(2016 * 12 + 6 + at, 12)
        months.append({
            "period": f"{year}-{month + 1:02}",
            "start": f"{year}-{month + 1:02}-01",
            "end": f"{next_month[0]}-{next_month[1] + 1:02}-01",
            "status": "unknown" if at == gap else "provisional" if at == count - 1 else "complete",
            "base": None if at == gap else 2000 + 60 * at,
        })  # fmt: skip
    return months


def build_series(dice: random.Random, months: list[dict[str, Any]], level: float, slope: float) -> dict[str, list[Any]]:
    """Return counts and shares by month that grow from `level`, with noise."""
    values: dict[str, list[Any]] = {key: [] for key in ("count", "share", "low", "high")}
    for at, month in enumerate(months):
        base = month["base"]
        share = max(level * (1 + slope * at / 35) * dice.uniform(0.85, 1.15), 0.0005)
        count = None if base is None else round(base * share)
        width = None if base is None else 1.96 * (share / base) ** 0.5
        values["count"].append(count)
        values["share"].append(None if count is None else count / base)
        values["low"].append(None if count is None else max(count / base - width, 0.0))
        values["high"].append(None if count is None else count / base + width)
    return values


def build_change(periods: tuple[str, str], count: int, values: Any) -> dict[str, Any] | None:
    if values is None:
        return None
    change, low, high, verdict = values
    return {
        "period": periods[0], "vs": periods[1], "count_1": 0 if change is None else 10 * count + 7,
        "count_2": 12 * count + 1200, "relative_change": change, "change": "new" if change is None else None,
        "ci_low": low, "ci_high": high, "q": 0.04, "verdict": verdict,
    }  # fmt: skip


def build_paper(number: int, topics: list[str], phrase: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"1905.{number:05}",
        "url": f"https://arxiv.org/abs/1905.{number:05}",
        "title": f"On {phrase}, part {number}",
        "authors": ["Ada Abel", "Bo Brandt", "Cy Cole", "Di Dorn"][: 1 + number % 4],
        "v1": "2019-05-14T17:59:59Z",
        "primary": "cs.LG",
        "categories": ["cs.LG", "stat.ML"],
        "topics": topics,
        "sentence": f"We study how {phrase} behaves when almost nothing is known beforehand.",
        "phrase": phrase,
        "survey": False,
        "code": [],
        **changes,
    }


def weekly_report(**changes: Any) -> dict[str, Any]:
    """Return the report of an eventful week, with changes."""
    dice = random.Random(7)
    months = build_months()
    rows = [
        {
            "topic": topic, "name": NAMES[topic], "watched": topic in ("rl", "gan"), "count": count, "base": 800,
            "share": None if count is None else count / 800,
            "quarter": build_change(("2019-Q1", "2018-Q1"), count or 3, quarter),
            "year": build_change(("2018", "2017"), 4 * (count or 3), year),
        }
        for topic, (count, quarter, year) in WEEK.items()
    ]  # fmt: skip
    papers = [
        build_paper(
            1, ["rl"], "reinforcement learning", title=INJECTION, code=["https://github.com/x/y", "javascript:pwn()"]
        ),
        build_paper(2, ["rl", "gan"], "reinforcement learning", survey=True),
        build_paper(3, ["rl"], "reinforcement learning", url="javascript:window.pwned=1", title="Bad address"),
        *(build_paper(number, ["rl"], "reinforcement learning") for number in range(4, 15)),
        *(build_paper(number, ["gan"], "generative adversarial network") for number in range(20, 28)),
    ]
    content = {
        "kind": "weekly",
        "title": "Week 2019-W20",
        "week": {
            "label": "2019-W20", "start": "2019-05-13", "end": "2019-05-20", "status": "provisional", "base": 800,
            "base_year_ago": 1000,
        },
        "listing": "trend papers --scope ml",
        "synthetic": True,
        "data_as_of": "2019-05-21T00:00:00Z",
        "drawn": ["2019-05-20", "2019-05-27"],
        "warnings": ["The data are 9 days old; fetch again to be sure."],
        "watched": ["rl", "gan"],
        "rows": rows,
        "months": months,
        "series": {
            topic: build_series(dice, months, dice.uniform(0.005, 0.05), dice.uniform(-0.6, 3)) for topic in NAMES
        },
        "alerts": [
            {"topic": "rl", "name": NAMES["rl"], "verdict": "rising", "count": 1190, "expected": 920.4, "weeks": "2019-W17 to 2019-W20"}
        ],
        "records": [
            {"topic": "gan", "name": NAMES["gan"], "period": "2019-04", "count": 400, "before_period": "2018-10", "before": 380}
        ],
        "terms": [{"term": "neural tangent", "count": 5}, {"term": "lottery <ticket>", "count": 3}],
        "papers": papers,
        "notes": ["Base: every submission of cs.LG stat.ML (any listed).", "Small counts <5> say little."],
        "provenance": {"program": "trendcli 0.1", "match": "title, abstract"},
        **changes,
    }  # fmt: skip
    content["series"] = {key: value for key, value in content["series"].items() if key != "ode"}
    return content


def quiet_report(**changes: Any) -> dict[str, Any]:
    """Return the report of a week in which nothing happened, with changes."""
    rows = [{**row, "quarter": None, "year": None} for row in weekly_report()["rows"]]
    nothing = {key: [] for key in ("alerts", "records", "terms", "warnings", "watched", "papers")}
    return weekly_report(**{**nothing, "rows": rows, "synthetic": False, "drawn": ["2019-05-20"], **changes})
