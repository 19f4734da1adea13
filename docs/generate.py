"""Write the pages that state facts of the code, or with --check say which are stale.

    docs/reference/cli.md, docs/reference/topics-list.md, configs/*.yaml    written whole
    README.md, docs/tutorial/*.md, docs/how-to/*.md                         the outputs below their `$ command` lines
    docs/reference/api.md                                                   the outputs below its `>>>` lines

Commands run in a scratch folder as on a terminal of 100 columns, against the corpus that `trend demo` makes up. A line
of three dots in an output stands for any lines.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from typer.testing import CliRunner

from trendcli.cli import build_app
from trendcli.core import errors, registry
from trendcli.core.settings import Settings, settings_to_yaml
from trendcli.reports.weekly.config import WeeklyConfig
from trendcli.topics.loader import load_library

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(```console\n)(.*?)(```\n)", re.DOTALL)
PYTHON = re.compile(r"(```python\n)(>>> .*?)(```\n)", re.DOTALL)
COMMANDS = [
    "demo",
    "fetch",
    "import",
    "report",
    "explain",
    "verify",
    "chart",
    "papers",
    "authors",
    "index",
    "terms",
    "export",
    "topics list",
    "topics show",
    "topics match",
    "topics check",
    "topics sample",
    "topics compare",
    "topics new",
    "status",
    "doctor",
    "settings",
    "digest",
    "weekly",
    "schedule",
]


class Shell:
    """A scratch folder in which commands run one after another; a command that was run before is not run again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exports: list[str] = []
        self.known: dict[str, str] = {}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        terminal = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "xterm", "LANG": "C.UTF-8"}
        passed = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        self.env = {"PATH": path, "HOME": str(folder), "TREND_STORE": "", **terminal, **passed}

    def run(self, command: str) -> str:
        """What a command shows: what it says on stderr, then its output."""
        if command.startswith("export "):
            self.exports.append(command)
            return ""
        script = "\n".join([*self.exports, command])
        if script not in self.known:
            self.known[script] = self._run(script)
        return self.known[script]

    def _run(self, script: str) -> str:
        master, slave = pty.openpty()
        words = ["bash", "-c", script]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": slave, "stderr": subprocess.PIPE}
        with subprocess.Popen(words, cwd=self.folder, env=self.env, **pipes) as process:
            os.close(slave)
            shown = b""
            with contextlib.suppress(OSError):  # the end of a terminal is an error to Linux
                while chunk := os.read(master, 65536):
                    shown += chunk
            os.close(master)
            said = process.stderr.read() if process.stderr else b""
        return said.decode() + shown.decode().replace("\r\n", "\n")


def blocks(page: str, shell: Shell) -> str:
    """The page with the outputs of its commands as they are now."""

    def renewed(found: re.Match[str]) -> str:
        return found[1] + "".join(_renewed(command, shown, shell) for command, shown in _commands(found[2])) + found[3]

    return BLOCK.sub(renewed, page)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """(command, shown output) of a block; lines after `> ` go on with the command."""
    command, shown = "", ""
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], ""
        elif line.startswith("> ") and not shown:
            command += "\n" + line[2:]
        else:
            shown += line + "\n"
    yield command, shown


def _renewed(command: str, shown: str, shell: Shell) -> str:
    now = shell.run(command)
    return "$ " + command.replace("\n", "\n> ") + "\n" + (shown if shown and _fits(shown, now) else now)


def _fits(shown: str, now: str) -> bool:
    """Whether an output is the one that the page shows; the age of the data may differ, since it grows by the day."""
    lines = (re.sub(r"\d+(?=\\ days?\\ old)", r"\\d+", re.escape(line)) for line in shown.splitlines(keepends=True))
    pattern = "".join(r"(?:.*\n)*" if line == "\\.\\.\\.\\\n" else line for line in lines)
    return re.fullmatch(pattern, now) is not None


def examples(page: str, folder: Path) -> str:
    """The page with the outputs of its Python examples as they are now."""
    names: dict[str, object] = {}

    def renewed(found: re.Match[str]) -> str:
        out = []
        for line in found[2].splitlines():
            if line.startswith(">>> "):
                shown = io.StringIO()
                with contextlib.redirect_stdout(shown), contextlib.chdir(folder):
                    exec(compile(line[4:], "api.md", "single"), names)
                out += [line, *shown.getvalue().splitlines()]
        return found[1] + "\n".join(out) + "\n" + found[3]

    return PYTHON.sub(renewed, page)


