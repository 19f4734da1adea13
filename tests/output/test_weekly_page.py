from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.output.weekly_world import CHARTS, INJECTION, NAMES, build_change, quiet_report, weekly_report
from trendcli.output.weekly_page import format_authors, is_link, last_day, render_page

# one browser for all
pytestmark = pytest.mark.xdist_group("page")

CHROMIUM = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else shutil.which("chromium")
CHROMIUM_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


def test_the_same_input_gives_the_same_bytes() -> None:
    assert render_page(weekly_report(), CHARTS) == render_page(weekly_report(), CHARTS)


def test_numbers_read_as_in_the_tables_without_a_script() -> None:
    page = render_page(weekly_report(), CHARTS)
    for text in ("+42.9", "[+12.0, +81.0]", "+143", "+1,250", "from +150", "[+900, +1,720]", "0.62", "n/a", "1.75"):
        assert f">{text}<" in page, text
    assert page.count('<tr data-topic="') == len(NAMES)


def test_the_head_says_how_complete_the_week_is() -> None:
    page = render_page(weekly_report(), [])
    for text in (
        "MADE-UP DATA", "<b>2019-05-13</b> to <b>2019-05-19</b>", "provisional, may still grow",
        "800 submissions, 1,000 a year earlier", "data as of 2019-05-21", "generated 2019-05-20, updated 2019-05-27",
        "The data are 9 days old",
    ):  # fmt: skip
        assert text in page, text
    page = render_page(quiet_report(), [])
    assert "MADE-UP" not in page
    assert "generated 2019-05-20<" in page
    assert "Warnings" not in page


def test_empty_sections_are_not_shown() -> None:
    page = render_page(quiet_report(), [])
    assert "No clear changes" in page
    for head in ("Alerts", "Records", "First seen", "New papers", "Charts"):
        assert f"{head} <" not in page and f"{head}<" not in page
    assert "No clear changes" not in render_page(weekly_report(), [])
    assert "Records" not in render_page(weekly_report(records=[]), [])


def test_clear_changes_are_listed_largest_first() -> None:
    page = render_page(weekly_report(), [])
    moves = page[page.index("By quarter") : page.index("By year")]
    rising = [NAMES[topic] for topic in ("nas", "graph", "rl", "few")]
    falling = [NAMES[topic] for topic in ("svm", "lstm")]
    assert re.findall(r"<b>(.*?)</b>", moves) == rising + falling
    assert "<span>new</span>" in moves and "0 → 1,272" in moves
    assert "no clear change" not in moves


def test_a_long_list_of_names_is_folded_away() -> None:
    rows = [
        {**row, "quarter": build_change(("2019-Q1", "2018-Q1"), 5, (0.2, 0.1, 0.3, "rising"))}
        for row in weekly_report()["rows"]
    ]
    page = render_page(weekly_report(rows=rows), [])
    assert "<summary>4 more</summary>" in page


def test_text_from_submissions_is_never_markup() -> None:
    page = render_page(weekly_report(terms=[{"term": INJECTION, "count": 1}]), CHARTS)
    assert "<script>window" not in page
    assert "<img src=x" not in page
    assert page.count("</script>") == 2
    assert 'href="javascript' not in page.lower()
    assert "<mark>reinforcement learning</mark>" in page
    embedded = re.search(r'<script type="application/json" id="report">(.*?)</script>', page, re.DOTALL)
    assert embedded and json.loads(embedded[1]) == weekly_report(terms=[{"term": INJECTION, "count": 1}])


def test_a_page_needs_no_other_file() -> None:
    page = render_page(weekly_report(), CHARTS)
    assert not re.search(r"<(script|img|iframe|object|embed|link)[^>]* (src|href)=\"(?!data:)", page)
    assert "@import" not in page and "url(" not in page
    assert "default-src 'none'" in page


