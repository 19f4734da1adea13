"""A stand-in of `gh release`, whose assets lie in a folder: `python -m tests.standins.github release …`.

$GH_RELEASE is the folder. $GH_FAULT names what goes wrong, as it does at GitHub:

- list, create, view, download, upload, delete: that request fails
- half: a download breaks off after half of its bytes; torn: the same, but nothing says so
- upload-half: an upload breaks off, and an asset remains that is not complete; upload-damaged: its bytes arrive changed
- empty: the assets are listed as none

$GH_FAULT_TIMES is how often (by default always).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path


def main(words: list[str]) -> int:
    """Run one command of gh, and return its exit code."""
    root = Path(os.environ["GH_RELEASE"])
    assert words[0] == "release", words
    command, arguments = words[1], words[2:]
    assert command == "list" or arguments[0] == "trend-store", words
    if command == "list":
        return _fail("list") or _print("trend-store" if root.is_dir() else "")
    if command == "create":
        if code := _fail("create"):
            return code
        root.mkdir(parents=True)  # fails where the tag exists
        return 0
    if command == "view":
        assert "--json" in words and ".name" in words[-1], words
        names = [] if _is_due("empty") else _list_assets(root, only_complete="uploaded" in words[-1])
        return _fail("view") or _print("\n".join(names))
    if command == "download":
        return _download(root, _option(words, "--pattern"), Path(_option(words, "--output")), "--clobber" in words)
    if command == "upload":
        return _upload(root, Path(arguments[1]))
    if command == "delete-asset":
        assert "--yes" in words, words
        if code := _fail("delete"):
            return code
        (root / arguments[1]).unlink()
        return 0
    raise AssertionError(words)


def _download(root: Path, name: str, target: Path, clobber: bool) -> int:
    if target.exists() and not clobber:
        return _complain(f"{target} already exists")
    if name not in _list_assets(root, only_complete=True):
        return _complain("no assets match the file pattern")
    if code := _fail("download"):
        return code
    content = (root / name).read_bytes()
    if _is_due("half"):
        target.write_bytes(content[: len(content) // 2])
        return _complain("unexpected EOF")
    target.write_bytes(content[: len(content) // 2] if _is_due("torn") else content)
    return 0


def _upload(root: Path, path: Path) -> int:
    if code := _fail("upload"):
        return code
    if (root / path.name).exists():
        return _complain("asset under the same name already exists")
    if _is_due("upload-half"):
        (root / f"{path.name}.starter").write_bytes(path.read_bytes()[:100])
        return _complain("HTTP 502: Bad Gateway (uploads.github.com)")
    if _is_due("upload-damaged"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        (root / path.name).write_bytes(content)
        return 0
    shutil.copy(path, root)
    return 0


def _list_assets(root: Path, *, only_complete: bool) -> list[str]:
    names = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    complete = [name for name in names if not name.endswith(".starter")]
    return complete if only_complete else [name.removesuffix(".starter") for name in names]


def _option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def _is_due(fault: str) -> bool:
    """Whether a fault shows now; each time is counted."""
    if fault not in os.environ.get("GH_FAULT", "").split(","):
        return False
    count_file = Path(os.environ["GH_RELEASE"]).with_suffix(".faults")
    counts = json.loads(count_file.read_text()) if count_file.exists() else {}
    counts[fault] = counts.get(fault, 0) + 1
    count_file.write_text(json.dumps(counts))
    return bool(counts[fault] <= int(os.environ.get("GH_FAULT_TIMES", "1000000")))


def _fail(fault: str) -> int:
    return _complain("error connecting to api.github.com") if _is_due(fault) else 0


def _complain(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def _print(text: str) -> int:
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
