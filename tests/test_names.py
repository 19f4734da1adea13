"""Names explain themselves: how many functions have a name of one word, and that none is a participle.

`python -m tests.test_names` prints the share of one-word names of every module.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "trendcli"
# statsmodels 28 %, sqlite-utils 36 %, httpx 46 %, counted alike; it was 81 % before names were looked at
MOST_ONE_WORD_NAMES = 0.45
IRREGULAR = set(
    "built chosen drawn found given held hidden kept known left lost made met put seen sent set shown said spoken spread"
    " taken told thought understood won worn written".split()
)
NOUNS = {"embed", "feed", "need", "seed", "speed", "string", "warning", "timing", "setting"}


def functions(package: Path = PACKAGE) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of every function and method of a package, nested ones too, but not `__dunders__`."""
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("__"):
                yield path.relative_to(package).as_posix(), node.name


def is_one_word(name: str) -> bool:
    """Whether a name is one word; leading and trailing underscores do not count."""
    return "_" not in name.strip("_")


def is_participle(name: str) -> bool:
    """Whether a name of one word is a participle by its ending, or an irregular one."""
    word = name.strip("_")
    return is_one_word(name) and word not in NOUNS and (bool(re.search("(ed|ing)$", word)) or word in IRREGULAR)


def test_functions_are_named_in_more_than_one_word() -> None:
    names = [name for _, name in functions()]
    assert len(names) > 500
    assert sum(map(is_one_word, names)) / len(names) <= MOST_ONE_WORD_NAMES


def test_no_function_is_named_by_a_participle() -> None:
    assert [f"{module}: {name}" for module, name in functions() if is_participle(name)] == []


def main() -> None:
    """Print the share of one-word names by module, the highest first."""
    by_module: dict[str, list[str]] = {}
    for module, name in functions():
        by_module.setdefault(module, []).append(name)
    shares = {module: sum(map(is_one_word, names)) / len(names) for module, names in by_module.items()}
    for module, share in sorted(shares.items(), key=lambda pair: -pair[1]):
        print(f"{share:5.0%} of {len(by_module[module]):3} {module}")
    names = [name for _, name in functions()]
    print(f"{sum(map(is_one_word, names)) / len(names):5.1%} of {len(names)} in all")


if __name__ == "__main__":
    main()
