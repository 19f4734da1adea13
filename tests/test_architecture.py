"""The house of docs/architecture.md, held: imports run one way, and heavy ones stay out of the way of `trend --help`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "trendcli"
PAGE = PACKAGE.parent / "docs" / "architecture.md"


def layers() -> list[list[str]]:
    """The modules of each layer as the page draws them, the lowest first."""
    picture = PAGE.read_text(encoding="utf-8").split("```layers\n")[1].split("```")[0]
    return [re.split(r"\s+", row.split(None, 1)[1].strip()) for row in reversed(picture.strip().splitlines())]


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        found[name] = path
    return found


def imported(path: Path) -> set[str]:
    """Names of modules that a file imports, also inside functions, but not those for types alone."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    types = {
        id(node)
        for guard in ast.walk(tree)
        if isinstance(guard, ast.If) and ast.unparse(guard.test) == "TYPE_CHECKING"
        for node in ast.walk(guard)
    }
    for node in ast.walk(tree):
        if id(node) in types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def inside(path: Path) -> set[str]:
    """Modules of this package that a file imports."""
    names = {name.removeprefix("trendcli.") for name in imported(path) if name.startswith("trendcli.")}
    return (names & set(modules())) - {"__init__"}


def test_the_picture_shows_every_module() -> None:
    drawn = [name for layer in layers() for name in layer]
    assert len(drawn) == len(set(drawn))
    packages = {"__init__", "__main__", "demo", "engines", "reports", "sources", "render"}
    assert set(drawn) == set(modules()) - packages


def test_imports_run_one_way() -> None:
    """A module imports from lower layers, or from its left in its own."""
    order = {name: number for number, name in enumerate(name for layer in layers() for name in layer)}
    wrong = [
        f"{name} imports {other}"
        for name, path in modules().items()
        if name in order
        for other in inside(path) - {name}
        if order.get(other, -1) >= order[name]
    ]
    assert wrong == []


def test_the_lowest_layer_needs_the_standard_library_alone() -> None:
    allowed = set(sys.stdlib_module_names) | {"trendcli", "__future__"}
    for name in layers()[0]:
        roots = {other.split(".")[0] for other in imported(modules()[name])}
        assert roots - allowed <= ({"pandas"} if name == "models" else set()), name  # where a frame is handed over


@pytest.mark.parametrize(
    "name", ["canvas", "charts", "render.table", "render.markdown", "render.machine", "render.html", "render.bibtex"]
)
def test_renderers_and_charts_see_nothing_but_a_report(name: str) -> None:
    assert inside(modules()[name]) <= {"canvas", "errors", "models", "render.values"}


def test_only_the_command_line_reads_settings_prints_and_exits() -> None:
    for name, path in modules().items():
        text = path.read_text(encoding="utf-8")
        if not name.startswith("cli") and name not in ("api", "job", "__main__"):
            assert "settings" not in inside(path), name
            assert not re.search(r"(?<![.\w])print\(|sys\.exit|SystemExit", text), name


def loaded(*words: str) -> set[str]:
    """The modules that a command line has loaded when it ends."""
    code = (
        "import sys\nfrom trendcli.cli import main\n"
        f"sys.argv = ['trend', *{list(words)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split())


HEAVY = {
    "pandas",
    "numpy",
    "pyarrow",
    "duckdb",
    "matplotlib",
    "arxiv",
    "rich",
    "yaml",
    "re2",
    "requests",
    "lxml",
    "msgspec",
    "platformdirs",
    "pydantic",
}


def test_help_loads_nothing_heavy() -> None:
    assert loaded("--help") & HEAVY == set()
    assert loaded("report", "--help") & HEAVY == set()
    assert loaded("topics", "list") & HEAVY <= {"yaml", "platformdirs"}


def test_a_report_loads_neither_pandas_nor_a_chart_nor_a_source(gans: object) -> None:
    root = str(gans.root)  # type: ignore[attr-defined]
    loaded("report", "--store", root, "-t", "gan")  # tags are made here
    again = loaded("report", "--store", root, "-t", "gan", "--limit", "1")
    assert again & HEAVY == {"numpy"}
    assert loaded("report", "--store", root, "-t", "gan", "--limit", "1") & HEAVY == set()  # asked before
    assert loaded("papers", "--store", root, "-t", "gan") & HEAVY == {"duckdb"}


def test_no_docstring_is_missing() -> None:
    for name, path in modules().items():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), name
