"""Write the pages that state facts about the code, or with --check report which are stale.

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
        """Return what a command shows: its stderr, then its output."""
        if command.startswith("export "):
            self.exports.append(command)
            return ""
        script = "\n".join([*self.exports, command])
        if script not in self.known:
            self.known[script] = self._run(script)
        return self.known[script]

    def _run(self, script: str) -> str:
        master, slave = pty.openpty()
        with subprocess.Popen(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=subprocess.PIPE,
        ) as process:
            os.close(slave)
            shown = b""
            with contextlib.suppress(OSError):  # the end of a terminal is an error to Linux
                while chunk := os.read(master, 65536):
                    shown += chunk
            os.close(master)
            errors_shown = process.stderr.read() if process.stderr else b""
        return errors_shown.decode() + shown.decode().replace("\r\n", "\n")


def update_commands(page: str, shell: Shell) -> str:
    """Return a page with the outputs of its commands as they are now."""

    def update_block(block: re.Match[str]) -> str:
        return (
            block[1]
            + "".join(_update_output(command, shown, shell) for command, shown in _iter_commands(block[2]))
            + block[3]
        )

    return BLOCK.sub(update_block, page)


def _iter_commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield (command, shown output) of a block; lines after `> ` continue the command."""
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


def _update_output(command: str, shown: str, shell: Shell) -> str:
    """Return a command with its output as it is now, or as shown where that still fits."""
    now = shell.run(command)
    return "$ " + command.replace("\n", "\n> ") + "\n" + (shown if shown and _is_current(shown, now) else now)


def _is_current(shown: str, now: str) -> bool:
    """Return whether an output is the one that a page shows, but for the age of the data, which grows by the day."""
    lines = (re.sub(r"\d+(?=\\ days?\\ old)", r"\\d+", re.escape(line)) for line in shown.splitlines(keepends=True))
    pattern = "".join(r"(?:.*\n)*" if line == "\\.\\.\\.\\\n" else line for line in lines)
    return re.fullmatch(pattern, now) is not None


def update_examples(page: str, folder: Path) -> str:
    """Return a page with the outputs of its Python examples as they are now."""
    names: dict[str, object] = {}

    def update_block(block: re.Match[str]) -> str:
        lines = []
        for line in block[2].splitlines():
            if line.startswith(">>> "):
                shown = io.StringIO()
                with contextlib.redirect_stdout(shown), contextlib.chdir(folder):
                    exec(compile(line[4:], "api.md", "single"), names)
                lines += [line, *shown.getvalue().splitlines()]
        return block[1] + "\n".join(lines) + "\n" + block[3]

    return PYTHON.sub(update_block, page)


def build_command_page() -> str:
    """Return the page of every command with its help, the exit codes, and what can be chosen by name."""
    runner = CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"})
    lines = ["# Command line\n", "*Generated by docs/generate.py from the program.*\n"]
    for name in ["", *COMMANDS]:
        arguments = name.split()
        text = runner.invoke(
            build_app(arguments), [*arguments, "--help"], prog_name="trend", terminal_width=78
        ).stdout.rstrip()
        lines.append(f"## `trend{' ' + name if name else ''}`\n\n```text\n{text}\n```\n")
    lines.append("## Exit codes\n\n| code | when |\n|---|---|")
    lines.append("| 0 | success, including an empty result or nothing new |")
    lines.append("| 1 | a bug, with its traceback |")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TrendError)]
    for code in sorted({kind.exit_code for kind in kinds} - {1}):
        descriptions = [(kind.__doc__ or "").strip() for kind in kinds if kind.exit_code == code]
        lines.append(f"| {code} | {' '.join(descriptions)} |")
    lines.append("| 130 | interrupted (143: ended by SIGTERM); the store keeps everything committed so far |\n")
    for title, entries in (("Sources", registry.SOURCES), ("Formats", registry.FORMATS), ("Charts", registry.CHARTS)):
        lines.append(f"## {title}\n\n| name | description |\n|---|---|")
        lines += [f"| `{name}` | {entry.help} |" for name, entry in entries.items()]
        lines.append("")
    return "\n".join(lines)


def build_topic_page() -> str:
    """Return the page of every shipped topic, and the false positives that are accepted."""
    library = load_library(ROOT / "configs" / "topics", check_patterns=True)
    sentences: dict[str, dict[str, list[dict[str, str]]]] = {}
    for path in sorted((ROOT / "tests" / "topics" / "sentences").glob("*.yaml")):
        sentences |= yaml.safe_load(path.read_text(encoding="utf-8"))
    lines = [
        "# Shipped topics\n",
        "*Written by docs/generate.py from configs/topics and tests/topics/sentences.*\n",
    ]
    lines.append("| topic | name | part of | rules | packs |\n|---|---|---|---:|---|")
    for name, topic in sorted(library.topics.items()):
        packs = ", ".join(pack for pack, members in sorted(library.packs.items()) if name in members)
        lines.append(f"| `{name}` | {topic.name} | {', '.join(topic.parents)} | {len(topic.rules)} | {packs} |")
    lines.append(
        "\n## Accepted false positives\n\n| topic | a sentence that matches | why it is accepted |\n|---|---|---|"
    )
    for name in sorted(sentences):
        for accepted in sentences[name].get("accepted") or []:
            lines.append(f"| `{name}` | {accepted['text']} | {accepted['why']} |")
    return "\n".join(lines) + "\n"


def iter_pages() -> Iterator[tuple[Path, str]]:
    """Yield the path of each generated page and the text that it should have."""
    yield ROOT / "configs" / "settings.yaml", settings_to_yaml(Settings())
    yield ROOT / "configs" / "weekly.yaml", settings_to_yaml(WeeklyConfig())
    yield ROOT / "docs" / "reference" / "cli.md", build_command_page()
    yield ROOT / "docs" / "reference" / "topics-list.md", build_topic_page()
    with tempfile.TemporaryDirectory() as scratch:
        shell = Shell(Path(scratch))
        guides = sorted([*(ROOT / "docs" / "tutorial").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")])
        for page in (ROOT / "README.md", *guides):
            shell.exports = []
            yield page, update_commands(page.read_text(encoding="utf-8"), shell)
        api = ROOT / "docs" / "reference" / "api.md"
        yield api, update_examples(api.read_text(encoding="utf-8"), shell.folder)
        for picture in ("lines", "change", "volume"):
            chart = shell.folder / "trend-demo" / f"{picture}.png"
            target = ROOT / "docs" / "img" / f"{picture}.png"
            if "--check" not in sys.argv:
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(chart.read_bytes())
        if "--check" not in sys.argv:
            take_screenshot(next((shell.folder / "trend-demo" / "weekly").glob("*-W*/index.html")), "weekly")


def take_screenshot(page: Path, name: str) -> None:
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
    """Write the stale pages, or with --check only name them; return the exit code."""
    stale = [
        (path, text) for path, text in iter_pages() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        print(f"{'stale' if '--check' in sys.argv else 'wrote'}: {path.relative_to(ROOT)}")
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
