"""The pages say what is so: links lead somewhere, commands exist. `make check` also runs every command that they show."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
GUIDES = ("tutorial", "how-to", "reference", "explanation")
PRESENT = [page for page in PAGES if page.parent.name != "decisions"]  # a decision may name what it did away with
PACKAGE = ROOT / "trendcli"


def spans(page: Path) -> list[str]:
    """What stands between backticks on a page, blocks of code left out."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL))


def is_module(name: str) -> bool:
    """Whether a path below trendcli without its ending, such as `stats/growth`, is a module or a package."""
    return (PACKAGE / f"{name}.py").is_file() or (PACKAGE / name / "__init__.py").is_file()


def can_be_imported(dotted: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for name in parts[end:]:
            if not hasattr(value, name):
                return False
            value = getattr(value, name)
        return True
    return False


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


@pytest.mark.parametrize("page", PRESENT, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_and_names_of_the_program_on_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    paths = set(re.findall(r"(?<![\w/.-])(?:trendcli|tests|docs|configs|benchmarks)/[\w./*-]*\w", text))
    assert {path for path in paths if not list(ROOT.glob(path))} == set()
    names = set(re.findall(r"(?<![\w/.-])trendcli(?:\.[A-Za-z_]\w*)+", text))
    assert {name for name in names if not can_be_imported(name)} == set()


def test_the_architecture_names_modules_and_functions_that_exist() -> None:
    page = ROOT / "docs" / "architecture.md"
    named = {span.rstrip("/") for span in spans(page) if re.fullmatch(r"[a-z_]+(/[a-z_]+)*/?", span) and "/" in span}
    modules = {name for name in named if not name.startswith(("tests", "trendcli"))}
    assert len(modules) > 40
    assert {name for name in modules if not is_module(name)} == set()
    text = page.read_text(encoding="utf-8")
    functions = re.findall(r"`(\w+)`\s+in\s+`([a-z_]+(?:/[a-z_]+)+)`", text)
    assert len(functions) > 5
    missing = [name for name, module in functions if not can_be_imported(f"trendcli.{module.replace('/', '.')}.{name}")]
    assert missing == []
    rows = dict(re.findall(r"^\| `([a-z]+)` \| (.*) \|$", text, re.MULTILINE))  # a package, and what it does
    assert rows.keys() == {"core", "stats", "store", "topics", "output", "demo", "sources", "reports"}
    for package, description in rows.items():
        for name in set(re.findall(r"`([a-z_]+)`", description)):
            assert is_module(f"{package}/{name}") or (PACKAGE / package / name).is_dir(), f"{package}/{name}"


def test_the_architecture_names_the_registries() -> None:
    from trendcli.core import registry

    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in (*(name for name in vars(registry) if name.isupper()), *registry.RegistryEntry._fields[2:]):
        assert re.search(rf"`{name}\b", text), name


def test_the_page_on_python_names_what_is_exported_and_options_that_exist() -> None:
    import trendcli
    from trendcli import api
    from trendcli.topics.query import Query, parse_query

    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    names, options = (re.findall(r"^\| (`.*) \| .* \|$", part, re.MULTILINE) for part in text.split("| option |"))
    assert {re.match(r"`(\w+)", name)[1] for name in names} == set(trendcli.__all__)  # type: ignore[index]
    functions = (parse_query, Query, api._query_arguments)
    known = {name for function in functions for name in inspect.signature(function).parameters}
    named = set(re.findall(r"`(\w+)`", " ".join(options)))
    assert named <= known
    assert known - named <= {"library", "store", "topics", "corpus", "children", "window", "options"}


def test_no_page_uses_an_old_spelling() -> None:
    from trendcli.cli.deprecated import RENAMED_COMMANDS, RENAMED_OPTIONS

    for page in PRESENT:
        if page.name != "CHANGELOG.md":
            text = page.read_text(encoding="utf-8")
            assert re.findall(rf"(?<![\w-])(?:{'|'.join(RENAMED_OPTIONS)})(?![\w-])", text) == [], page.name
            assert [old for old in RENAMED_COMMANDS if f"trend {old}" in text] == [], page.name


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
