from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trendcli.output.weekly_page import ChartImage, render_page

# one browser for all
pytestmark = pytest.mark.xdist_group("page")

CHROMIUM = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else shutil.which("chromium")
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
EVIL = (
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


def months(number: int = 36, hole: int = 10) -> list[dict[str, Any]]:
    found = []
    for at in range(number):
        year, month = divmod(2016 * 12 + 5 + at, 12)
        after = divmod(2016 * 12 + 6 + at, 12)
        found.append({
            "period": f"{year}-{month + 1:02}",
            "start": f"{year}-{month + 1:02}-01",
            "end": f"{after[0]}-{after[1] + 1:02}-01",
            "status": "unknown" if at == hole else "provisional" if at == number - 1 else "complete",
            "base": None if at == hole else 2000 + 60 * at,
        })  # fmt: skip
    return found


def series(dice: random.Random, spans: list[dict[str, Any]], level: float, slope: float) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {key: [] for key in ("count", "share", "low", "high")}
    for at, span in enumerate(spans):
        base = span["base"]
        share = max(level * (1 + slope * at / 35) * dice.uniform(0.85, 1.15), 0.0005)
        count = None if base is None else round(base * share)
        width = None if base is None else 1.96 * (share / base) ** 0.5
        found["count"].append(count)
        found["share"].append(None if count is None else count / base)
        found["low"].append(None if count is None else max(count / base - width, 0.0))
        found["high"].append(None if count is None else count / base + width)
    return found


def compared(spans: tuple[str, str], count: int, values: Any) -> dict[str, Any] | None:
    if values is None:
        return None
    change, low, high, verdict = values
    return {
        "period": spans[0], "vs": spans[1], "count_1": 0 if change is None else 10 * count + 7,
        "count_2": 12 * count + 1200, "relative_change": change, "change": "new" if change is None else None,
        "ci_low": low, "ci_high": high, "q": 0.04, "verdict": verdict,
    }  # fmt: skip


def paper(number: int, topics: list[str], phrase: str, **changes: Any) -> dict[str, Any]:
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


def report(**changes: Any) -> dict[str, Any]:
    dice = random.Random(7)
    spans = months()
    rows = [
        {
            "topic": topic, "name": NAMES[topic], "watched": topic in ("rl", "gan"), "count": count, "base": 800,
            "share": None if count is None else count / 800,
            "quarter": compared(("2019-Q1", "2018-Q1"), count or 3, quarter),
            "year": compared(("2018", "2017"), 4 * (count or 3), year),
        }
        for topic, (count, quarter, year) in WEEK.items()
    ]  # fmt: skip
    papers = [
        paper(1, ["rl"], "reinforcement learning", title=EVIL, code=["https://github.com/x/y", "javascript:pwn()"]),
        paper(2, ["rl", "gan"], "reinforcement learning", survey=True),
        paper(3, ["rl"], "reinforcement learning", url="javascript:window.pwned=1", title="Bad address"),
        *(paper(number, ["rl"], "reinforcement learning") for number in range(4, 15)),
        *(paper(number, ["gan"], "generative adversarial network") for number in range(20, 28)),
    ]
    values = {
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
        "months": spans,
        "series": {
            topic: series(dice, spans, dice.uniform(0.005, 0.05), dice.uniform(-0.6, 3)) for topic in NAMES
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
    values["series"] = {key: value for key, value in values["series"].items() if key != "ode"}
    return values


def quiet(**changes: Any) -> dict[str, Any]:
    rows = [{**row, "quarter": None, "year": None} for row in report()["rows"]]
    nothing = {key: [] for key in ("alerts", "records", "terms", "warnings", "watched", "papers")}
    return report(**nothing, rows=rows, synthetic=False, drawn=["2019-05-20"], **changes)


# ---- the text of the page


def test_the_same_input_gives_the_same_bytes() -> None:
    assert render_page(report(), CHARTS) == render_page(report(), CHARTS)


def test_numbers_read_as_in_the_tables_and_stand_there_without_a_script() -> None:
    page = render_page(report(), CHARTS)
    for text in ("+42.9", "[+12.0, +81.0]", "+143", "+1,250", "from +150", "[+900, +1,720]", "0.62", "n/a", "1.75"):
        assert f">{text}<" in page, text
    assert page.count('<tr data-topic="') == len(NAMES)


def test_the_head_says_what_the_week_is_worth() -> None:
    page = render_page(report(), [])
    for text in (
        "MADE-UP DATA", "<b>2019-05-13</b> to <b>2019-05-19</b>", "provisional: may still grow",
        "800 submissions, 1,000 a year ago", "data as of 2019-05-21", "drawn 2019-05-20, redrawn 2019-05-27",
        "The data are 9 days old",
    ):  # fmt: skip
        assert text in page, text
    page = render_page(quiet(), [])
    assert "MADE-UP" not in page
    assert "drawn 2019-05-20<" in page
    assert "Warnings" not in page


def test_what_did_not_happen_is_not_printed() -> None:
    page = render_page(quiet(), [])
    assert "Nothing changed clearly" in page
    for head in ("Alerts", "Records", "First seen", "New papers", "Charts"):
        assert f"{head} <" not in page and f"{head}<" not in page
    assert "Nothing changed clearly" not in render_page(report(), [])
    assert "Records" not in render_page(report(records=[]), [])


def test_what_is_clear_is_listed_with_the_largest_change_first() -> None:
    page = render_page(report(), [])
    moves = page[page.index("By quarter") : page.index("By year")]
    rising = [NAMES[topic] for topic in ("nas", "graph", "rl", "few")]
    falling = [NAMES[topic] for topic in ("svm", "lstm")]
    assert re.findall(r"<b>(.*?)</b>", moves) == rising + falling
    assert "<span>new</span>" in moves and "0 → 1,272" in moves
    assert "no clear change" not in moves


def test_many_names_wait_behind_a_click() -> None:
    rows = [
        {**row, "quarter": compared(("2019-Q1", "2018-Q1"), 5, (0.2, 0.1, 0.3, "rising"))} for row in report()["rows"]
    ]
    page = render_page(report(rows=rows), [])
    assert "<summary>4 more</summary>" in page


def test_text_of_papers_is_never_markup() -> None:
    page = render_page(report(terms=[{"term": EVIL, "count": 1}]), CHARTS)
    assert "<script>window" not in page
    assert "<img src=x" not in page
    assert page.count("</script>") == 2
    assert 'href="javascript' not in page.lower()
    assert "<mark>reinforcement learning</mark>" in page
    embedded = re.search(r'<script type="application/json" id="report">(.*?)</script>', page, re.DOTALL)
    assert embedded and json.loads(embedded[1]) == report(terms=[{"term": EVIL, "count": 1}])


def test_a_page_needs_no_other_file() -> None:
    page = render_page(report(), CHARTS)
    assert not re.search(r"<(script|img|iframe|object|embed|link)[^>]* (src|href)=\"(?!data:)", page)
    assert "@import" not in page and "url(" not in page
    assert "default-src 'none'" in page


def test_a_line_breaks_at_a_hole_and_keeps_a_month_between_two() -> None:
    values = report()
    spans = [{**span, "base": None} if at == 12 else span for at, span in enumerate(values["months"])]
    share = [None if at in (10, 12) else 0.01 for at in range(36)]
    page = render_page({**values, "months": spans, "series": {"rl": {**values["series"]["rl"], "share": share}}}, [])
    line = re.search(r'<path d="(M[^"]*)"/>', page)
    assert line and line[1].count("M") == 3 and line[1].count("h0") == 1
    assert "2 months without data" in page
    assert ">n/a</span>" in page


def test_a_report_with_almost_nothing_is_a_page() -> None:
    week = {**report()["week"], "base": None, "base_year_ago": None, "status": "unknown"}
    page = render_page(quiet(months=[], series={}, week=week, data_as_of=None), [])
    assert "n/a submissions" in page and "unknown whether it is whole" in page


# ---- the page in a browser


class Watched:
    """A page that remembers what it asked for and what went wrong."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text))

    def open(self, path: Path) -> Any:
        """The page anew; what it asks for and complains about is counted from here."""
        self.requests.clear()
        self.errors.clear()
        self.page.goto(f"file://{path}")
        return self.page

    def expect_peace(self, path: Path) -> None:
        assert self.errors == []
        assert [url for url in self.requests if not url.startswith("data:")] == [f"file://{path}"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture(scope="module")
def desk(browser: Any) -> Watched:
    """A page at a desk: a new one for every test would take longer than the tests."""
    return Watched(browser)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("page") / "index.html"
    written.write_text(render_page(report(), CHARTS), encoding="utf-8")
    return written


@pytest.fixture
def page(desk: Watched, path: Path) -> Iterator[Any]:
    desk.page.set_viewport_size({"width": 1280, "height": 900})
    desk.page.emulate_media(media="screen", color_scheme="light")
    yield desk.open(path)
    desk.expect_peace(path)


def order(page: Any) -> list[str]:
    found: list[str] = page.locator("#topics tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.topic)")
    return found


def latest(values: dict[str, Any], topic: str) -> float | None:
    return next(
        (share for share in reversed(values["series"].get(topic, {}).get("share", [])) if share is not None), None
    )


def test_sorting_by_every_column(page: Any) -> None:
    values = report()
    rows = {row["topic"]: row for row in values["rows"]}

    def changes(row: dict[str, Any], key: str) -> float | None:
        return row[key]["relative_change"] if row[key] else None

    keys = {
        "name": lambda topic: rows[topic]["name"].lower(),
        "count": lambda topic: rows[topic]["count"],
        "share": lambda topic: rows[topic]["share"],
        "quarter": lambda topic: changes(rows[topic], "quarter"),
        "year": lambda topic: changes(rows[topic], "year"),
        "months": lambda topic: latest(values, topic),
    }
    for name, key in keys.items():
        head = page.locator(f"th[data-key={name}]")
        ways = ["ascending", "descending"] if name == "name" else ["descending", "ascending"]
        for way in ways:
            head.get_by_role("button").click()
            assert head.get_attribute("aria-sort") == way
            assert page.locator("[aria-sort]").count() == 1
            found = [key(topic) for topic in order(page)]
            known = [value for value in found if value is not None]
            assert found == known + [None] * (len(found) - len(known)), name
            assert known == sorted(known, reverse=way == "descending"), name


def test_filtering_counts_the_topics_that_are_left(page: Any) -> None:
    assert page.locator("#found").inner_text() == "12 of 12 topics"
    page.get_by_label("Filter by name").fill("NEURAL")
    assert page.locator("#found").inner_text() == "3 of 12 topics"
    left = page.locator("#topics tbody tr:visible")
    assert left.evaluate_all("rows => rows.map((row) => row.dataset.topic)") == ["graph", "nas", "ode"]
    page.get_by_label("Filter by name").fill("")
    assert page.locator("#topics tbody tr:visible").count() == 12


def test_a_watched_topic_lists_as_many_papers_as_were_counted(page: Any) -> None:
    embedded = json.loads(page.locator("#report").text_content())
    for topic in ("rl", "gan"):
        count = next(row["count"] for row in embedded["rows"] if row["topic"] == topic)
        row = page.locator(f"tr[data-topic={topic}]")
        assert int(row.locator("td").first.inner_text()) == count
        row.get_by_role("button").click()
        assert page.locator("#listing > li").count() == count
        assert page.locator("#listed").inner_text() == f"Papers of 2019-W20: {count}"
        page.keyboard.press("Escape")
        shown = page.locator(".group-of-papers", has=page.get_by_role("heading", name=NAMES[topic]))
        assert shown.locator("li").count() == count


def test_a_list_that_is_not_whole_says_so(desk: Watched, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(render_page(report(papers=report()["papers"][:5]), []), encoding="utf-8")
    page = desk.open(tmp_path / "index.html")
    page.locator("tr[data-topic=rl] button").click()
    assert page.locator("#listed").inner_text() == "Papers of 2019-W20: 5 of 14"


def test_another_topic_names_the_command_that_lists_its_papers(page: Any) -> None:
    page.locator("tr[data-topic=graph] button").click()
    assert page.locator("#listed code").inner_text() == "trend papers --scope ml -t graph --period 2019-W20"
    assert page.locator("#listing").is_hidden()


def test_the_numbers_of_a_topic_are_those_of_the_report(page: Any) -> None:
    embedded = json.loads(page.locator("#report").text_content())
    row = next(row for row in embedded["rows"] if row["topic"] == "bayes")
    assert row["share"] == 5 / 800
    page.locator("tr[data-topic=bayes] button").click()
    facts = page.locator("#facts li").all_inner_texts()
    assert facts == [
        "2019-W20: 5 of 800 submissions, 0.62 %",
        "2019-Q1 against 2018-Q1: 57 → 1,260 papers, share -2.1 % [-30.0, +41.0], no clear change",
        "2018 against 2017: 207 → 1,440 papers, share -10.0 % [-20.0, +1.0], no clear change",
    ]
    page.locator("dialog summary").click()
    cells = page.locator("#numbers tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((c) => c.innerText))"
    )
    values = embedded["series"]["bayes"]
    expected = []
    for at, month in enumerate(embedded["months"]):
        share, low, high = (values[key][at] for key in ("share", "low", "high"))
        numbers = ["n/a"] * 4
        if share is not None:
            shares = [f"{100 * share:.2f}", f"[{100 * low:.2f}, {100 * high:.2f}]"]
            numbers = [f"{values['count'][at]:,}", f"{month['base']:,}", *shares]
        expected.append([month["period"], *numbers, month["status"]])
    assert cells == expected


def test_facts_about_what_is_new_open_or_missing(page: Any) -> None:
    page.locator("tr[data-topic=nas] button").click()
    facts = page.locator("#facts li").all_inner_texts()
    assert facts[1].endswith("share new, rising")
    assert facts[2].endswith("share +300 %, from +150, rising")
    page.keyboard.press("Escape")
    page.locator("tr[data-topic=ode] button").click()
    assert page.locator("#facts li").all_inner_texts() == ["2019-W20: n/a"]
    assert page.locator("#readout").inner_text() == "2019-05: n/a, provisional"


def test_the_chart_breaks_at_the_hole_and_dashes_what_is_not_whole(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    assert page.locator("#plot .band").count() == 2
    drawn = page.locator("#plot .line").get_attribute("d")
    dashed = page.locator("#plot .dashed").get_attribute("d")
    assert drawn.count("M") == 35 - 1 - 1 - 1  # 35 months with a number, two stretches, one pair dashed
    assert dashed.count("M") == 1


def test_the_keyboard_opens_reads_and_closes_a_topic(page: Any) -> None:
    page.get_by_label("Filter by name").focus()
    focused = "() => document.activeElement.closest('tr')?.dataset.topic"
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate(focused):
            break
    assert page.evaluate(focused) == "rl"
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog", name=NAMES["rl"]).is_visible()
    slider = page.get_by_role("slider", name="Month")
    page.keyboard.press("Tab")
    assert slider.evaluate("element => element === document.activeElement")
    values = report()
    months, numbers = values["months"], values["series"]["rl"]

    def said(at: int) -> str:
        if numbers["share"][at] is None:
            return f"{months[at]['period']}: n/a, {months[at]['status']}"
        share, low, high = (f"{100 * numbers[key][at]:.2f}" for key in ("share", "low", "high"))
        counts = f"{numbers['count'][at]:,} of {months[at]['base']:,} submissions"
        return f"{months[at]['period']}: {share} % [{low}, {high}], {counts}, {months[at]['status']}"

    for key, at in (
        ("ArrowRight", 35), ("ArrowLeft", 34), ("PageDown", 22), ("Home", 0), ("PageUp", 12), ("ArrowDown", 11),
        ("ArrowLeft", 10), ("ArrowUp", 11), ("End", 35),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert page.locator("#readout").inner_text() == said(at)
        assert slider.get_attribute("aria-valuetext") == said(at)
        assert slider.get_attribute("aria-valuenow") == str(at)
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()
    assert page.evaluate(focused) == "rl"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the close button is what has the focus first
    assert page.locator("dialog").is_hidden()
    assert page.evaluate(focused) == "rl"


def test_the_pointer_shows_a_month(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    box = page.locator("#plot").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 100)
    assert page.locator("#readout").inner_text().startswith("2016-06: ")
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 100)
    assert page.locator("#readout").inner_text().startswith("2019-05: ")


def test_the_count_of_a_month_leads_to_its_list(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    told = page.locator("#list")
    assert told.inner_text() == "Its papers: trend papers --scope ml -t rl --period 2019-05"
    page.get_by_role("slider", name="Month").focus()
    page.keyboard.press("Home")
    assert told.inner_text().endswith("--period 2016-06")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert told.is_hidden()  # a hole has no list


def test_an_injected_title_stays_text(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    for place in ("#papers", "#listing"):
        first = page.locator(f"{place} li").first.locator(".title a")
        assert first.text_content() == EVIL
        assert first.get_attribute("rel") == "noreferrer"
        bad = page.locator(f"{place} li", has_text="Bad address")
        assert bad.count() == 1 and bad.locator("a").count() == 0
    code = page.locator("#papers li").first.locator(".by a")
    assert code.evaluate_all("links => links.map((link) => link.href)") == ["https://github.com/x/y"]
    assert page.evaluate("window.pwned") is None
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == len(CHARTS)


def test_the_page_never_scrolls_sideways(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    for width in (1920, 1280, 1264, 1000, 700, 360):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        assert page.locator("dialog").evaluate("element => element.scrollWidth <= element.clientWidth")
        # it is drawn anew some time after the window has changed
        page.wait_for_function(
            "() => { const width = place => document.querySelector(place).getBoundingClientRect().width;"
            " return Math.abs(width('#plot svg') - width('#plot')) <= 1 }"
        )


def test_a_phone_scrolls_the_table_and_not_the_page(browser: Any, path: Path) -> None:
    watched = Watched(browser, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = watched.open(path)
    wide = "() => document.documentElement.scrollWidth"
    assert page.evaluate(wide) == 360
    assert page.locator("#topics .wide").evaluate("element => element.scrollWidth > element.clientWidth")
    page.locator("tr[data-topic=rl] button").tap()
    page.locator("dialog summary").tap()
    assert page.evaluate(wide) == 360
    assert page.locator("dialog").evaluate("element => element.scrollWidth <= element.clientWidth")
    watched.expect_peace(path)
    page.close()


def test_without_a_script_the_table_is_whole_and_nothing_pretends_to_work(browser: Any, path: Path) -> None:
    page = Watched(browser, java_script_enabled=False).open(path)
    assert page.locator("#topics tbody tr:visible").count() == 12
    assert page.get_by_label("Filter by name").is_hidden()
    assert page.locator("button:visible:not(:disabled)").count() == 0
    page.close()


def test_a_dark_page_is_dark_and_paper_is_white(page: Any) -> None:
    shade = "() => getComputedStyle(document.body).backgroundColor"
    for scheme, colour in (("light", "rgb(253, 252, 249)"), ("dark", "rgb(21, 23, 26)")):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(shade) == colour
        page.emulate_media(media="print", color_scheme=scheme)
        assert page.evaluate(shade) == "rgb(255, 255, 255)"
        assert page.get_by_label("Filter by name").is_hidden()
        page.emulate_media(media="screen", color_scheme=scheme)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_nothing_stands_in_the_way_of_a_reader(page: Any, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)

    def violations() -> list[str]:
        found = axe.run(page).response["violations"]
        return [f"{item['id']}: {[node['html'][:120] for node in item['nodes'][:3]]}" for item in found]

    assert violations() == []
    page.locator("tr[data-topic=rl] button").click()
    page.locator("dialog summary").click()
    assert violations() == []
