from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import run
from tests.worlds import fill, paper
from trendcli.cli.base import CommonOptions
from trendcli.cli.commands.doctor import _read_monthly_totals
from trendcli.core.errors import UsageError

PAPERS = [paper("1801.00001", "2018-01-05")]


def test_doctor_compares_with_monthly_totals_of_a_file(store: Path, tmp_path: Path) -> None:
    assert run("doctor", "--store", store).exit_code == 0
    (tmp_path / "totals.csv").write_text("month,submissions\n2018-01,84\n")
    assert _read_monthly_totals(CommonOptions(), str(tmp_path / "totals.csv")) == {"2018-01": 84}
    with pytest.raises(UsageError, match="Cannot read .*none.csv: No such file or directory."):
        _read_monthly_totals(CommonOptions(), str(tmp_path / "none.csv"))
    refused = run("doctor", "--store", store, "--totals", "arxiv", "--corpus", "iclr")
    assert refused.exit_code == 2 and "--totals applies to arXiv only" in refused.stderr


def list_findings(*words: object) -> list[tuple[str, str]]:
    return [(row["what"], row["where"]) for row in json.loads(run("doctor", *words, "--format", "json").stdout)["rows"]]


def test_without_a_corpus_all_of_them_are_checked(tmp_path: Path) -> None:
    fill(tmp_path, PAPERS)
    venue = fill(tmp_path / "venues" / "iclr", PAPERS, corpus="iclr")
    assert list_findings("--store", tmp_path) == []
    path = venue.file_path(venue.manifest.files[0])
    path.write_bytes(b"PAR1")
    damage = "damaged: its content does not match its hash"
    assert list_findings("--store", tmp_path) == [(damage, f"venues/iclr/{venue.manifest.files[0].path}")]
    assert list_findings("--store", tmp_path, "--corpus", "arxiv") == []
    assert list_findings("--store", tmp_path, "--corpus", "iclr") == [(damage, venue.manifest.files[0].path)]
    fixed = run("doctor", "--fix", "--store", tmp_path)
    assert "iclr: Moved iclr/months/2018-01" in fixed.stderr


def test_where_there_are_only_venues_arxiv_is_not_missed(tmp_path: Path) -> None:
    fill(tmp_path / "venues" / "iclr", PAPERS, corpus="iclr")
    assert run("doctor", "--store", tmp_path).exit_code == 0
    assert run("doctor", "--store", tmp_path / "none").exit_code == 4


@pytest.mark.parametrize("corpus", ["arxiv", "iclr"])
def test_a_lost_manifest_is_a_finding_and_made_again(tmp_path: Path, corpus: str) -> None:
    fill(tmp_path, PAPERS)
    venue = fill(tmp_path / "venues" / "iclr", PAPERS, corpus="iclr")
    root = tmp_path if corpus == "arxiv" else venue.root
    (root / "manifest.json").unlink()
    ((what, where),) = list_findings("--store", tmp_path)
    assert "manifest.json is missing" in what and where.endswith("manifest.json")
    rebuilt = run("doctor", "--rebuild", "--store", tmp_path)
    assert rebuilt.exit_code == 0 and "Rebuilt the manifest at generation 1" in rebuilt.stderr
    assert run("status", "--corpus", corpus, "--store", tmp_path).exit_code == 0
