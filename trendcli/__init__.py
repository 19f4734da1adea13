"""trendcli: an honest tracker of research trends, as the command `trend` and as a library.

From Python, `open_store` opens a store, and the other functions build reports from it; see docs/reference/api.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trendcli.core import __version__

if TYPE_CHECKING:
    from trendcli.api import (
        Report,
        Store,
        acceptance,
        authors,
        chart,
        comparison,
        decomposition,
        library,
        open_store,
        series,
        submissions,
    )

__all__ = [
    "Report",
    "Store",
    "__version__",
    "acceptance",
    "authors",
    "chart",
    "comparison",
    "decomposition",
    "library",
    "open_store",
    "series",
    "submissions",
]


def __getattr__(name: str) -> Any:
    """Return a name of the library, imported on first use so that the command line does not pay for it."""
    if name not in __all__:
        raise AttributeError(f"module 'trendcli' has no attribute {name!r}")
    from trendcli import api

    return getattr(api, name)