def test_a_sparkline_breaks_at_a_gap_and_keeps_a_month_between_two() -> None:
    content = weekly_report()
    months = [{**month, "base": None} if at == 12 else month for at, month in enumerate(content["months"])]
    share = [None if at in (10, 12) else 0.01 for at in range(36)]
    page = render_page({**content, "months": months, "series": {"rl": {**content["series"]["rl"], "share": share}}}, [])
    line = re.search(r'<path d="(M[^"]*)"/>', page)
    assert line and line[1].count("M") == 3 and line[1].count("h0") == 1
    assert "1.00 % in 2016-06, 1.00 % in 2019-05, peak 1.00 % in 2016-06; 2 months without data" in page
    assert ">n/a</span>" in page


def test_a_report_with_almost_nothing_is_a_page() -> None:
    week = {**weekly_report()["week"], "base": None, "base_year_ago": None, "status": "unknown"}
    page = render_page(quiet_report(months=[], series={}, week=week, data_as_of=None), [])
    assert "n/a submissions" in page and "coverage unknown" in page


def test_days_authors_and_links_are_formatted() -> None:
    assert last_day({"week": {"end": "2019-05-20"}}) == "2019-05-19"
    assert format_authors(["A", "B", "C"]) == "A, B, C" and format_authors(["A", "B", "C", "D"]) == "A, B, C et al."
    urls = ("https://arxiv.org/abs/1", "HTTP://x", "javascript:alert(1)", "https://", "/local")
    assert [is_link(url) for url in urls] == [True, True, False, False, False]


# ---- the page in a browser