def command_page() -> str:
    """Every command with its help, the exit codes, and what can be chosen by name."""
    runner = CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"})
    parts = ["# Command line\n", "*Generated by docs/generate.py from the program.*\n"]
    for name in ["", *COMMANDS]:
        words = name.split()
        text = runner.invoke(build_app(words), [*words, "--help"], prog_name="trend", terminal_width=78).stdout.rstrip()
        parts.append(f"## `trend{' ' + name if name else ''}`\n\n```text\n{text}\n```\n")
    parts.append("## Exit codes\n\n| code | when |\n|---|---|")
    parts.append("| 0 | success, including an empty result or nothing new |")
    parts.append("| 1 | a bug, with its traceback |")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TrendError)]
    for code in sorted({kind.exit_code for kind in kinds} - {1}):
        told = [f"{(kind.__doc__ or '').strip()}" for kind in kinds if kind.exit_code == code]
        parts.append(f"| {code} | {' '.join(told)} |")
    parts.append("| 130 | interrupted; the store keeps everything committed so far |\n")
    for title, entries in (("Sources", registry.SOURCES), ("Formats", registry.FORMATS), ("Charts", registry.CHARTS)):
        parts.append(f"## {title}\n\n| name | description |\n|---|---|")
        parts += [f"| `{name}` | {entry.help} |" for name, entry in entries.items()]
        parts.append("")
    return "\n".join(parts)


def topic_page() -> str:
    """Every shipped topic, and the false positives that are accepted."""
    library = load_library(ROOT / "configs" / "topics", check_patterns=True)
    sentences: dict[str, dict[str, list[dict[str, str]]]] = {}
    for path in sorted((ROOT / "tests" / "topics" / "sentences").glob("*.yaml")):
        sentences |= yaml.safe_load(path.read_text(encoding="utf-8"))
    parts = [
        "# Shipped topics\n",
        "*Written by docs/generate.py from configs/topics and tests/topics/sentences.*\n",
    ]
    parts.append("| topic | name | part of | rules | packs |\n|---|---|---|---:|---|")
    for name, topic in sorted(library.topics.items()):
        packs = ", ".join(pack for pack, members in sorted(library.packs.items()) if name in members)
        parts.append(f"| `{name}` | {topic.name} | {', '.join(topic.parents)} | {len(topic.rules)} | {packs} |")
    parts.append(
        "\n## Accepted false positives\n\n| topic | a sentence that matches | why it is accepted |\n|---|---|---|"
    )
    for name in sorted(sentences):
        for item in sentences[name].get("accepted") or []:
            parts.append(f"| `{name}` | {item['text']} | {item['why']} |")
    return "\n".join(parts) + "\n"


def pages() -> Iterator[tuple[Path, str]]:
    """Each generated page and what it should hold."""
    yield ROOT / "configs" / "settings.yaml", settings_to_yaml(Settings())
    yield ROOT / "configs" / "weekly.yaml", settings_to_yaml(WeeklyConfig())
    yield ROOT / "docs" / "reference" / "cli.md", command_page()
    yield ROOT / "docs" / "reference" / "topics-list.md", topic_page()
    with tempfile.TemporaryDirectory() as scratch:
        shell = Shell(Path(scratch))
        guides = sorted([*(ROOT / "docs" / "tutorial").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")])
        for page in (ROOT / "README.md", *guides):
            shell.exports = []
            yield page, blocks(page.read_text(encoding="utf-8"), shell)
        api = ROOT / "docs" / "reference" / "api.md"
        yield api, examples(api.read_text(encoding="utf-8"), shell.folder)
        for picture in ("lines", "change", "volume"):
            drawn = shell.folder / "trend-demo" / f"{picture}.png"
            kept = ROOT / "docs" / "img" / f"{picture}.png"
            if "--check" not in sys.argv:
                kept.parent.mkdir(exist_ok=True)
                kept.write_bytes(drawn.read_bytes())
        if "--check" not in sys.argv:
            photograph(next((shell.folder / "trend-demo" / "weekly").glob("*-W*/index.html")), "weekly")


def photograph(page: Path, name: str) -> None:
    """Keep a picture of a page as a browser shows it; where there is no browser the old one stays."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("there is no chromium, so the picture of the page stays as it is")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
        shown.goto(page.as_uri())
        shown.screenshot(path=ROOT / "docs" / "img" / f"{name}.png")
        browser.close()


def main() -> int:
    """Write what is stale, or only say so."""
    stale = [(path, text) for path, text in pages() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path, text in stale:
        print(f"{'stale' if '--check' in sys.argv else 'wrote'}: {path.relative_to(ROOT)}")
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
