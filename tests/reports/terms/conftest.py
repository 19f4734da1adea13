"""Stores that several tests of terms read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.terms.worlds import fill_venue, planted_world
from tests.worlds import fill
from trendcli.store.store import Store


@pytest.fixture(scope="session")
def planted_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of `planted_world`."""
    return fill(tmp_path_factory.mktemp("planted") / "store", planted_world()).root


@pytest.fixture(scope="session")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2021: 40 of 50 on transformers accepted, 60 of 250 others, 30 withdrawn; 12 of the others on Deep-Learning."""
    rows = [
        (
            "poster" if n < 40 else "rejected",
            f"Vision transformers x{n}y",
            f"vision transformer{'s' * (n % 5 == 0)}; self-attention",
        )
        for n in range(50)
    ]
    rows += [
        (
            "poster" if n < 60 else "rejected",
            f"On nothing x{n}z",
            "deep learning; nothing at all" if n < 12 else f"Kernel-Methods; k{n}",
        )
        for n in range(250)
    ]
    rows += [("withdrawn", "Vision transformers", "vision transformers")] * 30
    root = tmp_path_factory.mktemp("venue") / "store"
    fill_venue(Store.open_or_create(root / "venues" / "toy", corpus="toy"), 2021, rows)
    return root
