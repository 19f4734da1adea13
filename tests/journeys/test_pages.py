"""The pages say what is so: links lead somewhere, commands exist. `make check` also runs every command that they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
GUIDES = ("tutorial", "how-to", "reference", "explanation")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if "://" not in target:
            assert (page.parent / target).exists(), target
    for path, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", text):
        linked = (page.parent / path if path else page).read_text(encoding="utf-8")
        heads = {
            re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
            for head in re.findall(r"^#+ (.*)$", linked, re.MULTILINE)
        }
        assert anchor in heads, anchor


def test_the_guides_name_every_command() -> None:
    from trendcli.cli import build_app

    named = {info.name for info in build_app().registered_commands} | {"topics"}
    text = "\n".join(
        page.read_text(encoding="utf-8")
        for page in PAGES
        if page.name == "README.md" or page.parent.name in ("tutorial", "how-to")
    )
    assert {name for name in named if f"trend {name}" not in text} == set()


def test_the_index_links_to_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / target).resolve() for target in re.findall(r"\]\(([^)#]+)", index)}
    pages = {page for page in PAGES if page.parent.name in GUIDES}
    assert len(pages) > 15
    assert pages - linked == set()


def test_every_test_that_the_page_of_faults_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/explanation/reliability.md").read_text(encoding="utf-8")))
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 25
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_pictures_exist_and_are_small() -> None:
    for name in ("lines", "change", "volume", "weekly"):
        assert 10_000 < (ROOT / "docs" / "img" / f"{name}.png").stat().st_size < 300_000


def test_no_page_names_a_command_that_does_not_exist() -> None:
    from trendcli.cli import build_app

    known = {info.name for info in [*build_app().registered_commands, *build_app().registered_groups]}
    for page in PAGES:
        spoken = set(re.findall(r"`trend ([a-z]+)", page.read_text(encoding="utf-8")))
        assert spoken <= known, page.name


def test_the_pages_hold_on_another_day(tmp_path: Path) -> None:
    """The whole check of the pages passes with a clock that is 400 days and 13 hours ahead, in every process."""
    (tmp_path / "sitecustomize.py").write_text(
        "from datetime import UTC, datetime, timedelta\n"
        "import time_machine\n"
        "time_machine.travel(datetime.now(UTC) + timedelta(days=400, hours=13)).start()\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    code = "import sys; sys.argv = ['docs/generate.py', '--check']; from docs.generate import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
