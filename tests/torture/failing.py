"""The code that makes a program's disk fail, put before it as its sitecustomize: it stands alone, for any program.

TORTURE_FAULT is JSON: `kind` of call ('write', 'sync', 'rename', 'new', 'folder'), its `number`, the `errno` to raise,
whether all later ones fail too (`stays`), and the `root` below which they do. `log` gets a line with the kind of each call.
"""

from __future__ import annotations

import builtins
import io
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

_fault: Any = json.loads(os.environ.get("TORTURE_FAULT") or "null")
_counts: dict[str, int] = {}
_log = os.open(_fault["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND) if _fault else -1


def _check(kind: str, path: object) -> None:
    """Count a call and fail where its turn has come."""
    number = _counts[kind] = _counts.get(kind, 0) + 1
    os.write(_log, f"{kind}\n".encode())
    is_due = number > _fault["number"] if _fault["stays"] else number == _fault["number"] + 1
    if kind in _fault["kinds"] and is_due:
        raise OSError(_fault["errno"], os.strerror(_fault["errno"]), str(path) if path is not None else None)


def _is_below(path: Any) -> bool:
    try:
        return os.path.abspath(os.fsdecode(path)).startswith(str(_fault["root"]))  # noqa: PTH100 - no link is followed
    except TypeError:
        return False  # a file descriptor


class _Stream:
    """A file whose writes are counted."""

    def __init__(self, stream: Any, path: object) -> None:
        self._stream, self._path = stream, path

    def write(self, data: Any) -> Any:
        _check("write", self._path)
        return self._stream.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)


def _install() -> None:
    real_open, real_os_open, real_sync = io.open, os.open, os.fsync
    real: dict[str, Any] = {name: getattr(os, name) for name in ("replace", "rename", "mkdir")}

    def opened(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if set(mode) & set("wax+") and _is_below(file):
            _check("new", file)
            return _Stream(real_open(file, mode, *args, **options), file)
        return real_open(file, mode, *args, **options)

    def os_opened(path: Any, flags: int, *args: Any, **options: Any) -> Any:
        if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR) and _is_below(path):
            _check("new", path)
        return real_os_open(path, flags, *args, **options)

    def sync(handle: Any) -> None:
        _check("sync", None)
        real_sync(handle)

    def renamed(name: str) -> Callable[..., Any]:
        def call(source: Any, target: Any, *args: Any, **options: Any) -> Any:
            if _is_below(target):
                _check("rename", target)
            return real[name](source, target, *args, **options)

        return call

    def made(path: Any, *args: Any, **options: Any) -> Any:
        if _is_below(path):
            _check("folder", path)
        return real["mkdir"](path, *args, **options)

    io.open = builtins.open = opened
    os.open, os.fsync, os.mkdir = os_opened, sync, made  # type: ignore[assignment]
    os.replace, os.rename = renamed("replace"), renamed("rename")


if _fault:
    _install()
