"""pyarrow as this program uses it; import it from here.

The first conversion of a Python list makes pyarrow import pandas, which takes 0.22 s of CPU where 3 ms would do, and
only a data frame is worth it. Importing this module makes pyarrow look for pandas once while it cannot be found;
whoever asks for a data frame later still gets one.
"""

from __future__ import annotations

import sys

import pyarrow as pa
import pyarrow.compute as pc


class _PandasBlocker:
    """An import finder that reports pandas as missing.

    pyarrow 26 has no switch for its look-up, and keeps the result where Python cannot set it. None in sys.modules, the
    plain way to hide a module, does not work: the compiled import of pyarrow takes None for pandas itself, and fails
    with AttributeError.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Raise ModuleNotFoundError for pandas, and leave any other module to the finders behind this one."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is hidden while pyarrow looks for it", name=name)


def _skip_pandas_lookup() -> None:
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _PandasBlocker)
        try:
            pa.array([None])
        finally:
            sys.meta_path.remove(_PandasBlocker)


def use_system_allocator() -> None:
    """Let the allocator of the system hold on to memory, in a process that works through many blocks of one size.

    Arrow's own returns it after each block and requests it again, page by page.
    """
    pa.set_memory_pool(pa.system_memory_pool())


_skip_pandas_lookup()

__all__ = ["pa", "pc", "use_system_allocator"]
