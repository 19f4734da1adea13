"""pyarrow as this program uses it: import it from here.

The first conversion of a Python list makes pyarrow look for pandas, which takes 0.4 s that only a frame is worth.
Looking while it cannot be found settles the question; whoever asks for a frame later still gets one.
"""

from __future__ import annotations

import sys

import pyarrow as pa
import pyarrow.compute as pc


class _PandasBlocker:
    """An import finder that says pandas is not there."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not looked for yet", name=name)


def _skip_pandas_lookup() -> None:
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _PandasBlocker)
        try:
            pa.array([None])
        finally:
            sys.meta_path.remove(_PandasBlocker)


def use_system_allocator() -> None:
    """In a process that works through many blocks of a size: let the system's allocator hold on to their memory.

    Arrow's own gives it back after each block and asks for it again, page by page.
    """
    pa.set_memory_pool(pa.system_memory_pool())


_skip_pandas_lookup()

__all__ = ["pa", "pc", "use_system_allocator"]
