"""Heavy imports stay out of the way of `trend --help`, and no docstring is missing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "trendcli"


def modules() -> dict[str, Path]:
    path_by_name = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        path_by_name[name] = path
    return path_by_name


def list_loaded_modules(*words: str) -> set[str]:
    """Return the modules that a command line has loaded when it ends."""
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
    assert list_loaded_modules("--help") & HEAVY == set()
    assert list_loaded_modules("report", "--help") & HEAVY == set()
    assert list_loaded_modules("topics", "list") & HEAVY <= {"yaml", "platformdirs"}


def test_a_report_loads_neither_pandas_nor_a_chart_nor_a_source(gans: object) -> None:
    root = str(gans.root)  # type: ignore[attr-defined]
    list_loaded_modules("report", "--store", root, "-t", "gan")  # rule matches are cached here
    again = list_loaded_modules("report", "--store", root, "-t", "gan", "--limit", "1")
    assert again & HEAVY == {"numpy"}
    assert (
        list_loaded_modules("report", "--store", root, "-t", "gan", "--limit", "1") & HEAVY == set()
    )  # from the cache of results
    assert list_loaded_modules("papers", "--store", root, "-t", "gan") & HEAVY == {"duckdb"}


def test_no_docstring_is_missing() -> None:
    for name, path in modules().items():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), name
