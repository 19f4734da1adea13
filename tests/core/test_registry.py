from __future__ import annotations

import pytest

from trendcli.core.registry import CHARTS, FORMATS, REMAPPERS, REPORTS, SOURCES, RegistryEntry, load_entry

ENTRIES = {**SOURCES, **FORMATS, **REPORTS, **REMAPPERS, **CHARTS}


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_can_be_imported(name: str) -> None:
    assert callable(load_entry(ENTRIES[name]))
    assert ENTRIES[name].help


def test_an_entry_is_module_and_attribute() -> None:
    assert load_entry(RegistryEntry("json:dumps", "")) is __import__("json").dumps
