"""Outputs that cannot take what is written: other encodings, closed, full, or a reader that has gone."""

from __future__ import annotations

import re
from pathlib import Path

from tests.torture.bench import Bench, Ran, first_line
from tests.torture.stores import SCOPE, World

ENCODINGS = ["cp1252", "latin-1", "ascii", "cp437", "utf-16", "koi8-r"]
COMMANDS = {
    "report": ["report", *SCOPE],
    "markdown": ["report", *SCOPE, "-t", "rnn", "--by", "year", "--format", "md"],
    "csv": ["report", *SCOPE, "--format", "csv"],
    "json": ["report", *SCOPE, "-t", "rnn", "--by", "month", "--format", "json"],
    "html": ["report", *SCOPE, "--format", "html"],
    "papers": ["papers", "-t", "rnn", *SCOPE[:2], "--limit", "5"],
    "bibtex": ["papers", "-t", "rnn", *SCOPE[:2], "--limit", "5", "--format", "bib"],
    "digest": ["digest", "--period", "2019-W40"],
    "status": ["status"],
    "doctor": ["doctor"],
    "explain": ["explain", "-t", "rnn", "--period", "2019", *SCOPE[:2]],
    "topics": ["topics", "list"],
    "check": ["topics", "check", "rnn"],
    "settings": ["settings"],
    "schedule": ["schedule"],
    "github": ["schedule", "--github"],
    "help": ["report", "--help"],
    "terms": ["terms", *SCOPE[:2], "--limit", "10"],
    "authors": ["authors", *SCOPE[:2], "--limit", "5"],
}
# an output, and whether what is written to it can succeed
OUTPUTS = {
    'exec "$@" >&-': None,
    'exec "$@" >&- 2>&-': None,
    'exec "$@" 2>&-': True,
    'exec "$@" <&-': True,
    'exec "$@" >/dev/full': False,
    'exec "$@" 2>/dev/full': True,
    '"$@" | head -c 1 >/dev/null; exit 0': None,
    '"$@" | true; exit 0': None,
}


def torture(bench: Bench, world: World) -> None:
    """Write each output to each stream."""
    store = bench.copy_store(world.store)
    names = list(COMMANDS) if bench.is_full else ["report", "json"]
    encodings = ENCODINGS if bench.is_full else ENCODINGS[:2]
    cases = {f"{name} as {encoding}": (name, encoding, "") for name in names for encoding in encodings}
    outputs = list(OUTPUTS) if bench.is_full else list(OUTPUTS)[:1] + list(OUTPUTS)[4:5]
    some = [name for name in names if name in ("report", "json", "papers", "status", "help", "settings")]
    cases |= {f"{name} in {output}": (name, "utf-8", output) for name in some for output in outputs}
    plain: dict[str, Ran] = {}
    for _, (name, encoding, output) in bench.share_items(cases):
        if name not in plain:
            plain[name] = bench.run(store, *COMMANDS[name])
        if "/dev/full" in output and not Path("/dev/full").exists():
            continue
        if output:
            try_output(bench, store, name, output, plain[name])
        else:
            try_encoding(bench, store, name, encoding, plain[name])


def try_encoding(bench: Bench, store: Path, name: str, encoding: str, plain: Ran) -> None:
    """Write an output in an encoding: the same numbers, and nothing that cannot be read back."""
    ran = bench.run(store, *COMMANDS[name], env={"PYTHONIOENCODING": encoding})
    if not bench.judge(ran, name):
        return
    if ran.code != plain.code:
        bench.report("another exit code", first_line(ran))
        return
    try:
        text = ran.out.decode("utf-8" if encoding == "utf-16" and b"\0" not in ran.out else encoding)
    except UnicodeError:
        text = ran.out.decode("utf-8", "replace")  # UTF-8 is a right answer, too
    if count_digits(text) != count_digits(plain.out.decode()):
        bench.report("other numbers", f"{len(text)} characters instead of {len(plain.out.decode())}")


def count_digits(text: str) -> list[str]:
    """Return the numbers of a text, but for those of escapes and versions of the clock."""
    plain = re.sub(r"\\u[0-9a-f]{4}|&#\d+;|\\x[0-9a-f]{2}|T\d\d:\d\d[\d:.+Z]*", " ", text)
    return re.findall(r"\d+", plain)


def try_output(bench: Bench, store: Path, name: str, output: str, plain: Ran) -> None:
    """Write to a stream that does not take it."""
    ran = bench.run(store, *COMMANDS[name], shell=output)
    bench.judge(ran._replace(err=ran.err or " " * 1 + "-"), output)
    can_succeed = OUTPUTS[output]
    if can_succeed and ran.code != plain.code:
        bench.report("another exit code", f"{output}: {first_line(ran)}")
    elif can_succeed and ran.out != plain.out:
        bench.report("another output", output)
    elif can_succeed is False and ran.code == 0:
        bench.report("exit 0 although nothing could be written", output)
    if "Exception ignored" in ran.err or ("Error" in ran.err and "trend:" not in ran.err):
        bench.report("noise on stderr", f"{output}: {ran.err[-200:]}")
