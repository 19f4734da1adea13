"""Any character set, a closed or full stdout, in processes of their own since Python sets up its streams only once."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import TREND
from trendcli.core.registry import FORMATS

pytestmark = pytest.mark.journey
MISSING = {"cp1252": "→−φ", "latin-1": "→–φ", "ascii": "→–×±²", "cp932": "–é"}


def shell(line: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    command = f'trend() {{ "{sys.executable}" -m trendcli "$@"; }}; {line}'
    return subprocess.run(["bash", "-c", command], capture_output=True, env={**os.environ, **env})


@pytest.mark.parametrize("encoding", [*MISSING, "utf-16", "utf-8"])
def test_every_format_can_be_printed_in_any_encoding(store: Path, encoding: str) -> None:
    code = (
        "import sys\nfrom trendcli.cli import main\nfrom pathlib import Path\n"
        "for name in sys.argv[1:]:\n    sys.argv = ['trend', 'report', '--store', STORE, '-t', 'gan', '--vs', '2018', '--format', name]\n"
        "    try:\n        main()\n    except SystemExit as end:\n        assert end.code == 0\n    sys.stdout.flush()\n"
    ).replace("STORE", repr(str(store)))
    printed = {}
    for name in set(FORMATS) - {"bibtex"}:
        done = subprocess.run(
            [sys.executable, "-c", code, name], capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}
        )
        assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0), done.stderr
        printed[name] = done.stdout
    assert "10.7" in printed["table"].decode(encoding)
    for name in ("csv", "md"):
        assert "gan" in printed[name].decode("utf-8").lower()
    assert {printed[name].isascii() for name in ("json", "jsonl")} == {True}
    assert json.loads(printed["json"])["rows"][0]["name"] == json.loads(printed["jsonl"].splitlines()[0])["name"]
    assert "→" in html.unescape(printed["html"].decode("utf-8"))


@pytest.mark.parametrize("encoding", MISSING)
def test_what_an_encoding_lacks_is_written_in_other_characters(encoding: str) -> None:
    code = f"import sys\nfrom trendcli.cli.streams import *\nprepare_streams()\nwrite_stdout({MISSING[encoding] + '日☃'!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}
    )
    assert done.stderr == b""
    expected = {"cp1252": "->-phi??", "latin-1": "->-phi??", "ascii": "->-x+/-2??", "cp932": "-e日?"}[encoding]
    assert done.stdout.decode(encoding).replace("×", "x").replace("±", "+/-") == expected


def test_json_keeps_every_character() -> None:
    code = "from trendcli.cli.streams import *\nprepare_streams()\nwrite_stdout('{\"a\": \"é日😀\"}', 'json')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"}
    )
    assert done.stdout.isascii() and json.loads(done.stdout) == {"a": "é日😀"}


def test_help_in_ascii() -> None:
    done = shell("trend report --help", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"") and b"--topic" in done.stdout


def test_closed_streams(store: Path) -> None:
    words = f"report --store {store} -t gan"
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        done = shell(f"trend {words} {closed}")
        assert done.returncode == 0 and b"Traceback" not in done.stderr
    assert not [path for path in store.rglob("*") if path.is_file() and b"GANs by year\n" in path.read_bytes()]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full")
def test_a_full_disk_behind_stdout_is_said_and_behind_stderr_is_not_fatal(store: Path) -> None:
    for words in (f"report --store {store}", f"report --store {store} --format csv", "--help", "--version", "settings"):
        done = shell(f"trend {words} > /dev/full")
        assert done.returncode == 4 and done.stderr.startswith(b"trend: No space left on device"), words
        assert done.stderr.count(b"\n") == 1
    done = shell(f"trend report --store {store} -t gan 2>/dev/full")
    assert done.returncode == 0 and b"GANs by year" in done.stdout


def test_a_closed_pipe_is_quiet(store: Path) -> None:
    for words in (f"papers --store {store} --limit 0 --format jsonl", "topics show ml", "topics list"):
        done = shell(f"set -o pipefail; trend {words} | head -1")
        assert (done.returncode, done.stderr, done.stdout.count(b"\n")) == (0, b"", 1), words


def test_variables_that_are_not_utf_8() -> None:
    environment = {os.fsencode(name): os.fsencode(value) for name, value in os.environ.items()}
    for name in (b"TREND_STORE", b"TREND_SCOPE", b"TREND_TOPICS", b"TREND_SETTINGS", b"TREND_CONTACT"):
        env = {b"TREND_STORE": b"/nonexistent/store", **environment, name: b"caf\xe9\x1b"}
        for words, codes in ((["report", "-t", "gan"], (2, 4)), (["settings"], (0, 2))):
            done = subprocess.run([*TREND, *words], capture_output=True, env=env)
            assert done.returncode in codes, (name, done.stderr)
            assert b"Traceback" not in done.stderr and b"\x1b" not in done.stderr + done.stdout