class ObservedPage:
    """A page that records its requests and errors."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text))

    def open(self, path: Path) -> Any:
        """Load a page; its requests and errors are recorded from here on."""
        self.requests.clear()
        self.errors.clear()
        self.page.goto(f"file://{path}")
        return self.page

    def check_quiet(self, path: Path) -> None:
        """Assert that there were no errors, and no requests but for the page itself."""
        assert self.errors == []
        assert [url for url in self.requests if not url.startswith("data:")] == [f"file://{path}"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def desktop(browser: Any) -> ObservedPage:
    """A page of desktop size; a new one for every test would take longer than the tests."""
    return ObservedPage(browser)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("page") / "index.html"
    written.write_text(render_page(weekly_report(), CHARTS), encoding="utf-8")
    return written


@pytest.fixture
def page(desktop: ObservedPage, path: Path) -> Iterator[Any]:
    desktop.page.set_viewport_size({"width": 1280, "height": 900})
    desktop.page.emulate_media(media="screen", color_scheme="light")
    yield desktop.open(path)
    desktop.check_quiet(path)


def topic_order(page: Any) -> list[str]:
    topics: list[str] = page.locator("#topics tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.topic)")
    return topics


def latest_share(content: dict[str, Any], topic: str) -> float | None:
    return next(
        (share for share in reversed(content["series"].get(topic, {}).get("share", [])) if share is not None), None
    )


@pytest.mark.journey
def test_sorting_by_every_column(page: Any) -> None:
    content = weekly_report()
    rows = {row["topic"]: row for row in content["rows"]}

    def relative_change(row: dict[str, Any], key: str) -> float | None:
        return row[key]["relative_change"] if row[key] else None

    keys = {
        "name": lambda topic: rows[topic]["name"].lower(),
        "count": lambda topic: rows[topic]["count"],
        "share": lambda topic: rows[topic]["share"],
        "quarter": lambda topic: relative_change(rows[topic], "quarter"),
        "year": lambda topic: relative_change(rows[topic], "year"),
        "months": lambda topic: latest_share(content, topic),
    }
    for name, key in keys.items():
        head = page.locator(f"th[data-key={name}]")
        directions = ["ascending", "descending"] if name == "name" else ["descending", "ascending"]
        for direction in directions:
            head.get_by_role("button").click()
            assert head.get_attribute("aria-sort") == direction
            assert page.locator("[aria-sort]").count() == 1
            values = [key(topic) for topic in topic_order(page)]
            numbers = [value for value in values if value is not None]
            assert values == numbers + [None] * (len(values) - len(numbers)), name
            assert numbers == sorted(numbers, reverse=direction == "descending"), name


@pytest.mark.journey
def test_filtering_counts_the_topics_that_match(page: Any) -> None:
    assert page.locator("#match-count").inner_text() == "12 of 12 topics"
    page.get_by_label("Filter by name").fill("NEURAL")
    assert page.locator("#match-count").inner_text() == "3 of 12 topics"
    left = page.locator("#topics tbody tr:visible")
    assert left.evaluate_all("rows => rows.map((row) => row.dataset.topic)") == ["graph", "nas", "ode"]
    page.get_by_label("Filter by name").fill("")
    assert page.locator("#topics tbody tr:visible").count() == 12


@pytest.mark.journey
def test_a_watched_topic_lists_as_many_papers_as_were_counted(page: Any) -> None:
    embedded = json.loads(page.locator("#report").text_content())
    for topic in ("rl", "gan"):
        count = next(row["count"] for row in embedded["rows"] if row["topic"] == topic)
        row = page.locator(f"tr[data-topic={topic}]")
        assert int(row.locator("td").first.inner_text()) == count
        row.get_by_role("button").click()
        assert page.locator("#week-papers > li").count() == count
        assert page.locator("#week-papers-head").inner_text() == f"Papers in 2019-W20: {count}"
        page.keyboard.press("Escape")
        shown = page.locator(".group-of-papers", has=page.get_by_role("heading", name=NAMES[topic]))
        assert shown.locator("li").count() == count


@pytest.mark.journey
def test_an_incomplete_list_says_so(desktop: ObservedPage, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        render_page(weekly_report(papers=weekly_report()["papers"][:5]), []), encoding="utf-8"
    )
    page = desktop.open(tmp_path / "index.html")
    page.locator("tr[data-topic=rl] button").click()
    assert page.locator("#week-papers-head").inner_text() == "Papers in 2019-W20: 5 of 14"


@pytest.mark.journey
def test_another_topic_names_the_command_that_lists_its_papers(page: Any) -> None:
    page.locator("tr[data-topic=graph] button").click()
    assert page.locator("#week-papers-head code").inner_text() == "trend papers --scope ml -t graph --period 2019-W20"
    assert page.locator("#week-papers").is_hidden()


@pytest.mark.journey
def test_the_numbers_of_a_topic_are_those_of_the_report(page: Any) -> None:
    embedded = json.loads(page.locator("#report").text_content())
    row = next(row for row in embedded["rows"] if row["topic"] == "bayes")
    assert row["share"] == 5 / 800
    page.locator("tr[data-topic=bayes] button").click()
    facts = page.locator("#facts li").all_inner_texts()
    assert facts == [
        "2019-W20: 5 of 800 submissions, 0.62 %",
        "2019-Q1 vs 2018-Q1: 57 → 1,260 papers, share -2.1 % [-30.0, +41.0], no clear change",
        "2018 vs 2017: 207 → 1,440 papers, share -10.0 % [-20.0, +1.0], no clear change",
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


@pytest.mark.journey
def test_facts_name_new_and_missing_values(page: Any) -> None:
    page.locator("tr[data-topic=nas] button").click()
    facts = page.locator("#facts li").all_inner_texts()
    assert facts[1].endswith("share new, rising")
    assert facts[2].endswith("share +300 %, from +150, rising")
    page.keyboard.press("Escape")
    page.locator("tr[data-topic=ode] button").click()
    assert page.locator("#facts li").all_inner_texts() == ["2019-W20: n/a"]
    assert page.locator("#readout").inner_text() == "2019-05: n/a, provisional"


@pytest.mark.journey
def test_the_chart_breaks_at_the_gap_and_dashes_incomplete_months(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    assert page.locator("#plot .band").count() == 2
    drawn = page.locator("#plot .line").get_attribute("d")
    dashed = page.locator("#plot .dashed").get_attribute("d")
    assert drawn.count("M") == 35 - 1 - 1 - 1  # 35 months with a number, two stretches, one pair dashed
    assert dashed.count("M") == 1


@pytest.mark.journey
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
    content = weekly_report()
    months, numbers = content["months"], content["series"]["rl"]

    def month_text(at: int) -> str:
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
        assert page.locator("#readout").inner_text() == month_text(at)
        assert slider.get_attribute("aria-valuetext") == month_text(at)
        assert slider.get_attribute("aria-valuenow") == str(at)
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()
    assert page.evaluate(focused) == "rl"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the close button is what has the focus first
    assert page.locator("dialog").is_hidden()
    assert page.evaluate(focused) == "rl"


@pytest.mark.journey
def test_the_pointer_shows_a_month(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    box = page.locator("#plot").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 100)
    assert page.locator("#readout").inner_text().startswith("2016-06: ")
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 100)
    assert page.locator("#readout").inner_text().startswith("2019-05: ")


@pytest.mark.journey
def test_the_count_of_a_month_leads_to_its_list(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    command = page.locator("#month-command")
    assert command.inner_text() == "List papers: trend papers --scope ml -t rl --period 2019-05"
    page.get_by_role("slider", name="Month").focus()
    page.keyboard.press("Home")
    assert command.inner_text().endswith("--period 2016-06")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert command.is_hidden()  # a gap has no list


@pytest.mark.journey
def test_an_injected_title_stays_text(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    for section in ("#papers", "#week-papers"):
        first = page.locator(f"{section} li").first.locator(".title a")
        assert first.text_content() == INJECTION
        assert first.get_attribute("rel") == "noreferrer"
        bad = page.locator(f"{section} li", has_text="Bad address")
        assert bad.count() == 1 and bad.locator("a").count() == 0
    code = page.locator("#papers li").first.locator(".by a")
    assert code.evaluate_all("links => links.map((link) => link.href)") == ["https://github.com/x/y"]
    assert page.evaluate("window.pwned") is None
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == len(CHARTS)


@pytest.mark.journey
def test_the_page_never_scrolls_sideways(page: Any) -> None:
    page.locator("tr[data-topic=rl] button").click()
    for width in (1920, 1280, 1264, 1000, 700, 360):
        page.set_viewport_size({"width": width, "height": 740})
        # the chart is redrawn some time after the window has changed
        page.wait_for_function(
            "() => { const width = place => document.querySelector(place).getBoundingClientRect().width;"
            " return Math.abs(width('#plot svg') - width('#plot')) <= 1 }"
        )
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        assert page.locator("dialog").evaluate("element => element.scrollWidth <= element.clientWidth")


@pytest.mark.journey
def test_a_phone_scrolls_the_table_and_not_the_page(browser: Any, path: Path) -> None:
    observed = ObservedPage(browser, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = observed.open(path)
    wide = "() => document.documentElement.scrollWidth"
    assert page.evaluate(wide) == 360
    assert page.locator("#topics .wide").evaluate("element => element.scrollWidth > element.clientWidth")
    page.locator("tr[data-topic=rl] button").tap()
    page.locator("dialog summary").tap()
    assert page.evaluate(wide) == 360
    assert page.locator("dialog").evaluate("element => element.scrollWidth <= element.clientWidth")
    observed.check_quiet(path)
    page.close()


@pytest.mark.journey
def test_without_a_script_the_table_is_complete_and_controls_are_disabled(browser: Any, path: Path) -> None:
    page = ObservedPage(browser, java_script_enabled=False).open(path)
    assert page.locator("#topics tbody tr:visible").count() == 12
    assert page.get_by_label("Filter by name").is_hidden()
    assert page.locator("button:visible:not(:disabled)").count() == 0
    page.close()


@pytest.mark.journey
def test_a_dark_page_is_dark_and_paper_is_white(page: Any) -> None:
    shade = "() => getComputedStyle(document.body).backgroundColor"
    for scheme, colour in (("light", "rgb(253, 252, 249)"), ("dark", "rgb(21, 23, 26)")):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(shade) == colour
        page.emulate_media(media="print", color_scheme=scheme)
        assert page.evaluate(shade) == "rgb(255, 255, 255)"
        assert page.get_by_label("Filter by name").is_hidden()
        page.emulate_media(media="screen", color_scheme=scheme)


@pytest.mark.journey
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_there_are_no_accessibility_violations(page: Any, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)

    def list_violations() -> list[str]:
        violations = axe.run(page).response["violations"]
        return [f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in violations]

    assert list_violations() == []
    page.locator("tr[data-topic=rl] button").click()
    page.locator("dialog summary").click()
    assert list_violations() == []
