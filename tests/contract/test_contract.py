"""What scripts, notebooks and cron jobs rely on stays: flags, JSON keys, exit codes, public names, stores on disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import trendcli
from tests.commands import run
from tests.contract.record import COMMANDS, CONTRACT, STORE, flags, record_replies

# the commands run once, and not in every worker
pytestmark = pytest.mark.xdist_group("contract")


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    """The contract as it was recorded."""
    recorded: dict[str, Any] = json.loads(CONTRACT.read_text(encoding="utf-8"))
    return recorded


@pytest.fixture(scope="module")
def old_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a store that the first version wrote."""
    return Path(shutil.copytree(STORE, tmp_path_factory.mktemp("contract") / "store"))


@pytest.fixture(scope="module")
def replies(old_store: Path) -> dict[str, dict[str, Any]]:
    """What the commands of the contract reply on that store."""
    return record_replies(old_store)


def test_public_names_stay(contract: dict[str, Any]) -> None:
    assert set(contract["public names"]) <= set(trendcli.__all__)
    for name in trendcli.__all__:
        assert getattr(trendcli, name) is not None


def test_flags_stay(contract: dict[str, Any]) -> None:
    now = flags()
    gone = {name: set(spellings) - set(now.get(name, [])) for name, spellings in contract["flags"].items()}
    assert {name: spellings for name, spellings in gone.items() if spellings} == {}


@pytest.mark.parametrize("name", COMMANDS)
def test_json_keys_and_exit_codes_stay(name: str, contract: dict[str, Any], replies: dict[str, dict[str, Any]]) -> None:
    recorded = contract["answers"][name]
    assert replies[name]["code"] == recorded["code"]
    assert set(recorded["keys"]) - set(replies[name]["keys"]) == set()


def count_by_period(store: Path, *words: str) -> list[tuple[str, int, int]]:
    words = ("report", "-t", "gan", *words, "--store", str(store), "--format", "json")
    report = json.loads(run(*words).stdout)
    return [(row["period"], row["count"], row["base"]) for row in report["rows"]]


def test_a_store_of_the_first_version_opens_and_counts(old_store: Path) -> None:
    assert count_by_period(old_store, "--by", "year", "--until", "2020") == [("2018", 6, 20), ("2019", 8, 20)]
    assert count_by_period(old_store, "--corpus", "iclr") == [("2020", 20, 20)]  # every one has the keyword
    assert count_by_period(old_store, "--corpus", "iclr", "--fields", "title") == [("2020", 5, 20)]
