"""The picture of docs/architecture.md, held: a package imports only from the levels below its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

LAYERS = """
5  cli api
4  sources reports
3  topics
2  store output demo
1  core stats
"""
SEES: dict[str, set[str]] = {"stats": set(), "output": {"core"}, "demo": {"core"}}  # all of trendcli that these import
READS_SETTINGS = ("cli/", "api.py", "core/settings.py", "reports/weekly/config.py")
PACKAGE = Path(__file__).resolve().parents[1] / "trendcli"
LEVEL = {name: int(row.split()[0]) for row in LAYERS.strip().splitlines() for name in row.split()[1:]}


def imports(path: Path) -> Iterator[str]:
    """What a file imports of this package, also inside functions, but not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    types = {id(node) for guard in guards for node in ast.walk(guard)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in types and (node.module or "").startswith("trendcli"):
            yield from (f"{node.module}.{alias.name}".removeprefix("trendcli.") for alias in node.names)


def test_imports_run_down() -> None:
    wrong = []
    for path in sorted(PACKAGE.glob("**/*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        here = name.split("/")[0].removesuffix(".py")
        if here in ("__init__", "__main__"):
            continue
        for other in imports(path):
            there = other.split(".")[0]
            below = there == here or LEVEL.get(there, 0) < LEVEL[here]
            if not below or there not in SEES.get(here, LEVEL.keys()) | {here}:
                wrong.append(f"{name} -> {other}")
    assert wrong == []


def test_the_page_shows_this_picture() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = re.findall(r"^([1-5])   ([a-z]+(?:   [a-z]+)*)(?= {4}|$)", page, re.MULTILINE)
    assert {name: int(level) for level, names in drawn for name in names.split()} == LEVEL


def test_only_the_command_line_reads_settings_prints_and_exits() -> None:
    for path in PACKAGE.glob("*/**/*.py"):
        name, text = path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")
        if not name.startswith(READS_SETTINGS):
            assert not any(other.startswith("core.settings") for other in imports(path)), name
            assert not re.search(r"(?<![.\w])print\(|sys\.exit|SystemExit", text), name
